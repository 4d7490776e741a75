//! Reads JSON by type: stored states, and the JSON form of a dynamic value.
//!
//! A stored state may come from another version of the schema: what is absent is null, and what the
//! schema does not have is passed over. JSON has no unknown values.

use serde_json::Value as Json;

use super::malformed::{Malformed, check_depth, name_of};
use super::type_json::{from_json, json_error};
use crate::framework::{Number, Object, Step, Type, Value};

/// Reads one value that takes up all bytes.
pub(super) fn read(bytes: &[u8], kind: &Type) -> Result<Value, Malformed> {
    let json = serde_json::from_slice(bytes).map_err(|error| json_error(&error))?;
    read_value(json, kind, 0)
}

fn read_value(json: Json, kind: &Type, depth: usize) -> Result<Value, Malformed> {
    check_depth(depth)?;
    match (kind, json) {
        (_, Json::Null) => Ok(Value::Null),
        (Type::Bool, Json::Bool(truth)) => Ok(Value::Bool(truth)),
        (Type::Number, Json::Number(number)) => read_number(&number.to_string()),
        // Terraform itself reads numbers from strings as well.
        (Type::Number, Json::String(text)) => read_number(&text),
        (Type::String, Json::String(text)) => Ok(Value::String(text)),
        (Type::Dynamic, Json::Object(parts)) => read_dynamic(parts, depth),
        (Type::List(inner) | Type::Set(inner), Json::Array(items)) => {
            let kinds = std::iter::repeat(inner.as_ref());
            read_elements(items, kind, kinds, depth).map(Value::List)
        }
        (Type::Tuple(kinds), Json::Array(items)) if kinds.len() == items.len() => {
            read_elements(items, kind, kinds.iter(), depth).map(Value::List)
        }
        (Type::Map(inner), Json::Object(items)) => {
            let read = |(key, json): (String, Json)| {
                let item = read_value(json, inner, depth + 1)
                    .map_err(|error| error.under(Step::Key(key.clone())))?;
                Ok((key, item))
            };
            items.into_iter().map(read).collect::<Result<Object, _>>().map(Value::Map)
        }
        (Type::Object(fields), Json::Object(mut items)) => {
            let read = |(name, kind): (&String, &Type)| {
                let json = items.remove(name).unwrap_or(Json::Null);
                let item = read_value(json, kind, depth + 1)
                    .map_err(|error| error.under(Step::Attribute(name.clone())))?;
                Ok((name.clone(), item))
            };
            fields.iter().map(read).collect::<Result<Object, _>>().map(Value::Object)
        }
        (_, json) => Err(Malformed::unfit(name_of(kind), kind_of(&json))),
    }
}

fn read_number(text: &str) -> Result<Value, Malformed> {
    let number = Number::parse(text).ok_or_else(|| Malformed::unfit("a number", "other text"))?;
    Ok(Value::Number(number))
}

/// The JSON of a dynamic value is `{"value": …, "type": …}`.
fn read_dynamic(
    mut parts: serde_json::Map<String, Json>,
    depth: usize,
) -> Result<Value, Malformed> {
    let (Some(kind), Some(json)) = (parts.remove("type"), parts.remove("value")) else {
        return Err(Malformed::unfit(name_of(&Type::Dynamic), "another object"));
    };
    let kind = from_json(&kind, 0)?;
    let value = read_value(json, &kind, depth + 1)?;
    Ok(Value::Dynamic(Box::new((kind, value))))
}

fn read_elements<'k>(
    items: Vec<Json>,
    kind: &Type,
    kinds: impl Iterator<Item = &'k Type>,
    depth: usize,
) -> Result<Vec<Value>, Malformed> {
    let read = |((position, json), inner): ((i64, Json), &Type)| {
        read_value(json, inner, depth + 1).map_err(|error| error.at(kind, position))
    };
    (0_i64..).zip(items).zip(kinds).map(read).collect()
}

fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a bool",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}
