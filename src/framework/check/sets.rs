//! Equality where sets have no order.

use crate::framework::{Type, Value};

/// Equality in which sets have no order, at any depth.
pub(in crate::framework) fn same(left: &Value, right: &Value, kind: &Type) -> bool {
    match (kind, left, right) {
        (Type::Set(inner), Value::List(left), Value::List(right)) => {
            // Terraform writes sets in one order, so equal ones are nearly always alike.
            let equal = || correlate(left, right, |a, b| same(a, b, inner)).is_none();
            left == right || (left.len() == right.len() && equal())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_equal_in_any_order_at_any_depth() {
        let set = Type::Set(Box::new(Type::String));
        let ab = || Value::List(vec!["a".into(), "b".into()]);
        let ba = || Value::List(vec!["b".into(), "a".into()]);
        let list = Type::List(Box::new(Type::String));
        assert!(same(&ab(), &ba(), &set));
        assert!(!same(&ab(), &ba(), &list));
        assert!(!same(&ab(), &Value::List(vec!["a".into(), "c".into()]), &set));
        let many =
            || Value::List((0..200_000).map(|n| Value::from(n.to_string().as_str())).collect());
        assert!(same(&many(), &many(), &set), "and soon, if they are alike");
        let keyed = |value| Value::Map([("k".to_owned(), value)].into());
        assert!(same(&keyed(ab()), &keyed(ba()), &Type::Map(Box::new(set.clone()))));
        let any = |value| Value::Dynamic(Box::new((set.clone(), value)));
        assert!(same(&any(ab()), &any(ba()), &Type::Dynamic));
    }
}
