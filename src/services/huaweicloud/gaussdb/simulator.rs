//! The API's other end, as strict as its pages.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::services::simulator::dbs::{self, Reply, bad_parameter, refusal};
use crate::services::simulator::{
    Gone, Inbound, Instance, LiveClient, Query, Simulator, Stage, json as answer, segments,
};

/// A list shows no more.
pub(super) const MOST: usize = 200;

pub(super) struct Server {
    stage: Stage,
    /// When each session began, by node, id and address: told to the millisecond, and never
    /// otherwise.
    began: HashMap<(String, String, String), u128>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListBody {
    node_id: String,
    component_id: String,
    #[serde(default)]
    query_info: Filter,
}

/// What a list is narrowed to.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    database_name: Option<String>,
    client_ip: Option<String>,
    user_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    instance_id: Option<String>,
    node_id: String,
    component_id: String,
    session_ids: Vec<String>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let path = segments(inbound.request.uri().path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let (&Method::POST, ["v3", _, "instances", id, call]) =
            (inbound.request.method(), path.as_slice())
        else {
            return None;
        };
        let reply = match *call {
            "key-view-execute-node" => self.show(inbound, id),
            "real-time-session" => self.list(inbound, id),
            "kill-session" => self.kill(inbound, id),
            _ => return None,
        };
        Some(reply.unwrap_or_else(|refusal| refusal))
    }
}

impl Server {
    pub(super) fn new(stage: Stage) -> Server {
        Server { stage, began: HashMap::new() }
    }

    fn show(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        Query::of(inbound.request.uri()).done().map_err(bad_parameter)?;
        let instance = dbs::instance(&self.stage, inbound, id)?;
        let nodes: Vec<Value> = instance.nodes.iter().map(component).collect();
        Ok(answer(StatusCode::OK, &json!({ "nodes": nodes })))
    }

    fn list(&mut self, inbound: &Inbound<'_>, id: &str) -> Reply {
        let ListBody { node_id, component_id, query_info: filter } = dbs::read(inbound)?;
        let node = self.node(inbound, id, &node_id, &component_id)?;
        let is = |wanted: &Option<String>, value: &Value| {
            wanted.as_ref().is_none_or(|wanted| value == wanted.as_str())
        };
        let clients = self.stage.list(&node);
        let mut rows: Vec<Value> = clients
            .iter()
            .map(|one| {
                let place = (node.clone(), one.id.clone(), one.address.clone());
                row(one, *self.began.entry(place).or_insert_with(|| began(one, inbound.at)))
            })
            .collect();
        // Somebody of the cloud is always there.
        let own = LiveClient { id: "1".into(), user: "omm".into(), ..LiveClient::default() };
        rows.push(row(&own, 1));
        rows.retain(|row| {
            is(&filter.database_name, &row["database_name"])
                && is(&filter.client_ip, &row["client_ip"])
                && is(&filter.user_name, &row["user_name"])
        });
        rows.truncate(MOST);
        Ok(answer(StatusCode::OK, &json!({ "sessions": rows })))
    }

    fn kill(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        let KillBody { instance_id, node_id, component_id, session_ids } = dbs::read(inbound)?;
        if session_ids.is_empty() || instance_id.is_some_and(|instance| instance != id) {
            return Err(bad_parameter("session_ids or instance_id will not do".into()));
        }
        let node = self.node(inbound, id, &node_id, &component_id)?;
        let live = self.stage.list(&node);
        let key = |id: &String| live.iter().any(|one| one.id == *id).then(|| id.clone());
        let keys: Vec<Option<String>> = session_ids.iter().map(key).collect();
        if self.stage.gone == Gone::Refused && keys.contains(&None) {
            return Err(dbs::unkilled());
        }
        let ended: Vec<&String> = keys.iter().flatten().collect();
        match self.stage.end(&node, &keys, inbound.fault) {
            Ok(()) => Ok(answer(StatusCode::OK, &json!({ "session_ids": ended, "success": true }))),
            Err(_) => {
                let some = &ended[..ended.len() / 2];
                Ok(answer(StatusCode::OK, &json!({ "session_ids": some, "success": false })))
            }
        }
    }

    /// The component of a node of an instance, as it stands on the stage.
    fn node(
        &self,
        inbound: &Inbound<'_>,
        id: &str,
        node: &str,
        component: &str,
    ) -> Result<String, Response<Bytes>> {
        let name = format!("{node}/{component}");
        if !dbs::instance(&self.stage, inbound, id)?.has(&name) {
            return Err(refusal(400, "DBS.280407", "Invalid node ID."));
        }
        dbs::node(&self.stage, inbound, &name)?;
        Ok(name)
    }
}

/// A component as it is told. The words for roles are those of [`scenery`].
fn component((name, role): &(String, &'static str)) -> Value {
    let (node, component) = name.split_once('/').unwrap_or((name, ""));
    let kind = if component.starts_with("cn_") { "CN" } else { "DN" };
    json!({
        "node_id": node, "component_id": component, "role": role, "type": kind, "detail": "Normal",
        "node_name": format!("gauss-{node}"), "distributed_id": component,
    })
}

/// When a session of its age began, in milliseconds since 1970.
fn began(one: &LiveClient, at: SystemTime) -> u128 {
    let age = Duration::from_secs(u64::try_from(one.age).unwrap_or_default());
    let began = at.checked_sub(age).and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    began.map_or(0, |began| began.as_millis())
}

/// A session as the list shows it, with its statement.
fn row(one: &LiveClient, began: u128) -> Value {
    let (ip, port) = one.address.rsplit_once(':').unwrap_or_default();
    json!({
        "session_id": one.id, "pid": one.id, "user_name": one.user, "client_ip": ip, "client_port": port,
        "database_name": one.database, "application_name": one.name,
        "state": if one.idle == 0 { "active" } else { "idle" },
        "query": "SELECT * FROM orders WHERE card = '4111'", "query_runtime": one.idle.to_string(),
        "back_end_start": began,
    })
}

/// A primary with a standby and a log node, and a distributed instance.
pub(super) fn scenery() -> Vec<Instance> {
    vec![
        Instance::new(
            "9a500000000000000000000000000001in14",
            &[
                ("9a500000000000000000000000000101no14/dn_6001", "master"),
                ("9a500000000000000000000000000102no14/dn_6002", "slave"),
            ],
        ),
        Instance::new(
            "9a500000000000000000000000000002in14",
            &[
                ("9a500000000000000000000000000201no14/cn_5001", "master"),
                ("9a500000000000000000000000000202no14/cn_5002", "master"),
                ("9a500000000000000000000000000202no14/dn_6001", "master"),
                ("9a500000000000000000000000000203no14/dn_6002", "secondary"),
            ],
        ),
    ]
}
