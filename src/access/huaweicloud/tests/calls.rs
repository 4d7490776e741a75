//! Calls as they are signed, and keys that are refused.

use super::*;

#[tokio::test]
async fn a_call_is_signed_for_its_project() {
    let world = Arc::new(World::new([ok()]));
    let answer = client(&world, &key_in_project()).call(call()).await.unwrap();
    assert_eq!(answer.request_id.as_deref(), Some("r"));
    let request = &world.requests()[0];
    let url = "https://dcs.cn-north-4.myhuaweicloud.com/v2/p1/instances/i%201/clients?limit=10";
    assert_eq!(request.uri(), url);
    assert_eq!(header(request, "x-project-id"), "p1");
    assert_eq!(header(request, "x-language"), "en-us");
    assert_eq!(header(request, "content-type"), "");
    assert!(is_signed(&world, request, "AK", "SK"));
}

#[tokio::test]
async fn a_delete_with_a_body_says_that_it_is_json() {
    let world = Arc::new(World::new([ok()]));
    let call = Call::new("Close", "geminidb", Method::DELETE, "/v3/{project_id}/redis/sessions")
        .body(json!({"is_all": true}));
    client(&world, &key_in_project()).call(call).await.unwrap();
    let request = &world.requests()[0];
    assert_eq!(request.uri().host(), Some("gaussdb-nosql.cn-north-4.myhuaweicloud.com"));
    assert_eq!(header(request, "content-type"), "application/json");
    assert_eq!(request.body(), r#"{"is_all":true}"#);
    assert!(header(request, "authorization").contains("content-type;host;"));
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_refused() {
    for id in ["", "..", "."] {
        let world = Arc::new(World::new([]));
        let path = format!("/v3/{{project_id}}/nodes/{id}/sessions");
        let call = Call::new("List", "dds", Method::GET, path);
        let error = client(&world, &key_in_project()).call(call).await.unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
    }
}

#[tokio::test]
async fn the_project_is_looked_up_once_per_region() {
    let world = Arc::new(World::new([projects(&["p7"]), ok(), ok(), projects(&["p8"]), ok()]));
    let account = Account::new(&key(), world.outside()).unwrap();
    let home = Client::new(account.signer(None).unwrap(), world.outside());
    home.call(call()).await.unwrap();
    home.call(call()).await.unwrap();
    let other = account.signer(Some("ap-southeast-3")).unwrap();
    Client::new(other, world.outside()).call(call()).await.unwrap();
    assert_eq!(
        world.lines(),
        [
            "GET https://iam.cn-north-4.myhuaweicloud.com/v3/projects?name=cn-north-4",
            "GET https://dcs.cn-north-4.myhuaweicloud.com/v2/p7/instances/i%201/clients?limit=10",
            "GET https://dcs.cn-north-4.myhuaweicloud.com/v2/p7/instances/i%201/clients?limit=10",
            "GET https://iam.cn-north-4.myhuaweicloud.com/v3/projects?name=ap-southeast-3",
            "GET https://dcs.ap-southeast-3.myhuaweicloud.com/v2/p8/instances/i%201/clients?limit=10",
        ]
    );
}

#[test]
fn a_project_without_a_region_is_that_of_one_region() {
    let world = Arc::new(World::new([]));
    let settings = Settings { region: None, ..key_in_project() };
    let account = Account::new(&settings, world.outside()).unwrap();
    for region in ["cn-east-3", "cn-east-3"] {
        assert!(account.signer(Some(region)).is_ok());
    }
    let error = account.signer(Some("cn-north-4")).err().unwrap();
    assert_eq!(error.kind, Kind::Configuration);
    for word in ["cn-east-3", "cn-north-4", "`region`"] {
        assert!(error.message.contains(word), "{error}");
    }
    // With a region it is that one's, and others are looked up.
    let account = Account::new(&key_in_project(), world.outside()).unwrap();
    assert!(account.signer(None).is_ok() && account.signer(Some("cn-east-3")).is_ok());
}

#[tokio::test]
async fn no_project_and_several_projects_are_worded_apart_and_asked_once() {
    for (ids, words) in [(&[][..], "no project `sub`"), (&["a", "b"], "2 projects `sub`")] {
        let world = Arc::new(World::new([projects(ids)]));
        let client = client(&world, &Settings { project_name: some("sub"), ..key() });
        for _ in 0..2 {
            let error = client.call(call()).await.unwrap_err();
            assert_eq!(error.kind, Kind::Configuration);
            assert!(error.message.contains(words), "{}", error.message);
            assert!(error.message.contains("HW_PROJECT_ID"), "{}", error.message);
        }
        assert_eq!(world.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_refused_key_is_asked_once() {
    let world = Arc::new(World::new([refused(401, "APIGW.0301", "verify aksk signature fail")]));
    let client = client(&world, &key());
    for _ in 0..3 {
        let error = client.call(call()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (Kind::Credentials, Some("APIGW.0301")));
        assert_eq!(error.operation, "KeystoneListProjects");
        assert!(error.request.unwrap().ends_with("/v3/projects"));
    }
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn ten_calls_at_once_show_a_wrong_key_once() {
    // No project is looked up first, so nothing else makes them wait for each other.
    let world = Arc::new(World::new([refused(401, "APIGW.0301", "verify aksk signature fail")]));
    let account = Account::new(&key_in_project(), world.outside()).unwrap();
    let calls = (0..10).map(|_| {
        let client = Client::new(account.signer(None).unwrap(), world.outside());
        async move { client.call(call()).await }
    });
    for outcome in futures_util::future::join_all(calls).await {
        assert_eq!(outcome.unwrap_err().kind, Kind::Credentials);
    }
    assert_eq!(world.requests().len(), 1);
}

#[tokio::test]
async fn calls_go_side_by_side_once_one_was_accepted() {
    let world = Arc::new(World::new((0..11).map(|_| ok())));
    let client = client(&world, &key_in_project());
    client.call(call()).await.unwrap();
    world.requests();
    let calls: Vec<_> = (0..10).map(|_| client.call(call())).collect();
    let mut calls = std::pin::pin!(futures_util::future::join_all(calls));
    // Before any answer is here, all are asked.
    let mut most = 0;
    while futures_util::poll!(&mut calls).is_pending() {
        most = most.max(world.requests().len());
        tokio::task::yield_now().await;
    }
    assert_eq!(most, 10);
}

#[tokio::test]
async fn what_is_called_expired_after_a_renewal_is_not_shown_again() {
    let expired = || refused(401, "APIGW.0307", "The token must be updated.");
    let world = Arc::new(World::new([token("T1"), expired(), token("T2"), expired()]));
    let client = client(&world, &password());
    for _ in 0..3 {
        let error = client.call(call()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (Kind::Credentials, Some("APIGW.0307")));
    }
    assert_eq!(world.requests().len(), 4);
}

#[tokio::test]
async fn what_is_called_expired_is_not_shown_again_while_it_cannot_be_renewed() {
    let expired = refused(401, "APIGW.0307", "The token must be updated.");
    let world = Arc::new(World::new([token("T1"), expired, nobody(), token("T2"), ok()]));
    let client = client(&world, &password());
    assert_eq!(client.call(call()).await.unwrap_err().kind, Kind::NotSent);
    client.call(call()).await.unwrap();
    assert_eq!(header(&world.requests()[4], "x-auth-token"), "T2");
}

#[tokio::test]
async fn a_key_that_is_refused_in_one_place_is_not_shown_in_another() {
    let bad = || refused(401, "APIGW.0301", "verify aksk signature fail");
    // Refused by IAM, by the service, and when a token was to be renewed.
    let expired = refused(401, "APIGW.0307", "The token must be updated.");
    for (settings, replies, requests) in [
        (key(), vec![bad()], 1),
        (key_in_project(), vec![bad()], 1),
        (password(), vec![token("T"), expired, refused(401, "IAM.0101", "wrong password")], 3),
    ] {
        let world = Arc::new(World::new(replies));
        let account = Account::new(&settings, world.outside()).unwrap();
        for _ in 0..3 {
            let other = (!account.resolved.ends_in_token()).then_some("cn-east-3");
            for region in [None, other] {
                let client = Client::new(account.signer(region).unwrap(), world.outside());
                assert_eq!(client.call(call()).await.unwrap_err().kind, Kind::Credentials);
            }
        }
        assert_eq!(world.requests().len(), requests);
    }

    // What only the service says is for the engine to judge.
    let world = Arc::new(World::new([refused(401, "DCS.1004", "m"), ok()]));
    let client = client(&world, &key_in_project());
    assert_eq!(client.call(call()).await.unwrap_err().kind, Kind::Credentials);
    client.call(call()).await.unwrap();
}

#[tokio::test]
async fn a_failure_that_may_pass_is_asked_again() {
    for failure in [nobody(), refused(503, "APIGW.0613", "m"), refused(429, "APIGW.0308", "m")] {
        let world = Arc::new(World::new([failure, projects(&["p"]), ok()]));
        let client = client(&world, &key());
        assert!(client.call(call()).await.unwrap_err().kind.is_transient());
        client.call(call()).await.unwrap();
    }
}
