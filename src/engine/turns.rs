//! Turns of runs and readings whose targets overlap, so that they neither claim each other's kills
//! nor disturb each other's scans.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::run::lock;
use super::same::{Mark, Sighting};
use crate::services::{Scope, SessionId};

/// Most sessions that are remembered as asked for by some run of the process.
const MOST_ASKED: usize = 200_000;

/// The turns of one provider process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Turns(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Notify,
    asked: Mutex<Asked>,
}

#[derive(Debug, Default)]
struct Queue {
    next: u64,
    /// Who has a turn or waits for one, in the order of their coming.
    line: Vec<(u64, Arc<Scope>)>,
}

/// Sessions whose end some run has asked for, by node and id.
#[derive(Debug, Default)]
struct Asked {
    count: usize,
    /// The turn that asked first, and whether others did as well.
    first: Option<u64>,
    others: bool,
    by_node: HashMap<String, HashMap<SessionId, Vec<Trace>>>,
}

/// A session that was asked for.
#[derive(Debug)]
struct Trace {
    /// On which target.
    scope: Arc<Scope>,
    /// Which of those that had the id.
    mark: Mark,
    /// By whose turn.
    number: u64,
}

/// A turn, given back when dropped.
#[derive(Debug)]
pub(super) struct Turn {
    shared: Arc<Shared>,
    number: u64,
    scope: Arc<Scope>,
}

impl Turns {
    /// Waits until nobody who came before works on a target that overlaps. None if cancelled first.
    pub(super) async fn take(&self, scope: &Scope, cancel: &CancellationToken) -> Option<Turn> {
        let turn = {
            let mut queue = lock(&self.0.queue);
            let number = queue.next;
            queue.next += 1;
            let scope = Arc::new(scope.clone());
            queue.line.push((number, Arc::clone(&scope)));
            Turn { shared: Arc::clone(&self.0), number, scope }
        };
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            if turn.is_next() {
                return Some(turn);
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return None,
                () = changed => {}
            }
        }
    }
}

impl Turn {
    fn is_next(&self) -> bool {
        let queue = lock(&self.shared.queue);
        let before = queue.line.iter().take_while(|(number, _)| *number < self.number);
        before.into_iter().all(|(_, scope)| !scope.overlaps(&self.scope))
    }

    /// Notes that this run asks for somebody's end.
    pub(super) fn asks(&self, sighting: &Sighting) {
        let mut asked = lock(&self.shared.asked);
        let asked = &mut *asked;
        if asked.count >= MOST_ASKED {
            return;
        }
        asked.others |= *asked.first.get_or_insert(self.number) != self.number;
        let session = &sighting.session;
        let node = asked.by_node.entry(session.node.clone()).or_default();
        let known = node.entry(session.id.clone()).or_default();
        if !known.iter().any(|trace| trace.is_of(&self.scope, sighting)) {
            known.reserve_exact(1); // hardly ever is there another
            let (scope, mark) = (Arc::clone(&self.scope), sighting.mark());
            known.push(Trace { scope, mark, number: self.number });
            asked.count += 1;
        }
    }

    /// Whether another run asked for its end before this one did.
    pub(super) fn is_of_another(&self, sighting: &Sighting) -> bool {
        let asked = lock(&self.shared.asked);
        if !asked.others && asked.first == Some(self.number) {
            return false;
        }
        let node = asked.by_node.get(&sighting.session.node);
        let known = node.and_then(|node| node.get(&sighting.session.id));
        let of_another =
            |trace: &Trace| trace.number != self.number && trace.is_of(&self.scope, sighting);
        known.into_iter().flatten().any(of_another)
    }
}

impl Trace {
    /// Whether it is of this session, which has its node and id, on a target that overlaps.
    fn is_of(&self, scope: &Scope, sighting: &Sighting) -> bool {
        self.scope.overlaps(scope) && self.mark.is(sighting)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.shared.queue).line.retain(|(number, _)| *number != self.number);
        self.shared.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::time::Instant;

    use super::*;
    use crate::engine::tests::world::{session, spec};
    use crate::services::Everyone;

    fn scope(instance: &str) -> Scope {
        Scope::for_test(&[("instance_id", instance)])
    }

    #[tokio::test]
    async fn runs_on_one_target_go_one_after_another_and_others_beside_them() {
        let (turns, cancel) = (Turns::default(), CancellationToken::new());
        let first = turns.take(&scope("a"), &cancel).await.unwrap();
        let (a, b) = (scope("a"), scope("b"));
        let mut second = Box::pin(turns.take(&a, &cancel));
        assert!((&mut second).now_or_never().is_none());
        assert!(turns.take(&b, &cancel).now_or_never().is_some());
        drop(first);
        assert!((&mut second).now_or_never().flatten().is_some());
    }

    #[tokio::test]
    async fn who_was_asked_for_by_another_is_known_by_more_than_his_id() {
        let (turns, cancel) = (Turns::default(), CancellationToken::new());
        let seen = |number: &str| {
            let mut one = session("n", "10.0.0.1:4711", "app");
            one.incarnation = Some(number.to_owned());
            let now = Instant::now();
            Sighting::new(&spec(1, Everyone::Never), one, now, now)
        };
        let first = turns.take(&scope("a"), &cancel).await.unwrap();
        first.asks(&seen("7"));
        assert!(!first.is_of_another(&seen("7")), "it is its own");
        drop(first);
        let next = turns.take(&scope("a"), &cancel).await.unwrap();
        assert!(next.is_of_another(&seen("7")));
        assert!(!next.is_of_another(&seen("8")), "he has the id now, and nobody asked for him");
        next.asks(&seen("8"));
        assert!(!next.is_of_another(&seen("8")));
        let elsewhere = turns.take(&scope("b"), &cancel).await.unwrap();
        assert!(!elsewhere.is_of_another(&seen("7")), "on another target it is somebody else");
    }

    #[tokio::test]
    async fn an_interrupt_ends_the_wait_and_leaves_nothing_in_the_way() {
        let (turns, cancel) = (Turns::default(), CancellationToken::new());
        let first = turns.take(&scope("a"), &cancel).await.unwrap();
        let stopped = CancellationToken::new();
        stopped.cancel();
        assert!(turns.take(&scope("a"), &stopped).await.is_none());
        drop(first);
        let next = turns.take(&scope("a"), &cancel).now_or_never();
        assert!(next.flatten().is_some());
    }
}
