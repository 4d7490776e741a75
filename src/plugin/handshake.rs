//! What the host and the plugin tell each other before there is a connection.
//!
//! The host speaks through environment variables, the plugin through one line on standard output.
//! Both are go-plugin's: `server.go` (`Serve`, `protocolVersion`) and `client.go` (`Start`) of
//! <https://github.com/hashicorp/go-plugin>. Nothing here touches the environment or a socket.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Error;

/// Looks up an environment variable. An empty value counts as not set.
pub type Variables<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// Set by Terraform and OpenTofu alike, to this value, so that a plugin knows who started it.
const COOKIE: (&str, &str) =
    ("TF_PLUGIN_MAGIC_COOKIE", "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2");

/// go-plugin's own protocol, the first field of the line.
const CORE_VERSION: u32 = 1;

/// The version of Terraform's protocol that this plugin speaks.
pub(super) const APP_VERSION: u32 = 6;

/// The TCP ports that Terraform offers, for hosts that do not say.
const PORTS: RangeInclusive<u16> = 10_000..=25_000;

/// What the host asked for in the environment.
#[derive(Debug)]
pub(super) struct Invitation {
    /// The host's certificate in PEM; None if it disabled TLS.
    pub(super) certificate: Option<String>,
    /// Where the socket goes.
    pub(super) place: Place,
    /// Whether the host understands a seventh field.
    pub(super) multiplexing: bool,
}

/// Where to listen: in a folder, or at a port where there are no Unix sockets.
#[derive(Debug, Clone)]
#[allow(dead_code, reason = "each system needs the fields of its way only")]
pub(super) struct Place {
    /// The folder that the host wants the socket in.
    pub(super) folder: Option<PathBuf>,
    /// The system's folder for temporary files.
    pub(super) temporary: PathBuf,
    /// A group, by name or number, that may use the socket as well.
    pub(super) group: Option<String>,
    /// Ports to try where there are no Unix sockets.
    pub(super) ports: RangeInclusive<u16>,
}

impl Place {
    /// Reads the variables that say where to listen.
    pub(super) fn read(variables: Variables<'_>) -> Place {
        let port = |name: &str| variables(name).and_then(|value| value.trim().parse().ok());
        let first = port("PLUGIN_MIN_PORT").unwrap_or(*PORTS.start());
        let last = port("PLUGIN_MAX_PORT").unwrap_or(*PORTS.end());
        Place {
            folder: variables("PLUGIN_UNIX_SOCKET_DIR").map(PathBuf::from),
            temporary: variables("TMPDIR").map_or_else(|| "/tmp".into(), PathBuf::from),
            group: variables("PLUGIN_UNIX_SOCKET_GROUP"),
            ports: first..=last,
        }
    }
}

impl Invitation {
    /// Reads what the host says. The cookie comes first: without it nothing else means anything.
    ///
    /// Fails if this process was not started by a host, or the host does not speak protocol 6.
    pub(super) fn read(variables: Variables<'_>) -> Result<Invitation, Error> {
        if variables(COOKIE.0).as_deref() != Some(COOKIE.1) {
            return Err(Error::NoHost);
        }
        // The list is in random order; all but the number sought are other plugins' business.
        let offered = variables("PLUGIN_PROTOCOL_VERSIONS").unwrap_or_default();
        if !offered.split(',').any(|version| version.trim().parse() == Ok(APP_VERSION)) {
            return Err(Error::Version { offered });
        }
        Ok(Invitation {
            certificate: variables("PLUGIN_CLIENT_CERT"),
            place: Place::read(variables),
            multiplexing: variables("PLUGIN_MULTIPLEX_GRPC").is_some(),
        })
    }

    /// The line that tells the host where to connect, and which certificate (DER) to expect there.
    ///
    /// Base64 is unpadded, as Go's `RawStdEncoding` demands. The last field says that several
    /// streams do not share one connection; older hosts do not know it, so it is left out.
    pub(super) fn answer(&self, address: &Address, certificate: Option<&[u8]>) -> String {
        let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
        let (network, address) = address.fields();
        let multiplexing = if self.multiplexing { "|false" } else { "" };
        format!(
            "{CORE_VERSION}|{APP_VERSION}|{network}|{address}|grpc|{certificate}{multiplexing}\n"
        )
    }
}

/// An address that the plugin listens at.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(windows, allow(dead_code, reason = "there are no Unix sockets in tokio on Windows"))]
pub(super) enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// A port of this machine.
    Tcp(SocketAddr),
}

impl Address {
    /// Go's names for the network and the address on it.
    pub(super) fn fields(&self) -> (&'static str, String) {
        match self {
            Address::Unix(path) => ("unix", path.display().to_string()),
            Address::Tcp(address) => ("tcp", address.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Invitation, Error> {
        Invitation::read(&|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn without_the_exact_cookie_there_is_no_host() {
        for variables in [
            &[][..],
            &[("TF_PLUGIN_MAGIC_COOKIE", "D602"), ("PLUGIN_PROTOCOL_VERSIONS", "6")],
            &[("PLUGIN_PROTOCOL_VERSIONS", "6"), ("PLUGIN_CLIENT_CERT", "x")],
        ] {
            assert!(matches!(read(variables), Err(Error::NoHost)), "{variables:?}");
        }
    }

    #[test]
    fn version_6_is_found_anywhere_in_the_list() {
        for (offered, accepted) in [
            ("6", true),
            ("5,6", true),
            ("6,5", true),
            (" 4, 6 ,7", true),
            ("x,6", true),
            ("5", false),
            ("16,66", false),
            ("5 6", false),
            ("", false),
        ] {
            let result = read(&[COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", offered)]);
            assert_eq!(result.is_ok(), accepted, "{offered:?}");
        }
    }

    #[test]
    fn the_line_is_what_a_go_host_parses() {
        let unix = Address::Unix("/tmp/s".into());
        let tcp = Address::Tcp(([127, 0, 0, 1], 10_001).into());
        let der: Option<&[u8]> = Some(&[0xfb, 0xff, 0xfe, 0x01]);
        for (multiplexing, address, certificate, line) in [
            (false, &unix, None, "1|6|unix|/tmp/s|grpc|\n"),
            (false, &unix, der, "1|6|unix|/tmp/s|grpc|+//+AQ\n"),
            (false, &tcp, der, "1|6|tcp|127.0.0.1:10001|grpc|+//+AQ\n"),
            (true, &unix, None, "1|6|unix|/tmp/s|grpc||false\n"),
        ] {
            let mut variables = vec![COOKIE, ("PLUGIN_PROTOCOL_VERSIONS", "6")];
            if multiplexing {
                variables.push(("PLUGIN_MULTIPLEX_GRPC", "true"));
            }
            assert_eq!(read(&variables).unwrap().answer(address, certificate), line);
        }
    }

    #[test]
    fn ports_that_are_not_numbers_fall_back_to_the_usual_range() {
        let place = Place::read(&|name| match name {
            "PLUGIN_MIN_PORT" => Some("none".into()),
            "PLUGIN_MAX_PORT" => Some("12000".into()),
            _ => None,
        });
        assert_eq!(place.ports, 10_000..=12_000);
    }
}
