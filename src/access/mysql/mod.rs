//! Logins to MySQL and MariaDB servers, as users of `petoju/mysql` and of `~/.my.cnf` know them.
//!
//! An [`Account`] stands for one provider block. Nothing is connected to before a service asks for
//! a [`Connection`] to one server.

mod account;
mod block;
mod connection;
mod errors;
mod resolve;
pub mod settings;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::wire::dial::Place;

pub use account::Account;
pub use block::Mysql;
pub use connection::{Connection, Row};
pub use settings::{ATTRIBUTES, Settings};

/// The port of servers that say no other.
const PORT: u16 = 3306;

/// The place that the arguments `host` and `port` name: by an absolute path the file of the
/// server's socket.
///
/// # Errors
/// A rule: "`host` must …".
pub fn place(host: &str, port: Option<&str>) -> Result<Place, String> {
    let socket: fn(&Path) -> PathBuf = Path::to_path_buf;
    super::server::place(host, port, super::server::Default { port: PORT, socket })
}
