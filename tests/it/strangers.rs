//! A stranger's server: moto's STS and instance metadata before our logins to AWS.
//!
//! The sandbox is ours, and could share a mistake with whoever logs in to it. moto was written by
//! others, from the same pages. It checks no signature, and of the calls that end sessions it has
//! none: it answers those with a web page and the status 500.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Value, json};
use terraform_provider_session::access::{self, Client, Kind};
use terraform_provider_session::services::{Error, Node, Target};
use terraform_provider_session::wire::{Environment, Outside};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::joined::{Surroundings, given, named};
use crate::sdks;

/// moto, as long as it is held.
struct Moto {
    endpoint: String,
    _process: Child,
}

impl Moto {
    async fn start() -> Moto {
        let (python, site) = sdks::installed().await;
        let mut process = Command::new(python)
            .args(["-s", "-B"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdks/moto_stranger.py"))
            .env("PYTHONPATH", site)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next_line().await.unwrap().expect("moto prints its port");
        Moto { endpoint: format!("http://127.0.0.1:{port}"), _process: process }
    }

    /// What comes of one call by whoever logs in like this. All products are at moto.
    async fn log_in(&self, mut settings: Value, surroundings: &Arc<Surroundings>) -> Error {
        let endpoints = ["sts", "ssm"].map(|product| (product.to_owned(), json!(self.endpoint)));
        settings["region"] = "eu-central-1".into();
        settings["endpoints"] = Value::Object(endpoints.into_iter().collect());
        settings["ec2_metadata_service_endpoint"] = json!(self.endpoint);
        let environment = Arc::clone(surroundings) as Arc<dyn Environment>;
        let outside = Outside { environment, ..Outside::real() };
        let account = access::find("aws").unwrap().account(&given(&settings), &outside).unwrap();
        let client = Client::new(account.signer(None).unwrap(), outside);
        let target = Target(BTreeMap::from([("instance_id", "i-1".to_owned())]));
        let sessions = named("aws_ssm").over_http(Arc::new(client), target).unwrap();
        sessions.list(&Node::whole(), None, None).await.unwrap_err()
    }
}

/// That the login worked, and the call behind it met the web page.
fn is_through(error: &Error) -> bool {
    (error.operation, error.kind, error.status)
        == ("DescribeSessions", Kind::Unavailable, Some(500))
}

#[tokio::test]
async fn our_logins_get_keys_from_a_strangers_sts_and_metadata() {
    let moto = Moto::start().await;
    let surroundings = Arc::new(Surroundings::default());
    surroundings.write("/token", "any.token.will.do");
    let key = json!({ "access_key": "AKIASTRANGER", "secret_key": "secret" });
    let arn = "arn:aws:iam::123456789012:role/stranger";
    let with = |mut settings: Value, name: &str, value: Value| {
        settings[name] = value;
        settings
    };
    let token = json!({ "role_arn": arn, "web_identity_token_file": "/token" });
    for (name, settings) in [
        ("a key", key.clone()),
        ("a role", with(key.clone(), "assume_role", json!([{ "role_arn": arn }]))),
        (
            "a chain",
            with(key.clone(), "assume_role", json!([{ "role_arn": arn }, { "role_arn": arn }])),
        ),
        ("a token", json!({ "assume_role_with_web_identity": token })),
        ("the machine's role", json!({})),
        ("an account", with(key.clone(), "allowed_account_ids", json!(["123456789012"]))),
    ] {
        let error = moto.log_in(settings, &surroundings).await;
        assert!(is_through(&error), "{name}: {error:?}");
        assert!(!error.message.contains("<!doctype"), "{error}");
    }
    let elsewhere = with(key, "allowed_account_ids", json!(["210987654321"]));
    let error = moto.log_in(elsewhere, &surroundings).await;
    assert_eq!(error.kind, Kind::Configuration);
    assert!(error.message.contains("123456789012"), "{error}");
}
