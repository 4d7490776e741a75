//! Text of strangers, fit for a terminal.

/// Text of others without what would change the terminal, hide, or change the order of what is
/// read: control characters (C1 as well), marks of direction, and separators of lines. Each becomes
/// a question mark.
pub fn clean(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(
                c,
                '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            )
            || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
    };
    text.chars().map(|c| if hidden(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_stays_that_moves_the_cursor_or_turns_the_text() {
        for (given, expected) in [
            ("worker-1", "worker-1"),
            ("naïve ☕ работа", "naïve ☕ работа"),
            ("a\u{1b}[2Jb\nc\td\r", "a?[2Jb?c?d?"),
            ("\u{9b}31m", "?31m"),
            ("a\u{202e}b\u{2066}c\u{200f}d\u{61c}", "a?b?c?d?"),
            ("\u{feff}x\u{e0041}", "?x?"),
        ] {
            assert_eq!(clean(given), expected);
        }
    }
}
