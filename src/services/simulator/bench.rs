//! A service's client wired to its own simulator, for the tests in the service's file: no
//! signature, no network, a clock that is stepped. What the cloud's real signer and the sandbox's
//! front door add is tested in `tests/it/services.rs`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::{Fault, Inbound, Simulator, Stage, SteppedClock};
use crate::cloud::{Call, Client, Error, Kind, Refusal, Renew, Signer};
use crate::services::{Node, Service, Session, SessionId, Sessions, Target};
use crate::wire::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};

/// A simulator on a bench.
pub(crate) struct Bench {
    service: &'static dyn Service,
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
    requests: Mutex<Vec<Request<Bytes>>>,
}

impl Bench {
    pub(crate) fn new(service: &'static dyn Service, stage: Stage) -> Bench {
        let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock = Arc::new(SteppedClock::at(noon));
        let wire = Arc::new(Wire {
            clock: Arc::clone(&clock),
            simulator: Mutex::new(service.simulator(stage)),
            fault: Mutex::new(None),
            canned: Mutex::new(Vec::new()),
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
        let client = Arc::new(Client::new(Arc::new(Plain), outside));
        let inputs = inputs.iter().map(|(name, value)| (*name, (*value).to_owned()));
        self.service.connect(client, Target(inputs.collect::<BTreeMap<_, _>>()))
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
    Node { id: id.into(), name: id.into() }
}

/// All that a node's list holds, page by page. Pages may overlap.
pub(crate) async fn all_pages(sessions: &dyn Sessions, node: &Node) -> Vec<Session> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = sessions.list(node, after).await.unwrap();
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
        Ok(self.answer(request))
    }
}

/// Signs nothing, and reads the error envelopes of both clouds.
struct Plain;

#[async_trait]
impl Signer for Plain {
    async fn request(&self, call: &Call, _renew: Renew) -> Result<Request<Bytes>, Error> {
        let query = call.query.iter().map(|(name, value)| {
            let encode = percent_encoding::NON_ALPHANUMERIC;
            let value = percent_encoding::utf8_percent_encode(value, encode);
            format!("{name}={value}")
        });
        let query = query.collect::<Vec<_>>().join("&");
        let path = call.path.replace("{project_id}", "p0");
        let body = call.body.as_ref().map(ToString::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(call.method.clone())
            .uri(format!("https://{}.here.invalid{path}?{query}", call.product))
            .header("content-type", "application/json")
            .header("x-acs-action", call.operation)
            .header("x-acs-version", call.version)
            .body(Bytes::from(body));
        Ok(request.unwrap())
    }

    fn refusal(&self, call: &Call, response: &Response<Bytes>) -> Option<Refusal> {
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            return None;
        }
        let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap_or_default();
        let text = |names: [&str; 2]| {
            names.iter().find_map(|name| body[*name].as_str()).map(str::to_owned)
        };
        let kind = match status {
            429 => Kind::Throttled,
            500.. => Kind::Unavailable,
            400 => Kind::BadRequest,
            _ => Kind::Refused,
        };
        let message = text(["error_msg", "Message"]).unwrap_or_default();
        let error = Error::new(kind, call.operation, message);
        let error = Error { status: Some(status), code: text(["error_code", "Code"]), ..error };
        Some(Refusal { error, expired: false })
    }

    fn request_id(&self, _response: &Response<Bytes>) -> Option<String> {
        Some("req-1".to_owned())
    }

    fn region(&self) -> &str {
        "here"
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
