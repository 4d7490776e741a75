//! Ways to log in.

use super::*;

#[tokio::test]
async fn a_role_is_assumed_with_the_key_at_hand_and_the_right_parameters() {
    let block = given(&[
        ("role_arn", "acs:ram::1:role/r"),
        ("policy", r#"{"a": 1}"#),
        ("external_id", "x y"),
    ]);
    let block = with(block, "session_expiration", Value::Integer(900));
    let given = with(keys(), "assume_role", Value::Object(block));
    let world = World::default().answer(200, sts_answer("role", 900));
    let (key, world) = key_of(&given, world).await;
    assert_eq!(key, "role");
    assert_eq!(
        world.lines(),
        [
            "POST https://sts.aliyuncs.com/?DurationSeconds=900&ExternalId=x%20y&Policy=%7B%22a%22%3A%201%7D\
          &RoleArn=acs%3Aram%3A%3A1%3Arole%2Fr&RoleSessionName=terraform"
        ]
    );
    let request = world.request(0);
    assert_eq!(request.headers()["x-acs-action"], "AssumeRole");
    assert_eq!(request.headers()["x-acs-version"], "2015-04-01");
    assert_eq!(signed_by(&request, world.now()).access_key, "ak");
}

#[tokio::test]
async fn an_assume_role_block_takes_the_place_of_the_role_of_a_profile_but_not_of_a_chain() {
    let block = Value::Object(given(&[("role_arn", "acs:block")]));
    let given = with(given(&[("profile", "p")]), "assume_role", block);
    for (mode, expected) in
        [("RamRoleArn", &["block"][..]), ("ChainableRamRoleArn", &["profile", "block"])]
    {
        let world = World::default().profiles(json!([
            {"name": "p", "mode": mode, "access_key_id": "ak", "access_key_secret": "sk",
             "source_profile": "base", "ram_role_arn": "acs:profile"},
            {"name": "base", "mode": "AK", "access_key_id": "ak", "access_key_secret": "sk"},
        ]));
        let world =
            expected.iter().fold(world, |world, _| world.answer(200, sts_answer("r", 3600)));
        let (_, world) = key_of(&given, world).await;
        let lines = world.lines();
        assert_eq!(lines.len(), expected.len(), "{mode}");
        for (line, role) in lines.iter().zip(expected) {
            assert!(line.contains(&format!("RoleArn=acs%3A{role}&")), "{mode}: {line}");
        }
    }
}

#[tokio::test]
async fn the_role_of_a_profile_is_assumed_with_a_key_from_elsewhere_too() {
    let role = |mode: &str| {
        json!([{"name": "p", "mode": mode, "access_key_id": "other", "access_key_secret": "sk",
                "ram_role_name": "machine", "ram_role_arn": "acs:profile"}])
    };
    for (mode, expected) in
        [("RamRoleArn", "role"), ("RamRoleArnWithRoleName", "role"), ("AK", "environment")]
    {
        let world = World::default()
            .variable("ALICLOUD_ACCESS_KEY", "environment")
            .variable("ALICLOUD_SECRET_KEY", "secret of environment")
            .variable("ALICLOUD_PROFILE", "p")
            .variable("ALICLOUD_REGION", "cn-hangzhou")
            .profiles(role(mode));
        let world = if mode == "AK" { world } else { world.answer(200, sts_answer("role", 3600)) };
        let (key, world) = key_of(&Given::default(), world).await;
        assert_eq!(key, expected, "{mode}");
        if mode != "AK" {
            assert!(world.lines()[0].contains("RoleArn=acs%3Aprofile&"), "{mode}");
            let authorization = world.request(0).headers()["authorization"].clone();
            assert!(authorization.to_str().unwrap().contains("Credential=environment,"));
        }
    }
}

#[tokio::test]
async fn an_oidc_token_is_sent_in_the_body_of_an_unsigned_call() {
    // What ACK sets in a pod, and nothing else.
    let world = World::default()
        .variable("ALIBABA_CLOUD_ROLE_ARN", "acs:ram::1:role/r")
        .variable("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/p")
        .variable("ALIBABA_CLOUD_OIDC_TOKEN_FILE", "/token")
        .file("/token", "jwt-1\n")
        .answer(200, sts_answer("role", 3600));
    let (key, world) = key_of(&Given::default(), world).await;
    assert_eq!(key, "role");
    let request = world.request(0);
    assert!(request.headers().get("authorization").is_none());
    assert!(!request.uri().to_string().contains("jwt"));
    assert_eq!(
        request.uri().query().unwrap(),
        "Action=AssumeRoleWithOIDC&Format=JSON&SignatureNonce=00000000000000000000000000000000\
         &Timestamp=2026-03-01T12%3A00%3A00Z&Version=2015-04-01"
    );
    let body = String::from_utf8(request.body().to_vec()).unwrap();
    assert!(
        body.contains("OIDCToken=jwt-1&") && body.contains("RoleSessionName=terraform"),
        "{body}"
    );
}

#[tokio::test]
async fn metadata_is_asked_in_hardened_mode_first() {
    let role = given(&[("ecs_role_name", "my-role")]);
    let hardened = World::default().answer(200, "token-1").answer(200, flat_answer("ecs", 3600));
    let (_, world) = key_of(&role, hardened).await;
    let base = "http://100.100.100.200/latest";
    let get = format!("GET {base}/meta-data/ram/security-credentials/my-role");
    assert_eq!(world.lines(), [format!("PUT {base}/api/token"), get.clone()]);
    assert_eq!(world.request(0).headers()["x-aliyun-ecs-metadata-token-ttl-seconds"], "21600");
    assert_eq!(world.request(1).headers()["x-aliyun-ecs-metadata-token"], "token-1");
    assert!(!format!("{:?}", world.request(1)).contains("token-1"));

    let plain = World::default().answer(404, "").answer(200, flat_answer("ecs", 3600));
    let (_, world) = key_of(&role, plain).await;
    assert_eq!(world.lines()[1], get);
    assert!(world.request(1).headers().get("x-aliyun-ecs-metadata-token").is_none());

    let strict = World::default().variable("ALIBABA_CLOUD_IMDSV1_DISABLED", "true").answer(404, "");
    let (world, outside) = strict.outside();
    let error = signer(&role, &outside).request(&call(), Renew::IfNeeded).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert_eq!(world.lines().len(), 1);

    let (_, outside) = World::default().silence().silence().outside();
    let error = signer(&role, &outside).request(&call(), Renew::IfNeeded).await.unwrap_err();
    assert_eq!(error.kind, Kind::Credentials);
    assert!(error.message.contains("`ecs_role_name`"), "{error}");
}
