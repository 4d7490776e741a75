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
mod tests {
    use super::*;

    fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
        Response::builder().status(status).body(body.into()).unwrap()
    }

    fn refused(status: u16, code: &str) -> Refusal {
        let body = serde_json::json!({"Code": code, "Message": "why", "RequestId": "id-1"});
        refusal("Op", &answer(status, body.to_string())).unwrap()
    }

    #[test]
    fn a_refusal_is_classified_by_its_code_before_its_status() {
        for (status, code, kind) in [
            (400, "Throttling", Kind::Throttled),
            (400, "Throttling.User", Kind::Throttled),
            (503, "Rejected.Throttling", Kind::Throttled),
            (429, "", Kind::Throttled),
            (400, "SignatureDoesNotMatch", Kind::Credentials),
            (404, "InvalidAccessKeyId.NotFound", Kind::Credentials),
            (400, "InvalidAccessKeyId.Inactive", Kind::Credentials),
            (400, "IncompleteSignature", Kind::Credentials),
            (403, "MissingSecurityToken", Kind::Credentials),
            (403, "InvalidSecurityToken.Malformed", Kind::Credentials),
            (400, "InvalidTimeStamp.Expired", Kind::Credentials),
            (401, "Anything", Kind::Credentials),
            (400, "SignatureNonceUsed", Kind::Lost),
            (403, "Forbidden.RAM", Kind::Permission),
            (400, "NoPermission", Kind::Permission),
            (403, "Anything", Kind::Permission),
            (400, "ServiceUnavailable", Kind::Unavailable),
            (500, "InternalError", Kind::Unavailable),
            (502, "", Kind::Unavailable),
            (400, "InvalidParameter", Kind::BadRequest),
            (404, "InvalidSessionId.NotFound", Kind::Refused),
            (302, "", Kind::Refused),
        ] {
            let refusal = refused(status, code);
            assert_eq!(refusal.error.kind, kind, "{status} {code}");
            assert!(!refusal.expired, "{code}");
        }
    }

    #[test]
    fn only_an_expired_token_asks_for_new_credentials() {
        let refusal = refused(400, "InvalidSecurityToken.Expired");
        assert!(refusal.expired);
        assert_eq!(refusal.error.kind, Kind::Credentials);
        assert!(!is_wrong_key("InvalidSecurityToken.Expired"));
        assert!(is_wrong_key("SignatureDoesNotMatch"));
    }

    #[test]
    fn the_envelope_is_read_in_every_dress() {
        for body in [
            r#"{"Code":"Forbidden.RAM","Message":"a < b","RequestId":"id-1"}"#,
            r#"{"code":"Forbidden.RAM","message":"a < b","requestId":"id-1"}"#,
            "<?xml version='1.0'?><Error><RequestId>id-1</RequestId><HostId>h</HostId>\
             <Code>Forbidden.RAM</Code><Message>a &lt; b</Message></Error>",
        ] {
            let error = refusal("Op", &answer(403, body)).unwrap().error;
            assert_eq!(error.code.as_deref(), Some("Forbidden.RAM"), "{body}");
            assert_eq!(error.message, "a < b");
            assert_eq!(error.request_id.as_deref(), Some("id-1"));
            assert_eq!(error.status, Some(403));
        }
        let body = r#"{"Code":"X","Message":"m","AccessDeniedDetail":{"PolicyType":"p"}}"#;
        assert_eq!(refusal("Op", &answer(400, body)).unwrap().error.kind, Kind::Permission);
    }

    #[test]
    fn a_hostile_answer_neither_panics_nor_grows() {
        let long = format!(
            r#"{{"Code":"{0}","Message":"{0}\u0007","RequestId":"{0}"}}"#,
            "é".repeat(9_999)
        );
        let deep = "[".repeat(100_000);
        let endless = format!(r#"{{"Code":"C","Message":"{}"}}"#, "x".repeat(70_000));
        let bodies: [Bytes; 9] = [
            Bytes::new(),
            Bytes::from_static(b"\xff\xfe<Code>"),
            Bytes::from_static(b"<Code></Code"),
            Bytes::from_static(br#"{"Code":{"a":1},"Message":[1],"RequestId":null}"#),
            Bytes::from_static(br#""text""#),
            Bytes::from_static(b"<html>bad gateway</html>"),
            Bytes::from(long),
            Bytes::from(deep),
            Bytes::from(endless),
        ];
        for body in bodies {
            let error = refusal("Op", &answer(502, body)).unwrap().error;
            assert!(error.message.chars().count() <= 1000 && !error.message.is_empty());
            assert!(error.code.is_none_or(|code| code.chars().count() <= 128));
        }
    }

    #[test]
    fn what_the_server_would_have_signed_is_not_shown() {
        for (code, tail) in [
            ("SignatureDoesNotMatch", "server string to sign is:x-acs-security-token:sesame"),
            ("IncompleteSignature", "server string to sign is:GET&%2F&SecurityToken%3Dsesame"),
            ("Anything", "The string to sign is x-acs-security-token:sesame"),
            ("Anything", "StringToSign: sesame"),
            ("Anything", "server canonicalString is:x-acs-security-token:sesame"),
        ] {
            let message = format!("The signature is wrong. {tail}");
            let body = serde_json::json!({"Code": code, "Message": message}).to_string();
            let message = refusal("Op", &answer(400, body)).unwrap().error.message;
            assert!(message.starts_with("The signature is wrong."), "{message}");
            assert!(!message.contains("sesame"), "{message}");
        }
        let clock = refused(400, "InvalidTimeStamp.Expired").error.message;
        assert!(clock.contains("clock of this machine"), "{clock}");
    }

    #[test]
    fn the_request_id_of_a_success_is_found_in_body_or_header() {
        let body = answer(200, r#"{"RequestId":"from-body"}"#);
        assert!(refusal("Op", &body).is_none());
        assert_eq!(request_id(&body).as_deref(), Some("from-body"));
        let mut header = answer(200, "");
        header.headers_mut().insert("x-acs-request-id", "from-header".parse().unwrap());
        assert_eq!(request_id(&header).as_deref(), Some("from-header"));
        assert_eq!(request_id(&answer(200, "")), None);
    }
}
