//! Types as JSON: `"string"`, `["list","string"]`, `["object",{"a":"bool"}]`.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::malformed::{Malformed, Reason, check_depth};
use crate::framework::Type;

/// The JSON of a type, as it stands in schemas and beside dynamic values.
pub(in crate::protocol) fn type_to_json(kind: &Type) -> Vec<u8> {
    to_json(kind).to_string().into_bytes()
}

/// Reads the JSON of a type.
pub(super) fn type_from_json(bytes: &[u8]) -> Result<Type, Malformed> {
    let json = serde_json::from_slice(bytes).map_err(|error| json_error(&error))?;
    from_json(&json, 0)
}

/// Where JSON broke, without its words.
pub(super) fn json_error(error: &serde_json::Error) -> Malformed {
    Reason::Json { line: error.line(), column: error.column() }.into()
}

fn to_json(kind: &Type) -> Json {
    match kind {
        Type::Bool => json!("bool"),
        Type::Number => json!("number"),
        Type::String => json!("string"),
        Type::Dynamic => json!("dynamic"),
        Type::List(inner) => json!(["list", to_json(inner)]),
        Type::Set(inner) => json!(["set", to_json(inner)]),
        Type::Map(inner) => json!(["map", to_json(inner)]),
        Type::Object(fields) => {
            let fields: serde_json::Map<String, Json> =
                fields.iter().map(|(name, kind)| (name.clone(), to_json(kind))).collect();
            json!(["object", fields])
        }
        Type::Tuple(kinds) => json!(["tuple", kinds.iter().map(to_json).collect::<Vec<_>>()]),
    }
}

/// An object may have a third element, the names of optional attributes; it changes no value.
pub(super) fn from_json(json: &Json, depth: usize) -> Result<Type, Malformed> {
    check_depth(depth)?;
    let unfit = || Malformed::unfit("a type", "other JSON");
    let inner = |json: &Json| from_json(json, depth + 1);
    match json {
        Json::String(name) => match name.as_str() {
            "bool" => Ok(Type::Bool),
            "number" => Ok(Type::Number),
            "string" => Ok(Type::String),
            "dynamic" => Ok(Type::Dynamic),
            _ => Err(unfit()),
        },
        Json::Array(parts) => match parts.as_slice() {
            [Json::String(name), of] if name == "list" => Ok(Type::List(Box::new(inner(of)?))),
            [Json::String(name), of] if name == "set" => Ok(Type::Set(Box::new(inner(of)?))),
            [Json::String(name), of] if name == "map" => Ok(Type::Map(Box::new(inner(of)?))),
            [Json::String(name), Json::Object(fields), ..] if name == "object" => {
                let fields = fields.iter().map(|(name, kind)| Ok((name.clone(), inner(kind)?)));
                Ok(Type::Object(fields.collect::<Result<BTreeMap<_, _>, Malformed>>()?))
            }
            [Json::String(name), Json::Array(kinds)] if name == "tuple" => {
                Ok(Type::Tuple(kinds.iter().map(inner).collect::<Result<_, _>>()?))
            }
            _ => Err(unfit()),
        },
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => Err(unfit()),
    }
}
