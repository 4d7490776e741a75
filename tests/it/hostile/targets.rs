//! Where bytes of strangers come in, each as one function of bytes that must not panic, hang or
//! grow. `tests/it/hostile.rs` calls them a fixed number of times, `fuzz/` for as long as wanted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use terraform_provider_session::cloud::{self, Client, Given, SettingValue};
use terraform_provider_session::framework::{Block, Number, Provider, Type, Value};
use terraform_provider_session::protocol::{dynamic_value, serve, wire_types};
use terraform_provider_session::provider::SessionProvider;
use terraform_provider_session::services::{
    self, Batch, Cursor, Node, SessionId, Target, Ticket, Which,
};
use terraform_provider_session::wire::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};
use tonic::codegen::Service as _;

/// The value decoder, on types that take every branch of it.
pub(super) fn value(input: &[u8]) {
    let object = Type::Object(BTreeMap::from([
        ("any".to_owned(), Type::Dynamic),
        ("list".to_owned(), Type::List(Box::new(Type::String))),
        ("map".to_owned(), Type::Map(Box::new(Type::Number))),
        ("tuple".to_owned(), Type::Tuple(vec![Type::Bool, Type::Dynamic])),
    ]));
    let kinds = [object, Type::Dynamic, Type::Number, Type::Set(Box::new(Type::Dynamic))];
    for kind in &kinds {
        for json in [false, true] {
            let (msgpack, json) =
                if json { (Vec::new(), input.to_vec()) } else { (input.to_vec(), Vec::new()) };
            let wire = wire_types::DynamicValue { msgpack, json };
            if let Ok(read) = dynamic_value::decode(Some(&wire), kind) {
                let again = dynamic_value::encode(&read, kind).expect("what was read has its type");
                let back = dynamic_value::decode(Some(&again), kind).expect("our own bytes");
                assert!(read.same(&back, kind), "{read:?} became {back:?}");
            }
        }
    }
}

/// The cloud answer parsers and error envelopes: every call of every service is answered with the
/// input. The first byte chooses the status.
pub(super) fn answer(input: &[u8]) {
    const STATUS: [u16; 8] = [200, 202, 204, 400, 401, 403, 429, 503];
    let Some((first, body)) = input.split_first() else { return };
    let outside = outside(STATUS[usize::from(*first) % STATUS.len()], body, &[]);
    run(async {
        for service in services::ALL {
            let spec = service.spec();
            let cloud = cloud::find(spec.cloud).expect("a service is of a cloud");
            let account = cloud.account(&login(), &outside).expect("a login by keys is complete");
            let signer = account.signer(None).expect("the region is given");
            for node_id in [None, Some("n-1")] {
                let mut inputs = BTreeMap::from([("instance_id", "i-1".to_owned())]);
                inputs.extend(node_id.map(|id| ("node_id", id.to_owned())));
                let client = Arc::new(Client::new(signer.clone(), outside.clone()));
                let sessions = service.connect(client, Target(inputs));
                let mut nodes = sessions.nodes().await.unwrap_or_default();
                nodes.truncate(2);
                nodes.push(Node::of("n-1"));
                for node in &nodes {
                    let _ = sessions.prepare(node).await;
                    let page = sessions.list(node, None).await.unwrap_or_default();
                    for after in page.next.into_iter().chain([Cursor("1".to_owned())]) {
                        let _ = sessions.list(node, Some(after)).await;
                    }
                    let ids = [SessionId("1".to_owned()), SessionId("192.0.2.1:80".to_owned())];
                    for which in [Which::These(&ids[..]), Which::Everyone] {
                        let batch = Batch { node: Some(node), which };
                        if let Ok(taken) = sessions.terminate(batch).await {
                            let ticket = taken.ticket.unwrap_or(Ticket("t".to_owned()));
                            let _ = sessions.poll(&ticket).await;
                        }
                    }
                }
            }
        }
    });
}

/// The profile files of all clouds: the input is what every file holds.
pub(super) fn profile(input: &[u8]) {
    let outside = outside(401, b"{}", input);
    for cloud in cloud::ALL {
        for name in ["default", "p"] {
            let given = given(&[("profile", name), ("region", "r-1")]);
            if let Ok(account) = cloud.account(&given, &outside) {
                let _ = account.signer(None);
            }
        }
        let _ = cloud.account(&Given::default(), &outside);
    }
}

/// The whole door: one call of any method of the real provider, with values made and a message
/// damaged as the input says, while the cloud answers with the rest of the input.
pub(super) fn rpc(input: &[u8]) {
    let mut dice = Dice(input);
    let (method, tags, faces) = METHODS[dice.below(METHODS.len())];
    let outside = outside([200, 400, 503][dice.below(3)], input, b"{}");
    let provider = Arc::new(SessionProvider::new(outside));
    let (name, kind) = face(&*provider, faces, &mut dice);
    let block = provider.schema().block.value_type();
    let damaged = dice.below(2) == 0;
    let mut message = field(1, name.as_bytes());
    if faces == Faces::Provider {
        message.clear();
    }
    for tag in tags {
        message.extend(field(*tag, &dynamic(&kind, &mut dice)));
    }
    if damaged {
        dice.damage(&mut message);
    }
    let reply = run(async move {
        let served = serve(provider, str::to_owned);
        let configured = field(2, &dynamic_of(&configuration(&block), &block));
        let nothing_to_say = call(&served.routes, "ConfigureProvider", &configured).await;
        assert_eq!(&nothing_to_say[..], &[0; 5], "the provider block is good");
        let reply = call(&served.routes, method, &message).await;
        served.shutdown.run(&Default::default()).await;
        reply
    });
    let said = String::from_utf8_lossy(&reply);
    assert!(!said.contains("The provider crashed in"), "{method} of {name}: {said}");
}

/// Which faces a method is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Faces {
    Provider,
    Resources,
    DataSources,
    Ephemerals,
    Actions,
}

/// Methods, the fields that hold values of the face's type, and the faces. `ConfigureProvider` is
/// not among them, because its audit log is a real file; every call here comes after a good one.
const METHODS: [(&str, &[u8], Faces); 17] = [
    ("ValidateProviderConfig", &[1], Faces::Provider),
    ("ValidateResourceConfig", &[2], Faces::Resources),
    ("UpgradeResourceState", &[3], Faces::Resources),
    ("ReadResource", &[2], Faces::Resources),
    ("PlanResourceChange", &[2, 3, 4], Faces::Resources),
    ("PlanResourceChange", &[3, 4], Faces::Resources),
    ("ApplyResourceChange", &[2, 3, 4], Faces::Resources),
    ("ApplyResourceChange", &[3, 4], Faces::Resources),
    ("ApplyResourceChange", &[2], Faces::Resources),
    ("ImportResourceState", &[], Faces::Resources),
    ("ReadDataSource", &[2], Faces::DataSources),
    ("ValidateDataResourceConfig", &[2], Faces::DataSources),
    ("OpenEphemeralResource", &[2], Faces::Ephemerals),
    ("RenewEphemeralResource", &[], Faces::Ephemerals),
    ("CloseEphemeralResource", &[2], Faces::Ephemerals),
    ("PlanAction", &[2], Faces::Actions),
    ("InvokeAction", &[2], Faces::Actions),
];

/// The name and the type of one face of a kind.
fn face(provider: &dyn Provider, faces: Faces, dice: &mut Dice<'_>) -> (String, Type) {
    let mut pick = |all: Vec<(&str, &Block)>| {
        let (name, block) = all[dice.below(all.len())];
        (name.to_owned(), block.value_type())
    };
    macro_rules! all {
        ($faces:expr) => {
            pick($faces.iter().map(|one| (one.type_name(), &one.schema().block)).collect())
        };
    }
    match faces {
        Faces::Provider => pick(vec![("", &provider.schema().block)]),
        Faces::Resources => all!(provider.resources()),
        Faces::DataSources => all!(provider.data_sources()),
        Faces::Ephemerals => all!(provider.ephemeral_resources()),
        Faces::Actions => all!(provider.actions()),
    }
}

/// One call as it stands on the wire, and the whole answer.
async fn call(routes: &tonic::service::Routes, method: &str, message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("messages here are small");
    let frame = [&[0][..], &length.to_be_bytes(), message].concat();
    let request = Request::post(format!("http://plugin/tfplugin6.Provider/{method}"))
        .header("content-type", "application/grpc")
        .body(Full::new(Bytes::from(frame)))
        .expect("the method is a path");
    let answer = routes.clone().call(request);
    // The time is paused: what waits for longer than any timeout waits for ever.
    let hour = Duration::from_secs(3600);
    let answer = tokio::time::timeout(hour, async { answer.await.expect("routes do not fail") });
    let answer = answer.await.expect("a call ends");
    // UNIMPLEMENTED: the name above is wrong.
    assert!(answer.headers().get("grpc-status").is_none_or(|code| code != "12"), "{method}");
    let body =
        tokio::time::timeout(hour, answer.into_body().collect()).await.expect("an answer ends");
    body.expect("an answer is whole").to_bytes()
}

/// A field of a protobuf message that holds bytes.
fn field(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag << 3 | 2];
    let mut length = content.len();
    while length >= 0x80 {
        bytes.push(u8::try_from(length & 0x7f).expect("seven bits") | 0x80);
        length >>= 7;
    }
    bytes.push(u8::try_from(length).expect("seven bits"));
    bytes.extend(content);
    bytes
}

fn dynamic(kind: &Type, dice: &mut Dice<'_>) -> Vec<u8> {
    dynamic_of(&dice.value(kind, 0), kind)
}

fn dynamic_of(value: &Value, kind: &Type) -> Vec<u8> {
    let wire = dynamic_value::encode(value, kind).expect("the value was made for the type");
    field(1, &wire.msgpack)
}

/// A good provider block: keys for every cloud.
fn configuration(kind: &Type) -> Value {
    let Type::Object(attributes) = kind else { panic!("a block is an object") };
    let keys = ["region", "access_key", "secret_key", "project_id"];
    let filled = attributes.iter().map(|(name, kind)| {
        let value = match kind {
            Type::Object(inner) if cloud::find(name).is_some() => Value::Object(
                inner
                    .keys()
                    .map(|name| {
                        let given = keys.contains(&name.as_str());
                        (name.clone(), Value::text_or_null(given.then_some("key1")))
                    })
                    .collect(),
            ),
            _ => Value::Null,
        };
        (name.clone(), value)
    });
    Value::Object(filled.collect())
}

/// Decides by the bytes of an input; zeros when they have run out.
struct Dice<'a>(&'a [u8]);

impl Dice<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn below(&mut self, bound: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % bound
    }

    /// A value of a type: mostly plausible, sometimes null or unknown.
    fn value(&mut self, kind: &Type, depth: usize) -> Value {
        const TEXTS: [&str; 12] = [
            "i-1",
            "apply",
            "destroy",
            "both",
            "5m",
            "0s",
            "close",
            "10.0.0.0/8",
            "1",
            "fail",
            "",
            "99999999999999999999h \u{202e}\0",
        ];
        match (self.below(12), depth) {
            (0..4, 1..) => return Value::Null,
            (4, _) => return Value::Unknown,
            _ => {}
        }
        let many = self.below(3);
        match kind {
            Type::Bool => Value::Bool(many > 0),
            Type::Number => {
                let text = ["0", "1", "-1", "1.5", "1e30", "18446744073709551616"][self.below(6)];
                Number::parse(text).map_or(Value::Null, Value::Number)
            }
            Type::String => Value::String(TEXTS[self.below(TEXTS.len())].to_owned()),
            Type::Dynamic => {
                let text = self.value(&Type::String, depth + 1);
                Value::Dynamic(Box::new((Type::String, text)))
            }
            Type::List(of) | Type::Set(of) => {
                Value::List((0..many).map(|_| self.value(of, depth + 1)).collect())
            }
            Type::Map(of) => {
                let keys = (0..many).map(|at| format!("k{at}"));
                Value::Map(keys.map(|key| (key, self.value(of, depth + 1))).collect())
            }
            Type::Object(of) => {
                let fields = of.iter();
                let made = fields.map(|(name, kind)| (name.clone(), self.value(kind, depth + 1)));
                Value::Object(made.collect())
            }
            Type::Tuple(of) => Value::List(of.iter().map(|of| self.value(of, depth + 1)).collect()),
        }
    }

    /// Overwrites, inserts or cuts in a few places.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(4) {
            if bytes.is_empty() {
                return;
            }
            let at = self.below(bytes.len());
            match self.below(4) {
                0 => bytes[at] = self.byte(),
                1 => bytes[at] ^= 1 << self.below(8),
                2 => bytes.insert(at, self.byte()),
                _ => bytes.truncate(at),
            }
        }
    }
}

/// Runs with a clock that jumps ahead whenever everybody waits.
fn run<T>(future: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_all().start_paused(true).build().expect("a runtime").block_on(future)
}

/// A login of text arguments.
pub(super) fn given(pairs: &[(&str, &str)]) -> Given {
    let text =
        |(name, text): &(&str, &str)| ((*name).to_owned(), SettingValue::Text((*text).to_owned()));
    Given(pairs.iter().map(text).collect())
}

fn login() -> Given {
    let keys = [("region", "r-1"), ("access_key", "k"), ("secret_key", "s"), ("project_id", "p")];
    given(&keys)
}

/// An outside in which every request gets one answer, and every file has one content.
pub(super) fn outside(status: u16, body: &[u8], file: &[u8]) -> Outside {
    let body = Bytes::copy_from_slice(body);
    let all = Arc::new(Everything { status, body, file: file.to_vec() });
    Outside { http: all.clone(), clock: all.clone(), entropy: all.clone(), environment: all }
}

struct Everything {
    status: u16,
    body: Bytes,
    file: Vec<u8>,
}

#[async_trait]
impl HttpSend for Everything {
    async fn send(&self, _request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = Response::builder().status(self.status).body(self.body.clone());
        Ok(answer.expect("the status is one"))
    }
}

impl Clock for Everything {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
    }
}

impl Entropy for Everything {
    fn unit(&self) -> f64 {
        0.5
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

#[async_trait]
impl Environment for Everything {
    fn var(&self, _name: &str) -> Option<String> {
        None
    }

    fn home(&self) -> Option<PathBuf> {
        Some(PathBuf::from("/home/user"))
    }

    fn read(&self, _path: &Path) -> std::io::Result<Vec<u8>> {
        Ok(self.file.clone())
    }

    async fn run(&self, _program: &str, _arguments: &[String]) -> std::io::Result<Vec<u8>> {
        Ok(self.file.clone())
    }
}
