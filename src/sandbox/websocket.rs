//! Terminals as WebSocket connections to the sandbox's own listener: what is sent comes back.

use std::net::SocketAddr;
use std::sync::Arc;

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
use crate::services::simulator::Query;

/// Path of a session's URL.
const PATH: &str = "/session";
/// Largest message.
const MOST_MESSAGE: usize = 64 << 10;

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
