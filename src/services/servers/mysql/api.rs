//! A server's sessions by its own protocol.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex as Plain, PoisonError};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::row::{Listed, Whose, number};
use super::statements::{
    DATABASES, GRANTS, LIST_PLAIN, LIST_SCHEMA, LOCKS, MAY_SEE, NAME_MARIADB, NAME_MYSQL, RDS_KILL,
    ROLLING_BACK, SERVER, UPTIME,
};
use crate::access::mysql::{Account, Connection, Row, place};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Outcome, Page, Refused, SessionId, Sessions, Sight,
    Submission, Target, Ticket, Which,
};
use crate::wire::dial::Place;

const LIST: &str = "list sessions";
const KILL: &str = "KILL";

/// How far apart two readings of one start can be: whole seconds of a clock and of a counter.
const START_SLACK: i64 = 2;

/// Which server answers, and how it does.
#[derive(Clone, Debug)]
struct Server {
    mariadb: bool,
    /// Whether the performance schema lists sessions.
    by_schema: bool,
    name: String,
    started: i64,
    folds_names: bool,
    us: String,
}

impl Server {
    /// Whether it is the same, and not started anew since.
    fn is(&self, other: &Server) -> bool {
        self.name == other.name && (self.started - other.started).abs() <= START_SLACK
    }
}

/// A connection, and what is known of the server behind it.
struct Line {
    connection: Connection,
    server: Server,
    /// The number of our own thread, by what it told first on this connection.
    own: Option<String>,
}

/// The sessions of one server, or of one database on it.
pub(super) struct Mysql {
    account: Arc<Account>,
    place: Result<Place, String>,
    /// None is all.
    database: Option<String>,
    line: Mutex<Option<Line>>,
    /// The server that answered first, under its first start.
    first: Plain<Option<Server>>,
    /// The server that was listed last.
    listed: Plain<Option<Server>>,
}

impl Mysql {
    pub(super) fn new(account: Arc<Account>, target: &Target) -> Mysql {
        Mysql {
            account,
            place: place(target.get("host").unwrap_or_default(), target.get("port")),
            database: target.get("database").map(str::to_owned),
            line: Mutex::new(None),
            first: Plain::default(),
            listed: Plain::default(),
        }
    }

    /// The connection that stands, or a new one.
    async fn line(&self, operation: &'static str) -> Result<Line, Error> {
        let wrong = |rule: &String| Error::new(Kind::Configuration, operation, rule.clone());
        let place = self.place.as_ref().map_err(wrong)?;
        if let Some(line) = self.line.lock().await.take() {
            return Ok(line);
        }
        let mut connection = self.account.connect(place).await?;
        let server = greet(&mut connection, operation).await?;
        Ok(Line { connection, server: self.same_start(server), own: None })
    }

    /// Keeps a connection for the next call, unless what happened leaves in doubt how it stands.
    async fn keep<T>(&self, line: Line, result: &Result<T, Error>) {
        let broken =
            result.as_ref().is_err_and(|error| matches!(error.kind, Kind::Lost | Kind::Malformed));
        if !broken {
            *self.line.lock().await = Some(line);
        }
    }

    /// Two readings of one start differ by a second or two: the first one counts.
    fn same_start(&self, server: Server) -> Server {
        let mut first = self.first.lock().unwrap_or_else(PoisonError::into_inner);
        match first.as_ref().filter(|known| known.is(&server)) {
            Some(known) => Server { started: known.started, ..server },
            None => first.insert(server).clone(),
        }
    }

    async fn page(&self, line: &mut Line) -> Result<Page, Error> {
        let Line { connection, server, own } = line;
        // Before the list, and not after: without the right it would hold our own sessions only.
        connection.query(LIST, MAY_SEE).await?;
        let statement = if server.by_schema { LIST_SCHEMA } else { LIST_PLAIN };
        let rows = connection.query(LIST, statement).await?;
        let mut listed = Vec::with_capacity(rows.len());
        for row in &rows {
            let one = Listed::read(row).ok_or_else(|| malformed("a row of the list"))?;
            let us = row.get(6).cloned().flatten().ok_or_else(|| malformed("our own number"))?;
            if own.get_or_insert_with(|| us.clone()) != &us {
                return Err(pooled("our own session changed between two statements"));
            }
            listed.push(one);
        }
        let us = own.as_deref().and_then(number);
        if us.is_none() || !listed.iter().any(|one| Some(one.id) == us) {
            return Err(pooled("our own session is not in the server's list"));
        }
        if !server.by_schema {
            let known: BTreeSet<u32> = listed.iter().map(|one| one.id).collect();
            let back = connection.query(LIST, ROLLING_BACK).await?;
            let back = back.iter().filter_map(|row| number(row.first()?.as_deref()?));
            listed.extend(back.filter(|id| !known.contains(id)).map(Listed::rolling_back));
        }
        let locks = match &self.database {
            Some(_) => self.locks(connection, server).await?,
            None => None,
        };
        if let Some(database) = &self.database
            && !self.exists(connection, server, database).await?.unwrap_or(true)
        {
            return Err(self.absent());
        }
        let mut page = Page { still: true, ..Page::default() };
        let (mut replication, mut accounts) = (0, 0);
        let identity = format!("{}#{}", server.name, server.started);
        for one in listed {
            let incarnation = format!("{}#{identity}", one.id);
            if Some(one.id) == us {
                self.account.notes.claim(incarnation);
                continue;
            }
            let holds = locks.as_ref().map(|locks| locks.contains(&one.id));
            let meant = self.database.as_ref().is_none_or(|wanted| {
                let is = one.database.as_ref().is_some_and(|name| server.same(name, wanted));
                is || holds == Some(true) || (one.user.is_empty() && one.database.is_none())
            });
            match one.whose {
                _ if !meant => {}
                Whose::Server => {}
                Whose::Replication => replication += 1,
                Whose::Account => accounts += 1,
                Whose::Client if self.account.notes.owns(&incarnation) => {}
                Whose::Client => page.sessions.push(one.session(incarnation, &server.us, holds)),
            }
        }
        let left_out = [
            ("replication connections", replication),
            ("sessions of the server's or the vendor's own accounts", accounts),
        ];
        page.left_out = left_out.into_iter().filter(|(_, count)| *count > 0).collect();
        page.server = Some(format!("{}#{identity}", connection.reached));
        *self.listed.lock().unwrap_or_else(PoisonError::into_inner) = Some(server.clone());
        Ok(page)
    }

    /// Who holds or waits for a metadata lock in the database; None where that cannot be told.
    async fn locks(
        &self,
        connection: &mut Connection,
        server: &Server,
    ) -> Result<Option<BTreeSet<u32>>, Error> {
        if server.mariadb || !server.by_schema {
            return Ok(None);
        }
        let wanted = self.database.as_deref().unwrap_or_default();
        let rows = match connection.query(LIST, LOCKS).await {
            Ok(rows) => rows,
            Err(error) if error.kind == Kind::Permission => return Ok(None),
            Err(error) => return Err(error),
        };
        let holder = |row: &Row| {
            let [Some(schema), Some(thread), ..] = row.as_slice() else { return None };
            number(thread).filter(|_| server.same(schema, wanted))
        };
        Ok(Some(rows.iter().filter_map(holder).collect()))
    }

    /// Whether a database is there; None where we are not shown all, so that its absence proves
    /// nothing.
    async fn exists(
        &self,
        connection: &mut Connection,
        server: &Server,
        database: &str,
    ) -> Result<Option<bool>, Error> {
        let rows = connection.query(LIST, DATABASES).await?;
        let is = |row: &Row| {
            row.first()
                .is_some_and(|name| name.as_deref().is_some_and(|name| server.same(name, database)))
        };
        if rows.iter().any(is) {
            return Ok(Some(true));
        }
        let grants = connection.query(LIST, GRANTS).await?;
        let all = grants.iter().filter_map(|row| row.first()?.as_deref()).any(shows_all);
        Ok(all.then_some(false))
    }

    fn absent(&self) -> Error {
        let name = self.database.as_deref().unwrap_or_default();
        Error::new(Kind::TargetGone, LIST, format!("the server has no database `{name}`"))
    }

    /// Ends one thread: what the answer says of it, or the failure of all.
    async fn kill(
        &self,
        connection: &mut Connection,
        by_procedure: bool,
        id: &SessionId,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let wrong = || Error::new(Kind::BadRequest, KILL, format!("{id} is no number of a thread"));
        let number = number(&id.0).ok_or_else(wrong)?;
        let statement = match by_procedure {
            true => format!("CALL mysql.rds_kill({number})"),
            false => format!("KILL {number}"),
        };
        match connection.query(KILL, &statement).await {
            Ok(_) => Ok(()),
            // Gone, or still rolling back: only a list tells.
            Err(error) if error.code.as_deref() == Some("1094") => {
                outcome.already_gone.push(id.clone());
                Ok(())
            }
            // No right to others' sessions, or to this one's: its account has `SYSTEM_USER`.
            Err(error) if error.code.as_deref() == Some("1095") => {
                outcome.refused.push(Refused { id: id.clone(), reason: error.message });
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl Server {
    /// Whether two names are one database's.
    fn same(&self, one: &str, other: &str) -> bool {
        match self.folds_names {
            true => one.to_lowercase() == other.to_lowercase(),
            false => one == other,
        }
    }
}

/// Whether a grant shows every database: on everything, all rights or that one.
fn shows_all(grant: &str) -> bool {
    let Some((rights, _)) = grant.split_once(" ON *.* TO ") else { return false };
    let rights = rights.strip_prefix("GRANT ").unwrap_or(rights);
    rights.split(',').map(str::trim).any(|one| {
        one.eq_ignore_ascii_case("SHOW DATABASES") || one.eq_ignore_ascii_case("ALL PRIVILEGES")
    })
}

/// Finds out which server it is, and when it was started.
async fn greet(connection: &mut Connection, operation: &'static str) -> Result<Server, Error> {
    let rows = connection.query(operation, SERVER).await?;
    let Some([Some(version), schema, folds, us, Some(now), ..]) = rows.first().map(Vec::as_slice)
    else {
        return Err(malformed("which server it is"));
    };
    let mariadb = version.to_lowercase().contains("mariadb");
    let uptime = connection.query(operation, UPTIME).await?;
    let uptime = uptime.first().and_then(|row| row.get(1)?.as_deref()?.parse::<i64>().ok());
    let statement = if mariadb { NAME_MARIADB } else { NAME_MYSQL };
    let name = connection.query(operation, statement).await?;
    let name = name.into_iter().next().and_then(|row| row.into_iter().next().flatten());
    let started = now.parse::<i64>().ok().zip(uptime).map(|(now, uptime)| now - uptime);
    Ok(Server {
        mariadb,
        by_schema: schema.as_deref() == Some("1") && !mariadb,
        name: name.ok_or_else(|| malformed("which server it is"))?,
        started: started.ok_or_else(|| malformed("when the server was started"))?,
        folds_names: folds.as_deref().is_some_and(|value| value != "0"),
        us: us.clone().unwrap_or_default(),
    })
}

fn malformed(what: &str) -> Error {
    Error::new(Kind::Malformed, LIST, format!("{what} cannot be read"))
}

/// Something stands between us and the server.
fn pooled(what: &str) -> Error {
    let message = format!("{what}: there is a pooler in between. Connect to the server itself");
    Error::new(Kind::Unsupported, LIST, message)
}

#[async_trait]
impl Sessions for Mysql {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    fn looks_up_nodes(&self) -> bool {
        false
    }

    async fn sight(&self) -> Result<Sight, Error> {
        const OPERATION: &str = "look for the target";
        let mut line = self.line(OPERATION).await?;
        let Some(database) = self.database.clone() else {
            self.keep(line, &Ok(())).await;
            return Ok(Sight::Seen);
        };
        let Line { connection, server, .. } = &mut line;
        let seen = self.exists(connection, server, &database).await;
        self.keep(line, &seen).await;
        Ok(match seen? {
            Some(true) => Sight::Seen,
            Some(false) => Sight::Absent(self.absent()),
            None => Sight::Unproven("the account is not shown every database of the server"),
        })
    }

    async fn obstacles(&self) -> Result<Vec<String>, Error> {
        let Some(_) = &self.database else { return Ok(Vec::new()) };
        let mut line = self.line("look for obstacles").await?;
        let Line { connection, server, .. } = &mut line;
        let locks = self.locks(connection, server).await;
        self.keep(line, &locks).await;
        Ok(match locks? {
            Some(_) => Vec::new(),
            None => vec![
                "perhaps metadata locks of sessions that have another default database, which this \
                 server or this account does not tell"
                    .to_owned(),
            ],
        })
    }

    async fn list(
        &self,
        _node: &Node,
        _prepared: Option<&Ticket>,
        _after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let mut line = self.line(LIST).await?;
        let page = self.page(&mut line).await;
        self.keep(line, &page).await;
        page
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let Which::These(ids) = batch.which else {
            return Err(Error::new(Kind::Unsupported, KILL, "sessions are ended by their numbers"));
        };
        let mut line = self.line(KILL).await?;
        let listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !listed.is_some_and(|listed| listed.is(&line.server)) {
            self.keep(line, &Ok(())).await;
            let message = "the server was started anew since it was listed";
            return Err(Error::new(Kind::Ambiguous, KILL, message));
        }
        let mut outcome = Outcome::default();
        let done = async {
            let found = line.connection.query(KILL, RDS_KILL).await?;
            let count = found.first().and_then(|row| row.first()?.clone());
            let by_procedure = count.is_some_and(|count| count != "0");
            for id in ids {
                self.kill(&mut line.connection, by_procedure, id, &mut outcome).await?;
            }
            Ok(())
        }
        .await;
        self.keep(line, &done).await;
        done.map(|()| Submission { outcome, ..Submission::default() })
    }

    async fn close(&self) {
        if let Some(line) = self.line.lock().await.take() {
            line.connection.close().await;
        }
    }
}

#[cfg(test)]
mod tests;
