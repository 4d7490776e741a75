//! A table of words: faults down, services across.

use std::collections::BTreeMap;
use std::io::Write;

use terraform_provider_session::services::simulated;

use super::run::Meant;

/// Words by fault and service, for both columns of each service.
pub(crate) struct Table {
    title: &'static str,
    faults: Vec<&'static str>,
    cells: BTreeMap<(&'static str, &'static str), (String, String)>,
}

impl Table {
    pub(crate) fn new(title: &'static str) -> Table {
        Table { title, faults: Vec::new(), cells: BTreeMap::new() }
    }

    pub(crate) fn add(
        &mut self,
        service: &'static str,
        fault: &'static str,
        meant: Meant,
        words: &[&str],
    ) {
        let words = if words.is_empty() { "-".to_owned() } else { words.join("+") };
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
        let cell = self.cells.entry((fault, service)).or_default();
        match meant {
            Meant::Everybody => cell.0 = words,
            Meant::Named => cell.1 = words,
        }
    }

    /// As people read it; where both columns say the same, once.
    fn text(&self) -> String {
        let mut columns = vec![vec![String::new()]];
        columns[0].extend(self.faults.iter().map(|fault| (*fault).to_owned()));
        for service in simulated().map(|service| service.spec.name) {
            let cell = |fault: &&'static str| match &self.cells[&(*fault, service)] {
                (one, other) if one == other => one.clone(),
                (one, other) => format!("{one} / {other}"),
            };
            columns.push(vec![service.to_owned()]);
            columns.last_mut().unwrap().extend(self.faults.iter().map(cell));
        }
        let line = |row: usize| {
            let cells = columns.iter().map(|column| {
                let width = column.iter().map(String::len).max().unwrap_or_default();
                format!("{:<width$}  ", column[row])
            });
            cells.collect::<String>().trim_end().to_owned()
        };
        (0..=self.faults.len()).map(line).collect::<Vec<_>>().join("\n")
    }

    /// Prints it past the harness' capture, and compares it with what was written down.
    pub(crate) fn is(&self, expected: &str) {
        let text = self.text();
        let shown = format!("\n{}\n{text}\n\n", self.title);
        std::io::stdout().write_all(shown.as_bytes()).unwrap();
        assert!(text == expected.trim_matches('\n'), "the words are others:\n{text}");
    }
}
