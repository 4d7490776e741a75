//! `redis` against real servers: who is listed, who is ended, and what is no list at all.

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use terraform_provider_session::access::{Account, Kind};
use terraform_provider_session::demo::{Client, Redis, Workshop};
use terraform_provider_session::engine::{Fate, Report, Victim};
use terraform_provider_session::services::{
    Batch, Field, Node, Session, SessionId, Sessions, Which,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ground::{Ground, all, users};
use crate::terraform::fixture::must;
use crate::terraform::stage::assert_cut;

/// A server, and what it takes to aim at it.
struct Server {
    redis: Redis,
    host: String,
    port: String,
}

impl Server {
    async fn start() -> Server {
        Server::of(Redis::start(&Workshop::here()).await.unwrap_or_else(must))
    }

    async fn with(program: &Path, more: &str) -> Server {
        Server::of(Redis::of(program, more).await.unwrap_or_else(must))
    }

    fn of(redis: Redis) -> Server {
        let address = redis.address();
        Server { redis, host: address.ip().to_string(), port: address.port().to_string() }
    }

    async fn client(&self, user: &str, name: &str) -> Client {
        let client = Client::connect(self.redis.address(), user, self.redis.password(), name);
        client.await.unwrap_or_else(must)
    }

    async fn tell(&self, commands: &str) -> String {
        tell(&self.redis, commands).await
    }

    fn ground(&self, user: &str) -> Ground {
        let settings = json!({"username": user, "password": self.redis.password()});
        Ground::new("redis", &settings, Arc::default())
    }

    fn target(&self) -> [(&'static str, &str); 2] {
        [("host", &self.host), ("port", &self.port)]
    }
}

/// Commands as the user `admin`, and what was answered.
pub(crate) async fn tell(redis: &Redis, commands: &str) -> String {
    let mut raw = TcpStream::connect(redis.address()).await.unwrap();
    let text = format!("AUTH admin {}\r\n{commands}\r\nQUIT\r\n", redis.password());
    raw.write_all(text.as_bytes()).await.unwrap();
    let mut said = String::new();
    raw.read_to_string(&mut said).await.unwrap();
    said
}

fn text(session: &Session, column: &str) -> Option<String> {
    match session.fields.get(column)? {
        Field::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn names(sessions: &[Arc<Session>]) -> Vec<String> {
    let mut names: Vec<String> = sessions.iter().filter_map(|one| text(one, "name")).collect();
    names.sort();
    names
}

fn terminated(report: &Report) -> usize {
    report.victims.iter().filter(|one| matches!(one.fate, Fate::Terminated)).count()
}

async fn kill(sessions: &dyn Sessions, id: &str) -> Result<Vec<SessionId>, Kind> {
    let (node, ids) = (Node::whole(), [SessionId(id.to_owned())]);
    let batch = Batch { node: Some(&node), which: Which::These(&ids) };
    let done = sessions.terminate(batch).await.map_err(|error| error.kind)?;
    Ok(done.outcome.already_gone)
}

#[tokio::test]
async fn every_program_at_hand_lists_and_ends_alike() {
    for program in Redis::programs(&Workshop::here()).unwrap_or_else(must) {
        let server = Server::with(&program, "").await;
        let info = server.tell("INFO server").await;
        let version = info.lines().filter(|line| line.contains("_version:")).collect::<Vec<_>>();
        println!("{} ran, at {}", version.join(", "), program.display());
        let (app, report) =
            (server.client("app", "shop").await, server.client("report", "r").await);
        let ground = server.ground("admin");
        let survey = ground.survey(&server.target(), &all()).await.unwrap();
        assert_eq!(names(&survey.sessions), ["r", "shop"], "{survey:#?}");
        let done = ground.run(&server.target(), &users(&["app"])).await;
        assert!(done.halt.is_none(), "{done:#?}");
        assert_eq!(terminated(&done), 1, "{done:#?}");
        assert_cut(&[&app], &[&report]).await;
        let done = ground.run(&server.target(), &all()).await;
        assert_eq!(terminated(&done), 1, "{done:#?}");
        assert_cut(&[&report], &[]).await;
    }
}

#[tokio::test]
async fn a_missing_right_is_told_by_its_name_and_never_an_empty_list() {
    let server = Server::start().await;
    let _client = server.client("app", "unseen").await;
    let password = server.redis.password();
    for rights in ["+ping", "+client +ping", "+info +ping", "+info +client|id +ping"] {
        let said = server.tell(&format!("ACL SETUSER lean reset on >{password} {rights}")).await;
        assert!(said.ends_with("+OK\r\n+OK\r\n"), "{rights}: {said}");
        let error = server.ground("lean").survey(&server.target(), &all()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Permission, "{rights}: {error}");
        assert_eq!(error.code.as_deref(), Some("NOPERM"), "{error}");
    }
    let enough = "+info +client|list +client|id +client|kill";
    server.tell(&format!("ACL SETUSER lean reset on >{password} {enough}")).await;
    let done = server.ground("lean").run(&server.target(), &all()).await;
    // A connection of ours from above may still be on its way out, and be on the list.
    let ended = |one: &&Victim| one.fate == Fate::Terminated;
    let names = done.victims.iter().filter(ended).filter_map(|one| text(&one.session, "name"));
    let unseen = names.filter(|name| name == "unseen").count();
    assert!(done.halt.is_none() && unseen == 1, "{done:#?}");
}

#[tokio::test]
async fn a_refused_login_says_where_and_is_not_shown_again() {
    let server = Server::start().await;
    let settings = json!({"username": "admin", "password": "wrong-password"});
    let ground = Ground::new("redis", &settings, Arc::default());
    let error = ground.survey(&server.target(), &all()).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (Kind::Credentials, Some("WRONGPASS")));
    assert!(error.message.contains(&format!("127.0.0.1:{}", server.port)), "{error}");
    assert!(!error.message.contains("wrong-password"), "{error}");
    server.tell("ACL SETUSER admin >wrong-password").await;
    assert!(ground.survey(&server.target(), &all()).await.is_err());
    let (_held, nobody) = crate::joined::nobody();
    let port = nobody.port().to_string();
    let target = [("host", "127.0.0.1"), ("port", &*port)];
    let error = server.ground("admin").survey(&target, &all()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
}

#[tokio::test]
async fn who_calls_himself_a_sentinel_is_shown_and_left_alone() {
    let server = Server::start().await;
    let sentinel = server.client("app", "sentinel-0123abcd-cmd").await;
    let client = server.client("app", "shop").await;
    let ground = server.ground("admin");
    let survey = ground.survey(&server.target(), &all()).await.unwrap();
    let kind = |name: &str| {
        let mut of =
            survey.sessions.iter().filter(|one| text(one, "name").as_deref() == Some(name));
        text(of.next().unwrap(), "kind").unwrap()
    };
    assert_eq!((kind("sentinel-0123abcd-cmd"), kind("shop")), ("sentinel".into(), "client".into()));
    let done = ground.run(&server.target(), &all()).await;
    assert_eq!(terminated(&done), 1, "{done:#?}");
    assert!(done.remarks.iter().any(|one| one.contains("Sentinel")), "{:?}", done.remarks);
    assert_cut(&[&client], &[&sentinel]).await;
}

#[tokio::test]
async fn replicas_are_left_out_and_counted() {
    let master = Server::start().await;
    let program = Redis::programs(&Workshop::here()).unwrap_or_else(must).remove(0);
    let follow = format!(
        "replicaof {} {}\nmasteruser admin\nmasterauth {}\n",
        master.host,
        master.port,
        master.redis.password()
    );
    let replica = Server::with(&program, &follow).await;
    // Until the link stands, there is nobody to be left out.
    let linked = async { while !replica.tell("INFO replication").await.contains("status:up") {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), linked).await.unwrap();
    for (server, who) in [(&master, "its replica"), (&replica, "its master")] {
        let done = server.ground("admin").run(&server.target(), &all()).await;
        assert!(done.halt.is_none() && terminated(&done) == 0, "{who}: {done:#?}");
        let left_out: Vec<_> = done.left_out.into_iter().collect();
        assert_eq!(left_out, [("replication connections", 1)], "{who}");
    }
    assert!(replica.tell("INFO replication").await.contains("status:up"));
}

#[tokio::test]
async fn a_number_on_a_server_that_was_started_anew_is_not_the_client_that_was_listed() {
    let (former, other) = (Server::start().await, Server::start().await);
    let client = other.client("app", "newcomer").await;
    let ground = former.ground("admin");
    let connected = ground.sessions(&former.target());
    let page = connected.sessions.list(&Node::whole(), None, None).await.unwrap();
    assert_eq!(page.sessions, []);
    assert_eq!(kill(&*connected.sessions, "999").await, Ok(vec![SessionId("999".into())]));
    assert!(client.cut().is_none());
    // Whoever has listed nobody may end nobody, whatever the number.
    let unlisted = other.ground("admin");
    let unlisted = unlisted.sessions(&other.target());
    assert_eq!(kill(&*unlisted.sessions, "1").await, Err(Kind::Ambiguous));
}

#[tokio::test]
async fn a_login_of_another_platform_does_not_reach_a_server() {
    let settings = json!({"username": "x"});
    let ground = Ground::new("postgresql", &settings, Arc::default());
    assert!(matches!(ground.account(), Account::Postgresql(_)));
}

#[tokio::test]
async fn of_a_cluster_every_node_is_meant() {
    let program = Redis::programs(&Workshop::here()).unwrap_or_else(must).remove(0);
    let settings = "cluster-enabled yes\ncluster-config-file nodes.conf\n";
    let alone = Server::with(&program, settings).await;
    let first = alone.client("app", "on-one").await;
    let done = alone.ground("admin").run(&alone.target(), &users(&["app"])).await;
    assert_eq!(terminated(&done), 1, "a node that has met nobody yet: {done:#?}");
    assert_cut(&[&first], &[]).await;

    let other = Server::with(&program, settings).await;
    other.tell(&format!("ACL SETUSER admin >{}", alone.redis.password())).await;
    alone.tell(&format!("CLUSTER MEET {} {}", other.host, other.port)).await;
    let met = async {
        let known = |said: String| said.matches("connected").count() == 2;
        while !known(alone.tell("CLUSTER NODES").await) || !known(other.tell("CLUSTER NODES").await)
        {
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), met).await.unwrap();
    let clients = [alone.client("app", "here").await, other.client("app", "there").await];
    let done = alone.ground("admin").run(&alone.target(), &users(&["app"])).await;
    assert!(done.halt.is_none() && terminated(&done) == 2, "{done:#?}");
    assert_cut(&clients.iter().collect::<Vec<_>>(), &[]).await;
}

#[tokio::test]
async fn a_node_that_its_cluster_calls_failed_is_asked_all_the_same_and_told_if_it_is_silent() {
    let program = Redis::programs(&Workshop::here()).unwrap_or_else(must).remove(0);
    let settings =
        "cluster-enabled yes\ncluster-config-file nodes.conf\ncluster-node-timeout 500\n";
    let mut servers = Vec::new();
    for slot in 0..3 {
        let server = Server::with(&program, settings).await;
        // Only who has a slot is heard when the others are called failed.
        server.tell(&format!("CLUSTER ADDSLOTS {slot}")).await;
        servers.push(server);
    }
    for other in &servers[1..] {
        other.tell(&format!("ACL SETUSER admin >{}", servers[0].redis.password())).await;
        servers[0].tell(&format!("CLUSTER MEET {} {}", other.host, other.port)).await;
    }
    let until = async |server: &Server, known: &dyn Fn(&str) -> bool| {
        let known = async { while !known(&server.tell("CLUSTER NODES").await) {} };
        tokio::time::timeout(std::time::Duration::from_secs(60), known).await.unwrap();
    };
    for server in &servers {
        until(server, &|said| (0..3).all(|slot| said.contains(&format!("connected {slot}")))).await;
    }
    let third = Node::of(&format!("{}:{}", servers[2].host, servers[2].port));
    let ground = servers[0].ground("admin");
    let begun = ground.sessions(&servers[0].target());
    begun.sessions.nodes().await.unwrap();
    begun.sessions.list(&third, None, None).await.unwrap();
    drop(servers.pop());
    until(&servers[0], &|said| said.contains("master,fail ")).await;
    // Whoever has seen its clients does not take them for gone because it is out of reach now.
    assert!(begun.sessions.nodes().await.unwrap().contains(&third));
    let mut lost = begun.sessions.list(&third, None, None).await;
    if lost.as_ref().is_err_and(|error| error.kind == Kind::Lost) {
        // The connection that stood has broken; this asks for another.
        lost = begun.sessions.list(&third, None, None).await;
    }
    assert_eq!(lost.unwrap_err().kind, Kind::Unreachable);
    let clients = [servers[0].client("app", "here").await, servers[1].client("app", "there").await];
    let done = servers[0].ground("admin").run(&servers[0].target(), &users(&["app"])).await;
    assert!(done.halt.is_none() && terminated(&done) == 2, "{done:#?}");
    assert_cut(&clients.iter().collect::<Vec<_>>(), &[]).await;
    let told = done.left_out.keys().any(|what| what.contains("calls failed"));
    assert!(told, "{:?}", done.left_out);
}
