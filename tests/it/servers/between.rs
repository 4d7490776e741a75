//! Something on the way to a real server: it passes on what both say until a word goes by, and then
//! does what networks, failing servers and wrong addresses do.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Longest piece that is passed on at once.
const PIECE: usize = 64 << 10;

/// What happens when the word goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection is reset, and the server never hears the word.
    ResetBefore,
    /// The server hears it and answers; the connection is reset instead of handing that over.
    ResetAfter,
    /// Nothing is passed on any more, the word included, and the connection stays.
    SilenceBefore,
    /// The server hears it, and nothing comes back any more; the connection stays.
    SilenceAfter,
    /// Half of the first piece of the answer comes, and the connection ends in order.
    CutAnswer,
    /// The answer comes byte by byte.
    Trickle,
    /// The answer is somebody else's.
    Nonsense,
    /// The answer begins as one of this protocol, and never ends.
    Endless(Tongue),
    /// In every piece that comes from the server from then on a byte is another, by a seed.
    Damage(u64),
    /// The connection is reset, and from then on the same address leads to another server.
    Elsewhere(SocketAddr),
}

/// A server's protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tongue {
    Postgres,
    Redis,
    Mysql,
}

impl Tongue {
    /// How an answer begins, and what can follow for ever.
    fn endless(self) -> (Vec<u8>, Vec<u8>) {
        match self {
            // A row of two gigabytes.
            Tongue::Postgres => (vec![b'D', 0x7f, 0xff, 0xff, 0xff], vec![0; PIECE]),
            // A text of half a gigabyte, the most that there can be.
            Tongue::Redis => (b"$536870912\r\n".to_vec(), vec![b'x'; PIECE]),
            Tongue::Mysql => {
                // One column, which is described; then rows of a MiB.
                let column =
                    [b"\x03def", &b"\0\0\0\x01a\0\x0c\x2d\0\0\0\0\x10\xfd\0\0\0\0\0"[..]].concat();
                let head = [
                    &[1, 0, 0, 1, 1][..],
                    &[u8::try_from(column.len()).unwrap(), 0, 0, 2],
                    &column,
                ];
                let row = [&[4, 0, 0x10, 0, 0xfd, 0, 0, 0x10][..], &vec![b'x'; 1 << 20]].concat();
                (head.concat(), row)
            }
        }
    }
}

/// A listening address that leads to a server. It is closed on drop.
pub(crate) struct Between {
    pub(crate) port: u16,
    plan: Arc<Plan>,
    accepting: JoinHandle<()>,
}

struct Plan {
    server: SocketAddr,
    word: &'static [u8],
    fault: Fault,
    /// How many more times it happens.
    left: AtomicUsize,
    /// Whether the address leads elsewhere by now.
    moved: AtomicBool,
    happened: AtomicUsize,
    /// What was sent of an answer without an end.
    sent: AtomicUsize,
}

impl Between {
    /// Lets `fault` happen the first `times` that `word` goes to the server at `server`.
    pub(crate) async fn new(
        server: SocketAddr,
        word: &'static str,
        fault: Fault,
        times: usize,
    ) -> Between {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Plan {
            server,
            word: word.as_bytes(),
            fault,
            left: AtomicUsize::new(times),
            moved: AtomicBool::new(false),
            happened: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
        });
        let of_all = Arc::clone(&plan);
        let accepting = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                lines.spawn(line(client, Arc::clone(&of_all)));
            }
        });
        Between { port, plan, accepting }
    }

    /// How many bytes were taken of answers without an end.
    pub(crate) fn sent(&self) -> usize {
        self.plan.sent.load(Ordering::SeqCst)
    }

    /// How often the fault happened.
    pub(crate) fn happened(&self) -> usize {
        self.plan.happened.load(Ordering::SeqCst)
    }
}

impl Drop for Between {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Plan {
    /// Where a new connection leads.
    fn leads_to(&self) -> SocketAddr {
        match (self.fault, self.moved.load(Ordering::SeqCst)) {
            (Fault::Elsewhere(other), true) => other,
            _ => self.server,
        }
    }

    /// Whether the fault happens at this piece. A word never lies across two of them: each message
    /// is written at once, and short.
    fn strikes(&self, piece: &[u8]) -> bool {
        let said = |window: &[u8]| window.eq_ignore_ascii_case(self.word);
        if !piece.windows(self.word.len()).any(said) {
            return false;
        }
        let left = |left: usize| left.checked_sub(1);
        let struck = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left).is_ok();
        if struck {
            self.happened.fetch_add(1, Ordering::SeqCst);
            self.moved.store(true, Ordering::SeqCst);
        }
        struck
    }
}

/// One connection, until either side ends it.
async fn line(client: TcpStream, plan: Arc<Plan>) {
    let Ok(server) = TcpStream::connect(plan.leads_to()).await else { return reset(client) };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut said) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Some(piece) = some(&asked, read) else { return };
                if plan.strikes(piece) {
                    let piece = piece.to_vec();
                    let whole = |to: OwnedWriteHalf| from_client.reunite(to).unwrap();
                    let ways = (from_server, to_server);
                    return strike(&plan, whole(to_client), ways, &piece).await;
                }
                if to_server.write_all(piece).await.is_err() { return }
            }
            read = from_server.read(&mut said) => {
                let Some(piece) = some(&said, read) else { return };
                if to_client.write_all(piece).await.is_err() { return }
            }
        }
    }
}

/// Lets the fault happen, at a message for the server.
async fn strike(
    plan: &Plan,
    mut client: TcpStream,
    (mut from_server, mut to_server): (OwnedReadHalf, OwnedWriteHalf),
    message: &[u8],
) {
    let fault = plan.fault;
    if matches!(fault, Fault::ResetBefore | Fault::Elsewhere(_)) {
        return reset(client);
    }
    if fault == Fault::SilenceBefore {
        return until_it_leaves(client).await;
    }
    if to_server.write_all(message).await.is_err() {
        return;
    }
    let mut said = vec![0; PIECE];
    let read = from_server.read(&mut said).await;
    let answer = some(&said, read).unwrap_or_default();
    match fault {
        Fault::ResetAfter => reset(client),
        Fault::SilenceAfter => until_it_leaves(client).await,
        Fault::Nonsense => {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            until_it_leaves(client).await;
        }
        Fault::CutAnswer => {
            let _ = client.write_all(&answer[..answer.len() / 2]).await;
            let _ = client.shutdown().await;
            until_it_leaves(client).await;
        }
        Fault::Trickle => {
            let _ = client.set_nodelay(true);
            for byte in answer {
                if client.write_all(&[*byte]).await.is_err() {
                    return;
                }
                tokio::task::yield_now().await;
            }
            let mut server = from_server.reunite(to_server).unwrap();
            let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
        }
        Fault::Endless(tongue) => endless(tongue, client, &plan.sent).await,
        Fault::Damage(seed) => damaged(seed, client, (from_server, to_server), answer).await,
        Fault::ResetBefore | Fault::SilenceBefore | Fault::Elsewhere(_) => {}
    }
}

/// Says something that has no end, until the client has had enough.
async fn endless(tongue: Tongue, mut client: TcpStream, sent: &AtomicUsize) {
    let (head, mut piece) = tongue.endless();
    if client.write_all(&head).await.is_err() {
        return;
    }
    let mut number = 3_u8;
    loop {
        if tongue == Tongue::Mysql {
            // The number of the packet, which begins anew behind 255.
            piece[3] = number;
            number = number.wrapping_add(1);
        }
        if client.write_all(&piece).await.is_err() {
            return;
        }
        sent.fetch_add(piece.len(), Ordering::SeqCst);
    }
}

/// Passes on what both say, with another byte in every piece of the server's.
async fn damaged(
    seed: u64,
    client: TcpStream,
    (mut from_server, mut to_server): (OwnedReadHalf, OwnedWriteHalf),
    first: &[u8],
) {
    // An LCG of Knuth's: any will do.
    let mut luck = seed;
    let mut below = |bound: usize| {
        luck = luck.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(luck >> 33).unwrap() % bound.max(1)
    };
    let mut piece = first.to_vec();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut asked, mut said) = (vec![0; PIECE], vec![0; PIECE]);
    loop {
        if !piece.is_empty() {
            let at = below(piece.len());
            piece[at] ^= 1 << below(8);
            if to_client.write_all(&piece).await.is_err() {
                return;
            }
            piece.clear();
        }
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Some(message) = some(&asked, read) else { return };
                if to_server.write_all(message).await.is_err() { return }
            }
            read = from_server.read(&mut said) => {
                let Some(answer) = some(&said, read) else { return };
                piece = answer.to_vec();
            }
        }
    }
}

fn some(buffer: &[u8], read: std::io::Result<usize>) -> Option<&[u8]> {
    read.ok().filter(|count| *count > 0).map(|count| &buffer[..count])
}

/// Ends a connection as a crash does: what is on the way is lost.
fn reset(client: TcpStream) {
    let _ = client.set_zero_linger();
    drop(client);
}

/// Says nothing until the client has left.
async fn until_it_leaves(mut client: TcpStream) {
    let mut away = [0; 256];
    while matches!(client.read(&mut away).await, Ok(1..)) {}
}
