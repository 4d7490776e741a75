use super::*;

fn refused(status: u16, body: &str) -> Error {
    let mut response = Response::new(Bytes::from(body.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    refusal("Test", &response)
}

#[test]
fn every_envelope_gives_code_and_message() {
    for (body, code, message) in [
        (r#"{"error_code":"DCS.4026","error_msg":"busy"}"#, "DCS.4026", "busy"),
        (
            r#"{"error_code":"DCS.4026","error_msg":"busy","error_ext_msg":"resizing"}"#,
            "DCS.4026",
            "busy: resizing",
        ),
        (r#"{"errCode":"DBS.280001","errMsg":"bad"}"#, "DBS.280001", "bad"),
        (r#"{"errCode":"DBS.280001","externalMessage":"bad"}"#, "DBS.280001", "bad"),
        (r#"{"code":"X.1","message":"m"}"#, "X.1", "m"),
        (r#"{"error":{"code":401,"message":"m","title":"t"}}"#, "401", "m"),
        (r#"{"error_code":"A","error_msg":"a","code":"B","message":"b"}"#, "A", "a"),
        (r#"{"x":{"y":{"error_code":"A","error_msg":"a"}}}"#, "A", "a"),
        (r#"{"error_code":111400026,"error_msg":"busy"}"#, "111400026", "busy"),
    ] {
        let error = refused(400, body);
        assert_eq!((error.code.as_deref(), error.message.as_str()), (Some(code), message));
    }
}

#[test]
fn a_success_with_an_error_code_is_none() {
    let disguised = |method: Method, body: &str| {
        in_disguise(
            &Call::new("Test", "dds", method, "/"),
            &Response::new(Bytes::from(body.to_owned())),
        )
    };
    for body in
        ["", "[]", "{}", "{\"sessions\":[]}", "{\"error_code\":null}", "{\"error_code\":\"\"}"]
    {
        assert_eq!(disguised(Method::GET, body), None, "{body}");
    }
    for body in [
        r#"{"error_code":"DBS.301077","error_msg":"failed"}"#,
        r#"{"errCode":"DBS.301077","errMsg":"failed","sessions":[]}"#,
    ] {
        let list = disguised(Method::GET, body).unwrap();
        assert_eq!((list.kind, list.code.as_deref()), (Kind::Malformed, Some("DBS.301077")));
        assert_eq!(list.status, Some(200));
        for method in [Method::POST, Method::DELETE] {
            let kill = disguised(method, body).unwrap().classified(DBS_CODES);
            assert_eq!((kill.kind, kill.code), (Kind::Malformed, None));
            assert!(kill.message.contains("DBS.301077: failed"), "{}", kill.message);
        }
    }
    let body = r#"{"error_code":"APIGW.0301","error_msg":"m"}"#;
    assert_eq!(disguised(Method::GET, body).unwrap().kind, Kind::Credentials);
}

#[test]
fn codes_of_the_gateway_come_before_the_status() {
    for (status, code, kind) in [
        (404, "APIGW.0101", Kind::Unsupported),
        (400, "APIGW.0201", Kind::BadRequest),
        (502, "APIGW.0201", Kind::Unavailable),
        (502, "APIGW.0202", Kind::Unavailable),
        (401, "APIGW.0301", Kind::Credentials),
        (401, "APIG.0301", Kind::Credentials),
        (403, "APIGW.0302", Kind::Permission),
        (401, "APIGW.0307", Kind::Credentials),
        (429, "APIGW.0308", Kind::Throttled),
        (503, "APIGW.0613", Kind::Unavailable),
        (401, "DCS.1001", Kind::Credentials),
        (403, "DCS.2003", Kind::Permission),
        (400, "DCS.4002", Kind::BadRequest),
        (404, "DCS.3022", Kind::Refused),
        (409, "X", Kind::Busy),
        (429, "X", Kind::Throttled),
        (500, "DCS.5000", Kind::Unavailable),
        (302, "X", Kind::Refused),
    ] {
        let error = refused(status, &format!(r#"{{"error_code":"{code}","error_msg":"m"}}"#));
        assert_eq!(error.kind, kind, "{status} {code}");
    }
}

#[test]
fn a_code_of_the_databases_counts_more_than_its_status() {
    for (status, code, kind) in [
        (403, "DBS.200019", Kind::Busy),
        (403, "DBS.280042", Kind::Busy),
        (400, "DBS.280042", Kind::Busy),
        (400, "DBS.201202", Kind::Busy),
        (409, "DBS.201202", Kind::Busy),
        (400, "DBS.212003", Kind::Busy),
        (400, "DBS.280343", Kind::Unsupported),
        (400, "DBS.216029", Kind::Unsupported),
        (403, "DBS.216030", Kind::BadRequest),
        (403, "DBS.280406", Kind::Refused),
        (404, "DBS.290005", Kind::TargetGone),
        (400, "DBS.216016", Kind::TargetGone),
        (400, "DBS.300002", Kind::Unavailable),
        (403, "DBS.280032", Kind::Permission),
        (403, "DBS.280056", Kind::Credentials),
        // The pages contradict each other: nobody is called gone for these.
        (404, "DBS.200408", Kind::Refused),
        (400, "DBS.200022", Kind::BadRequest),
        (403, "DBS.200044", Kind::Permission),
    ] {
        let error = refused(status, &format!(r#"{{"error_code":"{code}","error_msg":"m"}}"#));
        assert_eq!(error.classified(DBS_CODES).kind, kind, "{status} {code}");
    }
}

#[test]
fn no_code_of_the_databases_stands_in_the_table_twice() {
    let mut codes: Vec<&str> = DBS_CODES.iter().map(|(code, _)| *code).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), DBS_CODES.len(), "a code stands there twice");
}

#[test]
fn what_the_vendors_own_provider_tries_again_is_busy() {
    for code in [
        "DBS.00010009",
        "DBS.05000084",
        "DBS.200019",
        "DBS.200047",
        "DBS.200076",
        "DBS.201000",
        "DBS.201014",
        "DBS.201015",
        "DBS.201202",
        "DBS.212033",
        "DBS.216011",
    ] {
        for status in [400, 403] {
            let error = refused(status, &format!(r#"{{"error_code":"{code}"}}"#));
            assert_eq!(error.classified(DBS_CODES).kind, Kind::Busy, "{status} {code}");
        }
    }
}

#[test]
fn hostile_bodies_are_bounded_and_never_shown_whole() {
    let deep = format!("{}{}", "{\"a\":".repeat(100), "1".to_owned() + &"}".repeat(100));
    let endless = "[".repeat(100_000);
    let long = format!(r#"{{"error_code":"{0}","error_msg":"{0}"}}"#, "x".repeat(30_000));
    let endless_words = format!(r#"{{"error_code":"A","error_msg":"{}"}}"#, "x".repeat(70_000));
    let steering = r#"{"error_code":"A\u001b[2J","error_msg":"a\r\nb\u001b[31m"}"#;
    for body in [
        "",
        "null",
        "[]",
        "<html>secret</html>",
        "{\"error_code\":",
        &deep,
        &endless,
        &endless_words,
    ] {
        let error = refused(503, body);
        assert_eq!((error.kind, error.code), (Kind::Unavailable, None));
        let expected =
            format!("the answer has the status 503 Service Unavailable and {} bytes", body.len());
        assert_eq!(error.message, expected);
    }
    let error = refused(400, &long);
    assert!(error.message.chars().count() <= 1000 && error.code.unwrap().chars().count() <= 64);
    let error = refused(400, steering);
    assert!(!error.message.contains(char::is_control));
    assert!(!error.code.unwrap().contains(char::is_control));
}

#[test]
fn only_words_of_expiry_under_401_are_an_expiry() {
    for (status, code, message, expected) in [
        (401, "APIGW.0307", "The token must be updated.", true),
        (401, "DCS.1002", "The token has expired", true),
        (401, "111401002", "m", true),
        (401, "APIGW.0301", "Incorrect IAM authentication information: token expired", true),
        (401, "APIGW.0301", "verify aksk signature fail", false),
        (403, "X", "the offer has expired", false),
    ] {
        let body = format!(r#"{{"error_code":"{code}","error_msg":"{message}"}}"#);
        assert_eq!(is_expiry(&refused(status, &body)), expected, "{code} {message}");
    }
}

#[test]
fn an_encoded_authorization_message_is_noted_but_not_repeated() {
    let error = refused(
        403,
        r#"{"error_code":"P","error_msg":"no","encoded_authorization_message":"c2VjcmV0"}"#,
    );
    assert!(error.message.contains("encoded authorization message"));
    assert!(!error.message.contains("c2VjcmV0"));
}

#[test]
fn the_request_id_is_the_gateways_then_iams_then_the_bodys() {
    let body = Bytes::from_static(br#"{"error_code":"A","error_msg":"a","request_id":"body"}"#);
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::BAD_REQUEST;
    assert_eq!(refusal("Test", &response).request_id.as_deref(), Some("body"));
    response.headers_mut().insert("x-iam-trace-id", "iam".parse().unwrap());
    assert_eq!(refusal("Test", &response).request_id.as_deref(), Some("iam"));
    response.headers_mut().insert("x-request-id", "gateway".parse().unwrap());
    assert_eq!(refusal("Test", &response).request_id.as_deref(), Some("gateway"));
}
