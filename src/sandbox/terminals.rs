//! Terminal sessions that are real: who is expected, and who is connected.
//!
//! `StartTerminalSession` makes one that is expected, and whoever connects with its token within ten
//! minutes makes it connected. Ending it drops the connection, and its URL never works again
//! (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-startterminalsession>).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::access::Secret;
use crate::services::simulator::{Expected, LiveClient};
use crate::wire::Clock;

/// How long a URL can be connected to.
const VALID: Duration = Duration::from_secs(10 * 60);
/// Sessions at a time.
const MOST: usize = 100;
/// Keys are counted from here, above those of all clients in memory.
const FIRST_KEY: u64 = 900_000;

/// All terminal sessions that are expected or connected.
pub(super) struct Terminals {
    clock: Arc<dyn Clock>,
    open: BTreeMap<String, Terminal>,
    made: u64,
}

struct Terminal {
    node: String,
    user: String,
    token: Secret,
    began: SystemTime,
    /// Who is connected.
    peer: Option<SocketAddr>,
    end: CancellationToken,
}

impl Terminals {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Terminals {
        Terminals { clock, open: BTreeMap::new(), made: 0 }
    }

    /// Makes a session that somebody may connect to; None if there are too many.
    pub(super) fn expect(&mut self, node: &str, user: &str) -> Option<Expected> {
        self.forget_late();
        if self.open.len() >= MOST {
            return None;
        }
        self.made += 1;
        let id = (FIRST_KEY + self.made).to_string();
        let token = Secret::new(format!("sandbox-terminal-token-{}", self.made));
        let terminal = Terminal {
            node: node.to_owned(),
            user: user.to_owned(),
            token: token.clone(),
            began: self.clock.now(),
            peer: None,
            end: CancellationToken::new(),
        };
        self.open.insert(id.clone(), terminal);
        Some(Expected { id, token })
    }

    /// Sessions on one node.
    pub(super) fn list(&mut self, node: &str) -> Vec<LiveClient> {
        self.forget_late();
        let now = self.clock.now();
        let of_node = self.open.iter().filter(|(_, terminal)| terminal.node == node);
        let client = |(id, terminal): (&String, &Terminal)| {
            let age = now.duration_since(terminal.began).unwrap_or_default().as_secs();
            LiveClient {
                id: id.clone(),
                address: terminal.peer.map(|peer| peer.to_string()).unwrap_or_default(),
                user: terminal.user.clone(),
                age: i64::try_from(age).unwrap_or_default(),
                flags: if terminal.peer.is_none() { "Connecting".into() } else { String::new() },
                ..LiveClient::default()
            }
        };
        of_node.map(client).collect()
    }

    /// Drops one; false if there is none of that key.
    pub(super) fn kill(&mut self, key: &str) -> bool {
        let terminal = self.open.remove(key);
        terminal.is_some_and(|terminal| {
            terminal.end.cancel();
            true
        })
    }

    /// Drops all.
    pub(super) fn clear(&mut self) {
        for terminal in std::mem::take(&mut self.open).into_values() {
            terminal.end.cancel();
        }
    }

    /// Takes up a session that is expected: its key, and what is cancelled when it ends.
    pub(super) fn connect(
        &mut self,
        session: &str,
        token: &str,
        peer: SocketAddr,
    ) -> Option<(String, CancellationToken)> {
        self.forget_late();
        let (key, terminal) = self.open.iter_mut().find(|(key, terminal)| {
            terminal.token.reveal() == token && session.ends_with(key.as_str())
        })?;
        if terminal.peer.is_some() {
            return None;
        }
        terminal.peer = Some(peer);
        Some((key.clone(), terminal.end.clone()))
    }

    /// Those whom nobody connected to in time are gone.
    fn forget_late(&mut self) {
        let now = self.clock.now();
        self.open.retain(|_, terminal| {
            let late = now.duration_since(terminal.began).is_ok_and(|age| age > VALID);
            terminal.peer.is_some() || !late
        });
    }
}
