//! Alibaba Cloud ECS Session Manager: terminal sessions of instances.
//!
//! Kill call:
//! <https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-endterminalsession>,
//! one session at a time. The list
//! (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-describeterminalsessions>)
//! is a history of weeks, of a whole region or of one instance: what has ended is left out here.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;

use super::spec::Permissions;
use super::value::{self, Told};
use super::{
    Batch, Column, Cursor, Error, Everyone, Example, Input, Kind, Limits, Node, Page, Role,
    Session, SessionId, Sessions, Spec, Submission, Target, Unit, Which,
};
use crate::cloud::alicloud::common_kind;
use crate::cloud::{Action, Answer, Call, Client};

static SPEC: Spec = Spec {
    name: "alicloud_ecs",
    cloud: "alicloud",
    product: "ecs",
    title: "Alibaba Cloud ECS Session Manager",
    session: "terminal session",
    about: "A terminal session is one that was opened through Session Manager, on one instance or \
            on any instance of the region. Logins that did not come through Session Manager, such \
            as plain SSH, are not listed.",
    ending: "When a session is ended its connection drops, and its WebSocket URL stops working. \
             Logins that are not listed are not ended.",
    warning: Some(
        "**It cuts connections.** Whoever holds a selected terminal session loses it at once, in \
         the middle of whatever was going on. Without `instance_id` it means every terminal of \
         the region, and without `region` that is the provider block's, which is `cn-beijing` if \
         nothing else is said.",
    ),
    regional: true,
    inputs: &[Input {
        name: "instance_id",
        required: false,
        description: "The id of one ECS instance. Without it, all instances of the region.",
    }],
    one_of: &[],
    session_id: "the session's id, like `s-hz023od0x9****`.",
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's IP address.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user of the operating system who is logged in.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the session was created.",
        },
        Column {
            name: "instance_id",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The ECS instance that it is a terminal of.",
        },
        Column {
            name: "status",
            unit: Unit::Text,
            role: Role::Shown,
            description: "`Connecting` or `Connected`.",
        },
        Column {
            name: "created_at",
            unit: Unit::Text,
            role: Role::Shown,
            description: "When the session was created, in UTC.",
        },
        Column {
            name: "principal_id",
            unit: Unit::Text,
            role: Role::Shown,
            description: "Who opened it: an account, RAM user or assumed role, by id.",
        },
        Column {
            name: "identity_type",
            unit: Unit::Text,
            role: Role::Shown,
            description: "What `principal_id` is the id of, like `RAMUser`.",
        },
        Column {
            name: "target_server",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The server in the VPC that the session forwards to, if it does.",
        },
        Column {
            name: "port",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "The port that it forwards to, if it does.",
        },
    ],
    limits: Limits { batch: 1, everyone: Everyone::Never },
    permissions: Permissions {
        list: &[Action::of("ecs:DescribeTerminalSessions")],
        terminate: &[Action::of("ecs:EndTerminalSession")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("instance_id", "alicloud_instance.bastion.id")],
        criterion: ("min_age", "\"8h\""),
        old_login: Some(("users", "[\"deploy\"]")),
        protect: ("users", "[\"breakglass\"]"),
    },
    documentation: "https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-endterminalsession",
};

/// Error codes of the two calls' pages, and of
/// <https://www.alibabacloud.com/help/en/ecs/developer-reference/common-error-codes>.
const CODES: &[(&str, Kind)] = &[
    ("InvalidSessionId.NotFound", Kind::SessionGone),
    ("InvalidInstanceId.NotFound", Kind::TargetGone),
    ("RegionId.ApiNotSupported", Kind::Unsupported),
    ("InvalidRegionId.NotFound", Kind::BadRequest),
];

const VERSION: &str = "2014-05-26";

/// Sessions of one page of the list; the API allows 1 to 100.
const PAGE: usize = 100;
/// How long a session to which nobody has connected yet is live, in seconds: its WebSocket URL is
/// good for ten minutes
/// (<https://www.alibabacloud.com/help/en/ecs/developer-reference/api-ecs-2014-05-26-startterminalsession>).
const UNCONNECTED: i64 = 600;

/// Longest token that is sent back.
const MOST_TOKEN: usize = 4096;

/// ECS Session Manager.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service;

impl super::Service for Service {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn connect(&self, client: Arc<Client>, target: Target) -> Box<dyn Sessions> {
        Box::new(Ecs { client, target })
    }

    #[cfg(feature = "sandbox")]
    fn scenery(&self) -> Vec<super::simulator::Instance> {
        server::scenery()
    }

    #[cfg(feature = "sandbox")]
    fn simulator(&self, stage: super::simulator::Stage) -> Box<dyn super::simulator::Simulator> {
        Box::new(server::Server::new(stage))
    }
}

struct Ecs {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for Ecs {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    async fn list(&self, _node: &Node, after: Option<Cursor>) -> Result<Page, Error> {
        let mut call = self.call("DescribeTerminalSessions").query("MaxResults", PAGE);
        match self.target.get("instance_id") {
            // The cloud would take an empty id for none, and list the whole region.
            Some("") => {
                let message = "the id of the instance is empty";
                return Err(Error::new(Kind::BadRequest, call.operation, message));
            }
            Some(instance) => call = call.query("InstanceId", instance),
            None => {}
        }
        if let Some(cursor) = &after {
            call = call.query("NextToken", &cursor.0);
        }
        let answer = self.answer(call).await?;
        let listed: SessionsAnswer = answer.json()?;
        let next = next(&answer, listed.next_token, after.as_ref())?;
        let now = self.client.now();
        let listed = listed.sessions.session.unwrap_or_default();
        let wanted = self.target.get("instance_id");
        let sessions =
            listed.into_iter().filter_map(|one| session(&answer, one, wanted, now).transpose());
        let sessions = sessions.collect::<Result<_, _>>()?;
        Ok(Page { sessions, next, request_id: answer.request_id, ..Page::default() })
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let Which::These([id]) = batch.which else {
            return Err(Error::new(
                Kind::Configuration,
                "EndTerminalSession",
                "terminal sessions can be ended one at a time only",
            ));
        };
        let ended = self.answer(self.call("EndTerminalSession").query("SessionId", id)).await;
        match ended.map_err(perhaps_gone) {
            Ok(answer) => {
                let EndAnswer { _request_id, code } = answer.json()?;
                if let Some(code) = code {
                    let message = format!("the status is 200, but the answer has the code {code}");
                    return Err(answer.malformed(message));
                }
                Ok(Submission { request_id: answer.request_id, ..Submission::default() })
            }
            Err(error) if error.kind == Kind::SessionGone => Ok(Submission {
                already_gone: vec![id.clone()],
                request_id: error.request_id,
                ..Submission::default()
            }),
            Err(error) => Err(error),
        }
    }
}

impl Ecs {
    /// A call of an action. Parameters are in the query, `RegionId` beside the region in the host.
    fn call(&self, action: &'static str) -> Call {
        let call = Call::new(action, SPEC.product, Method::POST, "/");
        Call { version: VERSION, ..call }.query("RegionId", self.client.region())
    }

    async fn answer(&self, call: Call) -> Result<Answer, Error> {
        self.client.call(call).await.map_err(|error| error.classified(CODES))
    }
}

/// What is answered for a session that has ended already is documented for an id that is unknown
/// only. A complaint that no page explains may be about just that, so a look decides.
fn perhaps_gone(error: Error) -> Error {
    let code = error.code.as_deref().unwrap_or_default();
    let explained = CODES.iter().any(|(known, _)| *known == code) || common_kind(code).is_some();
    if matches!(error.status, Some(400 | 403 | 409)) && !explained {
        return Error { kind: Kind::Ambiguous, ..error };
    }
    error
}

/// Where the list goes on: an absent or empty token ends it.
fn next(
    answer: &Answer,
    token: Option<String>,
    after: Option<&Cursor>,
) -> Result<Option<Cursor>, Error> {
    let Some(token) = token.filter(|token| !token.is_empty()) else { return Ok(None) };
    if token.len() > MOST_TOKEN {
        return Err(answer.malformed(format!("a token of {} bytes", token.len())));
    }
    let next = Cursor(token);
    if after == Some(&next) {
        return Err(answer.malformed("the list goes on where it has just been"));
    }
    Ok(Some(next))
}

/// One entry of the list, if it is live: if a connection of it, to the instance that is `wanted`,
/// is not known to be over. What is over is not looked at any further.
fn session(
    answer: &Answer,
    listed: ListedSession,
    wanted: Option<&str>,
    now: SystemTime,
) -> Result<Option<Session>, Error> {
    let connections = listed.connections.and_then(|it| it.connection).unwrap_or_default();
    let unconnected = connections.is_empty();
    let is_live = |one: &Connection| {
        let over = matches!(one.status.as_deref(), Some("Terminated" | "Failed"));
        let elsewhere =
            matches!((&one.instance_id, wanted), (Some(id), Some(wanted)) if id != wanted);
        !over && !elsewhere
    };
    let live = match connections.into_iter().find(is_live) {
        Some(live) => live,
        None if unconnected => Connection::default(),
        None => return Ok(None),
    };
    let began = listed.creation_time.clone().filled().or(live.start_time.filled());
    let unreadable = || answer.malformed("a time of a session cannot be read");
    let age = began.map(|at| age(&at, now).ok_or_else(unreadable)).transpose()?;
    if unconnected && age.is_some_and(|age| age > UNCONNECTED) {
        return Ok(None);
    }
    let id = listed.session_id.id(answer)?;
    let id = id.ok_or_else(|| answer.malformed("a session has no id"))?;
    // The list tells a port of 0 for what forwards nothing.
    let port = Some(listed.port_number).filter(|port| *port != Told::from(Some(0)));
    let told = [
        ("client_address", listed.client_ip),
        ("user", listed.username),
        ("age_seconds", age.into()),
        ("instance_id", live.instance_id.into()),
        ("status", live.status.into()),
        ("created_at", listed.creation_time),
        ("principal_id", listed.principal_id),
        ("identity_type", listed.identity_type),
        ("target_server", listed.target_server),
        ("port", port.unwrap_or_default()),
    ];
    let fields = value::fields(answer, SPEC.columns, told)?;
    Ok(Some(Session { id: SessionId(id), node: String::new(), unkillable: None, fields }))
}

/// Seconds since a time like `2024-01-19T09:15:46Z`, or without its seconds, as some of the
/// product's answers are; 0 if our clock is behind it.
fn age(began: &str, now: SystemTime) -> Option<i64> {
    let whole = humantime::parse_rfc3339(began);
    let began = whole.or_else(|error| match began.strip_suffix('Z') {
        Some(minutes) => humantime::parse_rfc3339(&format!("{minutes}:00Z")),
        None => Err(error),
    });
    i64::try_from(now.duration_since(began.ok()?).unwrap_or_default().as_secs()).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionsAnswer {
    next_token: Option<String>,
    sessions: SessionList,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SessionList {
    session: Option<Vec<ListedSession>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListedSession {
    session_id: Told,
    creation_time: Told,
    username: Told,
    #[serde(rename = "ClientIP")]
    client_ip: Told,
    principal_id: Told,
    identity_type: Told,
    target_server: Told,
    port_number: Told,
    connections: Option<ConnectionList>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConnectionList {
    connection: Option<Vec<Connection>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Connection {
    instance_id: Option<String>,
    status: Option<String>,
    start_time: Told,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EndAnswer {
    #[serde(rename = "RequestId")]
    _request_id: String,
    /// No success has one.
    code: Option<serde_json::Value>,
}

#[cfg(feature = "sandbox")]
mod server {
    //! The API's other end, as strict as its pages. It also opens sessions, by
    //! `StartTerminalSession`.

    use std::collections::{BTreeMap, BTreeSet};
    use std::time::{Duration, SystemTime};

    use bytes::Bytes;
    use http::{Response, header};
    use serde_json::{Value, json};

    use super::VERSION;
    use crate::services::simulator::alicloud::{
        Parameters, Reply, action, done, invalid, refusal, throttled,
    };
    use crate::services::simulator::{
        Fault, Inbound, Instance, LiveClient, Simulator, Stage, Unended,
    };

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
            let record = Record {
                forward: Forward { server, port },
                ..record(&id, &node, client, inbound.at)
            };
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
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::services::Field;
    use crate::services::simulator::bench::{Bench, all_pages, ids};
    use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};

    /// Two instances, with `clients` on the first and one on the second.
    fn stage(clients: usize) -> (Stage, Arc<Mutex<Memory>>) {
        let mut memory = Memory::new().with("i-2", client(7));
        for number in 1..=clients {
            memory.connect("i-1", client(number));
        }
        let memory = memory.shared();
        let instances = ["i-1", "i-2"].map(|id| Instance::new(id, &[(id, "terminal")])).to_vec();
        (Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>), memory)
    }

    fn client(number: usize) -> LiveClient {
        LiveClient {
            id: number.to_string(),
            address: format!("10.0.0.{}:40001", number % 250),
            user: "root".into(),
            age: 90,
            ..LiveClient::default()
        }
    }

    fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
        let (stage, memory) = stage(clients);
        (Bench::new(&Service, stage), memory)
    }

    const FIRST: &[(&str, &str)] = &[("instance_id", "i-1")];

    /// A list of sessions, each with the statuses of its connections.
    fn history(sessions: &[(&str, &[Option<&str>])]) -> String {
        let session = |(id, statuses): &(&str, &[Option<&str>])| {
            let status = |status: &Option<&str>| {
                let status = status.map_or("null".to_owned(), |status| format!("\"{status}\""));
                format!("{{\"Status\":{status},\"InstanceId\":\"i-1\"}}")
            };
            let connections: Vec<String> = statuses.iter().map(status).collect();
            let connections = connections.join(",");
            format!("{{\"SessionId\":\"{id}\",\"Connections\":{{\"Connection\":[{connections}]}}}}")
        };
        let sessions: Vec<String> = sessions.iter().map(session).collect();
        format!("{{\"RequestId\":\"r\",\"Sessions\":{{\"Session\":[{}]}}}}", sessions.join(","))
    }

    #[tokio::test]
    async fn the_list_is_of_one_instance_or_of_the_region() {
        let (bench, _) = bench(2);
        for (target, expected) in [
            (FIRST, vec!["s-1000002", "s-1000001"]),
            (&[], vec!["s-2000007", "s-1000002", "s-1000001"]),
        ] {
            let sessions = bench.sessions(target);
            assert_eq!(sessions.nodes().await.unwrap(), [Node::whole()]);
            let found = ids(&all_pages(&*sessions, &Node::whole()).await);
            assert_eq!(found.iter().map(|id| id.0.as_str()).collect::<Vec<_>>(), expected);
        }
        let (_, asked, body) = bench.requests().remove(0);
        assert!(asked.contains("RegionId=here") && asked.contains("MaxResults=100"), "{asked}");
        assert!(body.is_empty(), "parameters are in the query");
    }

    #[tokio::test]
    async fn an_empty_instance_id_does_not_mean_the_region() {
        let (bench, _) = bench(1);
        let sessions = bench.sessions(&[("instance_id", "")]);
        let error = sessions.list(&Node::whole(), None).await.unwrap_err();
        assert_eq!(error.kind, Kind::BadRequest);
        assert!(bench.requests().is_empty());
    }

    #[tokio::test]
    async fn what_is_over_is_history_and_not_live() {
        let (bench, memory) = bench(3);
        let sessions = bench.sessions(FIRST);
        assert_eq!(all_pages(&*sessions, &Node::whole()).await.len(), 3);
        memory.lock().unwrap().disconnect("i-1", "2");
        let found = ids(&all_pages(&*sessions, &Node::whole()).await);
        assert_eq!(found, ["s-1000003", "s-1000001"].map(|id| SessionId(id.into())));
        let query = "RegionId=here&InstanceId=i-1&MaxResults=100";
        let answer = bench.raw_action(VERSION, "DescribeTerminalSessions", query);
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let all = answer["Sessions"]["Session"].as_array().unwrap();
        assert_eq!(all.len(), 5, "two of yesterday are there too: {answer}");
    }

    #[tokio::test]
    async fn a_session_is_live_while_a_connection_of_it_is_not_known_to_be_over() {
        let (bench, _) = bench(0);
        bench.can(
            200,
            &history(&[
                ("connected", &[Some("Connected")]),
                ("connecting", &[Some("Connecting")]),
                ("again", &[Some("Failed"), Some("Connected")]),
                ("unheard", &[Some("Resuming")]),
                ("unsaid", &[None]),
                ("disconnected", &[Some("Disconnected")]),
                ("none", &[]),
                ("terminated", &[Some("Terminated")]),
                ("failed", &[Some("Failed"), Some("Terminated")]),
            ]),
        );
        let page = bench.sessions(&[]).list(&Node::whole(), None).await.unwrap();
        let found = ids(&page.sessions);
        let found: Vec<&str> = found.iter().map(|id| id.0.as_str()).collect();
        assert_eq!(
            found,
            ["connected", "connecting", "again", "unheard", "unsaid", "disconnected", "none"]
        );
    }

    #[tokio::test]
    async fn a_session_without_a_connection_is_live_while_its_url_is_good() {
        for (connections, began, live) in [
            ("{\"Connection\":[]}", "2023-11-14T22:03:20Z", true),
            ("{\"Connection\":[]}", "2023-11-14T22:03:19Z", false),
            ("{}", "2023-11-14T22:13:20Z", true),
            ("null", "2023-11-14T22:13:20Z", true),
            ("null", "2023-10-14T22:13:20Z", false),
        ] {
            let (bench, _) = bench(0);
            bench.can(
                200,
                &format!(
                    r#"{{"Sessions":{{"Session":[{{"SessionId":"s-1","CreationTime":"{began}",
                    "Connections":{connections}}}]}}}}"#
                ),
            );
            let page = bench.sessions(&[]).list(&Node::whole(), None).await.unwrap();
            assert_eq!(page.sessions.len(), usize::from(live), "{connections} {began}");
        }
    }

    #[tokio::test]
    async fn a_session_that_lives_on_another_instance_is_not_of_this_one() {
        let connections = |status: &str| {
            format!(
                r#"{{"Sessions":{{"Session":[{{"SessionId":"s-1","Connections":{{"Connection":[
                {{"InstanceId":"i-2","Status":"Connected"}},
                {{"InstanceId":"i-1","Status":"{status}"}}]}}}}]}}}}"#
            )
        };
        for (status, target, expected) in [
            ("Terminated", FIRST, None),
            ("Connected", FIRST, Some("i-1")),
            ("Terminated", &[], Some("i-2")),
        ] {
            let (bench, _) = bench(0);
            bench.can(200, &connections(status));
            let page = bench.sessions(target).list(&Node::whole(), None).await.unwrap();
            let instance = page.sessions.first().and_then(|one| one.fields.get("instance_id"));
            let expected = expected.map(|id| Field::Text(id.into()));
            assert_eq!(instance, expected.as_ref(), "{status} {target:?}");
        }
    }

    #[tokio::test]
    async fn what_is_over_is_not_read_and_what_is_live_is() {
        let session = |status: &str, odd: &str| {
            format!(
                r#"{{"Sessions":{{"Session":[{{"SessionId":"s-1",{odd},"Connections":{{"Connection":[
                {{"InstanceId":"i-1","Status":"{status}"}}]}}}}]}}}}"#
            )
        };
        for (odd, readable) in [
            (r#""PortNumber":"""#, true),
            (r#""PortNumber":[1]"#, true),
            (r#""TargetServer":{}"#, true),
            (r#""CreationTime":"yesterday""#, false),
            (r#""Username":{}"#, false),
            (r#""ClientIP":[]"#, false),
        ] {
            let (bench, _) = bench(0);
            let sessions = bench.sessions(&[]);
            bench.can(200, &session("Terminated", odd));
            assert_eq!(sessions.list(&Node::whole(), None).await.unwrap().sessions, [], "{odd}");
            bench.can(200, &session("Connected", odd));
            let live = sessions.list(&Node::whole(), None).await.map_err(|error| error.kind);
            let expected = if readable { Ok(1) } else { Err(Kind::Malformed) };
            assert_eq!(live.map(|page| page.sessions.len()), expected, "{odd}");
        }
    }

    #[tokio::test]
    async fn a_session_tells_what_the_list_tells() {
        let (bench, _) = bench(0);
        bench.can(
            200,
            r#"{"RequestId":"r","Sessions":{"Session":[{"SessionId":"s-1","ClientIP":"10.0.0.1",
            "CreationTime":"2023-11-14T22:11:50Z","Username":"root","PrincipalId":"123",
            "IdentityType":"RAMUser","TargetServer":"192.168.0.246","PortNumber":22,"New":{},
            "Connections":{"Connection":[{"InstanceId":"i-1","Status":"Connected",
            "StartTime":"2023-11-14T22:12:00Z","EndTime":null}]}}]}}"#,
        );
        let page = bench.sessions(&[]).list(&Node::whole(), None).await.unwrap();
        let text = |text: &str| Field::Text(text.into());
        let expected = [
            ("client_address", text("10.0.0.1")),
            ("user", text("root")),
            ("age_seconds", Field::Integer(90)),
            ("instance_id", text("i-1")),
            ("status", text("Connected")),
            ("created_at", text("2023-11-14T22:11:50Z")),
            ("principal_id", text("123")),
            ("identity_type", text("RAMUser")),
            ("target_server", text("192.168.0.246")),
            ("port", Field::Integer(22)),
        ];
        assert_eq!(page.sessions[0].fields, expected.into());
        assert_eq!(page.sessions[0].fields.iter().len(), SPEC.columns.len());
    }

    #[test]
    fn an_age_is_told_where_the_date_can_be_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        for (began, expected) in [
            ("2023-11-14T22:13:20Z", Some(0)),
            ("2023-11-14T22:13:19Z", Some(1)),
            ("2023-11-14T23:00:00Z", Some(0)),
            ("1970-01-01T00:00:00Z", Some(1_700_000_000)),
            ("2023-11-14T22:11Z", Some(140)),
            ("2023-11-14Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(age(began, now), expected, "{began}");
        }
    }

    #[tokio::test]
    async fn a_long_history_is_read_to_its_end() {
        for clients in [97, 98, 99, 250] {
            let (bench, _) = bench(clients);
            let sessions = bench.sessions(FIRST);
            let mut found = ids(&all_pages(&*sessions, &Node::whole()).await);
            found.sort();
            found.dedup();
            assert_eq!(found.len(), clients);
        }
    }

    #[tokio::test]
    async fn a_page_without_a_live_session_does_not_end_the_list() {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[]);
        let token = r#"{"RequestId":"r","NextToken":"more","Sessions":{"Session":[]}}"#;
        bench.can(200, token);
        let page = sessions.list(&Node::whole(), None).await.unwrap();
        assert_eq!(page.next, Some(Cursor("more".into())));
        bench.can(200, token);
        let error = sessions.list(&Node::whole(), page.next).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "it goes round in a circle");
        bench.can(200, r#"{"RequestId":"r","NextToken":"","Sessions":{}}"#);
        assert_eq!(sessions.list(&Node::whole(), None).await.unwrap().next, None);
    }

    #[tokio::test]
    async fn what_is_not_a_list_is_malformed() {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[]);
        let endless = format!(r#"{{"NextToken":"{}","Sessions":{{}}}}"#, "a".repeat(5000));
        for body in [
            "",
            "{}",
            "<html>",
            r#"{"Sessions":[]}"#,
            r#"{"Sessions":{"Session":{}}}"#,
            r#"{"Sessions":{"Session":[{"Username":[]}]}}"#,
            r#"{"Sessions":{"Session":[{"Connections":{"Connection":[{"Status":"Connected"}]}}]}}"#,
            &endless,
        ] {
            bench.can(200, body);
            let error = sessions.list(&Node::whole(), None).await.unwrap_err();
            assert_eq!(error.kind, Kind::Malformed, "{body:.80}");
        }
    }

    #[tokio::test]
    async fn one_session_is_ended_and_no_other() {
        let (bench, memory) = bench(3);
        let sessions = bench.sessions(FIRST);
        let ids = ids(&all_pages(&*sessions, &Node::whole()).await);
        let whole = Node::whole();
        let batch = |which| Batch { node: Some(&whole), which };
        for which in [Which::These(&ids), Which::These(&[]), Which::Everyone] {
            let error = sessions.terminate(batch(which)).await.unwrap_err();
            assert_eq!(error.kind, Kind::Configuration);
        }
        let submission = sessions.terminate(batch(Which::These(&ids[1..2]))).await.unwrap();
        assert!(submission.already_gone.is_empty() && submission.request_id.is_some());
        assert_eq!(memory.lock().unwrap().killed(), [("i-1".to_owned(), "2".to_owned())]);
    }

    #[tokio::test]
    async fn ending_what_has_ended_is_success_whatever_the_answer() {
        for (gone, already) in [(Gone::Accepted, 0), (Gone::Refused, 1)] {
            let (mut stage, memory) = stage(1);
            stage.gone = gone;
            let bench = Bench::new(&Service, stage);
            let sessions = bench.sessions(FIRST);
            let ids = ids(&all_pages(&*sessions, &Node::whole()).await);
            let whole = Node::whole();
            let batch = Batch { node: Some(&whole), which: Which::These(&ids) };
            assert!(sessions.terminate(batch).await.unwrap().already_gone.is_empty());
            let again = sessions.terminate(batch).await.unwrap();
            assert_eq!(again.already_gone.len(), already);
            assert_eq!(memory.lock().unwrap().killed().len(), 1);
        }
        let (bench, _) = bench(0);
        let (whole, never) = (Node::whole(), [SessionId("s-0".into())]);
        let batch = Batch { node: Some(&whole), which: Which::These(&never) };
        assert_eq!(bench.sessions(&[]).terminate(batch).await.unwrap().already_gone, never);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_the_pages_is_not_believed() {
        let (whole, ids) = (Node::whole(), [SessionId("s-1000001".into())]);
        for (status, body, kind) in [
            (200, "{}", Kind::Malformed),
            (200, "<html>", Kind::Malformed),
            (200, r#"{"RequestId":"r","Code":"InternalError"}"#, Kind::Malformed),
            (400, r#"{"Code":"RegionId.ApiNotSupported"}"#, Kind::Unsupported),
            (404, r#"{"Code":"InvalidRegionId.NotFound"}"#, Kind::BadRequest),
            (404, r#"{"Code":"InvalidInstanceId.NotFound"}"#, Kind::TargetGone),
            (404, r#"{"Code":"Elsewhere"}"#, Kind::Refused),
            (400, r#"{"Code":"InvalidSession.Terminated"}"#, Kind::Ambiguous),
            (403, r#"{"Code":"OperationDenied"}"#, Kind::Ambiguous),
            (409, r#"{"Code":"IncorrectStatus"}"#, Kind::Ambiguous),
            (400, r#"{"Code":"InvalidParameter"}"#, Kind::Ambiguous),
            (403, r#"{"Code":"Forbidden.RAM"}"#, Kind::Permission),
            (400, r#"{"Code":"SignatureDoesNotMatch"}"#, Kind::Credentials),
            (400, r#"{"Code":"InvalidTimeStamp.Expired"}"#, Kind::Credentials),
            (400, r#"{"Code":"Throttling.User"}"#, Kind::Throttled),
            (400, r#"{"Code":"SignatureNonceUsed"}"#, Kind::Lost),
            (400, r#"{"Code":"ServiceUnavailable"}"#, Kind::Unavailable),
            (503, r#"{"Code":"Elsewhere"}"#, Kind::Unavailable),
        ] {
            let (bench, _) = bench(1);
            bench.can(status, body);
            let batch = Batch { node: Some(&whole), which: Which::These(&ids) };
            let error = bench.sessions(FIRST).terminate(batch).await.unwrap_err();
            assert_eq!(error.kind, kind, "{body}");
        }
    }

    #[tokio::test]
    async fn a_fault_is_told_whatever_it_ended() {
        for (fault, kind, killed) in [
            (Fault::Busy, Some(Kind::Throttled), 0),
            // Of one session a part is that one.
            (Fault::PartialKill, Some(Kind::Unavailable), 1),
            (Fault::Refuses, None, 0),
        ] {
            let (bench, memory) = bench(1);
            let sessions = bench.sessions(FIRST);
            let ids = ids(&all_pages(&*sessions, &Node::whole()).await);
            bench.fault(fault);
            let whole = Node::whole();
            let batch = Batch { node: Some(&whole), which: Which::These(&ids) };
            let outcome = sessions.terminate(batch).await;
            assert_eq!(outcome.err().map(|error| error.kind), kind);
            assert_eq!(memory.lock().unwrap().killed().len(), killed, "{fault:?}");
        }
    }

    #[test]
    fn the_simulator_is_as_strict_as_the_pages() {
        const LIST: &str = "DescribeTerminalSessions";
        const END: &str = "EndTerminalSession";
        const START: &str = "StartTerminalSession";
        for (action, query, status, code) in [
            (LIST, "", 400, "MissingParameter"),
            (LIST, "RegionId=", 400, "MissingParameter"),
            (LIST, "RegionId=r&MaxResults=0", 400, "InvalidParameter"),
            (LIST, "RegionId=r&MaxResults=101", 400, "InvalidParameter"),
            (LIST, "RegionId=r&NextToken=x", 400, "InvalidParameter"),
            (LIST, "RegionId=r&PageNumber=1", 400, "InvalidParameter"),
            (LIST, "RegionId=r&InstanceId=i-9", 404, "InvalidInstanceId.NotFound"),
            (END, "RegionId=r", 400, "MissingParameter"),
            (END, "SessionId=s", 400, "MissingParameter"),
            (END, "RegionId=r&SessionId=s&SessionId=t", 400, "InvalidParameter"),
            (END, "RegionId=r&SessionId=s", 404, "InvalidSessionId.NotFound"),
            (START, "RegionId=r", 400, "MissingParameter"),
            (START, "RegionId=r&InstanceId.1=i-9", 404, "InvalidInstanceId.NotFound"),
            (START, "RegionId=r&InstanceId.1=i-1&PortNumber=70000", 400, "InvalidParameter"),
            // Nobody can connect to a terminal in memory.
            (START, "RegionId=r&InstanceId.1=i-1", 403, "QuotaExceed.Session"),
        ] {
            let (bench, _) = bench(1);
            let response = bench.raw_action(VERSION, action, query);
            let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(response.status(), status, "{action} {query}: {answer}");
            assert_eq!(answer["Code"], code, "{action} {query}: {answer}");
            assert!(answer["RequestId"].is_string() && answer["HostId"].is_string());
        }
        let (bench, _) = bench(1);
        let elsewhere = bench.raw_action("2020-01-16", LIST, "RegionId=r");
        assert_eq!(elsewhere.status(), 404, "another product's version is not answered");
    }
}
