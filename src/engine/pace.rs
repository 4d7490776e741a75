//! How fast a run may go and how patient it is: concurrency, backoff, polling.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

/// Validated numbers of conduct, and the randomness that spreads retries.
#[derive(Clone)]
pub struct Pace {
    /// Most calls at a time.
    pub concurrency: NonZeroUsize,
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
        f.debug_struct("Pace").field("concurrency", &self.concurrency).finish_non_exhaustive()
    }
}

impl Pace {
    /// The product's numbers: 0.5 s doubling to 20 s, a look every second.
    pub fn new(concurrency: NonZeroUsize, jitter: Arc<dyn Fn() -> f64 + Send + Sync>) -> Pace {
        Pace {
            concurrency,
            backoff: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(20),
            poll: Duration::from_secs(1),
            jitter,
        }
    }
}
