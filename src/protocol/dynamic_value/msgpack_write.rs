//! Writes msgpack by type.

use rmp::encode;

use super::malformed::{Malformed, Reason, check_depth};
use super::type_json::type_to_json;
use crate::framework::{Number, Object, Step, Type, Value};

/// What stands for unknown: extension 0 with one byte.
const UNKNOWN: [u8; 3] = [0xd4, 0x00, 0x00];

/// Why writing to a vector has no error to handle.
const NEVER: &str = "writing to memory cannot fail";

/// Writes one value.
pub(super) fn write(value: &Value, kind: &Type) -> Result<Vec<u8>, Malformed> {
    let mut out = Vec::new();
    write_value(&mut out, value, kind, 0)?;
    Ok(out)
}

fn write_value(
    out: &mut Vec<u8>,
    value: &Value,
    kind: &Type,
    depth: usize,
) -> Result<(), Malformed> {
    check_depth(depth)?;
    match (kind, value) {
        (_, Value::Null) => encode::write_nil(out).expect(NEVER),
        (_, Value::Unknown) => out.extend_from_slice(&UNKNOWN),
        (Type::Bool, Value::Bool(truth)) => encode::write_bool(out, *truth).expect(NEVER),
        (Type::Number, Value::Number(number)) => write_number(out, number)?,
        (Type::String, Value::String(text)) => write_text(out, text)?,
        (Type::Dynamic, Value::Dynamic(inner)) => {
            let (kind, value) = inner.as_ref();
            encode::write_array_len(out, 2).expect(NEVER);
            encode::write_bin(out, &type_to_json(kind)).expect(NEVER);
            write_value(out, value, kind, depth + 1)?;
        }
        (Type::List(inner) | Type::Set(inner), Value::List(items)) => {
            write_elements(out, items, kind, depth, |_| inner)?;
        }
        (Type::Tuple(kinds), Value::List(items)) if kinds.len() == items.len() => {
            write_elements(out, items, kind, depth, |at| &kinds[at])?;
        }
        (Type::Map(inner), Value::Map(items)) => {
            encode::write_map_len(out, length(items.len())?).expect(NEVER);
            for (key, item) in items {
                write_text(out, key)?;
                write_value(out, item, inner, depth + 1)
                    .map_err(|error| error.under(Step::Key(key.clone())))?;
            }
        }
        (Type::Object(fields), Value::Object(items)) => {
            if let Some(name) = items.keys().find(|name| !fields.contains_key(*name)) {
                return Err(at(name, Reason::Surplus.into()));
            }
            encode::write_map_len(out, length(fields.len())?).expect(NEVER);
            for (name, inner) in fields {
                write_field(out, items, name, inner, depth)?;
            }
        }
        _ => return Err(Malformed::misfit(kind, value)),
    }
    Ok(())
}

fn write_field(
    out: &mut Vec<u8>,
    items: &Object,
    name: &str,
    kind: &Type,
    depth: usize,
) -> Result<(), Malformed> {
    let item = items.get(name).ok_or_else(|| at(name, Reason::Missing.into()))?;
    write_text(out, name)?;
    write_value(out, item, kind, depth + 1).map_err(|error| at(name, error))
}

fn write_elements<'k>(
    out: &mut Vec<u8>,
    items: &[Value],
    kind: &Type,
    depth: usize,
    kind_at: impl Fn(usize) -> &'k Type,
) -> Result<(), Malformed> {
    encode::write_array_len(out, length(items.len())?).expect(NEVER);
    for (position, item) in (0_i64..).zip(items) {
        let inner = kind_at(usize::try_from(position).map_err(|_| Reason::Long)?);
        write_value(out, item, inner, depth + 1).map_err(|error| error.at(kind, position))?;
    }
    Ok(())
}

/// An integer where one fits, else the digits as text: a float would be another number.
fn write_number(out: &mut Vec<u8>, number: &Number) -> Result<(), Malformed> {
    if let Some(whole) = number.to_i64() {
        encode::write_sint(out, whole).expect(NEVER);
    } else if let Some(whole) = number.to_u64() {
        encode::write_uint(out, whole).expect(NEVER);
    } else {
        write_text(out, number.as_text())?;
    }
    Ok(())
}

fn write_text(out: &mut Vec<u8>, text: &str) -> Result<(), Malformed> {
    encode::write_str_len(out, length(text.len())?).expect(NEVER);
    out.extend_from_slice(text.as_bytes());
    Ok(())
}

fn length(count: usize) -> Result<u32, Malformed> {
    u32::try_from(count).map_err(|_| Reason::Long.into())
}

fn at(name: &str, error: Malformed) -> Malformed {
    error.under(Step::Attribute(name.to_owned()))
}
