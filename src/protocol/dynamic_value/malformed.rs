//! Why bytes and a type, or a value and a type, do not go together, and where.

use std::fmt;

use crate::framework::{Path, Step, Type, Value};

/// A misfit and its place, found from the inside out.
#[derive(Debug)]
pub struct Malformed {
    /// From the innermost step to the root.
    steps: Vec<Step>,
    reason: Reason,
}

/// What is wrong.
#[derive(Debug, thiserror::Error)]
pub(super) enum Reason {
    /// The bytes end inside a value.
    #[error("the bytes end in the middle of a value")]
    Truncated,
    /// There are bytes after the value.
    #[error("{0} bytes follow the value")]
    Trailing(usize),
    /// Values or types are nested too deep.
    #[error("values are nested more than {} deep", super::MAX_DEPTH)]
    Deep,
    /// Something else than what the type asks for.
    #[error("expected {expected}, found {found}")]
    Unfit {
        /// What the type asks for.
        expected: &'static str,
        /// What is there.
        found: String,
    },
    /// An attribute that the schema does not have.
    #[error("there is no attribute of this name")]
    Surplus,
    /// An attribute that must be there, at least as null.
    #[error("the attribute is missing")]
    Missing,
    /// A key that stands twice.
    #[error("the key stands twice")]
    Repeated,
    /// Text that is not UTF-8.
    #[error("the text is not UTF-8")]
    NotText,
    /// JSON that cannot be read.
    #[error("the JSON cannot be read (line {line}, column {column})")]
    Json {
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// Too many elements for the format.
    #[error("there are more than 4294967295 elements or bytes")]
    Long,
}

impl Malformed {
    /// The misfit of something found where something else was expected.
    pub(super) fn unfit(expected: &'static str, found: impl Into<String>) -> Malformed {
        Reason::Unfit { expected, found: found.into() }.into()
    }

    /// The misfit of a value and a type; the value itself is not told, it may be a secret.
    pub(super) fn misfit(kind: &Type, value: &Value) -> Malformed {
        Malformed::unfit(name_of(kind), kind_of(value))
    }

    /// The same misfit, one step further from the root.
    pub(super) fn under(mut self, step: Step) -> Malformed {
        self.steps.push(step);
        self
    }

    /// The same misfit of an element, by its position in a list, set or tuple. Elements of sets have
    /// no address, so the place of a misfit in one is the set.
    pub(super) fn at(mut self, kind: &Type, position: i64) -> Malformed {
        if matches!(kind, Type::Set(_)) {
            self.steps.clear();
            return self;
        }
        self.under(Step::Index(position))
    }

    /// Where it is; the root has no steps.
    pub fn path(&self) -> Path {
        Path(self.steps.iter().rev().cloned().collect())
    }
}

impl From<Reason> for Malformed {
    fn from(reason: Reason) -> Self {
        Malformed { steps: Vec::new(), reason }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.steps.is_empty() {
            write!(f, "`{}`: ", self.path())?;
        }
        self.reason.fmt(f)
    }
}

impl std::error::Error for Malformed {}

/// Fails where nesting goes too deep.
pub(super) fn check_depth(depth: usize) -> Result<(), Malformed> {
    if depth > super::MAX_DEPTH { Err(Reason::Deep.into()) } else { Ok(()) }
}

/// A type's name in messages.
pub(super) fn name_of(kind: &Type) -> &'static str {
    match kind {
        Type::Bool => "a bool",
        Type::Number => "a number",
        Type::String => "a string",
        Type::Dynamic => "a value with its type",
        Type::List(_) => "a list",
        Type::Set(_) => "a set",
        Type::Map(_) => "a map",
        Type::Object(_) => "an object",
        Type::Tuple(_) => "a tuple of the right length",
    }
}

/// A value's kind in messages.
fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Unknown => "an unknown value",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::List(_) => "a list, set or tuple",
        Value::Map(_) => "a map",
        Value::Object(_) => "an object",
        Value::Dynamic(_) => "a value with its type",
    }
}
