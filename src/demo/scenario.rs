//! A scenario of `examples/scenarios`, copied to a folder of its own and aimed at a sandbox.

use std::path::Path;

use serde_json::{Value, json};

use super::error::Error;
use super::postgres::Postgres;
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

const DROP_DATABASE: [(&str, &str); 2] = [
    ("database.tf", include_str!("../../examples/scenarios/drop-database/database.tf")),
    ("variables.tf", include_str!("../../examples/scenarios/drop-database/variables.tf")),
];

/// What is added to it.
const SESSIONS: (&str, &str) =
    ("sessions.tf", include_str!("../../examples/scenarios/drop-database/sessions.tf"));

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

    /// `drop-database`, aimed at a server, without the block that ends sessions.
    pub fn drop_database(postgres: &Postgres, psql: &Path) -> Result<Scenario, Error> {
        let address = postgres.address();
        let values = json!({
            "host": address.ip().to_string(),
            "port": address.port(),
            "user": Postgres::ADMIN,
            "psql": psql.display().to_string(),
        });
        Scenario::written(&DROP_DATABASE, &values)
    }

    /// The block of `drop-database` that ends sessions.
    pub fn add_sessions(&self) -> Result<(), Error> {
        self.write(SESSIONS.0, SESSIONS.1)
    }

    fn copied(
        files: &[(&str, &str)],
        mut values: Value,
        instance: &str,
    ) -> Result<Scenario, Error> {
        values["instance_id"] = json!(instance);
        Scenario::written(files, &values)
    }

    fn written(files: &[(&str, &str)], values: &Value) -> Result<Scenario, Error> {
        let scenario = Scenario(Scratch::new("scenario")?);
        for (name, text) in files {
            scenario.write(name, text)?;
        }
        scenario.write("terraform.tfvars.json", &values.to_string())?;
        Ok(scenario)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let file = self.path().join(name);
        std::fs::write(&file, text)
            .map_err(Error::io(format!("could not write {}", file.display())))
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
