use super::*;

/// 2020-06-08T02:39:00Z
const NOW: u64 = 1_591_583_940;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn key() -> Key {
    Key {
        access_key: "AccessKey".to_owned(),
        secret_key: Secret::new("SecretKey"),
        security_token: None,
    }
}

fn check(request: &Request<Bytes>) -> Result<Verified, SignError> {
    verify(request, at(NOW), &|access| (access == "AccessKey").then(|| key().secret_key))
}

fn signed() -> Request<Bytes> {
    let mut request = Request::builder()
        .uri("https://dds.example.com/v3/p/nodes?limit=1")
        .header("content-type", "application/json")
        .header("accept", "*/*")
        .body(Bytes::new())
        .unwrap();
    sign(&mut request, &key(), at(NOW)).unwrap();
    request
}

/// Signs headers as an SDK chooses to, with whatever the request holds.
fn signed_as(mut request: Request<Bytes>, names: &str) -> Request<Bytes> {
    request.headers_mut().insert(DATE, date(at(NOW)).unwrap().parse().unwrap());
    let value = authorization(&request, names, &key()).unwrap();
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

#[test]
fn each_way_to_be_wrong_has_its_own_error() {
    let authorized = |value: &'static str| {
        move |request: &mut Request<Bytes>| {
            request.headers_mut().insert(AUTHORIZATION, HeaderValue::from_static(value));
        }
    };
    let is_malformed = |error: &SignError| matches!(error, SignError::Malformed(_));
    type Change<'a> = &'a dyn Fn(&mut Request<Bytes>);
    type Expected<'a> = &'a dyn Fn(&SignError) -> bool;
    let cases: &[(Change<'_>, Expected<'_>)] = &[
        (
            &|request| {
                request.headers_mut().remove(AUTHORIZATION);
            },
            &|error| *error == SignError::NoAuthorization,
        ),
        (&authorized("Basic x"), &is_malformed),
        (&authorized("SDK-HMAC-SHA256"), &is_malformed),
        (&authorized("SDK-HMAC-SHA256 "), &is_malformed),
        (&authorized("SDK-HMAC-SHA256 Access=AccessKey, Signature=00"), &is_malformed),
        (
            &authorized("SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=host, Signature=00"),
            &is_malformed,
        ),
        (
            &authorized(
                "SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=x-sdk-date, Signature=xyz",
            ),
            &is_malformed,
        ),
        (
            &authorized(
                "SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=gone;x-sdk-date, Signature=00",
            ),
            &is_malformed,
        ),
        (
            &authorized("SDK-HMAC-SHA256 Access=Other, SignedHeaders=x-sdk-date, Signature=00"),
            &|error| *error == SignError::UnknownKey("Other".to_owned()),
        ),
        (
            &authorized("SDK-HMAC-SHA256 Access=AccessKey, SignedHeaders=x-sdk-date, Signature=00"),
            &|error| *error == SignError::Mismatch,
        ),
        (
            &|request| {
                request.headers_mut().remove(DATE);
            },
            &is_malformed,
        ),
        (
            &|request| {
                request.headers_mut().insert(DATE, HeaderValue::from_static("yesterday"));
            },
            &is_malformed,
        ),
        (
            &|request| {
                request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/x"));
            },
            &|error| *error == SignError::Mismatch,
        ),
    ];
    assert!(check(&signed()).is_ok());
    for (place, (change, expected)) in cases.iter().enumerate() {
        let mut request = signed();
        change(&mut request);
        let error = check(&request).unwrap_err();
        assert!(expected(&error), "case {place}: {error:?}");
    }
}

#[test]
fn a_quarter_of_an_hour_is_forgiven_in_both_directions() {
    let secret_of = |_: &str| Some(key().secret_key);
    for (now, good) in
        [(NOW - 900, true), (NOW + 900, true), (NOW - 901, false), (NOW + 901, false)]
    {
        let result = verify(&signed(), at(now), &secret_of);
        let expected = if good { None } else { Some(SignError::DateSkew) };
        assert_eq!(result.err(), expected, "{now}");
    }
}

#[test]
fn what_the_vendors_sdks_choose_to_sign_verifies() {
    let request = || {
        Request::builder()
            .method("POST")
            // As a server sees it: no host in the target, a space as `+` or `%20`.
            .uri("/v3/p%201/x?b=2&a=x+y&a=%2B&c")
            .header("host", "dds.example.com")
            .header("accept", "application/json")
            .header("user-agent", "huaweicloud-usdk-go/3.0")
            .header("content-type", "application/json;charset=UTF-8")
            .header("x-project-id", "p")
            .body(Bytes::from_static(b"{}"))
            .unwrap()
    };
    for names in [
        "x-sdk-date",
        "host;x-sdk-date",
        "content-type;host;x-sdk-date",
        "accept;content-type;user-agent;x-sdk-date",
        "accept;host;user-agent;x-project-id;x-sdk-date",
    ] {
        check(&signed_as(request(), names)).unwrap();
    }
    let canonical = canonical_request(&signed_as(request(), "host"), "host").unwrap();
    assert!(
        canonical.starts_with("POST\n/v3/p%201/x/\na=%2B&a=x%20y&b=2&c=\nhost:"),
        "{canonical}"
    );

    // Headers that are added later are not covered.
    let mut later = signed_as(request(), "x-sdk-date");
    later.headers_mut().insert(SECURITY_TOKEN, HeaderValue::from_static("later"));
    check(&later).unwrap();
}

#[test]
fn a_body_may_be_left_unsigned_but_not_be_another() {
    let with = |hash: &str, body: &'static str| {
        let request = Request::builder().method("PUT").uri("/").header("host", "h");
        let request = request.header(CONTENT_SHA256, hash);
        signed_as(request.body(Bytes::from_static(body.as_bytes())).unwrap(), "x-sdk-date")
    };
    check(&with(UNSIGNED_PAYLOAD, "anything")).unwrap();
    check(&with(&sha256_hex(b"body"), "body")).unwrap();
    let error = check(&with(&sha256_hex(b"body"), "other")).unwrap_err();
    assert_eq!(error, SignError::Mismatch);
}

#[test]
fn a_request_that_cannot_be_signed_stays_as_it_was() {
    let mut request = Request::builder().uri("/no/host").body(Bytes::new()).unwrap();
    assert!(matches!(sign(&mut request, &key(), at(NOW)), Err(SignError::Malformed(_))));
    assert!(request.headers().is_empty());
    let mut request = Request::builder().uri("https://h/").body(Bytes::new()).unwrap();
    let odd = Key { access_key: "line\nbreak".to_owned(), ..key() };
    assert!(sign(&mut request, &odd, at(NOW)).is_err());
    assert!(sign(&mut request, &key(), at(u64::from(u32::MAX) << 20)).is_err());
    assert!(request.headers().is_empty());
}
