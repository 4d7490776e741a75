//! The words of a run: what a service lists and is asked to end, and what it answers.

use std::fmt;

use super::{Fields, Target};

/// A part of a target that is listed by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// The cloud's id; empty where the whole target is one list.
    pub id: String,
    /// The cloud's word for its state, where that is told and not the ordinary one.
    pub state: Option<String>,
}

impl Node {
    /// A node in its ordinary state.
    pub fn of(id: &str) -> Node {
        Node { id: id.to_owned(), state: None }
    }

    /// The single node of a target that is listed whole.
    pub fn whole() -> Node {
        Node::of("")
    }
}

/// A session's id, exactly as the cloud's list gives it. Unique on its node only.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub String);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One live session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The id of the node it is on; empty where the target is listed whole.
    pub node: String,
    /// What the list tells of it that no other session with this id can ever have: the server's own
    /// number of the connection, the exact time of the login. None if there is nothing such.
    pub incarnation: Option<String>,
    /// Why the API cannot end it, if it cannot (DDS: no operation is running).
    pub unkillable: Option<&'static str>,
    /// Why we may lack the right to end it, if so (a superuser's): it is asked for on its own, after
    /// the others, so that it spoils nobody else's end.
    pub forbidden: Option<&'static str>,
    /// Whether it logged in as we do: perhaps another provider of this run.
    pub ours: bool,
    /// The values of the spec's columns.
    pub fields: Fields,
}

impl Session {
    /// Its node and id: no two sessions of a list have the same.
    pub fn place(&self) -> (&str, &SessionId) {
        (&self.node, &self.id)
    }
}

/// Where a list goes on. Opaque to all but the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// One page of a list.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Its sessions; what is no longer live is left out.
    pub sessions: Vec<Session>,
    /// Where the next page starts; None on the last.
    pub next: Option<Cursor>,
    /// How many more sessions the cloud counts on the node than it shows on any page. Told on one
    /// page only.
    pub unseen: usize,
    /// Why whoever is on none of the pages may live all the same, if so: the snapshot was replaced
    /// between two pages, the list was cut off. In words that go on after "the list".
    pub unsteady: Option<&'static str>,
    /// Whether nobody who stays can be skipped between the page before and this one, by what the API
    /// promises. Otherwise the two must show somebody both.
    pub still: bool,
    /// Connections that the page leaves out because they are not clients' (replication, the vendor's
    /// own accounts), by what they are, in the plural, with their number.
    pub left_out: Vec<(&'static str, usize)>,
    /// Which server answered, where it has an identity that ends with a restart: another one proves
    /// nothing about the sessions of the former.
    pub server: Option<String>,
    /// The cloud's id of the request.
    pub request_id: Option<String>,
}

/// What was seen of the target itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An answer shows it: its entry in a look-up, its row in the catalogue.
    Seen,
    /// An answer shows that it is not there, in the other side's words. It may have been made just
    /// now.
    Absent(super::Error),
    /// Nothing that can be asked for shows whether it is there, and why, in words that go on after
    /// "the target could not be looked at: ".
    Unproven(&'static str),
}

/// What one call shall end.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The node; None for the whole target, with [`Which::Everyone`] only.
    pub node: Option<&'a Node>,
    /// Which of its sessions.
    pub which: Which<'a>,
}

impl Batch<'_> {
    /// The id of the node that it is aimed at: the whole target is one node if it is narrowed to
    /// one.
    pub fn node_id<'t>(&'t self, target: &'t Target) -> Option<&'t str> {
        self.node.map(|node| node.id.as_str()).or_else(|| target.get("node_id"))
    }
}

/// Which sessions of a node or target.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// The named ones, at most [`Limits::batch`](super::Limits::batch) of them.
    These(&'a [SessionId]),
    /// All, listed or not.
    Everyone,
}

/// The cloud took the request.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// What the answer says of single sessions; all others of the batch were accepted.
    pub outcome: Outcome,
    /// To poll until the work is done; None if it is done.
    pub ticket: Option<Ticket>,
    /// The cloud's id of the request.
    pub request_id: Option<String>,
}

/// What an answer, or the end of a job, says of single sessions of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Those that it calls gone already.
    pub already_gone: Vec<SessionId>,
    /// Those that may not or could not be ended. They are that session's result, not the call's.
    pub refused: Vec<Refused>,
}

/// A session that may not or could not be ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Which.
    pub id: SessionId,
    /// The other side's reason, printable and bounded; goes on after "the session survived: ".
    pub reason: String,
}

/// An asynchronous job. Opaque to all but the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(pub String);

/// How far a job is. One that ended badly is an [`Error`](super::Error) of
/// [`Kind::JobFailed`](super::Kind::JobFailed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not finished.
    Running,
    /// Finished well; what it did to single sessions, where it tells.
    Done(Outcome),
}
