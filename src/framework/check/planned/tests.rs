use super::*;
use crate::framework::{Mode, Type};

fn text(mode: Mode) -> Attribute {
    Attribute::plain(Type::String, mode, "")
}

fn block() -> Block {
    let inner = || {
        BTreeMap::from([
            ("set".to_owned(), text(Mode::Optional)),
            ("made".to_owned(), text(Mode::Computed)),
        ])
    };
    let nested = |nesting, mode| Attribute::new(Kind::Nested(nesting, inner()), mode, "");
    let mut secret = text(Mode::Optional);
    secret.write_only = true;
    let names = Attribute::plain(Type::Set(Box::new(Type::String)), Mode::Optional, "");
    let attributes = BTreeMap::from([
        ("name".to_owned(), text(Mode::Optional)),
        ("either".to_owned(), text(Mode::OptionalComputed)),
        ("secret".to_owned(), secret),
        ("names".to_owned(), names),
        ("one".to_owned(), nested(Nesting::Single, Mode::Optional)),
        ("many".to_owned(), nested(Nesting::List, Mode::Optional)),
        ("keyed".to_owned(), nested(Nesting::Map, Mode::Optional)),
        ("bag".to_owned(), nested(Nesting::Set, Mode::OptionalComputed)),
    ]);
    let nested = |nesting| {
        let block = Block { attributes: inner(), ..Block::default() };
        NestedBlock { nesting, block, min_items: 0, max_items: 0 }
    };
    let blocks = BTreeMap::from([
        ("rows".to_owned(), nested(Nesting::List)),
        ("heap".to_owned(), nested(Nesting::Set)),
    ]);
    Block { description: String::new(), attributes, blocks }
}

fn object(fields: &[(&str, Value)]) -> Object {
    let all = block();
    let nulls = all.attributes.keys().map(|name| (name.clone(), Value::Null));
    let empty = all.blocks.keys().map(|name| (name.clone(), Value::List(Vec::new())));
    let given = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    nulls.chain(empty).chain(given).collect()
}

fn inner(set: Value, made: Value) -> Value {
    Value::Object(Object::from([("set".to_owned(), set), ("made".to_owned(), made)]))
}

fn list(items: &[Value]) -> Value {
    Value::List(items.to_vec())
}

fn faults(name: &str, prior: Option<Value>, config: Value, planned: Value) -> String {
    let of = |value| object(&[(name, value)]);
    let prior = prior.map(of);
    planned_mismatches(&block(), prior.as_ref(), &of(config), &of(planned))
        .into_iter()
        .map(|(path, rule)| format!("{path}: {rule}"))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn plans_that_terraform_takes_have_no_mismatch() {
    let null = Value::Null;
    let unknown = Value::Unknown;
    let row = |made: &Value| inner("a".into(), made.clone());
    let key = |value| Value::Map(Object::from([("k".to_owned(), value)]));
    for (name, prior, config, planned) in [
        ("name", None, "a".into(), "a".into()),
        ("name", Some("A".into()), "a".into(), "A".into()),
        ("name", None, unknown.clone(), unknown.clone()),
        ("either", None, null.clone(), unknown.clone()),
        ("either", None, null.clone(), "made".into()),
        ("secret", None, "s".into(), null.clone()),
        ("names", None, list(&["a".into(), "b".into()]), list(&["b".into(), "a".into()])),
        ("one", None, row(&null), row(&unknown)),
        ("one", Some(row(&"m".into())), unknown.clone(), row(&"m".into())),
        ("many", None, list(&[row(&null)]), list(&[row(&"made".into())])),
        ("keyed", None, key(row(&null)), key(row(&unknown))),
        ("many", None, unknown.clone(), unknown.clone()),
        ("bag", None, null.clone(), list(&[row(&null), row(&unknown)])),
        ("rows", None, list(&[row(&null)]), list(&[row(&unknown)])),
        ("rows", None, unknown.clone(), unknown.clone()),
        ("heap", None, list(&[row(&null)]), list(&[row(&unknown)])),
    ] {
        assert_eq!(faults(name, prior, config, planned), "", "{name}");
    }
}

#[test]
fn plans_that_terraform_refuses_are_named_with_place_and_rule() {
    let null = Value::Null;
    let unknown = Value::Unknown;
    let row = |set: &str, made: &Value| inner(set.into(), made.clone());
    let key = |key: &str, value| Value::Map(Object::from([(key.to_owned(), value)]));
    for (name, prior, config, planned, expected) in [
        ("name", None, "a".into(), "b".into(), "name: the planned value is neither"),
        ("name", Some("c".into()), "a".into(), "b".into(), "name: the planned value is neither"),
        ("name", None, "a".into(), unknown.clone(), "name: the planned value is neither"),
        ("name", None, unknown.clone(), "a".into(), "name: the planned value is neither"),
        ("name", None, null.clone(), "a".into(), "name: planned a value for an attribute"),
        ("secret", None, "s".into(), "s".into(), "secret: a write-only attribute"),
        ("one", None, row("a", &null), row("b", &null), "one.set: the planned value"),
        ("one", None, row("a", &null), null.clone(), "one: planned for absence"),
        ("one", None, row("a", &null), unknown.clone(), "one: planned unknown"),
        ("one", None, unknown.clone(), row("a", &null), "one: planned known"),
        ("many", None, list(&[row("a", &null)]), list(&[]), "many: other elements"),
        ("many", None, list(&[row("a", &null)]), list(&[row("b", &null)]), "many[0].set: the"),
        ("keyed", None, key("k", row("a", &null)), key("l", row("a", &null)), "keyed: other"),
        ("bag", None, list(&[row("a", &null)]), list(&[]), "bag: another number"),
        ("rows", None, list(&[row("a", &null)]), list(&[]), "rows: other elements"),
        ("rows", None, list(&[]), null.clone(), "rows: no blocks are an empty"),
        ("rows", None, list(&[]), unknown.clone(), "rows: a block must not be unknown"),
        ("rows", None, unknown.clone(), list(&[]), "rows: a block of unknown number"),
        ("rows", None, list(&[row("a", &null)]), list(&[row("b", &null)]), "rows[0].set: the"),
        ("heap", None, list(&[row("a", &null)]), list(&[row("b", &null)]), "heap: a planned"),
        ("heap", None, list(&[row("a", &null)]), list(&[]), "heap: a block of the config"),
    ] {
        let found = faults(name, prior, config, planned);
        assert!(found.starts_with(expected), "{expected}: {found}");
    }
}
