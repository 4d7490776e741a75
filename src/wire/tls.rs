//! TLS to servers that speak a protocol of their own: what is checked, whom to trust, who to be.
//!
//! rustls, with the system's certificates unless others are given. What is weaker than a full check
//! is never chosen here, only obeyed.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore,
    SignatureScheme,
};

use super::cause;

/// What is checked of the other side's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// Nothing: encrypted, with whoever it is.
    Nothing,
    /// That somebody who is trusted vouches for it, for whatever name.
    Chain,
    /// That, and that it is made out for the name that was asked for.
    Full,
}

/// Whom to trust and who to be, in PEM.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Papers {
    /// The only certificates that are trusted; None for the system's.
    pub ca: Option<Vec<u8>>,
    /// The client's certificate with its chain, and its private key.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

impl std::fmt::Debug for Papers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Papers")
            .field("ca", &self.ca.is_some())
            .field("client", &self.client.is_some())
            .finish()
    }
}

/// Why there can be no TLS with these papers. `Display` is for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PapersError {
    /// The CA file.
    #[error("holds no certificate that can be read")]
    Ca,
    /// The client's certificate.
    #[error("the client certificate cannot be read")]
    Certificate,
    /// The client's key, or the two do not belong together.
    #[error("the client's key cannot be read, is encrypted, or is another certificate's")]
    Key,
    /// The system has no certificates.
    #[error("this system's own trusted certificates cannot be read: {0}")]
    System(String),
}

/// The settings of a connection.
///
/// # Errors
/// See [`PapersError`].
pub fn client(check: Check, papers: &Papers) -> Result<ClientConfig, PapersError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = verifier(check, papers, &provider)?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs speaks every version")
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let Some((certificate, key)) = &papers.client else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = certificates(certificate).ok_or(PapersError::Certificate)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| PapersError::Key)?;
    builder.with_client_auth_cert(chain, key).map_err(|_| PapersError::Key)
}

/// Whether papers can be read, before anybody is asked.
///
/// # Errors
/// See [`PapersError`].
pub fn check(papers: &Papers) -> Result<(), PapersError> {
    if papers.ca.as_ref().is_some_and(|pem| certificates(pem).is_none()) {
        return Err(PapersError::Ca);
    }
    client(Check::Nothing, papers).map(|_| ())
}

/// Certificates in PEM; None if there is none, or one that is none.
fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    all.ok().filter(|all| !all.is_empty())
}

fn verifier(
    check: Check,
    papers: &Papers,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, PapersError> {
    if check == Check::Nothing {
        return Ok(Arc::new(Lenient { inner: None, provider: Arc::clone(provider) }));
    }
    let full: Arc<dyn ServerCertVerifier> = match &papers.ca {
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem).ok_or(PapersError::Ca)? {
                roots.add(certificate).map_err(|_| PapersError::Ca)?;
            }
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|_| PapersError::Ca)?
        }
        None => {
            let system = rustls_platform_verifier::Verifier::new(Arc::clone(provider));
            Arc::new(system.map_err(|error| PapersError::System(error.to_string()))?)
        }
    };
    Ok(match check {
        Check::Chain => Arc::new(Lenient { inner: Some(full), provider: Arc::clone(provider) }),
        Check::Full | Check::Nothing => full,
    })
}

/// Checks less than everything: with an inner verifier all but the name, without one nothing but
/// that whoever shows the certificate has its key.
#[derive(Debug)]
struct Lenient {
    inner: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(inner) = &self.inner else { return Ok(ServerCertVerified::assertion()) };
        // The chain is checked before the name, so this says that all else is right.
        match inner.verify_server_cert(end_entity, intermediates, server_name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The cause of a failed handshake, if that is what an error comes from.
pub fn cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Error> {
    cause::find(error)
}

/// What the other side says that does not accept our certificate, or that we show none. With TLS 1.3
/// it says so after the handshake (RFC 8446, 4.4.2.4).
pub fn refuses_us(error: &Error) -> Option<AlertDescription> {
    use AlertDescription as Alert;
    let Error::AlertReceived(alert) = error else { return None };
    let ours = matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::CertificateRequired
    );
    ours.then_some(*alert)
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
    use rustls::ServerConfig;
    use tokio_rustls::{TlsAcceptor, TlsConnector};

    use super::*;

    struct Authority(CertifiedIssuer<'static, KeyPair>);

    impl Authority {
        fn new() -> Authority {
            let mut params = CertificateParams::new(vec![]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
        }

        /// A certificate and its key, in PEM.
        fn issue(&self, name: &str) -> (String, String) {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
        }

        fn pem(&self) -> Option<Vec<u8>> {
            Some(self.0.pem().into_bytes())
        }
    }

    /// Shakes hands with a server whose certificate says `db.example`, under that name.
    async fn shake(
        issuer: &Authority,
        name: &'static str,
        config: ClientConfig,
    ) -> Result<(), Error> {
        let (certificate, key) = issuer.issue("db.example");
        let server = ServerConfig::builder_with_provider(Arc::new(
            rustls::crypto::aws_lc_rs::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            certificates(certificate.as_bytes()).unwrap(),
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
        let (here, there) = tokio::io::duplex(1 << 16);
        let serving = tokio::spawn(TlsAcceptor::from(Arc::new(server)).accept(there));
        let client = TlsConnector::from(Arc::new(config));
        let outcome = client.connect(ServerName::try_from(name).unwrap(), here).await;
        let outcome = outcome.map(drop).map_err(|error| cause(&error).unwrap().clone());
        drop(serving.await);
        outcome
    }

    #[tokio::test]
    async fn each_check_accepts_what_it_is_called_for_and_nothing_else() {
        let (ours, other) = (Authority::new(), Authority::new());
        for (check, issuer, name, accepted) in [
            (Check::Full, &ours, "db.example", true),
            (Check::Full, &ours, "db.elsewhere", false),
            (Check::Full, &other, "db.example", false),
            (Check::Chain, &ours, "db.elsewhere", true),
            (Check::Chain, &other, "db.example", false),
            (Check::Chain, &other, "db.elsewhere", false),
            (Check::Nothing, &other, "db.elsewhere", true),
        ] {
            let papers = Papers { ca: ours.pem(), client: None };
            let outcome = shake(issuer, name, client(check, &papers).unwrap()).await;
            assert_eq!(outcome.is_ok(), accepted, "{check:?} {name}: {outcome:?}");
        }
    }

    #[test]
    fn papers_that_cannot_be_read_are_told_by_what_they_are() {
        let ours = Authority::new();
        let (certificate, key) = ours.issue("client");
        let (_, other) = ours.issue("other");
        let with = |ca: Option<Vec<u8>>, client_pair: Option<(&str, &str)>| {
            let pair = client_pair.map(|(one, two)| (one.into(), two.into()));
            client(Check::Full, &Papers { ca, client: pair }).map(drop)
        };
        assert_eq!(with(Some(b"rubbish".to_vec()), None), Err(PapersError::Ca));
        let trusted = || ours.pem();
        assert_eq!(with(trusted(), Some((&certificate, &key))), Ok(()));
        assert_eq!(with(trusted(), Some(("", &key))), Err(PapersError::Certificate));
        assert_eq!(with(trusted(), Some((&certificate, "x"))), Err(PapersError::Key));
        assert_eq!(with(trusted(), Some((&certificate, &other))), Err(PapersError::Key));
    }
}
