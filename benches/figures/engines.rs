//! Plans and applies by a real Terraform, with our resources and with its own, by turns.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use terraform_provider_session::demo::{Core, Engine, Scratch, Workshop};
use terraform_provider_session::sandbox::{Sandbox, Setup, server};
use terraform_provider_session::wire::https::SystemClock;
use tokio_util::sync::CancellationToken;

use crate::plugins;
use crate::table::{Figure, fastest, seconds};

/// The service whose resources are planned.
const SERVICE: &str = "huaweicloud_dds";

/// A plan with one resource and its preview takes no more times as long as an empty plugin's.
const PLAN: f64 = 1.3;

/// How often each command is run.
const RUNS: [(usize, usize); 2] = [(1, 25), (200, 5)];

/// The engine's name, and the figures.
pub(crate) async fn plans_and_applies(program: &Path) -> (String, Vec<Figure>) {
    let sandbox = Arc::new(Sandbox::new(Setup::default(), Arc::new(SystemClock)));
    let listener = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(server::serve(Arc::clone(&sandbox), listener, stop.clone()));

    let engine = any();
    let core = Core::new(engine.clone(), program).unwrap();
    let other = Core::new(engine, &std::env::current_exe().unwrap()).unwrap();
    let empty = Stand::new(&other, &plugins::empty());
    let mut figures = Vec::new();
    for (count, runs) in RUNS {
        let ours = Stand::new(&core, &termination(&sandbox, &endpoint, count));
        let builtin = Stand::new(&core, &data(count));
        for verb in ["plan", "apply"] {
            let is_held = verb == "plan" && count == 1;
            let (mut times, mut beside, mut empties) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..runs {
                sandbox.reset();
                times.push(ours.run(verb).await);
                beside.push(builtin.run(verb).await);
                if is_held {
                    empties.push(empty.run_with(verb, &plugins::EMPTY).await);
                }
            }
            let time = fastest(&times);
            let (_, told) = than(time, fastest(&beside));
            let mut beside = format!("{count} `terraform_data`: {told}");
            let mut goal = None;
            if is_held {
                let (share, told) = than(time, fastest(&empties));
                beside = format!("an empty plugin: {told}; {beside}");
                goal = Some((format!("< {PLAN} times the empty plugin"), share < PLAN));
            }
            figures.push(Figure {
                name: format!("`terraform {verb}`, {count} resource{}", plural(count)),
                measured: seconds(time),
                goal,
                beside,
            });
        }
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
    (core.engine().name.clone(), figures)
}

/// The machine's own engine, or a pinned one.
pub(crate) fn any() -> Engine {
    let workshop = Workshop::here();
    match Engine::on_path(&workshop).unwrap().into_iter().next() {
        Some(engine) => engine,
        None => Engine::pinned(&workshop, "1.11.4").unwrap(),
    }
}

/// How many times as long as another a time is, and both.
fn than(time: Duration, other: Duration) -> (f64, String) {
    let times = time.as_secs_f64() / other.as_secs_f64();
    (times, format!("{}, so {times:.2} times", seconds(other)))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A configuration and an engine.
pub(crate) struct Stand<'a> {
    core: &'a Core,
    folder: Scratch,
}

impl Stand<'_> {
    pub(crate) fn new<'a>(core: &'a Core, configuration: &str) -> Stand<'a> {
        let folder = Scratch::new("figures").unwrap();
        std::fs::write(folder.path().join("main.tf"), configuration).unwrap();
        Stand { core, folder }
    }

    /// Runs a command where nothing has been applied yet.
    async fn run(&self, verb: &str) -> Duration {
        self.run_with(verb, &[]).await
    }

    /// The same with variables in its environment.
    pub(crate) async fn run_with(&self, verb: &str, env: &[(&str, &str)]) -> Duration {
        let _ = std::fs::remove_file(self.folder.path().join("terraform.tfstate"));
        let arguments = if verb == "apply" { vec![verb, "-auto-approve"] } else { vec![verb] };
        let began = Instant::now();
        let told = self.core.run(self.folder.path(), &arguments, env).await.unwrap();
        let took = began.elapsed();
        assert_eq!(told.code, 0, "{}", told.text());
        took
    }
}

/// So many resources of ours.
fn termination(sandbox: &Sandbox, endpoint: &str, count: usize) -> String {
    let account = sandbox.account();
    let scenery = sandbox.scenery().iter().find(|(spec, _)| spec.name == SERVICE).unwrap();
    let endpoints = json!({ scenery.0.product: endpoint, "iam": endpoint });
    format!(
        r#"
terraform {{
  required_providers {{ session = {{ source = "sessionops/session" }} }}
}}
provider "session" {{
  huaweicloud = {{
    region     = "{}"
    access_key = "{}"
    secret_key = "{}"
    project_id = "{}"
    endpoints  = {endpoints}
  }}
}}
resource "session_termination_{SERVICE}" "it" {{
  count       = {count}
  instance_id = "{}"
  when        = "apply"
  all         = true
}}
"#,
        account.region,
        account.access_key,
        account.secret_key.reveal(),
        account.project_id,
        scenery.1[0].id,
    )
}

/// So many resources that are built into Terraform.
fn data(count: usize) -> String {
    format!("resource \"terraform_data\" \"it\" {{\n  count = {count}\n  input = \"x\"\n}}\n")
}
