//! The calls and answers of the API.

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::access::{Answer, Call, Client};
use crate::services::kit::nodes;
use crate::services::kit::paging::{self, Slice};
use crate::services::kit::path::segment;
use crate::services::kit::value::{self, Told};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Outcome, Page, Progress, Session, SessionId, Sessions,
    Submission, Target, Ticket, Which, error,
};

use super::{CODES, SPEC};

/// Clients of one page of the list; the API allows 1 to 1000.
pub(super) const PAGE: usize = 1000;

/// Codes of a parameter in general: perhaps the address of a client that has just gone.
const GENERAL: &[&str] =
    &["DCS.4062", "DCS.4063", "DCS.4800", "111400062", "111400063", "111400800"];

pub(super) struct Dcs {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for Dcs {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let path = self.instance_path("ShowNodesInformation", "logical-nodes")?;
        let answer = self.call(Call::new("ShowNodesInformation", "dcs", Method::GET, path)).await?;
        let listed: NodesAnswer = answer.json()?;
        let listed = listed.complete(&answer)?;
        let listed = sorted(listed);
        nodes::choose(listed, "Active", self.target.get("node_id"))
            .map_err(|(kind, message)| Error { kind, ..answer.malformed(message) })
    }

    async fn prepare(&self, node: &Node) -> Result<Option<Ticket>, Error> {
        let path = self.instance_path("ScanClients", "clients")?;
        // Without `clean_cache` the answer may be a snapshot that somebody took an hour ago.
        let body = json!({ "node_id": node.id, "clean_cache": true });
        let call = Call::new("ScanClients", "dcs", Method::POST, path).body(body);
        let answer = self.call(call).await.map_err(|error| node.told(error))?;
        ticket(&answer).map(Some)
    }

    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let place = paging::place("ListClients", after.as_ref())?;
        let call = Call::new(
            "ListClients",
            "dcs",
            Method::GET,
            self.instance_path("ListClients", "clients")?,
        )
        .query("node_id", &node.id)
        .query("offset", place.offset)
        .query("limit", PAGE);
        let answer = self.call(call).await.map_err(unscanned).map_err(|error| node.told(error))?;
        let listed: ClientsAnswer = answer.json()?;
        let total = listed.count.count(&answer, "count")?;
        let clients = paging::items(&answer, listed.clients, total)?;
        let got = clients.len();
        // A snapshot, which anybody who scans the node replaces.
        let stamp = format!("{}/{total:?}", listed.time.id(&answer)?.unwrap_or_default());
        let replaced = place.stamp.as_ref().is_some_and(|before| *before != stamp);
        let unsteady = replaced.then_some("was made anew between two pages");
        let page = Slice { place, limit: PAGE, got, hidden: 0, total, moves: false };
        let next = paging::stamped(paging::next(&answer, page)?, &stamp);
        let sessions = clients.into_iter().map(|client| session(&answer, client, node));
        let sessions = sessions.collect::<Result<_, _>>()?;
        Ok(Page { sessions, next, unsteady, request_id: answer.request_id, ..Page::default() })
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        match (batch.which, batch.node_id(&self.target)) {
            (Which::These(ids), Some(node)) => self.kill(node, ids).await,
            (Which::These(_), None) => Err(Error::new(
                Kind::Configuration,
                "HangUpClients",
                "clients can be named on one node at a time only",
            )),
            (Which::Everyone, node) => self.kill_all(node).await,
        }
    }

    async fn poll(&self, ticket: &Ticket) -> Result<Progress, Error> {
        let job = segment("ShowJobInfo", "job", &ticket.0)?;
        let path = format!("/v2/{{project_id}}/jobs/{job}");
        let answer = self.call(Call::new("ShowJobInfo", "dcs", Method::GET, path)).await?;
        let job: JobAnswer = answer.json()?;
        match job.status.as_deref() {
            Some("INIT" | "RUNNING") => Ok(Progress::Running),
            Some("SUCCESS") => Ok(Progress::Done(Outcome::default())),
            Some("FAIL") => {
                let reason = job.fail_reason.filter(|reason| !reason.is_empty());
                let message = reason.unwrap_or_else(|| "the job failed without a reason".into());
                Err(Error { kind: Kind::JobFailed, ..answer.malformed(message) })
            }
            _ => Err(answer.malformed("the job is in none of the documented states")),
        }
    }
}

impl Dcs {
    pub(super) fn new(client: Arc<Client>, target: Target) -> Dcs {
        Dcs { client, target }
    }

    async fn call(&self, call: Call) -> Result<Answer, Error> {
        self.client.call(call).await.map_err(|error| error.classified(CODES))
    }

    async fn kill(&self, node: &str, ids: &[SessionId]) -> Result<Submission, Error> {
        let path = self.instance_path("HangUpClients", "clients/kill")?;
        let addresses: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let body = json!({ "node_id": node, "client_addrs": addresses });
        let call = Call::new("HangUpClients", "dcs", Method::POST, path).body(body);
        let answer = self.call(call).await;
        let answer = answer.map_err(|error| error::perhaps_gone(error, CODES, GENERAL))?;
        if answer.status != StatusCode::NO_CONTENT {
            return Err(answer.malformed("a kill is answered with 204, and this is not"));
        }
        Ok(Submission { request_id: answer.request_id, ..Submission::default() })
    }

    async fn kill_all(&self, node: Option<&str>) -> Result<Submission, Error> {
        let path = self.instance_path("HangUpKillAllClients", "clients/kill-all")?;
        let body = match node {
            Some(node) => json!({ "node_id": node, "kill_all_nodes": false }),
            None => json!({ "kill_all_nodes": true }),
        };
        let call = Call::new("HangUpKillAllClients", "dcs", Method::POST, path).body(body);
        let answer = self.call(call).await?;
        let ticket = Some(ticket(&answer)?);
        Ok(Submission { ticket, request_id: answer.request_id, ..Submission::default() })
    }

    fn instance_path(&self, operation: &'static str, rest: &str) -> Result<String, Error> {
        let id = self.target.get("instance_id").unwrap_or_default();
        let id = segment(operation, "instance", id)?;
        Ok(format!("/v2/{{project_id}}/instances/{id}/{rest}"))
    }
}

/// The nodes, those aside that hold no clients: where there are proxies, clients are on them, else
/// on the data nodes (<https://support.huaweicloud.com/api-dcs/ListClients.html>, `node_id`).
fn sorted(listed: Vec<ListedNode>) -> Vec<nodes::Listed> {
    let is_proxy = |node: &ListedNode| node.node_role.as_deref() == Some("redis-proxy");
    let proxied = listed.iter().any(is_proxy);
    let sorted = listed.into_iter().map(|one| nodes::Listed {
        aside: (is_proxy(&one) != proxied)
            .then_some("is behind proxies; clients are on the proxies"),
        id: one.node_id,
        status: one.status,
    });
    sorted.collect()
}

/// One listed client. Without any address it cannot be named in a kill.
fn session(answer: &Answer, client: ListedClient, node: &Node) -> Result<Session, Error> {
    let address = match client.peer.id(answer)? {
        Some(peer) => Some(peer),
        None => client.addr.id(answer)?,
    };
    let unkillable =
        address.is_none().then_some("the list gives no address for it, and a kill needs one");
    let id = match &address {
        Some(address) => address.clone(),
        None => format!("#{}", client.id.clone().id(answer)?.unwrap_or_default()),
    };
    // Redis' own number of the connection: an address is somebody else's within a second.
    let incarnation = client.id.filled();
    let told = [
        ("client_address", address.into()),
        ("user", client.user),
        ("database", client.db),
        ("command", client.cmd),
        ("name", client.name),
        ("age_seconds", client.age),
        ("idle_seconds", client.idle),
        ("flags", client.flags),
        ("subscriptions", client.sub),
    ];
    let fields = value::fields(answer, SPEC.columns, told)?;
    Ok(Session {
        id: SessionId(id),
        node: node.id.clone(),
        incarnation,
        unkillable,
        fields,
        ..Session::default()
    })
}

fn ticket(answer: &Answer) -> Result<Ticket, Error> {
    let job: JobAnswer = answer.json()?;
    let id = job.job_id.filter(|id| !id.is_empty());
    id.map(Ticket).ok_or_else(|| answer.malformed("the answer names no job"))
}

/// Reading the list of a node that was not scanned is answered with 500; which code comes with it
/// is not documented.
fn unscanned(error: Error) -> Error {
    if error.status != Some(500) || error.kind == Kind::TargetGone {
        return error;
    }
    let message = format!("{} (a node whose scan is gone is answered like this)", error.message);
    Error { kind: Kind::Unavailable, message, ..error }
}

#[derive(Deserialize)]
struct NodesAnswer {
    #[serde(default)]
    total: Told,
    nodes: Option<Vec<ListedNode>>,
}

impl NodesAnswer {
    /// The nodes; none while the instance is being created. All or nothing: one that is not told
    /// would not be asked.
    fn complete(self, answer: &Answer) -> Result<Vec<ListedNode>, Error> {
        let nodes = self.nodes.unwrap_or_default();
        match self.total.count(answer, "total")? {
            Some(total) if total > nodes.len() => {
                Err(answer.malformed(format!("{} of {total} nodes are told", nodes.len())))
            }
            _ => Ok(nodes),
        }
    }
}

#[derive(Deserialize)]
struct ListedNode {
    node_id: Option<String>,
    status: Option<String>,
    node_role: Option<String>,
}

#[derive(Deserialize)]
struct ClientsAnswer {
    /// When the snapshot was taken.
    #[serde(default)]
    time: Told,
    #[serde(default)]
    count: Told,
    clients: Option<Vec<ListedClient>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedClient {
    id: Told,
    addr: Told,
    peer: Told,
    name: Told,
    cmd: Told,
    age: Told,
    idle: Told,
    db: Told,
    flags: Told,
    sub: Told,
    user: Told,
}

#[derive(Deserialize)]
struct JobAnswer {
    job_id: Option<String>,
    status: Option<String>,
    fail_reason: Option<String>,
}
