//! MySQL 8 and newer, and MariaDB 10.6 and newer: the client sessions of a server or of one of its
//! databases.
//!
//! Sessions are rows of the process list
//! (<https://dev.mysql.com/doc/refman/8.4/en/performance-schema-processlist-table.html>,
//! <https://mariadb.com/docs/server/reference/system-tables/information-schema/information-schema-tables/information-schema-processlist-table>)
//! and are ended by `KILL` (<https://dev.mysql.com/doc/refman/8.4/en/kill.html>), or on Amazon RDS by
//! `mysql.rds_kill`. Their numbers begin anew with every start of the server.

mod api;
mod row;
mod statements;

use crate::access::{Action, mysql};
use crate::services::spec::Permissions;
use crate::services::{
    Column, Everyone, Example, Input, Limits, Role, Service, Shape, Spec, Target, Unit, Way, Width,
    Wrong,
};

static SPEC: Spec = Spec {
    name: "mysql",
    platform: "mysql",
    product: "",
    title: "MySQL and MariaDB",
    session: "client session",
    about: "A session is a client's connection to the server, idle or not, as its process list shows \
            it. The server's own threads are not listed; replication and the accounts of the server \
            and of cloud vendors are left out and counted. The provider's own connection is never \
            among them. With `database`, whoever has it as his default database is meant, or holds or \
            waits for a metadata lock in it, which is what blocks a `DROP`; MariaDB does not tell of \
            locks. A login that may not see who is connected is an error, never an empty list.",
    ending: "A client's connection is closed, and its transaction is rolled back first, which may take \
             as long as the work did: until then it is listed, and not gone. It can connect again at \
             once.",
    warning: None,
    regional: false,
    answers_itself: true,
    inputs: &[
        Input {
            name: "host",
            shape: Shape::Text,
            required: true,
            description: "The server's name or address, or the absolute path of its socket's file. \
                          Connect to the server itself, not through a pooler.",
        },
        Input {
            name: "port",
            shape: Shape::Port,
            required: false,
            description: "The server's port. Default 3306.",
        },
        Input {
            name: "database",
            shape: Shape::Text,
            required: false,
            description: "The database whose sessions are meant, as the server's catalogue spells it.",
        },
        Input {
            name: "all_databases",
            shape: Shape::Flag,
            required: false,
            description: "`true` means the sessions of every database of the server, and those that \
                          are in none.",
        },
    ],
    one_of: &[],
    width: Some(Width { whole: "all_databases", part: "database" }),
    normal,
    session_id: "the number of the session's thread, like `48`. A server that is started anew counts \
                 from the beginning; within a run its start tells.",
    is_id: |id| row::number(id).is_some(),
    ids_again: Some("A server that is started anew counts from the beginning."),
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port, or its name where the server looks names up: \
                          then it is in no network. Null for one on a socket.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user who is logged in, without his host.",
        },
        Column {
            name: "database",
            unit: Unit::Text,
            role: Role::Database,
            description: "Its default database; null if it has none.",
        },
        Column {
            name: "command",
            unit: Unit::Text,
            role: Role::Command,
            description: "What its thread does, like `sleep` or `query`; `other` for anything that is \
                          not on a fixed list. The statement is not read.",
        },
        Column {
            name: "idle_seconds",
            unit: Unit::Seconds,
            role: Role::Idle,
            description: "Time since the last statement ended; 0 while one runs.",
        },
        Column {
            name: "locks_database",
            unit: Unit::Bool,
            role: Role::Shown,
            description: "Whether it holds or waits for a metadata lock in `database`; null where that \
                          cannot be told.",
        },
    ],
    // One statement for each; so many keep it short.
    limits: Limits { batch: 20, everyone: Everyone::Never },
    permissions: Permissions {
        list: &[Action::of("PROCESS")],
        terminate: &[Action::of("CONNECTION_ADMIN")],
    },
    codes: &[],
    example: Example {
        inputs: &[("host", "aws_db_instance.main.address"), ("database", "\"app\"")],
        criterion: ("min_idle", "\"10m\""),
        old_login: Some(("users", "[\"app\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://dev.mysql.com/doc/refman/8.4/en/kill.html",
};

/// Host and port in one spelling.
fn normal(target: Target) -> Result<Target, Wrong> {
    super::normal(target, mysql::place)
}

/// MySQL.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Mysql(|account, target| Box::new(api::Mysql::new(account, &target))),
    #[cfg(feature = "sandbox")]
    sandbox: None,
};
