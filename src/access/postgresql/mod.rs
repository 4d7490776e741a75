//! Logins to PostgreSQL servers, as users of `cyrilgdn/postgresql` and of libpq know them.
//!
//! An [`Account`] stands for one provider block. Nothing is connected to before a service asks for
//! a [`Connection`] to one server; what was given, or stands in the environment, is read by then.

mod account;
mod block;
mod connection;
mod errors;
mod passfile;
mod resolve;
mod servicefile;
pub mod settings;

use crate::wire::dial::Place;

pub use account::Account;
pub use block::Postgresql;
pub use connection::{Connection, Shown};
pub use settings::{ATTRIBUTES, Settings};
pub use tokio_postgres::Row;
pub use tokio_postgres::types::{FromSql, ToSql, Type};

/// The place that the arguments `host` and `port` name: by an absolute path the folder of the
/// server's socket, or the socket's file itself.
///
/// # Errors
/// A rule: "`host` must …".
pub fn place(host: &str, port: Option<&str>) -> Result<Place, String> {
    super::server::place(host, port, super::server::Default { port: PORT, socket })
}

/// The port of servers that say no other.
const PORT: u16 = 5432;

/// How a socket's file begins; its port follows.
/// <https://www.postgresql.org/docs/current/runtime-config-connection.html>
const SOCKET: &str = ".s.PGSQL.";

fn socket(path: &std::path::Path) -> std::path::PathBuf {
    let name = path.file_name().and_then(std::ffi::OsStr::to_str).unwrap_or_default();
    match name.strip_prefix(SOCKET) {
        Some(port) if port.parse::<u16>().is_ok() => path.to_owned(),
        _ => path.join(format!("{SOCKET}{PORT}")),
    }
}

#[cfg(test)]
mod tests;
