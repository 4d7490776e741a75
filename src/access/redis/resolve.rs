//! What block and environment come to for one server.
//!
//! `REDIS_URL` belongs to the host and port that it names, and to no other.

use super::place;
use super::settings::{Settings, misconfigured};
use crate::access::server::{Encryption, Wish};
use crate::access::{Error, Secret};
use crate::wire::dial::Place;
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
    pub(super) withheld: Option<String>,
}

/// Reads everything there is for this server. Makes no call.
pub(super) fn login(
    settings: &Settings,
    environment: &dyn Environment,
    to: &Place,
) -> Result<Login, Error> {
    let url = environment.var("REDIS_URL").and_then(|url| Url::read(&url));
    let own = url.as_ref().filter(|url| url.place.as_ref() == Some(to));
    let withheld = url.as_ref().filter(|url| own.is_none() && url.password.is_some()).map(|url| {
        match &url.place {
            Some(place) => format!("`REDIS_URL` is for `{place}`, which is another server"),
            None => "`REDIS_URL` names no server".to_owned(),
        }
    });
    let read = |what: &str, path: &str| {
        environment.read(&at_home(path, environment)).map_err(|reason| {
            misconfigured(format!("`redis.{what}` cannot be read from `{path}`: {reason}"))
        })
    };
    let ca = settings.ca_cert.as_deref().map(|path| read("ca_cert", path)).transpose()?;
    let client = match &settings.client {
        None => None,
        Some((cert, key)) => Some((read("client_cert", cert)?, read("client_key", key)?)),
    };
    let encryption = |tls: bool| match tls {
        true => Encryption::Checked(Check::Full),
        false => Encryption::None,
    };
    let named = settings.password.is_some();
    Ok(Login {
        // A user of the one and a password of the other would be nobody's login.
        user: match named {
            true => settings.username.clone(),
            false => settings.username.clone().or_else(|| own.and_then(|url| url.user.clone())),
        },
        password: settings.password.clone().or_else(|| own.and_then(|url| url.password.clone())),
        wish: Wish {
            block: settings.tls.map(encryption),
            environment: own.map(|url| {
                let scheme = if url.tls { "rediss" } else { "redis" };
                (encryption(url.tls), format!("`REDIS_URL` = `{scheme}://…`"))
            }),
        },
        papers: Papers { ca, client },
        withheld,
    })
}

/// `redis[s]://[user][:password]@host[:port][/database]`.
struct Url {
    place: Option<Place>,
    user: Option<String>,
    password: Option<Secret>,
    tls: bool,
}

impl Url {
    fn read(text: &str) -> Option<Url> {
        let (tls, rest) = match text.split_once("://")? {
            ("redis", rest) => (false, rest),
            ("rediss", rest) => (true, rest),
            _ => return None,
        };
        let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let (login, host) = rest.rsplit_once('@').unwrap_or(("", rest));
        let (user, password) = match login.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (login, None),
        };
        let decoded = |text: &str| percent_decoded(text).filter(|text| !text.is_empty());
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
            _ => (host, None),
        };
        Some(Url {
            place: place(name, port).ok(),
            user: decoded(user),
            password: password.and_then(decoded).map(Secret::new),
            tls,
        })
    }
}

/// A text in which `%41` is `A`.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok())?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}
