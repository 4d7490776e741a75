//! The last defence against secrets in the log.
//!
//! Nothing secret should come here: secrets have a type that does not print. This filter looks for
//! names that secrets usually have, in whatever text, and blots out the values that follow them.

use std::borrow::Cow;

/// A name with one of these in it, in lower case without `-` and `_`, names a secret.
const SECRET: &[&str] = &[
    "authorization",
    "credential",
    "passwd",
    "password",
    "privatekey",
    "secret",
    "signature",
    "token",
];

/// Put in place of a secret.
const BLOT: &str = "***";

/// Whether a field or variable of this name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| !matches!(c, '-' | '_')).map(|c| c.to_ascii_lowercase()).collect();
    SECRET.iter().any(|word| plain.contains(word))
}

/// The text without the values of `name=value` and `name: value` whose name says secret.
///
/// Values end at white space or a separator, quoted ones at their quote, and those of an
/// `Authorization` at the end of the line, for they have several words.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = String::new();
    let mut kept = 0;
    let mut at = 0;
    while let Some(name) = next_name(text, at) {
        at = name.end;
        let word = &text[name];
        if !is_secret(word) {
            continue;
        }
        let Some(start) = value_start(text, at) else { continue };
        let whole_line = word.to_ascii_lowercase().contains("authorization");
        let end = if whole_line { line_end(text, start) } else { value_end(text, start) };
        if end > start {
            clean.push_str(&text[kept..start]);
            clean.push_str(BLOT);
            kept = end;
            at = end;
        }
    }
    if kept == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(&text[kept..]);
    Cow::Owned(clean)
}

/// The same as a text of its own.
pub fn redacted(text: &str) -> String {
    redact(text).into_owned()
}

/// The next run of characters that names are made of.
fn next_name(text: &str, from: usize) -> Option<std::ops::Range<usize>> {
    let in_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let start = from + text[from..].find(in_name)?;
    let length = text[start..].find(|c| !in_name(c)).unwrap_or(text.len() - start);
    Some(start..start + length)
}

/// Where the value of a name that ends at `from` begins, if it has one: behind its `=` or `:`.
fn value_start(text: &str, from: usize) -> Option<usize> {
    let filler = |c: char| matches!(c, '\\' | '"' | '\'' | ' ');
    let sign = text[from..].trim_start_matches(filler);
    let value = sign.strip_prefix(['=', ':'])?.trim_start_matches([' ', '=', '>']);
    Some(text.len() - value.len())
}

/// Where the line ends.
fn line_end(text: &str, from: usize) -> usize {
    text[from..].find(['\n', '\r']).map_or(text.len(), |length| from + length)
}

/// Where a value ends. Quotes in it, such as in `Some("…")`, hold together what is between them.
fn value_end(text: &str, from: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = from;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' | b'\'' => at = closing_quote(bytes, at),
            b'\\' => at += 1,
            b'&' | b',' | b';' | b'}' | b']' => break,
            _ if byte.is_ascii_whitespace() => break,
            _ => at += 1,
        }
    }
    // A quote that is never closed, and only that, leads beyond the end.
    at.min(text.len())
}

/// The place behind the quote that closes the one at `open`. One that was itself escaped, in a
/// text within a text, is closed by the next of its kind; any other by the next unescaped one.
fn closing_quote(bytes: &[u8], open: usize) -> usize {
    let escaped = |at: usize| at > 0 && bytes[at - 1] == b'\\';
    let nested = escaped(open);
    (open + 1..bytes.len())
        .find(|&at| bytes[at] == bytes[open] && (nested || !escaped(at)))
        .map_or(bytes.len(), |close| close + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_names_are_blotted_out() {
        for (text, clean) in [
            ("token=abc rest", "token=*** rest"),
            ("X-Auth-Token: abc\nHost: h", "X-Auth-Token: ***\nHost: h"),
            ("Authorization: A b, c=d\nHost: h", "Authorization: ***\nHost: h"),
            ("?AccessKeyId=id&Signature=a%2B&x=1", "?AccessKeyId=id&Signature=***&x=1"),
            (r#"{"SecurityToken":"a b","x":1}"#, r#"{"SecurityToken":***,"x":1}"#),
            (r#"{"secret_key": "a\"b, c"}"#, r#"{"secret_key": ***}"#),
            (r#""{\"password\": \"a, b\", \"x\": 1}""#, r#""{\"password\": ***, \"x\": 1}""#),
            (r#"C { token: Some("a, b"), x: 1 }"#, "C { token: ***, x: 1 }"),
            ("secret => 'x y' z", "secret => *** z"),
            ("password = 'x y' z", "password = *** z"),
            (r#"password="never closed, "#, "password=***"),
            ("token=ü, ö", "token=***, ö"),
        ] {
            assert_eq!(redact(text), clean, "{text}");
        }
    }

    #[test]
    fn other_text_stays_as_it_is() {
        for text in [
            "",
            "listed 3 sessions: a, b",
            "the token has expired",
            "token=",
            "no secret",
            "id=7 user=\"x\"",
            "ü: token",
        ] {
            assert!(matches!(redact(text), Cow::Borrowed(_)), "{text}");
        }
    }
}
