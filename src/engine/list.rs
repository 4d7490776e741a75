//! Listing a target: its nodes, what must be done before each can be listed, and all pages.
//!
//! Every answer is untrusted: what repeats, loops or never ends is an error of
//! [`Kind::Malformed`], and what is in memory at one time is bounded by [`MOST_NODES`] and
//! [`MOST_SESSIONS`].

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::run::{Repeat, Run, Trouble};
use super::{Halt, Request, Survey, select};
use crate::services::{Cursor, Error, Kind, Node, Progress, Session, Spec, Ticket};

/// More nodes than any instance of a known service has.
const MOST_NODES: usize = 10_000;
/// Most sessions that the lists of all nodes hold together.
const MOST_SESSIONS: usize = 200_000;
/// The pages of that many sessions on one node at 20 a page, the smallest that a service asks for.
const MOST_PAGES: usize = 10_000;
/// How often a preparing job may end badly before the node counts as not listable.
const PREPARE_TRIES: u32 = 3;

/// What one look at one node found.
#[derive(Debug)]
pub(super) struct Listing<'r> {
    /// In the order of the list. One that is shown on two pages is in it twice.
    pub(super) sessions: Vec<Session>,
    /// Whether nobody can have been skipped: one page, pages of a prepared snapshot, or pages that
    /// each show again the last session of the one before. Others can skip a session when those
    /// before it end.
    pub(super) steady: bool,
    /// How many more sessions the cloud counts than it shows.
    pub(super) unseen: usize,
    room: Room<'r>,
}

impl<'r> Listing<'r> {
    fn new(held: &'r AtomicUsize) -> Listing<'r> {
        let room = Room { held, taken: 0 };
        Listing { sessions: Vec::new(), steady: true, unseen: 0, room }
    }
}

/// What a listing takes of [`MOST_SESSIONS`], until it is dropped.
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
    /// Lists the whole target and says which sessions `request` means.
    pub(super) async fn survey(
        &self,
        spec: &Spec,
        request: &Request,
    ) -> Result<(Vec<Node>, Survey), Trouble> {
        let nodes = match self.nodes().await {
            Err(Trouble::Failed(error)) => return Err(self.fail(error)),
            other => other?,
        };
        let listings = join_all(nodes.iter().map(|node| async move {
            match self.whole(node, |_| false).await {
                Err(Trouble::Failed(error)) => Err(self.fail(error)),
                other => other,
            }
        }))
        .await;
        let (mut sessions, mut unseen) = (Vec::new(), 0);
        for listing in listings {
            let listing = listing?;
            unseen += listing.unseen;
            sessions.extend(listing.sessions);
        }
        let sessions = select::once(spec, request, sessions);
        let mut survey = select::select(spec, request, &nodes, sessions);
        survey.unseen = unseen;
        survey.request_ids = self.request_ids();
        Ok((nodes, survey))
    }

    /// The nodes of the target, each once.
    async fn nodes(&self) -> Result<Vec<Node>, Trouble> {
        let mut nodes =
            self.call("look up nodes", Repeat::Freely, || self.sessions.nodes()).await?;
        if nodes.len() > MOST_NODES {
            return Err(malformed(format!("the target claims to have {} nodes", nodes.len())));
        }
        let mut seen = BTreeSet::new();
        nodes.retain(|node| seen.insert(node.id.clone()));
        Ok(nodes)
    }

    /// The live sessions of one node; none if it has left the target. Where pages may have skipped
    /// some, they are read once more, unless what they showed is `enough`. If the second reading
    /// may have skipped some too, whoever was seen either time counts.
    pub(super) async fn whole(
        &self,
        node: &Node,
        enough: impl Fn(&[Session]) -> bool,
    ) -> Result<Listing<'_>, Trouble> {
        let first = self.list_or_gone(node).await?;
        if first.steady || enough(&first.sessions) {
            return Ok(first);
        }
        let mut again = self.list_or_gone(node).await?;
        if !again.steady {
            again.room.take(first.room.taken);
            again.sessions.extend(first.sessions);
        }
        Ok(again)
    }

    async fn list_or_gone(&self, node: &Node) -> Result<Listing<'_>, Trouble> {
        match self.listing(node).await {
            Err(Trouble::Failed(error)) if error.kind == Kind::TargetGone => {
                self.gone(node, error).await?;
                Ok(Listing::new(&self.held))
            }
            other => other,
        }
    }

    /// One reading of a node's list. A snapshot that the cloud cannot read any more is made anew.
    async fn listing(&self, node: &Node) -> Result<Listing<'_>, Trouble> {
        let mut attempt: u32 = 0;
        loop {
            let prepared = self.prepare(node).await?;
            match self.pages(node, prepared.as_ref()).await {
                Err(Trouble::Failed(error))
                    if prepared.is_some() && error.kind == Kind::Unavailable =>
                {
                    self.pause(attempt, &error).await?;
                }
                other => return other,
            }
            attempt = attempt.saturating_add(1);
        }
    }

    /// All pages, one after another.
    async fn pages(&self, node: &Node, prepared: Option<&Ticket>) -> Result<Listing<'_>, Trouble> {
        let snapshot = prepared.is_some();
        let repeat = if snapshot { Repeat::WhileThere } else { Repeat::Freely };
        let mut cursors: HashSet<String> = HashSet::new();
        let mut listing = Listing::new(&self.held);
        let mut cursor: Option<Cursor> = None;
        for page_number in 0..MOST_PAGES {
            let page = self
                .call("list sessions", repeat, || {
                    self.sessions.list(node, prepared, cursor.clone())
                })
                .await?;
            self.note_request(page.request_id.as_deref());
            let last = listing.sessions.last();
            let joins = last.is_some_and(|last| page.sessions.iter().any(|one| one.id == last.id));
            listing.steady &= snapshot || page_number == 0 || joins;
            listing.steady &= page.unsteady.is_none();
            listing.unseen += page.unseen;
            if !listing.room.take(page.sessions.len()) {
                return Err(malformed(format!(
                    "the target claims to hold over {MOST_SESSIONS} sessions"
                )));
            }
            for mut session in page.sessions {
                session.node.clone_from(&node.id);
                listing.sessions.push(session);
            }
            let Some(next) = page.next else { return Ok(listing) };
            if !cursors.insert(next.0.clone()) {
                return Err(malformed("the list goes round in a circle".to_owned()));
            }
            cursor = Some(next);
        }
        Err(malformed(format!("the list has over {MOST_PAGES} pages")))
    }

    /// Makes a node listable. What is listed with a ticket is a snapshot.
    async fn prepare(&self, node: &Node) -> Result<Option<Ticket>, Trouble> {
        let mut tries = 1;
        loop {
            let ticket =
                self.call("prepare a list", Repeat::Freely, || self.sessions.prepare(node)).await?;
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

    /// Polls a job until it is done, or until `patience` ends: then it is still running.
    pub(super) async fn finish(
        &self,
        ticket: &Ticket,
        patience: tokio::time::Instant,
    ) -> Result<Progress, Trouble> {
        loop {
            let progress = self.call("poll a job", Repeat::Freely, || self.sessions.poll(ticket));
            let progress = progress.await?;
            if progress != Progress::Running {
                return Ok(progress);
            }
            if !self.wait(self.pace.poll).await {
                return Err(self.over(None));
            }
            if tokio::time::Instant::now() >= patience {
                return Ok(Progress::Running);
            }
        }
    }

    /// What it means that a node's list answered that it does not exist: Ok if it has left a
    /// target that still stands, so that only its own sessions are gone. If nothing stands, the
    /// run stops.
    async fn gone(&self, node: &Node, error: Error) -> Result<(), Trouble> {
        if node.id.is_empty() || !self.sessions.looks_up_nodes() {
            return Err(self.fail(error)); // there is nobody else to ask
        }
        match self.nodes().await {
            Ok(nodes) if nodes.iter().all(|other| other.id != node.id) => Ok(()),
            Ok(_) => {
                let message = format!("{}, yet the target has node `{}`", error.message, node.id);
                Err(self.fail(Error { kind: Kind::Malformed, message, ..error }))
            }
            Err(Trouble::Failed(error)) => Err(self.fail(error)),
            Err(over) => Err(over),
        }
    }

    /// Ends the run over a failure.
    pub(super) fn fail(&self, error: Error) -> Trouble {
        self.stop(if error.kind == Kind::TargetGone {
            Halt::TargetGone(error.clone())
        } else {
            Halt::Failed(error.clone())
        });
        Trouble::Failed(error)
    }
}

fn malformed(message: String) -> Trouble {
    Trouble::Failed(Error::new(Kind::Malformed, "list sessions", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_sessions_is_one_for_all_lists_and_is_given_back() {
        let held = AtomicUsize::new(0);
        let mut first = Listing::new(&held);
        let mut second = Listing::new(&held);
        assert!(first.room.take(MOST_SESSIONS - 1));
        assert!(second.room.take(1));
        assert!(!second.room.take(1));
        drop(first);
        assert!(second.room.take(MOST_SESSIONS - 2));
        drop(second);
        assert_eq!(held.load(Ordering::Relaxed), 0);
    }
}
