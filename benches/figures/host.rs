//! A host of plugins: starts one with mutual TLS, as go-plugin does, and talks to it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::UnixStream;
use tokio_rustls::TlsConnector;
use tonic::codegen::Service;
use tonic::transport::{Channel, Endpoint, Uri};

const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";

/// A host's certificate, like that of go-plugin, and its key.
pub(crate) struct Host {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pem: String,
}

/// A plugin that has told where it listens. Killed on drop.
pub(crate) struct Plugin {
    child: Child,
    line: String,
    /// From before the process was made until the line was read.
    pub(crate) took: Duration,
}

impl Host {
    /// Makes a certificate.
    pub(crate) fn new() -> Host {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate: CertificateDer<'static> = params.self_signed(&key).unwrap().into();
        let text = STANDARD.encode(&certificate);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        Host { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(), pem }
    }

    /// Starts a plugin with its socket in `folder` and variables of its own, and waits for the line.
    pub(crate) fn start(&self, program: &Path, folder: &Path, env: &[(&str, &str)]) -> Plugin {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
            .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .env("PLUGIN_CLIENT_CERT", &self.pem)
            .env("PLUGIN_UNIX_SOCKET_DIR", folder)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let began = Instant::now();
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let took = began.elapsed();
        assert!(line.starts_with("1|6|unix|"), "{line:?}");
        Plugin { child, line, took }
    }

    /// Connects to a plugin.
    pub(crate) async fn connect(&self, plugin: &Plugin) -> Channel {
        let fields: Vec<&str> = plugin.line.trim_end().split('|').collect();
        let mut roots = RootCertStore::empty();
        roots.add(STANDARD_NO_PAD.decode(fields[5]).unwrap().into()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = provider.key_provider.load_private_key(self.key.clone_key()).unwrap();
        let own: SingleCertAndKey = CertifiedKey::new(vec![self.certificate.clone()], key).into();
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(own));
        config.alpn_protocols = vec![b"h2".to_vec()];
        let io = UnixStream::connect(fields[3]).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let io = TlsConnector::from(Arc::new(config)).connect(name, io).await.unwrap();
        let endpoint = Endpoint::from_static("http://localhost");
        endpoint.connect_with_connector(Once(Some(io))).await.unwrap()
    }
}

impl Plugin {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        // It is gone, or goes now.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Tls = tokio_rustls::client::TlsStream<UnixStream>;

/// The one connection there is.
struct Once(Option<Tls>);

impl Service<Uri> for Once {
    type Response = TokioIo<Tls>;
    type Error = std::io::Error;
    type Future = std::future::Ready<std::io::Result<Self::Response>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let io = self.0.take().ok_or_else(|| std::io::Error::other("it has been used"));
        std::future::ready(io.map(TokioIo::new))
    }
}
