//! What a user can say about PostgreSQL in the provider block.
//!
//! Names and meanings are those of `cyrilgdn/postgresql` (its `website/docs/index.html.markdown`
//! and `postgresql/provider.go`), so a block can be copied; host and port stand in the resources.
//! What differs: the certificate is checked unless the block says otherwise, and a connection that
//! does not come is given up after ten seconds, not after three minutes.

use std::time::Duration;

use crate::access::server::Encryption;
use crate::access::{Error, Given, Kind, Secret, Setting, Shape};
use crate::wire::tls::Check;

/// The provider block's `postgresql`, as it was written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `username`
    pub username: Option<String>,
    /// `password`
    pub password: Option<Secret>,
    /// `database`: the one to connect to.
    pub database: Option<String>,
    /// `sslmode`
    pub sslmode: Option<Mode>,
    /// `sslrootcert`: a path.
    pub sslrootcert: Option<String>,
    /// `clientcert`
    pub clientcert: Option<ClientCert>,
    /// `connect_timeout`; never zero.
    pub connect_timeout: Option<Duration>,
}

/// A client's certificate and key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCert {
    /// `cert`: a path, or the PEM text itself.
    pub cert: String,
    /// `key`: a path, or the PEM text itself.
    pub key: Secret,
    /// `sslinline`: whether the two are texts.
    pub inline: bool,
}

/// A value of `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No TLS.
    Disable,
    /// TLS if the server likes, else none: only older settings and the environment say so.
    Prefer,
    /// TLS with anybody; with a CA, with whoever that vouches for.
    Require,
    /// TLS with whoever the CA vouches for.
    VerifyCa,
    /// TLS with that very host.
    VerifyFull,
}

impl Mode {
    /// The mode of a name of libpq's, which has two that mean "perhaps".
    pub(super) fn of(name: &str) -> Option<Mode> {
        Some(match name {
            "disable" => Mode::Disable,
            "allow" | "prefer" => Mode::Prefer,
            "require" => Mode::Require,
            "verify-ca" => Mode::VerifyCa,
            "verify-full" => Mode::VerifyFull,
            _ => return None,
        })
    }

    /// What it comes to, with or without a CA of one's own: libpq and lib/pq check the chain under
    /// `require` if they are given one.
    pub(super) fn encryption(self, ca: bool) -> Encryption {
        match self {
            Mode::Disable | Mode::Prefer => Encryption::None,
            Mode::Require if ca => Encryption::Checked(Check::Chain),
            Mode::Require => Encryption::Checked(Check::Nothing),
            Mode::VerifyCa => Encryption::Checked(Check::Chain),
            Mode::VerifyFull => Encryption::Checked(Check::Full),
        }
    }
}

/// The arguments, in the order of documentation.
pub const ATTRIBUTES: &[Setting] = &[
    Setting::text("username", &["PGUSER"], "The role to log in as. Default `postgres`."),
    Setting::text(
        "password",
        &["PGPASSWORD"],
        "Its password. Without one, the password file is asked: `PGPASSFILE`, else `~/.pgpass`.",
    )
    .secret(),
    Setting::text(
        "database",
        &["PGDATABASE"],
        "The database to connect to, default `postgres`. It says nothing about whose sessions are \
         meant, and it is never the one whose sessions are: if it is, or cannot be connected to, \
         `postgres` and `template1` are tried.",
    ),
    Setting::text(
        "sslmode",
        &["PGSSLMODE"],
        "`verify-full`, the default, checks the server's certificate and name; `verify-ca` not the \
         name; `require` encrypts without any check, unless `sslrootcert` is given; `disable` does \
         not encrypt. To a socket or an address of this machine the default is `disable`, and the \
         password is sent: where that address is the end of a tunnel, say `verify-full`. A weaker \
         value than the default counts only here, not in the environment.",
    ),
    Setting::text(
        "sslrootcert",
        &["PGSSLROOTCERT"],
        "A file with the certificates of the CAs that are trusted, in PEM. Without it, or as \
         `system`, those of the system are.",
    ),
    Setting::text(
        "clientcert",
        &[],
        "The client's certificate, for servers that ask for one. Files can also come from \
         `PGSSLCERT` and `PGSSLKEY`.",
    )
    .shaped(Shape::Object(&[
        Setting::text("cert", &[], "The certificate in PEM: a path."),
        Setting::text("key", &[], "The private key in PEM, not encrypted: a path.").secret(),
        Setting::text("sslinline", &[], "`true` if `cert` and `key` are the texts themselves.")
            .shaped(Shape::Bool),
    ])),
    Setting::text(
        "connect_timeout",
        &["PGCONNECT_TIMEOUT"],
        "Seconds until a connection, the login included, is given up. Default 10.",
    )
    .shaped(Shape::Integer),
];

impl Settings {
    /// Reads what was given.
    ///
    /// # Errors
    /// [`Kind::Configuration`] for a value that can mean nothing.
    pub fn new(given: &Given) -> Result<Settings, Error> {
        let sslmode = match given.text("sslmode") {
            None => None,
            Some(name) => {
                Some(Mode::of(&name).filter(|mode| *mode != Mode::Prefer).ok_or_else(|| {
                    misconfigured(
                        "`postgresql.sslmode` must be `disable`, `require`, `verify-ca` or \
                         `verify-full`",
                    )
                })?)
            }
        };
        let clientcert = match given.objects("clientcert") {
            [] => None,
            [one, ..] => match (one.text("cert"), one.secret("key")) {
                (Some(cert), Some(key)) => {
                    let inline = one.bool("sslinline").unwrap_or(false);
                    Some(ClientCert { cert, key, inline })
                }
                (None, None) => None,
                _ => {
                    return Err(misconfigured(
                        "`postgresql.clientcert` needs both `cert` and `key`",
                    ));
                }
            },
        };
        let connect_timeout = match given.integer("connect_timeout") {
            None => None,
            Some(seconds) => seconds_of(seconds).ok_or_else(|| {
                misconfigured("`postgresql.connect_timeout` must be a number of seconds")
            })?,
        };
        Ok(Settings {
            username: given.text("username"),
            password: given.secret("password"),
            database: given.text("database"),
            sslmode,
            sslrootcert: given.text("sslrootcert"),
            clientcert,
            connect_timeout,
        })
    }
}

/// A time limit; zero is none of one's own, as for libpq. None if there can be no such.
pub(super) fn seconds_of(seconds: i64) -> Option<Option<Duration>> {
    let seconds = u32::try_from(seconds).ok()?;
    Some((seconds > 0).then(|| Duration::from_secs(seconds.into())))
}

pub(super) fn misconfigured(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, "log in", message)
}
