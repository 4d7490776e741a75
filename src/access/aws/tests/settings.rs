//! What arguments, variables and files come to.

use super::*;

#[tokio::test]
async fn what_a_profile_lacks_is_told_with_its_name_before_any_call() {
    const FILE: &str = "[profile circle]\nrole_arn=r\nsource_profile=back\n\
                        [profile back]\nrole_arn=r\nsource_profile=circle\n\
                        [profile orphan]\nrole_arn=r\nsource_profile=nobody\n\
                        [profile keyless]\nrole_arn=r\n\
                        [profile both]\nrole_arn=r\nsource_profile=x\ncredential_source=Environment\n\
                        [profile device]\nrole_arn=r\nsource_profile=x\nmfa_serial=arn:mfa\n\
                        [profile half]\naws_access_key_id=AKIA\n\
                        [profile strange]\nrole_arn=r\ncredential_source=Elsewhere\n\
                        [profile sso]\nsso_session=none\nsso_account_id=1\nsso_role_name=r\n\
                        [profile old]\nsso_start_url=https://x\nsso_account_id=1\n";
    for (profile, expected) in [
        ("missing", "there is no profile `missing`"),
        ("circle", "`circle` → `back` → `circle` name each other in a circle"),
        ("orphan", "names `nobody` as its `source_profile`"),
        ("keyless", "no key to assume it with"),
        ("both", "only one can be meant"),
        ("device", "`mfa_serial`"),
        ("half", "half of a key"),
        ("strange", "none of Environment, EcsContainer and Ec2InstanceMetadata"),
        ("sso", "the SSO session `none`"),
        ("old", "without `sso_region`"),
    ] {
        let mut world = world(vec![], &[]);
        world.files.insert(CONFIG, FILE);
        let (result, requests) = run(&block(&[("profile", profile)], vec![]), world).await;
        let error = result.unwrap_err();
        assert_eq!((error.kind, requests.len()), (Kind::Configuration, 0), "{error}");
        assert!(error.message.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_container_and_an_instance_give_their_keys() {
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.23/v1/credentials"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/token"),
    ];
    let mut pod = world(vec![reply(200, &[], &document("ASIA1")), ok()], &variables);
    pod.files.insert("/token", "admit me\n");
    let (result, requests) = run(&block(&[], vec![]), pod).await;
    result.unwrap();
    assert_eq!(url(&requests[0]), "http://169.254.170.23/v1/credentials");
    assert_eq!(requests[0].headers()["authorization"], "admit me");
    assert_eq!(signer(&requests), "ASIA1");

    let answers = vec![
        reply(200, &[], "tok"),
        reply(200, &[], "role\n"),
        reply(200, &[], &document("ASIA2")),
        ok(),
    ];
    let machine = world(answers, &[]);
    let (result, requests) = run(&block(&[], vec![]), machine).await;
    result.unwrap();
    let asked: Vec<String> =
        requests[..3].iter().map(|it| format!("{} {}", it.method(), it.uri())).collect();
    assert_eq!(
        asked,
        [
            "PUT http://169.254.169.254/latest/api/token",
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/",
            "GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role",
        ]
    );
    assert_eq!(requests[1].headers()["x-aws-ec2-metadata-token"], "tok");
    assert_eq!(signer(&requests), "ASIA2");
}

#[tokio::test]
async fn without_any_way_the_error_names_them_and_metadata_are_asked_only_if_they_may() {
    let (result, requests) = run(&block(&[], vec![]), world(vec![nobody()], &[])).await;
    let error = result.unwrap_err();
    assert_eq!((error.kind, requests.len()), (Kind::Credentials, 1));
    assert!(
        error.message.contains("`AWS_ACCESS_KEY_ID`") && error.message.contains("`AWS_PROFILE`")
    );
    let off = [("AWS_EC2_METADATA_DISABLED", "true")];
    let (result, requests) = run(&block(&[], vec![]), world(vec![], &off)).await;
    assert_eq!((result.unwrap_err().kind, requests.len()), (Kind::Configuration, 0));
    for (name, value) in [
        ("ec2_metadata_service_endpoint", "http://metadata.example"),
        ("ec2_metadata_service_endpoint_mode", "IPv5"),
        ("custom_ca_bundle", "/nothing"),
        ("region", "evil.example/"),
    ] {
        let (result, _) = run(&block(&[(name, value)], vec![]), world(vec![], &[])).await;
        assert_eq!(result.unwrap_err().kind, Kind::Configuration, "{name}");
    }
    let nowhere = Given(texts(&KEY).into_iter().collect());
    let error = run(&nowhere, world(vec![], &[])).await.0.unwrap_err();
    assert!(error.message.contains("`AWS_REGION`"), "{error}");
}

#[tokio::test]
async fn a_login_through_identity_center_is_used_renewed_or_told_to_be_over() {
    const FILE: &str = "[profile s]\nsso_session = corp\nsso_account_id = 123456789012\n\
                        sso_role_name = Read Only\n[sso-session corp]\nsso_region = eu-west-1\n\
                        sso_start_url = https://corp.awsapps.com/start\n";
    // sha1 of `corp`
    const CACHE: &str = "/home/user/.aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";
    let portal = || {
        let given = json!({ "roleCredentials": {
            "accessKeyId": "ASIA1", "secretAccessKey": "s", "sessionToken": "t",
            "expiration": 1_767_330_000_000_u64,
        }});
        reply(200, &[], &given.to_string())
    };
    let fresh = r#"{"accessToken":"bearer","expiresAt":"2026-01-02T09:00:00Z"}"#;
    let stale = r#"{"accessToken":"old","expiresAt":"2026-01-02T03:00:00Z","refreshToken":"again","clientId":"c","clientSecret":"s"}"#;
    let over = r#"{"accessToken":"old","expiresAt":"2026-01-02T03:00:00Z"}"#;
    let renewed = || reply(200, &[], r#"{"accessToken":"bearer","expiresIn":3600}"#);
    let refused = || reply(400, &[], r#"{"error":"invalid_grant"}"#);
    for (cached, replies, signed) in [
        (Some(fresh), vec![portal(), ok()], true),
        (Some(stale), vec![renewed(), portal(), ok()], true),
        (Some(stale), vec![refused()], false),
        (Some(fresh), vec![reply(401, &[], r#"{"__type":"UnauthorizedException"}"#)], false),
        (Some(over), vec![], false),
        (Some("{"), vec![], false),
        (None, vec![], false),
    ] {
        let mut world = world(replies, &[]);
        world.files.insert(CONFIG, FILE);
        world.files.extend(cached.map(|cached| (CACHE, cached)));
        let (result, requests) = run(&block(&[("profile", "s")], vec![]), world).await;
        if !signed {
            let error = result.unwrap_err();
            assert_eq!(error.kind, Kind::Credentials, "{error}");
            assert!(error.message.contains("`aws sso login --profile s`"), "{error}");
            continue;
        }
        result.unwrap();
        let portal = &requests[requests.len() - 2];
        assert_eq!(
            url(portal),
            "https://portal.sso.eu-west-1.amazonaws.com/federation/credentials?\
             role_name=Read%20Only&account_id=123456789012"
        );
        assert_eq!(portal.headers()["x-amz-sso_bearer_token"], "bearer");
        assert_eq!(signer(&requests), "ASIA1");
    }
}

#[tokio::test]
async fn an_account_that_is_ruled_out_is_not_worked_on() {
    for (list_of, account, good) in [
        ("allowed_account_ids", "111111111111", true),
        ("allowed_account_ids", "222222222222", false),
        ("forbidden_account_ids", "111111111111", false),
        ("forbidden_account_ids", "222222222222", true),
    ] {
        let given = block(&KEY, vec![(list_of, list(&["111111111111"]))]);
        let (result, requests) = run(&given, world(vec![caller(account), ok()], &[])).await;
        assert_eq!((result.is_ok(), requests.len()), (good, 1 + usize::from(good)), "{list_of}");
        let told = result.err().map(|error| (error.kind, error.message.contains(account)));
        assert_eq!(told, (!good).then_some((Kind::Configuration, true)));
    }
}

#[tokio::test]
async fn endpoints_of_block_and_environment_are_used_and_can_be_ignored() {
    let own = Value::Map([("ssm".to_owned(), "http://127.0.0.1:1".to_owned())].into());
    let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:2");
    let ssm = ("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:3");
    let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
    let public = "https://ssm.eu-central-1.amazonaws.com/";
    for (endpoints, variables, expected) in [
        (Some(own.clone()), &[all, ssm][..], "http://127.0.0.1:1/"),
        (None, &[all, ssm], "http://127.0.0.1:3/"),
        (None, &[all], "http://127.0.0.1:2/"),
        (None, &[all, ssm, ignored], public),
    ] {
        let more = endpoints.into_iter().map(|it| ("endpoints", it)).collect();
        let (result, requests) = run(&block(&KEY, more), world(vec![ok()], variables)).await;
        result.unwrap();
        assert_eq!(url(&requests[0]), expected, "{variables:?}");
    }
    let fips = [("AWS_USE_FIPS_ENDPOINT", "true"), ("AWS_USE_DUALSTACK_ENDPOINT", "true")];
    let (_, requests) = run(&block(&KEY, vec![]), world(vec![ok()], &fips)).await;
    assert_eq!(url(&requests[0]), "https://ssm-fips.eu-central-1.api.aws/");
}

#[tokio::test]
async fn who_we_are_is_asked_once_and_spoils_nothing() {
    let world = Arc::new(world(vec![ok(), nobody()], &[]));
    let client = client(&block(&KEY, vec![]), &world).unwrap();
    call(&client).await.unwrap();
    assert_eq!((client.caller().await, client.caller().await), (None, None));
    assert_eq!(world.requests().len(), 2);
    world.then([ok()]);
    call(&client).await.unwrap();

    let own = Value::Map([("ssm".to_owned(), "http://127.0.0.1:1".to_owned())].into());
    let elsewhere = Arc::new(self::world(vec![], &[]));
    let client = self::client(&block(&KEY, vec![("endpoints", own)]), &elsewhere).unwrap();
    assert_eq!(client.caller().await, None, "what stands elsewhere may be no AWS");
    assert!(elsewhere.requests().is_empty());

    let known = Arc::new(self::world(vec![caller("111111111111")], &[]));
    let client = self::client(&block(&KEY, vec![]), &known).unwrap();
    assert_eq!(client.caller().await.as_deref(), Some("arn:aws:iam::111111111111:user/o"));
}

#[test]
fn no_setting_is_printed() {
    let given =
        block(&[("secret_key", "s3cret"), ("token", "t0ken"), ("access_key", "AKIA")], vec![]);
    let settings = Settings::new(&given).unwrap();
    let world = Arc::new(world(vec![], &[]));
    let printed = format!("{settings:?} {:?}", Account::new(&settings, world.outside()).unwrap());
    assert!(!printed.contains("s3cret") && !printed.contains("t0ken"), "{printed}");
}
