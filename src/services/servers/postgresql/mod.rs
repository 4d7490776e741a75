//! PostgreSQL, 10 and newer: the client sessions of a server or of one of its databases.
//!
//! Sessions are rows of `pg_stat_activity` whose `backend_type` is `client backend`
//! (<https://www.postgresql.org/docs/current/monitoring-stats.html>), and are ended by
//! `pg_terminate_backend` (<https://www.postgresql.org/docs/current/functions-admin.html>). A
//! process id is used again; with the microsecond at which the session began it never is.

mod api;
mod statements;
#[cfg(test)]
mod tests;

use crate::access::{Action, postgresql};
use crate::services::spec::Permissions;
use crate::services::{
    Column, Everyone, Example, Input, Limits, Role, Service, Shape, Spec, Target, Unit, Way, Width,
    Wrong,
};

static SPEC: Spec = Spec {
    name: "postgresql",
    platform: "postgresql",
    product: "",
    title: "PostgreSQL",
    session: "client session",
    about: "A session is a client's connection to the server, idle or not, as `pg_stat_activity` \
            shows it. The server's own processes are not listed; replication and the accounts of \
            cloud vendors (`rdsadmin`, `azuresu`, `cloudsqladmin` and the like) are left out and \
            counted. The provider's own connection is never among them. A login that may not see \
            who is connected is an error, never an empty list.",
    ending: "A client gets `57P01` at its next statement, and can connect again at once. Sessions of \
             superusers are ended only for superusers: for anybody else they are selected and \
             survive, with the reason. Behind a pooler the sessions are the pooler's: its clients \
             may stay connected to it, and connect to the server anew with their next statement.",
    warning: None,
    regional: false,
    answers_itself: true,
    inputs: &[
        Input {
            name: "host",
            shape: Shape::Text,
            required: true,
            description: "The server's name or address, or the absolute path of the folder of its \
                          socket. Connect to the server itself, not through a pooler.",
        },
        Input {
            name: "port",
            shape: Shape::Port,
            required: false,
            description: "The server's port. Default 5432.",
        },
        Input {
            name: "database",
            shape: Shape::Text,
            required: false,
            description: "The database whose sessions are meant, as the server's catalogue spells \
                          it. It is never the one that the provider connects to.",
        },
        Input {
            name: "all_databases",
            shape: Shape::Flag,
            required: false,
            description: "`true` means the sessions of every database of the server.",
        },
    ],
    one_of: &[],
    width: Some(Width { whole: "all_databases", part: "database" }),
    normal,
    session_id: "the process id of the session's backend and the microsecond at which it began, like \
                 `12345:1795647829167960`. Another session never has the same.",
    is_id: |id| api::Id::read(id).is_some(),
    ids_again: None,
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port; null for one on a socket, which is in no \
                          network.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The role that is logged in; `oid` and its number if it was dropped \
                          meanwhile.",
        },
        Column {
            name: "database",
            unit: Unit::Text,
            role: Role::Database,
            description: "The database that it is connected to.",
        },
        Column {
            name: "command",
            unit: Unit::Text,
            role: Role::Command,
            description: "The first word of the running or last statement, one of a fixed list of \
                          verbs, else `other`. Nothing else of a statement is read.",
        },
        Column {
            name: "name",
            unit: Unit::Text,
            role: Role::Name,
            description: "`application_name`, which the client gave itself.",
        },
        Column {
            name: "idle_seconds",
            unit: Unit::Seconds,
            role: Role::Idle,
            description: "Time since the last statement ended; 0 while one runs.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the session began.",
        },
        Column {
            name: "state",
            unit: Unit::Text,
            role: Role::Shown,
            description: "`active`, `idle`, `idle in transaction` and so on.",
        },
        Column {
            name: "transaction_seconds",
            unit: Unit::Seconds,
            role: Role::Shown,
            description: "Time since its transaction began; null if it has none.",
        },
        Column {
            name: "has_written",
            unit: Unit::Bool,
            role: Role::Shown,
            description: "Whether its transaction has written, so that its end rolls something back.",
        },
    ],
    // One statement ends them all; so many keep it short.
    limits: Limits { batch: 100, everyone: Everyone::Never },
    permissions: Permissions {
        list: &[Action::of("pg_read_all_stats")],
        terminate: &[Action::of("pg_signal_backend")],
    },
    codes: &[],
    example: Example {
        inputs: &[("host", "aws_db_instance.main.address"), ("database", "\"app\"")],
        criterion: ("min_idle", "\"10m\""),
        old_login: Some(("users", "[\"app\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://www.postgresql.org/docs/current/functions-admin.html",
};

/// Host and port in one spelling.
fn normal(target: Target) -> Result<Target, Wrong> {
    super::normal(target, postgresql::place)
}

/// PostgreSQL.
pub(in crate::services) static SERVICE: Service = Service {
    spec: &SPEC,
    way: Way::Postgresql(|account, target| Box::new(api::Postgresql::new(account, &target))),
    #[cfg(feature = "sandbox")]
    sandbox: None,
};
