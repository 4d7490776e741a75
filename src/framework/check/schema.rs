//! Whether Terraform would take a schema: its `InternalValidate`.

use std::collections::BTreeMap;

use crate::framework::{
    Attribute, Block, Kind, Mode, NestedBlock, Nesting, Path, Schema, Step, Type,
};

/// Why a schema would be refused by Terraform, with the place. Empty if it is sound.
pub fn schema_faults(schema: &Schema) -> Vec<String> {
    let mut faults = Faults(Vec::new());
    faults.block(&schema.block, &Path::default(), InSet::No);
    faults.0
}

/// Whether the place is inside a set, whose elements must be comparable as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InSet {
    No,
    Yes,
}

impl InSet {
    fn and(self, nesting: Nesting) -> InSet {
        if nesting == Nesting::Set { InSet::Yes } else { self }
    }
}

struct Faults(Vec<String>);

impl Faults {
    fn add(&mut self, path: &Path, fault: &str) {
        self.0.push(format!("`{path}`: {fault}"));
    }

    fn block(&mut self, block: &Block, path: &Path, in_set: InSet) {
        self.attributes(&block.attributes, path, in_set);
        for (name, nested) in &block.blocks {
            let path = path.attribute(name);
            self.name(name, &path);
            if block.attributes.contains_key(name) {
                self.add(&path, "an attribute has the same name");
            }
            self.bounds(nested, &path);
            self.block(&nested.block, &path, in_set.and(nested.nesting));
        }
    }

    fn bounds(&mut self, block: &NestedBlock, path: &Path) {
        let (min, max) = (block.min_items, block.max_items);
        match block.nesting {
            Nesting::Single if min != max || !(0..=1).contains(&min) => {
                self.add(path, "a single block needs min_items and max_items both 0 or both 1");
            }
            Nesting::Map if (min, max) != (0, 0) => {
                self.add(path, "a map of blocks has no min_items and no max_items");
            }
            Nesting::List | Nesting::Set if min < 0 || max < 0 || (max > 0 && min > max) => {
                self.add(path, "min_items must be from 0 to max_items, max_items 0 for no bound");
            }
            Nesting::Single | Nesting::Map | Nesting::List | Nesting::Set => {}
        }
    }

    fn attributes(&mut self, all: &BTreeMap<String, Attribute>, path: &Path, in_set: InSet) {
        for (name, attribute) in all {
            self.attribute(attribute, &path.attribute(name), in_set);
        }
    }

    fn attribute(&mut self, attribute: &Attribute, path: &Path, in_set: InSet) {
        if let Some(Step::Attribute(name)) = path.0.last() {
            self.name(name, path);
        }
        if attribute.write_only {
            if !matches!(attribute.mode, Mode::Required | Mode::Optional) {
                self.add(path, "a write-only attribute must be required or optional");
            }
            if in_set == InSet::Yes {
                self.add(path, "a set must not hold write-only attributes");
            }
        }
        match &attribute.kind {
            Kind::Plain(kind) => self.kind(kind, path, in_set),
            Kind::Nested(nesting, inner) => self.attributes(inner, path, in_set.and(*nesting)),
        }
    }

    fn kind(&mut self, kind: &Type, path: &Path, in_set: InSet) {
        match kind {
            Type::Dynamic if in_set == InSet::Yes => {
                self.add(path, "a set must not hold dynamic values");
            }
            Type::Bool | Type::Number | Type::String | Type::Dynamic => {}
            Type::Set(inner) => self.kind(inner, path, InSet::Yes),
            Type::List(inner) | Type::Map(inner) => {
                if **inner == Type::Dynamic && in_set == InSet::No {
                    self.add(path, "elements of a list or map must have one type, not dynamic");
                }
                self.kind(inner, path, in_set);
            }
            Type::Object(fields) => fields.values().for_each(|one| self.kind(one, path, in_set)),
            Type::Tuple(kinds) => kinds.iter().for_each(|one| self.kind(one, path, in_set)),
        }
    }

    fn name(&mut self, name: &str, path: &Path) {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || !name.bytes().all(allowed) {
            self.add(path, "a name has lowercase letters, digits and underscores only");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: Type, mode: Mode) -> Attribute {
        Attribute::plain(kind, mode, "")
    }

    fn faults(attributes: Vec<(&str, Attribute)>, blocks: Vec<(&str, NestedBlock)>) -> String {
        let block = Block {
            description: String::new(),
            attributes: attributes.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
            blocks: blocks.into_iter().map(|(k, v)| (k.to_owned(), v)).collect(),
        };
        schema_faults(&Schema { version: 0, block }).join("; ")
    }

    fn nested(nesting: Nesting, min_items: i64, max_items: i64) -> NestedBlock {
        NestedBlock { nesting, block: Block::default(), min_items, max_items }
    }

    #[test]
    fn sound_schemas_have_no_faults() {
        let set = Type::Set(Box::new(Type::String));
        let blocks = vec![
            ("a", nested(Nesting::Single, 1, 1)),
            ("b", nested(Nesting::List, 2, 0)),
            ("c", nested(Nesting::Set, 0, 3)),
            ("d", nested(Nesting::Map, 0, 0)),
        ];
        let attributes = vec![
            ("id", attribute(set, Mode::OptionalComputed)),
            ("any_2", attribute(Type::Dynamic, Mode::Required)),
        ];
        assert_eq!(faults(attributes, blocks), "");
    }

    #[test]
    fn a_faulty_attribute_is_named_with_the_rule_it_breaks() {
        let mut secret = attribute(Type::String, Mode::Computed);
        secret.write_only = true;
        let mut fine = attribute(Type::String, Mode::Optional);
        fine.write_only = true;
        let in_set = Attribute::new(
            Kind::Nested(Nesting::Set, BTreeMap::from([("x".to_owned(), fine)])),
            Mode::Optional,
            "",
        );
        let dynamic_set =
            Type::Set(Box::new(Type::Object([("x".to_owned(), Type::Dynamic)].into())));
        let dynamic_list = Type::List(Box::new(Type::Dynamic));
        for (name, one, expected) in [
            ("Big", attribute(Type::Bool, Mode::Optional), "lowercase"),
            ("a", secret, "must be required or optional"),
            ("a", in_set, "`a.x`: a set must not hold write-only"),
            ("a", attribute(dynamic_set, Mode::Optional), "must not hold dynamic"),
            ("a", attribute(dynamic_list, Mode::Optional), "one type, not dynamic"),
        ] {
            let found = faults(vec![(name, one)], vec![]);
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn a_faulty_block_is_named_with_the_rule_it_breaks() {
        for (name, one, expected) in [
            ("a", nested(Nesting::Single, 0, 1), "both 0 or both 1"),
            ("a", nested(Nesting::Single, 2, 2), "both 0 or both 1"),
            ("a", nested(Nesting::Map, 0, 1), "no min_items"),
            ("a", nested(Nesting::List, 3, 2), "from 0 to max_items"),
            ("a", nested(Nesting::Set, -1, 2), "from 0 to max_items"),
            ("a-b", nested(Nesting::Set, 0, 0), "lowercase"),
            ("taken", nested(Nesting::Set, 0, 0), "same name"),
        ] {
            let taken = vec![("taken", attribute(Type::Bool, Mode::Optional))];
            let found = faults(taken, vec![(name, one)]);
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }
}
