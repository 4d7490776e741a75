//! A platform as the provider block sees it, and the account that its arguments lead to.

use std::sync::Arc;

use super::{Error, Given, Kind, Setting, Signer, http, mysql, postgresql, redis};
use crate::wire::Outside;
use crate::wire::https::is_loopback;

/// What the provider block has an attribute for: a cloud, or a kind of server. How to log in to it
/// is all that differs above this room.
pub trait Platform: Send + Sync {
    /// Its name in the provider block and in type names, like `huaweicloud`.
    fn name(&self) -> &'static str;

    /// Its name for people.
    fn title(&self) -> &'static str;

    /// The arguments of its part of the provider block.
    fn settings(&self) -> &'static [Setting];

    /// The products whose address can be replaced under `endpoints`, where it has such.
    fn endpoints(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether an address may replace one of them. The error is a rule: `must …`.
    fn check_endpoint(&self, _url: &str) -> Result<(), String> {
        Ok(())
    }

    /// Its part of the provider block in examples, as HCL, like `{ region = "cn-north-4" }`.
    fn example(&self) -> &'static str;

    /// Markdown for the provider's page: the ways to log in, in their order of precedence.
    fn logins(&self) -> &'static str;

    /// Markdown: what grants these actions and nothing else, ready and in the platform's own
    /// language, with what it is for.
    fn policies(&self, actions: &[Action]) -> String;

    /// What to do about a failure of this kind where it is something else than for a signed call to
    /// a cloud. Goes before how to try again.
    fn advice(&self, _kind: Kind) -> Option<&'static str> {
        None
    }

    /// What a session that stays does to the drop of what it is in, as whole sentences, where that
    /// can be told.
    fn staying(&self) -> Option<&'static str> {
        None
    }

    /// The account that the arguments and the environment lead to. Reads files, makes no call;
    /// what cannot be right is [`Kind::Configuration`].
    fn account(&self, given: &Given, outside: &Outside) -> Result<Account, Error>;
}

/// Something that must be granted, by the platform's name of it in each kind of policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name in the cloud's present kind of policy; None if it needs no grant there.
    pub name: Option<&'static str>,
    /// Its name in an older kind that the cloud still has, if it has one.
    pub older: &'static str,
}

impl Action {
    /// One that is called the same everywhere.
    pub const fn of(name: &'static str) -> Action {
        Action { name: Some(name), older: name }
    }

    /// One that older policies call otherwise.
    pub const fn formerly(name: &'static str, older: &'static str) -> Action {
        Action { name: Some(name), older }
    }

    /// One that only older policies must grant.
    pub const fn only_formerly(older: &'static str) -> Action {
        Action { name: None, older }
    }
}

/// The actions of a policy in JSON, one a line, each once.
pub(super) fn json_list(actions: impl Iterator<Item = &'static str>) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in actions.map(|one| format!("        \"{one}\"")) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join(",\n")
}

/// What a login leads to, shared by everything that is called with it.
#[derive(Clone, Debug)]
pub enum Account {
    /// To a cloud that is asked by signed HTTP calls.
    Http(Arc<dyn http::Account>),
    /// To PostgreSQL servers.
    Postgresql(Arc<postgresql::Account>),
    /// To MySQL servers.
    Mysql(Arc<mysql::Account>),
    /// To Redis servers.
    Redis(Arc<redis::Account>),
}

impl Account {
    /// The region of whatever does not name one, if there is such.
    pub fn region(&self) -> Option<String> {
        match self {
            Account::Http(account) => account.region(),
            Account::Postgresql(_) | Account::Mysql(_) | Account::Redis(_) => None,
        }
    }

    /// What users should be warned of that logins brought up since the last time.
    pub fn remarks(&self) -> Vec<String> {
        match self {
            Account::Http(_) => Vec::new(),
            Account::Postgresql(account) => account.notes.remarks(),
            Account::Mysql(account) => account.notes.remarks(),
            Account::Redis(account) => account.notes.remarks(),
        }
    }

    /// Signs calls to one region; None is [`Account::region`].
    ///
    /// # Errors
    /// [`Kind::Configuration`] where there is no key, and of servers, whose calls nobody signs.
    pub fn signer(&self, region: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
        match self {
            Account::Http(account) => account.clone().signer(region),
            Account::Postgresql(_) | Account::Mysql(_) | Account::Redis(_) => Err(Error::new(
                Kind::Configuration,
                "log in",
                "a server is not asked by signed calls",
            )),
        }
    }
}

/// The platform of a name.
pub fn find(name: &str) -> Option<&'static dyn Platform> {
    super::ALL.iter().copied().find(|platform| platform.name() == name)
}

/// An address that may replace an endpoint, which is `https` if it does not say: `https://`
/// anywhere, `http://` only on this machine, since requests carry credentials. The error is a
/// rule: `must …`.
pub(super) fn endpoint(text: &str) -> Result<::http::Uri, String> {
    let text = text.trim();
    // What stands before an `@` may be a password, so it is not repeated.
    if text.contains(['@', '?']) {
        return Err("must hold neither a user name nor a query".to_owned());
    }
    let rule = || {
        format!(
            "must be an `https://` address, or an `http://` address on this machine such as \
             \"http://127.0.0.1:8080\", not {text:?}"
        )
    };
    let whole = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let uri: ::http::Uri = whole.parse().map_err(|_| rule())?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    if port.is_some_and(|(_, port)| port.parse::<u16>().is_err()) {
        return Err(rule());
    }
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(host)) if !host.is_empty() => Ok(uri),
        (Some("http"), Some(host)) if is_loopback(host) => Ok(uri),
        _ => Err(rule()),
    }
}
