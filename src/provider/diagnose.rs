//! The only place that words errors for users: what could not be done, what the cloud answered,
//! what to do now.

use std::fmt::Write as _;

use crate::cloud::{Error, Kind};
use crate::engine::{Event, Fate, Halt, Report};
use crate::framework::{Diagnostic, Diagnostics, Severity};
use crate::services::{Session, Spec};

use super::inputs::OnFailure;
use super::outcome::lives_on;
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
    match event {
        Event::Listed { sessions, nodes } if *nodes > 1 => {
            format!("listed {sessions} live {session}s on {nodes} nodes")
        }
        Event::Listed { sessions, .. } => format!("listed {sessions} live {session}s"),
        Event::Selected { selected, protected: 0 } => format!("selected {selected}"),
        Event::Selected { selected, protected } => {
            format!("selected {selected}, {protected} protected")
        }
        Event::Killed { done, of } => format!("terminated {done} of {of}"),
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
    match &report.halt {
        None => survivors(about, report, &done, None, &mut diagnostics),
        Some(Halt::TargetGone(error)) => diagnostics.warn(
            "Target of a session termination does not exist any more",
            format!(
                "{} is gone, so nothing can hold a session on it.\n\n{}\n\n{done}",
                about.target,
                answer(error)
            ),
        ),
        Some(Halt::TimedOut(last)) => {
            let mut why = "Time was up before all selected sessions were gone. Raise the timeout, or narrow the selection.".to_owned();
            if let Some(error) = last {
                let _ = write!(why, "\n\nThe last failure: {}", answer(error));
            }
            survivors(about, report, &done, Some(why), &mut diagnostics);
        }
        Some(halt) => {
            let (summary, detail) = halted(about, report, halt);
            diagnostics.error(summary, format!("{detail}\n\n{done}"));
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

/// Selected sessions that live on are an error or a warning, as the user chose.
fn survivors(
    about: About<'_>,
    report: &Report,
    done: &str,
    why: Option<String>,
    to: &mut Diagnostics,
) {
    let alive: Vec<(&Session, &Fate)> = report
        .victims
        .iter()
        .filter(|victim| lives_on(&victim.fate, report.dry_run))
        .map(|victim| (&victim.session, &victim.fate))
        .collect();
    if alive.is_empty() && why.is_none() {
        return;
    }
    let mut detail = format!("{done}\n");
    if !alive.is_empty() {
        detail.push_str("\nStill alive:\n");
        for (session, fate) in alive.iter().take(NAMED) {
            let reason = if let Fate::Survived(reason) = fate { reason } else { "not tried" };
            let _ = writeln!(detail, "  {}: {reason}", table::name(about.spec, session));
        }
        more(&mut detail, alive.len());
    }
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
        Halt::TargetGone(_) | Halt::TimedOut(_) => {
            unreachable!("worded by `report` before this is called")
        }
    }
}

/// What the run did, in one sentence: the truth stands in every message about it.
fn done(spec: &Spec, target: &str, report: &Report) -> String {
    let verb = if report.dry_run { "Dry run" } else { "Result" };
    let mut text = format!(
        "{verb} on {target}: {} of {} selected {}s terminated",
        report.terminated(),
        report.selected(),
        spec.session
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
mod tests {
    use super::*;
    use crate::engine::Victim;
    use crate::services::{self, Field, SessionId};

    fn about(occasion: Occasion) -> About<'static> {
        About {
            spec: services::ALL
                .iter()
                .map(|service| service.spec())
                .find(|spec| spec.name == "huaweicloud_dcs")
                .unwrap(),
            target: "cn-north-4/i-1",
            on_failure: OnFailure::Fail,
            occasion,
        }
    }

    fn session(number: usize) -> Session {
        let id = format!("10.0.0.{number}:4711");
        Session {
            id: SessionId(id.clone()),
            node: "n".into(),
            unkillable: None,
            fields: [
                ("client_address", Field::Text(id)),
                ("user", Field::Text("app".into())),
                ("idle_seconds", Field::Integer(90)),
            ]
            .into(),
        }
    }

    fn victims(fates: &[Fate]) -> Vec<Victim> {
        let numbered = fates.iter().enumerate();
        numbered
            .map(|(number, fate)| Victim {
                session: session(number + 1),
                fate: fate.clone(),
                request_id: None,
            })
            .collect()
    }

    fn refused() -> Error {
        Error {
            request: Some(
                "POST https://dcs.cn-north-4.myhuaweicloud.com/v2/p/instances/i-1/clients/kill"
                    .into(),
            ),
            status: Some(403),
            code: Some("DCS.2003".into()),
            request_id: Some("r-77".into()),
            ..Error::new(Kind::Permission, "HangUpClients", "No permission.")
        }
    }

    /// Severity, summary and detail as a person reads them.
    fn check(occasion: Occasion, given: Report, expected: &str) {
        let messages: Vec<String> = report(about(occasion), &given)
            .0
            .iter()
            .map(|one| format!("{:?}: {}\n{}", one.severity, one.summary, one.detail))
            .collect();
        let shown = messages.join("\n---\n");
        assert_eq!(shown, expected, "\n{shown}\n");
    }

    #[test]
    fn a_run_that_went_well_says_nothing() {
        let given = Report {
            victims: victims(&[Fate::Terminated, Fate::AlreadyGone]),
            ..Report::default()
        };
        check(Occasion::Apply, given, "");
    }

    #[test]
    fn survivors_are_named_with_their_reasons_and_hold_a_destroy_back() {
        let given = || Report {
            victims: victims(&[
                Fate::Terminated,
                Fate::Survived("still listed after 3 attempts".into()),
            ]),
            reconnected: 2,
            ..Report::default()
        };
        check(
            Occasion::Destroy,
            given(),
            "Error: Sessions survived on cn-north-4/i-1\n\
            Result on cn-north-4/i-1: 1 of 2 selected client connections terminated, 2 reconnected.\n\
            \n\
            Still alive:\n  \
              10.0.0.2:4711 (user app, idle 1m30s): still listed after 3 attempts\n\
            \n\
            The resource stays in the state, so nothing that it depends on was destroyed. Destroy again to try again. To let it go in spite of survivors, set `on_failure = \"warn\"`, apply, then destroy.",
        );
        let warned = About { on_failure: OnFailure::Warn, ..about(Occasion::Apply) };
        let messages = report(warned, &given());
        assert!(!messages.has_errors() && messages.0.len() == 1);
    }

    #[test]
    fn a_refusal_names_the_call_the_code_the_request_and_what_was_done_before() {
        let given = Report {
            victims: victims(&[Fate::Terminated, Fate::Untouched]),
            halt: Some(Halt::Failed(refused())),
            ..Report::default()
        };
        check(
            Occasion::Apply,
            given,
            "Error: Sessions on cn-north-4/i-1 could not be terminated\n\
            HangUpClients (POST https://dcs.cn-north-4.myhuaweicloud.com/v2/p/instances/i-1/clients/kill) was answered with 403 DCS.2003: No permission. (request id r-77)\n\
            \n\
            The credentials are valid but lack a permission. The page of this type lists what must be granted.\n\
            \n\
            Result on cn-north-4/i-1: 1 of 2 selected client connections terminated.",
        );
    }

    #[test]
    fn too_many_sessions_are_counted_and_the_first_ones_named() {
        let given = Report {
            victims: victims(&vec![Fate::Untouched; 21]),
            halt: Some(Halt::TooMany { selected: 21, allowed: 5 }),
            ..Report::default()
        };
        let messages = report(about(Occasion::Apply), &given);
        let detail = &messages.0[0].detail;
        assert!(detail.starts_with("21 client connections are selected and `max_sessions` allows 5, so nothing was terminated."), "{detail}");
        assert!(
            detail.contains("10.0.0.20:4711") && !detail.contains("10.0.0.21:4711"),
            "{detail}"
        );
        assert!(detail.contains("  and 1 more\n"), "{detail}");
    }

    #[test]
    fn a_target_that_is_gone_is_a_warning() {
        let given = Report {
            halt: Some(Halt::TargetGone(Error::new(
                Kind::TargetGone,
                "ShowNodesInformation",
                "instance does not exist",
            ))),
            ..Report::default()
        };
        check(
            Occasion::Destroy,
            given,
            "Warning: Target of a session termination does not exist any more\n\
            cn-north-4/i-1 is gone, so nothing can hold a session on it.\n\
            \n\
            ShowNodesInformation: instance does not exist\n\
            \n\
            Result on cn-north-4/i-1: 0 of 0 selected client connections terminated.",
        );
    }

    #[test]
    fn every_way_to_end_early_has_words_and_fails_unless_the_target_is_gone() {
        let halts = [
            (Halt::ProtectedInTheWay, "Protected sessions are live on cn-north-4/i-1"),
            (Halt::NotSelective, "Single sessions cannot be terminated on cn-north-4/i-1"),
            (Halt::SameIdOnSeveralNodes("7".into()), "Session id is not unique on cn-north-4/i-1"),
            (Halt::TimedOut(Some(refused())), "Sessions survived on cn-north-4/i-1"),
            (Halt::TimedOut(None), "Sessions survived on cn-north-4/i-1"),
            (Halt::Cancelled, "Session termination on cn-north-4/i-1 was interrupted"),
            (
                Halt::Audit("`/a`: disk full".into()),
                "Audit log could not be written for cn-north-4/i-1",
            ),
        ];
        for (halt, summary) in halts {
            let given = Report { halt: Some(halt), ..Report::default() };
            let messages = report(about(Occasion::Apply), &given);
            assert_eq!(messages.0[0].summary, summary);
            assert!(messages.has_errors(), "{summary}");
        }
    }

    #[test]
    fn every_kind_of_failure_comes_with_advice() {
        let kinds = [
            Kind::Throttled,
            Kind::Busy,
            Kind::Unavailable,
            Kind::NotSent,
            Kind::Lost,
            Kind::Ambiguous,
            Kind::SessionGone,
            Kind::TargetGone,
            Kind::Credentials,
            Kind::Permission,
            Kind::Unsupported,
            Kind::BadRequest,
            Kind::Malformed,
            Kind::Configuration,
            Kind::JobFailed,
            Kind::Refused,
        ];
        for kind in kinds {
            let message =
                call_failed("Sessions could not be listed", &Error::new(kind, "List", "no"));
            assert!(message.detail.starts_with("List: no\n\n"), "{message:?}");
            assert!(message.detail.ends_with('.'), "{message:?}");
        }
    }

    #[test]
    fn progress_reads_as_a_story() {
        let events = [
            (
                Event::Listed { sessions: 12, nodes: 3 },
                "listed 12 live client connections on 3 nodes",
            ),
            (Event::Listed { sessions: 12, nodes: 1 }, "listed 12 live client connections"),
            (Event::Selected { selected: 9, protected: 1 }, "selected 9, 1 protected"),
            (Event::Killed { done: 4, of: 9 }, "terminated 4 of 9"),
            (Event::Verifying { left: 2 }, "verifying, 2 to be gone"),
            (
                Event::Retrying {
                    reason: "ListClients was throttled".into(),
                    wait: std::time::Duration::from_millis(1500),
                },
                "ListClients was throttled; trying again in 1.5 s",
            ),
        ];
        for (event, line) in events {
            assert_eq!(progress("client connection", &event), line);
        }
    }
}
