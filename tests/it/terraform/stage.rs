//! A Redis, a sandbox before it, clients, and a configuration aimed at them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_session::demo::{
    Card, Client, Engine, Redis, SandboxProcess, Workshop, variables,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::terraform::fixture::{BINARY, Fixture, must};

/// The provider block of every test; its variables are written by [`Stage::aim`].
pub(crate) const PROVIDER: &str = r#"
terraform {
  required_providers { session = { source = "sessionops/session" } }
}
variable "region" {}
variable "access_key" {}
variable "secret_key" {}
variable "project_id" {}
variable "endpoints" { type = map(string) }
variable "instance_id" {}
provider "session" {
  huaweicloud = {
    region     = var.region
    access_key = var.access_key
    secret_key = var.secret_key
    project_id = var.project_id
    endpoints  = var.endpoints
  }
}
"#;

/// How long a cut may take to be noticed, and at most how long somebody is watched who shall live.
const NOTICED: Duration = Duration::from_secs(5);

/// Everything that a test with sessions needs.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) fixture: Fixture,
    /// None if the sessions are in the sandbox's memory.
    redis: Option<Redis>,
    sandbox: SandboxProcess,
}

impl Stage {
    /// A DCS instance with a real Redis; `main` is the configuration without the provider block.
    pub(crate) async fn new(engine: &Engine, main: &str) -> Stage {
        let stage = Stage::on_redis(engine).await;
        stage.fixture.write("provider.tf", PROVIDER);
        stage.fixture.write("main.tf", main);
        stage
    }

    /// The same with the files of a folder of `examples/scenarios`.
    pub(crate) async fn scenario(engine: &Engine, name: &str) -> Stage {
        let stage = Stage::on_redis(engine).await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios").join(name);
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), stage.fixture.dir().join(entry.file_name())).unwrap();
        }
        stage
    }

    /// The same without a Redis: two sessions on every node, which nobody holds.
    pub(crate) async fn in_memory(engine: &Engine, main: &str) -> Stage {
        let options = ["--clients", "2", "--job", "100ms"];
        let sandbox = SandboxProcess::start(Path::new(BINARY), &options).await;
        let sandbox = sandbox.unwrap_or_else(must);
        let stage = Stage { fixture: Fixture::new(engine, main), redis: None, sandbox };
        stage.fixture.write("provider.tf", PROVIDER);
        stage.aim(&stage.instances()[0], &stage.endpoint());
        stage
    }

    async fn on_redis(engine: &Engine) -> Stage {
        let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
        let options = ["--redis", &redis.url(), "--job", "100ms"];
        let sandbox = SandboxProcess::start(Path::new(BINARY), &options).await;
        let sandbox = sandbox.unwrap_or_else(must);
        let stage = Stage { fixture: Fixture::new(engine, ""), redis: Some(redis), sandbox };
        stage.aim(&stage.instances()[0], &stage.endpoint());
        stage
    }

    /// Writes the variables: another instance, or an endpoint where nobody is.
    pub(crate) fn aim(&self, instance: &str, endpoint: &str) {
        let mut values = variables(&self.sandbox.card);
        values["instance_id"] = json!(instance);
        for known in values["endpoints"].as_object_mut().unwrap().values_mut() {
            *known = json!(endpoint);
        }
        self.fixture.write("terraform.tfvars.json", &values.to_string());
    }

    /// What the sandbox tells of itself.
    pub(crate) fn card(&self) -> &Card {
        &self.sandbox.card
    }

    /// The ids of the instances of DCS, as the sandbox tells them.
    pub(crate) fn instances(&self) -> Vec<String> {
        self.instances_of("huaweicloud_dcs")
    }

    /// Those of a service.
    pub(crate) fn instances_of(&self, service: &str) -> Vec<String> {
        self.card().instances_of(service).map(str::to_owned).collect()
    }

    /// Connects a client.
    pub(crate) async fn client(&self, user: &str, name: &str) -> Client {
        let redis = self.redis.as_ref().unwrap();
        let client = Client::connect(redis.address(), user, redis.password(), name);
        client.await.unwrap_or_else(must)
    }

    /// Switches a fault on, in the sandbox's own words.
    pub(crate) async fn fault(&self, fault: Value) {
        let (status, body) = self.ask("POST", "/_sandbox/faults", &fault.to_string()).await;
        assert!(status.is_success(), "{status}: {body}");
    }

    /// The nodes on which a session was really ended, one for each, in order.
    pub(crate) async fn killed(&self) -> Vec<String> {
        let (_, body) = self.ask("GET", "/_sandbox/killed", "").await;
        let killed: Vec<Value> = serde_json::from_str(&body).unwrap();
        killed.iter().map(|one| one["node_id"].as_str().unwrap().to_owned()).collect()
    }

    /// How many calls have met a fault whose operation ends like this.
    pub(crate) async fn troubled(&self, fault: &str, operation: &str) -> usize {
        let (_, body) = self.ask("GET", "/_sandbox/log", "").await;
        let calls: Vec<Value> = serde_json::from_str(&body).unwrap();
        let meant = |one: &&Value| {
            one["fault"] == fault && one["operation"].as_str().unwrap().ends_with(operation)
        };
        calls.iter().filter(meant).count()
    }

    /// Switches all faults off; in memory, everybody is connected again and nobody was cut.
    pub(crate) async fn reset(&self) {
        let (status, body) = self.ask("POST", "/_sandbox/reset", "").await;
        assert!(status.is_success(), "{status}: {body}");
    }

    /// Where the sandbox listens.
    pub(crate) fn endpoint(&self) -> String {
        self.sandbox.card.endpoint.clone()
    }

    /// One request to the sandbox's control endpoints.
    async fn ask(&self, method: &str, path: &str, body: &str) -> (http::StatusCode, String) {
        control(&self.sandbox.card.endpoint, method, path, body).await
    }
}

/// One request to a sandbox's control endpoints.
pub(crate) async fn control(
    endpoint: &str,
    method: &str,
    path: &str,
    body: &str,
) -> (http::StatusCode, String) {
    let host = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Asserts that exactly these clients are cut, and those are not.
pub(crate) async fn assert_cut(cut: &[&Client], alive: &[&Client]) {
    let noticed = async {
        while cut.iter().any(|client| client.cut().is_none()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let late = tokio::time::timeout(NOTICED, noticed).await.is_err();
    let names = |of: &[&Client], is_cut| -> Vec<String> {
        let wrong = of.iter().filter(|client| client.cut().is_some() == is_cut);
        wrong.map(|client| client.name.clone()).collect()
    };
    assert!(!late, "still alive: {:?}", names(cut, false));
    assert_eq!(names(alive, true), Vec::<String>::new(), "cut, and should be alive");
}
