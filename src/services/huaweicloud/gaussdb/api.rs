//! The calls and answers of the API.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Answer, Call, Client};
use crate::services::huaweicloud::dbs;
use crate::services::kit::nodes;
use crate::services::kit::path::segment;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Page, Session, SessionId, Sessions, Submission, Target,
    Ticket, Which,
};

use super::SPEC;

/// The vendor's name of the call that ends sessions.
const KILL: &str = "StopSession";

/// Accounts of the cloud on every instance ("Account Management" of the user guide).
pub(super) const ACCOUNTS: &[&str] = &["omm", "rdsAdmin", "rdsBackup", "rdsMetric", "rdsRepl"];

/// First words that a statement is told by.
const VERBS: &[&str] = &[
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "GRANT",
    "INSERT",
    "LOCK",
    "MERGE",
    "MOVE",
    "PREPARE",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TRUNCATE",
    "UPDATE",
    "VACUUM",
    "VALUES",
    "WITH",
];

pub(super) struct GaussDb {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for GaussDb {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        const OPERATION: &str = "ListKeyViewExecuteNode";
        let path = self.path(OPERATION, "key-view-execute-node")?;
        let wanted = self.target.get("node_id");
        if let Some(wanted) = wanted {
            parts(OPERATION, wanted)?;
        }
        let call = Call::new(OPERATION, "opengauss", Method::POST, path);
        let answer = dbs::call(&self.client, call).await?;
        let NodesAnswer { nodes } = answer.json()?;
        let nodes = nodes.ok_or_else(|| answer.malformed("the answer holds no nodes"))?;
        let distributed = nodes.iter().any(Component::is_coordinator);
        let listed = nodes.into_iter().map(|one| nodes::Listed {
            // Whoever names a data node means it.
            aside: one.aside(distributed && wanted.is_none()),
            id: one.name(),
            status: one.detail,
        });
        nodes::choose(listed.collect(), "Normal", wanted)
            .map_err(|(kind, message)| Error { kind, ..answer.malformed(message) })
    }

    /// One page is all there is.
    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        _after: Option<Cursor>,
    ) -> Result<Page, Error> {
        const OPERATION: &str = "ListRealTimeSessions";
        let (node_id, component_id) = parts(OPERATION, &node.id)?;
        let path = self.path(OPERATION, "real-time-session")?;
        let body = json!({ "node_id": node_id, "component_id": component_id });
        let call = Call::new(OPERATION, "opengauss", Method::POST, path).body(body);
        let answer = dbs::call(&self.client, call).await.map_err(|error| node.told(error))?;
        let SessionsAnswer { sessions } = answer.json()?;
        let sessions = sessions.ok_or_else(|| answer.malformed("the answer holds no list"))?;
        let mut page = Page { unsteady: cut_off(sessions.len()), ..Page::default() };
        for one in sessions {
            match one.aside() {
                Some(what) => dbs::count(&mut page.left_out, what),
                None => page.sessions.push(one.session(&answer, node, self.client.now())?),
            }
        }
        page.request_id = answer.request_id;
        Ok(page)
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let (Which::These(ids), Some(node)) = (batch.which, batch.node_id(&self.target)) else {
            let message = "sessions can only be named, and on one component at a time";
            return Err(Error::new(Kind::Configuration, KILL, message));
        };
        let (node_id, component_id) = parts(KILL, node)?;
        let path = self.path(KILL, "kill-session")?;
        let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let body = json!({
            "instance_id": self.target.get("instance_id"), "node_id": node_id,
            "component_id": component_id, "session_ids": ids,
        });
        let call = Call::new(KILL, "opengauss", Method::POST, path).body(body);
        let answer = dbs::call(&self.client, call).await.map_err(dbs::perhaps_gone)?;
        let told: KillAnswer = answer.json()?;
        match told.success.truth() {
            // Whether one that had gone is among those that it names is not documented: a look tells.
            Some(true) => Ok(Submission { request_id: answer.request_id, ..Submission::default() }),
            Some(false) => Err(Error {
                kind: Kind::Ambiguous,
                ..answer.malformed("the answer says that not all sessions could be ended")
            }),
            None => {
                Err(answer.malformed("the answer does not say whether the sessions were ended"))
            }
        }
    }
}

impl GaussDb {
    pub(super) fn new(client: Arc<Client>, target: Target) -> GaussDb {
        GaussDb { client, target }
    }

    fn path(&self, operation: &'static str, rest: &str) -> Result<String, Error> {
        let id = self.target.get("instance_id").unwrap_or_default();
        let id = segment(operation, "instance", id)?;
        Ok(format!("/v3/{{project_id}}/instances/{id}/{rest}"))
    }
}

/// The ids of a node and of its component.
fn parts<'a>(operation: &'static str, node: &'a str) -> Result<(&'a str, &'a str), Error> {
    let unjoined = || {
        let message = "`node_id` must be a node's id and a component's, joined by a slash";
        Error::new(Kind::BadRequest, operation, message)
    };
    let (node, component) = node.split_once('/').ok_or_else(unjoined)?;
    Ok((segment(operation, "node", node)?, segment(operation, "component", component)?))
}

/// Why a list of so many rows may not be whole. Nobody has seen where the API cuts it off: at 200, says
/// the console's guide; at 50 or 100, as the family's other lists do by themselves, would show as just
/// that many.
fn cut_off(rows: usize) -> Option<&'static str> {
    let reached = matches!(rows, 50 | 100 | 200..);
    reached.then_some("is as long as one that was cut off")
}

#[derive(Deserialize)]
struct NodesAnswer {
    nodes: Option<Vec<Component>>,
}

/// A component on a node.
#[derive(Deserialize)]
struct Component {
    node_id: Option<String>,
    component_id: Option<String>,
    role: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    detail: Option<String>,
}

impl Component {
    fn is_coordinator(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("CN"))
    }

    /// Its id for us; None if either part is missing.
    fn name(&self) -> Option<String> {
        let filled = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
        Some(format!("{}/{}", filled(&self.node_id)?, filled(&self.component_id)?))
    }

    /// Why clients are not connected to it, if so. What a coordinator does on the data nodes is not its
    /// clients' session.
    fn aside(&self, distributed: bool) -> Option<&'static str> {
        if self.role.as_deref() == Some("secondary") {
            return Some("holds only logs");
        }
        (distributed && !self.is_coordinator()).then_some("is behind the coordinators")
    }
}

#[derive(Deserialize)]
struct SessionsAnswer {
    sessions: Option<Vec<ListedSession>>,
}

#[derive(Deserialize)]
struct KillAnswer {
    #[serde(default)]
    success: Told,
}

/// A row of the list. Of the statement only its first word is kept.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedSession {
    session_id: Told,
    user_name: Told,
    client_ip: Told,
    client_port: Told,
    database_name: Told,
    application_name: Told,
    state: Told,
    query: Verb,
    back_end_start: Told,
}

impl ListedSession {
    /// Why it is not a client's, if it is not.
    fn aside(&self) -> Option<&'static str> {
        let user = self.user_name.clone().filled();
        match user.as_deref() {
            Some(user) if ACCOUNTS.contains(&user) => Some("sessions of the cloud's own accounts"),
            None if self.client_ip.clone().filled().is_none() => Some("background workers"),
            _ => None,
        }
    }

    fn session(self, answer: &Answer, node: &Node, now: SystemTime) -> Result<Session, Error> {
        let id = self.session_id.id(answer)?;
        let unkillable =
            id.is_none().then_some("the list gives no id for it, and a kill needs one");
        let address = address(answer, self.client_ip, self.client_port)?;
        let id = id.unwrap_or_else(|| format!("#{}", address.clone().unwrap_or_default()));
        let began =
            self.back_end_start.number(answer, "back_end_start")?.filter(|began| *began > 0);
        let told = [
            ("client_address", address.into()),
            ("user", self.user_name),
            ("database", self.database_name),
            ("command", self.query.0),
            ("name", self.application_name),
            ("age_seconds", began.and_then(|began| age(began, now)).into()),
            ("state", self.state),
        ];
        Ok(Session {
            id: SessionId(id),
            node: node.id.clone(),
            incarnation: began.map(|began| began.to_string()),
            unkillable,
            fields: value::fields(answer, SPEC.columns, told)?,
            ..Session::default()
        })
    }
}

/// Address and port. A client on a socket has the port -1.
fn address(answer: &Answer, ip: Told, port: Told) -> Result<Option<String>, Error> {
    let Some(ip) = ip.id(answer)? else { return Ok(None) };
    let port = port.filled().filter(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    Ok(Some(match port {
        Some(port) if ip.contains(':') => format!("[{ip}]:{port}"),
        Some(port) => format!("{ip}:{port}"),
        None => ip,
    }))
}

/// Seconds since a moment, which is told in seconds, milliseconds or microseconds since 1970: which is
/// not documented, and its size tells. None if it is in the future by more than a day, which no clock
/// explains.
fn age(began: i64, now: SystemTime) -> Option<i64> {
    let began = match began {
        ..=99_999_999_999 => began,
        100_000_000_000..=99_999_999_999_999 => began / 1_000,
        100_000_000_000_000.. => began / 1_000_000,
    };
    let now = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
    let age = i64::try_from(now).ok()?.checked_sub(began)?;
    (age > -86_400).then_some(age.max(0))
}

/// What a statement does, by its first word.
#[derive(Default, Deserialize)]
#[serde(from = "Value")]
struct Verb(Told);

impl From<Value> for Verb {
    fn from(query: Value) -> Verb {
        let Value::String(query) = query else { return Verb(query.into()) };
        let query = query.trim_start_matches(|c: char| c == '(' || c == ';' || c.is_whitespace());
        let word = query.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let known = VERBS.iter().find(|verb| verb.eq_ignore_ascii_case(word)).copied();
        let verb = if query.is_empty() { "" } else { known.unwrap_or("other") };
        Verb(Told::Text(verb.to_owned()))
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_statement_is_told_by_a_common_first_word_only() {
        for (query, expected) in [
            ("select 1", "SELECT"),
            ("  (SELECT * FROM t)", "SELECT"),
            ("ALTER USER app PASSWORD 's3cret'", "ALTER"),
            ("s3cret", "other"),
            ("selects3cret", "other"),
            ("/* s3cret */ SELECT 1", "other"),
            ("-- s3cret", "other"),
            ("\u{441}elect", "other"),
            ("", ""),
            (" \n", ""),
        ] {
            let Verb(told) = Value::from(query).into();
            assert_eq!(told, Told::Text(expected.to_owned()), "{query}");
        }
        let Verb(told) = Value::Null.into();
        assert_eq!(told, Told::Nothing);
        assert!(VERBS.is_sorted());
    }

    #[test]
    fn a_start_is_read_in_whichever_unit_it_is() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (began, expected) in [
            (1_699_999_910, Some(90)),
            (1_699_999_910_500, Some(90)),
            (1_699_999_910_500_000, Some(90)),
            (1_700_000_060, Some(0)),
            (1_700_200_000, None),
            (i64::MAX, None),
        ] {
            assert_eq!(age(began, now), expected, "{began}");
        }
    }

    #[test]
    fn a_list_is_whole_unless_it_is_as_long_as_one_that_is_cut_off() {
        for (rows, whole) in [
            (0, true),
            (49, true),
            (50, false),
            (51, true),
            (100, false),
            (101, true),
            (199, true),
            (200, false),
            (201, false),
            (5000, false),
        ] {
            assert_eq!(cut_off(rows).is_none(), whole, "{rows}");
        }
    }
}
