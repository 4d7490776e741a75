//! What "terminate sessions" means, for every service alike.
//!
//! [`survey`] lists and selects; [`terminate`] surveys, guards, kills, verifies and reports. The
//! engine reaches the world only through [`Sessions`](crate::services::Sessions), an [`Audit`] and
//! tokio's timer.

mod audit;
mod pace;
mod report;
mod request;
mod select;

pub use audit::{Audit, AuditFile, AuditLine, NoAudit};
pub use pace::Pace;
pub use report::{Event, Fate, Halt, Observer, Report, Silent, Survey, Victim};
pub use request::{Filter, Guards, Mode, Request, Selection, Verify};

use tokio_util::sync::CancellationToken;

use crate::services::{Error, Sessions, Spec};

/// Lists the sessions of a target and says which of them `request` means. Ends nothing.
pub async fn survey(
    spec: &Spec,
    sessions: &dyn Sessions,
    request: &Request,
    pace: &Pace,
    cancel: &CancellationToken,
) -> Result<Survey, Error> {
    let _ = (spec, sessions, request, pace, cancel);
    todo!("engine")
}

/// Ends the sessions that `request` means. Whatever happens, the report tells all of it.
pub async fn terminate(
    spec: &Spec,
    sessions: &dyn Sessions,
    request: &Request,
    pace: &Pace,
    audit: &dyn Audit,
    observer: &dyn Observer,
    cancel: &CancellationToken,
) -> Report {
    let _ = (spec, sessions, request, pace, audit, observer, cancel);
    todo!("engine")
}
