//! Alibaba Cloud DAS for Redis: client sessions of Tair and ApsaraDB for Redis instances.
//!
//! Kill call: <https://www.alibabacloud.com/help/en/das/developer-reference/api-das-2020-01-16-killinstanceallsession>.
//! It knows no single sessions. List call:
//! <https://www.alibabacloud.com/help/en/das/developer-reference/api-das-2020-01-16-getredisallsession>.
//! Both may be answered with status 200 although they failed: what counts is `Success` and `Code`
//! in the body, and their types differ between pages and SDKs.

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
    name: "alicloud_das_redis",
    platform: "alicloud",
    product: "das",
    title: "Alibaba Cloud DAS for Redis",
    session: "client session",
    about: "A client session is a connection of a client to a Tair or ApsaraDB for Redis instance, \
            as Database Autonomy Service lists it. Sessions that clients of a cluster made past \
            the proxies, in direct connection mode, are not listed.",
    ending: "The API cannot end single sessions: it ends all of the instance or nothing. A client \
             whose session was ended can connect again at once.",
    warning: None,
    regional: false,
    answers_itself: false,
    inputs: &[Input {
        name: "instance_id",
        shape: Shape::Text,
        required: true,
        description: "The id of the Redis instance, in any region.",
    }],
    one_of: &[],
    width: None,
    normal: as_written,
    session_id: "the list's `NodeId` and `Id`, like `r-****-proxy-0#16/7201`, since every proxy \
                 counts its own clients. Where the list gives no `NodeId`, the client's address \
                 stands for it, and where that leaves two alike, the second has `~2` at its end.",
    is_id: ids::opaque,
    ids_again: Some("A proxy that starts again counts its clients from the beginning."),
    columns: &[
        client_list::CLIENT_ADDRESS,
        client_list::DATABASE,
        client_list::COMMAND,
        client_list::NAME,
        client_list::AGE,
        client_list::IDLE,
        Column {
            name: "node",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The proxy or data node that the client is connected to.",
        },
        Column {
            name: "alias",
            unit: Unit::Text,
            role: Role::Shown,
            description: "What DAS calls the client's address, if it was given a name there.",
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
    limits: Limits { batch: 0, everyone: Everyone::Target },
    permissions: Permissions {
        list: &[Action::of("hdm:GetRedisAllSession")],
        terminate: &[Action::of("hdm:KillInstanceAllSession")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("instance_id", "alicloud_kvstore_instance.cache.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: None,
        protect: ("client_cidrs", "[\"10.0.9.10/32\"]"),
    },
    documentation: "https://www.alibabacloud.com/help/en/das/developer-reference/api-das-2020-01-16-killinstanceallsession",
};

/// Error codes of the two calls' pages. They come as the code of a status, or in the body of a 200.
const CODES: &[(&str, Kind)] =
    &[("InvalidParams", Kind::BadRequest), ("NoPermission", Kind::Permission)];

/// DAS for Redis.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::Das::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
