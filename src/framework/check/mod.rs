//! The rules that Terraform holds a provider to, so that a broken face fails in our own tests.
//!
//! They follow Terraform's `internal/plans/objchange` (`AssertPlanValid` and
//! `AssertObjectCompatible`) and `internal/configs/configschema` (`InternalValidate`). Messages
//! never tell a value: it may be a secret.

mod applied;
mod planned;
mod schema;
mod sets;

pub use applied::applied_mismatches;
pub use planned::planned_mismatches;
pub use schema::schema_faults;
pub(super) use sets::same;

use super::{Path, Step, Value};

/// Broken rules with their places.
type Mismatches = Vec<(Path, String)>;

/// An absent value.
static NULL: Value = Value::Null;

/// A field of an object; null of anything else, and where there is no such field.
fn field<'v>(value: &'v Value, name: &str) -> &'v Value {
    value.as_object().and_then(|fields| fields.get(name)).unwrap_or(&NULL)
}

/// The elements of a list or map with their steps. Nothing of anything else.
fn elements(value: &Value) -> Vec<(Step, &Value)> {
    match value {
        Value::List(items) => (0..).map(Step::Index).zip(items).collect(),
        Value::Map(items) => {
            items.iter().map(|(key, item)| (Step::Key(key.clone()), item)).collect()
        }
        Value::Object(items) => {
            items.iter().map(|(name, item)| (Step::Attribute(name.clone()), item)).collect()
        }
        Value::Null
        | Value::Unknown
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Dynamic(_) => Vec::new(),
    }
}

/// The element at a step; None if there is none.
fn element<'v>(value: &'v Value, step: &Step) -> Option<&'v Value> {
    match (value, step) {
        (Value::List(items), Step::Index(at)) => items.get(usize::try_from(*at).ok()?),
        (Value::Map(items), Step::Key(key)) => items.get(key),
        (Value::Object(items), Step::Attribute(name)) => items.get(name),
        _ => None,
    }
}
