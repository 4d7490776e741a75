//! The signature AWS4-HMAC-SHA256 (SigV4): made by the vendor's crate, and checked for the sandbox.
//!
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html>. Time and keys are
//! arguments. [`verify`] signs what a request says it was signed of and compares, so what holds both
//! to the vendor is `tests/vectors/aws`.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    SignableBody, SignableRequest, SigningInstructions, SigningSettings, sign as sigv4,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, Request};
use time::PrimitiveDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

pub use crate::access::http::signature::Key;

use crate::access::Secret;
use crate::access::http::signature::{Authorization, Malformed, malformed, plain, sensitive, text};
use crate::access::instant::instant;

/// How far `X-Amz-Date` may be off (the clouds' SDKs: five minutes).
pub const MAX_SKEW: Duration = Duration::from_secs(5 * 60);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: &str = "x-amz-date";
const SECURITY_TOKEN: &str = "x-amz-security-token";
const DATE_FORMAT: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second]Z");

/// What a signature is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// Like `eu-central-1`.
    pub region: String,
    /// The product's name in signatures, like `ssm`.
    pub service: String,
}

/// A good signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is.
    pub access_key: String,
    /// For what.
    pub scope: Scope,
    /// The token beside a temporary key.
    pub security_token: Option<Secret>,
}

/// Why a signature is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// There is no signature.
    #[error("the request has no `Authorization` header")]
    NoAuthorization,
    /// The signature, or what it covers, cannot be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// This header must be there and must be signed.
    #[error("header `{0}` is missing or not signed")]
    Incomplete(String),
    /// Nobody has this key.
    #[error("the access key `{0}` is not known")]
    UnknownKey(String),
    /// Too old, or from the future.
    #[error("`X-Amz-Date` is more than {} minutes off", MAX_SKEW.as_secs() / 60)]
    DateSkew,
    /// The signature is not that of the request.
    #[error("the signature does not match the request")]
    Mismatch,
}

/// Adds `X-Amz-Date`, `X-Amz-Security-Token` of a temporary key, and `Authorization`. The signature
/// covers these, the host, the body and every header that is there. Whole seconds of `at` count.
///
/// # Errors
/// [`Malformed`] if the URL has no host, a header is not text, or key or token cannot be written.
pub fn sign(
    request: &mut Request<Bytes>,
    key: &Key,
    scope: &Scope,
    at: SystemTime,
) -> Result<(), Malformed> {
    // The crate takes for granted what a header can hold.
    plain(&key.access_key, "access key")?;
    if let Some(token) = &key.security_token {
        plain(token.reveal(), "security token")?;
    }
    let mut headers = Vec::new();
    for (name, value) in request.headers() {
        headers.push((name.as_str(), text(name.as_str(), value)?));
    }
    let (instructions, _) = instructions(request, &headers, key, scope, at)?;
    let (signed, _) = instructions.into_parts();
    for header in signed {
        // What admits is marked, so that no log shows it and no answer repeats it.
        let secret = header.sensitive() || header.name() != DATE;
        let value = if secret { sensitive } else { plain }(header.value(), header.name())?;
        request.headers_mut().insert(HeaderName::from_static(header.name()), value);
    }
    Ok(())
}

/// What makes a signed request of one with these headers, and the signature.
fn instructions(
    request: &Request<Bytes>,
    headers: &[(&str, &str)],
    key: &Key,
    scope: &Scope,
    at: SystemTime,
) -> Result<(SigningInstructions, String), Malformed> {
    if request.uri().host().is_none_or(str::is_empty) {
        return Err(malformed("the URL has no host"));
    }
    let token = key.security_token.as_ref().map(|token| token.reveal().to_owned());
    let secret_key = key.secret_key.reveal();
    let identity = Credentials::new(&key.access_key, secret_key, token, None, "given").into();
    let mut settings = SigningSettings::default();
    settings.excluded_headers = None;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&scope.region)
        .name(&scope.service)
        .time(at)
        .settings(settings)
        .build();
    let parameters = parameters.map_err(|reason| malformed(reason.to_string()))?.into();
    let url = request.uri().to_string();
    let body = SignableBody::Bytes(request.body());
    let method = request.method().as_str();
    let signable = SignableRequest::new(method, url, headers.iter().copied(), body);
    let unsignable = |_| malformed("the request cannot be signed");
    let signed = sigv4(signable.map_err(unsignable)?, &parameters).map_err(unsignable)?;
    Ok(signed.into_parts())
}

/// Checks the signature of a request as it came in: exactly the headers that it names.
///
/// `host`, `x-amz-date` and every other `x-amz-` header that is there must be among them, the date
/// no more than [`MAX_SKEW`] from `now`. `secret_of` gives the secret half of an access key. Whether
/// a temporary key's token belongs to it, and whether the scope is right, is for the caller to say.
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
    let signed: Vec<&str> = claim.signed_headers.split(';').collect();
    let names = request.headers().keys().map(HeaderName::as_str);
    let cloud = names.filter(|name| name.starts_with("x-amz-"));
    if let Some(missing) = cloud.chain([HOST.as_str(), DATE]).find(|name| !signed.contains(name)) {
        return Err(SignError::Incomplete(missing.to_owned()));
    }
    let date = header(request, DATE)?;
    let at = parse_date(date).ok_or_else(|| malformed("`X-Amz-Date` is not a date"))?;
    let (access_key, scope) = credential(claim.access_key, date)?;
    let secret_key = secret_of(access_key)
        .ok_or_else(|| SignError::UnknownKey(access_key.chars().take(128).collect()))?;
    if now.duration_since(at).unwrap_or_else(|ahead| ahead.duration()) > MAX_SKEW {
        return Err(SignError::DateSkew);
    }
    let mut headers = Vec::new();
    for name in signed.into_iter().filter(|name| ![DATE, SECURITY_TOKEN].contains(name)) {
        headers.push((name, header(request, name)?));
        for value in request.headers().get_all(name).iter().skip(1) {
            headers.push((name, text(name, value)?));
        }
    }
    let security_token = header(request, SECURITY_TOKEN).ok().map(Secret::new);
    let access_key = access_key.to_owned();
    let key = Key { access_key, secret_key, security_token };
    let addressed = addressed(request)?;
    let (_, signature) = instructions(&addressed, &headers, &key, &scope, at)?;
    if signature != hex::encode(claim.signature) {
        return Err(SignError::Mismatch);
    }
    Ok(Verified { access_key: key.access_key, scope, security_token: key.security_token })
}

/// Key and scope of `KEY/20260102/eu-central-1/ssm/aws4_request`, whose day is that of the date.
fn credential<'a>(text: &'a str, date: &str) -> Result<(&'a str, Scope), Malformed> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts.as_slice() {
        [key, day, region, service, "aws4_request"] if date.get(..8) == Some(day) => {
            Ok((key, Scope { region: (*region).into(), service: (*service).into() }))
        }
        _ => Err(malformed("`Credential` is not scoped to date, region and service")),
    }
}

/// The same request with the host in its URL, where the crate looks for it.
fn addressed(request: &Request<Bytes>) -> Result<Request<Bytes>, SignError> {
    let mut request = request.clone();
    if request.uri().authority().is_none() {
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let url = format!("http://{}{target}", header(&request, HOST.as_str())?);
        *request.uri_mut() = url.parse().map_err(|_| malformed("`Host` is not a host"))?;
    }
    Ok(request)
}

/// The first value of a header that must be there.
fn header<'a>(request: &'a Request<Bytes>, name: &str) -> Result<&'a str, SignError> {
    if name == HOST.as_str()
        && let (None, Some(authority)) = (request.headers().get(name), request.uri().authority())
    {
        return Ok(authority.as_str());
    }
    let value = request.headers().get(name).ok_or_else(|| SignError::Incomplete(name.into()))?;
    Ok(text(name, value)?)
}

/// Reads a date like `20260102T030405Z`; None if it is anything else.
pub fn parse_date(text: &str) -> Option<SystemTime> {
    instant(PrimitiveDateTime::parse(text, DATE_FORMAT).ok()?.assume_utc())
}
