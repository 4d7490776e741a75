//! Keys of IAM Identity Center, by the token that `aws sso login` has left behind.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html>. A token that is
//! over is renewed where the command line has left what that takes; the file is read, never written.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::endpoints::at;
use super::errors;
use super::sign::Key;
use super::source::{Login, Means, Sso};
use crate::access::http::signature::{encode, sensitive};
use crate::access::http::{Carried, send};
use crate::access::instant::rfc3339;
use crate::access::{Error, Kind, Secret};

/// What the command line keeps of a login.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cached {
    access_token: String,
    expires_at: String,
    refresh_token: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

/// A key of the role.
pub(super) async fn login(sso: &Sso, means: &Means) -> Result<Login, Error> {
    const OPERATION: &str = "GetRoleCredentials";
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        role_credentials: Temporary,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Temporary {
        access_key_id: String,
        secret_access_key: String,
        session_token: String,
        /// In milliseconds since 1970.
        expiration: u64,
    }
    let token = token(sso, means).await?;
    let path = format!(
        "/federation/credentials?role_name={}&account_id={}",
        encode(&sso.role_name),
        encode(&sso.account_id)
    );
    let value = sensitive(token.reveal(), "token").map_err(|_| over(sso))?;
    let request = Request::get(at(&means.endpoint("sso", &sso.region)?, &path)?)
        .header("x-amz-sso_bearer_token", value)
        .body(Bytes::new());
    let Answer { role_credentials: given } = ask(OPERATION, sso, request, means).await?;
    Ok(Login {
        key: Key {
            access_key: given.access_key_id,
            secret_key: Secret::new(given.secret_access_key),
            security_token: Some(Secret::new(given.session_token)),
        },
        expires_at: UNIX_EPOCH.checked_add(Duration::from_millis(given.expiration)),
    })
}

/// The token of the login, renewed if it is over.
async fn token(sso: &Sso, means: &Means) -> Result<Secret, Error> {
    let bytes = means.outside.environment.read(&sso.cache).map_err(|_| over(sso))?;
    let cached: Cached = serde_json::from_slice(&bytes).map_err(|_| over(sso))?;
    let now = means.outside.clock.now();
    if rfc3339(&cached.expires_at).is_some_and(|end| end > now + MARGIN) {
        return Ok(Secret::new(cached.access_token));
    }
    renewed(&cached, sso, means).await
}

/// What must be left of a token for it to be used.
const MARGIN: Duration = Duration::from_secs(60);

/// <https://docs.aws.amazon.com/singlesignon/latest/OIDCAPIReference/API_CreateToken.html>.
async fn renewed(cached: &Cached, sso: &Sso, means: &Means) -> Result<Secret, Error> {
    const OPERATION: &str = "CreateToken";
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        access_token: String,
    }
    let (Some(refresh), Some(client), Some(secret)) =
        (&cached.refresh_token, &cached.client_id, &cached.client_secret)
    else {
        return Err(over(sso));
    };
    let body = json!({
        "clientId": client, "clientSecret": secret, "grantType": "refresh_token",
        "refreshToken": refresh,
    });
    let request = Request::post(at(&means.endpoint("ssooidc", &sso.region)?, "/token")?)
        .header(CONTENT_TYPE, "application/json")
        .extension(Carried(Secret::new(refresh)))
        .body(Bytes::from(body.to_string()));
    let Answer { access_token } = ask(OPERATION, sso, request, means).await?;
    Ok(Secret::new(access_token))
}

/// Asks, and reads the answer. One that refuses means that a person has to log in again.
async fn ask<T: DeserializeOwned>(
    operation: &'static str,
    sso: &Sso,
    request: Result<Request<Bytes>, http::Error>,
    means: &Means,
) -> Result<T, Error> {
    let mut request = request.map_err(|_| over(sso))?;
    means.trusting(&mut request);
    let answer = send(&means.outside, operation, request).await?;
    let told = |error: Error| Error {
        status: Some(answer.status().as_u16()),
        request_id: errors::request_id(&answer),
        ..error
    };
    if let Some(refusal) = errors::refusal(operation, &answer) {
        let error = refusal.error;
        if error.kind.is_transient() || error.kind == Kind::Permission {
            return Err(error);
        }
        return Err(told(Error { code: error.code.clone(), ..over(sso) }));
    }
    serde_json::from_slice(answer.body()).map_err(|_| {
        told(Error::new(
            Kind::Malformed,
            operation,
            "the answer is not what IAM Identity Center documents",
        ))
    })
}

/// That a person has to log in again, and how.
fn over(sso: &Sso) -> Error {
    let message = format!(
        "the login of the profile `{0}` through IAM Identity Center is over: run `aws sso login \
         --profile {0}`",
        sso.profile
    );
    Error::new(Kind::Credentials, super::LOGIN, message)
}
