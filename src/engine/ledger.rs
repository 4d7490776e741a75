//! What is known of every selected session while a run works, and its fate in the end.
//!
//! Nothing is ever taken out, so no failure can lose a victim; whoever a later look shows to have
//! been missed comes in. Locks are never held over a call.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use tokio::time::Instant;

use super::entry::{Entry, Standing};
use super::reading::Reading;
use super::run::lock;
use super::same::Sighting;
use super::select::{Judge, Verdict};
use crate::services::{Error, Kind, SessionId};

/// Most sessions that are remembered as having come after the survey.
const MOST_NEWCOMERS: usize = 100_000;

/// Why who was asked for is not confirmed gone where another server answers now.
const OTHER_SERVER: &str = "another server answers under this name now";

/// All sessions of a run, behind one lock.
pub(super) struct Ledger {
    book: Mutex<Book>,
}

/// What the lock is around.
pub(super) struct Book {
    pub(super) entries: Vec<Entry>,
    by_node: HashMap<String, Members>,
    /// Whoever was on the first look, sorted by place.
    first: Vec<Sighting>,
    pub(super) nodes: BTreeMap<String, Node>,
    /// Sessions that came after the survey, by node and id.
    pub(super) newcomers: BTreeMap<(String, SessionId), Sighting>,
    /// How many ends the cloud has accepted.
    accepted: usize,
    /// Whether newcomers are taken in as if they had been selected.
    pub(super) adopts: bool,
}

/// The sessions of a node, as indexes.
struct Members {
    all: Vec<usize>,
    /// Who has an id, or had it last; those before are behind [`Entry::former`].
    latest: HashMap<SessionId, usize>,
}

/// What is known of a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// When its first look was complete, and whether that was steady.
    first: Option<(Instant, bool)>,
    /// When its last look was begun and complete, and what was doubtful about it.
    pub(super) last: Option<Look>,
    /// Whether any look at it was steady.
    pub(super) whole: bool,
    /// When a call was last made that may have ended somebody on it.
    pub(super) killed: Option<Instant>,
    /// Which server answered first.
    server: Option<String>,
    /// How many the last look showed who are not of the run.
    pub(super) others: usize,
    /// How many of them are protected.
    pub(super) protected: usize,
    /// Those of them who came after the first look, and whom the run would select otherwise.
    pub(super) fresh: Vec<Sighting>,
}

/// A look at a node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    pub(super) asked: Instant,
    pub(super) arrived: Instant,
    /// Why it proves nobody's absence, if so; goes on after "the list".
    pub(super) doubt: Option<&'static str>,
}

impl Ledger {
    /// `by_name` says that sessions will be named: then what cannot be has its fate already.
    pub(super) fn new(
        first: Vec<Sighting>,
        selected: &[usize],
        nodes: BTreeMap<String, Node>,
        by_name: bool,
    ) -> Ledger {
        let mut book = Book {
            entries: Vec::with_capacity(selected.len()),
            by_node: HashMap::new(),
            first: Vec::new(),
            nodes,
            newcomers: BTreeMap::new(),
            accepted: 0,
            adopts: false,
        };
        for &at in selected {
            book.enter(Entry::new(first[at].clone(), by_name));
        }
        book.first = first;
        Ledger { book: Mutex::new(book) }
    }

    /// Looks at or changes the book.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Book) -> T) -> T {
        work(&mut lock(&self.book))
    }
}

impl Node {
    /// A node as its first look showed it.
    pub(super) fn seen(reading: &Reading<'_>) -> Node {
        Node {
            first: Some((reading.arrived, reading.is_steady())),
            last: Some(Look::of(reading)),
            whole: reading.is_steady(),
            killed: None,
            server: reading.server.clone(),
            ..Node::default()
        }
    }

    /// Why nothing shows yet that nobody on it was missed, if so: no look after the last kill, or
    /// none that was steady. Goes on after "the list".
    pub(super) fn doubt(&self) -> Option<&'static str> {
        let Some(last) = self.last else { return Some("was never read whole") };
        match self.killed {
            Some(killed) if last.asked < killed => Some("was not read again after the last kill"),
            _ => last.doubt,
        }
    }
}

impl Look {
    fn of(reading: &Reading<'_>) -> Look {
        Look { asked: reading.asked, arrived: reading.arrived, doubt: reading.doubt() }
    }
}

impl Book {
    fn enter(&mut self, mut entry: Entry) -> usize {
        let at = self.entries.len();
        let session = &entry.sighting.session;
        entry.former = if let Some(members) = self.by_node.get_mut(&session.node) {
            members.all.push(at);
            members.latest.insert(session.id.clone(), at)
        } else {
            let latest = HashMap::from([(session.id.clone(), at)]);
            self.by_node.insert(session.node.clone(), Members { all: vec![at], latest });
            None
        };
        self.entries.push(entry);
        at
    }

    /// Takes in what a reading shows of its node: who is there, who is gone, who was missed.
    pub(super) fn take_in(&mut self, reading: &mut Reading<'_>, judge: &Judge<'_>) {
        if !self.is_same_server(reading) {
            return;
        }
        for at in self.members(&reading.node) {
            self.entries[at].listed = false;
        }
        let node = self.nodes.entry(reading.node.clone()).or_default();
        (node.others, node.protected, node.fresh) = (0, 0, Vec::new());
        for one in judge.once(std::mem::take(&mut reading.sightings)) {
            if let Some(at) = self.meet(one, judge) {
                self.entries[at].listed = true;
                self.entries[at].seen = Some(reading.arrived);
            }
        }
        let steady = reading.is_steady();
        for at in self.members(&reading.node) {
            let entry = &mut self.entries[at];
            entry.hidden = !entry.listed && reading.unseen > 0;
            if entry.listed {
                entry.looks += 1;
            } else if steady {
                entry.vanish();
            }
        }
        let node = self.nodes.entry(reading.node.clone()).or_default();
        node.last = Some(Look::of(reading));
        node.whole |= steady;
    }

    /// The sessions of a node, as indexes.
    pub(super) fn members(&self, node: &str) -> Vec<usize> {
        self.by_node.get(node).map(|members| members.all.clone()).unwrap_or_default()
    }

    /// Whether a selected session has this id, on whatever node.
    pub(super) fn has_id(&self, id: &SessionId) -> bool {
        self.by_node.values().any(|members| members.latest.contains_key(id))
    }

    /// What one entry of a list says: the index of the selected session that it is, if it is one.
    fn meet(&mut self, one: Sighting, judge: &Judge<'_>) -> Option<usize> {
        let (mut known, mut rests, mut heir) = (None, false, None);
        let members = self.by_node.get(&one.session.node);
        let mut next = members.and_then(|members| members.latest.get(&one.session.id)).copied();
        while let Some(at) = next {
            let entry = &mut self.entries[at];
            next = entry.former;
            if entry.rests(&one) {
                rests = true;
                entry.end();
            } else if !entry.past.is(&one) {
                let his = entry.succeeded(&one);
                heir = heir.or(his);
            } else {
                known = known.or(Some(at));
            }
        }
        let verdict = judge.verdict(&one);
        if known.is_none() {
            known = heir.map(|heir| self.enter(heir));
        }
        if let Some(at) = known {
            self.entries[at].again(one, verdict);
            return known;
        }
        let meant = matches!(verdict, Verdict::Meant | Verdict::Doubted);
        let new = self.is_newcomer(&one);
        if meant && (!new || self.adopts) && !rests {
            let at = self.enter(Entry::new(one, !judge.everyone));
            self.entries[at].verdict = verdict;
            self.entries[at].came = new;
            return Some(at);
        }
        let node = self.nodes.entry(one.session.node.clone()).or_default();
        node.others += 1;
        node.protected += usize::from(verdict == Verdict::Protected);
        if new && verdict == Verdict::Meant {
            node.fresh.push(one.clone());
        }
        if new && self.newcomers.len() < MOST_NEWCOMERS {
            let place = (one.session.node.clone(), one.session.id.clone());
            self.newcomers.insert(place, one);
        }
        None
    }

    /// Whether it came after the first look: it was not on that although it was steady, or it
    /// began after it. Anybody else was missed.
    fn is_newcomer(&self, one: &Sighting) -> bool {
        let place = one.session.place();
        let before = self.first.binary_search_by(|first| first.session.place().cmp(&place));
        if before.is_ok_and(|at| self.first[at].is(one)) {
            return false;
        }
        match self.nodes.get(&one.session.node).and_then(|node| node.first) {
            Some((_, true)) => true,
            Some((arrived, false)) => one.began_after(arrived),
            // A node that the first look did not have.
            None => {
                let latest = self.nodes.values().filter_map(|node| Some(node.first?.0)).max();
                latest.is_some_and(|arrived| one.began_after(arrived))
            }
        }
    }

    /// Whether the server that answered first on a node answers still. Another one proves nothing
    /// about anybody: who was asked for is not confirmed gone.
    fn is_same_server(&mut self, reading: &Reading<'_>) -> bool {
        let node = self.nodes.entry(reading.node.clone()).or_default();
        if node.server.is_none() {
            node.server.clone_from(&reading.server);
        }
        if reading.server.is_none() || node.server == reading.server {
            return true;
        }
        if let Some(last) = &mut node.last {
            last.doubt = Some("is another server's now");
        }
        for at in self.members(&reading.node) {
            let entry = &mut self.entries[at];
            if entry.is_open() || entry.standing == Standing::Untouched {
                entry.listed = false;
                entry.standing = Standing::Lost(OTHER_SERVER.to_owned());
            }
        }
        false
    }

    /// The failure that ends a run to which another server answers.
    pub(super) fn other_server(&self, reading: &Reading<'_>) -> Option<Error> {
        let node = self.nodes.get(&reading.node)?;
        let changed = reading.server.is_some() && node.server != reading.server;
        changed.then(|| Error::new(Kind::Unavailable, "list sessions", OTHER_SERVER))
    }

    /// The answer of a search for one session by itself.
    pub(super) fn found(&mut self, at: usize, found: Vec<Sighting>, judge: &Judge<'_>) {
        let mut there = false;
        for one in found {
            there |= self.meet(one, judge) == Some(at);
        }
        let entry = &mut self.entries[at];
        entry.listed = there;
        if there {
            entry.looks += 1;
            entry.seen = Some(Instant::now());
        } else {
            entry.vanish();
        }
    }

    /// When the last look at a node was complete.
    pub(super) fn arrived(&self, node: &str) -> Option<Instant> {
        Some(self.nodes.get(node)?.last?.arrived)
    }

    /// Counts some more accepted ends. Returns how many there are so far, and of how many.
    pub(super) fn accept(&mut self, more: usize) -> (usize, usize) {
        self.accepted += more;
        (self.accepted, self.entries.len())
    }

    /// Notes that a call was made that may have ended somebody on these nodes.
    pub(super) fn killed<'n>(&mut self, nodes: impl Iterator<Item = &'n str>) {
        let now = Instant::now();
        for node in nodes {
            self.nodes.entry(node.to_owned()).or_default().killed = Some(now);
        }
    }

    /// How many different sessions calls have named or covered.
    pub(super) fn asked(&self) -> usize {
        self.entries.iter().filter(|entry| entry.asks > 0).count()
    }

    /// What the counts alone would not tell.
    pub(super) fn remarks(&self) -> Vec<String> {
        let gone = |one: &&Entry| one.doubtful && !one.effect && one.standing == Standing::Over;
        match self.entries.iter().filter(gone).count() {
            0 => Vec::new(),
            1 => vec![
                "1 session was gone after the cloud had refused a call that named it together \
                 with others; it is counted as already gone, but that call may have ended it"
                    .to_owned(),
            ],
            more => vec![format!(
                "{more} sessions were gone after the cloud had refused a call that named them \
                 together with others; they are counted as already gone, but that call may have \
                 ended some of them"
            )],
        }
    }
}
