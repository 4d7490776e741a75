//! Certificates made for a test, and something that speaks TLS in front of a server that does not.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// PostgreSQL's question whether TLS is spoken.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Somebody who signs certificates.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Else it would bear the same name as whom it signs, who would look self-signed.
        params.distinguished_name.push(DnType::CommonName, "authority");
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate for a name or address.
    pub(crate) fn issue(&self, name: &str) -> Issued {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }

    /// A server's side of TLS under this certificate, for clients that this authority signed, or
    /// for all.
    pub(crate) fn acceptor(&self, issued: &Issued, asks_clients: bool) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match asks_clients {
            false => builder.with_no_client_auth(),
            true => builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()), provider)
                    .build()
                    .unwrap(),
            ),
        };
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
        TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()))
    }

    /// A client's side of TLS that trusts this authority.
    fn connector(&self) -> TlsConnector {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }
}

impl Issued {
    /// Writes both into a folder, readable for its owner alone, and gives the paths.
    pub(crate) fn write(&self, folder: &Path) -> (String, String) {
        use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
        let owner = std::fs::metadata(folder).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
            path.display().to_string()
        };
        (write("server.crt", &self.certificate), write("server.key", &self.key))
    }
}

/// How the way to the server begins, and how it goes on behind the front.
pub(crate) enum Manner {
    /// TLS from the first byte on; the server speaks none.
    Direct,
    /// TLS after PostgreSQL's question; the server speaks none.
    Asked,
    /// The same on both sides: whoever does this reads everything. The server's certificate is of
    /// this authority, for 127.0.0.1.
    InTheMiddle(Box<Authority>),
}

/// An address that speaks TLS and leads to a server. It is closed on drop.
pub(crate) struct Front {
    pub(crate) port: u16,
    accepting: JoinHandle<()>,
}

impl Front {
    pub(crate) async fn new(server: SocketAddr, acceptor: TlsAcceptor, manner: Manner) -> Front {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let manner = Arc::new(manner);
        let accepting = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, manner) = (acceptor.clone(), Arc::clone(&manner));
                lines.spawn(async move { drop(line(client, server, acceptor, &manner).await) });
            }
        });
        Front { port, accepting }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn line(
    mut client: TcpStream,
    server: SocketAddr,
    acceptor: TlsAcceptor,
    manner: &Manner,
) -> std::io::Result<()> {
    if !matches!(manner, Manner::Direct) {
        let mut asked = [0; 8];
        client.read_exact(&mut asked).await?;
        assert_eq!(asked, SSL_REQUEST);
        client.write_all(b"S").await?;
    }
    let mut client = acceptor.accept(client).await?;
    let mut server = TcpStream::connect(server).await?;
    let Manner::InTheMiddle(trusted) = manner else {
        tokio::io::copy_bidirectional(&mut client, &mut server).await?;
        return Ok(());
    };
    server.write_all(&SSL_REQUEST).await?;
    assert_eq!(server.read_u8().await?, b'S');
    let name = ServerName::from(std::net::IpAddr::from(Ipv4Addr::LOCALHOST));
    let mut server = trusted.connector().connect(name, server).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}
