//! The front door of one cloud: recognises its requests, says whose they are, and words what a
//! gateway refuses.

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};

/// What stands between the network and the services of one cloud.
pub trait Gate: Send {
    /// The cloud's name in a [`Spec`](crate::services::Spec).
    fn cloud(&self) -> &'static str;

    /// Whether a request is meant for this cloud. One that no gate recognises is not answered by
    /// any cloud.
    fn recognises(&self, request: &Request<Bytes>) -> bool;

    /// The operation in a short form, like `POST /v2/p/instances/i/clients/kill` or
    /// `POST EndTerminalSession`: for faults and logs.
    fn operation(&self, request: &Request<Bytes>) -> String;

    /// Authenticates. What the cloud's gateway or its identity service answers by itself, good or
    /// bad, is an `Err`; all else goes on to the services.
    fn admit(
        &mut self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<Admitted, Response<Bytes>>;

    /// The gateway's words for a refusal of a request.
    fn refusal(&self, refused: Refused, request: &Request<Bytes>) -> Response<Bytes>;

    /// Puts the request's id where this cloud has it. The id is 32 hexadecimal digits.
    fn identify(&self, response: &mut Response<Bytes>, request_id: &str);

    /// Forgets failures and tokens.
    fn reset(&mut self);
}

/// The host that a request names, in its URL or its header.
pub(super) fn host(request: &Request<Bytes>) -> Option<String> {
    request.uri().host().map(str::to_owned).or_else(|| {
        let named = request.headers().get(http::header::HOST)?.to_str().ok()?;
        named.parse::<http::uri::Authority>().ok().map(|authority| authority.host().to_owned())
    })
}

/// A request's id of 32 hexadecimal digits, with dashes as those of a UUID.
pub(super) fn dashed(request_id: &str) -> String {
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| request_id.get(part));
    parts.into_iter().flatten().collect::<Vec<_>>().join("-")
}

/// A header as text; None if there is none, or if it is not text.
pub(super) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// An answer of plain text.
pub(super) fn plain(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(text.to_owned()));
    *response.status_mut() = status;
    response
}

/// An answer, good or bad.
pub(super) fn either(reply: Result<Response<Bytes>, Response<Bytes>>) -> Response<Bytes> {
    reply.unwrap_or_else(|refusal| refusal)
}

/// A request that may go on to the services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The product's key in `endpoints`, if the host tells it; on loopback it does not.
    pub product: Option<String>,
}

/// What a gateway refuses by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Too many requests.
    Throttled,
    /// It failed.
    ServerError,
    /// It is not available.
    Unavailable,
    /// Token or temporary key have expired.
    Expired,
    /// The signature is wrong.
    WrongSignature,
    /// There is no such API.
    Unknown,
}
