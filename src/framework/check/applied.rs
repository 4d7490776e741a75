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
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::framework::Mode;

    fn block() -> Block {
        let plain = |kind| Attribute::plain(kind, Mode::OptionalComputed, "");
        let set = || Type::Set(Box::new(Type::String));
        let mut secret = Attribute::plain(Type::String, Mode::Optional, "");
        secret.write_only = true;
        let attributes = BTreeMap::from([
            ("text".to_owned(), plain(Type::String)),
            ("any".to_owned(), plain(Type::Dynamic)),
            ("set".to_owned(), plain(set())),
            ("map".to_owned(), plain(Type::Map(Box::new(set())))),
            ("secret".to_owned(), secret),
        ]);
        let nested = |nesting| {
            let attributes = BTreeMap::from([("text".to_owned(), plain(Type::String))]);
            let block = Block { attributes, ..Block::default() };
            NestedBlock { nesting, block, min_items: 0, max_items: 0 }
        };
        let blocks = BTreeMap::from([
            ("rows".to_owned(), nested(Nesting::List)),
            ("heap".to_owned(), nested(Nesting::Set)),
        ]);
        Block { description: String::new(), attributes, blocks }
    }

    fn faults(name: &str, planned: Value, applied: Value) -> String {
        let object = |value| Object::from([(name.to_owned(), value)]);
        applied_mismatches(&block(), &object(planned), &object(applied))
            .into_iter()
            .map(|(path, rule)| format!("{path}: {rule}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    fn list(items: &[Value]) -> Value {
        Value::List(items.to_vec())
    }

    fn map(key: &str, value: Value) -> Value {
        Value::Map(Object::from([(key.to_owned(), value)]))
    }

    fn row(text: Value) -> Value {
        Value::Object(Object::from([("text".to_owned(), text)]))
    }

    fn any(text: &str) -> Value {
        Value::Dynamic(Box::new((Type::String, text.into())))
    }

    #[test]
    fn what_was_unknown_may_become_anything_and_the_rest_must_stay() {
        let unknown = || Value::Unknown;
        for (name, planned, applied) in [
            ("text", unknown(), "a".into()),
            ("text", unknown(), Value::Null),
            ("text", "a".into(), "a".into()),
            ("any", any("a"), any("a")),
            ("set", list(&["a".into(), "b".into()]), list(&["b".into(), "a".into()])),
            ("set", list(&["a".into(), unknown()]), list(&["a".into()])),
            ("map", map("k", list(&[unknown()])), map("k", list(&["a".into()]))),
            ("rows", list(&[row(unknown())]), list(&[row("a".into())])),
            ("rows", unknown(), list(&[row("a".into())])),
            ("heap", list(&[row(unknown())]), list(&[row("a".into())])),
        ] {
            assert_eq!(faults(name, planned, applied), "", "{name}");
        }
    }

    #[test]
    fn a_broken_promise_is_named_with_its_place() {
        let (null, unknown) = (|| Value::Null, || Value::Unknown);
        for (name, planned, applied, expected) in [
            ("text", "a".into(), "b".into(), "text: has another value"),
            ("text", "a".into(), null(), "text: was set"),
            ("text", null(), "a".into(), "text: was null"),
            ("text", unknown(), unknown(), "text: is still unknown"),
            ("secret", null(), "s".into(), "secret: a write-only"),
            (
                "any",
                any("a"),
                Value::Dynamic(Box::new((Type::Bool, true.into()))),
                "any: has another type",
            ),
            ("set", list(&[unknown()]), list(&["a".into(), "b".into()]), "set: the set has grown"),
            ("set", list(&["a".into()]), list(&["b".into()]), "set: a planned element"),
            (
                "set",
                list(&["a".into()]),
                list(&["a".into(), "b".into()]),
                "set: an element is there",
            ),
            ("map", map("k", null()), map("l", null()), "map: has other elements"),
            ("map", map("k", list(&["a".into()])), map("k", null()), "map[\"k\"]: was set"),
            ("rows", list(&[row("a".into())]), list(&[]), "rows: has other elements"),
            (
                "rows",
                list(&[row("a".into())]),
                list(&[row("b".into())]),
                "rows[0].text: has another",
            ),
            ("heap", list(&[row("a".into())]), list(&[row("b".into())]), "heap: a planned element"),
        ] {
            let found = faults(name, planned, applied);
            assert!(found.starts_with(expected), "{expected}: {found}");
        }
    }
}
