//! Roles: `AssumeRole` and `AssumeRoleWithOIDC` of the Security Token Service, version 2015-04-01.
//!
//! <https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole>.
//! The first is signed as any call, the second is not signed at all: its token is the proof.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Method, Request, Response};
use serde::Deserialize;

use super::endpoints::{Endpoint, checked};
use super::sign::{Key, canonical_query, date, sign};
use super::source::{Login, Means, Oidc, Role, Token};
use super::{errors, misconfigured};
use crate::access::http::{Carried, send};
use crate::access::instant::rfc3339;
use crate::access::{Error, Kind, Secret};

const VERSION: &str = "2015-04-01";

/// The key of a role that `base` may assume.
pub(super) async fn assume(base: &Key, role: &Role, means: &Means) -> Result<Login, Error> {
    const OPERATION: &str = "AssumeRole";
    let url = endpoint(role, means)?.url(&format!("/?{}", canonical_query(&parameters(role))))?;
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url)
        .header(ACCEPT, "application/json")
        .header("x-acs-action", OPERATION)
        .header("x-acs-version", VERSION)
        .body(Bytes::new())
        .map_err(|_| misconfigured("the call of `AssumeRole` cannot be written"))?;
    let outside = &means.outside;
    sign(&mut request, base, outside.clock.now(), &outside.entropy.nonce())
        .map_err(|reason| misconfigured(reason.to_string()))?;
    read(OPERATION, &send(outside, OPERATION, request).await?)
}

/// The key of a role that an OIDC token opens.
pub(super) async fn assume_with_oidc(oidc: &Oidc, means: &Means) -> Result<Login, Error> {
    const OPERATION: &str = "AssumeRoleWithOIDC";
    let outside = &means.outside;
    let token = token(&oidc.token, means)?;
    let mut form = parameters(&oidc.role);
    form.push(("OIDCProviderArn".to_owned(), oidc.provider_arn.clone()));
    form.push(("OIDCToken".to_owned(), token.reveal().to_owned()));
    let now = date(outside.clock.now()).map_err(|reason| misconfigured(reason.to_string()))?;
    let query = format!(
        "/?Action={OPERATION}&Format=JSON&SignatureNonce={}&Timestamp={}&Version={VERSION}",
        outside.entropy.nonce(),
        now.replace(':', "%3A"),
    );
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(endpoint(&oidc.role, means)?.url(&query)?)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(canonical_query(&form)))
        .map_err(|_| misconfigured("the call of `AssumeRoleWithOIDC` cannot be written"))?;
    request.extensions_mut().insert(Carried(token));
    read(OPERATION, &send(outside, OPERATION, request).await?)
}

fn endpoint(role: &Role, means: &Means) -> Result<Endpoint, Error> {
    match (&means.sts, &role.sts_region) {
        (Some(endpoint), _) => Ok(endpoint.clone()),
        (None, Some(region)) => {
            Endpoint::custom("sts", &format!("sts.{}.aliyuncs.com", checked(region)?))
        }
        (None, None) => Endpoint::of("sts", ""),
    }
}

fn parameters(role: &Role) -> Vec<(String, String)> {
    let mut parameters = vec![
        ("DurationSeconds".to_owned(), role.seconds.to_string()),
        ("RoleArn".to_owned(), role.arn.clone()),
        ("RoleSessionName".to_owned(), role.session_name.clone()),
    ];
    let optional = [("Policy", &role.policy), ("ExternalId", &role.external_id)];
    for (name, value) in optional {
        if let Some(value) = value {
            parameters.push((name.to_owned(), value.clone()));
        }
    }
    parameters
}

fn token(token: &Token, means: &Means) -> Result<Secret, Error> {
    let path = match token {
        Token::Text(secret) => return Ok(secret.clone()),
        Token::File(path) => path,
    };
    let wrong = |reason: String| {
        misconfigured(format!(
            "the OIDC token file `{}` {reason}: check `assume_role_with_oidc.oidc_token_file` or \
             the environment variable `ALIBABA_CLOUD_OIDC_TOKEN_FILE`",
            path.display()
        ))
    };
    let bytes = means.outside.environment.read(path).map_err(|reason| wrong(reason.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("is not text".to_owned()))?;
    Ok(Secret::new(text.trim()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    credentials: Temporary,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Temporary {
    access_key_id: String,
    access_key_secret: String,
    security_token: String,
    expiration: String,
}

fn read(operation: &'static str, response: &Response<Bytes>) -> Result<Login, Error> {
    if let Some(refusal) = errors::refusal(operation, response) {
        let mut error = refusal.error;
        // Without the role there is no key: but for what may pass, nothing else can be tried.
        if !error.kind.is_transient() && !error.kind.stops_everything() {
            error.kind = Kind::Credentials;
        }
        return Err(error);
    }
    let answer = serde_json::from_slice::<Answer>(response.body()).ok();
    let temporary = answer.map(|answer| answer.credentials);
    let known = temporary.and_then(|it| rfc3339(&it.expiration).map(|end| (it, end)));
    let (temporary, expires_at) = known.ok_or_else(|| Error {
        request_id: errors::request_id(response),
        status: Some(response.status().as_u16()),
        ..Error::new(Kind::Malformed, operation, "the answer does not hold a temporary key")
    })?;
    Ok(Login {
        key: Key {
            access_key: temporary.access_key_id,
            secret_key: Secret::new(temporary.access_key_secret),
            security_token: Some(Secret::new(temporary.security_token)),
        },
        expires_at: Some(expires_at),
    })
}
