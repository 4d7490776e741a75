//! One page per type and face.

use std::fmt::Write as _;

use super::reference;
use crate::access;
use crate::framework::Schema;
use crate::services::{Everyone, Spec, Width};

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

    /// The word that begins its block.
    fn keyword(self) -> &'static str {
        match self {
            Face::Resource => "resource",
            Face::DataSource => "data",
            Face::Ephemeral => "ephemeral",
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
    let platform = access::find(spec.platform).map_or("", |platform| platform.title());
    let description = &schema.block.description;
    let mut text = format!(
        "---\npage_title: \"{name} {title} - session\"\nsubcategory: \"{platform}\"\ndescription: |-\n  {description}\n---\n\n# {name} ({title})\n\n{description}\n\n{}",
        spec.about
    );
    if face == Face::DataSource {
        text.push('\n');
    } else {
        let _ = write!(text, " {}\n\n!> {} {}\n", spec.ending, warning(spec), caution(face, spec));
    }
    let _ =
        write!(text, "\n{}\n\n## Example Usage\n\n```terraform\n{example}```\n", acts(face, spec));
    if face != Face::DataSource {
        let _ = write!(text, "\n## What the API Can Do\n\n{}", abilities(spec));
    }
    let _ = write!(text, "\n## Permissions\n\n{}", permissions(face, spec));
    let _ = write!(text, "\n{}", reference::section(&schema.block));
    if face == Face::Resource {
        text.push_str("\n## Import\n\nImport is not possible: the block stands for runs that terminate sessions, not for an object that is anywhere. Write the block and apply it.\n");
    }
    let _ = write!(text, "\n## See Also\n\n{}", links(face, spec));
    text
}

/// What a run does to people.
fn warning(spec: &Spec) -> String {
    spec.warning.map_or_else(
        || format!("**It cuts connections.** Whoever holds a selected {} loses it at once, in the middle of whatever was going on.", spec.session),
        str::to_owned,
    )
}

/// How to be careful on this face.
fn caution(face: Face, spec: &Spec) -> String {
    match face {
        Face::Resource => "Use `protect` and `max_sessions`, and read the preview in the plan; `terraform plan -destroy` has that of a destroy. A dry run holds nothing back: in a destroy the resource leaves the state, and what it depends on is destroyed, with everybody still connected.".to_owned(),
        Face::Action => "Use `protect`, `max_sessions` and `dry_run` until you are sure, and read the preview in the plan.".to_owned(),
        Face::Ephemeral => format!(
            "Use `protect`, `max_sessions` and `dry_run` until you are sure. A plan does not show who would go: look with `data \"{}\"`.",
            Face::DataSource.type_name(spec)
        ),
        Face::DataSource => String::new(),
    }
}

/// The same service's other pages, and what to read on.
fn links(face: Face, spec: &Spec) -> String {
    let mut text = String::new();
    for other in Face::ALL.into_iter().filter(|other| *other != face) {
        let name = other.type_name(spec);
        let page = name.trim_start_matches("session_");
        let _ =
            writeln!(text, "- [`{} \"{name}\"`](../{}/{page}.md)", other.keyword(), other.folder());
    }
    let guides: &[&str] = match face {
        Face::Resource => &["choosing", "tearing-down", "rotating-credentials", "audit-log"],
        Face::Action => &["choosing", "rotating-credentials", "audit-log"],
        Face::Ephemeral => &["choosing", "audit-log"],
        Face::DataSource => &["choosing"],
    };
    for (name, title) in GUIDES.iter().filter(|(name, _)| guides.contains(name)) {
        let _ = writeln!(text, "- [{title}](../guides/{name}.md)");
    }
    text.push_str("- [Logging in, and the provider block](../index.md)\n");
    text
}

/// The guides below `docs/guides/`: file and title, in the order of reading. A test compares them
/// with what is there.
pub(super) const GUIDES: [(&str, &str); 11] = [
    ("choosing", "Choosing a block"),
    ("tearing-down", "Tearing down an environment"),
    ("dropping-a-database", "Dropping a database"),
    ("rotating-credentials", "Rotating credentials"),
    ("several-states", "A teardown over several states"),
    ("every-region", "One block for all regions"),
    ("testing", "Testing your module"),
    ("audit-log", "The audit log"),
    ("sandbox", "Trying it on your own machine"),
    ("migrating", "Migrating from huaweicloud_*_kill"),
    ("verified", "What is verified, and how"),
];

/// The arguments that name the target, for a sentence.
fn target(spec: &Spec) -> String {
    let names = spec.regional.then_some("region").into_iter();
    let names = names.chain(spec.inputs.iter().map(|input| input.name));
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The row of the table for a target that becomes a part of itself, where there can be one.
fn narrowing(spec: &Spec) -> String {
    let input = |name: &str| spec.inputs.iter().any(|input| input.name == name);
    let how = match spec.width {
        Some(Width { whole, part }) => format!("`{part}` instead of `{whole}`"),
        None if input("node_id") => "`node_id` added to the same `instance_id`".to_owned(),
        None => return String::new(),
    };
    format!(
        "| {how}, a part of the same target | terminates there, in place | only writes state | terminates there, in place |\n"
    )
}

/// What plan, apply and destroy do.
fn acts(face: Face, spec: &Spec) -> String {
    match face {
        Face::Resource => format!(
            "## When It Acts\n\n\
            | what happens in Terraform | `when = \"apply\"` | `when = \"destroy\"` | `when = \"both\"` |\n\
            |---|---|---|---|\n\
            | create | terminates | only writes state | terminates |\n\
            | change of `session_ids`, `all`, `match` or `triggers` | terminates, in place | only writes state | terminates, in place |\n\
            | change of `protect`, `max_sessions`, `dry_run`, `drain`, `quiet`, `verify`, `on_failure`,{} `when` or `timeouts` | only writes state | only writes state | only writes state |\n\
            | change of {} | replaced: the new target's sessions go | replaced: the old target's sessions go | replaced: both |\n{}\
            | destroy, or removal from the configuration | removes it from the state, terminates nothing | terminates | terminates |\n\
            | refresh, no change, upgrade of the provider | nothing | nothing | nothing |\n\n\
            A plan terminates nothing. {PREVIEW}\n\n\
            If selected sessions survive, the run is an error. After an update the next apply tries again for what is left. A create comes back as tainted: the next apply replaces it, which is the second try, and with `when = \"both\"` that begins with a destroy, with the arguments in the state; `terraform untaint` keeps it, and the next apply then runs for what is left. A destroy fails, so the resource and everything it depends on stay.\n\n\
            The target is looked at once, at create and where it is narrowed to a part of itself: one that is not there is an error, and `target_seen` tells what was seen.\n\n\
            A destroy reads its arguments from the state: apply a change of them before you destroy. Where that is no longer possible, [let it go](../guides/tearing-down.md#a-destroy-that-is-held-back). Let the block refer to the instance whose sessions it ends, and a destroy ends them before the instance goes.",
            if spec.answers_itself { " `on_unreachable`," } else { "" },
            target(spec),
            narrowing(spec)
        ),
        Face::DataSource => "It is read in every plan, as any data source, and changes nothing anywhere. A root output of `sessions` changes with every plan, since ages and idle times do: `plan -detailed-exitcode` is 2 each time. To act on what is listed, write its criteria as `match` of a termination, which is resolved when it acts, rather than pass on `session_ids`: an empty set of these is refused.".to_owned(),
        Face::Ephemeral => {
            "## When It Acts\n\n\
            ~> It acts in **every** apply, also when nothing changes. Terraform opens ephemeral resources in plans too, so `applying` must be `terraform.applying`: with `false` it only lists.\n\n\
            | command | what it does |\n|---|---|\n\
            | `plan`, `refresh`, the plan within `apply` | lists and selects, terminates nothing |\n\
            | `apply` | terminates on open, or on close with `when = \"close\"` |\n\
            | `terraform apply -refresh-only` | the same: **it terminates** |\n\
            | `terraform destroy` | lists in its plan and terminates nothing: `terraform.applying` is false there |\n\
            | `tofu destroy` | nothing, unless a provider block that the destroy needs refers to it |\n\
            | `tofu apply` (1.12 and newer) | nothing, unless something *that this apply changes* refers to it; so nothing with `-refresh-only` |\n\
            | `tofu plan -refresh-only` (1.11) | the core refuses every such plan with an ephemeral in the configuration |\n\n\
            Under OpenTofu 1.12 let something refer to it that changes in every apply in which it shall act: a `terraform_data` with `triggers_replace`, whose provisioner takes an attribute of the block. The scenario `maintenance-ephemeral` in the project's `examples/scenarios` is one. In a plan, no core tells the provider whether the apply will open the block; so the plan lists, and promises nothing.\n\n\
            With `when = \"close\"` the sessions go when everything that refers to the block is done and, if Terraform never closes it because of an error or an interrupt, when the provider shuts down. A close that is interrupted is finished then, too; OpenTofu calls one that takes more than ten seconds timed out, and it is. \
            What the shutdown did is only in the [audit log](../guides/audit-log.md) and, with `TF_LOG_PROVIDER=INFO`, in the log: it changes neither output nor exit code. It takes at most `timeout`; another Ctrl-C, or SIGTERM to the provider, ends it sooner. \
            To end sessions before a teardown, use the managed resource of the same name.\n\n\
            Needs Terraform 1.10, OpenTofu 1.11, or newer."
                .to_owned()
        }
        Face::Action => format!(
            "## When It Acts\n\n\
            When an event of another resource fires (`action_trigger` in its `lifecycle`), or by hand with `terraform apply -invoke=action.TYPE.NAME`. A plan terminates nothing, and nothing is kept in state. {PREVIEW}\n\n\
            | event | since |\n|---|---|\n\
            | `before_create`, `after_create`, `before_update`, `after_update`, `-invoke` | Terraform 1.14 |\n\
            | `before_destroy`, `after_destroy` | Terraform 1.16 |\n\n\
            An action that fails before a change stops it, and the next apply tries both again; but an old object that `create_before_destroy` has left deposed is then destroyed without it. One that fails after a change is not tried again, because the change is done: invoke it by hand. A saved plan of `-invoke` can be applied again and again, and runs each time. What depends on the resource waits for its `after_create` actions from Terraform 1.16 on; 1.14 and 1.15 go on at once.\n\n\
            ~> `before_destroy` holds back a replacement, and what `count` drops, but no `terraform destroy`: there a failing action is only a warning and the object goes, whatever `on_failure` of the trigger says. It does not run at all where the resource's block is taken out of the configuration, by `removed`, or for a deposed object. With `for_each` on both, the action of a key that is dropped is gone as well: write one action, and take what it needs from `caller`. To hold back a destroy, use the managed resource of the same name. OpenTofu has no actions.\n\nA core puts one summary over the warnings of all actions, and folds those of several blocks into one (\"and 1 more similar warning elsewhere\"). To see the preview of each, plan with `-target`, or look with the data source."
        ),
    }
}

/// What a plan shows of a pending run.
const PREVIEW: &str = "Where a run is pending a plan lists, as a warning, the sessions that would go now; which are meant is resolved again when it acts. A core drops that of a replacement which only `-replace`, `replace_triggered_by` or a taint causes. Values that are marked as sensitive are printed: the marks do not reach a provider. A plan waits 10 seconds at most for all previews of one provider process (each alias, and each key of a provider's `for_each`, is one): 3 seconds for a first answer and 5 for each. It takes the permission to list, and `plan_preview = false` in the provider block turns it off.";

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
        Everyone::Target => writeln!(
            text,
            "- One call ends everyone on the target. `protect` and `max_sessions` are checked on a list taken just before; whoever connects after it is ended too."
        ),
        Everyone::NodeOrTarget => writeln!(
            text,
            "- One call ends everyone on a node or on the whole target. It is only used for `all = true` without `protect` and `max_sessions`, since it would also end sessions that were not listed."
        ),
    };
    let _ = writeln!(text, "- The vendor's page: <{}>.", spec.documentation);
    text
}

/// What must be granted, ready to be used.
fn permissions(face: Face, spec: &Spec) -> String {
    let mut actions = spec.permissions.list.to_vec();
    if face != Face::DataSource {
        actions.extend(spec.permissions.terminate);
    }
    access::find(spec.platform).map_or_else(String::new, |platform| platform.policies(&actions))
}
