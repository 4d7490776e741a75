//! The cloud products whose sessions can be listed and killed, and the words they share.
//!
//! One file per service. A service describes itself as data ([`Spec`]), makes the calls of one API
//! ([`Sessions`]) and classifies its answers ([`Error`]). It never waits, repeats, filters, groups
//! or words messages: those are the same for all services and live in the engine and above.

mod alicloud;
mod aws;
mod error;
mod fields;
mod huaweicloud;
mod kit;
mod scope;
mod servers;
mod spec;
mod target;
mod way;
mod words;

#[cfg(feature = "sandbox")]
pub mod simulator;

use async_trait::async_trait;

pub use error::{Error, Kind};
pub use fields::{Field, Fields};
pub use scope::Scope;
pub use spec::{
    Column, Criterion, Everyone, Example, Input, Limits, Permissions, Role, Shape, Spec, Unit,
    Width,
};
pub use target::{Target, Wrong};
pub use way::{Connected, Way};
pub use words::{
    Batch, Cursor, Node, Outcome, Page, Progress, Refused, Session, SessionId, Sight, Submission,
    Ticket, Which,
};

/// A kind of product with sessions, as data. Everything that there is one of for each service is
/// reached from here.
#[derive(Debug)]
pub struct Service {
    /// What it is.
    pub spec: &'static Spec,
    /// How its sessions on one target are reached.
    pub way: Way,
    /// The other side for the sandbox. None of servers that are there for everybody to start.
    #[cfg(feature = "sandbox")]
    pub sandbox: Option<simulator::Scene>,
}

/// All services, in the order of documentation.
pub static ALL: &[&Service] = &[
    &alicloud::ecs::SERVICE,
    &alicloud::das_redis::SERVICE,
    &huaweicloud::dds::SERVICE,
    &huaweicloud::geminidb_redis::SERVICE,
    &huaweicloud::dcs::SERVICE,
    &huaweicloud::taurusdb::SERVICE,
    &huaweicloud::gaussdb::SERVICE,
    &huaweicloud::ddm::SERVICE,
    &huaweicloud::vpn_p2c::SERVICE,
    &aws::ssm::SERVICE,
    &aws::client_vpn::SERVICE,
    &servers::postgresql::SERVICE,
    &servers::mysql::SERVICE,
    &servers::redis::SERVICE,
];

impl Service {
    /// Its other side in the sandbox.
    ///
    /// # Panics
    /// If it has none.
    #[cfg(feature = "sandbox")]
    pub fn scene(&self) -> simulator::Scene {
        self.sandbox.expect("only services with a simulator are asked for it")
    }
}

/// Those that the sandbox serves.
#[cfg(feature = "sandbox")]
pub fn simulated() -> impl Iterator<Item = &'static Service> + Clone {
    ALL.iter().copied().filter(|service| service.sandbox.is_some())
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

    /// Looks whether the target itself is there, by the cheapest call that proves it: the look-up of
    /// its nodes; where there is none, a session on the first page of its list. An empty list shows
    /// nothing.
    async fn sight(&self) -> Result<Sight, Error> {
        sight(self).await
    }

    /// What else, beside sessions, holds the target in place and will still be there when all
    /// sessions have ended (prepared transactions, logical slots), each in a few words.
    async fn obstacles(&self) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }

    /// Starts what must be done before a node can be listed freshly.
    async fn prepare(&self, _node: &Node) -> Result<Option<Ticket>, Error> {
        Ok(None)
    }

    /// One page of a node's live sessions; `prepared` is what [`prepare`](Sessions::prepare) gave
    /// for this reading. Where sessions that end make others move up before the next page is asked
    /// for, that one begins with the last few of this one, which so show whether any have moved.
    async fn list(
        &self,
        node: &Node,
        prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error>;

    /// Whether [`find`](Sessions::find) can ask for single sessions.
    fn can_find(&self) -> bool {
        false
    }

    /// Whoever holds the id of `session` on its node now, asked for by itself: who is not in the
    /// answer is gone for certain. Only called where [`can_find`](Sessions::can_find).
    async fn find(&self, _node: &Node, _session: &Session) -> Result<Vec<Session>, Error> {
        Ok(Vec::new())
    }

    /// Asks for the end of sessions. The engine never passes more than [`Limits`] allow.
    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error>;

    /// Takes leave of the other side, where there is a connection to be closed: whatever is left of
    /// us there would be in the way of what comes next. Called once, when nothing else will be.
    async fn close(&self) {}

    /// Asks how far an asynchronous job is. Only called with tickets of this target.
    async fn poll(&self, _ticket: &Ticket) -> Result<Progress, Error> {
        Ok(Progress::Done(Outcome::default()))
    }
}

/// What the look-up of nodes shows of a target, or else its sessions.
async fn sight<S: Sessions + ?Sized>(sessions: &S) -> Result<Sight, Error> {
    let seen = match sessions.nodes().await {
        Ok(_) if sessions.looks_up_nodes() => Ok(true),
        Ok(nodes) => anybody(sessions, &nodes).await,
        Err(error) => Err(error),
    };
    match seen {
        Ok(true) => Ok(Sight::Seen),
        Ok(false) => Ok(Sight::Unproven("nobody is on it, and its API shows nothing else of it")),
        Err(error) if error.kind == Kind::TargetGone => Ok(Sight::Absent(error)),
        Err(error) => Err(error),
    }
}

/// Whether the first page of any node shows a session.
async fn anybody<S: Sessions + ?Sized>(sessions: &S, nodes: &[Node]) -> Result<bool, Error> {
    for node in nodes {
        let ticket = sessions.prepare(node).await?;
        if !sessions.list(node, ticket.as_ref(), None).await?.sessions.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}
