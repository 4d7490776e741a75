//! The provider block's arguments of a cloud as data, and the values that were given for them.
//!
//! A cloud lists its arguments in a table of [`Setting`]s; schema and documentation are built from
//! it. What a user wrote arrives as [`Given`], which knows nothing of Terraform. Reading the
//! environment and profile files is each cloud's own second step.

use std::collections::BTreeMap;
use std::fmt;

use super::Secret;

/// One argument of a cloud's part of the provider block.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Terraform's name, like `access_key`.
    pub name: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Environment variables that stand in for it; the first that is set counts.
    pub env: &'static [&'static str],
    /// Whether its value is a secret.
    pub sensitive: bool,
    /// Markdown, a sentence or two, without the variables.
    pub description: &'static str,
}

impl Setting {
    /// A text argument.
    pub const fn text(
        name: &'static str,
        env: &'static [&'static str],
        description: &'static str,
    ) -> Setting {
        Setting { name, shape: Shape::Text, env, sensitive: false, description }
    }

    /// The same holding another shape.
    #[must_use]
    pub const fn shaped(mut self, shape: Shape) -> Setting {
        self.shape = shape;
        self
    }

    /// The same as a secret.
    #[must_use]
    pub const fn secret(mut self) -> Setting {
        self.sensitive = true;
        self
    }
}

/// What a [`Setting`] holds.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// Yes or no.
    Bool,
    /// A whole number.
    Integer,
    /// A list of texts.
    Texts,
    /// A map of texts with any keys.
    Labels,
    /// A map of texts with these keys at most.
    Map(&'static [&'static str]),
    /// One object with these arguments, all optional.
    Object(&'static [Setting]),
    /// A list of such objects.
    Objects(&'static [Setting]),
}

/// The arguments that were given, by name. What was not given, or is null, is absent.
#[derive(Clone, Default)]
pub struct Given(pub BTreeMap<String, Value>);

/// A value of an argument, of the [`Shape`] of the same name.
#[derive(Clone)]
pub enum Value {
    /// A text.
    Text(String),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A list of texts.
    Texts(Vec<String>),
    /// A map of texts, of [`Shape::Labels`] as well.
    Map(BTreeMap<String, String>),
    /// One object.
    Object(Given),
    /// A list of objects.
    Objects(Vec<Given>),
}

impl Given {
    /// A text that is not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        match self.0.get(name) {
            Some(Value::Text(text)) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    /// A secret text that is not empty.
    pub fn secret(&self, name: &str) -> Option<Secret> {
        self.text(name).map(Secret::new)
    }

    /// Yes or no.
    pub fn bool(&self, name: &str) -> Option<bool> {
        match self.0.get(name) {
            Some(Value::Bool(yes)) => Some(*yes),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.0.get(name) {
            Some(Value::Integer(number)) => Some(*number),
            _ => None,
        }
    }

    /// The texts of a list that are not empty; none if it was not given.
    pub fn texts(&self, name: &str) -> Vec<String> {
        match self.0.get(name) {
            Some(Value::Texts(all)) => all.iter().filter(|one| !one.is_empty()).cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// A map of texts; empty if it was not given.
    pub fn map(&self, name: &str) -> BTreeMap<String, String> {
        match self.0.get(name) {
            Some(Value::Map(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// The objects of a list, or the one object; none if it was not given.
    pub fn objects(&self, name: &str) -> &[Given] {
        match self.0.get(name) {
            Some(Value::Object(one)) => std::slice::from_ref(one),
            Some(Value::Objects(many)) => many,
            _ => &[],
        }
    }
}

impl fmt::Debug for Given {
    /// Names only: a value may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}
