use std::sync::{Arc, Mutex};

use super::api::{LAST, PAGE};
use super::*;
use crate::services::kit::paging;
use crate::services::simulator::bench::{Bench, all_pages, ids};
use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Error, Field, Node, SessionId, Submission, Which};

const TARGET: &[(&str, &str)] = &[("p2c_vgw_id", "gw")];
const LIST: &str = "/v5/p0/p2c-vpn-gateways/gw/connections";

/// A gateway with `clients`, and another.
fn bench_of(clients: usize, gone: Gone) -> (Bench, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new();
    for number in 1..=clients {
        memory.connect("gw", client(number));
    }
    let memory = memory.shared();
    let instances = vec![Instance::new("gw", &[("gw", "")]), Instance::new("gw2", &[("gw2", "")])];
    let stage = Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>);
    (Bench::new(&SERVICE, Stage { gone, ..stage }), memory)
}

fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    bench_of(clients, Gone::Accepted)
}

fn client(number: usize) -> LiveClient {
    LiveClient {
        id: number.to_string(),
        address: format!("203.0.113.{}:{}", number % 250, 40000 + number),
        user: "alice".into(),
        age: 90,
        ..LiveClient::default()
    }
}

fn id(number: usize) -> SessionId {
    SessionId(format!("c0000000-0000-4000-8000-{number:0>12}"))
}

async fn kill(bench: &Bench, ids: &[SessionId]) -> Result<Submission, Error> {
    let node = Node::whole();
    bench.sessions(TARGET).terminate(Batch { node: Some(&node), which: Which::These(ids) }).await
}

#[tokio::test]
async fn a_gateway_is_looked_up_and_listed_whole() {
    let (bench, _) = bench(0);
    let sessions = bench.sessions(TARGET);
    assert_eq!(sessions.nodes().await.unwrap(), [Node::whole()]);
    assert_eq!(bench.requests()[0].1, "/v5/p0/p2c-vpn-gateways/gw");
    assert!(sessions.looks_up_nodes());
    bench.can(200, r#"{"p2c_vpn_gateway":{"id":"gw","status":"FAULT"}}"#);
    let node = sessions.nodes().await.unwrap().remove(0);
    bench.can(500, r#"{"code":"VPN.0002","message":"server error: x"}"#);
    let error = sessions.list(&node, None, None).await.unwrap_err();
    let expected = (Kind::Unavailable, "the target is FAULT: server error: x");
    assert_eq!((error.kind, error.message.as_str()), expected);
    for (target, kind) in [
        (vec![("p2c_vgw_id", "nobody")], Kind::TargetGone),
        (vec![("p2c_vgw_id", "a/b")], Kind::BadRequest),
        (vec![("p2c_vgw_id", "")], Kind::BadRequest),
        (vec![], Kind::BadRequest),
    ] {
        assert_eq!(bench.sessions(&target).nodes().await.unwrap_err().kind, kind);
    }
    for body in ["{}", r#"{"p2c_vpn_gateway":{}}"#, r#"{"p2c_vpn_gateway":{"id":"gw2"}}"#] {
        bench.can(200, body);
        assert_eq!(sessions.nodes().await.unwrap_err().kind, Kind::Malformed, "{body}");
    }
}

#[tokio::test]
async fn a_connection_tells_what_the_list_tells() {
    let (bench, _) = bench(1);
    let found = all_pages(&*bench.sessions(TARGET), &Node::whole()).await;
    let text = |text: &str| Field::Text(text.into());
    let expected = [
        ("client_address", text("203.0.113.1")),
        ("user", text("alice")),
        ("age_seconds", Field::Integer(90)),
        ("virtual_address", text("172.16.0.10")),
        ("established_at", text("2023-11-14T22:11:50Z")),
        ("inbound_bytes", Field::Integer(1024)),
        ("outbound_bytes", Field::Integer(2048)),
    ];
    assert_eq!((&found[0].id, found[0].unkillable), (&id(1), None));
    assert_eq!(found[0].fields, expected.into());
    assert_eq!(found[0].incarnation.as_deref(), Some("2023-11-14T22:11:50Z"));
    assert_eq!(bench.requests()[0].1, format!("{LIST}?limit=2000&offset=0"));
}

#[tokio::test]
async fn a_time_that_cannot_be_read_is_not_told() {
    let (bench, _) = bench(0);
    for (time, age) in [
        ("\"2023-11-15T06:13:10+08:00\"", Some(10)),
        ("\"2023-11-14 22:13:10\"", None),
        ("1700000000000", None),
        ("null", None),
    ] {
        let body = format!(
            r#"{{"connections":[{{"connection_id":"c","connection_established_time":{time}}}]}}"#
        );
        bench.can(200, &body);
        let page = bench.sessions(TARGET).list(&Node::whole(), None, None).await.unwrap();
        let told = page.sessions[0].fields.get("age_seconds");
        assert_eq!(told, age.map(Field::Integer).as_ref(), "{time}");
    }
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_whole_as_far_as_pages_may_start() {
    let whole = LAST + PAGE;
    for (clients, seen, unseen) in [
        (0, 0, 0),
        (PAGE, PAGE, 0),
        (PAGE + 1, PAGE + 1, 0),
        (whole, whole, 0),
        (whole + 7, whole, 7),
    ] {
        let (bench, _) = bench(clients);
        let sessions = bench.sessions(TARGET);
        let (mut found, mut after, mut missing, mut unsteady) = (Vec::new(), None, 0, None);
        loop {
            let page = sessions.list(&Node::whole(), None, after).await.unwrap();
            found.extend(ids(&page.sessions));
            missing += page.unseen;
            unsteady = unsteady.or(page.unsteady);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        found.sort();
        found.dedup();
        assert_eq!((found.len(), missing), (seen, unseen), "{clients}");
        assert_eq!(unsteady.is_some(), unseen > 0, "{clients}");
    }
    // Where the list has no count, nothing is said of what is behind its last place.
    let (bench, _) = bench(0);
    let row = r#"{"connection_id":"c"}"#;
    bench.can(200, &format!(r#"{{"connections":[{}]}}"#, vec![row; PAGE].join(",")));
    let last = Some(paging::at(LAST));
    let page = bench.sessions(TARGET).list(&Node::whole(), None, last).await.unwrap();
    assert!(page.next.is_none() && page.unsteady.is_some());
}

#[tokio::test]
async fn one_connection_is_ended_and_no_other() {
    let (bench, memory) = bench(3);
    let submission = kill(&bench, &[id(2)]).await.unwrap();
    assert!(submission.ticket.is_none() && submission.request_id.is_some());
    let (method, path, body) = bench.requests().remove(0);
    let expected = format!("{LIST}/{}/disconnect", id(2));
    assert_eq!((method.as_str(), path, body.as_str()), ("POST", expected, ""));
    assert_eq!(memory.lock().unwrap().killed(), [("gw".to_owned(), "2".to_owned())]);
    let node = Node::whole();
    for which in [Which::These(&[id(1), id(3)]), Which::These(&[]), Which::Everyone] {
        let batch = Batch { node: Some(&node), which };
        let error = bench.sessions(TARGET).terminate(batch).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
    }
    for wrong in ["", "a/b", "..", "../../gw2", "{project_id}"] {
        let error = kill(&bench, &[SessionId(wrong.into())]).await.unwrap_err();
        assert_eq!(error.kind, Kind::BadRequest, "{wrong}");
    }
    assert_eq!(bench.requests().len(), 1);
}

#[tokio::test]
async fn a_kill_of_what_has_gone_is_fine_or_a_reason_to_look() {
    for (gone, expected) in [(Gone::Accepted, None), (Gone::Refused, Some(Kind::Ambiguous))] {
        let (bench, memory) = bench_of(1, gone);
        let result = kill(&bench, &[id(55)]).await;
        assert_eq!(result.err().map(|error| error.kind), expected);
        assert!(memory.lock().unwrap().killed().is_empty());
    }
    for (status, body, kind) in [
        (400, r#"{"error_code":"VPN.0001","error_msg":"invalid"}"#, Kind::Ambiguous),
        (400, r#"{"code":"VPN.9999","message":"x"}"#, Kind::Ambiguous),
        (404, "", Kind::Ambiguous),
        (404, r#"{"error_code":"APIGW.0101","error_msg":"no API"}"#, Kind::Unsupported),
        (400, r#"{"error_code":"VPN.0030","error_msg":"busy"}"#, Kind::Busy),
        (400, r#"{"error_code":"VPN.0031","error_msg":"repeated"}"#, Kind::Busy),
        (403, r#"{"error_code":"VPN.0003","error_msg":"denied"}"#, Kind::Permission),
        (500, r#"{"error_code":"VPN.0002","error_msg":"failed"}"#, Kind::Unavailable),
        (200, "{}", Kind::Malformed),
        (200, "[]", Kind::Malformed),
        (200, "", Kind::Malformed),
    ] {
        let (bench, _) = bench(1);
        bench.can(status, body);
        assert_eq!(kill(&bench, &[id(1)]).await.unwrap_err().kind, kind, "{status} {body}");
    }
    let (bench, _) = bench(1);
    bench.can(404, r#"{"error_code":"VPN.0004","error_msg":"resource not found"}"#);
    let listed = bench.sessions(TARGET).list(&Node::whole(), None, None).await;
    assert_eq!(listed.unwrap_err().kind, Kind::TargetGone, "of a list it is the gateway");
}

#[tokio::test]
async fn what_is_not_a_list_is_malformed() {
    let (bench, _) = bench(0);
    for body in [
        "",
        "[]",
        "{}",
        "<html>",
        r#"{"request_id":"r"}"#,
        r#"{"total_count":1}"#,
        r#"{"connections":null}"#,
        r#"{"total_count":3,"connections":[]}"#,
        r#"{"connections":{}}"#,
        r#"{"connections":[{"connection_id":[]}]}"#,
        r#"{"connections":[{"connection_id":"c","client_user_name":{}}]}"#,
    ] {
        bench.can(200, body);
        let error = bench.sessions(TARGET).list(&Node::whole(), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
    bench.can(200, r#"{"total_count":0,"connections":null}"#);
    let page = bench.sessions(TARGET).list(&Node::whole(), None, None).await.unwrap();
    assert!(page.sessions.is_empty() && page.next.is_none());
}

#[tokio::test]
async fn faults_come_out_as_the_kinds_they_are() {
    for (fault, kind, killed) in [
        (Fault::Busy, Some(Kind::Busy), 0),
        (Fault::TargetGone, Some(Kind::Ambiguous), 0),
        (Fault::PartialKill, Some(Kind::Unavailable), 1),
        (Fault::Refuses, None, 0),
    ] {
        let (bench, memory) = bench(2);
        bench.fault(fault);
        let result = kill(&bench, &[id(1)]).await;
        assert_eq!(result.err().map(|error| error.kind), kind, "{fault:?}");
        assert_eq!(memory.lock().unwrap().killed().len(), killed, "{fault:?}");
    }
}

#[test]
fn the_simulator_is_as_strict_as_the_pages() {
    let kill = format!("{LIST}/{}/disconnect", id(1));
    for (method, path, body, status, code) in [
        ("GET", "/v5/p0/p2c-vpn-gateways/nope", "", 404, "VPN.0004"),
        ("GET", "/v5/p0/p2c-vpn-gateways/gw?x=1", "", 400, "VPN.0001"),
        ("GET", &format!("{LIST}?limit=2001"), "", 400, "VPN.0001"),
        ("GET", &format!("{LIST}?limit=0"), "", 400, "VPN.0001"),
        ("GET", &format!("{LIST}?offset=3001"), "", 400, "VPN.0001"),
        ("GET", &format!("{LIST}?user=alice"), "", 400, "VPN.0001"),
        ("GET", "/v5/p0/p2c-vpn-gateways/nope/connections", "", 404, "VPN.0004"),
        ("POST", &format!("{kill}?x=1"), "", 400, "VPN.0001"),
        ("POST", &kill, "{}", 400, "VPN.0001"),
    ] {
        let (bench, memory) = bench(1);
        let response = bench.raw(method, path, body);
        assert_eq!(response.status(), status, "{method} {path} {body}");
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["error_code"], code, "{method} {path} {body}: {answer}");
        assert!(memory.lock().unwrap().killed().is_empty());
    }
}
