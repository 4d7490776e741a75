//! Ways to log in.

use super::*;

#[tokio::test]
async fn the_first_way_that_is_configured_is_used() {
    const FILE: &str = "[default]\naws_access_key_id = AKIA4\naws_secret_access_key = s3cret\n\
                        [own]\naws_access_key_id=AKIA3\naws_secret_access_key=s3cret # old\n";
    let profile = [("profile", "own")];
    for (given, variables, expected) in [
        (&KEY[..], &ENVIRONMENT[..], "AKIA1"),
        (&profile[..], &ENVIRONMENT[..], "AKIA3"),
        (&[], &ENVIRONMENT[..], "AKIA2"),
        (&[], &[("AWS_PROFILE", "own")], "AKIA3"),
        (&[], &[("AWS_DEFAULT_PROFILE", "own")], "AKIA3"),
        (&[], &[], "AKIA4"),
    ] {
        let mut world = world(vec![ok()], variables);
        world.files.insert(CREDENTIALS, FILE);
        let (result, requests) = run(&block(given, vec![]), world).await;
        result.unwrap();
        assert_eq!(signer(&requests), expected, "{given:?} {variables:?}");
        assert_eq!(url(&requests[0]), "https://ssm.eu-central-1.amazonaws.com/");
        assert_eq!(requests[0].headers()["x-amz-target"], "AmazonSSM.DescribeSessions");
    }
}

#[tokio::test]
async fn credentials_count_before_config_and_the_region_is_the_profiles() {
    let mut world = world(vec![ok()], &[]);
    world.files.insert(
        CONFIG,
        "\u{feff}[profile dev]\nregion = ap-south-1\naws_access_key_id = AKIA1\n\
         aws_secret_access_key = old\ns3 =\n  max_concurrent_requests = 20\n[services x]\nregion=y\n",
    );
    world
        .files
        .insert(CREDENTIALS, "[dev]\naws_access_key_id = AKIA2\naws_secret_access_key = new\n");
    let given = Given(texts(&[("profile", "dev")]).into_iter().collect());
    let (result, requests) = run(&given, world).await;
    result.unwrap();
    assert_eq!(signer(&requests), "AKIA2");
    assert_eq!(url(&requests[0]), "https://ssm.ap-south-1.amazonaws.com/");
}

#[tokio::test]
async fn roles_are_assumed_one_after_the_other_and_their_key_renewed() {
    let role = |arn: &str| {
        let mut role: Vec<_> =
            texts(&[("role_arn", arn), ("external_id", "x y"), ("duration", "15m")]);
        role.push(("policy_arns".to_owned(), list(&["arn:aws:iam::aws:policy/A"])));
        role.push(("tags".to_owned(), Value::Map([("team".to_owned(), "ops".to_owned())].into())));
        Given(role.into_iter().collect())
    };
    let roles = vec![role("arn:aws:iam::1:role/a"), role("arn:aws:iam::2:role/b")];
    let given = block(&KEY, vec![("assume_role", Value::Objects(roles))]);
    let ends = "2026-01-02T04:04:05Z";
    let world = Arc::new(world(
        vec![
            assumed("AssumeRole", "ASIA1", ends),
            assumed("AssumeRole", "ASIA2", ends),
            ok(),
            ok(),
        ],
        &[],
    ));
    let client = client(&given, &world).unwrap();
    call(&client).await.unwrap();
    call(&client).await.unwrap();
    let requests = world.requests();
    assert_eq!(requests.len(), 4, "the key is kept");
    assert_eq!(url(&requests[0]), "https://sts.eu-central-1.amazonaws.com/");
    assert_eq!(
        body(&requests[0]),
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa&\
         RoleSessionName=terraform&DurationSeconds=900&\
         PolicyArns.member.1.arn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FA&ExternalId=x%20y&\
         Tags.member.1.Key=team&Tags.member.1.Value=ops"
    );
    assert_eq!([signer(&requests[..1]), signer(&requests[..2])], ["AKIA1", "ASIA1"]);
    assert_eq!(signer(&requests), "ASIA2");
    assert_eq!(requests[3].headers()["x-amz-security-token"], "tok+ASIA2==");
    // Five minutes before its end.
    world.pass(Duration::from_secs(56 * 60));
    let again = |key| assumed("AssumeRole", key, "2026-01-02T06:00:00Z");
    world.then([again("ASIA3"), again("ASIA4"), ok()]);
    call(&client).await.unwrap();
    assert_eq!(signer(&world.requests()), "ASIA4");
}

#[tokio::test]
async fn a_role_that_is_refused_is_an_error_of_the_login_and_is_not_tried_again() {
    let role = Value::Objects(vec![Given(texts(&[("role_arn", "arn")]).into_iter().collect())]);
    let given = block(&KEY, vec![("assume_role", role)]);
    let refused = |code: &str| {
        let text = format!(
            "<ErrorResponse><Error><Code>{code}</Code><Message>no</Message></Error>\
             <RequestId>r</RequestId></ErrorResponse>"
        );
        reply(403, &[], &text)
    };
    for (code, kind, again) in [
        ("AccessDenied", Kind::Permission, 1),
        ("InvalidClientTokenId", Kind::Credentials, 0),
        ("ValidationError", Kind::Permission, 1),
        ("Throttling", Kind::Throttled, 1),
    ] {
        let world = Arc::new(world(vec![refused(code), refused(code)], &[]));
        let client = client(&given, &world).unwrap();
        let error = call(&client).await.unwrap_err();
        assert_eq!((error.kind, error.operation), (kind, "AssumeRole"), "{code}");
        assert_eq!(error.request_id.as_deref(), Some("r"));
        world.requests();
        assert_eq!(call(&client).await.unwrap_err().kind, kind);
        assert_eq!(world.requests().len(), again, "{code}");
    }
    for body in ["", "<html/>", "<AssumeRoleResponse/>"] {
        let (result, _) = run(&given, world(vec![reply(200, &[], body)], &[])).await;
        assert_eq!(result.unwrap_err().kind, Kind::NotSent, "the call was not made");
    }
}

#[tokio::test]
async fn an_oidc_token_opens_a_role_without_a_key() {
    let own = [("role_arn", "arn:r"), ("web_identity_token_file", "~/token")];
    let variables = [
        ("AWS_ROLE_ARN", "arn:r"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/home/user/token"),
        ("AWS_ROLE_SESSION_NAME", "pod"),
    ];
    let ends = "2026-01-02T04:04:05Z";
    let argument = || vec![("assume_role_with_web_identity", object(&own))];
    for (given, variables, session) in [
        (block(&[], argument()), &[][..], "terraform"),
        (block(&[], vec![]), &variables[..], "pod"),
    ] {
        let answers = vec![assumed("AssumeRoleWithWebIdentity", "ASIA1", ends), ok()];
        let mut world = world(answers, variables);
        world.files.insert("/home/user/token", "ey.token\n");
        let (result, requests) = run(&given, world).await;
        result.unwrap();
        assert!(requests[0].headers().get("authorization").is_none());
        let asked = body(&requests[0]);
        assert!(asked.contains("&WebIdentityToken=ey.token"), "{asked}");
        assert!(asked.contains(&format!("RoleSessionName={session}")), "{asked}");
        assert_eq!(signer(&requests), "ASIA1");
    }
    let echo = "<ErrorResponse><Error><Code>InvalidIdentityToken</Code><Message>token ey.token is \
                wrong</Message></Error></ErrorResponse>";
    let mut world = world(vec![reply(400, &[], echo)], &[]);
    world.files.insert("/home/user/token", "ey.token\n");
    let error = run(&block(&[], argument()), world).await.0.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert!(!error.message.contains("ey.token"), "{error}");
}

#[tokio::test]
async fn profiles_lead_to_roles_of_other_profiles_and_of_places() {
    const FILE: &str = "[profile a]\nrole_arn = arn:a\nsource_profile = b\nexternal_id = e\n\
                        role_session_name = me\nduration_seconds = 1200\n\
                        [profile b]\nrole_arn = arn:b\nsource_profile = c\n\
                        [profile c]\naws_access_key_id = AKIA9\naws_secret_access_key = s3cret\n\
                        [profile own]\nrole_arn = arn:o\nsource_profile = own\n\
                        aws_access_key_id = AKIA8\naws_secret_access_key = s3cret\n\
                        [profile env]\nrole_arn = arn:e\ncredential_source = Environment\n";
    for (profile, roles, first) in [
        ("a", &["arn%3Ab", "arn%3Aa"][..], "AKIA9"),
        ("own", &["arn%3Ao"], "AKIA8"),
        ("env", &["arn%3Ae"], "AKIA2"),
    ] {
        let ends = "2026-01-02T04:04:05Z";
        let mut replies: Vec<Reply> =
            roles.iter().map(|_| assumed("AssumeRole", "ASIA1", ends)).collect();
        replies.push(ok());
        let mut world = world(replies, &ENVIRONMENT);
        world.files.insert(CONFIG, FILE);
        let (result, requests) = run(&block(&[("profile", profile)], vec![]), world).await;
        result.unwrap();
        assert_eq!(signer(&requests[..1]), first, "{profile}");
        for (request, role) in requests.iter().zip(roles) {
            assert!(body(request).contains(&format!("RoleArn={role}&")), "{profile}");
        }
    }
}
