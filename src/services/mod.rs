//! The cloud products whose sessions can be listed and killed, and the words they share.
//!
//! One file per service. A service describes itself as data ([`Spec`]), makes the calls of one API
//! ([`Sessions`]) and classifies its answers ([`Error`]). It never waits, repeats, filters, groups
//! or words messages: those are the same for all services and live in the engine and above.

mod alicloud;
mod error;
mod fields;
mod huaweicloud;
mod kit;
mod spec;

#[cfg(feature = "sandbox")]
pub mod simulator;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

pub use error::{Error, Kind};
pub use fields::{Field, Fields};
pub use spec::{
    Column, Criterion, Everyone, Example, Input, Limits, Permissions, Role, Spec, Unit,
};

/// A kind of product with sessions, as data. Everything that there is one of for each service is
/// reached from here.
#[derive(Debug)]
pub struct Service {
    /// What it is.
    pub spec: &'static Spec,
    /// Its sessions on one target. Makes no call.
    pub connect: fn(Arc<crate::access::Client>, Target) -> Box<dyn Sessions>,
    /// The instances that a sandbox of it starts with, one of each kind that its API tells apart,
    /// with ids of the cloud's shape that no other service has.
    #[cfg(feature = "sandbox")]
    pub scenery: fn() -> Vec<simulator::Instance>,
    /// The server side of its API, for the sandbox.
    #[cfg(feature = "sandbox")]
    pub simulator: fn(simulator::Stage) -> Box<dyn simulator::Simulator>,
}

/// All services, in the order of documentation.
pub static ALL: &[&Service] = &[
    &alicloud::ecs::SERVICE,
    &alicloud::das_redis::SERVICE,
    &huaweicloud::dds::SERVICE,
    &huaweicloud::geminidb_redis::SERVICE,
    &huaweicloud::dcs::SERVICE,
];

/// What a run is aimed at: the values of the spec's [`Input`]s that were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target(pub BTreeMap<&'static str, String>);

impl Target {
    /// The value of an input.
    pub fn get(&self, input: &str) -> Option<&str> {
        self.0.get(input).map(String::as_str)
    }
}

/// The sessions of one target. Every method is one call of the API, or a fixed short sequence.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// The parts of the target whose sessions are listed apart. A target that is listed whole is
    /// one node with an empty id. Checks that a `node_id` belongs to its instance, where it can.
    async fn nodes(&self) -> Result<Vec<Node>, Error>;

    /// Whether [`nodes`](Sessions::nodes) asks the cloud. If not, only a list of its sessions can
    /// tell whether a node is there.
    fn looks_up_nodes(&self) -> bool {
        true
    }

    /// Starts what must be done before a node can be listed freshly.
    async fn prepare(&self, _node: &Node) -> Result<Option<Ticket>, Error> {
        Ok(None)
    }

    /// One page of a node's live sessions. Where sessions that end make others move up before the
    /// next page is asked for, that one begins with the last session of this one, which so shows
    /// whether any have moved.
    async fn list(&self, node: &Node, after: Option<Cursor>) -> Result<Page, Error>;

    /// Asks for the end of sessions. The engine never passes more than [`Limits`] allow.
    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error>;

    /// Asks how far an asynchronous job is. Only called with tickets of this target.
    async fn poll(&self, _ticket: &Ticket) -> Result<Progress, Error> {
        Ok(Progress::Done)
    }
}

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
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The id of the node it is on; empty where the target is listed whole.
    pub node: String,
    /// Why the API cannot end it, if it cannot (DDS: no operation is running).
    pub unkillable: Option<&'static str>,
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
    /// The cloud's id of the request.
    pub request_id: Option<String>,
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
    /// The named ones, at most [`Limits::batch`] of them.
    These(&'a [SessionId]),
    /// All, listed or not.
    Everyone,
}

/// The cloud took the request.
#[derive(Clone, Debug, Default)]
pub struct Submission {
    /// Sessions that the answer calls gone already; all others of the batch were accepted.
    pub already_gone: Vec<SessionId>,
    /// To poll until the work is done; None if it is done.
    pub ticket: Option<Ticket>,
    /// The cloud's id of the request.
    pub request_id: Option<String>,
}

/// An asynchronous job. Opaque to all but the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket(pub String);

/// How far a job is. One that ended badly is an [`Error`] of [`Kind::JobFailed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not finished.
    Running,
    /// Finished well.
    Done,
}
