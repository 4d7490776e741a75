//! Mutual TLS with exactly one peer: the host that started this process.
//!
//! go-plugin calls it AutoMTLS (`mtls.go`): both sides make a certificate for this one connection
//! and hand it over outside of TLS. The host's is ECDSA P-521 and says `CA:TRUE`, which webpki's
//! verifier refuses for a client and `ring` cannot check at all. So the certificate is pinned byte
//! for byte, and the provider's algorithms prove that the peer has its key.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    WebPkiSupportedAlgorithms, aws_lc_rs, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, ParsedCertificate, ServerConfig};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};

use super::Error;

/// How far clocks may differ before the certificate's validity matters.
const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);

/// Longer than any process of this kind lives.
const LIFETIME: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// The host's certificate, from PEM.
///
/// Fails if there is none in it, or it is not X.509: going on in plaintext would let anybody in.
pub(super) fn host_certificate(pem: &str) -> Result<CertificateDer<'static>, Error> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|error| Error::HostCertificate { reason: error.to_string() })?;
    ParsedCertificate::try_from(&certificate)
        .map_err(|error| Error::HostCertificate { reason: error.to_string() })?;
    Ok(certificate)
}

/// The settings of a server that only the owner of `host` can talk to, and its certificate.
///
/// The certificate is for `localhost`, the name that go-plugin's client expects, and valid at
/// `now`. Sessions are not resumed, so every connection proves itself anew.
pub(super) fn server(
    host: CertificateDer<'static>,
    now: SystemTime,
) -> Result<(ServerConfig, CertificateDer<'static>), Error> {
    let (certificate, key) = own_certificate(now)?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let pin = Pin { certificate: host, algorithms: provider.signature_verification_algorithms };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(pin))
        .with_single_cert(vec![certificate.clone()], key)?;
    // Newer hosts refuse a server that does not choose a protocol.
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok((config, certificate))
}

/// A self-signed certificate and its key, for this process only.
fn own_certificate(
    now: SystemTime,
) -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), Error> {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.not_before = (now - MARGIN).into();
    params.not_after = (now + LIFETIME).into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.into(), PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// Accepts one certificate, and signatures made with its key.
#[derive(Debug)]
struct Pin {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for Pin {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_certificate_is_refused() {
        for pem in [
            "garbage",
            "-----BEGIN CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
            "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n",
        ] {
            assert!(matches!(host_certificate(pem), Err(Error::HostCertificate { .. })), "{pem}");
        }
    }

    #[test]
    fn every_process_has_another_certificate() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let (first, _) = own_certificate(now).unwrap();
        let (second, _) = own_certificate(now).unwrap();
        assert_ne!(first, second);
    }
}
