//! A failed call, classified by the service that made it.
//!
//! The type is the cloud's: a service only corrects the kind by its table of codes
//! ([`Error::classified`]).

pub use crate::access::{Error, Kind};

/// What a kill answers that names a session which has just ended is not documented. A complaint
/// about parameters in general, or a code that `known` does not explain, may be just that.
pub(in crate::services) fn perhaps_gone(
    error: Error,
    known: &[(&str, Kind)],
    general: &[&str],
) -> Error {
    let code = error.code.as_deref().unwrap_or_default();
    let explained = known.iter().any(|(known, _)| *known == code) && !general.contains(&code);
    // Not a login that failed before the kill.
    let complaint = error.status == Some(400) && error.kind == Kind::BadRequest;
    if complaint && !explained {
        return Error { kind: Kind::Ambiguous, ..error };
    }
    error
}
