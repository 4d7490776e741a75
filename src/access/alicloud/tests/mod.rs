//! The room as a whole: what is given in, which calls come out. The world is scripted.

mod logins;
mod renewal;
mod settings;

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
