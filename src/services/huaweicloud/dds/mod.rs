//! Huawei Cloud DDS: running operations on the nodes of document databases.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-dds/dds_connect_0003.html>. It ends
//! what a session is doing; a session that does nothing cannot be ended. A node's sessions are
//! listed as they are at that moment
//! (<https://support.huaweicloud.com/intl/en-us/api-dds/dds_connect_0002.html>).

mod api;
#[cfg(feature = "sandbox")]
mod simulator;
#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;

use crate::access::Action;
use crate::access::huaweicloud::DBS_CODES;
use crate::services::kit::ids;
#[cfg(feature = "sandbox")]
use crate::services::simulator::Scene;
use crate::services::spec::{Permissions, as_written};
use crate::services::{
    Column, Everyone, Example, Input, Limits, Role, Service, Shape, Spec, Unit, Way,
};

static SPEC: Spec = Spec {
    name: "huaweicloud_dds",
    platform: "huaweicloud",
    product: "dds",
    title: "Huawei Cloud DDS",
    session: "database operation",
    about: "A session is what a connection to a Document Database Service instance is doing, by \
            the id that a node lists; the next operation of the connection is another session. \
            Needs Community Edition 3.4 or newer. Every mongos of a cluster lists what all shards \
            are doing, so an operation is seen once per mongos.",
    ending: "When a session is ended its operation is aborted. The client's connection stays open, \
             and a new operation can start at once. A session that does nothing cannot be ended: \
             `all` and `match` leave it and say so, and one named in `session_ids` counts as \
             surviving.",
    warning: Some(
        "**It aborts running operations.** A selected database operation ends at once, in the \
         middle of whatever it was writing. It disconnects nobody: connections stay open, and \
         idle ones cannot be ended.",
    ),
    regional: true,
    answers_itself: false,
    inputs: &[
        Input {
            name: "instance_id",
            shape: Shape::Text,
            required: false,
            description: "The id of the DDS instance. Without `node_id`: of a cluster every \
                          mongos, of other instances every node that is not hidden, whatever \
                          its state. At least one of `instance_id` and `node_id` must be given.",
        },
        Input {
            name: "node_id",
            shape: Shape::Text,
            required: false,
            description: "The id of one node: a mongos, shard or config node of a cluster, or a \
                          node of a replica set. With `instance_id` it must be a node of that \
                          instance.",
        },
    ],
    one_of: &["instance_id", "node_id"],
    width: None,
    normal: as_written,
    session_id: "the session's id as its node lists it, like `34631`, or `shard_1:7201646` on a \
                 mongos.",
    // Not `operation`, which is the whole statement: large, and full of what nobody should read.
    is_id: ids::opaque,
    ids_again: Some("A connection keeps its id for the next operation."),
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user who is logged in; reported by kernel 4.2 and newer only.",
        },
        Column {
            name: "database",
            unit: Unit::Text,
            role: Role::Database,
            description: "The database that is worked on.",
        },
        Column {
            name: "command",
            unit: Unit::Text,
            role: Role::Command,
            description: "The kind of operation: `query`, `insert`, `update`, `remove`, \
                          `getmore`, `command`, `killcursors` or `none`.",
        },
        Column {
            name: "running_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "How long the operation has been running: a session of DDS is as old as \
                          its operation, not as its connection.",
        },
        Column {
            name: "active",
            unit: Unit::Bool,
            role: Role::Shown,
            description: "Whether an operation is running. If not, it cannot be ended.",
        },
        Column {
            name: "namespace",
            unit: Unit::Text,
            role: Role::Shown,
            description: "Database and collection, like `shop.orders`.",
        },
        Column {
            name: "plan_summary",
            unit: Unit::Text,
            role: Role::Shown,
            description: "How the operation searches, like `COLLSCAN` or `IXSCAN`.",
        },
        Column {
            name: "server_address",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The address and port of the server that works on it.",
        },
        Column {
            name: "connection",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The server's name of the connection, like `conn20`.",
        },
    ],
    // How many ids one call may name is not documented, and neither is what happens to the others
    // if one of them has ended. Operations end all the time, so batches are small.
    limits: Limits { batch: 20, everyone: Everyone::Never },
    // "Authorization Information" of the calls' pages, and for role and policy-based grants
    // https://support.huaweicloud.com/intl/en-us/api-dds/dds_api_0037.html.
    permissions: Permissions {
        list: &[
            Action::formerly("dds:instance:listAll", "dds:instance:list"),
            Action::formerly("dds:instance:listSession", "dds:instance:session"),
        ],
        terminate: &[Action::formerly("dds:instance:deleteSession", "dds:instance:session")],
    },
    codes: DBS_CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_dds_instance.orders.id")],
        criterion: ("min_age", "\"10m\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("client_cidrs", "[\"10.0.9.10/32\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-dds/dds_connect_0003.html",
};

/// DDS.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::Dds::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
