//! A Redis, a sandbox before it, clients, and a configuration aimed at them.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_session::demo::{
    Client, Engine, Redis, SandboxProcess, Workshop, variables,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::terraform::fixture::{BINARY, Fixture, must};

/// The provider block of every scenario; its variables are written by [`Stage::new`].
const PROVIDER: &str = r#"
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

/// Everything that a scenario with real connections needs.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) fixture: Fixture,
    redis: Redis,
    sandbox: SandboxProcess,
}

impl Stage {
    /// Starts all, for an engine; `main` is the configuration without the provider block.
    pub(crate) async fn new(engine: &Engine, main: &str) -> Stage {
        let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
        let sandbox =
            SandboxProcess::start(Path::new(BINARY), &redis.url()).await.unwrap_or_else(must);
        let fixture = Fixture::new(engine, main);
        let stage = Stage { fixture, redis, sandbox };
        stage.fixture.write("provider.tf", PROVIDER);
        let instance = stage.sandbox.card.instance("huaweicloud_dcs").unwrap_or_else(must);
        stage.aim(instance, &stage.sandbox.card.endpoint);
        stage
    }

    /// Writes the variables: another instance, or an endpoint where nobody is.
    pub(crate) fn aim(&self, instance: &str, endpoint: &str) {
        let mut values = variables(&self.sandbox.card);
        values["instance_id"] = json!(instance);
        values["endpoints"] = json!({ "dcs": endpoint, "iam": endpoint });
        self.fixture.write("terraform.tfvars.json", &values.to_string());
    }

    /// The ids of the instances of the service, as the sandbox tells them.
    pub(crate) fn instances(&self) -> Vec<String> {
        let all = self.sandbox.card.instances.iter();
        let ours = all.filter(|one| one.service == "huaweicloud_dcs");
        ours.map(|one| one.instance_id.clone()).collect()
    }

    /// Connects a client.
    pub(crate) async fn client(&self, user: &str, name: &str) -> Client {
        let password = self.redis.password();
        Client::connect(self.redis.address(), user, password, name).await.unwrap_or_else(must)
    }

    /// Switches a fault on, in the sandbox's own words.
    pub(crate) async fn fault(&self, fault: Value) {
        let (status, body) = self.ask("POST", "/_sandbox/faults", &fault.to_string()).await;
        assert!(status.is_success(), "{status}: {body}");
    }

    /// Switches all faults off.
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
        let host = self.sandbox.card.endpoint.trim_start_matches("http://");
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
