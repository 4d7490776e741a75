use std::sync::{Arc, Mutex};

use super::*;
use crate::services::simulator::bench::{Bench, all_pages, ids};
use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Error, Field, Kind, Node, SessionId, Submission, Which};

const TARGET: &[(&str, &str)] = &[("instance_id", "i1")];
const PATH: &str = "/v3/p0/instances/i1/logical-processes";

fn bench_of(clients: usize, gone: Gone) -> (Bench, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new();
    for number in 1..=clients {
        memory.connect("i1", client(number));
    }
    let memory = memory.shared();
    let stage = Stage::new(
        vec![Instance::new("i1", &[("i1", "")])],
        Arc::clone(&memory) as Arc<Mutex<dyn Clients>>,
    );
    (Bench::new(&SERVICE, Stage { gone, ..stage }), memory)
}

fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    bench_of(clients, Gone::Accepted)
}

fn client(number: usize) -> LiveClient {
    LiveClient {
        id: number.to_string(),
        address: format!("10.0.0.{}:{}", number % 250, 40000 + number),
        user: "app".into(),
        age: 90,
        idle: 60,
        ..LiveClient::default()
    }
}

fn these(numbers: &[usize]) -> Vec<SessionId> {
    numbers.iter().map(|number| SessionId(number.to_string())).collect()
}

async fn kill(bench: &Bench, ids: &[SessionId]) -> Result<Submission, Error> {
    let node = Node::whole();
    bench.sessions(TARGET).terminate(Batch { node: Some(&node), which: Which::These(ids) }).await
}

#[tokio::test]
async fn an_instance_is_looked_up_and_listed_whole() {
    let (bench, _) = bench(0);
    let sessions = bench.sessions(TARGET);
    assert_eq!(sessions.nodes().await.unwrap(), [Node::whole()]);
    assert_eq!(bench.requests()[0].1, "/v1/p0/instances/i1");
    bench.can(200, r#"{"id":"i1","status":"RESTARTING"}"#);
    let state = sessions.nodes().await.unwrap().remove(0).state;
    assert_eq!(state.as_deref(), Some("RESTARTING"));
    for (target, kind) in [
        (vec![("instance_id", "nobody")], Kind::TargetGone),
        (vec![("instance_id", "../i1")], Kind::BadRequest),
        (vec![], Kind::BadRequest),
    ] {
        let error = bench.sessions(&target).nodes().await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(!error.message.is_empty() && !error.message.contains("bytes"), "{error}");
    }
    for body in ["{}", r#"{"id":"i2"}"#, r#"{"id":null,"status":"RUNNING"}"#, "[]"] {
        bench.can(200, body);
        assert_eq!(sessions.nodes().await.unwrap_err().kind, Kind::Malformed, "{body}");
    }
}

#[tokio::test]
async fn a_session_tells_what_the_list_tells_whose_numbers_are_texts() {
    let (bench, memory) = bench(1);
    let shop = LiveClient { database: "shop".into(), idle: 0, ..client(2) };
    memory.lock().unwrap().connect("i1", shop);
    let found = all_pages(&*bench.sessions(TARGET), &Node::whole()).await;
    let text = |text: &str| Field::Text(text.into());
    let expected = [
        ("client_address", text("10.0.0.1:40001")),
        ("user", text("app")),
        ("database", text("")),
        ("command", text("Sleep")),
        ("idle_seconds", Field::Integer(60)),
        ("state_seconds", Field::Integer(60)),
        ("state", text("")),
    ];
    assert_eq!((found[0].id.0.as_str(), found[0].node.as_str()), ("1", ""));
    assert_eq!(found[0].fields, expected.into());
    assert_eq!(found[1].fields.get("database"), Some(&text("shop")));
    assert_eq!(found[1].fields.get("idle_seconds"), Some(&Field::Integer(0)));
    assert!(!format!("{found:?}").contains("4111"), "no statement is told");
}

#[tokio::test]
async fn the_clouds_agent_is_left_out_and_counted() {
    let (bench, memory) = bench(2);
    memory.lock().unwrap().connect("i1", LiveClient { user: "drdsagent".into(), ..client(3) });
    let page = bench.sessions(TARGET).list(&Node::whole(), None, None).await.unwrap();
    assert_eq!(ids(&page.sessions), these(&[1, 2]));
    assert_eq!(page.left_out, [("sessions of the cloud's own accounts", 1)]);
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_whole() {
    for clients in [0, 1, 127, 128, 129, 300] {
        let (bench, _) = bench(clients);
        let mut ids = ids(&all_pages(&*bench.sessions(TARGET), &Node::whole()).await);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), clients);
        assert_eq!(bench.requests()[0].1, format!("{PATH}?offset=0&limit=128"));
    }
}

#[tokio::test]
async fn chosen_sessions_are_ended_by_id_and_no_others_whichever_success_it_is() {
    for status in [None, Some(200)] {
        let (bench, memory) = bench(3);
        if let Some(status) = status {
            bench.can(status, r#"{"resp":"successful"}"#);
        }
        let submission = kill(&bench, &these(&[2])).await.unwrap();
        assert!(submission.ticket.is_none() && submission.request_id.is_some());
        assert_eq!(submission.outcome, crate::services::Outcome::default());
        let body = r#"{"process_ids":["2"]}"#;
        let expected = ("DELETE".to_owned(), PATH.to_owned(), body.to_owned());
        assert_eq!(bench.requests(), [expected]);
        let killed = memory.lock().unwrap().killed().to_vec();
        let expected = [("i1".to_owned(), "2".to_owned())];
        assert_eq!(killed, if status.is_none() { &expected[..] } else { &[] });
    }
    let (bench, _) = bench(1);
    let node = Node::whole();
    let everyone = Batch { node: Some(&node), which: Which::Everyone };
    let error = bench.sessions(TARGET).terminate(everyone).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
}

#[tokio::test]
async fn an_answer_to_a_kill_that_is_no_success_is_not_believed() {
    for (status, body, kind) in [
        (202, "", Kind::Malformed),
        (202, "{}", Kind::Malformed),
        (202, r#"{"resp":"failed"}"#, Kind::Malformed),
        (200, r#"{"resp":null}"#, Kind::Malformed),
        (200, r#"{"error_code":"DBS.280001","error_msg":"x"}"#, Kind::Malformed),
        (400, r#"{"error_code":"DBS.280001","error_msg":"x"}"#, Kind::Ambiguous),
        (400, r#"{"errCode":"DBS.300001","externalMessage":"x"}"#, Kind::Ambiguous),
        (400, r#"{"error_code":"DBS.300347","error_msg":"x"}"#, Kind::Ambiguous),
        (400, r#"{"error_code":"DBS.300002","error_msg":"x"}"#, Kind::Unavailable),
        (403, r#"{"error_code":"DBS.280032","error_msg":"x"}"#, Kind::Permission),
    ] {
        let (bench, _) = bench(1);
        bench.can(status, body);
        let error = kill(&bench, &these(&[1])).await.unwrap_err();
        assert_eq!(error.kind, kind, "{status} {body}");
    }
    for (gone, expected) in [(Gone::Accepted, None), (Gone::Refused, Some(Kind::Ambiguous))] {
        let (bench, memory) = bench_of(1, gone);
        let result = kill(&bench, &these(&[55])).await;
        assert_eq!(result.err().map(|error| error.kind), expected);
        assert!(memory.lock().unwrap().killed().is_empty());
    }
}

#[tokio::test]
async fn what_is_not_a_list_is_malformed() {
    let (bench, _) = bench(0);
    for body in [
        "",
        "[]",
        "{}",
        "<html>",
        r#"{"total_count":"1"}"#,
        r#"{"logical_processes":null}"#,
        r#"{"total_count":3,"logical_processes":[]}"#,
        r#"{"logical_processes":[{"id":{}}]}"#,
        r#"{"logical_processes":[{"id":"1","command":"Sleep","time":"long"}]}"#,
    ] {
        bench.can(200, body);
        let error = bench.sessions(TARGET).list(&Node::whole(), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
}

#[tokio::test]
async fn faults_come_out_as_the_kinds_they_are() {
    for (fault, kind, killed) in [
        (Fault::Busy, Some(Kind::Busy), 0),
        (Fault::TargetGone, Some(Kind::TargetGone), 0),
        (Fault::PartialKill, Some(Kind::Unavailable), 2),
        (Fault::Refuses, None, 0),
    ] {
        let (bench, memory) = bench(4);
        bench.fault(fault);
        let result = kill(&bench, &these(&[1, 2, 3, 4])).await;
        assert_eq!(result.err().map(|error| error.kind), kind, "{fault:?}");
        assert_eq!(memory.lock().unwrap().killed().len(), killed, "{fault:?}");
    }
}

#[test]
fn the_simulator_is_as_strict_as_the_pages() {
    let many = format!(r#"{{"process_ids":[{}]}}"#, vec!["\"1\""; 101].join(","));
    let keyword = "k".repeat(256);
    for (method, path, body, status, code) in [
        ("GET", format!("{PATH}?limit=129"), "", 400, "DBS.280001"),
        ("GET", format!("{PATH}?limit=0"), "", 400, "DBS.280001"),
        ("GET", format!("{PATH}?offset=-1"), "", 400, "DBS.280001"),
        ("GET", format!("{PATH}?keyword={keyword}"), "", 400, "DBS.280001"),
        ("GET", format!("{PATH}?user=app"), "", 400, "DBS.280001"),
        ("GET", "/v3/p0/instances/nope/logical-processes".into(), "", 404, "DBS.200002"),
        ("DELETE", PATH.into(), "", 400, "DBS.280001"),
        ("DELETE", PATH.into(), "{}", 400, "DBS.280001"),
        ("DELETE", PATH.into(), r#"{"process_ids":[]}"#, 400, "DBS.280001"),
        ("DELETE", PATH.into(), r#"{"process_ids":[1]}"#, 400, "DBS.280001"),
        ("DELETE", PATH.into(), &many, 400, "DBS.280001"),
    ] {
        let (bench, memory) = bench(1);
        let response = bench.raw(method, &path, body);
        assert_eq!(response.status(), status, "{method} {path} {body}");
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["error_code"], code, "{method} {path} {body}: {answer}");
        assert!(memory.lock().unwrap().killed().is_empty());
    }
    let (bench, _) = bench(12);
    for (keyword, expected) in [("", 10), ("keyword=10.0.0.12", 1), ("keyword=nobody", 0)] {
        let answer = bench.raw("GET", &format!("{PATH}?{keyword}"), "");
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(answer["logical_processes"].as_array().unwrap().len(), expected, "{keyword}");
    }
}
