//! From a peer at the socket to a connection that gRPC may use.
//!
//! Peers prove themselves each in a task of its own, so that one who says nothing keeps nobody
//! waiting. The time for that and the number of peers at it are limited; if too many come, the one
//! that has been at it longest goes. Only a proven peer counts as the host's presence.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tonic::transport::server::Connected;

use super::listen::{Io, Listener};

/// A peer has this long to prove itself; on one machine it takes milliseconds.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);

/// So many peers may be proving themselves at once.
const MOST_HANDSHAKES: usize = 64;

/// The pause after a failure to accept, which is usually a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How many connections there were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    /// Since the start. Even one that came and went unseen shows here.
    pub(super) ever: u64,
    /// At this time.
    pub(super) now: u64,
}

/// Counts the connections.
#[derive(Clone, Debug)]
pub(super) struct Presence(watch::Sender<Count>);

impl Presence {
    pub(super) fn new() -> Presence {
        Presence(watch::Sender::default())
    }

    /// Tells the count, and when it changes.
    pub(super) fn watch(&self) -> watch::Receiver<Count> {
        self.0.subscribe()
    }

    fn admit(&self, io: Box<dyn Io>) -> Connection {
        self.0.send_modify(|count| {
            count.ever += 1;
            count.now += 1;
        });
        Connection { io, presence: self.clone(), said_all: false }
    }
}

/// Accepts peers for ever and hands on those that proved themselves; all, if there is no TLS.
pub(super) async fn accept(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    presence: Presence,
    connections: mpsc::Sender<io::Result<Connection>>,
) {
    let mut handshakes = Handshakes::default();
    loop {
        match listener.accept().await {
            Ok(io) => {
                handshakes.add(prove(io, tls.clone(), presence.clone(), connections.clone()));
            }
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// The tasks of the peers that are proving themselves. They end with it.
#[derive(Default)]
struct Handshakes {
    tasks: JoinSet<()>,
    /// The oldest first.
    running: VecDeque<AbortHandle>,
}

impl Handshakes {
    /// Starts one, in place of the oldest if there are too many.
    fn add(&mut self, handshake: impl Future<Output = ()> + Send + 'static) {
        while self.tasks.try_join_next().is_some() {}
        self.running.retain(|task| !task.is_finished());
        if self.running.len() >= MOST_HANDSHAKES
            && let Some(oldest) = self.running.pop_front()
        {
            oldest.abort();
        }
        self.running.push_back(self.tasks.spawn(handshake));
    }
}

/// Lets one peer prove itself, and hands it on.
async fn prove(
    io: Box<dyn Io>,
    tls: Option<TlsAcceptor>,
    presence: Presence,
    connections: mpsc::Sender<io::Result<Connection>>,
) {
    let io: Box<dyn Io> = match tls {
        None => io,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_TIME, tls.accept(io)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(error)) => {
                return tracing::warn!(%error, "a peer did not prove to be the host");
            }
            Err(_) => return tracing::warn!("a peer took too long to prove to be the host"),
        },
    };
    // Fails only when the server has ended, and the connection with it.
    let _ = connections.send(Ok(presence.admit(io))).await;
}

/// A connection to the host.
pub(super) struct Connection {
    io: Box<dyn Io>,
    presence: Presence,
    /// Nothing more will be written.
    said_all: bool,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.presence.0.send_modify(|count| count.now -= 1);
    }
}

impl Connected for Connection {
    type ConnectInfo = ();

    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    /// Says that nothing more comes, and waits until the peer has closed the connection.
    ///
    /// A peer that has not read everything yet still writes, if only what gRPC's flow control asks
    /// for. If the connection were gone by then, its write would fail, and it could take the whole
    /// answer for lost (seen with the Rust client; RFC 9112, 9.6 has the same rule for HTTP/1).
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.said_all {
            ready!(Pin::new(&mut self.io).poll_shutdown(cx))?;
            self.said_all = true;
        }
        let mut space = [0; 1024];
        loop {
            let mut away = ReadBuf::new(&mut space);
            ready!(Pin::new(&mut self.io).poll_read(cx, &mut away))?;
            if away.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn if_too_many_prove_themselves_the_oldest_goes() {
        let mut handshakes = Handshakes::default();
        let gone: Vec<_> = (0..=MOST_HANDSHAKES).map(|_| CancellationToken::new()).collect();
        for token in &gone {
            let guard = token.clone().drop_guard();
            handshakes.add(async move {
                let _guard = guard;
                std::future::pending().await
            });
        }
        let first = tokio::time::timeout(HANDSHAKE_TIME, gone[0].cancelled()).await;
        assert!(first.is_ok(), "it is still there");
        assert_eq!(gone.iter().filter(|token| token.is_cancelled()).count(), 1);
    }

    #[tokio::test]
    async fn a_peer_that_reads_late_may_still_write_behind_the_last_word() {
        let (mine, mut theirs) = tokio::io::duplex(64);
        let mut connection = Presence::new().admit(Box::new(mine));
        connection.write_all(b"the answer").await.unwrap();
        let mut closing = tokio::spawn(async move { connection.shutdown().await });
        for _ in 0..100 {
            // More than fits on the way: it is read, though nobody listens.
            theirs.write_all(&[0; 64]).await.unwrap();
        }
        assert!(!closing.is_finished());
        let mut read = [0; 10];
        theirs.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"the answer");
        drop(theirs);
        (&mut closing).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn those_that_are_done_do_not_count() {
        let mut handshakes = Handshakes::default();
        let token = CancellationToken::new();
        let guard = token.clone().drop_guard();
        handshakes.add(async move {
            let _guard = guard;
            std::future::pending().await
        });
        for _ in 0..2 * MOST_HANDSHAKES {
            handshakes.add(async {});
            tokio::task::yield_now().await;
        }
        assert!(!token.is_cancelled());
    }
}
