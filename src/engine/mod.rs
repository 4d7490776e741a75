//! What "terminate sessions" means, for every service alike.
//!
//! [`view`] lists, [`View::survey`] selects; [`terminate`] lists, selects, guards, ends, verifies
//! and reports. The engine reaches the world only through [`Sessions`], an [`Audit`] and tokio's
//! timer. The story of a run:
//!
//! 1. **Wait** until those of a first look have left by themselves, if that is asked for
//!    (`drain.rs`), and then for the turn (`turns.rs`). Runs and readings of one process whose targets overlap go
//!    one after another. The time allowed begins after that.
//! 2. **List** (`reading.rs`). The nodes of the target are looked up; each is prepared and listed to
//!    its last page, side by side. Every call goes through one door (`run.rs`) that holds the
//!    deadline, the retries and the process' calls at a time (`calls.rs`). A reading says whether it
//!    proves that who is not on it is gone; which entries are one session, `same.rs` says, and
//!    `past.rs` what was known before of whoever has an id.
//! 3. **Select** (`select.rs`, `sieve.rs`). Pure functions say who is meant and who is protected.
//!    Then the guards: over the cap, an id that is not unique, an API that could only end too much,
//!    or a list that does not tell what `protect` looks at, and nothing is ended.
//! 4. **Go round** (`rounds.rs`): ask (`ask.rs`), in batches as large as the API takes, or in one
//!    call where all are meant and no guard is set; then look. What is about to be asked for is in
//!    the audit log first. Nobody is named who was not meant on the newest list that there is, and
//!    that is at most two seconds old. Who lives on is asked for again, now and then, in smaller
//!    groups if need be (`settle.rs`); who was missed comes in (`ledger.rs`, `entry.rs`).
//! 5. **Read it whole.** Under `all` and `match` a run succeeds only after a steady reading of the
//!    whole target without anybody whom it would select, newcomers excepted; where quiet is asked
//!    for, newcomers are ended too, until none has been there for so long (`quiet.rs`). A destroy
//!    looks once more, a second after its last kill (`last.rs`).
//! 6. **Report** (`fate.rs`). An acceptance that could not be checked is no kill: such a session is
//!    [`Fate::Survived`] with "not verified". The report is written to the audit log and returned,
//!    whatever happened.
//!
//! A panic over an answer is an answer that makes no sense; one in the engine ends the run, and is
//! reported with all that was known until then.
//!
//! An interrupt starts no other call, awaits those in flight for five seconds, and makes no last
//! look: what was not verified by then is reported so. Nothing runs past the request's timeout;
//! calls end a little earlier (a tenth of it, at most a second), which is left for the audit log.

mod ask;
mod audit;
mod calls;
mod drain;
mod entry;
mod event;
mod fate;
mod first;
mod fresh;
mod last;
mod ledger;
mod look;
mod pace;
mod past;
mod patience;
mod quiet;
mod reading;
mod report;
mod request;
mod rounds;
mod run;
mod same;
mod select;
mod settle;
mod sieve;
mod single;
mod turns;

#[cfg(test)]
mod tests;

pub use audit::{Audit, AuditFile, AuditLine, Counts, Log};
pub use calls::Calls;
pub use event::{Event, Observer, Silent};
pub use first::View;
pub use look::{Looked, Patience, look};
pub use pace::Pace;
pub use report::{Comer, Fate, Halt, Report, Survey, Victim};
pub use request::{Filter, Guards, Mode, Request, Selection, Verify};
pub use same::Known;
pub use select::guard;
pub use turns::Turns;

use std::collections::HashSet;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::ask::Ask;
use self::drain::Drain;
use self::ledger::Ledger;
use self::rounds::Rounds;
use self::run::{Run, Trouble};
use self::same::Clock;
use self::turns::Turn;
use crate::services::{Error, Kind, Scope, Sessions, Spec};

/// The most time that is kept for the audit log at the end of a run.
const RESERVE: Duration = Duration::from_secs(1);

/// What is worked on.
#[derive(Clone, Copy)]
pub struct Aim<'a> {
    /// The service.
    pub spec: &'a Spec,
    /// Its sessions on one target.
    pub sessions: &'a dyn Sessions,
    /// What tells the target apart from those of other runs.
    pub scope: &'a Scope,
    /// The turns of the process.
    pub turns: &'a Turns,
}

impl std::fmt::Debug for Aim<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Aim").field("scope", self.scope).finish_non_exhaustive()
    }
}

/// How long a listing may take, from its turn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// To the first answer of any kind: past it the other side counts as one that does not answer.
    pub first: Duration,
    /// In all.
    pub all: Duration,
}

impl Limit {
    /// The same time for the first answer and for all.
    pub fn of(all: Duration) -> Limit {
        Limit { first: all, all }
    }
}

/// What a listing is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To tell who is connected.
    List,
    /// To tell what a run would meet: that, and what holds the target in place beside its sessions.
    Preview,
}

/// Lists the sessions of a target. Ends nothing.
///
/// The error is the cloud's, or of [`Kind::Unavailable`] if time was up or the run was cancelled
/// before any call had failed; of [`Kind::Unreachable`] if nothing answered for `limit.first`, and no
/// call had failed either.
pub async fn view(
    aim: Aim<'_>,
    purpose: Purpose,
    limit: Limit,
    pace: &Pace,
    cancel: &CancellationToken,
) -> Result<View, Error> {
    let Some(_turn) = aim.turns.take(aim.scope, cancel).await else { return Err(interrupted()) };
    let run = Run::new(&aim, pace, &Silent, cancel, end_of(limit.all));
    let look = async {
        let mut view = run.view().await?;
        if purpose == Purpose::Preview {
            view.obstacles = run.obstacles().await;
        }
        Ok(view)
    };
    let seen = tokio::select! {
        biased;
        seen = look => seen,
        error = run.unheard_for(limit.first) => Err(Trouble::Failed(error)),
    };
    aim.sessions.close().await;
    let trouble = match seen {
        Ok(view) => return Ok(view),
        Err(trouble) => trouble,
    };
    Err(match (run.halt(), trouble) {
        (Some(Halt::Failed(error) | Halt::TargetGone(error)), _)
        | (_, Trouble::Failed(error) | Trouble::Over(Some(error)))
        | (Some(Halt::TimedOut(Some(error))), _) => error,
        (Some(Halt::Cancelled), _) => interrupted(),
        _ => Error::new(Kind::Unavailable, "list sessions", "no answer before time was up"),
    })
}

/// Lists the sessions of a target and says which of them `request` means. Ends nothing.
///
/// # Errors
/// As of [`view`].
pub async fn survey(
    aim: Aim<'_>,
    request: &Request,
    pace: &Pace,
    cancel: &CancellationToken,
) -> Result<Survey, Error> {
    let limit = Limit::of(request.timeout);
    let view = view(aim, Purpose::List, limit, pace, cancel).await?;
    Ok(view.survey(aim.spec, request))
}

/// Ends the sessions that `request` means. Whatever happens, the report tells all of it.
pub async fn terminate(
    aim: Aim<'_>,
    request: &Request,
    pace: &Pace,
    log: &Log,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Report {
    let dry_run = request.mode == Mode::DryRun;
    let mut report = Report { dry_run, ..Report::default() };
    let mut drain = Drain::default();
    if let Some(patience) = request.drain.filter(|_| !dry_run)
        && let Err(halt) = drain.wait(aim, request, patience, pace, observer, cancel).await
    {
        report.request_ids = std::mem::take(&mut drain.request_ids);
        report.halt = Some(halt);
        report.victims = drain.victims().collect();
        record(aim, &mut report, log, |_| false, end_of(request.timeout)).await;
        return report;
    }
    let turn = aim.turns.take(aim.scope, cancel).await;
    let end = end_of(request.timeout);
    let mut recorded = HashSet::new();
    if let Some(turn) = turn {
        let reserve = RESERVE.min(request.timeout / 10);
        let run = Run::new(&aim, pace, observer, cancel, end - reserve);
        recorded = work(&run, &turn, request, log, &mut drain, &mut report).await;
        // Our own session must not be in the way of what the result lets go.
        aim.sessions.close().await;
        report.halt = run.halt();
        report.request_ids = std::mem::take(&mut drain.request_ids);
        report.request_ids.extend(run.request_ids());
    } else {
        report.halt = Some(Halt::Cancelled);
    }
    // Behind the others, whose places the record knows.
    report.victims.extend(drain.victims());
    record(aim, &mut report, log, |at| recorded.contains(&at), end).await;
    report
}

/// Writes down what came of the run. A record that is missing must be an error.
async fn record(
    aim: Aim<'_>,
    report: &mut Report,
    log: &Log,
    recorded: impl Fn(usize) -> bool,
    end: Instant,
) {
    let lines = || log.results(aim.spec, report, recorded);
    if let Err(why) = log.append(lines, end).await {
        match report.halt {
            // These may be no more than a warning, and a record that is missing must be an error.
            None
            | Some(
                Halt::TargetGone(_) | Halt::TimedOut(_) | Halt::NotWhole(_) | Halt::NotQuiet(_),
            ) => {
                report.halt = Some(Halt::Audit(why));
            }
            Some(_) => {
                report.remarks.push(format!("the audit log lacks the results of this run: {why}"));
            }
        }
    }
}

/// Lists, guards and ends, and puts what came of it into the report. Returns which victims the
/// audit log has a `requested` line for.
async fn work(
    run: &Run<'_>,
    turn: &Turn,
    request: &Request,
    log: &Log,
    drain: &mut Drain,
    report: &mut Report,
) -> HashSet<usize> {
    let clock = Clock::at((log.now)());
    let view = run.guarded(run.view_for(request)).await.and_then(Result::ok);
    let Some(mut view) = view else { return HashSet::new() };
    drain.heed(&view, turn);
    let mut found = view.find(run.spec, request, clock);
    let survey = &found.survey;
    run.observer
        .observe(Event::Listed { sessions: found.sightings.len(), nodes: view.nodes.len() });
    let (selected, protected) = (survey.selected.len(), survey.protected.len());
    run.observer.observe(Event::Selected { selected, protected });
    report.seen = !found.sightings.is_empty();
    let halt = found.guard(run.spec, request);
    let works = halt.is_none() && request.mode == Mode::Terminate;
    if let Some(halt) = halt {
        run.stop(halt);
    }
    let of = |at: &usize| found.sightings[*at].session.clone();
    report.protected = survey.protected.iter().map(of).collect();
    let beyond = beyond(survey, &found.sightings);
    let sightings = std::mem::take(&mut found.sightings);
    let by_name = works && !found.judge.everyone;
    let ledger = Ledger::new(sightings, &found.survey.selected, view.looks, by_name);
    let ask = Ask { run, log, ledger: &ledger, turn };
    let rounds = Rounds { ask, request, judge: &found.judge, chases: AtomicBool::new(false) };
    if works {
        run.guarded(async {
            rounds.all(&view.nodes).await;
            rounds.until_quiet(&view.nodes).await;
            rounds.note_doubt();
            report.returned = rounds.look_once_more(&view.nodes, &mut report.remarks).await;
            if request.looks_again && run.halt().is_none() {
                report.obstacles = run.obstacles().await;
            }
        })
        .await;
    }
    let survey = found.survey;
    rounds.tell(&survey, clock, report);
    report.remarks.extend(beyond);
    report.remarks.extend(unjudged(&survey));
    if survey.unseen > 0 {
        let count = survey.unseen;
        report.remarks.push(format!("the cloud counts {count} more than its list shows"));
    }
    ledger.with(|book| {
        let recorded = book.entries.iter().enumerate().filter(|(_, one)| one.recorded);
        recorded.map(|(at, _)| at).collect()
    })
}

/// How many sessions were meant that the API cannot end, and why the first of them.
fn beyond(survey: &Survey, sightings: &[same::Sighting]) -> Option<String> {
    let first = &sightings[*survey.beyond.first()?].session;
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

fn interrupted() -> Error {
    Error::new(Kind::Unavailable, "list sessions", "interrupted before there was an answer")
}
