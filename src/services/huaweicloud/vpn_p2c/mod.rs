//! Huawei Cloud VPN: people's connections to P2C (point to client) gateways.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-vpn/vpn_api_0146.html>, one connection at a
//! time. A gateway's connections are listed as they are at that moment; limits and shapes are those of
//! the vendor's OpenAPI files of both and of the gateway's details.

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
    name: "huaweicloud_vpn_p2c",
    platform: "huaweicloud",
    product: "vpn",
    title: "Huawei Cloud P2C VPN",
    session: "VPN connection",
    about: "A VPN connection is one of a person's device to a P2C (point to client) VPN gateway, by the \
            certificate or the user that it logged in with.",
    ending: "The API disconnects one connection at a time. **Client software may connect again by itself \
             within seconds**: to keep somebody out, take away the user or the certificate first, and let \
             this block depend on that.",
    warning: None,
    regional: true,
    answers_itself: false,
    inputs: &[Input {
        shape: Shape::Text,
        name: "p2c_vgw_id",
        required: true,
        description: "The id of the P2C VPN gateway.",
    }],
    one_of: &[],
    width: None,
    normal: as_written,
    session_id: "the connection's id as the gateway lists it, a UUID; the next connection has another.",
    is_id: ids::opaque,
    ids_again: None,
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address on the internet, without a port.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user who is logged in, or the name in the certificate.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the connection was established.",
        },
        Column {
            name: "virtual_address",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The client's address inside the VPN.",
        },
        Column {
            name: "established_at",
            unit: Unit::Text,
            role: Role::Shown,
            description: "When the connection was established, as the cloud tells it.",
        },
        Column {
            name: "inbound_bytes",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Bytes that came from the client.",
        },
        Column {
            name: "outbound_bytes",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Bytes that went to the client.",
        },
    ],
    limits: Limits { batch: 1, everyone: Everyone::Never },
    // `x-huawei-security` of the three calls in the vendor's OpenAPI files, the same in both kinds of
    // policy (https://support.huaweicloud.com/intl/en-us/api-vpn/vpn_api_0120.html).
    permissions: Permissions {
        list: &[
            Action::of("vpn:p2cVpnGateway:get"),
            Action::of("vpn:p2cVpnGateway:listConnections"),
        ],
        terminate: &[Action::of("vpn:p2cVpnGateway:disconnectConnection")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("p2c_vgw_id", "huaweicloud_vpn_server.staff.p2c_vgw_id")],
        criterion: ("min_age", "\"12h\""),
        old_login: Some(("users", "[\"contractor\"]")),
        protect: ("users", "[\"oncall\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-vpn/vpn_api_0146.html",
};

/// "Error Codes" of the API reference
/// (<https://support.huaweicloud.com/intl/en-us/api-vpn/vpn_api_0067.html>).
const CODES: &[(&str, Kind)] = &[
    // Invalid request.
    ("VPN.0001", Kind::BadRequest),
    ("VPN.0002", Kind::Unavailable),
    ("VPN.0003", Kind::Permission),
    // Not found: what is in the path, so of a list the gateway.
    ("VPN.0004", Kind::TargetGone),
    // Busy; the same is being done already. Both come as 400.
    ("VPN.0030", Kind::Busy),
    ("VPN.0031", Kind::Busy),
];

/// P2C VPN.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::VpnP2c::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
