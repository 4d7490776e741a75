//! A server's sessions by its own protocol.

use std::sync::{Arc, Mutex as Plain, PoisonError};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::super::verbs::verb;
use super::statements::{LIST, OBSTACLES, SIGHT, TERMINATE};
use crate::access::postgresql::{Account, Connection, Row, Shown, ToSql, Type, place};
use crate::services::{
    Batch, Cursor, Error, Field, Fields, Kind, Node, Outcome, Page, Refused, Session, SessionId,
    Sessions, Sight, Submission, Target, Ticket, Which,
};
use crate::wire::dial::Place;

/// The vendors' own accounts, whose sessions are not clients' and whose details some of them hide
/// from everybody. Their names are from the vendors' pages on their managed offerings.
const VENDORS: &[&str] = &[
    "rdsadmin",
    "rdsrepladmin",
    "rdstopmgr",
    "rdswriteforwarduser",
    "azuresu",
    "cloudsqladmin",
    "cloudsqlagent",
    "cloudsqlreplica",
    "alloydbadmin",
    "alloydbagent",
    "cloud_admin",
];

const FOREIGN_SUPERUSER: &str = "it is a superuser's, and only a superuser may end it";
const NO_RIGHT: &str = "our role may not end it: `GRANT pg_signal_backend` to it";

/// What a session's id says: where it is, and since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pid: i32,
    /// Microseconds since 1970.
    begun: i64,
}

impl Id {
    pub(super) fn read(text: &str) -> Option<Id> {
        let (pid, begun) = text.split_once(':')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
        if !digits(pid) || !digits(begun) {
            return None;
        }
        let id = Id { pid: pid.parse().ok()?, begun: begun.parse().ok()? };
        (id.pid > 0 && id.to_string() == text).then_some(id)
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.pid, self.begun)
    }
}

/// The sessions of one server, or of one database on it.
pub(super) struct Postgresql {
    account: Arc<Account>,
    place: Result<Place, String>,
    /// None is all.
    database: Option<String>,
    /// One connection for everything; who finds none makes one.
    connection: Mutex<Option<Connection>>,
    /// The process id of our own backend, by what it told first on this connection.
    own: Plain<Option<i32>>,
}

impl Postgresql {
    pub(super) fn new(account: Arc<Account>, target: &Target) -> Postgresql {
        Postgresql {
            account,
            place: place(target.get("host").unwrap_or_default(), target.get("port")),
            database: target.get("database").map(str::to_owned),
            connection: Mutex::new(None),
            own: Plain::new(None),
        }
    }

    /// The rows of a statement, and what `read` makes of them, over the connection that stands or a
    /// new one. After a failure that leaves in doubt how it stands, it is given up.
    async fn ask<T>(
        &self,
        operation: &'static str,
        statement: &str,
        parameters: &[(&(dyn ToSql + Sync), Type)],
        read: impl FnOnce(&Connection, Vec<Row>) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let wrong = |rule: &String| Error::new(Kind::Configuration, operation, rule.clone());
        let place = self.place.as_ref().map_err(wrong)?;
        let mut held = self.connection.lock().await;
        let connection = match held.take() {
            Some(connection) => connection,
            None => {
                *self.own.lock().unwrap_or_else(PoisonError::into_inner) = None;
                self.account.connect(place, self.database.as_deref()).await?
            }
        };
        // Whoever stops waiting in the middle leaves no connection behind.
        let rows = connection.query(operation, statement, parameters).await;
        let result = rows.and_then(|rows| read(&connection, rows));
        match &result {
            Err(error) if matches!(error.kind, Kind::Lost | Kind::Malformed) => {}
            _ => *held = Some(connection),
        }
        result
    }

    /// What a whole list says.
    fn page(&self, connection: &Connection, rows: &[Row]) -> Result<Page, Error> {
        let mut page = Page { still: true, ..Page::default() };
        let (mut own_seen, mut replication, mut vendors) = (false, 0, 0);
        for row in rows {
            let entry = Entry { connection, row };
            let (kind, user) = (entry.text("kind")?, entry.text("user")?);
            let (pid, own): (i32, i32) = (entry.get("pid")?, entry.get("own")?);
            self.stays(own)?;
            let server: i64 = entry.get("server")?;
            page.server = Some(format!("{}#{server}", connection.reached));
            if self.database.is_some() && !entry.get::<bool>("exists")? {
                return Err(self.absent());
            }
            let database = entry.text("database")?;
            let elsewhere = self.database.is_some() && database != self.database;
            if user.as_deref().is_some_and(|user| VENDORS.contains(&user)) {
                vendors += usize::from(!elsewhere);
                continue;
            }
            match kind.as_deref() {
                Some("client backend") => {}
                Some(_) => {
                    replication += usize::from(!elsewhere);
                    continue;
                }
                None => return Err(blind()),
            }
            let begun: Option<i64> = entry.get("begun")?;
            let begun = begun.ok_or_else(blind)?;
            let id = Id { pid, begun };
            if pid == own {
                own_seen = true;
                self.account.notes.claim(self.known(id, server));
            }
            if elsewhere || self.account.notes.owns(&self.known(id, server)) {
                continue;
            }
            page.sessions.push(entry.session(id, user, database)?);
        }
        if !own_seen {
            return Err(pooled("our own session is not in the server's list"));
        }
        let left_out = [
            ("replication connections", replication),
            ("sessions of the vendor's own accounts", vendors),
        ];
        page.left_out = left_out.into_iter().filter(|(_, count)| *count > 0).collect();
        Ok(page)
    }

    /// A session under a name that no other on any server has.
    fn known(&self, id: Id, server: i64) -> String {
        format!("{id}#{server}")
    }

    /// Our own backend stays the same on one connection, unless somebody in between changes it.
    fn stays(&self, own: i32) -> Result<(), Error> {
        let mut known = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if *known.get_or_insert(own) == own {
            return Ok(());
        }
        Err(pooled("our own session changed between two statements"))
    }

    fn absent(&self) -> Error {
        let name = self.database.as_deref().unwrap_or_default();
        let message = format!("the server has no database `{name}`");
        Error::new(Kind::TargetGone, "list sessions", message)
    }
}

/// A login that may not see who is connected. What it sees is no list.
fn blind() -> Error {
    let message = "our role may not see who is connected: `GRANT pg_read_all_stats` to it";
    Error::new(Kind::Permission, "list sessions", message)
}

/// Something stands between us and the server.
fn pooled(what: &str) -> Error {
    let message = format!("{what}: there is a pooler in between. Connect to the server itself");
    Error::new(Kind::Unsupported, "list sessions", message)
}

/// A row of the list.
#[derive(Clone, Copy)]
struct Entry<'a> {
    connection: &'a Connection,
    row: &'a Row,
}

impl<'a> Entry<'a> {
    fn get<T: crate::access::postgresql::FromSql<'a>>(self, column: &str) -> Result<T, Error> {
        self.connection.get("list sessions", self.row, column)
    }

    fn text(self, column: &str) -> Result<Option<String>, Error> {
        Ok(self.get::<Option<Shown>>(column)?.map(|Shown(text)| text))
    }

    /// A number of seconds; a clock that was set back makes none negative.
    fn seconds(self, column: &str) -> Result<Option<Field>, Error> {
        Ok(self.get::<Option<i64>>(column)?.map(|one| Field::Integer(one.max(0))))
    }

    fn session(
        self,
        id: Id,
        user: Option<String>,
        database: Option<String>,
    ) -> Result<Session, Error> {
        let (address, port): (Option<String>, Option<i32>) =
            (self.text("address")?, self.get("port")?);
        let client = address.map(|address| match (port, address.contains(':')) {
            (Some(port), true) => format!("[{address}]:{port}"),
            (Some(port), false) => format!("{address}:{port}"),
            (None, _) => address,
        });
        let role: Option<i64> = self.get("role")?;
        let user = user.or_else(|| role.map(|role| format!("oid {role}")));
        let (superuser, we): (bool, bool) = (self.get("super")?, self.get("we_are_super")?);
        let forbidden = match (superuser && !we, self.get("may_end")?) {
            (true, _) => Some(FOREIGN_SUPERUSER),
            (false, false) => Some(NO_RIGHT),
            (false, true) => None,
        };
        let verb = self.text("verb")?.map(|word| verb(&word).to_owned());
        let fields: Fields = [
            ("client_address", client.map(Field::Text)),
            ("user", user.map(Field::Text)),
            ("database", database.map(Field::Text)),
            ("command", verb.map(Field::Text)),
            ("name", self.text("name")?.filter(|name| !name.is_empty()).map(Field::Text)),
            ("idle_seconds", self.seconds("idle")?),
            ("age_seconds", self.seconds("age")?),
            ("state", self.text("state")?.map(Field::Text)),
            ("transaction_seconds", self.seconds("transaction")?),
            ("has_written", self.get::<Option<bool>>("has_written")?.map(Field::Bool)),
        ]
        .into_iter()
        .collect();
        Ok(Session {
            id: SessionId(id.to_string()),
            incarnation: Some(id.begun.to_string()),
            forbidden,
            ours: self.get::<Option<bool>>("ours")?.unwrap_or(false),
            fields,
            ..Session::default()
        })
    }
}

#[async_trait]
impl Sessions for Postgresql {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    fn looks_up_nodes(&self) -> bool {
        false
    }

    async fn sight(&self) -> Result<Sight, Error> {
        let database = self.database.clone().unwrap_or_default();
        let exists = |connection: &Connection, rows: Vec<Row>| match rows.first() {
            Some(row) => connection.get::<bool>("look for the target", row, "exists"),
            None => Ok(false),
        };
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&database, Type::TEXT)];
        let seen = self.ask("look for the target", SIGHT, &parameters, exists).await?;
        Ok(if seen || self.database.is_none() { Sight::Seen } else { Sight::Absent(self.absent()) })
    }

    async fn obstacles(&self) -> Result<Vec<String>, Error> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for (what, statement) in OBSTACLES {
            let count = |connection: &Connection, rows: Vec<Row>| match rows.first() {
                Some(row) => connection.get::<i64>("look for obstacles", row, "count"),
                None => Ok(0),
            };
            let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(database, Type::TEXT)];
            match self.ask("look for obstacles", statement, &parameters, count).await {
                Ok(0) => {}
                Ok(1) => found.push(format!("1 {what}")),
                Ok(several) => found.push(format!("{several} {what}s")),
                Err(error) if matches!(error.kind, Kind::Permission | Kind::Unsupported) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    async fn list(
        &self,
        _node: &Node,
        _prepared: Option<&Ticket>,
        _after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let parameters: [(&(dyn ToSql + Sync), Type); 1] = [(&self.database, Type::TEXT)];
        self.ask("list sessions", LIST, &parameters, |connection, rows| {
            self.page(connection, &rows)
        })
        .await
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        const OPERATION: &str = "pg_terminate_backend";
        let Which::These(ids) = batch.which else {
            return Err(Error::new(
                Kind::Unsupported,
                OPERATION,
                "sessions are ended by their ids",
            ));
        };
        let read = |id: &SessionId| {
            let wrong = || Error::new(Kind::BadRequest, OPERATION, format!("{id} is no id"));
            Id::read(&id.0).ok_or_else(wrong)
        };
        let wanted = ids.iter().map(read).collect::<Result<Vec<Id>, Error>>()?;
        let pids: Vec<i32> = wanted.iter().map(|id| id.pid).collect();
        let begun: Vec<i64> = wanted.iter().map(|id| id.begun).collect();
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&pids, Type::INT4_ARRAY), (&begun, Type::INT8_ARRAY)];
        let there = |connection: &Connection, rows: Vec<Row>| -> Result<Vec<Id>, Error> {
            let id = |row: &Row| -> Result<Id, Error> {
                let pid = connection.get(OPERATION, row, "pid")?;
                Ok(Id { pid, begun: connection.get(OPERATION, row, "begun")? })
            };
            rows.iter().map(id).collect()
        };
        match self.ask(OPERATION, TERMINATE, &parameters, there).await {
            Ok(there) => {
                let gone = ids.iter().zip(&wanted).filter(|(_, id)| !there.contains(id));
                let already_gone = gone.map(|(id, _)| id.clone()).collect();
                let outcome = Outcome { already_gone, ..Outcome::default() };
                Ok(Submission { outcome, ..Submission::default() })
            }
            // Of several, those before the forbidden one have been asked to go, those behind it
            // have not.
            Err(error) if error.kind == Kind::Permission => match ids {
                [id] => {
                    let refused = vec![Refused { id: id.clone(), reason: error.message }];
                    let outcome = Outcome { refused, ..Outcome::default() };
                    Ok(Submission { outcome, ..Submission::default() })
                }
                _ => Err(Error { kind: Kind::Ambiguous, ..error }),
            },
            Err(error) => Err(error),
        }
    }

    async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            connection.close().await;
        }
    }
}
