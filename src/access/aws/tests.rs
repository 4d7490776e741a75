//! Ways to log in, in a scripted world.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::json;

use super::{Account, Settings};
use crate::access::http::Account as _;
use crate::access::{Call, Client, Error, Given, Kind, SettingValue as Value};
use crate::wire::testing::{Reply, World, nobody, reply};

const KEY: [(&str, &str); 2] = [("access_key", "AKIA1"), ("secret_key", "s3cret")];
const ENVIRONMENT: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIA2"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];

fn texts(texts: &[(&str, &str)]) -> Vec<(String, Value)> {
    texts.iter().map(|(name, text)| ((*name).to_owned(), Value::Text((*text).to_owned()))).collect()
}

fn object(inner: &[(&str, &str)]) -> Value {
    Value::Object(Given(texts(inner).into_iter().collect()))
}

fn list(items: &[&str]) -> Value {
    Value::Texts(items.iter().map(|item| (*item).to_owned()).collect())
}

/// A block in Frankfurt with these texts and others.
fn block(given: &[(&str, &str)], more: Vec<(&str, Value)>) -> Given {
    let more = more.into_iter().map(|(name, value)| (name.to_owned(), value));
    let region = texts(&[("region", "eu-central-1")]);
    Given(region.into_iter().chain(texts(given)).chain(more).collect())
}

fn world(replies: Vec<Reply>, variables: &[(&'static str, &'static str)]) -> World {
    let mut world = World::new(replies);
    world.variables.extend(variables.iter().copied());
    world
}

/// An STS answer with this key.
fn assumed(operation: &str, key: &str, expiration: &str) -> Reply {
    let body = format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result>\
         <Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>t&amp;mp</SecretAccessKey>\
         <SessionToken>tok+{key}==</SessionToken><Expiration>{expiration}</Expiration></Credentials>\
         </{operation}Result></{operation}Response>"
    );
    reply(200, &[], &body)
}

fn caller(account: &str) -> Reply {
    let body = format!(
        "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{account}:user/o</Arn>\
         <UserId>U</UserId><Account>{account}</Account></GetCallerIdentityResult>\
         </GetCallerIdentityResponse>"
    );
    reply(200, &[], &body)
}

fn document(key: &str) -> String {
    json!({
        "Code": "Success", "AccessKeyId": key, "SecretAccessKey": "s3cret", "Token": "tok",
        "Expiration": "2026-01-02T09:04:05Z",
    })
    .to_string()
}

fn ok() -> Reply {
    reply(200, &[], "{}")
}

async fn call(client: &Client) -> Result<(), Error> {
    client.call(Call::new("DescribeSessions", "ssm", Method::POST, "/")).await.map(|_| ())
}

fn client(given: &Given, world: &Arc<World>) -> Result<Client, Error> {
    let account = Account::new(&Settings::new(given)?, world.outside())?;
    Ok(Client::new(account.signer(None)?, world.outside()))
}

/// One call with a block in a world: what came of it, and all requests.
async fn run(given: &Given, world: World) -> (Result<(), Error>, Vec<Request<Bytes>>) {
    let world = Arc::new(world);
    let result = match client(given, &world) {
        Ok(client) => call(&client).await,
        Err(error) => Err(error),
    };
    (result, world.requests())
}

/// The key that the last request was signed with.
fn signer(requests: &[Request<Bytes>]) -> String {
    let request = requests.last().expect("a request was sent");
    let header = request.headers()["authorization"].to_str().unwrap();
    let (_, rest) = header.split_once("Credential=").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn body(request: &Request<Bytes>) -> String {
    String::from_utf8(request.body().to_vec()).unwrap()
}

fn url(request: &Request<Bytes>) -> String {
    request.uri().to_string()
}

const CONFIG: &str = "/home/user/.aws/config";
const CREDENTIALS: &str = "/home/user/.aws/credentials";

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
