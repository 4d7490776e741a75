//! What a plugin adds to a plan: one that is empty, ours, and ours with three times the services, all
//! through the same door and out of this very program.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use terraform_provider_session::demo::{Core, Engine};
use terraform_provider_session::framework::{
    Action, Applied, Attribute, Block, Change, Context, DataSource, Diagnostics, EphemeralResource,
    Face, Mode, Object, Planned, Provider, Resource, Schema, Type,
};
use terraform_provider_session::plugin::{self, Service};
use terraform_provider_session::protocol;
use terraform_provider_session::provider::SessionProvider;
use terraform_provider_session::wire::Outside;

use crate::engines::Stand;
use crate::table::{Figure, fastest, milliseconds};

/// Says which plugin this program is, where a core starts it.
const KIND: &str = "FIGURES_PLUGIN";
/// What this program is started with to be the empty plugin.
pub(crate) const EMPTY: [(&str, &str); 1] = [(KIND, "empty")];
/// How often each is planned.
const RUNS: usize = 25;
/// What we may add to a plan, beside the empty plugin, and with three times the services.
const GOALS: [f64; 2] = [1.25, 1.4];

/// Serves a core that has started this program as a plugin.
pub(crate) fn serve() -> Option<ExitCode> {
    let kind = std::env::var(KIND).ok()?;
    let ours = || Arc::new(SessionProvider::new(Outside::real()));
    let served = match kind.as_str() {
        "empty" => protocol::serve(Arc::new(Other::empty()), plugin::redacted),
        "ours" => protocol::serve(ours(), plugin::redacted),
        _ => protocol::serve(Arc::new(Other::thrice(ours())), plugin::redacted),
    };
    let shutdown = served.shutdown;
    let cleanup = Box::new(|haste| Box::pin(async move { shutdown.run(&haste).await }) as _);
    let service = Service { routes: served.routes, cleanup };
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut stdout = std::io::stdout();
    let done = runtime.block_on(plugin::serve(service, &variable, SystemTime::now(), &mut stdout));
    runtime.shutdown_background();
    Some(if done.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A provider with nothing behind it but schemas.
struct Other {
    schema: Schema,
    resources: Vec<Arc<dyn Resource>>,
    data_sources: Vec<Arc<dyn DataSource>>,
    ephemeral_resources: Vec<Arc<dyn EphemeralResource>>,
    actions: Vec<Arc<dyn Action>>,
}

impl Other {
    /// One resource with one attribute.
    fn empty() -> Other {
        let input = Attribute::plain(Type::String, Mode::Optional, "Anything.");
        let attributes = BTreeMap::from([("input".to_owned(), input)]);
        let block = |attributes| Block {
            description: "Empty.".to_owned(),
            attributes,
            blocks: BTreeMap::new(),
        };
        let schema = Schema { version: 0, block: block(attributes) };
        Other {
            schema: Schema { version: 0, block: block(BTreeMap::new()) },
            resources: vec![Arc::new(Shape::new("session_empty".to_owned(), move || schema))],
            data_sources: Vec::new(),
            ephemeral_resources: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// All types of ours, and each twice more under other names. A type of another face is served by
    /// a resource of its shape: it is read and never called.
    fn thrice(ours: Arc<SessionProvider>) -> Other {
        let mut resources: Vec<Arc<dyn Resource>> = ours.resources().to_vec();
        let shapes = |face: Arc<dyn Face>| {
            let shape = |copy: &str| -> Arc<dyn Resource> {
                let (name, face) = (format!("{}_{copy}", face.type_name()), Arc::clone(&face));
                Arc::new(Shape::new(name, move || face.schema().clone()))
            };
            [shape("again"), shape("once_more")]
        };
        let faces = ours.resources().iter().map(|one| shapes(one.clone()));
        let faces = faces.chain(ours.data_sources().iter().map(|one| shapes(one.clone())));
        let faces = faces.chain(ours.ephemeral_resources().iter().map(|one| shapes(one.clone())));
        let faces = faces.chain(ours.actions().iter().map(|one| shapes(one.clone())));
        resources.extend(faces.flatten().collect::<Vec<_>>());
        Other {
            schema: ours.schema().clone(),
            resources,
            data_sources: ours.data_sources().to_vec(),
            ephemeral_resources: ours.ephemeral_resources().to_vec(),
            actions: ours.actions().to_vec(),
        }
    }
}

#[async_trait]
impl Provider for Other {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn configure(&self, _cx: &Context, _config: Object, _version: &str) -> Diagnostics {
        Diagnostics::none()
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
}

/// A type that is no more than its schema.
struct Shape {
    name: String,
    /// Made when it is asked for, as ours are.
    schema: LazyLock<Schema, Box<dyn FnOnce() -> Schema + Send>>,
}

impl Shape {
    fn new(name: String, schema: impl FnOnce() -> Schema + Send + 'static) -> Shape {
        Shape { name, schema: LazyLock::new(Box::new(schema)) }
    }
}

impl Face for Shape {
    fn type_name(&self) -> &str {
        &self.name
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }
}

#[async_trait]
impl Resource for Shape {
    async fn plan(&self, _cx: &Context, change: Change, private: Bytes) -> Planned {
        let state = match change {
            Change::Create { planned, .. } | Change::Update { planned, .. } => Some(planned),
            Change::Delete { .. } => None,
        };
        Planned { state, private, ..Planned::default() }
    }

    async fn apply(&self, _cx: &Context, _change: Change, private: Bytes) -> Applied {
        Applied { private, ..Applied::default() }
    }

    fn import(&self, _id: &str) -> Result<Object, Diagnostics> {
        Err(Diagnostics::none())
    }
}

/// What each adds to the plan of one resource, over what the core takes by itself.
pub(crate) async fn what_they_add(engine: Engine) -> Vec<Figure> {
    let core = Core::new(engine, &std::env::current_exe().unwrap()).unwrap();
    let alone = "resource \"terraform_data\" \"it\" {}\n";
    let empty = empty();
    // It acts at the destroy, so its plan asks nobody.
    let ours = format!(
        "{REQUIRED}resource \"session_termination_huaweicloud_dds\" \"it\" {{\n  instance_id = \
         \"x\"\n  when = \"destroy\"\n  all = true\n}}\n"
    );
    let kinds = [("alone", alone), ("empty", &empty), ("ours", &ours), ("thrice", &ours)];
    let stands = kinds.map(|(kind, main)| (kind, Stand::new(&core, main)));
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..RUNS {
        for (times, (kind, stand)) in times.iter_mut().zip(&stands) {
            times.push(stand.run_with("plan", &[(KIND, kind)]).await);
        }
    }
    let [alone, empty, ours, thrice] = times.map(|times| fastest(&times));
    let adds = |time: Duration| time.saturating_sub(alone);
    let rows = [("ours", ours), ("ours with three times the services", thrice)];
    let figure = |((name, time), goal): ((&str, Duration), f64)| {
        let share = adds(time).as_secs_f64() / adds(empty).as_secs_f64();
        Figure {
            name: format!("what a plugin adds to a plan: {name}"),
            measured: milliseconds(adds(time)),
            goal: Some((format!("< {goal} times the empty plugin"), share < goal)),
            beside: format!(
                "an empty plugin: {}, so {share:.2} times; the core alone takes {}",
                milliseconds(adds(empty)),
                milliseconds(alone)
            ),
        }
    };
    rows.into_iter().zip(GOALS).map(figure).collect()
}

/// The configuration of one resource of the empty plugin.
pub(crate) fn empty() -> String {
    format!("{REQUIRED}resource \"session_empty\" \"it\" {{\n  input = \"x\"\n}}\n")
}

const REQUIRED: &str =
    "terraform {\n  required_providers { session = { source = \"sessionops/session\" } }\n}\n";
