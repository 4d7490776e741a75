//! Sessions as text for people: one line each, and small tables.

use std::fmt::Write as _;

use crate::services::{Field, Role, Session, Spec, Unit};

/// How many rows a table shows.
pub(super) const ROWS: usize = 20;

/// The columns that people recognise a session by, as far as the service has them.
const SHOWN: [Role; 7] =
    [Role::Client, Role::User, Role::Database, Role::Name, Role::Command, Role::Idle, Role::Age];

/// A number of things, like `1 session` or `2 sessions`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// One session in a few words, like `10.0.0.1:4711 (user app, idle 30s)`.
pub(super) fn name(spec: &Spec, session: &Session) -> String {
    let facts: Vec<String> = SHOWN
        .iter()
        .filter_map(|role| spec.column(*role))
        .filter_map(|column| {
            let text = cell(column.unit, session.fields.get(column.name))?;
            (text != session.id.0).then(|| format!("{} {text}", heading(column.role)))
        })
        .collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    format!("{}{facts}", printable(&session.id.0))
}

/// A table of the first [`ROWS`] sessions, headed and aligned, two blanks in.
pub(super) fn table(spec: &Spec, sessions: &[&Session]) -> String {
    let columns: Vec<_> = SHOWN.iter().filter_map(|role| spec.column(*role)).collect();
    let heads =
        std::iter::once("id".to_owned()).chain(columns.iter().map(|c| heading(c.role).to_owned()));
    let mut rows = vec![heads.collect::<Vec<_>>()];
    for session in sessions.iter().take(ROWS) {
        let cells = columns.iter().map(|column| {
            cell(column.unit, session.fields.get(column.name)).unwrap_or_else(|| "-".to_owned())
        });
        rows.push(std::iter::once(printable(&session.id.0)).chain(cells).collect());
    }
    // A column that repeats the id, or says nothing, is noise.
    let telling: Vec<usize> = (0..rows[0].len())
        .filter(|at| *at == 0 || rows[1..].iter().any(|row| row[*at] != "-" && row[*at] != row[0]))
        .collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::from(" ");
        for at in &telling {
            let width = rows.iter().map(|row| row[*at].chars().count()).max().unwrap_or(0);
            let _ = write!(line, " {:<width$} ", row[*at]);
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    if sessions.len() > ROWS {
        let _ = writeln!(text, "  and {} more", sessions.len() - ROWS);
    }
    text
}

fn heading(role: Role) -> &'static str {
    match role {
        Role::Client => "client",
        Role::User => "user",
        Role::Database => "database",
        Role::Command => "command",
        Role::Name => "name",
        Role::Idle => "idle",
        Role::Age => "age",
        Role::Shown => "",
    }
}

fn cell(unit: Unit, field: Option<&Field>) -> Option<String> {
    match field? {
        Field::Text(text) if text.is_empty() => None,
        Field::Text(text) => Some(printable(text)),
        Field::Integer(number) if unit == Unit::Seconds => {
            let seconds = u64::try_from(*number).unwrap_or(0);
            Some(
                humantime::format_duration(std::time::Duration::from_secs(seconds))
                    .to_string()
                    .replace(' ', ""),
            )
        }
        Field::Integer(number) => Some(number.to_string()),
        Field::Bool(truth) => Some(truth.to_string()),
    }
}

/// Text that a stranger chose, such as a client's name: no control characters, at most 40 long.
pub(super) fn printable(text: &str) -> String {
    let mut clean: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if clean.chars().count() > 40 {
        clean = clean.chars().take(39).chain(['…']).collect();
    }
    clean
}
