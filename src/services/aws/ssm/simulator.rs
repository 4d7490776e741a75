//! The API's other end, as strict as its pages.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::PAGE;
use crate::services::simulator::aws::{Reply, done, refusal, target};
use crate::services::simulator::{Fault, Inbound, Instance, LiveClient, Simulator, Stage};

const PREFIX: &str = "AmazonSSM";

pub(super) struct Server {
    stage: Stage,
    /// When each session was first met, by its id: the list tells the moment, not the age.
    began: BTreeMap<String, SystemTime>,
}

/// A live session: its node, its client there, and the id that it is listed under.
struct Live {
    node: String,
    client: LiveClient,
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeSessions {
    state: String,
    max_results: Option<usize>,
    next_token: Option<String>,
    filters: Option<Vec<Filter>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TerminateSession {
    session_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DescribeInstanceInformation {
    filters: Option<Vec<InstanceFilter>>,
    #[serde(rename = "MaxResults")]
    _max_results: Option<usize>,
    #[serde(rename = "NextToken")]
    _next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct InstanceFilter {
    key: String,
    values: Vec<String>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let operation = target(inbound, PREFIX)?;
        if inbound.fault == Some(Fault::Busy) {
            return Some(refusal(400, "ThrottlingException", "Rate exceeded"));
        }
        let reply = match operation {
            "DescribeSessions" => self.list(inbound),
            "TerminateSession" => self.end(inbound),
            "DescribeInstanceInformation" => self.instances(inbound),
            _ => return Some(refusal(400, "UnknownOperationException", "")),
        };
        Some(reply.unwrap_or_else(|refusal| refusal))
    }

    fn settle(&mut self, at: SystemTime) {
        for live in self.live() {
            let age = Duration::from_secs(u64::try_from(live.client.age).unwrap_or_default());
            self.began.entry(live.id).or_insert(at - age);
        }
    }
}

impl Server {
    pub(super) fn new(stage: Stage) -> Server {
        Server { stage, began: BTreeMap::new() }
    }

    /// Who is connected, the newest first.
    fn live(&self) -> Vec<Live> {
        let mut all = Vec::new();
        for node in self.stage.instances.iter().flat_map(|one| &one.nodes).map(|(id, _)| id) {
            for client in self.stage.list(node) {
                let id = session_id(node, &client);
                all.push(Live { node: node.clone(), client, id });
            }
        }
        all.sort_by(|a, b| b.id.cmp(&a.id));
        all
    }

    fn list(&self, inbound: &Inbound<'_>) -> Reply {
        let asked: DescribeSessions = body(inbound)?;
        if !["Active", "History"].contains(&asked.state.as_str()) {
            return Err(invalid("state must be Active or History"));
        }
        let most = asked.max_results.unwrap_or(PAGE);
        if !(1..=PAGE).contains(&most) {
            return Err(invalid("maxResults must be from 1 to 200"));
        }
        let (mut node, mut session) = (None, None);
        let filters = asked.filters.unwrap_or_default();
        for Filter { key, value } in filters {
            if value.is_empty() || value.len() > 400 {
                return Err(invalid("the value of a filter has 1 to 400 characters"));
            }
            match key.as_str() {
                "Target" => node = Some(value),
                "SessionId" => session = Some(value),
                _ => return Err(refusal(400, "InvalidFilterKey", &key)),
            }
        }
        let live = if asked.state == "Active" { self.live() } else { Vec::new() };
        let meant = |one: &Live| {
            node.as_ref().is_none_or(|node| *node == one.node)
                && session.as_ref().is_none_or(|id| *id == one.id)
        };
        // A token names the last that was shown.
        let after = asked.next_token.map(|token| {
            let last = token.strip_prefix("AAEAA").map(str::to_owned);
            last.ok_or_else(|| {
                refusal(400, "InvalidNextToken", "The specified token is not valid.")
            })
        });
        let after = after.transpose()?;
        let rest = live.iter().filter(|one| meant(one));
        let rest: Vec<&Live> =
            rest.filter(|one| after.as_ref().is_none_or(|last| one.id < *last)).collect();
        let shown: Vec<Value> = rest.iter().take(most).map(|one| self.shown(one)).collect();
        let mut answer = json!({ "Sessions": shown });
        if rest.len() > most
            && let Some(last) = rest.get(most - 1)
        {
            answer["NextToken"] = format!("AAEAA{}", last.id).into();
        }
        Ok(done(&answer))
    }

    fn shown(&self, one: &Live) -> Value {
        let began = self.began.get(&one.id).copied().unwrap_or(UNIX_EPOCH);
        let began = began.duration_since(UNIX_EPOCH).unwrap_or_default();
        json!({
            "SessionId": one.id, "Target": one.node, "Status": "Connected",
            "StartDate": began.as_millis() as f64 / 1000.0,
            "DocumentName": document(&one.client),
            "Owner": owner(&one.client), "Reason": "", "MaxSessionDuration": "60",
            "AccessType": "Standard",
            "OutputUrl": { "S3OutputUrl": "", "CloudWatchOutputUrl": "" },
        })
    }

    /// Succeeds whether the session is there or not.
    fn end(&self, inbound: &Inbound<'_>) -> Reply {
        let TerminateSession { session_id } = body(inbound)?;
        if session_id.is_empty() || session_id.len() > 96 {
            return Err(invalid("sessionId has 1 to 96 characters"));
        }
        if let Some(live) = self.live().into_iter().find(|one| one.id == session_id) {
            let ended = self.stage.end(&live.node, &[Some(live.client.id)], inbound.fault);
            ended
                .map_err(|_| refusal(500, "InternalServerError", "An internal error occurred."))?;
        }
        Ok(done(&json!({ "SessionId": session_id })))
    }

    fn instances(&self, inbound: &Inbound<'_>) -> Reply {
        let asked: DescribeInstanceInformation = body(inbound)?;
        let mut ids = None;
        for InstanceFilter { key, values } in asked.filters.unwrap_or_default() {
            match key.as_str() {
                "InstanceIds" if !values.is_empty() => ids = Some(values),
                _ => return Err(refusal(400, "InvalidFilterKey", &key)),
            }
        }
        let meant = |one: &&Instance| {
            inbound.fault != Some(Fault::TargetGone)
                && ids.as_ref().is_none_or(|ids| ids.contains(&one.id))
        };
        let shown = self.stage.instances.iter().filter(meant);
        let shown: Vec<Value> =
            shown.map(|one| json!({ "InstanceId": one.id, "PingStatus": "Online" })).collect();
        Ok(done(&json!({ "InstanceInformationList": shown })))
    }
}

/// The body of a request, of exactly these members.
fn body<T: serde::de::DeserializeOwned>(inbound: &Inbound<'_>) -> Result<T, Response<Bytes>> {
    serde_json::from_slice(inbound.request.body())
        .map_err(|reason| refusal(400, "SerializationException", &reason.to_string()))
}

/// The id under which a client is listed: who opened it, then 17 digits.
fn session_id(node: &str, client: &LiveClient) -> String {
    let tail = node.get(node.len().saturating_sub(4)..).unwrap_or(node);
    let opener = if client.name.is_empty() { &client.user } else { &client.name };
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let opener: String = opener.chars().map(plain).collect();
    format!("{opener}-0{tail}{:0>12}", client.id)
}

/// Who opened it: a user, or a session of the role of that name.
fn owner(client: &LiveClient) -> String {
    let LiveClient { user, name, .. } = client;
    match name.as_str() {
        "" => format!("arn:aws:iam::123456789012:user/{user}"),
        name => format!("arn:aws:sts::123456789012:assumed-role/{user}/{name}"),
    }
}

/// What a client runs, by its last command.
fn document(client: &LiveClient) -> &'static str {
    if client.command == "get" {
        "AWS-StartPortForwardingSession"
    } else {
        "SSM-SessionManagerRunShell"
    }
}

fn invalid(complaint: &str) -> Response<Bytes> {
    let message = format!("1 validation error detected: {complaint}");
    refusal(400, "ValidationException", &message)
}

/// Two bastions and a worker.
pub(super) fn scenery() -> Vec<Instance> {
    ["i-0a1b2c3d4e5f60001", "i-0a1b2c3d4e5f60002", "mi-0a1b2c3d4e5f60003"]
        .map(|id| Instance::new(id, &[(id, "node")]))
        .to_vec()
}
