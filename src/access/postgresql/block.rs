//! PostgreSQL as the provider block sees it.

use super::{ATTRIBUTES, Settings};
use crate::access::{Account, Action, Error, Given, Kind, Platform, Setting};
use crate::wire::Outside;

/// Servers that speak PostgreSQL's protocol.
#[derive(Clone, Copy, Debug)]
pub struct Postgresql;

impl Platform for Postgresql {
    fn name(&self) -> &'static str {
        "postgresql"
    }

    fn title(&self) -> &'static str {
        "PostgreSQL"
    }

    fn settings(&self) -> &'static [Setting] {
        ATTRIBUTES
    }

    fn example(&self) -> &'static str {
        "{ username = \"ops\" } # PGPASSWORD, or ~/.pgpass"
    }

    fn logins(&self) -> &'static str {
        "Host and port stand in the blocks, the login here. An argument counts before the section \
         of the service file that `PGSERVICE` names (`PGSERVICEFILE`, else \
         `~/.pg_service.conf`), that before the environment variables, and a password from none of \
         them is looked for in the password file (`PGPASSFILE`, else `~/.pgpass`). What belongs to \
         a host goes to no other: a service's section is used only for its own host and port, the \
         variables, where `PGHOST` is set, only for that one, and a line of the password file for \
         what it names.\n\n\
         The server's certificate and name are checked (`sslmode = \"verify-full\"`) everywhere but \
         on a socket or an address of this machine. Nothing is connected to before a block needs \
         it, and a connection that does not come is given up after 10 seconds. A login that was \
         refused is not tried on that server again for a minute."
    }

    fn policies(&self, actions: &[Action]) -> String {
        let grants = actions.iter().filter_map(|one| one.name);
        let grants: Vec<String> = grants.map(|role| format!("GRANT {role} TO ops;")).collect();
        format!(
            "The role that logs in needs these, or to be a superuser:\n\n```sql\n{}\n```\n\n\
             `pg_read_all_stats` shows who is connected, and `pg_signal_backend` ends sessions of \
             everybody but superusers, whose sessions only a superuser ends. From PostgreSQL 16 on \
             whoever grants them must have been given them `WITH ADMIN OPTION`. On Amazon RDS and \
             Aurora a member of `rds_superuser` can, on Azure one of `azure_pg_admin`, on Cloud SQL \
             one of `cloudsqlsuperuser` (read, not run).\n",
            grants.join("\n")
        )
    }

    fn advice(&self, kind: Kind) -> Option<&'static str> {
        Some(match kind {
            Kind::Busy => "The server takes no more connections, or is just starting or stopping.",
            Kind::Unavailable | Kind::NotSent | Kind::Lost => {
                "The connection to the server broke, or it failed. What it was asked for may have \
                 been done."
            }
            Kind::TargetGone => {
                "Check `database`: it must be spelled as in the server's catalogue."
            }
            Kind::Credentials => {
                "Check `username` and `password` in the provider block's `postgresql`, the \
                 environment and the password file. This login is not tried on this server again \
                 for a minute."
            }
            Kind::Permission => {
                "The login is good, but its role lacks a right. This type needs \
                 `pg_read_all_stats`, and `pg_signal_backend` to end sessions; its page has the \
                 statements."
            }
            Kind::Unsupported => {
                "The server must be PostgreSQL 10 or newer, and be connected to directly, not \
                 through a pooler."
            }
            Kind::Malformed => {
                "The answer is not PostgreSQL's. Check `host` and `port`; if they are right, please \
                 report it."
            }
            Kind::Configuration => "Correct the provider block's `postgresql`, or the environment.",
            Kind::BadRequest | Kind::Refused => {
                "The server refused the statement; see its code and message above."
            }
            Kind::Throttled
            | Kind::Unreachable
            | Kind::Ambiguous
            | Kind::SessionGone
            | Kind::JobFailed => return None,
        })
    }

    fn staying(&self) -> Option<&'static str> {
        Some(
            "A plain `DROP DATABASE` fails while one of them is in that database. `WITH (FORCE)`, \
             which some providers write by themselves, ends them in spite of `protect`.",
        )
    }

    fn account(&self, given: &Given, outside: &Outside) -> Result<Account, Error> {
        Ok(Account::Postgresql(super::Account::new(Settings::new(given)?, outside.clone())))
    }
}
