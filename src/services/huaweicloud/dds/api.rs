//! The calls and answers of the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::access::{Answer, Call, Client};
use crate::services::huaweicloud::dbs::{self, Group, ListedNode, Lookup};
use crate::services::kit::paging;
use crate::services::kit::path::segment;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Page, Session, SessionId, Sessions, Submission, Target,
    Ticket, Which,
};

use super::SPEC;

/// Sessions of one page of the list; the page says 1 to 100.
pub(super) const PAGE: usize = 100;

/// The most that older editions of the page, and the SDKs, say.
pub(super) const SMALL_PAGE: usize = 20;

/// The code of a `limit` that is refused.
pub(super) const BAD_LIMIT: &str = "DBS.280439";

pub(super) const LOOKUP: Lookup = Lookup { product: "dds", datastore: None, aside };

pub(super) struct Dds {
    client: Arc<Client>,
    target: Target,
    /// How many sessions the cloud gives at a time.
    page: AtomicUsize,
}

#[async_trait]
impl Sessions for Dds {
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
        let place = paging::place("ListSessions", after.as_ref())?;
        let offset = place.offset;
        let limit = self.page.load(Ordering::Relaxed);
        let mut page = (self.list_page(node, offset, limit).await, limit);
        if matches!(&page.0, Err(error) if perhaps_too_many(error, offset)) && limit > SMALL_PAGE {
            page = (self.list_page(node, offset, SMALL_PAGE).await, SMALL_PAGE);
            if page.0.is_ok() {
                self.page.store(SMALL_PAGE, Ordering::Relaxed);
            }
        }
        let (answer, limit) = (page.0.map_err(|error| node.told(error))?, page.1);
        dbs::page(answer, (place, limit), |answer, one| session(answer, one, node))
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let (Which::These(ids), Some(node)) = (batch.which, batch.node_id(&self.target)) else {
            let message = "sessions can only be named, and on one node at a time";
            return Err(Error::new(Kind::Configuration, "DeleteSession", message));
        };
        let node = segment("DeleteSession", "node", node)?;
        let path = format!("/v3/{{project_id}}/nodes/{node}/session");
        let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let call =
            Call::new("DeleteSession", "dds", Method::POST, path).body(json!({ "sessions": ids }));
        let answer = dbs::call(&self.client, call).await.map_err(dbs::perhaps_gone)?;
        dbs::accepted(answer)
    }
}

impl Dds {
    pub(super) fn new(client: Arc<Client>, target: Target) -> Dds {
        Dds { client, target, page: AtomicUsize::new(PAGE) }
    }

    /// A filter is never sent: an empty one means sessions where that field is empty, not all.
    async fn list_page(&self, node: &Node, offset: usize, limit: usize) -> Result<Answer, Error> {
        let id = segment("ListSessions", "node", &node.id)?;
        let path = format!("/v3/{{project_id}}/nodes/{id}/sessions");
        let call = Call::new("ListSessions", "dds", Method::GET, path)
            .query("offset", offset)
            .query("limit", limit);
        dbs::call(&self.client, call).await
    }
}

/// Whether a page was refused that may have been too large. With which code is not documented, so of
/// the first page any complaint about a parameter may be that.
fn perhaps_too_many(error: &Error, offset: usize) -> bool {
    let limit = error.code.as_deref() == Some(BAD_LIMIT);
    limit || (offset == 0 && error.kind == Kind::BadRequest)
}

/// Clients of a cluster are connected to its mongos nodes, which also list what the shards do for
/// them. Nobody can connect to a hidden node.
fn aside(groups: &[Group], group: &Group, node: &ListedNode) -> Option<&'static str> {
    let is_mongos = |group: &Group| group.kind.as_deref() == Some("mongos");
    if groups.iter().any(is_mongos) && !is_mongos(group) {
        return Some("is behind the mongos nodes");
    }
    (node.role.as_deref() == Some("Hidden")).then_some("is hidden from clients")
}

/// One listed session. One that does nothing may have no id.
fn session(answer: &Answer, one: ListedSession, node: &Node) -> Result<Session, Error> {
    let id = one.id.id(answer)?;
    let unkillable = match (one.active.truth(), &id) {
        (Some(false), _) => Some("it does nothing now, and the API only ends what is being done"),
        (_, None) => Some("the list gives no id for it, and a kill needs one"),
        (_, Some(_)) => None,
    };
    let id = id.unwrap_or_else(|| {
        let connection = one.description.clone().filled();
        format!("#{}", connection.or(one.client.clone().filled()).unwrap_or_default())
    });
    let database = match (one.db.clone().filled(), &one.namespace) {
        (None, Told::Text(namespace)) => match namespace.split_once('.') {
            Some((database, _)) => Told::Text(database.to_owned()),
            None => one.db,
        },
        _ => one.db,
    };
    let seconds = one.cost_time.number(answer, "cost_time")?.map(|micros| micros / 1_000_000);
    let told = [
        ("client_address", one.client),
        ("user", one.user),
        ("database", database),
        ("command", one.kind),
        ("running_seconds", seconds.into()),
        ("active", one.active),
        ("namespace", one.namespace),
        ("plan_summary", one.plan_summary),
        ("server_address", one.host),
        ("connection", one.description),
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

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedSession {
    id: Told,
    active: Told,
    #[serde(rename = "type")]
    kind: Told,
    cost_time: Told,
    plan_summary: Told,
    host: Told,
    client: Told,
    description: Told,
    namespace: Told,
    db: Told,
    user: Told,
}
