//! The signature ACS3-HMAC-SHA256, made and checked.
//!
//! As the vendor describes it ("Request syntax and signature method V3",
//! <https://www.alibabacloud.com/help/en/sdk/product-overview/v3-request-structure-and-signature>)
//! and its SDKs do it (alibabacloud-tea-openapi). Time, nonce and keys are arguments. [`sign`] and
//! [`verify`] share [`canonical_request`], so what holds them to the vendor is
//! `tests/vectors/alicloud`.

use std::borrow::Cow;
use std::collections::BTreeSet;
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

/// How far `x-acs-date` may be off (error code `InvalidTimeStamp.Expired`: 15 minutes).
pub const MAX_SKEW: Duration = Duration::from_secs(15 * 60);

const ALGORITHM: &str = "ACS3-HMAC-SHA256";
const DATE: HeaderName = HeaderName::from_static("x-acs-date");
const NONCE: HeaderName = HeaderName::from_static("x-acs-signature-nonce");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-acs-content-sha256");
const ACCESS_KEY: HeaderName = HeaderName::from_static("x-acs-accesskey-id");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-acs-security-token");

const DATE_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// Headers without which no call is looked at. All of them must be signed.
const REQUIRED: [&str; 6] = [
    "host",
    "x-acs-action",
    "x-acs-content-sha256",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-version",
];

/// A good signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is.
    pub access_key: String,
    /// The nonce, which no other request may use within [`MAX_SKEW`].
    pub nonce: String,
    /// The token beside a temporary key.
    pub security_token: Option<Secret>,
}

/// Why a request cannot be signed, or its signature is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no signature.
    #[error("the request has no `Authorization` header")]
    NoAuthorization,
    /// The signature, or what it covers, cannot be read or written.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// This header must be there and must be signed.
    #[error("header `{0}` is missing or not signed")]
    Incomplete(String),
    /// Nobody has this key.
    #[error("the access key `{0}` is not known")]
    UnknownKey(String),
    /// Too old, or from the future.
    #[error("`x-acs-date` is more than {} minutes off", MAX_SKEW.as_secs() / 60)]
    DateSkew,
    /// The signature is not that of the request. Holds what should have been signed, which the
    /// cloud shows in its own message.
    #[error("the signature does not match the request")]
    Mismatch(String),
}

/// Adds `Host`, the `x-acs-` headers of date, nonce, content hash and temporary key, and
/// `Authorization`. The signature covers these, `Content-Type` and every `x-acs-` header that is
/// there. Whole seconds of `at` count; a `nonce` may be used for one request only. On an error the
/// request is as it was.
///
/// # Errors
/// [`SignError::Malformed`] if a header cannot be written, or the URL has no host.
pub fn sign(
    request: &mut Request<Bytes>,
    key: &Key,
    at: SystemTime,
    nonce: &str,
) -> Result<(), SignError> {
    let mut headers = request.headers().clone();
    if !headers.contains_key(HOST) {
        let host = request.uri().authority().ok_or_else(|| malformed("the URL has no host"))?;
        headers.insert(HOST, plain(host.as_str(), "host")?);
    }
    headers.insert(DATE, plain(&date(at)?, "date")?);
    headers.insert(NONCE, plain(nonce, "nonce")?);
    headers.insert(CONTENT_SHA256, plain(&sha256_hex(request.body()), "hash")?);
    if let Some(token) = &key.security_token {
        headers.insert(ACCESS_KEY, plain(&key.access_key, "access key")?);
        headers.insert(SECURITY_TOKEN, sensitive(token.reveal(), "security token")?);
    }
    let mut signed: Vec<&str> = headers
        .keys()
        .filter(|name| **name == HOST || **name == CONTENT_TYPE || is_cloud_header(name))
        .map(HeaderName::as_str)
        .collect();
    signed.sort_unstable();
    let signed = signed.join(";");

    let before = std::mem::replace(request.headers_mut(), headers);
    match authorization(request, &signed, key) {
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
    let text = string_to_sign(&canonical_request(request, signed)?);
    let signature = hex::encode(mac(&key.secret_key, &text).finalize().into_bytes());
    let access = &key.access_key;
    let value =
        format!("{ALGORITHM} Credential={access},SignedHeaders={signed},Signature={signature}");
    Ok(sensitive(&value, "access key")?)
}

/// Checks the signature of a request as it came in: exactly the headers that it names.
///
/// `host`, the five `x-acs-` headers that every call has and any other `x-acs-` header that is
/// there must be among them, the date no more than [`MAX_SKEW`] from `now`. `secret_of` gives the
/// secret half of an access key. Whether a temporary key's token belongs to it, and whether a nonce
/// was seen before, is for the caller to say.
///
/// # Errors
/// What is wrong, in the order of [`SignError`].
pub fn verify(
    request: &Request<Bytes>,
    now: SystemTime,
    secret_of: &dyn Fn(&str) -> Option<Secret>,
) -> Result<Verified, SignError> {
    let value = request.headers().get(AUTHORIZATION).ok_or(SignError::NoAuthorization)?;
    let value = text("Authorization", value)?;
    let claim = Authorization::parse(value, ALGORITHM, "Credential")?;
    let sent = request.headers().keys().filter(|name| is_cloud_header(name));
    for name in sent.map(HeaderName::as_str).chain(REQUIRED) {
        if !claim.signed_headers.split(';').any(|signed| signed.eq_ignore_ascii_case(name)) {
            return Err(SignError::Incomplete(name.to_owned()));
        }
    }
    let canonical = canonical_request(request, claim.signed_headers)?;
    let at = parse_date(&header(request, DATE.as_str())?)
        .ok_or_else(|| malformed("`x-acs-date` is not like 2006-01-02T15:04:05Z"))?;

    let secret = secret_of(claim.access_key)
        .ok_or_else(|| SignError::UnknownKey(claim.access_key.chars().take(128).collect()))?;
    let skew = now.duration_since(at).unwrap_or_else(|ahead| ahead.duration());
    if skew > MAX_SKEW {
        return Err(SignError::DateSkew);
    }
    let string_to_sign = string_to_sign(&canonical);
    // Compares in constant time.
    let good = mac(&secret, &string_to_sign).verify_slice(&claim.signature).is_ok();
    if !good || header(request, CONTENT_SHA256.as_str())? != sha256_hex(request.body()) {
        return Err(SignError::Mismatch(string_to_sign));
    }
    Ok(Verified {
        access_key: claim.access_key.to_owned(),
        nonce: header(request, NONCE.as_str())?,
        security_token: header(request, SECURITY_TOKEN.as_str()).ok().map(Secret::new),
    })
}

/// The request in the form that is hashed and signed. `signed_headers` are names joined by `;`.
/// Holds the security token, if there is one.
///
/// # Errors
/// [`SignError::Incomplete`] if a named header is missing, [`SignError::Malformed`] if it or the
/// query is not text.
pub fn canonical_request(
    request: &Request<Bytes>,
    signed_headers: &str,
) -> Result<String, SignError> {
    let names: BTreeSet<String> = signed_headers.split(';').map(str::to_ascii_lowercase).collect();
    let mut headers = Vec::new();
    for name in names {
        let value = header(request, &name)?;
        headers.push((name, value));
    }
    Ok(canonical(
        request.method().as_str(),
        request.uri().path(),
        &canonical_query(&read_query(request.uri().query().unwrap_or_default())?),
        &headers,
        &header(request, CONTENT_SHA256.as_str())?,
    ))
}

/// Headers are sorted, their names in lower case.
fn canonical(
    method: &str,
    path: &str,
    query: &str,
    headers: &[(String, String)],
    content_hash: &str,
) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    [method, path, query, &lines, &names.join(";"), content_hash].join("\n")
}

/// What the signature is made of.
pub fn string_to_sign(canonical_request: &str) -> String {
    format!("{ALGORITHM}\n{}", sha256_hex(canonical_request.as_bytes()))
}

/// The parameters as they are signed, and as they may be sent: sorted, encoded, joined by `&`.
pub(super) fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<_> =
        query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    pairs.sort_unstable();
    let encoded = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    encoded.collect::<Vec<_>>().join("&")
}

/// Reads a query as a web form: `+` is a space, as the vendor's Python SDK sends it.
fn read_query(query: &str) -> Result<Vec<(String, String)>, SignError> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        let decoded = percent_decode_str(&text).decode_utf8();
        decoded.map(Cow::into_owned).map_err(|_| malformed("the query is not UTF-8"))
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Ok((decode(name)?, decode(value)?))
        })
        .collect()
}

/// An instant as this cloud writes it, like `2023-10-26T10:22:32Z`.
///
/// # Errors
/// [`Malformed`] outside the years 0 to 9999.
pub fn date(at: SystemTime) -> Result<String, Malformed> {
    OffsetDateTime::from(at).format(DATE_FORMAT).map_err(|_| malformed("the clock is unreadable"))
}

/// Reads an instant as this cloud writes it; None if it is anything else.
pub fn parse_date(text: &str) -> Option<SystemTime> {
    let date = PrimitiveDateTime::parse(text, DATE_FORMAT).ok()?;
    instant(date.assume_utc())
}

fn is_cloud_header(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-acs-")
}

/// A header as it is signed: trimmed, several values sorted and joined by commas. `host` may stand
/// in the URL instead.
fn header(request: &Request<Bytes>, name: &str) -> Result<String, SignError> {
    let mut values = Vec::new();
    for value in request.headers().get_all(name) {
        values.push(text(name, value)?.trim().to_owned());
    }
    values.sort_unstable();
    match (values.is_empty(), request.uri().authority()) {
        (false, _) => Ok(values.join(",")),
        (true, Some(authority)) if name == HOST.as_str() => Ok(authority.as_str().to_owned()),
        (true, _) => Err(SignError::Incomplete(name.chars().take(64).collect())),
    }
}

#[cfg(test)]
mod tests;
