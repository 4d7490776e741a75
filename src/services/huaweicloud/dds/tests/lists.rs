//! Nodes and lists.

use super::*;

#[tokio::test]
async fn clients_are_on_every_mongos_of_a_cluster_else_on_all_nodes_but_hidden_ones() {
    let (bench, _) = bench(0);
    for (instance, expected) in [
        ("replicas", vec!["one", "two"]),
        ("cluster", vec!["front-1", "front-2"]),
        ("alone", vec!["only"]),
    ] {
        assert_eq!(found(&bench, &[("instance_id", instance)]).await.unwrap(), expected);
    }
}

#[tokio::test]
async fn a_node_that_is_named_is_meant_whatever_it_does() {
    let (bench, _) = bench(0);
    for (instance, node) in [("cluster", "shard"), ("cluster", "conf"), ("replicas", "three")] {
        let target = [("instance_id", instance), ("node_id", node)];
        assert_eq!(found(&bench, &target).await.unwrap(), [node]);
        assert!(bench.sessions(&target).looks_up_nodes());
    }
    assert_eq!(bench.requests().len(), 3);
    assert!(!bench.sessions(&[("node_id", "unheard-of")]).looks_up_nodes());
    assert_eq!(found(&bench, &[("node_id", "unheard-of")]).await.unwrap(), ["unheard-of"]);
    assert_eq!(bench.requests().len(), 3, "a node alone needs no look-up");
}

#[tokio::test]
async fn a_target_that_cannot_be_found_is_an_error_that_says_why() {
    let (bench, _) = bench(0);
    for (target, kind, word) in [
        (vec![], Kind::Configuration, "neither `instance_id` nor `node_id`"),
        (vec![("instance_id", "nobody")], Kind::TargetGone, "no instance `nobody`"),
        (
            vec![("instance_id", "replicas"), ("node_id", "front-1")],
            Kind::TargetGone,
            "has no node `front-1`",
        ),
    ] {
        let error = found(&bench, &target).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(word), "{error}");
    }
    for body in [
        // An ignored filter does not mean gone, and neither does anything but an empty list.
        r#"{"instances":[{"id":"other","groups":[]}]}"#,
        "{}",
        r#"{"instances":null,"total_count":0}"#,
        r#"{"instances":[],"total_count":5}"#,
        r#"{"error_code":"DBS.999999","error_msg":"failed","instances":[]}"#,
    ] {
        bench.can(200, body);
        let error = found(&bench, &[("instance_id", "replicas")]).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
    bench.can(200, r#"{"error_code":"DBS.280005","error_msg":"failed"}"#);
    let error = found(&bench, &[("instance_id", "replicas")]).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable, "a code of a call without effect is believed");
    bench.fault(Fault::TargetGone);
    let error = found(&bench, &[("instance_id", "replicas")]).await.unwrap_err();
    assert_eq!(error.kind, Kind::TargetGone);
}

#[tokio::test]
async fn a_node_that_is_not_normal_is_asked_like_the_others_and_its_failure_tells_its_state() {
    let instances = r#"{"instances":[{"id":"x","groups":[{"type":"replica","nodes":[
        {"id":"a","name":"","status":"normal","role":"Primary","unknown":[]},
        {"id":"b","status":"abnormal","role":"Secondary"},
        {"id":"c","role":"Secondary"}]},{"type":"readonly","nodes":null}]}]}"#;
    let (bench, _) = bench(0);
    bench.can(200, instances);
    assert_eq!(found(&bench, &[("instance_id", "x")]).await.unwrap(), ["a", "b", "c"]);
    bench.can(200, instances);
    let sessions = bench.sessions(&[("instance_id", "x"), ("node_id", "b")]);
    let nodes = sessions.nodes().await.unwrap();
    bench.can(500, r#"{"error_code":"DBS.280005","error_msg":"Server error."}"#);
    let error = sessions.list(&nodes[0], None, None).await.unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (Kind::Unavailable, "node `b` is abnormal: Server error.")
    );

    let unnamed = r#"{"id":"x","groups":[{"type":"replica","nodes":[{"status":"creating"}]}]}"#;
    for instance in [r#"{"id":"x"}"#, r#"{"id":"x","groups":[]}"#, unnamed] {
        for target in [&[("instance_id", "x")][..], &[("instance_id", "x"), ("node_id", "b")]] {
            bench.can(200, &format!(r#"{{"instances":[{instance}]}}"#));
            assert_eq!(found(&bench, target).await.unwrap_err().kind, Kind::Busy, "{instance}");
        }
    }
}

#[tokio::test]
async fn a_node_id_that_the_cloud_calls_invalid_has_not_gone() {
    for (status, code, kind) in [
        (400, "DBS.280407", Kind::BadRequest),
        (404, "DBS.200013", Kind::TargetGone),
        (400, "DBS.200451", Kind::TargetGone),
    ] {
        let (bench, _) = bench(0);
        for _ in 0..2 {
            bench.can(status, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
        }
        let sessions = bench.sessions(&[("node_id", "one")]);
        assert_eq!(sessions.list(&node("one"), None, None).await.unwrap_err().kind, kind, "{code}");
    }
}

#[tokio::test]
async fn a_long_list_comes_in_pages_and_whole_and_no_filter_is_sent() {
    for clients in [0, 1, 99, 100, 101, 250] {
        let (bench, _) = bench(clients);
        let sessions = bench.sessions(&[("node_id", "one")]);
        let mut ids = ids(&all_pages(&*sessions, &node("one")).await);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), clients);
        let (_, first, _) = bench.requests().remove(0);
        assert_eq!(first, "/v3/p0/nodes/one/sessions?offset=0&limit=100");
    }
}

#[tokio::test]
async fn where_a_hundred_at_a_time_are_too_many_twenty_are_asked_for_from_then_on() {
    for code in [BAD_LIMIT, "DBS.280001", "DBS.200001", "DBS.999999"] {
        let refusal = format!(r#"{{"error_code":"{code}","error_msg":"limit"}}"#);
        let (bench, _) = bench(45);
        bench.can(400, &refusal);
        let sessions = bench.sessions(&[("node_id", "one")]);
        assert_eq!(all_pages(&*sessions, &node("one")).await.len(), 45);
        assert_eq!(all_pages(&*sessions, &node("two")).await.len(), 0);
        let asked: Vec<String> = bench.requests().into_iter().map(|(_, path, _)| path).collect();
        let one = "/v3/p0/nodes/one/sessions";
        let expected = [
            format!("{one}?offset=0&limit=100"),
            format!("{one}?offset=0&limit=20"),
            format!("{one}?offset=19&limit=20"),
            format!("{one}?offset=38&limit=20"),
            "/v3/p0/nodes/two/sessions?offset=0&limit=20".to_owned(),
        ];
        assert_eq!(asked, expected, "{code}");
        bench.can(400, &refusal);
        let error = sessions.list(&node("one"), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::BadRequest, "twenty are never too many");
        assert_eq!(bench.requests().len(), asked.len() + 1);
    }
}

#[tokio::test]
async fn a_page_that_was_refused_for_something_else_stays_as_large() {
    for (first, second) in [
        // The node is mistyped, which twenty at a time do not mend.
        ("DBS.280407", Some("DBS.280407")),
        ("DBS.200019", None),
        ("DBS.280032", None),
    ] {
        let (bench, _) = bench(3);
        for code in [Some(first), second].into_iter().flatten() {
            bench.can(400, &format!(r#"{{"error_code":"{code}","error_msg":"no"}}"#));
        }
        let sessions = bench.sessions(&[("node_id", "one")]);
        let error = sessions.list(&node("one"), None, None).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some(first));
        sessions.list(&node("one"), None, None).await.unwrap();
        let (_, last, _) = bench.requests().pop().unwrap();
        assert!(last.ends_with("limit=100"), "{last}");
    }
}

#[tokio::test]
async fn a_list_without_a_count_ends_with_an_empty_page() {
    let (bench, _) = bench(0);
    let some = r#"{"sessions":[{"id":"1"},{"id":"2"}]}"#;
    bench.can(200, some);
    bench.can(200, r#"{"sessions":[{"id":"3"}]}"#);
    bench.can(200, r#"{"sessions":[]}"#);
    let sessions = bench.sessions(&[("node_id", "one")]);
    let ids = ids(&all_pages(&*sessions, &node("one")).await);
    assert_eq!(ids, ["1", "2", "3"].map(|id| SessionId(id.into())));
}

#[tokio::test]
async fn a_session_tells_what_the_list_tells() {
    let (bench, _) = bench(1);
    let sessions = bench.sessions(&[("node_id", "one")]);
    let found = all_pages(&*sessions, &node("one")).await;
    assert_eq!((found[0].id.0.as_str(), found[0].node.as_str()), ("1", "one"));
    assert_eq!(found[0].unkillable, None);
    let columns: Vec<&str> = SPEC.columns.iter().map(|column| column.name).collect();
    let text = |text: &str| Field::Text(text.into());
    for (name, value) in [
        ("client_address", text("10.0.0.1:40001")),
        ("user", text("app")),
        ("database", text("shop")),
        ("command", text("query")),
        ("running_seconds", Field::Integer(60)),
        ("active", Field::Bool(true)),
        ("namespace", text("shop.orders")),
        ("plan_summary", text("COLLSCAN")),
        ("server_address", text("192.168.0.20:8635")),
        ("connection", text("conn1")),
    ] {
        assert!(columns.contains(&name));
        assert_eq!(found[0].fields.get(name), Some(&value), "{name}");
    }
    assert_eq!(found[0].fields.iter().len(), columns.len());
}

#[tokio::test]
async fn what_an_older_kernel_leaves_out_is_told_as_far_as_it_can_be() {
    let (bench, _) = bench(0);
    let cases = [
        (r#""namespace":"shop.orders.2024""#, "database", Some(Field::Text("shop".into()))),
        (r#""namespace":"shop""#, "database", None),
        (r#""namespace":"a.b","db":"""#, "database", Some(Field::Text("a".into()))),
        (r#""namespace":"","db":"""#, "database", Some(Field::Text("".into()))),
        (r#""user":"""#, "user", Some(Field::Text("".into()))),
        (r#""namespace":"a.b","db":"c""#, "database", Some(Field::Text("c".into()))),
        (r#""user":null"#, "user", None),
        (r#""cost_time":"1999999""#, "running_seconds", Some(Field::Integer(1))),
        (r#""cost_time":2000000"#, "running_seconds", Some(Field::Integer(2))),
        (r#""cost_time":"""#, "running_seconds", None),
    ];
    let sessions = bench.sessions(&[("node_id", "one")]);
    for (fields, name, value) in cases {
        bench.can(200, &format!(r#"{{"total_count":1,"sessions":[{{"id":"1",{fields}}}]}}"#));
        let page = sessions.list(&node("one"), None, None).await.unwrap();
        assert_eq!(page.sessions[0].fields.get(name), value.as_ref(), "{fields}");
    }
}

#[tokio::test]
async fn a_session_that_does_nothing_is_shown_and_cannot_be_ended() {
    let (bench, memory) = bench(1);
    let idle = LiveClient { id: "2".into(), command: String::new(), ..client(2) };
    memory.lock().unwrap().connect("one", idle);
    let sessions = bench.sessions(&[("node_id", "one")]);
    let found = all_pages(&*sessions, &node("one")).await;
    assert_eq!(found[1].fields.get("active"), Some(&Field::Bool(false)));
    assert!(found[1].unkillable.is_some_and(|why| why.contains("does nothing")));
    let (node, ids) = (node("one"), ids(&found));
    let batch = Batch { node: Some(&node), which: Which::These(&ids) };
    let error = sessions.terminate(batch).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (Kind::Ambiguous, Some("DBS.301077")));
    assert!(memory.lock().unwrap().killed().is_empty());
}

#[tokio::test]
async fn sessions_without_an_id_are_told_apart() {
    let (bench, _) = bench(0);
    bench.can(
        200,
        r#"{"total_count":2,"sessions":[
            {"id":"","active":false,"description":"conn7"},
            {"active":true,"client":"10.0.0.1:40001"}]}"#,
    );
    let sessions = bench.sessions(&[("node_id", "one")]);
    let page = sessions.list(&node("one"), None, None).await.unwrap();
    assert_eq!(ids(&page.sessions), ["#conn7", "#10.0.0.1:40001"].map(|id| SessionId(id.into())));
    assert!(page.sessions.iter().all(|session| session.unkillable.is_some()));
}

#[tokio::test]
async fn what_is_not_a_list_is_malformed() {
    let (bench, _) = bench(0);
    let sessions = bench.sessions(&[("node_id", "one")]);
    for body in [
        "",
        "[]",
        "<html>",
        r#"{"total_count":1,"sessions":["#,
        r#"{"total_count":"many"}"#,
        r#"{"total_count":3,"sessions":{}}"#,
        r#"{"total_count":3,"sessions":[]}"#,
        r#"{"sessions":[{"cost_time":"long"}]}"#,
        r#"{"sessions":[{"user":["backup"]}]}"#,
        r#"{"sessions":[{"id":["1"]}]}"#,
        "{}",
        r#"{"total_count":3}"#,
        r#"{"sessions":null}"#,
        r#"{"error_code":"DBS.999999","error_msg":"query failed","sessions":[]}"#,
    ] {
        bench.can(200, body);
        let error = sessions.list(&node("one"), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
}
