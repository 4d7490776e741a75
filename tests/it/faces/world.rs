//! One service's sandbox, time that is never waited for, and the provider behind its real door.
//!
//! Every walk of Terraform is a process of its own: [`World::plugin`] starts the real provider anew,
//! with the real gRPC server, over a pipe in memory. The sandbox's clock is tokio's, so a paused
//! test sees jobs, backoffs and timeouts pass at once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use hyper_util::rt::TokioIo;
use terraform_provider_session::framework::{Face, Object, Provider, Type, Value};
use terraform_provider_session::protocol::wire_types::provider_client::ProviderClient;
use terraform_provider_session::protocol::wire_types::{self as wire};
use terraform_provider_session::protocol::{Shutdown, dynamic_value, serve};
use terraform_provider_session::provider::SessionProvider;
use terraform_provider_session::sandbox::{Sandbox, Setup, Switch, Trouble};
use terraform_provider_session::services::simulator::{Clients, Instance, LiveClient};
use terraform_provider_session::services::{Role, Service, Spec, simulated};
use terraform_provider_session::wire::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::codegen::Service as TowerService;
use tonic::transport::{Channel, Endpoint, Server, Uri};

/// The secret that must appear nowhere.
pub(crate) const SECRET: &str = "sandbox-secret-key-of-no-value";

/// The number of a client that came back.
pub(crate) const BACK: &str = "900000";

/// One service, one of its instances, and everybody who is connected to it.
pub(crate) struct World {
    pub(crate) service: &'static Service,
    pub(crate) instance: Instance,
    pub(crate) sandbox: Arc<Sandbox>,
    way: Arc<Way>,
    nothing: Arc<Nothing>,
    outside: Outside,
}

/// The way to the sandbox, which can be cut.
struct Way {
    sandbox: Arc<Sandbox>,
    sent: AtomicUsize,
    cut: AtomicBool,
    nameless: AtomicBool,
    /// A fault for later calls, and how many come before them.
    later: Mutex<Option<(Switch, usize)>>,
    /// Whether the first client that is cut comes back with the next call.
    back: AtomicBool,
    /// What others do between the calls.
    stir: Mutex<Stir>,
}

/// What others do between two calls.
#[derive(Default)]
pub(crate) enum Stir {
    /// Nothing.
    #[default]
    Nothing,
    /// Whoever connected first to this node leaves by himself, so many more times.
    Leave(String, usize),
    /// Somebody else asks for the same that was asked last, if that was a look.
    Ask(Option<Box<Request<Bytes>>>),
}

impl Way {
    /// Somebody else asks what was asked last, so that what it led to is made anew.
    async fn others_ask(&self, next: &Request<Bytes>) {
        let looks = next.method() == http::Method::GET || next.uri().path().ends_with("/clients");
        let again = match &mut *self.stir.lock().unwrap() {
            Stir::Ask(last) => std::mem::replace(last, looks.then(|| Box::new(next.clone()))),
            Stir::Nothing | Stir::Leave(..) => None,
        };
        if let Some(again) = again {
            drop(self.sandbox.send(*again).await);
        }
    }

    /// Whoever connected first leaves.
    fn others_leave(&self) {
        if let Stir::Leave(node, times @ 1..) = &mut *self.stir.lock().unwrap() {
            let mut ledger = self.sandbox.ledger();
            let first = ledger.list(node).into_iter().next();
            if first.is_some_and(|first| ledger.disconnect(node, &first.id)) {
                *times -= 1;
            }
        }
    }

    /// Counts towards the calls that meet a fault.
    fn count(&self) {
        let mut later = self.later.lock().unwrap();
        match later.take() {
            Some((switch, 0)) => self.sandbox.switch_on(switch),
            Some((switch, before)) => *later = Some((switch, before - 1)),
            None => {}
        }
    }

    /// Connects the first client that was cut once more, from another port.
    fn come_back(&self) {
        let mut ledger = self.sandbox.ledger();
        let Some(cut) = ledger.killed().next().cloned() else { return };
        if self.back.swap(false, Ordering::Relaxed) {
            let ip = cut.client.address.rsplit_once(':').map_or("", |(ip, _)| ip);
            let address = format!("{ip}:49999");
            let id = BACK.to_owned();
            ledger.connect(&cut.node, LiveClient { id, address, age: 0, idle: 0, ..cut.client });
        }
    }
}

#[async_trait]
impl HttpSend for Way {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        if self.cut.load(Ordering::Relaxed) {
            let host = request.uri().host().unwrap_or_default().to_owned();
            return Err(HttpError::NotSent { host, reason: "no route".to_owned() });
        }
        if self.nameless.load(Ordering::Relaxed) {
            let host = request.uri().host().unwrap_or_default().to_owned();
            return Err(HttpError::NoSuchHost { host });
        }
        self.count();
        self.come_back();
        self.others_ask(&request).await;
        let answer = self.sandbox.send(request).await;
        self.come_back();
        self.others_leave();
        answer
    }
}

/// Tokio's time as a wall clock.
struct Virtual {
    start: SystemTime,
    began: Instant,
}

impl Clock for Virtual {
    fn now(&self) -> SystemTime {
        self.start + self.began.elapsed()
    }
}

/// Foreseeable randomness, and no environment.
#[derive(Default)]
struct Nothing {
    nonces: AtomicU64,
    /// Whether the next nonce is a panic.
    panics: AtomicBool,
}

impl Entropy for Nothing {
    fn unit(&self) -> f64 {
        0.5
    }

    fn nonce(&self) -> String {
        assert!(!self.panics.swap(false, Ordering::Relaxed), "no luck, on purpose");
        format!("{:032x}", self.nonces.fetch_add(1, Ordering::Relaxed) + 1)
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

    fn read(&self, _path: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    async fn run(&self, _program: &str, _arguments: &[String]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// A world for every service.
pub(crate) fn worlds() -> impl Iterator<Item = World> {
    simulated().map(|service| World::new(service, Setup::default()))
}

/// The service of a name, in a world of its own.
pub(crate) fn world(name: &str) -> World {
    worlds().find(|world| world.spec().name == name).unwrap()
}

impl World {
    pub(crate) fn new(service: &'static Service, setup: Setup) -> World {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let clock: Arc<dyn Clock> = Arc::new(Virtual { start, began: Instant::now() });
        let sandbox = Arc::new(Sandbox::new(setup, Arc::clone(&clock)));
        let (sent, cut) = (AtomicUsize::new(0), AtomicBool::new(false));
        let nameless = AtomicBool::new(false);
        let (later, back) = (Mutex::new(None), AtomicBool::new(false));
        let (sandbox_too, stir) = (Arc::clone(&sandbox), Mutex::default());
        let way = Arc::new(Way { sandbox: sandbox_too, sent, cut, nameless, later, back, stir });
        let nothing = Arc::new(Nothing::default());
        let outside = Outside {
            http: Arc::clone(&way) as Arc<dyn HttpSend>,
            clock,
            entropy: Arc::clone(&nothing) as Arc<dyn Entropy>,
            environment: Arc::clone(&nothing) as Arc<dyn Environment>,
        };
        let instance = (service.scene().scenery)().remove(0);
        World { service, instance, sandbox, way, nothing, outside }
    }

    /// The same with another instance of the service, by its number.
    pub(crate) fn other(&self, number: usize) -> Option<Instance> {
        (self.service.scene().scenery)().into_iter().nth(number)
    }

    pub(crate) fn spec(&self) -> &'static Spec {
        self.service.spec
    }

    /// An id of the service's shape: where its list gives the connection's own key, that of the first
    /// who connects later.
    pub(crate) fn some_id(&self) -> &'static str {
        if (self.spec().is_id)("900001") { "900001" } else { "10.0.0.9:41000" }
    }

    /// The argument that names an instance.
    pub(crate) fn target(&self) -> &'static str {
        self.spec().inputs[0].name
    }

    /// Whether single sessions can be meant.
    pub(crate) fn is_selective(&self) -> bool {
        self.spec().limits.batch > 0
    }

    /// The type's name, of all faces but the data source.
    pub(crate) fn termination(&self) -> String {
        format!("session_termination_{}", self.spec().name)
    }

    pub(crate) fn fault(&self, trouble: Trouble) {
        self.sandbox.switch_on(Switch::new(trouble));
    }

    /// A fault is switched on after so many more calls.
    pub(crate) fn fault_later(&self, switch: Switch, before: usize) {
        *self.way.later.lock().unwrap() = Some((switch, before));
    }

    /// The first client that is cut comes back at once, as number [`BACK`].
    pub(crate) fn first_comes_back(&self) {
        self.way.back.store(true, Ordering::Relaxed);
    }

    /// Others do this between the calls from now on. Returns what they had still to do.
    pub(crate) fn stir(&self, stir: Stir) -> Stir {
        std::mem::replace(&mut *self.way.stir.lock().unwrap(), stir)
    }

    /// No connection can be made from now on, or again.
    pub(crate) fn cut(&self, cut: bool) {
        self.way.cut.store(cut, Ordering::Relaxed);
    }

    /// The names of hosts mean nothing from now on, or mean something again.
    pub(crate) fn lose_the_name(&self, lost: bool) {
        self.way.nameless.store(lost, Ordering::Relaxed);
    }

    /// Whatever asks for randomness next panics.
    pub(crate) fn panic_once(&self) {
        self.nothing.panics.store(true, Ordering::Relaxed);
    }

    /// How many requests were tried.
    pub(crate) fn sent(&self) -> usize {
        self.way.sent.load(Ordering::Relaxed)
    }

    /// Node and number of everybody who was really cut, in order.
    pub(crate) fn killed(&self) -> Vec<(String, String)> {
        let ledger = self.sandbox.ledger();
        ledger.killed().map(|one| (one.node.clone(), one.client.id.clone())).collect()
    }

    /// How many were really cut since the last time.
    pub(crate) fn cuts(&self, seen: &mut usize) -> usize {
        let all = self.sandbox.ledger().killed().len();
        all - std::mem::replace(seen, all)
    }

    /// Everybody who is connected to the instance.
    pub(crate) fn live(&self) -> Vec<LiveClient> {
        let mut ledger = self.sandbox.ledger();
        self.instance.nodes.iter().flat_map(|(node, _)| ledger.list(node)).collect()
    }

    /// A name that only one client has, as the service's list tells it: his address without port, or,
    /// where there is none, his user.
    pub(crate) fn who(&self, client: &LiveClient) -> String {
        let LiveClient { address, user, name, .. } = client;
        match self.spec().column(Role::Client) {
            Some(_) => address.rsplit_once(':').map_or(address.as_str(), |(ip, _)| ip).to_owned(),
            None => format!("arn:aws:sts::123456789012:assumed-role/{user}/{name}"),
        }
    }

    /// What `match` and `protect` are given to mean exactly these clients.
    pub(crate) fn whom(&self, clients: &[LiveClient]) -> Value {
        let names = clients.iter().map(|client| self.who(client));
        let list = |texts: Vec<String>| Value::List(texts.into_iter().map(Value::from).collect());
        match self.spec().column(Role::Client) {
            Some(_) => {
                some(&[("client_cidrs", list(names.map(|ip| format!("{ip}/32")).collect()))])
            }
            None => some(&[("users", list(names.collect()))]),
        }
    }

    /// Whether the API tells a target that is gone from one that nobody is on.
    pub(crate) fn tells_absence(&self) -> bool {
        self.spec().name != "aws_ssm"
    }

    /// Somebody of user `app` connects to the first node of an instance.
    pub(crate) fn connect(&self, instance: &Instance, number: usize) {
        let client = LiveClient {
            id: (900_000 + number).to_string(),
            address: format!("10.9.{}.{}:41000", number / 250, number % 250 + 1),
            name: format!("late-{number}"),
            user: "app".into(),
            command: "get".into(),
            database: "0".into(),
            age: 60,
            idle: 30,
            ..LiveClient::default()
        };
        self.sandbox.ledger().connect(&instance.nodes[0].0, client);
    }

    /// A provider block that leads to the sandbox's account, with more arguments.
    pub(crate) fn block(&self, more: &[(&str, Value)]) -> Object {
        let login = self.sandbox.login(self.spec().platform).unwrap();
        let cloud = some(&[
            ("region", login.region.into()),
            ("access_key", login.access_key.into()),
            ("secret_key", login.secret_key.reveal().into()),
        ]);
        let mut block: Object = [(self.spec().platform.to_owned(), cloud)].into();
        if self.spec().platform == "aws" {
            // Where a product stands elsewhere, STS is not asked who we are: all calls are its own.
            let host = format!("https://{}.{}.amazonaws.com", self.spec().product, login.region);
            let elsewhere = some(&[(self.spec().product, host.into())]);
            if let Some(Value::Object(cloud)) = block.get_mut("aws") {
                cloud.insert("endpoints".to_owned(), elsewhere);
            }
        }
        block.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        block
    }

    /// The same with arguments of its cloud exchanged.
    pub(crate) fn block_of(&self, changed: &[(&str, Value)]) -> Object {
        let mut block = self.block(&[]);
        let Some(Value::Object(cloud)) = block.get_mut(self.spec().platform) else {
            panic!("none")
        };
        cloud.extend(changed.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        block
    }

    /// The plugin's process, configured; `apply` says in which walk.
    pub(crate) async fn configured(&self, block: &Object, apply: bool) -> Plugin {
        let mut plugin = self.plugin().await;
        let told = plugin.configure(block, apply).await;
        assert!(told.is_empty(), "{told:#?}");
        plugin
    }

    /// The plugin's process.
    pub(crate) async fn plugin(&self) -> Plugin {
        let provider = Arc::new(SessionProvider::new(self.outside.clone()));
        let served = serve(Arc::clone(&provider) as Arc<dyn Provider>, str::to_owned);
        let (near, far) = tokio::io::duplex(1 << 16);
        let incoming = tokio_stream::once(Ok::<_, io::Error>(far));
        let server = Server::builder().add_routes(served.routes);
        tokio::spawn(server.serve_with_incoming(incoming));
        let endpoint = Endpoint::from_static("http://localhost");
        let channel = endpoint.connect_with_connector(Once(Some(near))).await.unwrap();
        Plugin { client: ProviderClient::new(channel), shutdown: served.shutdown, provider }
    }
}

/// A connection that is there already.
struct Once(Option<DuplexStream>);

impl TowerService<Uri> for Once {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let io = self.0.take().ok_or_else(|| io::Error::other("it has been used"));
        std::future::ready(io.map(TokioIo::new))
    }
}

/// One process of the provider, and somebody who calls it. A clone calls the same.
#[derive(Clone)]
pub(crate) struct Plugin {
    pub(crate) client: ProviderClient<Channel>,
    pub(crate) shutdown: Shutdown,
    provider: Arc<SessionProvider>,
}

/// What a face is called in a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Of {
    Provider,
    Resource,
    Data,
    Ephemeral,
    Action,
}

impl Plugin {
    pub(crate) async fn configure(&mut self, block: &Object, apply: bool) -> Vec<Told> {
        let config = self.write(Of::Provider, "", block);
        let request = wire::validate_provider_config::Request { config: config.clone() };
        let answer = self.client.validate_provider_config(request).await.unwrap().into_inner();
        let mut told = told(&answer.diagnostics);
        let request = wire::configure_provider::Request {
            terraform_version: "1.15.5".into(),
            config,
            client_capabilities: can(apply),
        };
        let answer = self.client.configure_provider(request).await.unwrap().into_inner();
        told.extend(self::told(&answer.diagnostics));
        told
    }

    pub(crate) async fn stop(&mut self) {
        self.client.stop_provider(wire::stop_provider::Request {}).await.unwrap();
    }

    pub(crate) async fn end(self) {
        self.shutdown.run(&CancellationToken::new()).await;
    }

    /// The type of a face's values.
    pub(crate) fn kind(&self, of: Of, name: &str) -> Type {
        fn find<F: Face + ?Sized>(faces: &[Arc<F>], name: &str) -> Type {
            let face = faces.iter().find(|face| face.type_name() == name).unwrap();
            face.schema().block.value_type()
        }
        match of {
            Of::Provider => self.provider.schema().block.value_type(),
            Of::Resource => find(self.provider.resources(), name),
            Of::Data => find(self.provider.data_sources(), name),
            Of::Ephemeral => find(self.provider.ephemeral_resources(), name),
            Of::Action => find(self.provider.actions(), name),
        }
    }

    /// An object of a face on the wire; what is not given is null.
    pub(crate) fn write(&self, of: Of, name: &str, given: &Object) -> Option<wire::DynamicValue> {
        let kind = self.kind(of, name);
        let whole = whole(&Value::Object(given.clone()), &kind);
        Some(dynamic_value::encode(&whole, &kind).unwrap())
    }

    /// An object of a face from the wire.
    pub(crate) fn read(
        &self,
        of: Of,
        name: &str,
        value: Option<&wire::DynamicValue>,
    ) -> Option<Object> {
        match dynamic_value::decode(value, &self.kind(of, name)).unwrap() {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The schema's attributes that Terraform lets the provider set.
    pub(crate) fn computed(&self, name: &str) -> BTreeSet<String> {
        let faces = self.provider.resources();
        let face = faces.iter().find(|face| face.type_name() == name).unwrap();
        let attributes = &face.schema().block.attributes;
        let computed = attributes.iter().filter(|(_, one)| one.is_computed());
        computed.map(|(name, _)| name.clone()).collect()
    }
}

/// What the client of a walk can do: `deferral_allowed` is what tells an apply.
pub(crate) fn can(apply: bool) -> Option<wire::ClientCapabilities> {
    Some(wire::ClientCapabilities {
        deferral_allowed: apply,
        write_only_attributes_allowed: true,
        ..Default::default()
    })
}

/// Objects of a type have all its attributes, null if they are not given.
pub(crate) fn whole(value: &Value, kind: &Type) -> Value {
    match (value, kind) {
        (Value::Object(given), Type::Object(kinds)) => {
            let unknown = given.keys().find(|name| !kinds.contains_key(*name));
            assert_eq!(unknown, None, "there is no such attribute");
            let all = kinds.iter().map(|(name, kind)| {
                let value = given.get(name).map_or(Value::Null, |value| whole(value, kind));
                (name.clone(), value)
            });
            Value::Object(all.collect())
        }
        (Value::List(items), Type::List(kind) | Type::Set(kind)) => {
            Value::List(items.iter().map(|item| whole(item, kind)).collect())
        }
        (value, _) => value.clone(),
    }
}

/// An object of some attributes.
pub(crate) fn some(given: &[(&str, Value)]) -> Value {
    Value::Object(object(given))
}

pub(crate) fn object(given: &[(&str, Value)]) -> Object {
    given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

pub(crate) fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| Value::from(*text)).collect())
}

pub(crate) fn map(given: &[(&str, &str)]) -> Value {
    let entries = given.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value)));
    Value::Map(entries.collect::<BTreeMap<_, _>>())
}

/// One message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) error: bool,
    pub(crate) summary: String,
    pub(crate) detail: String,
    pub(crate) attribute: Option<String>,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = if self.error { "Error" } else { "Warning" };
        let at = self.attribute.as_deref().map(|at| format!(" [{at}]")).unwrap_or_default();
        write!(f, "{kind}{at}: {}\n{}", self.summary, self.detail)
    }
}

/// Messages but the one that every first call to a sandbox brings.
pub(crate) fn told(diagnostics: &[wire::Diagnostic]) -> Vec<Told> {
    let mut all = Vec::new();
    for one in diagnostics {
        assert!(!one.summary.ends_with('.') && !one.detail.is_empty(), "{one:?}");
        assert!(!format!("{one:?}").contains(SECRET), "{one:?}");
        let attribute = one.attribute.as_ref().and_then(|path| {
            use wire::attribute_path::step::Selector;
            match path.steps.first()?.selector.as_ref()? {
                Selector::AttributeName(name) => Some(name.clone()),
                _ => None,
            }
        });
        all.push(Told {
            error: one.severity == 1,
            summary: one.summary.clone(),
            detail: one.detail.clone(),
            attribute,
        });
    }
    all.retain(|one| one.summary != "Answers come from a sandbox");
    all
}

/// The summaries of the errors.
pub(crate) fn errors(told: &[Told]) -> Vec<&str> {
    told.iter().filter(|one| one.error).map(|one| one.summary.as_str()).collect()
}

/// Whether a message is about selected sessions that were seen alive, or that nobody saw go.
pub(crate) fn left(told: &Told) -> bool {
    let titles = ["Sessions survived on ", "Sessions are not confirmed gone on "];
    titles.iter().any(|title| told.summary.starts_with(title))
}

/// The one warning.
pub(crate) fn warning(told: &[Told]) -> &Told {
    let [only] = told else { panic!("not one message: {told:#?}") };
    assert!(!only.error, "{only:?}");
    only
}
