//! From the framework's nouns to the wire. Same order of functions as in `decode`.

use std::collections::BTreeMap;

use super::brief::brief;
use super::dynamic_value::{self, type_to_json};
use super::wire_types as wire;
use crate::framework::{
    Attribute, Block, Diagnostic, Diagnostics, Kind, Mode, NestedBlock, Nesting, Object, Path,
    Schema, Severity, Step, Value,
};

/// Writes an object, or null. `what` names it in the diagnostic: a misfit is a bug of the face.
pub(super) fn object(
    what: &str,
    object: Option<Object>,
    block: &Block,
) -> Result<wire::DynamicValue, Diagnostics> {
    let value = object.map_or(Value::Null, Value::Object);
    dynamic_value::encode(&value, &block.value_type()).map_err(|error| {
        Diagnostic {
            severity: Severity::Error,
            summary: format!("The provider made {what} wrongly"),
            detail: format!(
                "It does not fit the provider's own schema: {error}.\n\nThis is a bug in the \
                 provider: please report it."
            ),
            path: Some(error.path()),
        }
        .into()
    })
}

/// Writes a schema.
pub(super) fn schema(schema: &Schema) -> wire::Schema {
    let mut block = self::block(&schema.block);
    block.version = schema.version;
    wire::Schema { version: schema.version, block: Some(block) }
}

/// Writes messages in their order.
pub(super) fn diagnostics(diagnostics: Diagnostics) -> Vec<wire::Diagnostic> {
    diagnostics.0.into_iter().map(diagnostic).collect()
}

/// Writes a path.
pub(super) fn path(path: &Path) -> wire::AttributePath {
    use wire::attribute_path::step::Selector;
    let step = |step: &Step| wire::attribute_path::Step {
        selector: Some(match step {
            Step::Attribute(name) => Selector::AttributeName(name.clone()),
            Step::Key(key) => Selector::ElementKeyString(key.clone()),
            Step::Index(index) => Selector::ElementKeyInt(*index),
        }),
    };
    wire::AttributePath { steps: path.0.iter().map(step).collect() }
}

fn diagnostic(one: Diagnostic) -> wire::Diagnostic {
    let severity = match one.severity {
        Severity::Error => wire::diagnostic::Severity::Error,
        Severity::Warning => wire::diagnostic::Severity::Warning,
    };
    wire::Diagnostic {
        severity: severity.into(),
        summary: one.summary,
        detail: one.detail,
        // An empty path is none: Terraform then points at the block.
        attribute: one.path.filter(|path| !path.0.is_empty()).map(|one| path(&one)),
    }
}

fn block(block: &Block) -> wire::schema::Block {
    wire::schema::Block {
        version: 0,
        attributes: attributes(&block.attributes),
        block_types: block.blocks.iter().map(|(name, one)| nested_block(name, one)).collect(),
        description: brief(&block.description),
        description_kind: wire::StringKind::Markdown.into(),
        deprecated: false,
        deprecation_message: String::new(),
        computed: false,
    }
}

fn attributes(all: &BTreeMap<String, Attribute>) -> Vec<wire::schema::Attribute> {
    all.iter().map(|(name, one)| attribute(name, one)).collect()
}

fn attribute(name: &str, attribute: &Attribute) -> wire::schema::Attribute {
    let (kind, nested_type) = match &attribute.kind {
        Kind::Plain(kind) => (type_to_json(kind), None),
        Kind::Nested(nesting, inner) => (Vec::new(), Some(nested_type(*nesting, inner))),
    };
    wire::schema::Attribute {
        name: name.to_owned(),
        r#type: kind,
        nested_type,
        description: brief(&attribute.description),
        description_kind: wire::StringKind::Markdown.into(),
        required: attribute.mode == Mode::Required,
        optional: matches!(attribute.mode, Mode::Optional | Mode::OptionalComputed),
        computed: attribute.is_computed(),
        sensitive: attribute.sensitive,
        write_only: attribute.write_only,
        deprecated: attribute.deprecated.is_some(),
        // Terraform refuses a message without `deprecated`.
        deprecation_message: attribute.deprecated.clone().unwrap_or_default(),
    }
}

fn nested_type(nesting: Nesting, inner: &BTreeMap<String, Attribute>) -> wire::schema::Object {
    use wire::schema::object::NestingMode;
    let nesting = match nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    wire::schema::Object { attributes: attributes(inner), nesting: nesting.into() }
}

fn nested_block(name: &str, nested: &NestedBlock) -> wire::schema::NestedBlock {
    use wire::schema::nested_block::NestingMode;
    let nesting = match nested.nesting {
        Nesting::Single => NestingMode::Single,
        Nesting::List => NestingMode::List,
        Nesting::Set => NestingMode::Set,
        Nesting::Map => NestingMode::Map,
    };
    wire::schema::NestedBlock {
        type_name: name.to_owned(),
        block: Some(block(&nested.block)),
        nesting: nesting.into(),
        min_items: nested.min_items,
        max_items: nested.max_items,
    }
}
