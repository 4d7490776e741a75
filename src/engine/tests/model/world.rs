//! One hostile world. It moves on by its own clock, whether anybody calls or not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::time::{Duration, Instant, sleep};

use super::super::world::{Luck, session};
use crate::services::{
    Batch, Cursor, Error, Field, Kind, Node, Outcome, Page, Refused, Session, SessionId, Sessions,
    Submission, Ticket, Which,
};

/// What a list tells sessions of one id apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Identity {
    /// The server's own number.
    Number,
    /// Nothing but the age in whole seconds.
    Age,
    /// Both.
    Both,
}

#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) identity: Identity,
    pub(super) nodes: usize,
    pub(super) clients: usize,
    pub(super) page: usize,
    pub(super) prepares: bool,
    pub(super) finds: bool,
    pub(super) latency: Duration,
    /// The longest time between a kill and the death.
    pub(super) dies_within: Duration,
    /// How many changes there are until the world rests: arrivals, departures, other users.
    pub(super) churn: usize,
    /// Of a hundred calls, how many are throttled or lost.
    pub(super) throttled: usize,
    /// Whether some do not die, or may not be ended.
    pub(super) stubborn: bool,
    pub(super) rest_after: Duration,
}

#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) node: String,
    pub(super) id: String,
    user: &'static str,
    /// All users that it has been.
    users: BTreeSet<&'static str>,
    pub(super) born: Instant,
    pub(super) died: Option<Instant>,
    /// When it will die.
    dies: Option<Instant>,
    stubborn: bool,
    refused: bool,
    /// Whether any list showed it.
    pub(super) shown: bool,
    /// Whether the first list of its node did.
    pub(super) on_first_look: bool,
}

impl Client {
    pub(super) fn always(&self, user: &str) -> bool {
        self.users.iter().all(|one| *one == user)
    }

    pub(super) fn ever(&self, user: &str) -> bool {
        self.users.contains(user)
    }
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Arrives {
        takes_over: bool,
    },
    Leaves,
    ChangesUser,
    /// Somebody else scans the node.
    Scans,
}

pub(super) struct State {
    luck: Luck,
    setup: Setup,
    next: u64,
    pub(super) clients: BTreeMap<u64, Client>,
    changes: Vec<(Instant, Change)>,
    /// By node: the number of the scan and who was there.
    snapshots: BTreeMap<String, (u64, Vec<u64>)>,
    scans: u64,
    /// By node and id: whom the newest answer showed there, and as which user.
    newest: BTreeMap<(String, String), (u64, &'static str)>,
    /// Who was named, as which user on the newest list.
    pub(super) named_as: Vec<(u64, &'static str)>,
    /// Who was named or covered by a call that took effect on him.
    pub(super) asked: BTreeSet<u64>,
    pub(super) first_kill: Option<Instant>,
    /// By node: as of when its last list shows who is there, from the first page on.
    pub(super) begun: BTreeMap<String, Instant>,
    /// When a list of the only node was answered last.
    listed: Option<Instant>,
    /// The longest time from that to a kill that names somebody, where there is but one node.
    pub(super) stalest: Duration,
    pub(super) calls: usize,
}

pub(super) struct World(Mutex<State>);

impl World {
    pub(super) fn new(luck: Luck, setup: Setup) -> World {
        let mut state = State {
            luck,
            next: 0,
            clients: BTreeMap::new(),
            changes: Vec::new(),
            snapshots: BTreeMap::new(),
            scans: 0,
            newest: BTreeMap::new(),
            named_as: Vec::new(),
            asked: BTreeSet::new(),
            begun: BTreeMap::new(),
            first_kill: None,
            listed: None,
            stalest: Duration::ZERO,
            calls: 0,
            setup: setup.clone(),
        };
        let now = Instant::now();
        for _ in 0..setup.clients {
            let age = Duration::from_secs(5 + state.luck.below(500));
            state.arrive(now.checked_sub(age).unwrap_or(now), false);
        }
        let rest = u64::try_from(setup.rest_after.as_millis()).expect("minutes");
        for _ in 0..setup.churn {
            let at = now + Duration::from_millis(state.luck.below(rest));
            let change = match state.luck.below(8) {
                0..=2 => Change::Arrives { takes_over: state.luck.below(2) == 0 },
                3..=4 => Change::Leaves,
                5..=6 => Change::ChangesUser,
                _ => Change::Scans,
            };
            state.changes.push((at, change));
        }
        state.changes.sort_by_key(|(at, _)| *at);
        state.changes.reverse();
        World(Mutex::new(state))
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.0.lock().unwrap();
        state.move_on();
        look(&mut state)
    }

    /// Half of those who are there, and one who is not.
    pub(super) fn some_ids(&self) -> BTreeSet<SessionId> {
        self.look(|state| {
            let ids: Vec<String> = state.clients.values().map(|one| one.id.clone()).collect();
            let mut some: BTreeSet<SessionId> = ids.into_iter().step_by(2).map(SessionId).collect();
            some.insert(SessionId("nobody".to_owned()));
            some
        })
    }

    /// A call takes its time, and may go wrong before it has any effect.
    async fn call(&self, name: &'static str) -> Result<(), Error> {
        let (wait, fails) = self.look(|state| {
            state.calls += 1;
            assert!(state.calls < 50_000, "this run does not end");
            let share = state.luck.below(100);
            let fails = usize::try_from(share).unwrap() < state.setup.throttled;
            (state.setup.latency, fails)
        });
        sleep(wait).await;
        if fails {
            let kind = if self.look(|state| state.luck.below(2)) == 0 {
                Kind::Throttled
            } else {
                Kind::NotSent
            };
            let retry_after = self.look(|state| {
                (state.luck.below(3) == 0).then(|| Duration::from_secs(state.luck.below(20)))
            });
            return Err(Error { retry_after, ..Error::new(kind, name, "not now") });
        }
        Ok(())
    }
}

impl State {
    /// Everything that has happened until now.
    fn move_on(&mut self) {
        let now = Instant::now();
        loop {
            let change = self.changes.last().map(|(at, _)| *at).filter(|at| *at <= now);
            let deaths = self.clients.iter().filter(|(_, one)| one.died.is_none());
            let death = deaths
                .filter_map(|(serial, one)| Some((one.dies?, *serial)))
                .filter(|(at, _)| *at <= now)
                .min();
            match (change, death) {
                (Some(at), death) if death.is_none_or(|(dies, _)| at <= dies) => {
                    let (at, change) = self.changes.pop().expect("it is there");
                    self.apply(at, change);
                }
                (_, Some((at, serial))) => self.die(serial, at),
                (Some(_), None) => unreachable!("the first arm takes it"),
                (None, None) => return,
            }
        }
    }

    fn alive(&self) -> Vec<u64> {
        let alive = self.clients.iter().filter(|(_, one)| one.died.is_none());
        alive.map(|(serial, _)| *serial).collect()
    }

    fn apply(&mut self, at: Instant, change: Change) {
        let alive = self.alive();
        // Whoever was asked for and lives is the one to watch.
        let asked: Vec<u64> =
            alive.iter().copied().filter(|one| self.asked.contains(one)).collect();
        let watched = matches!(change, Change::ChangesUser) && !asked.is_empty();
        let among = if watched { asked } else { alive };
        let one = (!among.is_empty()).then(|| among[self.luck.index(among.len())]);
        match (change, one) {
            (Change::Arrives { takes_over }, _) => self.arrive(at, takes_over),
            (Change::Leaves, Some(serial)) => self.die(serial, at),
            (Change::ChangesUser, Some(serial)) => {
                let user = ["app", "vip", "other"][self.luck.index(3)];
                let client = self.clients.get_mut(&serial).expect("it lives");
                client.user = user;
                client.users.insert(user);
            }
            (Change::Scans, _) => {
                let node = format!("n{}", self.luck.index(self.setup.nodes));
                self.scan(&node);
            }
            (Change::Leaves | Change::ChangesUser, None) => {}
        }
    }

    /// Somebody connects; perhaps with the id of somebody who has gone. Where only ages tell them
    /// apart, three seconds after him, since nothing could tell them apart before.
    fn arrive(&mut self, at: Instant, takes_over: bool) {
        let serial = self.next;
        self.next += 1;
        let apart = match self.setup.identity {
            Identity::Age => Duration::from_secs(3),
            Identity::Number | Identity::Both => Duration::ZERO,
        };
        let free: Vec<(String, String)> = self
            .clients
            .values()
            .filter(|one| one.died.is_some_and(|died| died + apart <= at))
            .map(|one| (one.node.clone(), one.id.clone()))
            .filter(|place| {
                let mut others = self.clients.values();
                others.all(|one| {
                    (&one.node, &one.id) != (&place.0, &place.1)
                        || one.died.is_some_and(|died| died + apart <= at)
                })
            })
            .collect();
        let (node, id) = if takes_over && !free.is_empty() {
            free[self.luck.index(free.len())].clone()
        } else {
            (format!("n{}", self.luck.index(self.setup.nodes)), format!("s{serial}"))
        };
        let user = ["app", "app", "vip", "other"][self.luck.index(4)];
        let stubborn = self.setup.stubborn && self.luck.below(8) == 0;
        let refused = self.setup.stubborn && self.luck.below(12) == 0;
        let client = Client {
            node,
            id,
            user,
            users: [user].into(),
            born: at,
            died: None,
            dies: None,
            stubborn,
            refused,
            shown: false,
            on_first_look: false,
        };
        self.clients.insert(serial, client);
    }

    /// Somebody goes; somebody else may have his id at once.
    fn die(&mut self, serial: u64, at: Instant) {
        let client = self.clients.get_mut(&serial).expect("it is there");
        client.died = Some(at);
        let comes = self.changes.iter().any(|(_, change)| matches!(change, Change::Arrives { .. }));
        if comes && self.luck.below(3) == 0 {
            self.arrive(at, true);
        }
    }

    fn on(&self, node: &str) -> Vec<u64> {
        let on = self.clients.iter().filter(|(_, one)| one.died.is_none() && one.node == node);
        on.map(|(serial, _)| *serial).collect()
    }

    fn scan(&mut self, node: &str) {
        self.scans += 1;
        let there = self.on(node);
        self.snapshots.insert(node.to_owned(), (self.scans, there));
    }

    fn show(&mut self, serial: u64, first: bool) -> Session {
        let number = self.setup.identity != Identity::Age;
        let age = self.setup.identity != Identity::Number;
        let client = self.clients.get_mut(&serial).expect("it is there");
        client.shown = true;
        client.on_first_look |= first;
        let place = (client.node.clone(), client.id.clone());
        self.newest.insert(place, (serial, client.user));
        let mut one = session(&client.node, &client.id, client.user);
        one.incarnation = number.then(|| serial.to_string());
        one.fields.insert("cmd", Field::Text(serial.to_string()));
        if age {
            let age = i64::try_from(client.born.elapsed().as_secs()).unwrap();
            one.fields.insert("age", Field::Integer(age));
        }
        one
    }

    /// The fate of somebody whom a call reaches.
    fn reach(&mut self, serial: u64) {
        let longest = u64::try_from(self.setup.dies_within.as_millis()).unwrap();
        let delay = Duration::from_millis(self.luck.below(longest + 1));
        self.asked.insert(serial);
        let client = self.clients.get_mut(&serial).expect("it is there");
        if !client.stubborn && client.dies.is_none() {
            client.dies = Some(Instant::now() + delay);
        }
    }
}

#[async_trait]
impl Sessions for World {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        self.call("nodes").await?;
        let nodes = self.look(|state| state.setup.nodes);
        Ok((0..nodes).map(|at| Node::of(&format!("n{at}"))).collect())
    }

    async fn prepare(&self, node: &Node) -> Result<Option<Ticket>, Error> {
        if !self.look(|state| state.setup.prepares) {
            return Ok(None);
        }
        self.call("prepare").await?;
        self.look(|state| {
            state.scan(&node.id);
            state.begun.insert(node.id.clone(), Instant::now());
        });
        Ok(Some(Ticket("scan".to_owned())))
    }

    async fn list(
        &self,
        node: &Node,
        prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        self.call("list").await?;
        Ok(self.look(|state| {
            state.listed = Some(Instant::now());
            if prepared.is_none() && after.is_none() {
                state.begun.insert(node.id.clone(), Instant::now());
            }
            let (offset, stamp) = match &after {
                None => (0, None),
                Some(cursor) => {
                    let (offset, stamp) = cursor.0.split_once('@').expect("our own cursor");
                    (offset.parse().unwrap(), stamp.parse::<u64>().ok())
                }
            };
            let (scan, there) = match (prepared, state.snapshots.get(&node.id)) {
                (Some(_), Some((scan, there))) => (*scan, there.clone()),
                _ => (0, state.on(&node.id)),
            };
            let replaced = stamp.is_some_and(|stamp| stamp != scan);
            let end = (offset + state.setup.page).min(there.len());
            let page: Vec<u64> = there.get(offset..end).unwrap_or_default().to_vec();
            let more = end < there.len();
            let overlap = if prepared.is_some() { 0 } else { (state.setup.page / 3).max(1) };
            let first = state.asked.is_empty();
            let next = more.then(|| Cursor(format!("{}@{scan}", end.saturating_sub(overlap))));
            Page {
                sessions: page.into_iter().map(|serial| state.show(serial, first)).collect(),
                next,
                unsteady: replaced.then_some("was made anew between two pages"),
                ..Page::default()
            }
        }))
    }

    fn can_find(&self) -> bool {
        self.look(|state| state.setup.finds)
    }

    async fn find(&self, node: &Node, session: &Session) -> Result<Vec<Session>, Error> {
        self.call("find").await?;
        Ok(self.look(|state| {
            state.listed = Some(Instant::now());
            let there = state.on(&node.id);
            let holds = |serial: &u64| state.clients[serial].id == session.id.0;
            let there: Vec<u64> = there.into_iter().filter(holds).collect();
            there.into_iter().map(|serial| state.show(serial, false)).collect()
        }))
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        // Who is named is judged on what was shown until now, not on what happens on the way.
        self.look(|state| {
            state.first_kill.get_or_insert_with(Instant::now);
            if let Some(listed) = state.listed.filter(|_| state.setup.nodes == 1) {
                state.stalest = state.stalest.max(listed.elapsed());
            }
            let (Some(node), Which::These(ids)) = (batch.node, batch.which) else { return };
            for id in ids {
                let newest = state.newest.get(&(node.id.clone(), id.0.clone()));
                let newest = *newest.expect("nobody is named whom no list showed");
                state.named_as.push(newest);
            }
        });
        self.call("terminate").await?;
        let lost = self.look(|state| state.setup.throttled > 0 && state.luck.below(10) == 0);
        let outcome = self.look(|state| {
            let mut outcome = Outcome::default();
            let reached: Vec<u64> = match (batch.node, batch.which) {
                (Some(node), Which::These(ids)) => {
                    let there = state.on(&node.id);
                    let mut reached = Vec::new();
                    for id in ids {
                        let holder = there.iter().find(|at| state.clients[*at].id == id.0);
                        match holder {
                            Some(serial) if state.clients[serial].refused => {
                                let reason = "it may not be ended".to_owned();
                                outcome.refused.push(Refused { id: id.clone(), reason });
                            }
                            Some(serial) => reached.push(*serial),
                            None => outcome.already_gone.push(id.clone()),
                        }
                    }
                    reached
                }
                (Some(node), Which::Everyone) => state.on(&node.id),
                (None, _) => state.alive(),
            };
            for serial in reached {
                state.reach(serial);
            }
            outcome
        });
        if lost {
            return Err(Error::new(Kind::Lost, "terminate", "no answer"));
        }
        Ok(Submission { outcome, ..Submission::default() })
    }
}
