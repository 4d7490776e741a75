//! How many calls the whole process makes at a time, and whose turn the next one is.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use tokio::sync::oneshot;

use super::run::lock;

/// The calls that may be made at a time by all runs together. No target holds more than half of
/// them, and always one, while another target waits: one that never answers does not starve the
/// others. Clones share them.
#[derive(Clone, Debug)]
pub struct Calls(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    busy: usize,
    /// How many have come so far.
    came: u64,
    /// Those that hold calls or wait for some.
    targets: HashMap<Arc<str>, Waiters>,
}

/// Those who want to call one target.
#[derive(Debug, Default)]
struct Waiters {
    /// How many calls they make now.
    held: usize,
    /// Who waits, in the order of their coming.
    queue: VecDeque<(u64, oneshot::Sender<Permit>)>,
}

/// The right to make one call, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    calls: Arc<Shared>,
    target: Arc<str>,
}

impl Calls {
    /// So many at a time.
    pub fn new(total: NonZeroUsize) -> Calls {
        Calls(Arc::new(Shared { total: total.get(), state: Mutex::default() }))
    }

    /// Waits for the right to make a call to a target. First come, first served, within the bound.
    pub(super) async fn permit(&self, target: &Arc<str>) -> Permit {
        let (give, given) = oneshot::channel();
        lock(&self.0.state).enter(target, give);
        hand_out(&self.0);
        given.await.expect("who waits is answered: the queue lives as long as the calls")
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.calls.state);
            state.busy -= 1;
            if let Some(target) = state.targets.get_mut(&self.target) {
                target.held -= 1;
            }
        }
        hand_out(&self.calls);
    }
}

/// Gives free calls to those who wait. Who has stopped waiting gives his back by dropping it.
fn hand_out(calls: &Arc<Shared>) {
    loop {
        let next = lock(&calls.state).next(calls.total);
        let Some((target, give)) = next else { return };
        let permit = Permit { calls: Arc::clone(calls), target };
        drop(give.send(permit));
    }
}

impl State {
    fn enter(&mut self, target: &Arc<str>, give: oneshot::Sender<Permit>) {
        self.came += 1;
        let waiters = self.targets.entry(Arc::clone(target)).or_default();
        waiters.queue.push_back((self.came, give));
    }

    fn next(&mut self, total: usize) -> Option<(Arc<str>, oneshot::Sender<Permit>)> {
        if self.busy >= total {
            return None;
        }
        self.targets.retain(|_, target| target.first().is_some() || target.held > 0);
        let waiting = self.targets.values().filter(|target| !target.queue.is_empty()).count();
        let most = if waiting > 1 { (total / 2).max(1) } else { total };
        let (_, name, target) = self
            .targets
            .iter_mut()
            .filter(|(_, target)| target.held < most)
            .filter_map(|(name, target)| Some((target.first()?, name, target)))
            .min_by_key(|(came, ..)| *came)?;
        let (_, give) = target.queue.pop_front()?;
        target.held += 1;
        self.busy += 1;
        Some((Arc::clone(name), give))
    }
}

impl Waiters {
    /// When the first of those who still wait came.
    fn first(&mut self) -> Option<u64> {
        while self.queue.front().is_some_and(|(_, give)| give.is_closed()) {
            self.queue.pop_front();
        }
        self.queue.front().map(|(came, _)| *came)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn calls(total: usize) -> Calls {
        Calls::new(NonZeroUsize::new(total).unwrap())
    }

    async fn permit(calls: &Calls, target: &str) -> Permit {
        calls.permit(&target.into()).await
    }

    #[tokio::test]
    async fn one_target_alone_has_all_and_beside_another_half() {
        let calls = calls(4);
        let mut first: Vec<_> = (0..4).map(|_| permit(&calls, "a").now_or_never()).collect();
        assert!(first.iter().all(Option::is_some));
        // Both wait: the next two that come free are `b`'s, though `a` has waited longer.
        let mut again = Box::pin(permit(&calls, "a"));
        let mut other = Box::pin(permit(&calls, "b"));
        let mut more = Box::pin(permit(&calls, "b"));
        assert!((&mut again).now_or_never().is_none());
        assert!((&mut other).now_or_never().is_none() && (&mut more).now_or_never().is_none());
        first.pop();
        assert!((&mut again).now_or_never().is_none());
        let _other = (&mut other).now_or_never().expect("b's");
        first.pop();
        let _more = (&mut more).now_or_never().expect("b's");
        assert!((&mut again).now_or_never().is_none());
        first.pop();
        let _again = (&mut again).now_or_never().expect("nobody else waits");
    }

    #[tokio::test]
    async fn who_stops_waiting_keeps_nothing() {
        let calls = calls(1);
        let held = permit(&calls, "a").await;
        let mut gone = Box::pin(permit(&calls, "b"));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        let mut waits = Box::pin(permit(&calls, "c"));
        assert!((&mut waits).now_or_never().is_none());
        drop(held);
        assert!((&mut waits).now_or_never().is_some());
    }

    #[tokio::test]
    async fn who_has_stopped_waiting_is_no_other_target_that_waits() {
        let calls = calls(2);
        let mut held = vec![permit(&calls, "a").await, permit(&calls, "a").await];
        let mut gone = Box::pin(permit(&calls, "b"));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        let mut again = Box::pin(permit(&calls, "a"));
        assert!((&mut again).now_or_never().is_none());
        held.pop();
        assert!((&mut again).now_or_never().is_some(), "both are for the one that is left");
    }

    #[tokio::test]
    async fn a_single_call_at_a_time_goes_round() {
        let calls = calls(1);
        let held = permit(&calls, "a").await;
        let mut a = Box::pin(permit(&calls, "a"));
        let mut b = Box::pin(permit(&calls, "b"));
        assert!((&mut a).now_or_never().is_none() && (&mut b).now_or_never().is_none());
        drop(held);
        drop((&mut a).now_or_never().expect("first come"));
        assert!((&mut b).now_or_never().is_some());
    }
}
