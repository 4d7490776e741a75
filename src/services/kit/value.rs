//! Values of a list. Clouds document a number and send a text, or the other way round, and send
//! null, an empty text or nothing for what they do not know.

use serde::Deserialize;
use serde_json::{Number, Value};

use crate::access::Answer;
use crate::services::{Column, Error, Field, Fields, Role, Unit};

/// A value as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub(in crate::services) enum Told {
    /// Absent, or null.
    #[default]
    Nothing,
    /// A text, perhaps empty.
    Text(String),
    /// A number.
    Number(Number),
    /// Yes or no.
    Bool(bool),
    /// A list or an object, where none belongs.
    Odd,
}

impl From<Value> for Told {
    fn from(value: Value) -> Told {
        match value {
            Value::Null => Told::Nothing,
            Value::String(text) => Told::Text(text),
            Value::Number(number) => Told::Number(number),
            Value::Bool(yes) => Told::Bool(yes),
            Value::Array(_) | Value::Object(_) => Told::Odd,
        }
    }
}

impl From<Option<String>> for Told {
    fn from(text: Option<String>) -> Told {
        text.map_or(Told::Nothing, Told::Text)
    }
}

impl From<Option<i64>> for Told {
    fn from(number: Option<i64>) -> Told {
        number.map_or(Told::Nothing, |number| Told::Number(number.into()))
    }
}

/// It is there, and is not what it should be.
struct Unreadable;

impl Told {
    /// The text, or the number or truth value as one; None if there is none, or an empty one.
    pub(in crate::services) fn filled(self) -> Option<String> {
        self.text().ok().flatten().filter(|text| !text.is_empty())
    }

    /// An id: as [`Told::filled`].
    ///
    /// # Errors
    /// [`Malformed`](crate::services::Kind::Malformed) if it is anything but text or number.
    pub(in crate::services) fn id(self, answer: &Answer) -> Result<Option<String>, Error> {
        match self {
            Told::Bool(_) | Told::Odd => {
                Err(answer.malformed("an id in the list is neither text nor number"))
            }
            Told::Nothing | Told::Text(_) | Told::Number(_) => Ok(self.filled()),
        }
    }

    /// A whole number; None if there is none, or an empty text.
    ///
    /// # Errors
    /// [`Malformed`](crate::services::Kind::Malformed) if it is anything else. `what` it is is told.
    pub(in crate::services) fn number(
        self,
        answer: &Answer,
        what: &str,
    ) -> Result<Option<i64>, Error> {
        self.whole().map_err(|_| answer.malformed(format!("`{what}` in the list is not a number")))
    }

    /// How many there are.
    ///
    /// # Errors
    /// As of [`Told::number`].
    pub(in crate::services) fn count(
        self,
        answer: &Answer,
        what: &str,
    ) -> Result<Option<usize>, Error> {
        let negative = |_| answer.malformed(format!("`{what}` of the list is negative"));
        let number = self.number(answer, what)?;
        number.map(|number| usize::try_from(number).map_err(negative)).transpose()
    }

    /// Yes or no, if it is that.
    pub(in crate::services) fn truth(&self) -> Option<bool> {
        match self {
            Told::Bool(yes) => Some(*yes),
            Told::Text(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Told::Text(text) if text.eq_ignore_ascii_case("false") => Some(false),
            Told::Nothing | Told::Text(_) | Told::Number(_) | Told::Odd => None,
        }
    }

    fn text(self) -> Result<Option<String>, Unreadable> {
        match self {
            Told::Nothing => Ok(None),
            Told::Text(text) => Ok(Some(text)),
            Told::Number(number) => Ok(Some(number.to_string())),
            Told::Bool(yes) => Ok(Some(yes.to_string())),
            Told::Odd => Err(Unreadable),
        }
    }

    fn whole(self) -> Result<Option<i64>, Unreadable> {
        match self {
            Told::Nothing => Ok(None),
            Told::Number(number) => match number.as_i64() {
                Some(whole) => Ok(Some(whole)),
                None => number.as_f64().and_then(floor).map(Some).ok_or(Unreadable),
            },
            Told::Text(text) => match text.trim() {
                "" => Ok(None),
                text => text
                    .parse()
                    .ok()
                    .or_else(|| text.parse().ok().and_then(floor))
                    .map(Some)
                    .ok_or(Unreadable),
            },
            Told::Bool(_) | Told::Odd => Err(Unreadable),
        }
    }

    fn field(self, column: &Column) -> Result<Option<Field>, Unreadable> {
        Ok(match column.unit {
            Unit::Text => {
                let text = self.text()?;
                // Everybody has an address: an empty one is not known.
                let known = |text: &String| column.role != Role::Client || !text.is_empty();
                text.filter(known).map(Field::Text)
            }
            Unit::Integer | Unit::Seconds => self.whole()?.map(Field::Integer),
            Unit::Bool if self == Told::Nothing => None,
            Unit::Bool => Some(Field::Bool(self.truth().ok_or(Unreadable)?)),
        })
    }
}

/// The whole part of a number that fits.
fn floor(number: f64) -> Option<i64> {
    // Larger ones are not exact, and no age or count is that large.
    (number.abs() < 9e15).then_some(number.floor() as i64)
}

/// What is told of a session, in the order of its spec's `columns`. An empty text is kept: that
/// there is no name is known, where null says nothing.
///
/// # Errors
/// [`Malformed`](crate::services::Kind::Malformed) if a column that a criterion looks at cannot be read: a
/// criterion that protects must not fail silently. One that is only shown is left out then.
pub(in crate::services) fn fields<const N: usize>(
    answer: &Answer,
    columns: &'static [Column],
    told: [(&'static str, Told); N],
) -> Result<Fields, Error> {
    debug_assert!(told.iter().map(|(name, _)| *name).eq(columns.iter().map(|one| one.name)));
    let read = |(column, (name, told)): (&'static Column, (&'static str, Told))| match told
        .field(column)
    {
        Ok(field) => Ok((name, field)),
        Err(Unreadable) if column.role == Role::Shown => Ok((name, None)),
        Err(Unreadable) => Err(answer.malformed(format!("`{name}` of a session cannot be read"))),
    };
    columns.iter().zip(told).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Kind;

    const COLUMNS: &[Column] = &[
        Column { name: "from", unit: Unit::Text, role: Role::Client, description: "" },
        Column { name: "user", unit: Unit::Text, role: Role::User, description: "" },
        Column { name: "idle", unit: Unit::Seconds, role: Role::Idle, description: "" },
        Column { name: "flags", unit: Unit::Text, role: Role::Shown, description: "" },
        Column { name: "port", unit: Unit::Integer, role: Role::Shown, description: "" },
        Column { name: "on", unit: Unit::Bool, role: Role::Shown, description: "" },
    ];

    fn read(values: [Value; 6]) -> Result<Vec<(&'static str, Field)>, Kind> {
        let mut at = 0;
        let told = values.map(|value| {
            at += 1;
            (COLUMNS[at - 1].name, Told::from(value))
        });
        let fields = fields(&Answer::silent(), COLUMNS, told).map_err(|error| error.kind)?;
        Ok(fields.iter().map(|(name, field)| (name, field.clone())).collect())
    }

    fn text(text: &str) -> Field {
        Field::Text(text.to_owned())
    }

    #[test]
    fn texts_and_numbers_take_each_others_place() {
        let values = ["1".into(), 7.into(), "60".into(), true.into(), "22".into(), "True".into()];
        let expected = [
            ("from", text("1")),
            ("user", text("7")),
            ("idle", Field::Integer(60)),
            ("flags", text("true")),
            ("port", Field::Integer(22)),
            ("on", Field::Bool(true)),
        ];
        assert_eq!(read(values).unwrap(), expected);
        for (value, expected) in
            [(Value::from(59.9), 59), ("3600.0".into(), 3600), (" 7 ".into(), 7), ((-1).into(), -1)]
        {
            let values = [Value::Null, Value::Null, value, Value::Null, Value::Null, Value::Null];
            assert_eq!(read(values).unwrap(), [("idle", Field::Integer(expected))]);
        }
    }

    #[test]
    fn what_is_empty_is_known_and_what_is_null_is_not() {
        assert_eq!(read([const { Value::Null }; 6]).unwrap(), []);
        let expected = [("user", text("")), ("flags", text(""))];
        assert_eq!(
            read([(); 6].map(|()| "".into())).unwrap(),
            expected,
            "everybody has an address"
        );
    }

    #[test]
    fn what_cannot_be_read_is_malformed_where_a_criterion_looks_at_it() {
        let odd = || Value::Array(vec![]);
        for at in 0..6 {
            let mut values = [const { Value::Null }; 6];
            values[at] = odd();
            let expected = if at < 3 { Err(Kind::Malformed) } else { Ok(vec![]) };
            assert_eq!(read(values), expected, "{}", COLUMNS[at].name);
        }
        for idle in [Value::from("old"), true.into(), "nan".into(), "1e300".into(), "0x10".into()] {
            let values = [Value::Null, Value::Null, idle, Value::Null, "many".into(), "no".into()];
            assert_eq!(read(values), Err(Kind::Malformed));
        }
    }
}
