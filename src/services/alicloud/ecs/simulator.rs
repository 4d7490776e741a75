//! The API's other end, as strict as its pages. It also opens sessions, by
//! `StartTerminalSession`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Response, header};
use serde_json::{Value, json};

use super::api::VERSION;
use crate::services::simulator::alicloud::{
    Parameters, Reply, action, done, invalid, refusal, throttled,
};
use crate::services::simulator::{Fault, Inbound, Instance, LiveClient, Simulator, Stage, Unended};

/// Finished sessions that are remembered, as the list's page says.
const MOST_FINISHED: usize = 1000;

pub(super) struct Server {
    stage: Stage,
    /// The history, by age.
    records: BTreeMap<u64, Record>,
    /// Live sessions: node and key, and where they stand in the history.
    live: BTreeMap<(String, String), u64>,
    made: u64,
}

struct Record {
    id: String,
    instance: String,
    node: String,
    client: LiveClient,
    created: SystemTime,
    /// When and how it ended.
    ended: Option<(SystemTime, &'static str)>,
    forward: Forward,
}

#[derive(Clone, Default)]
struct Forward {
    server: Option<String>,
    port: Option<usize>,
}

impl Simulator for Server {
    fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
        let handle: fn(&mut Server, &Inbound<'_>, Parameters) -> Reply =
            match action(inbound, VERSION)? {
                "DescribeTerminalSessions" => Server::list,
                "EndTerminalSession" => Server::end,
                "StartTerminalSession" => Server::start,
                _ => return None,
            };
        let mut parameters = Parameters::of(inbound);
        let reply = parameters.required("RegionId").and_then(|_| match inbound.fault {
            Some(Fault::Busy) => Err(throttled()),
            _ => handle(self, inbound, parameters),
        });
        Some(reply.unwrap_or_else(|refusal| refusal))
    }

    /// Writes down who came and who went.
    fn settle(&mut self, at: SystemTime) {
        if self.made == 0 {
            self.long_ago(at);
        }
        let mut gone: BTreeSet<(String, String)> = self.live.keys().cloned().collect();
        for instance in self.stage.instances.clone() {
            for (node, _) in &instance.nodes {
                for client in self.stage.list(node) {
                    gone.remove(&(node.clone(), client.id.clone()));
                    self.meet(&instance.id, node, client, at);
                }
            }
        }
        for key in gone {
            let record = self.live.remove(&key).and_then(|at| self.records.get_mut(&at));
            let Some(record) = record else { continue };
            record.ended = Some((at, "Terminated"));
        }
        self.forget();
    }
}

impl Server {
    pub(super) fn new(stage: Stage) -> Server {
        Server { stage, records: BTreeMap::new(), live: BTreeMap::new(), made: 0 }
    }

    /// A session that ended yesterday, and one that never came about, on every instance.
    fn long_ago(&mut self, at: SystemTime) {
        let yesterday = at - Duration::from_secs(24 * 60 * 60);
        for instance in self.stage.instances.clone() {
            for (key, status) in [("past-1", "Terminated"), ("past-2", "Failed")] {
                let client = LiveClient {
                    id: key.to_owned(),
                    address: "10.9.9.9:40000".to_owned(),
                    user: "root".to_owned(),
                    ..LiveClient::default()
                };
                let record = record(&instance.id, &instance.id, client, yesterday);
                self.write(Record { ended: Some((yesterday, status)), ..record });
            }
        }
        self.made += 1;
    }

    fn write(&mut self, record: Record) {
        self.made += 1;
        if record.ended.is_none() {
            self.live.insert((record.node.clone(), record.client.id.clone()), self.made);
        }
        self.records.insert(self.made, record);
    }

    fn meet(&mut self, instance: &str, node: &str, client: LiveClient, at: SystemTime) {
        let known = self.live.get(&(node.to_owned(), client.id.clone()));
        match known.and_then(|at| self.records.get_mut(at)) {
            Some(record) => record.client = client,
            None => {
                let age = Duration::from_secs(u64::try_from(client.age).unwrap_or_default());
                self.write(record(instance, node, client, at - age));
            }
        }
    }

    fn forget(&mut self) {
        let finished = self.records.iter().filter(|(_, record)| record.ended.is_some());
        let finished: Vec<u64> = finished.map(|(at, _)| *at).collect();
        for at in finished.iter().take(finished.len().saturating_sub(MOST_FINISHED)) {
            self.records.remove(at);
        }
    }

    fn list(&mut self, inbound: &Inbound<'_>, mut parameters: Parameters) -> Reply {
        let instance = parameters.optional("InstanceId");
        let session = parameters.optional("SessionId");
        let most = parameters.number("MaxResults", 1..=100, 10)?;
        let token = parameters.optional("NextToken").filter(|token| !token.is_empty());
        parameters.done()?;
        let before = match token {
            None => u64::MAX,
            Some(token) => token
                .strip_prefix("AAAAAd")
                .and_then(|text| u64::from_str_radix(text, 16).ok())
                .ok_or_else(|| invalid("NextToken"))?,
        };
        let known = instance.as_deref().is_none_or(|id| self.stage.instance(id).is_some());
        if !known || inbound.fault == Some(Fault::TargetGone) {
            return Err(no_instance());
        }
        let meant = self.records.range(..before).rev().filter(|(_, record)| {
            instance.as_ref().is_none_or(|id| *id == record.instance)
                && session.as_ref().is_none_or(|id| *id == record.id)
        });
        let page: Vec<(&u64, &Record)> = meant.take(most + 1).collect();
        let shown: Vec<Value> = page.iter().take(most).map(|(_, one)| shown(one)).collect();
        let mut body = json!({ "Sessions": { "Session": shown } });
        if page.len() > most
            && let Some((last, _)) = page.get(most - 1)
        {
            body["NextToken"] = format!("AAAAAd{last:x}").into();
        }
        Ok(done(body))
    }

    fn end(&mut self, inbound: &Inbound<'_>, mut parameters: Parameters) -> Reply {
        let id = parameters.required("SessionId")?;
        parameters.done()?;
        let known = self.records.values().find(|record| record.id == id);
        let known = known.filter(|_| inbound.fault != Some(Fault::TargetGone));
        let Some(record) = known else { return Err(no_session()) };
        let key = record.ended.is_none().then(|| record.client.id.clone());
        let ended = self.stage.end(&record.node, &[key], inbound.fault);
        ended.map_err(|why| match why {
            Unended::NotThere => no_session(),
            Unended::InPart => refusal(500, "InternalError", "An internal error occurred."),
        })?;
        Ok(done(json!({})))
    }

    /// <https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-startterminalsession>,
    /// for one instance.
    fn start(&mut self, inbound: &Inbound<'_>, mut parameters: Parameters) -> Reply {
        let id = parameters.required("InstanceId.1")?;
        let user = parameters.optional("Username").unwrap_or_else(|| "root".to_owned());
        let server = parameters.optional("TargetServer");
        let port = parameters.number("PortNumber", 1..=65_535, 0)?;
        let port = Some(port).filter(|port| *port != 0);
        for ignored in ["CommandLine", "ConnectionType", "PasswordName"] {
            parameters.optional(ignored);
        }
        parameters.done()?;
        let instance = self.stage.instance(&id).ok_or_else(no_instance)?;
        let node = instance.nodes.first().map(|(node, _)| node.clone());
        let node = node.ok_or_else(no_instance)?;
        let expected = self.stage.expect(&node, &user);
        let expected = expected.ok_or_else(|| {
            refusal(403, "QuotaExceed.Session", "The maximum number of sessions is reached.")
        })?;
        let client =
            LiveClient { id: expected.id.clone(), user: user.clone(), ..LiveClient::default() };
        let record =
            Record { forward: Forward { server, port }, ..record(&id, &node, client, inbound.at) };
        let session = record.id.clone();
        self.write(record);
        let token = expected.token.reveal();
        let url = format!("ws://{}/session?sessionId={session}&token={token}", host(inbound));
        Ok(done(json!({ "SessionId": session, "SecurityToken": token, "WebSocketUrl": url })))
    }
}

/// Two bastions and a worker.
pub(super) fn scenery() -> Vec<Instance> {
    ["i-bp1i7gg30r52z2em0001", "i-bp1i7gg30r52z2em0002", "i-bp1i7gg30r52z2em0003"]
        .map(|id| Instance::new(id, &[(id, "terminal")]))
        .to_vec()
}

fn record(instance: &str, node: &str, client: LiveClient, created: SystemTime) -> Record {
    // Keys are told apart on one node only, ids in the whole region.
    let tail = node.strip_prefix("i-").unwrap_or(node);
    Record {
        id: format!("s-{tail}{:0>6}", client.id),
        instance: instance.to_owned(),
        node: node.to_owned(),
        client,
        created,
        ended: None,
        forward: Forward::default(),
    }
}

/// A session as the list shows it.
fn shown(record: &Record) -> Value {
    let client = &record.client;
    let connecting = client.flags == "Connecting";
    let began = humantime::format_rfc3339_seconds(record.created).to_string();
    let mut connection = json!({ "InstanceId": record.instance, "StartTime": began });
    connection["Status"] = match record.ended {
        Some((at, status)) => {
            connection["EndTime"] = humantime::format_rfc3339_seconds(at).to_string().into();
            connection["ClosedReason"] = "SessionClosed".into();
            if status == "Failed" {
                connection["ClosedReason"] = "DeliveryTimeout".into();
                connection["FailedDetail"] = "The connection timed out.".into();
            }
            status
        }
        None if connecting => "Connecting",
        None => "Connected",
    }
    .into();
    let address = client.address.rsplit_once(':').map_or("", |(ip, _)| ip);
    let mut session = json!({
        "SessionId": record.id, "CreationTime": began, "Username": client.user,
        "ClientIP": address, "PrincipalId": "123456789012345678", "IdentityType": "RAMUser",
        "TargetServer": record.forward.server.clone().unwrap_or_default(),
        "Connections": { "Connection": [connection] },
    });
    if let Some(port) = record.forward.port {
        session["PortNumber"] = port.into();
    }
    session
}

fn host(inbound: &Inbound<'_>) -> String {
    let named = inbound.request.headers().get(header::HOST).and_then(|it| it.to_str().ok());
    let authority = inbound.request.uri().authority().map(|it| it.as_str());
    named.or(authority).unwrap_or("localhost").to_owned()
}

fn no_session() -> Response<Bytes> {
    refusal(404, "InvalidSessionId.NotFound", "The specified SessionId does not exist.")
}

fn no_instance() -> Response<Bytes> {
    refusal(404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
}
