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
        ("set", list(&["a".into()]), list(&["a".into(), "b".into()]), "set: an element is there"),
        ("map", map("k", null()), map("l", null()), "map: has other elements"),
        ("map", map("k", list(&["a".into()])), map("k", null()), "map[\"k\"]: was set"),
        ("rows", list(&[row("a".into())]), list(&[]), "rows: has other elements"),
        ("rows", list(&[row("a".into())]), list(&[row("b".into())]), "rows[0].text: has another"),
        ("heap", list(&[row("a".into())]), list(&[row("b".into())]), "heap: a planned element"),
    ] {
        let found = faults(name, planned, applied);
        assert!(found.starts_with(expected), "{expected}: {found}");
    }
}
