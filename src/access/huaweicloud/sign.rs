//! The signature SDK-HMAC-SHA256, made and checked.
//!
//! As the vendor's "API Signing Guide" describes it and the SDKs do it (huaweicloud-sdk-go-v3
//! `core/auth/signer/signer.go`, huaweicloud-sdk-python-v3 `signer.py`). A request names the
//! headers that it signs; only `X-Sdk-Date` must be among them. [`sign`] and [`verify`] share
//! [`canonical_request`], so what holds them to the vendor is `tests/vectors/huaweicloud`.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use hmac::Mac;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderName, HeaderValue, Request};
use percent_encoding::percent_decode_str;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

pub use crate::access::http::signature::Key;
use crate::access::instant::instant;

use crate::access::Secret;
use crate::access::http::signature::{
    Authorization, Malformed, encode, mac, malformed, plain, sensitive, sha256_hex, text,
};

/// How far `X-Sdk-Date` may be off ("API Signing Guide": 15 minutes).
pub const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

const ALGORITHM: &str = "SDK-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-sdk-date");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-security-token");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-sdk-content-sha256");
/// What the SDKs put in the place of the body's hash where the body is not JSON.
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

const DATE_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// A good signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is.
    pub access_key: String,
}

/// Why a request cannot be signed, or its signature is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no signature.
    #[error("the request has no `Authorization` header")]
    NoAuthorization,
    /// The signature, or what it covers, cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// Nobody has this key.
    #[error("the access key `{0}` is not known")]
    UnknownKey(String),
    /// Too old, or from the future.
    #[error("`X-Sdk-Date` is more than {} minutes off", MAX_SKEW.as_secs() / 60)]
    DateSkew,
    /// The signature is not that of the request.
    #[error("the signature does not match the request")]
    Mismatch,
}

/// Adds `Host`, `X-Sdk-Date`, `X-Security-Token` and `Authorization`. The signature covers these,
/// `Content-Type` and every `X-` header that is there; what is added later is not covered. Whole
/// seconds of `at` count. On an error the request is as it was.
///
/// # Errors
/// [`SignError::Malformed`] if a header cannot be written, or the URL has no host.
pub fn sign(request: &mut Request<Bytes>, key: &Key, at: SystemTime) -> Result<(), SignError> {
    let mut headers = request.headers().clone();
    if !headers.contains_key(HOST) {
        let host = request.uri().authority().ok_or_else(|| malformed("the URL has no host"))?;
        headers.insert(HOST, plain(host.as_str(), "host")?);
    }
    headers.insert(DATE, plain(&date(at)?, "date")?);
    if let Some(token) = &key.security_token {
        headers.insert(SECURITY_TOKEN, sensitive(token.reveal(), "security token")?);
    }
    let mut signed: Vec<&str> = headers
        .keys()
        .filter(|name| **name == HOST || **name == CONTENT_TYPE || name.as_str().starts_with("x-"))
        .map(HeaderName::as_str)
        .collect();
    signed.sort_unstable();
    let signed = signed.join(";");

    let before = std::mem::replace(request.headers_mut(), headers);
    let authorization = authorization(request, &signed, key);
    match authorization {
        Ok(value) => {
            request.headers_mut().insert(AUTHORIZATION, value);
            Ok(())
        }
        Err(reason) => {
            *request.headers_mut() = before;
            Err(reason)
        }
    }
}

fn authorization(
    request: &Request<Bytes>,
    signed: &str,
    key: &Key,
) -> Result<HeaderValue, SignError> {
    let date = header(request, DATE.as_str())?;
    let text = string_to_sign(&date, &canonical_request(request, signed)?);
    let signature = hex::encode(mac(&key.secret_key, &text).finalize().into_bytes());
    let access = &key.access_key;
    let value =
        format!("{ALGORITHM} Access={access}, SignedHeaders={signed}, Signature={signature}");
    Ok(sensitive(&value, "access key")?)
}

/// Checks the signature of a request as it came in: exactly the headers that it names, with
/// `X-Sdk-Date` among them and no more than [`MAX_SKEW`] from `now`. `secret_of` gives the secret
/// half of an access key. Whether a temporary key's token belongs to it is for the caller to say.
///
/// # Errors
/// What is wrong, in the order of [`SignError`].
pub fn verify(
    request: &Request<Bytes>,
    now: SystemTime,
    secret_of: &dyn Fn(&str) -> Option<Secret>,
) -> Result<Verified, SignError> {
    let value = request.headers().get(AUTHORIZATION).ok_or(SignError::NoAuthorization)?;
    let text = value.to_str().map_err(|_| malformed("`Authorization` is not plain text"))?;
    let parts = Authorization::parse(text, ALGORITHM, "Access")?;
    if !parts.signed_headers.split(';').any(|name| name.eq_ignore_ascii_case(DATE.as_str())) {
        return Err(malformed("`SignedHeaders` does not name `x-sdk-date`").into());
    }
    let date = header(request, DATE.as_str())?;
    let at = parse_date(&date)?;
    let canonical = canonical_request(request, parts.signed_headers)?;

    let secret = secret_of(parts.access_key)
        .ok_or_else(|| SignError::UnknownKey(parts.access_key.chars().take(128).collect()))?;
    let skew = now.duration_since(at).unwrap_or_else(|ahead| ahead.duration());
    if skew > MAX_SKEW {
        return Err(SignError::DateSkew);
    }
    // Compares in constant time.
    mac(&secret, &string_to_sign(&date, &canonical))
        .verify_slice(&parts.signature)
        .map_err(|_| SignError::Mismatch)?;
    if body_is_another(request) {
        return Err(SignError::Mismatch);
    }
    Ok(Verified { access_key: parts.access_key.to_owned() })
}

/// The request in the form that is hashed and signed. `signed_headers` are names joined by `;`.
///
/// # Errors
/// [`SignError::Malformed`] if a named header is missing or not plain text.
pub fn canonical_request(
    request: &Request<Bytes>,
    signed_headers: &str,
) -> Result<String, SignError> {
    let mut names: Vec<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
    names.sort_unstable();
    let mut headers = String::new();
    for name in &names {
        headers.push_str(name);
        headers.push(':');
        headers.push_str(header(request, name)?.trim());
        headers.push('\n');
    }
    let body = match header(request, CONTENT_SHA256.as_str()) {
        Ok(hash) => hash,
        Err(_) => sha256_hex(request.body()),
    };
    Ok([
        request.method().as_str(),
        &canonical_path(request.uri().path()),
        &canonical_query(request.uri().query().unwrap_or_default()),
        &headers,
        &names.join(";"),
        &body,
    ]
    .join("\n"))
}

/// What the signature is made of: `date` is the value of `X-Sdk-Date`.
pub fn string_to_sign(date: &str, canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// The value of `X-Sdk-Date`.
///
/// # Errors
/// [`Malformed`] outside the years 1970 to 9999.
pub fn date(at: SystemTime) -> Result<String, Malformed> {
    at.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|date| date.format(DATE_FORMAT).ok())
        .ok_or_else(|| malformed("the clock is out of range"))
}

fn parse_date(text: &str) -> Result<SystemTime, Malformed> {
    let date = PrimitiveDateTime::parse(text, DATE_FORMAT).ok();
    date.and_then(|date| instant(date.assume_utc()))
        .ok_or_else(|| malformed("`X-Sdk-Date` is not like 20060102T150405Z"))
}

/// Segments are decoded and encoded afresh, and a `/` closes the path although the wire has none.
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<String> = path.split('/').map(|one| encode(decode(one))).collect();
    if segments.last().is_some_and(|last| !last.is_empty()) {
        segments.push(String::new());
    }
    segments.join("/")
}

/// Sorted by name, then by value.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(Vec<u8>, Vec<u8>)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            // Go's SDK writes a space as `+` on the wire, and a plus as `%2B`.
            let pair = pair.replace('+', " ");
            let (name, value) = pair.split_once('=').unwrap_or((&pair, ""));
            (decode(name), decode(value))
        })
        .collect();
    pairs.sort_unstable();
    let encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    encoded.join("&")
}

fn decode(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

/// A header's value, repeated ones joined by commas; `host` may stand in the URL instead.
fn header(request: &Request<Bytes>, name: &str) -> Result<String, Malformed> {
    let values: Vec<&str> = request
        .headers()
        .get_all(name)
        .iter()
        .map(|value| text(name, value))
        .collect::<Result<_, _>>()?;
    match (values.is_empty(), request.uri().authority()) {
        (false, _) => Ok(values.join(",")),
        (true, Some(authority)) if name == HOST.as_str() => Ok(authority.as_str().to_owned()),
        (true, _) => Err(malformed(format!(
            "header `{}` is signed and missing",
            name.chars().take(64).collect::<String>()
        ))),
    }
}

/// Whether the request names a hash that is not its body's.
fn body_is_another(request: &Request<Bytes>) -> bool {
    request.headers().get(CONTENT_SHA256).is_some_and(|hash| {
        hash != UNSIGNED_PAYLOAD && hash.as_bytes() != sha256_hex(request.body()).as_bytes()
    })
}

#[cfg(test)]
mod tests;
