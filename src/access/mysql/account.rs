//! The login of one provider block, and how it becomes a connection.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::{ClientIdentity, Conn, OptsBuilder, SslOpts};
use tokio::time::Instant;

use super::resolve::{self, Login};
use super::settings::misconfigured;
use super::{Connection, Settings, errors};
use crate::access::server::{self, Encryption, Mend, Notes, Refusals, Step};
use crate::access::{Error, Kind};
use crate::wire::Outside;
use crate::wire::dial::{self, CONNECT_TIMEOUT, DialError, Place, Reached};
use crate::wire::tls::{self, Check};

/// Longest row that is read; what a statement of ours needs is nothing beside it.
const MAX_PACKET: usize = 16 << 20;
/// For how many seconds the client may hold a connection for good that it has not used: MySQL's own
/// default, and longer than any run waits.
const WAIT_TIMEOUT: usize = 28_800;

const MEND: Mend = Mend {
    ca: "`custom_tls.ca_cert` in the provider block's `mysql`",
    client: "`custom_tls.client_cert` in the provider block's `mysql`",
    less: "`tls` in the provider block's `mysql` (`skip-verify`, `false`)",
};

/// The login of one provider block, to whatever server it fits.
#[derive(Debug)]
pub struct Account {
    settings: Settings,
    outside: Outside,
    refusals: Refusals,
    /// What its connections bring up.
    pub notes: Notes,
}

impl Account {
    /// Of what the block gives. The environment is read when a server is connected to.
    pub fn new(settings: Settings, outside: Outside) -> Arc<Account> {
        Arc::new(Account {
            settings,
            outside,
            refusals: Refusals::default(),
            notes: Notes::default(),
        })
    }

    /// A connection to a server, in no database.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if nothing answers there, [`Kind::Configuration`] for TLS that cannot
    /// be, [`Kind::Credentials`] for a login that is refused: it is not shown to this server again
    /// for a minute. None had an effect.
    pub async fn connect(&self, place: &Place) -> Result<Connection, Error> {
        if let Some(refusal) = self.refusals.recent(place) {
            return Err(refusal);
        }
        let end = Instant::now() + CONNECT_TIMEOUT;
        let ways = dial::leads(place, CONNECT_TIMEOUT)
            .await
            .map_err(|error| server::unreachable(place, &error))?;
        let mut last = misconfigured("the name leads nowhere");
        for (number, reached) in ways.iter().enumerate() {
            let left = u32::try_from(ways.len() - number).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(Instant::now()) / left;
            last = match self.enter(place, reached, share).await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            if last.kind != Kind::Unreachable {
                break;
            }
        }
        if last.kind == Kind::Credentials {
            self.refusals.remember(place, &last);
        }
        Err(last)
    }

    /// Connects to one of a place's addresses, within its share of the time.
    async fn enter(
        &self,
        place: &Place,
        reached: &Reached,
        share: Duration,
    ) -> Result<Connection, Error> {
        let login = resolve::login(&self.settings, &*self.outside.environment, place, reached)?;
        let entered = tokio::time::timeout(share, self.log_in(&login, place, reached)).await;
        entered.unwrap_or_else(|_| {
            // Whoever takes the connection and says nothing may be anything.
            let silent = DialError::NoAnswer { tried: reached.to_string(), within: share };
            Err(server::unreachable(place, &silent))
        })
    }

    async fn log_in(
        &self,
        login: &Login,
        place: &Place,
        reached: &Reached,
    ) -> Result<Connection, Error> {
        let chosen = login.wish.choose(reached);
        if let Some(ignored) = chosen.ignored {
            self.notes.ignored(&ignored, place);
        }
        // By itself it would go over to a socket that the server names.
        let mut options = OptsBuilder::default()
            .prefer_socket(false)
            // Else it would ask for both, and panic over answers that are no numbers.
            .max_allowed_packet(Some(MAX_PACKET))
            .wait_timeout(Some(WAIT_TIMEOUT))
            .user(login.user.clone())
            .pass(login.password.as_ref().map(|one| one.reveal().to_owned()));
        options = match (place, reached) {
            (Place::Tcp { host, port }, Reached::Address(address)) => {
                options.ip_or_hostname(host).tcp_port(*port).resolved_ips(Some(vec![address.ip()]))
            }
            (Place::Tcp { host, port }, Reached::Socket(_)) => {
                options.ip_or_hostname(host).tcp_port(*port)
            }
            (Place::Socket(path), _) => options.socket(Some(path.display().to_string())),
        };
        if let Encryption::Checked(check) = chosen.encryption {
            options = options.ssl_opts(Some(ssl(login, check)?));
        }
        let secrets: Vec<_> = login.password.clone().into_iter().collect();
        match Conn::new(options).await {
            Ok(conn) => Ok(Connection { conn: Some(conn), secrets, reached: reached.clone() }),
            Err(error) => Err(refused(&error, login, place, reached, chosen.encryption)),
        }
    }
}

fn ssl(login: &Login, check: Check) -> Result<SslOpts, Error> {
    // Read once by our own rules, so that what is wrong with a file is told.
    tls::client(check, &login.papers).map_err(|error| {
        misconfigured(format!("`custom_tls` of the provider block's `mysql`: {error}"))
    })?;
    let mut ssl = SslOpts::default();
    if let Some(ca) = login.papers.ca.clone() {
        ssl = ssl.with_root_certs(vec![ca.into()]);
    }
    if let Some((cert, key)) = login.papers.client.clone() {
        ssl = ssl.with_client_identity(Some(ClientIdentity::new(cert.into(), key.into())));
    }
    Ok(match check {
        Check::Full => ssl,
        Check::Chain => ssl.with_danger_skip_domain_validation(true),
        Check::Nothing => {
            ssl.with_danger_accept_invalid_certs(true).with_danger_skip_domain_validation(true)
        }
    })
}

/// Why a login did not succeed.
fn refused(
    error: &mysql_async::Error,
    login: &Login,
    place: &Place,
    reached: &Reached,
    encryption: Encryption,
) -> Error {
    let secrets: Vec<_> = login.password.clone().into_iter().collect();
    if let mysql_async::Error::Io(mysql_async::IoError::Io(error)) = error
        && let Some(none) = dial::no_connection(reached, error)
    {
        return server::unreachable(place, &none);
    }
    if let Some(cause) = tls::cause(error) {
        let reason = server::untrusted(cause, encryption, MEND);
        return server::connected(Kind::Configuration, place, reached, Step::Tls, reason);
    }
    if matches!(
        error,
        mysql_async::Error::Driver(mysql_async::DriverError::NoClientSslFlagFromServer)
    ) {
        let reason = "the server speaks no TLS; switch it on there, or write `tls = \"false\"` in the \
                      provider block's `mysql`";
        return server::connected(Kind::Configuration, place, reached, Step::Tls, reason);
    }
    let told = errors::failed(error, "connect", &secrets);
    let kind = if told.kind == Kind::Lost {
        Kind::NotSent
    } else if matches!(told.kind, Kind::Malformed | Kind::Refused) {
        Kind::Configuration
    } else {
        told.kind
    };
    let who = login.user.as_deref().map_or("no user".to_owned(), |user| format!("user `{user}`"));
    let password = if login.password.is_some() { "" } else { ", no password" };
    let mut reason = format!("{} ({who}{password}", told.message);
    for withheld in &login.withheld {
        reason.push_str("; ");
        reason.push_str(withheld);
    }
    reason.push(')');
    let code = errors::code(error).map(|code| code.to_string());
    Error { code, ..server::connected(kind, place, reached, Step::Login, reason) }
}
