//! One signed call and its answer.
//!
//! A call is signed, sent and judged here; what differs between clouds is behind [`Signer`].
//! Nothing waits, and nothing is repeated but a call whose temporary credentials had expired.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tokio_util::task::AbortOnDropHandle;

use super::xml;

use crate::access::error::MAX_MESSAGE;
use crate::access::instant::instant;
use crate::access::{Error, Kind, Secret, Trial};
use crate::wire::{HttpError, Outside, redact};

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
    /// An answer that says nothing, for tests of what is read from one.
    #[cfg(test)]
    pub(crate) fn silent() -> Answer {
        Answer {
            operation: "List",
            request: String::new(),
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            request_id: None,
        }
    }

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

    /// The body as an XML document of a documented shape, whose outermost element is `root`;
    /// anything else is [`Kind::Malformed`].
    pub fn xml<T: serde::de::DeserializeOwned>(&self, root: &str) -> Result<T, Error> {
        let size = self.body.len();
        xml::read(&self.body, root)
            .map_err(|reason| self.malformed(format!("the answer of {size} bytes {reason}")))
    }

    /// An error about this answer's content. The message may quote it: it is cut, and made
    /// printable.
    pub fn malformed(&self, message: impl AsRef<str>) -> Error {
        let message = redact::bounded(message.as_ref(), MAX_MESSAGE);
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

    /// The error that an answer carries, or None if it is a success. `renew` is what the request
    /// was made with.
    fn refusal(
        &self,
        call: &Call,
        response: &http::Response<Bytes>,
        renew: Renew,
    ) -> Option<Refusal>;

    /// The cloud's id of the request that `response` answers.
    fn request_id(&self, response: &http::Response<Bytes>) -> Option<String>;

    /// The region calls go to.
    fn region(&self) -> &str;

    /// Our own name as the cloud's lists show it; None where it cannot be asked for, or nobody
    /// answers within a moment.
    async fn caller(&self) -> Option<String> {
        None
    }

    /// What tells whether the login is good, if it is one that could be locked.
    fn trial(&self) -> Option<&Trial> {
        None
    }
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

/// What the sandbox marks every answer with.
const SANDBOX: &str = "x-session-sandbox";

/// Longest wait that is taken over from a cloud.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// A connection to one cloud in one region, shared by the calls of one run.
#[derive(Clone)]
pub struct Client {
    signer: Arc<dyn Signer>,
    outside: Outside,
    sandbox: Arc<AtomicBool>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("region", &self.signer.region()).finish_non_exhaustive()
    }
}

impl Client {
    /// A client that signs with `signer` and sends through `outside`.
    pub fn new(signer: Arc<dyn Signer>, outside: Outside) -> Client {
        Client { signer, outside, sandbox: Arc::new(AtomicBool::new(false)) }
    }

    /// The region calls go to.
    pub fn region(&self) -> &str {
        self.signer.region()
    }

    /// Our own name as the cloud's lists show it, if it is known ([`Signer::caller`]).
    pub async fn caller(&self) -> Option<String> {
        self.signer.caller().await
    }

    /// The time now, for what a service must work out from dates.
    pub fn now(&self) -> SystemTime {
        self.outside.clock.now()
    }

    /// Whether any answer so far came from the sandbox instead of a cloud.
    pub fn saw_sandbox(&self) -> bool {
        self.sandbox.load(Ordering::Relaxed)
    }

    /// Makes one call. Every status outside 2xx is an error. The call is repeated once, with fresh
    /// temporary credentials, if the cloud calls the present ones expired: it then did nothing.
    ///
    /// # Errors
    /// What [`Signer::request`] and [`Signer::refusal`] say; [`Kind::NotSent`] and [`Kind::Lost`]
    /// where there is no answer.
    pub async fn call(&self, call: Call) -> Result<Answer, Error> {
        // A task of its own, which ends with this future: a run makes many calls at a time, and
        // signing, sending and receiving need not take turns.
        let (client, operation) = (self.clone(), call.operation);
        let exchange = tokio::spawn(async move { client.exchange(call).await });
        AbortOnDropHandle::new(exchange).await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Lost, operation, "the call ended in a panic; please report it"))
        })
    }

    async fn exchange(&self, call: Call) -> Result<Answer, Error> {
        let trial = self.signer.trial();
        let _turn = match trial {
            Some(trial) => trial.turn().await,
            None => None,
        };
        let result = match self.attempt(&call, Renew::IfNeeded).await {
            Err(Refusal { expired: true, .. }) => self.attempt(&call, Renew::Now).await,
            result => result,
        };
        if let (Some(trial), Ok(_)) = (trial, &result) {
            trial.pass();
        }
        result.map_err(|refusal| refusal.error)
    }

    async fn attempt(&self, call: &Call, renew: Renew) -> Result<Answer, Refusal> {
        let request = self.signer.request(call, renew).await?;
        let line = redact::line(request.method(), request.uri());
        let response = send(&self.outside, call.operation, request).await?;
        if response.headers().contains_key(SANDBOX) {
            self.sandbox.store(true, Ordering::Relaxed);
        }
        let request_id = self.signer.request_id(&response);
        tracing::debug!(
            operation = call.operation,
            status = response.status().as_u16(),
            request_id = request_id.as_deref(),
            "answer"
        );
        let refusal = self.signer.refusal(call, &response, renew);
        if let Some(refusal) = refusal.or_else(|| unworded(call, &response)) {
            let now = self.outside.clock.now();
            return Err(complete(refusal, line, request_id, &response, now));
        }
        let (parts, body) = response.into_parts();
        Ok(Answer {
            operation: call.operation,
            request: line,
            status: parts.status,
            headers: parts.headers,
            body,
            request_id,
        })
    }
}

/// A failure that fresh credentials would not mend.
impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal { error, expired: false }
    }
}

/// A secret that a request carries in its body, kept beside it so that no answer repeats it.
#[derive(Clone)]
pub(in crate::access) struct Carried(pub(in crate::access) Secret);

/// Sends a request; no answer is an error of [`Kind::NotSent`] or [`Kind::Lost`]. What of the
/// request is secret is blotted out of the answer, before anybody reads it: gateways repeat signed
/// headers when they explain a wrong signature.
pub(in crate::access) async fn send(
    outside: &Outside,
    operation: &'static str,
    request: http::Request<Bytes>,
) -> Result<http::Response<Bytes>, Error> {
    let line = redact::line(request.method(), request.uri());
    let secrets = secrets(&request);
    let sent = outside.http.send(request).await;
    sent.map(|response| response.map(|body| redact::blot(body, &secrets))).map_err(|failure| {
        let kind = match failure {
            HttpError::NotSent { .. } => Kind::NotSent,
            // To wait for it would be in vain.
            HttpError::NoSuchHost { .. } | HttpError::Hopeless { .. } => Kind::Configuration,
            HttpError::Lost { .. } => Kind::Lost,
            // It would be as large the next time.
            HttpError::TooLarge { .. } => Kind::Malformed,
        };
        let message = redact::bounded(&failure.to_string(), MAX_MESSAGE);
        Error { request: Some(line), ..Error::new(kind, operation, message) }
    })
}

/// The secrets that a request carries: headers that are marked so, and what stands beside it.
fn secrets(request: &http::Request<Bytes>) -> Vec<String> {
    let headers = request.headers().values().filter(|value| value.is_sensitive());
    let headers = headers.filter_map(|value| value.to_str().ok().map(str::to_owned));
    let carried = request.extensions().get::<Carried>();
    headers.chain(carried.map(|Carried(secret)| secret.reveal().to_owned())).collect()
}

/// A status outside 2xx that the signer took for a success.
fn unworded(call: &Call, response: &http::Response<Bytes>) -> Option<Refusal> {
    let status = response.status();
    (!status.is_success()).then(|| {
        let message = format!("the answer has the status {status}");
        Error::new(Kind::Refused, call.operation, message).into()
    })
}

/// The refusal with all that the answer tells beside the cloud's words.
fn complete(
    mut refusal: Refusal,
    line: String,
    request_id: Option<String>,
    response: &http::Response<Bytes>,
    now: SystemTime,
) -> Refusal {
    let error = &mut refusal.error;
    error.message = redact::bounded(&error.message, MAX_MESSAGE);
    error.request = Some(line);
    error.status = Some(response.status().as_u16());
    error.request_id = request_id.or(error.request_id.take());
    error.retry_after = retry_after(response.headers(), now).or(error.retry_after);
    refusal
}

/// How long the answer asks to wait, the longest of its hints, at most an hour: `Retry-After`
/// (RFC 9110: seconds or a date), `x-acs-retry-after` (milliseconds, Alibaba Cloud CLI
/// `openapi/throttling_retry.go`) and `TimeLeft` of `x-ratelimit-user` and `x-ratelimit-user-api`
/// (milliseconds, Alibaba Cloud's OpenAPI SDKs).
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok();
    let milliseconds = |text: &str| text.trim().parse().ok().map(Duration::from_millis);
    let time_left = |name: &str| {
        text(name)?
            .split(',')
            .find_map(|part| part.trim().strip_prefix("TimeLeft:").and_then(milliseconds))
    };
    [
        text("retry-after").and_then(|value| seconds_or_date(value.trim(), now)),
        text("x-acs-retry-after").and_then(milliseconds),
        time_left("x-ratelimit-user"),
        time_left("x-ratelimit-user-api"),
    ]
    .into_iter()
    .flatten()
    .max()
    .map(|wait| wait.min(LONGEST_WAIT))
}

fn seconds_or_date(value: &str, now: SystemTime) -> Option<Duration> {
    const HTTP_DATE: &[BorrowedFormatItem<'_>] = format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = instant(PrimitiveDateTime::parse(value, HTTP_DATE).ok()?.assume_utc())?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
