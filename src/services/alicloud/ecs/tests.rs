use std::sync::{Arc, Mutex};

use super::api::VERSION;
use super::*;
use crate::services::simulator::bench::{Bench, all_pages, ids};
use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Cursor, Field, Kind, Node, SessionId, Which};

/// Two instances, with `clients` on the first and one on the second.
fn stage(clients: usize) -> (Stage, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new().with("i-2", client(7));
    for number in 1..=clients {
        memory.connect("i-1", client(number));
    }
    let memory = memory.shared();
    let instances = ["i-1", "i-2"].map(|id| Instance::new(id, &[(id, "terminal")])).to_vec();
    (Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>), memory)
}

fn client(number: usize) -> LiveClient {
    LiveClient {
        id: number.to_string(),
        address: format!("10.0.0.{}:40001", number % 250),
        user: "root".into(),
        age: 90,
        ..LiveClient::default()
    }
}

fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    let (stage, memory) = stage(clients);
    (Bench::new(&SERVICE, stage), memory)
}

const FIRST: &[(&str, &str)] = &[("instance_id", "i-1")];

/// A list of sessions, each with the statuses of its connections.
fn history(sessions: &[(&str, &[Option<&str>])]) -> String {
    let session = |(id, statuses): &(&str, &[Option<&str>])| {
        let status = |status: &Option<&str>| {
            let status = status.map_or("null".to_owned(), |status| format!("\"{status}\""));
            format!("{{\"Status\":{status},\"InstanceId\":\"i-1\"}}")
        };
        let connections: Vec<String> = statuses.iter().map(status).collect();
        let connections = connections.join(",");
        format!("{{\"SessionId\":\"{id}\",\"Connections\":{{\"Connection\":[{connections}]}}}}")
    };
    let sessions: Vec<String> = sessions.iter().map(session).collect();
    format!("{{\"RequestId\":\"r\",\"Sessions\":{{\"Session\":[{}]}}}}", sessions.join(","))
}

#[tokio::test]
async fn the_list_is_of_one_instance_or_of_the_region() {
    let (bench, _) = bench(2);
    for (target, expected) in [
        (FIRST, vec!["s-1000002", "s-1000001"]),
        (&[], vec!["s-2000007", "s-1000002", "s-1000001"]),
    ] {
        let sessions = bench.sessions(target);
        assert_eq!(sessions.nodes().await.unwrap(), [Node::whole()]);
        let found = ids(&all_pages(&*sessions, &Node::whole()).await);
        assert_eq!(found.iter().map(|id| id.0.as_str()).collect::<Vec<_>>(), expected);
    }
    let (_, asked, body) = bench.requests().remove(0);
    assert!(asked.contains("RegionId=here") && asked.contains("MaxResults=100"), "{asked}");
    assert!(body.is_empty(), "parameters are in the query");
}

#[tokio::test]
async fn an_empty_instance_id_does_not_mean_the_region() {
    let (bench, _) = bench(1);
    let sessions = bench.sessions(&[("instance_id", "")]);
    let error = sessions.list(&Node::whole(), None, None).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadRequest);
    assert!(bench.requests().is_empty());
}

#[tokio::test]
async fn what_is_over_is_history_and_not_live() {
    let (bench, memory) = bench(3);
    let sessions = bench.sessions(FIRST);
    assert_eq!(all_pages(&*sessions, &Node::whole()).await.len(), 3);
    memory.lock().unwrap().disconnect("i-1", "2");
    let found = ids(&all_pages(&*sessions, &Node::whole()).await);
    assert_eq!(found, ["s-1000003", "s-1000001"].map(|id| SessionId(id.into())));
    let query = "RegionId=here&InstanceId=i-1&MaxResults=100";
    let answer = bench.raw_action(VERSION, "DescribeTerminalSessions", query);
    let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    let all = answer["Sessions"]["Session"].as_array().unwrap();
    assert_eq!(all.len(), 5, "two of yesterday are there too: {answer}");
}

#[tokio::test]
async fn a_session_is_live_while_a_connection_of_it_is_not_known_to_be_over() {
    let (bench, _) = bench(0);
    bench.can(
        200,
        &history(&[
            ("connected", &[Some("Connected")]),
            ("connecting", &[Some("Connecting")]),
            ("again", &[Some("Failed"), Some("Connected")]),
            ("unheard", &[Some("Resuming")]),
            ("unsaid", &[None]),
            ("disconnected", &[Some("Disconnected")]),
            ("none", &[]),
            ("terminated", &[Some("Terminated")]),
            ("failed", &[Some("Failed"), Some("Terminated")]),
        ]),
    );
    let page = bench.sessions(&[]).list(&Node::whole(), None, None).await.unwrap();
    let found = ids(&page.sessions);
    let found: Vec<&str> = found.iter().map(|id| id.0.as_str()).collect();
    assert_eq!(
        found,
        ["connected", "connecting", "again", "unheard", "unsaid", "disconnected", "none"]
    );
}

#[tokio::test]
async fn a_session_without_a_connection_is_live_while_its_url_is_good() {
    for (connections, began, live) in [
        ("{\"Connection\":[]}", "2023-11-14T22:03:20Z", true),
        ("{\"Connection\":[]}", "2023-11-14T22:03:19Z", false),
        ("{}", "2023-11-14T22:13:20Z", true),
        ("null", "2023-11-14T22:13:20Z", true),
        ("null", "2023-10-14T22:13:20Z", false),
    ] {
        let (bench, _) = bench(0);
        bench.can(
            200,
            &format!(
                r#"{{"Sessions":{{"Session":[{{"SessionId":"s-1","CreationTime":"{began}",
                "Connections":{connections}}}]}}}}"#
            ),
        );
        let page = bench.sessions(&[]).list(&Node::whole(), None, None).await.unwrap();
        assert_eq!(page.sessions.len(), usize::from(live), "{connections} {began}");
    }
}

#[tokio::test]
async fn a_session_that_lives_on_another_instance_is_not_of_this_one() {
    let connections = |status: &str| {
        format!(
            r#"{{"Sessions":{{"Session":[{{"SessionId":"s-1","Connections":{{"Connection":[
            {{"InstanceId":"i-2","Status":"Connected"}},
            {{"InstanceId":"i-1","Status":"{status}"}}]}}}}]}}}}"#
        )
    };
    for (status, target, expected) in [
        ("Terminated", FIRST, None),
        ("Connected", FIRST, Some("i-1")),
        ("Terminated", &[], Some("i-2")),
    ] {
        let (bench, _) = bench(0);
        bench.can(200, &connections(status));
        let page = bench.sessions(target).list(&Node::whole(), None, None).await.unwrap();
        let instance = page.sessions.first().and_then(|one| one.fields.get("instance_id"));
        let expected = expected.map(|id| Field::Text(id.into()));
        assert_eq!(instance, expected.as_ref(), "{status} {target:?}");
    }
}

#[tokio::test]
async fn what_is_over_is_not_read_and_what_is_live_is() {
    let session = |status: &str, odd: &str| {
        format!(
            r#"{{"Sessions":{{"Session":[{{"SessionId":"s-1",{odd},"Connections":{{"Connection":[
            {{"InstanceId":"i-1","Status":"{status}"}}]}}}}]}}}}"#
        )
    };
    for (odd, readable) in [
        (r#""PortNumber":"""#, true),
        (r#""PortNumber":[1]"#, true),
        (r#""TargetServer":{}"#, true),
        (r#""CreationTime":"yesterday""#, false),
        (r#""Username":{}"#, false),
        (r#""ClientIP":[]"#, false),
    ] {
        let (bench, _) = bench(0);
        let sessions = bench.sessions(&[]);
        bench.can(200, &session("Terminated", odd));
        assert_eq!(sessions.list(&Node::whole(), None, None).await.unwrap().sessions, [], "{odd}");
        bench.can(200, &session("Connected", odd));
        let live = sessions.list(&Node::whole(), None, None).await.map_err(|error| error.kind);
        let expected = if readable { Ok(1) } else { Err(Kind::Malformed) };
        assert_eq!(live.map(|page| page.sessions.len()), expected, "{odd}");
    }
}

#[tokio::test]
async fn a_session_tells_what_the_list_tells() {
    let (bench, _) = bench(0);
    bench.can(
        200,
        r#"{"RequestId":"r","Sessions":{"Session":[{"SessionId":"s-1","ClientIP":"10.0.0.1",
        "CreationTime":"2023-11-14T22:11:50Z","Username":"root","PrincipalId":"123",
        "IdentityType":"RAMUser","TargetServer":"192.168.0.246","PortNumber":22,"New":{},
        "Connections":{"Connection":[{"InstanceId":"i-1","Status":"Connected",
        "StartTime":"2023-11-14T22:12:00Z","EndTime":null}]}}]}}"#,
    );
    let page = bench.sessions(&[]).list(&Node::whole(), None, None).await.unwrap();
    let text = |text: &str| Field::Text(text.into());
    let expected = [
        ("client_address", text("10.0.0.1")),
        ("user", text("root")),
        ("age_seconds", Field::Integer(90)),
        ("instance_id", text("i-1")),
        ("status", text("Connected")),
        ("created_at", text("2023-11-14T22:11:50Z")),
        ("principal_id", text("123")),
        ("identity_type", text("RAMUser")),
        ("target_server", text("192.168.0.246")),
        ("port", Field::Integer(22)),
    ];
    assert_eq!(page.sessions[0].fields, expected.into());
    assert_eq!(page.sessions[0].fields.iter().len(), SPEC.columns.len());
}

#[tokio::test]
async fn a_long_history_is_read_to_its_end() {
    for clients in [97, 98, 99, 250] {
        let (bench, _) = bench(clients);
        let sessions = bench.sessions(FIRST);
        let mut found = ids(&all_pages(&*sessions, &Node::whole()).await);
        found.sort();
        found.dedup();
        assert_eq!(found.len(), clients);
    }
}

#[tokio::test]
async fn a_page_without_a_live_session_does_not_end_the_list() {
    let (bench, _) = bench(0);
    let sessions = bench.sessions(&[]);
    let token = r#"{"RequestId":"r","NextToken":"more","Sessions":{"Session":[]}}"#;
    bench.can(200, token);
    let page = sessions.list(&Node::whole(), None, None).await.unwrap();
    assert_eq!(page.next, Some(Cursor("more".into())));
    bench.can(200, token);
    let error = sessions.list(&Node::whole(), None, page.next).await.unwrap_err();
    assert_eq!(error.kind, Kind::Malformed, "it goes round in a circle");
    bench.can(200, r#"{"RequestId":"r","NextToken":"","Sessions":{}}"#);
    assert_eq!(sessions.list(&Node::whole(), None, None).await.unwrap().next, None);
}

#[tokio::test]
async fn an_answer_without_a_list_is_an_empty_one_unless_somebody_was_on_it() {
    let without = [
        r#"{"RequestId":"r"}"#,
        r#"{"RequestId":"r","Sessions":null}"#,
        r#"{"RequestId":"r","Sessions":{}}"#,
        r#"{"RequestId":"r","Sessions":{"Session":null}}"#,
    ];
    for body in without {
        let (bench, memory) = bench(1);
        let sessions = bench.sessions(FIRST);
        let listed = async |after| sessions.list(&Node::whole(), None, after).await;
        bench.can(200, body);
        assert!(listed(None).await.unwrap().sessions.is_empty(), "nobody was ever there: {body}");
        assert_eq!(listed(None).await.unwrap().sessions.len(), 1);
        // Who is cut stays in the history.
        memory.lock().unwrap().disconnect("i-1", "1");
        bench.can(200, body);
        assert_eq!(listed(None).await.unwrap_err().kind, Kind::Malformed, "{body}");
        bench.can(200, body);
        let last = listed(Some(Cursor("more".into()))).await.unwrap();
        assert!(last.sessions.is_empty() && last.next.is_none(), "a last page may hold nobody");
    }
}

#[tokio::test]
async fn what_is_not_a_list_is_malformed() {
    let (bench, _) = bench(0);
    let sessions = bench.sessions(&[]);
    let endless = format!(r#"{{"NextToken":"{}","Sessions":{{}}}}"#, "a".repeat(5000));
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"RequestId":""}"#,
        r#"{"Sessions":null}"#,
        r#"{"Sessions":{}}"#,
        r#"{"Sessions":[]}"#,
        r#"{"Sessions":{"Session":{}}}"#,
        r#"{"Sessions":{"Session":[{"Username":[]}]}}"#,
        r#"{"Sessions":{"Session":[{"Connections":{"Connection":[{"Status":"Connected"}]}}]}}"#,
        &endless,
    ] {
        bench.can(200, body);
        let error = sessions.list(&Node::whole(), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body:.80}");
    }
}

#[tokio::test]
async fn one_session_is_ended_and_no_other() {
    let (bench, memory) = bench(3);
    let sessions = bench.sessions(FIRST);
    let ids = ids(&all_pages(&*sessions, &Node::whole()).await);
    let whole = Node::whole();
    let batch = |which| Batch { node: Some(&whole), which };
    for which in [Which::These(&ids), Which::These(&[]), Which::Everyone] {
        let error = sessions.terminate(batch(which)).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
    }
    let submission = sessions.terminate(batch(Which::These(&ids[1..2]))).await.unwrap();
    assert!(submission.outcome.already_gone.is_empty() && submission.request_id.is_some());
    assert_eq!(memory.lock().unwrap().killed(), [("i-1".to_owned(), "2".to_owned())]);
}

#[tokio::test]
async fn ending_what_has_ended_is_success_whatever_the_answer() {
    for (gone, already) in [(Gone::Accepted, 0), (Gone::Refused, 1)] {
        let (mut stage, memory) = stage(1);
        stage.gone = gone;
        let bench = Bench::new(&SERVICE, stage);
        let sessions = bench.sessions(FIRST);
        let ids = ids(&all_pages(&*sessions, &Node::whole()).await);
        let whole = Node::whole();
        let batch = Batch { node: Some(&whole), which: Which::These(&ids) };
        assert!(sessions.terminate(batch).await.unwrap().outcome.already_gone.is_empty());
        let again = sessions.terminate(batch).await.unwrap();
        assert_eq!(again.outcome.already_gone.len(), already);
        assert_eq!(memory.lock().unwrap().killed().len(), 1);
    }
    let (bench, _) = bench(0);
    let (whole, never) = (Node::whole(), [SessionId("s-0".into())]);
    let batch = Batch { node: Some(&whole), which: Which::These(&never) };
    assert_eq!(bench.sessions(&[]).terminate(batch).await.unwrap().outcome.already_gone, never);
}

#[tokio::test]
async fn an_answer_that_is_not_the_pages_is_not_believed() {
    let (whole, ids) = (Node::whole(), [SessionId("s-1000001".into())]);
    for (status, body, kind) in [
        (200, "{}", Kind::Malformed),
        (200, "<html>", Kind::Malformed),
        (200, r#"{"RequestId":"r","Code":"InternalError"}"#, Kind::Malformed),
        (400, r#"{"Code":"RegionId.ApiNotSupported"}"#, Kind::Unsupported),
        (404, r#"{"Code":"InvalidRegionId.NotFound"}"#, Kind::BadRequest),
        (404, r#"{"Code":"InvalidInstanceId.NotFound"}"#, Kind::TargetGone),
        (404, r#"{"Code":"Elsewhere"}"#, Kind::Refused),
        (400, r#"{"Code":"InvalidSession.Terminated"}"#, Kind::Ambiguous),
        (403, r#"{"Code":"OperationDenied"}"#, Kind::Ambiguous),
        (409, r#"{"Code":"IncorrectStatus"}"#, Kind::Ambiguous),
        (400, r#"{"Code":"InvalidParameter"}"#, Kind::Ambiguous),
        (403, r#"{"Code":"Forbidden.RAM"}"#, Kind::Permission),
        (400, r#"{"Code":"SignatureDoesNotMatch"}"#, Kind::Credentials),
        (400, r#"{"Code":"InvalidTimeStamp.Expired"}"#, Kind::Credentials),
        (400, r#"{"Code":"Throttling.User"}"#, Kind::Throttled),
        (400, r#"{"Code":"SignatureNonceUsed"}"#, Kind::Lost),
        (400, r#"{"Code":"ServiceUnavailable"}"#, Kind::Unavailable),
        (503, r#"{"Code":"Elsewhere"}"#, Kind::Unavailable),
    ] {
        let (bench, _) = bench(1);
        bench.can(status, body);
        let batch = Batch { node: Some(&whole), which: Which::These(&ids) };
        let error = bench.sessions(FIRST).terminate(batch).await.unwrap_err();
        assert_eq!(error.kind, kind, "{body}");
    }
}

#[tokio::test]
async fn a_fault_is_told_whatever_it_ended() {
    for (fault, kind, killed) in [
        (Fault::Busy, Some(Kind::Throttled), 0),
        // Of one session a part is that one.
        (Fault::PartialKill, Some(Kind::Unavailable), 1),
        (Fault::Refuses, None, 0),
    ] {
        let (bench, memory) = bench(1);
        let sessions = bench.sessions(FIRST);
        let ids = ids(&all_pages(&*sessions, &Node::whole()).await);
        bench.fault(fault);
        let whole = Node::whole();
        let batch = Batch { node: Some(&whole), which: Which::These(&ids) };
        let outcome = sessions.terminate(batch).await;
        assert_eq!(outcome.err().map(|error| error.kind), kind);
        assert_eq!(memory.lock().unwrap().killed().len(), killed, "{fault:?}");
    }
}

#[test]
fn the_simulator_is_as_strict_as_the_pages() {
    const LIST: &str = "DescribeTerminalSessions";
    const END: &str = "EndTerminalSession";
    const START: &str = "StartTerminalSession";
    for (action, query, status, code) in [
        (LIST, "", 400, "MissingParameter"),
        (LIST, "RegionId=", 400, "MissingParameter"),
        (LIST, "RegionId=r&MaxResults=0", 400, "InvalidParameter"),
        (LIST, "RegionId=r&MaxResults=101", 400, "InvalidParameter"),
        (LIST, "RegionId=r&NextToken=x", 400, "InvalidParameter"),
        (LIST, "RegionId=r&PageNumber=1", 400, "InvalidParameter"),
        (LIST, "RegionId=r&InstanceId=i-9", 404, "InvalidInstanceId.NotFound"),
        (END, "RegionId=r", 400, "MissingParameter"),
        (END, "SessionId=s", 400, "MissingParameter"),
        (END, "RegionId=r&SessionId=s&SessionId=t", 400, "InvalidParameter"),
        (END, "RegionId=r&SessionId=s", 404, "InvalidSessionId.NotFound"),
        (START, "RegionId=r", 400, "MissingParameter"),
        (START, "RegionId=r&InstanceId.1=i-9", 404, "InvalidInstanceId.NotFound"),
        (START, "RegionId=r&InstanceId.1=i-1&PortNumber=70000", 400, "InvalidParameter"),
        // Nobody can connect to a terminal in memory.
        (START, "RegionId=r&InstanceId.1=i-1", 403, "QuotaExceed.Session"),
    ] {
        let (bench, _) = bench(1);
        let response = bench.raw_action(VERSION, action, query);
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(response.status(), status, "{action} {query}: {answer}");
        assert_eq!(answer["Code"], code, "{action} {query}: {answer}");
        assert!(answer["RequestId"].is_string() && answer["HostId"].is_string());
    }
    let (bench, _) = bench(1);
    let elsewhere = bench.raw_action("2020-01-16", LIST, "RegionId=r");
    assert_eq!(elsewhere.status(), 404, "another product's version is not answered");
}
