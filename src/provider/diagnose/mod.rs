//! The only place that words errors for users: what could not be done, what the cloud answered,
//! what to do now.

use std::fmt::Write as _;

use crate::cloud::{Error, Kind};
use crate::engine::{Event, Fate, Halt, Report};
use crate::framework::{Diagnostic, Diagnostics, Severity};
use crate::services::{Session, Spec};

use super::inputs::OnFailure;
use super::run::Occasion;
use super::table;

/// How many sessions a message names at most.
const NAMED: usize = 20;

/// Which run a message is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// The service.
    pub(super) spec: &'a Spec,
    /// The target for people, like `cn-north-4/9a2d6a3e`.
    pub(super) target: &'a str,
    /// What survivors mean.
    pub(super) on_failure: OnFailure,
    /// What Terraform is doing.
    pub(super) occasion: Occasion,
}

/// A call that failed before or outside a run: what could not be done, and the cloud's answer.
pub(super) fn call_failed(summary: impl Into<String>, error: &Error) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        summary: summary.into(),
        detail: format!("{}\n\n{}", answer(error), advice(error)),
        path: None,
    }
}

/// A line for the person who watches a run.
pub(super) fn progress(session: &str, event: &Event) -> String {
    let live = |number: usize| table::count(number, &format!("live {session}"));
    match event {
        Event::Listed { sessions, nodes } if *nodes > 1 => {
            format!("listed {} on {nodes} nodes", live(*sessions))
        }
        Event::Listed { sessions, .. } => format!("listed {}", live(*sessions)),
        Event::Selected { selected, protected: 0 } => format!("selected {selected}"),
        Event::Selected { selected, protected } => {
            format!("selected {selected}, {protected} protected")
        }
        Event::Accepted { done, of } => format!("terminated {done} of {of}"),
        Event::Retrying { reason, wait } => {
            format!("{reason}; trying again in {:.1} s", wait.as_secs_f64())
        }
        Event::Verifying { left } => format!("verifying, {left} to be gone"),
    }
}

/// What a run did, in one sentence.
pub(super) fn summary(spec: &Spec, target: &str, report: &Report) -> String {
    done(spec, target, report)
}

/// Everything a user must hear about a run. Errors are exactly what must fail the operation.
pub(super) fn report(about: About<'_>, report: &Report) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let done = done(about.spec, about.target, report);
    // What did not come to a list, or past a guard, has done nothing that its message does not say.
    let guarded = matches!(
        report.halt,
        Some(
            Halt::TooMany { .. }
                | Halt::ProtectedInTheWay
                | Halt::NotSelective
                | Halt::Unjudged { .. }
                | Halt::Unseen { .. }
                | Halt::SameIdOnSeveralNodes(_)
        )
    );
    let tells = was_listed(report) && !guarded;
    let after = if tells { format!("\n\n{done}") } else { String::new() };
    match &report.halt {
        None => survivors(about, report, &done, None, &mut diagnostics),
        Some(Halt::TargetGone(error)) => diagnostics.warn(
            "Target of a session termination does not exist any more",
            format!(
                "{} is gone, so nothing can hold a session on it.\n\n{}{after}",
                about.target,
                answer(error)
            ),
        ),
        // Without a list there are no survivors to shrug at: nobody knows who is there.
        Some(Halt::TimedOut(last)) if was_listed(report) => {
            let why = "Time was up before all selected sessions were gone. Raise the timeout, or narrow the selection.";
            let why = format!("{why}{}", last_failure(last.as_ref()));
            survivors(about, report, &done, Some(why), &mut diagnostics);
        }
        Some(halt) => {
            let (summary, detail) = halted(about, report, halt);
            let unsettled = unsettled(about.spec, report);
            diagnostics.error(summary, format!("{detail}{after}{unsettled}"));
        }
    }
    if !report.remarks.is_empty() {
        diagnostics.warn(
            "Remarks on a session termination",
            format!("{}: {}.", about.target, report.remarks.join("; ")),
        );
    }
    diagnostics
}

/// Whether the run came as far as to know any session that is meant.
fn was_listed(report: &Report) -> bool {
    !report.victims.is_empty() || !report.protected.is_empty() || !report.missing.is_empty()
}

fn last_failure(last: Option<&Error>) -> String {
    last.map_or_else(String::new, |error| {
        format!("\n\nThe last failure: {}\n\n{}", answer(error), advice(error))
    })
}

/// Selected sessions that live on are an error or a warning, as the user chose.
fn survivors(
    about: About<'_>,
    report: &Report,
    done: &str,
    why: Option<String>,
    to: &mut Diagnostics,
) {
    let alive: Vec<(&Session, &Fate)> =
        report.survivors().map(|victim| (&victim.session, &victim.fate)).collect();
    if alive.is_empty() {
        return;
    }
    let mut detail = format!("{done}\n\nStill alive:\n");
    for (session, fate) in alive.iter().take(NAMED) {
        let reason = if let Fate::Survived(reason) = fate { reason } else { "not tried" };
        let _ = writeln!(detail, "  {}: {reason}", table::name(about.spec, session));
    }
    more(&mut detail, alive.len());
    if let Some(why) = why {
        let _ = write!(detail, "\n{why}\n");
    }
    let _ = write!(detail, "\n{}", next(about.occasion));
    let summary = format!("Sessions survived on {}", about.target);
    match about.on_failure {
        OnFailure::Fail => to.error(summary, detail),
        OnFailure::Warn => to.warn(summary, detail),
    }
}

/// Sessions whose end was asked for, and of which a run that ended early does not know that they
/// are gone: they may be.
fn unsettled(spec: &Spec, report: &Report) -> String {
    let asked = report.victims.iter().filter_map(|victim| match &victim.fate {
        Fate::Survived(reason) => Some((&victim.session, reason)),
        Fate::Terminated | Fate::AlreadyGone | Fate::Untouched => None,
    });
    let asked: Vec<(&Session, &String)> = asked.collect();
    if asked.is_empty() {
        return String::new();
    }
    let mut text =
        format!(" Of {} more the end was asked for, and they may be gone:\n", asked.len());
    for (session, reason) in asked.iter().take(NAMED) {
        let _ = writeln!(text, "  {}: {reason}", table::name(spec, session));
    }
    more(&mut text, asked.len());
    text
}

/// What to do about survivors.
fn next(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Apply => "The next apply tries again for what is left.",
        Occasion::Destroy => {
            "The resource stays in the state, so nothing that it depends on was destroyed. Destroy \
             again to try again. To let it go in spite of survivors, set `on_failure = \"warn\"`, \
             apply, then destroy."
        }
        Occasion::Ephemeral => "The next apply runs again.",
        Occasion::Invoke => "Invoke the action again for what is left.",
    }
}

/// Title and explanation of a run that ended early by more than survivors.
fn halted(about: About<'_>, report: &Report, halt: &Halt) -> (String, String) {
    let sessions = format!("{}s", about.spec.session);
    let target = about.target;
    match halt {
        Halt::TooMany { selected, allowed } => (
            format!("Too many sessions selected on {target}"),
            format!(
                "{selected} {sessions} are selected and `max_sessions` allows {allowed}, so nothing was terminated. Selected:\n{}\nNarrow the selection, or raise `max_sessions`.",
                named(
                    about.spec,
                    report.victims.iter().map(|victim| &victim.session),
                    report.victims.len()
                )
            ),
        ),
        Halt::ProtectedInTheWay => (
            format!("Protected sessions are live on {target}"),
            format!(
                "The API of {} can only terminate everything at once, and these {sessions} are protected, so nothing was terminated:\n{}\nWait until they are gone, end them yourself, or change `protect`.",
                about.spec.title,
                named(about.spec, report.protected.iter(), report.protected.len())
            ),
        ),
        Halt::NotSelective => (
            format!("Single sessions cannot be terminated on {target}"),
            format!(
                "The API of {} can only terminate everything at once, and the selection means fewer than all live {sessions}. Nothing was terminated. Use `all = true`.",
                about.spec.title
            ),
        ),
        Halt::Unjudged { criterion, sessions: count, first } => (
            format!("Protected sessions cannot be told apart on {target}"),
            format!(
                "`protect` looks at `{0}`, and the list does not tell it for {1} of the selection, so nothing was terminated:\n{2}\nNarrow the selection to leave them out, or take `{0}` out of `protect`.",
                criterion.name(),
                table::count(*count, about.spec.session),
                named(about.spec, first.iter(), *count)
            ),
        ),
        Halt::Unseen { listed, unseen } => (
            format!("The list of sessions on {target} is not complete"),
            format!(
                "The cloud lists {} and counts {unseen} more, which neither `protect` nor `max_sessions` nor a selection can look at, so nothing was terminated. Try again, or set `all = true` without `protect` and `max_sessions`.",
                table::count(*listed, about.spec.session),
            ),
        ),
        Halt::SameIdOnSeveralNodes(id) => (
            format!("Session id is not unique on {target}"),
            format!(
                "The id `{id}` is live on several nodes, and the selection does not say which is meant. Nothing was terminated. Set `node_id`, or select with `match`."
            ),
        ),
        Halt::Failed(error) => (
            format!("Sessions on {target} could not be terminated"),
            format!("{}\n\n{}", answer(error), advice(error)),
        ),
        Halt::Cancelled => (
            format!("Session termination on {target} was interrupted"),
            "No further session was terminated after the interrupt. Apply again to go on."
                .to_owned(),
        ),
        Halt::Audit(reason) => (
            format!("Audit log could not be written for {target}"),
            format!(
                "{reason}\n\nNothing more was terminated: no session may end without a record. Make the file of the provider's `audit_log` writable, then apply again."
            ),
        ),
        Halt::Panicked(message) => (
            format!("Session termination on {target} broke off"),
            format!(
                "This is a bug in the provider, please report it: {message}\n\nNothing more was terminated. Apply again to go on."
            ),
        ),
        Halt::TimedOut(last) => (
            format!("Sessions on {target} could not be listed in time"),
            format!(
                "Time was up before it was known who is connected, so nothing was terminated. Raise the timeout.{}",
                last_failure(last.as_ref())
            ),
        ),
        Halt::TargetGone(_) => unreachable!("worded by `report` before this is called"),
    }
}

/// What the run did, in one sentence: the truth stands in every message about it.
fn done(spec: &Spec, target: &str, report: &Report) -> String {
    let verb = if report.dry_run { "Dry run" } else { "Result" };
    let mut text = format!(
        "{verb} on {target}: {} of {} terminated",
        report.terminated(),
        table::count(report.selected(), &format!("selected {}", spec.session))
    );
    let extras = [
        (report.already_gone(), "already gone"),
        (report.protected.len(), "protected"),
        (usize::try_from(report.reconnected).unwrap_or(usize::MAX), "reconnected"),
    ];
    for (count, word) in extras.iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, ", {count} {word}");
    }
    text.push('.');
    text
}

/// Up to [`NAMED`] sessions, one per line.
fn named<'a>(spec: &Spec, sessions: impl Iterator<Item = &'a Session>, total: usize) -> String {
    let mut text = String::new();
    for session in sessions.take(NAMED) {
        let _ = writeln!(text, "  {}", table::name(spec, session));
    }
    more(&mut text, total);
    text
}

fn more(text: &mut String, total: usize) {
    if total > NAMED {
        let _ = writeln!(text, "  and {} more", total - NAMED);
    }
}

/// What was tried and what the cloud answered.
pub(super) fn answer(error: &Error) -> String {
    let mut text = error.operation.to_owned();
    if let Some(request) = &error.request {
        let _ = write!(text, " ({request})");
    }
    match (error.status, &error.code) {
        (Some(status), Some(code)) => {
            let _ = write!(text, " was answered with {status} {code}: {}", error.message);
        }
        (Some(status), None) => {
            let _ = write!(text, " was answered with {status}: {}", error.message);
        }
        (None, _) => {
            let _ = write!(text, ": {}", error.message);
        }
    }
    if let Some(id) = &error.request_id {
        let _ = write!(text, " (request id {id})");
    }
    text
}

/// What to do now.
pub(super) fn advice(error: &Error) -> &'static str {
    match error.kind {
        Kind::Throttled => {
            "The cloud limits how often this may be called. Lower the provider's `max_concurrency`, or raise the timeout."
        }
        Kind::Busy => {
            "The target is busy with another operation. Wait until that has ended, or raise the timeout."
        }
        Kind::Unavailable | Kind::NotSent | Kind::Lost => {
            "The cloud could not be reached or failed. Check network, proxy and `endpoints`, then apply again."
        }
        Kind::Ambiguous | Kind::SessionGone => "The sessions changed meanwhile. Apply again.",
        Kind::TargetGone => "The instance or node does not exist. Check the ids and the region.",
        Kind::Credentials => {
            "The cloud refused the credentials. Check key, secret, token and this machine's clock; nothing was repeated, because repeated failures lock a key."
        }
        Kind::Permission => {
            "The credentials are valid but lack a permission. The page of this type lists what must be granted."
        }
        Kind::Unsupported => "This instance, edition or region does not offer it.",
        Kind::BadRequest => "The cloud calls a parameter wrong. Check the ids and the region.",
        Kind::Malformed => {
            "The answer is not what the vendor documents. If it comes again, please report it with the request id."
        }
        Kind::Configuration => {
            "Correct the region, the provider block or the environment, then run again."
        }
        Kind::JobFailed => {
            "The cloud accepted the work and gave it up. Apply again; if it stays so, ask the cloud's support with the request id."
        }
        Kind::Refused => {
            "The cloud refused for a reason of its own. Its code and message say which."
        }
    }
}

#[cfg(test)]
mod tests;
