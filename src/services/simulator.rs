//! The server side of the services, for the sandbox.
//!
//! A simulator answers the real HTTP requests of one service from a [`Stage`]: instances, nodes
//! and live sessions, which may be real connections of a real server.

use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use bytes::Bytes;

/// The server side of one service.
pub trait Simulator: Send {
    /// The answer to an authenticated request; None if it is not one of this service's.
    fn respond(&mut self, request: &Inbound<'_>) -> Option<http::Response<Bytes>>;
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
    /// Ends some of the sessions it was asked to end and reports a failure.
    PartialKill,
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
}

/// The connections behind a stage: memory, a real Redis, real terminals.
pub trait Clients: Send {
    /// Live connections of one node.
    fn list(&mut self, node: &str) -> Vec<LiveClient>;

    /// Cuts one connection; false if there is none of that key.
    fn kill(&mut self, node: &str, key: &str) -> bool;
}

/// One live connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveClient {
    /// What the service lists it under: a number, or for DCS the address.
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
}
