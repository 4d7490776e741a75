//! The calls and answers of the API.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use crate::access::{Call, Client};
use crate::services::huaweicloud::dbs;
use crate::services::huaweicloud::processes::Process;
use crate::services::kit::paging;
use crate::services::kit::path::segment;
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Page, Sessions, Submission, Target, Ticket, Which,
};

/// Sessions of one page of the list, the most that the API gives.
pub(super) const PAGE: usize = 128;

/// The vendor's name of the call that ends sessions.
const KILL: &str = "ExecuteKillLogicalProcesses";

/// Accounts of the cloud on every instance: the agent that looks after it.
pub(super) const ACCOUNTS: &[&str] = &["drdsagent"];

pub(super) struct Ddm {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for Ddm {
    /// An instance is listed whole. It is looked up all the same: what its list answers once it is gone
    /// is not documented.
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        const OPERATION: &str = "ShowInstance";
        let id = self.instance(OPERATION)?;
        let path = format!("/v1/{{project_id}}/instances/{id}");
        let answer =
            dbs::call(&self.client, Call::new(OPERATION, "ddm", Method::GET, path)).await?;
        let instance: InstanceAnswer = answer.json()?;
        if instance.id.as_deref() != Some(id) {
            return Err(answer.malformed(format!("another instance than `{id}` is told")));
        }
        let state = instance.status.filter(|status| !["RUNNING", ""].contains(&status.as_str()));
        Ok(vec![Node { state, ..Node::whole() }])
    }

    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        after: Option<Cursor>,
    ) -> Result<Page, Error> {
        const OPERATION: &str = "ShowLogicalProcesses";
        let place = paging::place(OPERATION, after.as_ref())?;
        let call = Call::new(OPERATION, "ddm", Method::GET, self.processes(OPERATION)?)
            .query("offset", place.offset)
            .query("limit", PAGE);
        let answer = dbs::call(&self.client, call).await.map_err(|error| node.told(error))?;
        dbs::sifted(
            answer,
            (place, PAGE),
            |one: &Process| one.aside(ACCOUNTS),
            |answer, one| one.session(answer, node),
        )
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let Which::These(ids) = batch.which else {
            let message = "sessions can only be named";
            return Err(Error::new(Kind::Configuration, KILL, message));
        };
        let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let call = Call::new(KILL, "ddm", Method::DELETE, self.processes(KILL)?);
        let call = call.body(json!({ "process_ids": ids }));
        let answer = dbs::call(&self.client, call).await.map_err(dbs::perhaps_gone)?;
        let KillAnswer { resp } = answer.json()?;
        if !resp.eq_ignore_ascii_case("successful") {
            return Err(answer.malformed(format!("the answer to the kill is `{resp:.40}`")));
        }
        Ok(Submission { request_id: answer.request_id, ..Submission::default() })
    }
}

impl Ddm {
    pub(super) fn new(client: Arc<Client>, target: Target) -> Ddm {
        Ddm { client, target }
    }

    fn instance(&self, operation: &'static str) -> Result<&str, Error> {
        segment(operation, "instance", self.target.get("instance_id").unwrap_or_default())
    }

    fn processes(&self, operation: &'static str) -> Result<String, Error> {
        let id = self.instance(operation)?;
        Ok(format!("/v3/{{project_id}}/instances/{id}/logical-processes"))
    }
}

#[derive(Deserialize)]
struct InstanceAnswer {
    id: Option<String>,
    status: Option<String>,
}

#[derive(Deserialize)]
struct KillAnswer {
    /// The whole of the documented answer, under 202 and under 200.
    resp: String,
}
