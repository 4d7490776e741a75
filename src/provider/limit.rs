//! How long a run may take, wherever a face keeps that.

use std::time::Duration;

use super::fields::Fields;
use crate::framework::Path;

/// How long a run may take if nothing is said.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The same for a list that a plan waits for.
const LIST_TIMEOUT: Duration = Duration::from_secs(30);

/// Where a face keeps its time limit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Timeout {
    /// The attribute `timeout`.
    Attribute,
    /// The same of a data source, which a plan waits for.
    List,
    /// One attribute of the block `timeouts`.
    Block(&'static str),
}

/// The time limit that an object gives, or the default.
pub(super) fn limit(fields: &mut Fields<'_>, timeout: Timeout) -> Duration {
    let given = match timeout {
        Timeout::Attribute | Timeout::List => fields.duration("timeout"),
        Timeout::Block(operation) => fields.inside("timeouts", |block| {
            for other in ["create", "update", "delete"].iter().filter(|name| **name != operation) {
                limit_of(block, other);
            }
            limit_of(block, operation)
        }),
    };
    let default = match timeout {
        Timeout::List => LIST_TIMEOUT,
        Timeout::Attribute | Timeout::Block(_) => DEFAULT_TIMEOUT,
    };
    if given == Some(Duration::ZERO) && !matches!(timeout, Timeout::Block(_)) {
        fields.wrong(&Path::root("timeout"), "must be greater than zero".to_owned());
    }
    given.unwrap_or(default)
}

fn limit_of(block: &mut Fields<'_>, operation: &str) -> Option<Duration> {
    let given = block.duration(operation)?;
    if given.is_zero() {
        let at = block.path(operation);
        block.wrong(&at, "must be greater than zero".to_owned());
    }
    Some(given)
}
