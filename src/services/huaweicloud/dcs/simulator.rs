//! The API's other end, as strict as its pages.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::services::simulator::{
    Again, BadBody, Fault, Inbound, Instance, LiveClient, Query, Simulator, Stage, Unended, body,
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
                let handle: fn(&mut Server, &Inbound<'_>, &Instance) -> Reply = match (method, rest)
                {
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
        let again = Again::Address;
        let stage = Stage { again, ..stage };
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
