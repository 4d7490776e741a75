//! Redis 6.2 and newer, and Valkey: the client connections of a server, or of a cluster's nodes.
//!
//! Clients are the lines of `CLIENT LIST` (<https://redis.io/docs/latest/commands/client-list/>) and
//! are ended by `CLIENT KILL ID` (<https://redis.io/docs/latest/commands/client-kill/>). A client's
//! number is used again only after a restart, and the server's `run_id` tells one start from
//! another.

mod api;
mod client;

use crate::access::{Action, redis};
use crate::services::kit::{client_list, ids};
use crate::services::spec::Permissions;
use crate::services::{
    Column, Everyone, Example, Input, Limits, Role, Service, Shape, Spec, Target, Unit, Way, Wrong,
};
use crate::wire::dial::Place;

static SPEC: Spec = Spec {
    name: "redis",
    platform: "redis",
    product: "",
    title: "Redis and Valkey",
    session: "client connection",
    about: "A connection is a client of the server, as `CLIENT LIST` shows it. If the server is a node \
            of a cluster, the clients of every node are meant. Replicas and masters are left out and \
            counted; who calls himself a Sentinel is listed with the `kind` `sentinel` and never \
            ended. The provider's own connection is never among them.",
    ending: "A client's connection is closed at once: a transaction is discarded, a blocked command \
             released. It can connect again at once.",
    warning: None,
    regional: false,
    answers_itself: true,
    inputs: &[
        Input {
            name: "host",
            shape: Shape::Text,
            required: true,
            description: "The server's name or address, or the absolute path of its socket's file.",
        },
        Input {
            name: "port",
            shape: Shape::Port,
            required: false,
            description: "The server's port. Default 6379.",
        },
    ],
    one_of: &[],
    width: None,
    normal,
    session_id: "the client's number on its server, like `63`. A server that is started anew counts \
                 from the beginning; within a run its `run_id` tells.",
    is_id: ids::number,
    ids_again: Some("A server that is started anew counts from the beginning."),
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port; null for one on a socket, which is in no \
                          network.",
        },
        client_list::USER,
        client_list::DATABASE,
        client_list::COMMAND_IN_LOWER_CASE,
        client_list::NAME,
        client_list::AGE,
        client_list::IDLE,
        Column {
            name: "kind",
            unit: Unit::Text,
            role: Role::Shown,
            description: "`client`, or `sentinel` for one that calls itself so, which is left alone.",
        },
        Column {
            name: "flags",
            unit: Unit::Text,
            role: Role::Shown,
            description: "Redis' letters for the connection's state; `N` is none.",
        },
        Column {
            name: "subscriptions",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Number of channels it listens to.",
        },
    ],
    // One command for each, sent together.
    limits: Limits { batch: 100, everyone: Everyone::Never },
    permissions: Permissions {
        list: &[Action::of("+client|list"), Action::of("+client|id"), Action::of("+info")],
        terminate: &[Action::of("+client|kill")],
    },
    codes: &[],
    example: Example {
        inputs: &[("host", "aws_elasticache_replication_group.main.primary_endpoint_address")],
        criterion: ("min_idle", "\"10m\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://redis.io/docs/latest/commands/client-kill/",
};

/// Host and port in one spelling.
fn normal(target: Target) -> Result<Target, Wrong> {
    super::normal(target, redis::place)
}

/// Redis.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Redis(|account, target| Box::new(api::Redis::new(account, &target))),
    #[cfg(feature = "sandbox")]
    sandbox: None,
};

/// The place of a target.
fn place(target: &Target) -> Result<Place, String> {
    redis::place(target.get("host").unwrap_or_default(), target.get("port"))
}
