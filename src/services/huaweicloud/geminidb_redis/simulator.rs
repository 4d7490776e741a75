//! The API's other end, as strict as its pages.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::services::simulator::dbs::{self, Reply, bad_parameter, refusal};
use crate::services::simulator::{
    Fault, Inbound, Instance, LiveClient, Query, Simulator, Stage, json as answer, segments,
};

pub(super) struct Server {
    stage: Stage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    is_all: bool,
    #[serde(default)]
    session_ids: Vec<String>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let path = segments(inbound.request.uri().path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let reply = match (inbound.request.method(), path.as_slice()) {
            (&Method::GET, ["v3", _, "instances"]) => {
                let mut query = Query::of(inbound.request.uri());
                // Other databases have the same path, and say which they mean.
                if query.take("datastore_type").as_deref() != Some("redis") {
                    return None;
                }
                dbs::instances(&self.stage, inbound, query, instance)
            }
            (&Method::GET, ["v3", _, "redis", "nodes", node, "sessions"]) => {
                self.list(inbound, node)
            }
            (&Method::DELETE, ["v3", _, "redis", "nodes", node, "sessions"]) => {
                self.kill(inbound, node)
            }
            (&Method::GET, ["v3", _, "instances", instance, "sessions"]) => {
                self.list_whole(inbound, instance)
            }
            (&Method::DELETE, ["v3", _, "instances", instance, "sessions"]) => {
                self.clear(inbound, instance)
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

    fn list(&self, inbound: &Inbound<'_>, node: &str) -> Reply {
        let mut query = Query::of(inbound.request.uri());
        let page = dbs::page(&mut query, 50)?;
        let prefix = query.take("addr_prefix").unwrap_or_default();
        query.done().map_err(bad_parameter)?;
        dbs::node(&self.stage, inbound, node)?;
        let mut clients = self.stage.list(node);
        clients.retain(|one| one.address.starts_with(&prefix));
        // The youngest first.
        clients.sort_by_key(|one| one.age);
        let shown: Vec<Value> = clients.iter().map(session).collect();
        Ok(dbs::sessions(&shown, page))
    }

    fn kill(&self, inbound: &Inbound<'_>, node: &str) -> Reply {
        let KillBody { is_all, session_ids } = dbs::read(inbound)?;
        if !is_all && session_ids.is_empty() {
            return Err(bad_parameter("session_ids is empty and is_all is false".into()));
        }
        dbs::node(&self.stage, inbound, node)?;
        if is_all {
            return self.end_everyone(inbound, std::iter::once(node));
        }
        let live = self.stage.list(node);
        let key = |id: &String| live.iter().find(|one| one.id == *id).map(|one| one.id.clone());
        let keys: Vec<Option<String>> = session_ids.iter().map(key).collect();
        dbs::end(&self.stage, inbound, node, &keys)
    }

    /// All sessions of all nodes, without pages: `ListInstanceSessions` of the vendor's SDKs.
    fn list_whole(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        let nodes = self.nodes(inbound, id)?;
        let of_node = |node: &str| {
            let shown: Vec<Value> = self.stage.list(node).iter().map(session).collect();
            json!({ "node_id": node, "total_count": shown.len(), "sessions": shown })
        };
        let nodes: Vec<Value> = nodes.into_iter().map(of_node).collect();
        Ok(answer(StatusCode::OK, &json!({ "node_sessions": nodes })))
    }

    fn clear(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        if !inbound.request.body().is_empty() {
            return Err(bad_parameter("there is a request body".into()));
        }
        let nodes = self.nodes(inbound, id)?;
        self.end_everyone(inbound, nodes.into_iter())
    }

    /// The nodes of an instance, or the one that the query names.
    fn nodes(&self, inbound: &Inbound<'_>, id: &str) -> Result<Vec<&str>, Response<Bytes>> {
        let mut query = Query::of(inbound.request.uri());
        let only = query.take("node_id");
        query.done().map_err(bad_parameter)?;
        let instance = dbs::instance(&self.stage, inbound, id)?;
        let nodes = instance.nodes.iter().map(|(node, _)| node.as_str());
        let meant = |node: &&str| only.as_deref().is_none_or(|only| only == *node);
        let nodes: Vec<&str> = nodes.filter(meant).collect();
        if nodes.is_empty() {
            return Err(refusal(404, "DBS.200013", "The node does not exist."));
        }
        Ok(nodes)
    }

    fn end_everyone<'n>(
        &self,
        inbound: &Inbound<'_>,
        nodes: impl Iterator<Item = &'n str>,
    ) -> Reply {
        if inbound.fault == Some(Fault::Busy) {
            return Err(dbs::busy());
        }
        for node in nodes {
            if self.stage.kill_all(node, inbound.fault).is_err() {
                return Err(refusal(500, "DBS.280005", "Server failure."));
            }
        }
        Ok(dbs::done())
    }
}

/// A connection as the list shows it.
fn session(one: &LiveClient) -> Value {
    json!({
        "id": one.id, "addr": one.address, "name": one.name, "cmd": one.command,
        "age": one.age.to_string(), "idle": one.idle.to_string(), "db": one.database,
        "fd": "8", "sub": "0", "psub": "0", "multi": "-1",
    })
}

fn instance(instance: &Instance) -> Value {
    let node = |(id, role): &(String, &'static str)| {
        json!({
            "id": id, "name": format!("{}-{id}", instance.id), "status": "normal",
            "role": role, "private_ip": "192.168.0.30", "support_reduce": false,
            "spec_code": "geminidb.redis.large.4", "availability_zone": "cn-north-4a",
        })
    };
    let nodes: Vec<Value> = instance.nodes.iter().map(node).collect();
    let group = format!("{}-group", instance.id);
    json!({
        "id": instance.id, "name": instance.id, "status": "normal", "mode": "Cluster",
        "datastore": { "type": "redis", "version": "6.2" }, "actions": [],
        "groups": [{ "id": group, "status": "normal", "nodes": nodes }],
    })
}

/// A single node, and an instance of three.
pub(super) fn scenery() -> Vec<Instance> {
    vec![
        Instance::new(
            "9e300000000000000000000000000001in12",
            &[("9e300000000000000000000000000101no12", "")],
        )
        .on_redis(),
        Instance::new(
            "9e300000000000000000000000000002in12",
            &[
                ("9e300000000000000000000000000201no12", ""),
                ("9e300000000000000000000000000202no12", ""),
                ("9e300000000000000000000000000203no12", ""),
            ],
        ),
    ]
}
