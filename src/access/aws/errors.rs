//! How AWS words a refusal, and what it means.
//!
//! Three envelopes: JSON with `__type`, EC2's XML and that of the other products with XML, read as
//! botocore 1.44.8 does (`parsers.py`). Codes of throttling and of passing trouble are those of its
//! `retries/standard.py`, the others those that all products share
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>). Throttling
//! often has the status 400, so the code comes before the status.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::access::http::signature::without_what_was_signed;
use crate::access::http::xml;
use crate::access::{Error, Kind, Refusal};
use crate::wire::redact::bounded;

/// No refusal is longer, in bytes. What is longer is not looked into.
const MOST_REFUSAL: usize = 64 * 1024;

/// What codes mean that all products have.
const CODES: &[(&str, Kind)] = &[
    ("BandwidthLimitExceeded", Kind::Throttled),
    ("EC2ThrottledException", Kind::Throttled),
    ("LimitExceededException", Kind::Throttled),
    ("PriorRequestNotComplete", Kind::Throttled),
    ("ProvisionedThroughputExceededException", Kind::Throttled),
    ("RequestLimitExceeded", Kind::Throttled),
    ("RequestThrottled", Kind::Throttled),
    ("RequestThrottledException", Kind::Throttled),
    ("SlowDown", Kind::Throttled),
    ("ThrottledException", Kind::Throttled),
    ("Throttling", Kind::Throttled),
    ("ThrottlingException", Kind::Throttled),
    ("TooManyRequestsException", Kind::Throttled),
    ("TransactionInProgressException", Kind::Throttled),
    ("IDPCommunicationError", Kind::Unavailable),
    ("InternalError", Kind::Unavailable),
    ("InternalFailure", Kind::Unavailable),
    ("InternalServerError", Kind::Unavailable),
    ("RequestTimeout", Kind::Unavailable),
    ("RequestTimeoutException", Kind::Unavailable),
    ("ServiceUnavailable", Kind::Unavailable),
    ("Unavailable", Kind::Unavailable),
    ("AuthFailure", Kind::Credentials),
    ("ExpiredToken", Kind::Credentials),
    ("ExpiredTokenException", Kind::Credentials),
    ("IncompleteSignature", Kind::Credentials),
    ("IncompleteSignatureException", Kind::Credentials),
    ("InvalidAccessKeyId", Kind::Credentials),
    ("InvalidClientTokenId", Kind::Credentials),
    ("InvalidSignatureException", Kind::Credentials),
    ("MissingAuthenticationToken", Kind::Credentials),
    ("MissingAuthenticationTokenException", Kind::Credentials),
    ("RequestExpired", Kind::Credentials),
    ("SignatureDoesNotMatch", Kind::Credentials),
    ("UnrecognizedClientException", Kind::Credentials),
    ("AccessDenied", Kind::Permission),
    ("AccessDeniedException", Kind::Permission),
    ("OptInRequired", Kind::Permission),
    ("UnauthorizedOperation", Kind::Permission),
    ("UnknownOperationException", Kind::Unsupported),
    ("UnsupportedOperation", Kind::Unsupported),
];

/// Codes that say that a temporary key is over, so that a new one may help.
const EXPIRED: [&str; 3] = ["ExpiredToken", "ExpiredTokenException", "RequestExpired"];

/// Before it, everything that people can read has been said.
const ENCODED: &str = "Encoded authorization failure message";

/// What an answer says of itself. Missing parts are empty.
#[derive(Debug, Default, PartialEq, Eq)]
struct Envelope {
    code: String,
    message: String,
    request_id: String,
}

/// The error that an answer carries, or None for status 2xx.
pub(super) fn refusal(operation: &'static str, response: &Response<Bytes>) -> Option<Refusal> {
    let status = response.status();
    if status.is_success() {
        return None;
    }
    let envelope = Envelope::of(response);
    let code = Some(envelope.code.clone()).filter(|code| !code.is_empty());
    let known = CODES.iter().find(|(known, _)| *known == envelope.code).map(|(_, kind)| *kind);
    let message = match envelope.message.as_str() {
        "" => format!("the cloud answered with status {} and no reason", status.as_u16()),
        text => explain(text),
    };
    let error = Error {
        status: Some(status.as_u16()),
        code,
        request_id: request_id(response),
        ..Error::new(known.unwrap_or(by_status(status)), operation, message)
    };
    Some(Refusal { error, expired: EXPIRED.contains(&envelope.code.as_str()) })
}

/// The cloud's id of the request: in a header, else in the body.
pub(super) fn request_id(response: &Response<Bytes>) -> Option<String> {
    let header = ["x-amzn-requestid", "x-amzn-request-id", "x-amz-request-id"]
        .into_iter()
        .find_map(|name| response.headers().get(name)?.to_str().ok());
    let id = header.map_or_else(|| Envelope::of(response).request_id, |id| bounded(id, 128));
    Some(id).filter(|id| !id.is_empty())
}

/// Whether the code says that the key itself is wrong, so that asking again cannot help.
pub(super) fn is_wrong_key(error: &Error) -> bool {
    error.kind == Kind::Credentials
        && error.code.as_deref().is_some_and(|code| !EXPIRED.contains(&code))
}

fn by_status(status: StatusCode) -> Kind {
    match status.as_u16() {
        401 => Kind::Credentials,
        403 => Kind::Permission,
        408 | 500.. => Kind::Unavailable,
        429 => Kind::Throttled,
        400 => Kind::BadRequest,
        _ => Kind::Refused,
    }
}

/// The message without what only machines can read, with what its reader can do about a clock.
fn explain(message: &str) -> String {
    let end = message.find(ENCODED).unwrap_or(message.len());
    let mut plain = without_what_was_signed(&message[..end]).to_owned();
    if ["Signature expired", "Signature not yet current"].iter().any(|it| plain.contains(it)) {
        plain.push_str(" (the clock of this machine is more than five minutes off)");
    }
    plain
}

impl Envelope {
    /// Reads JSON or XML, or nothing. The code may stand in a header.
    fn of(response: &Response<Bytes>) -> Envelope {
        let mut envelope = Envelope::read(response.body());
        let header = || response.headers().get("x-amzn-errortype")?.to_str().ok();
        if let ("", Some(code)) = (envelope.code.as_str(), header()) {
            envelope.code = plain_code(code);
        }
        envelope
    }

    fn read(body: &[u8]) -> Envelope {
        if body.len() > MOST_REFUSAL {
            return Envelope::default();
        }
        match body.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'<') => Envelope::read_xml(body),
            _ => Envelope::read_json(body),
        }
    }

    fn read_json(body: &[u8]) -> Envelope {
        let value = serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
        let find = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| value.get(name)?.as_str());
            found.unwrap_or_default().to_owned()
        };
        Envelope {
            code: plain_code(&find(["__type", "code"])),
            message: bounded(&find(["message", "Message"]), 1000),
            request_id: String::new(),
        }
    }

    fn read_xml(body: &[u8]) -> Envelope {
        let root = std::str::from_utf8(body).ok().and_then(xml::outermost).unwrap_or_default();
        let document: Document = xml::read(body, &root).unwrap_or_default();
        let error = document.error.or(document.errors.error.into_iter().next()).unwrap_or_default();
        Envelope {
            code: plain_code(&error.code),
            message: bounded(&error.message, 1000),
            request_id: bounded(&document.request_id, 128),
        }
    }
}

/// A code without the namespace before it and the address behind it.
fn plain_code(text: &str) -> String {
    let code = text.rsplit('#').next().unwrap_or_default();
    bounded(code.split(':').next().unwrap_or_default().trim(), 128)
}

/// The answer of a product with XML, refused or not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Document {
    #[serde(rename = "Errors")]
    errors: Errors,
    #[serde(rename = "Error")]
    error: Option<Refused>,
    #[serde(alias = "RequestID", alias = "RequestId", alias = "requestId")]
    request_id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Errors {
    #[serde(rename = "Error")]
    error: Vec<Refused>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Refused {
    code: String,
    message: String,
}

#[cfg(test)]
mod tests;
