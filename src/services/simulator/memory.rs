//! Connections and a clock that exist only in memory, for tests and for instances of the sandbox
//! that have no real server behind them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::{Clients, LiveClient};
use crate::wire::Clock;

/// Connections that live in memory, by node, with a log of what was really cut.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    nodes: BTreeMap<String, Vec<LiveClient>>,
    killed: Vec<(String, String)>,
}

impl Memory {
    /// Nobody is connected.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// The same with one more connection.
    #[must_use]
    pub fn with(mut self, node: &str, client: LiveClient) -> Memory {
        self.connect(node, client);
        self
    }

    /// Ready to be put on a stage, and still reachable for whoever made it.
    pub fn shared(self) -> Arc<Mutex<Memory>> {
        Arc::new(Mutex::new(self))
    }

    /// Somebody connects.
    pub fn connect(&mut self, node: &str, client: LiveClient) {
        self.nodes.entry(node.to_owned()).or_default().push(client);
    }

    /// A client goes by itself; no kill is logged. False if there is none of that key.
    pub fn disconnect(&mut self, node: &str, key: &str) -> bool {
        let Some(clients) = self.nodes.get_mut(node) else { return false };
        let before = clients.len();
        clients.retain(|client| client.id != key);
        clients.len() < before
    }

    /// Node and key of every connection that was cut, in order.
    pub fn killed(&self) -> &[(String, String)] {
        &self.killed
    }
}

impl Clients for Memory {
    fn list(&mut self, node: &str) -> Vec<LiveClient> {
        self.nodes.get(node).cloned().unwrap_or_default()
    }

    fn kill(&mut self, node: &str, key: &str) -> bool {
        let there = self.disconnect(node, key);
        if there {
            self.killed.push((node.to_owned(), key.to_owned()));
        }
        there
    }
}

/// A clock that moves only when it is told to.
#[derive(Debug)]
pub struct SteppedClock(Mutex<SystemTime>);

impl SteppedClock {
    /// A clock that stands at `at`.
    pub fn at(at: SystemTime) -> SteppedClock {
        SteppedClock(Mutex::new(at))
    }

    /// Lets time pass.
    pub fn step(&self, by: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += by;
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
