use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::api::{VERSION, text};
use super::*;
use crate::services::simulator::bench::{Bench, all_pages, ids};
use crate::services::simulator::{Clients, Fault, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Error, Field, Kind, Node, Page, SessionId, Which};
use serde_json::Value;

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
    (Bench::new(&SERVICE, stage), memory)
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
    bench.sessions(target).list(&Node::whole(), None, None).await
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
        (r#"{"Code":200,"Success":"True","Data":{"sessions":[{"id":7,"age":"61","idle":9}]}}"#, 1),
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
        (r#"{"Code":"400","Success":"false","Message":"NoPermission"}"#, Some(Kind::Permission)),
        (r#"{"Code":"403","Success":"false","Message":"Throttling.User"}"#, Some(Kind::Throttled)),
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
