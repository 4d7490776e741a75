//! One signed call and its answer.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};

use super::{Error, Kind};
use crate::wire::Outside;

/// A request as a service writes it, before host, identity and signature are added.
#[derive(Clone, Debug)]
pub struct Call {
    /// The cloud's name of the operation, for errors and logs.
    pub operation: &'static str,
    /// Which product's endpoint it goes to, like `dcs`.
    pub product: &'static str,
    /// HTTP method.
    pub method: Method,
    /// Path with plain, not percent-encoded segments; `{project_id}` is filled in by the client.
    pub path: String,
    /// Query parameters, not encoded.
    pub query: Vec<(String, String)>,
    /// JSON body.
    pub body: Option<serde_json::Value>,
    /// API version, where the protocol names one beside the operation (Alibaba's `x-acs-version`).
    pub version: &'static str,
}

impl Call {
    /// A call without query and body.
    pub fn new(
        operation: &'static str,
        product: &'static str,
        method: Method,
        path: impl Into<String>,
    ) -> Call {
        let path = path.into();
        Call { operation, product, method, path, query: Vec::new(), body: None, version: "" }
    }

    /// The same with a query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl ToString) -> Call {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn body(mut self, body: serde_json::Value) -> Call {
        self.body = Some(body);
        self
    }
}

/// An answer with a success status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Which operation it answers.
    pub operation: &'static str,
    /// HTTP method and URL without query, for errors.
    pub request: String,
    /// Status, 2xx.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Whole body.
    pub body: Bytes,
    /// The cloud's id of the request.
    pub request_id: Option<String>,
}

impl Answer {
    /// The body as JSON of a documented shape; anything else is [`Kind::Malformed`].
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|reason| {
            self.malformed(format!(
                "the answer of {} bytes could not be read at line {} column {}",
                self.body.len(),
                reason.line(),
                reason.column()
            ))
        })
    }

    /// An error about this answer's content.
    pub fn malformed(&self, message: impl Into<String>) -> Error {
        Error {
            request: Some(self.request.clone()),
            status: Some(self.status.as_u16()),
            request_id: self.request_id.clone(),
            ..Error::new(Kind::Malformed, self.operation, message)
        }
    }
}

/// Turns a call into a signed request of one cloud, and a refusal into an [`Error`].
#[async_trait]
pub trait Signer: Send + Sync {
    /// The request ready to send. Resolves endpoint, project and credentials; `renew` asks for
    /// fresh temporary credentials because the cloud said that the present ones have expired.
    async fn request(&self, call: &Call, renew: Renew) -> Result<http::Request<Bytes>, Error>;

    /// The error that an answer carries, or None if it is a success.
    fn refusal(&self, call: &Call, response: &http::Response<Bytes>) -> Option<Refusal>;

    /// The cloud's id of the request that `response` answers.
    fn request_id(&self, response: &http::Response<Bytes>) -> Option<String>;

    /// The region calls go to.
    fn region(&self) -> &str;
}

/// Whether the credentials at hand will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renew {
    /// Use them while they last.
    IfNeeded,
    /// The cloud has just called them expired.
    Now,
}

/// A refusal as a cloud words it.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The error, complete but for the request line.
    pub error: Error,
    /// Whether fresh temporary credentials may help, once.
    pub expired: bool,
}

/// A connection to one cloud in one region, shared by the calls of one run.
#[derive(Clone)]
pub struct Client {
    signer: Arc<dyn Signer>,
    outside: Outside,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("region", &self.signer.region()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that signs with `signer` and sends through `outside`.
    pub fn new(signer: Arc<dyn Signer>, outside: Outside) -> Client {
        Client { signer, outside }
    }

    /// The region calls go to.
    pub fn region(&self) -> &str {
        self.signer.region()
    }

    /// Whether any answer so far came from a sandbox.
    pub fn saw_sandbox(&self) -> bool {
        false
    }

    /// Makes one call. Every status outside 2xx is an error.
    pub async fn call(&self, call: Call) -> Result<Answer, Error> {
        let _ = (&self.outside, Renew::IfNeeded);
        Err(Error::new(Kind::Configuration, call.operation, "not connected"))
    }
}
