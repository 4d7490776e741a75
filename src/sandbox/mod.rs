//! A small cloud on this machine.
//!
//! The sandbox answers the clouds' APIs as strictly as their pages: signatures, dates, tokens,
//! project ids, parameters. A request passes a [`gate`](gate::Gate) of its cloud, which says whose
//! it is, and then goes to the simulator of a service. It is reached in two ways that share all
//! but the last step: in process, as [`HttpSend`](crate::wire::HttpSend), and over loopback
//! ([`server`]). Every answer carries the header `x-session-sandbox: 1`.
//!
//! Over loopback, and in process alike, it can be watched and disturbed:
//!
//! | request | what it does |
//! |---|---|
//! | `POST /_sandbox/faults` with `{"fault": "throttle", "operation": "clients/kill", "times": 2}` | switches a fault on; `operation` and `times` may be left out ([`faults`]) |
//! | `GET /_sandbox/log` | the calls so far |
//! | `GET /_sandbox/killed` | the sessions that were really ended |
//! | `POST /_sandbox/reset` | faults off, logs empty, everybody in memory connected again |

pub mod cli;
pub mod faults;
pub mod gate;
pub mod ledger;
pub mod redis;
pub mod server;
pub mod setup;
pub mod world;

mod alicloud;
mod aws;
mod control;
mod front;
mod huaweicloud;
mod terminals;
mod websocket;

pub use alicloud::AlicloudAccount;
pub use aws::AwsAccount;
pub use faults::{Switch, Trouble};
pub use ledger::{Killed, Ledger};
pub use setup::{Account, Login, Setup};
pub use world::{CallLine, Delivery, Happening, Reply, Sandbox};
