//! The sandbox's door to Alibaba Cloud: signatures, STS, and terminals that are real.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{Method, Request, Response};
use serde_json::Value;
use terraform_provider_session::access::Secret;
use terraform_provider_session::access::alicloud::sign::{Key, sign};
use terraform_provider_session::sandbox::{Sandbox, Setup, Switch, Trouble, cli, server};
use terraform_provider_session::services::simulator::SteppedClock;
use terraform_provider_session::wire::Clock;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;

const ECS: &str = "2014-05-26";
const STS: &str = "2015-04-01";
const LIST: &str = "RegionId=cn-hangzhou&InstanceId=i-bp1i7gg30r52z2em0001";
const ROLE: &str = "RoleArn=acs%3Aram%3A%3A123456789012345678%3Arole%2Fsandbox";

struct Bench {
    sandbox: Arc<Sandbox>,
    clock: Arc<SteppedClock>,
}

impl Bench {
    fn new() -> Bench {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Arc::new(SteppedClock::at(noon));
        let sandbox = Sandbox::new(Setup::default(), Arc::clone(&clock) as Arc<dyn Clock>);
        Bench { sandbox: Arc::new(sandbox), clock }
    }

    fn key(&self) -> Key {
        let account = self.sandbox.alicloud();
        let (access_key, secret_key) = (account.access_key.clone(), account.secret_key.clone());
        Key { access_key, secret_key, security_token: None }
    }

    fn answer(&self, request: &Request<Bytes>) -> (u16, Value) {
        let response = self.sandbox.answer(request).response;
        (response.status().as_u16(), body(&response))
    }

    /// Status and code of the answer to an action that is signed now.
    fn verdict(&self, key: &Key, nonce: &str) -> (u16, String) {
        let mut request = call(ECS, "DescribeTerminalSessions", LIST);
        sign(&mut request, key, self.clock.now(), nonce).unwrap();
        let (status, body) = self.answer(&request);
        (status, body["Code"].as_str().unwrap_or_default().to_owned())
    }

    /// The answer to an action of the account.
    fn ask(&self, version: &str, action: &str, query: &str, nonce: &str) -> (u16, Value) {
        let mut request = call(version, action, query);
        sign(&mut request, &self.key(), self.clock.now(), nonce).unwrap();
        self.answer(&request)
    }
}

fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap_or_default()
}

fn call(version: &str, action: &str, query: &str) -> Request<Bytes> {
    Request::builder()
        .method(Method::POST)
        .uri(format!("http://127.0.0.1:1/?{query}"))
        .header("x-acs-version", version)
        .header("x-acs-action", action)
        .body(Bytes::new())
        .unwrap()
}

fn temporary(credentials: &Value) -> Key {
    let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
    Key {
        access_key: text("AccessKeyId"),
        secret_key: Secret::new(text("AccessKeySecret")),
        security_token: Some(Secret::new(text("SecurityToken"))),
    }
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn a_good_signature_is_let_in_once_and_bad_ones_never() {
    let bench = Bench::new();
    let key = bench.key();
    assert_eq!(bench.verdict(&key, "n1"), refused(200, ""));
    assert_eq!(bench.verdict(&key, "n1"), refused(400, "SignatureNonceUsed"));
    let wrong = Key { secret_key: Secret::new("wrong"), ..key.clone() };
    assert_eq!(bench.verdict(&wrong, "n2"), refused(400, "SignatureDoesNotMatch"));
    assert_eq!(bench.verdict(&key, "n2"), refused(200, ""), "a bad request uses no nonce up");
    let unknown = Key { access_key: "other".into(), ..key.clone() };
    assert_eq!(bench.verdict(&unknown, "n3"), refused(404, "InvalidAccessKeyId.NotFound"));
    let token = Key { security_token: Some(Secret::new("made up")), ..key.clone() };
    assert_eq!(bench.verdict(&token, "n4"), refused(400, "InvalidSecurityToken.Malformed"));
    let unsigned = call(ECS, "DescribeTerminalSessions", LIST);
    assert_eq!(bench.answer(&unsigned).1["Code"], "IncompleteSignature");
    let mut old = call(ECS, "DescribeTerminalSessions", LIST);
    sign(&mut old, &key, bench.clock.now() - Duration::from_secs(16 * 60), "n5").unwrap();
    assert_eq!(bench.answer(&old).1["Code"], "InvalidTimeStamp.Expired");
    bench.clock.step(Duration::from_secs(31 * 60));
    assert_eq!(bench.verdict(&key, "n1"), refused(200, ""), "a nonce is forgotten in time");
}

#[test]
fn what_no_product_has_and_other_regions_are_refused() {
    let bench = Bench::new();
    for (version, action, query, code) in [
        (ECS, "RebootInstance", "RegionId=cn-hangzhou", "InvalidAction.NotFound"),
        ("1999-01-01", "DescribeTerminalSessions", "", "InvalidAction.NotFound"),
        (ECS, "DescribeTerminalSessions", "RegionId=elsewhere", "InvalidRegionId.NotFound"),
    ] {
        let (status, body) = bench.ask(version, action, query, action);
        assert_eq!((status, body["Code"].as_str()), (404, Some(code)), "{action}");
        bench.sandbox.reset();
    }
}

#[test]
fn a_role_gives_a_key_that_verifies_with_its_token_until_it_ends() {
    let bench = Bench::new();
    let query = format!("{ROLE}&RoleSessionName=test&DurationSeconds=900");
    let (status, body) = bench.ask(STS, "AssumeRole", &query, "n1");
    assert_eq!(status, 200, "{body}");
    let key = temporary(&body["Credentials"]);
    assert_eq!(bench.verdict(&key, "n2"), refused(200, ""));
    let bare = Key { security_token: None, ..key.clone() };
    assert_eq!(bench.verdict(&bare, "n3"), refused(400, "MissingSecurityToken"));
    let foreign = Key { security_token: key.security_token.clone(), ..bench.key() };
    let mismatch = "InvalidSecurityToken.MismatchWithAccessKey";
    assert_eq!(bench.verdict(&foreign, "n4"), refused(400, mismatch));
    bench.clock.step(Duration::from_secs(900));
    assert_eq!(bench.verdict(&key, "n5"), refused(400, "InvalidSecurityToken.Expired"));
}

#[test]
fn a_role_is_asked_for_as_the_page_says() {
    for (query, status, code) in [
        ("RoleSessionName=test".to_owned(), 400, "MissingParameter"),
        (format!("{ROLE}&RoleSessionName=a"), 400, "InvalidParameter.RoleSessionName"),
        (format!("{ROLE}&RoleSessionName=a%20b"), 400, "InvalidParameter.RoleSessionName"),
        (format!("{ROLE}&RoleSessionName=ab&DurationSeconds=899"), 400, "InvalidParameter"),
        (format!("{ROLE}2&RoleSessionName=ab"), 404, "EntityNotExist.Role"),
    ] {
        let (found, body) = Bench::new().ask(STS, "AssumeRole", &query, "n1");
        assert_eq!((found, body["Code"].as_str()), (status, Some(code)), "{query}");
    }
}

#[test]
fn an_oidc_token_opens_the_role_without_a_signature() {
    let bench = Bench::new();
    let provider = "OIDCProviderArn=acs%3Aram%3A%3A123456789012345678%3Aoidc-provider%2Fsandbox";
    for (token, status) in [("sandbox-oidc-token", 200), ("forged", 400)] {
        let mut request = Request::new(Bytes::from(format!(
            "{ROLE}&{provider}&RoleSessionName=test&OIDCToken={token}"
        )));
        *request.method_mut() = Method::POST;
        *request.uri_mut() =
            "http://127.0.0.1:1/?Action=AssumeRoleWithOIDC&Format=JSON&Version=2015-04-01&\
             Timestamp=2023-11-14T22%3A13%3A20Z"
                .parse()
                .unwrap();
        let (found, body) = bench.answer(&request);
        assert_eq!(found, status, "{body}");
        if status == 200 {
            assert_eq!(bench.verdict(&temporary(&body["Credentials"]), "n1").0, 200);
        }
    }
}

#[test]
fn a_login_by_oidc_says_its_version_and_when_it_is() {
    let bench = Bench::new();
    for (version, date, expected) in [
        ("2015-04-01", "2023-11-14T22:28:20Z", (200, "")),
        ("2015-04-01", "2023-11-14T22:28:21Z", (400, "InvalidTimeStamp.Expired")),
        ("2015-04-01", "2023-11-14T21:58:19Z", (400, "InvalidTimeStamp.Expired")),
        ("2015-04-01", "Tue, 14 Nov 2023 22:13:20 GMT", (400, "InvalidTimeStamp.Format")),
        ("2014-05-26", "2023-11-14T22:13:20Z", (404, "InvalidAction.NotFound")),
    ] {
        let form = "OIDCProviderArn=acs%3Aram%3A%3A123456789012345678%3Aoidc-provider%2Fsandbox&\
                    RoleSessionName=test&OIDCToken=sandbox-oidc-token";
        let date = date.replace(' ', "%20").replace(':', "%3A");
        let uri = format!("/?Action=AssumeRoleWithOIDC&Version={version}&Timestamp={date}");
        let request = Request::post(format!("http://127.0.0.1:1{uri}"));
        let request = request.body(Bytes::from(format!("{ROLE}&{form}"))).unwrap();
        let (status, body) = bench.answer(&request);
        assert_eq!((status, body["Code"].as_str().unwrap_or_default()), expected, "{date}");
    }
}

#[test]
fn only_the_accounts_region_and_its_domain_are_served() {
    let bench = Bench::new();
    for (nonce, (host, status)) in [
        ("ecs.cn-hangzhou.aliyuncs.com", 200),
        ("ecs.cn-nowhere.aliyuncs.com", 404),
        ("ecs.cn-hangzhou.example.com", 404),
        ("das.cn-hangzhou.aliyuncs.com", 404),
    ]
    .into_iter()
    .enumerate()
    {
        let mut request = call(ECS, "DescribeTerminalSessions", LIST);
        *request.uri_mut() = format!("https://{host}/?{LIST}").parse().unwrap();
        sign(&mut request, &bench.key(), bench.clock.now(), &nonce.to_string()).unwrap();
        assert_eq!(bench.answer(&request).0, status, "{host}");
    }
}

#[test]
fn keys_are_handed_out_by_the_metadata_service_and_the_credentials_uri() {
    let bench = Bench::new();
    let ask = |method: Method, path: &str, header: (&'static str, &str)| {
        let uri = format!("http://100.100.100.200{path}");
        let request = Request::builder().method(method).uri(uri).header(header.0, header.1);
        let response = bench.sandbox.answer(&request.body(Bytes::new()).unwrap()).response;
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).unwrap())
    };
    const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
    let bearer = "x-aliyun-ecs-metadata-token";
    assert_eq!(ask(Method::GET, ROLES, (bearer, "made-up")).0, 403);
    let ttl = ("x-aliyun-ecs-metadata-token-ttl-seconds", "21600");
    let (_, token) = ask(Method::PUT, "/latest/api/token", ttl);
    assert_eq!(ask(Method::GET, ROLES, (bearer, &token)), (200, "sandbox".to_owned()));
    let (_, key) = ask(Method::GET, &format!("{ROLES}sandbox"), (bearer, &token));
    let (_, other) = ask(Method::GET, "/alicloud/credentials", ("accept", "*/*"));
    for (nonce, key) in [("n1", key), ("n2", other)] {
        let key: Value = serde_json::from_str(&key).unwrap();
        assert_eq!(bench.verdict(&temporary(&key), nonce).0, 200);
    }
}

#[test]
fn faults_are_answered_in_the_clouds_words() {
    for (trouble, expected) in [
        (Trouble::Throttle, refused(400, "Throttling.User")),
        (Trouble::ServerError, refused(500, "InternalError")),
        (Trouble::Unavailable, refused(503, "ServiceUnavailable")),
        (Trouble::ExpiredToken, refused(400, "InvalidSecurityToken.Expired")),
        (Trouble::WrongSignature, refused(400, "SignatureDoesNotMatch")),
    ] {
        let bench = Bench::new();
        bench.sandbox.switch_on(Switch::new(trouble).on("DescribeTerminalSessions").times(1));
        assert_eq!(bench.verdict(&bench.key(), "n1"), expected);
        assert_eq!(bench.verdict(&bench.key(), "n2").0, 200);
    }
}

#[test]
fn the_card_and_the_block_name_both_clouds() {
    let bench = Bench::new();
    let card = cli::description(&bench.sandbox, "http://127.0.0.1:1234");
    let alicloud = &card["alicloud"];
    assert_eq!(alicloud["credentials"]["access_key"], "LTAISANDBOXACCESSKEY");
    assert_eq!(alicloud["region"], "cn-hangzhou");
    for product in ["ecs", "das", "sts"] {
        assert_eq!(alicloud["endpoints"][product], "http://127.0.0.1:1234");
    }
    let instances = card["instances"].as_array().unwrap();
    for service in ["alicloud_ecs", "alicloud_das_redis"] {
        assert!(instances.iter().any(|one| one["service"] == service), "{card}");
    }
    let block = cli::block(&bench.sandbox, "http://127.0.0.1:1234");
    for word in ["alicloud = {", "region     = \"cn-hangzhou\"", "sts = \"http", "huaweicloud = {"]
    {
        assert!(block.contains(word), "{word} in {block}");
    }
}

/// The sessions of the first instance that the account opened, with their states.
fn states(bench: &Bench, nonce: &str) -> Vec<String> {
    let query = format!("{LIST}&MaxResults=100");
    let (_, body) = bench.ask(ECS, "DescribeTerminalSessions", &query, nonce);
    let sessions = body["Sessions"]["Session"].as_array().unwrap();
    let real = sessions.iter().filter(|one| one["Username"] == "tester");
    let state =
        |one: &Value| one["Connections"]["Connection"][0]["Status"].as_str().map(str::to_owned);
    real.filter_map(state).collect()
}

#[tokio::test]
async fn a_terminal_is_a_connection_that_drops_when_its_session_ends() {
    let bench = Bench::new();
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(server::serve(Arc::clone(&bench.sandbox), listener, stop.clone()));

    let query = "RegionId=cn-hangzhou&InstanceId.1=i-bp1i7gg30r52z2em0001&Username=tester";
    let (status, opened) = bench.ask(ECS, "StartTerminalSession", query, "n1");
    assert_eq!(status, 200, "{opened}");
    assert_eq!(states(&bench, "n2"), ["Connecting"]);
    let url = opened["WebSocketUrl"].as_str().unwrap();
    let url = url.replace("127.0.0.1:1/", &format!("{address}/"));
    let connect = async |url: &str| {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        tokio_tungstenite::client_async(url, stream).await.map(|(socket, _)| socket)
    };
    assert!(connect(&url.replace("token=", "token=x")).await.is_err(), "a wrong token");
    let mut socket = connect(&url).await.unwrap();
    socket.send(Message::text("who am i")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("who am i"));
    assert_eq!(states(&bench, "n3"), ["Connected"]);
    assert!(connect(&url).await.is_err(), "a session has one connection");

    let session = opened["SessionId"].as_str().unwrap();
    let query = format!("RegionId=cn-hangzhou&SessionId={session}");
    assert_eq!(bench.ask(ECS, "EndTerminalSession", &query, "n4").0, 200);
    let last = socket.next().await;
    assert!(!matches!(last, Some(Ok(Message::Text(_)))), "the connection has dropped: {last:?}");
    assert_eq!(states(&bench, "n5"), ["Terminated"]);
    assert!(connect(&url).await.is_err(), "its URL never works again");
    assert_eq!(bench.sandbox.ledger().killed().len(), 1);
    stop.cancel();
}

#[test]
fn a_terminal_that_nobody_takes_up_in_ten_minutes_is_over() {
    let bench = Bench::new();
    let query = "RegionId=cn-hangzhou&InstanceId.1=i-bp1i7gg30r52z2em0001&Username=tester";
    bench.ask(ECS, "StartTerminalSession", query, "n1");
    bench.clock.step(Duration::from_secs(601));
    assert_eq!(states(&bench, "n2"), ["Terminated"]);
    assert_eq!(bench.sandbox.ledger().killed().len(), 0);
}
