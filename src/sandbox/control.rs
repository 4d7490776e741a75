//! The sandbox's own requests, under `/_sandbox/`.

use std::time::SystemTime;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{Switch, Trouble, often};
use super::ledger::Killed;
use super::world::{CallLine, Sandbox};
use crate::services::simulator::json as answer_json;

/// A fault as a request writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    fault: String,
    #[serde(default)]
    operation: String,
    times: Option<u32>,
}

/// The answer, if the request is one of these.
pub(super) fn answer(sandbox: &Sandbox, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let what = request.uri().path().strip_prefix("/_sandbox/")?;
    if request.headers().contains_key(header::ORIGIN) {
        let complaint = json!({ "error": "a page of the web may not do this" });
        return Some(answer_json(StatusCode::FORBIDDEN, &complaint));
    }
    Some(match (request.method(), what) {
        (&Method::POST, "faults") => match wanted(request.body()) {
            Ok(switch) => {
                sandbox.switch_on(switch);
                answer_json(StatusCode::OK, &json!({}))
            }
            Err(complaint) => answer_json(StatusCode::BAD_REQUEST, &json!({ "error": complaint })),
        },
        (&Method::GET, "log") => {
            let calls: Vec<Value> = sandbox.calls().iter().map(call).collect();
            answer_json(StatusCode::OK, &calls.into())
        }
        (&Method::GET, "killed") => {
            let killed: Vec<Value> = sandbox.ledger().killed().map(killed).collect();
            answer_json(StatusCode::OK, &killed.into())
        }
        (&Method::POST, "reset") => {
            sandbox.reset();
            answer_json(StatusCode::OK, &json!({}))
        }
        _ => answer_json(StatusCode::NOT_FOUND, &json!({ "error": "there is nothing here" })),
    })
}

fn wanted(body: &[u8]) -> Result<Switch, String> {
    let wanted: Wanted = serde_json::from_slice(body).map_err(|reason| reason.to_string())?;
    let trouble = Trouble::named(&wanted.fault)?;
    let times = wanted.times.map(often).transpose()?;
    Ok(Switch { trouble, operation: wanted.operation, times })
}

fn call(line: &CallLine) -> Value {
    json!({
        "at": timestamp(line.at), "operation": line.operation, "status": line.status,
        "request_id": line.request_id, "fault": line.trouble.map(Trouble::name),
    })
}

fn killed(one: &Killed) -> Value {
    json!({
        "at": timestamp(one.at), "node_id": one.node, "id": one.client.id,
        "address": one.client.address, "user": one.client.user, "name": one.client.name,
    })
}

fn timestamp(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}
