//! A provider of toy boxes: it shows that the framework knows nothing of sessions.
//!
//! What a box does is told by its name, so that a test reads as one line.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use terraform_provider_session::framework::{
    Action, Applied, Attribute, Block, Change, Context, DataSource, Diagnostics, EphemeralResource,
    Face, Mode, NestedBlock, Nesting, Object, Opened, Path, Planned, Progress, Provider, Refreshed,
    Resource, Schema, Type, Value, Walk,
};
use tokio::sync::mpsc::UnboundedSender;
use tokio_util::sync::CancellationToken;

/// Tells a test what has happened.
type Log = UnboundedSender<String>;

/// The provider.
pub(crate) struct Toys {
    schema: Schema,
    resources: Vec<Arc<dyn Resource>>,
    data_sources: Vec<Arc<dyn DataSource>>,
    ephemeral_resources: Vec<Arc<dyn EphemeralResource>>,
    actions: Vec<Arc<dyn Action>>,
    log: Log,
}

impl Toys {
    pub(crate) fn new(log: Log) -> Toys {
        let toy = |name, schema| Toy { name, schema, log: log.clone() };
        Toys {
            schema: named(&[]),
            resources: vec![Arc::new(toy("toy_box", box_schema()))],
            data_sources: vec![Arc::new(toy("toy_list", named(&[("found", Type::Number)])))],
            ephemeral_resources: vec![Arc::new(toy("toy_key", named(&[("key", Type::String)])))],
            actions: vec![Arc::new(toy("toy_ring", named(&[])))],
            log,
        }
    }
}

#[async_trait]
impl Provider for Toys {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn configure(&self, cx: &Context, config: Object, version: &str) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let known = config["name"].is_wholly_known();
        diagnostics.warn("configured", format!("{version} {:?} known={known}", cx.walk));
        diagnostics
    }

    fn resources(&self) -> &[Arc<dyn Resource>] {
        &self.resources
    }

    fn data_sources(&self) -> &[Arc<dyn DataSource>] {
        &self.data_sources
    }

    fn ephemeral_resources(&self) -> &[Arc<dyn EphemeralResource>] {
        &self.ephemeral_resources
    }

    fn actions(&self) -> &[Arc<dyn Action>] {
        &self.actions
    }

    async fn shutdown(&self, _cancel: &CancellationToken) {
        self.log.send("shut down".to_owned()).unwrap();
    }
}

/// Every face at once; which one it is stands in its name.
struct Toy {
    name: &'static str,
    schema: Schema,
    log: Log,
}

impl Toy {
    /// Waits for the cancellation, as a face does whose work takes long.
    async fn wait(&self, cx: &Context) -> Diagnostics {
        self.log.send("waiting".to_owned()).unwrap();
        cx.cancel.cancelled().await;
        self.log.send("cancelled".to_owned()).unwrap();
        let mut diagnostics = Diagnostics::none();
        diagnostics.error("Interrupted", "The toy was told to stop.");
        diagnostics
    }
}

impl Face for Toy {
    fn type_name(&self) -> &str {
        self.name
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        if name(config) == "bad" {
            diagnostics.error_at(Path::root("name"), "Bad name", "No toy is bad.");
        }
        diagnostics
    }
}

#[async_trait]
impl Resource for Toy {
    async fn plan(&self, cx: &Context, change: Change, private: Bytes) -> Planned {
        let mut diagnostics = Diagnostics::none();
        let (kind, mut planned) = match change {
            Change::Create { planned, .. } => ("create", Some(planned)),
            Change::Update { planned, .. } => ("update", Some(planned)),
            Change::Delete { .. } => ("delete", None),
        };
        diagnostics.warn(kind, format!("{:?}", cx.walk));
        if let Some(planned) = &mut planned {
            match name(planned).as_str() {
                "panic in plan" => panic!("the lid is stuck"),
                "lie in plan" => drop(planned.insert("name".to_owned(), "truth".into())),
                _ => {}
            }
            if planned["id"] == Value::Null {
                planned.insert("id".to_owned(), Value::Unknown);
            }
        }
        // A destroy leaves the private bytes to the server.
        let private = if planned.is_some() { private } else { Bytes::new() };
        let requires_replace = vec![Path::root("name")];
        Planned { state: planned, requires_replace, private, diagnostics }
    }

    async fn apply(&self, cx: &Context, change: Change, private: Bytes) -> Applied {
        assert_eq!(cx.walk, Walk::Apply);
        let mut applied = Applied { private, ..Applied::default() };
        let (mut planned, secret) = match change {
            Change::Create { planned, config } | Change::Update { planned, config, .. } => {
                (planned, config["secret"].clone())
            }
            Change::Delete { prior } => {
                match name(&prior).as_str() {
                    "panic" => panic!("the box is {}", "nailed down"),
                    "stuck" => {
                        applied.diagnostics.error("Stuck", "It does not move.");
                        applied.state = Some(prior);
                    }
                    _ => {}
                }
                return applied;
            }
        };
        let doing = name(&planned);
        if doing != "partial" && doing != "forgetful" {
            planned.insert("id".to_owned(), "box-1".into());
        }
        match doing.as_str() {
            "panic" => panic!("the box is {}", "on fire"),
            "wait" => applied.diagnostics = self.wait(cx).await,
            "partial" => applied.diagnostics.error("Half done", "The rest is missing."),
            "break the promise" => drop(planned.insert("name".to_owned(), "other".into())),
            "misfit" => drop(planned.insert("id".to_owned(), true.into())),
            _ => {}
        }
        // A careless face: the server must not let this through.
        planned.insert("secret".to_owned(), secret);
        applied.state = Some(planned);
        applied
    }

    async fn read(&self, _cx: &Context, state: Object) -> Refreshed {
        let gone = name(&state) == "gone";
        Refreshed { state: Some(state).filter(|_| !gone), ..Refreshed::default() }
    }

    fn import(&self, id: &str) -> Result<Object, Diagnostics> {
        let mut diagnostics = Diagnostics::none();
        diagnostics.error("Not importable", format!("`{id}` cannot be imported."));
        Err(diagnostics)
    }
}

#[async_trait]
impl DataSource for Toy {
    async fn read(&self, _cx: &Context, mut config: Object) -> Refreshed {
        config.insert("found".to_owned(), 3.into());
        Refreshed { state: Some(config), ..Refreshed::default() }
    }
}

#[async_trait]
impl EphemeralResource for Toy {
    async fn open(&self, _cx: &Context, mut config: Object) -> Opened {
        let result = if name(&config) == "lie" { Value::Unknown } else { "k".into() };
        config.insert("key".to_owned(), result);
        let private = Bytes::from_static(b"handle");
        Opened { result: Some(config), private, ..Opened::default() }
    }

    async fn close(&self, cx: &Context, private: Bytes) -> Diagnostics {
        let mut diagnostics = Diagnostics::none();
        let stopped = cx.cancel.is_cancelled();
        diagnostics.warn("closed", format!("{} stopped={stopped}", private.escape_ascii()));
        diagnostics
    }
}

#[async_trait]
impl Action for Toy {
    async fn invoke(&self, cx: &Context, config: Object, progress: &dyn Progress) -> Diagnostics {
        progress.report("ding".to_owned());
        match name(&config).as_str() {
            "panic" => panic!("the bell fell off"),
            "wait" => {
                let told = self.wait(cx).await;
                progress.report("too late".to_owned());
                return told;
            }
            "flood" => (0..10_000).for_each(|_| progress.report("dong".to_owned())),
            _ => progress.report("dong".to_owned()),
        }
        Diagnostics::none()
    }
}

fn name(object: &Object) -> String {
    object["name"].as_str().unwrap_or_default().to_owned()
}

/// A schema with a name and some computed attributes.
fn named(computed: &[(&str, Type)]) -> Schema {
    let computed = computed.iter().map(|(name, kind)| {
        ((*name).to_owned(), Attribute::plain(kind.clone(), Mode::Computed, "Made."))
    });
    let name = Attribute::plain(Type::String, Mode::Optional, "What it does.");
    let attributes = computed.chain([("name".to_owned(), name)]).collect();
    Schema { version: 0, block: Block { attributes, ..Block::default() } }
}

fn box_schema() -> Schema {
    let text = |mode| Attribute::plain(Type::String, mode, "");
    let mut schema = named(&[("id", Type::String)]);
    schema.version = 2;
    let mut secret = text(Mode::Optional);
    secret.write_only = true;
    let mut old = text(Mode::Optional).sensitive();
    old.deprecated = Some("Use `name`.".to_owned());
    let lid = BTreeMap::from([
        ("color".to_owned(), text(Mode::Optional)),
        ("made".to_owned(), text(Mode::Computed)),
    ]);
    schema.block.attributes.extend([
        ("secret".to_owned(), secret),
        ("old".to_owned(), old),
        ("size".to_owned(), Attribute::plain(Type::Number, Mode::Optional, "")),
        ("any".to_owned(), Attribute::plain(Type::Dynamic, Mode::Optional, "")),
        ("lid".to_owned(), Attribute::object(lid, Mode::Optional, "")),
    ]);
    let nested = |nesting, bound| {
        let attributes = BTreeMap::from([("label".to_owned(), text(Mode::Optional))]);
        let block = Block { attributes, ..Block::default() };
        NestedBlock { nesting, block, min_items: bound, max_items: bound }
    };
    schema.block.blocks.extend([
        ("item".to_owned(), nested(Nesting::List, 0)),
        ("tag".to_owned(), nested(Nesting::Set, 0)),
        ("lock".to_owned(), nested(Nesting::Single, 0)),
    ]);
    schema
}

/// The types of the faces' values, by name.
pub(crate) fn value_type(face: &str) -> Type {
    let schema = match face {
        "toy_box" => box_schema(),
        "toy_list" => named(&[("found", Type::Number)]),
        "toy_key" => named(&[("key", Type::String)]),
        _ => named(&[]),
    };
    schema.block.value_type()
}
