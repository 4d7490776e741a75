//! From the wire to the framework's nouns. Same order of functions as in `encode`.

use super::dynamic_value::{self, Malformed};
use super::wire_types as wire;
use crate::framework::{Block, Diagnostics, NestedBlock, Nesting, Object, Value, Walk};

/// Reads an object that may be null. `what` names it in the diagnostic.
pub(super) fn object(
    what: &str,
    value: Option<&wire::DynamicValue>,
    block: &Block,
) -> Result<Option<Object>, Diagnostics> {
    let value = dynamic_value::decode(value, &block.value_type());
    as_object(what, value.map_err(|error| unreadable(what, &error))?)
}

/// Reads an object that must be there.
pub(super) fn present_object(
    what: &str,
    value: Option<&wire::DynamicValue>,
    block: &Block,
) -> Result<Object, Diagnostics> {
    object(what, value, block)?.ok_or_else(|| {
        complaint(what, "there is none, though the protocol asks for one in this call")
    })
}

/// Reads a stored state. What the schema has and the state lacks is null, or no blocks.
pub(super) fn stored_state(
    raw: Option<&wire::RawState>,
    block: &Block,
) -> Result<Option<Object>, Diagnostics> {
    let what = "the stored state";
    let Some(raw) = raw else { return Ok(None) };
    if raw.json.is_empty() {
        if raw.flatmap.is_empty() {
            return Ok(None);
        }
        return Err(complaint(
            what,
            "it was written by Terraform 0.11 or older, which this provider never supported",
        ));
    }
    let value = dynamic_value::decode_json(&raw.json, &block.value_type());
    let mut object = as_object(what, value.map_err(|error| unreadable(what, &error))?)?;
    if let Some(object) = &mut object {
        fill_absent_blocks(block, object);
    }
    Ok(object)
}

/// Which walk a call belongs to, as far as the client's capabilities tell.
///
/// Terraform from 1.9 sets `deferral_allowed` in the apply walk (`internal/terraform/context_apply.go`)
/// and otherwise only with the experimental `-allow-deferral`, or in a Stack. Not to be asked of an
/// engine that [`says_nothing_of_walks`].
pub(super) fn walk(capabilities: Option<&wire::ClientCapabilities>) -> Walk {
    if capabilities.is_some_and(|client| client.deferral_allowed) {
        Walk::Apply
    } else {
        Walk::Unsaid
    }
}

/// Whether an engine of this version may set `deferral_allowed` in every walk: OpenTofu 1.11.0 to
/// 1.11.3 do. OpenTofu tells its own version up to 1.11. A Terraform of the same version cannot be
/// told from it, and loses no more than what engines without the capability do not say either.
pub(super) fn says_nothing_of_walks(version: &str) -> bool {
    let Some(rest) = version.strip_prefix("1.11.") else { return false };
    let patch = rest.split(|c: char| !c.is_ascii_digit()).next();
    patch.and_then(|patch| patch.parse::<u32>().ok()).is_some_and(|patch| patch <= 3)
}

/// Whether the client keeps write-only attributes out of state: Terraform and OpenTofu from 1.11.
pub(super) fn allows_write_only(capabilities: Option<&wire::ClientCapabilities>) -> bool {
    capabilities.is_some_and(|client| client.write_only_attributes_allowed)
}

fn as_object(what: &str, value: Value) -> Result<Option<Object>, Diagnostics> {
    match value {
        Value::Object(object) => Ok(Some(object)),
        Value::Null => Ok(None),
        Value::Unknown
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Dynamic(_) => Err(complaint(what, "it is unknown as a whole")),
    }
}

/// Blocks are never null but for single ones: none are an empty collection.
fn fill_absent_blocks(block: &Block, object: &mut Object) {
    for (name, nested) in &block.blocks {
        if let Some(value) = object.get_mut(name) {
            fill_absent_block(nested, value);
        }
    }
}

fn fill_absent_block(nested: &NestedBlock, value: &mut Value) {
    match (nested.nesting, &*value) {
        (Nesting::List | Nesting::Set, Value::Null) => *value = Value::List(Vec::new()),
        (Nesting::Map, Value::Null) => *value = Value::Map(Object::new()),
        _ => {}
    }
    match value {
        Value::List(items) => {
            items.iter_mut().for_each(|item| fill_absent_inside(&nested.block, item));
        }
        Value::Map(items) => {
            items.values_mut().for_each(|item| fill_absent_inside(&nested.block, item));
        }
        Value::Null
        | Value::Unknown
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Object(_)
        | Value::Dynamic(_) => fill_absent_inside(&nested.block, value),
    }
}

fn fill_absent_inside(block: &Block, value: &mut Value) {
    if let Value::Object(object) = value {
        fill_absent_blocks(block, object);
    }
}

fn unreadable(what: &str, error: &Malformed) -> Diagnostics {
    complaint(what, &error.to_string())
}

fn complaint(what: &str, reason: &str) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.error(
        format!("The provider cannot read {what}"),
        format!(
            "What was sent does not fit the provider's schema: {reason}.\n\nIf the provider was \
             changed while this command ran, run the command again. Otherwise this is a bug in \
             the provider, Terraform or OpenTofu: please report it."
        ),
    );
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_says_whose_fault_it_may_be() {
        let told = complaint("the configuration", "`all` is no bool").0.remove(0);
        assert_eq!(told.summary, "The provider cannot read the configuration");
        assert_eq!(
            told.detail,
            "What was sent does not fit the provider's schema: `all` is no bool.\n\nIf the provider \
             was changed while this command ran, run the command again. Otherwise this is a bug in \
             the provider, Terraform or OpenTofu: please report it."
        );
    }
}
