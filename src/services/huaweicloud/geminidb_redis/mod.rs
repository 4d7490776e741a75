//! Huawei Cloud GeminiDB Redis: client connections on the nodes of GeminiDB Redis instances.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0055.html>, for chosen
//! connections of a node or all of them; another ends all of an instance
//! (<https://support.huaweicloud.com/intl/en-us/api-nosql/topic_300000212.html>). A node's
//! connections are listed as they are at that moment
//! (<https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0053.html>); the list of a whole
//! instance has no pages, so it is not used.

mod api;
#[cfg(feature = "sandbox")]
mod simulator;
#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;

use crate::access::Action;
use crate::access::huaweicloud::DBS_CODES;
use crate::services::kit::{client_list, ids};
#[cfg(feature = "sandbox")]
use crate::services::simulator::Scene;
use crate::services::spec::{Permissions, as_written};
use crate::services::{
    Column, Everyone, Example, Input, Limits, Role, Service, Shape, Spec, Unit, Way,
};

static SPEC: Spec = Spec {
    name: "huaweicloud_geminidb_redis",
    platform: "huaweicloud",
    product: "geminidb",
    title: "Huawei Cloud GeminiDB Redis",
    session: "client connection",
    about: "A client connection is one of a client to a node of a GeminiDB Redis instance, idle or \
            not. Not for instances of the Redis Cluster edition, nor for the other databases of \
            GeminiDB. Older instances need a minor upgrade first.",
    ending: "The API ends chosen connections by id, all of a node, or all of the instance. The \
             call that ends all of an instance of several nodes is documented for proxy clusters; \
             on others use `match`, or set `max_sessions` to have connections ended by id. A \
             client whose connection was ended can connect again at once.",
    warning: None,
    regional: true,
    answers_itself: false,
    inputs: &[
        Input {
            name: "instance_id",
            shape: Shape::Text,
            required: false,
            description: "The id of the GeminiDB Redis instance. Without `node_id`, every node of \
                          it, whatever its state. At least one of `instance_id` and `node_id` \
                          must be given.",
        },
        Input {
            name: "node_id",
            shape: Shape::Text,
            required: false,
            description: "The id of one node. With `instance_id` it must be a node of that \
                          instance.",
        },
    ],
    one_of: &["instance_id", "node_id"],
    width: None,
    normal: as_written,
    session_id: "the connection's id as its node lists it, like `1131`.",
    is_id: ids::opaque,
    ids_again: Some(
        "A node counts its connections from the beginning after a failover or restart.",
    ),
    columns: &[
        client_list::CLIENT_ADDRESS,
        client_list::DATABASE,
        client_list::COMMAND,
        client_list::NAME,
        client_list::AGE,
        client_list::IDLE,
        Column {
            name: "subscriptions",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Number of channels it listens to.",
        },
    ],
    // How many ids one call may name is not documented, and neither is what happens to the others
    // if one of them is gone. 50 is the page that the list gives by itself.
    limits: Limits { batch: 50, everyone: Everyone::NodeOrTarget },
    // "Authorization Information" of the calls' pages, and for role and policy-based grants
    // https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0022.html. The page of the
    // look-up calls the older name `nosql:backup:list`, which the table gives to backups.
    permissions: Permissions {
        list: &[
            Action::formerly("gaussdbfornosql:instance:list", "nosql:instance:list"),
            Action::formerly("gaussdbfornosql:instance:listSession", "nosql:session:list"),
        ],
        terminate: &[Action::formerly(
            "gaussdbfornosql:instance:deleteSession",
            "nosql:session:delete",
        )],
    },
    codes: DBS_CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_geminidb_instance.cache.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: None,
        protect: ("client_cidrs", "[\"10.0.9.10/32\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0055.html",
};

/// GeminiDB Redis.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::GeminiDb::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
