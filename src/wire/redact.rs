//! What may be printed of a URL, a header, a body.
//!
//! Everything is withheld but what is known to be harmless: a new parameter or header is a secret
//! until it stands in a list here.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Uri};

/// In the place of what is withheld.
const HIDDEN: &str = "•••";

/// Query parameters that name operations and pages.
const HARMLESS_PARAMETERS: &[&str] = &[
    "Action",
    "Version",
    "RegionId",
    "MaxResults",
    "PageSize",
    "PageNumber",
    "Format",
    "limit",
    "offset",
    "nocatalog",
];

/// Headers that hold no secret and help to understand a failure.
const HARMLESS_HEADERS: &[&str] = &[
    "accept",
    "content-length",
    "content-type",
    "date",
    "host",
    "retry-after",
    "server",
    "user-agent",
    "x-acs-action",
    "x-acs-date",
    "x-acs-request-id",
    "x-acs-retry-after",
    "x-acs-version",
    "x-iam-trace-id",
    "x-language",
    "x-ratelimit-user",
    "x-ratelimit-user-api",
    "x-request-id",
    "x-sdk-date",
    "x-session-sandbox",
];

/// How much of a long secret betrays that the rest of it may follow.
const BEGINNING: usize = 16;
/// A shorter text is a word like any other.
const SHORTEST: usize = 6;

/// A body without the secrets that whoever wrote it was sent, whole or cut off, as they are or as
/// JSON writes them. Another secret that only begins like one of them is left: tokens of one issuer
/// do, and an answer that brings the next is no echo.
pub fn blot(body: Bytes, secrets: &[String]) -> Bytes {
    let escaped = secrets.iter().filter(|one| one.contains('/')).map(|one| one.replace('/', "\\/"));
    let all: Vec<String> = secrets.iter().cloned().chain(escaped).collect();
    let known = |one: &&String| one.len() >= SHORTEST;
    if !all.iter().filter(known).any(|one| find(&body, beginning(one)).is_some()) {
        return body;
    }
    let mut clean = Vec::with_capacity(body.len());
    let mut rest = &body[..];
    while let Some(first) = rest.first() {
        let same = |secret: &String| {
            let same = rest.iter().zip(secret.as_bytes()).take_while(|(a, b)| a == b).count();
            let ends =
                same == secret.len() || !rest.get(same).is_some_and(u8::is_ascii_alphanumeric);
            (same >= beginning(secret).len() && ends).then_some(same)
        };
        if let Some(same) = all.iter().filter(known).filter_map(same).max() {
            clean.extend_from_slice(HIDDEN.as_bytes());
            rest = &rest[same..];
        } else {
            clean.push(*first);
            rest = &rest[1..];
        }
    }
    Bytes::from(clean)
}

/// What must stand somewhere for a secret to be there in part. Of a header with several words only
/// the whole is one.
fn beginning(secret: &str) -> &[u8] {
    let whole = secret.len() <= BEGINNING || secret.contains(' ');
    if whole { secret.as_bytes() } else { &secret.as_bytes()[..BEGINNING] }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Host and port, for errors.
pub fn host(uri: &Uri) -> String {
    match (uri.host(), uri.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "(no host)".to_owned(),
    }
}

/// Method and URL without query and user information, for errors.
pub fn line(method: &Method, uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("https");
    format!("{method} {scheme}://{}{}", host(uri), uri.path())
}

/// A URL whose query values are hidden unless they are harmless, for logs.
pub fn url(uri: &Uri) -> String {
    let mut text = format!("{}://{}{}", uri.scheme_str().unwrap_or("https"), host(uri), uri.path());
    for (place, pair) in uri.query().unwrap_or_default().split('&').enumerate() {
        let Some((name, value)) = pair.split_once('=') else { continue };
        let value = if HARMLESS_PARAMETERS.contains(&name) { value } else { HIDDEN };
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{name}={value}", if place == 0 { '?' } else { '&' });
    }
    text
}

/// A header's value, hidden unless the header is harmless.
pub fn header<'a>(name: &HeaderName, value: &'a HeaderValue) -> &'a str {
    let harmless = !value.is_sensitive() && HARMLESS_HEADERS.contains(&name.as_str());
    if harmless { value.to_str().unwrap_or(HIDDEN) } else { HIDDEN }
}

/// A body's size: sessions carry addresses and commands, logins carry passwords.
pub fn body(body: &[u8]) -> String {
    format!("{} bytes", body.len())
}

/// A text from outside, cut to `most` characters, on one line, without control characters.
pub fn bounded(text: &str, most: usize) -> String {
    let mut characters = text.trim().chars();
    let mut result: String = characters
        .by_ref()
        .take(most)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if characters.next().is_some() {
        result.pop();
        result.push('…');
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_blotted_out_whole_or_cut_off_as_it_is_or_as_json_writes_it() {
        let secrets = [
            "AbCdEfGh/IjKlMnOp/QrStUvWx".to_owned(),
            "0123456789abcdefgh/ij".into(),
            "s3cret".into(),
            "no".into(),
        ];
        for (text, expected) in [
            ("plain, no more", "plain, no more"),
            ("token:AbCdEfGh/IjKlMnOp/QrStUvWx;", "token:•••;"),
            ("token:AbCdEfGh/IjKlMnOp/Qr", "token:•••"),
            ("AbCdEfGh\\/IjKlMnOp\\/QrStUvWx AbCdEfGh/IjKlMnOp/QrStUvWx", "••• •••"),
            ("0123456789abcdefgh\\/ij 0123456789abcdefgh/ij", "••• •••"),
            ("AbCdEfGh is no more than a beginning", "AbCdEfGh is no more than a beginning"),
            ("s3crets and s3cre", "•••s and s3cre"),
            ("AbCdEfGh/IjKlMnOp/QrAnother", "AbCdEfGh/IjKlMnOp/QrAnother"),
            ("token:AbCdEfGh/IjKlMnOp/Qr...", "token:•••..."),
        ] {
            assert_eq!(blot(Bytes::from_static(text.as_bytes()), &secrets), expected, "{text}");
        }
    }

    #[test]
    fn a_query_value_is_hidden_unless_it_is_known_to_be_harmless() {
        for (input, expected) in [
            ("https://h.example/a/b", "https://h.example/a/b"),
            (
                "https://h.example:8443/?Action=X&AccessKeyId=LTAI&limit=5&Signature=s%3D",
                "https://h.example:8443/?Action=X&AccessKeyId=•••&limit=5&Signature=•••",
            ),
            ("https://user:secret@h.example/", "https://h.example/"),
            ("https://h.example/?novalue", "https://h.example/"),
        ] {
            assert_eq!(url(&input.parse().unwrap()), expected);
        }
    }

    #[test]
    fn the_line_of_an_error_has_no_query_and_no_user_information() {
        let uri = "http://user:secret@127.0.0.1:9/v3/x?token=t".parse().unwrap();
        assert_eq!(line(&Method::GET, &uri), "GET http://127.0.0.1:9/v3/x");
    }

    #[test]
    fn a_header_is_hidden_unless_it_is_known_to_be_harmless() {
        let shown = |name: &'static str| {
            let value = HeaderValue::from_static("value");
            header(&HeaderName::from_static(name), &value).to_owned()
        };
        assert_eq!(shown("x-request-id"), "value");
        for name in ["authorization", "x-auth-token", "x-security-token", "x-subject-token", "new"]
        {
            assert_eq!(shown(name), HIDDEN, "{name}");
        }
        let mut sensitive = HeaderValue::from_static("value");
        sensitive.set_sensitive(true);
        assert_eq!(header(&HeaderName::from_static("x-request-id"), &sensitive), HIDDEN);
    }

    #[test]
    fn a_text_from_outside_is_cut_at_characters_and_cannot_steer_a_terminal() {
        for (input, expected) in [
            ("short", "short"),
            ("  a\nb\u{1b}[31m ", "a b [31m"),
            ("ÄÖÜäöüßxyz", "ÄÖÜäöüßxyz"),
            ("ÄÖÜäöüßxyz!", "ÄÖÜäöüßxy…"),
        ] {
            assert_eq!(bounded(input, 10), expected);
        }
    }
}
