//! Equality where sets have no order.

use crate::framework::{Type, Value};

/// Equality in which sets have no order, at any depth.
pub(in crate::framework) fn same(left: &Value, right: &Value, kind: &Type) -> bool {
    match (kind, left, right) {
        (Type::Set(inner), Value::List(left), Value::List(right)) => {
            left.len() == right.len() && correlate(left, right, |a, b| same(a, b, inner)).is_none()
        }
        (Type::List(inner), Value::List(left), Value::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(a, b)| same(a, b, inner))
        }
        (Type::Tuple(kinds), Value::List(left), Value::List(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).zip(kinds).all(|((a, b), kind)| same(a, b, kind))
        }
        (Type::Map(inner), Value::Map(left), Value::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, a)| right.get(key).is_some_and(|b| same(a, b, inner)))
        }
        (Type::Object(fields), Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, a)| match (right.get(name), fields.get(name)) {
                    (Some(b), Some(kind)) => same(a, b, kind),
                    _ => false,
                })
        }
        (Type::Dynamic, Value::Dynamic(left), Value::Dynamic(right)) => {
            left.0 == right.0 && same(&left.1, &right.1, &left.0)
        }
        _ => left == right,
    }
}

/// Which side has an element that fits no element of the other: elements of sets have no identity.
pub(super) fn correlate(
    left: &[Value],
    right: &[Value],
    fit: impl Fn(&Value, &Value) -> bool,
) -> Option<Side> {
    if !left.iter().all(|a| right.iter().any(|b| fit(a, b))) {
        return Some(Side::Left);
    }
    let matched = right.iter().all(|b| left.iter().any(|a| fit(a, b)));
    if matched { None } else { Some(Side::Right) }
}

/// A side of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The first.
    Left,
    /// The second.
    Right,
}
