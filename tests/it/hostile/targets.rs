//! Where bytes of strangers come in, each as one function of bytes that must not panic, hang or
//! grow. `tests/it/hostile.rs` calls them a fixed number of times and holds the process to a time
//! and an amount of memory, `fuzz/` calls them for as long as wanted.
//!
//! Each says whether the input was taken for good by a parser: where that is never or always so,
//! nothing is being tried.

#[path = "rpc.rs"]
pub(super) mod rpc;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use terraform_provider_session::access::{self, Client, Given, SettingValue};
use terraform_provider_session::framework::{Number, Type, Value};
use terraform_provider_session::protocol::{dynamic_value, wire_types};
use terraform_provider_session::services::{
    self, Batch, Cursor, Node, SessionId, Target, Ticket, Which,
};
use terraform_provider_session::wire::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};

pub(super) use self::rpc::rpc;

/// The value decoder, on types that take every branch of it.
pub(super) fn value(input: &[u8]) -> bool {
    let mut taken = false;
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
                taken = true;
            }
        }
    }
    taken
}

/// The cloud answer parsers and error envelopes: every call of every service is answered with the
/// input. The first byte chooses the status.
pub(super) fn answer(input: &[u8]) -> bool {
    const STATUS: [u16; 8] = [200, 202, 204, 400, 401, 403, 429, 503];
    let Some((first, body)) = input.split_first() else { return false };
    let outside = outside(STATUS[usize::from(*first) % STATUS.len()], body, &[]);
    run(async {
        let mut taken = false;
        for service in services::simulated() {
            let spec = service.spec;
            let cloud = access::find(spec.platform).expect("a service is of a cloud");
            let account = cloud.account(&login(), &outside).expect("a login by keys is complete");
            let signer = account.signer(None).expect("the region is given");
            for node_id in [None, Some("n-1")] {
                let mut inputs = BTreeMap::from([(spec.inputs[0].name, "i-1".to_owned())]);
                inputs.extend(node_id.map(|id| ("node_id", id.to_owned())));
                let client = Arc::new(Client::new(signer.clone(), outside.clone()));
                let sessions = service.over_http(client, Target(inputs)).unwrap();
                let mut nodes = sessions.nodes().await.unwrap_or_default();
                nodes.truncate(2);
                nodes.push(Node::of("n-1"));
                for node in &nodes {
                    let _ = sessions.prepare(node).await;
                    let page = sessions.list(node, None, None).await;
                    taken |= page.is_ok();
                    let page = page.unwrap_or_default();
                    for after in page.next.into_iter().chain([Cursor("1".to_owned())]) {
                        let _ = sessions.list(node, None, Some(after)).await;
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
        taken
    })
}

/// The profile files of all clouds: the input is what every file holds.
pub(super) fn profile(input: &[u8]) -> bool {
    let mut taken = false;
    let outside = outside(401, b"{}", input);
    for cloud in access::ALL {
        for name in ["default", "p"] {
            let given = given(&[("profile", name), ("region", "r-1")]);
            if let Ok(account) = cloud.account(&given, &outside) {
                taken |= account.signer(None).is_ok();
            }
        }
        let _ = cloud.account(&Given::default(), &outside);
    }
    taken
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
