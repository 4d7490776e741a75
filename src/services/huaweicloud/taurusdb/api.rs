//! The calls and answers of the API.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::access::{Answer, Call, Client};
use crate::services::huaweicloud::dbs;
use crate::services::huaweicloud::processes::Process;
use crate::services::kit::nodes;
use crate::services::kit::paging;
use crate::services::kit::path::segment;
use crate::services::kit::value::Told;
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Outcome, Page, Refused, SessionId, Sessions, Submission,
    Target, Ticket, Which,
};

/// Sessions of one page of the list; the API allows 1 to 100. Each comes with its statement, which may
/// have 64 MB: if a page is too large to be read, smaller ones are asked for. The smallest still shows
/// one session again.
pub(super) const PAGES: [usize; 3] = [100, 10, 2];

/// The vendor's name of the call that ends sessions.
const KILL: &str = "DeleteTaurusDbNodeProcesses";

/// Accounts of the cloud on every instance ("Account Management" of the user guide, and MySQL's own).
pub(super) const ACCOUNTS: &[&str] = &[
    "event_scheduler",
    "mysql.infoschema",
    "mysql.session",
    "mysql.sys",
    "rdsAdmin",
    "rdsBackup",
    "rdsMetric",
    "rdsProxy",
    "rdsRepl",
    "system user",
];

pub(super) struct TaurusDb {
    client: Arc<Client>,
    target: Target,
    /// Which of [`PAGES`] an answer can hold.
    page: AtomicUsize,
}

#[async_trait]
impl Sessions for TaurusDb {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        const OPERATION: &str = "ShowGaussMySqlInstanceInfo";
        let id = self.instance(OPERATION)?;
        let path = format!("/v3/{{project_id}}/instances/{id}");
        let call = Call::new(OPERATION, "gaussdb", Method::GET, path);
        let answer = dbs::call(&self.client, call).await?;
        let InstanceAnswer { instance } = answer.json()?;
        if instance.id.as_deref() != Some(id) {
            return Err(answer.malformed(format!("another instance than `{id}` is told")));
        }
        let listed = instance.nodes.unwrap_or_default().into_iter();
        let listed =
            listed.map(|one| nodes::Listed { id: one.id, status: one.status, aside: None });
        nodes::choose(listed.collect(), "ACTIVE", self.target.get("node_id"))
            .map_err(|(kind, message)| Error { kind, ..answer.malformed(message) })
    }

    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let start = paging::place("ListTaurusDbNodeProcesses", after.as_ref())?;
        let from = self.page.load(Ordering::Relaxed).min(PAGES.len() - 1);
        let mut last = None;
        for (place, limit) in PAGES.iter().enumerate().skip(from) {
            match self.list_page(node, start.offset, *limit).await {
                // No answer at all that could be read.
                Err(error) if error.kind == Kind::Malformed && error.status.is_none() => {
                    last = Some(error);
                }
                answer => {
                    self.page.fetch_max(place, Ordering::Relaxed);
                    let answer = answer.map_err(|error| node.told(error))?;
                    return dbs::sifted(
                        answer,
                        (start, *limit),
                        |one: &Process| one.aside(ACCOUNTS),
                        |answer, one| one.session(answer, node),
                    );
                }
            }
        }
        let nothing =
            || Error::new(Kind::Malformed, "ListTaurusDbNodeProcesses", "no page was asked for");
        Err(node.told(last.unwrap_or_else(nothing)))
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let (Which::These(ids), Some(node)) = (batch.which, batch.node_id(&self.target)) else {
            let message = "sessions can only be named, and on one node at a time";
            return Err(Error::new(Kind::Configuration, KILL, message));
        };
        let path = self.processes(KILL, node)?;
        let numbers = ids.iter().map(|id| id.0.parse());
        let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().map_err(|_| {
            Error::new(Kind::BadRequest, KILL, "the id of a session must be a whole number")
        })?;
        let call =
            Call::new(KILL, "gaussdb", Method::DELETE, path).body(json!({ "processes": numbers }));
        let answer = dbs::call(&self.client, call).await.map_err(dbs::perhaps_gone)?;
        let outcome = outcome(&answer, ids)?;
        Ok(Submission { outcome, request_id: answer.request_id, ..Submission::default() })
    }
}

impl TaurusDb {
    pub(super) fn new(client: Arc<Client>, target: Target) -> TaurusDb {
        TaurusDb { client, target, page: AtomicUsize::new(0) }
    }

    async fn list_page(&self, node: &Node, offset: usize, limit: usize) -> Result<Answer, Error> {
        const OPERATION: &str = "ListTaurusDbNodeProcesses";
        let path = self.processes(OPERATION, &node.id)?;
        let call = Call::new(OPERATION, "gaussdb", Method::GET, path)
            .query("offset", offset)
            .query("limit", limit);
        dbs::call(&self.client, call).await
    }

    fn instance(&self, operation: &'static str) -> Result<&str, Error> {
        segment(operation, "instance", self.target.get("instance_id").unwrap_or_default())
    }

    fn processes(&self, operation: &'static str, node: &str) -> Result<String, Error> {
        let (instance, node) = (self.instance(operation)?, segment(operation, "node", node)?);
        Ok(format!("/v3/{{project_id}}/instances/{instance}/nodes/{node}/processes"))
    }
}

/// What became of each that was named. One that the answer does not name at all was passed over: the
/// API ends no internal sessions, and says nothing of them.
fn outcome(answer: &Answer, ids: &[SessionId]) -> Result<Outcome, Error> {
    let told: KillAnswer = answer.json()?;
    if told.processes_killed.is_none() && told.processes_not_found.is_none() {
        return Err(answer.malformed("the answer does not say what became of the sessions"));
    }
    let read = |told: Option<Vec<Told>>| -> Result<Vec<SessionId>, Error> {
        let read = told.unwrap_or_default().into_iter().map(|id| id.id(answer));
        Ok(read.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().map(SessionId).collect())
    };
    let (killed, not_found) = (read(told.processes_killed)?, read(told.processes_not_found)?);
    let mut outcome = Outcome::default();
    for id in ids.iter().filter(|id| !killed.contains(id)) {
        if not_found.contains(id) {
            outcome.already_gone.push(id.clone());
        } else {
            let reason = "the API passed it over, as it does with internal sessions".to_owned();
            outcome.refused.push(Refused { id: id.clone(), reason });
        }
    }
    Ok(outcome)
}

#[derive(Deserialize)]
struct InstanceAnswer {
    instance: Instance,
}

#[derive(Deserialize)]
struct Instance {
    id: Option<String>,
    nodes: Option<Vec<ListedNode>>,
}

#[derive(Deserialize)]
struct ListedNode {
    id: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct KillAnswer {
    processes_killed: Option<Vec<Told>>,
    processes_not_found: Option<Vec<Told>>,
}
