//! The API's other end, as strict as its pages.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::services::simulator::dbs::{Reply, refusal};
use crate::services::simulator::{
    Fault, Gone, Inbound, Instance, LiveClient, Query, Simulator, Stage, json as answer, segments,
};

use super::api::{LAST, PAGE};

pub(super) struct Server {
    stage: Stage,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let path = segments(inbound.request.uri().path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let reply = match (inbound.request.method(), path.as_slice()) {
            (&Method::GET, ["v5", _, "p2c-vpn-gateways", id]) => self.show(inbound, id),
            (&Method::GET, ["v5", _, "p2c-vpn-gateways", id, "connections"]) => {
                self.list(inbound, id)
            }
            (
                &Method::POST,
                ["v5", _, "p2c-vpn-gateways", id, "connections", connection, "disconnect"],
            ) => self.kill(inbound, id, connection),
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
        Query::of(inbound.request.uri()).done().map_err(invalid)?;
        let gateway = self.gateway(inbound, id)?;
        let shown = json!({ "id": gateway.id, "name": gateway.id, "status": "ACTIVE" });
        Ok(answer(StatusCode::OK, &json!({ "p2c_vpn_gateway": shown, "request_id": "r" })))
    }

    fn list(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
        let mut query = Query::of(inbound.request.uri());
        let offset = query.number("offset", 0..=LAST, 0).map_err(invalid)?;
        let limit = query.number("limit", 1..=PAGE, PAGE).map_err(invalid)?;
        query.done().map_err(invalid)?;
        self.gateway(inbound, id)?;
        let live = self.stage.list(id);
        let page = live.iter().skip(offset).take(limit);
        let page: Vec<Value> = page.map(|one| connection(one, inbound)).collect();
        let listed = json!({ "connections": page, "total_count": live.len(), "request_id": "r" });
        Ok(answer(StatusCode::OK, &listed))
    }

    fn kill(&self, inbound: &Inbound<'_>, id: &str, connection: &str) -> Reply {
        Query::of(inbound.request.uri()).done().map_err(invalid)?;
        if !inbound.request.body().is_empty() {
            return Err(invalid("there is a request body".into()));
        }
        self.gateway(inbound, id)?;
        let live = self.stage.list(id);
        let meant = live.into_iter().find(|one| connection_id(one) == connection);
        let key = meant.map(|one| one.id);
        if key.is_none() && self.stage.gone == Gone::Refused {
            return Err(not_found());
        }
        match self.stage.end(id, &[key], inbound.fault) {
            Ok(()) => Ok(answer(StatusCode::OK, &json!({ "request_id": "r" }))),
            Err(_) => Err(refusal(500, "VPN.0002", "server error: failed")),
        }
    }

    fn gateway(&self, inbound: &Inbound<'_>, id: &str) -> Result<&Instance, Response<Bytes>> {
        let found = self.stage.instance(id).filter(|_| inbound.fault != Some(Fault::TargetGone));
        let found = found.ok_or_else(not_found)?;
        if inbound.fault == Some(Fault::Busy) {
            return Err(refusal(400, "VPN.0030", "The system is busy, please try later."));
        }
        Ok(found)
    }
}

/// The id under which a client is listed.
fn connection_id(one: &LiveClient) -> String {
    format!("c0000000-0000-4000-8000-{:0>12}", one.id)
}

/// A connection as the list shows it.
fn connection(one: &LiveClient, inbound: &Inbound<'_>) -> Value {
    let age = std::time::Duration::from_secs(u64::try_from(one.age).unwrap_or_default());
    let time = |at| humantime::format_rfc3339_seconds(at).to_string();
    let address = one.address.rsplit_once(':').map_or(one.address.as_str(), |(ip, _)| ip);
    json!({
        "connection_id": connection_id(one), "client_ip": address, "client_user_name": one.user,
        "client_virtual_ip": "172.16.0.10", "inbound_bytes": 1024, "inbound_packets": 8,
        "outbound_bytes": 2048, "outbound_packets": 9,
        "connection_established_time": time(inbound.at - age), "timestamp": time(inbound.at),
    })
}

fn invalid(complaint: String) -> Response<Bytes> {
    refusal(400, "VPN.0001", &format!("invalid request: {complaint}"))
}

fn not_found() -> Response<Bytes> {
    refusal(404, "VPN.0004", "resource not found")
}

/// Two gateways.
pub(super) fn scenery() -> Vec<Instance> {
    let gateway = |id: &str| Instance::new(id, &[(id, "")]);
    vec![
        gateway("9b2c0000-0000-4000-8000-000000000001"),
        gateway("9b2c0000-0000-4000-8000-000000000002"),
    ]
}
