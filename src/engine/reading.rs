//! Reading a target: its nodes, what must be done before each can be listed, and all pages.
//!
//! A [`Reading`] says what it proves: who is on it was there; who is not is gone only if it is
//! [steady](Reading::is_steady). Every answer is untrusted: what repeats, loops or never ends is an
//! error of [`Kind::Malformed`], and what is in memory at one time is bounded by [`MOST_NODES`] and
//! [`MOST_SESSIONS`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use super::run::{Repeat, Run, Trouble, lock};
use super::same::Sighting;
use crate::services::{Cursor, Error, Kind, Node, Page, Ticket};

/// More nodes than any instance of a known service has.
const MOST_NODES: usize = 10_000;
/// Most sessions that the lists of all nodes hold together.
const MOST_SESSIONS: usize = 200_000;
/// The pages of that many sessions on one node at 20 a page, the smallest that a service asks for.
const MOST_PAGES: usize = 10_000;
/// How often a preparing job may end badly before the node counts as not listable.
const PREPARE_TRIES: u32 = 3;

/// As many of a page are looked through one by one for who begins the next.
const FEW: usize = 8;

/// Goes on after "the list".
const MOVED: &str = "moved while its pages were read";
/// Goes on after "the list".
const HIDES: &str = "counts more sessions than it shows";

/// What one look at one node found.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    /// The node's id.
    pub(super) node: String,
    /// In the order of the list, and once that is read, of the ids. One that is shown on two pages
    /// may be in it twice.
    pub(super) sightings: Vec<Sighting>,
    /// Why somebody may have been skipped, if so.
    moved: Option<&'static str>,
    /// How many more sessions the cloud counts than it shows.
    pub(super) unseen: usize,
    /// Who is left out as no client, by what they are.
    pub(super) left_out: BTreeMap<&'static str, usize>,
    /// Which server answered, if it has an identity.
    pub(super) server: Option<String>,
    /// When it was begun.
    pub(super) asked: Instant,
    /// When its last page arrived.
    pub(super) arrived: Instant,
    room: Room<'r>,
}

impl<'r> Reading<'r> {
    fn new(node: &Node, held: &'r AtomicUsize) -> Reading<'r> {
        let now = Instant::now();
        Reading {
            node: node.id.clone(),
            sightings: Vec::new(),
            moved: None,
            unseen: 0,
            left_out: BTreeMap::new(),
            server: None,
            asked: now,
            arrived: now,
            room: Room { held, taken: 0 },
        }
    }

    /// Whether it showed everybody who was there all the time.
    pub(super) fn is_steady(&self) -> bool {
        self.doubt().is_none()
    }

    /// Why it did not, if so; goes on after "the list".
    pub(super) fn doubt(&self) -> Option<&'static str> {
        self.moved.or((self.unseen > 0).then_some(HIDES))
    }
}

/// What a reading takes of [`MOST_SESSIONS`], until it is dropped.
#[derive(Debug)]
struct Room<'r> {
    held: &'r AtomicUsize,
    taken: usize,
}

impl Room<'_> {
    /// Takes room for more. False if there is none left.
    fn take(&mut self, more: usize) -> bool {
        self.taken += more;
        self.held.fetch_add(more, Ordering::Relaxed) + more <= MOST_SESSIONS
    }
}

impl Drop for Room<'_> {
    fn drop(&mut self) {
        self.held.fetch_sub(self.taken, Ordering::Relaxed);
    }
}

impl Run<'_> {
    /// The nodes of the target, each once.
    pub(super) async fn nodes(&self) -> Result<Vec<Node>, Trouble> {
        let mut nodes =
            self.call("look up nodes", Repeat::Freely, || self.sessions.nodes()).await?;
        if nodes.len() > MOST_NODES {
            return Err(malformed(format!("the target claims to have {} nodes", nodes.len())));
        }
        let mut seen = BTreeSet::new();
        nodes.retain(|node| seen.insert(node.id.clone()));
        Ok(nodes)
    }

    /// One reading of a node. A node that has left the target is steadily empty.
    ///
    /// # Errors
    /// Of [`Kind::TargetGone`] only if nothing contradicts.
    pub(super) async fn read(&self, node: &Node) -> Result<Reading<'_>, Trouble> {
        match self.listed(node).await {
            Err(Trouble::Failed(error)) if error.kind == Kind::TargetGone => {
                self.departed(node, error).await?;
                Ok(Reading::new(node, &self.held))
            }
            other => other,
        }
    }

    /// A snapshot that the cloud cannot read any more is made anew.
    async fn listed(&self, node: &Node) -> Result<Reading<'_>, Trouble> {
        let mut attempt: u32 = 0;
        loop {
            let mut reading = Reading::new(node, &self.held);
            let prepared = self.prepare(node, &mut reading).await?;
            match self.pages(node, prepared.as_ref(), &mut reading).await {
                Err(Trouble::Failed(error))
                    if prepared.is_some() && error.kind == Kind::Unavailable =>
                {
                    self.pause(attempt, &error).await?;
                }
                Err(trouble) => return Err(trouble),
                Ok(()) => {
                    // While other nodes answer, so that all together are nearly in order.
                    reading.sightings.sort_by(|a, b| a.session.id.cmp(&b.session.id));
                    return Ok(reading);
                }
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// All pages, one after another.
    async fn pages(
        &self,
        node: &Node,
        prepared: Option<&Ticket>,
        reading: &mut Reading<'_>,
    ) -> Result<(), Trouble> {
        let repeat = if prepared.is_some() { Repeat::WhileThere } else { Repeat::Freely };
        let mut cursors: HashSet<String> = HashSet::new();
        let mut cursor: Option<Cursor> = None;
        let mut before = 0..0;
        for number in 0..MOST_PAGES {
            // Ages are as of the call, or of some moment since the preparation.
            let asked = Mutex::new(reading.asked);
            let list = || {
                if prepared.is_none() {
                    *lock(&asked) = Instant::now(); // of the attempt that is answered
                }
                self.sessions.list(node, prepared, cursor.clone())
            };
            let page = self.call("list sessions", repeat, list).await?;
            let asked = *lock(&asked);
            self.note_request(page.request_id.as_deref());
            let (next, still) = (page.next.clone(), page.still || prepared.is_some());
            let start = reading.sightings.len();
            self.take(node, page, asked, reading)?;
            if !still && number > 0 && !joins(&reading.sightings, &before, start) {
                reading.moved = reading.moved.or(Some(MOVED));
            }
            before = start..reading.sightings.len();
            let Some(next) = next else { return Ok(()) };
            if !cursors.insert(next.0.clone()) {
                return Err(malformed("the list goes round in a circle".to_owned()));
            }
            cursor = Some(next);
        }
        Err(malformed(format!("the list has over {MOST_PAGES} pages")))
    }

    /// Adds a page to a reading.
    fn take(
        &self,
        node: &Node,
        page: Page,
        asked: Instant,
        reading: &mut Reading<'_>,
    ) -> Result<(), Trouble> {
        reading.arrived = Instant::now();
        reading.moved = reading.moved.or(page.unsteady);
        reading.unseen += page.unseen;
        if reading.server.is_some() && page.server.is_some() && reading.server != page.server {
            reading.moved = Some("came from two servers under one name");
        }
        reading.server = page.server.or(reading.server.take());
        for (what, count) in page.left_out {
            *reading.left_out.entry(what).or_default() += count;
        }
        if !reading.room.take(page.sessions.len()) {
            return Err(malformed(format!(
                "the target claims to hold over {MOST_SESSIONS} sessions"
            )));
        }
        let arrived = reading.arrived;
        reading.sightings.extend(page.sessions.into_iter().map(|mut session| {
            session.node.clone_from(&node.id);
            Sighting::new(self.spec, session, asked, arrived)
        }));
        Ok(())
    }

    /// Makes a node listable. What is listed with a ticket is a snapshot.
    async fn prepare(
        &self,
        node: &Node,
        reading: &mut Reading<'_>,
    ) -> Result<Option<Ticket>, Trouble> {
        let mut tries = 1;
        loop {
            let asked = Mutex::new(reading.asked);
            let prepare = || {
                *lock(&asked) = Instant::now();
                self.sessions.prepare(node)
            };
            let ticket = self.call("prepare a list", Repeat::Freely, prepare).await?;
            reading.asked = *lock(&asked);
            let Some(ticket) = ticket else { return Ok(None) };
            match self.finish(&ticket, self.deadline).await {
                Ok(_) => return Ok(Some(ticket)),
                Err(Trouble::Failed(error))
                    if error.kind == Kind::JobFailed && tries < PREPARE_TRIES =>
                {
                    self.pause(tries, &error).await?;
                    tries += 1;
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// What it means that a node's list answered that it does not exist: Ok if it has left a
    /// target that still stands, so that only its own sessions are gone.
    async fn departed(&self, node: &Node, error: Error) -> Result<(), Trouble> {
        if node.id.is_empty() || !self.sessions.looks_up_nodes() {
            return Err(Trouble::Failed(error)); // there is nobody else to ask
        }
        if self.nodes().await?.iter().all(|other| other.id != node.id) {
            return Ok(());
        }
        let message = format!("{}, yet the target has node `{}`", error.message, node.id);
        Err(Trouble::Failed(Error { kind: Kind::Malformed, message, ..error }))
    }
}

/// Whether the entries from `start` on show again anybody of the page before. Entries that have
/// moved up by as many as pages overlap, or more, would have taken all known ones along.
fn joins(sightings: &[Sighting], before: &std::ops::Range<usize>, start: usize) -> bool {
    // As pages are made: the last few of the one begin the next.
    let first = sightings.get(start);
    let mut last = sightings[before.clone()].iter().rev().take(FEW);
    if first.is_some_and(|first| last.any(|one| one.is(first))) {
        return true;
    }
    let known: HashMap<_, _> =
        sightings[before.clone()].iter().map(|one| (&one.session.id, one)).collect();
    sightings[start..].iter().any(|one| known.get(&one.session.id).is_some_and(|it| it.is(one)))
}

fn malformed(message: String) -> Trouble {
    Trouble::Failed(Error::new(Kind::Malformed, "list sessions", message))
}

#[cfg(test)]
mod tests;
