//! What a server's refusals mean, by SQLSTATE.
//! <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use tokio_postgres::error::DbError;

use crate::access::error::MAX_MESSAGE;
use crate::access::server::blot;
use crate::access::{Error, Kind, Secret};
use crate::wire::redact;

/// A refusal while logging in.
pub(super) fn login(code: &str) -> Kind {
    match code {
        "28P01" | "28000" => Kind::Credentials,
        "42501" => Kind::Permission,
        _ => statement(code),
    }
}

/// A refusal of a statement.
fn statement(code: &str) -> Kind {
    match code {
        "42501" => Kind::Permission,
        // It starts or stops; too many connections and other resources used up.
        "57P03" => Kind::Busy,
        // Somebody ended our own session, or the server: what the statement did is not known.
        "57P01" | "57P02" | "57P05" => Kind::Lost,
        // Cancelled, by a time limit of the server's or by somebody.
        "57014" => Kind::Unavailable,
        // No such function, view or column, or not supported: not PostgreSQL 10 or newer, or
        // something that is like it. A statement that was prepared on another server's session:
        // a pooler in between.
        "42883" | "42P01" | "42703" | "0A000" | "26000" => Kind::Unsupported,
        "3D000" | "55000" => Kind::Configuration,
        _ => match code.get(..2) {
            Some("53") => Kind::Busy,
            Some("08") => Kind::Lost,
            Some("58" | "XX") => Kind::Unavailable,
            _ => Kind::Refused,
        },
    }
}

/// A failure of a statement: the server's refusal, or a connection that broke.
pub(super) fn of_statement(
    error: &tokio_postgres::Error,
    operation: &'static str,
    secrets: &[Secret],
) -> Error {
    match error.as_db_error() {
        Some(refusal) => refused(statement(refusal.code().code()), refusal, operation, secrets),
        None if error.is_closed() || is_io(error) => {
            let message = format!("the connection broke: {}", causes(error));
            Error::new(
                Kind::Lost,
                operation,
                redact::bounded(&blot(&message, secrets), MAX_MESSAGE),
            )
        }
        None => {
            let message = format!("the answer cannot be read: {}", causes(error));
            Error::new(
                Kind::Malformed,
                operation,
                redact::bounded(&blot(&message, secrets), MAX_MESSAGE),
            )
        }
    }
}

/// A refusal in the server's words.
fn refused(kind: Kind, refusal: &DbError, operation: &'static str, secrets: &[Secret]) -> Error {
    let message = redact::bounded(&blot(&words(refusal), secrets), MAX_MESSAGE);
    let code = Some(redact::bounded(refusal.code().code(), 5));
    Error { code, ..Error::new(kind, operation, message) }
}

/// What the server says: since version 16 the reason stands in the detail.
pub(super) fn words(refusal: &DbError) -> String {
    match refusal.detail() {
        Some(detail) => format!("{}: {detail}", refusal.message()),
        None => refusal.message().to_owned(),
    }
}

/// Whether the network is to blame.
fn is_io(error: &tokio_postgres::Error) -> bool {
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        // The client's codec reports rubbish as this kind of an I/O error.
        if let Some(io) = one.downcast_ref::<std::io::Error>() {
            return !matches!(
                io.kind(),
                std::io::ErrorKind::InvalidInput | std::io::ErrorKind::InvalidData
            );
        }
        cause = one.source();
    }
    false
}

/// An error and what caused it.
pub(super) fn causes(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_of_codes_means_what_happens_next() {
        for (code, while_logging_in, of_a_statement) in [
            ("28P01", Kind::Credentials, Kind::Refused),
            ("28000", Kind::Credentials, Kind::Refused),
            ("42501", Kind::Permission, Kind::Permission),
            ("53300", Kind::Busy, Kind::Busy),
            ("57P03", Kind::Busy, Kind::Busy),
            ("57P01", Kind::Lost, Kind::Lost),
            ("57014", Kind::Unavailable, Kind::Unavailable),
            ("42P01", Kind::Unsupported, Kind::Unsupported),
            ("3D000", Kind::Configuration, Kind::Configuration),
            ("XX000", Kind::Unavailable, Kind::Unavailable),
            ("22023", Kind::Refused, Kind::Refused),
            ("", Kind::Refused, Kind::Refused),
        ] {
            assert_eq!(
                (login(code), statement(code)),
                (while_logging_in, of_a_statement),
                "{code}"
            );
        }
    }
}
