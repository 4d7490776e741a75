//! The API's other end, as strict as its pages.

use bytes::Bytes;
use http::{Method, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::services::simulator::dbs::{self, Reply, bad_parameter, refusal};
use crate::services::simulator::{
    Inbound, Instance, LiveClient, Query, Simulator, Stage, segments,
};

/// Kinds of operation that a list can be narrowed to.
const TYPES: [&str; 8] =
    ["none", "update", "insert", "query", "command", "getmore", "remove", "killcursors"];

/// Execution plans that a list can be narrowed to.
const PLANS: [&str; 10] = [
    "COLLSCAN",
    "IXSCAN",
    "FETCH",
    "SORT",
    "LIMIT",
    "SKIP",
    "COUNT",
    "COUNT_SCAN",
    "TEXT",
    "PROJECTION",
];

pub(super) struct Server {
    stage: Stage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    sessions: Vec<String>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let path = segments(inbound.request.uri().path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let reply = match (inbound.request.method(), path.as_slice()) {
            (&Method::GET, ["v3", _, "instances"]) => {
                let mut query = Query::of(inbound.request.uri());
                // Other databases have the same path, and say which they mean.
                if query.take("datastore_type").is_some_and(|kind| kind != "DDS-Community") {
                    return None;
                }
                dbs::instances(&self.stage, inbound, query, instance)
            }
            (&Method::GET, ["v3", _, "nodes", node, "sessions"]) => self.list(inbound, node),
            (&Method::POST, ["v3", _, "nodes", node, "session"]) => self.kill(inbound, node),
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
        let page = dbs::page(&mut query, 10)?;
        let filter = Filter::take(&mut query)?;
        query.done().map_err(bad_parameter)?;
        let role = dbs::node(&self.stage, inbound, node)?;
        let clients = self.stage.list(node);
        let mut shown: Vec<Value> = clients.iter().map(|one| session(one, role)).collect();
        shown.retain(|one| filter.takes(one));
        Ok(dbs::sessions(&shown, page))
    }

    fn kill(&self, inbound: &Inbound<'_>, node: &str) -> Reply {
        let KillBody { sessions } = dbs::read(inbound)?;
        if sessions.is_empty() {
            return Err(bad_parameter("sessions is empty".into()));
        }
        let role = dbs::node(&self.stage, inbound, node)?;
        let live = self.stage.list(node);
        let meant = |id: &String| live.iter().find(|one| session_id(one, role) == *id);
        let meant: Vec<Option<&LiveClient>> = sessions.iter().map(meant).collect();
        if meant.iter().flatten().any(|one| !is_active(one)) {
            return Err(dbs::unkilled());
        }
        let keys: Vec<Option<String>> =
            meant.into_iter().map(|one| one.map(|one| one.id.clone())).collect();
        dbs::end(&self.stage, inbound, node, &keys)
    }
}

/// What a list is narrowed to. An empty text means sessions where that field is empty.
struct Filter {
    /// Field and the text that it must have.
    texts: Vec<(&'static str, String)>,
    /// Microseconds that the operation must have been running for at least.
    cost_time: usize,
}

impl Filter {
    fn take(query: &mut Query) -> Result<Filter, Response<Bytes>> {
        let mut texts = Vec::new();
        for (name, code, known) in [
            ("plan_summary", "DBS.301072", Some(PLANS.as_slice())),
            ("type", "DBS.301073", Some(TYPES.as_slice())),
            ("namespace", "DBS.301074", None),
        ] {
            let Some(text) = query.take(name) else { continue };
            let is_known = known.is_none_or(|known| known.contains(&text.as_str()));
            if !text.is_empty() && !is_known {
                return Err(refusal(400, code, &format!("Invalid {name}.")));
            }
            texts.push((name, text));
        }
        let cost_time = query.number("cost_time", 0..=usize::MAX, 0);
        let cost_time = cost_time.map_err(|complaint| refusal(400, "DBS.301075", &complaint))?;
        Ok(Filter { texts, cost_time })
    }

    fn takes(&self, session: &Value) -> bool {
        let cost_time = session["cost_time"].as_str().and_then(|time| time.parse().ok());
        self.texts.iter().all(|(name, text)| session[*name] == *text)
            && cost_time.unwrap_or(0) >= self.cost_time
    }
}

/// A connection whose command is empty or `none` does nothing.
fn is_active(one: &LiveClient) -> bool {
    !["", "none"].contains(&one.command.as_str())
}

/// A mongos says which shard works on it.
fn session_id(one: &LiveClient, role: &str) -> String {
    if role == "mongos" { format!("shard_1:{}", one.id) } else { one.id.clone() }
}

/// A session as the list shows it. Its operation has been running since it connected.
fn session(one: &LiveClient, role: &str) -> Value {
    let active = is_active(one);
    let kind = match one.command.as_str() {
        _ if !active => "none",
        known if TYPES.contains(&known) => known,
        _ => "command",
    };
    let cost_time = if active { one.age.saturating_mul(1_000_000) } else { 0 };
    let namespace = match one.database.as_str() {
        "" => String::new(),
        database => format!("{database}.orders"),
    };
    json!({
        "id": session_id(one, role), "active": active, "operation": "{}", "type": kind,
        "cost_time": cost_time.to_string(),
        "plan_summary": if active { "COLLSCAN" } else { "" },
        "host": "192.168.0.20:8635", "client": one.address,
        "description": format!("conn{}", one.id), "namespace": namespace,
        "db": one.database, "user": one.user,
    })
}

/// An instance as it is listed. The words for roles are those of [`scenery`].
fn instance(instance: &Instance) -> Value {
    let mut groups: Vec<Value> = Vec::new();
    for (id, role) in &instance.nodes {
        let (kind, shown) = match *role {
            "mongos" => ("mongos", "master"),
            "shard" => ("shard", "Primary"),
            "config" => ("config", "Primary"),
            "single" => ("single", "Primary"),
            role => ("replica", role),
        };
        let node = json!({
            "id": id, "name": format!("{}-{kind}-{id}", instance.id), "status": "normal",
            "role": shown, "private_ip": "192.168.0.20", "spec_code": "dds.mongodb.s6",
            "availability_zone": "cn-north-4a",
        });
        let group = groups.iter_mut().find(|group| group["type"] == kind);
        match group.and_then(|group| group["nodes"].as_array_mut()) {
            Some(nodes) => nodes.push(node),
            None => groups.push(json!({
                "type": kind, "id": format!("{}-{kind}", instance.id), "name": kind,
                "status": "normal", "nodes": [node],
            })),
        }
    }
    json!({
        "id": instance.id, "name": instance.id, "status": "normal", "mode": mode(instance),
        "datastore": { "type": "DDS-Community", "version": "4.2" }, "groups": groups,
        "actions": [],
    })
}

fn mode(instance: &Instance) -> &'static str {
    match instance.nodes.first() {
        Some((_, "mongos" | "shard" | "config")) => "Sharding",
        Some((_, "single")) => "Single",
        _ => "ReplicaSet",
    }
}

/// A replica set with a hidden node, a cluster, and a single node.
pub(super) fn scenery() -> Vec<Instance> {
    vec![
        Instance::new(
            "dd500000000000000000000000000001in02",
            &[
                ("dd500000000000000000000000000101no02", "Primary"),
                ("dd500000000000000000000000000102no02", "Secondary"),
                ("dd500000000000000000000000000103no02", "Hidden"),
            ],
        ),
        Instance::new(
            "dd500000000000000000000000000002in02",
            &[
                ("dd500000000000000000000000000201no02", "mongos"),
                ("dd500000000000000000000000000202no02", "mongos"),
                ("dd500000000000000000000000000203no02", "shard"),
                ("dd500000000000000000000000000204no02", "config"),
            ],
        ),
        Instance::new(
            "dd500000000000000000000000000003in02",
            &[("dd500000000000000000000000000301no02", "single")],
        ),
    ]
}
