//! A connection to a server that speaks a protocol of its own: by name, by address, or by a socket
//! of this machine.
//!
//! Nothing is sent. Why there is no connection is told by its kind, because what to do about it
//! differs: a name that does not exist, a port where nobody listens, and a silence that may as well
//! be a firewall.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

use super::https::is_unknown_name;

/// Longest time to a connection if nothing else is said, the login included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where a server listens. Two that are equal are the same place, however they were written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A name or an address, and a port.
    Tcp {
        /// Lower case, without brackets and final dot; an address in its shortest form.
        host: String,
        /// Never 0.
        port: u16,
    },
    /// The file of a socket on this machine.
    Socket(PathBuf),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Place::Tcp { host, port } => write!(f, "{host}:{port}"),
            Place::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Where a connection really leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// Of several addresses of a name, this one.
    Address(SocketAddr),
    /// A socket on this machine.
    Socket(PathBuf),
}

impl Reached {
    /// Whether nothing that is sent leaves this machine.
    pub fn is_local(&self) -> bool {
        match self {
            Reached::Address(address) => address.ip().to_canonical().is_loopback(),
            Reached::Socket(_) => true,
        }
    }
}

impl fmt::Display for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reached::Address(address) => write!(f, "{address}"),
            Reached::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why there is no connection. `Display` goes on after "could not connect to `PLACE`: ".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The name service says that there is no such name.
    #[error("there is no host of this name")]
    NoSuchName,
    /// The name service could not be asked, or has no answer now.
    #[error("the name could not be looked up: {0}")]
    NameService(String),
    /// Something answers there that nobody listens, at each address that was tried.
    #[error("{tried} refused the connection")]
    Refused {
        /// The addresses.
        tried: String,
    },
    /// Nothing answers: switched off, not routed, or behind a firewall.
    #[error("no answer from {tried} within {} s", .within.as_secs_f32())]
    NoAnswer {
        /// The addresses.
        tried: String,
        /// How long it was waited for.
        within: Duration,
    },
    /// The system could not even try: no route, no such socket, no right to open it.
    #[error("{0}")]
    Impossible(String),
}

/// Connects. Of several addresses each gets its share of `limit`, in the name service's order.
///
/// # Errors
/// See [`DialError`].
pub async fn dial(place: &Place, limit: Duration) -> Result<(Stream, Reached), DialError> {
    match place {
        Place::Tcp { host, port } => {
            let end = tokio::time::Instant::now() + limit;
            tcp(&look_up_until(host, *port, end).await?, end, limit).await
        }
        Place::Socket(path) => socket(path, limit).await,
    }
}

/// Where a place leads, never nowhere, in the name service's order: for clients that dial by
/// themselves. To find out by a connection that is dropped again would be one more that servers
/// count against this host.
///
/// # Errors
/// See [`DialError`].
pub async fn leads(place: &Place, limit: Duration) -> Result<Vec<Reached>, DialError> {
    match place {
        Place::Tcp { host, port } => {
            let end = tokio::time::Instant::now() + limit;
            let found = look_up_until(host, *port, end).await?;
            Ok(found.into_iter().map(Reached::Address).collect())
        }
        Place::Socket(path) => Ok(vec![Reached::Socket(path.clone())]),
    }
}

/// Why there is no connection, if this is what somebody met who dialled; None of what can only happen
/// on one that stands.
#[expect(clippy::wildcard_enum_match_arm, reason = "of an enum that may grow, these are meant")]
pub fn no_connection(reached: &Reached, error: &io::Error) -> Option<DialError> {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(DialError::Refused { tried: reached.to_string() }),
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable
        | io::ErrorKind::NotFound
        | io::ErrorKind::PermissionDenied
        | io::ErrorKind::TimedOut => Some(DialError::Impossible(format!("{reached}: {error}"))),
        _ => None,
    }
}

async fn look_up_until(
    host: &str,
    port: u16,
    end: tokio::time::Instant,
) -> Result<Vec<SocketAddr>, DialError> {
    let silent = |_| DialError::NameService("no answer in time".to_owned());
    tokio::time::timeout_at(end, look_up(host, port)).await.map_err(silent)?
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| {
        let reason = error.to_string();
        if is_unknown_name(&reason) {
            DialError::NoSuchName
        } else {
            DialError::NameService(reason)
        }
    })?;
    let mut addresses: Vec<SocketAddr> = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(DialError::NoSuchName) } else { Ok(addresses) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "of an enum that may grow, these are meant")]
async fn tcp(
    addresses: &[SocketAddr],
    end: tokio::time::Instant,
    limit: Duration,
) -> Result<(Stream, Reached), DialError> {
    let (mut silent, mut impossible) = (false, None);
    for (place, address) in addresses.iter().enumerate() {
        let left = end.saturating_duration_since(tokio::time::Instant::now());
        let share = left / u32::try_from(addresses.len() - place).unwrap_or(u32::MAX);
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // One small statement at a time: nothing is won by waiting for more.
                let _ = stream.set_nodelay(true);
                return Ok((Stream::of(Kind::Tcp(stream)), Reached::Address(*address)));
            }
            Ok(Err(error)) => match error.kind() {
                io::ErrorKind::ConnectionRefused => {}
                io::ErrorKind::TimedOut => silent = true,
                _ => impossible = Some(error.to_string()),
            },
            Err(_) => silent = true,
        }
    }
    let tried = addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(", ");
    // Silence is the least that is known, so it goes before what others said.
    Err(match impossible {
        _ if silent => DialError::NoAnswer { tried, within: limit },
        Some(reason) => DialError::Impossible(format!("{tried}: {reason}")),
        None => DialError::Refused { tried },
    })
}

#[cfg(unix)]
async fn socket(path: &PathBuf, limit: Duration) -> Result<(Stream, Reached), DialError> {
    let tried = path.display().to_string();
    match tokio::time::timeout(limit, UnixStream::connect(path)).await {
        Ok(Ok(stream)) => Ok((Stream::of(Kind::Unix(stream)), Reached::Socket(path.clone()))),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Err(DialError::Refused { tried })
        }
        Ok(Err(error)) => Err(DialError::Impossible(error.to_string())),
        Err(_) => Err(DialError::NoAnswer { tried, within: limit }),
    }
}

#[cfg(not(unix))]
#[expect(clippy::unused_async, reason = "as where there are sockets")]
async fn socket(_: &PathBuf, _: Duration) -> Result<(Stream, Reached), DialError> {
    Err(DialError::Impossible("this system has no sockets with a path".to_owned()))
}

/// Most bytes that may come as the answer to one question: far more than the sessions of any server.
pub const MOST: u64 = 256 << 20;

/// What there is to say of an answer that is longer.
pub fn too_long() -> String {
    format!("the answer is longer than {} MiB", MOST >> 20)
}

/// What [`MOST`] leaves of an answer. It is the limit of what a server can make us remember.
#[derive(Clone, Debug)]
pub struct Allowance(Arc<AtomicU64>);

impl Allowance {
    fn new() -> Allowance {
        Allowance(Arc::new(AtomicU64::new(MOST)))
    }

    /// Another question is asked.
    pub fn renew(&self) {
        self.0.store(MOST, Ordering::Relaxed);
    }

    /// What there is to say if it was longer. The connection is broken then.
    pub fn exceeded(&self) -> Option<String> {
        let none_left = self.0.load(Ordering::Relaxed) == 0;
        none_left.then(too_long)
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let spend = |left: u64| Some(left.saturating_sub(bytes));
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        self.exceeded().map_or(Ok(()), |too_long| Err(io::Error::other(too_long)))
    }
}

/// A connection, of either kind, over which no endless answer comes.
#[derive(Debug)]
pub struct Stream(Kind, Allowance);

impl Stream {
    fn of(kind: Kind) -> Stream {
        Stream(kind, Allowance::new())
    }

    /// How much of an answer may still come. Whoever asks anew renews it.
    pub fn allowance(&self) -> Allowance {
        self.1.clone()
    }
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Does the same with either kind.
macro_rules! either {
    ($stream:expr, $name:ident => $do:expr) => {
        match &mut $stream.get_mut().0 {
            Kind::Tcp($name) => $do,
            #[cfg(unix)]
            Kind::Unix($name) => $do,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (before, allowance) = (buffer.filled().len(), self.allowance());
        ready!(either!(self, stream => Pin::new(stream).poll_read(context, buffer)))?;
        Poll::Ready(allowance.spend(buffer.filled().len() - before))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => Pin::new(stream).poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => Pin::new(stream).poll_shutdown(context))
    }
}

#[cfg(test)]
mod tests;
