//! What a changed argument makes of a resource's target: nothing, a part of it, or another one.

use crate::framework::{Object, Path, Value};
use crate::services::{Shape, Spec, Target};

/// Where an update leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Move {
    /// To the same target, whatever it is written like.
    Stays,
    /// To a part of it.
    Narrows,
    /// To another one, by these arguments.
    Leaves(Vec<Path>),
}

/// Where the way from one object to another leads. What is not known yet may be anything.
pub(super) fn of(spec: &Spec, prior: &Object, planned: &Object) -> Move {
    let names = spec.regional.then_some("region").into_iter();
    let names = names.chain(spec.inputs.iter().map(|one| one.name));
    let changed: Vec<&str> =
        names.filter(|name| meant(prior, name) != meant(planned, name)).collect();
    if changed.is_empty() {
        return Move::Stays;
    }
    let leaves = || Move::Leaves(changed.iter().map(|name| Path::root(*name)).collect());
    if changed.contains(&"region") {
        return leaves();
    }
    match (target(spec, prior), target(spec, planned)) {
        (Some(old), Some(new)) if old == new => Move::Stays,
        (Some(old), Some(new)) if new.narrows(spec, &old) => Move::Narrows,
        _ => leaves(),
    }
}

/// The value of an argument; `false` counts as not given.
fn meant<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    object.get(name).filter(|value| !matches!(value, Value::Bool(false) | Value::Null))
}

/// The target in its one spelling, if it is known.
fn target(spec: &Spec, object: &Object) -> Option<Target> {
    let mut target = Target::default();
    for input in spec.inputs {
        let Some(value) = meant(object, input.name) else { continue };
        let text = match (input.shape, value) {
            (Shape::Text, Value::String(text)) => text.clone(),
            (Shape::Port, Value::Number(port)) => port.to_i64()?.to_string(),
            (Shape::Flag, Value::Bool(set)) => set.to_string(),
            (Shape::Text | Shape::Port | Shape::Flag, _) => return None,
        };
        target.0.insert(input.name, text);
    }
    (spec.normal)(target).ok()
}

/// State of earlier versions, in which a width could go without saying.
pub(super) fn upgraded(spec: &Spec, mut state: Object) -> Object {
    if let Some(width) = spec.width
        && meant(&state, width.part).is_none()
        && meant(&state, width.whole).is_none()
    {
        state.insert(width.whole.to_owned(), Value::Bool(true));
    }
    state
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services;

    fn spec(name: &str) -> &'static Spec {
        services::ALL.iter().map(|service| service.spec).find(|spec| spec.name == name).unwrap()
    }

    fn object(given: &[(&str, Value)]) -> Object {
        given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    fn leaves(names: &[&str]) -> Move {
        Move::Leaves(names.iter().map(|name| Path::root(*name)).collect())
    }

    #[test]
    fn another_spelling_stays_a_part_narrows_and_anything_else_leaves() {
        let server = |host: &str, port: Value, database: Value, all: Value| {
            let given = [
                ("host", host.into()),
                ("port", port),
                ("database", database),
                ("all_databases", all),
            ];
            object(&given)
        };
        let all = |host: &str, port: Value| server(host, port, Value::Null, true.into());
        let one = |host: &str, name: &str| server(host, Value::Null, name.into(), Value::Null);
        let null = || Value::Null;
        for (old, new, expected) in [
            (all("db", null()), all("DB.", 5432.into()), Move::Stays),
            (all("::1", null()), all("[0:0::1]", null()), Move::Stays),
            (one("db", "app"), server("db", null(), "app".into(), false.into()), Move::Stays),
            (all("db", null()), one("db", "app"), Move::Narrows),
            (one("db", "app"), all("db", null()), leaves(&["database", "all_databases"])),
            (one("db", "app"), one("db", "other"), leaves(&["database"])),
            (
                all("db", null()),
                one("other", "app"),
                leaves(&["host", "database", "all_databases"]),
            ),
            (all("db", null()), all("db", 5433.into()), leaves(&["port"])),
            (one("db", "app"), server("db", null(), Value::Unknown, null()), leaves(&["database"])),
        ] {
            assert_eq!(of(spec("postgresql"), &old, &new), expected, "{old:?} {new:?}");
        }
        let dcs = |node: Value| object(&[("instance_id", "i".into()), ("node_id", node)]);
        assert_eq!(of(spec("huaweicloud_dcs"), &dcs(null()), &dcs("n".into())), Move::Narrows);
        assert_eq!(
            of(spec("huaweicloud_dcs"), &dcs("n".into()), &dcs(null())),
            leaves(&["node_id"])
        );
    }

    #[test]
    fn a_width_that_went_without_saying_is_written_into_the_state() {
        let ecs = spec("alicloud_ecs");
        let wide = object(&[("instance_id", Value::Null), ("all_instances", true.into())]);
        assert_eq!(upgraded(ecs, object(&[("instance_id", Value::Null)])), wide);
        let one = object(&[("instance_id", "i".into())]);
        assert_eq!(upgraded(ecs, one.clone()), one);
    }
}
