//! The whole door: a call of any method of the real provider, whose values are damaged copies of
//! good ones, while one answer of the cloud behind it (the sandbox) is damaged or another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use prost::Message;
use terraform_provider_session::framework::{Block, Object, Provider, Type, Value};
use terraform_provider_session::protocol::wire_types as wire;
use terraform_provider_session::protocol::{dynamic_value, serve};
use terraform_provider_session::provider::SessionProvider;
use terraform_provider_session::sandbox::{Sandbox, Setup};
use terraform_provider_session::services;
use terraform_provider_session::wire::{Clock, HttpError, HttpSend, Outside};
use tokio::time::Instant;
use tonic::codegen::Service as _;
use tonic::service::Routes;

use super::Dice;

/// Which faces a method is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Faces {
    Provider,
    Resources,
    DataSources,
    Ephemerals,
    Actions,
}

/// All methods that are served.
pub(in super::super) const METHODS: [(&str, Faces); 22] = [
    ("GetMetadata", Faces::Provider),
    ("GetProviderSchema", Faces::Provider),
    ("GetResourceIdentitySchemas", Faces::Provider),
    ("GetFunctions", Faces::Provider),
    ("ValidateProviderConfig", Faces::Provider),
    ("ConfigureProvider", Faces::Provider),
    ("StopProvider", Faces::Resources),
    ("ValidateResourceConfig", Faces::Resources),
    ("UpgradeResourceState", Faces::Resources),
    ("ReadResource", Faces::Resources),
    ("PlanResourceChange", Faces::Resources),
    ("ApplyResourceChange", Faces::Resources),
    ("ImportResourceState", Faces::Resources),
    ("ValidateDataResourceConfig", Faces::DataSources),
    ("ReadDataSource", Faces::DataSources),
    ("ValidateEphemeralResourceConfig", Faces::Ephemerals),
    ("OpenEphemeralResource", Faces::Ephemerals),
    ("RenewEphemeralResource", Faces::Ephemerals),
    ("CloseEphemeralResource", Faces::Ephemerals),
    ("ValidateActionConfig", Faces::Actions),
    ("PlanAction", Faces::Actions),
    ("InvokeAction", Faces::Actions),
];

/// One call, as the input says: its first byte is half the number of bytes that decide what is
/// called with what, and the rest is what the cloud answers once. True if sessions were ended.
pub(in super::super) fn rpc(input: &[u8]) -> bool {
    let Some((half, rest)) = input.split_first() else { return false };
    let (script, body) = rest.split_at(rest.len().min(2 * usize::from(*half)));
    let mut dice = Dice(script);
    let (method, faces) = METHODS[dice.below(METHODS.len())];
    let (name, said, ended) = super::run(async {
        let cloud = Arc::new(Cloud::new(&mut dice, body));
        let provider = Arc::new(SessionProvider::new(cloud.outside()));
        let made = Made::new(&*provider, faces, &cloud.sandbox, &mut dice);
        let block = provider.schema().block.value_type();
        let login = made.block.clone();
        let served = serve(provider, str::to_owned);
        // What a hostile block leads to is not to be found out here: its audit log is a real file.
        if method != "ConfigureProvider" {
            let good = wire::configure_provider::Request {
                config: Some(dynamic_value::encode(&login, &block).expect("a good block")),
                ..Default::default()
            };
            let told = call(&served.routes, "ConfigureProvider", good.encode_to_vec()).await;
            assert_eq!(&told[..], &[0; 5], "the provider block is good");
        }
        let said = made.play(&served.routes, method, &mut dice).await;
        served.shutdown.run(&Default::default()).await;
        let ended = cloud.sandbox.ledger().killed().len() > 0;
        (made.name, said, ended)
    });
    let said = String::from_utf8_lossy(&said);
    assert!(!said.contains("The provider crashed in"), "{method} of {name}: {said}");
    ended
}

/// A face, and good values of it.
struct Made {
    name: String,
    kind: Type,
    /// A provider block that leads to the sandbox.
    block: Value,
    /// An instance that is there.
    instance: String,
}

impl Made {
    fn new(provider: &dyn Provider, faces: Faces, sandbox: &Sandbox, dice: &mut Dice<'_>) -> Made {
        let known: Vec<_> = services::simulated().collect();
        let service = known[dice.below(known.len())];
        let scenery = (service.scene().scenery)();
        let instance = scenery[dice.below(scenery.len())].id.clone();
        let at = services::ALL.iter().position(|one| one.spec.name == service.spec.name);
        let at = at.expect("a service is one of all");
        let schema = |block: &Block| block.value_type();
        macro_rules! face {
            ($faces:expr) => {{
                let face = &$faces[at];
                (face.type_name().to_owned(), schema(&face.schema().block))
            }};
        }
        let block = schema(&provider.schema().block);
        let (name, kind) = match faces {
            Faces::Provider => (String::new(), block.clone()),
            Faces::Resources => face!(provider.resources()),
            Faces::DataSources => face!(provider.data_sources()),
            Faces::Ephemerals => face!(provider.ephemeral_resources()),
            Faces::Actions => face!(provider.actions()),
        };
        Made { name, kind, block: login(sandbox, &block), instance }
    }

    /// A good value of the face: everybody on the instance is meant, and nothing else is given.
    fn good(&self, dice: &mut Dice<'_>) -> Object {
        let Type::Object(attributes) = &self.kind else { panic!("a block is an object") };
        if self.name.is_empty() {
            return self.block.as_object().cloned().expect("a block is an object");
        }
        let value = |name: &str| match name {
            name if names_an_instance(name) => Value::from(self.instance.as_str()),
            "all" | "applying" => Value::from(true),
            _ => Value::Null,
        };
        let mut good: Object = attributes.keys().map(|name| (name.clone(), value(name))).collect();
        if attributes.contains_key("triggers") {
            good.insert("when".into(), ["apply", "destroy", "both"][dice.below(3)].into());
        } else if attributes.contains_key("when") {
            good.insert("when".into(), ["open", "close"][dice.below(2)].into());
        }
        good
    }

    /// The same, a few of its leaves replaced by others of their types.
    fn bad(&self, mut value: Object, dice: &mut Dice<'_>) -> Value {
        let Type::Object(attributes) = &self.kind else { panic!("a block is an object") };
        for _ in 0..dice.below(4) {
            let (name, kind) =
                attributes.iter().nth(dice.below(attributes.len())).expect("it is one of them");
            value.insert(name.clone(), dice.value(kind, 0));
        }
        Value::Object(value)
    }

    fn wire(&self, value: &Value) -> Option<wire::DynamicValue> {
        Some(dynamic_value::encode(value, &self.kind).expect("the value was made for the type"))
    }

    /// A damaged copy of a good configuration.
    fn config(&self, dice: &mut Dice<'_>) -> Option<wire::DynamicValue> {
        let good = self.good(dice);
        self.wire(&self.bad(good, dice))
    }

    /// A state, or a plan where `pending`; sometimes none, told in either way.
    fn state(&self, pending: bool, dice: &mut Dice<'_>) -> Option<wire::DynamicValue> {
        let mut good = self.good(dice);
        match dice.below(4) {
            0 => return None,
            1 => return self.wire(&Value::Null),
            _ if pending => good.extend(["id", "last_run"].map(|it| (it.into(), Value::Unknown))),
            _ => good.extend([("id".into(), "cn-north-4/i-1".into())]),
        }
        self.wire(&self.bad(good, dice))
    }

    /// What is called, and what it says. Every message may be damaged once more on its way.
    async fn play(&self, routes: &Routes, method: &str, dice: &mut Dice<'_>) -> Bytes {
        if method == "CloseEphemeralResource" {
            let open = self.message("OpenEphemeralResource", dice);
            let said = call(routes, "OpenEphemeralResource", open).await;
            let answer = said.get(5..).unwrap_or_default();
            let opened = wire::open_ephemeral_resource::Response::decode(answer);
            let mut private = opened.ok().and_then(|opened| opened.private).unwrap_or_default();
            if dice.below(2) == 0 {
                dice.damage(&mut private);
            }
            let type_name = self.name.clone();
            let close =
                wire::close_ephemeral_resource::Request { type_name, private: Some(private) };
            return call(routes, method, close.encode_to_vec()).await;
        }
        let mut message = self.message(method, dice);
        if dice.below(4) == 0 {
            dice.damage(&mut message);
        }
        if method == "StopProvider" {
            let running = call(routes, "ApplyResourceChange", message);
            return tokio::join!(running, call(routes, method, Vec::new())).0;
        }
        call(routes, method, message).await
    }

    /// The request of a method.
    fn message(&self, method: &str, dice: &mut Dice<'_>) -> Vec<u8> {
        let type_name = self.name.clone();
        let client_capabilities = (dice.below(4) > 0).then(|| wire::ClientCapabilities {
            deferral_allowed: dice.below(2) == 0,
            write_only_attributes_allowed: dice.below(2) == 0,
            ..Default::default()
        });
        // Bytes that only this provider makes, and bytes that it never made.
        let private = |dice: &mut Dice<'_>| match dice.below(4) {
            0 => b"pending".to_vec(),
            1 => b"previewed".to_vec(),
            2 => Vec::new(),
            _ => vec![dice.byte(), dice.byte()],
        };
        match method {
            "ValidateProviderConfig" => {
                wire::validate_provider_config::Request { config: self.config(dice) }
                    .encode_to_vec()
            }
            "ConfigureProvider" => wire::configure_provider::Request {
                terraform_version: ["1.14.0", "", "x"][dice.below(3)].into(),
                config: self.config(dice),
                client_capabilities,
            }
            .encode_to_vec(),
            "ValidateResourceConfig" => wire::validate_resource_config::Request {
                type_name,
                config: self.config(dice),
                client_capabilities,
            }
            .encode_to_vec(),
            "UpgradeResourceState" => {
                let good = self.good(dice);
                let mut json = json(&self.bad(good, dice)).to_string().into_bytes();
                if dice.below(2) == 0 {
                    dice.damage(&mut json);
                }
                let raw_state = Some(wire::RawState { json, ..Default::default() });
                let version = [0, 0, 1, -1][dice.below(4)];
                wire::upgrade_resource_state::Request { type_name, version, raw_state }
                    .encode_to_vec()
            }
            "ReadResource" => wire::read_resource::Request {
                type_name,
                current_state: self.state(false, dice),
                private: private(dice),
                client_capabilities,
                ..Default::default()
            }
            .encode_to_vec(),
            "PlanResourceChange" => wire::plan_resource_change::Request {
                type_name,
                prior_state: self.state(false, dice),
                proposed_new_state: self.state(true, dice),
                config: self.config(dice).filter(|_| dice.below(4) > 0),
                prior_private: private(dice),
                client_capabilities,
                ..Default::default()
            }
            .encode_to_vec(),
            "ApplyResourceChange" | "StopProvider" => wire::apply_resource_change::Request {
                type_name,
                prior_state: self.state(false, dice),
                planned_state: self.state(true, dice),
                config: self.config(dice).filter(|_| dice.below(4) > 0),
                planned_private: private(dice),
                ..Default::default()
            }
            .encode_to_vec(),
            "ImportResourceState" => wire::import_resource_state::Request {
                type_name,
                id: String::from_utf8_lossy(&private(dice)).into_owned(),
                client_capabilities,
                ..Default::default()
            }
            .encode_to_vec(),
            "ValidateDataResourceConfig" => {
                let config = self.config(dice);
                wire::validate_data_resource_config::Request { type_name, config }.encode_to_vec()
            }
            "ReadDataSource" => wire::read_data_source::Request {
                type_name,
                config: self.config(dice),
                client_capabilities,
            }
            .encode_to_vec(),
            "ValidateEphemeralResourceConfig" => {
                let config = self.config(dice);
                wire::validate_ephemeral_resource_config::Request { type_name, config }
                    .encode_to_vec()
            }
            "OpenEphemeralResource" => wire::open_ephemeral_resource::Request {
                type_name,
                config: self.config(dice),
                client_capabilities,
            }
            .encode_to_vec(),
            "RenewEphemeralResource" => {
                wire::renew_ephemeral_resource::Request { type_name, private: Some(private(dice)) }
                    .encode_to_vec()
            }
            "ValidateActionConfig" => {
                let config = self.config(dice);
                wire::validate_action_config::Request { type_name, config }.encode_to_vec()
            }
            "PlanAction" => wire::plan_action::Request {
                action_type: type_name,
                config: self.config(dice),
                client_capabilities,
            }
            .encode_to_vec(),
            "InvokeAction" => wire::invoke_action::Request {
                action_type: type_name,
                config: self.config(dice),
                client_capabilities,
            }
            .encode_to_vec(),
            // The others ask for nothing in particular.
            _ => private(dice),
        }
    }
}

/// A provider block of keys that the sandbox knows.
/// Whether an argument of some service names an instance of it.
fn names_an_instance(name: &str) -> bool {
    services::ALL.iter().any(|service| service.spec.inputs[0].name == name)
}

fn login(sandbox: &Sandbox, block: &Type) -> Value {
    let Type::Object(attributes) = block else { panic!("a block is an object") };
    let filled = attributes.iter().map(|(name, kind)| {
        let value = match (sandbox.login(name), kind) {
            (Some(login), Type::Object(inner)) => {
                let project = &sandbox.account().project_id;
                let value = |name: &str| match name {
                    "region" => Value::from(login.region),
                    "access_key" => Value::from(login.access_key),
                    "secret_key" => Value::from(login.secret_key.reveal()),
                    "project_id" => Value::from(project.as_str()),
                    _ => Value::Null,
                };
                Value::Object(inner.keys().map(|name| (name.clone(), value(name))).collect())
            }
            _ => Value::Null,
        };
        (name.clone(), value)
    });
    Value::Object(filled.collect())
}

/// A value as a state file has it; what no state file can have is null.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(truth) => (*truth).into(),
        Value::Number(number) => serde_json::from_str(number.as_text()).unwrap_or_default(),
        Value::String(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(items) | Value::Object(items) => {
            items.iter().map(|(key, value)| (key.clone(), json(value))).collect()
        }
        Value::Null | Value::Unknown | Value::Dynamic(_) => serde_json::Value::Null,
    }
}

/// One call as it stands on the wire, and the whole answer.
async fn call(routes: &Routes, method: &str, message: Vec<u8>) -> Bytes {
    let length = u32::try_from(message.len()).expect("messages here are small");
    let frame = [&[0][..], &length.to_be_bytes(), &message].concat();
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

/// The sandbox, one of whose answers is not what it should be.
struct Cloud {
    sandbox: Sandbox,
    asked: AtomicUsize,
    /// Which answer, from 0.
    number: usize,
    /// Its status, if that is another too.
    status: Option<StatusCode>,
    /// Whether `content` is the whole answer, or decides how the answer is damaged.
    whole: bool,
    content: Vec<u8>,
}

impl Cloud {
    fn new(dice: &mut Dice<'_>, content: &[u8]) -> Cloud {
        let status = [None, None, None, Some(200), Some(400), Some(404), Some(503), Some(302)];
        Cloud {
            sandbox: Sandbox::new(
                Setup { clients: 2, ..Setup::default() },
                Arc::new(Virtual::new()),
            ),
            asked: AtomicUsize::new(0),
            number: dice.below(8),
            status: status[dice.below(8)].and_then(|code| StatusCode::from_u16(code).ok()),
            whole: dice.below(2) == 0,
            content: content.to_vec(),
        }
    }

    fn outside(self: &Arc<Cloud>) -> Outside {
        let clock = Arc::new(Virtual::new());
        let rest = super::outside(200, b"{}", b"{}");
        Outside { http: Arc::clone(self) as Arc<dyn HttpSend>, clock, ..rest }
    }
}

#[async_trait]
impl HttpSend for Cloud {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let mut answer = self.sandbox.send(request).await?;
        if self.asked.fetch_add(1, Ordering::Relaxed) == self.number {
            if let Some(status) = self.status {
                *answer.status_mut() = status;
            }
            let mut body = self.content.clone();
            if !self.whole {
                body = answer.body().to_vec();
                Dice(&self.content).damage(&mut body);
            }
            *answer.body_mut() = Bytes::from(body);
        }
        Ok(answer)
    }
}

/// Tokio's time as a wall clock.
struct Virtual {
    start: SystemTime,
    began: Instant,
}

impl Virtual {
    fn new() -> Virtual {
        let start = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045);
        Virtual { start, began: Instant::now() }
    }
}

impl Clock for Virtual {
    fn now(&self) -> SystemTime {
        self.start + self.began.elapsed()
    }
}
