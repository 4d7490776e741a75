//! Huawei Cloud TaurusDB (GaussDB for MySQL): client sessions on the nodes of instances.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-taurusdb/DeleteTaurusDbNodeProcesses.html>,
//! for chosen sessions of a node; its answer tells them apart. A node's sessions are listed as they are
//! at that moment
//! (<https://support.huaweicloud.com/intl/en-us/api-taurusdb/ListTaurusDbNodeProcesses.html>). Limits and
//! shapes are those of the vendor's OpenAPI files of both. HTAP instances have other calls, and are not
//! served.

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
use crate::services::{Everyone, Example, Input, Limits, Service, Shape, Spec, Way};

use super::processes;

static SPEC: Spec = Spec {
    name: "huaweicloud_taurusdb",
    platform: "huaweicloud",
    product: "gaussdb",
    title: "Huawei Cloud TaurusDB",
    session: "client session",
    about: "A session is a connection of a client to a node of a TaurusDB instance, as `SHOW \
            PROCESSLIST` shows it, idle or not. Internal sessions are not listed, those of replicas and \
            of the cloud's own accounts are left out and counted. Of a client behind a database proxy \
            the list may tell the proxy's address. HTAP instances are not served.",
    ending: "The API ends chosen sessions by id. A client whose session was ended can connect again at \
             once.",
    warning: None,
    regional: true,
    answers_itself: false,
    inputs: &[
        Input {
            name: "instance_id",
            shape: Shape::Text,
            required: true,
            description: "The id of the TaurusDB instance. Without `node_id`, every node of it, whatever \
                          its state.",
        },
        Input {
            name: "node_id",
            shape: Shape::Text,
            required: false,
            description: "The id of one node of the instance.",
        },
    ],
    one_of: &[],
    width: None,
    normal: as_written,
    session_id: "the number of the session's thread on its node, like `2075425`. A node that restarts \
                 counts from the beginning, and the list has nothing else to tell two sessions apart.",
    is_id: ids::number,
    ids_again: Some("A node that restarts counts from the beginning."),
    columns: processes::COLUMNS,
    // "1 to 20" of the kill call.
    limits: Limits { batch: 20, everyone: Everyone::Never },
    // "Authorization Information" of the calls' pages, whose aliases are the older actions. What the
    // look-up of the instance needs stands in the table for roles and policies
    // (https://support.huaweicloud.com/intl/en-us/api-taurusdb/taurusdb_05_0002.html); in an identity
    // policy it is named by the pattern of the others.
    permissions: Permissions {
        list: &[
            Action::formerly("gaussdbformysql:instance:list", "gaussdb:instance:list"),
            Action::formerly(
                "gaussdbformysql:instance:listProcesses",
                "gaussdb:instance:listProcesses",
            ),
        ],
        terminate: &[Action::formerly(
            "gaussdbformysql:instance:deleteProcesses",
            "gaussdb:instance:deleteProcesses",
        )],
    },
    codes: DBS_CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_taurusdb_instance.orders.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-taurusdb/DeleteTaurusDbNodeProcesses.html",
};

/// TaurusDB.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::TaurusDb::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
