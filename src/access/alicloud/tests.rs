//! The room as a whole: what is given in, which calls come out. The world is scripted.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, Response};
use serde_json::{Value as Json, json};

use super::Account;
use super::resolve::{Resolved, resolve};
use super::settings::{Filled, Settings};
use super::sign::{Verified, date, parse_date, verify};
use super::source::{Login, Means, Source};
use crate::access::settings::Value;
use crate::access::{Call, Client, Error, Given, Kind, Renew, Secret, Signer};
use crate::wire::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};

/// Everything outside, played.
#[derive(Default)]
struct World {
    variables: BTreeMap<String, String>,
    files: BTreeMap<PathBuf, Vec<u8>>,
    /// Command line to output.
    programs: BTreeMap<String, String>,
    /// Answers in order; the requests that they answered.
    answers: Mutex<VecDeque<Result<Response<Bytes>, HttpError>>>,
    requests: Mutex<Vec<Request<Bytes>>>,
    /// Seconds since [`start`].
    passed: AtomicU64,
    nonces: AtomicU64,
}

fn start() -> SystemTime {
    parse_date("2026-03-01T12:00:00Z").unwrap()
}

impl World {
    fn variable(mut self, name: &str, value: &str) -> World {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn file(mut self, path: &str, content: impl ToString) -> World {
        self.files.insert(path.into(), content.to_string().into_bytes());
        self
    }

    fn program(mut self, line: &str, output: impl ToString) -> World {
        self.programs.insert(line.to_owned(), output.to_string());
        self
    }

    fn profiles(self, profiles: Json) -> World {
        self.file("/home/me/.aliyun/config.json", json!({"current": "x", "profiles": profiles}))
    }

    fn answer(self, status: u16, body: impl ToString) -> World {
        let response = Response::builder().status(status).body(Bytes::from(body.to_string()));
        self.answers.lock().unwrap().push_back(Ok(response.unwrap()));
        self
    }

    fn silence(self) -> World {
        let failure = HttpError::Lost { host: "h".to_owned(), reason: "reset".to_owned() };
        self.answers.lock().unwrap().push_back(Err(failure));
        self
    }

    fn outside(self) -> (Arc<World>, Outside) {
        let world = Arc::new(self);
        let outside = Outside {
            http: world.clone(),
            clock: world.clone(),
            entropy: world.clone(),
            environment: world.clone(),
        };
        (world, outside)
    }

    /// `METHOD url` of all requests so far.
    fn lines(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|it| format!("{} {}", it.method(), it.uri())).collect()
    }

    fn request(&self, index: usize) -> Request<Bytes> {
        self.requests.lock().unwrap()[index].clone()
    }
}

#[async_trait]
impl HttpSend for World {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.requests.lock().unwrap().push(request);
        // Others may act before the answer is here.
        tokio::task::yield_now().await;
        let next = self.answers.lock().unwrap().pop_front();
        next.expect("a request that the script does not foresee")
    }
}

impl Clock for World {
    fn now(&self) -> SystemTime {
        start() + Duration::from_secs(self.passed.load(Ordering::SeqCst))
    }
}

impl Entropy for World {
    fn unit(&self) -> f64 {
        0.5
    }

    fn nonce(&self) -> String {
        format!("{:032x}", self.nonces.fetch_add(1, Ordering::SeqCst))
    }
}

#[async_trait]
impl Environment for World {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).cloned()
    }

    fn home(&self) -> Option<PathBuf> {
        Some("/home/me".into())
    }

    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    async fn run(&self, program: &str, arguments: &[String]) -> std::io::Result<Vec<u8>> {
        let line = [&[program.to_owned()], arguments].concat().join(" ");
        let output = self.programs.get(&line).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(output.clone().into_bytes())
    }
}

fn given(texts: &[(&str, &str)]) -> Given {
    let text = |(name, text): &(&str, &str)| ((*name).to_owned(), Value::Text((*text).to_owned()));
    Given(texts.iter().map(text).collect())
}

fn with(mut given: Given, name: &str, value: Value) -> Given {
    given.0.insert(name.to_owned(), value);
    given
}

fn keys() -> Given {
    given(&[("access_key", "ak"), ("secret_key", "sk")])
}

/// A temporary key as STS gives it, `seconds` from the start.
fn sts_answer(name: &str, seconds: u64) -> String {
    let end = date(start() + Duration::from_secs(seconds)).unwrap();
    json!({"RequestId": "r", "Credentials": {
        "AccessKeyId": name, "AccessKeySecret": format!("secret of {name}"),
        "SecurityToken": format!("token of {name}"), "Expiration": end}})
    .to_string()
}

/// The same as the metadata service and a credentials URL give it.
fn flat_answer(name: &str, seconds: u64) -> String {
    let whole: Json = serde_json::from_str(&sts_answer(name, seconds)).unwrap();
    let mut flat = whole["Credentials"].clone();
    flat["Code"] = "Success".into();
    flat.to_string()
}

fn call() -> Call {
    let call = Call::new("EndTerminalSession", "ecs", Method::POST, "/");
    Call { version: "2014-05-26", ..call }
        .query("RegionId", "cn-hangzhou")
        .query("SessionId", "s 1")
}

fn account(given: &Given, outside: &Outside) -> Arc<Account> {
    Account::new(&Settings::new(given).unwrap(), outside.clone()).unwrap()
}

fn decided(given: &Given, environment: &dyn Environment) -> Result<Resolved, Error> {
    resolve(&Settings::new(given)?, environment)
}

fn signer(given: &Given, outside: &Outside) -> Arc<dyn Signer> {
    account(given, outside).signer(None).unwrap()
}

/// Who signed a request, if the signature is good.
fn signed_by(request: &Request<Bytes>, now: SystemTime) -> Verified {
    verify(request, now, &|name| {
        let secret = if name == "ak" { "sk".to_owned() } else { format!("secret of {name}") };
        Some(Secret::new(secret))
    })
    .unwrap()
}

/// The public half of the key that the first call of these settings is signed with.
async fn key_of(given: &Given, world: World) -> (String, Arc<World>) {
    let (world, outside) = world.outside();
    let request = signer(given, &outside).request(&call(), Renew::IfNeeded).await.unwrap();
    (signed_by(&request, world.now()).access_key, world)
}

fn refused(given: &Given, world: World) -> Error {
    let (_, outside) = world.outside();
    decided(given, &*outside.environment).unwrap_err()
}

#[tokio::test]
async fn a_call_is_signed_for_its_host_with_a_nonce_of_its_own() {
    let (world, outside) = World::default().outside();
    let signer = signer(&with(keys(), "region", Value::Text("eu-central-1".into())), &outside);
    assert_eq!(signer.region(), "eu-central-1");
    let first = signer.request(&call(), Renew::IfNeeded).await.unwrap();
    let second = signer.request(&call(), Renew::IfNeeded).await.unwrap();
    assert_eq!(
        first.uri().to_string(),
        "https://ecs.eu-central-1.aliyuncs.com/?RegionId=cn-hangzhou&SessionId=s%201"
    );
    assert_eq!(first.headers()["x-acs-action"], "EndTerminalSession");
    assert_eq!(first.headers()["x-acs-version"], "2014-05-26");
    assert_eq!(first.headers()["host"], "ecs.eu-central-1.aliyuncs.com");
    let nonces = [&first, &second].map(|request| signed_by(request, world.now()).nonce);
    assert_ne!(nonces[0], nonces[1]);
    assert!(world.lines().is_empty());
}

#[tokio::test]
async fn a_custom_endpoint_is_used_for_its_product_only() {
    let map = BTreeMap::from([("ecs".to_owned(), "http://127.0.0.1:8080".to_owned())]);
    let (_, outside) = World::default().variable("DAS_ENDPOINT", "das.example.com").outside();
    let signer = signer(&with(keys(), "endpoints", Value::Map(map)), &outside);
    let request = signer.request(&call(), Renew::IfNeeded).await.unwrap();
    assert!(request.uri().to_string().starts_with("http://127.0.0.1:8080/?"));
    assert_eq!(request.headers()["host"], "127.0.0.1:8080");
    let das = Call::new("GetRedisAllSession", "das", Method::POST, "/");
    let request = signer.request(&das, Renew::IfNeeded).await.unwrap();
    assert_eq!(request.uri().to_string(), "https://das.example.com/");
}

#[tokio::test]
async fn the_first_way_to_log_in_counts() {
    let world = || {
        World::default()
            .profiles(json!([{"name": "p", "mode": "AK", "access_key_id": "profile",
                              "access_key_secret": "secret of profile", "region_id": "cn-x"}]))
            .file("/token", "jwt")
    };
    let oidc = given(&[
        ("oidc_provider_arn", "acs:ram::1:oidc-provider/p"),
        ("role_arn", "acs:ram::1:role/r"),
        ("oidc_token_file", "/token"),
    ]);
    let uri = ("credentials_uri", "http://127.0.0.1:9/k");
    let all = with(
        given(&[
            ("access_key", "argument"),
            ("secret_key", "secret of argument"),
            ("profile", "p"),
            uri,
            ("ecs_role_name", "role"),
        ]),
        "assume_role_with_oidc",
        Value::Object(oidc),
    );
    let without = |names: &[&str]| {
        let mut some = all.clone();
        some.0.retain(|name, _| !names.contains(&name.as_str()));
        some
    };
    let key = ["access_key", "secret_key"];
    assert_eq!(key_of(&all, world()).await.0, "argument");
    let environment = world()
        .variable("ALIBABA_CLOUD_ACCESS_KEY_ID", "variable")
        .variable("ALIBABACLOUD_ACCESS_KEY_SECRET", "secret of variable");
    assert_eq!(key_of(&without(&key), environment).await.0, "variable");
    assert_eq!(key_of(&without(&key), world()).await.0, "profile");
    let later = without(&["access_key", "secret_key", "profile"]);
    let (key, seen) = key_of(&later, world().answer(200, flat_answer("uri", 3600))).await;
    assert_eq!((key.as_str(), seen.lines()), ("uri", vec!["GET http://127.0.0.1:9/k".to_owned()]));
    let later = without(&["access_key", "secret_key", "profile", "credentials_uri"]);
    let ecs = world().answer(200, "t").answer(200, flat_answer("ecs", 3600));
    assert_eq!(key_of(&later, ecs).await.0, "ecs");
    let later =
        without(&["access_key", "secret_key", "profile", "credentials_uri", "ecs_role_name"]);
    let opened = world().answer(200, sts_answer("oidc", 3600));
    assert_eq!(key_of(&later, opened).await.0, "oidc");
    let error = refused(&Given::default(), world());
    assert_eq!(error.kind, Kind::Configuration);
    for name in ["`access_key`", "ALICLOUD_ACCESS_KEY", "ALICLOUD_PROFILE", "`ecs_role_name`"] {
        assert!(error.message.contains(name), "{error}");
    }
}

#[test]
fn variables_count_in_the_order_of_the_vendors_provider() {
    for (attribute, names) in [
        ("region", &["ALICLOUD_REGION", "ALIBABA_CLOUD_REGION"][..]),
        (
            "access_key",
            &["ALICLOUD_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_ID"],
        ),
        ("ecs_role_name", &["ALICLOUD_ECS_ROLE_NAME", "ALIBABA_CLOUD_ECS_METADATA"]),
    ] {
        for first in 0..names.len() {
            let mut world = World::default().variable("ALICLOUD_SECRET_KEY", "s");
            for name in &names[first..] {
                world = world.variable(name, &name.to_lowercase().replace('_', "-"));
            }
            let expected = names[first].to_lowercase().replace('_', "-");
            let rest = [("secret_key", "s"), ("access_key", "a")];
            let rest = given(&rest[..if attribute == "access_key" { 1 } else { 2 }]);
            let filled = Filled::new(&Settings::new(&rest).unwrap(), &world).unwrap();
            let found = match attribute {
                "region" => filled.region,
                "access_key" => filled.key.map(|key| key.access_key),
                _ => filled.ecs_role_name,
            };
            assert_eq!(found, Some(expected), "{attribute}");
        }
    }
}

#[test]
fn the_region_is_the_arguments_then_the_profiles_then_the_vendors() {
    let world = |region: &str| {
        World::default().profiles(json!([{"name": "p", "mode": "AK", "access_key_id": "a",
            "access_key_secret": "s", "region_id": region}]))
    };
    let region = |given: &Given, world: World| decided(given, &world).unwrap().region;
    let profile = given(&[("profile", "p")]);
    let both = with(profile.clone(), "region", Value::Text("cn-a".to_owned()));
    assert_eq!(region(&both, world("cn-b")), "cn-a");
    assert_eq!(region(&profile, world("cn-b").variable("ALICLOUD_REGION", "cn-c")), "cn-c");
    assert_eq!(region(&profile, world("cn-b")), "cn-b");
    assert_eq!(region(&profile, world("")), "cn-beijing");
    assert_eq!(region(&keys(), World::default()), "cn-beijing");
}

#[test]
fn what_cannot_work_is_said_with_the_argument_and_the_variable_that_mend_it() {
    let block =
        |name: &str, texts: &[(&str, &str)]| with(keys(), name, Value::Object(given(texts)));
    let arn = ("role_arn", "acs:ram::1:role/r");
    for (given, world, words) in [
        (given(&[("access_key", "a")]), World::default(), ["`secret_key`", "ALICLOUD_SECRET_KEY"]),
        (given(&[("secret_key", "a")]), World::default(), ["`access_key`", "ALICLOUD_ACCESS_KEY"]),
        (
            given(&[("profile", "p")]),
            World::default(),
            ["config.json", "ALICLOUD_SHARED_CREDENTIALS_FILE"],
        ),
        (
            given(&[("profile", "p")]),
            World::default().profiles(json!([])),
            ["profile `p`", "ALICLOUD_PROFILE"],
        ),
        (block("assume_role", &[]), World::default(), ["`role_arn`", "ALICLOUD_ASSUME_ROLE_ARN"]),
        (
            block("assume_role", &[arn, ("session_expiration", "10")]),
            World::default(),
            ["session_expiration", "900"],
        ),
        (
            block("assume_role_with_oidc", &[arn]),
            World::default(),
            ["`oidc_provider_arn`", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"],
        ),
        (
            given(&[("credentials_uri", "http://example.com/")]),
            World::default(),
            ["`credentials_uri`", "https"],
        ),
        (
            with(keys(), "endpoints", Value::Map([("dds".to_owned(), "x".to_owned())].into())),
            World::default(),
            ["`dds`", "`ecs`"],
        ),
        (with(keys(), "region", Value::Text("a/b".into())), World::default(), ["`a/b`", "region"]),
    ] {
        let error = refused(&given, world);
        assert_eq!(error.kind, Kind::Configuration, "{error}");
        for word in words {
            assert!(error.message.contains(word), "{word}: {error}");
        }
    }
}

#[tokio::test]
async fn every_mode_of_a_profile_logs_in_without_a_person() {
    let role = json!({"ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "me"});
    let profile = |mode: &str, more: Json| {
        let mut profile = json!({"name": "p", "mode": mode});
        for extra in [&role, &more] {
            for (name, value) in extra.as_object().unwrap() {
                profile[name] = value.clone();
            }
        }
        json!([profile, {"name": "base", "mode": "StsToken", "access_key_id": "base",
                         "access_key_secret": "secret of base", "sts_token": "t"}])
    };
    let key = |name: &str| json!({"access_key_id": name, "access_key_secret": format!("secret of {name}")});
    let session = |name: &str, end: u64| {
        let mut session = key(name);
        session["sts_token"] = "t".into();
        let start = start().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        session["sts_expiration"] = (start + end).into();
        session
    };
    let role_of = |name: &str| World::default().answer(200, sts_answer(name, 3600));
    let ecs = || {
        World::default().answer(200, "t").answer(200, "roles").answer(200, flat_answer("ecs", 3600))
    };
    let oidc = json!({"oidc_provider_arn": "acs:x", "oidc_token_file": "/token"});
    for (mode, more, world, expected) in [
        ("AK", key("k"), World::default(), "k"),
        ("ak", key("k"), World::default(), "k"),
        ("", key("k"), World::default(), "k"),
        ("StsToken", session("k", 9), World::default(), "k"),
        ("RamRoleArn", key("k"), role_of("role"), "role"),
        ("EcsRamRole", json!({}), ecs(), "ecs"),
        ("RamRoleArnWithRoleName", json!({}), ecs().answer(200, sts_answer("role", 3600)), "role"),
        ("ChainableRamRoleArn", json!({"source_profile": "base"}), role_of("role"), "role"),
        (
            "External",
            json!({"process_command": "get  key --now"}),
            World::default().program("get key --now", key("printed")),
            "printed",
        ),
        (
            "External",
            json!({"process_command": "'get' \"key --now\"", "sts_token": null}),
            World::default().program("get key --now", key("quoted")),
            "quoted",
        ),
        (
            "CredentialsURI",
            json!({"credentials_uri": "https://k.example.com/"}),
            World::default().answer(200, flat_answer("uri", 3600)),
            "uri",
        ),
        ("OIDC", oidc, role_of("role").file("/token", "jwt"), "role"),
        ("CloudSSO", session("k", 600), World::default(), "k"),
        ("OAuth", session("k", 600), World::default(), "k"),
    ] {
        let world = world.profiles(profile(mode, more));
        let (found, world) = key_of(&given(&[("profile", "p")]), world).await;
        assert_eq!(found, expected, "{mode}");
        assert!(world.answers.lock().unwrap().is_empty(), "{mode}");
    }
}

#[tokio::test]
async fn a_profile_that_needs_a_person_says_how_to_log_in() {
    let past = json!({"name": "p", "mode": "CloudSSO", "access_key_id": "k",
        "access_key_secret": "s", "sts_token": "t", "sts_expiration": 1000});
    let world = World::default().profiles(json!([past]));
    let (_, outside) = world.outside();
    let signer = signer(&given(&[("profile", "p")]), &outside);
    let error = signer.request(&call(), Renew::IfNeeded).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (Kind::Credentials, "EndTerminalSession"));
    assert!(error.message.contains("aliyun configure --profile p --mode CloudSSO"), "{error}");

    let never = json!([{"name": "p", "mode": "OAuth"}]);
    let error = refused(&given(&[("profile", "p")]), World::default().profiles(never));
    assert!(error.message.contains("aliyun configure --profile p --mode OAuth"), "{error}");
    for mode in ["RsaKeyPair", "BearerToken", "Anonymous", "x"] {
        let other = json!([{"name": "p", "mode": mode}]);
        let error = refused(&given(&[("profile", "p")]), World::default().profiles(other));
        assert!(error.message.contains(&format!("`{mode}`")), "{error}");
    }
}

#[test]
fn a_chain_of_profiles_that_bites_its_tail_is_an_error() {
    let link = |name: &str, source: &str| {
        json!({"name": name, "mode": "ChainableRamRoleArn", "source_profile": source,
               "ram_role_arn": "acs:r"})
    };
    let world = World::default().profiles(json!([link("a", "b"), link("b", "c"), link("c", "b")]));
    let error = refused(&given(&[("profile", "a")]), world);
    let start = "the profiles `a` → `b` → `c` → `b` name each other";
    assert!(error.message.starts_with(start), "{error}");
}

#[test]
fn a_broken_file_of_profiles_is_not_quoted() {
    let world = World::default()
        .file("/profiles.json", r#"{"profiles": [{"name": "p", "access_key_secret": 12345secret"#);
    let both = given(&[("profile", "p"), ("shared_credentials_file", "/profiles.json")]);
    let error = refused(&both, world);
    assert_eq!(error.kind, Kind::Configuration);
    assert!(!format!("{error:?}").contains("12345"), "{error:?}");
}

#[tokio::test]
async fn a_role_is_assumed_with_the_key_at_hand_and_the_right_parameters() {
    let block = given(&[
        ("role_arn", "acs:ram::1:role/r"),
        ("policy", r#"{"a": 1}"#),
        ("external_id", "x y"),
    ]);
    let block = with(block, "session_expiration", Value::Integer(900));
    let given = with(keys(), "assume_role", Value::Object(block));
    let world = World::default().answer(200, sts_answer("role", 900));
    let (key, world) = key_of(&given, world).await;
    assert_eq!(key, "role");
    assert_eq!(
        world.lines(),
        [
            "POST https://sts.aliyuncs.com/?DurationSeconds=900&ExternalId=x%20y&Policy=%7B%22a%22%3A%201%7D\
          &RoleArn=acs%3Aram%3A%3A1%3Arole%2Fr&RoleSessionName=terraform"
        ]
    );
    let request = world.request(0);
    assert_eq!(request.headers()["x-acs-action"], "AssumeRole");
    assert_eq!(request.headers()["x-acs-version"], "2015-04-01");
    assert_eq!(signed_by(&request, world.now()).access_key, "ak");
}

#[tokio::test]
async fn an_assume_role_block_takes_the_place_of_the_role_of_a_profile_but_not_of_a_chain() {
    let block = Value::Object(given(&[("role_arn", "acs:block")]));
    let given = with(given(&[("profile", "p")]), "assume_role", block);
    for (mode, expected) in
        [("RamRoleArn", &["block"][..]), ("ChainableRamRoleArn", &["profile", "block"])]
    {
        let world = World::default().profiles(json!([
            {"name": "p", "mode": mode, "access_key_id": "ak", "access_key_secret": "sk",
             "source_profile": "base", "ram_role_arn": "acs:profile"},
            {"name": "base", "mode": "AK", "access_key_id": "ak", "access_key_secret": "sk"},
        ]));
        let world =
            expected.iter().fold(world, |world, _| world.answer(200, sts_answer("r", 3600)));
        let (_, world) = key_of(&given, world).await;
        let lines = world.lines();
        assert_eq!(lines.len(), expected.len(), "{mode}");
        for (line, role) in lines.iter().zip(expected) {
            assert!(line.contains(&format!("RoleArn=acs%3A{role}&")), "{mode}: {line}");
        }
    }
}

#[tokio::test]
async fn the_role_of_a_profile_is_assumed_with_a_key_from_elsewhere_too() {
    let role = |mode: &str| {
        json!([{"name": "p", "mode": mode, "access_key_id": "other", "access_key_secret": "sk",
                "ram_role_name": "machine", "ram_role_arn": "acs:profile"}])
    };
    for (mode, expected) in
        [("RamRoleArn", "role"), ("RamRoleArnWithRoleName", "role"), ("AK", "environment")]
    {
        let world = World::default()
            .variable("ALICLOUD_ACCESS_KEY", "environment")
            .variable("ALICLOUD_SECRET_KEY", "secret of environment")
            .variable("ALICLOUD_PROFILE", "p")
            .variable("ALICLOUD_REGION", "cn-hangzhou")
            .profiles(role(mode));
        let world = if mode == "AK" { world } else { world.answer(200, sts_answer("role", 3600)) };
        let (key, world) = key_of(&Given::default(), world).await;
        assert_eq!(key, expected, "{mode}");
        if mode != "AK" {
            assert!(world.lines()[0].contains("RoleArn=acs%3Aprofile&"), "{mode}");
            let authorization = world.request(0).headers()["authorization"].clone();
            assert!(authorization.to_str().unwrap().contains("Credential=environment,"));
        }
    }
}

#[tokio::test]
async fn an_oidc_token_is_sent_in_the_body_of_an_unsigned_call() {
    // What ACK sets in a pod, and nothing else.
    let world = World::default()
        .variable("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/r")
        .variable("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p")
        .variable("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token")
        .file("/token", "jwt-1\n")
        .answer(200, sts_answer("role", 3600));
    let (key, world) = key_of(&Given::default(), world).await;
    assert_eq!(key, "role");
    let request = world.request(0);
    assert!(request.headers().get("authorization").is_none());
    assert!(!request.uri().to_string().contains("jwt"));
    assert_eq!(
        request.uri().query().unwrap(),
        "Action=AssumeRoleWithOIDC&Format=JSON&SignatureNonce=00000000000000000000000000000000\
         &Timestamp=2026-03-01T12%3A00%3A00Z&Version=2015-04-01"
    );
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    assert!(
        body.contains("OIDCToken=jwt-1&") && body.contains("RoleSessionName=terraform"),
        "{body}"
    );
}

#[tokio::test]
async fn metadata_is_asked_in_hardened_mode_first() {
    let role = given(&[("ecs_role_name", "my-role")]);
    let hardened = World::default().answer(200, "token-1").answer(200, flat_answer("ecs", 3600));
    let (_, world) = key_of(&role, hardened).await;
    let base = "http://100.100.100.200/latest";
    let get = format!("GET {base}/meta-data/ram/security-credentials/my-role");
    assert_eq!(world.lines(), [format!("PUT {base}/api/token"), get.clone()]);
    assert_eq!(world.request(0).headers()["x-aliyun-ecs-metadata-token-ttl-seconds"], "21600");
    assert_eq!(world.request(1).headers()["x-aliyun-ecs-metadata-token"], "token-1");
    assert!(!format!("{:?}", world.request(1)).contains("token-1"));

    let plain = World::default().answer(404, "").answer(200, flat_answer("ecs", 3600));
    let (_, world) = key_of(&role, plain).await;
    assert_eq!(world.lines()[1], get);
    assert!(world.request(1).headers().get("x-aliyun-ecs-metadata-token").is_none());

    let strict = World::default().variable("ALIBABA_CLOUD_IMDSV1_DISABLED", "true").answer(404, "");
    let (world, outside) = strict.outside();
    let error = signer(&role, &outside).request(&call(), Renew::IfNeeded).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(world.lines().len(), 1);

    let (_, outside) = World::default().silence().silence().outside();
    let error = signer(&role, &outside).request(&call(), Renew::IfNeeded).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert!(error.message.contains("`ecs_role_name`"), "{error}");
}

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
