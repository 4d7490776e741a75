use super::*;

fn answer(status: u16, body: impl Into<Bytes>) -> Response<Bytes> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn refused(status: u16, body: &str) -> Refusal {
    refusal("Op", &answer(status, body.to_owned())).unwrap()
}

#[test]
fn the_envelope_is_read_in_every_dress() {
    for body in [
        r#"{"__type":"Throttling","message":"a < b"}"#,
        r#"{"__type":"com.amazonaws.ssm#Throttling","Message":"a < b"}"#,
        r#"{"code":"Throttling:http://internal.amazon.com/","message":"a < b"}"#,
        "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>Throttling</Code>\
         <Message>a &lt; b</Message></Error></Errors><RequestID>r-1</RequestID></Response>",
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error>\
         <Type>Sender</Type><Code>Throttling</Code><Message>a &lt; b</Message></Error>\
         <RequestId>r-1</RequestId></ErrorResponse>",
    ] {
        let error = refused(400, body).error;
        assert_eq!((error.code.as_deref(), &*error.message), (Some("Throttling"), "a < b"));
        assert_eq!(error.kind, Kind::Throttled);
        let expected = body.contains("r-1").then_some("r-1");
        assert_eq!(error.request_id.as_deref(), expected, "{body}");
    }
    let mut named = answer(404, "{}");
    for (name, value) in
        [("x-amzn-errortype", "ResourceNotFoundException:http://x/"), ("x-amzn-requestid", "r-2")]
    {
        named.headers_mut().insert(name, value.parse().unwrap());
    }
    let error = refusal("Op", &named).unwrap().error;
    assert_eq!(error.code.as_deref(), Some("ResourceNotFoundException"));
    assert_eq!(error.request_id.as_deref(), Some("r-2"));
    let ok = answer(200, "<A><requestId>r-3</requestId><items/></A>");
    assert_eq!((request_id(&ok), refusal("Op", &ok).is_none()), (Some("r-3".into()), true));
}

#[test]
fn a_refusal_is_classified_by_its_code_before_its_status() {
    for (status, code, kind, expired) in [
        (400, "ThrottlingException", Kind::Throttled, false),
        (503, "RequestLimitExceeded", Kind::Throttled, false),
        (429, "", Kind::Throttled, false),
        (400, "InternalServerError", Kind::Unavailable, false),
        (500, "", Kind::Unavailable, false),
        (400, "UnrecognizedClientException", Kind::Credentials, false),
        (403, "SignatureDoesNotMatch", Kind::Credentials, false),
        (401, "AuthFailure", Kind::Credentials, false),
        (400, "ExpiredTokenException", Kind::Credentials, true),
        (403, "ExpiredToken", Kind::Credentials, true),
        (400, "RequestExpired", Kind::Credentials, true),
        (400, "AccessDeniedException", Kind::Permission, false),
        (403, "UnauthorizedOperation", Kind::Permission, false),
        (403, "Anything", Kind::Permission, false),
        (400, "ValidationException", Kind::BadRequest, false),
        (404, "Anything", Kind::Refused, false),
        (301, "", Kind::Refused, false),
    ] {
        let body = serde_json::json!({ "__type": code, "message": "why" }).to_string();
        let refusal = refused(status, &body);
        assert_eq!((refusal.error.kind, refusal.expired), (kind, expired), "{status} {code}");
        let wrong = kind == Kind::Credentials && !expired;
        assert_eq!(is_wrong_key(&refusal.error), wrong, "{code}");
    }
}

#[test]
fn what_machines_read_is_not_shown() {
    for (message, shown) in [
        (
            "You are not authorized to perform this operation. Encoded authorization failure \
             message: AAAAsesame",
            "You are not authorized to perform this operation.",
        ),
        (
            "The request signature we calculated does not match. The Canonical String for this \
             request should have been\n'POST\n/\n\nx-amz-security-token:sesame'",
            "The request signature we calculated does not match. The",
        ),
        (
            "Signature expired: 20260102T030405Z is now earlier than 20260102T040405Z",
            "Signature expired: 20260102T030405Z is now earlier than 20260102T040405Z (the clock \
             of this machine is more than five minutes off)",
        ),
    ] {
        let body = serde_json::json!({ "__type": "X", "message": message }).to_string();
        assert_eq!(refused(403, &body).error.message, shown);
    }
}

#[test]
fn a_hostile_answer_neither_panics_nor_grows() {
    let long = format!(r#"{{"__type":"{0}","message":"{0}\u0007"}}"#, "é".repeat(9_999));
    let bodies: [Bytes; 8] = [
        Bytes::new(),
        Bytes::from_static(b"\xff\xfe<Code>"),
        Bytes::from_static(b"<Response><Errors>"),
        Bytes::from_static(br#"{"__type":{"a":1},"message":[1]}"#),
        Bytes::from_static(b"<!DOCTYPE html><html>500</html>"),
        Bytes::from(long),
        Bytes::from("<a>".repeat(20_000)),
        Bytes::from("[".repeat(60_000)),
    ];
    for body in bodies {
        let error = refusal("Op", &answer(500, body)).unwrap().error;
        assert!(error.message.chars().count() <= 1000 && !error.message.is_empty());
        assert!(error.code.is_none_or(|code| code.chars().count() <= 128));
        assert_eq!(error.kind, Kind::Unavailable);
    }
}
