//! Process lists, as the services that speak MySQL's protocol give them (TaurusDB, DDM).
//!
//! What a process is doing is told as one of MySQL's commands. The statement itself (`info`) is never
//! looked at: statements carry passwords.

use serde::Deserialize;
use serde_json::Value;

use crate::access::Answer;
use crate::services::kit::value::{self, Told};
use crate::services::{Column, Error, Node, Role, Session, SessionId, Unit};

/// What the list tells of a session.
pub(super) const COLUMNS: &[Column] = &[
    Column {
        name: "client_address",
        unit: Unit::Text,
        role: Role::Client,
        description: "The client's address and port; behind a proxy it is the proxy's.",
    },
    Column {
        name: "user",
        unit: Unit::Text,
        role: Role::User,
        description: "The user who is logged in.",
    },
    Column {
        name: "database",
        unit: Unit::Text,
        role: Role::Database,
        description: "The database in use, empty if it is none.",
    },
    Column {
        name: "command",
        unit: Unit::Text,
        role: Role::Command,
        description: "What it is doing, as one of MySQL's commands, like `Query` or `Sleep`; `other` \
                      for any other. Never the statement.",
    },
    Column {
        name: "idle_seconds",
        unit: Unit::Seconds,
        role: Role::Idle,
        description: "Time since it began to `Sleep`; 0 if it does not.",
    },
    Column {
        name: "state_seconds",
        unit: Unit::Integer,
        role: Role::Shown,
        description: "Seconds that it has been in its present state, whichever that is.",
    },
    Column {
        name: "state",
        unit: Unit::Text,
        role: Role::Shown,
        description: "The server's word for what it is at, like `Sending data`.",
    },
];

/// MySQL's commands
/// (<https://dev.mysql.com/doc/refman/8.0/en/thread-commands.html>).
const COMMANDS: &[&str] = &[
    "Binlog Dump",
    "Binlog Dump GTID",
    "Change user",
    "Close stmt",
    "Connect",
    "Connect Out",
    "Create DB",
    "Daemon",
    "Debug",
    "Delayed insert",
    "Drop DB",
    "Error",
    "Execute",
    "Fetch",
    "Field List",
    "Init DB",
    "Kill",
    "Long Data",
    "Ping",
    "Prepare",
    "Processlist",
    "Query",
    "Quit",
    "Refresh",
    "Register Slave",
    "Reset stmt",
    "Set option",
    "Shutdown",
    "Sleep",
    "Statistics",
    "Table Dump",
    "Time",
];

/// A row of the list. Numbers are numbers with TaurusDB and texts with DDM.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Process {
    id: Told,
    user: Told,
    host: Told,
    db: Database,
    command: Told,
    time: Told,
    state: Told,
}

/// A database. Null says that none is in use, where elsewhere it says that nobody knows. So does DDM's
/// `None`: its databases have lower-case names
/// (<https://support.huaweicloud.com/intl/en-us/usermanual-ddm/ddm-01-0008.html>).
#[derive(Default, Deserialize)]
#[serde(from = "Value")]
struct Database(Told);

impl From<Value> for Database {
    fn from(value: Value) -> Database {
        let nothing = value.is_null() || value == "None";
        Database(if nothing { Told::Text(String::new()) } else { value.into() })
    }
}

impl Process {
    /// Why it is not a client's, if it is not: one of the cloud's own `accounts` uses it, or it is a
    /// replica's.
    pub(super) fn aside(&self, accounts: &[&str]) -> Option<&'static str> {
        let is = |told: &Told, known: &[&str]| matches!(told, Told::Text(text) if known.contains(&text.as_str()));
        if is(&self.user, accounts) {
            return Some("sessions of the cloud's own accounts");
        }
        let replica = is(&self.command, &["Binlog Dump", "Binlog Dump GTID"]);
        replica.then_some("replication connections")
    }

    /// The session that it is. One without an id cannot be named in a kill.
    ///
    /// # Errors
    /// [`Malformed`](crate::services::Kind::Malformed) if what a criterion looks at cannot be read.
    pub(super) fn session(self, answer: &Answer, node: &Node) -> Result<Session, Error> {
        let id = self.id.id(answer)?;
        let unkillable =
            id.is_none().then_some("the list gives no id for it, and a kill needs one");
        let id =
            id.unwrap_or_else(|| format!("#{}", self.host.clone().filled().unwrap_or_default()));
        let command = command(self.command);
        let seconds = self.time.number(answer, "time")?;
        let idle = match &command {
            Told::Text(command) if command == "Sleep" => seconds,
            Told::Text(_) => Some(0),
            Told::Nothing | Told::Number(_) | Told::Bool(_) | Told::Odd => None,
        };
        let told = [
            ("client_address", self.host),
            ("user", self.user),
            ("database", self.db.0),
            ("command", command),
            ("idle_seconds", idle.into()),
            ("state_seconds", seconds.into()),
            ("state", self.state),
        ];
        let fields = value::fields(answer, COLUMNS, told)?;
        Ok(Session {
            id: SessionId(id),
            node: node.id.clone(),
            unkillable,
            fields,
            ..Session::default()
        })
    }
}

/// A command in MySQL's spelling. Whatever else stands in its place may be a statement.
fn command(told: Told) -> Told {
    let Told::Text(text) = told else { return told };
    let known = COMMANDS.iter().find(|command| command.eq_ignore_ascii_case(text.trim()));
    Told::Text(known.copied().unwrap_or("other").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::Field;

    fn read(process: &str) -> Session {
        let process: Process = serde_json::from_str(process).unwrap();
        process.session(&Answer::silent(), &Node::whole()).unwrap()
    }

    #[test]
    fn a_statement_in_any_place_is_never_told() {
        for process in [
            r#"{"id":1,"command":"Query","info":"SET PASSWORD = 's3cret'"}"#,
            r#"{"id":1,"command":"SET PASSWORD = 's3cret'"}"#,
            r#"{"id":1,"command":"Query SET PASSWORD = 's3cret'","sql":"s3cret"}"#,
        ] {
            let session = read(process);
            assert!(!format!("{session:?}").contains("s3cret"), "{process}");
        }
    }

    #[test]
    fn a_command_is_one_of_mysqls_or_other() {
        for (given, expected) in [
            ("Query", "Query"),
            ("sleep", "Sleep"),
            ("BINLOG DUMP GTID", "Binlog Dump GTID"),
            (" Sleep ", "Sleep"),
            ("SELECT 1", "other"),
            ("", "other"),
        ] {
            let session = read(&format!(r#"{{"id":1,"command":"{given}"}}"#));
            assert_eq!(
                session.fields.get("command"),
                Some(&Field::Text(expected.into())),
                "{given}"
            );
        }
        assert_eq!(read(r#"{"id":1,"command":null}"#).fields.get("command"), None);
    }

    #[test]
    fn only_who_sleeps_is_idle_and_an_unknown_command_tells_nothing() {
        for (process, idle, state) in [
            (r#"{"id":1,"command":"Sleep","time":90}"#, Some(90), Some(90)),
            (r#"{"id":1,"command":"Sleep","time":"90"}"#, Some(90), Some(90)),
            (r#"{"id":1,"command":"Query","time":90}"#, Some(0), Some(90)),
            (r#"{"id":1,"command":"other","time":90}"#, Some(0), Some(90)),
            (r#"{"id":1,"time":90}"#, None, Some(90)),
            (r#"{"id":1,"command":"Sleep"}"#, None, None),
        ] {
            let fields = read(process).fields;
            let number = |name| match fields.get(name) {
                Some(Field::Integer(number)) => Some(*number),
                Some(Field::Text(_) | Field::Bool(_)) | None => None,
            };
            assert_eq!(
                (number("idle_seconds"), number("state_seconds")),
                (idle, state),
                "{process}"
            );
        }
    }

    #[test]
    fn no_database_is_known_and_one_that_is_not_told_is_not() {
        for (process, expected) in [
            (r#"{"id":1,"db":null}"#, Some("")),
            (r#"{"id":1,"db":"None"}"#, Some("")),
            (r#"{"id":1,"db":""}"#, Some("")),
            (r#"{"id":1,"db":"shop"}"#, Some("shop")),
            (r#"{"id":1}"#, None),
        ] {
            let expected = expected.map(|text| Field::Text(text.into()));
            assert_eq!(read(process).fields.get("database"), expected.as_ref(), "{process}");
        }
    }

    #[test]
    fn replicas_and_the_clouds_own_accounts_are_no_clients() {
        for (process, expected) in [
            (r#"{"user":"app","command":"Query"}"#, None),
            (r#"{"user":"rdsAdmin","command":"Query"}"#, Some("the cloud's own accounts")),
            (r#"{"user":"rdsadmin2","command":"Query"}"#, None),
            (r#"{"user":"repl","command":"Binlog Dump GTID"}"#, Some("replication")),
            (r#"{"user":null}"#, None),
        ] {
            let read: Process = serde_json::from_str(process).unwrap();
            let aside = read.aside(&["rdsAdmin"]);
            assert_eq!(aside.is_some(), expected.is_some(), "{process}");
            assert!(aside.unwrap_or_default().contains(expected.unwrap_or_default()), "{process}");
        }
    }
}
