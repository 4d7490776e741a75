//! The API's other end, as strict as its pages.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::services::simulator::dbs::{self, Reply, bad_parameter, refusal};
use crate::services::simulator::{
    Fault, Gone, Inbound, Instance, LiveClient, Query, Simulator, Stage, json as answer, processes,
    segments,
};

use super::api::PAGE;

/// Most sessions that one call may name.
const MOST: usize = 100;
/// Longest keyword that a list can be narrowed to.
const KEYWORD: usize = 255;

pub(super) struct Server {
    stage: Stage,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KillBody {
    process_ids: Vec<String>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let path = segments(inbound.request.uri().path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let reply = match (inbound.request.method(), path.as_slice()) {
            (&Method::GET, ["v1", _, "instances", id]) => self.show(inbound, id),
            (&Method::GET, ["v3", _, "instances", id, "logical-processes"]) => {
                self.list(inbound, id)
            }
            (&Method::DELETE, ["v3", _, "instances", id, "logical-processes"]) => {
                self.kill(inbound, id)
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

    /// Refuses in the envelope of the API's first version.
    fn show(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        let found = self.stage.instance(id).filter(|_| inbound.fault != Some(Fault::TargetGone));
        match found {
            Some(instance) => Ok(answer(StatusCode::OK, &shown(instance))),
            None => Err(answer(
                StatusCode::NOT_FOUND,
                &json!({
                    "errCode": "DBS.200002", "externalMessage": "The DB instance does not exist.",
                }),
            )),
        }
    }

    fn list(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        let mut query = Query::of(inbound.request.uri());
        let offset = query.number("offset", 0..=usize::MAX, 0).map_err(bad_parameter)?;
        let limit = query.number("limit", 1..=PAGE, 10).map_err(bad_parameter)?;
        let keyword = query.take("keyword").unwrap_or_default();
        query.done().map_err(bad_parameter)?;
        if keyword.chars().count() > KEYWORD {
            return Err(bad_parameter(format!("keyword is longer than {KEYWORD} characters")));
        }
        self.at_hand(inbound, id)?;
        let mut shown: Vec<Value> = self.stage.list(id).iter().map(row).collect();
        shown.retain(|row| {
            let mut values = row.as_object().into_iter().flat_map(|row| row.values());
            values.any(|value| value.as_str().is_some_and(|text| text.contains(&keyword)))
        });
        let page: Vec<&Value> = shown.iter().skip(offset).take(limit).collect();
        let listed = json!({ "logical_processes": page, "total_count": shown.len() });
        Ok(answer(StatusCode::OK, &listed))
    }

    fn kill(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        let KillBody { process_ids } = dbs::read(inbound)?;
        if !(1..=MOST).contains(&process_ids.len()) {
            return Err(bad_parameter(format!("process_ids must be from 1 to {MOST}")));
        }
        self.at_hand(inbound, id)?;
        let live = self.stage.list(id);
        let key = |id: String| live.iter().any(|one| one.id == id).then_some(id);
        let keys: Vec<Option<String>> = process_ids.into_iter().map(key).collect();
        if self.stage.gone == Gone::Refused && keys.contains(&None) {
            return Err(bad_parameter("a process does not exist".into()));
        }
        match self.stage.end(id, &keys, inbound.fault) {
            Ok(()) => Ok(answer(StatusCode::ACCEPTED, &json!({ "resp": "successful" }))),
            Err(_) => Err(refusal(500, "DBS.200412", "Server failure.")),
        }
    }

    /// Whether the instance is there, and not at work on something else.
    fn at_hand(&self, inbound: &Inbound<'_>, id: &str) -> Result<(), Response<Bytes>> {
        dbs::instance(&self.stage, inbound, id)?;
        if inbound.fault == Some(Fault::Busy) { Err(dbs::busy()) } else { Ok(()) }
    }
}

/// A row of the list, whose numbers are texts and where no database is `None`.
fn row(one: &LiveClient) -> Value {
    let mut row = processes::row(one);
    for field in ["id", "time"] {
        row[field] = json!(row[field].to_string());
    }
    if row["db"].is_null() {
        row["db"] = json!("None");
    }
    row
}

/// An instance as it is shown.
fn shown(instance: &Instance) -> Value {
    json!({
        "id": instance.id, "name": instance.id, "status": "RUNNING", "node_count": 1,
        "nodes": [{
            "node_id": format!("{}-node", instance.id), "ip": "192.168.0.50", "port": "5066",
            "status": "RUNNING", "group_id": "g",
        }],
    })
}

/// Two instances.
pub(super) fn scenery() -> Vec<Instance> {
    let instance = |id: &str| Instance::new(id, &[(id, "")]);
    vec![
        instance("dd300000000000000000000000000001in09"),
        instance("dd300000000000000000000000000002in09"),
    ]
}
