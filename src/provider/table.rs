//! Sessions as text for people: one line each, and small tables.

use std::fmt::Write as _;

use crate::services::{Field, Role, Session, Spec, Unit};
pub(super) use crate::wire::printable::clean;

/// How many rows a table shows.
pub(super) const ROWS: usize = 20;

/// The columns that people recognise a session by, as far as the service has them.
const SHOWN: [Role; 7] =
    [Role::Client, Role::User, Role::Database, Role::Name, Role::Command, Role::Idle, Role::Age];

/// A number of things, like `1 session` or `2 sessions`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// Each session in a few words, like `10.0.0.1:4711 (user app, idle 30s)`; with its node if they
/// are on several.
pub(super) fn names(spec: &Spec, sessions: &[&Session]) -> Vec<String> {
    let several = on_several_nodes(sessions);
    sessions.iter().map(|session| name(spec, session, several)).collect()
}

fn on_several_nodes(sessions: &[&Session]) -> bool {
    sessions.windows(2).any(|pair| pair[0].node != pair[1].node)
}

fn name(spec: &Spec, session: &Session, with_node: bool) -> String {
    let node = if with_node { format!(" on {}", clean(&session.node)) } else { String::new() };
    let facts: Vec<String> = SHOWN
        .iter()
        .filter_map(|role| spec.column(*role))
        .filter_map(|column| {
            let text = cell(column.unit, session.fields.get(column.name))?;
            (text != session.id.0).then(|| format!("{} {text}", heading(column.role)))
        })
        .collect();
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    format!("{}{node}{facts}", clean(&session.id.0))
}

/// A table of the first [`ROWS`] sessions, headed and aligned, two blanks in. Ids are never cut:
/// people copy them into `session_ids`.
pub(super) fn table(spec: &Spec, sessions: &[&Session]) -> String {
    let columns: Vec<_> = SHOWN.iter().filter_map(|role| spec.column(*role)).collect();
    let several = on_several_nodes(sessions);
    let place = |id: String, node: String| [id].into_iter().chain(several.then_some(node));
    let heads = place("id".to_owned(), "node".to_owned());
    let heads = heads.chain(columns.iter().map(|column| heading(column.role).to_owned()));
    let mut rows = vec![heads.collect::<Vec<_>>()];
    for session in sessions.iter().take(ROWS) {
        let cells = columns.iter().map(|column| {
            cell(column.unit, session.fields.get(column.name)).unwrap_or_else(|| "-".to_owned())
        });
        rows.push(place(clean(&session.id.0), clean(&session.node)).chain(cells).collect());
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
            Some(length(std::time::Duration::from_secs(seconds)))
        }
        Field::Integer(number) => Some(number.to_string()),
        Field::Bool(truth) => Some(truth.to_string()),
    }
}

/// Text that a stranger chose, such as a client's name, made fit for a table: at most 40 long, cut in
/// its middle. What tells an ARN from another stands at its end.
pub(super) fn printable(text: &str) -> String {
    const BEFORE: usize = 12;
    const BEHIND: usize = 27;
    let text = clean(text);
    let length = text.chars().count();
    if length <= BEFORE + 1 + BEHIND {
        return text;
    }
    text.chars().take(BEFORE).chain(['…']).chain(text.chars().skip(length - BEHIND)).collect()
}

/// A length of time as it is written in arguments: `3m10s`.
pub(super) fn length(time: std::time::Duration) -> String {
    humantime::format_duration(time).to_string().replace(' ', "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{self, SessionId};

    fn spec() -> &'static Spec {
        let mut specs = services::ALL.iter().map(|service| service.spec);
        specs.find(|spec| spec.name == "huaweicloud_dcs").unwrap()
    }

    fn session(id: &str, node: &str) -> Session {
        let fields = [("name", Field::Text("a\u{1b}[2Jb\u{202e}c".into()))].into();
        Session { id: SessionId(id.into()), node: node.into(), fields, ..Session::default() }
    }

    #[test]
    fn a_long_text_is_cut_in_its_middle() {
        let arn = "arn:aws:sts::123456789012:assumed-role/oncall/alice@example.com";
        assert_eq!(printable(arn), "arn:aws:sts:…le/oncall/alice@example.com");
        for (length, shown) in [(40, 40), (41, 40), (400, 40)] {
            assert_eq!(printable(&"é".repeat(length)).chars().count(), shown);
        }
    }

    #[test]
    fn ids_are_never_cut_and_the_node_follows_where_there_are_several() {
        let long = "[2001:0db8:85a3:0000:0000:8a2e:0370:7334]:50188";
        let (one, other) = (session(long, "n-1"), session("10.0.0.1:1", "n-2"));
        let name = "(name a?[2Jb?c)";
        assert_eq!(names(spec(), &[&one]), [format!("{long} {name}")]);
        assert_eq!(
            names(spec(), &[&one, &other]),
            [format!("{long} on n-1 {name}"), format!("10.0.0.1:1 on n-2 {name}")]
        );
        assert_eq!(
            table(spec(), &[&one, &other]),
            format!(
                "  id                                               node  name\n  {long}  n-1   a?[2Jb?c\n  10.0.0.1:1                                       n-2   a?[2Jb?c\n"
            )
        );
        assert!(!table(spec(), &[&one]).contains("n-1"));
    }
}
