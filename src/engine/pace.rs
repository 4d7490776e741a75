//! How fast a run may go and how patient it is: concurrency, backoff, polling.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::Calls;

/// Validated numbers of conduct, and the randomness that spreads retries.
#[derive(Clone)]
pub struct Pace {
    /// The calls that may be made at a time by all that share them.
    pub calls: Calls,
    /// First backoff; doubles with every attempt.
    pub backoff: Duration,
    /// Longest backoff.
    pub backoff_cap: Duration,
    /// Between two looks at a job, or at what is left.
    pub poll: Duration,
    /// A number from 0 up to but not including 1: full jitter takes a share of each backoff.
    pub jitter: Arc<dyn Fn() -> f64 + Send + Sync>,
}

impl std::fmt::Debug for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pace").field("calls", &self.calls).finish_non_exhaustive()
    }
}

impl Pace {
    /// The product's numbers: 0.5 s doubling to 20 s, a look every second.
    pub fn new(concurrency: NonZeroUsize, jitter: Arc<dyn Fn() -> f64 + Send + Sync>) -> Pace {
        Pace {
            calls: Calls::new(concurrency),
            backoff: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(20),
            poll: Duration::from_secs(1),
            jitter,
        }
    }

    /// How long to wait after the failure number `attempt`, from 0: full jitter over a doubling,
    /// capped backoff, and never less than the cloud asks for.
    pub(super) fn wait(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.backoff.saturating_mul(2_u32.saturating_pow(attempt.min(31)));
        let share = (self.jitter)().clamp(0.0, 1.0);
        doubled.min(self.backoff_cap).mul_f64(share).max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backoff_doubles_up_to_its_cap_and_never_undercuts_what_the_cloud_asks() {
        let full = Pace::new(NonZeroUsize::MIN, Arc::new(|| 1.0));
        let half = Pace::new(NonZeroUsize::MIN, Arc::new(|| 0.5));
        let ms = Duration::from_millis;
        for (pace, attempt, asked, expected) in [
            (&full, 0, None, ms(500)),
            (&full, 1, None, ms(1000)),
            (&full, 5, None, ms(16_000)),
            (&full, 6, None, ms(20_000)),
            (&full, u32::MAX, None, ms(20_000)),
            (&half, 0, None, ms(250)),
            (&half, 9, None, ms(10_000)),
            (&half, 0, Some(ms(3000)), ms(3000)),
            (&full, 3, Some(ms(1)), ms(4000)),
        ] {
            assert_eq!(pace.wait(attempt, asked), expected, "attempt {attempt}, asked {asked:?}");
        }
    }
}
