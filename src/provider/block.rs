//! The schema of the provider block.

use std::collections::BTreeMap;

use crate::access::{self, Setting, Shape};
use crate::framework::{Attribute, Block, Mode, Nesting, Schema, Type};

/// The schema of the provider block.
pub(super) fn schema() -> Schema {
    let plain = |kind, text: &'static str| Attribute::plain(kind, Mode::Optional, text);
    let mut attributes: BTreeMap<String, Attribute> = [
        ("plan_preview", plain(Type::Bool, "Whether a plan lists the sessions that a pending run of a resource or action would terminate now. Default `true`.")),
        ("let_go", plain(Type::Set(Box::new(Type::String)), "The `id`s of managed blocks whose destroy may go on although it fails, for a block that is gone from the configuration or is being replaced, so that its arguments cannot be changed any more. The destroy is tried as always, with all its guards; its failure is then a warning. Ids in the environment's `SESSION_LET_GO`, separated by commas, are added. See [A destroy that is held back](guides/tearing-down.md#a-destroy-that-is-held-back).")),
        ("dry_run", plain(Type::Bool, "`true` makes every run a dry run, whatever the blocks say. Default `false`. It holds nothing back: a destroy goes on, and what a termination depends on is destroyed with everybody still connected.")),
        ("max_concurrency", plain(Type::Number, "Maximum number of concurrent API calls of the whole provider process. No target takes more than half of them while another waits. Default 8.")),
        ("audit_log", plain(Type::String, "A file to which every run and every terminated session is appended as a JSON line, before the result is reported. If it cannot be written, nothing is terminated. See [The audit log](guides/audit-log.md).")),
    ]
    .map(|(name, one)| (name.to_owned(), one))
    .into();
    for platform in access::ALL {
        let text = format!(
            "Access to {}. Only needed if one of its services is used; everything can come from the environment.",
            platform.title()
        );
        attributes.insert(
            platform.name().to_owned(),
            Attribute::object(nested(platform.settings()), Mode::Optional, text),
        );
    }
    let description =
        "Terminates live sessions through the clouds' own APIs, or the server's own protocol."
            .to_owned();
    Schema { version: 0, block: Block { description, attributes, blocks: BTreeMap::new() } }
}

fn nested(settings: &[Setting]) -> BTreeMap<String, Attribute> {
    settings.iter().map(|one| (one.name.to_owned(), attribute(one))).collect()
}

fn attribute(setting: &Setting) -> Attribute {
    let mut text = setting.description.to_owned();
    if !setting.env.is_empty() {
        let names: Vec<String> = setting.env.iter().map(|name| format!("`{name}`")).collect();
        text = format!("{text} Environment: {}.", names.join(", "));
    }
    let one = match setting.shape {
        Shape::Text => Attribute::plain(Type::String, Mode::Optional, text),
        Shape::Bool => Attribute::plain(Type::Bool, Mode::Optional, text),
        Shape::Integer => Attribute::plain(Type::Number, Mode::Optional, text),
        Shape::Texts => Attribute::plain(Type::List(Box::new(Type::String)), Mode::Optional, text),
        Shape::Labels => Attribute::plain(Type::Map(Box::new(Type::String)), Mode::Optional, text),
        Shape::Map(keys) => Attribute::object(
            keys.iter()
                .map(|key| {
                    let text = format!(
                        "Address of `{key}`, like `https://host`; `http://` only on this machine."
                    );
                    ((*key).to_owned(), Attribute::plain(Type::String, Mode::Optional, text))
                })
                .collect(),
            Mode::Optional,
            text,
        ),
        Shape::Object(inner) => Attribute::object(nested(inner), Mode::Optional, text),
        Shape::Objects(inner) => Attribute::new(
            crate::framework::Kind::Nested(Nesting::List, nested(inner)),
            Mode::Optional,
            text,
        ),
    };
    if setting.sensitive { one.sensitive() } else { one }
}
