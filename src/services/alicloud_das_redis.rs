//! Alibaba Cloud DAS for Redis: client sessions of Tair and ApsaraDB for Redis instances.
//!
//! Kill call: <https://www.alibabacloud.com/help/en/das/developer-reference/api-das-2020-01-16-killinstanceallsession>.
//! It knows no single sessions. List call:
//! <https://www.alibabacloud.com/help/en/das/developer-reference/api-das-2020-01-16-getredisallsession>.
//! Both may be answered with status 200 although they failed: what counts is `Success` and `Code`
//! in the body, and their types differ between pages and SDKs.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use http::Method;
use serde::Deserialize;
use serde_json::Value;

use super::spec::Permissions;
use super::value::{self, Told};
use super::{
    Batch, Column, Cursor, Error, Everyone, Example, Input, Kind, Limits, Node, Page, Role,
    Session, SessionId, Sessions, Spec, Submission, Target, Unit, Which,
};
use crate::cloud::alicloud::common_kind;
use crate::cloud::{Action, Answer, Call, Client};
use crate::wire::redact;

static SPEC: Spec = Spec {
    name: "alicloud_das_redis",
    cloud: "alicloud",
    product: "das",
    title: "Alibaba Cloud DAS for Redis",
    session: "client session",
    about: "A client session is a connection of a client to a Tair or ApsaraDB for Redis instance, \
            as Database Autonomy Service lists it. Sessions that clients of a cluster made past \
            the proxies, in direct connection mode, are not listed.",
    ending: "The API cannot end single sessions: it ends all of the instance or nothing. A client \
             whose session was ended can connect again at once.",
    warning: None,
    regional: false,
    inputs: &[Input {
        name: "instance_id",
        required: true,
        description: "The id of the Redis instance, in any region.",
    }],
    one_of: &[],
    session_id: "the list's `NodeId` and `Id`, like `r-****-proxy-0#16/7201`, since every proxy \
                 counts its own clients. Where the list gives no `NodeId`, the client's address \
                 stands for it, and where that leaves two alike, the second has `~2` at its end.",
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
            name: "node",
            unit: Unit::Text,
            role: Role::Shown,
            description: "The proxy or data node that the client is connected to.",
        },
        Column {
            name: "alias",
            unit: Unit::Text,
            role: Role::Shown,
            description: "What DAS calls the client's address, if it was given a name there.",
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
    limits: Limits { batch: 0, everyone: Everyone::Target },
    permissions: Permissions {
        list: &[Action::of("hdm:GetRedisAllSession")],
        terminate: &[Action::of("hdm:KillInstanceAllSession")],
    },
    codes: CODES,
    example: Example {
        inputs: &[("instance_id", "alicloud_kvstore_instance.cache.id")],
        criterion: ("min_idle", "\"10m\""),
        old_login: None,
        protect: ("client_cidrs", "[\"10.0.9.10/32\"]"),
    },
    documentation: "https://www.alibabacloud.com/help/en/das/developer-reference/api-das-2020-01-16-killinstanceallsession",
};

/// Error codes of the two calls' pages. They come as the code of a status, or in the body of a 200.
const CODES: &[(&str, Kind)] =
    &[("InvalidParams", Kind::BadRequest), ("NoPermission", Kind::Permission)];

const VERSION: &str = "2020-01-16";

/// What `Data` is for an instance that does not exist, as aliyun/terraform-provider-alicloud reads
/// other calls of DAS (`alicloud/service_alicloud_das_v2.go`).
const NO_INSTANCE: &str = "-404";

/// DAS for Redis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Service;

impl super::Service for Service {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn connect(&self, client: Arc<Client>, target: Target) -> Box<dyn Sessions> {
        Box::new(Das { client, target })
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

struct Das {
    client: Arc<Client>,
    target: Target,
}

#[async_trait]
impl Sessions for Das {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        Ok(vec![Node::whole()])
    }

    async fn list(&self, _node: &Node, _after: Option<Cursor>) -> Result<Page, Error> {
        let (answer, data) = self.call("GetRedisAllSession").await?;
        let data = list_of(&answer, data)?;
        let total = data.total.as_ref().and_then(number).unwrap_or_default();
        let total = usize::try_from(total).unwrap_or_default();
        let mut listed = data.sessions.unwrap_or_default();
        if let Value::Object(deeper) = listed {
            // As the vendor's older SDKs have it: one level deeper, whatever it is called.
            let mut arrays = deeper.into_values().filter(Value::is_array);
            listed = match (arrays.next(), arrays.next()) {
                (Some(only), None) => only,
                (None, _) => Value::Null,
                (Some(_), Some(_)) => Value::Bool(false),
            };
        }
        let listed: Option<Vec<ListedSession>> = read(&answer, listed)?;
        let listed = listed.unwrap_or_default();
        if listed.is_empty() && total > 0 {
            return Err(answer.malformed(format!("an empty list of {total} sessions")));
        }
        // The vendor's example counts two sessions and shows one.
        let unseen = total.saturating_sub(listed.len());
        let sessions = listed.into_iter().map(|one| session(&answer, one));
        let sessions = apart(sessions.collect::<Result<_, _>>()?);
        Ok(Page { sessions, next: None, unseen, request_id: answer.request_id })
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        const KILL: &str = "KillInstanceAllSession";
        if !matches!(batch, Batch { which: Which::Everyone, .. }) {
            let message = "sessions cannot be ended one by one, only all of the instance";
            return Err(Error::new(Kind::Configuration, KILL, message));
        }
        let (answer, _) = self.call(KILL).await.map_err(|error| {
            // A failure that no page explains may have come after some sessions were ended: work
            // that the cloud began and gave up.
            let kind = if error.kind == Kind::Refused { Kind::JobFailed } else { error.kind };
            Error { kind, ..error }
        })?;
        Ok(Submission { request_id: answer.request_id, ..Submission::default() })
    }
}

impl Das {
    /// The answer to an action on the instance, and its `Data`, if the body calls it a success.
    async fn call(&self, action: &'static str) -> Result<(Answer, Option<Value>), Error> {
        let instance = self.target.get("instance_id").unwrap_or_default();
        if instance.is_empty() {
            let message = "the id of the instance is empty";
            return Err(Error::new(Kind::BadRequest, action, message));
        }
        let call = Call::new(action, SPEC.product, Method::POST, "/");
        let call = Call { version: VERSION, ..call }.query("InstanceId", instance);
        let answer = self.client.call(call).await.map_err(|error| error.classified(CODES))?;
        let body: Body = answer.json()?;
        match body.failure(&answer) {
            Some(error) => Err(error),
            None => Ok((answer, body.data)),
        }
    }
}

impl Body {
    /// What the body says went wrong.
    fn failure(&self, answer: &Answer) -> Option<Error> {
        let field = |value: &Option<Value>| value.as_ref().and_then(text);
        let code = field(&self.code).map(|code| redact::bounded(&code, 128));
        let message = field(&self.message).unwrap_or_else(|| "the call failed".to_owned());
        let error = |kind| Some(Error { kind, code: code.clone(), ..answer.malformed(&message) });
        if field(&self.data).as_deref() == Some(NO_INSTANCE) {
            return error(Kind::TargetGone);
        }
        let success = field(&self.success).map(|text| text.eq_ignore_ascii_case("true"));
        match (success, code.as_deref()) {
            (Some(true), Some("200")) => None,
            (None, _) | (_, None) => {
                Some(answer.malformed("the answer does not tell `Success` and `Code`"))
            }
            (Some(true), Some(_)) | (Some(false), Some("200")) => {
                Some(answer.malformed("`Success` and `Code` of the answer contradict each other"))
            }
            // The message may be a code too, and says more than a number.
            (Some(false), Some(code)) => {
                let named = named_kind(code).or_else(|| named_kind(&message));
                error(named.or_else(|| status_kind(code)).unwrap_or(Kind::Refused))
            }
        }
    }
}

/// What a code in a body means: one of [`CODES`], or one that all products have.
fn named_kind(code: &str) -> Option<Kind> {
    let own = CODES.iter().find(|(known, _)| *known == code);
    own.map(|(_, kind)| *kind).or_else(|| common_kind(code))
}

/// What an HTTP status in a body means.
fn status_kind(code: &str) -> Option<Kind> {
    match code.parse::<u16>().ok()? {
        400 => Some(Kind::BadRequest),
        401 => Some(Kind::Credentials),
        403 => Some(Kind::Permission),
        429 => Some(Kind::Throttled),
        500..=599 => Some(Kind::Unavailable),
        _ => None,
    }
}

/// One listed session.
fn session(answer: &Answer, listed: ListedSession) -> Result<Session, Error> {
    let told = |value: Option<Value>| value.as_ref().and_then(text);
    let address = told(listed.addr).or(told(listed.client));
    let node = told(listed.node_id);
    let id = told(listed.id).ok_or_else(|| answer.malformed("a session has no id"))?;
    let id = match node.as_ref().or(address.as_ref()) {
        Some(place) => format!("{place}/{id}"),
        None => id,
    };
    let told = |value: Option<Value>| Told::from(value.unwrap_or_default());
    let fields = [
        ("client_address", address.into()),
        ("database", told(listed.db)),
        ("command", told(listed.cmd)),
        ("name", told(listed.name)),
        ("age_seconds", told(listed.age)),
        ("idle_seconds", told(listed.idle)),
        ("node", node.into()),
        ("alias", told(listed.client_desc)),
        ("flags", told(listed.flags)),
        ("subscriptions", told(listed.sub)),
    ];
    let fields = value::fields(answer, SPEC.columns, fields)?;
    Ok(Session { id: SessionId(id), node: String::new(), unkillable: None, fields })
}

/// Tells sessions apart whose entries give them one id, lest one of them hide another.
fn apart(mut sessions: Vec<Session>) -> Vec<Session> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for session in &mut sessions {
        let times = seen.entry(session.id.0.clone()).or_default();
        *times += 1;
        if *times > 1 {
            session.id = SessionId(format!("{}~{times}", session.id));
        }
    }
    sessions
}

/// A text, or a number or truth value in its place. Empty is none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A whole number, or a text that is one.
fn number(value: &Value) -> Option<i64> {
    text(value)?.parse().ok()
}

/// The list that `Data` is. Without any of its parts it is not an empty one: who is on it would
/// count as gone.
fn list_of(answer: &Answer, data: Option<Value>) -> Result<Listed, Error> {
    match read(answer, data.unwrap_or_default())? {
        Listed { total: None, sessions: None } => {
            Err(answer.malformed("`Data` of the answer tells neither `Total` nor `Sessions`"))
        }
        listed => Ok(listed),
    }
}

fn read<T: serde::de::DeserializeOwned>(answer: &Answer, value: Value) -> Result<T, Error> {
    serde_json::from_value(value)
        .map_err(|_| answer.malformed("`Data` of the answer is not a list of sessions"))
}

/// What is around every answer of DAS.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Body {
    code: Option<Value>,
    message: Option<Value>,
    success: Option<Value>,
    data: Option<Value>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Total", alias = "total")]
    total: Option<Value>,
    #[serde(rename = "Sessions", alias = "sessions")]
    sessions: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedSession {
    #[serde(alias = "id")]
    id: Option<Value>,
    #[serde(alias = "addr")]
    addr: Option<Value>,
    #[serde(alias = "client")]
    client: Option<Value>,
    #[serde(alias = "clientDesc")]
    client_desc: Option<Value>,
    #[serde(alias = "name")]
    name: Option<Value>,
    #[serde(alias = "cmd")]
    cmd: Option<Value>,
    #[serde(alias = "age")]
    age: Option<Value>,
    #[serde(alias = "idle")]
    idle: Option<Value>,
    #[serde(alias = "db")]
    db: Option<Value>,
    #[serde(alias = "flags")]
    flags: Option<Value>,
    #[serde(alias = "sub")]
    sub: Option<Value>,
    #[serde(alias = "nodeId")]
    node_id: Option<Value>,
}

#[cfg(feature = "sandbox")]
mod server {
    //! The API's other end, as strict as its pages.

    use std::collections::BTreeMap;
    use std::time::{SystemTime, UNIX_EPOCH};

    use bytes::Bytes;
    use http::Response;
    use serde_json::{Value, json};

    use super::{NO_INSTANCE, VERSION};
    use crate::services::simulator::alicloud::{
        Parameters, Reply, action, done, refusal, throttled,
    };
    use crate::services::simulator::{Fault, Inbound, Instance, LiveClient, Simulator, Stage};

    pub(super) struct Server(Stage);

    impl Simulator for Server {
        fn respond(&mut self, inbound: &Inbound<'_>) -> Option<Response<Bytes>> {
            let handle: fn(&Server, &Inbound<'_>, &Instance) -> Response<Bytes> =
                match action(inbound, VERSION)? {
                    "GetRedisAllSession" => Server::list,
                    "KillInstanceAllSession" => Server::kill_all,
                    _ => return None,
                };
            let reply: Reply = instance_id(inbound).and_then(|id| {
                let gone = inbound.fault == Some(Fault::TargetGone);
                match self.0.instance(&id).filter(|_| !gone) {
                    _ if inbound.fault == Some(Fault::Busy) => Err(throttled()),
                    None => Ok(done(json!({
                        "Code": "200", "Message": "Successful", "Success": "true",
                        "Data": NO_INSTANCE,
                    }))),
                    Some(instance) => Ok(handle(self, inbound, instance)),
                }
            });
            Some(reply.unwrap_or_else(|refusal| refusal))
        }
    }

    impl Server {
        pub(super) fn new(stage: Stage) -> Server {
            Server(stage)
        }

        fn list(&self, inbound: &Inbound<'_>, instance: &Instance) -> Response<Bytes> {
            let mut sessions: Vec<Value> = Vec::new();
            let mut sources: BTreeMap<String, Vec<i64>> = BTreeMap::new();
            for node in client_nodes(instance) {
                for client in self.0.list(node) {
                    let one = session(&client, node);
                    let source = one["Client"].as_str().unwrap_or_default().to_owned();
                    sources.entry(source).or_default().extend(one["Id"].as_i64());
                    sessions.push(one);
                }
            }
            let sources: Vec<Value> = sources
                .into_iter()
                .map(|(key, ids)| json!({ "Key": key, "Count": ids.len().to_string(), "Ids": ids }))
                .collect();
            let data = json!({
                "Total": sessions.len(), "Timestamp": millis(inbound.at), "Sessions": sessions,
                "SourceStats": sources,
            });
            done(json!({ "Code": 200, "Message": "Successful", "Success": true, "Data": data }))
        }

        fn kill_all(&self, inbound: &Inbound<'_>, instance: &Instance) -> Response<Bytes> {
            let ended = client_nodes(instance).map(|node| self.0.kill_all(node, inbound.fault));
            // All nodes, also after one that failed.
            let failures = ended.filter(Result::is_err).count();
            let (code, message, success) = match failures {
                0 => ("200", "Successful", "true"),
                _ => ("500", "Some sessions could not be terminated.", "false"),
            };
            done(json!({ "Code": code, "Message": message, "Success": success, "Data": "None" }))
        }
    }

    /// A master with a standby, and a cluster behind proxies.
    pub(super) fn scenery() -> Vec<Instance> {
        vec![
            Instance::new("r-8vbcyr4sw0c40001", &[("r-8vbcyr4sw0c40001-db-0", "db")]).on_redis(),
            Instance::new(
                "r-8vbcyr4sw0c40002",
                &[
                    ("r-8vbcyr4sw0c40002-proxy-0#1679", "proxy"),
                    ("r-8vbcyr4sw0c40002-proxy-1#1680", "proxy"),
                    ("r-8vbcyr4sw0c40002-db-0", "db"),
                ],
            ),
        ]
    }

    /// The nodes that clients are connected to: the proxies where there are proxies.
    fn client_nodes(instance: &Instance) -> impl Iterator<Item = &str> {
        let proxied = instance.nodes.iter().any(|(_, role)| *role == "proxy");
        let nodes = instance.nodes.iter().filter(move |(_, role)| (*role == "proxy") == proxied);
        nodes.map(|(id, _)| id.as_str())
    }

    fn instance_id(inbound: &Inbound<'_>) -> Result<String, Response<Bytes>> {
        let wrong = |_| refusal(400, "InvalidParams", "The request parameters are invalid.");
        let mut parameters = Parameters::of(inbound);
        let id = parameters.required("InstanceId").map_err(wrong)?;
        parameters.optional("ConsoleContext");
        parameters.done().map_err(wrong)?;
        Ok(id)
    }

    /// A session as the list shows it.
    fn session(client: &LiveClient, node: &str) -> Value {
        let ip = client.address.rsplit_once(':').map_or("", |(ip, _)| ip);
        let flags = if client.flags.is_empty() { "N" } else { client.flags.as_str() };
        json!({
            "Id": client.id.parse::<i64>().unwrap_or_default(), "Addr": client.address,
            "Client": ip, "ClientDesc": "", "Name": client.name, "Cmd": client.command,
            "Age": client.age.to_string(), "Idle": client.idle,
            "Db": client.database.parse::<i64>().unwrap_or_default(), "Flags": flags, "Fd": 8,
            "Sub": 0, "Psub": 0, "Multi": -1, "Qbuf": 0, "QbufFree": 0, "Obl": 0, "Oll": 0,
            "Omem": 0, "Events": "r", "NodeId": node,
        })
    }

    fn millis(at: SystemTime) -> u64 {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or_default()
    }
}

#[cfg(test)]
#[cfg(feature = "sandbox")]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::services::Field;
    use crate::services::simulator::bench::{Bench, all_pages, ids};
    use crate::services::simulator::{Clients, Fault, Instance, LiveClient, Memory, Stage};

    /// A plain instance with `clients`, and one whose two proxies count alike.
    fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
        let mut memory = Memory::new().with("p-0", client(1)).with("p-1", client(1));
        for number in 1..=clients {
            memory.connect("db", client(number));
        }
        let memory = memory.shared();
        let proxied = [("p-0", "proxy"), ("p-1", "proxy"), ("shard", "db")];
        let instances = vec![Instance::new("r-1", &[("db", "db")]), Instance::new("r-2", &proxied)];
        let stage = Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>);
        (Bench::new(&Service, stage), memory)
    }

    fn client(number: usize) -> LiveClient {
        LiveClient {
            id: number.to_string(),
            address: format!("10.0.0.{number}:40001"),
            name: "worker".into(),
            command: "get".into(),
            database: "3".into(),
            age: 60,
            idle: 5,
            ..LiveClient::default()
        }
    }

    const PLAIN: &[(&str, &str)] = &[("instance_id", "r-1")];
    const EVERYONE: Batch<'static> = Batch { node: None, which: Which::Everyone };

    async fn first(bench: &Bench, target: &[(&'static str, &str)]) -> Result<Page, Error> {
        bench.sessions(target).list(&Node::whole(), None).await
    }

    #[tokio::test]
    async fn a_session_tells_what_the_list_tells() {
        let (bench, _) = bench(1);
        let page = first(&bench, PLAIN).await.unwrap();
        let text = |text: &str| Field::Text(text.into());
        let expected = [
            ("client_address", text("10.0.0.1:40001")),
            ("database", text("3")),
            ("command", text("get")),
            ("name", text("worker")),
            ("age_seconds", Field::Integer(60)),
            ("idle_seconds", Field::Integer(5)),
            ("node", text("db")),
            ("alias", text("")),
            ("flags", text("N")),
            ("subscriptions", Field::Integer(0)),
        ];
        assert_eq!(page.sessions[0].fields, expected.into());
        assert_eq!(page.sessions[0].id.0, "db/1");
        let (_, asked, _) = bench.requests().remove(0);
        assert!(!asked.contains("RegionId"), "DAS has one region: {asked}");
    }

    #[tokio::test]
    async fn proxies_count_alike_and_their_sessions_are_told_apart() {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[("instance_id", "r-2")]);
        assert_eq!(sessions.nodes().await.unwrap(), [Node::whole()]);
        let found = ids(&all_pages(&*sessions, &Node::whole()).await);
        assert_eq!(found, ["p-0/1", "p-1/1"].map(|id| SessionId(id.into())));
    }

    #[tokio::test]
    async fn an_id_is_the_same_whoever_else_is_listed() {
        let alone = r#"[{"Id":7,"Addr":"1.1.1.1:1","NodeId":"p-0"}]"#;
        let among = r#"[{"Id":"7","Addr":"2.2.2.2:1","NodeId":"p-1"},{"Id":7,"NodeId":"p-0"},
            {"Id":7,"Addr":"1.1.1.1:1"},{"Id":7,"Client":"2.2.2.2"},{"Id":7}]"#;
        let mut found = Vec::new();
        for sessions in [alone, among] {
            let (bench, _) = bench(0);
            bench.can(
                200,
                &format!(r#"{{"Code":200,"Success":true,"Data":{{"Sessions":{sessions}}}}}"#),
            );
            let page = first(&bench, PLAIN).await.unwrap();
            found.push(ids(&page.sessions).into_iter().collect::<BTreeSet<_>>());
        }
        assert!(found[0].is_subset(&found[1]), "{found:?}");
        assert_eq!(found[1].len(), 5, "{found:?}");
    }

    #[tokio::test]
    async fn who_is_counted_and_not_shown_is_told_and_one_id_hides_nobody() {
        let one = r#"{"Id":7,"Client":"1.1.1.1"}"#;
        for (total, sessions, unseen, expected) in [
            ("2", one.to_owned(), 1, &["1.1.1.1/7"][..]),
            ("\"500\"", one.to_owned(), 499, &["1.1.1.1/7"]),
            ("1", one.to_owned(), 0, &["1.1.1.1/7"]),
            ("0", one.to_owned(), 0, &["1.1.1.1/7"]),
            ("-1", one.to_owned(), 0, &["1.1.1.1/7"]),
            ("3", [one; 3].join(","), 0, &["1.1.1.1/7", "1.1.1.1/7~2", "1.1.1.1/7~3"]),
        ] {
            let (bench, _) = bench(0);
            let data = format!(r#"{{"Total":{total},"Sessions":[{sessions}]}}"#);
            bench.can(200, &format!(r#"{{"Code":200,"Success":true,"Data":{data}}}"#));
            let page = first(&bench, PLAIN).await.unwrap();
            assert_eq!(page.unseen, unseen, "{data}");
            let found: Vec<_> = ids(&page.sessions).into_iter().map(|id| id.0).collect();
            assert_eq!(found, expected, "{data}");
        }
    }

    #[tokio::test]
    async fn numbers_and_texts_stand_for_each_other_and_arrays_may_be_missing() {
        for (body, count) in [
            (
                r#"{"Code":"200","Success":"true","Data":{"Total":"1","Sessions":[{"Id":"7","Age":61,"Idle":"9"}]}}"#,
                1,
            ),
            (
                r#"{"Code":200,"Success":"True","Data":{"sessions":[{"id":7,"age":"61","idle":9}]}}"#,
                1,
            ),
            (
                r#"{"Code":200,"Success":true,"Data":{"Total":1,"Sessions":{"sessions":[{"id":7,"age":61,"idle":9}]}}}"#,
                1,
            ),
            (r#"{"Code":200,"Success":true,"Data":{"Total":0}}"#, 0),
            (r#"{"Code":200,"Success":true,"Data":{"Total":0,"Sessions":null}}"#, 0),
            (r#"{"Code":200,"Success":true,"Data":{"Total":0,"Sessions":{}}}"#, 0),
        ] {
            let (bench, _) = bench(0);
            bench.can(200, body);
            let page = first(&bench, PLAIN).await.unwrap();
            assert_eq!(page.sessions.len(), count, "{body}");
            for session in page.sessions {
                assert_eq!(session.fields.get("age_seconds"), Some(&Field::Integer(61)), "{body}");
                assert_eq!(session.fields.get("idle_seconds"), Some(&Field::Integer(9)), "{body}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_not_a_list_is_malformed() {
        for data in [
            "null",
            "1",
            "\"None\"",
            "{}",
            r#"{"Sessions":1}"#,
            r#"{"Sessions":[1]}"#,
            r#"{"Sessions":[{}]}"#,
            r#"{"Total":3}"#,
            r#"{"Sessions":[[]]}"#,
            r#"{"Sessions":[{"Id":1,"Age":"an hour"}]}"#,
            r#"{"Sessions":{"a":[],"b":[]}}"#,
            r#"{"Sessions":[{"Id":1,"Name":["replicator"]}]}"#,
        ] {
            let (bench, _) = bench(0);
            bench.can(200, &format!(r#"{{"Code":200,"Success":true,"Data":{data}}}"#));
            assert_eq!(first(&bench, PLAIN).await.unwrap_err().kind, Kind::Malformed, "{data}");
        }
    }

    #[tokio::test]
    async fn the_body_decides_whether_a_kill_succeeded() {
        for (body, kind) in [
            (r#"{"Code":"200","Success":"true","Data":"None"}"#, None),
            (r#"{"Code":200,"Success":true}"#, None),
            (r#"{"Code":200}"#, Some(Kind::Malformed)),
            (r#"{"Success":true}"#, Some(Kind::Malformed)),
            (r#"{"Code":"200","Success":"false"}"#, Some(Kind::Malformed)),
            (r#"{"Code":"500","Success":"true"}"#, Some(Kind::Malformed)),
            (r#"{"Code":"500","Success":"false","Message":"x"}"#, Some(Kind::Unavailable)),
            (r#"{"Code":403,"Success":false}"#, Some(Kind::Permission)),
            (
                r#"{"Code":"400","Success":"false","Message":"NoPermission"}"#,
                Some(Kind::Permission),
            ),
            (
                r#"{"Code":"403","Success":"false","Message":"Throttling.User"}"#,
                Some(Kind::Throttled),
            ),
            (r#"{"Code":"500","Success":"false","Message":"Forbidden"}"#, Some(Kind::Permission)),
            (r#"{"Code":"400","Success":"false","Message":"odd"}"#, Some(Kind::BadRequest)),
            (r#"{"Code":"-1","Success":"false","Message":"NoPermission"}"#, Some(Kind::Permission)),
            (r#"{"Code":"Throttling.User","Success":"false"}"#, Some(Kind::Throttled)),
            (r#"{"Code":"-1","Success":"false","Message":"odd"}"#, Some(Kind::JobFailed)),
            (r#"{"Code":"200","Success":"true","Data":"-404"}"#, Some(Kind::TargetGone)),
            (r#"{"Code":"404","Success":"false","Data":-404}"#, Some(Kind::TargetGone)),
        ] {
            let (bench, _) = bench(1);
            bench.can(200, body);
            let outcome = bench.sessions(PLAIN).terminate(EVERYONE).await;
            assert_eq!(outcome.err().map(|error| error.kind), kind, "{body}");
        }
    }

    #[tokio::test]
    async fn what_the_body_says_is_bounded_and_printable() {
        let (bench, _) = bench(0);
        let words = format!("\\u001b[2J{}", "x".repeat(10_000));
        bench.can(200, &format!(r#"{{"Code":"{words}","Success":false,"Message":"{words}"}}"#));
        let error = first(&bench, PLAIN).await.unwrap_err();
        let code = error.code.unwrap();
        assert!(error.message.chars().count() <= 1000 && code.chars().count() <= 128);
        assert!(!error.message.contains(char::is_control) && !code.contains(char::is_control));
    }

    #[tokio::test]
    async fn all_of_the_instance_go_and_single_sessions_never() {
        let (bench, memory) = bench(2);
        let sessions = bench.sessions(PLAIN);
        let whole = Node::whole();
        let ids = ids(&all_pages(&*sessions, &whole).await);
        let named = Batch { node: Some(&whole), which: Which::These(&ids) };
        assert_eq!(sessions.terminate(named).await.unwrap_err().kind, Kind::Configuration);
        assert!(memory.lock().unwrap().killed().is_empty());
        assert!(sessions.terminate(EVERYONE).await.unwrap().request_id.is_some());
        assert_eq!(memory.lock().unwrap().killed().len(), 2, "and nobody of the other instance");
    }

    #[tokio::test]
    async fn an_empty_id_is_never_sent() {
        let (bench, _) = bench(1);
        for target in [&[][..], &[("instance_id", "")]] {
            assert_eq!(first(&bench, target).await.unwrap_err().kind, Kind::BadRequest);
            let error = bench.sessions(target).terminate(EVERYONE).await.unwrap_err();
            assert_eq!(error.kind, Kind::BadRequest);
        }
        assert!(bench.requests().is_empty());
    }

    #[tokio::test]
    async fn an_instance_that_is_not_there_has_gone() {
        let (bench, _) = bench(1);
        let error = first(&bench, &[("instance_id", "r-9")]).await.unwrap_err();
        assert_eq!((error.kind, error.status), (Kind::TargetGone, Some(200)));
    }

    #[tokio::test]
    async fn a_fault_ends_no_more_than_it_says() {
        for (fault, kind, killed) in [
            (Fault::PartialKill, Some(Kind::Unavailable), 1),
            (Fault::Refuses, None, 0),
            (Fault::TargetGone, Some(Kind::TargetGone), 0),
        ] {
            let (bench, memory) = bench(2);
            bench.fault(fault);
            let outcome = bench.sessions(PLAIN).terminate(EVERYONE).await;
            assert_eq!(outcome.err().map(|error| error.kind), kind, "{fault:?}");
            assert_eq!(memory.lock().unwrap().killed().len(), killed, "{fault:?}");
        }
    }

    #[test]
    fn the_simulator_is_as_strict_as_the_pages() {
        for action in ["GetRedisAllSession", "KillInstanceAllSession"] {
            for (query, status) in [
                ("", 400),
                ("InstanceId=", 400),
                ("InstanceId=r-1&RegionId=cn-shanghai", 400),
                ("InstanceId=r-1&InstanceId=r-2", 400),
                ("InstanceId=r-1&ConsoleContext=x", 200),
            ] {
                let (bench, _) = bench(1);
                let response = bench.raw_action(VERSION, action, query);
                assert_eq!(response.status(), status, "{action} {query}");
                let answer: Value = serde_json::from_slice(response.body()).unwrap();
                let code = if status == 200 { "200" } else { "InvalidParams" };
                assert_eq!(text(&answer["Code"]).as_deref(), Some(code), "{action} {query}");
            }
        }
    }
}
