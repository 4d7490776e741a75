//! ACS3-HMAC-SHA256 as Alibaba Cloud's guide and SDKs compute it.

#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for something else")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use terraform_provider_session::access::Secret;
use terraform_provider_session::access::alicloud::sign::{
    Key, MAX_SKEW, SignError, Verified, canonical_request, parse_date, sign, string_to_sign, verify,
};

use super::Case;

/// The cases, signed.
fn signed_cases() -> Vec<(Case, Request<Bytes>)> {
    let signed = |case: Case| {
        let mut request = case.request();
        let authorization = case.file("authorization").unwrap();
        request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        (case, request)
    };
    Case::all("alicloud").into_iter().map(signed).collect()
}

fn text<'a>(request: &'a Request<Bytes>, header: &str) -> &'a str {
    request.headers()[header].to_str().unwrap()
}

fn date_of(request: &Request<Bytes>) -> SystemTime {
    parse_date(text(request, "x-acs-date")).unwrap()
}

fn secret_of(access_key: &str) -> Option<Secret> {
    (access_key == "YourAccessKeyId").then(|| Secret::new("YourAccessKeySecret"))
}

#[test]
fn every_vector_has_its_canonical_request_and_string_to_sign() {
    let cases = Case::all("alicloud");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let names = case.file("signed-headers").unwrap();
        let canonical = canonical_request(&case.request(), &names).unwrap();
        assert_eq!(Some(&canonical), case.file("canonical-request").as_ref(), "{}", case.name);
        assert_eq!(Some(string_to_sign(&canonical)), case.file("string-to-sign"), "{}", case.name);
    }
}

#[test]
fn what_the_vendor_signed_verifies() {
    for (case, request) in signed_cases() {
        let token = request.headers().get("x-acs-security-token");
        let expected = Verified {
            access_key: "YourAccessKeyId".to_owned(),
            nonce: text(&request, "x-acs-signature-nonce").to_owned(),
            security_token: token.map(|token| Secret::new(token.to_str().unwrap())),
        };
        let verified = verify(&request, date_of(&request), &secret_of);
        assert_eq!(verified, Ok(expected), "{}", case.name);
    }
}

#[test]
fn signing_gives_the_published_authorization_where_the_same_headers_are_signed() {
    let mut compared = 0;
    for (case, published) in signed_cases() {
        if case.file("signed-headers").unwrap().contains("user-agent") {
            continue;
        }
        let token = published.headers().get("x-acs-security-token");
        let key = Key {
            access_key: "YourAccessKeyId".to_owned(),
            secret_key: Secret::new("YourAccessKeySecret"),
            security_token: token.map(|token| Secret::new(token.to_str().unwrap())),
        };
        let mut fresh = case.request();
        let made = ["date", "content-sha256", "signature-nonce", "accesskey-id", "security-token"];
        for name in made {
            fresh.headers_mut().remove(format!("x-acs-{name}"));
        }
        let nonce = text(&published, "x-acs-signature-nonce");
        sign(&mut fresh, &key, date_of(&published), nonce).unwrap();
        assert_eq!(fresh.headers(), published.headers(), "{}", case.name);
        compared += 1;
    }
    assert_eq!(compared, 2);
}

#[test]
fn a_signed_request_that_was_tampered_with_does_not_verify() {
    let set = |request: &mut Request<Bytes>, name: &'static str, value: &'static str| {
        request.headers_mut().insert(name, HeaderValue::from_static(value));
    };
    for (case, request) in signed_cases() {
        let now = date_of(&request);
        let refused = |change: &dyn Fn(&mut Request<Bytes>), what: &str| {
            let mut request = request.clone();
            change(&mut request);
            let result = verify(&request, now, &secret_of);
            assert!(matches!(result, Err(SignError::Mismatch(_))), "{}: {what}", case.name);
        };
        refused(&|request| *request.method_mut() = http::Method::GET, "method");
        refused(&|request| *request.uri_mut() = Uri::from_static("/?InstanceId=r-1"), "query");
        refused(&|request| *request.body_mut() = Bytes::from_static(b"{}"), "body");
        refused(&|request| set(request, "host", "ecs.example.com"), "host");
        refused(&|request| set(request, "x-acs-action", "DescribeRegions"), "action");
        refused(&|request| set(request, "x-acs-signature-nonce", "another"), "nonce");
    }
}

#[test]
fn what_the_cloud_needs_must_be_there_and_signed() {
    let (_, request) = signed_cases().remove(0);
    let now = date_of(&request);
    let headers = "host x-acs-action x-acs-version x-acs-date x-acs-content-sha256 \
                   x-acs-signature-nonce x-acs-security-token x-acs-accesskey-id";
    for name in headers.split_whitespace() {
        let mut missing = request.clone();
        missing.headers_mut().remove(name);
        let result = verify(&missing, now, &secret_of);
        assert_eq!(result, Err(SignError::Incomplete(name.to_owned())), "{name} missing");

        let mut unsigned = request.clone();
        let names: Vec<_> = text(&request, "authorization").split([';', ',', '=']).collect();
        let names: Vec<_> = names[3..names.len() - 2].iter().filter(|one| **one != name).collect();
        let names = names.into_iter().copied().collect::<Vec<_>>().join(";");
        let value = format!(
            "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders={names},Signature=00"
        );
        unsigned.headers_mut().insert(AUTHORIZATION, value.parse().unwrap());
        let result = verify(&unsigned, now, &secret_of);
        assert_eq!(result, Err(SignError::Incomplete(name.to_owned())), "{name} not signed");
    }
    let mut smuggled = request;
    smuggled.headers_mut().insert("x-acs-extra", HeaderValue::from_static("1"));
    let result = verify(&smuggled, now, &secret_of);
    assert_eq!(result, Err(SignError::Incomplete("x-acs-extra".to_owned())));
}

#[test]
fn a_date_may_be_a_quarter_of_an_hour_off_and_no_more() {
    let (_, request) = signed_cases().remove(0);
    let at = date_of(&request);
    let second = Duration::from_secs(1);
    for now in [at - MAX_SKEW, at + MAX_SKEW] {
        assert!(verify(&request, now, &secret_of).is_ok());
    }
    for now in [at - MAX_SKEW - second, at + MAX_SKEW + second] {
        assert_eq!(verify(&request, now, &secret_of), Err(SignError::DateSkew));
    }
}

#[test]
fn an_authorization_that_cannot_be_read_says_so() {
    let (_, request) = signed_cases().remove(0);
    let now = date_of(&request);
    let with = |value: Option<&'static [u8]>| {
        let mut request = request.clone();
        request.headers_mut().remove(AUTHORIZATION);
        if let Some(value) = value {
            request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
        }
        verify(&request, now, &secret_of)
    };
    assert_eq!(with(None), Err(SignError::NoAuthorization));
    let unreadable: [&[u8]; 6] = [
        b"",
        b"Bearer x",
        b"ACS3-HMAC-SHA256",
        b"ACS3-HMAC-SHA256 Credential=,SignedHeaders=host,Signature=00",
        b"ACS3-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=xyz",
        b"ACS3-HMAC-SHA256 Credential=\xff,SignedHeaders=host,Signature=00",
    ];
    for value in unreadable {
        assert!(matches!(with(Some(value)), Err(SignError::Malformed(_))), "{value:?}");
    }
    let result = verify(&request, now, &|_| None);
    assert_eq!(result, Err(SignError::UnknownKey("YourAccessKeyId".to_owned())));
}
