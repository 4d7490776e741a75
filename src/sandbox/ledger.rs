//! Who is connected to all instances of the sandbox, and a log of whose connection was really cut.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::redis::Redis;
use super::terminals::Terminals;
use crate::services::simulator::{Again, Clients, Expected, FOLLOWER, LiveClient, Memory};
use crate::wire::Clock;

/// Cuts that are remembered.
const MOST: usize = 100_000;

/// How much later the end comes of whoever does not end at once.
const LATE: Duration = Duration::from_secs(10);
/// Behind the numbers of all others.
const FIRST_FOLLOWER: usize = 910_000;

/// A connection that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Killed {
    /// When, by the sandbox's clock.
    pub at: SystemTime,
    /// On which node.
    pub node: String,
    /// Whose, as it was before.
    pub client: LiveClient,
}

/// The connections of all nodes: in memory, but those of some nodes in real Redis servers, and real
/// terminals beside those in memory.
pub struct Ledger {
    clock: Arc<dyn Clock>,
    memory: Memory,
    /// When those in memory connected, by node and key.
    since: BTreeMap<(String, String), SystemTime>,
    redis: Vec<(BTreeSet<String>, Redis)>,
    terminals: Terminals,
    /// Whose end was asked for and comes later: when, on which node, under which key.
    later: Vec<(SystemTime, String, String)>,
    /// How many followed somebody.
    followers: usize,
    killed: VecDeque<Killed>,
    untold: Vec<Killed>,
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ledger").field("killed", &self.killed.len()).finish_non_exhaustive()
    }
}

impl Ledger {
    /// Nobody is connected, unless to a Redis that stands behind some nodes.
    pub fn new(clock: Arc<dyn Clock>, redis: Vec<(BTreeSet<String>, Redis)>) -> Ledger {
        Ledger {
            memory: Memory::new(),
            since: BTreeMap::new(),
            redis,
            terminals: Terminals::new(Arc::clone(&clock)),
            clock,
            later: Vec::new(),
            followers: 0,
            killed: VecDeque::new(),
            untold: Vec::new(),
        }
    }

    /// Somebody connects in memory.
    pub fn connect(&mut self, node: &str, client: LiveClient) {
        self.since.insert((node.to_owned(), client.id.clone()), self.clock.now());
        self.memory.connect(node, client);
    }

    /// A client in memory goes by itself; false if there is none of that key.
    pub fn disconnect(&mut self, node: &str, key: &str) -> bool {
        self.memory.disconnect(node, key)
    }

    /// Cut connections, the oldest first.
    pub fn killed(&self) -> impl ExactSizeIterator<Item = &Killed> {
        self.killed.iter()
    }

    /// Connections that were cut since the last call of this.
    pub(super) fn take_untold(&mut self) -> Vec<Killed> {
        std::mem::take(&mut self.untold)
    }

    /// Nobody is connected in memory or to a terminal any more, and nobody was cut.
    pub fn clear(&mut self) {
        self.memory = Memory::new();
        self.since.clear();
        self.later.clear();
        self.terminals.clear();
        self.killed.clear();
        self.untold.clear();
    }

    /// Cuts those whose time has come.
    pub(super) fn settle(&mut self) {
        let now = self.clock.now();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.later).into_iter().partition(|(at, ..)| *at <= now);
        self.later = later;
        for (_, node, key) in due {
            self.kill(&node, &key);
        }
    }

    /// Why a real Redis could not be asked since the last call of this, if one could not.
    pub fn take_trouble(&mut self) -> Option<String> {
        let troubles: Vec<String> =
            self.redis.iter_mut().filter_map(|(_, redis)| redis.take_trouble()).collect();
        troubles.into_iter().next()
    }

    /// The real terminals.
    pub(super) fn terminals(&mut self) -> &mut Terminals {
        &mut self.terminals
    }

    fn behind(&mut self, node: &str) -> &mut dyn Clients {
        match self.redis.iter_mut().find(|(nodes, _)| nodes.contains(node)) {
            Some((_, redis)) => redis,
            None => &mut self.memory,
        }
    }
}

impl Clients for Ledger {
    fn list(&mut self, node: &str) -> Vec<LiveClient> {
        let now = self.clock.now();
        let mut clients = self.behind(node).list(node);
        for client in &mut clients {
            // Time passes for those in memory, too.
            let since = self.since.get(&(node.to_owned(), client.id.clone()));
            let since = since.and_then(|since| now.duration_since(*since).ok());
            let seconds = i64::try_from(since.unwrap_or_default().as_secs()).unwrap_or(i64::MAX);
            client.age = client.age.saturating_add(seconds);
            client.idle = client.idle.saturating_add(seconds);
        }
        clients.extend(self.terminals.list(node));
        clients
    }

    fn kill(&mut self, node: &str, key: &str) -> bool {
        let found = self.list(node).into_iter().find(|client| client.id == key);
        let Some(client) = found else { return false };
        let cut = self.terminals.kill(key) || self.behind(node).kill(node, key);
        if cut {
            if self.killed.len() >= MOST {
                self.killed.pop_front();
            }
            let at = self.clock.now();
            let killed = Killed { at, node: node.to_owned(), client };
            self.untold.push(killed.clone());
            self.killed.push_back(killed);
        }
        cut
    }

    fn kill_later(&mut self, node: &str, key: &str) {
        self.later.push((self.clock.now() + LATE, node.to_owned(), key.to_owned()));
    }

    fn kill_and_follow(&mut self, node: &str, key: &str, again: Again) {
        let before = self.list(node).into_iter().find(|client| client.id == key);
        let Some(before) = before.filter(|_| self.kill(node, key)) else { return };
        self.followers += 1;
        let name = FOLLOWER.to_owned();
        let number = FIRST_FOLLOWER + self.followers;
        let id = match again {
            Again::Never => return,
            Again::Id => before.id,
            Again::Address => number.to_string(),
        };
        let address = match (again, before.address.rsplit_once(':')) {
            (Again::Id, Some((ip, _))) => format!("{ip}:{}", 50_000 + self.followers % 10_000),
            _ => before.address,
        };
        self.connect(node, LiveClient { id, address, name, age: 0, idle: 0, ..before });
    }

    fn expect(&mut self, node: &str, user: &str) -> Option<Expected> {
        self.terminals.expect(node, user)
    }
}
