//! `~/.pgpass`: passwords by host, port, database and user.
//! <https://www.postgresql.org/docs/current/libpq-pgpass.html>

use std::path::Path;

use crate::access::Secret;
use crate::wire::dial::Place;

/// A line whose host, port and user fit; the database is known only when one is connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// None for any.
    database: Option<String>,
    password: Secret,
}

/// Whether the folder of a socket is one that the file calls `localhost`: the two that libpq is
/// built with.
fn is_default_folder(folder: &Path) -> bool {
    ["/tmp", "/var/run/postgresql", "/run/postgresql"].iter().any(|one| Path::new(one) == folder)
}

/// The lines for this server and user, in their order. What is no line of the format is skipped, as
/// libpq does.
pub(super) fn entries(text: &str, place: &Place, user: &str) -> Vec<Entry> {
    let lines = text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines.filter_map(|line| entry(line, place, user)).collect()
}

/// The password for a database: the first line that fits counts.
pub(super) fn password<'a>(entries: &'a [Entry], database: &str) -> Option<&'a Secret> {
    let fits = |entry: &&Entry| entry.database.as_deref().is_none_or(|known| known == database);
    entries.iter().find(fits).map(|entry| &entry.password)
}

fn entry(line: &str, place: &Place, user: &str) -> Option<Entry> {
    let [host, port, database, name, password] = fields(line)?;
    let any = |field: &Field| field.text == "*" && !field.escaped;
    let here = match place {
        _ if any(&host) => true,
        Place::Tcp { host: wanted, .. } => super::place(&host.text, None)
            .is_ok_and(|known| matches!(known, Place::Tcp { host, .. } if host == *wanted)),
        Place::Socket(file) => {
            let folder = file.parent().unwrap_or(file);
            Path::new(&host.text) == folder
                || (host.text == "localhost" && is_default_folder(folder))
        }
    };
    let on_port = match place {
        _ if any(&port) => true,
        Place::Tcp { port: wanted, .. } => port.text == wanted.to_string(),
        Place::Socket(file) => {
            file.extension().is_some_and(|wanted| wanted.to_str() == Some(&port.text))
        }
    };
    if !(here && on_port && (any(&name) || name.text == user)) {
        return None;
    }
    let database = (!any(&database)).then_some(database.text);
    Some(Entry { database, password: Secret::new(password.text) })
}

#[derive(Default)]
struct Field {
    text: String,
    /// Whether any of it stood behind a backslash, so that a `*` is a star.
    escaped: bool,
}

/// The five fields of a line, in which `\:` and `\\` stand for themselves. The last goes to its end.
fn fields(line: &str) -> Option<[Field; 5]> {
    let mut fields = vec![Field::default()];
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        let last = fields.len() - 1;
        match character {
            '\\' => {
                fields[last].text.push(characters.next()?);
                fields[last].escaped = true;
            }
            ':' if fields.len() < 5 => fields.push(Field::default()),
            other => fields[last].text.push(other),
        }
    }
    fields.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tcp(host: &str, port: u16) -> Place {
        Place::Tcp { host: host.into(), port }
    }

    fn found(text: &str, place: &Place, user: &str, database: &str) -> Option<String> {
        let entries = entries(text, place, user);
        password(&entries, database).map(|secret| secret.reveal().to_owned())
    }

    #[test]
    fn the_first_line_that_fits_gives_the_password_and_no_other_host_gets_it() {
        let text = "# comment\n\
                    db.example:5432:app:ops:one\n\
                    DB.example.:5432:*:ops:two\n\
                    db.example:*:*:*:three\n\
                    /run/pg:5432:*:ops:four\n\
                    localhost:5433:*:ops:five\n\
                    broken\n\
                    es\\:caped:1:*:*:x\n\
                    10.0.0.1:5432:*:\\*:si\\:x:\\\\\n";
        let db = tcp("db.example", 5432);
        for (place, user, database, expected) in [
            (&db, "ops", "app", Some("one")),
            (&db, "ops", "postgres", Some("two")),
            (&db, "other", "app", Some("three")),
            (&tcp("db.example", 1), "ops", "app", Some("three")),
            (&tcp("other.example", 5432), "ops", "app", None),
            (&Place::Socket("/run/pg/.s.PGSQL.5432".into()), "ops", "x", Some("four")),
            (&Place::Socket("/run/pg/.s.PGSQL.5433".into()), "ops", "x", None),
            (&Place::Socket("/tmp/.s.PGSQL.5433".into()), "ops", "x", Some("five")),
            (&Place::Socket("/tmp/x/.s.PGSQL.5433".into()), "ops", "x", None),
            (&tcp("10.0.0.1", 5432), "*", "x", Some("si:x:\\")),
            (&tcp("10.0.0.1", 5432), "ops", "x", None),
        ] {
            let given = found(text, place, user, database);
            assert_eq!(given.as_deref(), expected, "{place} {user} {database}");
        }
    }

    #[test]
    fn rubbish_is_no_line() {
        for text in ["", ":", "a:b:c:d", "\\", "a:b:c:d:\\", "\u{0}:::::::"] {
            assert_eq!(entries(text, &tcp("a", 1), "d"), [], "{text:?}");
        }
    }
}
