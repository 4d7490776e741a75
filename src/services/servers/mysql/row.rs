//! A row of the process list.

use crate::access::mysql::Row;
use crate::services::{Field, Fields, Session, SessionId};

/// The server's and the vendors' own accounts, whose sessions are not clients': of the server's manual,
/// and of the vendors' pages on their managed offerings.
const ACCOUNTS: &[&str] = &[
    "mysql.session",
    "mysql.sys",
    "mysql.infoschema",
    "mariadb.sys",
    "rdsadmin",
    "rdsrepladmin",
    "rdstopmgr",
    "azure_superuser",
    "cloudsqladmin",
    "cloudsqlexport",
    "cloudsqlimport",
    "cloudsqlreplica",
    "cloudsqlobservabilityadmin",
    "rdsAdmin",
    "rdsBackup",
    "rdsMetric",
    "rdsRepl",
];

/// What a thread does, as servers word it
/// (<https://dev.mysql.com/doc/refman/8.4/en/thread-commands.html>).
const COMMANDS: &[&str] = &[
    "change user",
    "close stmt",
    "connect",
    "create db",
    "debug",
    "drop db",
    "error",
    "execute",
    "fetch",
    "field list",
    "init db",
    "kill",
    "killed",
    "long data",
    "ping",
    "prepare",
    "processlist",
    "query",
    "quit",
    "refresh",
    "reset connection",
    "reset stmt",
    "set option",
    "shutdown",
    "sleep",
    "statistics",
    "time",
];

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    Client,
    /// A replica's, or of a thread that replicates.
    Replication,
    /// The server's or a vendor's.
    Account,
    /// A thread of the server.
    Server,
}

/// A thread's number: digits, and no larger than the server's own. A larger one would be cut off to
/// another's by `KILL`.
pub(super) fn number(text: &str) -> Option<u32> {
    let digits = !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    let number: u32 = text.parse().ok().filter(|_| digits)?;
    (number > 0 && number.to_string() == text).then_some(number)
}

/// One connection as it is listed.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) id: u32,
    pub(super) whose: Whose,
    pub(super) user: String,
    pub(super) database: Option<String>,
    host: Option<String>,
    command: String,
    time: i64,
}

impl Listed {
    /// The columns ID, USER, HOST, DB, COMMAND and TIME.
    pub(super) fn read(row: &Row) -> Option<Listed> {
        let [id, user, host, database, command, time, ..] = row.as_slice() else { return None };
        let id = number(id.as_deref()?)?;
        let user = user.clone().unwrap_or_default();
        let command = command.clone().unwrap_or_default();
        let whose = whose(&user, &command);
        let time = time.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
        let (host, database) = (host.clone(), database.clone());
        Some(Listed { id, whose, user, database, host, command, time })
    }

    /// A thread of which nothing is told but that it is rolling back.
    pub(super) fn rolling_back(id: u32) -> Listed {
        Listed {
            id,
            whose: Whose::Client,
            user: String::new(),
            database: None,
            host: None,
            command: "Killed".to_owned(),
            time: 0,
        }
    }

    pub(super) fn session(self, incarnation: String, ours: &str, locks: Option<bool>) -> Session {
        // Through a socket it is just the name of this machine.
        let client = self.host.filter(|host| host.contains(':'));
        let verb = self.command.to_lowercase();
        let verb = COMMANDS.iter().find(|known| **known == verb).copied().unwrap_or("other");
        let idle = if verb == "sleep" { self.time.max(0) } else { 0 };
        let text = |text: String| (!text.is_empty()).then_some(Field::Text(text));
        let is_ours = !self.user.is_empty() && self.user == ours;
        let fields: Fields = [
            ("client_address", client.map(Field::Text)),
            ("user", text(self.user)),
            ("database", self.database.and_then(text)),
            ("command", Some(Field::Text(verb.to_owned()))),
            ("idle_seconds", Some(Field::Integer(idle))),
            ("locks_database", locks.map(Field::Bool)),
        ]
        .into_iter()
        .collect();
        Session {
            id: SessionId(self.id.to_string()),
            incarnation: Some(incarnation),
            ours: is_ours,
            fields,
            ..Session::default()
        }
    }
}

fn whose(user: &str, command: &str) -> Whose {
    if user == "event_scheduler" || command == "Daemon" {
        return Whose::Server;
    }
    if user == "system user"
        || command.starts_with("Binlog Dump")
        || command.starts_with("Slave_")
        || command == "Register Slave"
    {
        return Whose::Replication;
    }
    if ACCOUNTS.contains(&user) { Whose::Account } else { Whose::Client }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_the_servers_own_or_none() {
        for (text, expected) in [
            ("48", Some(48)),
            ("4294967295", Some(u32::MAX)),
            // `KILL` would take it for 48.
            ("4294967344", None),
            ("43.4", None),
            ("048", None),
            ("0", None),
            ("-1", None),
            ("48 ", None),
            ("", None),
            ("4e1", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn who_is_no_client_is_told_by_user_and_command() {
        for (user, command, expected) in [
            ("app", "Sleep", Whose::Client),
            ("unauthenticated user", "Connect", Whose::Client),
            ("event_scheduler", "Daemon", Whose::Server),
            ("system user", "Query", Whose::Replication),
            ("repl", "Binlog Dump GTID", Whose::Replication),
            ("rdsadmin", "Sleep", Whose::Account),
            ("mysql.session", "Daemon", Whose::Server),
        ] {
            assert_eq!(whose(user, command), expected, "{user} {command}");
        }
    }

    #[test]
    fn time_is_idleness_only_of_one_who_sleeps_and_a_statement_is_not_told() {
        let row = |command: &str, time: &str| {
            let words = ["7", "app", "10.0.0.1:4711", "shop", command, time];
            let row: Row = words.iter().map(|word| Some((*word).to_owned())).collect();
            Listed::read(&row).unwrap().session("i".into(), "app", None)
        };
        let idle = |session: &Session| session.fields.get("idle_seconds").cloned();
        assert_eq!(idle(&row("Sleep", "90")), Some(Field::Integer(90)));
        assert_eq!(idle(&row("Query", "90")), Some(Field::Integer(0)));
        assert_eq!(idle(&row("Sleep", "-5")), Some(Field::Integer(0)));
        let odd = row("SELECT 'hunter2'", "1");
        assert_eq!(odd.fields.get("command"), Some(&Field::Text("other".into())));
        assert!(odd.ours && !format!("{odd:?}").contains("hunter2"));
    }
}
