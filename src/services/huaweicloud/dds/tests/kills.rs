//! Kills, faults, and the simulator.

use super::*;

#[tokio::test]
async fn chosen_sessions_are_ended_by_their_ids_as_they_are_and_no_others() {
    let (bench, memory) = bench(3);
    for (node_id, id, key) in [("one", "2", "2"), ("front-2", "shard_1:1", "1")] {
        let sessions = bench.sessions(&[("instance_id", "whatever")]);
        let (node, ids) = (node(node_id), [SessionId(id.into())]);
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        let submission = sessions.terminate(batch).await.unwrap();
        assert_eq!((submission.ticket, submission.request_id.is_some()), (None, true));
        assert_eq!(bench.requests().last().unwrap().2, format!(r#"{{"sessions":["{id}"]}}"#));
        let killed = memory.lock().unwrap().killed().last().cloned();
        assert_eq!(killed, Some((node_id.to_owned(), key.to_owned())));
    }
    assert_eq!(memory.lock().unwrap().killed().len(), 2);
}

#[tokio::test]
async fn everyone_cannot_be_ended_in_one_call() {
    let (bench, memory) = bench(1);
    let sessions = bench.sessions(&[("instance_id", "replicas")]);
    let (node, ids) = (node("one"), [SessionId("1".into())]);
    for batch in [
        Batch { node: Some(&node), which: Which::Everyone },
        Batch { node: None, which: Which::These(&ids) },
    ] {
        let error = sessions.terminate(batch).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
    }
    assert!(bench.requests().is_empty() && memory.lock().unwrap().killed().is_empty());
}

#[tokio::test]
async fn a_kill_is_believed_if_its_answer_is_an_object_or_nothing() {
    for (body, believed) in [
        ("", true),
        ("{}", true),
        (r#"{"a":1}"#, true),
        ("<html>", false),
        ("[]", false),
        (r#"{"error_code":"DBS.301077","error_msg":"failed"}"#, false),
        (r#"{"errCode":"DBS.280443","errMsg":"throttled"}"#, false),
    ] {
        let (bench, _) = bench(1);
        bench.can(200, body);
        let sessions = bench.sessions(&[("node_id", "one")]);
        let ids = [SessionId("1".into())];
        let batch = Batch { node: None, which: Which::These(&ids) };
        let outcome = sessions.terminate(batch).await.map_err(|error| error.kind);
        assert_eq!(outcome.map(|_| ()), believed.then_some(()).ok_or(Kind::Malformed), "{body}");
    }
}

#[tokio::test]
async fn faults_come_out_as_the_kinds_they_are() {
    for (fault, kind, status, killed) in [
        // Not a permission error, although its status says so.
        (Fault::Busy, Some((Kind::Busy, 403)), "busy", 0),
        (Fault::TargetGone, Some((Kind::TargetGone, 404)), "gone", 0),
        (Fault::PartialKill, Some((Kind::Ambiguous, 400)), "in part", 1),
        (Fault::Refuses, None, "a lie", 0),
    ] {
        let (bench, memory) = bench(2);
        let sessions = bench.sessions(&[("instance_id", "replicas")]);
        let ids = ids(&all_pages(&*sessions, &node("one")).await);
        bench.fault(fault);
        let node = node("one");
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        let error = sessions.terminate(batch).await.err();
        assert_eq!(error.map(|e| (e.kind, e.status.unwrap())), kind, "{status}");
        assert_eq!(memory.lock().unwrap().killed().len(), killed, "{status}");
    }
}

#[tokio::test]
async fn a_kill_of_what_has_ended_is_fine_or_ambiguous() {
    for (gone, kind) in [(Gone::Accepted, None), (Gone::Refused, Some(Kind::Ambiguous))] {
        let (mut stage, memory) = stage(1);
        stage.gone = gone;
        let bench = Bench::new(&SERVICE, stage);
        let sessions = bench.sessions(&[("node_id", "one")]);
        let ids = ["1", "99"].map(|id| SessionId(id.into()));
        let batch = Batch { node: None, which: Which::These(&ids) };
        assert_eq!(sessions.terminate(batch).await.err().map(|error| error.kind), kind);
        assert_eq!(memory.lock().unwrap().killed().len(), usize::from(kind.is_none()));
    }
}

#[tokio::test]
async fn an_answer_of_an_unknown_code_to_a_kill_is_ambiguous() {
    for (status, code, kind) in [
        (400, "DBS.999999", Kind::Ambiguous),
        (400, "DBS.280001", Kind::Ambiguous),
        (400, "DBS.301071", Kind::Ambiguous),
        (400, "DBS.200047", Kind::Busy),
        (400, "DBS.280408", Kind::BadRequest),
        (403, "DBS.280032", Kind::Permission),
        (403, "DBS.201014", Kind::Busy),
        (404, "DBS.200013", Kind::TargetGone),
        (500, "DBS.999999", Kind::Unavailable),
    ] {
        let (bench, _) = bench(1);
        bench.can(status, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
        let sessions = bench.sessions(&[("node_id", "one")]);
        let ids = [SessionId("1".into())];
        let batch = Batch { node: None, which: Which::These(&ids) };
        assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, kind, "{code}");
    }
}

#[tokio::test]
async fn an_id_that_would_reach_another_path_is_never_sent() {
    for id in ["", "a/b", "..", "a?b", "{project_id}", "*one"] {
        let (bench, _) = bench(1);
        for target in [[("instance_id", id)], [("node_id", id)]] {
            let error = found(&bench, &target).await.unwrap_err();
            assert_eq!(error.kind, Kind::BadRequest, "{id}");
        }
        let sessions = bench.sessions(&[("node_id", "one")]);
        let (node, ids) = (node(id), [SessionId("1".into())]);
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        assert_eq!(sessions.terminate(batch).await.unwrap_err().kind, Kind::BadRequest, "{id}");
        let listed = sessions.list(&node, None, None).await;
        assert_eq!(listed.unwrap_err().kind, Kind::BadRequest, "{id}");
        assert!(bench.requests().is_empty());
    }
}

#[test]
fn the_simulator_is_as_strict_as_the_pages() {
    let (list, kill) = ("/v3/p0/nodes/one/sessions", "/v3/p0/nodes/one/session");
    for (method, path, body, status, code) in [
        ("GET", "/v3/p0/instances?limit=101", "", 400, "DBS.280439"),
        ("GET", "/v3/p0/instances?offset=-1", "", 400, "DBS.280440"),
        ("GET", "/v3/p0/instances?page=1", "", 400, "DBS.280001"),
        ("GET", &format!("{list}?limit=101"), "", 400, "DBS.280439"),
        ("GET", &format!("{list}?limit=0"), "", 400, "DBS.280439"),
        ("GET", &format!("{list}?offset=-1"), "", 400, "DBS.280440"),
        ("GET", &format!("{list}?plan_summary=GUESS"), "", 400, "DBS.301072"),
        ("GET", &format!("{list}?type=get"), "", 400, "DBS.301073"),
        ("GET", &format!("{list}?cost_time=long"), "", 400, "DBS.301075"),
        ("GET", &format!("{list}?node_id=one"), "", 400, "DBS.280001"),
        ("GET", "/v3/p0/nodes/nope/sessions", "", 404, "DBS.200013"),
        ("POST", "/v3/p0/nodes/nope/session", r#"{"sessions":["1"]}"#, 404, "DBS.200013"),
        ("POST", kill, "", 400, "DBS.280001"),
        ("POST", kill, "{", 400, "DBS.280001"),
        ("POST", kill, "{}", 400, "DBS.280001"),
        ("POST", kill, r#"{"sessions":[]}"#, 400, "DBS.280001"),
        ("POST", kill, r#"{"sessions":[1]}"#, 400, "DBS.280001"),
        ("POST", kill, r#"{"sessions":["1"],"is_all":true}"#, 400, "DBS.280001"),
        ("POST", &format!("{kill}?x=1"), r#"{"sessions":["1"]}"#, 400, "DBS.280001"),
    ] {
        let (bench, memory) = bench(1);
        let response = bench.raw(method, path, body);
        assert_eq!(response.status(), status, "{method} {path} {body}");
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["error_code"], code, "{method} {path} {body}: {answer}");
        assert!(memory.lock().unwrap().killed().is_empty());
    }
}

#[test]
fn an_empty_filter_of_the_simulator_means_an_empty_field() {
    let (bench, memory) = bench(2);
    memory.lock().unwrap().connect("one", LiveClient { command: String::new(), ..client(3) });
    for (filter, expected) in [
        ("", 3),
        ("?limit=2", 2),
        ("?plan_summary=", 1),
        ("?plan_summary=COLLSCAN", 2),
        ("?type=", 0),
        ("?type=none", 1),
        ("?namespace=shop.orders", 3),
        ("?namespace=", 0),
        ("?cost_time=60000000", 2),
        ("?cost_time=60000001", 0),
    ] {
        let answer = bench.raw("GET", &format!("/v3/p0/nodes/one/sessions{filter}"), "");
        let answer: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        let got = answer["sessions"].as_array().unwrap().len();
        assert_eq!(got, expected, "{filter}");
    }
}

#[test]
fn another_databases_instances_are_not_the_simulators() {
    let (bench, _) = bench(0);
    for (query, status) in
        [("", 200), ("?datastore_type=DDS-Community", 200), ("?datastore_type=redis", 404)]
    {
        assert_eq!(bench.raw("GET", &format!("/v3/p0/instances{query}"), "").status(), status);
    }
    for path in ["/v3/p0/redis/nodes/one/sessions", "/v3/p0/instances/replicas/sessions"] {
        assert_eq!(bench.raw("DELETE", path, "{}").status(), 404);
    }
}
