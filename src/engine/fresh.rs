//! How old what a call is decided on may be.

use tokio::time::{Duration, Instant};

/// The oldest a list may be when a call is begun that it decided.
pub(super) const FRESH: Duration = Duration::from_secs(2);

/// How fresh what is known of an area is. Lists that take long must not keep kills from being made:
/// a look that a kill waited for is good for two seconds of killing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Freshness {
    /// When the last page of the last look arrived.
    pub(super) arrived: Instant,
    /// Whether a kill waited for that look.
    pub(super) awaited: bool,
    /// When the first call was begun after it.
    pub(super) began: Option<Instant>,
}

/// What a call was decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    /// It names sessions.
    ByName,
    /// It names nobody, under guards or a selection: it goes by who was on the list.
    ByGuards,
    /// It names nobody, and all are meant: no list decides it.
    Everyone,
}

impl Freshness {
    /// Whether a call may begin now; counts it as begun.
    pub(super) fn begin(&mut self, call: Judged) -> bool {
        let since = match (call, self.began) {
            (Judged::ByName, Some(began)) if self.awaited => began,
            (Judged::ByName, None) if self.awaited => Instant::now(),
            (Judged::ByName | Judged::ByGuards, _) => self.arrived,
            (Judged::Everyone, _) => Instant::now(),
        };
        let fresh = since.elapsed() <= FRESH;
        if fresh {
            self.began.get_or_insert_with(Instant::now);
        }
        fresh
    }
}
