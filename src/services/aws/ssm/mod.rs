//! AWS Systems Manager Session Manager: sessions on managed nodes.
//!
//! Kill call: <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_TerminateSession.html>,
//! one session at a time. The list
//! (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_DescribeSessions.html>) is of
//! the sessions in the state `Active`, connected or not, of a whole region or of one node.

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
    name: "aws_ssm",
    platform: "aws",
    product: "ssm",
    title: "AWS Systems Manager Session Manager",
    session: "Session Manager session",
    about: "A session is one that was opened through Session Manager on a managed node: a shell, a \
            forwarded port, SSH through it, or Remote Desktop in Fleet Manager. Plain SSH and Remote \
            Desktop are not listed. A session whose client has vanished stays listed until it times \
            out, and can be ended. The list tells neither the client's address nor how long it has \
            been idle.",
    ending: "When a session is terminated its connection drops, with the ports that it forwards. To \
             take somebody's permissions away does not end his sessions. AWS answers the same whether \
             a session was there or not; only the list tells that it is gone. Nor does it tell for \
             certain whether a node exists: one without a session that `DescribeInstanceInformation` \
             does not show may not have registered yet, be stopped, or be a container. So that is a \
             warning at create and no error, with `target_seen = false`, and at a destroy a success \
             with a warning that names the block's `id`.",
    warning: Some(
        "**It cuts connections, perhaps the one it is started from.** Whoever holds a selected \
         session loses it at once. With `all_instances` it means every session of the account in the \
         region. Do not start Terraform from inside a Session Manager session that is selected; \
         sessions that were opened by the role that runs it are counted in the report. To keep them: \
         `protect = { users = [data.aws_caller_identity.current.arn] }`.",
    ),
    regional: true,
    answers_itself: false,
    inputs: &[
        Input {
            name: "instance_id",
            shape: Shape::Text,
            required: false,
            description: "The id of one managed node, like `i-0123456789abcdef0`, `mi-…`, or the \
                          `ecs:…` of a container.",
        },
        Input {
            name: "all_instances",
            shape: Shape::Flag,
            required: false,
            description: "`true` means the sessions on every node of the account in the region.",
        },
    ],
    one_of: &[],
    width: Some(Width { whole: "all_instances", part: "instance_id" }),
    normal: as_written,
    session_id: "the session's id, like `alice-0123456789abcdef0`.",
    is_id: ids::opaque,
    ids_again: None,
    columns: &[
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "Who opened it: the ARN of an IAM user or of a role's session.",
        },
        Column {
            name: "document",
            unit: Unit::Text,
            role: Role::Command,
            description: "The document that it runs, like `SSM-SessionManagerRunShell` or \
                          `AWS-StartPortForwardingSession`.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the session was opened.",
        },
        Column {
            name: "instance_id",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The node that it is on.",
        },
        Column {
            name: "status",
            unit: Unit::Text,
            role: Role::Shown,
            description: "`Connected`, `Connecting`, `Disconnected` or `Terminating`.",
        },
        Column {
            name: "started_at",
            unit: Unit::Text,
            role: Role::Shown,
            description: "When the session was opened, in UTC.",
        },
        Column {
            name: "reason",
            unit: Unit::Text,
            role: Role::Shown,
            description: "Why, in the words of whoever opened it.",
        },
        Column {
            name: "access_type",
            unit: Unit::Text,
            role: Role::Shown,
            description: "`Standard` or `JustInTime`.",
        },
    ],
    limits: Limits { batch: 1, everyone: Everyone::Never },
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html
    permissions: Permissions {
        list: &[Action::of("ssm:DescribeSessions"), Action::of("ssm:DescribeInstanceInformation")],
        terminate: &[Action::of("ssm:TerminateSession")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("instance_id", "aws_instance.bastion.id")],
        criterion: ("min_age", "\"8h\""),
        old_login: Some(("users", "[\"arn:aws:iam::123456789012:user/contractor\"]")),
        protect: ("users", "[\"arn:aws:sts::123456789012:assumed-role/oncall/alice\"]"),
    },
    documentation: "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_TerminateSession.html",
};

/// Error codes of the three calls' pages.
const CODES: &[(&str, Kind)] = &[
    ("InvalidFilterKey", Kind::BadRequest),
    ("InvalidNextToken", Kind::BadRequest),
    ("InvalidInstanceId", Kind::BadRequest),
    ("InvalidInstanceInformationFilterValue", Kind::BadRequest),
    ("ValidationException", Kind::BadRequest),
];

/// Session Manager.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::Ssm::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
