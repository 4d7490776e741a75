//! Real terminals of an ECS instance, opened as a browser would: `StartTerminalSession` gives a URL
//! (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-startterminalsession>),
//! and a WebSocket connection to it is the terminal.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request};
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use super::clients::Client;
use super::error::Error;
use super::sandbox_process::Card;
use crate::access::Secret;
use crate::access::alicloud::sign::{Key, sign};
use crate::wire::Outside;

/// API version of ECS.
const VERSION: &str = "2014-05-26";
/// Between two key strokes.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Longest wait for the session and the connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `StartTerminalSession` answers, as far as it is used.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Started {
    session_id: String,
    web_socket_url: String,
}

impl Client {
    /// Opens a terminal of an instance in a sandbox, as a user of its operating system. It is
    /// called by its session's id.
    ///
    /// # Errors
    /// The sandbox refuses, or is not there.
    pub async fn terminal(card: &Card, instance: &str, user: &str) -> Result<Client, Error> {
        let what = format!("{user} could not open a terminal of {instance}");
        let opened = tokio::time::timeout(PATIENCE, open(card, instance, user)).await;
        let opened = opened.unwrap_or_else(|_| Err("no answer in ten seconds".to_owned()));
        let (id, address, socket) = opened.map_err(|reason| Error::failed(what, reason))?;
        Ok(Client::watched(&id, user, address, live(socket)))
    }
}

/// A session and the connection to it; the error is a sentence.
async fn open(
    card: &Card,
    instance: &str,
    user: &str,
) -> Result<(String, SocketAddr, WebSocketStream<TcpStream>), String> {
    let outside = Outside::real();
    let region = &card.alicloud.region;
    let query = format!("RegionId={region}&InstanceId.1={instance}&Username={user}");
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(format!("{}/?{query}", card.endpoint))
        .header("x-acs-version", VERSION)
        .header("x-acs-action", "StartTerminalSession")
        .body(Bytes::new())
        .map_err(told)?;
    let credentials = &card.alicloud.credentials;
    let key = Key {
        access_key: credentials.access_key.clone(),
        secret_key: Secret::new(credentials.secret_key.clone()),
        security_token: None,
    };
    sign(&mut request, &key, outside.clock.now(), &outside.entropy.nonce()).map_err(told)?;
    let answer = outside.http.send(request).await.map_err(told)?;
    let started: Started = serde_json::from_slice(answer.body())
        .map_err(|_| format!("{}: {}", answer.status(), String::from_utf8_lossy(answer.body())))?;
    let host = card.endpoint.trim_start_matches("http://");
    let stream = TcpStream::connect(host).await.map_err(told)?;
    let address = stream.local_addr().map_err(told)?;
    let joined = tokio_tungstenite::client_async(&started.web_socket_url, stream).await;
    let (socket, _) = joined.map_err(told)?;
    Ok((started.session_id, address, socket))
}

fn told(reason: impl std::fmt::Display) -> String {
    reason.to_string()
}

/// Types and reads until the connection ends.
async fn live(mut socket: WebSocketStream<TcpStream>) {
    let mut beat = tokio::time::interval(HEARTBEAT);
    loop {
        let alive = tokio::select! {
            read = socket.next() => {
                read.is_some_and(|read| read.is_ok_and(|message| !message.is_close()))
            }
            _ = beat.tick() => socket.send(Message::text("date\n")).await.is_ok(),
        };
        if !alive {
            return;
        }
    }
}
