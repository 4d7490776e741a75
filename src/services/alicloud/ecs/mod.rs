//! Alibaba Cloud ECS Session Manager: terminal sessions of instances.
//!
//! Kill call:
//! <https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-endterminalsession>,
//! one session at a time. The list
//! (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describeterminalsessions>)
//! is a history of weeks, of a whole region or of one instance: what has ended is left out here.

mod api;
#[cfg(feature = "sandbox")]
mod simulator;
#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests;

use crate::access::Action;
use crate::services::kit::ids;
#[cfg(feature = "sandbox")]
use crate::services::simulator::Scene;
use crate::services::spec::{Permissions, as_written};
use crate::services::{
    Column, Everyone, Example, Input, Kind, Limits, Role, Service, Shape, Spec, Unit, Way, Width,
};

static SPEC: Spec = Spec {
    name: "alicloud_ecs",
    platform: "alicloud",
    product: "ecs",
    title: "Alibaba Cloud ECS Session Manager",
    session: "terminal session",
    about: "A terminal session is one that was opened through Session Manager, on one instance or \
            on any instance of the region. Logins that did not come through Session Manager, such \
            as plain SSH, are not listed.",
    ending: "When a session is ended its connection drops, and its WebSocket URL stops working. \
             Logins that are not listed are not ended.",
    warning: Some(
        "**It cuts connections.** Whoever holds a selected terminal session loses it at once, in \
         the middle of whatever was going on. Without `instance_id` it means every terminal of \
         the region, and without `region` that is the provider block's, which is `cn-beijing` if \
         nothing else is said.",
    ),
    regional: true,
    answers_itself: false,
    inputs: &[
        Input {
            name: "instance_id",
            shape: Shape::Text,
            required: false,
            description: "The id of one ECS instance.",
        },
        Input {
            name: "all_instances",
            shape: Shape::Flag,
            required: false,
            description: "`true` means the terminals of every instance of the region.",
        },
    ],
    one_of: &[],
    width: Some(Width { whole: "all_instances", part: "instance_id" }),
    normal: as_written,
    session_id: "the session's id, like `s-hz023od0x9****`.",
    is_id: ids::opaque,
    ids_again: None,
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's IP address.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user of the operating system who is logged in.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the session was created.",
        },
        Column {
            name: "instance_id",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The ECS instance that it is a terminal of.",
        },
        Column {
            name: "status",
            unit: Unit::Text,
            role: Role::Shown,
            description: "`Connecting` or `Connected`.",
        },
        Column {
            name: "created_at",
            unit: Unit::Text,
            role: Role::Shown,
            description: "When the session was created, in UTC.",
        },
        Column {
            name: "principal_id",
            unit: Unit::Text,
            role: Role::Shown,
            description: "Who opened it: an account, RAM user or assumed role, by id.",
        },
        Column {
            name: "identity_type",
            unit: Unit::Text,
            role: Role::Shown,
            description: "What `principal_id` is the id of, like `RAMUser`.",
        },
        Column {
            name: "target_server",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The server in the VPC that the session forwards to, if it does.",
        },
        Column {
            name: "port",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "The port that it forwards to, if it does.",
        },
    ],
    limits: Limits { batch: 1, everyone: Everyone::Never },
    permissions: Permissions {
        list: &[Action::of("ecs:DescribeTerminalSessions")],
        terminate: &[Action::of("ecs:EndTerminalSession")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("instance_id", "alicloud_instance.bastion.id")],
        criterion: ("min_age", "\"8h\""),
        old_login: Some(("users", "[\"deploy\"]")),
        protect: ("users", "[\"breakglass\"]"),
    },
    documentation: "https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-endterminalsession",
};

/// Error codes of the two calls' pages, and of
/// <https://www.alibabacloud.com/help/en/ecs/developer-reference/common-error-codes>.
const CODES: &[(&str, Kind)] = &[
    ("InvalidSessionId.NotFound", Kind::SessionGone),
    ("InvalidInstanceId.NotFound", Kind::TargetGone),
    ("RegionId.ApiNotSupported", Kind::Unsupported),
    ("InvalidRegionId.NotFound", Kind::BadRequest),
];

/// ECS Session Manager.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::Ecs::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
