//! What a user can say about Redis in the provider block.

use crate::access::server::Mend;
use crate::access::{Error, Given, Kind, Secret, Setting, Shape};

/// The provider block's `redis`, as it was written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `username`
    pub username: Option<String>,
    /// `password`
    pub password: Option<Secret>,
    /// `tls`
    pub tls: Option<bool>,
    /// `ca_cert`: a path.
    pub ca_cert: Option<String>,
    /// `client_cert` and `client_key`: paths.
    pub client: Option<(String, String)>,
}

/// Their names, as whoever has to mend TLS is told them.
pub(super) const MEND: Mend = Mend {
    ca: "`ca_cert` in the provider block's `redis`",
    client: "`client_cert` and `client_key` in the provider block's `redis`",
    less: "`tls = false` in the provider block's `redis`, which encrypts nothing",
};

/// The arguments, in the order of documentation.
pub const ATTRIBUTES: &[Setting] = &[
    Setting::text(
        "username",
        &[],
        "The ACL user to log in as. Without it the password is the default user's.",
    ),
    Setting::text("password", &[], "The password.").secret(),
    Setting::text(
        "tls",
        &[],
        "Whether the connection is encrypted, with the server's certificate and name checked. Default \
         `true`, but `false` to a socket or an address of this machine: where that address is the end \
         of a tunnel, say `true`.",
    )
    .shaped(Shape::Bool),
    Setting::text(
        "ca_cert",
        &[],
        "A file with the certificates of the CAs that are trusted, in PEM. Without it those of the \
         system are.",
    ),
    Setting::text(
        "client_cert",
        &[],
        "A file with the client's certificate in PEM, for servers that ask for one.",
    ),
    Setting::text("client_key", &[], "A file with its private key in PEM."),
];

impl Settings {
    /// Reads what was given.
    ///
    /// # Errors
    /// [`Kind::Configuration`] for a certificate without its key, or the other way round.
    pub fn new(given: &Given) -> Result<Settings, Error> {
        let client = match (given.text("client_cert"), given.text("client_key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(misconfigured("`redis` needs both `client_cert` and `client_key`")),
        };
        Ok(Settings {
            username: given.text("username"),
            password: given.secret("password"),
            tls: given.bool("tls"),
            ca_cert: given.text("ca_cert"),
            client,
        })
    }
}

pub(super) fn misconfigured(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, "log in", message)
}
