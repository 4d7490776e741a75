//! The calls and answers of the API.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Answer, Call, Client};
use crate::services::kit::times::since_1970;
use crate::services::kit::tokens;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Outcome, Page, Session, SessionId, Sessions, Sight,
    Submission, Target, Ticket, Which,
};

use super::{CODES, SPEC};

/// Sessions of one page of the list, the most that the API gives.
pub(super) const PAGE: usize = 200;

const KILL: &str = "TerminateSession";

pub(super) struct Ssm {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for Ssm {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    fn looks_up_nodes(&self) -> bool {
        false
    }

    /// A node that is registered is there, and so is one with a session on it. One that is not may
    /// not have registered yet, be stopped, or be no managed node but a container.
    async fn sight(&self) -> Result<Sight, Error> {
        let listed = self.list(&Node::whole(), None, None).await?;
        let node = self.target.get("instance_id");
        if node.is_none() || !listed.sessions.is_empty() {
            return Ok(Sight::Seen);
        }
        match self.is_registered(node.unwrap_or_default()).await {
            Ok(true) => Ok(Sight::Seen),
            Err(error) if error.kind.is_transient() => Err(error),
            Ok(false) | Err(_) => Ok(Sight::Unproven(
                "nobody is on it, and `DescribeInstanceInformation` does not show it: it may not \
                 have registered yet, be stopped, or be no managed node",
            )),
        }
    }

    async fn list(
        &self,
        _node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let filters = match self.target.get("instance_id") {
            // The cloud would take an empty id for none, or for anybody's.
            Some("") => return Err(wrong("the id of the instance is empty")),
            Some(id) => vec![("Target", id)],
            None => Vec::new(),
        };
        let (answer, listed) = self.describe(&filters, after.as_ref()).await?;
        let next = tokens::next(&answer, listed.next_token, after.as_ref())?;
        let listed = entries(&answer, listed.sessions)?;
        // Not before a call was accepted: a wrong key is shown once.
        let caller = if listed.is_empty() { None } else { self.client.caller().await };
        let caller = caller.as_deref();
        let listed = listed.into_iter();
        let sessions = listed.filter_map(|one| self.session(&answer, one, caller).transpose());
        let sessions = sessions.collect::<Result<_, _>>()?;
        // A token names the place of the last one shown, whoever has left before it.
        let still = true;
        Ok(Page { sessions, next, still, request_id: answer.request_id, ..Page::default() })
    }

    fn can_find(&self) -> bool {
        true
    }

    async fn find(&self, _node: &Node, whom: &Session) -> Result<Vec<Session>, Error> {
        let (answer, listed) = self.describe(&[("SessionId", &whom.id.0)], None).await?;
        let listed = entries(&answer, listed.sessions)?.into_iter();
        listed.filter_map(|one| self.session(&answer, one, None).transpose()).collect()
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let Which::These([id]) = batch.which else {
            let message = "sessions can be ended one at a time only";
            return Err(Error::new(Kind::Configuration, KILL, message));
        };
        if id.0.is_empty() {
            return Err(wrong("the id of the session is empty"));
        }
        match self.call(KILL, json!({ "SessionId": id.0 })).await {
            Ok(answer) => {
                let ended: EndAnswer = answer.json()?;
                if ended.session_id != id.0 {
                    return Err(answer.malformed("another session than was named is answered"));
                }
                Ok(Submission { request_id: answer.request_id, ..Submission::default() })
            }
            Err(error) if error.kind == Kind::Permission => self.gone_or(id, error).await,
            Err(error) => Err(error),
        }
    }
}

impl Ssm {
    pub(super) fn new(client: Arc<Client>, target: Target) -> Ssm {
        Ssm { client, target }
    }

    async fn call(&self, operation: &'static str, body: Value) -> Result<Answer, Error> {
        let call = Call::new(operation, SPEC.product, Method::POST, "/").body(body);
        self.client.call(call).await.map_err(|error| error.classified(CODES))
    }

    async fn describe(
        &self,
        filters: &[(&str, &str)],
        after: Option<&Cursor>,
    ) -> Result<(Answer, SessionsAnswer), Error> {
        let mut body = json!({ "State": "Active", "MaxResults": PAGE });
        if !filters.is_empty() {
            let filter = |(key, value): &(&str, &str)| json!({ "key": key, "value": value });
            body["Filters"] = filters.iter().map(filter).collect();
        }
        if let Some(cursor) = after {
            body["NextToken"] = cursor.0.as_str().into();
        }
        let answer = self.call("DescribeSessions", body).await?;
        let listed = answer.json()?;
        Ok((answer, listed))
    }

    /// Whether a node is among those that are registered.
    async fn is_registered(&self, id: &str) -> Result<bool, Error> {
        let body = json!({ "Filters": [{ "Key": "InstanceIds", "Values": [id] }] });
        let answer = self.call("DescribeInstanceInformation", body).await?;
        let InstancesAnswer { instance_information_list: listed } = answer.json()?;
        Ok(listed.iter().any(|one| one.instance_id.as_deref() == Some(id)))
    }

    /// A policy that names nodes by the tags of their sessions refuses what has no tags any more, as
    /// a session that has just ended: a look at it decides.
    async fn gone_or(&self, id: &SessionId, error: Error) -> Result<Submission, Error> {
        let whom = Session { id: id.clone(), ..Session::default() };
        match self.find(&Node::whole(), &whom).await {
            Ok(found) if found.is_empty() => Ok(Submission {
                outcome: Outcome { already_gone: vec![id.clone()], ..Outcome::default() },
                request_id: error.request_id,
                ..Submission::default()
            }),
            Ok(_) | Err(_) => Err(error),
        }
    }

    /// One entry of the list, if it is live and of our target. `caller` is our own ARN.
    fn session(
        &self,
        answer: &Answer,
        one: Listed,
        caller: Option<&str>,
    ) -> Result<Option<Session>, Error> {
        let status = one.status.clone().filled();
        if matches!(status.as_deref(), Some("Terminated" | "Failed")) {
            return Ok(None);
        }
        let node = one.target.clone().filled();
        let wanted = self.target.get("instance_id");
        if matches!((node.as_deref(), wanted), (Some(node), Some(wanted)) if node != wanted) {
            return Ok(None);
        }
        let id = one.session_id.id(answer)?;
        let id = id.ok_or_else(|| answer.malformed("a session in the list has no id"))?;
        let started = one.start_date.filled();
        let unreadable = || answer.malformed("a time of a session cannot be read");
        let began = started.map(|it| since_1970(&it, self.client.now()).ok_or_else(unreadable));
        let (age, started_at) = began.transpose()?.unzip();
        let owner = one.owner.clone().filled();
        let ours = caller.is_some() && owner.as_deref() == caller;
        let told = [
            ("user", one.owner),
            ("document", one.document_name),
            ("age_seconds", age.into()),
            ("instance_id", one.target),
            ("status", one.status),
            ("started_at", started_at.into()),
            ("reason", one.reason),
            ("access_type", one.access_type),
        ];
        Ok(Some(Session {
            id: SessionId(id),
            ours,
            fields: value::fields(answer, SPEC.columns, told)?,
            ..Session::default()
        }))
    }
}

/// The entries of a page. An answer without the list is not an empty one, unless it is an answer of
/// this API, with the id of its request.
fn entries(answer: &Answer, listed: Option<Vec<Listed>>) -> Result<Vec<Listed>, Error> {
    match listed {
        Some(entries) => Ok(entries),
        None if answer.request_id.is_some() => Ok(Vec::new()),
        None => Err(answer.malformed("the answer holds no list")),
    }
}

fn wrong(message: &str) -> Error {
    Error::new(Kind::BadRequest, "DescribeSessions", message)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionsAnswer {
    sessions: Option<Vec<Listed>>,
    next_token: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct Listed {
    session_id: Told,
    target: Told,
    status: Told,
    start_date: Told,
    document_name: Told,
    owner: Told,
    reason: Told,
    access_type: Told,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EndAnswer {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InstancesAnswer {
    #[serde(default)]
    instance_information_list: Vec<Instance>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Instance {
    instance_id: Option<String>,
}
