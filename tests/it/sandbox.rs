//! The sandbox's front doors: what they let in, what they refuse, and how they fail on demand.

#![allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use terraform_provider_session::access::Secret;
use terraform_provider_session::access::huaweicloud::sign::{Key, sign};
use terraform_provider_session::sandbox::redis::Redis;
use terraform_provider_session::sandbox::{Sandbox, Setup, Switch, Trouble, cli, server};
use terraform_provider_session::services;
use terraform_provider_session::services::simulator::{Clients, SteppedClock};
use terraform_provider_session::wire::{Clock, HttpError, HttpSend};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::sync::CancellationToken;

const PROJECT: &str = "0123456789abcdef0123456789abcdef";
const NODES: &str = "/v2/0123456789abcdef0123456789abcdef/instances/\
                     9a2d6a3e-0000-4000-8000-000000000003/logical-nodes";

/// A sandbox whose clock is stepped by the test.
struct Bench {
    sandbox: Arc<Sandbox>,
    clock: Arc<SteppedClock>,
}

impl Bench {
    fn new() -> Bench {
        Bench::of(Setup::default())
    }

    fn of(setup: Setup) -> Bench {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Arc::new(SteppedClock::at(noon));
        let sandbox = Sandbox::new(setup, Arc::clone(&clock) as Arc<dyn Clock>);
        Bench { sandbox: Arc::new(sandbox), clock }
    }

    /// A request of the sandbox's account, signed now.
    fn signed(&self, request: Request<Bytes>) -> Request<Bytes> {
        let secret = self.sandbox.account().secret_key.clone();
        self.signed_with(secret, self.clock.now(), request)
    }

    fn signed_with(
        &self,
        secret_key: Secret,
        at: SystemTime,
        mut request: Request<Bytes>,
    ) -> Request<Bytes> {
        let access_key = self.sandbox.account().access_key.clone();
        let key = Key { access_key, secret_key, security_token: None };
        sign(&mut request, &key, at).unwrap();
        request
    }

    fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.sandbox.answer(&request).response
    }

    /// Status and error code of the answer.
    fn verdict(&self, request: Request<Bytes>) -> (u16, String) {
        let response = self.answer(request);
        assert_eq!(response.headers()["x-session-sandbox"], "1");
        assert_eq!(response.headers()["x-request-id"].len(), 32);
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        let code = body["error_code"].as_str().unwrap_or_default().to_owned();
        (response.status().as_u16(), code)
    }
}

fn get(path: &str) -> Request<Bytes> {
    request(Method::GET, &format!("https://dcs.cn-north-4.myhuaweicloud.com{path}"), "")
}

fn request(method: Method, uri: &str, body: &str) -> Request<Bytes> {
    let request = Request::builder()
        .method(method)
        .uri(uri)
        .header("content-type", "application/json")
        .header("x-project-id", PROJECT);
    request.body(Bytes::from(body.to_owned())).unwrap()
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn a_good_signature_is_let_in_and_bad_ones_are_not() {
    let bench = Bench::new();
    let right = || bench.sandbox.account().secret_key.clone();
    let now = bench.clock.now();
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    assert_eq!(bench.verdict(bench.signed(get(NODES))), refused(200, ""));
    for (name, request) in [
        ("unsigned", get(NODES)),
        ("wrong secret", bench.signed_with(Secret::new("wrong"), now, get(NODES))),
        ("old", bench.signed_with(right(), now - minutes(16), get(NODES))),
        ("from the future", bench.signed_with(right(), now + minutes(16), get(NODES))),
    ] {
        assert_eq!(bench.verdict(request), refused(401, "APIGW.0301"), "{name}");
    }
    let slightly_off = bench.signed_with(right(), now - minutes(14), get(NODES));
    assert_eq!(bench.verdict(slightly_off), refused(200, ""));
}

#[test]
fn what_is_changed_after_signing_is_refused() {
    type Change = fn(&mut Request<Bytes>);
    let changes: &[(&str, Change)] = &[
        ("path", |request| *request.uri_mut() = get("/v2/p/jobs/1").uri().clone()),
        ("method", |request| *request.method_mut() = Method::POST),
        ("body", |request| *request.body_mut() = Bytes::from_static(b"{}")),
        ("project", |request| {
            request.headers_mut().insert("x-project-id", "other".parse().unwrap());
        }),
        ("token", |request| {
            request.headers_mut().insert("x-security-token", "other".parse().unwrap());
        }),
    ];
    for (name, change) in changes {
        let bench = Bench::new();
        let mut request = bench.signed(get(NODES));
        change(&mut request);
        assert_eq!(bench.verdict(request), refused(401, "APIGW.0301"), "{name}");
    }
}

#[test]
fn the_gateways_envelope_names_the_request() {
    let bench = Bench::new();
    let response = bench.answer(get(NODES));
    let body: Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["request_id"], response.headers()["x-request-id"].to_str().unwrap());
    assert!(body["error_msg"].as_str().unwrap().contains("Incorrect IAM authentication"));
}

#[test]
fn five_bad_signatures_in_a_row_lock_the_key_for_five_minutes() {
    let bench = Bench::new();
    let wrong = || bench.signed_with(Secret::new("wrong"), bench.clock.now(), get(NODES));
    for _ in 0..2 {
        for _ in 0..4 {
            bench.answer(wrong());
        }
        assert_eq!(bench.verdict(bench.signed(get(NODES))).0, 200, "four are forgiven");
    }
    for _ in 0..5 {
        bench.answer(wrong());
    }
    assert_eq!(bench.verdict(bench.signed(get(NODES))), refused(401, "APIGW.0301"));
    bench.clock.step(Duration::from_secs(5 * 60 - 1));
    assert_eq!(bench.verdict(bench.signed(get(NODES))).0, 401);
    bench.clock.step(Duration::from_secs(1));
    assert_eq!(bench.verdict(bench.signed(get(NODES))).0, 200);
}

#[test]
fn another_project_and_an_unknown_api_are_refused() {
    let bench = Bench::new();
    let other = NODES.replace(PROJECT, "ffffffffffffffffffffffffffffffff");
    assert_eq!(bench.verdict(bench.signed(get(&other))), refused(403, "APIGW.0310"));
    let mut request = get(NODES);
    request.headers_mut().insert("x-project-id", "other".parse().unwrap());
    assert_eq!(bench.verdict(bench.signed(request)), refused(403, "APIGW.0310"));
    let nothing = format!("/v2/{PROJECT}/nothing");
    assert_eq!(bench.verdict(bench.signed(get(&nothing))), refused(404, "APIGW.0101"));
    let elsewhere = format!("https://dds.cn-north-4.myhuaweicloud.com{NODES}");
    let elsewhere = bench.signed(request_of(&elsewhere));
    assert_eq!(bench.verdict(elsewhere), refused(404, "APIGW.0101"), "the wrong product's host");
}

fn request_of(uri: &str) -> Request<Bytes> {
    request(Method::GET, uri, "")
}

#[test]
fn iam_finds_the_project_of_a_region() {
    let bench = Bench::new();
    for (query, found) in [("?name=cn-north-4", 1), ("?name=eu-west-0", 0), ("", 1)] {
        let uri = format!("https://iam.cn-north-4.myhuaweicloud.com/v3/projects{query}");
        let response = bench.answer(bench.signed(request_of(&uri)));
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(body["projects"].as_array().unwrap().len(), found, "{query}");
        if found == 1 {
            assert_eq!(body["projects"][0]["id"], PROJECT);
        }
    }
    let unsigned = request_of("https://iam.cn-north-4.myhuaweicloud.com/v3/projects");
    assert_eq!(bench.verdict(unsigned), refused(401, "APIGW.0301"));
}

#[test]
fn a_password_buys_a_token_for_a_day() {
    let bench = Bench::new();
    let body = |password: &str, project: &str| {
        let user = json!({
            "name": "operator", "password": password, "domain": { "name": "sandbox" },
        });
        let identity = json!({ "methods": ["password"], "password": { "user": user } });
        let scope = json!({ "project": { "name": project } });
        json!({ "auth": { "identity": identity, "scope": scope } }).to_string()
    };
    let ask = |body: &str| {
        let uri = "https://iam.cn-north-4.myhuaweicloud.com/v3/auth/tokens?nocatalog=true";
        bench.answer(request(Method::POST, uri, body))
    };
    for (body, status) in [
        (body("wrong", "cn-north-4"), 401),
        (body("sandbox-password", "elsewhere"), 401),
        ("{}".to_owned(), 400),
        ("{".to_owned(), 400),
    ] {
        let response = ask(&body);
        assert_eq!(response.status(), status, "{body}");
        let error: Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(error["error"]["code"], status, "IAM's envelope has a number");
    }
    let response = ask(&body("sandbox-password", "cn-north-4"));
    assert_eq!(response.status(), 201);
    let token = response.headers()["x-subject-token"].clone();

    let with_token = || {
        let mut request = get(NODES);
        request.headers_mut().insert("x-auth-token", token.clone());
        request
    };
    assert_eq!(bench.verdict(with_token()).0, 200);
    bench.clock.step(Duration::from_secs(24 * 60 * 60));
    assert_eq!(bench.verdict(with_token()), refused(401, "APIGW.0307"));
    let mut forged = get(NODES);
    forged.headers_mut().insert("x-auth-token", "sandbox-token-99".parse().unwrap());
    assert_eq!(bench.verdict(forged), refused(401, "APIGW.0301"));
}

#[test]
fn faults_of_the_gateway_are_answered_in_its_words() {
    for (trouble, expected) in [
        (Trouble::Throttle, refused(429, "APIGW.0308")),
        (Trouble::ServerError, refused(500, "APIGW.0601")),
        (Trouble::Unavailable, refused(503, "APIGW.0613")),
        (Trouble::ExpiredToken, refused(401, "APIGW.0307")),
        (Trouble::WrongSignature, refused(401, "APIGW.0301")),
    ] {
        let bench = Bench::new();
        bench.sandbox.switch_on(Switch::new(trouble).on("GET logical-nodes").times(1));
        assert_eq!(bench.verdict(bench.signed(get(NODES))), expected);
        assert_eq!(bench.verdict(bench.signed(get(NODES))).0, 200);
        assert_eq!(bench.sandbox.calls()[0].trouble, Some(trouble));
    }
}

#[test]
fn a_throttled_call_is_told_when_to_come_back() {
    let bench = Bench::new();
    bench.sandbox.switch_on(Switch::new(Trouble::Throttle));
    assert_eq!(bench.answer(bench.signed(get(NODES))).headers()["retry-after"], "1");
}

/// The address of a client of the instance with a single node.
fn victim(bench: &Bench) -> String {
    bench.sandbox.ledger().list("8f7ee181-0000-4000-8000-000000000101")[0].address.clone()
}

/// A kill of a client of the instance with a single node.
fn kill(bench: &Bench, address: &str) -> Request<Bytes> {
    let uri = format!(
        "https://dcs.cn-north-4.myhuaweicloud.com/v2/{PROJECT}/instances/\
         9a2d6a3e-0000-4000-8000-000000000001/clients/kill"
    );
    let body = json!({
        "node_id": "8f7ee181-0000-4000-8000-000000000101", "client_addrs": [address],
    });
    bench.signed(request(Method::POST, &uri, &body.to_string()))
}

#[tokio::test(start_paused = true)]
async fn a_dropped_connection_leaves_the_effect_open() {
    for (trouble, killed) in [
        (Trouble::ResetBefore, 0),
        (Trouble::ResetAfter, 1),
        (Trouble::TruncatedBody, 1),
        (Trouble::Hang, 1),
    ] {
        let bench = Bench::new();
        let victim = victim(&bench);
        bench.sandbox.switch_on(Switch::new(trouble));
        let minute = Duration::from_secs(60);
        let answer = tokio::time::timeout(minute, bench.sandbox.send(kill(&bench, &victim))).await;
        match (trouble, answer) {
            (Trouble::Hang, Err(_)) | (_, Ok(Err(HttpError::Lost { .. }))) => {}
            (_, answer) => panic!("{trouble:?} gave {answer:?}"),
        }
        assert_eq!(bench.sandbox.ledger().killed().len(), killed, "{trouble:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_comes_late_and_a_strange_one_is_a_page() {
    let bench = Bench::new();
    let victim = victim(&bench);
    bench.sandbox.switch_on(Switch::new(Trouble::SlowBody).times(1));
    let began = tokio::time::Instant::now();
    assert_eq!(bench.sandbox.send(kill(&bench, &victim)).await.unwrap().status(), 204);
    assert!(began.elapsed() >= Duration::from_secs(30));
    bench.sandbox.switch_on(Switch::new(Trouble::WrongContentType));
    let response = bench.sandbox.send(bench.signed(get(NODES))).await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.status(), 200);
}

#[test]
fn a_redis_that_is_away_is_an_error_and_not_an_empty_list() {
    let (_silent, nobody) = crate::joined::nobody();
    let redis = Redis::at(&format!("redis://{nobody}/")).unwrap();
    let bench = Bench::of(Setup { redis: Some(redis), ..Setup::default() });
    assert_eq!(bench.verdict(kill(&bench, "10.0.0.1:40000")), refused(500, "APIGW.0601"));
    assert_eq!(bench.verdict(bench.signed(get(NODES))).0, 200, "others are not concerned");
}

#[test]
fn the_control_requests_switch_watch_and_reset() {
    let bench = Bench::new();
    let victim = victim(&bench);
    let control = |method: Method, what: &str, body: &str| {
        let uri = format!("http://127.0.0.1/_sandbox/{what}");
        let response = bench.answer(request(method, &uri, body));
        let body: Value = serde_json::from_slice(response.body()).unwrap();
        (response.status().as_u16(), body)
    };
    let fault = r#"{"fault":"throttle","operation":"clients/kill","times":1}"#;
    assert_eq!(control(Method::POST, "faults", fault).0, 200);
    let (status, complaint) = control(Method::POST, "faults", r#"{"fault":"flood"}"#);
    assert_eq!(status, 400);
    assert!(complaint["error"].as_str().unwrap().contains("throttle, server-error"));
    assert_eq!(control(Method::POST, "faults", r#"{"fault":"hang","times":0}"#).0, 400);
    let mut page = request(Method::POST, "http://127.0.0.1/_sandbox/reset", "");
    page.headers_mut().insert("origin", "https://example.com".parse().unwrap());
    assert_eq!(bench.answer(page).status(), 403, "no page of the web switches anything");
    assert_eq!(control(Method::POST, "faults", r#"{"fault":"hang","often":1}"#).0, 400);
    assert_eq!(bench.answer(kill(&bench, &victim)).status(), 429);
    assert_eq!(bench.answer(kill(&bench, &victim)).status(), 204);
    let (_, log) = control(Method::GET, "log", "");
    assert_eq!(log.as_array().unwrap().len(), 2);
    assert_eq!(log[0]["fault"], "throttle");
    let (_, killed) = control(Method::GET, "killed", "");
    assert_eq!(killed[0]["address"], *victim);
    assert_eq!(control(Method::POST, "reset", "").0, 200);
    assert_eq!(control(Method::GET, "killed", "").1, json!([]));
    assert_eq!(control(Method::GET, "log", "").1, json!([]));
    assert_eq!(control(Method::GET, "elsewhere", "").0, 404);
    bench.answer(kill(&bench, &victim));
    assert_eq!(bench.sandbox.ledger().killed().len(), 1, "the client is connected again");
}

#[test]
fn what_the_command_prints_is_enough_to_use_it() {
    let bench = Bench::new();
    let printed = cli::description(&bench.sandbox, "http://127.0.0.1:1234");
    assert_eq!(printed["endpoint"], "http://127.0.0.1:1234");
    assert_eq!(printed["credentials"]["access_key"], "SANDBOXACCESSKEY");
    let of = |one: &Value| one["service"].as_str().map(str::to_owned);
    let printed_of: Vec<_> = printed["instances"].as_array().unwrap().iter().map(of).collect();
    for service in services::simulated() {
        assert!(printed_of.contains(&Some(service.spec.name.to_owned())));
    }
    assert_eq!(printed.to_string().lines().count(), 1);
    let block = cli::block(&bench.sandbox, "http://127.0.0.1:1234");
    for word in
        ["provider \"session\" {", "huaweicloud = {", "dcs = \"http://127.0.0.1:1234\"", "iam = "]
    {
        assert!(block.contains(word), "{word} in {block}");
    }
}

/// Serves a sandbox on a free port; the token stops it.
async fn served(bench: &Bench) -> (std::net::SocketAddr, CancellationToken) {
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(server::serve(Arc::clone(&bench.sandbox), listener, stop.clone()));
    (address, stop)
}

/// Sends a request over a socket and reads until the connection closes.
async fn over_socket(address: std::net::SocketAddr, request: &Request<Bytes>) -> String {
    let mut head =
        format!("{} {} HTTP/1.1\r\n", request.method(), request.uri().path_and_query().unwrap());
    for (name, value) in request.headers() {
        head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    head.push_str(&format!(
        "content-length: {}\r\nconnection: close\r\n\r\n",
        request.body().len()
    ));
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(request.body()).await.unwrap();
    let mut answer = Vec::new();
    // A reset is one of the ends that are tested for.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

fn here(address: std::net::SocketAddr, bench: &Bench, path: &str) -> Request<Bytes> {
    bench.signed(request_of(&format!("http://{address}{path}")))
}

#[tokio::test]
async fn the_server_answers_over_a_socket_as_it_does_in_process() {
    let bench = Bench::new();
    let (address, stop) = served(&bench).await;
    let answer = over_socket(address, &here(address, &bench, NODES)).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("x-session-sandbox: 1\r\n"), "{answer}");
    assert!(answer.contains("redis-proxy"), "{answer}");
    let answer = over_socket(address, &request_of(&format!("http://{address}{NODES}"))).await;
    assert!(answer.starts_with("HTTP/1.1 421"), "a request without host: {answer}");
    stop.cancel();
}

#[tokio::test]
async fn the_server_is_not_for_others() {
    let beyond = server::bind("0.0.0.0:0".parse().unwrap()).await.unwrap_err();
    assert_eq!(beyond.kind(), std::io::ErrorKind::PermissionDenied);
    let bench = Bench::new();
    let (address, stop) = served(&bench).await;
    let mut request = request_of(&format!("http://{address}/_sandbox/log"));
    request.headers_mut().insert("host", "sandbox.example.com".parse().unwrap());
    assert!(over_socket(address, &request).await.starts_with("HTTP/1.1 421"));
    request.headers_mut().insert("host", "localhost:1".parse().unwrap());
    assert!(over_socket(address, &request).await.starts_with("HTTP/1.1 200"));
    stop.cancel();
}

#[tokio::test]
async fn connections_drop_where_a_fault_says_so() {
    for (trouble, cut) in [
        (Trouble::ResetBefore, false),
        (Trouble::ResetAfter, false),
        (Trouble::TruncatedBody, true),
    ] {
        let bench = Bench::new();
        let (address, stop) = served(&bench).await;
        bench.sandbox.switch_on(Switch::new(trouble));
        let answer = over_socket(address, &here(address, &bench, NODES)).await;
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            assert!(!cut && answer.is_empty(), "{trouble:?}: {answer}");
            stop.cancel();
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        assert!(cut && body.len() < length.unwrap().parse().unwrap(), "{trouble:?}: {answer}");
        stop.cancel();
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let bench = Bench::new();
    let (address, stop) = served(&bench).await;
    let mut request = request_of(&format!("http://{address}/v2/p/jobs/1"));
    request.headers_mut().insert("host", "127.0.0.1".parse().unwrap());
    *request.body_mut() = Bytes::from(vec![b' '; (1 << 20) + 1]);
    assert!(over_socket(address, &request).await.starts_with("HTTP/1.1 413"));
    stop.cancel();
}
