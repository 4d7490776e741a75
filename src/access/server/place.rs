//! Where a server is, from the two arguments `host` and `port`.

use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};

use crate::wire::dial::Place;

/// What a kind of server means when less is said.
#[derive(Clone, Copy, Debug)]
pub struct Default {
    /// The port if none is given.
    pub port: u16,
    /// The file of the socket that an absolute path means.
    pub socket: fn(&Path) -> PathBuf,
}

/// The place that the arguments name. Another spelling of it gives an equal one: case, brackets,
/// a final dot, other digits of the same address, a port that is the default.
///
/// # Errors
/// A rule about `host` or `port`: "`host` must …".
pub fn place(host: &str, port: Option<&str>, default: Default) -> Result<Place, String> {
    if host.starts_with('/') {
        return match port {
            Some(_) => Err("`port` must not be given with a socket, which has none".to_owned()),
            None => Ok(Place::Socket((default.socket)(Path::new(host)))),
        };
    }
    let number = match port {
        None => default.port,
        Some(text) => match text.parse() {
            Ok(number) if number > 0 => number,
            _ => return Err("`port` must be a whole number from 1 to 65535".to_owned()),
        },
    };
    Ok(Place::Tcp { host: name(host)?, port: number })
}

/// A host's name or address in its one spelling.
fn name(host: &str) -> Result<String, String> {
    let rule = || {
        "`host` must be a name, an address or the absolute path of a socket, without a scheme, a \
         port or white space"
            .to_owned()
    };
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if let Some(bare) = bare {
        return bare.parse::<Ipv6Addr>().map(|one| one.to_string()).map_err(|_| rule());
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    let fits = |one: char| one.is_alphanumeric() || matches!(one, '-' | '_' | '.');
    // An empty part, as in `a..b`, is no name either.
    if name.len() > 253 || name.split('.').any(str::is_empty) || !name.chars().all(fits) {
        return Err(rule());
    }
    Ok(name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: Default = Default { port: 5432, socket: |folder| folder.join("s") };

    fn shown(host: &str, port: Option<&str>) -> Result<String, String> {
        place(host, port, DEFAULT).map(|place| place.to_string())
    }

    #[test]
    fn spellings_of_one_place_are_one_place() {
        for (host, port, expected) in [
            ("DB.Example", None, "db.example:5432"),
            ("db.example.", Some("5432"), "db.example:5432"),
            ("db.example", Some("6432"), "db.example:6432"),
            ("10.0.0.7", None, "10.0.0.7:5432"),
            ("::1", None, "[::1]:5432"),
            ("[0:0:0:0:0:0:0:1]", None, "[::1]:5432"),
            ("2001:DB8::0:1", Some("1"), "[2001:db8::1]:1"),
            ("/run/pg", None, "/run/pg/s"),
            ("my_host-1", None, "my_host-1:5432"),
        ] {
            assert_eq!(shown(host, port).as_deref(), Ok(expected), "{host}");
        }
    }

    #[test]
    fn what_is_no_host_or_no_port_is_refused_by_its_name() {
        for host in [
            "",
            " db",
            "db ",
            "db:5432",
            "postgres://db",
            "a..b",
            ".",
            "db/x",
            "[db]",
            "[10.0.0.1]",
            "a\nb",
            "user@db",
            "[::1]:5432",
            "[::1",
        ] {
            assert!(shown(host, None).is_err_and(|rule| rule.contains("`host`")), "{host:?}");
        }
        for port in ["0", "65536", "-1", "", " 5432", "pg"] {
            assert!(shown("db", Some(port)).is_err_and(|rule| rule.contains("`port`")), "{port:?}");
        }
        assert!(shown("/run/pg", Some("5432")).is_err());
    }
}
