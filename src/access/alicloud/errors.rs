//! How Alibaba Cloud words a refusal, and what it means.
//!
//! The envelope is `{"Code", "Message", "RequestId", …}`; some products write the keys in lower
//! case, and some answer in XML (darabonba-openapi, `doRPCRequest`). Codes: "Common error codes",
//! <https://www.alibabacloud.com/help/en/ecs/developer-reference/common-error-codes>. Throttling
//! often has status 400, so the code comes before the status.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::access::http::signature::without_what_was_signed;
use crate::access::{Error, Kind, Refusal};
use crate::wire::redact::bounded;

/// No refusal is longer, in bytes. What is longer is not looked into.
const MOST_REFUSAL: usize = 64 * 1024;

/// What an answer says of itself. Missing parts are empty.
#[derive(Debug, Default)]
struct Envelope {
    code: String,
    message: String,
    request_id: String,
    /// Beside a refusal by policy.
    denied: bool,
}

/// The error that an answer carries, or None for status 2xx.
pub(super) fn refusal(operation: &'static str, response: &Response<Bytes>) -> Option<Refusal> {
    let status = response.status();
    if status.is_success() {
        return None;
    }
    let envelope = Envelope::read(response.body());
    let code = Some(envelope.code.clone()).filter(|code| !code.is_empty());
    let kind = kind(&envelope, status);
    let message = match envelope.message.as_str() {
        "" => format!("the cloud answered with status {} and no reason", status.as_u16()),
        text => explain(&envelope.code, text),
    };
    let error = Error {
        status: Some(status.as_u16()),
        code,
        request_id: request_id(response),
        ..Error::new(kind, operation, message)
    };
    Some(Refusal { error, expired: is_expired(&envelope.code) })
}

/// The cloud's id of the request: in the body, else in a header.
pub(super) fn request_id(response: &Response<Bytes>) -> Option<String> {
    /// Only this is kept of a list that may be long.
    #[derive(Deserialize)]
    struct Success {
        #[serde(rename = "RequestId", alias = "requestId")]
        request_id: String,
    }
    let in_body = if response.status().is_success() {
        let success = serde_json::from_slice::<Success>(response.body());
        success.map(|it| bounded(&it.request_id, 128)).unwrap_or_default()
    } else {
        Envelope::read(response.body()).request_id
    };
    let header = || {
        let value = response.headers().get("x-acs-request-id")?;
        Some(bounded(value.to_str().ok()?, 128))
    };
    Some(in_body).filter(|id| !id.is_empty()).or_else(header)
}

/// Whether a temporary key is over, so that a new one may help.
fn is_expired(code: &str) -> bool {
    code == "InvalidSecurityToken.Expired"
}

/// What a refusal means: by its code, else by its status.
fn kind(envelope: &Envelope, status: StatusCode) -> Kind {
    match common_kind(&envelope.code) {
        Some(kind) => kind,
        None if envelope.denied => Kind::Permission,
        None => match status.as_u16() {
            429 => Kind::Throttled,
            401 => Kind::Credentials,
            403 => Kind::Permission,
            408 | 500.. => Kind::Unavailable,
            400 => Kind::BadRequest,
            _ => Kind::Refused,
        },
    }
}

/// What a code means that all products have: one about the caller, the traffic or the cloud, and
/// not about what was asked for.
pub fn common_kind(code: &str) -> Option<Kind> {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|one| code.starts_with(one));
    match code {
        _ if code.contains("Throttling") => Some(Kind::Throttled),
        // Every attempt has its own nonce. One that was used means that this very request arrived
        // twice, repeated somewhere on the way, and that the answer to the first copy was lost.
        "SignatureNonceUsed" => Some(Kind::Lost),
        _ if is_clock(code) || starts(KEY) => Some(Kind::Credentials),
        _ if starts(PERMISSION) => Some(Kind::Permission),
        _ if starts(&["ServiceUnavailable", "InternalError"]) => Some(Kind::Unavailable),
        _ => None,
    }
}

/// Codes, or their beginnings, about key, signature and token.
const KEY: &[&str] = &[
    "InvalidAccessKeyId",
    "InvalidAccessKeySecret",
    "InvalidSecurityToken",
    "MissingAccessKeyId",
    "MissingSecurityToken",
    "SecurityTokenExpired",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidSignature",
];

/// Codes, or their beginnings, about what a good key may do.
const PERMISSION: &[&str] = &["Forbidden", "NoPermission", "Unauthorized", "AccessDenied"];

/// Whether the code is about the date of the request.
fn is_clock(code: &str) -> bool {
    code.starts_with("InvalidTimeStamp") || code.starts_with("IllegalTimestamp")
}

/// Whether the code says that the key itself is wrong, so that asking again cannot help.
pub(super) fn is_wrong_key(code: &str) -> bool {
    KEY.iter().any(|one| code.starts_with(one)) && !is_expired(code)
}

/// The message, with what a user can do about it where the code alone says so.
fn explain(code: &str, message: &str) -> String {
    if is_clock(code) {
        return format!("{message} (the clock of this machine is more than 15 minutes off)");
    }
    without_what_was_signed(message).to_owned()
}

impl Envelope {
    /// Reads JSON, else XML, else nothing.
    fn read(body: &[u8]) -> Envelope {
        if body.len() > MOST_REFUSAL {
            return Envelope::default();
        }
        let value = serde_json::from_slice::<Value>(body).unwrap_or(Value::Null);
        let Some(object) = value.as_object() else { return Envelope::read_xml(body) };
        let find = |name: &str| {
            let mut found = object.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            found.find_map(|(_, value)| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            })
        };
        Envelope {
            code: bounded(&find("Code").unwrap_or_default(), 128),
            message: bounded(&find("Message").unwrap_or_default(), 1000),
            request_id: bounded(&find("RequestId").unwrap_or_default(), 128),
            denied: object.get("AccessDeniedDetail").is_some_and(|detail| !detail.is_null()),
        }
    }

    fn read_xml(body: &[u8]) -> Envelope {
        let text = String::from_utf8_lossy(body);
        let find = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (inner, _) = rest.split_once(&format!("</{name}>"))?;
            let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
            Some(plain.iter().fold(inner.to_owned(), |text, (from, to)| text.replace(from, to)))
        };
        Envelope {
            code: bounded(&find("Code").unwrap_or_default(), 128),
            message: bounded(&find("Message").unwrap_or_default(), 1000),
            request_id: bounded(&find("RequestId").unwrap_or_default(), 128),
            denied: false,
        }
    }
}

#[cfg(test)]
mod tests;
