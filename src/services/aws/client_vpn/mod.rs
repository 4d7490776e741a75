//! AWS Client VPN: the connections of one endpoint.
//!
//! Kill call: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateClientVpnConnections.html>,
//! one connection at a time. The list
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeClientVpnConnections.html>) shows
//! what ended within the last hour as well, which is left out here.

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
    Column, Everyone, Example, Input, Kind, Limits, Role, Service, Shape, Spec, Unit, Way,
};

static SPEC: Spec = Spec {
    name: "aws_client_vpn",
    platform: "aws",
    product: "ec2",
    title: "AWS Client VPN",
    session: "VPN connection",
    about: "A connection is one of a client to the endpoint. Those that ended within the last hour, \
            which AWS lists as well, are left out. The client's address is the one it has inside the \
            VPN, not the one on the internet: `client_cidrs` looks at that.",
    ending: "When a connection is terminated AWS ends it a little later; until then it is listed as \
             `terminating`, and counts as there. To revoke a certificate or to take away an \
             authorization rule does not end connections.",
    warning: Some(
        "**It cuts connections, and clients come back.** AWS's client connects again by itself within \
         seconds. To keep somebody out, take away what lets him in first: the authorization rule, \
         the certificate (by the endpoint's revocation list) or the user in the directory.",
    ),
    regional: true,
    answers_itself: false,
    inputs: &[Input {
        name: "endpoint_id",
        shape: Shape::Text,
        required: true,
        description: "The id of the Client VPN endpoint, like `cvpn-endpoint-0123456789abcdef0`.",
    }],
    one_of: &[],
    width: None,
    normal: as_written,
    session_id: "the connection's id, like `cvpn-connection-0123456789abcdef0`.",
    is_id: ids::opaque,
    ids_again: None,
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address inside the VPN.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user of the directory or of the identity provider; without one the \
                          common name of the client's certificate.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the connection was established.",
        },
        Column {
            name: "common_name",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The common name of the client's certificate.",
        },
        Column {
            name: "status",
            unit: Unit::Text,
            role: Role::Shown,
            description: "`active`, `terminating` or `failed-to-terminate`.",
        },
        Column {
            name: "established_at",
            unit: Unit::Text,
            role: Role::Shown,
            description: "When the connection was established, as the cloud tells it.",
        },
        Column {
            name: "ingress_bytes",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Bytes that came from the client.",
        },
        Column {
            name: "egress_bytes",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Bytes that went to the client.",
        },
    ],
    limits: Limits { batch: 1, everyone: Everyone::Never },
    // https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
    permissions: Permissions {
        list: &[
            Action::of("ec2:DescribeClientVpnConnections"),
            Action::of("ec2:DescribeClientVpnEndpoints"),
        ],
        terminate: &[Action::of("ec2:TerminateClientVpnConnections")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("endpoint_id", "aws_ec2_client_vpn_endpoint.staff.id")],
        criterion: ("min_age", "\"12h\""),
        old_login: Some(("users", "[\"contractor\"]")),
        protect: ("users", "[\"oncall\"]"),
    },
    documentation: "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_TerminateClientVpnConnections.html",
};

/// "Error codes for the Amazon EC2 API"
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).
const CODES: &[(&str, Kind)] = &[
    ("InvalidClientVpnEndpointId.NotFound", Kind::TargetGone),
    // Of a list; both are called "the endpoint cannot be found". Of a kill it may be the connection.
    ("InvalidClientVpnConnection.IdNotFound", Kind::TargetGone),
    ("InvalidClientVpnConnection.UserNotFound", Kind::SessionGone),
    ("InvalidParameterValue", Kind::BadRequest),
    ("InvalidParameterCombination", Kind::BadRequest),
    ("MissingParameter", Kind::BadRequest),
];

/// Client VPN.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::ClientVpn::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
