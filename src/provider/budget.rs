//! What all previews of one provider process may cost a plan: ten seconds, counted while any of them
//! is awaited.
//!
//! A core plans ten blocks at a time, so targets that do not answer would otherwise add up. Each gets
//! three seconds for a first answer and five in all; a place that has not answered is not asked again.
//! Once six seconds are gone, a first answer must come within 300 ms, until ten are gone; from then on
//! nobody is asked. None of this binds a run.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::engine::Limit;

/// What all may take together.
const ALL: Duration = Duration::from_secs(10);
/// What those that do not answer may use up.
const SILENT: Duration = Duration::from_secs(6);
/// What one may take.
const ONE: Duration = Duration::from_secs(5);
/// Within what its first answer must come, before and after [`SILENT`] is used up.
const FIRST: [Duration; 2] = [Duration::from_secs(3), Duration::from_millis(300)];

/// What is left, and who has not answered.
#[derive(Debug, Default)]
pub(super) struct Budget(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    awaited: usize,
    /// Since when anybody is awaited.
    since: Option<Instant>,
    /// What was used up before that.
    spent: Duration,
    silent: HashSet<String>,
}

/// Why a preview is not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Skipped {
    /// Its place did not answer another one.
    Silent,
    /// The time is used up.
    Spent,
}

/// A preview that is awaited.
#[derive(Debug)]
pub(super) struct Awaited<'a> {
    budget: &'a Budget,
    pub(super) limit: Limit,
}

impl Budget {
    /// Begins a preview that asks a place.
    ///
    /// # Errors
    /// Nobody may be asked.
    pub(super) fn begin(&self, place: &str) -> Result<Awaited<'_>, Skipped> {
        let mut state = self.lock();
        if state.silent.contains(place) {
            return Err(Skipped::Silent);
        }
        let spent = state.spent();
        let left = ALL.saturating_sub(spent);
        if left.is_zero() {
            return Err(Skipped::Spent);
        }
        let first = FIRST[usize::from(spent >= SILENT)].min(left);
        state.awaited += 1;
        state.since.get_or_insert_with(Instant::now);
        Ok(Awaited { budget: self, limit: Limit { first, all: ONE.min(left) } })
    }

    /// Remembers that a place has not answered.
    pub(super) fn silent(&self, place: &str) {
        self.lock().silent.insert(place.to_owned());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn spent(&self) -> Duration {
        self.spent + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        let mut state = self.budget.lock();
        state.awaited -= 1;
        if state.awaited == 0 {
            state.spent = state.spent();
            state.since = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;
    use tokio::time::sleep;

    use super::*;

    /// A preview of a place that answers after a while; whether it was made.
    async fn preview(budget: &Budget, place: &str, answers: Option<Duration>) -> bool {
        let Ok(awaited) = budget.begin(place) else { return false };
        let takes = answers.filter(|time| *time <= awaited.limit.first);
        sleep(takes.unwrap_or(awaited.limit.first)).await;
        if takes.is_none() {
            budget.silent(place);
        }
        takes.is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_nine_that_do_not_answer_leave_time_for_the_one_that_does() {
        let (budget, core) = (Arc::new(Budget::default()), Arc::new(Semaphore::new(10)));
        let began = Instant::now();
        let plans = (0..30).map(|number| {
            let (budget, core) = (Arc::clone(&budget), Arc::clone(&core));
            async move {
                let _turn = core.acquire().await.unwrap();
                let answers = (number == 29).then(|| Duration::from_millis(100));
                preview(&budget, &format!("place-{number}"), answers).await
            }
        });
        let made = futures_util::future::join_all(plans).await;
        assert!(made[29] && made.iter().filter(|one| **one).count() == 1);
        assert!(began.elapsed() < ALL, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn when_the_time_is_used_up_nobody_is_asked_and_time_between_counts_for_nothing() {
        let budget = Budget::default();
        for number in 0..2 {
            sleep(Duration::from_secs(60)).await;
            assert!(!preview(&budget, &format!("{number}"), None).await);
        }
        assert_eq!(budget.begin("0").map(|_| ()), Err(Skipped::Silent));
        let late = budget.begin("late").unwrap();
        assert_eq!(late.limit, Limit { first: FIRST[1], all: Duration::from_secs(4) });
        sleep(Duration::from_secs(4)).await;
        drop(late);
        assert_eq!(budget.begin("more").map(|_| ()), Err(Skipped::Spent));
    }
}
