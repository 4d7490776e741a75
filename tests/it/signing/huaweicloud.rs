//! SDK-HMAC-SHA256 as Huawei Cloud's SDKs and its signing guide compute it.

use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Uri};
use terraform_provider_session::access::Secret;
use terraform_provider_session::access::huaweicloud::sign::{
    Key, SignError, canonical_request, sign, string_to_sign, verify,
};

use super::Case;

/// 2006-01-02T15:04:05Z and 2020-06-08T02:39:00Z, the dates of the signed vectors.
const DATES: [(&str, u64); 2] =
    [("20060102T150405Z", 1_136_214_245), ("20200608T023900Z", 1_591_583_940)];

fn date_of(request: &Request<bytes::Bytes>) -> SystemTime {
    let text = request.headers()["x-sdk-date"].to_str().unwrap();
    let (_, seconds) = DATES.iter().find(|(date, _)| *date == text).unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs(*seconds)
}

fn secret_of(access_key: &str) -> Option<Secret> {
    (access_key == "AccessKey").then(|| Secret::new("SecretKey"))
}

/// The cases that come with a signature, signed.
fn signed_cases() -> impl Iterator<Item = (Case, Request<bytes::Bytes>, String)> {
    Case::all("huaweicloud").into_iter().filter_map(|case| {
        let authorization = case.file("authorization")?;
        let mut request = case.request();
        request.headers_mut().insert(AUTHORIZATION, authorization.parse().unwrap());
        Some((case, request, authorization))
    })
}

#[test]
fn every_vector_has_the_published_canonical_request_and_string_to_sign() {
    let cases = Case::all("huaweicloud");
    assert_eq!(cases.len(), 9);
    for case in cases {
        let request = case.request();
        let canonical = canonical_request(&request, &case.file("signed-headers").unwrap()).unwrap();
        assert_eq!(Some(&canonical), case.file("canonical-request").as_ref(), "{}", case.name);
        let date = request.headers()["x-sdk-date"].to_str().unwrap();
        let text = string_to_sign(date, &canonical);
        assert_eq!(Some(text), case.file("string-to-sign"), "{}", case.name);
    }
}

#[test]
fn every_published_signature_verifies() {
    for (case, request, _) in signed_cases() {
        let verified = verify(&request, date_of(&request), &secret_of);
        assert_eq!(verified.unwrap().access_key, "AccessKey", "{}", case.name);
    }
}

#[test]
fn signing_gives_the_published_authorization_where_the_same_headers_are_signed() {
    let mut compared = 0;
    for (case, request, authorization) in signed_cases() {
        if !case.file("signed-headers").unwrap().contains("host") {
            continue;
        }
        let token = request.headers().get("x-security-token");
        let key = Key {
            access_key: "AccessKey".to_owned(),
            secret_key: Secret::new("SecretKey"),
            security_token: token.map(|token| Secret::new(token.to_str().unwrap())),
        };
        let mut fresh = case.request();
        fresh.headers_mut().remove("x-sdk-date");
        fresh.headers_mut().remove("x-security-token");
        sign(&mut fresh, &key, date_of(&request)).unwrap();
        assert_eq!(fresh.headers()[AUTHORIZATION], authorization, "{}", case.name);
        compared += 1;
    }
    assert_eq!(compared, 5);
}

#[test]
fn a_signed_request_that_was_tampered_with_does_not_verify() {
    for (case, request, _) in signed_cases() {
        let now = date_of(&request);
        let refused = |change: &dyn Fn(&mut Request<bytes::Bytes>), what: &str| {
            let mut request = request.clone();
            change(&mut request);
            let result = verify(&request, now, &secret_of);
            assert_eq!(result, Err(SignError::Mismatch), "{}: {what}", case.name);
        };
        refused(&|request| *request.method_mut() = http::Method::PATCH, "method");
        refused(&|request| *request.uri_mut() = Uri::from_static("/other?limit=1"), "path");
        refused(
            &|request| {
                let target = format!("{}?limit=2", request.uri().path());
                *request.uri_mut() = target.parse().unwrap();
            },
            "query",
        );
        refused(&|request| *request.body_mut() = bytes::Bytes::from_static(b"{}"), "body");
        refused(
            &|request| {
                let later =
                    HeaderValue::from_static(match request.headers()["x-sdk-date"].to_str() {
                        Ok("20060102T150405Z") => "20060102T150406Z",
                        _ => "20200608T023901Z",
                    });
                request.headers_mut().insert("x-sdk-date", later);
            },
            "date",
        );
    }
}
