//! The API's other end, as strict as its pages.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::api::{NO_INSTANCE, VERSION};
use crate::services::simulator::alicloud::{Parameters, Reply, action, done, refusal, throttled};
use crate::services::simulator::{Fault, Inbound, Instance, LiveClient, Simulator, Stage};

pub(super) struct Server(Stage);

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let handle: fn(&Server, &Inbound<'_>, &Instance) -> Response<Bytes> =
            match action(inbound, VERSION)? {
                "GetRedisAllSession" => Server::list,
                "KillInstanceAllSession" => Server::kill_all,
                _ => return None,
            };
        let reply: Reply = instance_id(inbound).and_then(|id| {
            let gone = inbound.fault == Some(Fault::TargetGone);
            match self.0.instance(&id).filter(|_| !gone) {
                _ if inbound.fault == Some(Fault::Busy) => Err(throttled()),
                None => Ok(done(json!({
                    "Code": "200", "Message": "Successful", "Success": "true",
                    "Data": NO_INSTANCE,
                }))),
                Some(instance) => Ok(handle(self, inbound, instance)),
            }
        });
        Some(reply.unwrap_or_else(|refusal| refusal))
    }
}

impl Server {
    pub(super) fn new(stage: Stage) -> Server {
        Server(stage)
    }

    fn list(&self, inbound: &Inbound<'_>, instance: &Instance) -> Response<Bytes> {
        let mut sessions: Vec<Value> = Vec::new();
        let mut sources: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for node in client_nodes(instance) {
            for client in self.0.list(node) {
                let one = session(&client, node);
                let source = one["Client"].as_str().unwrap_or_default().to_owned();
                sources.entry(source).or_default().extend(one["Id"].as_i64());
                sessions.push(one);
            }
        }
        let sources: Vec<Value> = sources
            .into_iter()
            .map(|(key, ids)| json!({ "Key": key, "Count": ids.len().to_string(), "Ids": ids }))
            .collect();
        let data = json!({
            "Total": sessions.len(), "Timestamp": millis(inbound.at), "Sessions": sessions,
            "SourceStats": sources,
        });
        done(json!({ "Code": 200, "Message": "Successful", "Success": true, "Data": data }))
    }

    fn kill_all(&self, inbound: &Inbound<'_>, instance: &Instance) -> Response<Bytes> {
        let ended = client_nodes(instance).map(|node| self.0.kill_all(node, inbound.fault));
        // All nodes, also after one that failed.
        let failures = ended.filter(Result::is_err).count();
        let (code, message, success) = match failures {
            0 => ("200", "Successful", "true"),
            _ => ("500", "Some sessions could not be terminated.", "false"),
        };
        done(json!({ "Code": code, "Message": message, "Success": success, "Data": "None" }))
    }
}

/// A master with a standby, and a cluster behind proxies.
pub(super) fn scenery() -> Vec<Instance> {
    vec![
        Instance::new("r-8vbcyr4sw0c40001", &[("r-8vbcyr4sw0c40001-db-0", "db")]).on_redis(),
        Instance::new(
            "r-8vbcyr4sw0c40002",
            &[
                ("r-8vbcyr4sw0c40002-proxy-0#1679", "proxy"),
                ("r-8vbcyr4sw0c40002-proxy-1#1680", "proxy"),
                ("r-8vbcyr4sw0c40002-db-0", "db"),
            ],
        ),
    ]
}

/// The nodes that clients are connected to: the proxies where there are proxies.
fn client_nodes(instance: &Instance) -> impl Iterator<Item = &str> {
    let proxied = instance.nodes.iter().any(|(_, role)| *role == "proxy");
    let nodes = instance.nodes.iter().filter(move |(_, role)| (*role == "proxy") == proxied);
    nodes.map(|(id, _)| id.as_str())
}

fn instance_id(inbound: &Inbound<'_>) -> Result<String, Response<Bytes>> {
    let wrong = |_| refusal(400, "InvalidParams", "The request parameters are invalid.");
    let mut parameters = Parameters::of(inbound);
    let id = parameters.required("InstanceId").map_err(wrong)?;
    parameters.optional("ConsoleContext");
    parameters.done().map_err(wrong)?;
    Ok(id)
}

/// A session as the list shows it.
fn session(client: &LiveClient, node: &str) -> Value {
    let ip = client.address.rsplit_once(':').map_or("", |(ip, _)| ip);
    let flags = if client.flags.is_empty() { "N" } else { client.flags.as_str() };
    json!({
        "Id": client.id.parse::<i64>().unwrap_or_default(), "Addr": client.address,
        "Client": ip, "ClientDesc": "", "Name": client.name, "Cmd": client.command,
        "Age": client.age.to_string(), "Idle": client.idle,
        "Db": client.database.parse::<i64>().unwrap_or_default(), "Flags": flags, "Fd": 8,
        "Sub": 0, "Psub": 0, "Multi": -1, "Qbuf": 0, "QbufFree": 0, "Obl": 0, "Oll": 0,
        "Omem": 0, "Events": "r", "NodeId": node,
    })
}

fn millis(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or_default()
}
