//! The provider's own page: every way to log in.

use std::fmt::Write as _;

use super::reference;
use crate::cloud;
use crate::framework::Schema;
use crate::services;

/// `docs/index.md`.
pub(super) fn page(schema: &Schema, example: &str) -> String {
    let description = &schema.block.description;
    let mut text = format!(
        "---\npage_title: \"session Provider\"\ndescription: |-\n  {description}\n---\n\n# session Provider\n\n{description} It knows which sessions it is about to end before it ends them, makes sure that they are gone, and can hold back the destruction of what is behind them while they are not.\n\n!> **It cuts connections.** A selected session ends at once. Plans show who would go; `dry_run = true` in the provider block switches all terminations off.\n\n## Services\n\n| service | ends | of |\n|---|---|---|\n"
    );
    for service in services::ALL {
        let spec = service.spec();
        let _ = writeln!(text, "| `{}` | {}s | {} |", spec.name, spec.session, spec.title);
    }
    let _ = write!(
        text,
        "\nEvery service has four blocks with the same arguments:\n\n\
        | block | for |\n|---|---|\n\
        | `resource \"session_termination_<service>\"` | teardown, rotation, anything that must have happened before something else; the only one that can hold back a destroy |\n\
        | `ephemeral \"session_termination_<service>\"` | every apply, without a trace in state (Terraform 1.10, OpenTofu 1.11) |\n\
        | `action \"session_termination_<service>\"` | around a change of another resource, or by hand (Terraform 1.14) |\n\
        | `data \"session_list_<service>\"` | looking, without ending anything |\n\n\
        ## Example Usage\n\n```terraform\n{example}```\n\n## Authentication\n\nArguments, environment variables, profile files and their precedence are those of each cloud's own Terraform provider. A cloud's credentials are only looked for when one of its services is used. Secrets never reach the state, a message or a log.\n"
    );
    for cloud in cloud::ALL {
        let _ = write!(text, "\n### {}\n\n{}\n", cloud.title(), cloud.logins());
    }
    let _ = write!(text, "\n{}", reference::section(&schema.block));
    text
}
