//! What the cloud answered to a call that failed, and what to do now.
//!
//! What helps depends on what Terraform is doing: who is told to apply while an environment is torn
//! down builds it anew.

use std::fmt::Write as _;

use super::table::clean;
use crate::access::{self, Error, Kind};
use crate::framework::{Diagnostic, Severity};
use crate::provider::occasion::Occasion;
use crate::services::Spec;

/// A call that failed before or outside a run: what could not be done, and the cloud's answer.
pub(in crate::provider) fn call_failed(
    summary: impl Into<String>,
    spec: &Spec,
    occasion: Occasion,
    error: &Error,
) -> Diagnostic {
    let mut detail = format!("{}\n\n{}", answer(error), advice(spec, occasion, error));
    if occasion == Occasion::Destroy {
        let _ = write!(detail, "\n\n{STAYS}");
        if may_be_an_argument(error.kind) {
            let _ = write!(detail, " {}", from_state(spec));
        }
    }
    Diagnostic { severity: Severity::Error, summary: summary.into(), detail, path: None }
}

/// An import was asked for.
pub(in crate::provider) fn no_import(type_name: &str) -> Diagnostic {
    Diagnostic {
        severity: Severity::Error,
        summary: format!("{type_name} cannot be imported"),
        detail: "It stands for runs that terminate sessions, not for an object in the cloud, so there is nothing to import. Write the block and apply it.".to_owned(),
        path: None,
    }
}

/// The answers were not a cloud's.
pub(in crate::provider) fn sandbox() -> Diagnostic {
    Diagnostic {
        severity: Severity::Warning,
        summary: "Answers come from a sandbox".to_owned(),
        detail: "The `endpoints` of the provider block lead to a sandbox: no real cloud was asked."
            .to_owned(),
        path: None,
    }
}

/// What was tried and what the cloud answered.
pub(in crate::provider) fn answer(error: &Error) -> String {
    let mut text = error.operation.to_owned();
    if let Some(request) = &error.request {
        let _ = write!(text, " ({request})");
    }
    let message = clean(&error.message);
    match (error.status, &error.code) {
        (Some(status), Some(code)) => {
            let _ = write!(text, " was answered with {status} {}: {message}", clean(code));
        }
        (Some(status), None) => {
            let _ = write!(text, " was answered with {status}: {message}");
        }
        (None, _) => {
            let _ = write!(text, ": {message}");
        }
    }
    if let Some(id) = &error.request_id {
        let _ = write!(text, " (request id {})", clean(id));
    }
    text
}

/// What to do now.
pub(in crate::provider) fn advice(spec: &Spec, occasion: Occasion, error: &Error) -> String {
    let (again, timeout) = (again(occasion), timeout(occasion));
    let platform = access::find(spec.platform);
    if let Some(advice) = platform.and_then(|platform| platform.advice(error.kind)) {
        return format!("{advice} {again}");
    }
    match error.kind {
        Kind::Throttled => format!(
            "The cloud limits how often this may be called. Lower the provider's `max_concurrency`, or raise {timeout}."
        ),
        Kind::Busy => format!(
            "The target is busy with another operation. Wait until that has ended, or raise {timeout}."
        ),
        Kind::Unavailable | Kind::NotSent | Kind::Lost => format!(
            "The cloud could not be reached or failed. Check network, proxy and `endpoints`. {again}"
        ),
        Kind::Unreachable => format!(
            "Nobody says that the target is gone: a firewall or a stopped server looks the same. Check the target's arguments, and the network between this machine and it. {again}"
        ),
        Kind::Ambiguous | Kind::SessionGone => format!("The sessions changed meanwhile. {again}"),
        Kind::TargetGone => {
            "The instance or node does not exist. Check the ids and the region.".to_owned()
        }
        Kind::Credentials => {
            "The cloud refused the credentials. Check key, secret, token and this machine's clock. Nothing was repeated, because a cloud may lock a key that fails repeatedly.".to_owned()
        }
        Kind::Permission => format!(
            "The credentials are valid but lack a permission. This type needs {}; its page has a ready policy.",
            needed(spec)
        ),
        Kind::Unsupported => {
            "This operation is not available for this instance, edition or region.".to_owned()
        }
        Kind::BadRequest => {
            "The cloud rejected a parameter. Check the ids and the region.".to_owned()
        }
        Kind::Malformed => format!(
            "The answer is not what the vendor documents. {again} If it comes back, please report it with the request id."
        ),
        Kind::Configuration => {
            format!("Correct the region, the provider block or the environment. {again}")
        }
        Kind::JobFailed => format!(
            "The cloud accepted the work and gave it up. {again} If it stays so, give the request id to its support."
        ),
        Kind::Refused => {
            "The cloud refused the request; see its code and message above. If they do not help, give the request id to its support.".to_owned()
        }
    }
}

/// How to try again. A destroy may be the first half of a replacement, in an apply.
pub(super) fn again(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Apply | Occasion::Ephemeral => "Apply again.",
        Occasion::Destroy | Occasion::Plan => "Run the same command again.",
        Occasion::Invoke => {
            "Apply again if it was to act before a change; otherwise invoke it by hand, with `terraform apply -invoke=ADDRESS` and the action's address."
        }
    }
}

/// The argument that says how long it may take.
pub(super) fn timeout(occasion: Occasion) -> &'static str {
    match occasion {
        Occasion::Apply => "`timeouts`",
        Occasion::Destroy => "`timeouts.delete`",
        Occasion::Ephemeral | Occasion::Invoke => "`timeout`",
        Occasion::Plan => "the timeout",
    }
}

/// What an error at a destroy means for everything else.
pub(super) const STAYS: &str =
    "The resource stays in the state, so nothing that it depends on was destroyed.";

/// How a changed argument comes to a destroy, which does not read the configuration.
pub(super) fn from_state(spec: &Spec) -> String {
    format!(
        "A destroy reads the arguments of `session_termination_{}` from the state: after changing one, run `terraform apply -target=ADDRESS` with the termination's address (a plain apply would re-create what is already destroyed), then the same command again.",
        spec.name
    )
}

/// Whether a failure of this kind can be mended by another argument of the block.
pub(super) fn may_be_an_argument(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Throttled | Kind::Busy | Kind::TargetGone | Kind::BadRequest | Kind::Unreachable
    )
}

fn needed(spec: &Spec) -> String {
    let all = spec.permissions.list.iter().chain(spec.permissions.terminate);
    let names = all.filter_map(|action| action.name).map(|name| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}
