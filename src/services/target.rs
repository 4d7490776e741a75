//! What a run is aimed at.

use std::collections::BTreeMap;

use super::spec::{Shape, Spec};

/// What a run is aimed at: the values of the spec's [`Input`](super::Input)s that were given. A
/// flag that is set is `true`; one that is not is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target(pub BTreeMap<&'static str, String>);

/// An argument that cannot be right: its name, and a rule, `must …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub &'static str, pub String);

impl Target {
    /// The value of an input.
    pub fn get(&self, input: &str) -> Option<&str> {
        self.0.get(input).map(String::as_str)
    }

    /// It for people, like `cn-north-4/i-1/n-2` or `db.example:5432/app`.
    pub fn label(&self, spec: &Spec, region: Option<&str>) -> String {
        let mut label = region.unwrap_or_default().to_owned();
        for input in spec.inputs {
            let Some(value) = self.get(input.name) else { continue };
            let (between, part) = match input.shape {
                Shape::Text => ('/', value),
                Shape::Port => (':', value),
                Shape::Flag => ('/', input.name),
            };
            if !label.is_empty() {
                label.push(between);
            }
            label.push_str(part);
        }
        label
    }

    /// Whether it is a part of another target: one machine of all, one node of an instance. An
    /// equal one is none.
    pub fn narrows(&self, spec: &Spec, other: &Target) -> bool {
        let mut wide = self.clone();
        if let Some(width) = spec.width
            && wide.0.remove(width.part).is_some()
        {
            wide.0.insert(width.whole, "true".to_owned());
            return wide == *other;
        }
        let node = wide.0.remove("node_id");
        node.is_some() && wide == *other
    }
}
