//! The login of one provider block, and how it becomes a connection.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, SslNegotiation};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::resolve::{self, Login};
use super::settings::misconfigured;
use super::{Connection, Settings, errors};
use crate::access::server::{self, Encryption, Mend, Notes, Refusals, Step};
use crate::access::{Error, Kind};
use crate::wire::Outside;
use crate::wire::dial::{self, DialError, Place, Reached, Stream};
use crate::wire::tls;

/// Under which name our sessions show up.
const APPLICATION: &str = "terraform-provider-session";
/// Databases that every server has, to connect to where the wished one cannot be.
const FALLBACKS: [&str; 2] = ["postgres", "template1"];
/// The message that asks for TLS: its length, and a number that is no version.
/// <https://www.postgresql.org/docs/current/protocol-message-formats.html> (SSLRequest)
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

const MEND: Mend = Mend {
    ca: "`sslrootcert` in the provider block's `postgresql`, or with `PGSSLROOTCERT`",
    client: "`clientcert` in the provider block's `postgresql`",
    less: "`sslmode` in the provider block's `postgresql` (`verify-ca`, `require`, `disable`)",
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
    /// Of what the block gives. The environment is read when a server is connected to, since what
    /// counts in it depends on the server.
    pub fn new(settings: Settings, outside: Outside) -> Arc<Account> {
        Arc::new(Account {
            settings,
            outside,
            refusals: Refusals::default(),
            notes: Notes::default(),
        })
    }

    /// A connection to a server, in any database but `target`, which our own session would hold in
    /// place.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if nothing answers there, [`Kind::Configuration`] for TLS that cannot
    /// be and databases that cannot be connected to, [`Kind::Credentials`] for a login that is
    /// refused: it is not shown to this server again for a minute. None had an effect.
    pub async fn connect(&self, place: &Place, target: Option<&str>) -> Result<Connection, Error> {
        if let Some(refusal) = self.refusals.recent(place) {
            return Err(refusal);
        }
        let login = resolve::login(&self.settings, &*self.outside.environment, place)?;
        // The first refusal counts: it is of the database that was wished for.
        let mut first = None;
        for database in databases(&login.database, target) {
            match self.enter(&login, place, database).await {
                Ok(connection) => return Ok(connection),
                Err(error) if closed_to_us(&error) => {
                    first.get_or_insert(error);
                }
                Err(error) => {
                    first = Some(error);
                    break;
                }
            }
        }
        let error = first.unwrap_or_else(|| misconfigured("there is no database to connect to"));
        if error.kind == Kind::Credentials {
            self.refusals.remember(place, &error);
        }
        Err(error)
    }

    /// Connects to one database, within the time limit.
    async fn enter(
        &self,
        login: &Login,
        place: &Place,
        database: &str,
    ) -> Result<Connection, Error> {
        let end = Instant::now() + login.limit;
        let (stream, reached) = dial::dial(place, login.limit)
            .await
            .map_err(|error| server::unreachable(place, &error))?;
        let rest = self.log_in(login, place, database, stream, reached.clone());
        tokio::time::timeout_at(end, rest).await.unwrap_or_else(|_| {
            // Whoever takes the connection and says nothing may be anything.
            let silent = DialError::NoAnswer { tried: reached.to_string(), within: login.limit };
            Err(server::unreachable(place, &silent))
        })
    }

    async fn log_in(
        &self,
        login: &Login,
        place: &Place,
        database: &str,
        mut stream: Stream,
        reached: Reached,
    ) -> Result<Connection, Error> {
        let chosen = login.wish.choose(&reached);
        if let Some(ignored) = chosen.ignored {
            self.notes.ignored(&ignored, place);
        }
        let allowance = stream.allowance();
        let mut config = Config::new();
        config.user(&login.user).dbname(database).application_name(APPLICATION);
        if let Some(password) = login.password(database) {
            config.password(password.reveal());
        }
        let check = match chosen.encryption {
            Encryption::None => {
                config.ssl_mode(SslMode::Disable);
                tls::Check::Full
            }
            Encryption::Checked(check) => {
                ask_for_tls(&mut stream, place, &reached).await?;
                config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
                check
            }
        };
        let settings = match chosen.encryption {
            // Not used, and so not read: a CA that is missing is no reason not to connect.
            Encryption::None => tls::client(tls::Check::Nothing, &tls::Papers::default()),
            Encryption::Checked(_) => tls::client(check, &login.papers),
        };
        let settings = settings.map_err(|error| {
            misconfigured(format!("`postgresql` in the provider block: {error}"))
        })?;
        let host = match place {
            Place::Tcp { host, .. } => host.as_str(),
            Place::Socket(_) => "localhost",
        };
        let connector =
            MakeTlsConnect::<Stream>::make_tls_connect(&mut MakeRustlsConnect::new(settings), host);
        let Ok(connector) = connector;
        let (client, connection) =
            config.connect_raw(stream, connector).await.map_err(|error| {
                failed(&error, login, database, (place, &reached), chosen.encryption)
            })?;
        // Its end is told to whoever asks next.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Connection {
            client: Some(client),
            driver,
            secrets: login.secrets(database),
            allowance,
            reached,
            database: database.to_owned(),
        })
    }
}

/// The databases to try, in order: never `target`.
fn databases<'a>(wished: &'a str, target: Option<&str>) -> Vec<&'a str> {
    let mut all = vec![wished];
    all.extend(FALLBACKS.iter().filter(|one| **one != wished));
    all.retain(|one| Some(*one) != target);
    all
}

/// Whether it is this database that cannot be connected to, and another may.
fn closed_to_us(error: &Error) -> bool {
    matches!(error.code.as_deref(), Some("3D000" | "55000" | "42501" | "28000"))
}

/// Asks for TLS. The answer is one byte, and nothing behind it is read before the handshake.
async fn ask_for_tls(stream: &mut Stream, place: &Place, reached: &Reached) -> Result<(), Error> {
    let broke = |error: std::io::Error| {
        let reason = format!("the connection broke ({error})");
        server::connected(Kind::NotSent, place, reached, Step::Tls, reason)
    };
    stream.write_all(&SSL_REQUEST).await.map_err(broke)?;
    match stream.read_u8().await.map_err(broke)? {
        b'S' => Ok(()),
        b'N' => Err(server::connected(
            Kind::Configuration,
            place,
            reached,
            Step::Tls,
            "the server speaks no TLS; switch it on there, or write `sslmode = \"disable\"` in the \
             provider block's `postgresql`",
        )),
        _ => Err(server::connected(
            Kind::Configuration,
            place,
            reached,
            Step::Tls,
            "the answer is not PostgreSQL's; check `host` and `port`",
        )),
    }
}

/// Why a login did not succeed.
fn failed(
    error: &tokio_postgres::Error,
    login: &Login,
    database: &str,
    (place, reached): (&Place, &Reached),
    encryption: Encryption,
) -> Error {
    let told = |kind, step, reason: String| {
        let reason = server::blot(&reason, &login.secrets(database));
        server::connected(kind, place, reached, step, reason)
    };
    if let Some(tls) = tls::cause(error) {
        let reason = server::untrusted(tls, encryption, MEND);
        return told(Kind::Configuration, Step::Tls, reason);
    }
    let who = format!("role `{}`, database `{database}`", login.user);
    if let Some(refusal) = error.as_db_error() {
        let code = refusal.code().code();
        let mut reason = errors::words(refusal);
        if reason.contains("channel binding") {
            reason.push_str(
                ": something between us and the server ends the encryption and begins it anew; \
                 connect to the server itself",
            );
        }
        reason.push_str(&format!(" ({who}"));
        for withheld in &login.withheld {
            reason.push_str("; ");
            reason.push_str(withheld);
        }
        reason.push(')');
        return Error {
            code: Some(code.to_owned()),
            ..told(errors::login(code), Step::Login, reason)
        };
    }
    if errors::of_statement(error, "connect", &[]).kind == Kind::Lost {
        return told(Kind::NotSent, Step::Login, format!("{} ({who})", errors::causes(error)));
    }
    if login.password(database).is_some() {
        return told(
            Kind::Configuration,
            Step::Login,
            format!("{} ({who})", errors::causes(error)),
        );
    }
    let mut reason = format!(
        "the server wants a password, and there is none ({who}); give `password` in the provider \
         block's `postgresql`, `PGPASSWORD`, or a line in `~/.pgpass`"
    );
    for withheld in &login.withheld {
        reason.push_str("; ");
        reason.push_str(withheld);
    }
    told(Kind::Configuration, Step::Login, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_never_connected_to() {
        for (wished, target, expected) in [
            ("postgres", None, &["postgres", "template1"][..]),
            ("postgres", Some("postgres"), &["template1"]),
            ("app", Some("app"), &["postgres", "template1"]),
            ("ops", Some("app"), &["ops", "postgres", "template1"]),
            ("template1", Some("template1"), &["postgres"]),
        ] {
            assert_eq!(databases(wished, target), expected);
        }
    }
}
