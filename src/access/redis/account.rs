//! The login of one provider block, and how it becomes a connection.

use std::sync::Arc;
use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{AsyncConnectionConfig, RedisConnectionInfo};
use tokio::time::Instant;

use super::resolve::{self, Login};
use super::settings::MEND;
use super::{Connection, Settings};
use crate::access::server::{self, Notes, Refusals, Step};
use crate::access::{Error, Kind};
use crate::wire::Outside;
use crate::wire::dial::{self, CONNECT_TIMEOUT, DialError, Place, Reached};

/// Under which name our sessions show up.
const NAME: &str = "terraform-provider-session";

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

    /// A connection to a server, with the login for `home`: the server itself, or the one that
    /// named it as a node of its cluster.
    ///
    /// # Errors
    /// [`Kind::Unreachable`] if nothing answers there, [`Kind::Configuration`] for TLS that cannot
    /// be, [`Kind::Credentials`] for a login that is refused: it is not shown to this server again
    /// for a minute. None had an effect.
    pub async fn connect(&self, home: &Place, place: &Place) -> Result<Connection, Error> {
        if let Some(refusal) = self.refusals.recent(place) {
            return Err(refusal);
        }
        let login = resolve::login(&self.settings, &*self.outside.environment, home)?;
        let end = Instant::now() + CONNECT_TIMEOUT;
        let (stream, reached) = dial::dial(place, CONNECT_TIMEOUT)
            .await
            .map_err(|error| server::unreachable(place, &error))?;
        let rest = self.log_in(&login, place, stream, reached.clone());
        let entered = tokio::time::timeout_at(end, rest).await.unwrap_or_else(|_| {
            // Whoever takes the connection and says nothing may be anything.
            let silent =
                DialError::NoAnswer { tried: reached.to_string(), within: CONNECT_TIMEOUT };
            Err(server::unreachable(place, &silent))
        });
        if let Err(error) = &entered
            && error.kind == Kind::Credentials
        {
            self.refusals.remember(place, error);
        }
        entered
    }

    async fn log_in(
        &self,
        login: &Login,
        place: &Place,
        stream: dial::Stream,
        reached: Reached,
    ) -> Result<Connection, Error> {
        let chosen = login.wish.choose(&reached);
        if let Some(ignored) = chosen.ignored {
            self.notes.ignored(&ignored, place);
        }
        let (at, allowance) = ((place, &reached), stream.allowance());
        let stream = server::encrypted(stream, at, chosen.encryption, &login.papers, MEND).await?;
        // The first answer tells whether it is a Redis at all; the crate itself asks nothing.
        let quiet = RedisConnectionInfo::default().set_skip_set_lib_name();
        let config = AsyncConnectionConfig::new().set_response_timeout(None::<Duration>);
        let made = MultiplexedConnection::new_with_config(&quiet, stream, config).await;
        let (client, driver) = made.map_err(|error| {
            let reason = format!("the connection broke: {error}");
            server::connected(Kind::NotSent, place, &reached, Step::Login, reason)
        })?;
        let secrets = login.password.clone().into_iter().collect();
        let connection = Connection {
            client,
            driver: tokio::spawn(driver),
            secrets,
            allowance,
            reached: reached.clone(),
        };
        let mut commands: Vec<Vec<&str>> = Vec::new();
        match (&login.user, &login.password) {
            (Some(user), Some(password)) => commands.push(vec!["AUTH", user, password.reveal()]),
            (None, Some(password)) => commands.push(vec!["AUTH", password.reveal()]),
            (_, None) => {}
        }
        commands.push(vec!["PING"]);
        // Who has no right to it goes without a name.
        commands.push(vec!["CLIENT", "SETNAME", NAME]);
        let commands: Vec<&[&str]> = commands.iter().map(Vec::as_slice).collect();
        let mut answers = connection.ask("connect", &commands).await;
        answers.pop();
        for answer in answers {
            let Err(error) = answer else { continue };
            // A user without a right to PING is logged in all the same.
            if error.kind == Kind::Permission {
                continue;
            }
            return Err(refused(error, login, place, &reached));
        }
        Ok(connection)
    }
}

/// Why a login did not succeed.
fn refused(error: Error, login: &Login, place: &Place, reached: &Reached) -> Error {
    let who = match &login.user {
        Some(user) => format!("user `{user}`"),
        None => "the default user".to_owned(),
    };
    let mut reason = format!("{} ({who}", error.message);
    if let Some(withheld) = &login.withheld {
        reason.push_str("; ");
        reason.push_str(withheld);
    }
    reason.push(')');
    let kind = if error.kind == Kind::Lost { Kind::NotSent } else { error.kind };
    Error { code: error.code, ..server::connected(kind, place, reached, Step::Login, reason) }
}
