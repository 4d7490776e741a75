//! How the demo looks in a terminal: headed steps, quoted output, small tables.

use std::io::Write;

/// Where the demo writes. What cannot be written (a closed pipe) is lost; the verdict is the exit
/// code.
pub(super) struct Screen {
    to: Box<dyn Write + Send>,
    colour: Colour,
    steps: usize,
}

/// Whether styles are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colour {
    /// On a terminal.
    On,
    /// In a file or pipe, or where NO_COLOR is set (no-color.org).
    Off,
}

/// A style of a stretch of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// As it is.
    Plain,
    /// A heading.
    Bold,
    /// What matters less.
    Dim,
    /// Alive, as it should be, or done.
    Good,
    /// Cut, on purpose.
    Cut,
    /// What should not be.
    Bad,
}

impl Style {
    fn code(self) -> &'static str {
        match self {
            Style::Plain => "0",
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Cut => "33",
            Style::Bad => "31;1",
        }
    }
}

impl Screen {
    pub(super) fn new(to: Box<dyn Write + Send>, colour: Colour) -> Screen {
        Screen { to, colour, steps: 0 }
    }

    /// A numbered heading, and a sentence under it.
    pub(super) fn step(&mut self, title: &str, sentence: &str) {
        self.steps += 1;
        let heading = format!("{}. {title}", self.steps);
        self.line("");
        self.styled(Style::Bold, &heading);
        if !sentence.is_empty() {
            self.styled(Style::Dim, &format!("   {sentence}"));
        }
    }

    /// Output of another program.
    pub(super) fn quote(&mut self, lines: &[String]) {
        self.line("");
        for line in lines {
            let style = if line.starts_with("Warning: ") || line.starts_with("Error: ") {
                Style::Bold
            } else {
                Style::Plain
            };
            let bar = self.painted(Style::Dim, "   │ ");
            let text = self.painted(style, line);
            self.line(format!("{bar}{text}").trim_end());
        }
    }

    /// Aligned cells, each with its style; the first row is the head.
    pub(super) fn table(&mut self, rows: &[Vec<(String, Style)>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at: usize| {
            let cells = rows.iter().filter_map(|row| row.get(at));
            cells.map(|(text, _)| text.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.line("");
        for row in rows {
            let cells = row.iter().zip(&widths).map(|((text, style), width)| {
                let pad = " ".repeat(width - text.chars().count());
                format!("{}{pad}", self.painted(*style, text))
            });
            let line = format!("   {}", cells.collect::<Vec<_>>().join("   "));
            self.line(line.trim_end());
        }
    }

    /// A line in one style.
    pub(super) fn styled(&mut self, style: Style, text: &str) {
        let text = self.painted(style, text);
        self.line(&text);
    }

    fn line(&mut self, text: &str) {
        // See the type's documentation.
        let _ = writeln!(self.to, "{text}").and_then(|()| self.to.flush());
    }

    fn painted(&self, style: Style, text: &str) -> String {
        if self.colour == Colour::Off || style == Style::Plain {
            return text.to_owned();
        }
        format!("\x1b[{}m{text}\x1b[0m", style.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn shown(colour: Colour) -> String {
        let page = Page::default();
        let mut screen = Screen::new(Box::new(page.clone()), colour);
        screen.step("Look", "and see.");
        screen.table(&[
            vec![("name".into(), Style::Dim), ("state".into(), Style::Dim)],
            vec![("report-1".into(), Style::Plain), ("cut".into(), Style::Cut)],
        ]);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn columns_stand_under_each_other() {
        let expected = "\n1. Look\n   and see.\n\n   name       state\n   report-1   cut\n";
        assert_eq!(shown(Colour::Off), expected);
    }

    #[test]
    fn colour_changes_no_column() {
        let text = shown(Colour::On);
        assert!(text.contains("\x1b[33mcut\x1b[0m"), "{text}");
        let mut plain = text;
        for style in [Style::Bold, Style::Dim, Style::Cut, Style::Plain] {
            plain = plain.replace(&format!("\x1b[{}m", style.code()), "");
        }
        assert_eq!(plain.replace(" \n", "\n"), shown(Colour::Off).replace(" \n", "\n"));
    }
}
