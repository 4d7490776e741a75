//! What whoever watches a run is told of.

/// What happens while a run works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The sessions of the first look are waited for.
    Draining {
        /// How many are left.
        left: usize,
        /// Of how many.
        of: usize,
        /// How much longer at most.
        more: std::time::Duration,
    },
    /// The target was listed.
    Listed {
        /// How many sessions are live.
        sessions: usize,
        /// On how many nodes.
        nodes: usize,
    },
    /// The selection was resolved.
    Selected {
        /// To be ended.
        selected: usize,
        /// Saved by `protect`.
        protected: usize,
    },
    /// The cloud took the request to end some more. Whether they are gone, a look will tell.
    Accepted {
        /// So far.
        done: usize,
        /// In all.
        of: usize,
    },
    /// A call failed and will be tried again.
    Retrying {
        /// The failure.
        reason: String,
        /// How long until then.
        wait: std::time::Duration,
    },
    /// The target is listed again.
    Verifying {
        /// How many selected sessions were left at the last look.
        left: usize,
    },
}

/// Someone who watches a run.
pub trait Observer: Send + Sync {
    /// Takes note. Must not block.
    fn observe(&self, event: Event);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _event: Event) {}
}
