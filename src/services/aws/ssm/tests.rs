use std::sync::{Arc, Mutex};

use super::api::PAGE;
use super::*;
use crate::services::kit::tokens;
use crate::services::simulator::bench::{Bench, all_pages, ids};
use crate::services::simulator::{Clients, Fault, Instance, LiveClient, Memory, Stage};
use crate::services::{
    Batch, Cursor, Error, Field, Node, Session, SessionId, Sight, Submission, Which,
};

/// Two nodes, with `clients` on the first and one on the second.
fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new().with("i-2", client(7));
    for number in 1..=clients {
        memory.connect("i-1", client(number));
    }
    let memory = memory.shared();
    let instances = ["i-1", "i-2"].map(|id| Instance::new(id, &[(id, "node")])).to_vec();
    let stage = Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>);
    (Bench::new(&SERVICE, stage), memory)
}

fn client(number: usize) -> LiveClient {
    let user = "alice".into();
    LiveClient { id: number.to_string(), user, age: 90, ..LiveClient::default() }
}

fn id(node: &str, number: usize) -> SessionId {
    SessionId(format!("alice-0{node}{number:0>12}"))
}

const FIRST: &[(&str, &str)] = &[("instance_id", "i-1")];

async fn kill(bench: &Bench, id: &SessionId) -> Result<Submission, Error> {
    let (node, ids) = (Node::whole(), [id.clone()]);
    bench.sessions(FIRST).terminate(Batch { node: Some(&node), which: Which::These(&ids) }).await
}

#[tokio::test]
async fn the_list_is_of_one_node_or_of_the_region() {
    let (bench, _) = bench(2);
    for (target, expected) in [
        (FIRST, vec![id("i-1", 2), id("i-1", 1)]),
        (&[("all_instances", "true")], vec![id("i-2", 7), id("i-1", 2), id("i-1", 1)]),
    ] {
        let sessions = bench.sessions(target);
        assert_eq!(sessions.nodes().await.unwrap(), [Node::whole()]);
        assert_eq!(ids(&all_pages(&*sessions, &Node::whole()).await), expected);
    }
    let (method, path, body) = bench.requests().remove(0);
    assert_eq!((method.as_str(), path.as_str()), ("POST", "/"));
    let expected =
        r#"{"Filters":[{"key":"Target","value":"i-1"}],"MaxResults":200,"State":"Active"}"#;
    assert_eq!(body, expected);
}

#[tokio::test]
async fn an_empty_id_means_nobody() {
    let (bench, _) = bench(1);
    let sessions = bench.sessions(&[("instance_id", "")]);
    let error = sessions.list(&Node::whole(), None, None).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadRequest);
    assert_eq!(kill(&bench, &SessionId(String::new())).await.unwrap_err().kind, Kind::BadRequest);
    assert!(bench.requests().is_empty());
}

#[tokio::test]
async fn a_session_tells_what_the_list_tells() {
    let (bench, _) = bench(1);
    let found = all_pages(&*bench.sessions(FIRST), &Node::whole()).await;
    let text = |text: &str| Field::Text(text.into());
    let expected = [
        ("user", text("arn:aws:iam::123456789012:user/alice")),
        ("document", text("SSM-SessionManagerRunShell")),
        ("age_seconds", Field::Integer(90)),
        ("instance_id", text("i-1")),
        ("status", text("Connected")),
        ("started_at", text("2023-11-14T22:11:50Z")),
        ("reason", text("")),
        ("access_type", text("Standard")),
    ];
    assert_eq!(found[0].id, id("i-1", 1));
    assert_eq!(found[0].fields, expected.into());
}

#[tokio::test]
async fn a_long_list_goes_on_at_its_token() {
    let (bench, _) = bench(2 * PAGE + 1);
    let found = all_pages(&*bench.sessions(FIRST), &Node::whole()).await;
    assert_eq!((found.len(), bench.requests().len()), (2 * PAGE + 1, 3));
    let token = r#"{"Sessions":[],"NextToken":"t"}"#;
    let endless = format!(r#"{{"Sessions":[],"NextToken":"{}"}}"#, "t".repeat(tokens::MOST + 1));
    for (after, body) in [(Some(Cursor("t".into())), token), (None, endless.as_str())] {
        bench.can(200, body);
        let error = bench.sessions(FIRST).list(&Node::whole(), None, after).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed);
    }
}

#[tokio::test]
async fn who_is_over_or_elsewhere_is_not_listed_and_anybody_else_is() {
    let (bench, _) = bench(0);
    let one = |id: &str, status: &str, node: &str| {
        format!(r#"{{"SessionId":"{id}","Status":"{status}","Target":"{node}","StartDate":1}}"#)
    };
    let listed = [
        one("a", "Terminated", "i-1"),
        one("b", "Failed", "i-1"),
        one("c", "Terminating", "i-1"),
        one("d", "Disconnected", "i-1"),
        one("e", "Connected", "i-2"),
        one("f", "New", "i-1"),
        r#"{"SessionId":"g"}"#.to_owned(),
    ];
    bench.can(200, &format!(r#"{{"Sessions":[{}]}}"#, listed.join(",")));
    let found = all_pages(&*bench.sessions(FIRST), &Node::whole()).await;
    let found = ids(&found);
    assert_eq!(found.iter().map(|id| id.0.as_str()).collect::<Vec<_>>(), ["c", "d", "f", "g"]);
}

#[tokio::test]
async fn an_answer_that_is_not_the_pages_is_not_believed() {
    let (bench, _) = bench(1);
    for body in [
        "<html>",
        r#"{"Sessions":{}}"#,
        r#"{"Sessions":[{"Target":"i-1"}]}"#,
        r#"{"Sessions":[{"SessionId":["a"]}]}"#,
        r#"{"Sessions":[{"SessionId":"a","StartDate":"yesterday"}]}"#,
        r#"{"Sessions":[{"SessionId":"a","StartDate":1,"Owner":[]}]}"#,
    ] {
        bench.can(200, body);
        let error = bench.sessions(FIRST).list(&Node::whole(), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
    for (status, body, kind) in [
        (200, "{}", Kind::Malformed),
        (200, r#"{"SessionId":"another"}"#, Kind::Malformed),
        (500, "<html>not implemented</html>", Kind::Unavailable),
        (500, r#"{"__type":"InternalServerError"}"#, Kind::Unavailable),
        (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, Kind::Throttled),
        (400, r#"{"__type":"ValidationException"}"#, Kind::BadRequest),
        (400, r#"{"__type":"ExpiredTokenException"}"#, Kind::Credentials),
    ] {
        bench.can(status, body);
        assert_eq!(kill(&bench, &id("i-1", 1)).await.unwrap_err().kind, kind, "{body}");
    }
}

#[tokio::test]
async fn success_on_a_session_that_is_not_there_says_nothing_of_it() {
    let (bench, memory) = bench(2);
    let outcome = kill(&bench, &id("i-1", 9)).await.unwrap().outcome;
    assert!(outcome.already_gone.is_empty() && outcome.refused.is_empty());
    assert!(memory.lock().unwrap().killed().is_empty());
    let whom = Session { id: id("i-1", 1), ..Session::default() };
    let sessions = bench.sessions(FIRST);
    assert_eq!(sessions.find(&Node::whole(), &whom).await.unwrap().len(), 1);
    kill(&bench, &whom.id).await.unwrap();
    assert!(sessions.can_find());
    assert!(sessions.find(&Node::whole(), &whom).await.unwrap().is_empty());
    assert_eq!(memory.lock().unwrap().killed(), [("i-1".to_owned(), "1".to_owned())]);
}

#[tokio::test]
async fn a_refusal_for_who_has_just_ended_is_told_from_a_missing_right() {
    let (bench, _) = bench(1);
    let denied = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
    bench.can(400, denied);
    let error = kill(&bench, &id("i-1", 1)).await.unwrap_err();
    assert_eq!((error.kind, error.message.as_str()), (Kind::Permission, "not authorized"));
    bench.can(400, denied);
    let gone = kill(&bench, &id("i-1", 9)).await.unwrap().outcome.already_gone;
    assert_eq!(gone, [id("i-1", 9)]);
    // Where the look may not be had either, the right is what is missing.
    bench.can(400, denied);
    bench.can(400, denied);
    assert_eq!(kill(&bench, &id("i-1", 9)).await.unwrap_err().kind, Kind::Permission);
}

#[tokio::test]
async fn what_is_registered_or_has_a_session_is_seen_and_the_rest_is_not_proven() {
    let (bench, memory) = bench(1);
    assert_eq!(bench.sessions(FIRST).sight().await.unwrap(), Sight::Seen);
    memory.lock().unwrap().disconnect("i-1", "1");
    assert_eq!(bench.sessions(FIRST).sight().await.unwrap(), Sight::Seen, "it is registered");
    for target in [[("instance_id", "i-3")], [("instance_id", "ecs:cluster_task_runtime")]] {
        let sight = bench.sessions(&target).sight().await.unwrap();
        assert!(matches!(sight, Sight::Unproven(why) if why.contains("may not have registered")));
    }
    bench.can(200, r#"{"Sessions":[]}"#);
    bench.can(400, r#"{"__type":"InvalidInstanceId"}"#);
    assert!(matches!(bench.sessions(FIRST).sight().await, Ok(Sight::Unproven(_))));
    bench.can(200, r#"{"Sessions":[]}"#);
    bench.can(400, r#"{"__type":"ThrottlingException"}"#);
    assert_eq!(bench.sessions(FIRST).sight().await.unwrap_err().kind, Kind::Throttled);
    bench.can(400, r#"{"__type":"AccessDeniedException"}"#);
    assert_eq!(bench.sessions(FIRST).sight().await.unwrap_err().kind, Kind::Permission);
    bench.fault(Fault::TargetGone);
    let region = bench.sessions(&[("all_instances", "true")]).sight().await.unwrap();
    assert_eq!(region, Sight::Seen, "a region that answers is there");
}
