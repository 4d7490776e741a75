//! What may be printed of a URL, a header, a body.
//!
//! Everything is withheld but what is known to be harmless: a new parameter or header is a secret
//! until it stands in a list here.

use std::fmt::Write as _;

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
