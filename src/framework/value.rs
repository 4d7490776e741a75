//! Values as Terraform means them: known, null or unknown at any depth, numbers without loss.

use std::collections::BTreeMap;
use std::fmt;

use super::Type;

/// The attributes of an object or block by name.
pub type Object = BTreeMap<String, Value>;

/// One Terraform value. What it may hold is said by the [`Type`] beside it in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// No value was given.
    Null,
    /// A value that is not known before apply.
    Unknown,
    /// A bool.
    Bool(bool),
    /// A number of any size and precision.
    Number(Number),
    /// A string.
    String(String),
    /// The elements of a list, set or tuple. A set has no order: compare with [`Value::same`].
    List(Vec<Value>),
    /// The elements of a map.
    Map(BTreeMap<String, Value>),
    /// The attributes of an object or nested block.
    Object(Object),
    /// A value of a `dynamic` attribute, with the type that travels beside it.
    Dynamic(Box<(Type, Value)>),
}

impl Value {
    /// Whether the value is there: neither null nor unknown.
    pub fn is_known(&self) -> bool {
        !matches!(self, Value::Null | Value::Unknown)
    }

    /// Whether nothing in the value, at any depth, is unknown.
    pub fn is_wholly_known(&self) -> bool {
        match self {
            Value::Unknown => false,
            Value::List(items) => items.iter().all(Value::is_wholly_known),
            Value::Map(items) | Value::Object(items) => items.values().all(Value::is_wholly_known),
            Value::Dynamic(inner) => inner.1.is_wholly_known(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
        }
    }

    /// The text of a known string.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::String(text) = self { Some(text) } else { None }
    }

    /// The truth of a known bool.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(truth) = self { Some(*truth) } else { None }
    }

    /// A known number that fits an `i64`.
    pub fn as_i64(&self) -> Option<i64> {
        if let Value::Number(number) = self { number.to_i64() } else { None }
    }

    /// The elements of a known list, set or tuple.
    pub fn as_list(&self) -> Option<&[Value]> {
        if let Value::List(items) = self { Some(items) } else { None }
    }

    /// The attributes of a known object, or the elements of a known map.
    pub fn as_object(&self) -> Option<&Object> {
        if let Value::Object(items) | Value::Map(items) = self { Some(items) } else { None }
    }

    /// A string value, or null.
    pub fn text_or_null(text: Option<impl Into<String>>) -> Value {
        text.map_or(Value::Null, |text| Value::String(text.into()))
    }

    /// Sets compare without order, everything else exactly.
    pub fn same(&self, other: &Value, kind: &Type) -> bool {
        super::check::same(self, other, kind)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::String(text)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Number(Number::from(number))
    }
}

/// A decimal number kept as text, so that no digit is lost between Terraform and us.
///
/// Two numbers are equal when they mean the same: `1.50`, `1.5` and `15e-1` are one number.
#[derive(Clone)]
pub struct Number {
    /// As it came: echoed unchanged.
    text: String,
}

impl Number {
    /// Reads decimal text with an optional sign, fraction and exponent. None if it is not a number.
    pub fn parse(text: &str) -> Option<Number> {
        canonical(text).map(|_| Number { text: text.to_owned() })
    }

    /// The text as it was read.
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// The number as an `i64`, if it is a whole number that fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.whole()?.parse().ok()
    }

    /// The number as a `u64`, if it is a whole number that fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.whole()?.parse().ok()
    }

    /// The digits of a whole number that is not longer than any integer.
    fn whole(&self) -> Option<String> {
        let (negative, digits, exponent) = canonical(&self.text)?;
        let zeros = usize::try_from(exponent).ok().filter(|zeros| *zeros <= 19)?;
        let sign = if negative { "-" } else { "" };
        Some(format!("{sign}{digits}{}", "0".repeat(zeros)))
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Number { text: number.to_string() }
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        canonical(&self.text) == canonical(&other.text)
    }
}

impl Eq for Number {}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Sign, significant digits and power of ten; zero is always `(false, "0", 0)`.
fn canonical(text: &str) -> Option<(bool, String, i64)> {
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match rest.find(['e', 'E']) {
        Some(at) => (&rest[..at], rest[at + 1..].parse::<i64>().ok()?),
        None => (rest, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let significant = all.trim_start_matches('0');
    let digits = significant.trim_end_matches('0');
    if digits.is_empty() {
        return Some((false, "0".to_owned(), 0));
    }
    let dropped = i64::try_from(significant.len() - digits.len()).ok()?;
    let shift = i64::try_from(fraction.len()).ok()?;
    let exponent = exponent.checked_add(dropped)?.checked_sub(shift)?;
    Some((negative, digits.to_owned(), exponent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_mean_the_same_are_equal_and_keep_their_text() {
        let number = |text: &str| Number::parse(text).unwrap();
        for (left, right) in [("1.50", "15e-1"), ("0", "-0.0"), ("1e3", "1000"), ("+7", "7")] {
            assert_eq!(number(left), number(right));
            assert_eq!(number(left).as_text(), left);
        }
        assert_ne!(number("0.1"), number("0.1000000000000000055511151231257827"));
    }

    #[test]
    fn only_whole_numbers_that_fit_become_integers() {
        let to_i64 = |text: &str| Number::parse(text).unwrap().to_i64();
        assert_eq!(to_i64("2.0e2"), Some(200));
        assert_eq!(to_i64("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(to_i64("9223372036854775808"), None);
        assert_eq!(to_i64("0.5"), None);
        assert_eq!(to_i64("1e400000000"), None);
    }

    #[test]
    fn what_is_not_a_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "0x10", "NaN", "1e", "1e99999999999999999999"] {
            assert!(Number::parse(text).is_none(), "{text}");
        }
    }
}
