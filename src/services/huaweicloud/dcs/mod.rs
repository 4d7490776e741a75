//! Huawei Cloud DCS for Redis: client connections of cache instances.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-dcs/HangUpClients.html>. A node's
//! clients are listed from a snapshot that a scan job takes first
//! (<https://support.huaweicloud.com/api-dcs/ScanClients.html>), chosen clients are killed at once
//! by address, and everyone by a job (<https://support.huaweicloud.com/api-dcs/HangUpKillAllClients.html>).

mod api;
#[cfg(feature = "sandbox")]
mod simulator;
#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;

use crate::access::Action;
use crate::services::kit::{client_list, ids};
#[cfg(feature = "sandbox")]
use crate::services::simulator::Scene;
use crate::services::spec::{Permissions, as_written};
use crate::services::{
    Column, Everyone, Example, Input, Kind, Limits, Role, Service, Shape, Spec, Unit, Way,
};

static SPEC: Spec = Spec {
    name: "huaweicloud_dcs",
    platform: "huaweicloud",
    product: "dcs",
    title: "Huawei Cloud DCS for Redis",
    session: "client connection",
    about: "A client connection is one of a client to a Redis instance of Distributed Cache \
            Service; of an instance with proxies, to a proxy. Needs Redis 4.0 or newer. \
            Connections of the console's Web CLI are not listed.",
    ending: "The API ends chosen connections by address, all of a node, or all of the instance. A \
             client whose connection was ended can connect again at once.",
    warning: None,
    regional: true,
    answers_itself: false,
    inputs: &[
        Input {
            name: "instance_id",
            shape: Shape::Text,
            required: true,
            description: "The id of the DCS instance.",
        },
        Input {
            name: "node_id",
            shape: Shape::Text,
            required: false,
            description: "The id of one node of the instance: of a proxy where there are proxies, \
                          else of a data node. Without it, every such node, whatever its state.",
        },
    ],
    one_of: &[],
    width: None,
    normal: as_written,
    session_id: "the client's address, like `10.63.238.158:2048`: `peer` of the list, or `addr` \
                 where the list gives no `peer`.",
    is_id: ids::address,
    ids_again: Some("An address is another client's within a second."),
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port. Where the list tells no `peer` (some \
                          proxies) and client IP pass-through is off, an internal 198.19.x.x \
                          address.",
        },
        client_list::USER,
        client_list::DATABASE,
        client_list::COMMAND_IN_LOWER_CASE,
        client_list::NAME,
        client_list::AGE,
        client_list::IDLE,
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
    // How many addresses one call may name is not documented. 100 keeps the body under 6 kB with
    // IPv6 addresses, and little is lost when a call fails.
    limits: Limits { batch: 100, everyone: Everyone::NodeOrTarget },
    // "Authorization Information" of the calls' pages, and for role and policy-based grants
    // https://support.huaweicloud.com/intl/en-us/api-dcs/api-grant-policy.html. The look-up of nodes
    // needs no identity policy; which older action it needs no page says, so it is the one of the
    // instance.
    permissions: Permissions {
        list: &[
            Action::only_formerly("dcs:instance:get"),
            Action::of("dcs:clients:list"),
            Action::of("dcs:job:get"),
        ],
        terminate: &[Action::of("dcs:clients:kill")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_dcs_instance.cache.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-dcs/HangUpClients.html",
};

/// "Error Codes" of the API reference
/// (<https://support.huaweicloud.com/intl/en-us/api-dcs/dcs-api-0312044.html>), the busy ones that
/// the vendor's own provider retries (terraform-provider-huaweicloud `services/dcs/common.go`), and
/// their older, numeric form: `111`, the status, and mostly the last three digits of the newer.
const CODES: &[(&str, Kind)] = &[
    // A scan or a kill-all of the node is still running.
    ("DCS.4957", Kind::Busy),
    // The instance is being created, changed, restarted, backed up, analysed, frozen, …
    ("DCS.4017", Kind::Busy),
    ("DCS.4026", Kind::Busy),
    ("111400026", Kind::Busy),
    ("DCS.4049", Kind::Busy),
    ("DCS.4096", Kind::Busy),
    ("DCS.4097", Kind::Busy),
    ("DCS.4104", Kind::Busy),
    ("DCS.4108", Kind::Busy),
    ("DCS.4111", Kind::Busy),
    ("DCS.4113", Kind::Busy),
    ("DCS.4114", Kind::Busy),
    ("DCS.4115", Kind::Busy),
    ("DCS.4116", Kind::Busy),
    ("DCS.4117", Kind::Busy),
    ("DCS.4118", Kind::Busy),
    ("DCS.4120", Kind::Busy),
    ("DCS.4121", Kind::Busy),
    ("DCS.4231", Kind::Busy),
    ("DCS.4300", Kind::Busy),
    ("DCS.4918", Kind::Busy),
    ("DCS.4975", Kind::Busy),
    ("CBC.99003651", Kind::Busy),
    ("111400017", Kind::Busy),
    ("111400096", Kind::Busy),
    ("111400097", Kind::Busy),
    ("111400104", Kind::Busy),
    ("111400108", Kind::Busy),
    ("111400111", Kind::Busy),
    ("111400113", Kind::Busy),
    ("111400114", Kind::Busy),
    ("111400115", Kind::Busy),
    ("111400116", Kind::Busy),
    ("111400117", Kind::Busy),
    ("111400118", Kind::Busy),
    ("111400120", Kind::Busy),
    // The same, as 500: somebody else is changing its configuration.
    ("DCS.4069", Kind::Busy),
    ("111400069", Kind::Busy),
    // Waiting does not pay the order for more memory.
    ("DCS.4107", Kind::Refused),
    ("111400107", Kind::Refused),
    // Client management is absent from the node, the instance's engine, version or access without a
    // password, or the region; or there are no jobs.
    ("DCS.4006", Kind::Unsupported),
    ("DCS.4007", Kind::Unsupported),
    ("DCS.4008", Kind::Unsupported),
    ("111400007", Kind::Unsupported),
    ("111400008", Kind::Unsupported),
    ("DCS.4027", Kind::Unsupported),
    ("111400027", Kind::Unsupported),
    ("DCS.4094", Kind::Unsupported),
    ("111400094", Kind::Unsupported),
    ("DCS.4848", Kind::Unsupported),
    ("DCS.4850", Kind::Unsupported),
    ("111400850", Kind::Unsupported),
    // Project id, URL, body, JSON, instance id, parameters, node id.
    ("DCS.4001", Kind::BadRequest),
    ("DCS.4002", Kind::BadRequest),
    ("DCS.4004", Kind::BadRequest),
    ("DCS.4005", Kind::BadRequest),
    ("DCS.4061", Kind::BadRequest),
    ("DCS.4062", Kind::BadRequest),
    ("DCS.4063", Kind::BadRequest),
    ("DCS.4800", Kind::BadRequest),
    ("DCS.3053", Kind::BadRequest),
    ("111404001", Kind::BadRequest),
    ("111400002", Kind::BadRequest),
    ("111400004", Kind::BadRequest),
    ("111400005", Kind::BadRequest),
    ("111400061", Kind::BadRequest),
    ("111400062", Kind::BadRequest),
    ("111400063", Kind::BadRequest),
    ("111400800", Kind::BadRequest),
    ("DCS.3022", Kind::TargetGone),
    ("111404022", Kind::TargetGone),
    ("DCS.5053", Kind::TargetGone),
    ("DCS.1001", Kind::Credentials),
    ("DCS.1002", Kind::Credentials),
    ("111401001", Kind::Credentials),
    ("111401002", Kind::Credentials),
    ("111401003", Kind::Credentials),
    ("111401004", Kind::Credentials),
    ("DCS.1003", Kind::Credentials),
    ("DCS.1004", Kind::Credentials),
    ("DCS.2003", Kind::Permission),
    ("DCS.2007", Kind::Permission),
    ("DCS.3002", Kind::Permission),
    ("DCS.3003", Kind::Permission),
    ("DCS.5000", Kind::Unavailable),
    ("DCS.5006", Kind::Unavailable),
    ("DCS.5024", Kind::Unavailable),
    ("DCS.5070", Kind::Unavailable),
];

/// DCS for Redis.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::Dcs::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
