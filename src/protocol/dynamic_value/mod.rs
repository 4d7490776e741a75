//! Values on the wire: msgpack or JSON to [`Value`] by type, and back to msgpack.
//!
//! Format: Terraform's `docs/plugin-protocol/object-wire-format.md`. Bytes are not trusted: nesting
//! is bounded by [`MAX_DEPTH`], nothing is allocated by a claimed length, and whatever does not fit
//! the type is an error that names the place, never a panic. Numbers lose no digit.

mod json;
mod malformed;
mod msgpack_read;
mod msgpack_write;
mod type_json;

pub(super) use malformed::Malformed;
pub(super) use type_json::type_to_json;

use super::wire_types::DynamicValue;
use crate::framework::{Type, Value};

/// How deep values and types may be nested. Terraform itself nests a handful of levels.
const MAX_DEPTH: usize = 64;

/// Reads a value of a type. Nothing, or nothing in it, is null.
pub(super) fn decode(wire: Option<&DynamicValue>, kind: &Type) -> Result<Value, Malformed> {
    match wire {
        Some(wire) if !wire.msgpack.is_empty() => msgpack_read::read(&wire.msgpack, kind),
        Some(wire) if !wire.json.is_empty() => json::read(&wire.json, kind),
        Some(_) | None => Ok(Value::Null),
    }
}

/// Reads the JSON of a stored state: absent attributes are null, unknown ones are passed over.
pub(super) fn decode_json(bytes: &[u8], kind: &Type) -> Result<Value, Malformed> {
    json::read(bytes, kind)
}

/// Writes a value of a type as msgpack. An error means that the value does not fit the type.
pub(super) fn encode(value: &Value, kind: &Type) -> Result<DynamicValue, Malformed> {
    Ok(DynamicValue { msgpack: msgpack_write::write(value, kind)?, json: Vec::new() })
}
