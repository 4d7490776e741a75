//! Keys of the EC2 instance's role, from its metadata service in version 2, which asks for a token
//! first.
//!
//! <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>. Version 1
//! is not asked: whoever can make a program fetch a URL could have its keys.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};

use super::endpoints::at;
use super::source::Login;
use super::{document, misconfigured};
use crate::access::http::send;
use crate::access::http::signature::sensitive;
use crate::access::{Error, Kind, Secret};
use crate::wire::Outside;

const OPERATION: &str = "EC2 instance metadata";
const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
/// How long the token shall be good, in seconds: for the two questions behind it.
const TOKEN_SECONDS: &str = "60";

/// Off an instance nothing answers: the vendor's SDKs wait one second too.
const PATIENCE: Duration = Duration::from_secs(1);

/// A key of the instance's role.
pub(super) async fn login(base: &Uri, outside: &Outside) -> Result<Login, Error> {
    let answer = ask(Method::PUT, base, "/latest/api/token", None, outside).await?;
    let token = Secret::new(String::from_utf8_lossy(answer.body()).trim());
    let answer = ask(Method::GET, base, ROLES, Some(&token), outside).await?;
    let role = String::from_utf8_lossy(answer.body()).lines().next().unwrap_or_default().to_owned();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if role.is_empty() || role.len() > 128 || !role.bytes().all(plain) {
        return Err(failed(Kind::Credentials, "the EC2 instance has no role of a usable name"));
    }
    let answer = ask(Method::GET, base, &format!("{ROLES}{role}"), Some(&token), outside).await?;
    document::read(answer.body()).map_err(|what| {
        failed(Kind::Credentials, &format!("the metadata service did not give {what}"))
    })
}

async fn ask(
    method: Method,
    base: &Uri,
    path: &str,
    token: Option<&Secret>,
    outside: &Outside,
) -> Result<Response<Bytes>, Error> {
    let unusable = || misconfigured("the metadata service gave a token that no header can hold");
    let url = at(base, path)?;
    let request = Request::builder().method(&method).uri(url);
    let request = match token {
        None => request.header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS),
        Some(token) => {
            let value = sensitive(token.reveal(), "token").map_err(|_| unusable())?;
            request.header("x-aws-ec2-metadata-token", value)
        }
    };
    let request = request.body(Bytes::new()).map_err(|_| unusable())?;
    let answer = tokio::time::timeout(PATIENCE, send(outside, OPERATION, request)).await;
    let Ok(Ok(answer)) = answer else {
        // Not to be waited for: where there is a metadata service, it answers.
        return Err(failed(
            Kind::Credentials,
            "there are no credentials for AWS: set `access_key` and `secret_key` \
             (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`) or `profile` (`AWS_PROFILE`); the \
             metadata service of an EC2 instance did not answer either",
        ));
    };
    if answer.status().is_success() {
        return Ok(answer);
    }
    let status = answer.status();
    let message = format!(
        "the metadata service of this EC2 instance answered {} to {path}: attach a role to the \
         instance, or set `profile` or a key",
        status.as_u16()
    );
    let kind = if status.is_server_error() { Kind::Unavailable } else { Kind::Credentials };
    Err(Error { status: Some(status.as_u16()), ..failed(kind, &message) })
}

fn failed(kind: Kind, message: &str) -> Error {
    Error::new(kind, OPERATION, message)
}
