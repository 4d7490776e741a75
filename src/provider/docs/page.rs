//! One page per type and face.

use std::fmt::Write as _;

use super::reference;
use crate::cloud;
use crate::framework::Schema;
use crate::services::{Everyone, Spec};

/// A face of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Face {
    Resource,
    DataSource,
    Ephemeral,
    Action,
}

impl Face {
    pub(super) const ALL: [Face; 4] =
        [Face::Resource, Face::DataSource, Face::Ephemeral, Face::Action];

    pub(super) fn type_name(self, spec: &Spec) -> String {
        let verb = if self == Face::DataSource { "list" } else { "termination" };
        format!("session_{verb}_{}", spec.name)
    }

    /// The folder below `docs/` and `examples/`.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Face::Resource => "resources",
            Face::DataSource => "data-sources",
            Face::Ephemeral => "ephemeral-resources",
            Face::Action => "actions",
        }
    }

    /// The example's file name without its ending.
    pub(super) fn file(self) -> &'static str {
        match self {
            Face::Resource => "resource",
            Face::DataSource => "data-source",
            Face::Ephemeral => "ephemeral-resource",
            Face::Action => "action",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Face::Resource => "Resource",
            Face::DataSource => "Data Source",
            Face::Ephemeral => "Ephemeral Resource",
            Face::Action => "Action",
        }
    }
}

/// The page of one face of one service.
pub(super) fn page(face: Face, spec: &Spec, schema: &Schema, example: &str) -> String {
    let name = face.type_name(spec);
    let title = face.title();
    let cloud = cloud::find(spec.cloud).map_or("", |cloud| cloud.title());
    let description = &schema.block.description;
    let mut text = format!(
        "---\npage_title: \"{name} {title} - session\"\nsubcategory: \"{cloud}\"\ndescription: |-\n  {description}\n---\n\n# {name} ({title})\n\n{description}\n\n{}\n",
        spec.about
    );
    if face != Face::DataSource {
        let _ = write!(
            text,
            "\n!> **It cuts connections.** Whoever holds a selected {} loses it at once, in the middle of whatever was going on. Use `protect`, `max_sessions` and `dry_run` until you are sure, and read the preview in the plan.\n",
            spec.session
        );
    }
    let _ = write!(text, "\n{}\n\n## Example Usage\n\n```terraform\n{example}```\n", acts(face));
    if face != Face::DataSource {
        let _ = write!(text, "\n## What the API Can Do\n\n{}", abilities(spec));
    }
    let _ = write!(text, "\n## Permissions\n\n{}", permissions(face, spec));
    let _ = write!(text, "\n{}", reference::section(&schema.block));
    if face == Face::Resource {
        text.push_str("\n## Import\n\nImport is not possible: the block stands for runs that terminate sessions, not for an object in the cloud. Write the block and apply it.\n");
    }
    text
}

/// What plan, apply and destroy do.
fn acts(face: Face) -> &'static str {
    match face {
        Face::Resource => {
            "## When It Acts\n\n\
            | what happens in Terraform | `when = \"apply\"` | `when = \"destroy\"` | `when = \"both\"` |\n\
            |---|---|---|---|\n\
            | create | terminates | only writes state | terminates |\n\
            | change of the selection or of `triggers` | terminates, in place | only writes state | terminates, in place |\n\
            | change of guards, conduct, `when`, `timeouts` | only writes state | only writes state | only writes state |\n\
            | change of the target | replaced: the new target's sessions go | replaced: the old target's sessions go | replaced: both |\n\
            | destroy, or removal from the configuration | only forgets | terminates | terminates |\n\
            | refresh, no change, upgrade of the provider | nothing | nothing | nothing |\n\n\
            A plan terminates nothing. Where a run is pending it lists, as a warning, the sessions that would go now; which are meant is resolved again when it acts.\n\n\
            If selected sessions survive, the run is an error: a create or update is tried again by the next apply, and a destroy fails, so the resource and everything it depends on stay. \
            Let the block refer to the instance whose sessions it ends, and a destroy ends them before the instance goes."
        }
        Face::DataSource => {
            "It is read in every plan, as any data source, and changes nothing anywhere."
        }
        Face::Ephemeral => {
            "## When It Acts\n\n\
            ~> It acts in **every** apply, also when nothing changes. Terraform opens ephemeral resources in plans too, so `applying` must be `terraform.applying`: with `false` it only lists.\n\n\
            | command | what it does |\n|---|---|\n\
            | `plan`, `refresh`, the plan within `apply` | lists and selects, terminates nothing |\n\
            | `apply` | terminates on open, or on close with `when = \"close\"` |\n\
            | `terraform destroy` | nothing: `terraform.applying` is false there |\n\
            | `tofu destroy` | nothing, unless a provider block that the destroy needs refers to it |\n\
            | `tofu apply` (1.12 and newer) | nothing, unless something refers to it |\n\n\
            With `when = \"close\"` the sessions go when everything that refers to the block is done and, if Terraform never closes it because of an error or an interrupt, when the provider shuts down. \
            To end sessions before a teardown, use the managed resource of the same name.\n\n\
            Needs Terraform 1.10 or OpenTofu 1.11."
        }
        Face::Action => {
            "## When It Acts\n\n\
            When an event of another resource fires (`action_trigger` in its `lifecycle`), or by hand with `terraform apply -invoke=action.TYPE.NAME`. A plan only previews. Nothing is kept in state.\n\n\
            | event | since |\n|---|---|\n\
            | `before_create`, `after_create`, `before_update`, `after_update`, `-invoke` | Terraform 1.14 |\n\
            | `before_destroy`, `after_destroy` | Terraform 1.16 |\n\n\
            ~> On `terraform destroy` a failing action is only a warning, and before 1.16 actions do not run there at all. To hold back a destroy, use the managed resource of the same name. OpenTofu has no actions."
        }
    }
}

/// What the service's API can end in one call.
fn abilities(spec: &Spec) -> String {
    let session = spec.session;
    let mut text = String::new();
    let _ = match spec.limits.batch {
        0 => writeln!(
            text,
            "- It cannot terminate single {session}s: `session_ids` and `match` are refused, and while a protected {session} is live nothing is terminated."
        ),
        1 => writeln!(text, "- It takes one {session} per call; calls are made in parallel."),
        batch => writeln!(text, "- Chosen {session}s go in calls of up to {batch}."),
    };
    let _ = match spec.limits.everyone {
        Everyone::Never => {
            writeln!(text, "- It has no call that ends everyone: `all = true` lists and ends each.")
        }
        Everyone::Target => writeln!(text, "- One call ends everyone on the target."),
        Everyone::NodeOrTarget => writeln!(
            text,
            "- One call ends everyone on a node or on the whole target. It is only used for `all = true` without `protect` and `max_sessions`, since it would also end sessions that nobody has looked at."
        ),
    };
    let _ = writeln!(text, "- The vendor's page: <{}>.", spec.documentation);
    text
}

/// What the cloud must grant, as ready policies.
fn permissions(face: Face, spec: &Spec) -> String {
    let mut actions = spec.permissions.list.to_vec();
    if face != Face::DataSource {
        actions.extend(spec.permissions.terminate);
    }
    cloud::find(spec.cloud).map_or_else(String::new, |cloud| cloud.policies(&actions))
}
