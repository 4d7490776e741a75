//! The calls and answers of the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;

use crate::access::alicloud::common_kind;
use crate::access::{Answer, Call, Client};
use crate::services::kit::times::age;
use crate::services::kit::tokens;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Outcome, Page, Session, SessionId, Sessions, Sight,
    Submission, Target, Ticket, Which, sight,
};

use super::{CODES, SPEC};

pub(super) const VERSION: &str = "2014-05-26";

/// Sessions of one page of the list; the API allows 1 to 100.
pub(super) const PAGE: usize = 100;
/// How long a session to which nobody has connected yet is live, in seconds: its WebSocket URL is
/// good for ten minutes
/// (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-startterminalsession>).
pub(super) const UNCONNECTED: i64 = 600;

pub(super) struct Ecs {
    client: Arc<Client>,
    target: Target,
    /// Whether a list of this target has shown anybody, dead or alive.
    shown: AtomicBool,
}

#[async_trait]
impl Sessions for Ecs {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    fn looks_up_nodes(&self) -> bool {
        false
    }

    async fn sight(&self) -> Result<Sight, Error> {
        if self.target.get("instance_id").is_some() {
            return sight(self).await;
        }
        // A region that answers is there.
        self.list(&Node::whole(), None, None).await.map(|_| Sight::Seen)
    }

    async fn list(
        &self,
        _node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let mut call = self.call("DescribeTerminalSessions").query("MaxResults", PAGE);
        match self.target.get("instance_id") {
            // The cloud would take an empty id for none, and list the whole region.
            Some("") => {
                let message = "the id of the instance is empty";
                return Err(Error::new(Kind::BadRequest, call.operation, message));
            }
            Some(instance) => call = call.query("InstanceId", instance),
            None => {}
        }
        if let Some(cursor) = &after {
            call = call.query("NextToken", &cursor.0);
        }
        let answer = self.answer(call).await?;
        let listed: SessionsAnswer = answer.json()?;
        let next = tokens::next(&answer, listed.next_token.clone(), after.as_ref())?;
        let now = self.client.now();
        let listed = self.entries(&answer, listed, after.is_none())?;
        let wanted = self.target.get("instance_id");
        let sessions =
            listed.into_iter().filter_map(|one| session(&answer, one, wanted, now).transpose());
        let sessions = sessions.collect::<Result<_, _>>()?;
        // The list is a history: who has ended keeps his place in it, so nobody moves up.
        let still = true;
        Ok(Page { sessions, next, still, request_id: answer.request_id, ..Page::default() })
    }

    fn can_find(&self) -> bool {
        true
    }

    async fn find(&self, _node: &Node, whom: &Session) -> Result<Vec<Session>, Error> {
        let call = self.call("DescribeTerminalSessions").query("MaxResults", PAGE);
        let answer = self.answer(call.query("SessionId", &whom.id.0)).await?;
        let listed: SessionsAnswer = answer.json()?;
        let now = self.client.now();
        let wanted = self.target.get("instance_id");
        let listed = self.entries(&answer, listed, false)?.into_iter();
        listed.filter_map(|one| session(&answer, one, wanted, now).transpose()).collect()
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let Which::These([id]) = batch.which else {
            return Err(Error::new(
                Kind::Configuration,
                "EndTerminalSession",
                "terminal sessions can be ended one at a time only",
            ));
        };
        let ended = self.answer(self.call("EndTerminalSession").query("SessionId", id)).await;
        match ended.map_err(perhaps_gone) {
            Ok(answer) => {
                let EndAnswer { _request_id, code } = answer.json()?;
                if let Some(code) = code {
                    let message = format!("the status is 200, but the answer has the code {code}");
                    return Err(answer.malformed(message));
                }
                Ok(Submission { request_id: answer.request_id, ..Submission::default() })
            }
            Err(error) if error.kind == Kind::SessionGone => Ok(Submission {
                outcome: Outcome { already_gone: vec![id.clone()], ..Outcome::default() },
                request_id: error.request_id,
                ..Submission::default()
            }),
            Err(error) => Err(error),
        }
    }
}

impl Ecs {
    pub(super) fn new(client: Arc<Client>, target: Target) -> Ecs {
        Ecs { client, target, shown: AtomicBool::new(false) }
    }

    /// The entries of a page. The vendor's SDKs let `Sessions` be absent or null, and do not say when;
    /// it is taken for a list without entries, since a target that nobody has ever been on may be told
    /// like that. But then it is an answer of this API, with the id of its request; and it does not
    /// begin a list that had entries before: the list is a history, nobody leaves it within a month.
    fn entries(
        &self,
        answer: &Answer,
        listed: SessionsAnswer,
        first: bool,
    ) -> Result<Vec<ListedSession>, Error> {
        let answers = listed.request_id.is_some_and(|id| !id.is_empty());
        let entries = match listed.sessions.and_then(|sessions| sessions.session) {
            Some(entries) => entries,
            None if !answers => return Err(answer.malformed("the answer holds no list")),
            None if first && self.shown.load(Ordering::Relaxed) => {
                return Err(
                    answer.malformed("the list has lost its entries, which stay for a month")
                );
            }
            None => Vec::new(),
        };
        self.shown.fetch_or(!entries.is_empty(), Ordering::Relaxed);
        Ok(entries)
    }

    /// A call of an action. Parameters are in the query, `RegionId` beside the region in the host.
    fn call(&self, action: &'static str) -> Call {
        let call = Call::new(action, SPEC.product, Method::POST, "/");
        Call { version: VERSION, ..call }.query("RegionId", self.client.region())
    }

    async fn answer(&self, call: Call) -> Result<Answer, Error> {
        self.client.call(call).await.map_err(|error| error.classified(CODES))
    }
}

/// What is answered for a session that has ended already is documented for an id that is unknown
/// only. A complaint that no page explains may be about just that, so a look decides.
fn perhaps_gone(error: Error) -> Error {
    let code = error.code.as_deref().unwrap_or_default();
    let explained = CODES.iter().any(|(known, _)| *known == code) || common_kind(code).is_some();
    if matches!(error.status, Some(400 | 403 | 409)) && !explained {
        return Error { kind: Kind::Ambiguous, ..error };
    }
    error
}

/// One entry of the list, if it is live: if a connection of it, to the instance that is `wanted`,
/// is not known to be over. What is over is not looked at any further.
fn session(
    answer: &Answer,
    listed: ListedSession,
    wanted: Option<&str>,
    now: SystemTime,
) -> Result<Option<Session>, Error> {
    let connections = listed.connections.and_then(|it| it.connection).unwrap_or_default();
    let unconnected = connections.is_empty();
    let is_live = |one: &Connection| {
        let over = matches!(one.status.as_deref(), Some("Terminated" | "Failed"));
        let elsewhere =
            matches!((&one.instance_id, wanted), (Some(id), Some(wanted)) if id != wanted);
        !over && !elsewhere
    };
    let live = match connections.into_iter().find(is_live) {
        Some(live) => live,
        None if unconnected => Connection::default(),
        None => return Ok(None),
    };
    let began = listed.creation_time.clone().filled().or(live.start_time.filled());
    let unreadable = || answer.malformed("a time of a session cannot be read");
    let age = began.map(|at| age(&at, now).ok_or_else(unreadable)).transpose()?;
    if unconnected && age.is_some_and(|age| age > UNCONNECTED) {
        return Ok(None);
    }
    let incarnation = listed.creation_time.clone().filled();
    let id = listed.session_id.id(answer)?;
    let id = id.ok_or_else(|| answer.malformed("a session has no id"))?;
    // The list tells a port of 0 for what forwards nothing.
    let port = Some(listed.port_number).filter(|port| *port != Told::from(Some(0)));
    let told = [
        ("client_address", listed.client_ip),
        ("user", listed.username),
        ("age_seconds", age.into()),
        ("instance_id", live.instance_id.into()),
        ("status", live.status.into()),
        ("created_at", listed.creation_time),
        ("principal_id", listed.principal_id),
        ("identity_type", listed.identity_type),
        ("target_server", listed.target_server),
        ("port", port.unwrap_or_default()),
    ];
    let fields = value::fields(answer, SPEC.columns, told)?;
    Ok(Some(Session { id: SessionId(id), incarnation, fields, ..Session::default() }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionsAnswer {
    request_id: Option<String>,
    next_token: Option<String>,
    sessions: Option<SessionList>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionList {
    session: Option<Vec<ListedSession>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedSession {
    session_id: Told,
    creation_time: Told,
    username: Told,
    #[serde(rename = "ClientIP")]
    client_ip: Told,
    principal_id: Told,
    identity_type: Told,
    target_server: Told,
    port_number: Told,
    connections: Option<ConnectionList>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConnectionList {
    connection: Option<Vec<Connection>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Connection {
    instance_id: Option<String>,
    status: Option<String>,
    start_time: Told,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EndAnswer {
    #[serde(rename = "RequestId")]
    _request_id: String,
    /// No success has one.
    code: Option<serde_json::Value>,
}
