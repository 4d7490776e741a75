//! Ways to log in.

use super::*;

#[tokio::test]
async fn a_password_gives_a_token_for_its_project_once_a_day() {
    let world = Arc::new(World::new([token("T1"), ok(), ok()]));
    let client = client(&world, &password());
    client.call(call()).await.unwrap();
    client.call(call()).await.unwrap();
    let requests = world.requests();
    let url = "https://iam.cn-north-4.myhuaweicloud.com/v3/auth/tokens?nocatalog=true";
    assert_eq!((requests[0].method(), requests[0].uri().to_string()), (&Method::POST, url.into()));
    assert_eq!(
        body(&requests[0]),
        json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": "user", "password": "hush", "domain": {"name": "account"}}}},
            "scope": {"project": {"name": REGION}},
        }})
    );
    assert_eq!(requests.len(), 3);
    for request in &requests[1..] {
        assert_eq!(header(request, "x-auth-token"), "T1");
        assert_eq!(header(request, "authorization"), "");
        assert_eq!(header(request, "x-project-id"), "p2");
        assert!(request.headers()["x-auth-token"].is_sensitive());
    }

    // 24 hours less 10 minutes, and a second.
    world.pass(Duration::from_secs(24 * 3600 - 600 + 1));
    world.then([token("T2"), ok()]);
    client.call(call()).await.unwrap();
    assert_eq!(header(&world.requests()[1], "x-auth-token"), "T2");
}

#[tokio::test]
async fn a_token_that_the_cloud_calls_expired_is_renewed_once() {
    let expired = || refused(401, "APIGW.0307", "The token must be updated.");
    let world = Arc::new(World::new([token("T1"), expired(), token("T2"), ok()]));
    let account = client(&world, &password());
    account.call(call()).await.unwrap();
    let sent: Vec<String> =
        world.requests().iter().map(|one| header(one, "x-auth-token").to_owned()).collect();
    assert_eq!(sent, ["", "T1", "", "T2"]);

    let world = Arc::new(World::new([token("T1"), expired(), token("T2"), expired()]));
    let error = client(&world, &password()).call(call()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(world.requests().len(), 4);
}

#[tokio::test]
async fn a_ready_token_that_has_expired_is_final() {
    let world = Arc::new(World::new([refused(401, "APIGW.0307", "The token must be updated.")]));
    let settings = Settings {
        token: secret("T"),
        region: some(REGION),
        project_id: some("p"),
        ..Settings::default()
    };
    let error = client(&world, &settings).call(call()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    let requests = world.requests();
    assert_eq!((requests.len(), header(&requests[0], "x-auth-token")), (1, "T"));
}

#[tokio::test]
async fn calls_side_by_side_log_in_once_and_renew_once() {
    let world = Arc::new(World::new([token("T1"), ok(), ok()]));
    let account = Account::new(&password(), world.outside()).unwrap();
    let client = Client::new(account.signer(None).unwrap(), world.outside());
    let (a, b) = tokio::join!(client.call(call()), client.call(call()));
    assert!(a.is_ok() && b.is_ok());
    assert_eq!(world.requests().len(), 3);

    let call = call();
    let signer = account.signer(None).unwrap();
    world.then([token("T2")]);
    for _ in 0..3 {
        let request = signer.request(&call, Renew::Now).await.unwrap();
        assert_eq!(header(&request, "x-auth-token"), "T2");
    }
    world.pass(Duration::from_secs(5));
    world.then([token("T3")]);
    let request = signer.request(&call, Renew::Now).await.unwrap();
    assert_eq!(header(&request, "x-auth-token"), "T3");
}

#[tokio::test]
async fn an_agency_of_a_named_account_is_taken_on_through_iam() {
    let world = Arc::new(World::new([temporary("TAK"), ok()]));
    let role = AssumeRole {
        agency_name: some("agency"),
        domain_name: some("owner"),
        ..AssumeRole::default()
    };
    client(&world, &Settings { assume_role: vec![role], ..key_in_project() })
        .call(call())
        .await
        .unwrap();
    let requests = world.requests();
    let url = "https://iam.cn-north-4.myhuaweicloud.com/v3.0/OS-CREDENTIAL/securitytokens";
    assert_eq!(requests[0].uri(), url);
    assert!(is_signed(&world, &requests[0], "AK", "SK"));
    assert_eq!(
        body(&requests[0]),
        json!({"auth": {"identity": {"methods": ["assume_role"], "assume_role": {
            "agency_name": "agency", "domain_name": "owner", "duration_seconds": 3600}}}})
    );
    assert!(is_signed(&world, &requests[1], "TAK", "TSK"));
    assert_eq!(header(&requests[1], "x-security-token"), "ST");
    assert!(header(&requests[1], "authorization").contains("x-security-token"));
}

#[tokio::test]
async fn agencies_are_taken_on_one_with_the_keys_of_the_other() {
    let sts = json!({"credentials": {
        "access_key_id": "TAK2", "secret_access_key": "TSK2", "security_token": "ST2",
        "expiration": "2026-01-02T04:04:05Z"}, "assumed_agency": {"urn": "u", "id": "i"}});
    let world = Arc::new(World::new([temporary("TAK"), reply(200, &[], &sts.to_string()), ok()]));
    let first = AssumeRole {
        agency_name: some("first"),
        domain_name: some("owner"),
        ..AssumeRole::default()
    };
    let second = AssumeRole {
        agency_name: some("second"),
        domain_id: some("d2"),
        duration: Some(900),
        ..AssumeRole::default()
    };
    let settings = Settings { assume_role: vec![first, second], ..key_in_project() };
    client(&world, &settings).call(call()).await.unwrap();
    let requests = world.requests();
    assert!(is_signed(&world, &requests[0], "AK", "SK"));
    let url = "https://sts.cn-north-4.myhuaweicloud.com/v5/agencies/assume";
    assert_eq!(requests[1].uri(), url);
    assert!(is_signed(&world, &requests[1], "TAK", "TSK"));
    assert_eq!(
        body(&requests[1]),
        json!({"agency_urn": "iam::d2:agency:second", "duration_seconds": 900,
               "agency_session_name": "terraform-provider-session"})
    );
    assert!(is_signed(&world, &requests[2], "TAK2", "TSK2"));
}

#[tokio::test]
async fn temporary_keys_are_renewed_ten_minutes_before_they_end() {
    let world = Arc::new(World::new([temporary("A"), ok(), ok(), temporary("B"), ok()]));
    let role = AssumeRole {
        agency_name: some("agency"),
        domain_name: some("owner"),
        ..AssumeRole::default()
    };
    let settings = Settings { assume_role: vec![role], ..key_in_project() };
    let client = client(&world, &settings);
    client.call(call()).await.unwrap();
    world.pass(Duration::from_secs(3600 - 601));
    client.call(call()).await.unwrap();
    assert_eq!(world.requests().len(), 3);
    world.pass(Duration::from_secs(1));
    client.call(call()).await.unwrap();
    assert!(is_signed(&world, &world.requests()[1], "B", "TSK"));

    // IAM is away: what is at hand serves to its last second.
    world.pass(Duration::from_secs(599));
    world.then([nobody(), ok()]);
    client.call(call()).await.unwrap();
    world.pass(Duration::from_secs(1));
    world.then([nobody()]);
    assert_eq!(client.call(call()).await.unwrap_err().kind, Kind::NotSent);
}

#[tokio::test]
async fn an_id_token_becomes_a_temporary_key() {
    let mut world = World::new([token("FED"), temporary("TAK"), ok()]);
    world.files.insert("/home/user/id", "jwt\n");
    let world = Arc::new(world);
    let oidc = AssumeRoleWithOidc {
        idp_id: some("idp"),
        id_token_file: some("~/id"),
        ..AssumeRoleWithOidc::default()
    };
    let settings = Settings {
        region: some(REGION),
        project_id: some("p1"),
        assume_role_with_oidc: Some(oidc),
        ..Settings::default()
    };
    client(&world, &settings).call(call()).await.unwrap();
    let requests = world.requests();
    assert_eq!(requests[0].uri().path(), "/v3.0/OS-AUTH/id-token/tokens");
    assert_eq!(header(&requests[0], "x-idp-id"), "idp");
    assert_eq!(
        body(&requests[0]),
        json!({"auth": {"id_token": {"id": "jwt"}, "scope": {"project": {"id": "p1"}}}})
    );
    assert_eq!(requests[1].uri().path(), "/v3.0/OS-CREDENTIAL/securitytokens");
    assert_eq!(header(&requests[1], "x-auth-token"), "FED");
    assert_eq!(
        body(&requests[1]),
        json!({"auth": {"identity": {"methods": ["token"], "token": {"id": "FED"}}}})
    );
    assert!(is_signed(&world, &requests[2], "TAK", "TSK"));
}

#[tokio::test]
async fn a_machines_agency_is_asked_the_hardened_way_first() {
    let settings = Settings { region: some(REGION), project_id: some("p"), ..Settings::default() };
    for (first, token) in [(reply(200, &[], "MT\n"), "MT"), (reply(404, &[], ""), "")] {
        let world = Arc::new(World::new([first, temporary("TAK"), ok()]));
        client(&world, &settings).call(call()).await.unwrap();
        let requests = world.requests();
        assert_eq!(requests[0].method(), Method::PUT);
        assert_eq!(requests[0].uri(), "http://169.254.169.254/meta-data/latest/api/token");
        assert_eq!(header(&requests[0], "x-metadata-token-ttl-seconds"), "21600");
        assert_eq!(requests[1].uri(), "http://169.254.169.254/openstack/latest/securitykey");
        assert_eq!(header(&requests[1], "x-metadata-token"), token);
        assert!(is_signed(&world, &requests[2], "TAK", "TSK"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_whose_token_never_comes_is_asked_the_plain_way() {
    let settings = Settings { region: some(REGION), project_id: some("p"), ..Settings::default() };
    let world = Arc::new(World::new([never(), temporary("TAK"), ok()]));
    client(&world, &settings).call(call()).await.unwrap();
    let requests = world.requests();
    assert_eq!(header(&requests[1], "x-metadata-token"), "");
    assert!(is_signed(&world, &requests[2], "TAK", "TSK"));
}

#[tokio::test]
async fn what_an_editor_left_behind_a_key_is_not_signed_with() {
    let settings = Settings {
        access_key: some("AK\n"),
        secret_key: secret("SK \n"),
        project_id: some("p"),
        ..key()
    };
    let world = Arc::new(World::new([ok()]));
    client(&world, &settings).call(call()).await.unwrap();
    assert!(is_signed(&world, &world.requests()[0], "AK", "SK"));
}

#[tokio::test]
async fn without_any_credentials_the_error_names_what_to_set() {
    let settings = Settings { region: some(REGION), ..Settings::default() };
    let no_agency = || reply(401, &[], "Please configure Cloud Service Agency first");
    for (replies, reason) in [
        (vec![nobody()], "could not connect"),
        (vec![reply(404, &[], ""), no_agency()], "has no agency"),
        (vec![reply(500, &[], "")], "status 500"),
    ] {
        let world = Arc::new(World::new(replies));
        let client = client(&world, &settings);
        let error = client.call(call()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
        for word in ["`access_key`", "HW_SECRET_KEY", "`profile`", "HW_AUTH_TOKEN", reason] {
            assert!(error.message.contains(word), "{}", error.message);
        }
        world.requests();
        client.call(call()).await.unwrap_err();
        assert!(world.requests().is_empty(), "asked again");
    }
}

#[tokio::test]
async fn an_identity_answer_of_another_shape_is_not_shown() {
    for (settings, answer) in [
        (key(), reply(200, &[], r#"{"projects":"hush"}"#)),
        (key(), reply(200, &[], "<html>hush")),
        (password(), reply(201, &[], r#"{"token":{"expires_at":"2026-01-03T03:04:05Z"}}"#)),
        (
            password(),
            reply(201, &[("x-subject-token", "hush")], r#"{"token":{"expires_at":"hush"}}"#),
        ),
    ] {
        let world = Arc::new(World::new([answer]));
        let error = client(&world, &settings).call(call()).await.unwrap_err();
        assert_eq!(error.kind, Kind::NotSent);
        assert!(!format!("{error} {error:?}").contains("hush"));
    }
}

#[tokio::test]
async fn a_call_whose_login_failed_was_not_made() {
    let expired = || refused(401, "APIGW.0307", "The token must be updated.");
    let lost: fn() -> Reply =
        || Err(HttpError::Lost { host: "host".into(), reason: "reset".into() });
    for (failure, kind) in [
        (lost, Kind::NotSent),
        (nobody, Kind::NotSent),
        (|| refused(503, "APIGW.0613", "m"), Kind::NotSent),
        (|| reply(201, &[], "rubbish"), Kind::NotSent),
        (|| refused(429, "APIGW.0308", "m"), Kind::Throttled),
        (|| refused(400, "IAM.0011", "m"), Kind::Credentials),
    ] {
        // When the kill has just been told that the token had expired.
        let world = Arc::new(World::new([token("T"), expired(), failure()]));
        let kill = || Call::new("HangUpClients", "dcs", Method::POST, "/v2/{project_id}/kill");
        let error = client(&world, &password()).call(kill()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error:?}");
        // When the project is looked for.
        let world = Arc::new(World::new([failure()]));
        let error = client(&world, &key()).call(kill()).await.unwrap_err();
        // A login that is wrong is a wrong key, and a look-up that is wrong a wrong name.
        let kind = if kind == Kind::Credentials { Kind::Configuration } else { kind };
        assert_eq!((error.kind, world.requests().len()), (kind, 1), "{error:?}");
    }
}
