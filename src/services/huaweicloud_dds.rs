//! Huawei Cloud DDS: running operations on the nodes of document databases.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-dds/dds_connect_0003.html>. It ends
//! what a session is doing; a session that does nothing cannot be ended. A node's sessions are
//! listed as they are at that moment
//! (<https://support.huaweicloud.com/intl/en-us/api-dds/dds_connect_0002.html>).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::json;

use super::dbs::{self, Group, ListedNode, Lookup};
use super::path::segment;
use super::spec::Permissions;
use super::value::{self, Told};
use super::{
    Batch, Column, Cursor, Error, Everyone, Example, Input, Kind, Limits, Node, Page, Role,
    Session, SessionId, Sessions, Spec, Submission, Target, Unit, Which, paging,
};
use crate::cloud::huaweicloud::DBS_CODES;
use crate::cloud::{Action, Answer, Call, Client};

static SPEC: Spec = Spec {
    name: "huaweicloud_dds",
    cloud: "huaweicloud",
    product: "dds",
    title: "Huawei Cloud DDS",
    session: "database operation",
    about: "A session is what a connection to a Document Database Service instance is doing, by \
            the id that a node lists; the next operation of the connection is another session. \
            Needs Community Edition 3.4 or newer. Every mongos of a cluster lists what all shards \
            are doing, so an operation is seen once per mongos.",
    ending: "When a session is ended its operation is aborted. The client's connection stays open, \
             and a new operation can start at once. A session that does nothing cannot be ended: \
             `all` and `match` leave it and say so, and one named in `session_ids` counts as \
             surviving.",
    warning: Some(
        "**It aborts running operations.** A selected database operation ends at once, in the \
         middle of whatever it was writing. It disconnects nobody: connections stay open, and \
         idle ones cannot be ended.",
    ),
    regional: true,
    inputs: &[
        Input {
            name: "instance_id",
            required: false,
            description: "The id of the DDS instance. Without `node_id`: of a cluster every \
                          mongos, of other instances every node that is not hidden, whatever \
                          its state. At least one of `instance_id` and `node_id` must be given.",
        },
        Input {
            name: "node_id",
            required: false,
            description: "The id of one node: a mongos, shard or config node of a cluster, or a \
                          node of a replica set. With `instance_id` it must be a node of that \
                          instance.",
        },
    ],
    one_of: &["instance_id", "node_id"],
    session_id: "the session's id as its node lists it, like `34631`, or `shard_1:7201646` on a \
                 mongos.",
    // Not `operation`, which is the whole statement: large, and full of what nobody should read.
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port.",
        },
        Column {
            name: "user",
            unit: Unit::Text,
            role: Role::User,
            description: "The user who is logged in; reported by kernel 4.2 and newer only.",
        },
        Column {
            name: "database",
            unit: Unit::Text,
            role: Role::Database,
            description: "The database that is worked on.",
        },
        Column {
            name: "command",
            unit: Unit::Text,
            role: Role::Command,
            description: "The kind of operation: `query`, `insert`, `update`, `remove`, \
                          `getmore`, `command`, `killcursors` or `none`.",
        },
        Column {
            name: "running_seconds",
            unit: Unit::Seconds,
            role: Role::Age,
            description: "How long the operation has been running: a session of DDS is as old as \
                          its operation, not as its connection.",
        },
        Column {
            name: "active",
            unit: Unit::Bool,
            role: Role::Shown,
            description: "Whether an operation is running. If not, it cannot be ended.",
        },
        Column {
            name: "namespace",
            unit: Unit::Text,
            role: Role::Shown,
            description: "Database and collection, like `shop.orders`.",
        },
        Column {
            name: "plan_summary",
            unit: Unit::Text,
            role: Role::Shown,
            description: "How the operation searches, like `COLLSCAN` or `IXSCAN`.",
        },
        Column {
            name: "server_address",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The address and port of the server that works on it.",
        },
        Column {
            name: "connection",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The server's name of the connection, like `conn20`.",
        },
    ],
    // How many ids one call may name is not documented, and neither is what happens to the others
    // if one of them has ended. Operations end all the time, so batches are small.
    limits: Limits { batch: 20, everyone: Everyone::Never },
    // "Authorization Information" of the calls' pages, and for role and policy-based grants
    // https://support.huaweicloud.com/intl/en-us/api-dds/dds_api_0037.html.
    permissions: Permissions {
        list: &[
            Action::formerly("dds:instance:listAll", "dds:instance:list"),
            Action::formerly("dds:instance:listSession", "dds:instance:session"),
        ],
        terminate: &[Action::formerly("dds:instance:deleteSession", "dds:instance:session")],
    },
    codes: DBS_CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_dds_instance.orders.id")],
        criterion: ("min_age", "\"10m\""),
        old_login: Some(("users", "[\"report\"]")),
        protect: ("client_cidrs", "[\"10.0.9.10/32\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-dds/dds_connect_0003.html",
};

/// Sessions of one page of the list; the page says 1 to 100.
const PAGE: usize = 100;

/// The most that older editions of the page, and the SDKs, say.
const SMALL_PAGE: usize = 20;

/// The code of a `limit` that is refused.
const BAD_LIMIT: &str = "DBS.280439";

const LOOKUP: Lookup = Lookup { product: "dds", datastore: None, aside };

/// DDS.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service;

impl super::Service for Service {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn connect(&self, client: Arc<Client>, target: Target) -> Box<dyn Sessions> {
        Box::new(Dds { client, target, page: AtomicUsize::new(PAGE) })
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

struct Dds {
    client: Arc<Client>,
    target: Target,
    /// How many sessions the cloud gives at a time.
    page: AtomicUsize,
}

#[async_trait]
impl Sessions for Dds {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        dbs::nodes(&self.client, &self.target, LOOKUP).await
    }

    fn looks_up_nodes(&self) -> bool {
        self.target.get("instance_id").is_some()
    }

    async fn list(&self, node: &Node, after: Option<Cursor>) -> Result<Page, Error> {
        let offset = paging::offset("ListSessions", after.as_ref())?;
        let limit = self.page.load(Ordering::Relaxed);
        let (answer, limit) = match self.list_page(node, offset, limit).await {
            Err(error) if error.code.as_deref() == Some(BAD_LIMIT) && limit > SMALL_PAGE => {
                self.page.store(SMALL_PAGE, Ordering::Relaxed);
                (self.list_page(node, offset, SMALL_PAGE).await?, SMALL_PAGE)
            }
            answer => (answer.map_err(|error| node.told(error))?, limit),
        };
        dbs::page(answer, (offset, limit), |answer, one| session(answer, one, node))
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let (Which::These(ids), Some(node)) = (batch.which, batch.node_id(&self.target)) else {
            let message = "sessions can only be named, and on one node at a time";
            return Err(Error::new(Kind::Configuration, "DeleteSession", message));
        };
        let node = segment("DeleteSession", "node", node)?;
        let path = format!("/v3/{{project_id}}/nodes/{node}/session");
        let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
        let call =
            Call::new("DeleteSession", "dds", Method::POST, path).body(json!({ "sessions": ids }));
        let answer = dbs::call(&self.client, call).await.map_err(dbs::perhaps_gone)?;
        dbs::accepted(answer)
    }
}

impl Dds {
    /// A filter is never sent: an empty one means sessions where that field is empty, not all.
    async fn list_page(&self, node: &Node, offset: usize, limit: usize) -> Result<Answer, Error> {
        let id = segment("ListSessions", "node", &node.id)?;
        let path = format!("/v3/{{project_id}}/nodes/{id}/sessions");
        let call = Call::new("ListSessions", "dds", Method::GET, path)
            .query("offset", offset)
            .query("limit", limit);
        dbs::call(&self.client, call).await
    }
}

/// Clients of a cluster are connected to its mongos nodes, which also list what the shards do for
/// them. Nobody can connect to a hidden node.
fn aside(groups: &[Group], group: &Group, node: &ListedNode) -> Option<&'static str> {
    let is_mongos = |group: &Group| group.kind.as_deref() == Some("mongos");
    if groups.iter().any(is_mongos) && !is_mongos(group) {
        return Some("is behind the mongos nodes");
    }
    (node.role.as_deref() == Some("Hidden")).then_some("is hidden from clients")
}

/// One listed session. One that does nothing may have no id.
fn session(answer: &Answer, one: ListedSession, node: &Node) -> Result<Session, Error> {
    let id = one.id.id(answer)?;
    let unkillable = match (one.active.truth(), &id) {
        (Some(false), _) => Some("it does nothing now, and the API only ends what is being done"),
        (_, None) => Some("the list gives no id for it, and a kill needs one"),
        (_, Some(_)) => None,
    };
    let id = id.unwrap_or_else(|| {
        let connection = one.description.clone().filled();
        format!("#{}", connection.or(one.client.clone().filled()).unwrap_or_default())
    });
    let database = match (one.db.clone().filled(), &one.namespace) {
        (None, Told::Text(namespace)) => match namespace.split_once('.') {
            Some((database, _)) => Told::Text(database.to_owned()),
            None => one.db,
        },
        _ => one.db,
    };
    let seconds = one.cost_time.number(answer, "cost_time")?.map(|micros| micros / 1_000_000);
    let told = [
        ("client_address", one.client),
        ("user", one.user),
        ("database", database),
        ("command", one.kind),
        ("running_seconds", seconds.into()),
        ("active", one.active),
        ("namespace", one.namespace),
        ("plan_summary", one.plan_summary),
        ("server_address", one.host),
        ("connection", one.description),
    ];
    let fields = value::fields(answer, SPEC.columns, told)?;
    Ok(Session { id: SessionId(id), node: node.id.clone(), unkillable, fields })
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedSession {
    id: Told,
    active: Told,
    #[serde(rename = "type")]
    kind: Told,
    cost_time: Told,
    plan_summary: Told,
    host: Told,
    client: Told,
    description: Told,
    namespace: Told,
    db: Told,
    user: Told,
}

#[cfg(feature = "sandbox")]
mod server {
    //! The API's other end, as strict as its pages.

    use bytes::Bytes;
    use http::{Method, Response};
    use serde::Deserialize;
    use serde_json::{Value, json};

    use crate::services::simulator::dbs::{self, Reply, bad_parameter, refusal};
    use crate::services::simulator::{
        Inbound, Instance, LiveClient, Query, Simulator, Stage, segments,
    };

    /// Kinds of operation that a list can be narrowed to.
    const TYPES: [&str; 8] =
        ["none", "update", "insert", "query", "command", "getmore", "remove", "killcursors"];

    /// Execution plans that a list can be narrowed to.
    const PLANS: [&str; 10] = [
        "COLLSCAN",
        "IXSCAN",
        "FETCH",
        "SORT",
        "LIMIT",
        "SKIP",
        "COUNT",
        "COUNT_SCAN",
        "TEXT",
        "PROJECTION",
    ];

    pub(super) struct Server {
        stage: Stage,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct KillBody {
        sessions: Vec<String>,
    }

    impl Simulator for Server {
        fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
            let path = segments(inbound.request.uri().path());
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let reply = match (inbound.request.method(), path.as_slice()) {
                (&Method::GET, ["v3", _, "instances"]) => {
                    let mut query = Query::of(inbound.request.uri());
                    // Other databases have the same path, and say which they mean.
                    if query.take("datastore_type").is_some_and(|kind| kind != "DDS-Community") {
                        return None;
                    }
                    dbs::instances(&self.stage, inbound, query, instance)
                }
                (&Method::GET, ["v3", _, "nodes", node, "sessions"]) => self.list(inbound, node),
                (&Method::POST, ["v3", _, "nodes", node, "session"]) => self.kill(inbound, node),
                _ => return None,
            };
            Some(reply.unwrap_or_else(|refusal| refusal))
        }
    }

    impl Server {
        pub(super) fn new(stage: Stage) -> Server {
            Server { stage }
        }

        fn list(&self, inbound: &Inbound<'_>, node: &str) -> Reply {
            let mut query = Query::of(inbound.request.uri());
            let page = dbs::page(&mut query, 10)?;
            let filter = Filter::take(&mut query)?;
            query.done().map_err(bad_parameter)?;
            let role = dbs::node(&self.stage, inbound, node)?;
            let clients = self.stage.list(node);
            let mut shown: Vec<Value> = clients.iter().map(|one| session(one, role)).collect();
            shown.retain(|one| filter.takes(one));
            Ok(dbs::sessions(&shown, page))
        }

        fn kill(&self, inbound: &Inbound<'_>, node: &str) -> Reply {
            let KillBody { sessions } = dbs::read(inbound)?;
            if sessions.is_empty() {
                return Err(bad_parameter("sessions is empty".into()));
            }
            let role = dbs::node(&self.stage, inbound, node)?;
            let live = self.stage.list(node);
            let meant = |id: &String| live.iter().find(|one| session_id(one, role) == *id);
            let meant: Vec<Option<&LiveClient>> = sessions.iter().map(meant).collect();
            if meant.iter().flatten().any(|one| !is_active(one)) {
                return Err(dbs::unkilled());
            }
            let keys: Vec<Option<String>> =
                meant.into_iter().map(|one| one.map(|one| one.id.clone())).collect();
            dbs::end(&self.stage, inbound, node, &keys)
        }
    }

    /// What a list is narrowed to. An empty text means sessions where that field is empty.
    struct Filter {
        /// Field and the text that it must have.
        texts: Vec<(&'static str, String)>,
        /// Microseconds that the operation must have been running for at least.
        cost_time: usize,
    }

    impl Filter {
        fn take(query: &mut Query) -> Result<Filter, Response<Bytes>> {
            let mut texts = Vec::new();
            for (name, code, known) in [
                ("plan_summary", "DBS.301072", Some(PLANS.as_slice())),
                ("type", "DBS.301073", Some(TYPES.as_slice())),
                ("namespace", "DBS.301074", None),
            ] {
                let Some(text) = query.take(name) else { continue };
                let is_known = known.is_none_or(|known| known.contains(&text.as_str()));
                if !text.is_empty() && !is_known {
                    return Err(refusal(400, code, &format!("Invalid {name}.")));
                }
                texts.push((name, text));
            }
            let cost_time = query.number("cost_time", 0..=usize::MAX, 0);
            let cost_time =
                cost_time.map_err(|complaint| refusal(400, "DBS.301075", &complaint))?;
            Ok(Filter { texts, cost_time })
        }

        fn takes(&self, session: &Value) -> bool {
            let cost_time = session["cost_time"].as_str().and_then(|time| time.parse().ok());
            self.texts.iter().all(|(name, text)| session[*name] == *text)
                && cost_time.unwrap_or(0) >= self.cost_time
        }
    }

    /// A connection whose command is empty or `none` does nothing.
    fn is_active(one: &LiveClient) -> bool {
        !["", "none"].contains(&one.command.as_str())
    }

    /// A mongos says which shard works on it.
    fn session_id(one: &LiveClient, role: &str) -> String {
        if role == "mongos" { format!("shard_1:{}", one.id) } else { one.id.clone() }
    }

    /// A session as the list shows it. Its operation has been running since it connected.
    fn session(one: &LiveClient, role: &str) -> Value {
        let active = is_active(one);
        let kind = match one.command.as_str() {
            _ if !active => "none",
            known if TYPES.contains(&known) => known,
            _ => "command",
        };
        let cost_time = if active { one.age.saturating_mul(1_000_000) } else { 0 };
        let namespace = match one.database.as_str() {
            "" => String::new(),
            database => format!("{database}.orders"),
        };
        json!({
            "id": session_id(one, role), "active": active, "operation": "{}", "type": kind,
            "cost_time": cost_time.to_string(),
            "plan_summary": if active { "COLLSCAN" } else { "" },
            "host": "192.168.0.20:8635", "client": one.address,
            "description": format!("conn{}", one.id), "namespace": namespace,
            "db": one.database, "user": one.user,
        })
    }

    /// An instance as it is listed. The words for roles are those of [`scenery`].
    fn instance(instance: &Instance) -> Value {
        let mut groups: Vec<Value> = Vec::new();
        for (id, role) in &instance.nodes {
            let (kind, shown) = match *role {
                "mongos" => ("mongos", "master"),
                "shard" => ("shard", "Primary"),
                "config" => ("config", "Primary"),
                "single" => ("single", "Primary"),
                role => ("replica", role),
            };
            let node = json!({
                "id": id, "name": format!("{}-{kind}-{id}", instance.id), "status": "normal",
                "role": shown, "private_ip": "192.168.0.20", "spec_code": "dds.mongodb.s6",
                "availability_zone": "cn-north-4a",
            });
            let group = groups.iter_mut().find(|group| group["type"] == kind);
            match group.and_then(|group| group["nodes"].as_array_mut()) {
                Some(nodes) => nodes.push(node),
                None => groups.push(json!({
                    "type": kind, "id": format!("{}-{kind}", instance.id), "name": kind,
                    "status": "normal", "nodes": [node],
                })),
            }
        }
        json!({
            "id": instance.id, "name": instance.id, "status": "normal", "mode": mode(instance),
            "datastore": { "type": "DDS-Community", "version": "4.2" }, "groups": groups,
            "actions": [],
        })
    }

    fn mode(instance: &Instance) -> &'static str {
        match instance.nodes.first() {
            Some((_, "mongos" | "shard" | "config")) => "Sharding",
            Some((_, "single")) => "Single",
            _ => "ReplicaSet",
        }
    }

    /// A replica set with a hidden node, a cluster, and a single node.
    pub(super) fn scenery() -> Vec<Instance> {
        vec![
            Instance::new(
                "dd500000000000000000000000000001in02",
                &[
                    ("dd500000000000000000000000000101no02", "Primary"),
                    ("dd500000000000000000000000000102no02", "Secondary"),
                    ("dd500000000000000000000000000103no02", "Hidden"),
                ],
            ),
            Instance::new(
                "dd500000000000000000000000000002in02",
                &[
                    ("dd500000000000000000000000000201no02", "mongos"),
                    ("dd500000000000000000000000000202no02", "mongos"),
                    ("dd500000000000000000000000000203no02", "shard"),
                    ("dd500000000000000000000000000204no02", "config"),
                ],
            ),
            Instance::new(
                "dd500000000000000000000000000003in02",
                &[("dd500000000000000000000000000301no02", "single")],
            ),
        ]
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::services::Field;
    use crate::services::simulator::bench::{Bench, all_pages, ids, node};
    use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};

    /// A replica set with `clients` on its primary node, and a cluster with one per node.
    fn stage(clients: usize) -> (Stage, Arc<Mutex<Memory>>) {
        let mut memory = Memory::new();
        for number in 1..=clients {
            memory.connect("one", client(number));
        }
        for node in ["front-1", "front-2", "shard"] {
            memory.connect(node, client(1));
        }
        let memory = memory.shared();
        let replicas = [("one", "Primary"), ("two", "Secondary"), ("three", "Hidden")];
        let cluster =
            [("front-1", "mongos"), ("front-2", "mongos"), ("shard", "shard"), ("conf", "config")];
        let instances = vec![
            Instance::new("replicas", &replicas),
            Instance::new("cluster", &cluster),
            Instance::new("alone", &[("only", "single")]),
        ];
        (Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>), memory)
    }

    fn client(number: usize) -> LiveClient {
        LiveClient {
            id: number.to_string(),
            address: format!("10.0.0.{}:{}", number % 250, 40000 + number),
            user: "app".into(),
            command: "query".into(),
            database: "shop".into(),
            age: 60,
            ..LiveClient::default()
        }
    }

    fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
        let (stage, memory) = stage(clients);
        (Bench::new(&Service, stage), memory)
    }

    async fn found(bench: &Bench, target: &[(&'static str, &str)]) -> Result<Vec<String>, Error> {
        let nodes = bench.sessions(target).nodes().await?;
        Ok(nodes.into_iter().map(|node| node.id).collect())
    }

    #[tokio::test]
    async fn clients_are_on_every_mongos_of_a_cluster_else_on_all_nodes_but_hidden_ones() {
        let (bench, _) = bench(0);
        for (instance, expected) in [
            ("replicas", vec!["one", "two"]),
            ("cluster", vec!["front-1", "front-2"]),
            ("alone", vec!["only"]),
        ] {
            assert_eq!(found(&bench, &[("instance_id", instance)]).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_node_that_is_named_is_meant_whatever_it_does() {
        let (bench, _) = bench(0);
        for (instance, node) in [("cluster", "shard"), ("cluster", "conf"), ("replicas", "three")] {
            let target = [("instance_id", instance), ("node_id", node)];
            assert_eq!(found(&bench, &target).await.unwrap(), [node]);
            assert!(bench.sessions(&target).looks_up_nodes());
        }
        assert_eq!(bench.requests().len(), 3);
        assert!(!bench.sessions(&[("node_id", "unheard-of")]).looks_up_nodes());
        assert_eq!(found(&bench, &[("node_id", "unheard-of")]).await.unwrap(), ["unheard-of"]);
        assert_eq!(bench.requests().len(), 3, "a node alone needs no look-up");
    }

    #[tokio::test]
    async fn a_target_that_cannot_be_found_is_an_error_that_says_why() {
        let (bench, _) = bench(0);
        for (target, kind, word) in [
            (vec![], Kind::Configuration, "neither `instance_id` nor `node_id`"),
            (vec![("instance_id", "nobody")], Kind::TargetGone, "no instance `nobody`"),
            (
                vec![("instance_id", "replicas"), ("node_id", "front-1")],
                Kind::TargetGone,
                "has no node `front-1`",
            ),
        ] {
            let error = found(&bench, &target).await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
            assert!(error.message.contains(word), "{error}");
        }
        for body in [
            // An ignored filter does not mean gone, and neither does anything but an empty list.
            r#"{"instances":[{"id":"other","groups":[]}]}"#,
            "{}",
            r#"{"instances":null,"total_count":0}"#,
            r#"{"instances":[],"total_count":5}"#,
            r#"{"error_code":"DBS.999999","error_msg":"failed","instances":[]}"#,
        ] {
            bench.can(200, body);
            let error = found(&bench, &[("instance_id", "replicas")]).await.unwrap_err();
            assert_eq!(error.kind, Kind::Malformed, "{body}");
        }
        bench.can(200, r#"{"error_code":"DBS.280005","error_msg":"failed"}"#);
        let error = found(&bench, &[("instance_id", "replicas")]).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unavailable, "a code of a call without effect is believed");
        bench.fault(Fault::TargetGone);
        let error = found(&bench, &[("instance_id", "replicas")]).await.unwrap_err();
        assert_eq!(error.kind, Kind::TargetGone);
    }

    #[tokio::test]
    async fn a_node_that_is_not_normal_is_asked_like_the_others_and_its_failure_tells_its_state() {
        let instances = r#"{"instances":[{"id":"x","groups":[{"type":"replica","nodes":[
            {"id":"a","name":"","status":"normal","role":"Primary","unknown":[]},
            {"id":"b","status":"abnormal","role":"Secondary"},
            {"id":"c","role":"Secondary"}]},{"type":"readonly","nodes":null}]}]}"#;
        let (bench, _) = bench(0);
        bench.can(200, instances);
        assert_eq!(found(&bench, &[("instance_id", "x")]).await.unwrap(), ["a", "b", "c"]);
        bench.can(200, instances);
        let sessions = bench.sessions(&[("instance_id", "x"), ("node_id", "b")]);
        let nodes = sessions.nodes().await.unwrap();
        bench.can(500, r#"{"error_code":"DBS.280005","error_msg":"Server error."}"#);
        let error = sessions.list(&nodes[0], None).await.unwrap_err();
        assert_eq!(
            (error.kind, error.message.as_str()),
            (Kind::Unavailable, "node `b` is abnormal: Server error.")
        );

        let unnamed = r#"{"id":"x","groups":[{"type":"replica","nodes":[{"status":"creating"}]}]}"#;
        for instance in [r#"{"id":"x"}"#, r#"{"id":"x","groups":[]}"#, unnamed] {
            for target in [&[("instance_id", "x")][..], &[("instance_id", "x"), ("node_id", "b")]] {
                bench.can(200, &format!(r#"{{"instances":[{instance}]}}"#));
                assert_eq!(found(&bench, target).await.unwrap_err().kind, Kind::Busy, "{instance}");
            }
        }
    }

    #[tokio::test]
    async fn a_node_id_that_the_cloud_calls_invalid_has_not_gone() {
        for (status, code, kind) in [
            (400, "DBS.280407", Kind::BadRequest),
            (404, "DBS.200013", Kind::TargetGone),
            (400, "DBS.200451", Kind::TargetGone),
        ] {
            let (bench, _) = bench(0);
            bench.can(status, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
            let sessions = bench.sessions(&[("node_id", "one")]);
            assert_eq!(sessions.list(&node("one"), None).await.unwrap_err().kind, kind, "{code}");
        }
    }

    #[tokio::test]
    async fn a_long_list_comes_in_pages_and_whole_and_no_filter_is_sent() {
        for clients in [0, 1, 99, 100, 101, 250] {
            let (bench, _) = bench(clients);
            let sessions = bench.sessions(&[("node_id", "one")]);
            let mut ids = ids(&all_pages(&*sessions, &node("one")).await);
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), clients);
            let (_, first, _) = bench.requests().remove(0);
            assert_eq!(first, "/v3/p0/nodes/one/sessions?offset=0&limit=100");
        }
    }

    #[tokio::test]
    async fn where_a_hundred_at_a_time_are_too_many_twenty_are_asked_for_from_then_on() {
        let (bench, _) = bench(45);
        bench.can(400, r#"{"error_code":"DBS.280439","error_msg":"limit"}"#);
        let sessions = bench.sessions(&[("node_id", "one")]);
        assert_eq!(all_pages(&*sessions, &node("one")).await.len(), 45);
        assert_eq!(all_pages(&*sessions, &node("two")).await.len(), 0);
        let asked: Vec<String> = bench.requests().into_iter().map(|(_, path, _)| path).collect();
        let one = "/v3/p0/nodes/one/sessions";
        let expected = [
            format!("{one}?offset=0&limit=100"),
            format!("{one}?offset=0&limit=20"),
            format!("{one}?offset=19&limit=20"),
            format!("{one}?offset=38&limit=20"),
            "/v3/p0/nodes/two/sessions?offset=0&limit=20".to_owned(),
        ];
        assert_eq!(asked, expected);
        for _ in 0..2 {
            bench.can(400, r#"{"error_code":"DBS.280439","error_msg":"limit"}"#);
        }
        let error = sessions.list(&node("one"), None).await.unwrap_err();
        assert_eq!(error.kind, Kind::BadRequest, "twenty are never too many");
    }

    #[tokio::test]
    async fn a_list_without_a_count_ends_with_an_empty_page() {
        let (bench, _) = bench(0);
        let some = r#"{"sessions":[{"id":"1"},{"id":"2"}]}"#;
        bench.can(200, some);
        bench.can(200, r#"{"sessions":[{"id":"3"}]}"#);
        bench.can(200, r#"{"sessions":[]}"#);
        let sessions = bench.sessions(&[("node_id", "one")]);
        let ids = ids(&all_pages(&*sessions, &node("one")).await);
        assert_eq!(ids, ["1", "2", "3"].map(|id| SessionId(id.into())));
    }

    #[tokio::test]
    async fn a_session_tells_what_the_list_tells() {
        let (bench, _) = bench(1);
        let sessions = bench.sessions(&[("node_id", "one")]);
        let found = all_pages(&*sessions, &node("one")).await;
        assert_eq!((found[0].id.0.as_str(), found[0].node.as_str()), ("1", "one"));
        assert_eq!(found[0].unkillable, None);
        let columns: Vec<&str> = SPEC.columns.iter().map(|column| column.name).collect();
        let text = |text: &str| Field::Text(text.into());
        for (name, value) in [
            ("client_address", text("10.0.0.1:40001")),
            ("user", text("app")),
            ("database", text("shop")),
            ("command", text("query")),
            ("running_seconds", Field::Integer(60)),
            ("active", Field::Bool(true)),
            ("namespace", text("shop.orders")),
            ("plan_summary", text("COLLSCAN")),
            ("server_address", text("192.168.0.20:8635")),
            ("connection", text("conn1")),
        ] {
            assert!(columns.contains(&name));
            assert_eq!(found[0].fields.get(name), Some(&value), "{name}");
        }
        assert_eq!(found[0].fields.iter().len(), columns.len());
    }

    #[tokio::test]
    async fn what_an_older_kernel_leaves_out_is_told_as_far_as_it_can_be() {
        let (bench, _) = bench(0);
        let cases = [
            (r#""namespace":"shop.orders.2024""#, "database", Some(Field::Text("shop".into()))),
            (r#""namespace":"shop""#, "database", None),
            (r#""namespace":"a.b","db":"""#, "database", Some(Field::Text("a".into()))),
            (r#""namespace":"","db":"""#, "database", Some(Field::Text("".into()))),
            (r#""user":"""#, "user", Some(Field::Text("".into()))),
            (r#""namespace":"a.b","db":"c""#, "database", Some(Field::Text("c".into()))),
            (r#""user":null"#, "user", None),
            (r#""cost_time":"1999999""#, "running_seconds", Some(Field::Integer(1))),
            (r#""cost_time":2000000"#, "running_seconds", Some(Field::Integer(2))),
            (r#""cost_time":"""#, "running_seconds", None),
        ];
        let sessions = bench.sessions(&[("node_id", "one")]);
        for (fields, name, value) in cases {
            bench.can(200, &format!(r#"{{"total_count":1,"sessions":[{{"id":"1",{fields}}}]}}"#));
            let page = sessions.list(&node("one"), None).await.unwrap();
            assert_eq!(page.sessions[0].fields.get(name), value.as_ref(), "{fields}");
        }
    }

    #[tokio::test]
    async fn a_session_that_does_nothing_is_shown_and_cannot_be_ended() {
        let (bench, memory) = bench(1);
        let idle = LiveClient { id: "2".into(), command: String::new(), ..client(2) };
        memory.lock().unwrap().connect("one", idle);
        let sessions = bench.sessions(&[("node_id", "one")]);
        let found = all_pages(&*sessions, &node("one")).await;
        assert_eq!(found[1].fields.get("active"), Some(&Field::Bool(false)));
        assert!(found[1].unkillable.is_some_and(|why| why.contains("does nothing")));
        let (node, ids) = (node("one"), ids(&found));
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        let error = sessions.terminate(batch).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (Kind::Ambiguous, Some("DBS.301077")));
        assert!(memory.lock().unwrap().killed().is_empty());
    }

    #[tokio::test]
    async fn sessions_without_an_id_are_told_apart() {
        let (bench, _) = bench(0);
        bench.can(
            200,
            r#"{"total_count":2,"sessions":[
                {"id":"","active":false,"description":"conn7"},
                {"active":true,"client":"10.0.0.1:40001"}]}"#,
        );
        let sessions = bench.sessions(&[("node_id", "one")]);
        let page = sessions.list(&node("one"), None).await.unwrap();
        assert_eq!(
            ids(&page.sessions),
            ["#conn7", "#10.0.0.1:40001"].map(|id| SessionId(id.into()))
        );
        assert!(page.sessions.iter().all(|session| session.unkillable.is_some()));
    }

    #[tokio::test]
    async fn what_is_not_a_list_is_malformed() {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[("node_id", "one")]);
        for body in [
            "",
            "[]",
            "<html>",
            r#"{"total_count":1,"sessions":["#,
            r#"{"total_count":"many"}"#,
            r#"{"total_count":3,"sessions":{}}"#,
            r#"{"total_count":3,"sessions":[]}"#,
            r#"{"sessions":[{"cost_time":"long"}]}"#,
            r#"{"sessions":[{"user":["backup"]}]}"#,
            r#"{"sessions":[{"id":["1"]}]}"#,
            "{}",
            r#"{"total_count":3}"#,
            r#"{"sessions":null}"#,
            r#"{"error_code":"DBS.999999","error_msg":"query failed","sessions":[]}"#,
        ] {
            bench.can(200, body);
            let error = sessions.list(&node("one"), None).await.unwrap_err();
            assert_eq!(error.kind, Kind::Malformed, "{body}");
        }
    }

    #[tokio::test]
    async fn chosen_sessions_are_ended_by_their_ids_as_they_are_and_no_others() {
        let (bench, memory) = bench(3);
        for (node_id, id, key) in [("one", "2", "2"), ("front-2", "shard_1:1", "1")] {
            let sessions = bench.sessions(&[("instance_id", "whatever")]);
            let (node, ids) = (node(node_id), [SessionId(id.into())]);
            let batch = Batch { node: Some(&node), which: Which::These(&ids) };
            let submission = sessions.terminate(batch).await.unwrap();
            assert_eq!((submission.ticket, submission.request_id.is_some()), (None, true));
            assert_eq!(bench.requests().last().unwrap().2, format!(r#"{{"sessions":["{id}"]}}"#));
            let killed = memory.lock().unwrap().killed().last().cloned();
            assert_eq!(killed, Some((node_id.to_owned(), key.to_owned())));
        }
        assert_eq!(memory.lock().unwrap().killed().len(), 2);
    }

    #[tokio::test]
    async fn everyone_cannot_be_ended_in_one_call() {
        let (bench, memory) = bench(1);
        let sessions = bench.sessions(&[("instance_id", "replicas")]);
        let (node, ids) = (node("one"), [SessionId("1".into())]);
        for batch in [
            Batch { node: Some(&node), which: Which::Everyone },
            Batch { node: None, which: Which::These(&ids) },
        ] {
            let error = sessions.terminate(batch).await.unwrap_err();
            assert_eq!(error.kind, Kind::Configuration);
        }
        assert!(bench.requests().is_empty() && memory.lock().unwrap().killed().is_empty());
    }

    #[tokio::test]
    async fn a_kill_is_believed_if_its_answer_is_an_object_or_nothing() {
        for (body, believed) in [
            ("", true),
            ("{}", true),
            (r#"{"a":1}"#, true),
            ("<html>", false),
            ("[]", false),
            (r#"{"error_code":"DBS.301077","error_msg":"failed"}"#, false),
            (r#"{"errCode":"DBS.280443","errMsg":"throttled"}"#, false),
        ] {
            let (bench, _) = bench(1);
            bench.can(200, body);
            let sessions = bench.sessions(&[("node_id", "one")]);
            let ids = [SessionId("1".into())];
            let batch = Batch { node: None, which: Which::These(&ids) };
            let outcome = sessions.terminate(batch).await.map_err(|error| error.kind);
            assert_eq!(
                outcome.map(|_| ()),
                believed.then_some(()).ok_or(Kind::Malformed),
                "{body}"
            );
        }
    }

    #[tokio::test]
    async fn faults_come_out_as_the_kinds_they_are() {
        for (fault, kind, status, killed) in [
            // Not a permission error, although its status says so.
            (Fault::Busy, Some((Kind::Busy, 403)), "busy", 0),
            (Fault::TargetGone, Some((Kind::TargetGone, 404)), "gone", 0),
            (Fault::PartialKill, Some((Kind::Ambiguous, 400)), "in part", 1),
            (Fault::Refuses, None, "a lie", 0),
        ] {
            let (bench, memory) = bench(2);
            let sessions = bench.sessions(&[("instance_id", "replicas")]);
            let ids = ids(&all_pages(&*sessions, &node("one")).await);
            bench.fault(fault);
            let node = node("one");
            let batch = Batch { node: Some(&node), which: Which::These(&ids) };
            let error = sessions.terminate(batch).await.err();
            assert_eq!(error.map(|e| (e.kind, e.status.unwrap())), kind, "{status}");
            assert_eq!(memory.lock().unwrap().killed().len(), killed, "{status}");
        }
    }

    #[tokio::test]
    async fn a_kill_of_what_has_ended_is_fine_or_ambiguous() {
        for (gone, kind) in [(Gone::Accepted, None), (Gone::Refused, Some(Kind::Ambiguous))] {
            let (mut stage, memory) = stage(1);
            stage.gone = gone;
            let bench = Bench::new(&Service, stage);
            let sessions = bench.sessions(&[("node_id", "one")]);
            let ids = ["1", "99"].map(|id| SessionId(id.into()));
            let batch = Batch { node: None, which: Which::These(&ids) };
            assert_eq!(sessions.terminate(batch).await.err().map(|error| error.kind), kind);
            assert_eq!(memory.lock().unwrap().killed().len(), usize::from(kind.is_none()));
        }
    }

    #[tokio::test]
    async fn an_answer_of_an_unknown_code_to_a_kill_is_ambiguous() {
        for (status, code, kind) in [
            (400, "DBS.999999", Kind::Ambiguous),
            (400, "DBS.280001", Kind::Ambiguous),
            (400, "DBS.301071", Kind::Ambiguous),
            (400, "DBS.200047", Kind::Busy),
            (400, "DBS.280408", Kind::BadRequest),
            (403, "DBS.280032", Kind::Permission),
            (403, "DBS.201014", Kind::Busy),
            (404, "DBS.200013", Kind::TargetGone),
            (500, "DBS.999999", Kind::Unavailable),
        ] {
            let (bench, _) = bench(1);
            bench.can(status, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
            let sessions = bench.sessions(&[("node_id", "one")]);
            let ids = [SessionId("1".into())];
            let batch = Batch { node: None, which: Which::These(&ids) };
            assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, kind, "{code}");
        }
    }

    #[tokio::test]
    async fn an_id_that_would_reach_another_path_is_never_sent() {
        for id in ["", "a/b", "..", "a?b", "{project_id}", "*one"] {
            let (bench, _) = bench(1);
            for target in [[("instance_id", id)], [("node_id", id)]] {
                let error = found(&bench, &target).await.unwrap_err();
                assert_eq!(error.kind, Kind::BadRequest, "{id}");
            }
            let sessions = bench.sessions(&[("node_id", "one")]);
            let (node, ids) = (node(id), [SessionId("1".into())]);
            let batch = Batch { node: Some(&node), which: Which::These(&ids) };
            assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, Kind::BadRequest, "{id}");
            let listed = sessions.list(&node, None).await;
            assert_eq!(listed.unwrap_err().kind, Kind::BadRequest, "{id}");
            assert!(bench.requests().is_empty());
        }
    }

    #[test]
    fn the_simulator_is_as_strict_as_the_pages() {
        let (list, kill) = ("/v3/p0/nodes/one/sessions", "/v3/p0/nodes/one/session");
        for (method, path, body, status, code) in [
            ("GET", "/v3/p0/instances?limit=101", "", 400, "DBS.280439"),
            ("GET", "/v3/p0/instances?offset=-1", "", 400, "DBS.280440"),
            ("GET", "/v3/p0/instances?page=1", "", 400, "DBS.280001"),
            ("GET", &format!("{list}?limit=101"), "", 400, "DBS.280439"),
            ("GET", &format!("{list}?limit=0"), "", 400, "DBS.280439"),
            ("GET", &format!("{list}?offset=-1"), "", 400, "DBS.280440"),
            ("GET", &format!("{list}?plan_summary=GUESS"), "", 400, "DBS.301072"),
            ("GET", &format!("{list}?type=get"), "", 400, "DBS.301073"),
            ("GET", &format!("{list}?cost_time=long"), "", 400, "DBS.301075"),
            ("GET", &format!("{list}?node_id=one"), "", 400, "DBS.280001"),
            ("GET", "/v3/p0/nodes/nope/sessions", "", 404, "DBS.200013"),
            ("POST", "/v3/p0/nodes/nope/session", r#"{"sessions":["1"]}"#, 404, "DBS.200013"),
            ("POST", kill, "", 400, "DBS.280001"),
            ("POST", kill, "{", 400, "DBS.280001"),
            ("POST", kill, "{}", 400, "DBS.280001"),
            ("POST", kill, r#"{"sessions":[]}"#, 400, "DBS.280001"),
            ("POST", kill, r#"{"sessions":[1]}"#, 400, "DBS.280001"),
            ("POST", kill, r#"{"sessions":["1"],"is_all":true}"#, 400, "DBS.280001"),
            ("POST", &format!("{kill}?x=1"), r#"{"sessions":["1"]}"#, 400, "DBS.280001"),
        ] {
            let (bench, memory) = bench(1);
            let response = bench.raw(method, path, body);
            assert_eq!(response.status(), status, "{method} {path} {body}");
            let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(answer["error_code"], code, "{method} {path} {body}: {answer}");
            assert!(memory.lock().unwrap().killed().is_empty());
        }
    }

    #[test]
    fn an_empty_filter_of_the_simulator_means_an_empty_field() {
        let (bench, memory) = bench(2);
        memory.lock().unwrap().connect("one", LiveClient { command: String::new(), ..client(3) });
        for (filter, expected) in [
            ("", 3),
            ("?limit=2", 2),
            ("?plan_summary=", 1),
            ("?plan_summary=COLLSCAN", 2),
            ("?type=", 0),
            ("?type=none", 1),
            ("?namespace=shop.orders", 3),
            ("?namespace=", 0),
            ("?cost_time=60000000", 2),
            ("?cost_time=60000001", 0),
        ] {
            let answer = bench.raw("GET", &format!("/v3/p0/nodes/one/sessions{filter}"), "");
            let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            let got = answer["sessions"].as_array().unwrap().len();
            assert_eq!(got, expected, "{filter}");
        }
    }

    #[test]
    fn another_databases_instances_are_not_the_simulators() {
        let (bench, _) = bench(0);
        for (query, status) in
            [("", 200), ("?datastore_type=DDS-Community", 200), ("?datastore_type=redis", 404)]
        {
            assert_eq!(bench.raw("GET", &format!("/v3/p0/instances{query}"), "").status(), status);
        }
        for path in ["/v3/p0/redis/nodes/one/sessions", "/v3/p0/instances/replicas/sessions"] {
            assert_eq!(bench.raw("DELETE", path, "{}").status(), 404);
        }
    }
}
