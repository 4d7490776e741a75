//! A small world in memory that knows what really happened to every session.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::super::*;
use crate::services::{
    Batch, Column, Cursor, Error, Everyone, Example, Field, Fields, Kind, Limits, Node, Outcome,
    Page, Permissions, Progress, Role, Session, SessionId, Sessions, Spec, Submission, Ticket,
    Unit, Which,
};

pub(in crate::engine) type Key = (String, String);

const COLUMNS: &[Column] = &[
    Column { name: "addr", unit: Unit::Text, role: Role::Client, description: "" },
    Column { name: "user", unit: Unit::Text, role: Role::User, description: "" },
    Column { name: "db", unit: Unit::Integer, role: Role::Database, description: "" },
    Column { name: "cmd", unit: Unit::Text, role: Role::Command, description: "" },
    Column { name: "label", unit: Unit::Text, role: Role::Name, description: "" },
    Column { name: "idle", unit: Unit::Seconds, role: Role::Idle, description: "" },
    Column { name: "age", unit: Unit::Seconds, role: Role::Age, description: "" },
];

pub(in crate::engine) fn spec(batch: usize, everyone: Everyone) -> Spec {
    Spec {
        name: "fake",
        platform: "fake",
        product: "fake",
        title: "Fake",
        session: "session",
        about: "",
        ending: "",
        warning: None,
        regional: false,
        answers_itself: false,
        inputs: &[],
        one_of: &[],
        width: None,
        normal: Ok,
        session_id: "",
        is_id: |_| true,
        ids_again: None,
        columns: COLUMNS,
        limits: Limits { batch, everyone },
        permissions: Permissions { list: &[], terminate: &[] },
        codes: &[],
        example: Example { inputs: &[], criterion: ("", ""), old_login: None, protect: ("", "") },
        documentation: "",
    }
}

pub(in crate::engine) fn session(node: &str, id: &str, user: &str) -> Session {
    let number = id.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    let address = format!("10.{}.{}.{}:40000", number >> 16 & 255, number >> 8 & 255, number & 255);
    Session {
        id: SessionId(id.to_owned()),
        node: node.to_owned(),
        fields: Fields::from([
            ("addr", Field::Text(address)),
            ("user", Field::Text(user.to_owned())),
        ]),
        ..Session::default()
    }
}

/// What a call does instead of working well.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Fault {
    /// Fails without effect.
    Fails(Kind),
    /// Fails without effect, and asks to wait for so many seconds.
    Asks(Kind, u64),
    /// Takes effect, and fails.
    FailsAfter(Kind),
    /// Ends the first half of what it should, and fails.
    Partly(Kind),
    /// Takes effect, and panics over the answer.
    Panics,
    /// Answers after this long.
    Slow(Duration),
    /// The call starts a job that fails, without effect.
    JobFails,
    /// The call starts a job that never ends, with effect.
    JobHangs,
    /// The whole target vanishes, and the call says so.
    Vanishes,
}

#[derive(Default)]
pub(in crate::engine) struct State {
    pub(in crate::engine) nodes: Vec<String>,
    pub(in crate::engine) live: BTreeMap<Key, Session>,
    /// When those began whose list tells their age.
    born: BTreeMap<Key, Instant>,
    /// What our calls ended.
    pub(in crate::engine) ended: BTreeSet<Key>,
    /// Every session that a call named.
    pub(in crate::engine) named: BTreeSet<Key>,
    /// One word per call.
    pub(in crate::engine) calls: Vec<&'static str>,
    /// Faults of the coming terminating calls, in order.
    pub(in crate::engine) kills: VecDeque<Fault>,
    /// Faults of the coming list calls, in order.
    pub(in crate::engine) lists: VecDeque<Fault>,
    /// Ids that are accepted, and live on.
    pub(in crate::engine) stubborn: BTreeSet<String>,
    /// Ids that live, and that a call is told are gone.
    pub(in crate::engine) denied: BTreeSet<String>,
    /// Ids over which a call is refused as a whole, without a name.
    pub(in crate::engine) refused: BTreeSet<String>,
    pub(in crate::engine) page: usize,
    /// Whether pages do not show again the last session of the page before.
    pub(in crate::engine) seamless: bool,
    /// How often every page shows each session, if not once.
    pub(in crate::engine) repeats: usize,
    /// How many sessions of each node's list are counted and not shown, the last ones.
    pub(in crate::engine) hides: usize,
    pub(in crate::engine) reconnects: bool,
    pub(in crate::engine) asynchronous: bool,
    pub(in crate::engine) prepares: bool,
    /// Whether the nodes are those that the user named, and no call finds them.
    pub(in crate::engine) given_nodes: bool,
    pub(in crate::engine) circles: bool,
    /// Whether a named session that is gone fails the whole call.
    pub(in crate::engine) strict: bool,
    gone: bool,
    /// Draws faults: share of calls that go wrong.
    pub(in crate::engine) luck: Option<(Luck, f64)>,
    serial: u32,
    pub(in crate::engine) largest: usize,
    pub(in crate::engine) running: usize,
    pub(in crate::engine) most_running: usize,
    /// The faults of jobs that were started, by ticket.
    pub(in crate::engine) jobs: BTreeMap<String, Fault>,
    /// Whether a session that is ended stays in the list, and cannot be ended any more.
    pub(in crate::engine) rests: bool,
}

/// A small generator with a seed (splitmix64).
#[derive(Clone)]
pub(in crate::engine) struct Luck(pub(super) u64);

impl Luck {
    pub(in crate::engine) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (word ^ (word >> 31)) % limit
    }

    pub(in crate::engine) fn index(&mut self, limit: usize) -> usize {
        usize::try_from(self.below(limit as u64)).expect("it is below a usize")
    }

    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.below(1 << 20)).unwrap()) / f64::from(1 << 20)
    }
}

pub(in crate::engine) struct World(pub(super) Mutex<State>);

pub(in crate::engine) fn world(nodes: &[(&str, &[&str])]) -> World {
    let mut state = State { page: 100, ..State::default() };
    for (node, ids) in nodes {
        state.nodes.push((*node).to_owned());
        for id in *ids {
            state.live.insert(((*node).to_owned(), (*id).to_owned()), session(node, id, "app"));
        }
    }
    World(Mutex::new(state))
}

impl World {
    pub(in crate::engine) fn set(&self, change: impl FnOnce(&mut State)) -> &World {
        change(&mut self.0.lock().unwrap());
        self
    }

    pub(in crate::engine) fn get<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.lock().unwrap())
    }

    pub(in crate::engine) fn count(&self, call: &str) -> usize {
        self.get(|state| state.calls.iter().filter(|one| **one == call).count())
    }

    /// Notes the call, draws its fault, and takes its time.
    async fn begin(&self, call: &'static str) -> Result<Option<Fault>, Error> {
        let fault = {
            let mut state = self.0.lock().unwrap();
            state.calls.push(call);
            state.running += 1;
            state.most_running = state.most_running.max(state.running);
            state.draw(call)
        };
        let _running = Running(self);
        tokio::time::sleep(Duration::from_millis(10)).await;
        if let Some(Fault::Slow(time)) = fault {
            tokio::time::sleep(time).await;
        }
        if let Some(Fault::Panics) = fault
            && call != "terminate"
        {
            panic_quietly();
        }
        let mut state = self.0.lock().unwrap();
        match fault {
            Some(Fault::Vanishes) => {
                state.gone = true;
                state.live.clear();
            }
            Some(Fault::Fails(kind)) => return Err(Error::new(kind, "fake", "as told")),
            Some(Fault::Asks(kind, seconds)) => {
                let retry_after = Some(Duration::from_secs(seconds));
                return Err(Error { retry_after, ..Error::new(kind, "fake", "as told") });
            }
            _ => {}
        }
        if state.gone {
            return Err(Error::new(Kind::TargetGone, "fake", "no such instance"));
        }
        Ok(fault)
    }
}

/// A panic that the test's output does not speak of.
fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("a slip"))
}

/// Counts a call as running, also when it is cut off.
struct Running<'a>(&'a World);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.lock().unwrap().running -= 1;
    }
}

impl State {
    fn draw(&mut self, call: &str) -> Option<Fault> {
        let scripted = match call {
            "terminate" => self.kills.pop_front(),
            "list" => self.lists.pop_front(),
            _ => None,
        };
        if scripted.is_some() {
            return scripted;
        }
        let (luck, share) = self.luck.as_mut()?;
        if luck.unit() >= *share {
            return None;
        }
        let kinds = [Kind::Throttled, Kind::Busy, Kind::NotSent, Kind::Unavailable, Kind::Lost];
        let kind = kinds[usize::try_from(luck.below(5)).unwrap()];
        let late = [Kind::Unavailable, Kind::Lost, Kind::Malformed];
        let late = late[usize::try_from(luck.below(3)).unwrap()];
        Some(match (call, luck.below(100)) {
            (_, 0) => Fault::Vanishes,
            (_, 1) => Fault::Fails(Kind::Permission),
            (_, 2..=12) => Fault::Slow(Duration::from_millis(luck.below(90_000))),
            ("terminate", 13..=40) => Fault::FailsAfter(late),
            ("terminate", 41..=60) => Fault::Partly(late),
            ("terminate", 61..=70) if self.asynchronous => Fault::JobFails,
            ("terminate", 71..=75) if self.asynchronous => Fault::JobHangs,
            (_, 76) => Fault::Panics,
            ("terminate", 77..=90) => Fault::Asks(kind, luck.below(200)),
            _ => Fault::Fails(kind),
        })
    }

    fn end(&mut self, key: &Key) {
        if self.stubborn.contains(&key.1) || self.denied.contains(&key.1) {
            return;
        }
        if self.rests {
            let Some(session) = self.live.get_mut(key) else { return };
            session.unkillable = Some("it does nothing now");
            self.ended.insert(key.clone());
            return;
        }
        let Some(session) = self.live.remove(key) else { return };
        self.ended.insert(key.clone());
        if self.reconnects {
            self.serial += 1;
            let id = format!("new-{}", self.serial);
            let mut back = session;
            back.id = SessionId(id.clone());
            let Some(Field::Text(address)) = back.fields.get("addr") else { return };
            let address = address.replace(":40000", ":50000");
            back.fields.insert("addr", Field::Text(address));
            let place = (key.0.clone(), id);
            self.born.insert(place.clone(), Instant::now());
            self.live.insert(place, back);
        }
    }
}

#[async_trait]
impl Sessions for World {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        self.begin("nodes").await?;
        let node = |id: &String| Node::of(id);
        Ok(self.get(|state| state.nodes.iter().map(node).collect()))
    }

    fn looks_up_nodes(&self) -> bool {
        self.get(|state| !state.given_nodes)
    }

    async fn prepare(&self, _node: &Node) -> Result<Option<Ticket>, Error> {
        if !self.get(|state| state.prepares) {
            return Ok(None);
        }
        self.begin("prepare").await?;
        Ok(Some(Ticket("scan".to_owned())))
    }

    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let fault = self.begin("list").await?;
        if let Some(Fault::FailsAfter(kind) | Fault::Partly(kind)) = fault {
            return Err(Error::new(kind, "list", "as told"));
        }
        let state = self.0.lock().unwrap();
        if !state.nodes.contains(&node.id) {
            return Err(Error::new(Kind::TargetGone, "list", "no such node"));
        }
        let start: usize = after.map_or(0, |cursor| cursor.0.parse().unwrap());
        let mut of_node: Vec<Session> =
            state.live.values().filter(|one| one.node == node.id).cloned().collect();
        for one in &mut of_node {
            let place = (one.node.clone(), one.id.0.clone());
            if let Some(born) = state.born.get(&place) {
                let age = i64::try_from(born.elapsed().as_secs()).unwrap();
                one.fields.insert("age", Field::Integer(age));
            }
        }
        let all = of_node.len();
        of_node.truncate(all.saturating_sub(state.hides).max(usize::from(all > 0)));
        let more = start + state.page < of_node.len();
        let next = start + state.page - usize::from(!state.seamless && state.page > 1);
        let next = if state.circles { Some(0) } else { more.then_some(next) };
        Ok(Page {
            unseen: if next.is_none() { all - of_node.len() } else { 0 },
            sessions: of_node
                .into_iter()
                .skip(start)
                .take(state.page)
                .flat_map(|one| std::iter::repeat_n(one, state.repeats.max(1)))
                .collect(),
            next: next.map(|at| Cursor(at.to_string())),
            request_id: Some(format!("list-{}", state.calls.len())),
            ..Page::default()
        })
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let keys: Vec<Key> = {
            let mut state = self.0.lock().unwrap();
            let keys: Vec<Key> = match (batch.node, batch.which) {
                (Some(node), Which::These(ids)) => {
                    ids.iter().map(|id| (node.id.clone(), id.0.clone())).collect()
                }
                (None, Which::These(_)) => panic!("ids are unique on a node only"),
                (Some(node), Which::Everyone) => {
                    state.live.keys().filter(|key| key.0 == node.id).cloned().collect()
                }
                (None, Which::Everyone) => state.live.keys().cloned().collect(),
            };
            if matches!(batch.which, Which::These(_)) {
                state.largest = state.largest.max(keys.len());
            }
            state.named.extend(keys.iter().cloned());
            keys
        };
        let call = match batch.which {
            Which::These(_) => "terminate",
            Which::Everyone if batch.node.is_some() => "end node",
            Which::Everyone => "end all",
        };
        let fault = if call == "terminate" {
            self.begin(call).await?
        } else {
            self.set(|state| state.calls.push(call));
            self.begin("terminate").await?
        };
        let mut state = self.0.lock().unwrap();
        let named = matches!(batch.which, Which::These(_));
        let refused = named && keys.iter().any(|key| state.refused.contains(&key.1));
        let gone = named && keys.iter().any(|key| !state.live.contains_key(key));
        if refused || (gone && state.strict) {
            return Err(Error::new(Kind::Ambiguous, "fake", "one of them will not do"));
        }
        let is_missing =
            |key: &&Key| !state.live.contains_key(*key) || state.denied.contains(&key.1);
        let missing = keys.iter().filter(is_missing);
        let already_gone = missing.map(|key| SessionId(key.1.clone())).collect();
        let count = match fault {
            Some(Fault::Partly(_)) => keys.len() / 2,
            Some(Fault::JobFails) => 0,
            _ => keys.len(),
        };
        for key in &keys[..count] {
            state.end(key);
        }
        if let Some(Fault::FailsAfter(kind) | Fault::Partly(kind)) = fault {
            return Err(Error::new(kind, "fake", "as told"));
        }
        if let Some(Fault::Panics) = fault {
            drop(state);
            panic_quietly();
        }
        let request_id = Some(format!("kill-{}", state.calls.len()));
        let ticket = state.asynchronous.then(|| Ticket(state.calls.len().to_string()));
        if let (Some(ticket), Some(fault)) = (&ticket, fault) {
            state.jobs.insert(ticket.0.clone(), fault);
        }
        let outcome = Outcome { already_gone, ..Outcome::default() };
        Ok(Submission { outcome, ticket, request_id })
    }

    async fn poll(&self, ticket: &Ticket) -> Result<Progress, Error> {
        self.begin("poll").await?;
        match self.get(|state| state.jobs.get(&ticket.0).copied()) {
            Some(Fault::JobFails) => Err(Error::new(Kind::JobFailed, "poll", "the job failed")),
            Some(Fault::JobHangs) => Ok(Progress::Running),
            _ => Ok(Progress::Done(Outcome::default())),
        }
    }
}

/// How appending goes wrong.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) enum Tear {
    Fails,
    Hangs,
    Panics,
}

/// Keeps lines in memory, and can go wrong from some append on, counted from 0.
#[derive(Default)]
pub(in crate::engine) struct Paper {
    pub(in crate::engine) lines: Mutex<Vec<AuditLine>>,
    pub(in crate::engine) torn: Mutex<Option<(usize, Tear)>>,
    appends: AtomicUsize,
    /// Told when an append hangs.
    hanging: Notify,
    /// What hangs goes on when the other end is dropped.
    hold: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Audit for Paper {
    fn append(&self, lines: &[AuditLine]) -> Result<(), String> {
        let number = self.appends.fetch_add(1, Ordering::Relaxed);
        let tear = self.torn.lock().unwrap().filter(|(from, _)| number >= *from);
        match tear {
            Some((_, Tear::Fails)) => return Err("the disk is full".to_owned()),
            Some((_, Tear::Panics)) => panic!("the disk is on fire"),
            Some((_, Tear::Hangs)) => {
                self.hanging.notify_one();
                let hold = self.hold.lock().unwrap();
                hold.as_ref().unwrap().recv().unwrap_err();
                return Err("too late".to_owned());
            }
            None => {}
        }
        self.lines.lock().unwrap().extend(lines.iter().cloned());
        Ok(())
    }
}

/// One run and what it is made of; the product's numbers where a test does not say.
pub(in crate::engine) struct Play {
    pub(in crate::engine) spec: Spec,
    pub(in crate::engine) request: Request,
    pub(in crate::engine) pace: Pace,
    pub(in crate::engine) paper: Arc<Paper>,
    pub(in crate::engine) observer: Box<dyn Observer>,
    pub(in crate::engine) turns: Turns,
    pub(in crate::engine) cancel: CancellationToken,
}

pub(in crate::engine) fn play(selection: Selection) -> Play {
    Play {
        spec: spec(2, Everyone::Never),
        request: Request { selection, ..Request::everybody(Duration::from_secs(300)) },
        pace: Pace::new(NonZeroUsize::new(4).unwrap(), Arc::new(|| 0.5)),
        paper: Arc::new(Paper::default()),
        observer: Box::new(Silent),
        turns: Turns::default(),
        cancel: CancellationToken::new(),
    }
}

pub(in crate::engine) fn ids(ids: &[&str]) -> Selection {
    Selection::Ids(ids.iter().map(|id| SessionId((*id).to_owned())).collect())
}

impl Play {
    pub(in crate::engine) fn with(mut self, change: impl FnOnce(&mut Play)) -> Play {
        change(&mut self);
        self
    }

    pub(in crate::engine) async fn run(&self, world: &World) -> Report {
        self.run_in(world).await
    }

    pub(in crate::engine) async fn run_in(&self, world: &dyn Sessions) -> Report {
        let log = Log {
            audit: Some(Arc::<Paper>::clone(&self.paper) as _),
            now: Arc::new(|| SystemTime::UNIX_EPOCH),
            run: "run-1".to_owned(),
            face: "action",
            address: "x".to_owned(),
            target: "instance_id=i".to_owned(),
        };
        let Play { spec, request, pace, observer, turns, cancel, .. } = self;
        let scope = Scope::for_test(&[]);
        let aim = Aim { spec, sessions: world, scope: &scope, turns };
        terminate(aim, request, pace, &log, &**observer, cancel).await
    }

    /// A run whose appends to the record go wrong as told. Where they hang, time passes: it does
    /// not by itself while a thread is blocked.
    pub(in crate::engine) async fn run_torn(
        &self,
        world: &World,
        from: usize,
        tear: Tear,
    ) -> Report {
        let (_held, hold) = mpsc::channel();
        *self.paper.torn.lock().unwrap() = Some((from, tear));
        *self.paper.hold.lock().unwrap() = Some(hold);
        let time = async {
            loop {
                self.paper.hanging.notified().await;
                tokio::time::advance(self.request.timeout).await;
            }
        };
        tokio::select! {
            report = self.run(world) => report,
            () = time => unreachable!("it goes on for ever"),
        }
    }

    pub(in crate::engine) async fn look(&self, world: &World) -> Result<Survey, Error> {
        let scope = Scope::for_test(&[]);
        let aim = Aim { spec: &self.spec, sessions: world, scope: &scope, turns: &self.turns };
        survey(aim, &self.request, &self.pace, &self.cancel).await
    }
}

/// `id: fate` of every victim.
pub(in crate::engine) fn fates(report: &Report) -> Vec<String> {
    let word = |victim: &Victim| match &victim.fate {
        Fate::Survived(why) => format!("{}: survived, {why}", victim.session.id),
        Fate::Spared(why) => format!("{}: spared, {why}", victim.session.id),
        fate @ (Fate::Terminated | Fate::AlreadyGone | Fate::Drained | Fate::Untouched) => {
            format!("{}: {fate:?}", victim.session.id)
        }
    };
    report.victims.iter().map(word).collect()
}
