//! The provider's own page: what it is for, how to get it, every way to log in.

use std::fmt::Write as _;

use super::page::{Face, GUIDES};
use super::{example, reference};
use crate::access;
use crate::framework::Schema;
use crate::services;

/// `docs/index.md`.
pub(super) fn page(schema: &Schema) -> String {
    let description = &schema.block.description;
    let mut text = format!(
        "---\npage_title: \"session Provider\"\ndescription: |-\n  {description}\n---\n\n# session Provider\n\n{description} It knows which sessions it is about to end before it ends them, makes sure that they are gone, and can hold back the destruction of what is behind them while they are not.\n\n!> **It cuts connections.** A selected session ends at once. For resources and actions the plan shows who would go. `dry_run = true` in the provider block switches all terminations off, and holds nothing back: what a termination depends on is destroyed with everybody still connected.\n\n## Services\n\n| service | ends | of |\n|---|---|---|\n"
    );
    for service in services::ALL {
        let spec = service.spec;
        let page = format!("{}/termination_{}.md", Face::Resource.folder(), spec.name);
        let _ =
            writeln!(text, "| [`{}`]({page}) | {}s | {} |", spec.name, spec.session, spec.title);
    }
    let _ = write!(
        text,
        "\nEvery service has four blocks. The three that terminate share the arguments for target, selection and guards; the data source takes target and `match`.\n\n\
        | block | for | needs |\n|---|---|---|\n\
        | `resource \"session_termination_<service>\"` | teardown, rotation, anything that must have happened before something else; the only one that can hold back a destroy | Terraform 1.0, OpenTofu 1.6 |\n\
        | `ephemeral \"session_termination_<service>\"` | every apply, without a trace in state | Terraform 1.10, OpenTofu 1.11 |\n\
        | `action \"session_termination_<service>\"` | around a change of another resource, or by hand | Terraform 1.14 |\n\
        | `data \"session_list_<service>\"` | looking, without ending anything | Terraform 1.0, OpenTofu 1.6 |\n\n\
        Newer versions do as well. Which were run in tests stands in [What is verified, and how](guides/verified.md).\n\n\
        ## Example Usage\n\n```terraform\n{}```\n\n\
        `terraform init` installs it. Releases are signed, and there is one for Linux (amd64, arm64), macOS (amd64, arm64) and Windows (amd64).\n\n\
        ## Guides\n\n",
        example::whole()
    );
    for (name, title) in GUIDES {
        let _ = writeln!(text, "- [{title}](guides/{name}.md)");
    }
    text.push_str(
        "\n## Authentication\n\nArguments, environment variables, profile files and their precedence are those of each cloud's or database's own Terraform provider. Credentials are only looked for, and a server is only connected to, when a block needs it. What they must be granted stands on each block's page, ready to be used. Secrets never reach the state, a message or a log.\n",
    );
    for platform in access::ALL {
        let _ = write!(text, "\n### {}\n\n{}\n", platform.title(), platform.logins());
    }
    text.push_str(
        "\n## Network and Log\n\nCalls go through the proxy of `HTTPS_PROXY`, except to the hosts of `NO_PROXY`, read by the rules of Go (`name` and all below it, `.name` or `*.name` for what is below, an address, a network, each with `:port` if need be); loopback and the metadata service are always called directly. `TF_LOG_PROVIDER_SESSION` sets the log level of this provider alone (`ERROR` to `TRACE`), before `TF_LOG_PROVIDER` and `TF_LOG`; but the core prints only what one of these two lets through, so set one as well: `TF_LOG_PROVIDER=TRACE TF_LOG_PROVIDER_SESSION=DEBUG`.\n",
    );
    let _ = write!(text, "\n{}", reference::section(&schema.block));
    text
}
