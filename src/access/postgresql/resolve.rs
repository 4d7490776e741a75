//! What block, service file, environment and password file come to for one server.
//!
//! Each counts before the next, as for libpq. All but the block may belong to a host: a service
//! file's section and `PGHOST` say to which, a line of the password file does too. To any other
//! server nothing of them goes.

use std::collections::BTreeMap;
use std::time::Duration;

use super::passfile::{self, Entry};
use super::settings::{ClientCert, Mode, Settings, misconfigured, seconds_of};
use super::{place, servicefile};
use crate::access::server::Wish;
use crate::access::{Error, Secret};
use crate::wire::dial::{CONNECT_TIMEOUT, Place};
use crate::wire::tls::Papers;
use crate::wire::{Environment, at_home};

/// How to log in to one server.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: String,
    /// From anywhere but the password file.
    password: Option<Secret>,
    entries: Vec<Entry>,
    /// The database to connect to, if it can be.
    pub(super) database: String,
    pub(super) wish: Wish,
    pub(super) papers: Papers,
    /// Longest time to a connection, the login included.
    pub(super) limit: Duration,
    /// What was left aside because it belongs to another host, for who wonders why.
    pub(super) withheld: Vec<String>,
}

impl Login {
    /// The password, which in the password file can differ from database to database.
    pub(super) fn password(&self, database: &str) -> Option<&Secret> {
        self.password.as_ref().or_else(|| passfile::password(&self.entries, database))
    }

    /// Every secret that it knows.
    pub(super) fn secrets(&self, database: &str) -> Vec<Secret> {
        self.password(database).cloned().into_iter().collect()
    }
}

/// Reads everything there is for this server. Makes no call.
pub(super) fn login(
    settings: &Settings,
    environment: &dyn Environment,
    to: &Place,
) -> Result<Login, Error> {
    let mut withheld = Vec::new();
    let service = service(settings, environment, to, &mut withheld)?;
    let own = hosts(environment).is_none_or(|hosts| hosts.contains(to));
    let variable = |name: &str| if own { environment.var(name) } else { None };
    if !own && environment.var("PGPASSWORD").is_some() {
        withheld.push("`PGPASSWORD` is for the host in `PGHOST`, which is another".to_owned());
    }
    let told = |key: &str, name: &str| service.get(key).cloned().or_else(|| variable(name));

    let user = settings.username.clone().or_else(|| told("user", "PGUSER"));
    let user = user.unwrap_or_else(|| "postgres".to_owned());
    let password = settings.password.clone();
    let password = password.or_else(|| told("password", "PGPASSWORD").map(Secret::new));
    let entries = match password {
        Some(_) => Vec::new(),
        None => entries(environment, service.get("passfile"), to, &user),
    };
    let database = settings.database.clone().or_else(|| told("dbname", "PGDATABASE"));

    let ca = settings.sslrootcert.clone().or_else(|| told("sslrootcert", "PGSSLROOTCERT"));
    let ca = ca.filter(|path| path != "system");
    let wish = wish(settings, ca.is_some(), told("sslmode", "PGSSLMODE"))?;
    let pair = settings.clientcert.clone().or_else(|| {
        let (cert, key) = (told("sslcert", "PGSSLCERT")?, told("sslkey", "PGSSLKEY")?);
        Some(ClientCert { cert, key: Secret::new(key), inline: false })
    });
    let limit = match settings.connect_timeout {
        Some(limit) => Some(limit),
        None => told("connect_timeout", "PGCONNECT_TIMEOUT")
            .and_then(|text| text.trim().parse().ok())
            .and_then(seconds_of)
            .flatten(),
    };
    Ok(Login {
        user,
        password,
        entries,
        database: database.unwrap_or_else(|| "postgres".to_owned()),
        wish,
        papers: papers(environment, ca.as_deref(), pair)?,
        limit: limit.unwrap_or(CONNECT_TIMEOUT),
        withheld,
    })
}

/// The servers that `PGHOST` and `PGPORT` name, if they name any: several are told by commas.
fn hosts(environment: &dyn Environment) -> Option<Vec<Place>> {
    let hosts = environment.var("PGHOST").or_else(|| environment.var("PGHOSTADDR"))?;
    let ports = environment.var("PGPORT").unwrap_or_default();
    let ports: Vec<&str> = ports.split(',').map(str::trim).collect();
    let port = |at: usize| ports.get(at).or(ports.first()).filter(|port| !port.is_empty());
    let each = hosts.split(',').enumerate();
    Some(each.filter_map(|(at, host)| named(host.trim(), port(at).copied())).collect())
}

/// The place that a file or a variable names. With a socket's folder libpq takes a port, which is
/// the ending of the file.
fn named(host: &str, port: Option<&str>) -> Option<Place> {
    match (place(host, None).ok()?, port) {
        (Place::Socket(file), Some(port)) => Some(Place::Socket(file.with_extension(port))),
        (_, port) => place(host, port).ok(),
    }
}

/// The section that `PGSERVICE` names, if it is for this server.
fn service(
    settings: &Settings,
    environment: &dyn Environment,
    to: &Place,
    withheld: &mut Vec<String>,
) -> Result<BTreeMap<String, String>, Error> {
    let Some(name) = environment.var("PGSERVICE") else { return Ok(BTreeMap::new()) };
    let path = environment.var("PGSERVICEFILE").unwrap_or_else(|| "~/.pg_service.conf".to_owned());
    let text = environment.read(&at_home(&path, environment)).ok();
    let section =
        text.and_then(|text| servicefile::section(&String::from_utf8_lossy(&text), &name));
    let Some(section) = section else {
        // Whoever says everything in the block needs no file.
        if settings.username.is_some() && settings.password.is_some() {
            return Ok(BTreeMap::new());
        }
        return Err(misconfigured(format!(
            "`PGSERVICE` names the service `{name}`, and `{path}` (`PGSERVICEFILE`) cannot be read \
             or has no such section"
        )));
    };
    let host = section.get("host").or_else(|| section.get("hostaddr"));
    let known = host.and_then(|host| named(host, section.get("port").map(String::as_str)));
    if known.as_ref() == Some(to) {
        return Ok(section);
    }
    withheld.push(match known {
        Some(known) => format!("the service `{name}` (`PGSERVICE`) is for `{known}`"),
        None => format!("the service `{name}` (`PGSERVICE`) names no host"),
    });
    Ok(BTreeMap::new())
}

/// The lines of the password file for this server and user. A file that is not there has none.
fn entries(
    environment: &dyn Environment,
    named: Option<&String>,
    to: &Place,
    user: &str,
) -> Vec<Entry> {
    let path = named.cloned().or_else(|| environment.var("PGPASSFILE"));
    let path = path.or_else(|| {
        // https://www.postgresql.org/docs/current/libpq-pgpass.html
        let windows = environment.var("APPDATA").filter(|_| cfg!(windows));
        Some(windows.map_or("~/.pgpass".to_owned(), |at| format!("{at}\\postgresql\\pgpass.conf")))
    });
    let read = path.and_then(|path| environment.read(&at_home(&path, environment)).ok());
    let text = read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    passfile::entries(&text.unwrap_or_default(), to, user)
}

fn wish(settings: &Settings, ca: bool, told: Option<String>) -> Result<Wish, Error> {
    let environment = match told {
        None => None,
        Some(name) => {
            let mode = Mode::of(&name).ok_or_else(|| {
                misconfigured(format!("`PGSSLMODE`, or `sslmode` of its service, is `{name}`"))
            })?;
            Some((mode.encryption(ca), format!("`PGSSLMODE` = `{name}`")))
        }
    };
    Ok(Wish { block: settings.sslmode.map(|mode| mode.encryption(ca)), environment })
}

fn papers(
    environment: &dyn Environment,
    ca: Option<&str>,
    pair: Option<ClientCert>,
) -> Result<Papers, Error> {
    let read = |what: &str, path: &str| {
        environment.read(&at_home(path, environment)).map_err(|reason| {
            misconfigured(format!("{what} cannot be read from `{path}`: {reason}"))
        })
    };
    let ca = match ca {
        None => None,
        Some(path) => Some(read("`sslrootcert` (`PGSSLROOTCERT`)", path)?),
    };
    let client = match pair {
        None => None,
        Some(ClientCert { cert, key, inline: true }) => {
            Some((cert.into_bytes(), key.reveal().as_bytes().to_vec()))
        }
        Some(ClientCert { cert, key, inline: false }) => Some((
            read("`clientcert.cert` (`PGSSLCERT`)", &cert)?,
            read("`clientcert.key` (`PGSSLKEY`)", key.reveal())?,
        )),
    };
    Ok(Papers { ca, client })
}
