//! A scenario of `examples/scenarios`, copied to a folder of its own and aimed at a sandbox.

use std::path::Path;

use serde_json::{Value, json};

use super::error::Error;
use super::sandbox_process::Card;
use super::scratch::Scratch;

const REDIS_TEARDOWN: [(&str, &str); 2] = [
    ("main.tf", include_str!("../../examples/scenarios/redis-teardown/main.tf")),
    ("variables.tf", include_str!("../../examples/scenarios/redis-teardown/variables.tf")),
];

const TERMINAL_SESSIONS: [(&str, &str); 2] = [
    ("main.tf", include_str!("../../examples/scenarios/terminal-sessions/main.tf")),
    ("variables.tf", include_str!("../../examples/scenarios/terminal-sessions/variables.tf")),
];

/// A folder that Terraform can run in; removed on drop.
#[derive(Debug)]
pub struct Scenario(Scratch);

impl Scenario {
    /// `redis-teardown`, aimed at an instance in the sandbox's Huawei Cloud.
    pub fn redis_teardown(card: &Card, instance: &str) -> Result<Scenario, Error> {
        Scenario::copied(&REDIS_TEARDOWN, variables(card), instance)
    }

    /// `terminal-sessions`, aimed at an instance in the sandbox's Alibaba Cloud.
    pub fn terminal_sessions(card: &Card, instance: &str) -> Result<Scenario, Error> {
        Scenario::copied(&TERMINAL_SESSIONS, alicloud_variables(card), instance)
    }

    fn copied(
        files: &[(&str, &str)],
        mut values: Value,
        instance: &str,
    ) -> Result<Scenario, Error> {
        let folder = Scratch::new("scenario")?;
        let write = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text)
                .map_err(Error::io(format!("could not write {}", file.display())))
        };
        for (name, text) in files {
            write(name, text)?;
        }
        values["instance_id"] = json!(instance);
        write("terraform.tfvars.json", &values.to_string())?;
        Ok(Scenario(folder))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

/// The variables that lead a provider block for Huawei Cloud to a sandbox.
pub fn variables(card: &Card) -> Value {
    let endpoint = &card.endpoint;
    json!({
        "region": card.region,
        "access_key": card.credentials.access_key,
        "secret_key": card.credentials.secret_key,
        "project_id": card.project_id,
        "endpoints": {
            "dcs": endpoint, "dds": endpoint, "geminidb": endpoint, "iam": endpoint,
        },
    })
}

/// The variables that lead a provider block for Alibaba Cloud to a sandbox.
pub fn alicloud_variables(card: &Card) -> Value {
    let endpoint = &card.endpoint;
    json!({
        "region": card.alicloud.region,
        "access_key": card.alicloud.credentials.access_key,
        "secret_key": card.alicloud.credentials.secret_key,
        "endpoints": { "ecs": endpoint, "das": endpoint, "sts": endpoint },
    })
}
