//! Write-only attributes: found in a configuration, removed from everything that is kept.

use std::collections::BTreeMap;

use super::{Attribute, Block, Kind, Nesting, Object, Path, Step, Value};

/// Makes every write-only attribute null, at any depth.
pub fn clear_write_only(block: &Block, object: &mut Object) {
    visit_block(block, object, &Path::default(), &mut |_, value| *value = Value::Null);
}

/// The places of write-only attributes that hold a value or are unknown.
pub fn given_write_only(block: &Block, object: &Object) -> Vec<Path> {
    let mut given = Vec::new();
    visit_block(block, &mut object.clone(), &Path::default(), &mut |path, value| {
        if *value != Value::Null {
            given.push(path.clone());
        }
    });
    given
}

type Visitor<'v> = &'v mut dyn FnMut(&Path, &mut Value);

fn visit_block(block: &Block, object: &mut Object, path: &Path, visit: Visitor<'_>) {
    visit_attributes(&block.attributes, object, path, visit);
    for (name, nested) in &block.blocks {
        if let Some(value) = object.get_mut(name) {
            visit_nested(nested.nesting, value, &path.attribute(name), &mut |object, path| {
                visit_block(&nested.block, object, path, visit);
            });
        }
    }
}

fn visit_attributes(
    attributes: &BTreeMap<String, Attribute>,
    object: &mut Object,
    path: &Path,
    visit: Visitor<'_>,
) {
    for (name, attribute) in attributes {
        let Some(value) = object.get_mut(name) else { continue };
        let path = path.attribute(name);
        if attribute.write_only {
            visit(&path, value);
        } else if let Kind::Nested(nesting, inner) = &attribute.kind {
            visit_nested(*nesting, value, &path, &mut |object, path| {
                visit_attributes(inner, object, path, visit);
            });
        }
    }
}

/// Goes into every object of a nested attribute or block.
fn visit_nested(
    nesting: Nesting,
    value: &mut Value,
    path: &Path,
    enter: &mut dyn FnMut(&mut Object, &Path),
) {
    match value {
        Value::Object(object) if nesting == Nesting::Single => enter(object, path),
        Value::List(items) => {
            for (index, item) in (0..).zip(items) {
                // Elements of a set have no address.
                let at = if nesting == Nesting::Set {
                    path.clone()
                } else {
                    path.then(Step::Index(index))
                };
                visit_nested(Nesting::Single, item, &at, enter);
            }
        }
        Value::Map(items) => {
            for (key, item) in items {
                visit_nested(Nesting::Single, item, &path.then(Step::Key(key.clone())), enter);
            }
        }
        Value::Null
        | Value::Unknown
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)
        | Value::Dynamic(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{Mode, NestedBlock, Type};

    fn inner() -> BTreeMap<String, Attribute> {
        let open = Attribute::plain(Type::String, Mode::Optional, "");
        let mut secret = open.clone();
        secret.write_only = true;
        BTreeMap::from([("open".to_owned(), open), ("secret".to_owned(), secret)])
    }

    fn pair(secret: Value) -> Value {
        Value::Object(Object::from([("open".into(), "o".into()), ("secret".into(), secret)]))
    }

    #[test]
    fn secrets_are_found_with_their_place_and_removed_at_any_depth() {
        let nested = |nesting| Attribute::new(Kind::Nested(nesting, inner()), Mode::Optional, "");
        let mut attributes = inner();
        for (name, nesting) in
            [("one", Nesting::Single), ("many", Nesting::List), ("keyed", Nesting::Map)]
        {
            attributes.insert(name.to_owned(), nested(nesting));
        }
        let block = Block { attributes: inner(), ..Block::default() };
        let rows = NestedBlock { nesting: Nesting::List, block, min_items: 0, max_items: 0 };
        let blocks = BTreeMap::from([("rows".to_owned(), rows)]);
        let block = Block { description: String::new(), attributes, blocks };
        let object = |secret: Value| {
            Object::from([
                ("open".into(), "o".into()),
                ("secret".into(), secret.clone()),
                ("one".into(), pair(secret.clone())),
                ("many".into(), Value::List(vec![pair(Value::Null), pair(secret.clone())])),
                ("keyed".into(), Value::Map(Object::from([("k".into(), pair(secret.clone()))]))),
                ("rows".into(), Value::List(vec![pair(secret)])),
            ])
        };
        let mut given = object(Value::Unknown);
        let places: Vec<String> =
            given_write_only(&block, &given).iter().map(ToString::to_string).collect();
        let expected =
            ["keyed[\"k\"].secret", "many[1].secret", "one.secret", "secret", "rows[0].secret"];
        assert_eq!(places, expected);
        clear_write_only(&block, &mut given);
        assert_eq!(given, object(Value::Null));
        assert!(given_write_only(&block, &given).is_empty());
    }
}
