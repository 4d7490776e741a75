//! Descriptions as editors show them.
//!
//! A core reads every word of a plugin's whole schema, in each of its commands. Long explanations
//! are for the pages; beside a name an editor has room for a sentence.

/// The first sentence of a Markdown text, and the one that says what the default is.
pub(super) fn brief(text: &str) -> String {
    let mut sentences = sentences(text);
    let mut brief = sentences.next().unwrap_or_default().to_owned();
    if let Some(default) = sentences.find(|one| one.starts_with("Default ")) {
        brief.push(' ');
        brief.push_str(default);
    }
    brief
}

/// The sentences of a text. A full stop inside of code ends none.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut code = false;
        // Both marks are ASCII, which no part of another letter is.
        let end = rest.bytes().enumerate().find_map(|(at, letter)| {
            code ^= letter == b'`';
            let ends = letter == b'.' && !code;
            let behind = || rest[at + 1..].chars().next();
            (ends && behind().is_none_or(char::is_whitespace)).then_some(at + 1)
        });
        let (sentence, more) = rest.split_at(end.unwrap_or(rest.len()));
        rest = more.trim_start();
        Some(sentence)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_first_sentence_and_the_default() {
        for (text, expected) in [
            ("", ""),
            ("One word", "One word"),
            ("The port. Default 6379.", "The port. Default 6379."),
            ("The port. It is a number. Default 6379. Or not.", "The port. Default 6379."),
            ("Like `a. b` or 1.5. More of it.", "Like `a. b` or 1.5."),
            ("Over\n\nparagraphs.\n\nMore.", "Over\n\nparagraphs."),
            ("`an open end. More", "`an open end. More"),
        ] {
            assert_eq!(brief(text), expected, "{text}");
        }
    }
}
