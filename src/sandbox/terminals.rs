//! Terminal sessions that are real: WebSocket connections to the sandbox's own listener.
//!
//! `StartTerminalSession` makes one that is expected, whoever connects with its token within ten
//! minutes makes it connected, and what they send comes back. Ending it drops the connection, and
//! its URL never works again
//! (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-startterminalsession>).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;

use super::world::Sandbox;
use crate::access::Secret;
use crate::services::simulator::{Expected, LiveClient, Query};
use crate::wire::Clock;

/// Path of a session's URL.
const PATH: &str = "/session";
/// How long a URL can be connected to.
const VALID: Duration = Duration::from_secs(10 * 60);
/// Sessions at a time.
const MOST: usize = 100;
/// Keys are counted from here, above those of all clients in memory.
const FIRST_KEY: u64 = 900_000;
/// Largest message.
const MOST_MESSAGE: usize = 64 << 10;

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
    fn connect(
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

/// Whether a request is to connect to a session.
pub(super) fn is_terminal(request: &Request<Incoming>) -> bool {
    request.uri().path() == PATH
}

/// Answers a request to connect to a session, and serves the connection until either side ends it.
pub(super) fn connect(
    sandbox: &Arc<Sandbox>,
    mut request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Bytes> {
    let refuse = |status| {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = status;
        response
    };
    let text = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let upgrade = text("upgrade").is_some_and(|it| it.eq_ignore_ascii_case("websocket"));
    let (Some(key), true, Some("13")) =
        (text("sec-websocket-key"), upgrade, text("sec-websocket-version"))
    else {
        return refuse(StatusCode::UPGRADE_REQUIRED);
    };
    // Pages in browsers have no business here.
    if request.headers().contains_key(header::ORIGIN) {
        return refuse(StatusCode::FORBIDDEN);
    }
    let mut query = Query::of(request.uri());
    let session = query.take("sessionId").unwrap_or_default();
    let token = text("x-acs-session-token").map(str::to_owned).or(query.take("token"));
    let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) else {
        return refuse(StatusCode::BAD_REQUEST);
    };
    let taken = sandbox.ledger().terminals().connect(&session, &token.unwrap_or_default(), peer);
    let Some((key, end)) = taken else { return refuse(StatusCode::FORBIDDEN) };
    let sandbox = Arc::clone(sandbox);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        converse(upgrade, &end).await;
        // It went by itself; of one that was ended nothing is left to drop.
        sandbox.ledger().terminals().kill(&key);
    });
    let mut response = refuse(StatusCode::SWITCHING_PROTOCOLS);
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

/// Sends back what comes in, until the session ends or the other side goes.
async fn converse(upgrade: OnUpgrade, end: &CancellationToken) {
    let upgraded = tokio::select! {
        () = end.cancelled() => return,
        upgraded = upgrade => upgraded,
    };
    let Ok(upgraded) = upgraded else { return };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MOST_MESSAGE))
        .max_frame_size(Some(MOST_MESSAGE));
    let stream = TokioIo::new(upgraded);
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    loop {
        let message = tokio::select! {
            () = end.cancelled() => return,
            message = socket.next() => message,
        };
        let Some(Ok(message)) = message else { return };
        if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
            return;
        }
    }
}
