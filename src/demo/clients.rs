//! Real connections, each watched, so that the moment it is cut is known.
//!
//! Those to a Redis are made here. They speak as much of the Redis protocol (RESP2, redis.io/docs/reference/protocol-spec) as it
//! takes to log in, to be called by a name, and to be heard of every half second.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::error::Error;

/// Between two signs of life of a client.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// Longest wait for an answer while logging in.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest line of an answer.
const LINE: u64 = 4096;

/// A connection that calls and waits for the answer.
#[derive(Debug)]
pub(super) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects; says nothing yet.
    pub(super) async fn open(address: SocketAddr) -> std::io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection(BufReader::new(stream)))
    }

    /// Calls a command whose answer is one line, and gives that line without its sign.
    pub(super) async fn call(&mut self, words: &[&str]) -> std::io::Result<String> {
        let answered = async {
            self.0.get_mut().write_all(&encoded(words)).await?;
            let mut line = String::new();
            (&mut self.0).take(LINE).read_line(&mut line).await?;
            match line.strip_suffix("\r\n").map(|line| line.split_at_checked(1)) {
                Some(Some(("+" | ":", said))) => Ok(said.to_owned()),
                Some(Some(("-", refused))) => Err(std::io::Error::other(refused.to_owned())),
                Some(_) => Err(std::io::Error::other("an answer of another kind than one line")),
                None => Err(std::io::ErrorKind::UnexpectedEof.into()),
            }
        };
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(answer) => answer,
            Err(_) => Err(std::io::ErrorKind::TimedOut.into()),
        }
    }
}

/// A command as an array of bulk strings.
fn encoded(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        bytes.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    bytes.into_bytes()
}

/// A client that stays connected until somebody cuts it. It does not come back.
#[derive(Debug)]
pub struct Client {
    /// What it is called.
    pub name: String,
    /// Who is logged in.
    pub user: String,
    /// Its own address.
    pub address: SocketAddr,
    cut: Arc<OnceLock<Instant>>,
    life: JoinHandle<()>,
}

impl Client {
    /// Connects, logs in and starts living.
    ///
    /// # Errors
    /// The server cannot be reached or refuses the user.
    pub async fn connect(
        server: SocketAddr,
        user: &str,
        password: &str,
        name: &str,
    ) -> Result<Client, Error> {
        let opened = async {
            let mut connection = Connection::open(server).await?;
            connection.call(&["AUTH", user, password]).await?;
            connection.call(&["CLIENT", "SETNAME", name]).await?;
            let address = connection.0.get_ref().local_addr()?;
            Ok((connection, address))
        };
        let opened: std::io::Result<(Connection, SocketAddr)> = opened.await;
        let what = format!("client {name} could not log in to {server}");
        let (connection, address) = opened.map_err(Error::io(what))?;
        Ok(Client::watched(name, user, address, live(connection)))
    }

    /// A connection that is open as long as `life` goes on.
    pub(super) fn watched(
        name: &str,
        user: &str,
        address: SocketAddr,
        life: impl Future<Output = ()> + Send + 'static,
    ) -> Client {
        let cut = Arc::new(OnceLock::new());
        let noted = Arc::clone(&cut);
        let life = tokio::spawn(async move {
            life.await;
            // Only this task sets it, once.
            let _ = noted.set(Instant::now());
        });
        Client { name: name.to_owned(), user: user.to_owned(), address, cut, life }
    }

    /// When it was cut, if it was.
    pub fn cut(&self) -> Option<Instant> {
        self.cut.get().copied()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.life.abort();
    }
}

/// Sends signs of life and reads answers until the connection ends.
async fn live(connection: Connection) {
    let (mut reading, mut writing) = connection.0.into_inner().into_split();
    let mut beat = tokio::time::interval(HEARTBEAT);
    let mut bytes = [0; 256];
    loop {
        let alive = tokio::select! {
            read = reading.read(&mut bytes) => !matches!(read, Ok(0) | Err(_)),
            _ = beat.tick() => writing.write_all(&encoded(&["PING"])).await.is_ok(),
        };
        if !alive {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use tokio::net::TcpListener;

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        assert_eq!(encoded(&["AUTH", "app", ""]), b"*3\r\n$4\r\nAUTH\r\n$3\r\napp\r\n$0\r\n\r\n");
    }

    /// A server that answers each connection's commands with `answers` and then waits for `end`.
    async fn server(answers: &'static str) -> (SocketAddr, tokio::sync::oneshot::Sender<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(answers.as_bytes()).await.unwrap();
            let _ = ended.await;
        });
        (address, end)
    }

    #[tokio::test]
    async fn a_client_lives_until_it_is_cut() {
        let (address, end) = server("+OK\r\n+OK\r\n").await;
        let client = Client::connect(address, "app", "secret", "app-1").await.unwrap();
        assert_eq!(client.cut(), None);
        drop(end);
        while client.cut().is_none() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_refused_password_is_an_error_in_the_servers_words() {
        let (address, _end) = server("-WRONGPASS invalid\r\n").await;
        let told = Client::connect(address, "app", "secret", "app-1").await.unwrap_err();
        let Error::Io { source, .. } = told else { panic!("{told}") };
        assert_eq!(source.to_string(), "WRONGPASS invalid");
    }

    #[tokio::test]
    async fn answers_that_are_no_line_of_text_are_errors() {
        for odd in ["$5\r\nhello\r\n", "+no end", "\r\n", "é\r\n"] {
            let (address, end) = server(odd).await;
            let mut connection = Connection::open(address).await.unwrap();
            drop(end);
            assert!(connection.call(&["PING"]).await.is_err(), "{odd:?}");
        }
    }
}
