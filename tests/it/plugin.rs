//! The transport against a host written in Rust that does what go-plugin's does.
//!
//! The plugin is the real program in a process of its own, but for the tests that need a service
//! which the program does not have. All waits are for events and end after [`PATIENCE`].
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "what helps a test may end it")]

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tempfile::TempDir;
use terraform_provider_session::plugin::{self, Service};
use terraform_provider_session::protocol::wire_types as terraform;
use terraform_provider_session::protocol::wire_types::provider_client::ProviderClient;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio_rustls::TlsConnector;
use tonic::Code;
use tonic::codegen::Service as TowerService;
use tonic::transport::{Channel, Endpoint, Uri};

#[allow(
    clippy::allow_attributes_without_reason,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "written by tonic"
)]
mod wire {
    pub mod plugin {
        tonic::include_proto!("plugin");
    }
    pub mod health {
        tonic::include_proto!("grpc.health.v1");
    }
}

use wire::health::HealthCheckRequest;
use wire::health::health_client::HealthClient;
use wire::plugin::Empty;
use wire::plugin::grpc_broker_client::GrpcBrokerClient;
use wire::plugin::grpc_controller_client::GrpcControllerClient;
use wire::plugin::grpc_stdio_client::GrpcStdioClient;

const PROGRAM: &str = env!("CARGO_BIN_EXE_terraform-provider-session");

const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// Enough for a busy machine, too little to hang, and less than a plugin waits for its host.
const PATIENCE: Duration = Duration::from_secs(30);

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// What a host makes for itself: a certificate like those of go-plugin, and its key.
struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    fn new() -> Identity {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().into();
        Identity { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }

    /// What TLS shows of it; that the key fits the certificate is for the plugin to check.
    fn shown(&self, provider: &CryptoProvider) -> SingleCertAndKey {
        let key = provider.key_provider.load_private_key(self.key.clone_key()).unwrap();
        CertifiedKey::new(vec![self.certificate.clone()], key).into()
    }

    fn pem(&self) -> String {
        let text = STANDARD.encode(&self.certificate);
        let lines: Vec<_> =
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        let lines = lines.join("\n");
        format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
    }
}

/// The program, started as a host starts it.
struct Plugin {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: ChildStderr,
    folder: TempDir,
    line: String,
    socket: PathBuf,
    certificate: Option<CertificateDer<'static>>,
}

impl Plugin {
    async fn start(host: Option<&Identity>, more: &[(&str, &str)]) -> Plugin {
        let folder = tempfile::tempdir().unwrap();
        let pem = host.map(Identity::pem);
        let mut child = program(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "5,6")])
            .env("PLUGIN_UNIX_SOCKET_DIR", folder.path())
            .envs(pem.map(|pem| ("PLUGIN_CLIENT_CERT", pem)))
            .envs(more.iter().copied())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = child.stderr.take().unwrap();
        let mut line = String::new();
        within(stdout.read_line(&mut line)).await.unwrap();
        let fields: Vec<&str> = line.trim_end().split('|').collect();
        assert_eq!([fields[0], fields[1], fields[2], fields[4]], ["1", "6", "unix", "grpc"]);
        let certificate = STANDARD_NO_PAD.decode(fields[5]).unwrap();
        let certificate = (!certificate.is_empty()).then(|| certificate.into());
        let socket = fields[3].into();
        Plugin { child, stdout, stderr, folder, line, socket, certificate }
    }

    /// A connection of a peer that has the identity, or no certificate, and trusts the plugin's.
    async fn tls(&self, peer: Option<&Identity>) -> io::Result<Box<dyn Io>> {
        self.tls_of(rustls::DEFAULT_VERSIONS, peer).await
    }

    /// The same with some versions of TLS only.
    async fn tls_of(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        peer: Option<&Identity>,
    ) -> io::Result<Box<dyn Io>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone().unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match peer {
            None => config.with_no_client_auth(),
            Some(peer) => config.with_client_cert_resolver(Arc::new(peer.shown(&provider))),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let io = self.plain().await?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, io).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Ok(Box::new(stream))
    }

    async fn plain(&self) -> io::Result<Box<dyn Io>> {
        Ok(Box::new(UnixStream::connect(&self.socket).await?))
    }

    /// A channel as the host has it.
    async fn channel(&self, host: Option<&Identity>) -> Channel {
        let io = match host {
            Some(_) => within(self.tls(host)).await,
            None => within(self.plain()).await,
        };
        channel(io.unwrap()).await
    }

    fn signal(&self, name: &str) {
        let process = self.child.id().unwrap().to_string();
        let status = std::process::Command::new("kill").args(["-s", name, &process]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end; nothing may be left over. Gives what was written to standard error.
    async fn ended(mut self) -> String {
        let status = within(self.child.wait()).await.unwrap();
        assert!(status.success(), "{status}");
        assert_eq!(std::fs::read_dir(self.folder.path()).unwrap().count(), 0, "a file is left");
        let mut rest = String::new();
        within(self.stdout.read_to_string(&mut rest)).await.unwrap();
        assert_eq!(rest, "", "standard output is for the handshake");
        let mut log = String::new();
        within(self.stderr.read_to_string(&mut log)).await.unwrap();
        log
    }
}

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// The program with nothing in its environment but `variables`.
fn program(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// gRPC over one connection that is there already.
async fn channel(io: Box<dyn Io>) -> Channel {
    struct Once(Option<Box<dyn Io>>);

    impl TowerService<Uri> for Once {
        type Response = TokioIo<Box<dyn Io>>;
        type Error = io::Error;
        type Future = std::future::Ready<io::Result<Self::Response>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, _: Uri) -> Self::Future {
            let io = self.0.take().ok_or_else(|| io::Error::other("it has been used"));
            std::future::ready(io.map(TokioIo::new))
        }
    }

    let endpoint = Endpoint::from_static("http://localhost");
    within(endpoint.connect_with_connector(Once(Some(io)))).await.unwrap()
}

async fn health(channel: &Channel, service: &str) -> Result<i32, Code> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let answer = within(HealthClient::new(channel.clone()).check(request)).await;
    answer.map(|answer| answer.into_inner().status).map_err(|status| status.code())
}

async fn shutdown(channel: Channel) {
    within(GrpcControllerClient::new(channel).shutdown(Empty {})).await.unwrap();
}

/// What a peer reads after it sent the beginning of HTTP/2.
async fn reaction(mut io: Box<dyn Io>) -> Vec<u8> {
    let mut answer = Vec::new();
    // A peer that is turned away may be so while it still writes or reads.
    let _ = io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
    let _ = within(io.read_buf(&mut answer)).await;
    answer
}

fn speaks_http2(answer: &[u8]) -> bool {
    // The first frame of a server is its settings: a length of three bytes, and the type 4.
    answer.get(3) == Some(&4)
}

#[tokio::test]
async fn a_host_connects_with_mutual_tls_and_ends_the_plugin() {
    let host = Identity::new();
    let plugin = Plugin::start(Some(&host), &[]).await;
    assert_eq!(plugin.line.matches('|').count(), 5, "{}", plugin.line);
    assert!(!plugin.line.contains('='), "the certificate is padded");
    assert!(plugin.socket.starts_with(plugin.folder.path()));
    let channel = plugin.channel(Some(&host)).await;
    let mut output =
        within(GrpcStdioClient::new(channel.clone()).stream_stdio(())).await.unwrap().into_inner();
    let mut broker =
        within(GrpcBrokerClient::new(channel.clone()).start_stream(tokio_stream::pending()))
            .await
            .unwrap()
            .into_inner();
    assert_eq!(health(&channel, "plugin").await, Ok(1));
    assert_eq!(health(&channel, "other").await, Err(Code::NotFound));
    shutdown(channel).await;
    assert!(within(output.message()).await.unwrap().is_none(), "output ends, and is silent");
    assert!(within(broker.message()).await.unwrap().is_none(), "the broker ends, and is silent");
    assert_eq!(plugin.ended().await, "", "nothing is logged unless asked for");
}

#[tokio::test]
async fn only_the_host_gets_through() {
    let host = Identity::new();
    let plugin = Plugin::start(Some(&host), &[]).await;
    let stranger = Identity::new();
    // Has the host's certificate, which is no secret, but not its key.
    let impostor =
        Identity { certificate: host.certificate.clone(), key: stranger.key.clone_key() };
    for (who, io) in [
        ("plaintext", plugin.plain().await),
        ("no certificate", plugin.tls(None).await),
        ("another certificate", plugin.tls(Some(&stranger)).await),
        ("another key", plugin.tls(Some(&impostor)).await),
    ] {
        if let Ok(io) = io {
            let answer = reaction(io).await;
            assert!(!speaks_http2(&answer), "{who}: {answer:?}");
        }
    }
    let io = plugin.tls(Some(&host)).await.unwrap();
    assert!(speaks_http2(&reaction(io).await), "the host");
}

#[tokio::test]
async fn a_host_that_speaks_an_older_tls_only_is_refused() {
    let host = Identity::new();
    let plugin = Plugin::start(Some(&host), &[]).await;
    assert!(plugin.tls_of(&[&TLS12], Some(&host)).await.is_err());
    let io = plugin.tls_of(&[&TLS13], Some(&host)).await.unwrap();
    assert!(speaks_http2(&reaction(io).await));
}

/// More bytes than gRPC usually takes in a message, and than are sent before anybody reads.
const LARGE: usize = 9 << 20;

/// A request with a large answer.
fn large() -> terraform::upgrade_resource_state::Request {
    sized(LARGE)
}

fn sized(length: usize) -> terraform::upgrade_resource_state::Request {
    let text = "x".repeat(length);
    let json = format!(r#"{{"instance_id": "i-1", "triggers": {{"a": "{text}"}}}}"#).into();
    terraform::upgrade_resource_state::Request {
        type_name: "session_termination_huaweicloud_dcs".to_owned(),
        raw_state: Some(terraform::RawState { json, ..Default::default() }),
        ..Default::default()
    }
}

fn is_large(answer: &terraform::upgrade_resource_state::Response) -> bool {
    assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
    answer.upgraded_state.as_ref().unwrap().msgpack.len() > LARGE
}

#[tokio::test]
async fn a_request_larger_than_grpc_usually_takes_is_answered() {
    let plugin = Plugin::start(None, &[]).await;
    let channel = plugin.channel(None).await;
    let mut provider = ProviderClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let answer = within(provider.upgrade_resource_state(large())).await.unwrap().into_inner();
    assert!(is_large(&answer));
    shutdown(channel).await;
    plugin.ended().await;
}

#[tokio::test]
async fn a_plugin_that_is_terminated_still_hands_over_an_answer_that_is_on_its_way() {
    // Many times what stays on the way while nobody reads, and read in no time.
    const ENOUGH: usize = 2 << 20;
    let plugin = Plugin::start(None, &[]).await;
    let mut client =
        tonic::client::Grpc::new(plugin.channel(None).await).max_decoding_message_size(usize::MAX);
    client.ready().await.unwrap();
    let codec =
        tonic_prost::ProstCodec::<_, terraform::upgrade_resource_state::Response>::default();
    let path = http::uri::PathAndQuery::from_static("/tfplugin6.Provider/UpgradeResourceState");
    let answer = client.server_streaming(tonic::Request::new(sized(ENOUGH)), path, codec);
    let mut answer = within(answer).await.unwrap().into_inner();
    // It has begun, and the rest waits for somebody who reads.
    plugin.signal("TERM");
    let unlinked = async {
        while plugin.socket.exists() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    within(unlinked).await;
    let answer = within(answer.message()).await.unwrap().unwrap();
    assert!(answer.upgraded_state.as_ref().unwrap().msgpack.len() > ENOUGH);
    drop(client);
    plugin.ended().await;
}

#[tokio::test]
async fn peers_that_say_nothing_keep_nobody_waiting() {
    let host = Identity::new();
    let plugin = Plugin::start(Some(&host), &[]).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(within(plugin.plain()).await.unwrap());
    }
    let channel = plugin.channel(Some(&host)).await;
    assert_eq!(health(&channel, "plugin").await, Ok(1));
    shutdown(channel).await;
    plugin.ended().await;
}

#[tokio::test]
async fn a_host_without_tls_is_served_in_plaintext() {
    let plugin = Plugin::start(None, &[("PLUGIN_MULTIPLEX_GRPC", "true")]).await;
    assert!(plugin.line.ends_with("|grpc||false\n"), "{}", plugin.line);
    let channel = plugin.channel(None).await;
    assert_eq!(health(&channel, "plugin").await, Ok(1));
    shutdown(channel).await;
    plugin.ended().await;
}

#[tokio::test]
async fn a_start_that_cannot_work_ends_with_a_sentence_and_code_1() {
    let versions = ("PLUGIN_PROTOCOL_VERSIONS", "6");
    let nowhere = ("PLUGIN_UNIX_SOCKET_DIR", "/does/not/exist");
    for (variables, sentence) in [
        (&[versions][..], "Terraform or OpenTofu starts"),
        (&[("TF_PLUGIN_MAGIC_COOKIE", "x"), versions], "  demo   "),
        (&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "4,5")], "offers plugin protocol versions `4,5`"),
        (&[COOKIE], "speaks version 6"),
        (&[COOKIE, versions, ("PLUGIN_CLIENT_CERT", "x")], "`PLUGIN_CLIENT_CERT` is not a cert"),
        (&[COOKIE, versions, nowhere], "could not listen at `/does/not/exist/"),
    ] {
        let output = within(program(variables).output()).await.unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.contains(sentence), "{message}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_certificate_that_is_no_text_does_not_turn_tls_off() {
    use std::os::unix::ffi::OsStrExt;
    let mut program = program(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "6")]);
    program.env("PLUGIN_CLIENT_CERT", std::ffi::OsStr::from_bytes(b"-----BEGIN \xff"));
    let output = within(program.output()).await.unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("`PLUGIN_CLIENT_CERT` is not a cert"), "{message}");
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(1), &[][..]));
}

#[tokio::test]
async fn people_get_answers_on_the_command_line() {
    for (argument, code, stdout, stderr) in [
        ("--version", 0, concat!("session ", env!("CARGO_PKG_VERSION"), "\n"), ""),
        ("--help", 0, "Usage:", ""),
        ("--nonsense", 2, "", "--help"),
        ("nonsense", 2, "", "--help"),
    ] {
        let output = within(program(&[COOKIE]).arg(argument).output()).await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{argument}");
        let written = |bytes| String::from_utf8(bytes).unwrap();
        assert!(written(output.stdout).contains(stdout), "{argument}");
        assert!(written(output.stderr).contains(stderr), "{argument}");
    }
}

#[tokio::test]
async fn ctrl_c_and_a_closed_terminal_are_the_hosts_business() {
    let plugin = Plugin::start(None, &[]).await;
    plugin.signal("INT");
    plugin.signal("HUP");
    let channel = plugin.channel(None).await;
    assert_eq!(health(&channel, "plugin").await, Ok(1));
    shutdown(channel).await;
    plugin.ended().await;
}

#[tokio::test]
async fn a_plugin_that_is_terminated_tidies_up() {
    let plugin = Plugin::start(None, &[]).await;
    plugin.signal("TERM");
    plugin.ended().await;
}

#[tokio::test]
async fn a_plugin_ends_when_the_host_has_gone() {
    let host = Identity::new();
    let plugin = Plugin::start(Some(&host), &[]).await;
    let channel = plugin.channel(Some(&host)).await;
    assert_eq!(health(&channel, "plugin").await, Ok(1));
    drop(channel);
    plugin.ended().await;
}

#[tokio::test]
async fn a_plugin_ends_when_its_parent_is_killed_before_it_connects() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new("sh")
        .args(["-c", "\"$0\" & wait", PROGRAM])
        .envs([COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "6")])
        .env("PLUGIN_UNIX_SOCKET_DIR", folder.path())
        .env_remove("PLUGIN_CLIENT_CERT")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(parent.stdout.take().unwrap());
    let mut line = String::new();
    within(stdout.read_line(&mut line)).await.unwrap();
    within(parent.kill()).await.unwrap();
    // The plugin holds the other end of standard output for as long as it lives.
    within(stdout.read_line(&mut line)).await.unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "a file is left");
}

#[tokio::test]
async fn a_log_is_json_as_the_host_reads_it() {
    let plugin = Plugin::start(None, &[("TF_LOG_PROVIDER", "DEBUG")]).await;
    shutdown(plugin.channel(None).await).await;
    let log = plugin.ended().await;
    assert!(!log.is_empty());
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["@level"], "debug");
        assert_eq!(line["@timestamp"].as_str().unwrap().len(), "2026-01-02T15:04:05.000000Z".len());
        assert!(line["@message"].is_string());
    }
}

#[tokio::test]
async fn a_debugged_plugin_tells_any_host_where_it_is_and_ends_at_ctrl_c() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = program(&[]).arg("-debug").env("TMPDIR", folder.path()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reattach = loop {
        let line = within(lines.next_line()).await.unwrap().expect("a line with the variable");
        if let Some(value) = line.trim().strip_prefix("TF_REATTACH_PROVIDERS='") {
            break value.strip_suffix('\'').unwrap().to_owned();
        }
    };
    let warned = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("use it with one block only") {
                return;
            }
        }
        panic!("it does not say that several provider blocks are one to it");
    };
    within(warned).await;
    let reattach: serde_json::Value = serde_json::from_str(&reattach).unwrap();
    let provider = &reattach["registry.terraform.io/sessionops/session"];
    assert_eq!(provider["Protocol"], "grpc");
    assert_eq!(provider["ProtocolVersion"].to_string(), "6");
    assert_eq!(provider["Pid"].to_string(), child.id().unwrap().to_string());
    assert_eq!(provider["Test"], true);
    assert_eq!(provider["Addr"]["Network"], "unix");
    let socket = Path::new(provider["Addr"]["String"].as_str().unwrap());
    for _ in 0..2 {
        let io = within(UnixStream::connect(socket)).await.unwrap();
        assert_eq!(health(&channel(Box::new(io)).await, "plugin").await, Ok(1));
    }
    let process = child.id().unwrap().to_string();
    std::process::Command::new("kill").args(["-s", "INT", &process]).status().unwrap();
    assert!(within(child.wait()).await.unwrap().success());
    assert!(!socket.exists());
}

/// A gRPC service whose every call panics.
#[derive(Clone)]
struct Panics;

impl tonic::server::NamedService for Panics {
    const NAME: &'static str = "test.Panics";
}

impl TowerService<http::Request<tonic::body::Body>> for Panics {
    type Response = http::Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async { panic!("on purpose") })
    }
}

/// Takes the handshake line.
struct Line(tokio::sync::mpsc::UnboundedSender<String>);

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(String::from_utf8_lossy(bytes).into_owned()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_transport_survives_a_panic_and_answers_the_end_after_cleaning_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let cleaned = Arc::new(AtomicBool::new(false));
    let flag = cleaned.clone();
    let service = Service {
        routes: tonic::service::Routes::new(Panics),
        cleanup: Box::new(move |_| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(50)).await;
                flag.store(true, Ordering::SeqCst);
            })
        }),
    };
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let serving = tokio::spawn(async move {
        let variables = move |name: &str| match name {
            "TF_PLUGIN_MAGIC_COOKIE" => Some(COOKIE.1.to_owned()),
            "PLUGIN_PROTOCOL_VERSIONS" => Some("6".to_owned()),
            "PLUGIN_UNIX_SOCKET_DIR" => Some(path.clone()),
            _ => None,
        };
        plugin::serve(service, &variables, SystemTime::UNIX_EPOCH, &mut Line(sender)).await
    });
    let line = within(lines.recv()).await.unwrap();
    let socket = line.split('|').nth(3).unwrap();
    let channel = channel(Box::new(within(UnixStream::connect(socket)).await.unwrap())).await;

    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<Empty, Empty>::default();
    let path = http::uri::PathAndQuery::from_static("/test.Panics/Call");
    let answer = within(client.unary(tonic::Request::new(Empty {}), path, codec)).await;
    assert!(answer.is_err());
    assert_eq!(health(&channel, "plugin").await, Ok(1), "on the same connection");

    shutdown(channel).await;
    assert!(cleaned.load(Ordering::SeqCst), "the answer came too early");
    within(serving).await.unwrap().unwrap();
}
