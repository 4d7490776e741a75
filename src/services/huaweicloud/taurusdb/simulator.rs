//! The API's other end, as strict as its pages.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::services::simulator::dbs::{self, Reply, bad_parameter, refusal};
use crate::services::simulator::{
    Inbound, Instance, LiveClient, Query, Simulator, Stage, Unended, json as answer, processes,
    segments,
};

use super::api::ACCOUNTS;

/// Most processes that one call may name.
const MOST: usize = 20;

pub(super) struct Server {
    stage: Stage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    processes: Vec<u64>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let path = segments(inbound.request.uri().path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let reply = match (inbound.request.method(), path.as_slice()) {
            (&Method::GET, ["v3", _, "instances", id]) => self.show(inbound, id),
            (&Method::GET, ["v3", _, "instances", id, "nodes", node, "processes"]) => {
                self.list(inbound, id, node)
            }
            (&Method::DELETE, ["v3", _, "instances", id, "nodes", node, "processes"]) => {
                self.kill(inbound, id, node)
            }
            _ => return None,
        };
        Some(reply.unwrap_or_else(|refusal| refusal))
    }
}

impl Server {
    pub(super) fn new(stage: Stage) -> Server {
        Server { stage }
    }

    fn show(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        Query::of(inbound.request.uri()).done().map_err(bad_parameter)?;
        let instance = dbs::instance(&self.stage, inbound, id)?;
        Ok(answer(StatusCode::OK, &json!({ "instance": shown(instance) })))
    }

    fn list(&self, inbound: &Inbound<'_>, id: &str, node: &str) -> Reply {
        let mut query = Query::of(inbound.request.uri());
        let (offset, limit) = dbs::page(&mut query, 100)?;
        query.done().map_err(bad_parameter)?;
        self.node(inbound, id, node)?;
        let shown: Vec<Value> = self.clients(node).iter().map(processes::row).collect();
        let page: Vec<&Value> = shown.iter().skip(offset).take(limit).collect();
        Ok(answer(StatusCode::OK, &json!({ "processes": page, "total_count": shown.len() })))
    }

    fn kill(&self, inbound: &Inbound<'_>, id: &str, node: &str) -> Reply {
        let KillBody { processes } = dbs::read(inbound)?;
        if !(1..=MOST).contains(&processes.len()) {
            return Err(bad_parameter(format!("processes must be from 1 to {MOST}")));
        }
        self.node(inbound, id, node)?;
        let is = |one: &LiveClient, id: u64| one.id == id.to_string();
        let live = self.clients(node);
        let (found, missing): (Vec<u64>, Vec<u64>) = processes
            .into_iter()
            .partition(|id| self.stage.list(node).iter().any(|one| is(one, *id)));
        // Internal ones are passed over.
        let found: Vec<u64> =
            found.into_iter().filter(|id| live.iter().any(|one| is(one, *id))).collect();
        let keys: Vec<Option<String>> = found.iter().map(|id| Some(id.to_string())).collect();
        match self.stage.end(node, &keys, inbound.fault) {
            Ok(()) => Ok(answer(
                StatusCode::OK,
                &json!({ "processes_killed": found, "processes_not_found": missing }),
            )),
            Err(Unended::NotThere | Unended::InPart) => {
                Err(refusal(500, "DBS.200005", "Server failure."))
            }
        }
    }

    /// Who is on a node, without internal sessions.
    fn clients(&self, node: &str) -> Vec<LiveClient> {
        let mut clients = self.stage.list(node);
        clients.retain(|one| !ACCOUNTS.contains(&one.user.as_str()));
        clients
    }

    fn node(&self, inbound: &Inbound<'_>, id: &str, node: &str) -> Result<(), Response<Bytes>> {
        if !dbs::instance(&self.stage, inbound, id)?.has(node) {
            return Err(refusal(400, "DBS.280404", "Invalid DB instance ID or node ID format."));
        }
        dbs::node(&self.stage, inbound, node).map(drop)
    }
}

/// An instance as it is shown.
fn shown(instance: &Instance) -> Value {
    let node = |(id, role): &(String, &'static str)| {
        json!({
            "id": id, "name": format!("{}-{id}", instance.id), "type": role, "status": "ACTIVE",
            "port": 3306, "private_read_ips": ["192.168.0.40"], "az_code": "cn-north-4a",
        })
    };
    let nodes: Vec<Value> = instance.nodes.iter().map(node).collect();
    json!({
        "id": instance.id, "name": instance.id, "status": "ACTIVE", "type": "Cluster",
        "datastore": { "type": "gaussdb-mysql", "version": "8.0" }, "node_count": nodes.len(),
        "nodes": nodes, "proxies": [],
    })
}

/// An instance with a read replica, and one of a single node.
pub(super) fn scenery() -> Vec<Instance> {
    vec![
        Instance::new(
            "7a500000000000000000000000000001in07",
            &[
                ("7a500000000000000000000000000101no07", "master"),
                ("7a500000000000000000000000000102no07", "slave"),
            ],
        ),
        Instance::new(
            "7a500000000000000000000000000002in07",
            &[("7a500000000000000000000000000201no07", "master")],
        ),
    ]
}
