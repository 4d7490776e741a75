//! What a user can say about MySQL in the provider block.
//!
//! Names and meanings are those of `petoju/mysql` (its `website/docs/index.html.markdown`), so a
//! block can be copied; host and port stand in the resources. What differs: the certificate is
//! checked unless the block says otherwise, and a connection that does not come is given up after
//! ten seconds.

use crate::access::{Error, Given, Kind, Secret, Setting, Shape};

/// The provider block's `mysql`, as it was written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `username`
    pub username: Option<String>,
    /// `password`
    pub password: Option<Secret>,
    /// `tls`
    pub tls: Option<Tls>,
    /// `custom_tls.ca_cert`: a path, or PEM.
    pub ca_cert: Option<String>,
    /// `custom_tls.client_cert` and `client_key`: paths, or PEM.
    pub client: Option<(String, Secret)>,
}

/// A value of `tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// No TLS.
    Off,
    /// TLS with that very host.
    On,
    /// TLS with anybody.
    SkipVerify,
}

impl Tls {
    pub(super) fn of(name: &str) -> Option<Tls> {
        Some(match name {
            "false" => Tls::Off,
            "true" => Tls::On,
            "skip-verify" => Tls::SkipVerify,
            _ => return None,
        })
    }
}

/// The arguments, in the order of documentation.
pub const ATTRIBUTES: &[Setting] = &[
    Setting::text("username", &["MYSQL_USERNAME"], "The account to log in as."),
    Setting::text("password", &["MYSQL_PASSWORD"], "Its password.").secret(),
    Setting::text(
        "tls",
        &["MYSQL_TLS_CONFIG"],
        "`true`, the default, encrypts and checks the server's certificate and name; `skip-verify` \
         encrypts without any check; `false` does not encrypt. To a socket or an address of this \
         machine the default is `false`, and the password is sent: where that address is the end of a \
         tunnel, say `true`. A weaker value than the default counts only here, not in the environment.",
    ),
    Setting::text("custom_tls", &[], "Certificates of one's own.").shaped(Shape::Object(&[
        Setting::text(
            "ca_cert",
            &["MYSQL_TLS_CA_CERT"],
            "The certificates of the CAs that are trusted beside the public ones, in PEM: a path, or \
             the text itself.",
        ),
        Setting::text(
            "client_cert",
            &["MYSQL_TLS_CLIENT_CERT"],
            "The client's certificate in PEM: a path, or the text itself.",
        ),
        Setting::text(
            "client_key",
            &["MYSQL_TLS_CLIENT_KEY"],
            "Its private key in PEM: a path, or the text itself.",
        )
        .secret(),
    ])),
];

impl Settings {
    /// Reads what was given.
    ///
    /// # Errors
    /// [`Kind::Configuration`] for a value that can mean nothing.
    pub fn new(given: &Given) -> Result<Settings, Error> {
        let tls = match given.text("tls") {
            None => None,
            Some(name) => Some(Tls::of(&name).ok_or_else(|| {
                misconfigured("`mysql.tls` must be `true`, `false` or `skip-verify`")
            })?),
        };
        let custom = given.objects("custom_tls").first().cloned().unwrap_or_default();
        let client = match (custom.text("client_cert"), custom.secret("client_key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => {
                return Err(misconfigured(
                    "`mysql.custom_tls` needs both `client_cert` and `client_key`",
                ));
            }
        };
        Ok(Settings {
            username: given.text("username"),
            password: given.secret("password"),
            tls,
            ca_cert: custom.text("ca_cert"),
            client,
        })
    }
}

pub(super) fn misconfigured(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, "log in", message)
}
