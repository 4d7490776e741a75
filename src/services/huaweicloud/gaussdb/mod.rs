//! Huawei Cloud GaussDB (openGauss): client sessions on the components of instances.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-gaussdb/gaussdb_api_046.html>, for chosen
//! sessions of one component of a node. Which components there are is asked for first, and a
//! component's sessions are listed as they are at that moment, without pages
//! (<https://support.huaweicloud.com/intl/en-us/api-gaussdb/gaussdb_api_047.html>); the console's guide
//! says that no more than 200 are shown
//! (<https://support.huaweicloud.com/intl/en-us/usermanual-gaussdb/gaussdb_01_492.html>).

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
    name: "huaweicloud_gaussdb",
    platform: "huaweicloud",
    product: "opengauss",
    title: "Huawei Cloud GaussDB",
    session: "client session",
    about: "A session is a connection of a client to a component of a GaussDB instance: of a distributed \
            instance to a coordinator (CN), of another to a data node (DN), primary or standby. \
            Background workers and sessions of the cloud's own accounts (`omm`, `rdsAdmin` and the \
            like) are left out and counted. **A list is cut off at 200 sessions** without saying so: \
            one that is as long proves nothing of who is not on it. The vendor's pages name no action \
            for the calls of sessions: the policies below are as wide as its own `GaussDB FullAccess`; \
            a refusal names the action to narrow them to.",
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
            description: "The id of the GaussDB instance. Without `node_id`, every component of it that \
                          clients connect to.",
        },
        Input {
            name: "node_id",
            shape: Shape::Text,
            required: false,
            description: "One component of the instance: the ids of its node and its own, joined by a \
                          slash, like `52c25e148a4a48c293b66ca95565719cno14/cn_5001`.",
        },
    ],
    one_of: &[],
    width: None,
    normal: as_written,
    session_id: "the session's id as its component lists it, like `139715382048512`. Ids are used again \
                 soon; a session is told from a later one by the time when it began.",
    is_id: ids::opaque,
    ids_again: Some("Ids are used again soon."),
    // Not `query`, which is the whole statement.
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address, and its port where the list tells one.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user who is logged in.",
        },
        Column {
            name: "database",
            unit: Unit::Text,
            role: Role::Database,
            description: "The database that it is connected to.",
        },
        Column {
            name: "command",
            unit: Unit::Text,
            role: Role::Command,
            description: "The first word of its running or last statement if that is a common one of \
                          SQL, like `SELECT`; `other` for any other. Never the statement.",
        },
        Column {
            name: "name",
            unit: Unit::Text,
            role: Role::Name,
            description: "The name that the client gave itself as `application_name`.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the session began.",
        },
        Column {
            name: "state",
            unit: Unit::Text,
            role: Role::Shown,
            description: "What it is at, like `active` or `idle in transaction`.",
        },
    ],
    // How many ids one call may name is not documented, and neither is what happens to the others if
    // one of them has ended, so batches are small.
    limits: Limits { batch: 20, everyone: Everyone::Never },
    permissions: Permissions {
        list: &[Action::of("gaussdb:*:get*"), Action::of("gaussdb:*:list*")],
        terminate: &[Action::of("gaussdb:*:*")],
    },
    codes: DBS_CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_gaussdb_instance.orders.id")],
        criterion: ("min_age", "\"12h\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-gaussdb/gaussdb_api_046.html",
};

/// GaussDB.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::GaussDb::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
