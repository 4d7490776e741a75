//! Whether an apply keeps the promise of its plan: Terraform's `AssertObjectCompatible`.

use super::sets::{Side, correlate};
use super::{Mismatches, element, elements, field};
use crate::framework::{
    Attribute, Block, Kind, NestedBlock, Nesting, Object, Path, Step, Type, Value,
};

/// Where an applied object breaks the promise of its plan. Empty if nowhere.
///
/// What was known must be what it is; what was unknown may be anything known; a set may shrink,
/// since elements can turn out equal, but never grow.
pub fn applied_mismatches(
    block: &Block,
    planned: &Object,
    applied: &Object,
) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    let (planned, applied) = (Value::Object(planned.clone()), Value::Object(applied.clone()));
    check_block(&mut found, block, &planned, &applied, &Path::default());
    found
}

fn check_block(
    found: &mut Mismatches,
    block: &Block,
    planned: &Value,
    applied: &Value,
    path: &Path,
) {
    match (planned, applied) {
        (Value::Null, Value::Null) => return,
        (Value::Null, _) => return add(found, path, "was absent in the plan, is now present"),
        (_, Value::Null) => return add(found, path, "was present in the plan, is now absent"),
        _ => {}
    }
    for (name, attribute) in &block.attributes {
        let (planned, applied) = (field(planned, name), field(applied, name));
        check_attribute(found, attribute, planned, applied, &path.attribute(name));
    }
    for (name, nested) in &block.blocks {
        let (planned, applied) = (field(planned, name), field(applied, name));
        check_nested_block(found, nested, planned, applied, &path.attribute(name));
    }
}

fn check_attribute(
    found: &mut Mismatches,
    attribute: &Attribute,
    planned: &Value,
    applied: &Value,
    path: &Path,
) {
    if has_write_only_value(attribute, applied) {
        return add(found, path, "a write-only attribute must be null in the state");
    }
    if !applied.is_wholly_known() {
        return add(found, path, "is still unknown after the apply");
    }
    check_value(found, &attribute.value_type(), planned, applied, path);
}

/// Whether a write-only attribute, at any depth, holds a value.
fn has_write_only_value(attribute: &Attribute, value: &Value) -> bool {
    if attribute.write_only {
        return *value != Value::Null;
    }
    let Kind::Nested(nesting, inner) = &attribute.kind else { return false };
    let inside = |object: &Value| {
        inner.iter().any(|(name, one)| has_write_only_value(one, field(object, name)))
    };
    match nesting {
        Nesting::Single => inside(value),
        Nesting::List | Nesting::Set | Nesting::Map => {
            elements(value).into_iter().any(|(_, object)| inside(object))
        }
    }
}

fn check_nested_block(
    found: &mut Mismatches,
    nested: &NestedBlock,
    planned: &Value,
    applied: &Value,
    path: &Path,
) {
    if *planned == Value::Unknown {
        return;
    }
    if nested.nesting == Nesting::Single {
        return check_block(found, &nested.block, planned, applied, path);
    }
    if !planned.is_known() || !applied.is_known() {
        return;
    }
    if let (Nesting::Set, Value::List(planned), Value::List(applied)) =
        (nested.nesting, planned, applied)
    {
        let fit = |planned: &Value, applied: &Value| {
            let mut inner = Vec::new();
            check_block(&mut inner, &nested.block, planned, applied, path);
            inner.is_empty()
        };
        return check_set(found, planned, applied, fit, path);
    }
    if same_keys(found, planned, applied, path) {
        for (step, one) in elements(planned) {
            if let Some(other) = element(applied, &step) {
                check_block(found, &nested.block, one, other, &path.then(step));
            }
        }
    }
}

fn check_value(found: &mut Mismatches, kind: &Type, planned: &Value, applied: &Value, path: &Path) {
    match (planned, applied) {
        (Value::Unknown, _) | (Value::Null, Value::Null) => return,
        (Value::Null, _) => return add(found, path, "was null in the plan, is now set"),
        (_, Value::Null) => return add(found, path, "was set in the plan, is now null"),
        (_, Value::Unknown) => return add(found, path, "was known in the plan, is now unknown"),
        _ => {}
    }
    match (kind, planned, applied) {
        (Type::Set(inner), Value::List(planned), Value::List(applied)) => {
            let fit = |planned: &Value, applied: &Value| {
                let mut faults = Vec::new();
                check_value(&mut faults, inner, planned, applied, path);
                faults.is_empty()
            };
            check_set(found, planned, applied, fit, path);
        }
        (Type::Dynamic, Value::Dynamic(planned), Value::Dynamic(applied)) => {
            if planned.0 != applied.0 {
                return add(found, path, "has another type than in the plan");
            }
            check_value(found, &planned.0, &planned.1, &applied.1, path);
        }
        (Type::List(_) | Type::Map(_) | Type::Object(_) | Type::Tuple(_), _, _) => {
            check_elements(found, kind, planned, applied, path);
        }
        _ if planned != applied => add(found, path, "has another value than in the plan"),
        _ => {}
    }
}

fn check_elements(
    found: &mut Mismatches,
    kind: &Type,
    planned: &Value,
    applied: &Value,
    path: &Path,
) {
    if !same_keys(found, planned, applied, path) {
        return;
    }
    for (position, (step, one)) in elements(planned).into_iter().enumerate() {
        let inner = inner_type(kind, position, &step);
        if let (Some(other), Some(inner)) = (element(applied, &step), inner) {
            check_value(found, inner, one, other, &path.then(step));
        }
    }
}

/// The type of an element of a collection.
fn inner_type<'t>(kind: &'t Type, position: usize, step: &Step) -> Option<&'t Type> {
    match (kind, step) {
        (Type::List(inner) | Type::Map(inner), _) => Some(inner),
        (Type::Tuple(kinds), _) => kinds.get(position),
        (Type::Object(fields), Step::Attribute(name)) => fields.get(name),
        _ => None,
    }
}

fn check_set(
    found: &mut Mismatches,
    planned: &[Value],
    applied: &[Value],
    fit: impl Fn(&Value, &Value) -> bool,
    path: &Path,
) {
    match correlate(planned, applied, fit) {
        Some(Side::Left) => add(found, path, "a planned element is not there"),
        Some(Side::Right) => add(found, path, "an element is there that was not planned"),
        None if applied.len() > planned.len() => add(found, path, "the set has grown"),
        None => {}
    }
}

fn same_keys(found: &mut Mismatches, planned: &Value, applied: &Value, path: &Path) -> bool {
    let steps = |value| elements(value).into_iter().map(|(step, _)| step).collect::<Vec<_>>();
    let agree = steps(planned) == steps(applied);
    if !agree {
        add(found, path, "has other elements than in the plan");
    }
    agree
}

fn add(found: &mut Mismatches, path: &Path, rule: &str) {
    found.push((path.clone(), rule.to_owned()));
}

#[cfg(test)]
mod tests;
