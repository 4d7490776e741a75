//! Reads msgpack by type.
//!
//! Any extension means unknown, refined or not. Every loop consumes at least one byte per round, so
//! a claimed length costs no more than the bytes that are really there.

use std::collections::BTreeMap;

use rmp::{Marker, decode};

use super::malformed::{Malformed, Reason, check_depth, name_of};
use super::type_json::type_from_json;
use crate::framework::{Number, Object, Step, Type, Value};

/// Reads one value that takes up all bytes.
pub(super) fn read(bytes: &[u8], kind: &Type) -> Result<Value, Malformed> {
    let mut rest = bytes;
    let value = read_value(&mut rest, kind, 0)?;
    if rest.is_empty() { Ok(value) } else { Err(Reason::Trailing(rest.len()).into()) }
}

fn read_value(rest: &mut &[u8], kind: &Type, depth: usize) -> Result<Value, Malformed> {
    check_depth(depth)?;
    let marker = Marker::from_u8(*rest.first().ok_or(Reason::Truncated)?);
    if marker == Marker::Null {
        *rest = &rest[1..];
        return Ok(Value::Null);
    }
    if is_extension(marker) {
        let meta = decode::read_ext_meta(rest).map_err(|_| Reason::Truncated)?;
        take(rest, meta.size)?;
        return Ok(Value::Unknown);
    }
    match kind {
        Type::Bool => decode::read_bool(rest).map(Value::Bool).map_err(|_| unfit(kind, marker)),
        Type::Number => read_number(rest, marker).map(Value::Number),
        Type::String => read_text(rest, kind).map(Value::String),
        Type::Dynamic => read_dynamic(rest, depth),
        Type::List(inner) | Type::Set(inner) => {
            read_elements(rest, kind, depth, |_| Ok(inner)).map(Value::List)
        }
        Type::Tuple(kinds) => {
            let kind_at = |at: usize| kinds.get(at).ok_or_else(|| unfit(kind, marker));
            let items = read_elements(rest, kind, depth, kind_at)?;
            if items.len() == kinds.len() {
                Ok(Value::List(items))
            } else {
                Err(unfit(kind, marker))
            }
        }
        Type::Map(inner) => {
            read_entries(rest, kind, depth, Step::Key, |_| Some(inner)).map(Value::Map)
        }
        Type::Object(fields) => {
            let items = read_entries(rest, kind, depth, Step::Attribute, |name| fields.get(name))?;
            match fields.keys().find(|name| !items.contains_key(*name)) {
                Some(name) => {
                    Err(Malformed::from(Reason::Missing).under(Step::Attribute(name.clone())))
                }
                None => Ok(Value::Object(items)),
            }
        }
    }
}

fn read_number(rest: &mut &[u8], marker: Marker) -> Result<Number, Malformed> {
    if matches!(marker, Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32) {
        let text = read_text(rest, &Type::Number)?;
        return Number::parse(&text).ok_or_else(|| Malformed::unfit("a number", "other text"));
    }
    let float = if marker == Marker::F32 {
        f64::from(decode::read_f32(rest).map_err(|_| Reason::Truncated)?)
    } else if marker == Marker::F64 {
        decode::read_f64(rest).map_err(|_| Reason::Truncated)?
    } else {
        let whole: i128 = decode::read_int(rest).map_err(|_| unfit(&Type::Number, marker))?;
        return Ok(number(&whole.to_string()));
    };
    if !float.is_finite() {
        return Err(Malformed::unfit("a number", "an infinity or no number"));
    }
    // The smallest f64 has 1074 binary, hence 1074 decimal places: this is the exact expansion.
    let exact = format!("{float:.1074}");
    Ok(number(exact.trim_end_matches('0').trim_end_matches('.')))
}

fn number(text: &str) -> Number {
    Number::parse(text).expect("the standard library prints numbers in decimal")
}

fn read_text(rest: &mut &[u8], kind: &Type) -> Result<String, Malformed> {
    let marker = rest.first().map_or(Marker::Null, |byte| Marker::from_u8(*byte));
    let length = decode::read_str_len(rest).map_err(|_| unfit(kind, marker))?;
    let bytes = take(rest, length)?;
    Ok(std::str::from_utf8(bytes).map_err(|_| Reason::NotText)?.to_owned())
}

fn read_dynamic(rest: &mut &[u8], depth: usize) -> Result<Value, Malformed> {
    let unfit = || Malformed::unfit(name_of(&Type::Dynamic), "something else");
    if decode::read_array_len(rest).map_err(|_| unfit())? != 2 {
        return Err(unfit());
    }
    let length = decode::read_bin_len(rest).map_err(|_| unfit())?;
    let kind = type_from_json(take(rest, length)?)?;
    let value = read_value(rest, &kind, depth + 1)?;
    Ok(Value::Dynamic(Box::new((kind, value))))
}

fn read_elements<'k>(
    rest: &mut &[u8],
    kind: &Type,
    depth: usize,
    kind_at: impl Fn(usize) -> Result<&'k Type, Malformed>,
) -> Result<Vec<Value>, Malformed> {
    let marker = rest.first().map_or(Marker::Null, |byte| Marker::from_u8(*byte));
    let length = decode::read_array_len(rest).map_err(|_| unfit(kind, marker))?;
    let mut items = Vec::new();
    for position in 0..length {
        let inner = kind_at(items.len())?;
        let item = read_value(rest, inner, depth + 1)
            .map_err(|error| error.at(kind, i64::from(position)))?;
        items.push(item);
    }
    Ok(items)
}

fn read_entries<'k>(
    rest: &mut &[u8],
    kind: &Type,
    depth: usize,
    step: fn(String) -> Step,
    kind_of: impl Fn(&str) -> Option<&'k Type>,
) -> Result<Object, Malformed> {
    let marker = rest.first().map_or(Marker::Null, |byte| Marker::from_u8(*byte));
    let length = decode::read_map_len(rest).map_err(|_| unfit(kind, marker))?;
    let mut items = BTreeMap::new();
    for _ in 0..length {
        let key = read_text(rest, &Type::String)?;
        let at = |error: Malformed| error.under(step(key.clone()));
        let inner = kind_of(&key).ok_or_else(|| at(Reason::Surplus.into()))?;
        let item = read_value(rest, inner, depth + 1).map_err(at)?;
        if items.contains_key(&key) {
            return Err(Malformed::from(Reason::Repeated).under(step(key)));
        }
        items.insert(key, item);
    }
    Ok(items)
}

/// The next bytes, if there are so many.
fn take<'b>(rest: &mut &'b [u8], length: u32) -> Result<&'b [u8], Malformed> {
    let length = usize::try_from(length).map_err(|_| Reason::Truncated)?;
    let (taken, left) = rest.split_at_checked(length).ok_or(Reason::Truncated)?;
    *rest = left;
    Ok(taken)
}

/// The misfit of a type and what a marker announces, or of bytes that end too early.
fn unfit(kind: &Type, marker: Marker) -> Malformed {
    Malformed::unfit(name_of(kind), format!("msgpack {marker:?}"))
}

fn is_extension(marker: Marker) -> bool {
    matches!(
        marker,
        Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32
    )
}
