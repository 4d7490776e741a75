//! What it is called when a server cannot be reached, and how far it went.

use std::fmt;

use super::tls::Encryption;
use crate::access::error::MAX_MESSAGE;
use crate::access::{Error, Kind};
use crate::wire::dial::{DialError, Place, Reached};
use crate::wire::{redact, tls};

/// How far the way to a server went before it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The handshake of TLS.
    Tls,
    /// The login.
    Login,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Step::Tls => "the TLS handshake",
            Step::Login => "the login",
        })
    }
}

/// The operation of every failure on the way.
const CONNECT: &str = "connect";

/// No connection: [`Kind::Unreachable`], whatever the reason, since a firewall looks like a server
/// that is not there.
pub fn unreachable(place: &Place, error: &DialError) -> Error {
    let message = format!("could not connect to `{place}`: {error}");
    Error::new(Kind::Unreachable, CONNECT, redact::bounded(&message, MAX_MESSAGE))
}

/// A failure after the connection stood, at one of the next steps, in words that go on after
/// "failed: ".
pub fn connected(
    kind: Kind,
    place: &Place,
    reached: &Reached,
    step: Step,
    reason: impl fmt::Display,
) -> Error {
    let message = format!("{step} at {} failed: {reason}", whereabouts(place, reached));
    Error::new(kind, CONNECT, redact::bounded(&message, MAX_MESSAGE))
}

/// The place, and which of its addresses it was where the place does not say.
pub(super) fn whereabouts(place: &Place, reached: &Reached) -> String {
    match (place.to_string(), reached.to_string()) {
        (asked, led) if asked == led => format!("`{asked}`"),
        (asked, led) => format!("`{asked}` ({led})"),
    }
}

/// What a failed handshake says about the certificate, in words for whoever has to mend it;
/// `mend` names this server's arguments for the CA, the client certificate, and no check at all.
#[expect(clippy::wildcard_enum_match_arm, reason = "of an enum that may grow, these are meant")]
pub fn untrusted(error: &rustls::Error, encryption: Encryption, mend: Mend) -> String {
    use rustls::CertificateError as Bad;
    let (what, how) = match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature | Bad::InvalidPurpose => (
                "the server's certificate is not signed by anybody who is trusted".to_owned(),
                format!("give the CA with {}", mend.ca),
            ),
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => (
                "the server's certificate is made out for another name".to_owned(),
                "use a `host` that stands in it".to_owned(),
            ),
            Bad::Expired | Bad::ExpiredContext { .. } => (
                "the server's certificate has expired".to_owned(),
                "renew it, or set this machine's clock".to_owned(),
            ),
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => (
                "the server's certificate is not valid yet".to_owned(),
                "set this machine's clock".to_owned(),
            ),
            other => (
                format!("the server's certificate is not accepted ({other})"),
                format!("give the CA with {}", mend.ca),
            ),
        },
        other => return unaccepted(other, mend).unwrap_or_else(|| other.to_string()),
    };
    match encryption {
        Encryption::Checked(tls::Check::Full | tls::Check::Chain) => {
            format!("{what}; {how}, or check less with {}", mend.less)
        }
        Encryption::Checked(tls::Check::Nothing) | Encryption::None => format!("{what}; {how}"),
    }
}

/// What a server says that does not accept our certificate, or that we show none, and what to do.
pub fn unaccepted(error: &rustls::Error, mend: Mend) -> Option<String> {
    let alert = tls::refuses_us(error)?;
    Some(format!(
        "the server does not accept our certificate, or that there is none ({alert:?}); check the \
         client certificate ({})",
        mend.client
    ))
}

/// This server's names of what mends TLS, each as Markdown.
#[derive(Clone, Copy, Debug)]
pub struct Mend {
    /// The argument for the CA.
    pub ca: &'static str,
    /// The argument for the client's certificate.
    pub client: &'static str,
    /// What to write for no check, or no TLS.
    pub less: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_where_it_tried_to_go_and_how_far_it_came() {
        let place = Place::Tcp { host: "db.example".into(), port: 5432 };
        let reached = Reached::Address("10.0.0.1:5432".parse().unwrap());
        let error = unreachable(&place, &DialError::NoSuchName);
        assert_eq!(error.kind, Kind::Unreachable);
        assert_eq!(
            error.message,
            "could not connect to `db.example:5432`: there is no host of this name"
        );
        let error = connected(Kind::Configuration, &place, &reached, Step::Tls, "no");
        assert_eq!(
            error.message,
            "the TLS handshake at `db.example:5432` (10.0.0.1:5432) failed: no"
        );
        let same = Place::Tcp { host: "10.0.0.1".into(), port: 5432 };
        let error = connected(Kind::Credentials, &same, &reached, Step::Login, "no");
        assert_eq!(error.message, "the login at `10.0.0.1:5432` failed: no");
    }
}
