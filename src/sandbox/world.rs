//! The sandbox itself: gates, services, who is connected, and the way of a request.
//!
//! Locks are taken in one order: the state, then the ledger.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};

use super::alicloud::{Alicloud, AlicloudAccount};
use super::aws::{Aws, AwsAccount};
use super::faults::{Faults, Switch, Trouble};
use super::gate::{Gate, Refused};
use super::huaweicloud::Huaweicloud;
use super::ledger::{Killed, Ledger};
use super::setup::{Account, Login, Setup};
use crate::services::simulator::{Again, Clients, Inbound, Instance, LiveClient, Simulator, Stage};
use crate::services::{Service, Spec, simulated};
use crate::wire::Clock;

/// Calls that are remembered.
const MOST_CALLS: usize = 10_000;
/// How long a slow answer takes.
pub(super) const SLOW: Duration = Duration::from_secs(30);

/// One call that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallLine {
    /// When, by the sandbox's clock.
    pub at: SystemTime,
    /// Like `POST /v2/p/instances/i/clients/kill`.
    pub operation: String,
    /// The status it was answered with, or was to be.
    pub status: u16,
    /// Its id.
    pub request_id: String,
    /// The fault it met.
    pub trouble: Option<Trouble>,
}

/// What a watcher is told.
#[derive(Clone, Copy, Debug)]
pub enum Happening<'a> {
    /// A call was answered.
    Called(&'a CallLine),
    /// A connection was really cut.
    Killed(&'a Killed),
}

/// An answer, and how it shall arrive.
#[derive(Debug)]
pub struct Reply {
    /// The answer.
    pub response: Response<Bytes>,
    /// How it arrives.
    pub delivery: Delivery,
}

/// How an answer arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// As it should.
    Whole,
    /// In two halves, the second late.
    Slow,
    /// The connection drops in its middle.
    Cut,
    /// The connection drops instead.
    Dropped,
    /// Never.
    Never,
}

/// Someone who is told of all that happens.
type Watcher = Box<dyn Fn(Happening<'_>) + Send + Sync>;

/// A cloud on this machine.
pub struct Sandbox {
    clock: Arc<dyn Clock>,
    account: Account,
    alicloud: AlicloudAccount,
    aws: AwsAccount,
    clients: usize,
    scenery: Vec<(&'static Spec, Vec<Instance>)>,
    ledger: Arc<Mutex<Ledger>>,
    state: Mutex<State>,
    watcher: Option<Watcher>,
}

struct State {
    gates: Vec<Box<dyn Gate>>,
    services: Vec<Served>,
    faults: Faults,
    calls: VecDeque<CallLine>,
    answered: u64,
}

struct Served {
    service: &'static Service,
    stage: Stage,
    simulator: Box<dyn Simulator>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Sandbox {
    /// A sandbox of all services. Connects to nothing yet.
    pub fn new(setup: Setup, clock: Arc<dyn Clock>) -> Sandbox {
        let scenery: Vec<(&'static Spec, Vec<Instance>)> =
            simulated().map(|service| (service.spec, (service.scene().scenery)())).collect();
        let real = |service: Option<&str>| -> BTreeSet<String> {
            let meant = scenery.iter().filter(|(spec, _)| service.is_none_or(|it| it == spec.name));
            let instances = meant.flat_map(|(_, instances)| instances).filter(|one| one.redis);
            instances.flat_map(|one| &one.nodes).map(|(id, _)| id.clone()).collect()
        };
        // The first that stands behind a node counts.
        let own = setup.redis_of.into_iter().map(|(service, redis)| (real(Some(&service)), redis));
        let redis = own.chain(setup.redis.map(|redis| (real(None), redis))).collect();
        let ledger = Arc::new(Mutex::new(Ledger::new(Arc::clone(&clock), redis)));
        let served = |(service, (_, instances)): (&'static Service, &(_, Vec<Instance>))| {
            let clients = Arc::clone(&ledger) as Arc<Mutex<dyn Clients>>;
            let stage = Stage::new(instances.clone(), clients);
            let again = match service.spec.ids_again {
                Some(_) => Again::Id,
                None => Again::Never,
            };
            let stage = Stage { job: setup.job, gone: setup.gone, again, ..stage };
            Served { service, simulator: (service.scene().simulator)(stage.clone()), stage }
        };
        let state = State {
            gates: vec![
                // Before Alibaba Cloud, whose metadata have the same paths.
                Box::new(Aws::new(setup.aws.clone())),
                Box::new(Alicloud::new(setup.alicloud.clone())),
                Box::new(Huaweicloud::new(setup.account.clone())),
            ],
            services: simulated().zip(&scenery).map(served).collect(),
            faults: Faults::default(),
            calls: VecDeque::new(),
            answered: 0,
        };
        let Setup { account, alicloud, aws, clients, .. } = setup;
        let state = Mutex::new(state);
        let watcher = None;
        let sandbox =
            Sandbox { clock, account, alicloud, aws, clients, scenery, ledger, state, watcher };
        sandbox.populate();
        sandbox
    }

    /// The same, telling `watcher` of all that happens.
    #[must_use]
    pub fn watched(mut self, watcher: impl Fn(Happening<'_>) + Send + Sync + 'static) -> Sandbox {
        self.watcher = Some(Box::new(watcher));
        self
    }

    /// The account of Huawei Cloud that it knows.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The account of Alibaba Cloud that it knows.
    pub fn alicloud(&self) -> &AlicloudAccount {
        &self.alicloud
    }

    /// The account of AWS that it knows.
    pub fn aws(&self) -> &AwsAccount {
        &self.aws
    }

    /// How to log in to a cloud; None if it is not played.
    pub fn login(&self, cloud: &str) -> Option<Login<'_>> {
        let (account, alicloud) = (&self.account, &self.alicloud);
        match cloud {
            "alicloud" => Some(Login {
                region: &alicloud.region,
                access_key: &alicloud.access_key,
                secret_key: &alicloud.secret_key,
                identity: &["sts"],
            }),
            "aws" => Some(Login {
                region: &self.aws.region,
                access_key: &self.aws.access_key,
                secret_key: &self.aws.secret_key,
                identity: &["sts"],
            }),
            "huaweicloud" => Some(Login {
                region: &account.region,
                access_key: &account.access_key,
                secret_key: &account.secret_key,
                identity: &["iam", "sts"],
            }),
            _ => None,
        }
    }

    /// All services and their instances.
    pub fn scenery(&self) -> &[(&'static Spec, Vec<Instance>)] {
        &self.scenery
    }

    /// Who is connected, and who was cut.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The calls so far, the oldest first.
    pub fn calls(&self) -> Vec<CallLine> {
        self.state().calls.iter().cloned().collect()
    }

    /// Switches a fault on.
    pub fn switch_on(&self, switch: Switch) {
        self.state().faults.switch_on(switch);
    }

    /// Starts afresh: no faults, no logs, nothing locked, everybody in memory connected again.
    pub fn reset(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.calls.clear();
        state.gates.iter_mut().for_each(|gate| gate.reset());
        for served in &mut state.services {
            served.simulator = (served.service.scene().simulator)(served.stage.clone());
        }
        self.ledger().clear();
        self.populate();
    }

    /// Does what jobs have left to do by now.
    pub fn settle(&self) {
        let now = self.clock.now();
        self.ledger().settle();
        self.state().services.iter_mut().for_each(|served| served.simulator.settle(now));
        self.tell(None);
    }

    /// Answers a request of a cloud's. Blocks while a real server is asked.
    pub(super) fn serve(&self, request: &Request<Bytes>) -> Reply {
        self.settle();
        let (reply, line) = self.state().answer(request, self.clock.now(), &self.ledger);
        self.tell(Some(&line));
        reply
    }

    fn tell(&self, call: Option<&CallLine>) {
        let killed = self.ledger().take_untold();
        let Some(watcher) = &self.watcher else { return };
        call.into_iter().for_each(|line| watcher(Happening::Called(line)));
        killed.iter().for_each(|one| watcher(Happening::Killed(one)));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Connects the clients that are there from the start.
    fn populate(&self) {
        let mut ledger = self.ledger();
        let instances = self.scenery.iter().flat_map(|(_, instances)| instances);
        for (host, (node, _)) in instances.flat_map(|instance| &instance.nodes).enumerate() {
            for number in 0..self.clients {
                ledger.connect(node, client(host, number));
            }
        }
    }
}

/// The `number`th client of the `host`th node: workers of two users, of different age.
fn client(host: usize, number: usize) -> LiveClient {
    let (user, command) = if number.is_multiple_of(3) { ("admin", "ping") } else { ("app", "get") };
    let age = i64::try_from(number).unwrap_or_default() * 60 + 30;
    LiveClient {
        id: (1000 * (host + 1) + number).to_string(),
        address: format!(
            "10.{}.{}.{}:{}",
            host % 250,
            number / 250,
            number % 250 + 1,
            40_000 + host
        ),
        name: format!("worker-{number}"),
        user: user.into(),
        command: command.into(),
        database: (number % 2).to_string(),
        age,
        idle: age / 2,
        ..LiveClient::default()
    }
}

impl State {
    fn answer(
        &mut self,
        request: &Request<Bytes>,
        at: SystemTime,
        ledger: &Mutex<Ledger>,
    ) -> (Reply, CallLine) {
        self.answered += 1;
        let request_id = format!("{:032x}", self.answered);
        let gate = self.gates.iter().position(|gate| gate.recognises(request));
        let operation = match gate.and_then(|gate| self.gates.get(gate)) {
            Some(gate) => gate.operation(request),
            None => format!("{} {}", request.method(), request.uri().path()),
        };
        let trouble = self.faults.next(&operation);
        let mut response = self.respond(gate, request, at, trouble);
        if let Some(gate) = gate.and_then(|gate| self.gates.get(gate)) {
            let trouble_behind =
                ledger.lock().unwrap_or_else(PoisonError::into_inner).take_trouble();
            if trouble_behind.is_some() {
                response = gate.refusal(Refused::ServerError, request);
            }
            gate.identify(&mut response, &request_id);
        }
        if trouble == Some(Trouble::WrongContentType) {
            let kind = HeaderValue::from_static("text/html");
            response.headers_mut().insert(header::CONTENT_TYPE, kind);
            *response.body_mut() = Bytes::from_static(b"<html><body>Welcome</body></html>");
        }
        let status = response.status().as_u16();
        let line = CallLine { at, operation, status, request_id, trouble };
        if self.calls.len() >= MOST_CALLS {
            self.calls.pop_front();
        }
        self.calls.push_back(line.clone());
        (Reply { response: marked(response), delivery: delivery(trouble) }, line)
    }

    /// The way of a request: through its cloud's gate to the first service that knows it.
    fn respond(
        &mut self,
        gate: Option<usize>,
        request: &Request<Bytes>,
        at: SystemTime,
        trouble: Option<Trouble>,
    ) -> Response<Bytes> {
        let Some(gate) = gate.and_then(|gate| self.gates.get_mut(gate)) else {
            let mut nobody = Response::new(Bytes::from_static(b"no cloud has such an API"));
            *nobody.status_mut() = StatusCode::NOT_FOUND;
            return nobody;
        };
        if let Some(refused) = refused(trouble) {
            return gate.refusal(refused, request);
        }
        if trouble == Some(Trouble::ResetBefore) {
            return Response::default();
        }
        let admitted = match gate.admit(request, at) {
            Ok(admitted) => admitted,
            Err(response) => return response,
        };
        let fault = match trouble {
            Some(Trouble::Service(fault)) => Some(fault),
            _ => None,
        };
        let inbound = Inbound { request, at, fault };
        let product = admitted.product.as_deref();
        let mine = |served: &&mut Served| {
            let spec = served.service.spec;
            spec.platform == gate.cloud() && product.is_none_or(|product| product == spec.product)
        };
        let mut services = self.services.iter_mut().filter(mine);
        let answer = services.find_map(|served| served.simulator.respond(&inbound));
        answer.unwrap_or_else(|| gate.refusal(Refused::Unknown, request))
    }
}

/// How the answer arrives under a fault.
fn delivery(trouble: Option<Trouble>) -> Delivery {
    match trouble {
        Some(Trouble::ResetBefore | Trouble::ResetAfter) => Delivery::Dropped,
        Some(Trouble::Hang) => Delivery::Never,
        Some(Trouble::SlowBody) => Delivery::Slow,
        Some(Trouble::TruncatedBody) => Delivery::Cut,
        Some(
            Trouble::Throttle
            | Trouble::ServerError
            | Trouble::Unavailable
            | Trouble::WrongContentType
            | Trouble::ExpiredToken
            | Trouble::WrongSignature
            | Trouble::Service(_),
        )
        | None => Delivery::Whole,
    }
}

/// What a fault makes the gateway refuse.
fn refused(trouble: Option<Trouble>) -> Option<Refused> {
    match trouble? {
        Trouble::Throttle => Some(Refused::Throttled),
        Trouble::ServerError => Some(Refused::ServerError),
        Trouble::Unavailable => Some(Refused::Unavailable),
        Trouble::ExpiredToken => Some(Refused::Expired),
        Trouble::WrongSignature => Some(Refused::WrongSignature),
        Trouble::ResetBefore
        | Trouble::ResetAfter
        | Trouble::Hang
        | Trouble::SlowBody
        | Trouble::TruncatedBody
        | Trouble::WrongContentType
        | Trouble::Service(_) => None,
    }
}

/// Every answer says that it is a sandbox's.
pub(super) fn marked(mut response: Response<Bytes>) -> Response<Bytes> {
    response.headers_mut().insert("x-session-sandbox", HeaderValue::from_static("1"));
    response
}
