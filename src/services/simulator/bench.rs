//! A service's client wired to its own simulator, for the tests in the service's file: no network,
//! a clock that is stepped, and signatures that nobody checks. Refusals are read by the cloud's own
//! signer. What the sandbox's front door adds is tested in `tests/it/services.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::{Fault, Inbound, Simulator, Stage, SteppedClock};
use crate::access::{self, Call, Client, Error, Given, Refusal, Renew, SettingValue, Signer};
use crate::services::{Node, Service, Session, SessionId, Sessions, Target};
use crate::wire::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};

/// A simulator on a bench.
pub(crate) struct Bench {
    service: &'static Service,
    /// The simulator's time.
    pub(crate) clock: Arc<SteppedClock>,
    wire: Arc<Wire>,
}

struct Wire {
    clock: Arc<SteppedClock>,
    simulator: Mutex<Box<dyn Simulator>>,
    fault: Mutex<Option<Fault>>,
    /// Answers that come instead of the simulator's, in order.
    canned: Mutex<Vec<Response<Bytes>>>,
    /// How many answers come that are too large to be read.
    too_large: Mutex<usize>,
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl Bench {
    pub(crate) fn new(service: &'static Service, stage: Stage) -> Bench {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Arc::new(SteppedClock::at(noon));
        let wire = Arc::new(Wire {
            clock: Arc::clone(&clock),
            simulator: Mutex::new((service.scene().simulator)(stage)),
            fault: Mutex::new(None),
            canned: Mutex::new(Vec::new()),
            too_large: Mutex::new(0),
            requests: Mutex::new(Vec::new()),
        });
        Bench { service, clock, wire }
    }

    /// The service's sessions on a target of these inputs.
    pub(crate) fn sessions(&self, inputs: &[(&'static str, &str)]) -> Box<dyn Sessions> {
        let outside = Outside {
            http: Arc::clone(&self.wire) as Arc<dyn HttpSend>,
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            entropy: Arc::new(Nothing),
            environment: Arc::new(Nothing),
        };
        let given = [("region", "here"), ("access_key", "AK"), ("secret_key", "SK")];
        let given = given.into_iter().chain([("project_id", "p0")]);
        let text = |(name, text): (&str, &str)| (name.to_owned(), SettingValue::Text(text.into()));
        let given = Given(given.map(text).collect());
        let cloud = access::find(self.service.spec.platform).unwrap();
        let signer = cloud.account(&given, &outside).unwrap().signer(None).unwrap();
        let client = Arc::new(Client::new(Arc::new(Numbered(signer)), outside));
        let inputs = inputs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let target = Target(inputs.collect::<BTreeMap<_, _>>());
        self.service.over_http(client, target).unwrap()
    }

    /// Switches a fault on, or off, for all requests from now on.
    pub(crate) fn fault(&self, fault: impl Into<Option<Fault>>) {
        *self.wire.fault.lock().unwrap() = fault.into();
    }

    /// The next request that nothing else was canned for is answered with this.
    pub(crate) fn can(&self, status: u16, body: &str) {
        let response = Response::builder().status(status).body(Bytes::from(body.to_owned()));
        self.wire.canned.lock().unwrap().push(response.unwrap());
    }

    /// The next `answers` are too large to be read.
    pub(crate) fn too_large(&self, answers: usize) {
        *self.wire.too_large.lock().unwrap() = answers;
    }

    /// Sends a request as it is, past the client.
    pub(crate) fn raw(&self, method: &str, uri: &str, body: &str) -> Response<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_owned()));
        self.wire.answer(request.unwrap())
    }

    /// Sends a call of Alibaba Cloud's kind as it is, past the client.
    pub(crate) fn raw_action(&self, version: &str, action: &str, query: &str) -> Response<Bytes> {
        let request = Request::builder()
            .method("POST")
            .uri(format!("https://product.here.invalid/?{query}"))
            .header("x-acs-version", version)
            .header("x-acs-action", action)
            .body(Bytes::new());
        self.wire.answer(request.unwrap())
    }

    /// Method, path with query, and body of the requests so far.
    pub(crate) fn requests(&self) -> Vec<(String, String, String)> {
        let requests = self.wire.requests.lock().unwrap();
        let shown = |request: &Request<Bytes>| {
            let path = request.uri().path_and_query().unwrap().to_string();
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            (request.method().to_string(), path, body)
        };
        requests.iter().map(shown).collect()
    }
}

/// A node of an id.
pub(crate) fn node(id: &str) -> Node {
    Node::of(id)
}

/// All that a node's list holds, page by page. Pages may overlap.
pub(crate) async fn all_pages(sessions: &dyn Sessions, node: &Node) -> Vec<Session> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = sessions.list(node, None, after).await.unwrap();
        let known = ids(&found);
        found.extend(page.sessions.into_iter().filter(|one| !known.contains(&one.id)));
        after = page.next;
        if after.is_none() {
            return found;
        }
    }
}

/// The ids of sessions.
pub(crate) fn ids(sessions: &[Session]) -> Vec<SessionId> {
    sessions.iter().map(|session| session.id.clone()).collect()
}

impl Wire {
    fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        self.requests.lock().unwrap().push(request.clone());
        let mut canned = self.canned.lock().unwrap();
        if !canned.is_empty() {
            return canned.remove(0);
        }
        let mut simulator = self.simulator.lock().unwrap();
        let (at, fault) = (self.clock.now(), *self.fault.lock().unwrap());
        simulator.settle(at);
        let nobody = Response::builder().status(404).body(Bytes::new()).unwrap();
        simulator.respond(&Inbound { request: &request, at, fault }).unwrap_or(nobody)
    }
}

#[async_trait]
impl HttpSend for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.answer(request);
        let mut too_large = self.too_large.lock().unwrap();
        if *too_large > 0 {
            *too_large -= 1;
            return Err(HttpError::TooLarge { host: "product.here.invalid".to_owned(), most: 32 });
        }
        Ok(answer)
    }
}

/// The cloud's own signer, with a key that nobody checks and an id for every request.
struct Numbered(Arc<dyn Signer>);

#[async_trait]
impl Signer for Numbered {
    async fn request(&self, call: &Call, renew: Renew) -> Result<Request<Bytes>, Error> {
        self.0.request(call, renew).await
    }

    fn refusal(&self, call: &Call, response: &Response<Bytes>, renew: Renew) -> Option<Refusal> {
        self.0.refusal(call, response, renew)
    }

    fn request_id(&self, _response: &Response<Bytes>) -> Option<String> {
        Some("req-1".to_owned())
    }

    fn region(&self) -> &str {
        self.0.region()
    }
}

/// No randomness and no environment.
struct Nothing;

impl Entropy for Nothing {
    fn unit(&self) -> f64 {
        0.0
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

#[async_trait]
impl Environment for Nothing {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }

    fn read(&self, _path: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    async fn run(&self, _program: &str, _arguments: &[String]) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}
