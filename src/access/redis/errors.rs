//! What a server's refusals mean, by the first word of the error
//! (<https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors>).

use ::redis::RedisError;

use super::settings::MEND;
use crate::access::error::MAX_MESSAGE;
use crate::access::server::{blot, unaccepted};
use crate::access::{Error, Kind, Secret};
use crate::wire::{redact, tls};

/// A refusal by its first word.
fn kind(code: &str, message: &str) -> Kind {
    match code {
        "WRONGPASS" | "NOAUTH" => Kind::Credentials,
        "NOPERM" => Kind::Permission,
        "LOADING" | "BUSY" | "MASTERDOWN" | "TRYAGAIN" | "CLUSTERDOWN" => Kind::Busy,
        "ERR" if message.contains("max number of clients") => Kind::Busy,
        "ERR" if message.contains("unknown command") || message.contains("unknown subcommand") => {
            Kind::Unsupported
        }
        // A password for a user that has none, or for a server without users.
        "ERR" if message.contains("AUTH") => Kind::Credentials,
        _ => Kind::Refused,
    }
}

/// A failed command.
pub(super) fn failed(error: &RedisError, operation: &'static str, secrets: &[Secret]) -> Error {
    let bounded = |text: &str| redact::bounded(&blot(text, secrets), MAX_MESSAGE);
    match error.code() {
        Some(code) => {
            let message = error.detail().unwrap_or("no more is said");
            let told = Error::new(kind(code, message), operation, bounded(message));
            Error { code: Some(redact::bounded(code, 32)), ..told }
        }
        None if let Some(reason) = tls::cause(error).and_then(|tls| unaccepted(tls, MEND)) => {
            Error::new(Kind::Configuration, operation, reason)
        }
        None if error.is_io_error() || error.is_connection_dropped() || error.is_timeout() => {
            Error::new(Kind::Lost, operation, bounded(&format!("the connection broke: {error}")))
        }
        None => Error::new(
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
    fn the_first_word_says_what_it_means() {
        for (code, message, expected) in [
            ("WRONGPASS", "invalid username-password pair", Kind::Credentials),
            ("NOAUTH", "Authentication required.", Kind::Credentials),
            ("NOPERM", "this user has no permissions", Kind::Permission),
            ("LOADING", "Redis is loading the dataset", Kind::Busy),
            ("ERR", "max number of clients reached", Kind::Busy),
            ("ERR", "unknown command 'CLIENT'", Kind::Unsupported),
            ("ERR", "AUTH <password> called without any password", Kind::Credentials),
            ("ERR", "syntax error", Kind::Refused),
        ] {
            assert_eq!(kind(code, message), expected, "{code} {message}");
        }
    }
}
