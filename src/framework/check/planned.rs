//! Whether a plan keeps to its configuration: Terraform's `AssertPlanValid`.

use std::collections::BTreeMap;

use super::sets::{Side, correlate, same};
use super::{Mismatches, NULL, element, elements, field};
use crate::framework::{Attribute, Block, Kind, NestedBlock, Nesting, Object, Path, Step, Value};

/// Where a planned object breaks the rules that Terraform checks after a plan. Empty if nowhere.
///
/// What the configuration sets must be planned as it is, or stay as it was before; what it leaves
/// out is null unless it is computed; write-only attributes are null.
pub fn planned_mismatches(
    block: &Block,
    prior: Option<&Object>,
    config: &Object,
    planned: &Object,
) -> Vec<(Path, String)> {
    let mut found = Vec::new();
    let prior = prior.cloned().map_or(Value::Null, Value::Object);
    let (config, planned) = (Value::Object(config.clone()), Value::Object(planned.clone()));
    check_block(
        &mut found,
        block,
        &Views { prior: &prior, config: &config, planned: &planned },
        &Path::default(),
    );
    found
}

/// The same place in three objects.
#[derive(Clone, Copy)]
struct Views<'v> {
    prior: &'v Value,
    config: &'v Value,
    planned: &'v Value,
}

impl<'v> Views<'v> {
    fn field(self, name: &str) -> Views<'v> {
        Views {
            prior: field(self.prior, name),
            config: field(self.config, name),
            planned: field(self.planned, name),
        }
    }

    fn element(self, step: &Step) -> Views<'v> {
        let of = |value| element(value, step).unwrap_or(&NULL);
        Views { prior: of(self.prior), config: of(self.config), planned: of(self.planned) }
    }
}

fn check_block(found: &mut Mismatches, block: &Block, views: &Views<'_>, path: &Path) {
    match (views.planned, views.config) {
        (Value::Null, Value::Null) => return,
        (Value::Null, _) => return add(found, path, "planned for absence but the config wants it"),
        (_, Value::Null) => return add(found, path, "planned but the config does not want it"),
        _ => {}
    }
    check_attributes(found, &block.attributes, *views, path);
    for (name, nested) in &block.blocks {
        check_nested_block(found, nested, views.field(name), &path.attribute(name));
    }
}

fn check_nested_block(found: &mut Mismatches, nested: &NestedBlock, views: Views<'_>, path: &Path) {
    let kind = nested.nesting.of(nested.block.value_type());
    if same(views.planned, views.config, &kind) && has_no_write_only(nested) {
        return;
    }
    if *views.config == Value::Unknown {
        if *views.planned != Value::Unknown {
            add(found, path, "a block of unknown number must stay unknown");
        }
        return;
    }
    if *views.planned == Value::Unknown {
        return add(found, path, "a block must not be unknown as a whole, only its attributes");
    }
    match nested.nesting {
        Nesting::Single => check_block(found, &nested.block, &views, path),
        Nesting::List | Nesting::Map => {
            if *views.planned == Value::Null {
                return add(found, path, "no blocks are an empty collection, not null");
            }
            if !same_keys(found, views, path) {
                return;
            }
            for (step, _) in elements(views.planned) {
                check_block(found, &nested.block, &views.element(&step), &path.then(step.clone()));
            }
        }
        Nesting::Set => {
            let Value::List(planned) = views.planned else {
                return add(found, path, "no blocks are an empty collection, not null");
            };
            let fit = |planned: &Value, config: &Value| {
                let mut inner = Vec::new();
                let views = Views { prior: &NULL, config, planned };
                check_block(&mut inner, &nested.block, &views, path);
                inner.is_empty()
            };
            match correlate(planned, views.config.as_list().unwrap_or_default(), fit) {
                Some(Side::Left) => add(found, path, "a planned block is not in the config"),
                Some(Side::Right) => add(found, path, "a block of the config is not planned"),
                None => {}
            }
        }
    }
}

/// Whether equality of plan and config is enough, since nothing inside must be null in the plan.
fn has_no_write_only(nested: &NestedBlock) -> bool {
    fn free(attribute: &Attribute) -> bool {
        let inner = match &attribute.kind {
            Kind::Plain(_) => true,
            Kind::Nested(_, inner) => inner.values().all(free),
        };
        inner && !attribute.write_only
    }
    nested.block.attributes.values().all(free)
        && nested.block.blocks.values().all(has_no_write_only)
}

fn check_attributes(
    found: &mut Mismatches,
    attributes: &BTreeMap<String, Attribute>,
    views: Views<'_>,
    path: &Path,
) {
    for (name, attribute) in attributes {
        check_attribute(found, attribute, views.field(name), &path.attribute(name));
    }
}

fn check_attribute(found: &mut Mismatches, attribute: &Attribute, views: Views<'_>, path: &Path) {
    let Views { prior, config, planned } = views;
    let kind = attribute.value_type();
    if attribute.write_only {
        if *planned != Value::Null {
            add(found, path, "a write-only attribute must be planned as null");
        }
        return;
    }
    if *config == Value::Null {
        if *planned != Value::Null && !attribute.is_computed() {
            add(found, path, "planned a value for an attribute that is neither set nor computed");
        }
        return;
    }
    // A prior value kept means that the provider takes the config's for the same.
    if *prior != Value::Null && same(planned, prior, &kind) {
        return;
    }
    if let Kind::Nested(nesting, inner) = &attribute.kind {
        return check_nested(found, *nesting, inner, views, path);
    }
    if same(planned, config, &kind) {
        return;
    }
    add(found, path, "the planned value is neither the config's nor the prior one");
}

fn check_nested(
    found: &mut Mismatches,
    nesting: Nesting,
    inner: &BTreeMap<String, Attribute>,
    views: Views<'_>,
    path: &Path,
) {
    match (views.planned, views.config) {
        (Value::Unknown, Value::Unknown) => return,
        (Value::Null, _) => return add(found, path, "planned for absence but the config wants it"),
        (Value::Unknown, _) => {
            return add(found, path, "planned unknown though the config sets it");
        }
        (_, Value::Unknown) => {
            return add(found, path, "planned known though the config is unknown");
        }
        _ => {}
    }
    match nesting {
        Nesting::Single => check_attributes(found, inner, views, path),
        Nesting::List | Nesting::Map => {
            if same_keys(found, views, path) {
                for (step, _) in elements(views.planned) {
                    let views = views.element(&step);
                    check_attributes(found, inner, views, &path.then(step));
                }
            }
        }
        // Elements of a set cannot be told apart, so only their number is checked.
        Nesting::Set => {
            let count = |value: &Value| value.as_list().map(<[Value]>::len);
            if count(views.planned) != count(views.config) {
                add(found, path, "another number of elements than in the config");
            }
        }
    }
}

/// Whether plan and config have elements at the same places; says so if not.
fn same_keys(found: &mut Mismatches, views: Views<'_>, path: &Path) -> bool {
    let steps = |value| elements(value).into_iter().map(|(step, _)| step).collect::<Vec<_>>();
    let agree = steps(views.planned) == steps(views.config);
    if !agree {
        add(found, path, "other elements than in the config");
    }
    agree
}

fn add(found: &mut Mismatches, path: &Path, rule: &str) {
    found.push((path.clone(), rule.to_owned()));
}

#[cfg(test)]
mod tests {
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
            (
                "name",
                Some("c".into()),
                "a".into(),
                "b".into(),
                "name: the planned value is neither",
            ),
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
}
