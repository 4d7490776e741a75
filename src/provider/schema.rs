//! Turns a service's description into Terraform schemas, written once for all faces.
//!
//! Nothing here has a computed default: an upgrade of the provider must never plan a change.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::framework::{Attribute, Block, Kind, Mode, NestedBlock, Nesting, Schema, Type};
use crate::services::{Criterion, Shape, Spec, Unit, Width};

type Attributes = BTreeMap<String, Attribute>;

/// The schema of `resource "session_termination_<service>"`.
pub(super) fn resource(spec: &Spec) -> Schema {
    let mut attributes = termination(spec, Mode::OptionalComputed);
    conduct(&mut attributes, DRY_RUN_RESOURCE, ON_FAILURE_RESOURCE);
    add(&mut attributes, "id", Mode::Computed, Type::String, ID);
    if spec.answers_itself {
        add(&mut attributes, "on_unreachable", Mode::Optional, Type::String, ON_UNREACHABLE);
    }
    add(&mut attributes, "target_seen", Mode::Computed, Type::Bool, TARGET_SEEN);
    add(&mut attributes, "when", Mode::Required, Type::String, WHEN);
    add(&mut attributes, "triggers", Mode::Optional, Type::Map(Box::new(Type::String)), TRIGGERS);
    attributes.insert("last_run".into(), last_run(LAST_RUN));
    let timeouts = ["create", "update", "delete"].map(|operation| {
        let text =
            format!("How long a run on {operation} may take, like `\"90s\"`. Default `\"5m\"`.");
        (operation.to_owned(), Attribute::plain(Type::String, Mode::Optional, text))
    });
    let timeouts = NestedBlock {
        nesting: Nesting::Single,
        block: Block {
            description: "How long each operation may take.".into(),
            attributes: timeouts.into(),
            blocks: BTreeMap::new(),
        },
        min_items: 0,
        max_items: 0,
    };
    let description = format!(
        "Terminates {}s of {} when it is applied, destroyed, or both.",
        spec.session, spec.title
    );
    Schema {
        version: 0,
        block: Block {
            description,
            attributes,
            blocks: [("timeouts".to_owned(), timeouts)].into(),
        },
    }
}

/// The schema of `data "session_list_<service>"`.
pub(super) fn data_source(spec: &Spec) -> Schema {
    let mut attributes = target(spec, Mode::OptionalComputed);
    attributes.insert("match".into(), filter(spec, MATCH_LIST));
    add(&mut attributes, "timeout", Mode::Optional, Type::String, LIST_TIMEOUT);
    attributes.insert("sessions".into(), sessions(spec, "Live sessions, sorted by node and id."));
    add(&mut attributes, "session_ids", Mode::Computed, set_of_text(), "The ids of `sessions`.");
    add(&mut attributes, "total", Mode::Computed, Type::Number, "How many `sessions` there are.");
    of(
        format!("Lists the live {}s of {}. Terminates nothing.", spec.session, spec.title),
        attributes,
    )
}

/// The schema of `ephemeral "session_termination_<service>"`.
pub(super) fn ephemeral_resource(spec: &Spec) -> Schema {
    let mut attributes = termination(spec, Mode::OptionalComputed);
    conduct(&mut attributes, "", ON_FAILURE_EPHEMERAL);
    add(&mut attributes, "applying", Mode::Required, Type::Bool, APPLYING);
    add(&mut attributes, "when", Mode::Optional, Type::String, WHEN_EPHEMERAL);
    add(&mut attributes, "timeout", Mode::Optional, Type::String, TIMEOUT);
    attributes.insert("last_run".into(), last_run(LAST_RUN_EPHEMERAL));
    attributes.insert(
        "sessions".into(),
        sessions(
            spec,
            "The sessions that it saw when it opened; null where a plan could not list them.",
        ),
    );
    of(
        format!(
            "Terminates {}s of {} in every apply, and leaves nothing in state.",
            spec.session, spec.title
        ),
        attributes,
    )
}

/// The schema of `action "session_termination_<service>"`.
pub(super) fn action(spec: &Spec) -> Schema {
    let mut attributes = termination(spec, Mode::Optional);
    conduct(&mut attributes, "", ON_FAILURE_ACTION);
    add(&mut attributes, "timeout", Mode::Optional, Type::String, TIMEOUT);
    of(
        format!(
            "Terminates {}s of {} when an event of another resource fires, or by hand.",
            spec.session, spec.title
        ),
        attributes,
    )
}

fn of(description: String, attributes: Attributes) -> Schema {
    Schema { version: 0, block: Block { description, attributes, blocks: BTreeMap::new() } }
}

/// Target, selection, guards and conduct: the arguments that all terminating faces share.
fn termination(spec: &Spec, region: Mode) -> Attributes {
    let mut attributes = target(spec, region);
    let (ids, matching) = if spec.limits.batch == 0 {
        let refused = format!(
            "Refused: the API of {} can only end all sessions of an instance. Use `all = true`.",
            spec.title
        );
        (refused.clone(), refused)
    } else {
        let ids = format!("Exactly the sessions with these ids. An id is {}", spec.session_id);
        (format!("{ids} {SELECTION}"), format!("{MATCH} {SELECTION}"))
    };
    add(&mut attributes, "session_ids", Mode::Optional, set_of_text(), ids);
    add(
        &mut attributes,
        "all",
        Mode::Optional,
        Type::Bool,
        format!(
            "`true` means every session of the target, `false` counts as not given. {SELECTION}"
        ),
    );
    attributes.insert("match".into(), filter(spec, matching));
    attributes.insert("protect".into(), filter(spec, PROTECT));
    add(
        &mut attributes,
        "max_sessions",
        Mode::Optional,
        Type::Number,
        "If more sessions than this are selected, nothing is terminated and it is an error. At least 1.",
    );
    add(&mut attributes, "verify", Mode::Optional, Type::Bool, VERIFY);
    add(&mut attributes, "drain", Mode::Optional, Type::String, DRAIN);
    add(&mut attributes, "quiet", Mode::Optional, Type::String, QUIET);
    attributes
}

/// The switches that mean something else on every face, with what they mean on this one.
fn conduct(to: &mut Attributes, dry_run: &str, on_failure: &str) {
    let dry_run = format!("{DRY_RUN} {dry_run}").trim_end().to_owned();
    add(to, "dry_run", Mode::Optional, Type::Bool, dry_run);
    let on_failure = format!("{on_failure} {ON_FAILURE}");
    add(to, "on_failure", Mode::Optional, Type::String, on_failure);
}

/// The arguments that name the target.
fn target(spec: &Spec, region: Mode) -> Attributes {
    let mut attributes = Attributes::new();
    if spec.regional {
        add(
            &mut attributes,
            "region",
            region,
            Type::String,
            "The target's region, if it is not the provider block's.",
        );
    }
    for input in spec.inputs {
        let mode = if input.required { Mode::Required } else { Mode::Optional };
        let kind = match input.shape {
            Shape::Text => Type::String,
            Shape::Port => Type::Number,
            Shape::Flag => Type::Bool,
        };
        let text = match spec.width {
            Some(Width { whole, part }) if [whole, part].contains(&input.name) => format!(
                "{} Exactly one of `{part}` and `{whole} = true` must be given.",
                input.description
            ),
            _ => input.description.to_owned(),
        };
        add(&mut attributes, input.name, mode, kind, text);
    }
    attributes
}

/// The criteria that a service has data for.
fn filter(spec: &Spec, description: impl Into<Cow<'static, str>>) -> Attribute {
    let criteria = spec.criteria().map(|criterion| {
        let column = spec.column(criterion.role()).expect("it has data for its criteria");
        let (kind, rule) = match criterion {
            Criterion::ClientCidrs => {
                (set_of_text(), "is in one of these networks, like `\"10.0.0.0/8\"`.")
            }
            Criterion::Users | Criterion::Databases => (set_of_text(), "is one of these."),
            Criterion::Commands => (set_of_text(), "is one of these, without regard to case."),
            Criterion::Names => (
                set_of_text(),
                "is one of these. The client chooses it: do not rely on it against an attacker.",
            ),
            Criterion::MinIdle | Criterion::MinAge => {
                (Type::String, "is at least this long, like `\"90s\"` or `\"1h30m\"`.")
            }
        };
        let text = format!("`{}` {rule} {}", column.name, column.description);
        (criterion.name().to_owned(), Attribute::plain(kind, Mode::Optional, text))
    });
    Attribute::object(criteria.collect(), Mode::Optional, description)
}

/// What the last run did.
fn last_run(description: &'static str) -> Attribute {
    let text = |text| Attribute::plain(Type::String, Mode::Computed, text);
    let count = |text| Attribute::plain(Type::Number, Mode::Computed, text);
    let ids = |text| Attribute::plain(Type::List(Box::new(Type::String)), Mode::Computed, text);
    let attributes = [
        ("at", text("When the run finished, RFC 3339 in UTC.")),
        (
            "reason",
            text(
                "What made it run: `create`, `update`, a failed `destroy`, or for an ephemeral `open` or `close`.",
            ),
        ),
        ("selected", count("How many sessions matched the selection and were not protected.")),
        (
            "terminated",
            count(
                "How many were ended by this run; with `verify = false`, how many ends were accepted.",
            ),
        ),
        ("already_gone", count("How many were gone before they could be ended.")),
        ("drained", count("How many of those of the first look of a `drain` ended by themselves.")),
        (
            "spared",
            count(
                "How many were selected, and not meant any more when their turn came, so that nobody asked for their end.",
            ),
        ),
        ("protected", count("How many `protect` saved.")),
        ("survived", count("How many were selected and not confirmed gone.")),
        (
            "reconnected",
            count("How many new sessions of the same clients were seen while verifying."),
        ),
        ("dry_run", Attribute::plain(Type::Bool, Mode::Computed, "Whether it was a dry run.")),
        (
            "terminated_ids",
            ids("The ids of the first hundred of those in `terminated`. The audit log has all."),
        ),
        (
            "survived_ids",
            ids("The ids of the first hundred of those in `survived`. The audit log has all."),
        ),
        (
            "request_ids",
            ids("The cloud's ids of the requests made, at most the first 100, for its support."),
        ),
    ];
    let attributes = attributes.map(|(name, one)| (name.to_owned(), one)).into();
    Attribute::object(attributes, Mode::Computed, description)
}

/// A list of sessions with the service's columns.
fn sessions(spec: &Spec, description: &'static str) -> Attribute {
    let mut fields = Attributes::new();
    let id = format!("The session's id: {}", spec.session_id);
    add(&mut fields, "id", Mode::Computed, Type::String, id);
    add(
        &mut fields,
        "node_id",
        Mode::Computed,
        Type::String,
        "The node it is on; null where the target is listed as a whole.",
    );
    for column in spec.columns {
        let kind = match column.unit {
            Unit::Text => Type::String,
            Unit::Integer | Unit::Seconds => Type::Number,
            Unit::Bool => Type::Bool,
        };
        add(&mut fields, column.name, Mode::Computed, kind, column.description);
    }
    Attribute::new(Kind::Nested(Nesting::List, fields), Mode::Computed, description)
}

fn add(
    to: &mut Attributes,
    name: &str,
    mode: Mode,
    kind: Type,
    text: impl Into<Cow<'static, str>>,
) {
    to.insert(name.to_owned(), Attribute::plain(kind, mode, text));
}

fn set_of_text() -> Type {
    Type::Set(Box::new(Type::String))
}

const SELECTION: &str = "Exactly one of `session_ids`, `all` and `match` selects the sessions.";
const MATCH: &str = "The sessions for which **every** given criterion holds, when it acts. A session whose list entry lacks what a criterion looks at does not match.";
const MATCH_LIST: &str = "Only sessions for which **every** given criterion holds. A session whose list entry lacks what a criterion looks at does not match.";
const PROTECT: &str = "A session for which **any one** given criterion holds is never terminated. If the list does not tell what a criterion looks at for a selected session, nothing is terminated and it is an error.";
const LIST_TIMEOUT: &str =
    "How long it may take in all, like `\"90s\"`: every plan waits for it. Default `\"30s\"`.";
const TIMEOUT: &str = "How long it may take in all, like `\"90s\"`. Default `\"5m\"`.";
const DRY_RUN: &str = "`true` does everything but terminate. Default `false`.";
const DRY_RUN_RESOURCE: &str = "A dry run counts as the run: to do it for real, change `triggers` in the apply that takes `dry_run` away. And it holds no destroy back: what the resource depends on is destroyed with everybody still connected; to look, use `terraform plan -destroy`.";
const VERIFY: &str = "`true` (default) lists again after terminating, until no selected session is left or time is up. `false` takes an acceptance for the end: `terminated` then means accepted, and nobody is found to survive.";
const DRAIN: &str = "How long to wait, before anybody is terminated, for the sessions of a first look to end by themselves, like `\"5m\"`. It looks now and then, and goes on as soon as all have left. Selection, `protect` and `max_sessions` are judged anew then, newcomers included. Not counted into the timeout. Default: nobody is waited for.";
const QUIET: &str = "Goes on terminating newcomers that are selected until for this long, at least `\"2s\"`, none has been there; if that does not come in time, it is a failure that names who keeps coming. It keeps nobody out: something else must. With `all` or `match`, and not with `verify = false`. Default: newcomers are left alone.";
const ON_FAILURE: &str = "A time-out counts as survivors. Other failures (credentials, permissions, `max_sessions`, `protect`, the audit log) are errors either way.";
const ON_FAILURE_RESOURCE: &str = "If selected sessions survive: `\"fail\"` (default) is an error, which the next apply tries again and which holds a destroy back; `\"warn\"` is a warning, and a destroy goes on.";
const ON_FAILURE_EPHEMERAL: &str = "If selected sessions survive: `\"fail\"` (default) is an error, so what refers to the block does not go on; `\"warn\"` is a warning.";
const ON_FAILURE_ACTION: &str = "If selected sessions survive: `\"fail\"` (default) is an error, which stops a change that was to come after it; `\"warn\"` is a warning.";
const ID: &str = "The target and a random ending, like `cn-north-4/i-1#7f3a`. It names this one object, in the provider's `let_go`, and never changes; that of earlier versions has no ending.";
const ON_UNREACHABLE: &str = "If a destroy cannot reach the server (its name means nothing, it refuses, nothing answers): `\"fail\"` (default) is an error that holds the destroy back, for a firewall looks the same; `\"warn\"` is a warning, and the destroy goes on with whoever is connected there. It holds only where the target was seen before and this run has not reached it. TLS, certificate and login are always errors.";
const TARGET_SEEN: &str = "Whether an answer has shown the target itself: its entry in a look-up, its row in a catalogue, or a session on it. Looked for at create. Null in state of earlier versions, which counts as true.";
const LAST_RUN: &str = "What the last run did; null until there was one.";
const LAST_RUN_EPHEMERAL: &str =
    "What the run on opening did; null if there was none, and always with `when = \"close\"`.";
const WHEN: &str = "When people lose their connections: `\"apply\"` (on create and on a change of the selection or `triggers`), `\"destroy\"`, or `\"both\"`.";
const TRIGGERS: &str =
    "Any change of these values is another run, in place, if `when` is `\"apply\"` or `\"both\"`.";
const APPLYING: &str = "Set this to `terraform.applying`. With `false`, as in every plan, it only lists; with `true` it terminates. Never write a literal `true`.";
const WHEN_EPHEMERAL: &str = "`\"open\"` (default) terminates before whatever refers to this block goes on; `\"close\"` when all of that is done.";
