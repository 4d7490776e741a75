//! What users read, word for word.

mod failures;
mod results;

use super::*;
use crate::access::Kind;
use crate::engine::{Comer, Event, Victim};
use crate::services::{self, Criterion, Field, SessionId};

/// What a destroy says about its own resource.
const STAYS: &str = "The resource stays in the state, so nothing that it depends on was destroyed.";

/// How a changed argument comes to it.
const FROM_STATE: &str = "A destroy reads the arguments of `session_termination_huaweicloud_dcs` from the state: after changing one, run `terraform apply -target=ADDRESS` with the termination's address (a plain apply would re-create what is already destroyed), then the same command again.";

fn spec() -> &'static Spec {
    let mut specs = services::ALL.iter().map(|service| service.spec);
    specs.find(|spec| spec.name == "huaweicloud_dcs").unwrap()
}

fn about(occasion: Occasion) -> About<'static> {
    About {
        spec: spec(),
        target: "cn-north-4/i-1",
        meaning: "all",
        seen: true,
        on_failure: OnFailure::Fail,
        on_unreachable: OnFailure::Fail,
        occasion,
    }
}

fn session(number: usize) -> Session {
    let id = format!("10.0.0.{number}:4711");
    Session {
        id: SessionId(id.clone()),
        node: "n".into(),
        fields: [
            ("client_address", Field::Text(id)),
            ("user", Field::Text("app".into())),
            ("idle_seconds", Field::Integer(90)),
        ]
        .into(),
        ..Session::default()
    }
}

fn victims(fates: &[Fate]) -> Vec<Victim> {
    let numbered = fates.iter().enumerate();
    numbered
        .map(|(number, fate)| Victim {
            session: session(number + 1).into(),
            fate: fate.clone(),
            request_id: None,
        })
        .collect()
}

fn refused() -> Error {
    Error {
        request: Some(
            "POST https://dcs.cn-north-4.myhuaweicloud.com/v2/p/instances/i-1/clients/kill".into(),
        ),
        status: Some(403),
        code: Some("DCS.2003".into()),
        request_id: Some("r-77".into()),
        ..Error::new(Kind::Permission, "HangUpClients", "No permission.")
    }
}

/// Severity, summary and detail as a person reads them.
fn check(occasion: Occasion, given: Report, expected: &str) {
    check_about(about(occasion), given, expected);
}

fn check_about(about: About<'_>, given: Report, expected: &str) {
    let messages: Vec<String> = report(about, &given)
        .0
        .iter()
        .map(|one| format!("{:?}: {}\n{}", one.severity, one.summary, one.detail))
        .collect();
    let shown = messages.join("\n---\n");
    assert_eq!(shown, expected, "\n{shown}\n");
}
