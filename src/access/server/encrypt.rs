//! TLS from the first byte on, as most kinds of server speak it.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::reach::{Mend, Step, connected, untrusted};
use super::tls::Encryption;
use crate::access::{Error, Kind};
use crate::wire::dial::{Place, Reached, Stream};
use crate::wire::tls::{self, Papers};

/// A connection, encrypted or not.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// The connection with as much encryption as was decided on.
///
/// # Errors
/// [`Kind::Configuration`] for papers that cannot be read and for whoever cannot be trusted,
/// [`Kind::NotSent`] for a connection that breaks.
pub async fn encrypted(
    stream: Stream,
    (place, reached): (&Place, &Reached),
    encryption: Encryption,
    papers: &Papers,
    mend: Mend,
) -> Result<Box<dyn Duplex>, Error> {
    let Encryption::Checked(check) = encryption else { return Ok(Box::new(stream)) };
    let told = |kind, reason: String| connected(kind, place, reached, Step::Tls, reason);
    let settings = tls::client(check, papers)
        .map_err(|error| told(Kind::Configuration, format!("{}: {error}", mend.ca)))?;
    let host = match place {
        Place::Tcp { host, .. } => host.as_str(),
        Place::Socket(_) => "localhost",
    };
    let name = ServerName::try_from(host.to_owned()).map_err(|_| {
        told(Kind::Configuration, "the host's name can stand in no certificate".into())
    })?;
    let handshake = TlsConnector::from(Arc::new(settings)).connect(name, stream).await;
    match handshake {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(match tls::cause(&error) {
            Some(cause) => told(Kind::Configuration, untrusted(cause, encryption, mend)),
            None => told(Kind::NotSent, format!("the connection broke ({error})")),
        }),
    }
}
