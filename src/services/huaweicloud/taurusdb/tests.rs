use std::sync::{Arc, Mutex};

use super::api::{ACCOUNTS, PAGES};
use super::*;
use crate::services::simulator::bench::{Bench, all_pages, ids, node};
use crate::services::simulator::{Clients, Fault, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Error, Field, Kind, Refused, SessionId, Which};

const TARGET: &[(&str, &str)] = &[("instance_id", "i1")];
const LIST: &str = "/v3/p0/instances/i1/nodes/one/processes";

/// An instance of two nodes, with `clients` on the first.
fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new();
    for number in 1..=clients {
        memory.connect("one", client(number));
    }
    memory.connect("two", client(1));
    let memory = memory.shared();
    let instances = vec![
        Instance::new("i1", &[("one", "master"), ("two", "slave")]),
        Instance::new("i2", &[("else", "master")]),
    ];
    let stage = Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>);
    (Bench::new(&SERVICE, stage), memory)
}

fn client(number: usize) -> LiveClient {
    LiveClient {
        id: number.to_string(),
        address: format!("10.0.0.{}:{}", number % 250, 40000 + number),
        user: "app".into(),
        database: "shop".into(),
        age: 90,
        idle: 60,
        ..LiveClient::default()
    }
}

fn id(id: &str) -> SessionId {
    SessionId(id.into())
}

async fn kill(bench: &Bench, ids: &[SessionId]) -> Result<crate::services::Submission, Error> {
    let node = node("one");
    bench.sessions(TARGET).terminate(Batch { node: Some(&node), which: Which::These(ids) }).await
}

#[tokio::test]
async fn every_node_of_the_instance_is_asked_whatever_its_state() {
    let (bench, _) = bench(0);
    let found = |target: Vec<(&'static str, &'static str)>| {
        let sessions = bench.sessions(&target);
        async move {
            let nodes = sessions.nodes().await?;
            Ok::<_, Error>(nodes.into_iter().map(|node| node.id).collect::<Vec<_>>())
        }
    };
    assert_eq!(found(TARGET.to_vec()).await.unwrap(), ["one", "two"]);
    let two = vec![("instance_id", "i1"), ("node_id", "two")];
    assert_eq!(found(two).await.unwrap(), ["two"]);
    for (target, kind) in [
        (vec![("instance_id", "nobody")], Kind::TargetGone),
        (vec![("instance_id", "i1"), ("node_id", "else")], Kind::TargetGone),
        (vec![("instance_id", "")], Kind::BadRequest),
        (vec![], Kind::BadRequest),
    ] {
        assert_eq!(found(target).await.unwrap_err().kind, kind);
    }
    for (body, kind) in [
        (r#"{"instance":{"id":"i1"}}"#, Kind::Busy),
        (r#"{"instance":{"id":"i1","nodes":[{"status":"CREATING"}]}}"#, Kind::Busy),
        (r#"{"instance":{"id":"another","nodes":[{"id":"one"}]}}"#, Kind::Malformed),
        (r#"{"instance":{"nodes":[{"id":"one"}]}}"#, Kind::Malformed),
        (r#"{"instance":null}"#, Kind::Malformed),
        ("{}", Kind::Malformed),
    ] {
        bench.can(200, body);
        assert_eq!(found(TARGET.to_vec()).await.unwrap_err().kind, kind, "{body}");
    }
    bench.can(200, r#"{"instance":{"id":"i1","nodes":[{"id":"a","status":"ACTIVE"},{"id":"b","status":"REBOOTING"}]}}"#);
    let nodes = bench.sessions(TARGET).nodes().await.unwrap();
    let states: Vec<_> = nodes.into_iter().map(|node| node.state).collect();
    assert_eq!(states, [None, Some("REBOOTING".to_owned())]);
}

#[tokio::test]
async fn a_session_tells_what_the_list_tells_but_not_its_statement() {
    let (bench, memory) = bench(1);
    memory.lock().unwrap().connect("one", LiveClient { idle: 0, ..client(2) });
    let found = all_pages(&*bench.sessions(TARGET), &node("one")).await;
    let text = |text: &str| Field::Text(text.into());
    let expected = [
        ("client_address", text("10.0.0.1:40001")),
        ("user", text("app")),
        ("database", text("shop")),
        ("command", text("Sleep")),
        ("idle_seconds", Field::Integer(60)),
        ("state_seconds", Field::Integer(60)),
        ("state", text("")),
    ];
    assert_eq!(found[0].fields, expected.into());
    assert_eq!((found[0].node.as_str(), found[0].unkillable), ("one", None));
    assert_eq!(found[1].fields.get("command"), Some(&text("Query")));
    assert_eq!(found[1].fields.get("idle_seconds"), Some(&Field::Integer(0)));
    let answer = bench.raw("GET", LIST, "");
    assert!(String::from_utf8_lossy(answer.body()).contains("4111"), "the list has the statement");
    assert!(!format!("{found:?}").contains("4111"));
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_whole() {
    for clients in [0, 1, 99, 100, 101, 250] {
        let (bench, _) = bench(clients);
        let mut ids = ids(&all_pages(&*bench.sessions(TARGET), &node("one")).await);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), clients);
        assert_eq!(bench.requests()[0].1, format!("{LIST}?offset=0&limit=100"));
    }
}

#[tokio::test]
async fn who_is_no_client_is_left_out_and_counted_and_joins_no_pages() {
    let (bench, _) = bench(0);
    let row = |id: usize, user: &str| {
        format!(
            r#"{{"id":{id},"user":"{user}","host":"h:1","db":null,"command":"Sleep","time":1}}"#
        )
    };
    let mut rows: Vec<String> = (0..97).map(|id| row(id, "app")).collect();
    rows.push(row(97, "rdsAdmin"));
    rows.push(row(98, "rdsMetric"));
    rows.push(row(99, "repl").replace("Sleep", "Binlog Dump GTID"));
    bench.can(200, &format!(r#"{{"total_count":120,"processes":[{}]}}"#, rows.join(",")));
    let page = bench.sessions(TARGET).list(&node("one"), None, None).await.unwrap();
    assert_eq!(page.sessions.len(), 97);
    let expected = [("sessions of the cloud's own accounts", 2), ("replication connections", 1)];
    assert_eq!(page.left_out, expected);
    // The next page begins with the last five that are shown, and whoever is left out behind them.
    assert_eq!(page.next.unwrap().0, "92/8");
    assert!(ACCOUNTS.is_sorted());
}

#[tokio::test]
async fn a_page_that_is_too_large_to_be_read_is_asked_for_in_smaller_ones() {
    let (bench, _) = bench(25);
    let sessions = bench.sessions(TARGET);
    bench.too_large(1);
    assert_eq!(all_pages(&*sessions, &node("one")).await.len(), 25);
    let asked: Vec<String> = bench.requests().into_iter().map(|(_, path, _)| path).collect();
    let expected = ["0&limit=100", "0&limit=10", "9&limit=10", "18&limit=10"];
    assert_eq!(asked, expected.map(|query| format!("{LIST}?offset={query}")));
    bench.too_large(PAGES.len() - 1);
    let error = sessions.list(&node("one"), None, None).await.unwrap_err();
    assert_eq!(error.kind, Kind::Malformed, "it stays as large");
    assert!(error.message.contains("larger than"), "{error}");
    // An answer that was read and makes no sense is none of these.
    for body in ["{}", r#"{"error_code":"DBS.999999","error_msg":"failed","processes":[]}"#] {
        let (bench, _) = self::bench(0);
        bench.can(200, body);
        let listed = bench.sessions(TARGET).list(&node("one"), None, None).await;
        assert_eq!(listed.unwrap_err().kind, Kind::Malformed);
        assert_eq!(bench.requests().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn chosen_sessions_are_ended_by_number_and_no_others() {
    let (bench, memory) = bench(3);
    let submission = kill(&bench, &[id("2")]).await.unwrap();
    assert_eq!(submission.outcome, crate::services::Outcome::default());
    assert!(submission.ticket.is_none() && submission.request_id.is_some());
    let expected = ("DELETE".to_owned(), LIST.to_owned(), r#"{"processes":[2]}"#.to_owned());
    assert_eq!(bench.requests(), [expected]);
    assert_eq!(memory.lock().unwrap().killed(), [("one".to_owned(), "2".to_owned())]);
}

#[tokio::test]
async fn who_has_gone_and_who_may_not_be_ended_is_told_one_by_one() {
    let (bench, memory) = bench(2);
    memory.lock().unwrap().connect("one", LiveClient { user: "rdsAdmin".into(), ..client(7) });
    let submission = kill(&bench, &[id("1"), id("55"), id("7"), id("2")]).await.unwrap();
    assert_eq!(submission.outcome.already_gone, [id("55")]);
    let [Refused { id: refused, reason }] = submission.outcome.refused.as_slice() else {
        panic!("{submission:?}");
    };
    assert_eq!((refused, reason.contains("passed it over")), (&id("7"), true));
    assert_eq!(memory.lock().unwrap().killed().len(), 2);
    for (body, gone, refused) in [
        (r#"{"processes_killed":["1"],"processes_not_found":["2"]}"#, vec!["2"], vec![]),
        (r#"{"processes_killed":[1,2],"processes_not_found":[2]}"#, vec![], vec![]),
        (r#"{"processes_killed":[],"processes_not_found":null}"#, vec![], vec!["1", "2"]),
        (r#"{"processes_not_found":[1,2]}"#, vec!["1", "2"], vec![]),
        (r#"{"processes_killed":[99],"processes_not_found":[98]}"#, vec![], vec!["1", "2"]),
    ] {
        bench.can(200, body);
        let outcome = kill(&bench, &[id("1"), id("2")]).await.unwrap().outcome;
        let told: Vec<&str> = outcome.already_gone.iter().map(|id| id.0.as_str()).collect();
        assert_eq!(told, gone, "{body}");
        let told: Vec<&str> = outcome.refused.iter().map(|one| one.id.0.as_str()).collect();
        assert_eq!(told, refused, "{body}");
    }
    for body in ["", "{}", "[]", r#"{"processes_killed":null}"#, r#"{"processes_killed":[{}]}"#] {
        bench.can(200, body);
        assert_eq!(kill(&bench, &[id("1")]).await.unwrap_err().kind, Kind::Malformed, "{body}");
    }
}

#[tokio::test]
async fn what_no_list_can_hold_is_never_sent() {
    for wrong in ["", "app", "1 OR 1=1", "-1", "1.5", "99999999999999999999"] {
        let (bench, memory) = bench(1);
        let error = kill(&bench, &[id("1"), id(wrong)]).await.unwrap_err();
        assert_eq!(error.kind, Kind::BadRequest, "{wrong}");
        assert!(bench.requests().is_empty() && memory.lock().unwrap().killed().is_empty());
    }
    for wrong in ["", "a/b", "..", "a?b", "{project_id}"] {
        let (bench, _) = bench(1);
        let sessions = bench.sessions(TARGET);
        let listed = sessions.list(&node(wrong), None, None).await;
        assert_eq!(listed.unwrap_err().kind, Kind::BadRequest, "{wrong}");
        let (node, ids) = (node(wrong), [id("1")]);
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, Kind::BadRequest, "{wrong}");
        assert!(bench.requests().is_empty());
    }
    let (bench, memory) = bench(1);
    let node = node("one");
    let batch = Batch { node: Some(&node), which: Which::Everyone };
    let error = bench.sessions(TARGET).terminate(batch).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert!(memory.lock().unwrap().killed().is_empty());
}

#[tokio::test]
async fn what_is_not_a_list_is_malformed() {
    let (bench, _) = bench(0);
    let sessions = bench.sessions(TARGET);
    for body in [
        "",
        "[]",
        "<html>",
        "{}",
        r#"{"total_count":3}"#,
        r#"{"processes":null}"#,
        r#"{"total_count":3,"processes":[]}"#,
        r#"{"total_count":"many","processes":[]}"#,
        r#"{"processes":[{"time":"long","command":"Sleep"}]}"#,
        r#"{"processes":[{"id":[1]}]}"#,
        r#"{"processes":[{"id":1,"user":{}}]}"#,
        r#"{"processes":[{"id":1,"db":[]}]}"#,
        r#"{"sessions":[],"processes":[]}"#,
    ] {
        bench.can(200, body);
        let error = sessions.list(&node("one"), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
    bench.can(200, r#"{"total_count":1,"processes":[{"host":"10.0.0.1:1"}]}"#);
    let page = sessions.list(&node("one"), None, None).await.unwrap();
    assert_eq!(page.sessions[0].id, id("#10.0.0.1:1"));
    assert!(page.sessions[0].unkillable.is_some());
}

#[tokio::test]
async fn faults_come_out_as_the_kinds_they_are() {
    for (fault, kind) in [
        (Fault::Busy, Some(Kind::Busy)),
        (Fault::TargetGone, Some(Kind::TargetGone)),
        (Fault::PartialKill, Some(Kind::Unavailable)),
        (Fault::Refuses, None),
    ] {
        let (bench, memory) = bench(4);
        bench.fault(fault);
        let result = kill(&bench, &[id("1"), id("2"), id("3"), id("4")]).await;
        assert_eq!(result.err().map(|error| error.kind), kind, "{fault:?}");
        let killed = if fault == Fault::PartialKill { 2 } else { 0 };
        assert_eq!(memory.lock().unwrap().killed().len(), killed, "{fault:?}");
    }
}

#[test]
fn the_simulator_is_as_strict_as_the_pages() {
    let many = format!(r#"{{"processes":[{}]}}"#, vec!["1"; 21].join(","));
    for (method, path, body, status, code) in [
        ("GET", "/v3/p0/instances/nope", "", 404, "DBS.200002"),
        ("GET", "/v3/p0/instances/i1?x=1", "", 400, "DBS.280001"),
        ("GET", &format!("{LIST}?limit=101"), "", 400, "DBS.280439"),
        ("GET", &format!("{LIST}?limit=0"), "", 400, "DBS.280439"),
        ("GET", &format!("{LIST}?offset=-1"), "", 400, "DBS.280440"),
        ("GET", &format!("{LIST}?user=app"), "", 400, "DBS.280001"),
        ("GET", "/v3/p0/instances/i1/nodes/else/processes", "", 400, "DBS.280404"),
        ("DELETE", LIST, "", 400, "DBS.280001"),
        ("DELETE", LIST, "{", 400, "DBS.280001"),
        ("DELETE", LIST, "{}", 400, "DBS.280001"),
        ("DELETE", LIST, r#"{"processes":[]}"#, 400, "DBS.280001"),
        ("DELETE", LIST, r#"{"processes":["1"]}"#, 400, "DBS.280001"),
        ("DELETE", LIST, r#"{"processes":[-1]}"#, 400, "DBS.280001"),
        ("DELETE", LIST, r#"{"processes":[1],"all":true}"#, 400, "DBS.280001"),
        ("DELETE", LIST, &many, 400, "DBS.280001"),
    ] {
        let (bench, memory) = bench(1);
        let response = bench.raw(method, path, body);
        assert_eq!(response.status(), status, "{method} {path} {body}");
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["error_code"], code, "{method} {path} {body}: {answer}");
        assert!(memory.lock().unwrap().killed().is_empty());
    }
}
