//! Before a run: waiting for the selected sessions to end by themselves.
//!
//! The turn is given back between two looks, so that nobody waits for people who take their time. A
//! look that fails for a reason that may pass is no failure: the run itself lists again before it
//! ends anybody.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::first::View;
use super::run::{Run, Trouble};
use super::same::{Clock, Sighting};
use super::turns::Turn;
use super::{Aim, Event, Fate, Halt, Observer, Pace, Request, Victim, end_of};
use crate::services::Session;

/// The pause after the first look; each later one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause: whoever watches wants to hear now and then.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Who was selected at the first look.
#[derive(Debug, Default)]
pub(super) struct Drain {
    /// Who was there at the last look.
    waiting: Vec<Sighting>,
    /// Who has left since, with what that is called.
    left: Vec<(Arc<Session>, Fate)>,
    /// The cloud's ids of the requests.
    pub(super) request_ids: Vec<String>,
}

impl Drain {
    /// Looks and waits until all have left, or for `patience`. Ends nobody.
    ///
    /// # Errors
    /// Why the run must not go on: it was interrupted, or no list can be had.
    pub(super) async fn wait(
        &mut self,
        aim: Aim<'_>,
        request: &Request,
        patience: Duration,
        pace: &Pace,
        observer: &dyn Observer,
        cancel: &CancellationToken,
    ) -> Result<(), Halt> {
        let end = end_of(patience);
        let (mut pause, mut first, mut of) = (FIRST_PAUSE, true, 0);
        loop {
            let Some(turn) = aim.turns.take(aim.scope, cancel).await else {
                return Err(Halt::Cancelled);
            };
            let run = Run::new(&aim, pace, observer, cancel, end_of(request.timeout));
            let seen = run.view().await;
            aim.sessions.close().await;
            self.request_ids.extend(run.request_ids());
            match seen {
                Ok(mut view) if first => {
                    let clock = Clock::at(SystemTime::UNIX_EPOCH);
                    let found = view.find(aim.spec, request, clock);
                    let selected = found.survey.selected.iter();
                    self.waiting = selected.map(|at| found.sightings[*at].clone()).collect();
                    of = self.waiting.len();
                    first = false;
                }
                Ok(view) => self.heed(&view, &turn),
                Err(trouble) => {
                    if let Some(halt) = fatal(&run, trouble, first) {
                        return Err(halt);
                    }
                }
            }
            drop(turn);
            let left = self.waiting.len();
            let more = end.saturating_duration_since(Instant::now());
            if left == 0 || more.is_zero() {
                return Ok(());
            }
            observer.observe(Event::Draining { left, of, more });
            tokio::select! {
                biased;
                () = cancel.cancelled() => return Err(Halt::Cancelled),
                () = tokio::time::sleep(pause.min(more)) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Who is not there any more has left, if what was read proves it: by himself, unless another
    /// run of this process asked him to.
    pub(super) fn heed(&mut self, view: &View, turn: &Turn) {
        if self.waiting.is_empty() {
            return;
        }
        let mut seen: HashMap<_, Vec<&Sighting>> = HashMap::new();
        for one in &view.sightings {
            seen.entry(one.session.place()).or_default().push(one);
        }
        let waiting = std::mem::take(&mut self.waiting);
        for one in waiting {
            let now = seen.get(&one.session.place()).into_iter().flatten();
            let there = now.into_iter().any(|seen| one.is(seen));
            if there || !view.shows_all() {
                self.waiting.push(one);
                continue;
            }
            let fate = if turn.is_of_another(&one) { Fate::AlreadyGone } else { Fate::Drained };
            self.left.push((one.session.clone(), fate));
        }
    }

    /// Those who have left, for the report.
    pub(super) fn victims(self) -> impl Iterator<Item = Victim> {
        self.left.into_iter().map(|(session, fate)| Victim { session, fate, request_id: None })
    }
}

/// What a failed look means. Only the first one must succeed; later ones may fail for what passes.
fn fatal(run: &Run<'_>, trouble: Trouble, first: bool) -> Option<Halt> {
    let halt = run.halt();
    match (halt, trouble) {
        (Some(halt @ Halt::Cancelled), _) => Some(halt),
        (Some(Halt::TimedOut(last)), _) if first => Some(Halt::TimedOut(last)),
        (Some(Halt::TimedOut(_)), _) => None,
        (_, Trouble::Failed(error) | Trouble::Over(Some(error)))
            if first || error.kind.stops_everything() =>
        {
            Some(Halt::Failed(error))
        }
        (Some(halt), _) if first => Some(halt),
        (_, Trouble::Over(None)) if first => Some(Halt::TimedOut(None)),
        _ => None,
    }
}
