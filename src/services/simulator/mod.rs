//! The server side of the services, for the sandbox.
//!
//! A simulator answers the real HTTP requests of one service from a [`Stage`]: instances, nodes
//! and live sessions, which may be real connections of a real server. It is as strict as the
//! documentation: what no page allows is refused with the documented error. Work that the cloud
//! does later is done later here too, by the sandbox's clock.

pub mod alicloud;
pub mod aws;
pub mod dbs;
mod memory;
pub mod processes;
mod request;

#[cfg(test)]
pub(crate) mod bench;

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::access::Secret;

pub use memory::{Memory, SteppedClock};
pub use request::{BadBody, Query, body, json, segments};

/// The other side of a service, for the sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    /// The instances that a sandbox of it starts with, one of each kind that its API tells apart,
    /// with ids of the cloud's shape that no other service has.
    pub scenery: fn() -> Vec<Instance>,
    /// The server side of its API.
    pub simulator: fn(Stage) -> Box<dyn Simulator>,
}

/// The server side of one service.
pub trait Simulator: Send {
    /// The answer to an authenticated request; None if it is not one of this service's. Services
    /// of one cloud share a front door, so a path that two of them have must be told apart.
    fn respond(&mut self, request: &Inbound<'_>) -> Option<http::Response<Bytes>>;

    /// Does the work that jobs have left to do until `at`. Called before every request, and from
    /// time to time, so that a job ends even if nobody asks for it.
    fn settle(&mut self, _at: SystemTime) {}
}

/// A request that the sandbox has authenticated.
#[derive(Debug)]
pub struct Inbound<'a> {
    /// The request as it came.
    pub request: &'a http::Request<Bytes>,
    /// The sandbox's time.
    pub at: SystemTime,
    /// The fault that is switched on for this request, if it is for the simulator to play.
    pub fault: Option<Fault>,
}

/// Misbehaviour that only a service itself can show. The others are the sandbox's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Answers that the target is busy, with the service's own code.
    Busy,
    /// Ends some of the sessions it was asked to end, of one that one, and reports a failure.
    PartialKill,
    /// Ends half of the sessions it was asked to end, of one nobody, and reports success.
    EndsHalf,
    /// Accepts, and the session ends ten seconds later.
    EndsLate,
    /// Ends the session, and at once somebody else has what it was known by.
    KnownAgain,
    /// Accepts, and the session lives on.
    Refuses,
    /// The job ends as failed.
    JobFails,
    /// The job never ends.
    JobHangs,
    /// The target no longer exists.
    TargetGone,
}

/// What a simulator plays on: the instances of its service and who is connected to them.
#[derive(Clone)]
pub struct Stage {
    /// Instances with their nodes.
    pub instances: Vec<Instance>,
    /// Who is connected, shared with whoever connects.
    pub clients: Arc<Mutex<dyn Clients>>,
    /// How long an asynchronous job takes, from its acceptance to its end.
    pub job: Duration,
    /// How a kill answers that names a session which is not there.
    pub gone: Gone,
    /// What somebody else can have soon after a session has ended.
    pub again: Again,
}

/// What a session was known by that somebody else can have after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// Nothing.
    Never,
    /// Its number.
    Id,
    /// Its address; numbers come once.
    Address,
}

/// How a kill answers that names a session which is not there, where no page says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// As if it had ended it.
    Accepted,
    /// As a request that makes no sense; nothing is ended.
    Refused,
}

/// Why a kill did not end all that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unended {
    /// Not all are there, and so none was ended.
    NotThere,
    /// Some were ended, the rest was not.
    InPart,
}

impl Stage {
    /// A stage with jobs of two seconds, where ending what is gone succeeds.
    pub fn new(instances: Vec<Instance>, clients: Arc<Mutex<dyn Clients>>) -> Stage {
        Stage {
            instances,
            clients,
            job: Duration::from_secs(2),
            gone: Gone::Accepted,
            again: Again::Never,
        }
    }

    /// The instance of an id.
    pub fn instance(&self, id: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| instance.id == id)
    }

    /// Live connections of one node.
    pub fn list(&self, node: &str) -> Vec<LiveClient> {
        self.clients().list(node)
    }

    /// Cuts one connection; false if there is none of that key.
    pub fn kill(&self, node: &str, key: &str) -> bool {
        self.clients().kill(node, key)
    }

    /// Cuts all connections of one node, as far as [`Stage::end`] does under a fault.
    pub fn kill_all(&self, node: &str, fault: Option<Fault>) -> Result<(), Unended> {
        let everybody = self.list(node).into_iter().map(|client| Some(client.id));
        self.end(node, &everybody.collect::<Vec<_>>(), fault)
    }

    /// Cuts the connections of these keys, as a kill that names them does; None is one that is not
    /// there. Plays [`Fault::Refuses`], [`Fault::PartialKill`], [`Fault::EndsHalf`],
    /// [`Fault::EndsLate`] and [`Fault::KnownAgain`].
    pub fn end(
        &self,
        node: &str,
        keys: &[Option<String>],
        fault: Option<Fault>,
    ) -> Result<(), Unended> {
        if self.gone == Gone::Refused && keys.contains(&None) {
            return Err(Unended::NotThere);
        }
        let reached = match fault {
            Some(Fault::Refuses) => 0,
            Some(Fault::PartialKill) => (keys.len() / 2).max(1),
            Some(Fault::EndsHalf) => keys.len() / 2,
            _ => keys.len(),
        };
        for key in keys.iter().take(reached).flatten() {
            match fault {
                Some(Fault::EndsLate) => self.clients().kill_later(node, key),
                Some(Fault::KnownAgain) => self.clients().kill_and_follow(node, key, self.again),
                _ => drop(self.kill(node, key)),
            }
        }
        if fault == Some(Fault::PartialKill) { Err(Unended::InPart) } else { Ok(()) }
    }

    /// Expects somebody who will connect to a node; None where nobody can.
    pub fn expect(&self, node: &str, user: &str) -> Option<Expected> {
        self.clients().expect(node, user)
    }

    fn clients(&self) -> std::sync::MutexGuard<'_, dyn Clients + 'static> {
        self.clients.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage").field("instances", &self.instances).finish_non_exhaustive()
    }
}

/// An instance of a product.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its nodes: id, and role in the service's words (`master`, `proxy`, `mongos`, …).
    pub nodes: Vec<(String, &'static str)>,
    /// Whether a real Redis can stand behind it.
    pub redis: bool,
}

impl Instance {
    /// An instance of nodes with their roles, without a real server behind it.
    pub fn new(id: &str, nodes: &[(&str, &'static str)]) -> Instance {
        let nodes = nodes.iter().map(|(id, role)| ((*id).to_owned(), *role)).collect();
        Instance { id: id.to_owned(), nodes, redis: false }
    }

    /// The same behind which a real Redis can stand.
    #[must_use]
    pub fn on_redis(mut self) -> Instance {
        self.redis = true;
        self
    }

    /// Whether it has a node of that id.
    pub fn has(&self, node: &str) -> bool {
        self.nodes.iter().any(|(id, _)| id == node)
    }
}

/// The connections behind a stage: memory, a real Redis, real terminals.
pub trait Clients: Send {
    /// Live connections of one node.
    fn list(&mut self, node: &str) -> Vec<LiveClient>;

    /// Cuts one connection; false if there is none of that key.
    fn kill(&mut self, node: &str, key: &str) -> bool;

    /// Cuts one connection ten seconds from now; at once where time does not pass.
    fn kill_later(&mut self, node: &str, key: &str) {
        self.kill(node, key);
    }

    /// Cuts one connection, and lets somebody else connect who has what of it comes again, where
    /// connections can be made up.
    fn kill_and_follow(&mut self, node: &str, key: &str, _again: Again) {
        self.kill(node, key);
    }

    /// Expects somebody who will connect to a node as `user`; None where nobody can.
    fn expect(&mut self, _node: &str, _user: &str) -> Option<Expected> {
        None
    }
}

/// A connection that is still to be made.
#[derive(Clone, Debug)]
pub struct Expected {
    /// Its key, under which it is listed from now on.
    pub id: String,
    /// What whoever connects must show.
    pub token: Secret,
}

/// The name of whoever follows a connection that was cut by [`Fault::KnownAgain`].
pub const FOLLOWER: &str = "follower";

/// One live connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveClient {
    /// The number that it is listed under, and the key of a kill; unique on its node.
    pub id: String,
    /// `ip:port` of the client.
    pub address: String,
    /// Name that the client gave itself.
    pub name: String,
    /// User who is logged in.
    pub user: String,
    /// Last command.
    pub command: String,
    /// Database.
    pub database: String,
    /// Seconds since it connected.
    pub age: i64,
    /// Seconds since its last command.
    pub idle: i64,
    /// The service's word for its state: Redis' letters, like `N` or `P`, or `Connecting`; empty
    /// where there is none.
    pub flags: String,
}
