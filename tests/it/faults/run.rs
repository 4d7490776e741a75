//! One run of one face under one fault, and everything that can be known of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value as Json;
use terraform_provider_session::framework::{Object, Value};
use terraform_provider_session::sandbox::{CallLine, Setup, Switch, Trouble};
use terraform_provider_session::services::Service;
use terraform_provider_session::services::simulator::{FOLLOWER, LiveClient};
use tokio::time::Instant;

use crate::faces::core::{Core, to_json};
use crate::faces::world::{BACK, SECRET, Told, World, errors, map, some};

/// The timeout of every run.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(90);

/// A face, and what is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Face {
    Create,
    Update,
    Destroy,
    Open,
    Close,
    /// The plugin's end, with an ephemeral that waits for its close.
    Shutdown,
    Action,
    List,
    Preview,
}

/// Those that end sessions and can say what came of it.
pub(crate) const ACTING: [Face; 6] =
    [Face::Create, Face::Update, Face::Destroy, Face::Open, Face::Close, Face::Action];

/// Who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// Everybody on the service's first instance.
    Everybody,
    /// Everybody on another instance, of several nodes if the service has such, but for its first
    /// client, who is protected: the others are ended by name.
    Named,
}

/// Which calls of the run meet the fault.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Meets {
    All,
    /// The one of this number, from 0.
    One(usize),
    /// That and all later ones.
    From(usize),
}

/// A session's fate by the audit log.
#[derive(Debug)]
pub(crate) struct Fate {
    pub(crate) outcome: String,
    pub(crate) reason: String,
    pub(crate) session: String,
    pub(crate) request_id: Option<String>,
}

/// What came of a run. Clients are named by [`World::who`], which is unique.
#[derive(Debug)]
pub(crate) struct Outcome {
    #[expect(dead_code, reason = "it is only read when a test fails")]
    service: &'static str,
    pub(crate) selective: bool,
    pub(crate) face: Face,
    pub(crate) meant: Meant,
    pub(crate) fault: Option<(Trouble, Meets)>,
    pub(crate) told: Vec<Told>,
    /// Who was really cut, by then or by a job that was still at work.
    pub(crate) killed: BTreeSet<String>,
    /// Nodes of other instances on which somebody was cut.
    pub(crate) strangers: BTreeSet<String>,
    /// Whether the client was cut that came back after the first cut.
    pub(crate) back_killed: bool,
    /// Who was cut though he only had what somebody before him was known by.
    pub(crate) followers_killed: usize,
    pub(crate) protected: Option<String>,
    /// By the audit log.
    pub(crate) fates: BTreeMap<String, Fate>,
    pub(crate) requested: BTreeSet<String>,
    /// The audit log's line of the run.
    pub(crate) run: Option<Json>,
    /// `last_run` of this run, where one was given.
    pub(crate) last_run: Option<Json>,
    /// The ids that the data source gave.
    pub(crate) listed: Option<BTreeSet<String>>,
    pub(crate) took: Duration,
    pub(crate) calls: Vec<CallLine>,
}

impl Outcome {
    pub(crate) fn failed(&self) -> bool {
        !errors(&self.told).is_empty()
    }

    /// Whether it was refused because the target was never there.
    pub(crate) fn absent(&self) -> bool {
        errors(&self.told).iter().any(|error| error.ends_with(" does not exist"))
    }

    /// Whether the target was called gone.
    pub(crate) fn gone(&self) -> bool {
        self.told.iter().any(|one| !one.error && one.summary.starts_with("Nothing is left"))
    }

    pub(crate) fn count(&self, name: &str) -> usize {
        let count = self.run.as_ref().and_then(|run| run["counts"][name].as_u64());
        count.map_or(0, |count| usize::try_from(count).unwrap())
    }

    /// Calls that met the fault, and how many came after the first of them.
    pub(crate) fn met(&self) -> (usize, usize) {
        let met = |call: &CallLine| call.trouble.is_some();
        let first = self.calls.iter().position(met);
        let after = first.map_or(0, |first| self.calls.len() - first - 1);
        (self.calls.iter().filter(|call| met(call)).count(), after)
    }

    /// Whether nothing tells it from a run without a fault.
    pub(crate) fn same(&self, good: &Outcome) -> bool {
        // Without order: nodes are worked on side by side.
        let answers = |one: &Outcome| {
            let mut all: Vec<u16> = one.calls.iter().map(|call| call.status).collect();
            all.sort_unstable();
            all
        };
        (answers(self), self.took, &self.killed, &self.told)
            == (answers(good), good.took, &good.killed, &good.told)
    }

    /// What came of it, in a word.
    pub(crate) fn word(&self) -> &'static str {
        match errors(&self.told).first().copied().unwrap_or_default() {
            "" if self.gone() => "gone",
            _ if self.absent() => "absent",
            "" if self.fates.values().any(|fate| fate.outcome != "terminated") => "unsure",
            "" => "done",
            error if error.starts_with("Sessions survived") => "survivors",
            error if error.starts_with("Sessions are not confirmed gone") => "unverified",
            error if error.starts_with("Protected") => "protected",
            error if error.ends_with("could not be terminated") => "failed",
            error if error.ends_with("in time") => "unlisted",
            error if error.ends_with("could not be listed") => "unlisted",
            _ => "other",
        }
    }
}

/// One face, under one fault.
pub(crate) async fn act(
    service: &'static Service,
    face: Face,
    meant: Meant,
    fault: Option<(Trouble, Meets)>,
) -> Outcome {
    let mut world = World::new(service, Setup { clients: 4, ..Setup::default() });
    let mut protected = None;
    let mut given = Vec::new();
    if meant == Meant::Named {
        let mut others = (service.scene().scenery)().split_off(1);
        others.sort_by_key(|one| one.nodes.len() < 2);
        world.instance = others.remove(0);
        let first = &world.live()[..1];
        given.push(("protect", world.whom(first)));
        protected = Some(world.who(&first[0]));
    }
    // The log is synced several times in each run; memory does that at once, where there is such.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let log = folder.path().join("audit.jsonl");
    let block = world.block(&[("audit_log", log.to_str().unwrap().into())]);
    let started = |world: &World| {
        world.first_comes_back();
        match fault {
            None => {}
            Some((trouble, Meets::All)) => world.fault(trouble),
            Some((trouble, Meets::One(at))) => world.fault_later(Switch::new(trouble).times(1), at),
            Some((trouble, Meets::From(at))) => world.fault_later(Switch::new(trouble), at),
        }
        let written = std::fs::read(&log).map_or(0, |text| text.len());
        (world.sandbox.calls().len(), written, Instant::now())
    };
    let limit = Value::from(format!("{}s", TIMEOUT.as_secs()));
    let (mut told, mut last_run, mut listed) = (Vec::new(), None, None);
    let (before, written, began);
    match face {
        Face::Create | Face::Update | Face::Destroy | Face::Preview => {
            let mut core = Core::new(&world);
            core.block = block;
            let all = ["create", "update", "delete"].map(|name| (name, limit.clone()));
            given.push(("timeouts", some(&all)));
            let when = if face == Face::Destroy { "destroy" } else { "apply" };
            let config = |core: &Core<'_>, version: &str| {
                let mut config = crate::faces::all(core, when, &given);
                config.insert("triggers".into(), map(&[("version", version)]));
                config
            };
            let mut wanted = Some(config(&core, "2"));
            if face == Face::Update {
                // A dry run is a run, after which everybody is still there.
                let mut dry = config(&core, "1");
                dry.insert("dry_run".into(), true.into());
                core.apply(&dry).await;
            } else if face == Face::Destroy {
                core.apply(&config(&core, "2")).await;
                wanted = None;
            }
            if face == Face::Preview {
                (before, written, began) = started(&world);
                told = core.plan(wanted.as_ref()).await.told;
            } else {
                let plan = core.plan(wanted.as_ref()).await;
                (before, written, began) = started(&world);
                told.extend(core.apply_plan(&plan, wanted.as_ref()).await);
                let state = core.stored.as_ref().map(|stored| stored.state["last_run"].clone());
                last_run = state.filter(|run| {
                    run.as_object().is_some_and(|run| run["dry_run"] == Value::from(false))
                });
            }
        }
        Face::Open | Face::Close | Face::Shutdown => {
            let mut plugin = world.configured(&block, true).await;
            given.extend([("applying", true.into()), ("timeout", limit)]);
            if face == Face::Open {
                (before, written, began) = started(&world);
                let opened = plugin.open(&world, &given).await;
                last_run = opened.result.map(|result| result["last_run"].clone());
                told = opened.told;
            } else {
                given.push(("when", "close".into()));
                let opened = plugin.open(&world, &given).await;
                (before, written, began) = started(&world);
                if face == Face::Close {
                    told = plugin.close(&world, &opened.handle).await;
                } else {
                    plugin.end().await;
                }
            }
        }
        Face::Action => {
            let mut plugin = world.configured(&block, true).await;
            given.push(("timeout", limit));
            (before, written, began) = started(&world);
            told = plugin.invoke(&world, &given).await.1;
        }
        Face::List => {
            let mut plugin = world.configured(&block, false).await;
            (before, written, began) = started(&world);
            let (state, said) = plugin.list(&world, &[("timeout", limit)]).await;
            listed = state.map(|state| ids(&state));
            told = said;
        }
    }
    let took = began.elapsed();
    // A job that was accepted goes on, whoever looks.
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.sandbox.settle();
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(!text.contains(SECRET), "the audit log holds a secret");
    let lines = text[written..].lines();
    let lines: Vec<Json> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &'static str| lines.iter().filter(move |line| line["kind"] == kind);
    let ledger = world.sandbox.ledger();
    let cut: Vec<(&String, &LiveClient)> =
        ledger.killed().map(|one| (&one.node, &one.client)).collect();
    let (back, cut): (Vec<_>, Vec<_>) = cut.into_iter().partition(|(_, client)| client.id == BACK);
    let (followers, cut): (Vec<_>, Vec<_>) =
        cut.into_iter().partition(|(_, client)| client.name == FOLLOWER);
    let strangers = cut.iter().map(|(node, _)| (*node).clone());
    let fates: Vec<_> = of("session").map(fate).collect();
    let outcome = Outcome {
        service: service.spec.name,
        selective: world.is_selective(),
        face,
        meant,
        fault,
        told,
        killed: cut.iter().map(|(_, client)| world.who(client)).collect(),
        strangers: strangers.filter(|node| !world.instance.has(node)).collect(),
        back_killed: !back.is_empty(),
        followers_killed: followers.len(),
        protected,
        requested: of("requested").map(who).collect(),
        run: of("run").next().cloned(),
        last_run: last_run.filter(|run| *run != Value::Null).map(|run| to_json(&run)),
        listed,
        took,
        calls: world.sandbox.calls()[before..].to_vec(),
        fates: fates.into_iter().collect(),
    };
    assert_eq!(of("session").count(), outcome.fates.len(), "a client is told of twice: {text}");
    assert!(of("run").count() <= 1, "{text}");
    outcome
}

/// Whose fate a line of the audit log tells, and the fate.
fn fate(line: &Json) -> (String, Fate) {
    let fate = Fate {
        outcome: text_of(line, "outcome").to_owned(),
        reason: line["reason"].as_str().unwrap_or_default().to_owned(),
        session: text_of(line, "session").to_owned(),
        request_id: line["request_id"].as_str().map(str::to_owned),
    };
    (who(line), fate)
}

fn text_of<'l>(line: &'l Json, name: &str) -> &'l str {
    line[name].as_str().unwrap_or_else(|| panic!("no {name}: {line}"))
}

/// Whom a line is about: his address without port, or, where there is none, his user.
fn who(line: &Json) -> String {
    match line["client"].as_str() {
        Some(address) => address.rsplit_once(':').map_or(address, |(ip, _)| ip).to_owned(),
        None => text_of(line, "user").to_owned(),
    }
}

fn ids(state: &Object) -> BTreeSet<String> {
    let ids = state["session_ids"].as_list().unwrap();
    ids.iter().map(|id| to_json(id).as_str().unwrap().to_owned()).collect()
}
