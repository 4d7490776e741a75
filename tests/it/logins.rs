//! Every way to log in, from the provider's arguments to a list of sessions, against the sandbox.
//!
//! A row is what a user writes, and the calls that tell who they are, in order.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::{Value, json};
use terraform_provider_session::access::Kind;
use terraform_provider_session::sandbox::{Setup, Switch, Trouble};
use terraform_provider_session::services::Error;

use crate::joined::Joined;

const DCS: (&str, &str) = ("huaweicloud_dcs", "9a2d6a3e-0000-4000-8000-000000000001");
const ECS: (&str, &str) = ("alicloud_ecs", "i-bp1i7gg30r52z2em0001");

const SSM: (&str, &str) = ("aws_ssm", "i-0a1b2c3d4e5f60001");

const PROJECTS: &str = "GET /v3/projects";
const PASSWORD: &str = "POST /v3/auth/tokens";
const ID_TOKEN: &str = "POST /v3.0/OS-AUTH/id-token/tokens";
const KEYS: &str = "POST /v3.0/OS-CREDENTIAL/securitytokens";
const AGENCY: &str = "POST /v5/agencies/assume";
const MACHINE: [&str; 2] = ["PUT /meta-data/latest/api/token", "GET /openstack/latest/securitykey"];

const HOME: [&str; 2] = ["/home/user/.hcloud/config.json", "/home/user/.aliyun/config.json"];

/// `settings` with what a login to Huawei Cloud has beside.
fn huawei(settings: Value) -> Value {
    with(settings, json!({ "region": "cn-north-4" }))
}

fn huawei_key(settings: Value) -> Value {
    let key = json!({
        "access_key": "SANDBOXACCESSKEY", "secret_key": "sandbox-secret-key-of-no-value",
    });
    huawei(with(settings, key))
}

fn with(mut settings: Value, more: Value) -> Value {
    let more = more.as_object().unwrap().clone();
    settings.as_object_mut().unwrap().extend(more);
    settings
}

/// The sessions of the cloud's instance, and the calls that told who asks.
async fn log_in(
    joined: &Joined,
    (service, instance): (&str, &str),
    settings: &Value,
) -> Result<usize, Error> {
    let sessions = joined.sessions(service, instance, settings)?;
    joined.list(sessions.as_ref()).await.map(|sessions| sessions.len())
}

/// The three sessions that there are are listed after exactly these calls.
async fn check(joined: &Joined, target: (&str, &str), name: &str, settings: Value, calls: &[&str]) {
    let listed = log_in(joined, target, &settings).await;
    assert!(matches!(listed, Ok(3)), "{name}: {listed:?}");
    assert_eq!(joined.identity_calls(), calls, "{name}");
}

/// What the metadata of Huawei Cloud's virtual machine hand out.
fn machine_key(joined: &Joined) -> Value {
    let ask = |method: Method, path: &str, name: &str, value: &str| {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://169.254.169.254{path}"))
            .header(name, value)
            .body(Bytes::new());
        joined.sandbox.answer(&request.unwrap()).response
    };
    let path = "/meta-data/latest/api/token";
    let token = ask(Method::PUT, path, "x-metadata-token-ttl-seconds", "60").into_body();
    let token = String::from_utf8(token.to_vec()).unwrap();
    let path = "/openstack/latest/securitykey";
    let key = ask(Method::GET, path, "x-metadata-token", &token).into_body();
    serde_json::from_slice::<Value>(&key).unwrap()["credential"].clone()
}

/// What the credentials URI of Alibaba Cloud's sandbox hands out.
fn uri_key(joined: &Joined) -> Value {
    let request = Request::get("http://127.0.0.1:1/alicloud/credentials").body(Bytes::new());
    let answer = joined.sandbox.answer(&request.unwrap()).response;
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn every_way_to_log_in_to_huawei_cloud_ends_in_a_list() {
    let user = json!({ "password": "sandbox-password", "user_name": "operator" });
    let by_name = json!({ "agency_name": "sandbox", "domain_name": "sandbox" });
    let domain = "fedcba9876543210fedcba9876543210";
    let by_id = json!({ "agency_name": "sandbox-next", "domain_id": domain });
    let oidc = json!({ "idp_id": "sandbox", "id_token": "sandbox-id-token" });
    let from_file = json!({ "idp_id": "sandbox", "id_token_file": "/var/run/id-token" });
    for (name, settings, calls) in [
        ("a key", huawei_key(json!({})), vec![PROJECTS]),
        (
            "a key in a project",
            huawei_key(json!({ "project_id": "0123456789abcdef0123456789abcdef" })),
            vec![],
        ),
        (
            "a password of a named account",
            huawei(with(user.clone(), json!({ "domain_name": "sandbox" }))),
            vec![PASSWORD],
        ),
        (
            "a password of an account by id",
            huawei(with(user, json!({ "domain_id": domain }))),
            vec![PASSWORD],
        ),
        (
            "a password of a user by id",
            huawei(json!({
                "password": "sandbox-password", "user_id": "00112233445566778899aabbccddeeff",
            })),
            vec![PASSWORD],
        ),
        ("the machine's agency", huawei(json!({})), vec![MACHINE[0], MACHINE[1], PROJECTS]),
        ("an agency by IAM", huawei_key(json!({ "assume_role": [by_name] })), vec![KEYS, PROJECTS]),
        ("an agency by STS", huawei_key(json!({ "assume_role": [by_id] })), vec![AGENCY, PROJECTS]),
        (
            "a chain of agencies",
            huawei_key(json!({ "assume_role": [by_name, by_id, by_name] })),
            vec![KEYS, AGENCY, KEYS, PROJECTS],
        ),
        (
            "the agency of older configurations",
            huawei_key(json!({ "agency_name": "sandbox", "agency_domain_name": "sandbox" })),
            vec![KEYS, PROJECTS],
        ),
        (
            "an agency with a password",
            huawei(json!({
                "password": "sandbox-password", "user_name": "operator",
                "domain_name": "sandbox", "assume_role": [by_name],
            })),
            vec![PASSWORD, KEYS, PROJECTS],
        ),
        (
            "an id token",
            huawei(json!({ "assume_role_with_oidc": oidc })),
            vec![ID_TOKEN, KEYS, PROJECTS],
        ),
        (
            "an id token in a file",
            huawei(json!({ "assume_role_with_oidc": from_file })),
            vec![ID_TOKEN, KEYS, PROJECTS],
        ),
        (
            "an agency with an id token",
            huawei(json!({ "assume_role_with_oidc": with(oidc.clone(), by_id.clone()) })),
            vec![ID_TOKEN, KEYS, AGENCY, PROJECTS],
        ),
        ("a profile", json!({ "profile": "plain" }), vec![PROJECTS]),
        ("a profile with an agency", json!({ "profile": "role" }), vec![KEYS, PROJECTS]),
    ] {
        let joined = Joined::new(Setup::default());
        let key = json!({
            "accessKeyId": "SANDBOXACCESSKEY", "secretAccessKey": "sandbox-secret-key-of-no-value",
            "region": "cn-north-4", "name": "plain",
        });
        let agency =
            json!({ "name": "role", "agencyName": "sandbox", "agencyDomainName": "sandbox" });
        let file = json!({ "profiles": [key, with(key.clone(), agency)] }).to_string();
        joined.surroundings.write(HOME[0], &file);
        joined.surroundings.write("/var/run/id-token", "sandbox-id-token\n");
        check(&joined, DCS, name, settings, &calls).await;
    }
}

#[tokio::test]
async fn what_was_handed_out_elsewhere_and_what_stands_in_variables_logs_in_too() {
    let joined = Joined::new(Setup::default());
    let key = machine_key(&joined);
    let settings = json!({
        "access_key": key["access"], "secret_key": key["secret"],
        "security_token": key["securitytoken"],
    });
    let listed = log_in(&joined, DCS, &huawei(settings)).await;
    assert!(matches!(listed, Ok(3)), "a temporary key: {listed:?}");
    let another = json!({
        "access_key": key["access"], "secret_key": key["secret"],
        "security_token": "sandbox-security-token-99",
    });
    let refused = log_in(&joined, DCS, &huawei(another)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Credentials, "{refused:?}");

    let joined = Joined::new(Setup::default());
    let body = json!({ "auth": {
        "identity": { "methods": ["password"], "password": { "user": {
            "name": "operator", "password": "sandbox-password", "domain": { "name": "sandbox" },
        }}},
        "scope": { "project": { "name": "cn-north-4" } },
    }});
    let uri = "https://iam.cn-north-4.myhuaweicloud.com/v3/auth/tokens";
    let request = Request::post(uri).header("content-type", "application/json");
    let request = request.body(Bytes::from(body.to_string())).unwrap();
    let token = joined.sandbox.answer(&request).response.headers()["x-subject-token"].clone();
    let token = json!({ "token": token.to_str().unwrap() });
    check(&joined, DCS, "a token", huawei(token), &[PASSWORD, PROJECTS]).await;

    let joined = Joined::new(Setup::default());
    let variables = [
        ("HW_REGION_NAME", "cn-north-4"),
        ("HW_ACCESS_KEY", "SANDBOXACCESSKEY"),
        ("HW_SECRET_KEY", "sandbox-secret-key-of-no-value"),
        ("HW_ASSUME_ROLE_AGENCY_NAME", "sandbox"),
        ("HW_ASSUME_ROLE_DOMAIN_NAME", "sandbox"),
    ];
    let pairs = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    joined.surroundings.variables.lock().unwrap().extend(pairs);
    check(&joined, DCS, "variables", json!({}), &[KEYS, PROJECTS]).await;
}

#[tokio::test]
async fn a_login_that_is_refused_is_tried_once() {
    let by_name = |agency: &str, domain: &str| {
        huawei_key(json!({ "assume_role": [{ "agency_name": agency, "domain_name": domain }] }))
    };
    let oidc = |idp: &str, token: &str| {
        huawei(json!({ "assume_role_with_oidc": { "idp_id": idp, "id_token": token } }))
    };
    let arn = "acs:ram::123456789012345678:role/other";
    for (name, target, settings) in [
        ("secret", DCS, with(huawei_key(json!({})), json!({ "secret_key": "wrong" }))),
        ("key", DCS, with(huawei_key(json!({})), json!({ "access_key": "NOBODY" }))),
        (
            "password",
            DCS,
            huawei(json!({
                "user_name": "operator", "domain_name": "sandbox", "password": "wrong",
            })),
        ),
        ("token", DCS, huawei(json!({ "token": "forged" }))),
        ("agency", DCS, by_name("other", "sandbox")),
        ("account of the agency", DCS, by_name("sandbox", "other")),
        ("identity provider", DCS, oidc("other", "sandbox-id-token")),
        ("id token", DCS, oidc("sandbox", "forged")),
        ("secret of Alibaba Cloud", ECS, alibaba_key(json!({ "secret_key": "wrong" }))),
        ("role", ECS, alibaba_key(json!({ "assume_role": { "role_arn": arn } }))),
        ("ECS role", ECS, alibaba(json!({ "ecs_role_name": "other" }))),
    ] {
        let joined = Joined::new(Setup::default());
        let sessions = joined.sessions(target.0, target.1, &settings).unwrap();
        let first = joined.list(sessions.as_ref()).await.unwrap_err();
        assert!(first.kind.stops_everything(), "{name}: {first:?}");
        let calls = joined.sandbox.calls().len();
        let second = joined.list(sessions.as_ref()).await.unwrap_err();
        assert_eq!(second.kind, first.kind, "{name}");
        assert_eq!(joined.sandbox.calls().len(), calls, "{name} is not tried again");
    }
}

#[tokio::test]
async fn temporary_keys_are_renewed_before_they_end() {
    let agency = json!({ "agency_name": "sandbox", "domain_name": "sandbox", "duration": 3600 });
    let arn = "acs:ram::123456789012345678:role/sandbox";
    for (target, settings, login, others) in [
        (DCS, huawei_key(json!({ "assume_role": [agency] })), KEYS, 1),
        (DCS, huawei(json!({})), MACHINE[1], 2),
        (ECS, alibaba_key(json!({ "assume_role": { "role_arn": arn } })), "POST AssumeRole", 0),
    ] {
        let joined = Joined::new(Setup::default());
        let sessions = joined.sessions(target.0, target.1, &settings).unwrap();
        let logins =
            |joined: &Joined| joined.identity_calls().iter().filter(|call| *call == login).count();
        joined.list(sessions.as_ref()).await.unwrap();
        joined.list(sessions.as_ref()).await.unwrap();
        assert_eq!(logins(&joined), 1, "{login} is asked once");
        assert!(joined.identity_calls().len() <= 1 + others, "{:?}", joined.identity_calls());
        let nearly = if login == MACHINE[1] { 24 * 3600 } else { 3600 } - 60;
        joined.clock.step(Duration::from_secs(nearly));
        joined.list(sessions.as_ref()).await.unwrap();
        joined.list(sessions.as_ref()).await.unwrap();
        assert_eq!(logins(&joined), 2, "{login} is asked again before the end");
    }
}

#[tokio::test]
async fn an_expiry_that_the_cloud_tells_is_mended_by_exactly_one_renewal() {
    let agency = json!({ "agency_name": "sandbox", "domain_name": "sandbox" });
    let arn = "acs:ram::123456789012345678:role/sandbox";
    for (target, operation, settings, login) in [
        (DCS, "logical-nodes", huawei_key(json!({ "assume_role": [agency] })), KEYS),
        (
            ECS,
            "DescribeTerminalSessions",
            alibaba_key(json!({ "assume_role": { "role_arn": arn } })),
            "POST AssumeRole",
        ),
    ] {
        for (times, well) in [(1, true), (9, false)] {
            let joined = Joined::new(Setup::default());
            let sessions = joined.sessions(target.0, target.1, &settings).unwrap();
            joined.list(sessions.as_ref()).await.unwrap();
            // A key of a moment ago would not be renewed.
            joined.clock.step(Duration::from_secs(60));
            joined.sandbox.switch_on(Switch::new(Trouble::ExpiredToken).on(operation).times(times));
            let listed = joined.list(sessions.as_ref()).await;
            assert_eq!(listed.is_ok(), well, "{listed:?}");
            let calls = joined.identity_calls();
            let logins = calls.iter().filter(|call| *call == login).count();
            assert_eq!(logins, 2, "one at first and one renewal: {calls:?}");
            let met = joined.sandbox.calls().iter().filter(|call| call.trouble.is_some()).count();
            assert_eq!(met, if well { 1 } else { 2 }, "the call is repeated once");
        }
    }
}

/// `settings` with what a login to Alibaba Cloud has beside.
fn alibaba(settings: Value) -> Value {
    with(settings, json!({ "region": "cn-hangzhou" }))
}

/// The account's key, unless `settings` have another.
fn alibaba_key(settings: Value) -> Value {
    let key = json!({
        "access_key": "LTAISANDBOXACCESSKEY", "secret_key": "sandbox-secret-key-of-no-value",
    });
    alibaba(with(key, settings))
}

/// The profiles of the `aliyun` command line, one of each mode that needs nobody to log in.
fn profiles(key: &Value) -> Value {
    let ak = json!({
        "access_key_id": "LTAISANDBOXACCESSKEY",
        "access_key_secret": "sandbox-secret-key-of-no-value",
    });
    let role = json!({
        "ram_role_arn": "acs:ram::123456789012345678:role/sandbox", "ram_session_name": "it",
    });
    let sts = json!({
        "access_key_id": key["AccessKeyId"], "access_key_secret": key["AccessKeySecret"],
        "sts_token": key["SecurityToken"],
    });
    let oidc = json!({
        "oidc_provider_arn": "acs:ram::123456789012345678:oidc-provider/sandbox",
        "oidc_token_file": "/var/run/oidc-token",
    });
    let uri = json!({ "credentials_uri": "http://127.0.0.1:1/alicloud/credentials" });
    let modes = [
        ("AK", ak.clone()),
        ("StsToken", sts),
        ("RamRoleArn", with(ak, role.clone())),
        ("EcsRamRole", json!({ "ram_role_name": "sandbox" })),
        ("RamRoleArnWithRoleName", with(json!({ "ram_role_name": "sandbox" }), role.clone())),
        ("ChainableRamRoleArn", with(json!({ "source_profile": "RamRoleArn" }), role.clone())),
        ("CredentialsURI", uri),
        ("OIDC", with(oidc, role)),
        ("External", json!({ "process_command": "keys --now" })),
    ];
    let profile = |(mode, settings): (&str, Value)| {
        with(settings, json!({ "name": mode, "mode": mode, "region_id": "cn-hangzhou" }))
    };
    json!({ "profiles": modes.map(profile) })
}

#[tokio::test]
async fn every_way_to_log_in_to_alibaba_cloud_ends_in_a_list() {
    const ASSUME: &str = "POST AssumeRole";
    const OIDC: &str = "POST AssumeRoleWithOIDC";
    const URI: &str = "GET /alicloud/credentials";
    const HARDENED: &str = "PUT /latest/api/token";
    const ROLE: &str = "GET /latest/meta-data/ram/security-credentials/sandbox";
    let role = json!({ "role_arn": "acs:ram::123456789012345678:role/sandbox" });
    let provider = "acs:ram::123456789012345678:oidc-provider/sandbox";
    let oidc = with(role.clone(), json!({ "oidc_provider_arn": provider }));
    let text = with(oidc.clone(), json!({ "oidc_token": "sandbox-oidc-token" }));
    let file = with(oidc, json!({ "oidc_token_file": "/var/run/oidc-token" }));
    let uri = "http://127.0.0.1:1/alicloud/credentials";
    let profile = |name: &str| json!({ "profile": name });
    for (name, settings, calls) in [
        ("a key", alibaba_key(json!({})), vec![]),
        ("a role", alibaba_key(json!({ "assume_role": role })), vec![ASSUME]),
        ("a URI", alibaba(json!({ "credentials_uri": uri })), vec![URI]),
        (
            "a role with a URI",
            alibaba(json!({ "credentials_uri": uri, "assume_role": role })),
            vec![URI, ASSUME],
        ),
        (
            "the machine's role",
            alibaba(json!({ "ecs_role_name": "sandbox" })),
            vec![HARDENED, ROLE],
        ),
        ("an OIDC token", alibaba(json!({ "assume_role_with_oidc": text })), vec![OIDC]),
        ("an OIDC token in a file", alibaba(json!({ "assume_role_with_oidc": file })), vec![OIDC]),
        (
            "a role with an OIDC token",
            alibaba(json!({ "assume_role_with_oidc": text, "assume_role": role })),
            vec![OIDC, ASSUME],
        ),
        ("profile AK", profile("AK"), vec![]),
        ("profile StsToken", profile("StsToken"), vec![]),
        ("profile RamRoleArn", profile("RamRoleArn"), vec![ASSUME]),
        ("profile EcsRamRole", profile("EcsRamRole"), vec![HARDENED, ROLE]),
        (
            "profile RamRoleArnWithRoleName",
            profile("RamRoleArnWithRoleName"),
            vec![HARDENED, ROLE, ASSUME],
        ),
        ("profile ChainableRamRoleArn", profile("ChainableRamRoleArn"), vec![ASSUME, ASSUME]),
        ("profile CredentialsURI", profile("CredentialsURI"), vec![URI]),
        ("profile OIDC", profile("OIDC"), vec![OIDC]),
        ("profile External", profile("External"), vec![]),
    ] {
        let joined = Joined::new(Setup::default());
        let key = uri_key(&joined);
        let printed = json!({
            "access_key_id": key["AccessKeyId"], "access_key_secret": key["AccessKeySecret"],
            "sts_token": key["SecurityToken"], "expiration": key["Expiration"],
        });
        *joined.surroundings.keys.lock().unwrap() = printed.to_string();
        joined.surroundings.write(HOME[1], &profiles(&key).to_string());
        joined.surroundings.write("/var/run/oidc-token", "sandbox-oidc-token\n");
        let mut all = vec![URI]; // for the key that some profiles hold
        all.extend(calls);
        check(&joined, ECS, name, settings, &all).await;
    }
}

/// `settings` with what a login to AWS has beside.
fn aws(settings: Value) -> Value {
    with(settings, json!({ "region": "eu-central-1" }))
}

/// The account's key, unless `settings` have another.
fn aws_key(settings: Value) -> Value {
    let key = json!({
        "access_key": "AKIASANDBOXACCESSKEY", "secret_key": "sandbox-secret-key-of-no-value",
    });
    aws(with(key, settings))
}

const AWS_CONFIG: &str = "\
[profile key]
region = eu-central-1
aws_access_key_id = AKIASANDBOXACCESSKEY
aws_secret_access_key = sandbox-secret-key-of-no-value
[profile role]
region = eu-central-1
role_arn = arn:aws:iam::123456789012:role/sandbox
source_profile = key
[profile machine]
region = eu-central-1
role_arn = arn:aws:iam::123456789012:role/sandbox
credential_source = Ec2InstanceMetadata
[profile token]
region = eu-central-1
role_arn = arn:aws:iam::123456789012:role/sandbox
web_identity_token_file = /var/run/token
[profile program]
region = eu-central-1
credential_process = keys --now
[profile sso]
region = eu-central-1
sso_session = corp
sso_account_id = 123456789012
sso_role_name = sandbox
[profile stale]
region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
sso_region = eu-central-1
sso_account_id = 123456789012
sso_role_name = sandbox
[sso-session corp]
sso_region = eu-central-1
sso_start_url = https://corp.awsapps.com/start
";

#[tokio::test]
async fn every_way_to_log_in_to_aws_ends_in_a_list() {
    const ASSUME: &str = "POST AssumeRole";
    const TOKEN: &str = "POST AssumeRoleWithWebIdentity";
    const WHO: &str = "POST GetCallerIdentity";
    const ROLES: &str = "GET /latest/meta-data/iam/security-credentials/";
    const ROLE: &str = "GET /latest/meta-data/iam/security-credentials/sandbox";
    const MACHINE: [&str; 3] = ["PUT /latest/api/token", ROLES, ROLE];
    const PORTAL: &str = "GET /federation/credentials";
    const RENEW: &str = "POST /token";
    const CONTAINER: &str = "GET /aws/credentials";
    let role = json!({ "role_arn": "arn:aws:iam::123456789012:role/sandbox", "duration": "1h" });
    let text = with(role.clone(), json!({ "web_identity_token": "sandbox-web-identity-token" }));
    let file = with(role.clone(), json!({ "web_identity_token_file": "/var/run/token" }));
    let profile = |name: &str| json!({ "profile": name });
    let full = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/aws/credentials"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "sandbox-web-identity-token"),
    ];
    let pod = [
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/sandbox"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/token"),
    ];
    for (name, variables, settings, calls) in [
        ("a key", &[][..], aws_key(json!({})), vec![]),
        ("a role", &[], aws_key(json!({ "assume_role": [role] })), vec![ASSUME]),
        ("a chain", &[], aws_key(json!({ "assume_role": [role, role] })), vec![ASSUME, ASSUME]),
        ("a token", &[], aws(json!({ "assume_role_with_web_identity": text })), vec![TOKEN]),
        (
            "a role with a token in a file",
            &[],
            aws(json!({ "assume_role_with_web_identity": file, "assume_role": [role] })),
            vec![TOKEN, ASSUME],
        ),
        ("a pod's token", &pod, aws(json!({})), vec![TOKEN]),
        ("a container", &full, aws(json!({})), vec![CONTAINER]),
        ("the machine's role", &[], aws(json!({})), MACHINE.to_vec()),
        (
            "an account that is allowed",
            &[],
            aws_key(json!({ "allowed_account_ids": ["123456789012"] })),
            vec![WHO],
        ),
        ("profile key", &[], profile("key"), vec![]),
        ("profile of a variable", &[("AWS_PROFILE", "role")], json!({}), vec![ASSUME]),
        ("profile machine", &[], profile("machine"), [&MACHINE[..], &[ASSUME]].concat()),
        ("profile token", &[], profile("token"), vec![TOKEN]),
        ("profile program", &[], profile("program"), vec![CONTAINER]),
        ("profile sso", &[], profile("sso"), vec![PORTAL]),
        ("profile stale", &[], profile("stale"), vec![RENEW, PORTAL]),
    ] {
        let joined = Joined::new(Setup::default());
        let surroundings = &joined.surroundings;
        for (name, value) in variables {
            surroundings.variables.lock().unwrap().insert((*name).into(), (*value).into());
        }
        if name == "profile program" {
            let request = Request::get("http://127.0.0.1:1/aws/credentials")
                .header("authorization", "sandbox-web-identity-token")
                .body(Bytes::new());
            let given = joined.sandbox.answer(&request.unwrap()).response.into_body();
            let given: Value = serde_json::from_slice(&given).unwrap();
            let printed = json!({ "Version": 1, "SessionToken": given["Token"] });
            *surroundings.keys.lock().unwrap() = with(given, printed).to_string();
        }
        surroundings.write("/home/user/.aws/config", AWS_CONFIG);
        surroundings.write("/var/run/token", "sandbox-web-identity-token\n");
        let sso = |of: &str, cached: Value| {
            let path = format!("/home/user/.aws/sso/cache/{of}.json");
            surroundings.write(&path, &cached.to_string());
        };
        // The names are SHA-1 of `corp` and of the start URL.
        let fresh =
            json!({ "accessToken": "sandbox-sso-token", "expiresAt": "2023-11-15T00:00:00Z" });
        sso("ee0bfd2552fbd840c02cc48b6e823320543c450f", fresh);
        let stale = json!({
            "accessToken": "old", "expiresAt": "2023-11-14T00:00:00Z", "clientId": "c",
            "clientSecret": "s", "refreshToken": "sandbox-refresh-token",
        });
        sso("a51746d4aa793ae07b25e90c3a5db96fc7832bd7", stale);
        let listed = log_in(&joined, SSM, &settings).await;
        assert!(matches!(listed, Ok(3)), "{name}: {listed:?}");
        let mut expected = calls.clone();
        // Whose sessions are ours is asked once, after the first list.
        expected.push(WHO);
        assert_eq!(joined.identity_calls(), expected, "{name}");
    }
}
