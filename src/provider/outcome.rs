//! A run's report as Terraform values: `last_run`, and lists of sessions.

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::engine::{Fate, Report, Victim};
use crate::framework::{Number, Object, Value};
use crate::services::{Field, Session, Spec};
use crate::wire::printable::clean;

/// Most ids of one list in the state: a core's plan takes time that grows with the square of a
/// list. The counts are exact, and the audit log is complete.
const MOST_IDS: usize = 100;

/// The lists of `last_run`.
const LISTS: [&str; 3] = ["terminated_ids", "survived_ids", "request_ids"];

/// The `last_run` object.
pub(super) fn last_run(report: &Report, reason: &str, at: SystemTime) -> Value {
    let id = |victim: &Victim| Value::from(victim.session.id.0.as_str());
    let terminated = report.victims.iter().filter(|victim| victim.fate == Fate::Terminated);
    let count = |count: usize| Value::from(i64::try_from(count).unwrap_or(i64::MAX));
    let fields = [
        ("at", Value::from(rfc3339(at))),
        ("reason", Value::from(reason)),
        ("selected", count(report.selected())),
        ("terminated", count(report.terminated())),
        ("already_gone", count(report.already_gone())),
        ("drained", count(report.drained())),
        ("spared", count(report.spared())),
        ("protected", count(report.protected.len())),
        ("survived", count(report.survived())),
        (
            "reconnected",
            Value::Number(Number::from(i64::try_from(report.reconnected).unwrap_or(i64::MAX))),
        ),
        ("dry_run", Value::from(report.dry_run)),
        ("terminated_ids", Value::List(terminated.map(id).take(MOST_IDS).collect())),
        ("survived_ids", Value::List(report.survivors().map(id).take(MOST_IDS).collect())),
        (
            "request_ids",
            Value::List(
                report
                    .request_ids
                    .iter()
                    .take(MOST_IDS)
                    .map(|id| Value::from(id.as_str()))
                    .collect(),
            ),
        ),
    ];
    Value::Object(fields.map(|(name, value)| (name.to_owned(), value)).into())
}

/// A stored state with the lists of `last_run` as long as this version writes them.
pub(super) fn bounded(mut state: Object) -> Object {
    if let Some(Value::Object(last_run)) = state.get_mut("last_run") {
        for list in LISTS {
            if let Some(Value::List(ids)) = last_run.get_mut(list) {
                ids.truncate(MOST_IDS);
            }
        }
    }
    state
}

/// Whether the run asked for anybody's end, or knows of one who cannot be ended.
pub(super) fn asked(report: &Report) -> bool {
    report.victims.iter().any(|victim| victim.fate != Fate::Untouched)
}

/// How many were selected and not touched because it was a dry run.
pub(super) fn spared(report: &Report) -> usize {
    let untouched = report.victims.iter().filter(|victim| victim.fate == Fate::Untouched);
    if report.dry_run { untouched.count() } else { 0 }
}

/// The `sessions` list: every column of the service, null where the cloud said nothing.
pub(super) fn sessions<'a>(spec: &Spec, sessions: impl Iterator<Item = &'a Session>) -> Value {
    Value::List(sessions.map(|session| Value::Object(row(spec, session))).collect())
}

fn row(spec: &Spec, session: &Session) -> Object {
    let columns = spec.columns.iter().map(|column| {
        let value = match session.fields.get(column.name) {
            // A core prints raw what clients choose.
            Some(Field::Text(text)) => Value::from(clean(text).as_str()),
            Some(Field::Integer(number)) => Value::from(*number),
            Some(Field::Bool(truth)) => Value::from(*truth),
            None => Value::Null,
        };
        (column.name.to_owned(), value)
    });
    let mut row: Object = columns.collect();
    row.insert("id".into(), Value::from(session.id.0.as_str()));
    let node = Some(session.node.as_str()).filter(|node| !node.is_empty());
    row.insert("node_id".into(), Value::text_or_null(node));
    row
}

/// RFC 3339 in UTC, whole seconds.
fn rfc3339(at: SystemTime) -> String {
    let at = OffsetDateTime::from(at);
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).expect("years of a system clock have four digits")
}
