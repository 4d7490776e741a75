//! The calls and answers of the API.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::access::{Answer, Call, Client};
use crate::services::huaweicloud::dbs::{self, Lookup};
use crate::services::kit::paging::{self, Place};
use crate::services::kit::path::segment;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Field, Kind, Node, Page, Session, SessionId, Sessions, Submission,
    Target, Ticket, Which,
};

use super::SPEC;

/// Connections of one page of the list; the API allows 1 to 100.
pub(super) const PAGE: usize = 100;

/// The vendor's name of the call that ends connections of a node.
pub(super) const KILL: &str = "DeleteInstancesSession";

/// All nodes of an instance serve clients.
pub(super) const LOOKUP: Lookup =
    Lookup { product: "geminidb", datastore: Some("redis"), aside: |_, _, _| None };

pub(super) struct GeminiDb {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for GeminiDb {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        dbs::nodes(&self.client, &self.target, LOOKUP).await
    }

    fn looks_up_nodes(&self) -> bool {
        self.target.get("instance_id").is_some()
    }

    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        const OPERATION: &str = "ListInstancesSession";
        let place = paging::place(OPERATION, after.as_ref())?;
        let path = node_path(OPERATION, &node.id)?;
        let call = Call::new(OPERATION, "geminidb", Method::GET, path)
            .query("offset", place.offset)
            .query("limit", PAGE);
        let answer = dbs::call(&self.client, call).await.map_err(|error| node.told(error))?;
        dbs::page(answer, (place, PAGE), |answer, one| session(answer, one, node))
    }

    fn can_find(&self) -> bool {
        true
    }

    async fn find(&self, node: &Node, whom: &Session) -> Result<Vec<Session>, Error> {
        const OPERATION: &str = "ListInstancesSession";
        let Some(Field::Text(address)) = whom.fields.get("client_address") else {
            return Ok(vec![whom.clone()]); // nothing to ask by, so nothing is known
        };
        let call = Call::new(OPERATION, "geminidb", Method::GET, node_path(OPERATION, &node.id)?)
            .query("offset", 0)
            .query("limit", PAGE)
            .query("addr_prefix", address);
        let answer = dbs::call(&self.client, call).await.map_err(|error| node.told(error))?;
        let read = |answer: &Answer, one| session(answer, one, node);
        let page = dbs::page(answer, (Place::default(), PAGE), read)?;
        if page.next.is_some() {
            return Ok(vec![whom.clone()]); // more have an address that begins so than one page shows
        }
        Ok(page.sessions)
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        match (batch.which, batch.node_id(&self.target)) {
            (Which::These(ids), Some(node)) => {
                let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
                let body = json!({ "is_all": false, "session_ids": ids });
                self.kill(node, body).await.map_err(dbs::perhaps_gone)
            }
            (Which::These(_), None) => Err(Error::new(
                Kind::Configuration,
                KILL,
                "connections can be named on one node at a time only",
            )),
            (Which::Everyone, Some(node)) => self.kill(node, json!({ "is_all": true })).await,
            (Which::Everyone, None) => self.clear().await,
        }
    }
}

impl GeminiDb {
    pub(super) fn new(client: Arc<Client>, target: Target) -> GeminiDb {
        GeminiDb { client, target }
    }

    /// A DELETE with a body, which the signature covers.
    async fn kill(&self, node: &str, body: Value) -> Result<Submission, Error> {
        let path = node_path(KILL, node)?;
        let call = Call::new(KILL, "geminidb", Method::DELETE, path).body(body);
        dbs::accepted(dbs::call(&self.client, call).await?)
    }

    async fn clear(&self) -> Result<Submission, Error> {
        const OPERATION: &str = "ClearInstanceSessions";
        let id = self.target.get("instance_id").unwrap_or_default();
        let id = segment(OPERATION, "instance", id)?;
        let path = format!("/v3/{{project_id}}/instances/{id}/sessions");
        let call = Call::new(OPERATION, "geminidb", Method::DELETE, path);
        dbs::accepted(dbs::call(&self.client, call).await?)
    }
}

fn node_path(operation: &'static str, node: &str) -> Result<String, Error> {
    let node = segment(operation, "node", node)?;
    Ok(format!("/v3/{{project_id}}/redis/nodes/{node}/sessions"))
}

/// One listed connection.
fn session(answer: &Answer, one: ListedSession, node: &Node) -> Result<Session, Error> {
    let id = one.id.id(answer)?;
    let unkillable = id.is_none().then_some("the list gives no id for it, and a kill needs one");
    let id = id.unwrap_or_else(|| format!("#{}", one.addr.clone().filled().unwrap_or_default()));
    let told = [
        ("client_address", one.addr),
        ("database", one.db),
        ("command", one.cmd),
        ("name", one.name),
        ("age_seconds", one.age),
        ("idle_seconds", one.idle),
        ("subscriptions", one.sub),
    ];
    let fields = value::fields(answer, SPEC.columns, told)?;
    Ok(Session {
        id: SessionId(id),
        node: node.id.clone(),
        unkillable,
        fields,
        ..Session::default()
    })
}

/// Every field is a text, numbers too.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedSession {
    id: Told,
    addr: Told,
    name: Told,
    cmd: Told,
    age: Told,
    idle: Told,
    db: Told,
    sub: Told,
}
