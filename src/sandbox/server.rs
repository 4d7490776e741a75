//! The sandbox on a socket: HTTP/1.1 over loopback, and never beyond.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::websocket;
use super::world::{Delivery, Reply, SLOW, Sandbox, marked};
use crate::wire::https::is_loopback;

/// Largest body of a request.
const MOST_BODY: usize = 1 << 20;
/// Most connections at a time.
const MOST_CONNECTIONS: usize = 256;
/// Longest time until a request's headers are there.
const HEADERS: Duration = Duration::from_secs(10);
/// How often jobs are looked after.
const TICK: Duration = Duration::from_millis(200);

type Body = BoxBody<Bytes, io::Error>;

/// Listens on a loopback address; port 0 takes a free one.
///
/// # Errors
/// `PermissionDenied` for an address beyond this machine, and what the system says.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    if !address.ip().is_loopback() {
        let message = format!("the sandbox listens on loopback only, not on {address}");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    TcpListener::bind(address).await
}

/// Serves until it is told to stop; connections that are open then are dropped.
///
/// # Errors
/// `PermissionDenied` if the listener can be reached from elsewhere, and what the system says.
pub async fn serve(
    sandbox: Arc<Sandbox>,
    listener: TcpListener,
    stop: CancellationToken,
) -> io::Result<()> {
    if !listener.local_addr()?.ip().is_loopback() {
        let message = "the sandbox serves loopback only";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
    }
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut tick = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            () = stop.cancelled() => {
                sandbox.ledger().terminals().clear();
                return Ok(());
            }
            _ = tick.tick() => settle(&sandbox).await,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // One that fails concerns its peer only, or passes by itself.
                let Ok((stream, peer)) = accepted else { continue };
                let Ok(slot) = Arc::clone(&slots).try_acquire_owned() else { continue };
                let sandbox = Arc::clone(&sandbox);
                connections.spawn(async move {
                    connection(sandbox, stream, peer).await;
                    drop(slot);
                });
            }
        }
    }
}

async fn settle(sandbox: &Arc<Sandbox>) {
    let sandbox = Arc::clone(sandbox);
    // What panics there is seen by the next request.
    let _ = tokio::task::spawn_blocking(move || sandbox.settle()).await;
}

async fn connection(sandbox: Arc<Sandbox>, stream: TcpStream, peer: SocketAddr) {
    let service = service_fn(|request| respond(Arc::clone(&sandbox), request, peer));
    // An error is a connection that one of both sides dropped.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}

async fn respond(
    sandbox: Arc<Sandbox>,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<Body>, io::Error> {
    // A page in a browser that reaches loopback by a name of its own is not let in.
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.and_then(|host| host.parse::<http::uri::Authority>().ok());
    if !host.is_some_and(|host| is_loopback(host.host())) {
        return Ok(refusal(StatusCode::MISDIRECTED_REQUEST));
    }
    if websocket::is_terminal(&request) {
        return Ok(marked(websocket::connect(&sandbox, request, peer)).map(whole));
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MOST_BODY).collect().await else {
        return Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE));
    };
    let request = Request::from_parts(parts, body.to_bytes());
    let reply = tokio::task::spawn_blocking(move || sandbox.answer(&request)).await;
    deliver(reply.map_err(io::Error::other)?).await
}

async fn deliver(reply: Reply) -> Result<Response<Body>, io::Error> {
    let (mut parts, body) = reply.response.into_parts();
    match reply.delivery {
        Delivery::Whole => Ok(Response::from_parts(parts, whole(body))),
        Delivery::Dropped => Err(io::ErrorKind::ConnectionReset.into()),
        Delivery::Never => std::future::pending().await,
        Delivery::Slow | Delivery::Cut => {
            parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
            let slow = reply.delivery == Delivery::Slow;
            let first = body.slice(..body.len() / 2);
            let rest = body.slice(body.len() / 2..);
            let late = async move {
                if slow {
                    tokio::time::sleep(SLOW).await;
                    return Ok(Frame::data(rest));
                }
                // Lets the first half out before the connection goes.
                tokio::task::yield_now().await;
                Err(io::ErrorKind::ConnectionReset.into())
            };
            let frames = stream::iter([Ok(Frame::data(first))]).chain(stream::once(late));
            Ok(Response::from_parts(parts, BodyExt::boxed(StreamBody::new(frames))))
        }
    }
}

fn whole(body: Bytes) -> Body {
    Full::new(body).map_err(|never: Infallible| match never {}).boxed()
}

fn refusal(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    marked(response).map(whole)
}
