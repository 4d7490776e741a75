//! What a server's refusals mean, by number
//! (<https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html>,
//! <https://mariadb.com/docs/server/reference/error-codes>).

use mysql_async::Error as Failure;

use crate::access::error::MAX_MESSAGE;
use crate::access::server::blot;
use crate::access::{Error, Kind, Secret};
use crate::wire::redact;

/// A refusal by its number.
fn kind(code: u16) -> Kind {
    match code {
        // Denied with and without a password, no such account, locked, expired, no such plugin.
        1045 | 1698 | 1251 | 1524 | 1820 | 1862 | 3118 | 4151 => Kind::Credentials,
        // Too many connections, of all or of this account; the host is blocked.
        1040 | 1203 | 1226 | 1129 => Kind::Busy,
        // It shuts down; our own session was ended.
        1053 | 1317 | 1927 | 3169 => Kind::Lost,
        // No right: global, on a table, a column, a routine.
        1044 | 1142 | 1143 | 1227 | 1370 => Kind::Permission,
        // No such table, column, variable, function: not MySQL 8 or MariaDB 10.6, or something like it.
        1054 | 1146 | 1193 | 1305 | 1109 => Kind::Unsupported,
        1049 => Kind::Configuration,
        _ => Kind::Refused,
    }
}

/// The server's number, if it is the server that refused.
pub(super) fn code(error: &Failure) -> Option<u16> {
    match error {
        Failure::Server(refusal) => Some(refusal.code),
        Failure::Driver(_) | Failure::Io(_) | Failure::Other(_) | Failure::Url(_) => None,
    }
}

/// A failed statement.
pub(super) fn failed(error: &Failure, operation: &'static str, secrets: &[Secret]) -> Error {
    let bounded = |text: &str| redact::bounded(&blot(text, secrets), MAX_MESSAGE);
    match error {
        Failure::Server(refusal) => {
            let told = Error::new(kind(refusal.code), operation, bounded(&refusal.message));
            Error { code: Some(refusal.code.to_string()), ..told }
        }
        Failure::Io(_) => {
            Error::new(Kind::Lost, operation, bounded(&format!("the connection broke: {error}")))
        }
        Failure::Driver(mysql_async::DriverError::ConnectionClosed) => {
            Error::new(Kind::Lost, operation, "the connection was closed")
        }
        Failure::Driver(_) | Failure::Other(_) | Failure::Url(_) => Error::new(
            Kind::Malformed,
            operation,
            bounded(&format!("the answer cannot be read: {error}")),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_means_what_happens_next() {
        for (code, expected) in [
            (1045, Kind::Credentials),
            (3118, Kind::Credentials),
            (1040, Kind::Busy),
            (1227, Kind::Permission),
            (1317, Kind::Lost),
            (1146, Kind::Unsupported),
            (1064, Kind::Refused),
        ] {
            assert_eq!(kind(code), expected, "{code}");
        }
    }
}
