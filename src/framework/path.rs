//! Where in a configuration a value stands.

use std::fmt;

/// Steps from the root of a configuration body to one value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(pub Vec<Step>);

/// One step. Elements of a set have no address: a path ends at the set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Into an attribute or block by name.
    Attribute(String),
    /// Into a map by key.
    Key(String),
    /// Into a list by position, from 0.
    Index(i64),
}

impl Path {
    /// The path of a root attribute or block.
    pub fn root(name: impl Into<String>) -> Path {
        Path(vec![Step::Attribute(name.into())])
    }

    /// This path and one attribute deeper.
    #[must_use]
    pub fn attribute(&self, name: impl Into<String>) -> Path {
        self.then(Step::Attribute(name.into()))
    }

    /// This path and one step deeper.
    #[must_use]
    pub fn then(&self, step: Step) -> Path {
        let mut steps = self.0.clone();
        steps.push(step);
        Path(steps)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            match step {
                Step::Attribute(name) if position == 0 => f.write_str(name)?,
                Step::Attribute(name) => write!(f, ".{name}")?,
                Step::Key(key) => write!(f, "[{key:?}]")?,
                Step::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}
