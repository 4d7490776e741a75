//! Temporary keys from the ECS metadata service and from a credentials URL.
//!
//! Source: "Instance metadata", <https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata>,
//! and aliyun/credentials-go `providers/ecs_ram_role.go`. The hardened mode, which asks for a token
//! first, comes first; the plain mode follows unless `ALIBABA_CLOUD_IMDSV1_DISABLED` is `true`.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use serde::Deserialize;

use super::endpoints::parse;
use super::misconfigured;
use super::sign::Key;
use super::source::Login;
use crate::access::http::send;
use crate::access::instant::rfc3339;
use crate::access::{Error, Kind, Secret};
use crate::wire::Outside;
use crate::wire::https::plain_http_allowed;

const OPERATION: &str = "ECS instance metadata";
const HOST: &str = "100.100.100.200";

/// Off an ECS instance nothing answers: the vendor's SDK waits one second too.
const PATIENCE: Duration = Duration::from_secs(1);

/// A key of the instance's RAM role.
pub(super) async fn login(role: Option<&str>, outside: &Outside) -> Result<Login, Error> {
    let token = token(outside).await?;
    let token = token.as_ref();
    const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
    let role = match role {
        Some(role) => role.to_owned(),
        None => {
            let answer = ask(Method::GET, ROLES, token, outside).await?;
            String::from_utf8_lossy(&answer.into_body()).trim().to_owned()
        }
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    if role.is_empty() || role.len() > 64 || !role.bytes().all(plain) {
        return Err(misconfigured(
            "the ECS instance has no RAM role of a usable name: attach one, or set \
             `ecs_role_name` or the environment variable `ALICLOUD_ECS_ROLE_NAME`",
        ));
    }
    let answer = ask(Method::GET, &format!("{ROLES}{role}"), token, outside).await?;
    read(OPERATION, &answer)
}

/// The token of the hardened mode; None where only the plain mode is to be had.
async fn token(outside: &Outside) -> Result<Option<Secret>, Error> {
    let plain_is_off = outside.environment.var("ALIBABA_CLOUD_IMDSV1_DISABLED");
    let plain_is_off = plain_is_off.is_some_and(|value| value.eq_ignore_ascii_case("true"));
    match ask(Method::PUT, "/latest/api/token", None, outside).await {
        Ok(answer) => Ok(Some(Secret::new(String::from_utf8_lossy(answer.body()).trim()))),
        Err(error) if plain_is_off => Err(error),
        Err(_) => Ok(None),
    }
}

async fn ask(
    method: Method,
    path: &str,
    token: Option<&Secret>,
    outside: &Outside,
) -> Result<Response<Bytes>, Error> {
    let mut request = Request::builder().method(&method).uri(format!("http://{HOST}{path}"));
    if method == Method::PUT {
        request = request.header("x-aliyun-ecs-metadata-token-ttl-seconds", "21600");
    }
    let unusable = || failed(OPERATION, "the metadata service gave an unusable token");
    if let Some(token) = token {
        let mut value = HeaderValue::from_str(token.reveal()).map_err(|_| unusable())?;
        value.set_sensitive(true);
        request = request.header("x-aliyun-ecs-metadata-token", value);
    }
    let request = request.body(Bytes::new()).map_err(|_| unusable())?;
    let answer = tokio::time::timeout(PATIENCE, send(outside, OPERATION, request)).await;
    let Ok(Ok(answer)) = answer else {
        // Not to be waited for: where there is a metadata service, it answers.
        return Err(failed(
            OPERATION,
            "the metadata service at 100.100.100.200 did not answer: `ecs_role_name` and profiles \
             with an ECS role work on an ECS instance only",
        ));
    };
    if answer.status().is_success() {
        return Ok(answer);
    }
    let message = format!(
        "{method} http://{HOST}{path} answered {}: check that the RAM role of `ecs_role_name` is \
         attached to this instance",
        answer.status().as_u16()
    );
    let kind =
        if answer.status().is_server_error() { Kind::Unavailable } else { Kind::Credentials };
    Err(Error { status: Some(answer.status().as_u16()), ..Error::new(kind, OPERATION, message) })
}

/// A credentials URL: `https`, or `http` on this machine or its link, where nobody listens in.
pub(super) fn credentials_uri(text: &str) -> Result<http::Uri, Error> {
    let wrong = || {
        misconfigured(
            "`credentials_uri` is not an `https` URL, nor an `http` one of this machine \
             (loopback) or of its metadata service",
        )
    };
    let url = parse(text).ok_or_else(wrong)?;
    let host = url.host().unwrap_or_default();
    let safe = match url.scheme_str() {
        Some("https") => !host.is_empty(),
        Some("http") => plain_http_allowed(host),
        _ => false,
    };
    if safe { Ok(url) } else { Err(wrong()) }
}

/// A key from a credentials URL.
pub(super) async fn login_at(url: &http::Uri, outside: &Outside) -> Result<Login, Error> {
    const OPERATION: &str = "credentials_uri";
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = url.clone();
    let answer = send(outside, OPERATION, request).await?;
    let status = answer.status();
    if !status.is_success() {
        let kind = if status.is_server_error() { Kind::Unavailable } else { Kind::Credentials };
        let message = format!("the credentials URL answered {}", status.as_u16());
        return Err(Error {
            status: Some(status.as_u16()),
            ..Error::new(kind, OPERATION, message)
        });
    }
    read(OPERATION, &answer)
}

/// The document that both answer with.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    #[serde(default)]
    code: Option<String>,
    access_key_id: String,
    access_key_secret: String,
    security_token: String,
    #[serde(default)]
    expiration: Option<String>,
}

fn read(operation: &'static str, answer: &Response<Bytes>) -> Result<Login, Error> {
    let document: Document = serde_json::from_slice(answer.body()).map_err(|_| {
        failed(
            operation,
            "the answer is not a JSON object with `AccessKeyId`, `AccessKeySecret` and \
             `SecurityToken`",
        )
    })?;
    if document.code.as_deref().is_some_and(|code| code != "Success") {
        return Err(failed(operation, "the answer does not say `Success`"));
    }
    let expires_at = document.expiration.as_deref().map(rfc3339);
    if expires_at == Some(None) {
        return Err(failed(operation, "the answer's `Expiration` is not a time"));
    }
    Ok(Login {
        key: Key {
            access_key: document.access_key_id,
            secret_key: Secret::new(document.access_key_secret),
            security_token: Some(Secret::new(document.security_token)),
        },
        expires_at: expires_at.flatten(),
    })
}

fn failed(operation: &'static str, message: &str) -> Error {
    Error::new(Kind::Credentials, operation, message)
}
