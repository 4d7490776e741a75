//! A cloud's real client joined to the sandbox in process, with an environment made for the test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use serde_json::Value;
use terraform_provider_session::access::{self, Client, Given, SettingValue};
use terraform_provider_session::sandbox::{Sandbox, Setup};
use terraform_provider_session::services::simulator::SteppedClock;
use terraform_provider_session::services::{
    Error, Node, Progress, Service, Session, Sessions, Target, Ticket, simulated,
};
use terraform_provider_session::wire::{Clock, Entropy, Environment, HttpSend, Outside};

/// The sandbox, its clock, and what surrounds whoever calls it.
pub(crate) struct Joined {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) clock: Arc<SteppedClock>,
    pub(crate) surroundings: Arc<Surroundings>,
}

/// Variables, files and programs, and numbers that never come twice.
#[derive(Default)]
pub(crate) struct Surroundings {
    pub(crate) variables: Mutex<BTreeMap<String, String>>,
    pub(crate) files: Mutex<BTreeMap<PathBuf, String>>,
    /// What the program `keys` prints.
    pub(crate) keys: Mutex<String>,
    nonces: Mutex<u128>,
}

impl Surroundings {
    /// Puts a file there.
    pub(crate) fn write(&self, path: &str, text: &str) {
        self.files.lock().unwrap().insert(PathBuf::from(path), text.to_owned());
    }
}

impl Joined {
    pub(crate) fn new(setup: Setup) -> Joined {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Arc::new(SteppedClock::at(noon));
        let sandbox = Sandbox::new(setup, Arc::clone(&clock) as Arc<dyn Clock>);
        Joined { sandbox: Arc::new(sandbox), clock, surroundings: Arc::default() }
    }

    /// The sessions of a service's instance, for whoever logs in as `settings` say.
    pub(crate) fn sessions(
        &self,
        service: &str,
        instance: &str,
        settings: &Value,
    ) -> Result<Box<dyn Sessions>, Error> {
        let outside = Outside {
            http: Arc::clone(&self.sandbox) as Arc<dyn HttpSend>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::clone(&self.surroundings) as Arc<dyn Entropy>,
            environment: Arc::clone(&self.surroundings) as Arc<dyn Environment>,
        };
        let service = named(service);
        let cloud = access::find(service.spec.platform).unwrap();
        let account = cloud.account(&given(settings), &outside)?;
        let client = Client::new(account.signer(None)?, outside);
        let target = Target(BTreeMap::from([(service.spec.inputs[0].name, instance.to_owned())]));
        Ok(service.over_http(Arc::new(client), target).unwrap())
    }

    /// All sessions of all nodes.
    pub(crate) async fn list(&self, sessions: &dyn Sessions) -> Result<Vec<Session>, Error> {
        let mut found = Vec::new();
        for node in sessions.nodes().await? {
            found.extend(self.list_node(sessions, &node).await?);
        }
        Ok(found)
    }

    async fn list_node(&self, sessions: &dyn Sessions, node: &Node) -> Result<Vec<Session>, Error> {
        let ticket = sessions.prepare(node).await?;
        self.wait(sessions, ticket).await?;
        let (mut found, mut after) = (Vec::<Session>::new(), None);
        loop {
            let page = sessions.list(node, None, after).await?;
            // Pages may overlap.
            let known: Vec<_> = found.iter().map(|one| one.id.clone()).collect();
            found.extend(page.sessions.into_iter().filter(|one| !known.contains(&one.id)));
            after = page.next;
            if after.is_none() {
                return Ok(found);
            }
        }
    }

    /// Waits for a job by stepping the clock.
    pub(crate) async fn wait(
        &self,
        sessions: &dyn Sessions,
        ticket: Option<Ticket>,
    ) -> Result<(), Error> {
        let Some(ticket) = ticket else { return Ok(()) };
        for _ in 0..10 {
            if sessions.poll(&ticket).await? != Progress::Running {
                return Ok(());
            }
            self.clock.step(Duration::from_secs(1));
        }
        panic!("the job did not end");
    }

    /// The operations so far that are none of a service, in order.
    pub(crate) fn identity_calls(&self) -> Vec<String> {
        let of_service = |operation: &str| {
            operation.contains("/instances/")
                || operation.contains("/jobs/")
                || operation.contains("TerminalSession")
                || operation.ends_with("DescribeSessions")
        };
        let calls = self.sandbox.calls().into_iter().map(|call| call.operation);
        calls.filter(|operation| !of_service(operation)).collect()
    }
}

/// An address of this machine where nobody listens, and nobody else can while the socket lives.
pub(crate) fn nobody() -> (tokio::net::TcpSocket, std::net::SocketAddr) {
    let silent = tokio::net::TcpSocket::new_v4().unwrap();
    silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = silent.local_addr().unwrap();
    (silent, address)
}

/// The service of a name.
pub(crate) fn named(name: &str) -> &'static Service {
    simulated().find(|service| service.spec.name == name).unwrap()
}

/// Settings as a provider block gives them.
pub(crate) fn given(settings: &Value) -> Given {
    let value = |name: &str, value: &Value| match value {
        Value::String(text) => SettingValue::Text(text.clone()),
        Value::Bool(yes) => SettingValue::Bool(*yes),
        Value::Number(number) => SettingValue::Integer(number.as_i64().unwrap()),
        Value::Array(all) if all.iter().all(Value::is_string) => {
            let texts = all.iter().filter_map(Value::as_str).map(str::to_owned);
            SettingValue::Texts(texts.collect())
        }
        Value::Array(all) => SettingValue::Objects(all.iter().map(given).collect()),
        Value::Object(map) if name == "endpoints" => {
            let text =
                |(name, url): (&String, &Value)| (name.clone(), url.as_str().unwrap().into());
            SettingValue::Map(map.iter().map(text).collect())
        }
        Value::Object(_) => SettingValue::Object(given(value)),
        Value::Null => unreachable!("nothing is given as nothing"),
    };
    let settings = settings.as_object().unwrap();
    Given(settings.iter().map(|(name, one)| (name.clone(), value(name, one))).collect())
}

impl Entropy for Surroundings {
    fn unit(&self) -> f64 {
        0.0
    }

    fn nonce(&self) -> String {
        let mut last = self.nonces.lock().unwrap();
        *last += 1;
        format!("{:032x}", *last)
    }
}

#[async_trait]
impl Environment for Surroundings {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.lock().unwrap().get(name).cloned()
    }

    fn home(&self) -> Option<PathBuf> {
        Some(PathBuf::from("/home/user"))
    }

    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>> {
        let found = self.files.lock().unwrap().get(path).cloned();
        found.map(String::into_bytes).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    async fn run(&self, program: &str, _arguments: &[String]) -> std::io::Result<Vec<u8>> {
        assert_eq!(program, "keys");
        Ok(self.keys.lock().unwrap().clone().into_bytes())
    }
}
