//! Listing a target: its nodes, what must be done before each can be listed, and all pages.
//!
//! Every answer is untrusted: what repeats, loops or never ends is an error of
//! [`Kind::Malformed`], and memory is bounded by [`MOST_NODES`] and [`MOST_SESSIONS`].

use std::collections::{BTreeSet, HashSet};

use futures_util::future::join_all;

use super::run::{Repeat, Run, Trouble};
use super::{Halt, Request, Survey, select};
use crate::services::{Cursor, Error, Kind, Node, Progress, Session, SessionId, Spec, Ticket};

/// More nodes than any instance of a known service has.
const MOST_NODES: usize = 10_000;
/// More sessions than one node of a known service can hold.
const MOST_SESSIONS: usize = 100_000;
/// The pages of that many sessions at 10 a page, the smallest page that a service asks for.
const MOST_PAGES: usize = 10_000;
/// How often a preparing job may end badly before the node counts as not listable.
const PREPARE_TRIES: u32 = 3;

/// What one look at one node found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Each session once, in the order of the list.
    pub(super) sessions: Vec<Session>,
    /// Whether all was seen at one moment: one page, or pages of a prepared snapshot. Pages of a
    /// moving list can skip a session when others before it end.
    pub(super) steady: bool,
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
            match self.listing(node).await {
                Err(Trouble::Failed(error)) if error.kind == Kind::TargetGone => {
                    self.gone(node, error).await.map(|()| Listing::default())
                }
                Err(Trouble::Failed(error)) => Err(self.fail(error)),
                other => other,
            }
        }))
        .await;
        let mut sessions = Vec::new();
        for listing in listings {
            sessions.extend(listing?.sessions);
        }
        sessions.sort_by(|a, b| a.place().cmp(&b.place()));
        let mut survey = select::select(spec, request, &nodes, sessions);
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

    /// The live sessions of one node.
    pub(super) async fn listing(&self, node: &Node) -> Result<Listing, Trouble> {
        let snapshot = self.prepare(node).await?;
        let mut ids: HashSet<SessionId> = HashSet::new();
        let mut cursors: HashSet<String> = HashSet::new();
        let mut listing = Listing { sessions: Vec::new(), steady: true };
        let mut cursor: Option<Cursor> = None;
        for page_number in 0..MOST_PAGES {
            let page = self
                .call("list sessions", Repeat::Freely, || self.sessions.list(node, cursor.clone()))
                .await?;
            self.note_request(page.request_id.as_deref());
            listing.steady = snapshot || page_number == 0;
            for mut session in page.sessions {
                if ids.insert(session.id.clone()) {
                    session.node.clone_from(&node.id);
                    listing.sessions.push(session);
                }
            }
            if listing.sessions.len() > MOST_SESSIONS {
                return Err(malformed(format!(
                    "a node claims to hold over {MOST_SESSIONS} sessions"
                )));
            }
            let Some(next) = page.next else { return Ok(listing) };
            if !cursors.insert(next.0.clone()) {
                return Err(malformed("the list goes round in a circle".to_owned()));
            }
            cursor = Some(next);
        }
        Err(malformed(format!("the list has over {MOST_PAGES} pages")))
    }

    /// Makes a node listable. True if what is listed then is a snapshot.
    async fn prepare(&self, node: &Node) -> Result<bool, Trouble> {
        let mut tries = 1;
        loop {
            let ticket =
                self.call("prepare a list", Repeat::Freely, || self.sessions.prepare(node)).await?;
            let Some(ticket) = ticket else { return Ok(false) };
            match self.finish(&ticket, self.deadline).await {
                Ok(_) => return Ok(true),
                Err(Trouble::Failed(error))
                    if error.kind == Kind::JobFailed && tries < PREPARE_TRIES =>
                {
                    let wait = self.pace.wait(tries, error.retry_after);
                    if !self.wait(wait).await {
                        return Err(self.over(Some(error)));
                    }
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
            match self.call("poll a job", Repeat::Freely, || self.sessions.poll(ticket)).await? {
                Progress::Done => return Ok(Progress::Done),
                Progress::Running => {}
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
    pub(super) async fn gone(&self, node: &Node, error: Error) -> Result<(), Trouble> {
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
