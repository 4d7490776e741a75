//! Huawei Cloud GeminiDB Redis: client connections on the nodes of GeminiDB Redis instances.
//!
//! Kill call: <https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0055.html>, for chosen
//! connections of a node or all of them; another ends all of an instance
//! (<https://support.huaweicloud.com/intl/en-us/api-nosql/topic_300000212.html>). A node's
//! connections are listed as they are at that moment
//! (<https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0053.html>); the list of a whole
//! instance has no pages, so it is not used.

use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::dbs::{self, Lookup};
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
    name: "huaweicloud_geminidb_redis",
    cloud: "huaweicloud",
    product: "geminidb",
    title: "Huawei Cloud GeminiDB Redis",
    session: "client connection",
    about: "A client connection is one of a client to a node of a GeminiDB Redis instance, idle or \
            not. Not for instances of the Redis Cluster edition, nor for the other databases of \
            GeminiDB. Older instances need a minor upgrade first.",
    ending: "The API ends chosen connections by id, all of a node, or all of the instance. The \
             call that ends all of an instance of several nodes is documented for proxy clusters; \
             on others use `match`, or set `max_sessions` to have connections ended by id. A \
             client whose connection was ended can connect again at once.",
    warning: None,
    regional: true,
    inputs: &[
        Input {
            name: "instance_id",
            required: false,
            description: "The id of the GeminiDB Redis instance. Without `node_id`, every node of \
                          it, whatever its state. At least one of `instance_id` and `node_id` \
                          must be given.",
        },
        Input {
            name: "node_id",
            required: false,
            description: "The id of one node. With `instance_id` it must be a node of that \
                          instance.",
        },
    ],
    one_of: &["instance_id", "node_id"],
    session_id: "the connection's id as its node lists it, like `1131`.",
    columns: &[
        Column {
            name: "client_address",
            unit: Unit::Text,
            role: Role::Client,
            description: "The client's address and port.",
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
            description: "The last command.",
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
            name: "subscriptions",
            unit: Unit::Integer,
            role: Role::Shown,
            description: "Number of channels it listens to.",
        },
    ],
    // How many ids one call may name is not documented, and neither is what happens to the others
    // if one of them is gone. 50 is the page that the list gives by itself.
    limits: Limits { batch: 50, everyone: Everyone::NodeOrTarget },
    // "Authorization Information" of the calls' pages, and for role and policy-based grants
    // https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0022.html. The page of the
    // look-up calls the older name `nosql:backup:list`, which the table gives to backups.
    permissions: Permissions {
        list: &[
            Action::formerly("gaussdbfornosql:instance:list", "nosql:instance:list"),
            Action::formerly("gaussdbfornosql:instance:listSession", "nosql:session:list"),
        ],
        terminate: &[Action::formerly(
            "gaussdbfornosql:instance:deleteSession",
            "nosql:session:delete",
        )],
    },
    codes: DBS_CODES,
    example: Example {
        inputs: &[("instance_id", "huaweicloud_geminidb_instance.cache.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: None,
        protect: ("client_cidrs", "[\"10.0.9.10/32\"]"),
    },
    documentation: "https://support.huaweicloud.com/intl/en-us/api-nosql/nosql_05_0055.html",
};

/// Connections of one page of the list; the API allows 1 to 100.
const PAGE: usize = 100;

/// The vendor's name of the call that ends connections of a node.
const KILL: &str = "DeleteInstancesSession";

/// All nodes of an instance serve clients.
const LOOKUP: Lookup =
    Lookup { product: "geminidb", datastore: Some("redis"), aside: |_, _, _| None };

/// GeminiDB Redis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service;

impl super::Service for Service {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn connect(&self, client: Arc<Client>, target: Target) -> Box<dyn Sessions> {
        Box::new(GeminiDb { client, target })
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

struct GeminiDb {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for GeminiDb {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        dbs::nodes(&self.client, &self.target, LOOKUP).await
    }

    fn looks_up_nodes(&self) -> bool {
        self.target.get("instance_id").is_some()
    }

    async fn list(&self, node: &Node, after: Option<Cursor>) -> Result<Page, Error> {
        const OPERATION: &str = "ListInstancesSession";
        let offset = paging::offset(OPERATION, after.as_ref())?;
        let path = node_path(OPERATION, &node.id)?;
        let call = Call::new(OPERATION, "geminidb", Method::GET, path)
            .query("offset", offset)
            .query("limit", PAGE);
        let answer = dbs::call(&self.client, call).await.map_err(|error| node.told(error))?;
        dbs::page(answer, (offset, PAGE), |answer, one| session(answer, one, node))
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        match (batch.which, batch.node_id(&self.target)) {
            (Which::These(ids), Some(node)) => {
                let ids: Vec<&str> = ids.iter().map(|id| id.0.as_str()).collect();
                let body = json!({ "is_all": false, "session_ids": ids });
                self.kill(node, body).await.map_err(dbs::perhaps_gone)
            }
            (Which::These(_), None) => Err(Error::new(
                Kind::Configuration,
                KILL,
                "connections can be named on one node at a time only",
            )),
            (Which::Everyone, Some(node)) => self.kill(node, json!({ "is_all": true })).await,
            (Which::Everyone, None) => self.clear().await,
        }
    }
}

impl GeminiDb {
    /// A DELETE with a body, which the signature covers.
    async fn kill(&self, node: &str, body: Value) -> Result<Submission, Error> {
        let path = node_path(KILL, node)?;
        let call = Call::new(KILL, "geminidb", Method::DELETE, path).body(body);
        dbs::accepted(dbs::call(&self.client, call).await?)
    }

    async fn clear(&self) -> Result<Submission, Error> {
        const OPERATION: &str = "ClearInstanceSessions";
        let id = self.target.get("instance_id").unwrap_or_default();
        let id = segment(OPERATION, "instance", id)?;
        let path = format!("/v3/{{project_id}}/instances/{id}/sessions");
        let call = Call::new(OPERATION, "geminidb", Method::DELETE, path);
        dbs::accepted(dbs::call(&self.client, call).await?)
    }
}

fn node_path(operation: &'static str, node: &str) -> Result<String, Error> {
    let node = segment(operation, "node", node)?;
    Ok(format!("/v3/{{project_id}}/redis/nodes/{node}/sessions"))
}

/// One listed connection.
fn session(answer: &Answer, one: ListedSession, node: &Node) -> Result<Session, Error> {
    let id = one.id.id(answer)?;
    let unkillable = id.is_none().then_some("the list gives no id for it, and a kill needs one");
    let id = id.unwrap_or_else(|| format!("#{}", one.addr.clone().filled().unwrap_or_default()));
    let told = [
        ("client_address", one.addr),
        ("database", one.db),
        ("command", one.cmd),
        ("name", one.name),
        ("age_seconds", one.age),
        ("idle_seconds", one.idle),
        ("subscriptions", one.sub),
    ];
    let fields = value::fields(answer, SPEC.columns, told)?;
    Ok(Session { id: SessionId(id), node: node.id.clone(), unkillable, fields })
}

/// Every field is a text, numbers too.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ListedSession {
    id: Told,
    addr: Told,
    name: Told,
    cmd: Told,
    age: Told,
    idle: Told,
    db: Told,
    sub: Told,
}

#[cfg(feature = "sandbox")]
mod server {
    //! The API's other end, as strict as its pages.

    use bytes::Bytes;
    use http::{Method, Response, StatusCode};
    use serde::Deserialize;
    use serde_json::{Value, json};

    use crate::services::simulator::dbs::{self, Reply, bad_parameter, refusal};
    use crate::services::simulator::{
        Fault, Inbound, Instance, LiveClient, Query, Simulator, Stage, json as answer, segments,
    };

    pub(super) struct Server {
        stage: Stage,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct KillBody {
        is_all: bool,
        #[serde(default)]
        session_ids: Vec<String>,
    }

    impl Simulator for Server {
        fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
            let path = segments(inbound.request.uri().path());
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            let reply = match (inbound.request.method(), path.as_slice()) {
                (&Method::GET, ["v3", _, "instances"]) => {
                    let mut query = Query::of(inbound.request.uri());
                    // Other databases have the same path, and say which they mean.
                    if query.take("datastore_type").as_deref() != Some("redis") {
                        return None;
                    }
                    dbs::instances(&self.stage, inbound, query, instance)
                }
                (&Method::GET, ["v3", _, "redis", "nodes", node, "sessions"]) => {
                    self.list(inbound, node)
                }
                (&Method::DELETE, ["v3", _, "redis", "nodes", node, "sessions"]) => {
                    self.kill(inbound, node)
                }
                (&Method::GET, ["v3", _, "instances", instance, "sessions"]) => {
                    self.list_whole(inbound, instance)
                }
                (&Method::DELETE, ["v3", _, "instances", instance, "sessions"]) => {
                    self.clear(inbound, instance)
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

        fn list(&self, inbound: &Inbound<'_>, node: &str) -> Reply {
            let mut query = Query::of(inbound.request.uri());
            let page = dbs::page(&mut query, 50)?;
            let prefix = query.take("addr_prefix").unwrap_or_default();
            query.done().map_err(bad_parameter)?;
            dbs::node(&self.stage, inbound, node)?;
            let mut clients = self.stage.list(node);
            clients.retain(|one| one.address.starts_with(&prefix));
            // The youngest first.
            clients.sort_by_key(|one| one.age);
            let shown: Vec<Value> = clients.iter().map(session).collect();
            Ok(dbs::sessions(&shown, page))
        }

        fn kill(&self, inbound: &Inbound<'_>, node: &str) -> Reply {
            let KillBody { is_all, session_ids } = dbs::read(inbound)?;
            if !is_all && session_ids.is_empty() {
                return Err(bad_parameter("session_ids is empty and is_all is false".into()));
            }
            dbs::node(&self.stage, inbound, node)?;
            if is_all {
                return self.end_everyone(inbound, std::iter::once(node));
            }
            let live = self.stage.list(node);
            let key = |id: &String| live.iter().find(|one| one.id == *id).map(|one| one.id.clone());
            let keys: Vec<Option<String>> = session_ids.iter().map(key).collect();
            dbs::end(&self.stage, inbound, node, &keys)
        }

        /// All sessions of all nodes, without pages: `ListInstanceSessions` of the vendor's SDKs.
        fn list_whole(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
            let nodes = self.nodes(inbound, id)?;
            let of_node = |node: &str| {
                let shown: Vec<Value> = self.stage.list(node).iter().map(session).collect();
                json!({ "node_id": node, "total_count": shown.len(), "sessions": shown })
            };
            let nodes: Vec<Value> = nodes.into_iter().map(of_node).collect();
            Ok(answer(StatusCode::OK, &json!({ "node_sessions": nodes })))
        }

        fn clear(&self, inbound: &Inbound<'_>, id: &str) -> Reply {
            if !inbound.request.body().is_empty() {
                return Err(bad_parameter("there is a request body".into()));
            }
            let nodes = self.nodes(inbound, id)?;
            self.end_everyone(inbound, nodes.into_iter())
        }

        /// The nodes of an instance, or the one that the query names.
        fn nodes(&self, inbound: &Inbound<'_>, id: &str) -> Result<Vec<&str>, Response<Bytes>> {
            let mut query = Query::of(inbound.request.uri());
            let only = query.take("node_id");
            query.done().map_err(bad_parameter)?;
            let gone = inbound.fault == Some(Fault::TargetGone);
            let instance = self.stage.instance(id).filter(|_| !gone);
            let instance = instance
                .ok_or_else(|| refusal(404, "DBS.200002", "The DB instance does not exist."))?;
            let nodes = instance.nodes.iter().map(|(node, _)| node.as_str());
            let meant = |node: &&str| only.as_deref().is_none_or(|only| only == *node);
            let nodes: Vec<&str> = nodes.filter(meant).collect();
            if nodes.is_empty() {
                return Err(refusal(404, "DBS.200013", "The node does not exist."));
            }
            Ok(nodes)
        }

        fn end_everyone<'n>(
            &self,
            inbound: &Inbound<'_>,
            nodes: impl Iterator<Item = &'n str>,
        ) -> Reply {
            if inbound.fault == Some(Fault::Busy) {
                return Err(dbs::busy());
            }
            for node in nodes {
                if self.stage.kill_all(node, inbound.fault).is_err() {
                    return Err(refusal(500, "DBS.280005", "Server failure."));
                }
            }
            Ok(dbs::done())
        }
    }

    /// A connection as the list shows it.
    fn session(one: &LiveClient) -> Value {
        json!({
            "id": one.id, "addr": one.address, "name": one.name, "cmd": one.command,
            "age": one.age.to_string(), "idle": one.idle.to_string(), "db": one.database,
            "fd": "8", "sub": "0", "psub": "0", "multi": "-1",
        })
    }

    fn instance(instance: &Instance) -> Value {
        let node = |(id, role): &(String, &'static str)| {
            json!({
                "id": id, "name": format!("{}-{id}", instance.id), "status": "normal",
                "role": role, "private_ip": "192.168.0.30", "support_reduce": false,
                "spec_code": "geminidb.redis.large.4", "availability_zone": "cn-north-4a",
            })
        };
        let nodes: Vec<Value> = instance.nodes.iter().map(node).collect();
        let group = format!("{}-group", instance.id);
        json!({
            "id": instance.id, "name": instance.id, "status": "normal", "mode": "Cluster",
            "datastore": { "type": "redis", "version": "6.2" }, "actions": [],
            "groups": [{ "id": group, "status": "normal", "nodes": nodes }],
        })
    }

    /// A single node, and an instance of three.
    pub(super) fn scenery() -> Vec<Instance> {
        vec![
            Instance::new(
                "9e300000000000000000000000000001in12",
                &[("9e300000000000000000000000000101no12", "")],
            )
            .on_redis(),
            Instance::new(
                "9e300000000000000000000000000002in12",
                &[
                    ("9e300000000000000000000000000201no12", ""),
                    ("9e300000000000000000000000000202no12", ""),
                    ("9e300000000000000000000000000203no12", ""),
                ],
            ),
        ]
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::services::simulator::bench::{Bench, all_pages, ids, node};
    use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};
    use crate::services::{Field, Fields};

    /// An instance of two nodes, with `clients` on the first and one on the second, and another
    /// instance with one.
    fn stage(clients: usize) -> (Stage, Arc<Mutex<Memory>>) {
        let mut memory = Memory::new();
        for number in 1..=clients {
            memory.connect("one", client(number));
        }
        for node in ["two", "other"] {
            memory.connect(node, client(1));
        }
        let memory = memory.shared();
        let instances = vec![
            Instance::new("pair", &[("one", ""), ("two", "")]),
            Instance::new("elsewhere", &[("other", "")]),
        ];
        (Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>), memory)
    }

    fn client(number: usize) -> LiveClient {
        LiveClient {
            id: (1000 + number).to_string(),
            address: format!("10.0.0.{}:{}", number % 250, 40000 + number),
            name: "worker".into(),
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

    fn killed(memory: &Mutex<Memory>) -> Vec<String> {
        memory.lock().unwrap().killed().iter().map(|(node, id)| format!("{node} {id}")).collect()
    }

    #[tokio::test]
    async fn every_node_of_an_instance_is_asked_and_a_node_alone_needs_no_look_up() {
        let (bench, _) = bench(0);
        for (target, expected, looked_up) in [
            (vec![("instance_id", "pair")], vec!["one", "two"], true),
            (vec![("instance_id", "pair"), ("node_id", "two")], vec!["two"], true),
            (vec![("node_id", "unheard-of")], vec!["unheard-of"], false),
        ] {
            let before = bench.requests().len();
            let sessions = bench.sessions(&target);
            let nodes = sessions.nodes().await.unwrap();
            let ids: Vec<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
            assert_eq!(ids, expected);
            assert_eq!(sessions.looks_up_nodes(), looked_up);
            let asked = bench.requests().split_off(before);
            let path = "/v3/p0/instances?id=pair&datastore_type=redis";
            let expected = looked_up.then(|| ("GET".into(), path.to_owned(), String::new()));
            assert_eq!(asked, expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn a_target_that_cannot_be_found_is_an_error_that_says_why() {
        let (bench, _) = bench(0);
        for (target, kind) in [
            (vec![], Kind::Configuration),
            (vec![("instance_id", "nobody")], Kind::TargetGone),
            (vec![("instance_id", "pair"), ("node_id", "other")], Kind::TargetGone),
        ] {
            let error = bench.sessions(&target).nodes().await.unwrap_err();
            assert_eq!(error.kind, kind, "{error}");
        }
    }

    #[tokio::test]
    async fn a_long_list_comes_in_pages_and_whole() {
        for clients in [0, 1, 99, 100, 101, 250] {
            let (bench, _) = bench(clients);
            let sessions = bench.sessions(&[("node_id", "one")]);
            let mut ids = ids(&all_pages(&*sessions, &node("one")).await);
            ids.sort();
            ids.dedup();
            assert_eq!(ids.len(), clients);
            let (_, first, _) = bench.requests().remove(0);
            assert_eq!(first, "/v3/p0/redis/nodes/one/sessions?offset=0&limit=100");
        }
    }

    #[tokio::test]
    async fn a_session_tells_what_the_list_tells_whose_numbers_are_texts() {
        let (bench, _) = bench(1);
        let sessions = bench.sessions(&[("node_id", "one")]);
        let found = all_pages(&*sessions, &node("one")).await;
        assert_eq!((found[0].id.0.as_str(), found[0].node.as_str()), ("1001", "one"));
        assert_eq!(found[0].unkillable, None);
        let columns: Vec<&str> = SPEC.columns.iter().map(|column| column.name).collect();
        for (name, value) in [
            ("client_address", Field::Text("10.0.0.1:40001".into())),
            ("database", Field::Text("0".into())),
            ("command", Field::Text("get".into())),
            ("name", Field::Text("worker".into())),
            ("age_seconds", Field::Integer(60)),
            ("idle_seconds", Field::Integer(5)),
            ("subscriptions", Field::Integer(0)),
        ] {
            assert!(columns.contains(&name));
            assert_eq!(found[0].fields.get(name), Some(&value), "{name}");
        }
        assert_eq!(found[0].fields.iter().len(), columns.len());
    }

    #[tokio::test]
    async fn bare_numbers_are_read_and_what_is_empty_is_known() {
        let (bench, _) = bench(0);
        bench.can(
            200,
            r#"{"total_count":2,"sessions":[
                {"id":254487,"db":0,"age":8888581,"idle":"","name":""},
                {"addr":"10.0.0.1:40001","cmd":null}]}"#,
        );
        let sessions = bench.sessions(&[("node_id", "one")]);
        let page = sessions.list(&node("one"), None).await.unwrap();
        assert_eq!(
            ids(&page.sessions),
            ["254487", "#10.0.0.1:40001"].map(|id| SessionId(id.into()))
        );
        let expected = Fields::from([
            ("database", Field::Text("0".into())),
            ("name", Field::Text(String::new())),
            ("age_seconds", Field::Integer(8_888_581)),
        ]);
        assert_eq!(page.sessions[0].fields, expected);
        assert!(page.sessions[1].unkillable.is_some());
    }

    #[tokio::test]
    async fn what_is_not_a_list_is_malformed() {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[("node_id", "one")]);
        for body in [
            "",
            "<html>",
            r#"{"total_count":"1","sessions":[]}"#,
            r#"{"total_count":3,"sessions":[]}"#,
            r#"{"sessions":[{"age":"old"}]}"#,
            r#"{"sessions":[{"idle":true}]}"#,
            r#"{"sessions":[{"id":true}]}"#,
        ] {
            bench.can(200, body);
            let error = sessions.list(&node("one"), None).await.unwrap_err();
            assert_eq!(error.kind, Kind::Malformed, "{body}");
        }
    }

    #[tokio::test]
    async fn a_kill_reaches_chosen_connections_one_node_or_the_instance_and_nothing_else() {
        let (chosen, all) = ([SessionId("1002".into())], Which::Everyone);
        let (pair, narrowed) = (vec![("instance_id", "pair")], vec![("node_id", "two")]);
        let one = Some(node("one"));
        let node_path = "/v3/p0/redis/nodes/one/sessions";
        for (target, node, which, path, body, expected) in [
            (
                &pair,
                &one,
                Which::These(&chosen),
                node_path,
                r#"{"is_all":false,"session_ids":["1002"]}"#,
                vec!["one 1002"],
            ),
            (&pair, &one, all, node_path, r#"{"is_all":true}"#, vec!["one 1001", "one 1002"]),
            (
                &pair,
                &None,
                all,
                "/v3/p0/instances/pair/sessions",
                "",
                vec!["one 1001", "one 1002", "two 1001"],
            ),
            (
                &narrowed,
                &None,
                all,
                "/v3/p0/redis/nodes/two/sessions",
                r#"{"is_all":true}"#,
                vec!["two 1001"],
            ),
        ] {
            let (bench, memory) = bench(2);
            let sessions = bench.sessions(target);
            let batch = Batch { node: node.as_ref(), which };
            let submission = sessions.terminate(batch).await.unwrap();
            assert_eq!((submission.ticket, submission.request_id.is_some()), (None, true));
            let (method, asked, sent) = bench.requests().remove(0);
            assert_eq!(method, "DELETE");
            assert_eq!((asked.trim_end_matches('?'), sent.as_str()), (path, body));
            assert_eq!(killed(&memory), expected);
        }
        let (bench, _) = bench(2);
        let batch = Batch { node: None, which: Which::These(&chosen) };
        let error = bench.sessions(&pair).terminate(batch).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
        assert!(bench.requests().is_empty());
    }

    #[tokio::test]
    async fn faults_come_out_as_the_kinds_they_are() {
        let chosen = ["1001", "1002"].map(|id| SessionId(id.into()));
        let chosen = || Which::These(&chosen);
        let one = node("one");
        for (fault, which, node, outcome, left) in [
            // Not a permission error, although its status says so.
            (Fault::Busy, chosen(), Some(&one), Some((Kind::Busy, 403)), 2),
            (Fault::Busy, Which::Everyone, None, Some((Kind::Busy, 403)), 2),
            (Fault::TargetGone, chosen(), Some(&one), Some((Kind::TargetGone, 404)), 2),
            (Fault::TargetGone, Which::Everyone, None, Some((Kind::TargetGone, 404)), 2),
            (Fault::PartialKill, chosen(), Some(&one), Some((Kind::Ambiguous, 400)), 1),
            (Fault::PartialKill, Which::Everyone, None, Some((Kind::Unavailable, 500)), 1),
            (Fault::Refuses, chosen(), Some(&one), None, 2),
            (Fault::Refuses, Which::Everyone, None, None, 2),
        ] {
            let (bench, memory) = bench(2);
            bench.fault(fault);
            let sessions = bench.sessions(&[("instance_id", "pair")]);
            let error = sessions.terminate(Batch { node, which }).await.err();
            let case = format!("{fault:?} {which:?}");
            assert_eq!(error.map(|error| (error.kind, error.status.unwrap())), outcome, "{case}");
            assert_eq!(2 - killed(&memory).len(), left, "{case}");
        }
    }

    #[tokio::test]
    async fn a_kill_of_what_has_gone_is_fine_or_ambiguous() {
        for (gone, kind) in [(Gone::Accepted, None), (Gone::Refused, Some(Kind::Ambiguous))] {
            let (mut stage, memory) = stage(1);
            stage.gone = gone;
            let bench = Bench::new(&Service, stage);
            let ids = ["1001", "99"].map(|id| SessionId(id.into()));
            let batch = Batch { node: None, which: Which::These(&ids) };
            let outcome = bench.sessions(&[("node_id", "one")]).terminate(batch).await;
            assert_eq!(outcome.err().map(|error| error.kind), kind);
            assert_eq!(killed(&memory).len(), usize::from(kind.is_none()));
        }
    }

    #[tokio::test]
    async fn only_a_kill_that_names_somebody_can_be_ambiguous() {
        let (ids, answer) = ([SessionId("1001".into())], r#"{"error_code":"DBS.999999"}"#);
        for (which, kind) in
            [(Which::These(&ids), Kind::Ambiguous), (Which::Everyone, Kind::BadRequest)]
        {
            let (bench, _) = bench(1);
            bench.can(400, answer);
            let batch = Batch { node: None, which };
            let outcome = bench.sessions(&[("node_id", "one")]).terminate(batch).await;
            assert_eq!(outcome.unwrap_err().kind, kind);
        }
    }

    #[tokio::test]
    async fn codes_mean_the_same_under_whatever_status_they_come() {
        for (status, code, kind) in [
            (500, "DBS.200998", Kind::Busy),
            (403, "DBS.280056", Kind::Credentials),
            (400, "DBS.280063", Kind::Permission),
            (500, "DBS.280064", Kind::Credentials),
            (429, "DBS.280443", Kind::Throttled),
        ] {
            let (bench, _) = bench(1);
            bench.can(status, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
            let error = bench.sessions(&[("node_id", "one")]).list(&node("one"), None).await;
            assert_eq!(error.unwrap_err().kind, kind, "{code}");
        }
    }

    #[tokio::test]
    async fn an_id_that_would_reach_another_path_is_never_sent() {
        for id in ["", "a/b", "..", "a?b", "{project_id}", "*one"] {
            let (bench, memory) = bench(1);
            for target in [[("instance_id", id)], [("node_id", id)]] {
                let sessions = bench.sessions(&target);
                assert_eq!(sessions.nodes().await.unwrap_err().kind, Kind::BadRequest, "{id}");
                let batch = Batch { node: None, which: Which::Everyone };
                let error = sessions.terminate(batch).await.unwrap_err();
                assert_eq!(error.kind, Kind::BadRequest, "{id}");
            }
            assert!(bench.requests().is_empty() && killed(&memory).is_empty());
        }
    }

    #[test]
    fn the_simulator_is_as_strict_as_the_pages() {
        let (at, whole) = ("/v3/p0/redis/nodes/one/sessions", "/v3/p0/instances/pair/sessions");
        let (nobody, some) = ("/v3/p0/redis/nodes/nope/sessions", r#"{"is_all":true}"#);
        for (method, path, body, status, code) in [
            ("GET", "/v3/p0/instances?datastore_type=redis&limit=0", "", 400, "DBS.280439"),
            ("GET", "/v3/p0/instances?datastore_type=redis&x=1", "", 400, "DBS.280001"),
            ("GET", &format!("{at}?limit=101"), "", 400, "DBS.280439"),
            ("GET", &format!("{at}?limit=0"), "", 400, "DBS.280439"),
            ("GET", &format!("{at}?offset=-1"), "", 400, "DBS.280440"),
            ("GET", &format!("{at}?type=get"), "", 400, "DBS.280001"),
            ("GET", nobody, "", 404, "DBS.200013"),
            ("DELETE", nobody, some, 404, "DBS.200013"),
            ("DELETE", at, "", 400, "DBS.280001"),
            ("DELETE", at, "{", 400, "DBS.280001"),
            ("DELETE", at, "{}", 400, "DBS.280001"),
            ("DELETE", at, r#"{"session_ids":["1001"]}"#, 400, "DBS.280001"),
            ("DELETE", at, r#"{"is_all":false}"#, 400, "DBS.280001"),
            ("DELETE", at, r#"{"is_all":false,"session_ids":[]}"#, 400, "DBS.280001"),
            ("DELETE", at, r#"{"is_all":false,"session_ids":[1001]}"#, 400, "DBS.280001"),
            ("DELETE", at, r#"{"is_all":"true"}"#, 400, "DBS.280001"),
            ("DELETE", at, r#"{"is_all":true,"node":"one"}"#, 400, "DBS.280001"),
            ("DELETE", &format!("{at}?x=1"), some, 400, "DBS.280001"),
            ("DELETE", whole, some, 400, "DBS.280001"),
            ("DELETE", &format!("{whole}?x=1"), "", 400, "DBS.280001"),
            ("DELETE", &format!("{whole}?node_id=other"), "", 404, "DBS.200013"),
            ("GET", &format!("{whole}?node_id=other"), "", 404, "DBS.200013"),
            ("GET", &format!("{whole}?limit=1"), "", 400, "DBS.280001"),
            ("GET", "/v3/p0/instances/nobody/sessions", "", 404, "DBS.200002"),
            ("DELETE", "/v3/p0/instances/nobody/sessions", "", 404, "DBS.200002"),
        ] {
            let (bench, memory) = bench(1);
            let response = bench.raw(method, path, body);
            assert_eq!(response.status(), status, "{method} {path} {body}");
            let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
            assert_eq!(answer["error_code"], code, "{method} {path} {body}: {answer}");
            assert!(killed(&memory).is_empty());
        }
    }

    #[test]
    fn the_simulators_list_starts_with_the_youngest_and_is_narrowed_by_address() {
        let (bench, memory) = bench(60);
        let young = LiveClient { age: 1, address: "192.168.7.7:50000".into(), ..client(99) };
        memory.lock().unwrap().connect("one", young);
        for (query, got, total) in
            [("", 50, 61), ("?limit=100", 61, 61), ("?addr_prefix=192.168.7.", 1, 1)]
        {
            let answer = bench.raw("GET", &format!("/v3/p0/redis/nodes/one/sessions{query}"), "");
            let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            assert_eq!(answer["sessions"].as_array().unwrap().len(), got, "{query}");
            assert_eq!(answer["total_count"], total, "{query}");
            assert_eq!(answer["sessions"][0]["id"], "1099", "{query}");
        }
    }

    #[test]
    fn the_simulator_lists_and_clears_a_whole_instance_or_one_node_of_it() {
        let (bench, memory) = bench(60);
        let whole = "/v3/p0/instances/pair/sessions";
        let two = format!("{whole}?node_id=two");
        for (path, nodes) in [(whole, vec![("one", 60), ("two", 1)]), (&two, vec![("two", 1)])] {
            let answer = bench.raw("GET", path, "");
            let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
            let listed = answer["node_sessions"].as_array().unwrap().iter().map(|node| {
                let (id, count) = (node["node_id"].as_str().unwrap(), &node["total_count"]);
                assert_eq!(node["sessions"].as_array().unwrap().len(), *count);
                (id, count.as_u64().unwrap())
            });
            assert_eq!(listed.collect::<Vec<_>>(), nodes);
        }
        assert_eq!(bench.raw("DELETE", &two, "").status(), 200);
        assert_eq!(killed(&memory), ["two 1001"]);
    }

    #[test]
    fn another_databases_instances_are_not_the_simulators() {
        let (bench, _) = bench(0);
        for (query, status) in
            [("?datastore_type=redis", 200), ("?datastore_type=cassandra", 404), ("", 404)]
        {
            assert_eq!(bench.raw("GET", &format!("/v3/p0/instances{query}"), "").status(), status);
        }
        assert_eq!(bench.raw("GET", "/v3/p0/nodes/one/sessions", "").status(), 404);
    }
}
