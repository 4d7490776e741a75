//! How long to wait before the next round.

use std::time::Duration;

use super::Event;
use super::Halt;
use super::ask::Answer;
use super::run::{Run, reason};

/// The longest pause between looks, in units of [`Pace::poll`](super::Pace::poll).
const LONGEST_PAUSE: u32 = 8;

/// Of a second look at a server, what part of [`Pace::poll`](super::Pace::poll) it comes after.
const SOON: u32 = 20;

/// What has been waited for in one area.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Rounds in which an answer was lost.
    lost: u32,
    /// Rounds in a row in which a call had no effect.
    again: u32,
    /// Looks that left something open which only another look can settle.
    waits: u32,
    /// Whether the last look did.
    pub(super) waiting: bool,
    /// Rounds in which calls were made and answered well: the first is looked at at once.
    rounds: u32,
}

impl Patience {
    /// Waits as long as the answers advise. False if the run is over first.
    pub(super) async fn pass<'a>(
        &mut self,
        run: &Run<'_>,
        answers: impl Iterator<Item = &'a Answer>,
    ) -> bool {
        let (mut again, mut unsure, mut narrow) = (None, false, false);
        let (mut asked, mut settled) = (Duration::ZERO, false);
        for answer in answers {
            match answer {
                Answer::Settled => settled = true,
                Answer::Stale => {}
                Answer::Again(error) => again = again.or(Some(error)),
                Answer::Unsure(_) => unsure = true,
                Answer::Narrow(_) => narrow = true,
            }
            if let Answer::Again(error) | Answer::Unsure(error) | Answer::Narrow(error) = answer {
                asked = asked.max(error.retry_after.unwrap_or_default());
            }
        }
        let poll = run.pace.poll;
        let wait = if let Some(error) = again {
            let wait = run.pace.wait(self.again, Some(asked));
            self.again += 1;
            if wait >= run.left() {
                // Another try could not be made in time, so there is nothing to wait for.
                run.note(Halt::TimedOut(Some(error.clone())));
                return false;
            }
            run.observer.observe(Event::Retrying { reason: reason(error), wait });
            wait
        } else if unsure {
            let wait = run.pace.wait(self.lost, Some(asked.max(poll / 10)));
            self.lost += 1;
            wait
        } else if narrow {
            // Groups get smaller with every round, which bounds the number of these pauses.
            asked.max(poll)
        } else if self.waiting {
            // A server that answers by itself ends sessions in milliseconds, and a look costs it little.
            let first = if run.spec.answers_itself { poll / SOON } else { poll };
            let times = 2_u32.saturating_pow(self.waits.min(31));
            self.waits += 1;
            first.saturating_mul(times).min(poll * LONGEST_PAUSE)
        } else if settled && self.rounds > 0 {
            // Whoever comes again and again is not chased faster than anybody can look.
            poll
        } else {
            self.rounds += u32::from(settled);
            return true;
        };
        if again.is_none() {
            self.again = 0;
        }
        // The last look is taken a little before time is up, not left out.
        let latest = run.left().saturating_sub(poll);
        if latest.is_zero() || !run.wait(wait.min(latest)).await {
            if latest.is_zero() {
                run.note(Halt::TimedOut(None));
            }
            run.over(None);
            return false;
        }
        true
    }
}
