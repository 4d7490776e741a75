//! A configuration as an engine request, written once for all faces.
//!
//! [`read`] serves validation and action alike: it reports everything that is wrong with what is
//! known, and yields [`Inputs`] only if nothing is wrong and everything that matters is known.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use super::fields::{Fields, Read};
use super::limit::{Timeout, limit};
use crate::engine::{Filter, Guards, Mode, Request, Selection, Verify};
use crate::framework::{Object, Path};
use crate::services::{Criterion, SessionId, Shape, Spec, Target, Width, Wrong};

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
mod tests;
