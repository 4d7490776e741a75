use std::sync::{Arc, Mutex};

use super::*;
use crate::services::Fields;
use crate::services::simulator::bench::{Bench, all_pages, ids, node};
use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Field, Kind, SessionId, Which};

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
    (Bench::new(&SERVICE, stage), memory)
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
    let page = sessions.list(&node("one"), None, None).await.unwrap();
    assert_eq!(ids(&page.sessions), ["254487", "#10.0.0.1:40001"].map(|id| SessionId(id.into())));
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
        let error = sessions.list(&node("one"), None, None).await.unwrap_err();
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
        let bench = Bench::new(&SERVICE, stage);
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
        let error = bench.sessions(&[("node_id", "one")]).list(&node("one"), None, None).await;
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
