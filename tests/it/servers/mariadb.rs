//! A MariaDB on loopback that ends with its owner, where one is installed.

use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, OptsBuilder};
use terraform_provider_session::demo::Scratch;
use tokio::process::{Child, Command};

use super::gaps;
use crate::terraform::fixture::must;

/// From start to the first answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server. It is killed on drop.
pub(crate) struct MariaDb {
    pub(crate) port: u16,
    folder: Scratch,
    _server: Child,
}

/// The programs that make its folder and that run it, where they are installed. If not, that is said.
pub(crate) fn programs() -> Option<(PathBuf, PathBuf)> {
    let found = |name: &str| {
        ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin"]
            .iter()
            .map(|folder| Path::new(folder).join(name))
            .find(|path| path.is_file())
    };
    let both = found("mariadb-install-db").zip(found("mariadbd"));
    if both.is_none() {
        gaps::tell("MariaDB", "mariadb-server-core and mariadb-client-core");
    }
    both
}

pub(super) fn is_root() -> bool {
    let told = std::process::Command::new("id").arg("-u").output().unwrap();
    told.stdout.starts_with(b"0\n")
}

impl MariaDb {
    /// A new, empty server; `root` has no password, and comes by the socket.
    pub(crate) async fn start(programs: &(PathBuf, PathBuf)) -> MariaDb {
        MariaDb::with(programs, &[]).await
    }

    /// The same with more arguments.
    pub(crate) async fn with(
        (install, server): &(PathBuf, PathBuf),
        arguments: &[String],
    ) -> MariaDb {
        let folder = Scratch::new("mariadb").unwrap_or_else(must);
        let data = folder.path().join("data");
        let user = is_root().then_some("--user=root");
        let made = Command::new(install)
            .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
            .arg(format!("--datadir={}", data.display()))
            .args(user)
            // One that starts clears its folder for temporary tables, others' tables included.
            .env("TMPDIR", folder.path())
            .output()
            .await
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let mut last = String::new();
        for _ in 0..5 {
            let log = folder.path().join("log");
            let (port, mut child) = spawn(server, folder.path(), user, arguments);
            if answers(folder.path(), &mut child).await {
                return MariaDb { port, folder, _server: child };
            }
            last = std::fs::read_to_string(log).unwrap_or_default();
        }
        panic!("MariaDB does not come up: {last}");
    }

    /// Statements as `root`, by the socket.
    pub(crate) async fn run(&self, statements: &[&str]) {
        let mut conn = self.root().await;
        for statement in statements {
            conn.query_drop(*statement)
                .await
                .unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        conn.disconnect().await.unwrap();
    }

    /// A connection as `root`, by the socket.
    pub(crate) async fn root(&self) -> Conn {
        Conn::new(by_socket(self.folder.path())).await.unwrap()
    }

    /// A client that stays until it is cut.
    pub(crate) async fn client(&self, user: &str, database: Option<&str>) -> Conn {
        let options = OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port)
            .prefer_socket(false)
            .user(Some(user))
            .pass(Some(format!("pw-{user}")))
            .db_name(database);
        Conn::new(options).await.unwrap()
    }
}

/// Whether a client is still served.
pub(crate) async fn lives(conn: &mut Conn) -> bool {
    conn.query_drop("SELECT 1").await.is_ok()
}

fn by_socket(folder: &Path) -> Opts {
    OptsBuilder::default()
        .socket(Some(folder.join("s").display().to_string()))
        .user(Some("root"))
        .into()
}

fn spawn(server: &Path, folder: &Path, user: Option<&str>, arguments: &[String]) -> (u16, Child) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let child = Command::new(server)
        .args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"])
        .arg(format!("--datadir={}", folder.join("data").display()))
        .arg(format!("--socket={}", folder.join("s").display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--port={port}"))
        .args(user)
        .args(arguments)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .kill_on_drop(true)
        .spawn();
    (port, child.unwrap())
}

/// Whether it answers before it ends or time is up.
async fn answers(folder: &Path, server: &mut Child) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Ok(conn) = Conn::new(by_socket(folder)).await {
            conn.disconnect().await.unwrap();
            return true;
        }
        if !matches!(server.try_wait(), Ok(None)) {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}
