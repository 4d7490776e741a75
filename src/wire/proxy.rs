//! Proxies that will not let us through, told by the kind of the failure.

use std::error::Error;
use std::time::Duration;

use http::{StatusCode, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

use super::{cause, redact};

/// Longest time that a proxy has to say once more why it refuses.
const PATIENCE: Duration = Duration::from_secs(5);
/// As much of an answer as has its status in it, like `HTTP/1.1 403`.
const HEAD: usize = 12;

/// Why a tunnel through a proxy came to nothing. The library does not name the type otherwise.
type Tunneling = <Tunnel<HttpConnector> as Service<Uri>>::Error;

/// Why there is no way through a proxy.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It wants a login.
    Login,
    /// It does not connect us; with what it answers, as far as that is known.
    Refused(Option<StatusCode>),
    /// It cannot be reached itself, or breaks off; with why.
    Unreachable(String),
}

impl Refusal {
    /// Why a request failed, if a proxy is why.
    #[expect(clippy::wildcard_enum_match_arm, reason = "of an enum of another, these are meant")]
    pub(super) fn of(error: &(dyn Error + 'static)) -> Option<Refusal> {
        Some(match cause::find::<Tunneling>(error)? {
            Tunneling::ProxyAuthRequired => Refusal::Login,
            Tunneling::TunnelUnsuccessful => Refusal::Refused(None),
            other => Refusal::Unreachable(innermost(other)),
        })
    }

    /// The same with the proxy's status, which the library keeps to itself: it is asked for once
    /// more.
    pub(super) async fn with_status(self, uri: &Uri) -> Refusal {
        match self {
            Refusal::Refused(None) => {
                let asked = timeout(PATIENCE, status(&Matcher::from_env(), uri)).await;
                // One that lets us through by now has no reason any more.
                Refusal::Refused(asked.unwrap_or_default().filter(|it| *it != StatusCode::OK))
            }
            told @ (Refusal::Login | Refusal::Refused(Some(_)) | Refusal::Unreachable(_)) => told,
        }
    }

    /// Whether no try can help. One that does not reach the host just now answers with a 5xx.
    pub(super) fn is_for_good(&self) -> bool {
        match self {
            Refusal::Login => true,
            Refusal::Refused(Some(status)) => !matches!(
                *status,
                StatusCode::REQUEST_TIMEOUT
                    | StatusCode::TOO_EARLY
                    | StatusCode::TOO_MANY_REQUESTS
                    | StatusCode::INTERNAL_SERVER_ERROR
                    | StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            Refusal::Refused(None) | Refusal::Unreachable(_) => false,
        }
    }

    /// What a person has to know.
    pub(super) fn told(&self) -> String {
        let proxy = "the proxy that the environment names (`HTTPS_PROXY`)";
        match self {
            Refusal::Login => format!(
                "{proxy} wants a login. Name it as `http://user:password@host:port`, or except the \
                 host in `NO_PROXY`"
            ),
            Refusal::Refused(status) => {
                let status = status.map(|status| format!(" and answers {}", status.as_u16()));
                format!(
                    "{proxy} does not connect to it{}. It may not be allowed there; `NO_PROXY` \
                     excepts hosts",
                    status.unwrap_or_default()
                )
            }
            Refusal::Unreachable(why) => format!(
                "{proxy} cannot be reached: {why}. Check its address; `NO_PROXY` excepts hosts"
            ),
        }
    }
}

/// The last of an error's causes, in its words.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    redact::bounded(&last.to_string(), 200)
}

/// What the proxy for a host answers to a CONNECT. None if it says nothing that can be read, or is
/// spoken with by TLS.
async fn status(matcher: &Matcher, uri: &Uri) -> Option<StatusCode> {
    let intercept = matcher.intercept(uri)?;
    let proxy = intercept.uri();
    if proxy.scheme_str() != Some("http") {
        return None;
    }
    let host = proxy.host()?.trim_start_matches('[').trim_end_matches(']');
    let mut stream = TcpStream::connect((host, proxy.port_u16().unwrap_or(80))).await.ok()?;
    stream.write_all(&connect(&intercept, uri)?).await.ok()?;
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).await.ok()?;
    let (version, status) = head.split_at(HEAD - 3);
    let is_http = version.starts_with(b"HTTP/1.");
    is_http.then(|| StatusCode::from_bytes(status).ok()).flatten()
}

/// The request for a tunnel.
fn connect(intercept: &Intercept, uri: &Uri) -> Option<Vec<u8>> {
    let (host, port) = (uri.host()?, uri.port_u16().unwrap_or(443));
    let mut request =
        format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n").into_bytes();
    if let Some(login) = intercept.basic_auth() {
        request.extend([b"Proxy-Authorization: ", login.as_bytes(), b"\r\n"].concat());
    }
    request.extend(b"\r\n");
    Some(request)
}
