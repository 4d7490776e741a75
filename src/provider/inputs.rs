//! A configuration as an engine request, written once for all faces.
//!
//! [`read`] serves validation and action alike: it reports everything that is wrong with what is
//! known, and yields [`Inputs`] only if nothing is wrong and everything that matters is known.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use super::fields::Fields;
use crate::engine::{Filter, Guards, Mode, Request, Selection, Verify};
use crate::framework::{Diagnostics, Object, Path};
use crate::services::{Criterion, SessionId, Shape, Spec, Target, Width, Wrong};

/// How long a run may take if nothing is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The same for a list that a plan waits for.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// What a terminating face is asked to do.
#[derive(Clone, Debug)]
pub(super) struct Inputs {
    /// Aimed at what.
    pub(super) target: Target,
    /// In which region, if not the provider's.
    pub(super) region: Option<String>,
    /// What to do there.
    pub(super) request: Request,
    /// What survivors mean.
    pub(super) on_failure: OnFailure,
    /// What a target means that a destroy cannot reach.
    pub(super) on_unreachable: OnFailure,
}

/// What selected sessions that survive mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnFailure {
    /// An error.
    Fail,
    /// A warning.
    Warn,
}

/// What was read of a configuration.
#[derive(Debug)]
pub(super) struct Read<T> {
    /// None if something is wrong, or not known yet.
    pub(super) inputs: Option<T>,
    /// What is wrong.
    pub(super) diagnostics: Diagnostics,
}

impl<T> Read<T> {
    /// What was read, for whoever has to act on it now.
    ///
    /// # Errors
    /// What is wrong, or that something is not known: an engine acts on what it knows.
    pub(super) fn complete(self) -> Result<T, Diagnostics> {
        let mut diagnostics = self.diagnostics;
        self.inputs.ok_or_else(|| {
            if !diagnostics.has_errors() {
                diagnostics.error(
                    "An argument is not known yet",
                    "The block has to act, and the value of one of its arguments is still unknown. \
                     Nothing was done. This is a bug in Terraform, OpenTofu or the provider: \
                     please report it.",
                );
            }
            diagnostics
        })
    }
}

/// Where a face keeps its time limit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timeout {
    /// The attribute `timeout`.
    Attribute,
    /// The same of a data source, which a plan waits for.
    List,
    /// One attribute of the block `timeouts`.
    Block(&'static str),
}

/// Target, selection, guards and conduct of a terminating face.
pub(super) fn read(spec: &Spec, object: &Object, timeout: Timeout) -> Read<Inputs> {
    let mut fields = Fields::new(object);
    let (target, region) = target(spec, &mut fields);
    let selection = selection(spec, &mut fields);
    let protect = filter(spec, &mut fields, "protect");
    let max_sessions = fields.whole_number("max_sessions", 1).and_then(NonZeroU64::new);
    let dry_run = fields.bool("dry_run");
    let verify = fields.bool("verify");
    let on_failure = fields.one_of("on_failure", &["fail", "warn"]);
    let on_unreachable = fields.one_of("on_unreachable", &["fail", "warn"]);
    let drain = fields.duration("drain").filter(|drain| !drain.is_zero());
    let quiet = quiet(&mut fields, verify);
    let timeout = limit(&mut fields, timeout);
    fields.finish(|| {
        let guards = Guards { protect, max_sessions };
        let mode = if dry_run == Some(true) { Mode::DryRun } else { Mode::Terminate };
        let verify = if verify == Some(false) { Verify::Trust } else { Verify::UntilGone };
        let wished = |word| if word == Some("warn") { OnFailure::Warn } else { OnFailure::Fail };
        let (on_failure, on_unreachable) = (wished(on_failure), wished(on_unreachable));
        let request = Request {
            selection: selection?,
            guards,
            mode,
            verify,
            known: Vec::new(),
            looks_again: false,
            drain,
            quiet,
            timeout,
        };
        Some(Inputs { target, region, request, on_failure, on_unreachable })
    })
}

/// The least time that a look every second can tell anything about.
const LEAST_QUIET: Duration = Duration::from_secs(2);

/// `quiet`, which needs a look after the kill, and newcomers whom the selection can mean.
fn quiet(fields: &mut Fields<'_>, verify: Option<bool>) -> Option<Duration> {
    let quiet = fields.duration("quiet")?;
    let rule = if quiet < LEAST_QUIET {
        Some("must be at least 2 seconds: looks are a second apart".to_owned())
    } else if verify == Some(false) {
        Some(
            "cannot be combined with `verify = false`: only a look tells whether it is quiet"
                .to_owned(),
        )
    } else if fields.is_given("session_ids") {
        Some("cannot be combined with `session_ids`: whoever comes has another id; use `all` or `match`".to_owned())
    } else {
        None
    };
    if let Some(rule) = rule {
        fields.wrong(&Path::root("quiet"), rule);
    }
    Some(quiet)
}

/// Target and filter of the data source, as a request that selects what is to be listed.
pub(super) fn read_list(spec: &Spec, object: &Object) -> Read<Inputs> {
    let mut fields = Fields::new(object);
    let (target, region) = target(spec, &mut fields);
    let selection = filter(spec, &mut fields, "match").map_or(Selection::All, Selection::Match);
    let timeout = limit(&mut fields, Timeout::List);
    fields.finish(|| {
        let request = Request {
            known: Vec::new(),
            looks_again: false,
            drain: None,
            quiet: None,
            selection,
            guards: Guards::default(),
            mode: Mode::DryRun,
            verify: Verify::Trust,
            timeout,
        };
        let on_failure = OnFailure::Fail;
        Some(Inputs { target, region, request, on_failure, on_unreachable: on_failure })
    })
}

/// The target and region; a region that only the provider block gives is None.
fn target(spec: &Spec, fields: &mut Fields<'_>) -> (Target, Option<String>) {
    let mut target = Target::default();
    for input in spec.inputs {
        let value = match input.shape {
            Shape::Text => fields.text(input.name).map(str::to_owned),
            Shape::Port => fields.whole_number(input.name, 1).map(|port| port.to_string()),
            Shape::Flag => fields.bool(input.name).filter(|set| *set).map(|set| set.to_string()),
        };
        target.0.extend(value.map(|value| (input.name, value)));
    }
    if let Some(width) = spec.width {
        exactly_one(width, fields, &target);
    }
    let target = match (spec.normal)(target.clone()) {
        Ok(target) => target,
        Err(Wrong(input, rule)) => {
            // Of what is not known yet nothing can be said.
            if spec.inputs.iter().all(|input| !fields.is_unknown(input.name)) {
                fields.wrong(&Path::root(input), rule);
            }
            target
        }
    };
    if !spec.one_of.is_empty() && !spec.one_of.iter().any(|name| fields.is_given(name)) {
        let names = quoted(spec.one_of);
        let detail =
            format!("At least one of {names} must be given, to say whose sessions are meant.");
        fields.error("No target is given", detail);
    }
    let region = fields.text("region").map(str::to_owned);
    (target, region)
}

/// A width that nobody wrote is never taken: an argument that turns out null must not widen a run.
fn exactly_one(Width { whole, part }: Width, fields: &mut Fields<'_>, target: &Target) {
    match (target.get(part), target.get(whole)) {
        (Some(_), Some(_)) => {
            let rule = format!(
                "cannot be combined with `{whole}`: exactly one of them says whose sessions are meant"
            );
            fields.wrong(&Path::root(part), rule);
        }
        (None, None) if !fields.is_unknown(part) && !fields.is_unknown(whole) => {
            let detail = format!(
                "Exactly one of `{part}` and `{whole} = true` must be given, so that an argument that \
                 turns out null does not widen the run."
            );
            fields.error("No target is given", detail);
        }
        _ => {}
    }
}

fn limit(fields: &mut Fields<'_>, timeout: Timeout) -> Duration {
    let given = match timeout {
        Timeout::Attribute | Timeout::List => fields.duration("timeout"),
        Timeout::Block(operation) => fields.inside("timeouts", |block| {
            for other in ["create", "update", "delete"].iter().filter(|name| **name != operation) {
                limit_of(block, other);
            }
            limit_of(block, operation)
        }),
    };
    let default = match timeout {
        Timeout::List => LIST_TIMEOUT,
        Timeout::Attribute | Timeout::Block(_) => DEFAULT_TIMEOUT,
    };
    if given == Some(Duration::ZERO) && !matches!(timeout, Timeout::Block(_)) {
        fields.wrong(&Path::root("timeout"), "must be greater than zero".to_owned());
    }
    given.unwrap_or(default)
}

fn limit_of(block: &mut Fields<'_>, operation: &str) -> Option<Duration> {
    let given = block.duration(operation)?;
    if given.is_zero() {
        let at = block.path(operation);
        block.wrong(&at, "must be greater than zero".to_owned());
    }
    Some(given)
}

/// Exactly one of `session_ids`, `all` and `match`. `all = false` counts as not given.
fn selection(spec: &Spec, fields: &mut Fields<'_>) -> Option<Selection> {
    let unknown = ["session_ids", "all", "match"].iter().any(|name| fields.is_unknown(name));
    let ids = fields.texts("session_ids", "it would select nobody. Where they come from a list that may be empty, write its criteria as `match`");
    if let Some(id) = ids.iter().flatten().find(|id| !(spec.is_id)(id)) {
        let rule = format!(
            "must contain ids as the list gives them, not {id:?}. An id is {}",
            spec.session_id.trim_end_matches('.')
        );
        fields.wrong(&Path::root("session_ids"), rule);
    }
    let all = fields.bool("all") == Some(true);
    let matching = fields.is_known("match").then(|| filter(spec, fields, "match"));
    let given: Vec<&str> = [
        ids.as_ref().map(|_| "session_ids"),
        all.then_some("all"),
        matching.as_ref().map(|_| "match"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if spec.limits.batch == 0 {
        for name in given.iter().filter(|name| **name != "all") {
            fields.wrong(&Path::root(*name), only_everything(spec));
        }
    }
    match given.as_slice() {
        [_] => {}
        [] if unknown => {}
        [] => fields.error(
            "No sessions are selected",
            "Exactly one of `session_ids`, `all = true` and `match` must be given, so that nobody \
             loses a connection by an omission."
                .to_owned(),
        ),
        [first, others @ ..] => fields.wrong(
            &Path::root(*first),
            format!("cannot be combined with {}: exactly one of `session_ids`, `all = true` and `match` selects the sessions", quoted(others)),
        ),
    }
    match (ids, all, matching) {
        (Some(ids), _, _) => Some(Selection::Ids(ids.into_iter().map(SessionId).collect())),
        (None, true, _) => Some(Selection::All),
        (None, false, matching) => matching.flatten().map(Selection::Match),
    }
}

fn only_everything(spec: &Spec) -> String {
    format!(
        "is not possible: the API of {} can only terminate all sessions of an instance at once. \
         Use `all = true`; with `protect`, nothing is terminated while a protected session is live",
        spec.title
    )
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What to do instead of giving a criterion nothing to look for.
const OMIT: &str = "omit it to place no restriction";

/// The criteria of `match` or `protect`; at least one must be given.
fn filter(spec: &Spec, fields: &mut Fields<'_>, name: &str) -> Option<Filter> {
    let mut filter = Filter::default();
    fields.inside(name, |inner| {
        let criteria: Vec<Criterion> = spec.criteria().collect();
        let given = criteria.iter().any(|one| inner.is_given(one.name()));
        for criterion in &criteria {
            let name = criterion.name();
            let set = |texts: Vec<String>| texts.into_iter().collect::<BTreeSet<_>>();
            match criterion {
                Criterion::ClientCidrs => filter.client_cidrs = inner.networks(name, OMIT),
                Criterion::Users => filter.users = inner.texts(name, OMIT).map(set),
                Criterion::Databases => filter.databases = inner.texts(name, OMIT).map(set),
                Criterion::Commands => filter.commands = inner.texts(name, OMIT).map(set),
                Criterion::Names => filter.names = inner.texts(name, OMIT).map(set),
                Criterion::MinIdle => filter.min_idle = inner.duration(name),
                Criterion::MinAge => filter.min_age = inner.duration(name),
            }
        }
        if !given {
            let names: Vec<&str> = criteria.iter().map(|one| one.name()).collect();
            let at = inner.here();
            inner.wrong(&at, format!("needs at least one of {}", quoted(&names)));
        }
        Some(filter)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::Value;
    use crate::provider::schema;
    use crate::services;

    fn spec() -> &'static Spec {
        spec_of("huaweicloud_dcs")
    }

    fn spec_of(name: &str) -> &'static Spec {
        services::ALL.iter().map(|service| service.spec).find(|spec| spec.name == name).unwrap()
    }

    /// Terraform's object for a resource block: every attribute is there, null if not given.
    fn object(given: &[(&str, Value)]) -> Object {
        let mut object = object_of(spec(), &[("instance_id", "i-1".into())]);
        object.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        object
    }

    fn object_of(spec: &Spec, given: &[(&str, Value)]) -> Object {
        let block = schema::resource(spec).block;
        let names = block.attributes.keys().chain(block.blocks.keys());
        let mut object: Object = names.map(|name| (name.clone(), Value::Null)).collect();
        for (name, value) in given {
            object.insert((*name).to_owned(), value.clone());
        }
        object
    }

    fn texts(texts: &[&str]) -> Value {
        Value::List(texts.iter().map(|text| Value::from(*text)).collect())
    }

    fn nested(given: &[(&str, Value)]) -> Value {
        let names = spec().criteria().map(|one| (one.name().to_owned(), Value::Null));
        let mut object: Object = names.collect();
        object.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        Value::Object(object)
    }

    /// The details of everything that is wrong.
    fn complaints(given: &[(&str, Value)]) -> Vec<String> {
        let read = read(spec(), &object(given), Timeout::Block("create"));
        assert!(read.inputs.is_none() || read.diagnostics.0.is_empty());
        read.diagnostics.0.into_iter().map(|one| one.detail).collect()
    }

    #[test]
    fn exactly_one_selection_is_asked_for() {
        let none = complaints(&[]);
        assert_eq!(
            none,
            ["Exactly one of `session_ids`, `all = true` and `match` must be given, so that \
              nobody loses a connection by an omission."]
        );
        assert_eq!(complaints(&[("all", false.into())]), none);
        assert_eq!(
            complaints(&[("all", true.into()), ("session_ids", texts(&["10.0.0.1:1"]))]),
            ["`session_ids` cannot be combined with `all`: exactly one of `session_ids`, \
              `all = true` and `match` selects the sessions."]
        );
        assert!(complaints(&[("all", true.into())]).is_empty());
    }

    #[test]
    fn a_target_that_one_of_several_arguments_names_needs_one_of_them() {
        let specs = services::ALL.iter().map(|service| service.spec);
        for spec in specs.filter(|spec| spec.width.is_none()) {
            let complaint = |given: &[(&str, Value)]| {
                let mut object = object_of(spec, given);
                object.insert("all".into(), true.into());
                let diagnostics = read(spec, &object, Timeout::Block("create")).diagnostics;
                diagnostics.0.into_iter().map(|one| one.detail).next()
            };
            let names = quoted(spec.one_of);
            let expected =
                format!("At least one of {names} must be given, to say whose sessions are meant.");
            assert_eq!(complaint(&[]), (!spec.one_of.is_empty()).then_some(expected));
            for name in spec.one_of {
                assert_eq!(complaint(&[(name, "a".into())]), None);
                assert_eq!(complaint(&[(name, Value::Unknown)]), None);
            }
        }
    }

    #[test]
    fn quiet_needs_a_look_and_newcomers_whom_the_selection_means() {
        let quiet = ("quiet", Value::from("30s"));
        assert_eq!(
            complaints(&[("all", true.into()), ("verify", false.into()), quiet.clone()]),
            [
                "`quiet` cannot be combined with `verify = false`: only a look tells whether it is quiet."
            ]
        );
        assert_eq!(
            complaints(&[("session_ids", texts(&["10.0.0.1:1"])), quiet.clone()]),
            ["`quiet` cannot be combined with `session_ids`: whoever comes has another id; use \
              `all` or `match`."]
        );
        assert!(complaints(&[("all", true.into()), quiet, ("drain", "5m".into())]).is_empty());
    }

    #[test]
    fn a_width_that_nobody_wrote_is_never_taken() {
        let mut checked = 0;
        for spec in services::ALL.iter().map(|service| service.spec) {
            let Some(Width { whole, part }) = spec.width else { continue };
            let others = spec.inputs.iter().filter(|input| input.required);
            let others: Vec<(&str, Value)> = others.map(|one| (one.name, "a".into())).collect();
            let complaint = |given: &[(&str, Value)]| {
                let mut object = object_of(spec, &[&others, given].concat());
                object.insert("all".into(), true.into());
                let diagnostics = read(spec, &object, Timeout::Block("create")).diagnostics;
                diagnostics.0.into_iter().map(|one| one.detail).next()
            };
            let neither = format!("Exactly one of `{part}` and `{whole} = true` must be given");
            for given in [&[][..], &[(whole, false.into())]] {
                assert!(complaint(given).is_some_and(|told| told.starts_with(&neither)));
            }
            let both = complaint(&[(part, "a".into()), (whole, true.into())]).unwrap();
            assert!(both.contains("cannot be combined with"), "{both}");
            for right in [(part, "a".into()), (whole, true.into()), (part, Value::Unknown)] {
                assert_eq!(complaint(&[right]), None);
            }
            checked += 1;
        }
        assert!(checked > 0);
    }

    #[test]
    fn an_argument_that_will_not_do_is_named_with_what_would() {
        let all = ("all", Value::from(true));
        let timeouts = |text: &str| {
            let mut block: Object =
                ["create", "update", "delete"].map(|name| (name.to_owned(), Value::Null)).into();
            block.insert("delete".into(), text.into());
            Value::Object(block)
        };
        for (argument, value, complaint) in [
            ("instance_id", "  ".into(), "`instance_id` must not be empty."),
            (
                "max_sessions",
                0.into(),
                "`max_sessions` must be a whole number of at least 1, not 0.",
            ),
            (
                "on_failure",
                "ignore".into(),
                "`on_failure` must be \"fail\" or \"warn\", not \"ignore\".",
            ),
            (
                "protect",
                nested(&[("client_cidrs", texts(&["10.0.0.0/33"]))]),
                "`protect.client_cidrs` must contain networks like \"10.0.0.0/8\" or \
                 \"10.1.2.3/32\", not \"10.0.0.0/33\".",
            ),
            (
                "protect",
                nested(&[("min_idle", "soon".into())]),
                "`protect.min_idle` must be a duration like \"90s\" or \"1h30m\", not \"soon\".",
            ),
            (
                "protect",
                nested(&[]),
                "`protect` needs at least one of `client_cidrs`, `users`, `databases`, `commands`, \
                 `names`, `min_idle`, `min_age`.",
            ),
            (
                "protect",
                nested(&[("users", texts(&[]))]),
                "`protect.users` must not be empty; omit it to place no restriction.",
            ),
            ("timeouts", timeouts("0s"), "`timeouts.delete` must be greater than zero."),
            (
                "drain",
                "soon".into(),
                "`drain` must be a duration like \"90s\" or \"1h30m\", not \"soon\".",
            ),
            ("quiet", "1s".into(), "`quiet` must be at least 2 seconds: looks are a second apart."),
        ] {
            assert_eq!(complaints(&[all.clone(), (argument, value)]), [complaint]);
        }
        let hole = Value::List(vec![Value::Null]);
        assert_eq!(
            complaints(&[("session_ids", hole)]),
            ["`session_ids` must not contain an empty or null string."]
        );
        // What a list split at commas, or lines of a file from elsewhere, leaves at a text's ends.
        for ragged in ["app ", " app", "app\n", "a\u{7}pp", "\u{feff}app", "app\u{200b}", "0 "] {
            for criteria in ["users", "databases", "names", "commands"] {
                let told = complaints(&[
                    all.clone(),
                    ("protect", nested(&[(criteria, texts(&["x", ragged]))])),
                ]);
                let expected = format!(
                    "`protect.{criteria}` must not contain a text that begins or ends with a blank or \
                     holds a control character, like {ragged:?}: use `trimspace` on it."
                );
                assert_eq!(told, [expected]);
            }
            let told = complaints(&[("session_ids", texts(&[ragged]))]);
            assert!(told[0].starts_with("`session_ids` must not contain a text that"), "{told:?}");
        }
        for id in ["not-an-address", "10.0.0.1", "10.0.0.1:0"] {
            let told = complaints(&[("session_ids", texts(&["10.0.0.1:4711", id]))]);
            let start = format!(
                "`session_ids` must contain ids as the list gives them, not {id:?}. An id is the \
                 client's address, like `10.63.238.158:2048`"
            );
            assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");
        }
        assert_eq!(
            complaints(&[("session_ids", texts(&[]))]),
            [
                "`session_ids` must not be empty; it would select nobody. Where they come from a list that may be empty, write its criteria as `match`."
            ]
        );
    }

    #[test]
    fn what_the_api_cannot_do_is_refused_with_what_it_can() {
        let spec = spec_of("alicloud_das_redis");
        let ids = ("session_ids", texts(&["a"]));
        let object = object_of(spec, &[("instance_id", "r-1".into()), ids]);
        let told = read(spec, &object, Timeout::Block("create")).diagnostics.0;
        let told: Vec<&str> = told.iter().map(|one| one.detail.as_str()).collect();
        assert_eq!(
            told,
            ["`session_ids` is not possible: the API of Alibaba Cloud DAS for Redis can only \
              terminate all sessions of an instance at once. Use `all = true`; with `protect`, \
              nothing is terminated while a protected session is live."]
        );
    }

    #[test]
    fn every_complaint_has_a_title_and_what_to_blame() {
        let unknown = object(&[("all", true.into()), ("max_sessions", Value::Unknown)]);
        let both = object(&[("all", true.into()), ("session_ids", texts(&["a"]))]);
        let no_target = object_of(spec_of("huaweicloud_dds"), &[("all", true.into())]);
        let of = |read: Read<Inputs>| read.complete().unwrap_err().0.remove(0);
        let block = Timeout::Block("create");
        for (told, summary, path) in [
            (of(read(spec(), &unknown, block)), "An argument is not known yet", None),
            (of(read(spec(), &object(&[]), block)), "No sessions are selected", None),
            (of(read(spec(), &both, block)), "Invalid argument", Some("session_ids")),
            (of(read(spec_of("huaweicloud_dds"), &no_target, block)), "No target is given", None),
        ] {
            assert_eq!((told.summary.as_str(), told.path), (summary, path.map(Path::root)));
        }
        assert_eq!(
            of(read(spec(), &unknown, block)).detail,
            "The block has to act, and the value of one of its arguments is still unknown. Nothing \
             was done. This is a bug in Terraform, OpenTofu or the provider: please report it."
        );
    }

    #[test]
    fn what_is_unknown_is_never_wrong_and_never_acted_on() {
        for name in ["instance_id", "session_ids", "all", "match", "protect", "max_sessions"] {
            let read = read(
                spec(),
                &object(&[("all", true.into()), (name, Value::Unknown)]),
                Timeout::Block("create"),
            );
            assert!(read.diagnostics.0.is_empty(), "{name}: {:?}", read.diagnostics);
            assert!(read.inputs.is_none(), "{name}");
        }
    }

    #[test]
    fn all_arguments_arrive_in_the_request() {
        let given = [
            ("node_id", "n".into()),
            ("region", "cn-east-3".into()),
            ("match", nested(&[("users", texts(&["app"])), ("min_idle", "1h30m".into())])),
            ("protect", nested(&[("names", texts(&["root"]))])),
            ("max_sessions", 7.into()),
            ("dry_run", true.into()),
            ("verify", false.into()),
            ("on_failure", "warn".into()),
        ];
        let inputs = read(spec(), &object(&given), Timeout::Block("create")).inputs.unwrap();
        assert_eq!(inputs.target.get("instance_id"), Some("i-1"));
        assert_eq!(inputs.target.get("node_id"), Some("n"));
        assert_eq!(inputs.region.as_deref(), Some("cn-east-3"));
        let Selection::Match(filter) = inputs.request.selection else { panic!("a match") };
        assert_eq!(filter.users, Some(BTreeSet::from(["app".to_owned()])));
        assert_eq!(filter.min_idle, Some(Duration::from_secs(5400)));
        let protect = inputs.request.guards.protect.unwrap();
        assert_eq!(protect.names, Some(BTreeSet::from(["root".to_owned()])));
        assert_eq!(inputs.request.guards.max_sessions, NonZeroU64::new(7));
        assert_eq!(inputs.request.mode, Mode::DryRun);
        assert_eq!(inputs.request.verify, Verify::Trust);
        assert_eq!(inputs.request.timeout, DEFAULT_TIMEOUT);
        assert_eq!(inputs.on_failure, OnFailure::Warn);
    }
}
