//! A PgBouncer between us and a real PostgreSQL: what it shows is no list.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use serde_json::json;
use terraform_provider_session::access::Kind;
use terraform_provider_session::demo::{Postgres, PostgresPrograms, Scratch, Workshop};
use terraform_provider_session::engine::{Fate, Report};
use terraform_provider_session::services::{Connected, Error, Node, Page};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_postgres::{Config, NoTls};

use super::gaps;
use super::ground::{Ground, all};
use super::mariadb::is_root;
use crate::terraform::fixture::must;
use crate::terraform::stage::assert_cut;

const PROGRAM: &str = "/usr/sbin/pgbouncer";

/// A PostgreSQL, and a pooler that leads to it and gives each transaction any connection.
struct Pooled {
    server: Postgres,
    port: u16,
    _pooler: Child,
    _folder: Scratch,
}

impl Pooled {
    /// None, and that is said, where no PgBouncer is installed.
    async fn start() -> Option<Pooled> {
        if !Path::new(PROGRAM).is_file() {
            gaps::tell("PgBouncer", "pgbouncer");
            return None;
        }
        let programs = PostgresPrograms::any(&Workshop::here()).unwrap_or_else(must);
        let server = Postgres::start(&programs, &[]).await.unwrap_or_else(must);
        let ops = [
            "CREATE ROLE ops LOGIN PASSWORD 'pw-ops'",
            "CREATE ROLE app LOGIN PASSWORD 'pw-app'",
            "GRANT pg_read_all_stats, pg_signal_backend TO ops",
            "CREATE DATABASE shop",
        ];
        server.run("postgres", &ops).await.unwrap_or_else(must);
        for _ in 0..5 {
            let folder = Scratch::new("pgbouncer").unwrap_or_else(must);
            let (port, pooler) = spawn(folder.path(), server.address().port());
            if answers(port).await {
                return Some(Pooled { server, port, _pooler: pooler, _folder: folder });
            }
        }
        panic!("PgBouncer does not come up");
    }

    fn ground(&self) -> Ground {
        let login = json!({"username": "ops", "password": "pw-ops"});
        Ground::new("postgresql", &login, Arc::default())
    }

    /// Somebody who comes through the pooler.
    async fn client(&self, user: &str, database: &str) -> tokio_postgres::Client {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let stream = TcpStream::connect(address).await.unwrap();
        let mut config = Config::new();
        config.user(user).password(format!("pw-{user}")).dbname(database);
        let (client, connection) = config.connect_raw(stream, NoTls).await.unwrap();
        tokio::spawn(async move { drop(connection.await) });
        client
    }

    /// Through the pooler.
    async fn run(&self, database: &str) -> Report {
        let port = self.port.to_string();
        let target = [("host", "127.0.0.1"), ("port", &*port), ("database", database)];
        self.ground().run(&target, &all()).await
    }
}

fn spawn(folder: &Path, server: u16) -> (u16, Child) {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
    let users = folder.join("users");
    std::fs::write(&users, "\"ops\" \"pw-ops\"\n\"app\" \"pw-app\"\n").unwrap();
    let settings = folder.join("ini");
    let text = format!(
        "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {}\n\
         pool_mode = transaction\ndefault_pool_size = 5\n",
        users.display()
    );
    std::fs::write(&settings, text).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    for (path, mode) in [(folder, 0o755), (&*users, 0o644), (&*settings, 0o644)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
    let mut command = Command::new(PROGRAM);
    if is_root() {
        // It does not run as root.
        command.args(["--user", "nobody"]);
    }
    let child =
        command.arg(&settings).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    (port, child.spawn().unwrap())
}

async fn answers(port: u16) -> bool {
    for _ in 0..1000 {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
            return true;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    false
}

async fn list(connected: &Connected) -> Result<Page, Error> {
    connected.sessions.list(&Node::whole(), None, None).await
}

#[tokio::test]
async fn a_pooler_that_gives_us_another_session_between_two_statements_is_told_as_one() {
    let Some(pooled) = Pooled::start().await else { return };
    let port = pooled.port.to_string();
    let target = [("host", "127.0.0.1"), ("port", &*port), ("database", "shop")];
    let connected = pooled.ground().sessions(&target);
    list(&connected).await.unwrap();
    // Whoever begins a transaction takes the connection that we had.
    let other = pooled.client("ops", "postgres").await;
    other.batch_execute("BEGIN").await.unwrap();
    let error = list(&connected).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unsupported, "{error}");
    assert!(error.message.contains("pooler"), "{error}");
    other.batch_execute("ROLLBACK").await.unwrap();
}

#[tokio::test]
async fn through_a_pooler_whoever_is_called_terminated_is_gone_from_the_server() {
    let Some(pooled) = Pooled::start().await else { return };
    let direct = pooled.server.client("app", "pw-app", "shop", "direct").await.unwrap_or_else(must);
    let idle = pooled.client("app", "shop").await;
    idle.batch_execute("SELECT 1").await.unwrap();
    let report = pooled.run("shop").await;
    let gone = report.victims.iter().filter(|one| one.fate == Fate::Terminated).count();
    assert!(report.halt.is_none() && gone == 2, "{report:#?}");
    assert_cut(&[&direct], &[]).await;
    // What the server had was the pooler's connection: who stands behind it goes on, as the guide
    // says.
    idle.batch_execute("SELECT 1").await.unwrap();
    let drop_it = pooled.server.run("postgres", &["DROP DATABASE shop"]).await;
    assert!(drop_it.unwrap_err().to_string().contains("being accessed by other users"));
}
