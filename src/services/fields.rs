//! What a list tells of one session.
//!
//! A session has ten values or so, and a survey has thousands of sessions: the values stand in one
//! piece of memory, and a name is found by looking along it.

/// The values of a session's columns, in the order of the spec's columns. What the list does not
/// tell is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields(Vec<(&'static str, Field)>);

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Text.
    Text(String),
    /// A whole number, in the column's unit.
    Integer(i64),
    /// Yes or no.
    Bool(bool),
}

impl Fields {
    /// The value of the column of this name.
    pub fn get(&self, name: &str) -> Option<&Field> {
        self.iter().find(|(known, _)| *known == name).map(|(_, field)| field)
    }

    /// The values that are told, each with its column's name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &Field)> {
        self.0.iter().map(|(name, field)| (*name, field))
    }

    /// Leaves a column untold.
    #[cfg(test)]
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }

    /// Puts a value in the place of what there is, or at the end.
    #[cfg(test)]
    pub(crate) fn insert(&mut self, name: &'static str, field: Field) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, field));
    }
}

impl FromIterator<(&'static str, Option<Field>)> for Fields {
    fn from_iter<T: IntoIterator<Item = (&'static str, Option<Field>)>>(columns: T) -> Fields {
        let columns = columns.into_iter();
        let (least, most) = columns.size_hint();
        let mut fields = Vec::with_capacity(most.unwrap_or(least));
        fields.extend(columns.filter_map(|(name, field)| Some((name, field?))));
        Fields(fields)
    }
}

impl<const N: usize> From<[(&'static str, Field); N]> for Fields {
    fn from(columns: [(&'static str, Field); N]) -> Fields {
        Fields(columns.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_that_the_list_does_not_tell_is_left_out() {
        let columns =
            [("user", None), ("idle", Some(Field::Integer(5))), ("on", Some(Field::Bool(true)))];
        let mut fields: Fields = columns.into_iter().collect();
        assert_eq!(fields.get("user"), None);
        assert_eq!(fields.get("idle"), Some(&Field::Integer(5)));
        let names: Vec<&str> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["idle", "on"]);
        fields.insert("idle", Field::Integer(6));
        assert_eq!(fields.get("idle"), Some(&Field::Integer(6)));
        assert_eq!(fields.iter().len(), 2);
    }
}
