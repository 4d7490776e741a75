//! What "terminate sessions" means, for every service alike.
//!
//! [`survey`] lists and selects; [`terminate`] surveys, guards, kills, verifies and reports. The
//! engine reaches the world only through [`Sessions`], an [`Audit`] and
//! tokio's timer. The story of a run:
//!
//! 1. **List.** The nodes of the target are looked up; each is prepared and listed to its last
//!    page, side by side. Every call goes through one door (`run.rs`) that holds the deadline, the
//!    number of calls at a time and the retries. A refused key or permission ends everything after
//!    one answer.
//! 2. **Select.** Pure functions (`select.rs`) say which sessions are meant and which of those
//!    are protected. Then the guards: over the cap, an id that is not unique, an API that could
//!    only end too much, or a list that does not tell what `protect` looks at, and nothing is
//!    ended.
//! 3. **Ask.** Each node's sessions go in batches as large as the API takes; or everything goes in
//!    one call where all are meant and no guard is set, for only then a session that nobody has
//!    seen may be hit. What is about to be asked for is in the audit log first. A call that
//!    certainly had no effect is repeated as it is; after one that may have had, the node is listed
//!    before anything is asked for again.
//! 4. **Look.** The nodes are listed until no selected id is left or time is up. What vanished
//!    after it was asked for is terminated; what vanished after a refusal that names nobody
//!    ([`Kind::Ambiguous`]) counts as already gone. What lives on
//!    is asked for again, now and then, in smaller groups if need be.
//! 5. **Report.** An acceptance that could not be checked is no kill: such a session is
//!    [`Fate::Survived`] with "not verified". The report is written to the audit log and returned,
//!    whatever happened.
//!
//! A panic over an answer is an answer that makes no sense; one in the engine ends the run, and is
//! reported with all that was known until then.
//!
//! An interrupt starts no other call, awaits those in flight for five seconds, and makes no last
//! look: what was not verified by then is reported so. Nothing runs past the request's timeout;
//! calls end a little earlier (a tenth of it, at most a second), which is left for the audit log.

mod audit;
mod kill;
mod ledger;
mod list;
mod pace;
mod report;
mod request;
mod run;
mod select;
mod verify;

#[cfg(test)]
mod tests;

pub use audit::{Audit, AuditFile, AuditLine, Counts, Log};
pub use pace::Pace;
pub use report::{Event, Fate, Halt, Observer, Report, Silent, Survey, Victim};
pub use request::{Filter, Guards, Mode, Request, Selection, Verify};
pub use select::guard;

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::kill::Kill;
use self::ledger::Ledger;
use self::run::{Run, Trouble};
use crate::services::{Error, Kind, Sessions, Spec};

/// The most time that is kept for the audit log at the end of a run.
const RESERVE: Duration = Duration::from_secs(1);

/// Lists the sessions of a target and says which of them `request` means. Ends nothing.
///
/// The error is the cloud's, or of [`Kind::Unavailable`] if time was up or the run was cancelled
/// before any call had failed.
pub async fn survey(
    spec: &Spec,
    sessions: &dyn Sessions,
    request: &Request,
    pace: &Pace,
    cancel: &CancellationToken,
) -> Result<Survey, Error> {
    let run = Run::new(sessions, pace, &Silent, cancel, end_of(request.timeout));
    let trouble = match run.survey(spec, request).await {
        Ok((_, survey)) => return Ok(survey),
        Err(trouble) => trouble,
    };
    Err(match (run.halt(), trouble) {
        (Some(Halt::Failed(error) | Halt::TargetGone(error)), _)
        | (_, Trouble::Failed(error) | Trouble::Over(Some(error)))
        | (Some(Halt::TimedOut(Some(error))), _) => error,
        (Some(Halt::Cancelled), _) => {
            Error::new(Kind::Unavailable, "list sessions", "interrupted before there was an answer")
        }
        _ => Error::new(Kind::Unavailable, "list sessions", "no answer before time was up"),
    })
}

/// Ends the sessions that `request` means. Whatever happens, the report tells all of it.
pub async fn terminate(
    spec: &Spec,
    sessions: &dyn Sessions,
    request: &Request,
    pace: &Pace,
    log: &Log,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Report {
    let end = end_of(request.timeout);
    let reserve = RESERVE.min(request.timeout / 10);
    let run = Run::new(sessions, pace, observer, cancel, end - reserve);
    let dry_run = request.mode == Mode::DryRun;
    let mut report = Report { dry_run, ..Report::default() };
    let mut recorded = HashSet::new();
    let found = run.guarded(async {
        let (nodes, survey) = run.survey(spec, request).await.ok()?;
        let live = survey.sessions.len();
        observer.observe(Event::Listed { sessions: live, nodes: nodes.len() });
        let (selected, protected) = (survey.selected.len(), survey.protected.len());
        observer.observe(Event::Selected { selected, protected });
        Some((nodes, survey))
    });
    if let Some((nodes, survey)) = found.await.flatten() {
        recorded = fill(spec, request, log, &run, &nodes, survey, &mut report).await;
    }
    report.halt = run.halt();
    report.request_ids = run.request_ids();
    let lines = || log.results(spec, &report, |at| recorded.contains(&at));
    if let Err(why) = log.append(lines, end).await {
        match report.halt {
            // These may be no more than a warning, and a record that is missing must be an error.
            None | Some(Halt::TargetGone(_) | Halt::TimedOut(_)) => {
                report.halt = Some(Halt::Audit(why));
            }
            Some(_) => {
                report.remarks.push(format!("the audit log lacks the results of this run: {why}"));
            }
        }
    }
    report
}

/// Guards and kills, and puts what came of it into the report. Returns which victims the audit log
/// has a `requested` line for.
async fn fill(
    spec: &Spec,
    request: &Request,
    log: &Log,
    run: &Run<'_>,
    nodes: &[crate::services::Node],
    survey: Survey,
    report: &mut Report,
) -> HashSet<usize> {
    let halt = select::guard(spec, &request.guards, &survey);
    let works = halt.is_none() && request.mode == Mode::Terminate;
    if let Some(halt) = halt {
        run.stop(halt);
    }
    let by_name = works && !select::in_one_call(spec, request, nodes);
    let ledger = Ledger::new(spec, &survey, by_name);
    if works {
        run.guarded(Kill { run, spec, request, log, ledger: &ledger }.all(nodes)).await;
    }
    let endings = ledger.endings(request.verify, run.halt().as_ref());
    report.reconnected = ledger.reconnected(&endings);
    report.remarks = ledger.remarks();
    report.remarks.extend(beyond(&survey));
    report.remarks.extend(unjudged(&survey));
    if survey.unseen > 0 {
        let count = survey.unseen;
        report.remarks.push(format!("the cloud counts {count} more than its list shows"));
    }
    let recorded = ledger.recorded();
    drop(ledger);
    report.settle(survey, endings);
    recorded
}

/// How many sessions were meant that the API cannot end, and why the first of them.
fn beyond(survey: &Survey) -> Option<String> {
    let first = &survey.sessions[*survey.beyond.first()?];
    let why = first.unkillable.unwrap_or_default();
    let count = survey.beyond.len();
    let (sessions, were) = if count == 1 { ("session", "was") } else { ("sessions", "were") };
    Some(format!("{count} selected {sessions} cannot be ended and {were} left: {why}"))
}

/// For how many sessions each criterion could not be judged.
fn unjudged(survey: &Survey) -> impl Iterator<Item = String> + '_ {
    survey.unjudged.iter().map(|(criterion, count)| {
        let name = criterion.name();
        let whom = match count {
            1 => "1 session, so it does not match".to_owned(),
            more => format!("{more} sessions, so they do not match"),
        };
        format!("the list does not tell what `{name}` looks at for {whom}")
    })
}

/// A time far away is as good as none, and cannot overflow.
fn end_of(timeout: Duration) -> Instant {
    Instant::now() + timeout.min(Duration::from_secs(60 * 60 * 24 * 365))
}
