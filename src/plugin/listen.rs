//! A socket that only this user's processes reach, and its file's end.
//!
//! A Unix socket in a folder of temporary files; on Windows a port of this machine, as go-plugin
//! does (`server.go`, `serverListener`).

use std::io;
use std::ops::RangeInclusive;
#[cfg(unix)]
use std::path::{Path, PathBuf};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixSocket, UnixStream};

use super::Error;
use super::handshake::{Address, Place};

/// How many connections may wait to be accepted, if the system allows. One more is turned away.
#[cfg(unix)]
const BACKLOG: u32 = 1024;

/// The longest path that every Unix takes: `sun_path` of macOS has 104 bytes, one of them the end.
#[cfg(unix)]
const LONGEST_PATH: usize = 103;

/// What bytes go through.
pub(super) trait Io: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

/// A socket that is being listened at. Its file goes with it.
#[derive(Debug)]
pub(super) enum Listener {
    #[cfg(unix)]
    Unix(UnixListener, SocketFile),
    #[cfg_attr(unix, allow(dead_code, reason = "the way of Windows, tested everywhere"))]
    Tcp(TcpListener),
}

impl Listener {
    /// Listens at a new address of the kind this system has.
    #[cfg(unix)]
    pub(super) fn bind(place: &Place) -> Result<Listener, Error> {
        let path = socket_path(place)?;
        let failed = |source| Error::Listen { address: path.display().to_string(), source };
        let socket = UnixSocket::new_stream().map_err(failed)?;
        socket.bind(&path).map_err(failed)?;
        let file = SocketFile(path.clone());
        // Nobody can connect before `listen`, so nobody can before the permissions are right.
        set_mode(&path, 0o600).map_err(failed)?;
        if let Some(group) = &place.group {
            admit(&path, group);
        }
        let listener = socket.listen(BACKLOG).map_err(failed)?;
        Ok(Listener::Unix(listener, file))
    }

    /// Listens at a new address of the kind this system has.
    #[cfg(windows)]
    pub(super) fn bind(place: &Place) -> Result<Listener, Error> {
        Listener::bind_port(place.ports.clone())
    }

    /// Listens at the first free port of a range, on this machine only.
    #[cfg_attr(unix, allow(dead_code, reason = "the way of Windows, tested everywhere"))]
    fn bind_port(ports: RangeInclusive<u16>) -> Result<Listener, Error> {
        let address = format!("127.0.0.1:{}-{}", ports.start(), ports.end());
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for port in ports {
            let bound = std::net::TcpListener::bind(("127.0.0.1", port)).and_then(|listener| {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)
            });
            match bound {
                Ok(listener) => return Ok(Listener::Tcp(listener)),
                Err(error) => last = error,
            }
        }
        Err(Error::Listen { address, source: last })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> io::Result<Address> {
        match self {
            #[cfg(unix)]
            Listener::Unix(_, file) => Ok(Address::Unix(file.0.clone())),
            Listener::Tcp(listener) => Ok(Address::Tcp(listener.local_addr()?)),
        }
    }

    /// Waits for the next peer.
    pub(super) async fn accept(&self) -> io::Result<Box<dyn Io>> {
        match self {
            #[cfg(unix)]
            Listener::Unix(listener, _) => {
                let (stream, _): (UnixStream, _) = listener.accept().await?;
                Ok(Box::new(stream))
            }
            Listener::Tcp(listener) => {
                let (stream, _): (TcpStream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// Removes the file of a Unix socket when dropped.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct SocketFile(PathBuf);

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may have been tidied away by somebody else, and nobody could act on a failure.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A path that nobody else has, short enough for a socket.
///
/// Falls back to `/tmp` if the folder for temporary files has too long a name, which is usual on
/// macOS; a folder that the host asked for is not replaced.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "a name that nobody can guess is no test's matter")]
fn socket_path(place: &Place) -> Result<PathBuf, Error> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Error::Listen {
        address: "a random name".to_owned(),
        source: io::Error::other(error),
    })?;
    let name = format!("plugin{}", hex::encode(random));
    let folders = match &place.folder {
        Some(folder) => vec![folder.as_path()],
        None => vec![place.temporary.as_path(), Path::new("/tmp")],
    };
    let path = folders
        .iter()
        .map(|folder| folder.join(&name))
        .find(|path| path.as_os_str().len() <= LONGEST_PATH);
    path.ok_or_else(|| Error::Listen {
        address: folders[0].display().to_string(),
        source: io::Error::new(io::ErrorKind::InvalidInput, "the folder's path is too long"),
    })
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
}

/// Lets a group use the socket, as `PLUGIN_UNIX_SOCKET_GROUP` asks. If that is not possible the
/// socket stays with its owner, who is the host in all but rare set-ups.
#[cfg(unix)]
fn admit(path: &Path, group: &str) {
    let admitted = group_id(group)
        .ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        .and_then(|id| std::os::unix::fs::chown(path, None, Some(id)))
        .and_then(|()| set_mode(path, 0o660));
    if let Err(error) = admitted {
        tracing::warn!(group, %error, "the group cannot be given the socket");
    }
}

/// The number of a group: given as such, or in `/etc/group`. Directory services are not asked.
#[cfg(unix)]
fn group_id(group: &str) -> Option<u32> {
    group.parse().ok().or_else(|| {
        let groups = std::fs::read_to_string("/etc/group").ok()?;
        groups.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(group)).then(|| fields.nth(1)?.parse().ok()).flatten()
        })
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn place(folder: &Path) -> Place {
        Place {
            folder: Some(folder.to_owned()),
            temporary: "/tmp".into(),
            group: None,
            ports: 1..=1,
        }
    }

    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_goes_with_the_listener() {
        let folder = tempfile::tempdir().unwrap();
        let listener = Listener::bind(&place(folder.path())).unwrap();
        let Address::Unix(path) = listener.address().unwrap() else { panic!("not a Unix socket") };
        assert_eq!(path.parent().unwrap(), folder.path());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(listener);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_group_by_number_gets_the_socket_and_an_unknown_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().metadata().unwrap().gid();
        for (group, mode) in [(own.to_string(), 0o660), ("no such group".to_owned(), 0o600)] {
            let place = Place { group: Some(group), ..place(folder.path()) };
            let listener = Listener::bind(&place).unwrap();
            let Address::Unix(path) = listener.address().unwrap() else { panic!("not Unix") };
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[test]
    fn the_root_group_is_found_by_name() {
        assert_eq!(group_id("root").or(group_id("wheel")), Some(0));
        assert_eq!(group_id("12"), Some(12));
    }

    #[test]
    fn a_long_temporary_folder_is_replaced_and_a_long_wish_is_refused() {
        let long = Path::new("/").join("x".repeat(100));
        let temporary = Place { folder: None, temporary: long.clone(), ..place(Path::new("/")) };
        assert!(socket_path(&temporary).unwrap().starts_with("/tmp"));
        assert!(matches!(socket_path(&place(&long)), Err(Error::Listen { .. })));
    }

    #[tokio::test]
    async fn the_first_free_port_is_taken() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        assert!(matches!(Listener::bind_port(port..=port), Err(Error::Listen { .. })));
        // Port 0 stands for any free one, so that the test does not depend on luck.
        let listener = Listener::bind_port(0..=0).unwrap();
        let Address::Tcp(address) = listener.address().unwrap() else { panic!("not a port") };
        assert!(address.ip().is_loopback());
        assert_ne!(address.port(), port);
    }
}
