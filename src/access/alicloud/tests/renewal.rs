//! Keys that end, and keys that are refused.

use super::*;

#[tokio::test]
async fn a_temporary_key_is_renewed_at_180_seconds_left_and_not_before() {
    let role = given(&[("ecs_role_name", "r")]);
    let world = World::default()
        .answer(200, "t")
        .answer(200, flat_answer("first", 3600))
        .answer(200, "t")
        .answer(200, flat_answer("second", 7200));
    let (world, outside) = world.outside();
    let signer = signer(&role, &outside);
    for (passed, expected) in [(0, "first"), (3419, "first"), (3420, "second"), (3421, "second")] {
        world.passed.store(passed, Ordering::SeqCst);
        let request = signer.request(&call(), Renew::IfNeeded).await.unwrap();
        assert_eq!(signed_by(&request, world.now()).access_key, expected, "{passed}");
    }
}

/// A cloud that calls the first key expired, and the one that comes in its place.
fn expired_twice() -> World {
    let expired = json!({"Code": "InvalidSecurityToken.Expired", "Message": "m"});
    World::default()
        .answer(200, "t")
        .answer(200, flat_answer("first", 3600))
        .answer(400, &expired)
        .answer(200, "t")
        .answer(200, flat_answer("second", 7200))
        .answer(400, &expired)
}

#[tokio::test]
async fn a_key_that_the_cloud_calls_expired_is_renewed_once() {
    let role = given(&[("ecs_role_name", "r")]);
    let (world, outside) = expired_twice().outside();
    let signer = signer(&role, &outside);
    signer.request(&call(), Renew::IfNeeded).await.unwrap();
    world.passed.store(60, Ordering::SeqCst);
    let error = Client::new(signer, outside).call(call()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(world.lines().len(), 6);
    assert_eq!(signed_by(&world.request(5), world.now()).access_key, "second");
}

#[tokio::test]
async fn a_renewed_key_that_is_called_expired_again_is_not_shown_again() {
    let (world, outside) = expired_twice().outside();
    let client = Client::new(signer(&given(&[("ecs_role_name", "r")]), &outside), outside);
    for _ in 0..3 {
        let error = client.call(call()).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("InvalidSecurityToken.Expired"));
    }
    assert_eq!(world.lines().len(), 6);
}

#[tokio::test]
async fn an_early_renewal_that_fails_leaves_the_key_that_still_lives() {
    let role = given(&[("ecs_role_name", "r")]);
    let world = World::default().answer(200, "t").answer(200, flat_answer("first", 3600));
    // The metadata service does not answer, then it does.
    let world = world.silence().silence().answer(200, "t").answer(200, flat_answer("second", 7200));
    let (world, outside) = world.outside();
    let signer = signer(&role, &outside);
    for (passed, expected, requests) in
        [(0, "first", 2), (3421, "first", 4), (3422, "first", 4), (3451, "second", 6)]
    {
        world.passed.store(passed, Ordering::SeqCst);
        let request = signer.request(&call(), Renew::IfNeeded).await.unwrap();
        assert_eq!(signed_by(&request, world.now()).access_key, expected, "{passed}");
        assert_eq!(world.lines().len(), requests, "{passed}");
    }
}

#[tokio::test]
async fn a_key_that_ends_soon_is_not_fetched_anew_for_every_call() {
    let role = given(&[("ecs_role_name", "r")]);
    let world = World::default().answer(200, "t").answer(200, flat_answer("short", 100));
    let (world, outside) = world.outside();
    let signer = signer(&role, &outside);
    for _ in 0..5 {
        signer.request(&call(), Renew::IfNeeded).await.unwrap();
    }
    assert_eq!(world.lines().len(), 2);
}

#[tokio::test]
async fn ten_calls_at_once_show_a_wrong_key_once() {
    let wrong = json!({"Code": "SignatureDoesNotMatch", "Message": "m", "RequestId": "id"});
    let (world, outside) = World::default().answer(400, &wrong).outside();
    let client = Client::new(signer(&keys(), &outside), outside);
    let calls = (0..10).map(|_| client.call(call()));
    for outcome in futures_util::future::join_all(calls).await {
        assert_eq!(outcome.unwrap_err().kind, Kind::Credentials);
    }
    assert_eq!(world.lines().len(), 1);
}

#[tokio::test]
async fn calls_that_expire_together_share_one_new_key() {
    let role = given(&[("ecs_role_name", "r")]);
    let world = World::default().answer(200, "t").answer(200, flat_answer("new", 3600));
    let (_, outside) = world.outside();
    let signer = signer(&role, &outside);
    let call = call();
    let (one, two) =
        tokio::join!(signer.request(&call, Renew::Now), signer.request(&call, Renew::Now));
    assert!(one.is_ok() && two.is_ok());
}

#[tokio::test]
async fn a_given_key_that_expired_is_not_tried_again() {
    let expired = json!({"Code": "InvalidSecurityToken.Expired", "Message": "m"});
    let (world, outside) = World::default().answer(400, &expired).outside();
    let client = Client::new(signer(&keys(), &outside), outside);
    for _ in 0..2 {
        let error = client.call(call()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Credentials);
        assert!(error.message.contains("`security_token`"), "{error}");
    }
    assert_eq!(world.lines().len(), 1);
}

#[tokio::test]
async fn a_wrong_key_is_asked_with_once() {
    let wrong = json!({"Code": "SignatureDoesNotMatch", "Message": "m", "RequestId": "id"});
    let (world, outside) = World::default().answer(400, &wrong).outside();
    let account = account(&keys(), &outside);
    for region in ["cn-a", "cn-b", "cn-a"] {
        let client = Client::new(account.signer(Some(region)).unwrap(), outside.clone());
        let error = client.call(call()).await.unwrap_err();
        assert_eq!((error.kind, error.request_id.as_deref()), (Kind::Credentials, Some("id")));
    }
    assert_eq!(world.lines().len(), 1);

    let role = Value::Object(given(&[("role_arn", "acs:r")]));
    let given = with(keys(), "assume_role", role);
    let (world, outside) = World::default().answer(400, &wrong).outside();
    let signer = signer(&given, &outside);
    for _ in 0..3 {
        let error = signer.request(&call(), Renew::IfNeeded).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (Kind::Credentials, "AssumeRole"));
    }
    assert_eq!(world.lines().len(), 1);
}

#[tokio::test]
async fn a_login_that_failed_never_looks_like_a_call_that_may_have_worked() {
    let given = with(keys(), "assume_role", Value::Object(given(&[("role_arn", "acs:r")])));
    for world in [
        World::default().silence(),
        World::default().answer(503, ""),
        World::default().answer(200, "{\"Credentials\":{}}"),
        World::default().answer(200, "\u{0}"),
    ] {
        let (_, outside) = world.outside();
        let error = signer(&given, &outside).request(&call(), Renew::IfNeeded).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (Kind::NotSent, "AssumeRole"));
    }
    for (status, code, kind) in [
        (400, "Throttling.User", Kind::Throttled),
        (403, "NoPermission", Kind::Permission),
        (404, "EntityNotExist.Role", Kind::Credentials),
        (400, "InvalidParameter.RoleArn", Kind::Credentials),
    ] {
        let (_, outside) = World::default().answer(status, json!({"Code": code})).outside();
        let error = signer(&given, &outside).request(&call(), Renew::IfNeeded).await.unwrap_err();
        assert_eq!(error.kind, kind, "{code}");
    }
}

#[tokio::test]
async fn a_program_or_url_that_gives_no_key_is_an_error_that_does_not_quote_it() {
    let external = json!([{"name": "p", "mode": "External", "process_command": "tool"}]);
    let world = || World::default().profiles(external.clone());
    // A program that does not even start is no refusal of the cloud's.
    for (world, kind) in [
        (world(), Kind::Configuration),
        (world().program("tool", "sesame"), Kind::Credentials),
        (world().program("tool", "{}"), Kind::Credentials),
    ] {
        let (_, outside) = world.outside();
        let signer = signer(&given(&[("profile", "p")]), &outside);
        let error = signer.request(&call(), Renew::IfNeeded).await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert!(error.message.contains("`tool`") && !error.message.contains("sesame"), "{error}");
    }
    let uri = given(&[("credentials_uri", "https://keys.example.com")]);
    for body in ["sesame", "[]", r#"{"Code":"Failed"}"#, r#"{"AccessKeyId":"sesame"}"#] {
        let (_, outside) = World::default().answer(200, body).outside();
        let error = signer(&uri, &outside).request(&call(), Renew::IfNeeded).await.unwrap_err();
        assert!(!format!("{error:?}").contains("sesame"), "{error:?}");
    }
}

#[tokio::test]
async fn secrets_are_never_printed() {
    let given = with(keys(), "security_token", Value::Text("sesame".to_owned()));
    let given = with(given, "secret_key", Value::Text("sesame".to_owned()));
    let (_, outside) = World::default().outside();
    let resolved = decided(&given, &*outside.environment).unwrap();
    let means = Means { outside: outside.clone(), sts: None };
    let login: Login = resolved.source.login(&means).await.unwrap();
    let source: &Source = &resolved.source;
    let printed = format!("{resolved:?} {login:?} {source:?} {means:?} {given:?}");
    assert!(!printed.contains("sesame"), "{printed}");
    let uri = self::given(&[("credentials_uri", "https://keys.example.com/a?code=sesame")]);
    let printed = format!("{:?}", decided(&uri, &*outside.environment).unwrap());
    assert!(printed.contains("keys.example.com/a") && !printed.contains("sesame"), "{printed}");
    let request = signer(&given, &outside).request(&call(), Renew::IfNeeded).await.unwrap();
    assert_eq!(request.headers()["x-acs-security-token"], "sesame");
    assert!(!format!("{request:?}").contains("sesame"));
    assert!(!format!("{:?}", account(&given, &outside)).contains("sesame"));
}
