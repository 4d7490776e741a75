//! The calls and answers of the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::access::alicloud::common_kind;
use crate::access::{Answer, Call, Client};
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Page, Session, SessionId, Sessions, Submission, Target,
    Ticket, Which,
};
use crate::wire::redact;

use super::{CODES, SPEC};

pub(super) const VERSION: &str = "2020-01-16";

/// What `Data` is for an instance that does not exist, as aliyun/terraform-provider-alicloud reads
/// other calls of DAS (`alicloud/service_alicloud_das_v2.go`).
pub(super) const NO_INSTANCE: &str = "-404";

pub(super) struct Das {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for Das {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    fn looks_up_nodes(&self) -> bool {
        false
    }

    async fn list(
        &self,
        _node: &Node,
        _prepared: Option<&Ticket>,
        _after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let (answer, data) = self.call("GetRedisAllSession").await?;
        let data = list_of(&answer, data)?;
        let total = data.total.as_ref().and_then(number).unwrap_or_default();
        let total = usize::try_from(total).unwrap_or_default();
        let mut listed = data.sessions.unwrap_or_default();
        if let Value::Object(deeper) = listed {
            // As the vendor's older SDKs have it: one level deeper, whatever it is called.
            let mut arrays = deeper.into_values().filter(Value::is_array);
            listed = match (arrays.next(), arrays.next()) {
                (Some(only), None) => only,
                (None, _) => Value::Null,
                (Some(_), Some(_)) => Value::Bool(false),
            };
        }
        let listed: Option<Vec<ListedSession>> = read(&answer, listed)?;
        let listed = listed.unwrap_or_default();
        if listed.is_empty() && total > 0 {
            return Err(answer.malformed(format!("an empty list of {total} sessions")));
        }
        // The vendor's example counts two sessions and shows one.
        let unseen = total.saturating_sub(listed.len());
        let sessions = listed.into_iter().map(|one| session(&answer, one));
        let sessions = apart(sessions.collect::<Result<_, _>>()?);
        Ok(Page { sessions, unseen, request_id: answer.request_id, ..Page::default() })
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        const KILL: &str = "KillInstanceAllSession";
        if !matches!(batch, Batch { which: Which::Everyone, .. }) {
            let message = "sessions cannot be ended one by one, only all of the instance";
            return Err(Error::new(Kind::Configuration, KILL, message));
        }
        let (answer, _) = self.call(KILL).await.map_err(|error| {
            // A failure that no page explains may have come after some sessions were ended: work
            // that the cloud began and gave up.
            let kind = if error.kind == Kind::Refused { Kind::JobFailed } else { error.kind };
            Error { kind, ..error }
        })?;
        Ok(Submission { request_id: answer.request_id, ..Submission::default() })
    }
}

impl Das {
    pub(super) fn new(client: Arc<Client>, target: Target) -> Das {
        Das { client, target }
    }

    /// The answer to an action on the instance, and its `Data`, if the body calls it a success.
    async fn call(&self, action: &'static str) -> Result<(Answer, Option<Value>), Error> {
        let instance = self.target.get("instance_id").unwrap_or_default();
        if instance.is_empty() {
            let message = "the id of the instance is empty";
            return Err(Error::new(Kind::BadRequest, action, message));
        }
        let call = Call::new(action, SPEC.product, Method::POST, "/");
        let call = Call { version: VERSION, ..call }.query("InstanceId", instance);
        let answer = self.client.call(call).await.map_err(|error| error.classified(CODES))?;
        let body: Body = answer.json()?;
        match body.failure(&answer) {
            Some(error) => Err(error),
            None => Ok((answer, body.data)),
        }
    }
}

impl Body {
    /// What the body says went wrong.
    fn failure(&self, answer: &Answer) -> Option<Error> {
        let field = |value: &Option<Value>| value.as_ref().and_then(text);
        let code = field(&self.code).map(|code| redact::bounded(&code, 128));
        let message = field(&self.message).unwrap_or_else(|| "the call failed".to_owned());
        let error = |kind| Some(Error { kind, code: code.clone(), ..answer.malformed(&message) });
        if field(&self.data).as_deref() == Some(NO_INSTANCE) {
            return error(Kind::TargetGone);
        }
        let success = field(&self.success).map(|text| text.eq_ignore_ascii_case("true"));
        match (success, code.as_deref()) {
            (Some(true), Some("200")) => None,
            (None, _) | (_, None) => {
                Some(answer.malformed("the answer does not tell `Success` and `Code`"))
            }
            (Some(true), Some(_)) | (Some(false), Some("200")) => {
                Some(answer.malformed("`Success` and `Code` of the answer contradict each other"))
            }
            // The message may be a code too, and says more than a number.
            (Some(false), Some(code)) => {
                let named = named_kind(code).or_else(|| named_kind(&message));
                error(named.or_else(|| status_kind(code)).unwrap_or(Kind::Refused))
            }
        }
    }
}

/// What a code in a body means: one of [`CODES`], or one that all products have.
fn named_kind(code: &str) -> Option<Kind> {
    let own = CODES.iter().find(|(known, _)| *known == code);
    own.map(|(_, kind)| *kind).or_else(|| common_kind(code))
}

/// What an HTTP status in a body means.
fn status_kind(code: &str) -> Option<Kind> {
    match code.parse::<u16>().ok()? {
        400 => Some(Kind::BadRequest),
        401 => Some(Kind::Credentials),
        403 => Some(Kind::Permission),
        429 => Some(Kind::Throttled),
        500..=599 => Some(Kind::Unavailable),
        _ => None,
    }
}

/// One listed session.
fn session(answer: &Answer, listed: ListedSession) -> Result<Session, Error> {
    let told = |value: Option<Value>| value.as_ref().and_then(text);
    let address = told(listed.addr).or(told(listed.client));
    let node = told(listed.node_id);
    let id = told(listed.id).ok_or_else(|| answer.malformed("a session has no id"))?;
    let id = match node.as_ref().or(address.as_ref()) {
        Some(place) => format!("{place}/{id}"),
        None => id,
    };
    let told = |value: Option<Value>| Told::from(value.unwrap_or_default());
    let fields = [
        ("client_address", address.into()),
        ("database", told(listed.db)),
        ("command", told(listed.cmd)),
        ("name", told(listed.name)),
        ("age_seconds", told(listed.age)),
        ("idle_seconds", told(listed.idle)),
        ("node", node.into()),
        ("alias", told(listed.client_desc)),
        ("flags", told(listed.flags)),
        ("subscriptions", told(listed.sub)),
    ];
    let fields = value::fields(answer, SPEC.columns, fields)?;
    Ok(Session { id: SessionId(id), fields, ..Session::default() })
}

/// Tells sessions apart whose entries give them one id, lest one of them hide another.
fn apart(mut sessions: Vec<Session>) -> Vec<Session> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for session in &mut sessions {
        let times = seen.entry(session.id.0.clone()).or_default();
        *times += 1;
        if *times > 1 {
            session.id = SessionId(format!("{}~{times}", session.id));
        }
    }
    sessions
}

/// A text, or a number or truth value in its place. Empty is none.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number, or a text that is one.
fn number(value: &Value) -> Option<i64> {
    text(value)?.parse().ok()
}

/// The list that `Data` is. Without any of its parts it is not an empty one: who is on it would
/// count as gone.
fn list_of(answer: &Answer, data: Option<Value>) -> Result<Listed, Error> {
    match read(answer, data.unwrap_or_default())? {
        Listed { total: None, sessions: None } => {
            Err(answer.malformed("`Data` of the answer tells neither `Total` nor `Sessions`"))
        }
        listed => Ok(listed),
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Answer, value: Value) -> Result<T, Error> {
    serde_json::from_value(value)
        .map_err(|_| answer.malformed("`Data` of the answer is not a list of sessions"))
}

/// What is around every answer of DAS.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    code: Option<Value>,
    message: Option<Value>,
    success: Option<Value>,
    data: Option<Value>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Total", alias = "total")]
    total: Option<Value>,
    #[serde(rename = "Sessions", alias = "sessions")]
    sessions: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedSession {
    #[serde(alias = "id")]
    id: Option<Value>,
    #[serde(alias = "addr")]
    addr: Option<Value>,
    #[serde(alias = "client")]
    client: Option<Value>,
    #[serde(alias = "clientDesc")]
    client_desc: Option<Value>,
    #[serde(alias = "name")]
    name: Option<Value>,
    #[serde(alias = "cmd")]
    cmd: Option<Value>,
    #[serde(alias = "age")]
    age: Option<Value>,
    #[serde(alias = "idle")]
    idle: Option<Value>,
    #[serde(alias = "db")]
    db: Option<Value>,
    #[serde(alias = "flags")]
    flags: Option<Value>,
    #[serde(alias = "sub")]
    sub: Option<Value>,
    #[serde(alias = "nodeId")]
    node_id: Option<Value>,
}
