//! The clouds' own SDKs as clients of the sandbox, over a socket.
//!
//! They are the proof that our signatures and the sandbox do not merely agree with each other.
//! They are fetched on first use, fixed by `tests/sdks/requirements.txt`, and shared by all tests.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use terraform_provider_session::demo::{Packages, Workshop};
use terraform_provider_session::sandbox::{Sandbox, Setup, server};
use terraform_provider_session::services::simulated;
use terraform_provider_session::wire::https::SystemClock;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::terraform::fixture::must;

const SDKS: Packages =
    Packages { name: "sdks", requirements: include_str!("../sdks/requirements.txt") };
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdks");

/// What a script tells of one call.
#[derive(Clone, Debug, Deserialize)]
struct Line {
    service: String,
    key: String,
    call: String,
    #[serde(default)]
    result: Value,
    status: Option<u16>,
    code: Option<String>,
}

/// A sandbox on a socket.
struct Stage {
    sandbox: Arc<Sandbox>,
    endpoint: String,
    _stop: DropGuard,
}

impl Stage {
    async fn new() -> Stage {
        let setup = Setup { job: Duration::from_millis(50), ..Setup::default() };
        // The SDKs sign with the time of day.
        let sandbox = Arc::new(Sandbox::new(setup, Arc::new(SystemClock)));
        let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(Arc::clone(&sandbox), listener, stop.clone()));
        Stage { sandbox, endpoint, _stop: stop.drop_guard() }
    }

    /// Runs a script with keys, each aimed at instances of its own as far as there are enough.
    async fn run(&self, cloud: &str, mut keys: Vec<Value>) -> Vec<Line> {
        for (number, key) in keys.iter_mut().enumerate() {
            key["targets"] = targets(cloud, number);
        }
        let login = self.sandbox.login(cloud).unwrap();
        let task = json!({ "endpoint": self.endpoint, "region": login.region, "keys": keys });
        run(cloud, &task).await
    }

    /// The account's key, with changes.
    fn key(&self, cloud: &str, name: &str, changes: Value) -> Value {
        let login = self.sandbox.login(cloud).unwrap();
        let mut key = json!({
            "name": name, "access_key": login.access_key, "secret_key": login.secret_key.reveal(),
        });
        key.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        key
    }

    fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Bytes {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.endpoint));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.sandbox.answer(&request.body(Bytes::new()).unwrap()).response;
        answer.into_body()
    }

    fn killed(&self) -> usize {
        self.sandbox.ledger().killed().len()
    }

    /// Waits until so many are really gone: work that was accepted is done by the sandbox's clock.
    async fn until_killed(&self, count: usize) -> usize {
        let gone = async {
            while self.killed() < count {
                self.sandbox.settle();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), gone).await.expect("they are ended");
        self.killed()
    }
}

/// For every service of a cloud, its `number`th instance and a node of that.
fn targets(cloud: &str, number: usize) -> Value {
    let mut targets = Map::new();
    for service in simulated().filter(|service| service.spec.platform == cloud) {
        let instances = (service.scene().scenery)();
        let instance = &instances[number % instances.len()];
        let node = &instance.nodes[0].0;
        // Who may not list has nothing better than a guess to kill.
        let target = json!({ "instance_id": instance.id, "node_id": node, "guess": "1" });
        targets.insert(service.spec.name.to_owned(), target);
    }
    Value::Object(targets)
}

/// A Python, and the folder of packages that it imports.
pub(crate) async fn installed() -> (PathBuf, PathBuf) {
    let installed = tokio::task::spawn_blocking(|| Workshop::here().installed(&SDKS)).await;
    installed.unwrap().unwrap_or_else(must)
}

/// Runs `<cloud>.py` with a task.
async fn run(cloud: &str, task: &Value) -> Vec<Line> {
    let (python, site) = installed().await;
    let mut script = Command::new(python)
        .args(["-s", "-B"])
        .arg(Path::new(SCRIPTS).join(format!("{cloud}.py")))
        .env("PYTHONPATH", site)
        .env("NO_PROXY", "127.0.0.1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    script.stdin.take().unwrap().write_all(task.to_string().as_bytes()).await.unwrap();
    let told = script.wait_with_output().await.unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    serde_json::from_slice(&told.stdout).unwrap()
}

/// All services of the cloud were listed with every key, and a kill reached somebody.
fn assert_good(lines: &[Line], cloud: &str, keys: &[&str]) {
    for service in simulated().map(|service| service.spec).filter(|spec| spec.platform == cloud) {
        for key in keys {
            let of = |call: &str| {
                let mine = |line: &&Line| {
                    line.service == service.name && line.key == *key && line.call == call
                };
                let line = lines.iter().find(mine);
                let line = line.unwrap_or_else(|| panic!("no {call} of {} by {key}", service.name));
                assert_eq!(line.status, None, "{line:?}");
                &line.result
            };
            let texts =
                |list: &Value| -> Vec<String> { serde_json::from_value(list.clone()).unwrap() };
            let (before, after) = (texts(of("list")), texts(of("list again")));
            assert!(!before.is_empty(), "{} by {key}", service.name);
            let Value::Array(killed) = of("kill") else {
                // All were meant.
                assert!(after.is_empty(), "{} by {key}: {after:?}", service.name);
                continue;
            };
            let mut left = before.clone();
            left.retain(|one| !killed.contains(&json!(one)));
            assert_eq!((killed.len(), after), (1, left), "{} by {key}", service.name);
        }
    }
}

/// Every call by these keys was refused like this.
fn assert_refused(lines: &[Line], refusals: &[(&str, u16, &str)], calls: usize) {
    for (key, status, code) in refusals {
        let mine: Vec<&Line> = lines.iter().filter(|line| line.key == *key).collect();
        assert_eq!(mine.len(), calls, "{key}: {mine:?}");
        for line in mine {
            assert_eq!(
                (line.status, line.code.as_deref()),
                (Some(*status), Some(*code)),
                "{line:?}"
            );
        }
    }
}

#[tokio::test]
async fn huawei_clouds_own_sdks_list_and_kill_with_a_good_key_and_with_no_other() {
    const CLOUD: &str = "huaweicloud";
    let stage = Stage::new().await;
    let path = "/meta-data/latest/api/token";
    let token = stage.ask(Method::PUT, path, &[("x-metadata-token-ttl-seconds", "60")]);
    let headers = [("x-metadata-token", std::str::from_utf8(&token).unwrap())];
    let given = stage.ask(Method::GET, "/openstack/latest/securitykey", &headers);
    let given = &serde_json::from_slice::<Value>(&given).unwrap()["credential"];
    let project = stage.sandbox.account().project_id.clone();
    let temporary = json!({
        "access_key": given["access"], "secret_key": given["secret"],
        "security_token": given["securitytoken"], "project_id": project,
    });
    let mut alone = temporary.clone();
    alone["security_token"] = Value::Null;
    let lines = stage
        .run(
            CLOUD,
            vec![
                stage.key(CLOUD, "right", json!({ "and_all": true })),
                stage.key(CLOUD, "temporary", temporary),
            ],
        )
        .await;
    assert_good(&lines, CLOUD, &["right", "temporary"]);
    // With the service's list of the whole instance, where it has one.
    let at_last: Vec<&Line> = lines.iter().filter(|line| line.call == "list at last").collect();
    assert_eq!(at_last.len(), 2, "{lines:?}");
    assert!(at_last.iter().all(|line| line.result == json!([])), "{at_last:?}");

    let killed = stage.killed();
    let lines = stage
        .run(
            CLOUD,
            vec![
                stage.key(CLOUD, "no token", alone),
                stage.key(CLOUD, "nobody", json!({ "access_key": "X", "project_id": project })),
                stage.key(CLOUD, "wrong", json!({ "secret_key": "wrong", "project_id": project })),
            ],
        )
        .await;
    let refusal = |key| (key, 401, "APIGW.0301");
    assert_refused(&lines, &["no token", "nobody", "wrong"].map(refusal), 14);
    assert_eq!(stage.killed(), killed, "nobody is killed without a good key");
}

#[tokio::test]
async fn alibaba_clouds_own_sdks_list_and_kill_with_a_good_key_and_with_no_other() {
    const CLOUD: &str = "alicloud";
    let stage = Stage::new().await;
    let given = stage.ask(Method::GET, "/alicloud/credentials", &[]);
    let given: Value = serde_json::from_slice(&given).unwrap();
    let temporary = json!({
        "access_key": given["AccessKeyId"], "secret_key": given["AccessKeySecret"],
        "security_token": given["SecurityToken"],
    });
    let mut alone = temporary.clone();
    alone["security_token"] = Value::Null;
    let lines = stage
        .run(
            CLOUD,
            vec![stage.key(CLOUD, "right", json!({})), stage.key(CLOUD, "temporary", temporary)],
        )
        .await;
    assert_good(&lines, CLOUD, &["right", "temporary"]);
    let started: Vec<&Line> = lines.iter().filter(|line| line.call == "start").collect();
    assert!(started.len() == 2 && started.iter().all(|line| line.status.is_none()), "{started:?}");

    let killed = stage.killed();
    let lines = stage
        .run(
            CLOUD,
            vec![
                stage.key(CLOUD, "no token", alone),
                stage.key(CLOUD, "nobody", json!({ "access_key": "X" })),
                stage.key(CLOUD, "wrong", json!({ "secret_key": "wrong" })),
            ],
        )
        .await;
    let refusals = [
        ("no token", 400, "MissingSecurityToken"),
        ("nobody", 404, "InvalidAccessKeyId.NotFound"),
        ("wrong", 400, "SignatureDoesNotMatch"),
    ];
    assert_refused(&lines, &refusals, 5);
    assert_eq!(stage.killed(), killed, "nobody is killed without a good key");
}

#[tokio::test]
async fn awss_own_sdk_lists_and_ends_with_a_good_key_and_with_no_other() {
    const CLOUD: &str = "aws";
    let stage = Stage::new().await;
    let headers = [("authorization", "sandbox-web-identity-token")];
    let given = stage.ask(Method::GET, "/aws/credentials", &headers);
    let given: Value = serde_json::from_slice(&given).unwrap();
    let temporary = json!({
        "access_key": given["AccessKeyId"], "secret_key": given["SecretAccessKey"],
        "security_token": given["Token"],
    });
    let mut alone = temporary.clone();
    alone["security_token"] = Value::Null;
    let lines = stage
        .run(
            CLOUD,
            vec![stage.key(CLOUD, "right", json!({})), stage.key(CLOUD, "temporary", temporary)],
        )
        .await;
    assert_good(&lines, CLOUD, &["right", "temporary"]);
    let told = |call: &str| -> Vec<&Value> {
        lines.iter().filter(|line| line.call == call).map(|line| &line.result).collect()
    };
    assert_eq!(
        told("who"),
        [
            "arn:aws:iam::123456789012:user/operator",
            "arn:aws:sts::123456789012:assumed-role/sandbox/container",
        ]
    );
    let looked = told("look");
    assert!(looked.len() == 4 && looked.iter().all(|it| it.as_array().unwrap().len() == 1));

    // What a VPN has accepted comes a moment later.
    let killed = stage.until_killed(lines.iter().filter(|line| line.call == "kill").count()).await;
    let lines = stage
        .run(
            CLOUD,
            vec![
                stage.key(CLOUD, "no token", alone),
                stage.key(CLOUD, "nobody", json!({ "access_key": "X" })),
                stage.key(CLOUD, "wrong", json!({ "secret_key": "wrong" })),
            ],
        )
        .await;
    for (service, refusals) in [
        (
            "aws_ssm",
            [
                ("no token", 400, "UnrecognizedClientException"),
                ("nobody", 400, "UnrecognizedClientException"),
                ("wrong", 400, "InvalidSignatureException"),
            ],
        ),
        ("aws_client_vpn", ["no token", "nobody", "wrong"].map(|key| (key, 401, "AuthFailure"))),
    ] {
        let lines: Vec<Line> =
            lines.iter().filter(|line| line.service == service).cloned().collect();
        assert_refused(&lines, &refusals, 3);
    }
    assert_eq!(stage.killed(), killed, "nobody is killed without a good key");
}
