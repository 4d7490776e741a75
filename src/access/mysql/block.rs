//! MySQL as the provider block sees it.

use super::{ATTRIBUTES, Settings};
use crate::access::{Account, Action, Error, Given, Kind, Platform, Setting};
use crate::wire::Outside;

/// Servers that speak MySQL's protocol.
#[derive(Clone, Copy, Debug)]
pub struct Mysql;

impl Platform for Mysql {
    fn name(&self) -> &'static str {
        "mysql"
    }

    fn title(&self) -> &'static str {
        "MySQL and MariaDB"
    }

    fn settings(&self) -> &'static [Setting] {
        ATTRIBUTES
    }

    fn example(&self) -> &'static str {
        "{ username = \"ops\" } # MYSQL_PASSWORD, or ~/.my.cnf"
    }

    fn logins(&self) -> &'static str {
        "Host and port stand in the blocks, the login here. An argument counts before its environment \
         variable, and user and password from neither are looked for in the section `[client]` of \
         `~/.my.cnf`. What belongs to a host goes to no other: the variables, where `MYSQL_ENDPOINT` is \
         set, only to that one, and the file's login only to the host that it names, or without one \
         to this machine.\n\n\
         The connection is encrypted, and the server's certificate and name are checked, everywhere \
         but on a socket or an address of this machine. Nothing is connected to before a block needs \
         it, and a connection that does not come is given up after 10 seconds. A login that was \
         refused is not tried on that server again for a minute."
    }

    fn policies(&self, actions: &[Action]) -> String {
        let grants: Vec<String> = actions
            .iter()
            .filter_map(|one| one.name)
            .map(|right| format!("GRANT {right} ON *.* TO 'ops'@'%';"))
            .collect();
        format!(
            "The account that logs in needs these:\n\n```sql\n{}\n```\n\n\
             `PROCESS` shows who is connected; without it the list would hold our own sessions only, so \
             it is an error. `CONNECTION_ADMIN` (MariaDB: `CONNECTION ADMIN`) ends sessions of others; \
             in MySQL sessions of an account with `SYSTEM_USER` are ended only for one that has it too. \
             A role counts if it is active. On Amazon RDS `mysql.rds_kill` is used where it exists. To \
             see who holds metadata locks in a database, MySQL needs `SELECT` on \
             `performance_schema.*` (read, not run).\n",
            grants.join("\n")
        )
    }

    fn advice(&self, kind: Kind) -> Option<&'static str> {
        Some(match kind {
            Kind::Busy => "The server takes no more connections.",
            Kind::Unavailable | Kind::NotSent | Kind::Lost => {
                "The connection to the server broke, or it failed. What it was asked for may have \
                 been done."
            }
            Kind::TargetGone => {
                "Check `database`: it must be spelled as in the server's catalogue."
            }
            Kind::Credentials => {
                "Check `username` and `password` in the provider block's `mysql`, the environment and \
                 `~/.my.cnf`. This login is not tried on this server again for a minute."
            }
            Kind::Permission => {
                "The login is good, but the account lacks a right, or the role that has it is not \
                 active. The type's page has the statements."
            }
            Kind::Unsupported => {
                "The server must be MySQL 8 or MariaDB 10.6, or newer, and be connected to directly, \
                 not through a pooler."
            }
            Kind::Malformed => {
                "The answer is not MySQL's. Check `host` and `port`; if they are right, please report \
                 it."
            }
            Kind::Configuration => "Correct the provider block's `mysql`, or the environment.",
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
            "A `DROP DATABASE` does not care who is connected, but waits for those of them that \
             have a transaction open on one of its tables, up to `lock_wait_timeout` of the server: \
             a year on MySQL, a day on MariaDB, if nobody has set it.",
        )
    }

    fn account(&self, given: &Given, outside: &Outside) -> Result<Account, Error> {
        Ok(Account::Mysql(super::Account::new(Settings::new(given)?, outside.clone())))
    }
}
