//! The `## Schema` section of a page: what may be written and what can be read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::framework::{Attribute, Block, Kind, Mode, NestedBlock, Nesting, Type};

/// The whole section, nested schemas at its end.
pub(super) fn section(block: &Block) -> String {
    let mut text = String::from("## Schema\n");
    let empty = BTreeMap::new();
    let mut nested = Vec::new();
    lists(&mut text, "###", &block.attributes, &block.blocks, "", &mut nested);
    while let Some((path, inner)) = nested.pop() {
        let _ = write!(
            text,
            "\n<a id=\"nestedatt--{}\"></a>\n### Nested Schema for `{path}`\n",
            anchor(&path)
        );
        let mut deeper = Vec::new();
        match inner {
            Inner::Attributes(attributes) => {
                lists(&mut text, "####", attributes, &empty, &path, &mut deeper)
            }
            Inner::Block(one) => {
                lists(
                    &mut text,
                    "####",
                    &one.block.attributes,
                    &one.block.blocks,
                    &path,
                    &mut deeper,
                );
            }
        }
        nested.extend(deeper);
    }
    text
}

enum Inner<'a> {
    Attributes(&'a BTreeMap<String, Attribute>),
    Block(&'a NestedBlock),
}

/// The attributes by who sets them, then the blocks.
fn lists<'a>(
    text: &mut String,
    heading: &str,
    attributes: &'a BTreeMap<String, Attribute>,
    blocks: &'a BTreeMap<String, NestedBlock>,
    path: &str,
    nested: &mut Vec<(String, Inner<'a>)>,
) {
    let mut found = Vec::new();
    for (title, modes) in [
        ("Required", &[Mode::Required][..]),
        ("Optional", &[Mode::Optional, Mode::OptionalComputed]),
        ("Read-Only", &[Mode::Computed]),
    ] {
        let chosen: Vec<_> =
            attributes.iter().filter(|(_, one)| modes.contains(&one.mode)).collect();
        let with_blocks = title == "Optional" && !blocks.is_empty();
        if chosen.is_empty() && !with_blocks {
            continue;
        }
        let _ = write!(text, "\n{heading} {title}\n\n");
        for (name, attribute) in chosen {
            let at = join(path, name);
            let _ = write!(text, "- `{name}` ({}) {}", label(attribute), attribute.description);
            if let Kind::Nested(_, inner) = &attribute.kind {
                let _ =
                    write!(text, " (see [below for nested schema](#nestedatt--{}))", anchor(&at));
                found.push((at, Inner::Attributes(inner)));
            }
            text.push('\n');
        }
        if with_blocks {
            for (name, block) in blocks {
                let at = join(path, name);
                let _ = writeln!(
                    text,
                    "- `{name}` (Block) {} (see [below for nested schema](#nestedatt--{}))",
                    block.block.description,
                    anchor(&at)
                );
                found.push((at, Inner::Block(block)));
            }
        }
    }
    // Taken from the end: first found, first shown.
    nested.extend(found.into_iter().rev());
}

fn label(attribute: &Attribute) -> String {
    let kind = match &attribute.kind {
        Kind::Plain(kind) => type_name(kind),
        Kind::Nested(Nesting::Single, _) => "Attributes".to_owned(),
        Kind::Nested(Nesting::List, _) => "Attributes List".to_owned(),
        Kind::Nested(Nesting::Set, _) => "Attributes Set".to_owned(),
        Kind::Nested(Nesting::Map, _) => "Attributes Map".to_owned(),
    };
    if attribute.sensitive { format!("{kind}, Sensitive") } else { kind }
}

fn type_name(kind: &Type) -> String {
    match kind {
        Type::Bool => "Boolean".to_owned(),
        Type::Number => "Number".to_owned(),
        Type::String => "String".to_owned(),
        Type::Dynamic => "Dynamic".to_owned(),
        Type::List(inner) => format!("List of {}", type_name(inner)),
        Type::Set(inner) => format!("Set of {}", type_name(inner)),
        Type::Map(inner) => format!("Map of {}", type_name(inner)),
        Type::Object(_) => "Object".to_owned(),
        Type::Tuple(_) => "Tuple".to_owned(),
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn anchor(path: &str) -> String {
    path.replace('.', "--")
}
