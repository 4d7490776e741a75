//! The real network, clock, randomness and environment.
//!
//! One request, one answer, bounded in time and size. TLS is rustls with the system's roots. The
//! TLS machinery is built at the first request, so that a start-up which only shows a schema loads
//! nothing. A request that needs other trust than the system's carries it as an extension
//! ([`Trust`]).

use std::error::Error as _;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{Request, Response, Uri};
use tokio::io::AsyncReadExt;

use super::proxy::Refusal;
use super::{Clock, Entropy, Environment, HttpError, HttpSend, Outside, no_proxy, redact, tls};

/// Longest time to a connection, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time from the first byte of a request to the last of its answer.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// Largest answer.
pub const MAX_BODY: usize = 32 << 20;
/// Largest file that is read, and largest output of a helper program.
const MAX_FILE: u64 = 4 << 20;
/// Longest run of a helper program.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);
/// Instance metadata of Alibaba Cloud, of AWS, Huawei Cloud and all OpenStack, and AWS's by IPv6; keys
/// of ECS tasks and of EKS pods. Not reachable from elsewhere, and served without TLS only.
const METADATA: [&str; 6] = [
    "100.100.100.200",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "169.254.170.2",
    "169.254.170.23",
    "[fd00:ec2::23]",
];

/// Whom to trust, and who to be, in TLS. Put as an extension into a request:
/// `request.extensions_mut().insert(Arc::new(trust))`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Trust {
    /// Certificates in PEM that are trusted beside the system's.
    pub ca_pem: Option<Vec<u8>>,
    /// The client's certificate and private key in PEM, one after the other.
    pub identity_pem: Option<Vec<u8>>,
    /// Accepts any certificate.
    pub insecure: bool,
}

impl std::fmt::Debug for Trust {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trust")
            .field("ca", &self.ca_pem.is_some())
            .field("identity", &self.identity_pem.is_some())
            .field("insecure", &self.insecure)
            .finish()
    }
}

impl Outside {
    /// The real world. Nothing is loaded before it is used.
    pub fn real() -> Outside {
        Outside {
            http: Arc::new(Https::new()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            environment: Arc::new(SystemEnvironment),
        }
    }
}

/// Whether `http://` may be spoken with a host: loopback, or an instance's metadata.
pub fn plain_http_allowed(host: &str) -> bool {
    is_loopback(host) || METADATA.contains(&host)
}

/// Whether a host, as it stands in a URL, is this machine.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// HTTP over TLS.
#[derive(Debug, Default)]
pub struct Https {
    clients: Mutex<Vec<(Route, reqwest::Client)>>,
    /// Hosts that are asked directly, as the environment has them.
    no_proxy: String,
}

/// What makes a client differ from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Route {
    trust: Arc<Trust>,
    /// Past any proxy, for what no proxy can reach.
    direct: bool,
    /// Without TLS, so that a machine without any trusted certificates can be asked too.
    plain: bool,
}

impl Https {
    /// Connects to nothing yet. Which hosts no proxy is asked for comes from `NO_PROXY`.
    pub fn new() -> Https {
        let named = ["NO_PROXY", "no_proxy"].iter().find_map(|name| SystemEnvironment.var(name));
        Https { no_proxy: named.unwrap_or_default(), ..Https::default() }
    }

    /// Whether a request goes past any proxy.
    fn is_direct(&self, uri: &Uri) -> bool {
        let port = uri.port_u16().unwrap_or(443);
        uri.host().is_some_and(|host| {
            plain_http_allowed(host) || no_proxy::bypasses(&self.no_proxy, host, port)
        })
    }

    fn client(&self, route: Route) -> Result<reqwest::Client, reqwest::Error> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == route) {
            return Ok(client.clone());
        }
        let client = build(&route)?;
        clients.push((route, client.clone()));
        Ok(client)
    }
}

fn build(route: &Route) -> Result<reqwest::Client, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("terraform-provider-session/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(TIMEOUT)
        // Short of the idle time after which gateways close, which would lose an answer.
        .pool_idle_timeout(Duration::from_secs(20))
        .tls_danger_accept_invalid_certs(route.trust.insecure);
    if route.direct {
        builder = builder.no_proxy();
    }
    if route.plain {
        builder = builder.tls_certs_only([]);
    } else if let Some(pem) = &route.trust.ca_pem {
        builder = builder.tls_certs_merge(reqwest::Certificate::from_pem_bundle(pem)?);
    }
    if let Some(pem) = &route.trust.identity_pem {
        builder = builder.identity(reqwest::Identity::from_pem(pem)?);
    }
    builder.build()
}

#[async_trait]
impl HttpSend for Https {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let host = redact::host(request.uri());
        let not_sent = |reason: String| HttpError::NotSent { host: host.clone(), reason };
        let lost = |reason: String| HttpError::Lost { host: host.clone(), reason };

        check_scheme(request.uri()).map_err(not_sent)?;
        let route = Route {
            trust: request.extensions().get::<Arc<Trust>>().cloned().unwrap_or_default(),
            direct: self.is_direct(request.uri()),
            plain: request.uri().scheme_str() == Some("http"),
        };
        let hopeless = |reason: String| HttpError::Hopeless { host: host.clone(), reason };
        let client = self.client(route).map_err(|error| hopeless(causes(error)))?;
        let uri = request.uri().clone();
        let request: reqwest::Request =
            request.try_into().map_err(|error| not_sent(causes(error)))?;
        let answer = client.execute(request).await;
        if let Some(refusal) = answer.as_ref().err().and_then(|error| Refusal::of(error)) {
            let refusal = refusal.with_status(&uri).await;
            let told = refusal.told();
            return Err(if refusal.is_for_good() { hopeless(told) } else { not_sent(told) });
        }
        let mut answer = answer.map_err(|error| {
            if let Some(reason) = untrusted(&error) {
                return hopeless(reason);
            }
            let connect = error.is_connect() || error.is_builder();
            let reason = causes(error);
            match connect {
                true if is_unknown_name(&reason) => HttpError::NoSuchHost { host: host.clone() },
                true => not_sent(reason),
                false => lost(reason),
            }
        })?;

        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| lost(causes(error)))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(HttpError::TooLarge { host, most: MAX_BODY >> 20 });
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = Response::new(body.freeze());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

/// Why whoever answers can never be trusted, or will never trust us, if that is why it failed.
#[expect(clippy::wildcard_enum_match_arm, reason = "of an enum that may grow, these are meant")]
fn untrusted(error: &reqwest::Error) -> Option<String> {
    let cause = tls::cause(error)?;
    if let Some(alert) = tls::refuses_us(cause) {
        return Some(format!(
            "it does not accept our certificate ({alert:?}). Check `cert` and `key` of the provider \
             block"
        ));
    }
    match cause {
        rustls::Error::InvalidCertificate(bad) => Some(format!(
            "its certificate is not accepted ({bad}). If a proxy or a gateway of your own stands in \
             between, trust its CA, by `cacert_file` or `custom_ca_bundle` of the provider block where \
             there is one, or in the system's certificates; otherwise check the endpoint, and this machine's clock"
        )),
        _ => None,
    }
}

fn check_scheme(uri: &Uri) -> Result<(), String> {
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => Ok(()),
        (Some("http"), Some(host)) if plain_http_allowed(host) => Ok(()),
        (Some("http"), Some(_)) => Err("`http://` is for this machine only".to_owned()),
        _ => Err("the URL is not an `https://` URL".to_owned()),
    }
}

/// Whether the system says for certain that a name does not exist, in the words of glibc, musl,
/// macOS and Windows for `EAI_NONAME`. A name service that cannot be reached is another matter.
pub(super) fn is_unknown_name(reason: &str) -> bool {
    [
        "Name or service not known",
        "Name does not resolve",
        "nodename nor servname provided",
        "No such host is known",
    ]
    .iter()
    .any(|words| reason.contains(words))
}

/// An error and what caused it, without the URL, whose query may hold secrets.
fn causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    redact::bounded(&text, 500)
}

/// The computer's clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

#[expect(clippy::disallowed_methods, reason = "the time comes in here")]
impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The operating system's randomness.
#[derive(Clone, Copy, Debug)]
pub struct SystemEntropy;

#[expect(clippy::disallowed_methods, reason = "randomness comes in here")]
impl Entropy for SystemEntropy {
    fn unit(&self) -> f64 {
        let bits = getrandom::u64().expect("the operating system gives random numbers");
        // 53 bits are what an f64 holds exactly.
        (bits >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn nonce(&self) -> String {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
        hex::encode(bytes)
    }
}

/// The process's environment, and its user's files and programs.
#[derive(Clone, Copy, Debug)]
pub struct SystemEnvironment;

#[async_trait]
impl Environment for SystemEnvironment {
    #[expect(clippy::disallowed_methods, reason = "the environment comes in here")]
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        std::fs::File::open(path)?.take(MAX_FILE + 1).read_to_end(&mut content)?;
        if content.len() as u64 > MAX_FILE {
            return Err(io::Error::other(format!("larger than {} MiB", MAX_FILE >> 20)));
        }
        Ok(content)
    }

    async fn run(&self, program: &str, arguments: &[String]) -> io::Result<Vec<u8>> {
        let mut child = tokio::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // What a helper complains of may hold its secrets.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().expect("stdout was asked for");
        let work = async {
            let mut output = Vec::new();
            stdout.take(MAX_FILE + 1).read_to_end(&mut output).await?;
            if output.len() as u64 > MAX_FILE {
                return Err(io::Error::other(format!("printed over {} MiB", MAX_FILE >> 20)));
            }
            let status = child.wait().await?;
            if status.success() { Ok(output) } else { Err(io::Error::other(status.to_string())) }
        };
        tokio::time::timeout(RUN_TIMEOUT, work).await.unwrap_or_else(|_| {
            let seconds = RUN_TIMEOUT.as_secs();
            Err(io::Error::new(io::ErrorKind::TimedOut, format!("ran longer than {seconds} s")))
        })
    }
}

#[cfg(test)]
mod tests;
