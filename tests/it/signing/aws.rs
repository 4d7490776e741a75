//! AWS4-HMAC-SHA256 as the vendor's test suite and Python SDK compute it.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{Request, Uri};
use terraform_provider_session::access::Secret;
use terraform_provider_session::access::aws::sign::{
    Key, MAX_SKEW, Scope, SignError, Verified, parse_date, sign, verify,
};

use super::Case;

const KEY: &str = "AKIDEXAMPLE";
const TOKEN: &str = "x-amz-security-token";

fn secret_of(access_key: &str) -> Option<Secret> {
    (access_key == KEY).then(|| Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"))
}

/// The cases, signed.
fn signed_cases() -> Vec<(String, Request<Bytes>)> {
    let signed = |case: Case| {
        let mut request = case.request();
        let authorization = case.file("authorization").unwrap();
        request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        (case.name, request)
    };
    let cases: Vec<_> = Case::all("aws").into_iter().map(signed).collect();
    assert_eq!(cases.len(), 30);
    cases
}

fn text<'a>(request: &'a Request<Bytes>, header: &str) -> &'a str {
    request.headers()[header].to_str().unwrap()
}

fn date_of(request: &Request<Bytes>) -> SystemTime {
    parse_date(text(request, "x-amz-date")).unwrap()
}

/// What the credential of a signed request is scoped to.
fn scope_of(request: &Request<Bytes>) -> Scope {
    let parts: Vec<&str> = text(request, "authorization").split('/').collect();
    Scope { region: parts[2].to_owned(), service: parts[3].to_owned() }
}

fn token_of(request: &Request<Bytes>) -> Option<Secret> {
    Some(Secret::new(request.headers().get(TOKEN)?.to_str().unwrap()))
}

#[test]
fn what_the_vendor_signed_verifies() {
    for (name, request) in signed_cases() {
        let expected = Verified {
            access_key: KEY.to_owned(),
            scope: scope_of(&request),
            security_token: token_of(&request),
        };
        assert_eq!(verify(&request, date_of(&request), &secret_of), Ok(expected), "{name}");
    }
}

#[test]
fn signing_gives_the_published_authorization() {
    for (name, published) in signed_cases() {
        let mut fresh = published.clone();
        for made in ["x-amz-date", TOKEN, "authorization"] {
            fresh.headers_mut().remove(made);
        }
        let host = fresh.headers_mut().remove("host").unwrap();
        let url = format!("https://{}{}", host.to_str().unwrap(), fresh.uri());
        *fresh.uri_mut() = url.parse::<Uri>().unwrap();
        let key = Key {
            access_key: KEY.to_owned(),
            secret_key: secret_of(KEY).unwrap(),
            security_token: token_of(&published),
        };
        sign(&mut fresh, &key, &scope_of(&published), date_of(&published)).unwrap();
        let of = |request| text(request, "authorization").to_owned();
        assert_eq!(of(&fresh), of(&published), "{name}");
        for secret in [TOKEN, "authorization"] {
            let marked = fresh.headers().get(secret).is_none_or(HeaderValue::is_sensitive);
            assert!(marked, "{name}: {secret} could be logged");
        }
    }
}

#[test]
fn a_request_that_was_changed_or_is_old_does_not_verify() {
    let (_, good) = signed_cases().remove(1);
    let at = date_of(&good);
    let changed = |change: fn(&mut Request<Bytes>)| {
        let mut request = good.clone();
        change(&mut request);
        verify(&request, at, &secret_of).unwrap_err()
    };
    let header = |name: &'static str, value: &'static str| (name, HeaderValue::from_static(value));
    assert_eq!(changed(|it| *it.body_mut() = Bytes::from("{}")), SignError::Mismatch);
    assert_eq!(changed(|it| *it.uri_mut() = "/else".parse().unwrap()), SignError::Mismatch);
    assert_eq!(
        changed(|it| *it.headers_mut().get_mut("host").unwrap() = HeaderValue::from_static("x")),
        SignError::Mismatch
    );
    let (name, value) = header("x-amz-extra", "1");
    let mut extra = good.clone();
    extra.headers_mut().insert(name, value);
    assert_eq!(
        verify(&extra, at, &secret_of),
        Err(SignError::Incomplete("x-amz-extra".to_owned()))
    );
    assert_eq!(
        changed(|it| {
            it.headers_mut().remove("authorization");
        }),
        SignError::NoAuthorization
    );
    let late = at + MAX_SKEW + Duration::from_secs(1);
    assert_eq!(verify(&good, late, &secret_of), Err(SignError::DateSkew));
    assert_eq!(
        verify(&good, at, &|_| None),
        Err(SignError::UnknownKey(KEY.to_owned())),
        "nobody has the key"
    );
    let wrong = |_: &str| Some(Secret::new("another"));
    assert_eq!(verify(&good, at, &wrong), Err(SignError::Mismatch));
}

#[test]
fn what_no_header_can_hold_is_told_before_it_is_signed() {
    let scope = Scope { region: "eu-central-1".to_owned(), service: "ssm".to_owned() };
    let key = |access_key: &str, token: Option<&str>| Key {
        access_key: access_key.to_owned(),
        secret_key: Secret::new("secret"),
        security_token: token.map(Secret::new),
    };
    for (key, url) in [
        (key("A\nB", None), "https://ssm.example/"),
        (key("A", Some("t\r\n")), "https://ssm.example/"),
        (key("A", None), "/"),
    ] {
        let mut request = Request::post(url).body(Bytes::new()).unwrap();
        let error = sign(&mut request, &key, &scope, SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(!error.0.contains('\n') && request.headers().is_empty(), "{error}");
    }
}
