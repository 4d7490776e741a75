//! Keys of ECS tasks and EKS pods, from a place that their environment names.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.

use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Request, Uri};

use super::source::{Container, Login, Token};
use super::{document, misconfigured};
use crate::access::http::send;
use crate::access::http::signature::sensitive;
use crate::access::{Error, Kind, Secret};
use crate::wire::https::is_loopback;
use crate::wire::{Environment, Outside, at_home};

const OPERATION: &str = "container credentials";

/// Where relative addresses are.
const HOST: &str = "169.254.170.2";
const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// The place that the environment names, if it does.
///
/// # Errors
/// [`Kind::Configuration`] if keys would travel in clear text.
pub(super) fn named(environment: &dyn Environment) -> Result<Option<Container>, Error> {
    let relative = environment.var(RELATIVE).map(|path| (RELATIVE, format!("http://{HOST}{path}")));
    let named = relative.or_else(|| Some((FULL, environment.var(FULL)?)));
    let Some((variable, text)) = named else { return Ok(None) };
    let url = allowed(&text).ok_or_else(|| {
        misconfigured(format!(
            "`{variable}` is not an `https` URL, nor an `http` one of this machine or of the \
             addresses that ECS and EKS answer at"
        ))
    })?;
    let file = environment.var(TOKEN_FILE).map(|path| Token::File(at_home(&path, environment)));
    let token = file.or_else(|| Some(Token::Text(Secret::new(environment.var(TOKEN)?))));
    Ok(Some(Container { url, token }))
}

/// A URL to which nobody else listens.
fn allowed(text: &str) -> Option<Uri> {
    let url: Uri = text.parse().ok()?;
    let host = url.host()?;
    let safe = match url.scheme_str()? {
        "https" => !host.is_empty(),
        "http" => is_loopback(host) || is_beside(host),
        _ => false,
    };
    safe.then_some(url)
}

/// Whether ECS (169.254.170.2) or EKS Pod Identity (169.254.170.23, `fd00:ec2::23`) answers there.
fn is_beside(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let near = [Ipv4Addr::new(169, 254, 170, 2), Ipv4Addr::new(169, 254, 170, 23)];
    match bare.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => near.contains(&address),
        Ok(IpAddr::V6(address)) => address.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23],
        Err(_) => false,
    }
}

/// A key from the place.
pub(super) async fn login(place: &Container, outside: &Outside) -> Result<Login, Error> {
    let mut request = Request::get(place.url.clone());
    if let Some(token) = &place.token {
        let what = "the file of the container's authorization token";
        let token = token.text(&*outside.environment, what, &format!("`{TOKEN_FILE}`"))?;
        let value = sensitive(token.reveal(), "authorization token")
            .map_err(|reason| misconfigured(reason.0))?;
        request = request.header(AUTHORIZATION, value);
    }
    let request = request.body(Bytes::new());
    let request = request.map_err(|_| misconfigured("the container's URL cannot be asked"))?;
    let answer = send(outside, OPERATION, request).await?;
    let status = answer.status();
    let failed = |kind, message| Error {
        status: Some(status.as_u16()),
        ..Error::new(kind, OPERATION, message)
    };
    if !status.is_success() {
        let kind = if status.is_server_error() { Kind::Unavailable } else { Kind::Credentials };
        let message = format!("the container's credentials URL answered {}", status.as_u16());
        return Err(failed(kind, message));
    }
    document::read(answer.body()).map_err(|what| {
        failed(Kind::Credentials, format!("the container's credentials URL did not give {what}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_travel_in_clear_text_to_near_places_only() {
        for text in [
            "http://169.254.170.2/v2/credentials/x",
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1/credentials",
            "http://127.0.0.1:51679/x",
            "http://localhost/x",
            "https://keys.example/x?a=b",
        ] {
            assert!(allowed(text).is_some(), "{text}");
        }
        for text in [
            "http://keys.example/x",
            "http://169.254.170.24/",
            "http://169.254.170.2@keys.example/",
            "http://169.254.170.2.keys.example/",
            "ftp://127.0.0.1/",
            "/v2/credentials",
            "",
        ] {
            assert!(allowed(text).is_none(), "{text}");
        }
    }
}
