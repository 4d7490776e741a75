use super::*;

fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn refused(status: u16, code: &str) -> Refusal {
    let body = serde_json::json!({"Code": code, "Message": "why", "RequestId": "id-1"});
    refusal("Op", &answer(status, body.to_string())).unwrap()
}

#[test]
fn a_refusal_is_classified_by_its_code_before_its_status() {
    for (status, code, kind) in [
        (400, "Throttling", Kind::Throttled),
        (400, "Throttling.User", Kind::Throttled),
        (503, "Rejected.Throttling", Kind::Throttled),
        (429, "", Kind::Throttled),
        (400, "SignatureDoesNotMatch", Kind::Credentials),
        (404, "InvalidAccessKeyId.NotFound", Kind::Credentials),
        (400, "InvalidAccessKeyId.Inactive", Kind::Credentials),
        (400, "IncompleteSignature", Kind::Credentials),
        (403, "MissingSecurityToken", Kind::Credentials),
        (403, "InvalidSecurityToken.Malformed", Kind::Credentials),
        (400, "InvalidTimeStamp.Expired", Kind::Credentials),
        (401, "Anything", Kind::Credentials),
        (400, "SignatureNonceUsed", Kind::Lost),
        (403, "Forbidden.RAM", Kind::Permission),
        (400, "NoPermission", Kind::Permission),
        (403, "Anything", Kind::Permission),
        (400, "ServiceUnavailable", Kind::Unavailable),
        (500, "InternalError", Kind::Unavailable),
        (502, "", Kind::Unavailable),
        (400, "InvalidParameter", Kind::BadRequest),
        (404, "InvalidSessionId.NotFound", Kind::Refused),
        (302, "", Kind::Refused),
    ] {
        let refusal = refused(status, code);
        assert_eq!(refusal.error.kind, kind, "{status} {code}");
        assert!(!refusal.expired, "{code}");
    }
}

#[test]
fn only_an_expired_token_asks_for_new_credentials() {
    let refusal = refused(400, "InvalidSecurityToken.Expired");
    assert!(refusal.expired);
    assert_eq!(refusal.error.kind, Kind::Credentials);
    assert!(!is_wrong_key("InvalidSecurityToken.Expired"));
    assert!(is_wrong_key("SignatureDoesNotMatch"));
}

#[test]
fn the_envelope_is_read_in_every_dress() {
    for body in [
        r#"{"Code":"Forbidden.RAM","Message":"a < b","RequestId":"id-1"}"#,
        r#"{"code":"Forbidden.RAM","message":"a < b","requestId":"id-1"}"#,
        "<?xml version='1.0'?><Error><RequestId>id-1</RequestId><HostId>h</HostId>\
         <Code>Forbidden.RAM</Code><Message>a &lt; b</Message></Error>",
    ] {
        let error = refusal("Op", &answer(403, body)).unwrap().error;
        assert_eq!(error.code.as_deref(), Some("Forbidden.RAM"), "{body}");
        assert_eq!(error.message, "a < b");
        assert_eq!(error.request_id.as_deref(), Some("id-1"));
        assert_eq!(error.status, Some(403));
    }
    let body = r#"{"Code":"X","Message":"m","AccessDeniedDetail":{"PolicyType":"p"}}"#;
    assert_eq!(refusal("Op", &answer(400, body)).unwrap().error.kind, Kind::Permission);
}

#[test]
fn a_hostile_answer_neither_panics_nor_grows() {
    let long =
        format!(r#"{{"Code":"{0}","Message":"{0}\u0007","RequestId":"{0}"}}"#, "é".repeat(9_999));
    let deep = "[".repeat(100_000);
    let endless = format!(r#"{{"Code":"C","Message":"{}"}}"#, "x".repeat(70_000));
    let bodies: [Bytes; 9] = [
        Bytes::new(),
        Bytes::from_static(b"\xff\xfe<Code>"),
        Bytes::from_static(b"<Code></Code"),
        Bytes::from_static(br#"{"Code":{"a":1},"Message":[1],"RequestId":null}"#),
        Bytes::from_static(br#""text""#),
        Bytes::from_static(b"<html>bad gateway</html>"),
        Bytes::from(long),
        Bytes::from(deep),
        Bytes::from(endless),
    ];
    for body in bodies {
        let error = refusal("Op", &answer(502, body)).unwrap().error;
        assert!(error.message.chars().count() <= 1000 && !error.message.is_empty());
        assert!(error.code.is_none_or(|code| code.chars().count() <= 128));
    }
}

#[test]
fn what_the_server_would_have_signed_is_not_shown() {
    for (code, tail) in [
        ("SignatureDoesNotMatch", "server string to sign is:x-acs-security-token:sesame"),
        ("IncompleteSignature", "server string to sign is:GET&%2F&SecurityToken%3Dsesame"),
        ("Anything", "The string to sign is x-acs-security-token:sesame"),
        ("Anything", "StringToSign: sesame"),
        ("Anything", "server canonicalString is:x-acs-security-token:sesame"),
    ] {
        let message = format!("The signature is wrong. {tail}");
        let body = serde_json::json!({"Code": code, "Message": message}).to_string();
        let message = refusal("Op", &answer(400, body)).unwrap().error.message;
        assert!(message.starts_with("The signature is wrong."), "{message}");
        assert!(!message.contains("sesame"), "{message}");
    }
    let clock = refused(400, "InvalidTimeStamp.Expired").error.message;
    assert!(clock.contains("clock of this machine"), "{clock}");
}

#[test]
fn the_request_id_of_a_success_is_found_in_body_or_header() {
    let body = answer(200, r#"{"RequestId":"from-body"}"#);
    assert!(refusal("Op", &body).is_none());
    assert_eq!(request_id(&body).as_deref(), Some("from-body"));
    let mut header = answer(200, "");
    header.headers_mut().insert("x-acs-request-id", "from-header".parse().unwrap());
    assert_eq!(request_id(&header).as_deref(), Some("from-header"));
    assert_eq!(request_id(&answer(200, "")), None);
}
