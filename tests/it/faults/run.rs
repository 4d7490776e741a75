//! One run of one face under one fault, and everything that can be known of it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value as Json;
use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::{Setup, Trouble};
use terraform_provider_session::services::Service;
use tokio::time::Instant;

use crate::faces::core::Core;
use crate::faces::world::{SECRET, Told, World, errors, some};

/// The timeout of every run.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(90);

/// A face that acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Create,
    Destroy,
    Open,
    Close,
    Action,
}

pub(crate) const FACES: [Face; 5] =
    [Face::Create, Face::Destroy, Face::Open, Face::Close, Face::Action];

impl Face {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Face::Create => "create",
            Face::Destroy => "destroy",
            Face::Open => "open",
            Face::Close => "close",
            Face::Action => "action",
        }
    }
}

/// Which calls of the run meet the fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meets {
    All,
    /// The one of this number, from 0.
    One(usize),
}

/// What the audit log counts.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) selected: usize,
    pub(crate) terminated: usize,
    pub(crate) already_gone: usize,
    pub(crate) survived: usize,
}

#[derive(Debug)]
#[expect(dead_code, reason = "some of it is only read when a test fails")]
pub(crate) struct Outcome {
    service: &'static str,
    face: Face,
    fault: Option<(Trouble, Meets)>,
    pub(crate) told: Vec<Told>,
    pub(crate) failed: bool,
    /// How many were really cut.
    pub(crate) killed: usize,
    /// Nodes of other instances on which somebody was cut.
    pub(crate) strangers: BTreeSet<String>,
    /// By the audit log.
    pub(crate) counts: Counts,
    pub(crate) requested: usize,
    /// Terminated by `last_run`, where there is one.
    pub(crate) last_run: Option<usize>,
    pub(crate) took: Duration,
    pub(crate) calls: usize,
    /// How many calls met the fault, and how many were tried after that.
    pub(crate) met: usize,
    pub(crate) after: usize,
    operations: Vec<String>,
}

impl Outcome {
    /// What came of it, in a word.
    pub(crate) fn word(&self) -> &'static str {
        let error = errors(&self.told).first().copied().unwrap_or_default().to_owned();
        let warned = self.told.iter().any(|one| one.summary.starts_with("Target of"));
        match error.as_str() {
            "" if warned => "gone",
            "" if self.killed == 0 => "nobody",
            "" if self.counts.terminated < self.killed => "done, unsure",
            "" => "done",
            error if error.starts_with("Sessions survived") => "survivors",
            error if error.ends_with("could not be terminated") => "failed",
            error if error.ends_with("in time") => "late",
            error if error.ends_with("could not be listed") => "unlisted",
            _ => "other",
        }
    }
}

/// Everybody on the first instance of a service is meant, by one face, under one fault.
pub(crate) async fn act(
    service: &'static dyn Service,
    face: Face,
    fault: Option<(Trouble, Meets)>,
) -> Outcome {
    let world = World::new(service, Setup { clients: 4, ..Setup::default() });
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("audit.jsonl");
    let block = world.block(&[("audit_log", log.to_str().unwrap().into())]);
    let limit = Value::from(format!("{}s", TIMEOUT.as_secs()));
    let limited = ("timeout", limit.clone());
    let applying = ("applying", Value::from(true));
    let mut last_run = Value::Null;
    let told;
    let began;
    let before;
    match face {
        Face::Create | Face::Destroy => {
            let mut core = Core::new(&world);
            core.block = block;
            let when = if face == Face::Create { "apply" } else { "destroy" };
            let timeouts = some(&[("create", limit.clone()), ("delete", limit)]);
            let config = crate::faces::all(&core, when, &[("timeouts", timeouts)]);
            let plan = if face == Face::Create {
                core.plan(Some(&config)).await
            } else {
                core.applied(&config).await;
                core.plan(None).await
            };
            before = world.begin(fault);
            began = Instant::now();
            let config = Some(&config).filter(|_| face == Face::Create);
            told = core.apply_plan(&plan, config).await;
            if let Some(stored) = &core.stored
                && let Some(run) = stored.state["last_run"].as_object()
            {
                last_run = run["terminated"].clone();
            }
        }
        Face::Open => {
            let mut plugin = world.configured(&block, true).await;
            before = world.begin(fault);
            began = Instant::now();
            let opened = plugin.open(&world, &[applying, limited]).await;
            last_run = opened.last_run("terminated");
            told = opened.told;
        }
        Face::Close => {
            let mut plugin = world.configured(&block, true).await;
            let given = [applying, ("when", "close".into()), limited];
            let opened = plugin.open(&world, &given).await;
            before = world.begin(fault);
            began = Instant::now();
            told = plugin.close(&world, &opened.handle).await;
        }
        Face::Action => {
            let mut plugin = world.configured(&block, true).await;
            before = world.begin(fault);
            began = Instant::now();
            told = plugin.invoke(&world, &[limited]).await.1;
        }
    }
    let took = began.elapsed();
    let calls = world.sandbox.calls();
    let calls = &calls[before..];
    let met = calls.iter().filter(|call| call.trouble.is_some()).count();
    let first = calls.iter().position(|call| call.trouble.is_some());
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(!text.contains(SECRET), "the audit log holds a secret");
    let lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let strangers = world.killed().into_iter().map(|(node, _)| node);
    Outcome {
        service: service.spec().name,
        face,
        fault,
        failed: !errors(&told).is_empty(),
        told,
        killed: world.killed().len(),
        strangers: strangers.filter(|node| !world.instance.has(node)).collect(),
        counts: counts(&lines),
        requested: lines.iter().filter(|line| line["kind"] == "requested").count(),
        last_run: last_run.as_i64().map(|count| usize::try_from(count).unwrap()),
        took,
        calls: calls.len(),
        met,
        after: first.map_or(0, |first| calls.len() - first - 1),
        operations: calls
            .iter()
            .map(|call| format!("{} {}", call.operation, call.status))
            .collect(),
    }
}

/// The counts of the last run.
fn counts(lines: &[Json]) -> Counts {
    let run = lines.iter().rev().find(|line| line["kind"] == "run");
    let count = |name: &str| {
        let number = run.map_or(0, |run| run["counts"][name].as_u64().unwrap());
        usize::try_from(number).unwrap()
    };
    Counts {
        selected: count("selected"),
        terminated: count("terminated"),
        already_gone: count("already_gone"),
        survived: count("survived"),
    }
}

impl World {
    /// Switches the fault on. Returns how many calls there were before.
    fn begin(&self, fault: Option<(Trouble, Meets)>) -> usize {
        match fault {
            None => {}
            Some((trouble, Meets::All)) => self.fault(trouble),
            Some((trouble, Meets::One(at))) => self.fault_in(trouble, at),
        }
        self.sandbox.calls().len()
    }
}
