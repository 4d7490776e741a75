//! How many calls the whole process makes at a time, and whose turn the next one is.

use std::collections::{BTreeSet, HashMap, VecDeque};
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
    /// By target.
    held: HashMap<String, usize>,
    queue: VecDeque<(String, oneshot::Sender<Permit>)>,
}

/// The right to make one call, given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    calls: Arc<Shared>,
    target: String,
}

impl Calls {
    /// So many at a time.
    pub fn new(total: NonZeroUsize) -> Calls {
        Calls(Arc::new(Shared { total: total.get(), state: Mutex::default() }))
    }

    /// Waits for the right to make a call to a target. First come, first served, within the bound.
    pub(super) async fn permit(&self, target: &str) -> Permit {
        let (give, given) = oneshot::channel();
        lock(&self.0.state).queue.push_back((target.to_owned(), give));
        hand_out(&self.0);
        given.await.expect("who waits is answered: the queue lives as long as the calls")
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.calls.state);
            state.busy -= 1;
            if let Some(held) = state.held.get_mut(&self.target) {
                *held -= 1;
                if *held == 0 {
                    state.held.remove(&self.target);
                }
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
    fn next(&mut self, total: usize) -> Option<(String, oneshot::Sender<Permit>)> {
        self.queue.retain(|(_, give)| !give.is_closed());
        if self.busy >= total {
            return None;
        }
        let most = (total / 2).max(1);
        let others = self.queue.iter().map(|(target, _)| target).collect::<BTreeSet<_>>().len() > 1;
        let may = |(target, _): &(String, _)| {
            !others || self.held.get(target).is_none_or(|held| *held < most)
        };
        let at = self.queue.iter().position(may)?;
        let (target, give) = self.queue.remove(at)?;
        self.busy += 1;
        *self.held.entry(target.clone()).or_default() += 1;
        Some((target, give))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn calls(total: usize) -> Calls {
        Calls::new(NonZeroUsize::new(total).unwrap())
    }

    #[tokio::test]
    async fn one_target_alone_has_all_and_beside_another_half() {
        let calls = calls(4);
        let mut first: Vec<_> = (0..4).map(|_| calls.permit("a").now_or_never()).collect();
        assert!(first.iter().all(Option::is_some));
        // Both wait: the next two that come free are `b`'s, though `a` has waited longer.
        let mut again = Box::pin(calls.permit("a"));
        let mut other = Box::pin(calls.permit("b"));
        let mut more = Box::pin(calls.permit("b"));
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
        let held = calls.permit("a").await;
        let mut gone = Box::pin(calls.permit("b"));
        assert!((&mut gone).now_or_never().is_none());
        drop(gone);
        let mut waits = Box::pin(calls.permit("c"));
        assert!((&mut waits).now_or_never().is_none());
        drop(held);
        assert!((&mut waits).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_single_call_at_a_time_goes_round() {
        let calls = calls(1);
        let held = calls.permit("a").await;
        let mut a = Box::pin(calls.permit("a"));
        let mut b = Box::pin(calls.permit("b"));
        assert!((&mut a).now_or_never().is_none() && (&mut b).now_or_never().is_none());
        drop(held);
        drop((&mut a).now_or_never().expect("first come"));
        assert!((&mut b).now_or_never().is_some());
    }
}
