//! Huawei Cloud DDM (Distributed Database Middleware): applications' sessions on instances.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-ddm/ddm_api_01_0096.html>, for chosen
//! logical sessions of an instance; it is answered before they have ended. An instance's sessions are
//! listed as they are at that moment
//! (<https://support.huaweicloud.com/intl/en-us/api-ddm/ddm_api_01_0098.html>). Limits and shapes are
//! those of these pages and of the vendor's OpenAPI files. Physical sessions, DDM's own on the RDS
//! instances behind it, have other calls, and are not served.

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
    name: "huaweicloud_ddm",
    platform: "huaweicloud",
    product: "ddm",
    title: "Huawei Cloud DDM",
    session: "logical session",
    about: "A logical session is a connection of an application to a DDM instance (Distributed Database \
            Middleware), on whichever of its nodes, idle or not. Sessions of the cloud's own agents are \
            left out and counted. Physical sessions, which DDM itself has with the RDS instances behind \
            it, are not served. The vendor's pages name no action for the calls of sessions: the \
            policies below are as wide as its own `DDM FullAccess`; a refusal names the action to \
            narrow them to.",
    ending: "The API takes chosen sessions by id, and ends them a little later: the run looks until they \
             are gone. A client whose session was ended can connect again at once.",
    warning: None,
    regional: true,
    answers_itself: false,
    inputs: &[Input {
        name: "instance_id",
        shape: Shape::Text,
        required: true,
        description: "The id of the DDM instance.",
    }],
    one_of: &[],
    width: None,
    normal: as_written,
    session_id: "the session's id as the instance lists it, like `4564224`. An instance that restarts \
                 counts from the beginning, and the list has nothing else to tell two sessions apart.",
    is_id: ids::number,
    ids_again: Some("An instance that restarts counts from the beginning."),
    columns: processes::COLUMNS,
    // "1 to 100" of the kill call.
    limits: Limits { batch: 100, everyone: Everyone::Never },
    // The look-up's is in https://support.huaweicloud.com/intl/en-us/api-ddm/ddm_api_01_0052.html; those
    // of the calls of sessions are on no page.
    permissions: Permissions {
        list: &[
            Action::of("ddm:instance:get"),
            Action::of("ddm:*:get*"),
            Action::of("ddm:*:list*"),
        ],
        terminate: &[Action::of("ddm:*:*")],
    },
    codes: DBS_CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_ddm_instance.orders.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-ddm/ddm_api_01_0096.html",
};

/// DDM.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Http(|client, target| Box::new(api::Ddm::new(client, target))),
    #[cfg(feature = "sandbox")]
    sandbox: Some(Scene {
        scenery: simulator::scenery,
        simulator: |stage| Box::new(simulator::Server::new(stage)),
    }),
};
