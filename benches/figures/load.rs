//! Ten thousand sessions on fifty nodes, beside a plain loop that sends the same requests.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use terraform_provider_session::access::{self, Client, Given, SettingValue};
use terraform_provider_session::engine::{self, Aim, Log, Pace, Report, Silent, Turns};
use terraform_provider_session::services::simulator::{
    Clients, Inbound, Instance, LiveClient, Simulator, Stage,
};
use terraform_provider_session::services::{ALL, Scope, Service, Target};
use terraform_provider_session::wire::{HttpError, HttpSend, Outside};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::table::{Figure, fastest, seconds};

const SERVICE: &str = "huaweicloud_dds";
const INSTANCE: &str = "dd500000000000000000000000000009in02";
const NODES: usize = 50;
const SESSIONS: usize = 10_000;
/// Sessions of one page of the service's list.
const PAGE: usize = 100;
/// Calls at a time.
const CONCURRENCY: usize = 8;
/// How often both are measured, by turns.
const ROUNDS: usize = 15;
/// No longer than so many times the plain loop.
const GOAL: f64 = 1.2;
/// No more calls than so many times the least.
const CALLS: f64 = 1.1;

/// The calls and the time for all sessions.
pub(crate) async fn many_sessions() -> Vec<Figure> {
    let service = *ALL.iter().find(|service| service.spec.name == SERVICE).unwrap();
    let cloud = Arc::new(Cloud::new(service));
    let address = Arc::clone(&cloud).serve();
    let recorder = Arc::new(Recorder::new());
    let outside = Outside { http: recorder.clone(), ..Outside::real() };
    let client = Arc::new(client(outside, &address));

    let (mut times, mut beside) = (Vec::new(), Vec::new());
    let mut requests = Vec::new();
    for _ in 0..ROUNDS {
        cloud.connect();
        // A task of its own, as a call of the host is.
        let (report, took) = tokio::spawn(run(service, Arc::clone(&client))).await.unwrap();
        assert_eq!(report.terminated(), SESSIONS, "{:?}", report.halt);
        assert_eq!(cloud.left(), 0, "all are ended");
        times.push(took);
        requests = recorder.take();
        cloud.connect();
        beside.push(plain_loop(&recorder.http, &requests).await);
        assert_eq!(cloud.left(), 0, "the plain loop ends them too");
    }
    let connections = cloud.connections.load(Ordering::Relaxed);
    let moving = calls_where_clients_leave(service, client, &cloud, &recorder).await;
    assert!(connections < requests.len() / 10, "connections are kept and used again");
    let per_node = SESSIONS / NODES;
    let least = 1
        + NODES * per_node.div_ceil(PAGE)
        + NODES * per_node.div_ceil(service.spec.limits.batch)
        + NODES;
    let (time, beside) = (fastest(&times), fastest(&beside));
    let share = time.as_secs_f64() / beside.as_secs_f64();
    vec![
        Figure {
            name: "10,000 sessions on 50 nodes: calls".into(),
            measured: requests.len().to_string(),
            goal: Some((
                format!("< {CALLS} times the least"),
                requests.len() as f64 / (least as f64) < CALLS,
            )),
            beside: format!("the least possible: {least}"),
        },
        Figure {
            name: "the same where one leaves with every tenth answer: calls".into(),
            measured: moving.to_string(),
            goal: None,
            beside: format!("in a world that is still: {}", requests.len()),
        },
        Figure {
            name: "10,000 sessions on 50 nodes: connections".into(),
            measured: connections.to_string(),
            goal: None,
            beside: format!("for {} calls, {CONCURRENCY} at a time", 2 * ROUNDS * requests.len()),
        },
        Figure {
            name: "10,000 sessions on 50 nodes: time".into(),
            measured: seconds(time),
            goal: Some((format!("< {GOAL} times the plain loop"), share < GOAL)),
            beside: format!(
                "a plain loop of the same calls: {}, so {share:.2} times",
                seconds(beside)
            ),
        },
    ]
}

/// How many calls the same takes while clients leave by themselves.
async fn calls_where_clients_leave(
    service: &'static Service,
    client: Arc<Client>,
    cloud: &Cloud,
    recorder: &Recorder,
) -> usize {
    cloud.connect();
    cloud.leaving.store(true, Ordering::Relaxed);
    let (report, _) = tokio::spawn(run(service, client)).await.unwrap();
    cloud.leaving.store(false, Ordering::Relaxed);
    assert!(report.halt.is_none() && report.survived() == 0, "{:?}", report.halt);
    assert_eq!(cloud.left(), 0, "nobody is hidden by who leaves");
    recorder.take().len()
}

/// A client of the account that calls go to this machine with.
fn client(outside: Outside, address: &str) -> Client {
    let product = ALL.iter().find(|one| one.spec.name == SERVICE).unwrap().spec.product;
    let text = |text: &str| SettingValue::Text(text.to_owned());
    let endpoints = BTreeMap::from([(product.to_owned(), address.to_owned())]);
    let given = Given(BTreeMap::from([
        ("region".to_owned(), text("cn-north-4")),
        ("access_key".to_owned(), text("FIGURESACCESSKEY")),
        ("secret_key".to_owned(), text("figures-secret-key-of-no-value")),
        ("project_id".to_owned(), text("0123456789abcdef0123456789abcdef")),
        ("endpoints".to_owned(), SettingValue::Map(endpoints)),
    ]));
    let cloud = access::find("huaweicloud").unwrap();
    let signer = cloud.account(&given, &outside).unwrap().signer(None).unwrap();
    Client::new(signer, outside)
}

/// The engine's way.
async fn run(service: &'static Service, client: Arc<Client>) -> (Report, Duration) {
    let target = Target(BTreeMap::from([("instance_id", INSTANCE.to_owned())]));
    let pace = Pace::new(NonZeroUsize::new(CONCURRENCY).unwrap(), Arc::new(|| 0.5));
    let request = engine::Request::everybody(Duration::from_secs(300));
    let cancel = CancellationToken::new();
    let began = Instant::now();
    let scope = Scope::new(service.spec, None, &target);
    let sessions = service.over_http(client, target).unwrap();
    let turns = Turns::default();
    let aim = Aim { spec: service.spec, sessions: &*sessions, scope: &scope, turns: &turns };
    let report = engine::terminate(aim, &request, &pace, &Log::none(), &Silent, &cancel).await;
    let took = began.elapsed();
    (report, took)
}

/// The same requests in the same order, as many at a time, and nothing else.
async fn plain_loop(http: &Arc<dyn HttpSend>, requests: &[Request<Bytes>]) -> Duration {
    let requests: Arc<[Request<Bytes>]> = requests.to_vec().into();
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let workers = (0..CONCURRENCY).map(|_| {
        let (http, requests, next) = (http.clone(), requests.clone(), next.clone());
        tokio::spawn(async move {
            while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
                let answer = http.send(request.clone()).await.unwrap();
                assert!(answer.status().is_success(), "{}", answer.status());
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    began.elapsed()
}

/// The real client, remembering what goes through.
struct Recorder {
    http: Arc<dyn HttpSend>,
    seen: Mutex<Vec<Request<Bytes>>>,
}

impl Recorder {
    fn new() -> Recorder {
        Recorder { http: Outside::real().http, seen: Mutex::default() }
    }

    fn take(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut *self.seen.lock().unwrap())
    }
}

#[async_trait]
impl HttpSend for Recorder {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.seen.lock().unwrap().push(request.clone());
        self.http.send(request).await
    }
}

/// The service's own simulator behind HTTP, without a gate: the faster it answers, the more what
/// the engine adds will show.
struct Cloud {
    simulator: Mutex<Box<dyn Simulator>>,
    crowd: Arc<Mutex<Crowd>>,
    connections: AtomicUsize,
    answers: AtomicUsize,
    /// Whether somebody leaves with every tenth answer.
    leaving: AtomicBool,
}

/// Who is connected, by node and key.
#[derive(Default)]
struct Crowd(HashMap<String, BTreeMap<String, LiveClient>>);

impl Clients for Crowd {
    fn list(&mut self, node: &str) -> Vec<LiveClient> {
        self.0.get(node).map(|all| all.values().cloned().collect()).unwrap_or_default()
    }

    fn kill(&mut self, node: &str, key: &str) -> bool {
        self.0.get_mut(node).is_some_and(|all| all.remove(key).is_some())
    }
}

impl Cloud {
    fn new(service: &Service) -> Cloud {
        let crowd = Arc::new(Mutex::new(Crowd::default()));
        let nodes = (0..NODES).map(|node| (node_id(node), "Primary")).collect();
        let instance = Instance { nodes, ..Instance::new(INSTANCE, &[]) };
        let stage = Stage::new(vec![instance], Arc::clone(&crowd) as Arc<Mutex<dyn Clients>>);
        let simulator = Mutex::new((service.scene().simulator)(stage));
        let (connections, answers) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Cloud { simulator, crowd, connections, answers, leaving: AtomicBool::new(false) }
    }

    /// All sessions are there, from now on.
    fn connect(&self) {
        let mut crowd = self.crowd.lock().unwrap();
        for node in 0..NODES {
            let clients = (0..SESSIONS / NODES).map(|number| {
                let id = (10_000 + number).to_string();
                let client = LiveClient {
                    id: id.clone(),
                    address: format!("10.{node}.{}.{}:40000", number / 250, number % 250 + 1),
                    user: "app".into(),
                    command: "query".into(),
                    database: "shop".into(),
                    age: 600,
                    ..LiveClient::default()
                };
                (id, client)
            });
            crowd.0.insert(node_id(node), clients.collect());
        }
    }

    /// Whoever connected first to one of the nodes leaves, now and then.
    fn answered(&self) {
        let answers = self.answers.fetch_add(1, Ordering::Relaxed);
        if self.leaving.load(Ordering::Relaxed) && answers.is_multiple_of(10) {
            let mut crowd = self.crowd.lock().unwrap();
            if let Some(clients) = crowd.0.get_mut(&node_id(answers / 10 % NODES)) {
                clients.pop_first();
            }
        }
    }

    /// How many sessions are there.
    fn left(&self) -> usize {
        self.crowd.lock().unwrap().0.values().map(BTreeMap::len).sum()
    }

    /// Serves on a free port, and says where. A cloud is another machine: it has a thread of its own,
    /// so that those who call it are not held up while it works.
    fn serve(self: Arc<Self>) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let serving = async move {
            let listener = TcpListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                self.connections.fetch_add(1, Ordering::Relaxed);
                stream.set_nodelay(true).unwrap();
                let cloud = Arc::clone(&self);
                let service = service_fn(move |request| answer(Arc::clone(&cloud), request));
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        };
        std::thread::spawn(move || runtime.block_on(serving));
        address
    }
}

async fn answer(
    cloud: Arc<Cloud>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let request = Request::from_parts(parts, body);
    let inbound = Inbound { request: &request, at: SystemTime::now(), fault: None };
    let response = cloud.simulator.lock().unwrap().respond(&inbound);
    cloud.answered();
    Ok(response.expect("the service knows its own calls").map(Full::new))
}

fn node_id(number: usize) -> String {
    format!("dd5{number:029}no02")
}
