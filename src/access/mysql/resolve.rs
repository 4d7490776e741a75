//! What block, environment and `~/.my.cnf` come to for one server.
//!
//! What belongs to a host goes to no other: the variables, where `MYSQL_ENDPOINT` is set, only to that
//! one; the file's login to the host that it names, or without one to this machine.

use super::place;
use super::settings::{Settings, Tls, misconfigured};
use crate::access::server::{Encryption, Wish};
use crate::access::{Error, Secret};
use crate::wire::dial::{Place, Reached};
use crate::wire::tls::{Check, Papers};
use crate::wire::{Environment, at_home};

/// How to log in to one server.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) wish: Wish,
    pub(super) papers: Papers,
    /// What was left aside because it belongs to another host, for who wonders why.
    pub(super) withheld: Vec<String>,
}

/// Reads everything there is for this server, which was reached there. Makes no call.
pub(super) fn login(
    settings: &Settings,
    environment: &dyn Environment,
    to: &Place,
    reached: &Reached,
) -> Result<Login, Error> {
    let mut withheld = Vec::new();
    let endpoint = environment.var("MYSQL_ENDPOINT").and_then(|text| endpoint(&text));
    let own = endpoint.as_ref().is_none_or(|known| known == to);
    let variable = |name: &str| if own { environment.var(name) } else { None };
    if !own && environment.var("MYSQL_PASSWORD").is_some() {
        withheld.push("`MYSQL_PASSWORD` is for `MYSQL_ENDPOINT`, which is another".to_owned());
    }
    let user = settings.username.clone().or_else(|| variable("MYSQL_USERNAME"));
    let password =
        settings.password.clone().or_else(|| variable("MYSQL_PASSWORD").map(Secret::new));
    let file = match (&user, &password) {
        (Some(_), Some(_)) => None,
        _ => File::read(environment),
    };
    let fits = |file: &&File| match &file.place {
        Some(place) => place == to,
        None => reached.is_local(),
    };
    if let Some(file) = file.as_ref().filter(|file| !fits(file))
        && file.password.is_some()
    {
        withheld.push(match &file.place {
            Some(place) => format!("`~/.my.cnf` is for `{place}`"),
            None => "`~/.my.cnf` names no host".to_owned(),
        });
    }
    let file = file.filter(|file| fits(&file));
    // A password is its user's.
    let same = |file: &File| user.is_none() || user == file.user;
    let from_file = file.as_ref().filter(|file| password.is_none() && same(file));
    let text = |value: &Option<String>, name: &str| value.clone().or_else(|| variable(name));
    let ca = text(&settings.ca_cert, "MYSQL_TLS_CA_CERT");
    let client = settings.client.clone().or_else(|| {
        Some((variable("MYSQL_TLS_CLIENT_CERT")?, Secret::new(variable("MYSQL_TLS_CLIENT_KEY")?)))
    });
    let read = |what: &str, value: &str| pem(environment, what, value);
    let client = match &client {
        None => None,
        Some((cert, key)) => Some((read("client_cert", cert)?, read("client_key", key.reveal())?)),
    };
    let asked = match variable("MYSQL_TLS_CONFIG") {
        None => None,
        Some(name) => {
            let tls = Tls::of(&name).ok_or_else(|| {
                misconfigured(format!(
                    "`MYSQL_TLS_CONFIG` is `{name}`, not `true`, `false` or `skip-verify`"
                ))
            })?;
            Some((encryption(tls), format!("`MYSQL_TLS_CONFIG` = `{name}`")))
        }
    };
    Ok(Login {
        password: password.clone().or_else(|| from_file.and_then(|file| file.password.clone())),
        user: user.clone().or_else(|| from_file.and_then(|file| file.user.clone())),
        wish: Wish { block: settings.tls.map(encryption), environment: asked },
        papers: Papers { ca: ca.map(|ca| read("ca_cert", &ca)).transpose()?, client },
        withheld,
    })
}

fn encryption(tls: Tls) -> Encryption {
    match tls {
        Tls::Off => Encryption::None,
        Tls::SkipVerify => Encryption::Checked(Check::Nothing),
        Tls::On => Encryption::Checked(Check::Full),
    }
}

/// PEM that is given as text, or by the path of a file.
fn pem(environment: &dyn Environment, what: &str, value: &str) -> Result<Vec<u8>, Error> {
    if value.contains("-----BEGIN") {
        return Ok(value.as_bytes().to_vec());
    }
    environment.read(&at_home(value, environment)).map_err(|reason| {
        misconfigured(format!("the file of `mysql.custom_tls.{what}` cannot be read: {reason}"))
    })
}

/// The place of `host:port`, or of a socket.
fn endpoint(text: &str) -> Option<Place> {
    match text.rsplit_once(':') {
        Some((host, port)) if !text.starts_with('/') => place(host, Some(port)).ok(),
        _ => place(text, None).ok(),
    }
}

/// The section `[client]` of `~/.my.cnf`
/// (<https://dev.mysql.com/doc/refman/8.4/en/option-files.html>).
struct File {
    place: Option<Place>,
    user: Option<String>,
    password: Option<Secret>,
}

impl File {
    fn read(environment: &dyn Environment) -> Option<File> {
        let text = environment.read(&at_home("~/.my.cnf", environment)).ok()?;
        let text = String::from_utf8_lossy(&text).into_owned();
        let mut client = false;
        let mut values = std::collections::BTreeMap::new();
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[') {
                client = name.trim_end_matches(']').trim() == "client";
            } else if client
                && !line.starts_with(['#', ';'])
                && let Some((key, value)) = line.split_once('=')
            {
                let value = value.trim();
                let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
                let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
                values.insert(key.trim().replace('_', "-"), value.to_owned());
            }
        }
        let get = |key: &str| values.get(key).filter(|value| !value.is_empty()).cloned();
        let named = get("host").or_else(|| get("socket"));
        let named = named.and_then(|host| {
            let port = get("port").filter(|_| !host.starts_with('/'));
            place(&host, port.as_deref()).ok()
        });
        Some(File { place: named, user: get("user"), password: get("password").map(Secret::new) })
    }
}
