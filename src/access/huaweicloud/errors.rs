//! How Huawei Cloud words a refusal, and what it means.
//!
//! Services, the API gateway and IAM each have their own envelope; the order in which they are
//! tried is that of huaweicloud-sdk-go-v3 `core/sdkerr/errors.go`. Gateway codes are those of the
//! API Gateway user guide, "Error Codes". A service's own codes are in the service's file, but for
//! the family that the database services share ([`DBS_CODES`]).

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use crate::access::{Call, Error, Kind};
use crate::wire::redact;

/// Codes that the database services share ("Error Codes" of the API references of DDS, GeminiDB, RDS,
/// GaussDB, TaurusDB and DDM, and those that the vendor's own provider tries again:
/// terraform-provider-huaweicloud `services/{dds,geminidb,gaussdb,taurusdb,ddm}/common.go`). A code
/// means the same in all, though at times under another HTTP status. Left out are those of calls that
/// nobody makes here, and two of which the pages say different things, so that the status decides:
/// `DBS.200022`, "the instance name exists already", or "does not exist" in an example of TaurusDB's;
/// `DBS.200408`, "the instance does not exist" in TaurusDB's table, "is abnormal" in GaussDB's.
pub static DBS_CODES: &[(&str, Kind)] = &[
    // Too many requests.
    ("DBS.280443", Kind::Throttled),
    // The instance is in a state that does not allow it now; most come as 403.
    ("DBS.00010009", Kind::Busy),
    ("DBS.200011", Kind::Busy),
    ("DBS.200018", Kind::Busy),
    ("DBS.200019", Kind::Busy),
    ("DBS.200047", Kind::Busy),
    ("DBS.200076", Kind::Busy),
    ("DBS.200086", Kind::Busy),
    ("DBS.200998", Kind::Busy),
    ("DBS.201000", Kind::Busy),
    ("DBS.201014", Kind::Busy),
    ("DBS.201015", Kind::Busy),
    ("DBS.201202", Kind::Busy),
    ("DBS.05000084", Kind::Busy),
    ("DBS.212003", Kind::Busy),
    ("DBS.212033", Kind::Busy),
    ("DBS.212035", Kind::Busy),
    ("DBS.216011", Kind::Busy),
    // "Invalid request": check whether the instance's status allows it.
    ("DBS.280042", Kind::Busy),
    ("DBS.280800", Kind::Busy),
    // Sessions could not be queried: the guide says to check the instance's state.
    ("DBS.301076", Kind::Busy),
    // Invalid session id; kill failed. A session that has just ended may answer either.
    ("DBS.301071", Kind::Ambiguous),
    ("DBS.301077", Kind::Ambiguous),
    // Node or instance does not exist.
    ("DBS.200002", Kind::TargetGone),
    ("DBS.200013", Kind::TargetGone),
    ("DBS.200045", Kind::TargetGone),
    ("DBS.200451", Kind::TargetGone),
    ("DBS.200602", Kind::TargetGone),
    ("DBS.201028", Kind::TargetGone),
    ("DBS.201501", Kind::TargetGone),
    ("DBS.201502", Kind::TargetGone),
    ("DBS.216016", Kind::TargetGone),
    ("DBS.216026", Kind::TargetGone),
    ("DBS.280110", Kind::TargetGone),
    ("DBS.290005", Kind::TargetGone),
    ("DBS.290011", Kind::TargetGone),
    // The server failed; DDM's come as 400.
    ("DBS.280005", Kind::Unavailable),
    ("DBS.300002", Kind::Unavailable),
    ("DBS.300005", Kind::Unavailable),
    ("DBS.300346", Kind::Unavailable),
    // Database, version or operation that does not offer this.
    ("DBS.200040", Kind::Unsupported),
    ("DBS.201207", Kind::Unsupported),
    ("DBS.212008", Kind::Unsupported),
    ("DBS.216029", Kind::Unsupported),
    ("DBS.280238", Kind::Unsupported),
    ("DBS.280343", Kind::Unsupported),
    ("DBS.280347", Kind::Unsupported),
    // Token.
    ("DBS.280056", Kind::Credentials),
    ("DBS.280064", Kind::Credentials),
    // Not for this kind of instance, or not while it is frozen; the first may come as 403.
    ("DBS.280406", Kind::Refused),
    ("DBS.280449", Kind::Refused),
    // Not allowed, suspended, or not the owner.
    ("DBS.200010", Kind::Permission),
    ("DBS.200604", Kind::Permission),
    ("DBS.280015", Kind::Permission),
    ("DBS.280019", Kind::Permission),
    ("DBS.280032", Kind::Permission),
    ("DBS.280063", Kind::Permission),
    // Parameters: general, filters, instance id, node id, project id, limit, offset. An id that the
    // cloud calls invalid, or a node that it calls another instance's (403), may be mistyped; to take
    // it for one that has gone would be to call sessions ended that nobody looked at.
    ("DBS.200001", Kind::BadRequest),
    ("DBS.200004", Kind::BadRequest),
    ("DBS.200006", Kind::BadRequest),
    ("DBS.200095", Kind::BadRequest),
    ("DBS.201006", Kind::BadRequest),
    ("DBS.216030", Kind::BadRequest),
    ("DBS.280001", Kind::BadRequest),
    ("DBS.280040", Kind::BadRequest),
    ("DBS.280404", Kind::BadRequest),
    ("DBS.280407", Kind::BadRequest),
    ("DBS.280408", Kind::BadRequest),
    ("DBS.280439", Kind::BadRequest),
    ("DBS.280440", Kind::BadRequest),
    ("DBS.290000", Kind::BadRequest),
    ("DBS.300001", Kind::BadRequest),
    ("DBS.301072", Kind::BadRequest),
    ("DBS.301073", Kind::BadRequest),
    ("DBS.301074", Kind::BadRequest),
    ("DBS.301075", Kind::BadRequest),
];

/// Codes of the gateway, after `APIGW.` or (Open Telekom Cloud) `APIG.`. What is not here is judged
/// by its status.
const GATEWAY_CODES: &[(&str, Kind)] = &[
    ("0101", Kind::Unsupported),
    ("0202", Kind::Unavailable),
    ("0203", Kind::Unavailable),
    ("0301", Kind::Credentials),
    ("0302", Kind::Permission),
    ("0303", Kind::Credentials),
    ("0305", Kind::Credentials),
    ("0306", Kind::Permission),
    ("0307", Kind::Credentials),
    ("0308", Kind::Throttled),
    ("0310", Kind::Permission),
    ("0601", Kind::Unavailable),
    ("0613", Kind::Unavailable),
    ("0802", Kind::Permission),
];

/// No refusal is longer, in bytes. What is longer is not looked into.
const MOST_REFUSAL: usize = 64 * 1024;

/// The error that an answer outside 2xx carries. Headers other than the request id, and the
/// request's line, are left to the client.
pub(super) fn refusal(operation: &'static str, response: &Response<Bytes>) -> Error {
    let status = response.status();
    let rejection = Rejection::parse(response.body());
    let kind = rejection.code.as_deref().and_then(gateway_kind).unwrap_or(by_status(status));
    let mut message = match rejection.message {
        Some(message) => message,
        None => format!("the answer has the status {status} and {}", redact::body(response.body())),
    };
    if rejection.authorization_message {
        message.push_str(
            " (an encoded authorization message came with it, for `DecodeAuthorizationMessage` of STS)",
        );
    }
    Error {
        status: Some(status.as_u16()),
        code: rejection.code,
        request_id: request_id(response).or(rejection.request_id),
        ..Error::new(kind, operation, redact::bounded(&message, 1000))
    }
}

/// The error that an answer with a success status carries all the same: no success of these APIs
/// has an `error_code`. What was asked for may have been done, so a code that would rule that out
/// is only told; where the call changes nothing, the code is believed.
pub(super) fn in_disguise(call: &Call, response: &Response<Bytes>) -> Option<Error> {
    #[derive(Deserialize)]
    struct Success {
        #[serde(alias = "errCode")]
        error_code: Option<Value>,
    }
    if response.body().len() > MOST_REFUSAL {
        return None;
    }
    let Success { error_code } = serde_json::from_slice(response.body()).ok()?;
    error_code.filter(|code| !code.is_null() && code != "")?;
    let error = refusal(call.operation, response);
    if call.method == Method::GET {
        let kind = error.code.as_deref().and_then(gateway_kind).unwrap_or(Kind::Malformed);
        return Some(Error { kind, ..error });
    }
    let status = response.status();
    let code = error.code.unwrap_or_default();
    let message = format!("the status is {status}, but the answer says {code}: {}", error.message);
    Some(Error { kind: Kind::Malformed, code: None, message, ..error })
}

/// Whether the cloud says that a temporary key or a token is over: 401 with the gateway's "token
/// must be updated", DCS's "token expired" in its two spellings, or words to that effect, which
/// are all that tells an expired temporary key (APIGW.0301) from a wrong one.
pub(super) fn is_expiry(error: &Error) -> bool {
    let code = error.code.as_deref().unwrap_or_default();
    error.status == Some(401)
        && (gateway_number(code) == Some("0307")
            || ["DCS.1002", "111401002"].contains(&code)
            || error.message.to_ascii_lowercase().contains("expired"))
}

/// The gateway's id of the request, or IAM's.
pub(super) fn request_id(response: &Response<Bytes>) -> Option<String> {
    ["x-request-id", "x-iam-trace-id"].into_iter().find_map(|name| {
        let id = response.headers().get(name)?.to_str().ok()?;
        (!id.is_empty()).then(|| redact::bounded(id, 128))
    })
}

/// Whether the gateway itself refused key or token, whatever the service would have said.
pub(super) fn is_gateway_refusal(error: &Error) -> bool {
    error.code.as_deref().and_then(gateway_kind) == Some(Kind::Credentials)
}

fn gateway_number(code: &str) -> Option<&str> {
    code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."))
}

fn gateway_kind(code: &str) -> Option<Kind> {
    let number = gateway_number(code)?;
    GATEWAY_CODES.iter().find(|(known, _)| *known == number).map(|(_, kind)| *kind)
}

/// A 404 alone does not tell that the target is gone: a wrong endpoint answers the same. Only a
/// service's own code says that.
fn by_status(status: StatusCode) -> Kind {
    match status.as_u16() {
        401 => Kind::Credentials,
        403 => Kind::Permission,
        400 | 405 | 406 | 411 | 413 | 414 | 415 | 422 => Kind::BadRequest,
        408 | 500.. => Kind::Unavailable,
        409 | 423 => Kind::Busy,
        429 => Kind::Throttled,
        _ => Kind::Refused,
    }
}

/// What an error body says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rejection {
    code: Option<String>,
    message: Option<String>,
    request_id: Option<String>,
    authorization_message: bool,
}

impl Rejection {
    fn parse(body: &[u8]) -> Rejection {
        if body.len() > MOST_REFUSAL {
            return Rejection::default();
        }
        let Ok(json) = serde_json::from_slice::<Value>(body) else { return Rejection::default() };
        let mut rejection = words(&json, 0).unwrap_or_default();
        let detail = text(&json, "error_ext_msg").or_else(|| text(&json, "error_detail"));
        if let (Some(message), Some(detail)) = (&mut rejection.message, detail)
            && *message != detail
        {
            message.push_str(": ");
            message.push_str(&detail);
        }
        rejection.request_id = text(&json, "request_id").map(|id| redact::bounded(&id, 128));
        rejection.authorization_message |= json.get("encoded_authorization_message").is_some();
        rejection
    }
}

/// Code and message of an object, or of the first of its objects that has them.
fn words(json: &Value, depth: usize) -> Option<Rejection> {
    let object = json.as_object()?;
    for (code, messages) in [
        ("error_code", ["error_msg"].as_slice()),
        // The second is that of DDM's v1 and v2.
        ("errCode", &["errMsg", "externalMessage"]),
        ("code", &["message"]),
    ] {
        let message = messages.iter().find_map(|message| text(json, message));
        let code = text(json, code);
        if code.is_some() || message.is_some() {
            return Some(Rejection {
                code: code.map(|code| redact::bounded(&code, 64)),
                message: message.map(|message| redact::bounded(&message, 900)),
                request_id: None,
                authorization_message: object.contains_key("encoded_authorization_message"),
            });
        }
    }
    if depth == 4 {
        return None;
    }
    object.values().find_map(|value| words(value, depth + 1))
}

/// A field as text: IAM gives its codes as numbers.
fn text(json: &Value, field: &str) -> Option<String> {
    match json.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

#[cfg(test)]
mod tests;
