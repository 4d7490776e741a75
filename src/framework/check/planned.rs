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
mod tests;
