//! Huawei Cloud DCS for Redis: client connections of cache instances.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-dcs/HangUpClients.html>. A node's
//! clients are listed from a snapshot that a scan job takes first
//! (<https://support.huaweicloud.com/api-dcs/ScanClients.html>), chosen clients are killed at once
//! by address, and everyone by a job (<https://support.huaweicloud.com/api-dcs/HangUpKillAllClients.html>).

use std::sync::Arc;

use async_trait::async_trait;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::paging::{self, Slice};
use super::path::segment;
use super::spec::Permissions;
use super::value::{self, Told};
use super::{
    Batch, Column, Cursor, Error, Everyone, Example, Input, Kind, Limits, Node, Page, Progress,
    Role, Session, SessionId, Sessions, Spec, Submission, Target, Ticket, Unit, Which, error,
    nodes,
};
use crate::cloud::{Action, Answer, Call, Client};

static SPEC: Spec = Spec {
    name: "huaweicloud_dcs",
    cloud: "huaweicloud",
    product: "dcs",
    title: "Huawei Cloud DCS for Redis",
    session: "client connection",
    about: "A client connection is one of a client to a Redis instance of Distributed Cache \
            Service; of an instance with proxies, to a proxy. Needs Redis 4.0 or newer. \
            Connections of the console's Web CLI are not listed.",
    ending: "The API ends chosen connections by address, all of a node, or all of the instance. A \
             client whose connection was ended can connect again at once.",
    warning: None,
    regional: true,
    inputs: &[
        Input { name: "instance_id", required: true, description: "The id of the DCS instance." },
        Input {
            name: "node_id",
            required: false,
            description: "The id of one node of the instance: of a proxy where there are proxies, \
                          else of a data node. Without it, every such node, whatever its state.",
        },
    ],
    one_of: &[],
    session_id: "the client's address, like `10.63.238.158:2048`: `peer` of the list, or `addr` \
                 where the list gives no `peer`.",
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port. Where the list tells no `peer` (some \
                          proxies) and client IP pass-through is off, an internal 198.19.x.x \
                          address.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The ACL user who is logged in.",
        },
        Column {
            name: "database",
            unit: Unit::Text,
            role: Role::Database,
            description: "The number of the database in use, as text.",
        },
        Column {
            name: "command",
            unit: Unit::Text,
            role: Role::Command,
            description: "The last command, in lower case.",
        },
        Column {
            name: "name",
            unit: Unit::Text,
            role: Role::Name,
            description: "The name that the client gave itself with `CLIENT SETNAME`.",
        },
        Column {
            name: "age_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "Time since the client connected.",
        },
        Column {
            name: "idle_seconds",
            unit: Unit::Seconds,
            role: Role::Idle,
            description: "Time since its last command.",
        },
        Column {
            name: "flags",
            unit: Unit::Text,
            role: Role::Shown,
            description: "Redis' letters for the connection's state; `N` is none.",
        },
        Column {
            name: "subscriptions",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Number of channels it listens to.",
        },
    ],
    // How many addresses one call may name is not documented. 100 keeps the body under 6 kB with
    // IPv6 addresses, and little is lost when a call fails.
    limits: Limits { batch: 100, everyone: Everyone::NodeOrTarget },
    // "Authorization Information" of the calls' pages, and for role and policy-based grants
    // https://support.huaweicloud.com/intl/en-us/api-dcs/api-grant-policy.html. The look-up of nodes
    // needs no identity policy; which older action it needs no page says, so it is the one of the
    // instance.
    permissions: Permissions {
        list: &[
            Action::only_formerly("dcs:instance:get"),
            Action::of("dcs:clients:list"),
            Action::of("dcs:job:get"),
        ],
        terminate: &[Action::of("dcs:clients:kill")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_dcs_instance.cache.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("users", "[\"monitor\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-dcs/HangUpClients.html",
};

/// "Error Codes" of the API reference
/// (<https://support.huaweicloud.com/intl/en-us/api-dcs/dcs-api-0312044.html>), the busy ones that
/// the vendor's own provider retries (terraform-provider-huaweicloud `services/dcs/common.go`), and
/// the numeric form in which older editions give three of them.
const CODES: &[(&str, Kind)] = &[
    // A scan or a kill-all of the node is still running.
    ("DCS.4957", Kind::Busy),
    // The instance is being created, changed, restarted, backed up, analysed, frozen, …
    ("DCS.4017", Kind::Busy),
    ("DCS.4026", Kind::Busy),
    ("111400026", Kind::Busy),
    ("DCS.4049", Kind::Busy),
    ("DCS.4096", Kind::Busy),
    ("DCS.4097", Kind::Busy),
    ("DCS.4104", Kind::Busy),
    ("DCS.4111", Kind::Busy),
    ("DCS.4113", Kind::Busy),
    ("DCS.4114", Kind::Busy),
    ("DCS.4115", Kind::Busy),
    ("DCS.4116", Kind::Busy),
    ("DCS.4117", Kind::Busy),
    ("DCS.4118", Kind::Busy),
    ("DCS.4120", Kind::Busy),
    ("DCS.4121", Kind::Busy),
    ("DCS.4231", Kind::Busy),
    ("DCS.4975", Kind::Busy),
    ("CBC.99003651", Kind::Busy),
    // Client management is absent from the node, the instance's version, or the region.
    ("DCS.4027", Kind::Unsupported),
    ("DCS.4848", Kind::Unsupported),
    ("DCS.4850", Kind::Unsupported),
    // Project id, URL, body, JSON, instance id, parameters, node id.
    ("DCS.4001", Kind::BadRequest),
    ("DCS.4002", Kind::BadRequest),
    ("DCS.4004", Kind::BadRequest),
    ("DCS.4005", Kind::BadRequest),
    ("DCS.4061", Kind::BadRequest),
    ("DCS.4062", Kind::BadRequest),
    ("DCS.4063", Kind::BadRequest),
    ("DCS.3053", Kind::BadRequest),
    ("DCS.3022", Kind::TargetGone),
    ("111404022", Kind::TargetGone),
    ("DCS.5053", Kind::TargetGone),
    ("DCS.1001", Kind::Credentials),
    ("DCS.1002", Kind::Credentials),
    ("111401002", Kind::Credentials),
    ("DCS.1003", Kind::Credentials),
    ("DCS.1004", Kind::Credentials),
    ("DCS.2003", Kind::Permission),
    ("DCS.2007", Kind::Permission),
    ("DCS.3002", Kind::Permission),
    ("DCS.3003", Kind::Permission),
    ("DCS.5000", Kind::Unavailable),
    ("DCS.5006", Kind::Unavailable),
    ("DCS.5024", Kind::Unavailable),
    ("DCS.5070", Kind::Unavailable),
];

/// Clients of one page of the list; the API allows 1 to 1000.
const PAGE: usize = 1000;

/// DCS for Redis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service;

impl super::Service for Service {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn connect(&self, client: Arc<Client>, target: Target) -> Box<dyn Sessions> {
        Box::new(Dcs { client, target })
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

struct Dcs {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for Dcs {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let path = self.instance_path("ShowNodesInformation", "logical-nodes")?;
        let answer = self.call(Call::new("ShowNodesInformation", "dcs", Method::GET, path)).await?;
        let listed: NodesAnswer = answer.json()?;
        let listed = listed.complete(&answer)?;
        let listed = sorted(listed);
        nodes::choose(listed, "Active", self.target.get("node_id"))
            .map_err(|(kind, message)| Error { kind, ..answer.malformed(message) })
    }

    async fn prepare(&self, node: &Node) -> Result<Option<Ticket>, Error> {
        let path = self.instance_path("ScanClients", "clients")?;
        // Without `clean_cache` the answer may be a snapshot that somebody took an hour ago.
        let body = json!({ "node_id": node.id, "clean_cache": true });
        let call = Call::new("ScanClients", "dcs", Method::POST, path).body(body);
        let answer = self.call(call).await.map_err(|error| node.told(error))?;
        ticket(&answer).map(Some)
    }

    async fn list(&self, node: &Node, after: Option<Cursor>) -> Result<Page, Error> {
        let offset = paging::offset("ListClients", after.as_ref())?;
        let call = Call::new(
            "ListClients",
            "dcs",
            Method::GET,
            self.instance_path("ListClients", "clients")?,
        )
        .query("node_id", &node.id)
        .query("offset", offset)
        .query("limit", PAGE);
        let answer = self.call(call).await.map_err(unscanned).map_err(|error| node.told(error))?;
        let listed: ClientsAnswer = answer.json()?;
        let total = listed.count.count(&answer, "count")?;
        let clients = paging::items(&answer, listed.clients, total)?;
        let got = clients.len();
        let page = Slice { offset, limit: PAGE, got, total, moves: false }; // a snapshot
        let next = paging::next(&answer, page)?;
        let sessions = clients.into_iter().map(|client| session(&answer, client, node));
        let sessions = sessions.collect::<Result<_, _>>()?;
        Ok(Page { sessions, next, request_id: answer.request_id, ..Page::default() })
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        match (batch.which, batch.node_id(&self.target)) {
            (Which::These(ids), Some(node)) => self.kill(node, ids).await,
            (Which::These(_), None) => Err(Error::new(
                Kind::Configuration,
                "HangUpClients",
                "clients can be named on one node at a time only",
            )),
            (Which::Everyone, node) => self.kill_all(node).await,
        }
    }

    async fn poll(&self, ticket: &Ticket) -> Result<Progress, Error> {
        let job = segment("ShowJobInfo", "job", &ticket.0)?;
        let path = format!("/v2/{{project_id}}/jobs/{job}");
        let answer = self.call(Call::new("ShowJobInfo", "dcs", Method::GET, path)).await?;
        let job: JobAnswer = answer.json()?;
        match job.status.as_deref() {
            Some("INIT" | "RUNNING") => Ok(Progress::Running),
            Some("SUCCESS") => Ok(Progress::Done),
            Some("FAIL") => {
                let reason = job.fail_reason.filter(|reason| !reason.is_empty());
                let message = reason.unwrap_or_else(|| "the job failed without a reason".into());
                Err(Error { kind: Kind::JobFailed, ..answer.malformed(message) })
            }
            _ => Err(answer.malformed("the job is in none of the documented states")),
        }
    }
}

impl Dcs {
    async fn call(&self, call: Call) -> Result<Answer, Error> {
        self.client.call(call).await.map_err(|error| error.classified(CODES))
    }

    async fn kill(&self, node: &str, ids: &[SessionId]) -> Result<Submission, Error> {
        let path = self.instance_path("HangUpClients", "clients/kill")?;
        let addresses: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let body = json!({ "node_id": node, "client_addrs": addresses });
        let call = Call::new("HangUpClients", "dcs", Method::POST, path).body(body);
        let answer = self.call(call).await;
        let answer =
            answer.map_err(|error| error::perhaps_gone(error, CODES, &["DCS.4062", "DCS.4063"]))?;
        if answer.status != StatusCode::NO_CONTENT {
            return Err(answer.malformed("a kill is answered with 204, and this is not"));
        }
        Ok(Submission { request_id: answer.request_id, ..Submission::default() })
    }

    async fn kill_all(&self, node: Option<&str>) -> Result<Submission, Error> {
        let path = self.instance_path("HangUpKillAllClients", "clients/kill-all")?;
        let body = match node {
            Some(node) => json!({ "node_id": node, "kill_all_nodes": false }),
            None => json!({ "kill_all_nodes": true }),
        };
        let call = Call::new("HangUpKillAllClients", "dcs", Method::POST, path).body(body);
        let answer = self.call(call).await?;
        let ticket = Some(ticket(&answer)?);
        Ok(Submission { ticket, request_id: answer.request_id, ..Submission::default() })
    }

    fn instance_path(&self, operation: &'static str, rest: &str) -> Result<String, Error> {
        let id = self.target.get("instance_id").unwrap_or_default();
        let id = segment(operation, "instance", id)?;
        Ok(format!("/v2/{{project_id}}/instances/{id}/{rest}"))
    }
}

/// The nodes, those aside that hold no clients: where there are proxies, clients are on them, else
/// on the data nodes (<https://support.huaweicloud.com/api-dcs/ListClients.html>, `node_id`).
fn sorted(listed: Vec<ListedNode>) -> Vec<nodes::Listed> {
    let is_proxy = |node: &ListedNode| node.node_role.as_deref() == Some("redis-proxy");
    let proxied = listed.iter().any(is_proxy);
    let sorted = listed.into_iter().map(|one| nodes::Listed {
        aside: (is_proxy(&one) != proxied)
            .then_some("is behind proxies; clients are on the proxies"),
        id: one.node_id,
        status: one.status,
    });
    sorted.collect()
}

/// One listed client. Without any address it cannot be named in a kill.
fn session(answer: &Answer, client: ListedClient, node: &Node) -> Result<Session, Error> {
    let address = match client.peer.id(answer)? {
        Some(peer) => Some(peer),
        None => client.addr.id(answer)?,
    };
    let unkillable =
        address.is_none().then_some("the list gives no address for it, and a kill needs one");
    let id = match &address {
        Some(address) => address.clone(),
        None => format!("#{}", client.id.id(answer)?.unwrap_or_default()),
    };
    let told = [
        ("client_address", address.into()),
        ("user", client.user),
        ("database", client.db),
        ("command", client.cmd),
        ("name", client.name),
        ("age_seconds", client.age),
        ("idle_seconds", client.idle),
        ("flags", client.flags),
        ("subscriptions", client.sub),
    ];
    let fields = value::fields(answer, SPEC.columns, told)?;
    Ok(Session { id: SessionId(id), node: node.id.clone(), unkillable, fields })
}

fn ticket(answer: &Answer) -> Result<Ticket, Error> {
    let job: JobAnswer = answer.json()?;
    let id = job.job_id.filter(|id| !id.is_empty());
    id.map(Ticket).ok_or_else(|| answer.malformed("the answer names no job"))
}

/// Reading the list of a node that was not scanned is answered with 500; which code comes with it
/// is not documented.
fn unscanned(error: Error) -> Error {
    if error.status != Some(500) || error.kind == Kind::TargetGone {
        return error;
    }
    let message = format!("{} (a node whose scan is gone is answered like this)", error.message);
    Error { kind: Kind::Unavailable, message, ..error }
}

#[derive(Deserialize)]
struct NodesAnswer {
    total: Option<usize>,
    nodes: Option<Vec<ListedNode>>,
}

impl NodesAnswer {
    /// The nodes; none while the instance is being created. All or nothing: one that is not told
    /// would not be asked.
    fn complete(self, answer: &Answer) -> Result<Vec<ListedNode>, Error> {
        let nodes = self.nodes.unwrap_or_default();
        match self.total {
            Some(total) if total > nodes.len() => {
                Err(answer.malformed(format!("{} of {total} nodes are told", nodes.len())))
            }
            _ => Ok(nodes),
        }
    }
}

#[derive(Deserialize)]
struct ListedNode {
    node_id: Option<String>,
    status: Option<String>,
    node_role: Option<String>,
}

#[derive(Deserialize)]
struct ClientsAnswer {
    #[serde(default)]
    count: Told,
    clients: Option<Vec<ListedClient>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedClient {
    id: Told,
    addr: Told,
    peer: Told,
    name: Told,
    cmd: Told,
    age: Told,
    idle: Told,
    db: Told,
    flags: Told,
    sub: Told,
    user: Told,
}

#[derive(Deserialize)]
struct JobAnswer {
    job_id: Option<String>,
    status: Option<String>,
    fail_reason: Option<String>,
}

#[cfg(feature = "sandbox")]
mod server {
    //! The API's other end, as strict as its pages.

    use std::collections::{BTreeMap, VecDeque};
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use bytes::Bytes;
    use http::{Method, Response, StatusCode};
    use serde::Deserialize;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use crate::services::simulator::{
        BadBody, Fault, Inbound, Instance, LiveClient, Query, Simulator, Stage, Unended, body,
        json as answer, segments,
    };

    type Reply = Result<Response<Bytes>, Response<Bytes>>;

    /// Jobs that are remembered.
    const MOST_JOBS: usize = 1000;

    pub(super) struct Server {
        stage: Stage,
        /// The last [`MOST_JOBS`], the oldest first.
        jobs: VecDeque<Job>,
        started: u64,
        /// By node: when it was scanned and who was there.
        snapshots: BTreeMap<String, (SystemTime, Vec<LiveClient>)>,
    }

    struct Job {
        id: String,
        work: Work,
        /// The nodes it works on; nothing else may be done to them meanwhile.
        nodes: Vec<String>,
        began: SystemTime,
        fault: Option<Fault>,
        ended: bool,
        failed: bool,
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum Work {
        Scan { clean_cache: bool },
        KillAll,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct ScanBody {
        node_id: String,
        #[serde(default)]
        clean_cache: bool,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct KillBody {
        node_id: String,
        client_addrs: Vec<String>,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct KillAllBody {
        node_id: Option<String>,
        #[serde(default)]
        kill_all_nodes: bool,
    }

    impl Simulator for Server {
        fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
            let path = segments(inbound.request.uri().path());
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let method = inbound.request.method();
            let reply = match (method, path.as_slice()) {
                (&Method::GET, ["v2", _, "jobs", job]) => self.job(inbound, job),
                (_, ["v2", _, "instances", instance, rest @ ..]) => {
                    let handle: fn(&mut Server, &Inbound<'_>, &Instance) -> Reply =
                        match (method, rest) {
                            (&Method::GET, ["logical-nodes"]) => Server::nodes,
                            (&Method::POST, ["clients"]) => Server::scan,
                            (&Method::GET, ["clients"]) => Server::list,
                            (&Method::POST, ["clients", "kill"]) => Server::kill,
                            (&Method::POST, ["clients", "kill-all"]) => Server::kill_all,
                            _ => return None,
                        };
                    self.instance(inbound, instance)
                        .and_then(|instance| handle(self, inbound, &instance))
                }
                _ => return None,
            };
            Some(reply.unwrap_or_else(|refusal| refusal))
        }

        fn settle(&mut self, at: SystemTime) {
            for job in &mut self.jobs {
                let due = at.duration_since(job.began).is_ok_and(|age| age >= self.stage.job);
                if job.ended || !due || job.fault == Some(Fault::JobHangs) {
                    continue;
                }
                job.ended = true;
                job.failed = job.fault == Some(Fault::JobFails);
                for node in job.nodes.iter().filter(|_| job.fault != Some(Fault::JobFails)) {
                    match job.work {
                        Work::KillAll => {
                            job.failed |= self.stage.kill_all(node, job.fault).is_err();
                        }
                        Work::Scan { clean_cache } => {
                            if clean_cache || !self.snapshots.contains_key(node) {
                                self.snapshots.insert(node.clone(), (at, self.stage.list(node)));
                            }
                        }
                    }
                }
            }
        }
    }

    impl Server {
        pub(super) fn new(stage: Stage) -> Server {
            Server { stage, jobs: VecDeque::new(), started: 0, snapshots: BTreeMap::new() }
        }

        fn instance(&self, inbound: &Inbound<'_>, id: &str) -> Result<Instance, Response<Bytes>> {
            let gone = inbound.fault == Some(Fault::TargetGone);
            let instance = self.stage.instance(id).filter(|_| !gone);
            let instance = instance
                .ok_or_else(|| refusal(404, "DCS.3022", "This DCS instance does not exist."))?;
            match inbound.fault {
                Some(Fault::Busy) => Err(busy()),
                _ => Ok(instance.clone()),
            }
        }

        fn nodes(&mut self, inbound: &Inbound<'_>, instance: &Instance) -> Reply {
            Query::of(inbound.request.uri()).done().map_err(bad_parameter)?;
            let nodes: Vec<Value> =
                instance.nodes.iter().map(|(id, role)| node(instance, id, role)).collect();
            let body = json!({ "instance_id": instance.id, "total": nodes.len(), "nodes": nodes });
            Ok(answer(StatusCode::OK, &body))
        }

        fn scan(&mut self, inbound: &Inbound<'_>, instance: &Instance) -> Reply {
            let body: ScanBody = read(inbound)?;
            client_node(instance, &body.node_id)?;
            let work = Work::Scan { clean_cache: body.clean_cache };
            self.start(inbound, work, vec![body.node_id])
        }

        fn kill_all(&mut self, inbound: &Inbound<'_>, instance: &Instance) -> Reply {
            let body: KillAllBody = read(inbound)?;
            let nodes = match (body.kill_all_nodes, body.node_id) {
                (false, None) => return Err(bad_parameter("node_id is required".into())),
                (false, Some(node)) => {
                    client_node(instance, &node)?;
                    vec![node]
                }
                (true, _) => {
                    let ids = instance.nodes.iter().map(|(id, _)| id);
                    ids.filter(|id| client_node(instance, id).is_ok()).cloned().collect()
                }
            };
            self.start(inbound, Work::KillAll, nodes)
        }

        fn start(&mut self, inbound: &Inbound<'_>, work: Work, nodes: Vec<String>) -> Reply {
            self.idle(&nodes)?;
            if self.jobs.len() >= MOST_JOBS {
                self.jobs.pop_front();
            }
            self.started += 1;
            let id = format!("00000000-0000-4000-8000-{:012}", self.started);
            let (began, fault) = (inbound.at, inbound.fault);
            let (ended, failed) = (false, false);
            self.jobs.push_back(Job { id: id.clone(), work, nodes, began, fault, ended, failed });
            Ok(answer(StatusCode::OK, &json!({ "job_id": id })))
        }

        /// Whether no job is at work on any of these nodes.
        fn idle(&self, nodes: &[String]) -> Result<(), Response<Bytes>> {
            let works = |job: &Job| !job.ended && job.nodes.iter().any(|node| nodes.contains(node));
            if self.jobs.iter().any(works) { Err(busy()) } else { Ok(()) }
        }

        fn list(&mut self, inbound: &Inbound<'_>, instance: &Instance) -> Reply {
            let mut query = Query::of(inbound.request.uri());
            let node = query.take("node_id").ok_or("node_id is required".to_owned());
            let node = node.map_err(bad_parameter)?;
            let offset = query.number("offset", 0..=usize::MAX, 0).map_err(bad_parameter)?;
            let limit = query.number("limit", 1..=1000, 10).map_err(bad_parameter)?;
            let address = query.take("addr");
            query.done().map_err(bad_parameter)?;
            let role = client_node(instance, &node)?;
            let (time, clients) = self.snapshots.get(&node).ok_or_else(|| {
                refusal(500, "DCS.5000", "Internal service error: no client information.")
            })?;
            let clients: Vec<Value> = clients.iter().map(|one| client(one, role)).collect();
            let meant = clients
                .into_iter()
                .filter(|one| address.as_deref().is_none_or(|address| one["addr"] == address));
            let meant: Vec<Value> = meant.collect();
            let page: Vec<&Value> = meant.iter().skip(offset).take(limit).collect();
            let body = json!({ "time": millis(*time), "count": meant.len(), "clients": page });
            Ok(answer(StatusCode::OK, &body))
        }

        fn kill(&mut self, inbound: &Inbound<'_>, instance: &Instance) -> Reply {
            let body: KillBody = read(inbound)?;
            client_node(instance, &body.node_id)?;
            if body.client_addrs.is_empty() {
                return Err(bad_parameter("client_addrs is empty".into()));
            }
            self.idle(std::slice::from_ref(&body.node_id))?;
            let live = self.stage.list(&body.node_id);
            let key = |address: &String| {
                let found = live.iter().find(|one| one.address == *address);
                found.map(|one| one.id.clone())
            };
            let keys: Vec<Option<String>> = body.client_addrs.iter().map(key).collect();
            self.stage.end(&body.node_id, &keys, inbound.fault).map_err(|why| match why {
                Unended::NotThere => bad_parameter("client_addrs names nobody who is there".into()),
                Unended::InPart => refusal(500, "DCS.5000", "Internal service error."),
            })?;
            let mut done = Response::new(Bytes::new());
            *done.status_mut() = StatusCode::NO_CONTENT;
            Ok(done)
        }

        fn job(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
            Query::of(inbound.request.uri()).done().map_err(bad_parameter)?;
            let job = self.jobs.iter().find(|job| job.id == id);
            let job = job.ok_or_else(|| bad_parameter("no such job".into()))?;
            let age = inbound.at.duration_since(job.began).unwrap_or_default();
            let status = match (job.ended, job.failed) {
                (true, true) => "FAIL",
                (true, false) => "SUCCESS",
                (false, _) if age < self.stage.job / 4 => "INIT",
                (false, _) => "RUNNING",
            };
            let kind = match job.work {
                Work::Scan { .. } => "scanClients",
                Work::KillAll => "killAllClients",
            };
            let mut body = json!({
                "job_id": id, "job_type": kind, "status": status,
                "begin_time": millis(job.began), "end_time": null, "fail_reason": null,
            });
            if job.ended {
                body["end_time"] = millis(job.began + self.stage.job).into();
            }
            if status == "FAIL" {
                body["fail_reason"] = "The task failed on the node.".into();
            }
            Ok(answer(StatusCode::OK, &body))
        }
    }

    /// A single node, a master with standby, a cluster behind proxies, and one without.
    pub(super) fn scenery() -> Vec<Instance> {
        vec![
            Instance::new(
                "9a2d6a3e-0000-4000-8000-000000000001",
                &[("8f7ee181-0000-4000-8000-000000000101", "master")],
            )
            .on_redis(),
            Instance::new(
                "9a2d6a3e-0000-4000-8000-000000000002",
                &[
                    ("8f7ee181-0000-4000-8000-000000000201", "master"),
                    ("8f7ee181-0000-4000-8000-000000000202", "slave"),
                ],
            ),
            Instance::new(
                "9a2d6a3e-0000-4000-8000-000000000003",
                &[
                    ("8f7ee181-0000-4000-8000-000000000301", "proxy"),
                    ("8f7ee181-0000-4000-8000-000000000302", "proxy"),
                    ("8f7ee181-0000-4000-8000-000000000303", "master"),
                ],
            ),
            Instance::new(
                "9a2d6a3e-0000-4000-8000-000000000004",
                &[
                    ("8f7ee181-0000-4000-8000-000000000401", "master"),
                    ("8f7ee181-0000-4000-8000-000000000402", "master"),
                    ("8f7ee181-0000-4000-8000-000000000403", "master"),
                ],
            ),
        ]
    }

    /// The role of a node that can be asked for its clients: a proxy where there are proxies.
    fn client_node(instance: &Instance, id: &str) -> Result<&'static str, Response<Bytes>> {
        let found = instance.nodes.iter().find(|(node, _)| node == id);
        let (_, role) = found.ok_or_else(|| refusal(400, "DCS.3053", "Invalid node ID."))?;
        let proxied = instance.nodes.iter().any(|(_, role)| *role == "proxy");
        if proxied && *role != "proxy" {
            return Err(refusal(400, "DCS.4027", "This node does not support the operation."));
        }
        Ok(role)
    }

    fn node(instance: &Instance, id: &str, role: &str) -> Value {
        let process = if role == "proxy" { "redis-proxy" } else { "redis-server" };
        json!({
            "node_id": id, "logical_node_id": format!("logical-{id}"),
            "name": format!("{}-{role}-{id}", instance.id), "status": "Active",
            "node_role": process, "node_type": role, "node_ip": "192.168.0.10",
            "node_port": 6379, "az_code": "cn-north-4a", "is_access": true,
        })
    }

    /// A client as the list shows it. Data nodes see the address after the gateway as `addr`, and
    /// the client's own as `peer`; proxies show no `peer`.
    fn client(one: &LiveClient, role: &str) -> Value {
        let port = one.address.rsplit(':').next().unwrap_or("0");
        let (addr, peer) = match role {
            "proxy" => (one.address.clone(), String::new()),
            _ => (format!("198.19.0.1:{port}"), one.address.clone()),
        };
        let flags = if one.flags.is_empty() { "N" } else { one.flags.as_str() };
        json!({
            "id": one.id, "addr": addr, "peer": peer, "fd": "8", "name": one.name,
            "cmd": one.command, "age": one.age, "idle": one.idle, "db": one.database,
            "flags": flags, "sub": 0, "psub": 0, "multi": -1, "qbuf": 0, "qbuf_free": 0,
            "obl": 0, "oll": 0, "omem": 0, "events": "r", "network": "", "user": one.user,
        })
    }

    fn read<T: DeserializeOwned>(inbound: &Inbound<'_>) -> Result<T, Response<Bytes>> {
        Query::of(inbound.request.uri()).done().map_err(bad_parameter)?;
        body(inbound.request).map_err(|bad| match bad {
            BadBody::Empty => refusal(400, "DCS.4004", "The request body is empty."),
            BadBody::NotJson => refusal(400, "DCS.4005", "The request body is not valid JSON."),
            BadBody::Shape(complaint) => bad_parameter(complaint),
        })
    }

    fn bad_parameter(complaint: String) -> Response<Bytes> {
        refusal(400, "DCS.4063", &format!("Invalid request parameter: {complaint}."))
    }

    fn busy() -> Response<Bytes> {
        let message = "This operation is not allowed when the task is in the current state.";
        refusal(400, "DCS.4957", message)
    }

    fn refusal(status: u16, code: &str, message: &str) -> Response<Bytes> {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer(status, &json!({ "error_code": code, "error_msg": message, "error_ext_msg": null }))
    }

    fn millis(time: SystemTime) -> String {
        let since: Duration = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_millis().to_string()
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;
    use crate::services::Field;
    use crate::services::simulator::bench::{Bench, all_pages, ids, node};
    use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};

    /// An instance with proxies, and one without, with `clients` on the node `data`.
    fn stage(clients: usize) -> (Stage, Arc<Mutex<Memory>>) {
        let mut memory = Memory::new();
        for number in 1..=clients {
            memory.connect("data", client(number));
        }
        for node in ["proxy-1", "proxy-2"] {
            memory.connect(node, client(1));
        }
        let memory = memory.shared();
        let proxied = [("proxy-1", "proxy"), ("proxy-2", "proxy"), ("shard", "master")];
        let instances =
            vec![Instance::new("plain", &[("data", "master")]), Instance::new("proxied", &proxied)];
        (Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>), memory)
    }

    fn client(number: usize) -> LiveClient {
        LiveClient {
            id: number.to_string(),
            address: format!("10.0.0.{}:{}", number % 250, 40000 + number % 20000),
            name: "worker".into(),
            user: "app".into(),
            command: "get".into(),
            database: "0".into(),
            age: 60,
            idle: 5,
            ..LiveClient::default()
        }
    }

    fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
        let (stage, memory) = stage(clients);
        (Bench::new(&Service, stage), memory)
    }

    /// Scans and lists as the engine does.
    async fn listed(bench: &Bench, sessions: &dyn Sessions, node: &Node) -> Vec<Session> {
        let ticket = sessions.prepare(node).await.unwrap().unwrap();
        assert_eq!(sessions.poll(&ticket).await, Ok(Progress::Running));
        bench.clock.step(Duration::from_secs(2));
        assert_eq!(sessions.poll(&ticket).await, Ok(Progress::Done));
        all_pages(sessions, node).await
    }

    #[tokio::test]
    async fn clients_are_on_the_proxies_where_there_are_proxies() {
        let (bench, _) = bench(0);
        for (instance, expected) in
            [("plain", vec!["data"]), ("proxied", vec!["proxy-1", "proxy-2"])]
        {
            let nodes = bench.sessions(&[("instance_id", instance)]).nodes().await.unwrap();
            assert_eq!(nodes.iter().map(|node| node.id.as_str()).collect::<Vec<_>>(), expected);
        }
    }

    #[tokio::test]
    async fn a_node_that_cannot_be_asked_is_an_error_that_says_why() {
        for (node, kind, word) in [
            ("elsewhere", Kind::TargetGone, "has no node `elsewhere`"),
            ("shard", Kind::BadRequest, "is behind proxies"),
        ] {
            let (bench, _) = bench(0);
            let target = [("instance_id", "proxied"), ("node_id", node)];
            let error = bench.sessions(&target).nodes().await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(word), "{error}");
        }
    }

    #[tokio::test]
    async fn a_node_that_is_not_active_is_asked_like_the_others_and_its_failure_tells_its_state() {
        let nodes = r#"{"total":2,"nodes":[
            {"node_id":"a","status":"Active","node_role":"redis-server"},
            {"node_id":"b","status":"Inactive","node_role":"redis-server","unknown":[]}]}"#;
        let (bench, _) = bench(0);
        bench.can(200, nodes);
        let sessions = bench.sessions(&[("instance_id", "x")]);
        let found = sessions.nodes().await.unwrap();
        let inactive = Node { id: "b".into(), state: Some("Inactive".into()) };
        assert_eq!(found, [Node::of("a"), inactive.clone()]);
        bench.can(200, nodes);
        let narrow = bench.sessions(&[("instance_id", "x"), ("node_id", "b")]);
        assert_eq!(narrow.nodes().await.unwrap(), std::slice::from_ref(&inactive));

        let refusal = r#"{"error_code":"DCS.4027","error_msg":"no"}"#;
        bench.can(400, refusal);
        let error = sessions.prepare(&inactive).await.unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::Unsupported, "node `b` is Inactive: no")
        );
        bench.can(400, refusal);
        let error = sessions.list(&inactive, None).await.unwrap_err();
        assert_eq!(error.message, "node `b` is Inactive: no");
        bench.can(400, refusal);
        assert_eq!(sessions.prepare(&found[0]).await.unwrap_err().message, "no");
    }

    #[tokio::test]
    async fn a_list_that_does_not_tell_all_nodes_is_not_believed() {
        let some = r#""node_role":"redis-server","node_id":"a""#;
        for (answer, kind) in [
            // The instance is being created, or a node is.
            ("{}".to_owned(), Kind::Busy),
            (r#"{"nodes":[]}"#.to_owned(), Kind::Busy),
            (format!(r#"{{"nodes":[{{{some}}},{{"node_id":null}}]}}"#), Kind::Busy),
            (format!(r#"{{"total":2,"nodes":[{{{some}}}]}}"#), Kind::Malformed),
        ] {
            for target in [vec![], vec![("node_id", "elsewhere")]] {
                let (bench, _) = bench(0);
                let target: Vec<_> = [("instance_id", "x")].into_iter().chain(target).collect();
                bench.can(200, &answer);
                let error = bench.sessions(&target).nodes().await.unwrap_err();
                assert_eq!(error.kind, kind, "{answer} {error}");
            }
        }
    }

    #[tokio::test]
    async fn a_list_without_a_scan_is_unavailable() {
        let (bench, _) = bench(1);
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let error = sessions.list(&node("data"), None).await.unwrap_err();
        assert_eq!((error.kind, error.status), (Kind::Unavailable, Some(500)));
        assert!(error.message.contains("scan"), "{error}");
    }

    #[tokio::test]
    async fn a_list_is_as_old_as_its_scan() {
        let (bench, memory) = bench(2);
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        assert_eq!(listed(&bench, &*sessions, &node("data")).await.len(), 2);
        memory.lock().unwrap().connect("data", client(3));
        assert_eq!(all_pages(&*sessions, &node("data")).await.len(), 2);
        assert_eq!(listed(&bench, &*sessions, &node("data")).await.len(), 3);
    }

    #[tokio::test]
    async fn a_long_list_comes_in_pages_and_whole() {
        for clients in [999, 1000, 1001, 2500] {
            let (bench, _) = bench(clients);
            let sessions = bench.sessions(&[("instance_id", "plain")]);
            let mut ids = ids(&listed(&bench, &*sessions, &node("data")).await);
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), clients);
        }
    }

    #[tokio::test]
    async fn a_session_tells_what_the_list_tells() {
        let (bench, _) = bench(1);
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let found = listed(&bench, &*sessions, &node("data")).await;
        assert_eq!(found[0].id.0, "10.0.0.1:40001");
        assert_eq!(found[0].node, "data");
        let columns: Vec<&str> = SPEC.columns.iter().map(|column| column.name).collect();
        for (name, value) in [
            ("client_address", Field::Text("10.0.0.1:40001".into())),
            ("user", Field::Text("app".into())),
            ("database", Field::Text("0".into())),
            ("command", Field::Text("get".into())),
            ("name", Field::Text("worker".into())),
            ("age_seconds", Field::Integer(60)),
            ("idle_seconds", Field::Integer(5)),
            ("flags", Field::Text("N".into())),
            ("subscriptions", Field::Integer(0)),
        ] {
            assert!(columns.contains(&name));
            assert_eq!(found[0].fields.get(name), Some(&value), "{name}");
        }
        assert_eq!(found[0].fields.iter().len(), columns.len());
    }

    #[tokio::test]
    async fn a_proxy_names_no_peer_and_the_address_takes_its_place() {
        let (bench, memory) = bench(0);
        let sessions = bench.sessions(&[("instance_id", "proxied")]);
        let found = listed(&bench, &*sessions, &node("proxy-2")).await;
        assert_eq!(found[0].id.0, "10.0.0.1:40001");
        let (node, ids) = (node("proxy-2"), ids(&found));
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        sessions.terminate(batch).await.unwrap();
        assert_eq!(memory.lock().unwrap().killed(), [("proxy-2".to_owned(), "1".to_owned())]);
    }

    #[tokio::test]
    async fn a_client_without_address_cannot_be_killed_but_is_shown() {
        let (bench, _) = bench(0);
        bench.can(200, r#"{"count":1,"clients":[{"id":"7","addr":"","peer":null}]}"#);
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let page = sessions.list(&node("data"), None).await.unwrap();
        assert_eq!(page.sessions[0].id.0, "#7");
        assert!(page.sessions[0].unkillable.is_some());
    }

    #[tokio::test]
    async fn what_is_not_a_list_is_malformed() {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        for body in [
            "",
            "[]",
            "{\"count\":1,\"clients\":[",
            "<html>",
            r#"{"count":"many"}"#,
            r#"{"count":3,"clients":{}}"#,
            r#"{"count":3,"clients":[]}"#,
            r#"{"clients":[{"age":"old"}]}"#,
            r#"{"clients":[{"user":{}}]}"#,
            r#"{"clients":[{"peer":[]}]}"#,
            "{}",
            r#"{"count":3}"#,
            r#"{"clients":null}"#,
        ] {
            bench.can(200, body);
            let error = sessions.list(&node("data"), None).await.unwrap_err();
            assert_eq!(error.kind, Kind::Malformed, "{body}");
        }
        for body in [r#"{"clients":[]}"#, r#"{"count":0,"clients":null,"more":1}"#] {
            bench.can(200, body);
            assert!(sessions.list(&node("data"), None).await.unwrap().next.is_none(), "{body}");
        }
    }

    #[tokio::test]
    async fn numbers_and_texts_take_each_others_place() {
        let (bench, _) = bench(0);
        bench.can(
            200,
            r#"{"count":"1","clients":[{"id":7,"peer":"1.1.1.1:1","db":0,"age":"60","idle":5,
            "sub":[],"flags":{},"user":""}]}"#,
        );
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let page = sessions.list(&node("data"), None).await.unwrap();
        let text = |text: &str| Field::Text(text.into());
        let expected = [
            ("client_address", text("1.1.1.1:1")),
            ("user", text("")),
            ("database", text("0")),
            ("age_seconds", Field::Integer(60)),
            ("idle_seconds", Field::Integer(5)),
        ];
        assert_eq!(page.sessions[0].fields, expected.into());
    }

    #[tokio::test]
    async fn a_list_without_a_count_ends_with_an_empty_page() {
        let at = |offset: usize| Some(Cursor(offset.to_string()));
        for (clients, next) in [(PAGE, at(PAGE)), (PAGE - 1, at(PAGE - 1)), (0, None)] {
            let (bench, _) = bench(0);
            let page = vec![r#"{"peer":"1.1.1.1:1"}"#; clients].join(",");
            bench.can(200, &format!(r#"{{"clients":[{page}]}}"#));
            let sessions = bench.sessions(&[("instance_id", "plain")]);
            assert_eq!(sessions.list(&node("data"), None).await.unwrap().next, next);
        }
    }

    #[tokio::test]
    async fn a_list_that_never_ends_is_not_followed() {
        let (bench, _) = bench(0);
        bench.can(200, r#"{"count":9000000,"clients":[{"peer":"1.1.1.1:1"}]}"#);
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let far = Some(Cursor("1000000".into()));
        let error = sessions.list(&node("data"), far).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed);
    }

    #[tokio::test]
    async fn chosen_clients_are_killed_and_no_others() {
        let (bench, memory) = bench(3);
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let (node, ids) = (node("data"), [SessionId("10.0.0.2:40002".into())]);
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        let submission = sessions.terminate(batch).await.unwrap();
        assert_eq!(submission.ticket, None);
        assert!(submission.request_id.is_some());
        assert_eq!(memory.lock().unwrap().killed(), [("data".to_owned(), "2".to_owned())]);
    }

    #[tokio::test]
    async fn a_kill_that_is_not_answered_with_204_is_not_believed() {
        let (bench, _) = bench(1);
        bench.can(200, "{}");
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let (node, ids) = (node("data"), [SessionId("10.0.0.1:40001".into())]);
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, Kind::Malformed);
    }

    #[tokio::test]
    async fn a_target_narrowed_to_a_node_never_loses_another_nodes_clients() {
        for (target, killed) in [
            (vec![("instance_id", "proxied"), ("node_id", "proxy-2")], 1),
            (vec![("instance_id", "proxied")], 2),
        ] {
            let (bench, memory) = bench(1);
            let sessions = bench.sessions(&target);
            let batch = Batch { node: None, which: Which::Everyone };
            let ticket = sessions.terminate(batch).await.unwrap().ticket.unwrap();
            assert_eq!(sessions.poll(&ticket).await, Ok(Progress::Running));
            assert!(memory.lock().unwrap().killed().is_empty(), "the job has not ended");
            bench.clock.step(Duration::from_secs(2));
            assert_eq!(sessions.poll(&ticket).await, Ok(Progress::Done));
            assert_eq!(memory.lock().unwrap().killed().len(), killed);
        }
    }

    #[tokio::test]
    async fn a_node_at_work_is_busy_and_its_neighbour_is_not() {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[("instance_id", "proxied")]);
        sessions.prepare(&node("proxy-1")).await.unwrap();
        sessions.prepare(&node("proxy-2")).await.unwrap();
        let error = sessions.prepare(&node("proxy-1")).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (Kind::Busy, Some("DCS.4957")));
    }

    #[tokio::test]
    async fn faults_come_out_as_the_kinds_they_are() {
        for (fault, kind) in [
            (Fault::Busy, Kind::Busy),
            (Fault::TargetGone, Kind::TargetGone),
            (Fault::PartialKill, Kind::Unavailable),
        ] {
            let (bench, memory) = bench(2);
            let sessions = bench.sessions(&[("instance_id", "plain")]);
            let ids = ids(&listed(&bench, &*sessions, &node("data")).await);
            bench.fault(fault);
            let node = node("data");
            let batch = Batch { node: Some(&node), which: Which::These(&ids) };
            assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, kind);
            let killed = usize::from(fault == Fault::PartialKill);
            assert_eq!(memory.lock().unwrap().killed().len(), killed, "{fault:?}");
        }
    }

    #[tokio::test]
    async fn a_job_fails_hangs_or_lies() {
        for (fault, outcome) in [
            (Fault::JobFails, Err(Kind::JobFailed)),
            (Fault::JobHangs, Ok(Progress::Running)),
            (Fault::Refuses, Ok(Progress::Done)),
        ] {
            let (bench, memory) = bench(1);
            let sessions = bench.sessions(&[("instance_id", "plain")]);
            bench.fault(fault);
            let batch = Batch { node: None, which: Which::Everyone };
            let ticket = sessions.terminate(batch).await.unwrap().ticket.unwrap();
            bench.clock.step(Duration::from_secs(3600));
            assert_eq!(sessions.poll(&ticket).await.map_err(|error| error.kind), outcome);
            assert!(memory.lock().unwrap().killed().is_empty());
        }
    }

    #[tokio::test]
    async fn the_reason_of_a_failed_job_is_bounded_and_printable() {
        let (bench, _) = bench(0);
        let reason = format!("\\u001b[2J{}", "x".repeat(10_000));
        bench.can(200, &format!(r#"{{"status":"FAIL","fail_reason":"{reason}"}}"#));
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        let error = sessions.poll(&Ticket("job".into())).await.unwrap_err();
        assert_eq!((error.kind, error.message.chars().count()), (Kind::JobFailed, 1000));
        assert!(!error.message.contains(char::is_control));
    }

    #[tokio::test]
    async fn a_kill_of_what_has_gone_is_fine_or_ambiguous() {
        for (gone, kind) in [(Gone::Accepted, None), (Gone::Refused, Some(Kind::Ambiguous))] {
            let (mut stage, memory) = stage(1);
            stage.gone = gone;
            let bench = Bench::new(&Service, stage);
            let sessions = bench.sessions(&[("instance_id", "plain")]);
            let (node, ids) = (node("data"), ["10.0.0.1:40001", "10.9.9.9:1"]);
            let ids = ids.map(|id| SessionId(id.into()));
            let batch = Batch { node: Some(&node), which: Which::These(&ids) };
            assert_eq!(sessions.terminate(batch).await.err().map(|error| error.kind), kind);
            assert_eq!(memory.lock().unwrap().killed().len(), usize::from(kind.is_none()));
        }
    }

    #[tokio::test]
    async fn an_answer_of_an_unknown_code_to_a_kill_is_ambiguous() {
        for (code, kind) in [
            ("DCS.4999", Kind::Ambiguous),
            ("DCS.4026", Kind::Busy),
            ("DCS.4848", Kind::Unsupported),
            ("DCS.3053", Kind::BadRequest),
        ] {
            let (bench, _) = bench(1);
            bench.can(400, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
            let sessions = bench.sessions(&[("instance_id", "plain")]);
            let (node, ids) = (node("data"), [SessionId("10.0.0.1:40001".into())]);
            let batch = Batch { node: Some(&node), which: Which::These(&ids) };
            assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, kind, "{code}");
        }
    }

    #[tokio::test]
    async fn an_id_that_would_reach_another_path_is_never_sent() {
        for id in ["", "a/b", "..", "a?b", "{project_id}", "a%2fb"] {
            let (bench, _) = bench(1);
            let error = bench.sessions(&[("instance_id", id)]).nodes().await.unwrap_err();
            assert_eq!(error.kind, Kind::BadRequest, "{id}");
            let job = Ticket(id.into());
            let sessions = bench.sessions(&[("instance_id", "plain")]);
            assert_eq!(sessions.poll(&job).await.unwrap_err().kind, Kind::BadRequest, "{id}");
            assert!(bench.requests().is_empty());
        }
    }

    #[test]
    fn the_simulator_is_as_strict_as_the_pages() {
        let base = "/v2/p0/instances/plain";
        for (method, path, body, status, code) in [
            ("GET", "/logical-nodes?limit=1", "", 400, "DCS.4063"),
            ("GET", "/clients?node_id=data&limit=1001", "", 400, "DCS.4063"),
            ("GET", "/clients?node_id=data&limit=0", "", 400, "DCS.4063"),
            ("GET", "/clients?node_id=data&offset=-1", "", 400, "DCS.4063"),
            ("GET", "/clients?node_id=data&page=1", "", 400, "DCS.4063"),
            ("GET", "/clients?node_id=nope", "", 400, "DCS.3053"),
            ("GET", "/clients", "", 400, "DCS.4063"),
            ("POST", "/clients", "", 400, "DCS.4004"),
            ("POST", "/clients", "{", 400, "DCS.4005"),
            ("POST", "/clients", r#"{"clean_cache":true}"#, 400, "DCS.4063"),
            ("POST", "/clients", r#"{"node_id":"data","clean_cache":"true"}"#, 400, "DCS.4063"),
            ("POST", "/clients", r#"{"node_id":"data","scan":1}"#, 400, "DCS.4063"),
            ("POST", "/clients/kill", r#"{"node_id":"data"}"#, 400, "DCS.4063"),
            ("POST", "/clients/kill", r#"{"node_id":"data","client_addrs":[]}"#, 400, "DCS.4063"),
            ("POST", "/clients/kill", r#"{"node_id":"no","client_addrs":["a"]}"#, 400, "DCS.3053"),
            ("POST", "/clients/kill-all", "{}", 400, "DCS.4063"),
        ] {
            let (bench, _) = bench(1);
            let response = bench.raw(method, &format!("{base}{path}"), body);
            assert_eq!(response.status(), status, "{method} {path} {body}");
            let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(answer["error_code"], code, "{method} {path} {body}: {answer}");
        }
    }
}
