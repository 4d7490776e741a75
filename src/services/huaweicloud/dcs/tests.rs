use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::api::PAGE;
use super::*;
use crate::services::Sessions;
use crate::services::simulator::bench::{Bench, all_pages, ids, node};
use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};
use crate::services::{
    Batch, Cursor, Field, Kind, Node, Outcome, Progress, Session, SessionId, Ticket, Which,
};

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
    (Bench::new(&SERVICE, stage), memory)
}

/// Scans and lists as the engine does.
async fn listed(bench: &Bench, sessions: &dyn Sessions, node: &Node) -> Vec<Session> {
    let ticket = sessions.prepare(node).await.unwrap().unwrap();
    assert_eq!(sessions.poll(&ticket).await, Ok(Progress::Running));
    bench.clock.step(Duration::from_secs(2));
    assert_eq!(sessions.poll(&ticket).await, Ok(Progress::Done(Outcome::default())));
    all_pages(sessions, node).await
}

#[tokio::test]
async fn clients_are_on_the_proxies_where_there_are_proxies() {
    let (bench, _) = bench(0);
    for (instance, expected) in [("plain", vec!["data"]), ("proxied", vec!["proxy-1", "proxy-2"])] {
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
    let error = sessions.list(&inactive, None, None).await.unwrap_err();
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
async fn how_many_nodes_there_are_may_be_told_as_text_or_not_at_all() {
    for (total, kind) in [
        (r#""total":"1","#, None),
        (r#""total":1,"#, None),
        (r#""total":"","#, None),
        ("", None),
        (r#""total":"2","#, Some(Kind::Malformed)),
        (r#""total":"many","#, Some(Kind::Malformed)),
        (r#""total":-1,"#, Some(Kind::Malformed)),
    ] {
        let (bench, _) = bench(0);
        bench.can(200, &format!(r#"{{{total}"nodes":[{{"node_id":"a","status":"Active"}}]}}"#));
        let nodes = bench.sessions(&[("instance_id", "x")]).nodes().await;
        assert_eq!(nodes.err().map(|error| error.kind), kind, "{total}");
    }
}

#[tokio::test]
async fn a_code_counts_more_than_its_status_in_both_spellings() {
    for (status, codes, kind) in [
        (400, ["DCS.4108", "111400108"], Kind::Busy),
        (400, ["DCS.4017", "111400017"], Kind::Busy),
        (500, ["DCS.4069", "111400069"], Kind::Busy),
        (400, ["DCS.4300", "DCS.4918"], Kind::Busy),
        (400, ["DCS.4107", "111400107"], Kind::Refused),
        (400, ["DCS.4027", "111400027"], Kind::Unsupported),
        (404, ["DCS.3022", "111404022"], Kind::TargetGone),
        (404, ["DCS.4001", "111404001"], Kind::BadRequest),
    ] {
        for code in codes {
            let (bench, _) = bench(0);
            bench.can(status, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
            let error = bench.sessions(&[("instance_id", "x")]).nodes().await.unwrap_err();
            assert_eq!(error.kind, kind, "{code}");
        }
    }
}

#[tokio::test]
async fn a_list_without_a_scan_is_unavailable() {
    let (bench, _) = bench(1);
    let sessions = bench.sessions(&[("instance_id", "plain")]);
    let error = sessions.list(&node("data"), None, None).await.unwrap_err();
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
    let page = sessions.list(&node("data"), None, None).await.unwrap();
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
        let error = sessions.list(&node("data"), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
    for body in [r#"{"clients":[]}"#, r#"{"count":0,"clients":null,"more":1}"#] {
        bench.can(200, body);
        assert!(sessions.list(&node("data"), None, None).await.unwrap().next.is_none(), "{body}");
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
    let page = sessions.list(&node("data"), None, None).await.unwrap();
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
    let at = |offset: usize| Some(Cursor(format!("{offset}/0//None")));
    for (clients, next) in [(PAGE, at(PAGE)), (PAGE - 1, at(PAGE - 1)), (0, None)] {
        let (bench, _) = bench(0);
        let page = vec![r#"{"peer":"1.1.1.1:1"}"#; clients].join(",");
        bench.can(200, &format!(r#"{{"clients":[{page}]}}"#));
        let sessions = bench.sessions(&[("instance_id", "plain")]);
        assert_eq!(sessions.list(&node("data"), None, None).await.unwrap().next, next);
    }
}

#[tokio::test]
async fn a_list_that_never_ends_is_not_followed() {
    let (bench, _) = bench(0);
    bench.can(200, r#"{"count":9000000,"clients":[{"peer":"1.1.1.1:1"}]}"#);
    let sessions = bench.sessions(&[("instance_id", "plain")]);
    let far = Some(Cursor("1000000/0".into()));
    let error = sessions.list(&node("data"), None, far).await.unwrap_err();
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
        assert_eq!(sessions.poll(&ticket).await, Ok(Progress::Done(Outcome::default())));
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
        (Fault::Refuses, Ok(Progress::Done(Outcome::default()))),
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
        let bench = Bench::new(&SERVICE, stage);
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
