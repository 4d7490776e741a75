//! Logins, projects and signing against scripted answers.

use std::time::Duration;

use http::Method;
use serde_json::json;

use super::resolve::{Owner, Role, Source, User};
use super::settings::{AssumeRole, AssumeRoleWithOidc};
use super::sign::{Key, verify};
use super::*;
use crate::access::{Client, Secret};
use crate::wire::HttpError;
use crate::wire::testing::{Reply, World, never, nobody, reply};

const REGION: &str = "cn-north-4";

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

/// A key pair in a region.
fn key() -> Settings {
    Settings {
        region: some(REGION),
        access_key: some("AK"),
        secret_key: secret("SK"),
        ..Settings::default()
    }
}

fn key_in_project() -> Settings {
    Settings { project_id: some("p1"), ..key() }
}

fn password() -> Settings {
    Settings {
        region: some(REGION),
        user_name: some("user"),
        domain_name: some("account"),
        password: secret("hush"),
        ..Settings::default()
    }
}

fn call() -> Call {
    Call::new("ListClients", "dcs", Method::GET, "/v2/{project_id}/instances/i 1/clients")
        .query("limit", 10)
}

fn client(world: &Arc<World>, settings: &Settings) -> Client {
    let account = Account::new(settings, world.outside()).unwrap();
    Client::new(account.signer(None).unwrap(), world.outside())
}

fn ok() -> Reply {
    reply(200, &[("x-request-id", "r")], "{}")
}

fn refused(status: u16, code: &str, message: &str) -> Reply {
    reply(status, &[], &json!({"error_code": code, "error_msg": message}).to_string())
}

/// A token that ends in 24 hours after the world's beginning.
fn token(name: &str) -> Reply {
    let body = json!({"token": {
        "expires_at": "2026-01-03T03:04:05.123000Z",
        "project": {"id": "p2", "name": REGION},
    }});
    reply(201, &[("x-subject-token", name)], &body.to_string())
}

/// A temporary key in the words of IAM v3, ending one hour after the world's beginning.
fn temporary(name: &str) -> Reply {
    let body = json!({"credential": {
        "access": name, "secret": "TSK", "securitytoken": "ST",
        "expires_at": "2026-01-02T04:04:05.000000Z",
    }});
    reply(201, &[], &body.to_string())
}

fn projects(ids: &[&str]) -> Reply {
    let list: Vec<_> = ids.iter().map(|id| json!({"id": id, "name": REGION})).collect();
    reply(200, &[], &json!({"links": {}, "projects": list}).to_string())
}

fn header<'a>(request: &'a Request<Bytes>, name: &str) -> &'a str {
    request.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn body(request: &Request<Bytes>) -> serde_json::Value {
    serde_json::from_slice(request.body()).unwrap()
}

/// Whether a request carries a good signature of a key whose secret half is this.
fn is_signed(world: &World, request: &Request<Bytes>, access: &str, secret: &str) -> bool {
    let secret_of = |key: &str| (key == access).then(|| Secret::new(secret));
    verify(request, crate::wire::Clock::now(world), &secret_of).is_ok()
}

#[tokio::test]
async fn a_call_is_signed_for_its_project() {
    let world = Arc::new(World::new([ok()]));
    let answer = client(&world, &key_in_project()).call(call()).await.unwrap();
    assert_eq!(answer.request_id.as_deref(), Some("r"));
    let request = &world.requests()[0];
    let url = "https://dcs.cn-north-4.myhuaweicloud.com/v2/p1/instances/i%201/clients?limit=10";
    assert_eq!(request.uri(), url);
    assert_eq!(header(request, "x-project-id"), "p1");
    assert_eq!(header(request, "x-language"), "en-us");
    assert_eq!(header(request, "content-type"), "");
    assert!(is_signed(&world, request, "AK", "SK"));
}

#[tokio::test]
async fn a_delete_with_a_body_says_that_it_is_json() {
    let world = Arc::new(World::new([ok()]));
    let call = Call::new("Close", "geminidb", Method::DELETE, "/v3/{project_id}/redis/sessions")
        .body(json!({"is_all": true}));
    client(&world, &key_in_project()).call(call).await.unwrap();
    let request = &world.requests()[0];
    assert_eq!(request.uri().host(), Some("gaussdb-nosql.cn-north-4.myhuaweicloud.com"));
    assert_eq!(header(request, "content-type"), "application/json");
    assert_eq!(request.body(), r#"{"is_all":true}"#);
    assert!(header(request, "authorization").contains("content-type;host;"));
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_refused() {
    for id in ["", "..", "."] {
        let world = Arc::new(World::new([]));
        let path = format!("/v3/{{project_id}}/nodes/{id}/sessions");
        let call = Call::new("List", "dds", Method::GET, path);
        let error = client(&world, &key_in_project()).call(call).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
    }
}

#[tokio::test]
async fn the_project_is_looked_up_once_per_region() {
    let world = Arc::new(World::new([projects(&["p7"]), ok(), ok(), projects(&["p8"]), ok()]));
    let account = Account::new(&key(), world.outside()).unwrap();
    let home = Client::new(account.signer(None).unwrap(), world.outside());
    home.call(call()).await.unwrap();
    home.call(call()).await.unwrap();
    let other = account.signer(Some("ap-southeast-3")).unwrap();
    Client::new(other, world.outside()).call(call()).await.unwrap();
    assert_eq!(
        world.lines(),
        [
            "GET https://iam.cn-north-4.myhuaweicloud.com/v3/projects?name=cn-north-4",
            "GET https://dcs.cn-north-4.myhuaweicloud.com/v2/p7/instances/i%201/clients?limit=10",
            "GET https://dcs.cn-north-4.myhuaweicloud.com/v2/p7/instances/i%201/clients?limit=10",
            "GET https://iam.cn-north-4.myhuaweicloud.com/v3/projects?name=ap-southeast-3",
            "GET https://dcs.ap-southeast-3.myhuaweicloud.com/v2/p8/instances/i%201/clients?limit=10",
        ]
    );
}

#[test]
fn a_project_without_a_region_is_that_of_one_region() {
    let world = Arc::new(World::new([]));
    let settings = Settings { region: None, ..key_in_project() };
    let account = Account::new(&settings, world.outside()).unwrap();
    for region in ["cn-east-3", "cn-east-3"] {
        assert!(account.signer(Some(region)).is_ok());
    }
    let error = account.signer(Some("cn-north-4")).err().unwrap();
    assert_eq!(error.kind, Kind::Configuration);
    for word in ["cn-east-3", "cn-north-4", "`region`"] {
        assert!(error.message.contains(word), "{error}");
    }
    // With a region it is that one's, and others are looked up.
    let account = Account::new(&key_in_project(), world.outside()).unwrap();
    assert!(account.signer(None).is_ok() && account.signer(Some("cn-east-3")).is_ok());
}

#[tokio::test]
async fn no_project_and_several_projects_are_worded_apart_and_asked_once() {
    for (ids, words) in [(&[][..], "no project `sub`"), (&["a", "b"], "2 projects `sub`")] {
        let world = Arc::new(World::new([projects(ids)]));
        let client = client(&world, &Settings { project_name: some("sub"), ..key() });
        for _ in 0..2 {
            let error = client.call(call()).await.unwrap_err();
            assert_eq!(error.kind, Kind::Configuration);
            assert!(error.message.contains(words), "{}", error.message);
            assert!(error.message.contains("HW_PROJECT_ID"), "{}", error.message);
        }
        assert_eq!(world.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_key_is_asked_once() {
    let world = Arc::new(World::new([refused(401, "APIGW.0301", "verify aksk signature fail")]));
    let client = client(&world, &key());
    for _ in 0..3 {
        let error = client.call(call()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (Kind::Credentials, Some("APIGW.0301")));
        assert_eq!(error.operation, "KeystoneListProjects");
        assert!(error.request.unwrap().ends_with("/v3/projects"));
    }
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn ten_calls_at_once_show_a_wrong_key_once() {
    // No project is looked up first, so nothing else makes them wait for each other.
    let world = Arc::new(World::new([refused(401, "APIGW.0301", "verify aksk signature fail")]));
    let account = Account::new(&key_in_project(), world.outside()).unwrap();
    let calls = (0..10).map(|_| {
        let client = Client::new(account.signer(None).unwrap(), world.outside());
        async move { client.call(call()).await }
    });
    for outcome in futures_util::future::join_all(calls).await {
        assert_eq!(outcome.unwrap_err().kind, Kind::Credentials);
    }
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn calls_go_side_by_side_once_one_was_accepted() {
    let world = Arc::new(World::new((0..11).map(|_| ok())));
    let client = client(&world, &key_in_project());
    client.call(call()).await.unwrap();
    world.requests();
    let calls: Vec<_> = (0..10).map(|_| client.call(call())).collect();
    let mut calls = std::pin::pin!(futures_util::future::join_all(calls));
    // Before any answer is here, all are asked.
    let mut most = 0;
    while futures_util::poll!(&mut calls).is_pending() {
        most = most.max(world.requests().len());
        tokio::task::yield_now().await;
    }
    assert_eq!(most, 10);
}

#[tokio::test]
async fn what_is_called_expired_after_a_renewal_is_not_shown_again() {
    let expired = || refused(401, "APIGW.0307", "The token must be updated.");
    let world = Arc::new(World::new([token("T1"), expired(), token("T2"), expired()]));
    let client = client(&world, &password());
    for _ in 0..3 {
        let error = client.call(call()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (Kind::Credentials, Some("APIGW.0307")));
    }
    assert_eq!(world.requests().len(), 4);
}

#[tokio::test]
async fn what_is_called_expired_is_not_shown_again_while_it_cannot_be_renewed() {
    let expired = refused(401, "APIGW.0307", "The token must be updated.");
    let world = Arc::new(World::new([token("T1"), expired, nobody(), token("T2"), ok()]));
    let client = client(&world, &password());
    assert_eq!(client.call(call()).await.unwrap_err().kind, Kind::NotSent);
    client.call(call()).await.unwrap();
    assert_eq!(header(&world.requests()[4], "x-auth-token"), "T2");
}

#[tokio::test]
async fn a_key_that_is_refused_in_one_place_is_not_shown_in_another() {
    let bad = || refused(401, "APIGW.0301", "verify aksk signature fail");
    // Refused by IAM, by the service, and when a token was to be renewed.
    let expired = refused(401, "APIGW.0307", "The token must be updated.");
    for (settings, replies, requests) in [
        (key(), vec![bad()], 1),
        (key_in_project(), vec![bad()], 1),
        (password(), vec![token("T"), expired, refused(401, "IAM.0101", "wrong password")], 3),
    ] {
        let world = Arc::new(World::new(replies));
        let account = Account::new(&settings, world.outside()).unwrap();
        for _ in 0..3 {
            let other = (!account.resolved.ends_in_token()).then_some("cn-east-3");
            for region in [None, other] {
                let client = Client::new(account.signer(region).unwrap(), world.outside());
                assert_eq!(client.call(call()).await.unwrap_err().kind, Kind::Credentials);
            }
        }
        assert_eq!(world.requests().len(), requests);
    }

    // What only the service says is for the engine to judge.
    let world = Arc::new(World::new([refused(401, "DCS.1004", "m"), ok()]));
    let client = client(&world, &key_in_project());
    assert_eq!(client.call(call()).await.unwrap_err().kind, Kind::Credentials);
    client.call(call()).await.unwrap();
}

#[tokio::test]
async fn a_failure_that_may_pass_is_asked_again() {
    for failure in [nobody(), refused(503, "APIGW.0613", "m"), refused(429, "APIGW.0308", "m")] {
        let world = Arc::new(World::new([failure, projects(&["p"]), ok()]));
        let client = client(&world, &key());
        assert!(client.call(call()).await.unwrap_err().kind.is_transient());
        client.call(call()).await.unwrap();
    }
}

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

#[tokio::test]
async fn custom_addresses_are_used_and_bound_to_the_providers_region() {
    let world = Arc::new(World::new([projects(&["p"]), ok()]));
    let endpoints = [("dcs", "http://127.0.0.1:1/hw"), ("sts", "sts.example.com")];
    let settings = Settings {
        endpoints: endpoints.map(|(key, url)| (key.to_owned(), url.to_owned())).into(),
        auth_url: some("https://iam.example.com/v3"),
        ..key()
    };
    let account = Account::new(&settings, world.outside()).unwrap();
    let home = Client::new(account.signer(None).unwrap(), world.outside());
    home.call(call()).await.unwrap();
    assert_eq!(
        world.lines(),
        [
            "GET https://iam.example.com/v3/projects?name=cn-north-4",
            "GET http://127.0.0.1:1/hw/v2/p/instances/i%201/clients?limit=10",
        ]
    );
    let away = Client::new(account.signer(Some("cn-east-3")).unwrap(), world.outside());
    let error = away.call(call()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert!(error.message.contains("endpoints.dcs"), "{}", error.message);
}

#[test]
fn a_token_cannot_leave_its_region_but_a_key_can() {
    let world = Arc::new(World::new([]));
    let ready = Settings { region: some(REGION), token: secret("T"), ..Settings::default() };
    let nowhere = Settings { region: None, ..ready.clone() };
    for (settings, region, allowed) in [
        (key(), Some("cn-east-3"), true),
        (key(), None, true),
        (Settings { region: None, ..key() }, Some("cn-east-3"), true),
        (Settings { region: None, ..key() }, None, false),
        (ready.clone(), Some("cn-east-3"), false),
        (ready.clone(), Some(REGION), true),
        (ready, None, true),
        (nowhere, Some(REGION), false),
        (password(), Some("cn-east-3"), false),
    ] {
        let account = Account::new(&settings, world.outside()).unwrap();
        let result = account.signer(region);
        assert_eq!(result.is_ok(), allowed, "{settings:?} {region:?}");
        if let Err(error) = result {
            assert_eq!(error.kind, Kind::Configuration);
            assert!(error.message.contains("region"), "{}", error.message);
        }
    }
}

/// Resolves with variables and a profile file.
fn resolved(
    settings: &Settings,
    variables: &[(&'static str, &'static str)],
) -> Result<resolve::Resolved, Error> {
    let mut world = World::new([]);
    world.variables = variables.iter().copied().collect();
    world.files.insert(
        "/home/user/.hcloud/config.json",
        r#"{"current":"work","profiles":[
            {"name":"work","accessKeyId":"PAK","secretAccessKey":"PSK","region":"profile-region"},
            {"name":"role","accessKeyId":"PAK","secretAccessKey":"PSK","agencyName":"g",
             "agencyDomainName":"gd","projectId":"pp"},
            {"name":"token","xAuthToken":"PT"}]}"#,
    );
    world.files.insert("/crypted", r#"{"current":"x","profiles":[{"name":"x"}],"crypter":"AES"}"#);
    resolve::resolve(settings, &world)
}

fn key_source(access_key: &str, secret_key: &str, token: Option<&str>) -> Source {
    Source::Key(Key {
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key),
        security_token: token.map(Secret::new),
    })
}

#[test]
fn the_first_complete_way_to_log_in_is_taken() {
    let none = Settings::default;
    let oidc = AssumeRoleWithOidc {
        idp_id: some("idp"),
        id_token: secret("jwt"),
        ..AssumeRoleWithOidc::default()
    };
    let user = |name: &str, domain: &str| Source::Password {
        user: User::InDomainName(name.to_owned(), domain.to_owned()),
        password: Secret::new("W"),
    };
    type Case<'a> = (Settings, &'a [(&'static str, &'static str)], Source);
    let cases: &[Case<'_>] = &[
        (none(), &[], Source::Metadata),
        (none(), &[("HW_ACCESS_KEY", "A"), ("HW_SECRET_KEY", "S")], key_source("A", "S", None)),
        (none(), &[("OS_ACCESS_KEY", "A"), ("OS_SECRET_KEY", "S")], key_source("A", "S", None)),
        (
            none(),
            &[("HW_ACCESS_KEY", "A"), ("OS_ACCESS_KEY", "B"), ("HW_SECRET_KEY", "S")],
            key_source("A", "S", None),
        ),
        (
            none(),
            &[("HW_ACCESS_KEY", "A"), ("HW_SECRET_KEY", "S"), ("HW_SECURITY_TOKEN", "T")],
            key_source("A", "S", Some("T")),
        ),
        (key(), &[("HW_ACCESS_KEY", "A"), ("HW_SECRET_KEY", "S")], key_source("AK", "SK", None)),
        (key(), &[("HW_AUTH_TOKEN", "T")], Source::Token(Secret::new("T"))),
        (
            Settings { assume_role_with_oidc: Some(oidc), token: secret("T"), ..key() },
            &[],
            Source::Oidc {
                idp_id: "idp".to_owned(),
                id_token: resolve::IdToken::Text(Secret::new("jwt")),
            },
        ),
        (
            none(),
            &[("HW_USER_NAME", "U"), ("HW_USER_PASSWORD", "W"), ("HW_DOMAIN_NAME", "D")],
            user("U", "D"),
        ),
        (
            none(),
            &[("OS_USERNAME", "U"), ("OS_PASSWORD", "W"), ("OS_USER_DOMAIN_NAME", "D")],
            user("U", "D"),
        ),
        (key(), &[("HW_USER_NAME", "U"), ("HW_DOMAIN_NAME", "D")], key_source("AK", "SK", None)),
        (key(), &[("HW_PROFILE", "work")], key_source("PAK", "PSK", None)),
        (
            key(),
            &[("HW_SECURITY_TOKEN", "T"), ("HW_PROFILE", "work")],
            key_source("PAK", "PSK", None),
        ),
        (key(), &[("HW_AUTH_TOKEN", "T"), ("HW_PROFILE", "work")], key_source("PAK", "PSK", None)),
        (key(), &[("HW_PROFILE", "token")], Source::Token(Secret::new("PT"))),
        (
            Settings { shared_config_file: some("~/.hcloud/config.json"), ..none() },
            &[],
            key_source("PAK", "PSK", None),
        ),
    ];
    for (settings, variables, expected) in cases {
        let found = resolved(settings, variables).unwrap();
        assert_eq!(found.source, *expected, "{settings:?} {variables:?}");
    }
}

#[test]
fn a_profile_replaces_what_it_has_and_keeps_the_rest() {
    let given = Settings { project_id: some("p"), ..key() };
    let found = resolved(&given, &[("HW_PROFILE", "work")]).unwrap();
    assert_eq!(found.region.as_deref(), Some("profile-region"));
    assert_eq!(found.project_id.as_deref(), Some("p"));
    let found = resolved(&given, &[("HW_PROFILE", "role")]).unwrap();
    assert_eq!(found.region.as_deref(), Some(REGION));
    assert_eq!(found.project_id.as_deref(), Some("pp"));
    let role = Role { agency: "g".to_owned(), owner: Owner::Name("gd".to_owned()), seconds: 3600 };
    assert_eq!(found.roles, [role]);
}

#[test]
fn roles_come_from_blocks_or_from_variables_alone() {
    let role =
        |agency: &str, owner: Owner, seconds| Role { agency: agency.to_owned(), owner, seconds };
    let by_variables = resolved(
        &key(),
        &[
            ("HW_ASSUME_ROLE_AGENCY_NAME", "g"),
            ("HW_ASSUME_ROLE_DOMAIN_ID", "d"),
            ("HW_ASSUME_ROLE_DURATION", "1800"),
        ],
    );
    assert_eq!(by_variables.unwrap().roles, [role("g", Owner::Id("d".to_owned()), 1800)]);

    let block =
        AssumeRole { agency_name: some("b"), domain_name: some("n"), ..AssumeRole::default() };
    let given = Settings { assume_role: vec![block], ..key() };
    let found = resolved(&given, &[("HW_ASSUME_ROLE_DOMAIN_ID", "d")]).unwrap();
    assert_eq!(found.roles, [role("b", Owner::Name("n".to_owned()), 3600)]);

    let legacy = resolved(
        &key(),
        &[
            ("OS_AGENCY_NAME", "g"),
            ("OS_AGENCY_DOMAIN_NAME", "gd"),
            ("OS_DELEGATED_PROJECT", "theirs"),
        ],
    )
    .unwrap();
    assert_eq!(legacy.roles, [role("g", Owner::Name("gd".to_owned()), 3600)]);
    assert_eq!(legacy.project_name.as_deref(), Some("theirs"));
}

#[test]
fn settings_that_do_not_go_together_are_refused_with_what_mends_them() {
    let none = Settings::default;
    let with_oidc = |oidc: AssumeRoleWithOidc| Settings {
        assume_role_with_oidc: Some(oidc),
        ..Settings::default()
    };
    let with_role = |role: AssumeRole| Settings { assume_role: vec![role], ..key() };
    type Case<'a> = (Settings, &'a [(&'static str, &'static str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (none(), &[("HW_ACCESS_KEY", "hush")], &["`secret_key`", "HW_SECRET_KEY"]),
        (none(), &[("HW_SECRET_KEY", "hush")], &["`access_key`", "HW_ACCESS_KEY"]),
        (none(), &[("HW_USER_PASSWORD", "hush")], &["`user_name`", "HW_USER_NAME"]),
        (
            none(),
            &[("HW_USER_NAME", "u"), ("HW_USER_PASSWORD", "hush")],
            &["`domain_name`", "HW_DOMAIN_NAME"],
        ),
        (none(), &[("HW_USER_ID", "u")], &["`password`", "HW_USER_PASSWORD"]),
        (none(), &[("HW_PROFILE", "none")], &["no profile `none`", "`work`"]),
        (
            none(),
            &[("HW_SHARED_CONFIG_FILE", "/missing")],
            &["`/missing`", "cannot be read", "HW_SHARED_CONFIG_FILE"],
        ),
        (none(), &[("HW_SHARED_CONFIG_FILE", "/crypted")], &["--cli-auth-encrypt=false"]),
        (with_oidc(AssumeRoleWithOidc::default()), &[], &["`idp_id`", "HW_ASSUME_ROLE_IDP_ID"]),
        (none(), &[("HW_ASSUME_ROLE_IDP_ID", "i")], &["`id_token`", "`id_token_file`"]),
        (
            with_oidc(AssumeRoleWithOidc {
                idp_id: some("i"),
                id_token: secret("hush"),
                id_token_file: some("f"),
                ..AssumeRoleWithOidc::default()
            }),
            &[],
            &["exactly one"],
        ),
        (with_role(AssumeRole::default()), &[], &["`agency_name`", "HW_ASSUME_ROLE_AGENCY_NAME"]),
        (
            with_role(AssumeRole { agency_name: some("g"), ..AssumeRole::default() }),
            &[],
            &["`domain_id`", "HW_ASSUME_ROLE_DOMAIN_NAME"],
        ),
        (
            with_role(AssumeRole {
                agency_name: some("g"),
                domain_id: some("d"),
                duration: Some(60),
                ..AssumeRole::default()
            }),
            &[],
            &["900"],
        ),
        (key(), &[("HW_INSECURE", "perhaps")], &["HW_INSECURE", "`true`"]),
        (key(), &[("OS_CERT", "/cert")], &["`key`", "OS_KEY"]),
        (key(), &[("OS_CACERT", "/missing")], &["`cacert_file`"]),
        (key(), &[("OS_CACERT", "-----BEGIN nothing")], &["`cacert_file`", "no certificate"]),
        (
            key(),
            &[("OS_CERT", "-----BEGIN nothing"), ("OS_KEY", "-----BEGIN nothing")],
            &["`cert` and `key`", "cannot be read"],
        ),
        (key(), &[("OS_AGENCY_NAME", "g")], &["`agency_domain_name`", "OS_AGENCY_DOMAIN_NAME"]),
        (key(), &[("HW_AUTH_URL", "http://iam.example.com")], &["`auth_url`", "https://"]),
    ];
    for (settings, variables, words) in cases {
        let error = resolved(settings, variables).unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
        for word in *words {
            assert!(error.message.contains(word), "{word}: {}", error.message);
        }
        assert!(!error.message.contains("hush"), "{}", error.message);
    }
}

#[test]
fn both_kinds_of_policy_are_printed_each_with_its_own_names() {
    use crate::access::{Action, Platform};
    let actions = [
        Action::only_formerly("dcs:instance:get"),
        Action::formerly("dds:instance:listSession", "dds:instance:session"),
        Action::formerly("dds:instance:deleteSession", "dds:instance:session"),
        Action::of("dcs:job:get"),
    ];
    let text = HuaweiCloud.policies(&actions);
    let blocks = text.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap());
    let policies: Vec<serde_json::Value> =
        blocks.map(|block| serde_json::from_str(block).unwrap()).collect();
    let policy = |version: &str, actions: &[&str]| json!({"Version": version, "Statement": [{"Effect": "Allow", "Action": actions}]});
    let present = ["dds:instance:listSession", "dds:instance:deleteSession", "dcs:job:get"];
    let older = ["dcs:instance:get", "dds:instance:session", "dcs:job:get"];
    assert_eq!(policies, [policy("5.0", &present), policy("1.1", &older)]);
    assert!(text.contains("iam:projects:listProjects"), "{text}");
}

#[tokio::test]
async fn other_trust_goes_with_every_request() {
    let world = Arc::new(World::new([projects(&["p"]), ok()]));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let settings = Settings { insecure: Some(true), cacert_file: some(&pem), ..key() };
    client(&world, &settings).call(call()).await.unwrap();
    for request in world.requests() {
        let trust = request.extensions().get::<Arc<crate::wire::https::Trust>>().unwrap();
        assert!(trust.insecure);
        assert_eq!(trust.ca_pem.as_deref(), Some(pem.as_bytes()));
    }
}

#[tokio::test]
async fn nothing_that_holds_a_secret_prints_it() {
    let world = Arc::new(World::new([temporary("A"), projects(&["p"]), ok()]));
    let role =
        AssumeRole { agency_name: some("g"), domain_name: some("d"), ..AssumeRole::default() };
    let settings = Settings {
        security_token: secret("SECRET-1"),
        secret_key: secret("SECRET-2"),
        password: secret("SECRET-3"),
        token: None,
        key: None,
        assume_role: vec![role],
        ..key()
    };
    let account = Account::new(&settings, world.outside()).unwrap();
    let client = Client::new(account.signer(None).unwrap(), world.outside());
    client.call(call()).await.unwrap();
    let printed = format!("{settings:?} {account:?} {client:?} {:?}", account.resolved);
    assert!(printed.contains("AK"));
    for hidden in ["SECRET", "TSK", "\"ST\""] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    for request in world.requests() {
        let printed = format!("{:?}", request.headers());
        assert!(!printed.contains("SECRET") && !printed.contains("Signature"), "{printed}");
    }
}

#[test]
fn every_attribute_is_read_and_every_secret_is_marked() {
    use crate::access::settings::{Given, Shape, Value};
    let given = Given(
        ATTRIBUTES
            .iter()
            .map(|setting| {
                let value = match setting.shape {
                    Shape::Text => Value::Text(format!("<{}>", setting.name)),
                    Shape::Bool => Value::Bool(true),
                    Shape::Integer => Value::Integer(1),
                    Shape::Texts | Shape::Labels => panic!("Huawei Cloud has none such"),
                    Shape::Map(keys) => {
                        Value::Map([(keys[0].to_owned(), "<map>".to_owned())].into())
                    }
                    Shape::Object(_) | Shape::Objects(_) => Value::Object(Given::default()),
                };
                (setting.name.to_owned(), value)
            })
            .collect(),
    );
    let settings = Settings::new(&given).unwrap();
    let printed = format!("{settings:?}");
    for setting in ATTRIBUTES {
        let shown = printed.contains(&format!("<{}>", setting.name));
        let text = matches!(setting.shape, Shape::Text);
        assert_eq!(shown, text && !setting.sensitive, "{}", setting.name);
    }
    assert!(settings.region.is_some() && settings.key.is_some() && settings.insecure.is_some());
    assert_eq!((settings.assume_role.len(), settings.endpoints.len()), (1, 1));
    assert!(!format!("{given:?}").contains('<'));
}
