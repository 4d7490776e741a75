//! What arguments, variables and files come to.

use super::*;

#[tokio::test]
async fn a_call_is_signed_for_its_host_with_a_nonce_of_its_own() {
    let (world, outside) = World::default().outside();
    let signer = signer(&with(keys(), "region", Value::Text("eu-central-1".into())), &outside);
    assert_eq!(signer.region(), "eu-central-1");
    let first = signer.request(&call(), Renew::IfNeeded).await.unwrap();
    let second = signer.request(&call(), Renew::IfNeeded).await.unwrap();
    assert_eq!(
        first.uri().to_string(),
        "https://ecs.eu-central-1.aliyuncs.com/?RegionId=cn-hangzhou&SessionId=s%201"
    );
    assert_eq!(first.headers()["x-acs-action"], "EndTerminalSession");
    assert_eq!(first.headers()["x-acs-version"], "2014-05-26");
    assert_eq!(first.headers()["host"], "ecs.eu-central-1.aliyuncs.com");
    let nonces = [&first, &second].map(|request| signed_by(request, world.now()).nonce);
    assert_ne!(nonces[0], nonces[1]);
    assert!(world.lines().is_empty());
}

#[tokio::test]
async fn a_custom_endpoint_is_used_for_its_product_only() {
    let map = BTreeMap::from([("ecs".to_owned(), "http://127.0.0.1:8080".to_owned())]);
    let (_, outside) = World::default().variable("DAS_ENDPOINT", "das.example.com").outside();
    let signer = signer(&with(keys(), "endpoints", Value::Map(map)), &outside);
    let request = signer.request(&call(), Renew::IfNeeded).await.unwrap();
    assert!(request.uri().to_string().starts_with("http://127.0.0.1:8080/?"));
    assert_eq!(request.headers()["host"], "127.0.0.1:8080");
    let das = Call::new("GetRedisAllSession", "das", Method::POST, "/");
    let request = signer.request(&das, Renew::IfNeeded).await.unwrap();
    assert_eq!(request.uri().to_string(), "https://das.example.com/");
}

#[tokio::test]
async fn the_first_way_to_log_in_counts() {
    let world = || {
        World::default()
            .profiles(json!([{"name": "p", "mode": "AK", "access_key_id": "profile",
                              "access_key_secret": "secret of profile", "region_id": "cn-x"}]))
            .file("/token", "jwt")
    };
    let oidc = given(&[
        ("oidc_provider_arn", "acs:ram::1:oidc-provider/p"),
        ("role_arn", "acs:ram::1:role/r"),
        ("oidc_token_file", "/token"),
    ]);
    let uri = ("credentials_uri", "http://127.0.0.1:9/k");
    let all = with(
        given(&[
            ("access_key", "argument"),
            ("secret_key", "secret of argument"),
            ("profile", "p"),
            uri,
            ("ecs_role_name", "role"),
        ]),
        "assume_role_with_oidc",
        Value::Object(oidc),
    );
    let without = |names: &[&str]| {
        let mut some = all.clone();
        some.0.retain(|name, _| !names.contains(&name.as_str()));
        some
    };
    let key = ["access_key", "secret_key"];
    assert_eq!(key_of(&all, world()).await.0, "argument");
    let environment = world()
        .variable("ALIBABA_CLOUD_ACCESS_KEY_ID", "variable")
        .variable("ALIBABACLOUD_ACCESS_KEY_SECRET", "secret of variable");
    assert_eq!(key_of(&without(&key), environment).await.0, "variable");
    assert_eq!(key_of(&without(&key), world()).await.0, "profile");
    let later = without(&["access_key", "secret_key", "profile"]);
    let (key, seen) = key_of(&later, world().answer(200, flat_answer("uri", 3600))).await;
    assert_eq!((key.as_str(), seen.lines()), ("uri", vec!["GET http://127.0.0.1:9/k".to_owned()]));
    let later = without(&["access_key", "secret_key", "profile", "credentials_uri"]);
    let ecs = world().answer(200, "t").answer(200, flat_answer("ecs", 3600));
    assert_eq!(key_of(&later, ecs).await.0, "ecs");
    let later =
        without(&["access_key", "secret_key", "profile", "credentials_uri", "ecs_role_name"]);
    let opened = world().answer(200, sts_answer("oidc", 3600));
    assert_eq!(key_of(&later, opened).await.0, "oidc");
    let error = refused(&Given::default(), world());
    assert_eq!(error.kind, Kind::Configuration);
    for name in ["`access_key`", "ALICLOUD_ACCESS_KEY", "ALICLOUD_PROFILE", "`ecs_role_name`"] {
        assert!(error.message.contains(name), "{error}");
    }
}

#[test]
fn variables_count_in_the_order_of_the_vendors_provider() {
    for (attribute, names) in [
        ("region", &["ALICLOUD_REGION", "ALIBABA_CLOUD_REGION"][..]),
        (
            "access_key",
            &["ALICLOUD_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_ID"],
        ),
        ("ecs_role_name", &["ALICLOUD_ECS_ROLE_NAME", "ALIBABA_CLOUD_ECS_METADATA"]),
    ] {
        for first in 0..names.len() {
            let mut world = World::default().variable("ALICLOUD_SECRET_KEY", "s");
            for name in &names[first..] {
                world = world.variable(name, &name.to_lowercase().replace('_', "-"));
            }
            let expected = names[first].to_lowercase().replace('_', "-");
            let rest = [("secret_key", "s"), ("access_key", "a")];
            let rest = given(&rest[..if attribute == "access_key" { 1 } else { 2 }]);
            let filled = Filled::new(&Settings::new(&rest).unwrap(), &world).unwrap();
            let found = match attribute {
                "region" => filled.region,
                "access_key" => filled.key.map(|key| key.access_key),
                _ => filled.ecs_role_name,
            };
            assert_eq!(found, Some(expected), "{attribute}");
        }
    }
}

#[test]
fn the_region_is_the_arguments_then_the_profiles_then_the_vendors() {
    let world = |region: &str| {
        World::default().profiles(json!([{"name": "p", "mode": "AK", "access_key_id": "a",
            "access_key_secret": "s", "region_id": region}]))
    };
    let region = |given: &Given, world: World| decided(given, &world).unwrap().region;
    let profile = given(&[("profile", "p")]);
    let both = with(profile.clone(), "region", Value::Text("cn-a".to_owned()));
    assert_eq!(region(&both, world("cn-b")), "cn-a");
    assert_eq!(region(&profile, world("cn-b").variable("ALICLOUD_REGION", "cn-c")), "cn-c");
    assert_eq!(region(&profile, world("cn-b")), "cn-b");
    assert_eq!(region(&profile, world("")), "cn-beijing");
    assert_eq!(region(&keys(), World::default()), "cn-beijing");
}

#[test]
fn what_cannot_work_is_said_with_the_argument_and_the_variable_that_mend_it() {
    let block =
        |name: &str, texts: &[(&str, &str)]| with(keys(), name, Value::Object(given(texts)));
    let arn = ("role_arn", "acs:ram::1:role/r");
    for (given, world, words) in [
        (given(&[("access_key", "a")]), World::default(), ["`secret_key`", "ALICLOUD_SECRET_KEY"]),
        (given(&[("secret_key", "a")]), World::default(), ["`access_key`", "ALICLOUD_ACCESS_KEY"]),
        (
            given(&[("profile", "p")]),
            World::default(),
            ["config.json", "ALICLOUD_SHARED_CREDENTIALS_FILE"],
        ),
        (
            given(&[("profile", "p")]),
            World::default().profiles(json!([])),
            ["profile `p`", "ALICLOUD_PROFILE"],
        ),
        (block("assume_role", &[]), World::default(), ["`role_arn`", "ALICLOUD_ASSUME_ROLE_ARN"]),
        (
            block("assume_role", &[arn, ("session_expiration", "10")]),
            World::default(),
            ["session_expiration", "900"],
        ),
        (
            block("assume_role_with_oidc", &[arn]),
            World::default(),
            ["`oidc_provider_arn`", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN"],
        ),
        (
            given(&[("credentials_uri", "http://example.com/")]),
            World::default(),
            ["`credentials_uri`", "https"],
        ),
        (
            with(keys(), "endpoints", Value::Map([("dds".to_owned(), "x".to_owned())].into())),
            World::default(),
            ["`dds`", "`ecs`"],
        ),
        (with(keys(), "region", Value::Text("a/b".into())), World::default(), ["`a/b`", "region"]),
    ] {
        let error = refused(&given, world);
        assert_eq!(error.kind, Kind::Configuration, "{error}");
        for word in words {
            assert!(error.message.contains(word), "{word}: {error}");
        }
    }
}

#[tokio::test]
async fn every_mode_of_a_profile_logs_in_without_a_person() {
    let role = json!({"ram_role_arn": "acs:ram::1:role/r", "ram_session_name": "me"});
    let profile = |mode: &str, more: Json| {
        let mut profile = json!({"name": "p", "mode": mode});
        for extra in [&role, &more] {
            for (name, value) in extra.as_object().unwrap() {
                profile[name] = value.clone();
            }
        }
        json!([profile, {"name": "base", "mode": "StsToken", "access_key_id": "base",
                         "access_key_secret": "secret of base", "sts_token": "t"}])
    };
    let key = |name: &str| json!({"access_key_id": name, "access_key_secret": format!("secret of {name}")});
    let session = |name: &str, end: u64| {
        let mut session = key(name);
        session["sts_token"] = "t".into();
        let start = start().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        session["sts_expiration"] = (start + end).into();
        session
    };
    let role_of = |name: &str| World::default().answer(200, sts_answer(name, 3600));
    let ecs = || {
        World::default().answer(200, "t").answer(200, "roles").answer(200, flat_answer("ecs", 3600))
    };
    let oidc = json!({"oidc_provider_arn": "acs:x", "oidc_token_file": "/token"});
    for (mode, more, world, expected) in [
        ("AK", key("k"), World::default(), "k"),
        ("ak", key("k"), World::default(), "k"),
        ("", key("k"), World::default(), "k"),
        ("StsToken", session("k", 9), World::default(), "k"),
        ("RamRoleArn", key("k"), role_of("role"), "role"),
        ("EcsRamRole", json!({}), ecs(), "ecs"),
        ("RamRoleArnWithRoleName", json!({}), ecs().answer(200, sts_answer("role", 3600)), "role"),
        ("ChainableRamRoleArn", json!({"source_profile": "base"}), role_of("role"), "role"),
        (
            "External",
            json!({"process_command": "get  key --now"}),
            World::default().program("get key --now", key("printed")),
            "printed",
        ),
        (
            "External",
            json!({"process_command": "'get' \"key --now\"", "sts_token": null}),
            World::default().program("get key --now", key("quoted")),
            "quoted",
        ),
        (
            "CredentialsURI",
            json!({"credentials_uri": "https://k.example.com/"}),
            World::default().answer(200, flat_answer("uri", 3600)),
            "uri",
        ),
        ("OIDC", oidc, role_of("role").file("/token", "jwt"), "role"),
        ("CloudSSO", session("k", 600), World::default(), "k"),
        ("OAuth", session("k", 600), World::default(), "k"),
    ] {
        let world = world.profiles(profile(mode, more));
        let (found, world) = key_of(&given(&[("profile", "p")]), world).await;
        assert_eq!(found, expected, "{mode}");
        assert!(world.answers.lock().unwrap().is_empty(), "{mode}");
    }
}

#[tokio::test]
async fn a_profile_that_needs_a_person_says_how_to_log_in() {
    let past = json!({"name": "p", "mode": "CloudSSO", "access_key_id": "k",
        "access_key_secret": "s", "sts_token": "t", "sts_expiration": 1000});
    let world = World::default().profiles(json!([past]));
    let (_, outside) = world.outside();
    let signer = signer(&given(&[("profile", "p")]), &outside);
    let error = signer.request(&call(), Renew::IfNeeded).await.unwrap_err();
    assert_eq!((error.kind, error.operation), (Kind::Credentials, "EndTerminalSession"));
    assert!(error.message.contains("aliyun configure --profile p --mode CloudSSO"), "{error}");

    let never = json!([{"name": "p", "mode": "OAuth"}]);
    let error = refused(&given(&[("profile", "p")]), World::default().profiles(never));
    assert!(error.message.contains("aliyun configure --profile p --mode OAuth"), "{error}");
    for mode in ["RsaKeyPair", "BearerToken", "Anonymous", "x"] {
        let other = json!([{"name": "p", "mode": mode}]);
        let error = refused(&given(&[("profile", "p")]), World::default().profiles(other));
        assert!(error.message.contains(&format!("`{mode}`")), "{error}");
    }
}

#[test]
fn a_chain_of_profiles_that_bites_its_tail_is_an_error() {
    let link = |name: &str, source: &str| {
        json!({"name": name, "mode": "ChainableRamRoleArn", "source_profile": source,
               "ram_role_arn": "acs:r"})
    };
    let world = World::default().profiles(json!([link("a", "b"), link("b", "c"), link("c", "b")]));
    let error = refused(&given(&[("profile", "a")]), world);
    let start = "the profiles `a` → `b` → `c` → `b` name each other";
    assert!(error.message.starts_with(start), "{error}");
}

#[test]
fn a_broken_file_of_profiles_is_not_quoted() {
    let world = World::default()
        .file("/profiles.json", r#"{"profiles": [{"name": "p", "access_key_secret": 12345secret"#);
    let both = given(&[("profile", "p"), ("shared_credentials_file", "/profiles.json")]);
    let error = refused(&both, world);
    assert_eq!(error.kind, Kind::Configuration);
    assert!(!format!("{error:?}").contains("12345"), "{error:?}");
}
