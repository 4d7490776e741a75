//! What arguments, variables and files come to.

use super::*;

#[tokio::test]
async fn custom_addresses_are_used_and_bound_to_the_providers_region() {
    let world = Arc::new(World::new([projects(&["p"]), ok()]));
    let endpoints = [("dcs", "http://127.0.0.1:1/hw"), ("sts", "sts.example.com")];
    let settings = Settings {
        endpoints: endpoints.map(|(key, url)| (key.to_owned(), url.to_owned())).into(),
        auth_url: some("https://iam.example.com/v3"),
        ..key()
    };
    let account = Account::new(&settings, world.outside()).unwrap();
    let home = Client::new(account.signer(None).unwrap(), world.outside());
    home.call(call()).await.unwrap();
    assert_eq!(
        world.lines(),
        [
            "GET https://iam.example.com/v3/projects?name=cn-north-4",
            "GET http://127.0.0.1:1/hw/v2/p/instances/i%201/clients?limit=10",
        ]
    );
    let away = Client::new(account.signer(Some("cn-east-3")).unwrap(), world.outside());
    let error = away.call(call()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert!(error.message.contains("endpoints.dcs"), "{}", error.message);
}

#[test]
fn a_token_cannot_leave_its_region_but_a_key_can() {
    let world = Arc::new(World::new([]));
    let ready = Settings { region: some(REGION), token: secret("T"), ..Settings::default() };
    let nowhere = Settings { region: None, ..ready.clone() };
    for (settings, region, allowed) in [
        (key(), Some("cn-east-3"), true),
        (key(), None, true),
        (Settings { region: None, ..key() }, Some("cn-east-3"), true),
        (Settings { region: None, ..key() }, None, false),
        (ready.clone(), Some("cn-east-3"), false),
        (ready.clone(), Some(REGION), true),
        (ready, None, true),
        (nowhere, Some(REGION), false),
        (password(), Some("cn-east-3"), false),
    ] {
        let account = Account::new(&settings, world.outside()).unwrap();
        let result = account.signer(region);
        assert_eq!(result.is_ok(), allowed, "{settings:?} {region:?}");
        if let Err(error) = result {
            assert_eq!(error.kind, Kind::Configuration);
            assert!(error.message.contains("region"), "{}", error.message);
        }
    }
}

/// Resolves with variables and a profile file.
fn resolved(
    settings: &Settings,
    variables: &[(&'static str, &'static str)],
) -> Result<resolve::Resolved, Error> {
    let mut world = World::new([]);
    world.variables = variables.iter().copied().collect();
    world.files.insert(
        "/home/user/.hcloud/config.json",
        r#"{"current":"work","profiles":[
            {"name":"work","accessKeyId":"PAK","secretAccessKey":"PSK","region":"profile-region"},
            {"name":"role","accessKeyId":"PAK","secretAccessKey":"PSK","agencyName":"g",
             "agencyDomainName":"gd","projectId":"pp"},
            {"name":"token","xAuthToken":"PT"}]}"#,
    );
    world.files.insert("/crypted", r#"{"current":"x","profiles":[{"name":"x"}],"crypter":"AES"}"#);
    resolve::resolve(settings, &world)
}

fn key_source(access_key: &str, secret_key: &str, token: Option<&str>) -> Source {
    Source::Key(Key {
        access_key: access_key.to_owned(),
        secret_key: Secret::new(secret_key),
        security_token: token.map(Secret::new),
    })
}

#[test]
fn the_first_complete_way_to_log_in_is_taken() {
    let none = Settings::default;
    let oidc = AssumeRoleWithOidc {
        idp_id: some("idp"),
        id_token: secret("jwt"),
        ..AssumeRoleWithOidc::default()
    };
    let user = |name: &str, domain: &str| Source::Password {
        user: User::InDomainName(name.to_owned(), domain.to_owned()),
        password: Secret::new("W"),
    };
    type Case<'a> = (Settings, &'a [(&'static str, &'static str)], Source);
    let cases: &[Case<'_>] = &[
        (none(), &[], Source::Metadata),
        (none(), &[("HW_ACCESS_KEY", "A"), ("HW_SECRET_KEY", "S")], key_source("A", "S", None)),
        (none(), &[("OS_ACCESS_KEY", "A"), ("OS_SECRET_KEY", "S")], key_source("A", "S", None)),
        (
            none(),
            &[("HW_ACCESS_KEY", "A"), ("OS_ACCESS_KEY", "B"), ("HW_SECRET_KEY", "S")],
            key_source("A", "S", None),
        ),
        (
            none(),
            &[("HW_ACCESS_KEY", "A"), ("HW_SECRET_KEY", "S"), ("HW_SECURITY_TOKEN", "T")],
            key_source("A", "S", Some("T")),
        ),
        (key(), &[("HW_ACCESS_KEY", "A"), ("HW_SECRET_KEY", "S")], key_source("AK", "SK", None)),
        (key(), &[("HW_AUTH_TOKEN", "T")], Source::Token(Secret::new("T"))),
        (
            Settings { assume_role_with_oidc: Some(oidc), token: secret("T"), ..key() },
            &[],
            Source::Oidc {
                idp_id: "idp".to_owned(),
                id_token: resolve::IdToken::Text(Secret::new("jwt")),
            },
        ),
        (
            none(),
            &[("HW_USER_NAME", "U"), ("HW_USER_PASSWORD", "W"), ("HW_DOMAIN_NAME", "D")],
            user("U", "D"),
        ),
        (
            none(),
            &[("OS_USERNAME", "U"), ("OS_PASSWORD", "W"), ("OS_USER_DOMAIN_NAME", "D")],
            user("U", "D"),
        ),
        (key(), &[("HW_USER_NAME", "U"), ("HW_DOMAIN_NAME", "D")], key_source("AK", "SK", None)),
        (key(), &[("HW_PROFILE", "work")], key_source("PAK", "PSK", None)),
        (
            key(),
            &[("HW_SECURITY_TOKEN", "T"), ("HW_PROFILE", "work")],
            key_source("PAK", "PSK", None),
        ),
        (key(), &[("HW_AUTH_TOKEN", "T"), ("HW_PROFILE", "work")], key_source("PAK", "PSK", None)),
        (key(), &[("HW_PROFILE", "token")], Source::Token(Secret::new("PT"))),
        (
            Settings { shared_config_file: some("~/.hcloud/config.json"), ..none() },
            &[],
            key_source("PAK", "PSK", None),
        ),
    ];
    for (settings, variables, expected) in cases {
        let found = resolved(settings, variables).unwrap();
        assert_eq!(found.source, *expected, "{settings:?} {variables:?}");
    }
}

#[test]
fn a_profile_replaces_what_it_has_and_keeps_the_rest() {
    let given = Settings { project_id: some("p"), ..key() };
    let found = resolved(&given, &[("HW_PROFILE", "work")]).unwrap();
    assert_eq!(found.region.as_deref(), Some("profile-region"));
    assert_eq!(found.project_id.as_deref(), Some("p"));
    let found = resolved(&given, &[("HW_PROFILE", "role")]).unwrap();
    assert_eq!(found.region.as_deref(), Some(REGION));
    assert_eq!(found.project_id.as_deref(), Some("pp"));
    let role = Role { agency: "g".to_owned(), owner: Owner::Name("gd".to_owned()), seconds: 3600 };
    assert_eq!(found.roles, [role]);
}

#[test]
fn roles_come_from_blocks_or_from_variables_alone() {
    let role =
        |agency: &str, owner: Owner, seconds| Role { agency: agency.to_owned(), owner, seconds };
    let by_variables = resolved(
        &key(),
        &[
            ("HW_ASSUME_ROLE_AGENCY_NAME", "g"),
            ("HW_ASSUME_ROLE_DOMAIN_ID", "d"),
            ("HW_ASSUME_ROLE_DURATION", "1800"),
        ],
    );
    assert_eq!(by_variables.unwrap().roles, [role("g", Owner::Id("d".to_owned()), 1800)]);

    let block =
        AssumeRole { agency_name: some("b"), domain_name: some("n"), ..AssumeRole::default() };
    let given = Settings { assume_role: vec![block], ..key() };
    let found = resolved(&given, &[("HW_ASSUME_ROLE_DOMAIN_ID", "d")]).unwrap();
    assert_eq!(found.roles, [role("b", Owner::Name("n".to_owned()), 3600)]);

    let legacy = resolved(
        &key(),
        &[
            ("OS_AGENCY_NAME", "g"),
            ("OS_AGENCY_DOMAIN_NAME", "gd"),
            ("OS_DELEGATED_PROJECT", "theirs"),
        ],
    )
    .unwrap();
    assert_eq!(legacy.roles, [role("g", Owner::Name("gd".to_owned()), 3600)]);
    assert_eq!(legacy.project_name.as_deref(), Some("theirs"));
}

#[test]
fn settings_that_do_not_go_together_are_refused_with_what_mends_them() {
    let none = Settings::default;
    let with_oidc = |oidc: AssumeRoleWithOidc| Settings {
        assume_role_with_oidc: Some(oidc),
        ..Settings::default()
    };
    let with_role = |role: AssumeRole| Settings { assume_role: vec![role], ..key() };
    type Case<'a> = (Settings, &'a [(&'static str, &'static str)], &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (none(), &[("HW_ACCESS_KEY", "hush")], &["`secret_key`", "HW_SECRET_KEY"]),
        (none(), &[("HW_SECRET_KEY", "hush")], &["`access_key`", "HW_ACCESS_KEY"]),
        (none(), &[("HW_USER_PASSWORD", "hush")], &["`user_name`", "HW_USER_NAME"]),
        (
            none(),
            &[("HW_USER_NAME", "u"), ("HW_USER_PASSWORD", "hush")],
            &["`domain_name`", "HW_DOMAIN_NAME"],
        ),
        (none(), &[("HW_USER_ID", "u")], &["`password`", "HW_USER_PASSWORD"]),
        (none(), &[("HW_PROFILE", "none")], &["no profile `none`", "`work`"]),
        (
            none(),
            &[("HW_SHARED_CONFIG_FILE", "/missing")],
            &["`/missing`", "cannot be read", "HW_SHARED_CONFIG_FILE"],
        ),
        (none(), &[("HW_SHARED_CONFIG_FILE", "/crypted")], &["--cli-auth-encrypt=false"]),
        (with_oidc(AssumeRoleWithOidc::default()), &[], &["`idp_id`", "HW_ASSUME_ROLE_IDP_ID"]),
        (none(), &[("HW_ASSUME_ROLE_IDP_ID", "i")], &["`id_token`", "`id_token_file`"]),
        (
            with_oidc(AssumeRoleWithOidc {
                idp_id: some("i"),
                id_token: secret("hush"),
                id_token_file: some("f"),
                ..AssumeRoleWithOidc::default()
            }),
            &[],
            &["exactly one"],
        ),
        (with_role(AssumeRole::default()), &[], &["`agency_name`", "HW_ASSUME_ROLE_AGENCY_NAME"]),
        (
            with_role(AssumeRole { agency_name: some("g"), ..AssumeRole::default() }),
            &[],
            &["`domain_id`", "HW_ASSUME_ROLE_DOMAIN_NAME"],
        ),
        (
            with_role(AssumeRole {
                agency_name: some("g"),
                domain_id: some("d"),
                duration: Some(60),
                ..AssumeRole::default()
            }),
            &[],
            &["900"],
        ),
        (key(), &[("HW_INSECURE", "perhaps")], &["HW_INSECURE", "`true`"]),
        (key(), &[("OS_CERT", "/cert")], &["`key`", "OS_KEY"]),
        (key(), &[("OS_CACERT", "/missing")], &["`cacert_file`"]),
        (key(), &[("OS_CACERT", "-----BEGIN nothing")], &["`cacert_file`", "no certificate"]),
        (
            key(),
            &[("OS_CERT", "-----BEGIN nothing"), ("OS_KEY", "-----BEGIN nothing")],
            &["`cert` and `key`", "cannot be read"],
        ),
        (key(), &[("OS_AGENCY_NAME", "g")], &["`agency_domain_name`", "OS_AGENCY_DOMAIN_NAME"]),
        (key(), &[("HW_AUTH_URL", "http://iam.example.com")], &["`auth_url`", "https://"]),
    ];
    for (settings, variables, words) in cases {
        let error = resolved(settings, variables).unwrap_err();
        assert_eq!(error.kind, Kind::Configuration);
        for word in *words {
            assert!(error.message.contains(word), "{word}: {}", error.message);
        }
        assert!(!error.message.contains("hush"), "{}", error.message);
    }
}

#[test]
fn both_kinds_of_policy_are_printed_each_with_its_own_names() {
    use crate::access::{Action, Platform};
    let actions = [
        Action::only_formerly("dcs:instance:get"),
        Action::formerly("dds:instance:listSession", "dds:instance:session"),
        Action::formerly("dds:instance:deleteSession", "dds:instance:session"),
        Action::of("dcs:job:get"),
    ];
    let text = HuaweiCloud.policies(&actions);
    let blocks = text.split("```json").skip(1).map(|rest| rest.split("```").next().unwrap());
    let policies: Vec<serde_json::Value> =
        blocks.map(|block| serde_json::from_str(block).unwrap()).collect();
    let policy = |version: &str, actions: &[&str]| json!({"Version": version, "Statement": [{"Effect": "Allow", "Action": actions}]});
    let present = ["dds:instance:listSession", "dds:instance:deleteSession", "dcs:job:get"];
    let older = ["dcs:instance:get", "dds:instance:session", "dcs:job:get"];
    assert_eq!(policies, [policy("5.0", &present), policy("1.1", &older)]);
    assert!(text.contains("iam:projects:listProjects"), "{text}");
}

#[tokio::test]
async fn other_trust_goes_with_every_request() {
    let world = Arc::new(World::new([projects(&["p"]), ok()]));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let settings = Settings { insecure: Some(true), cacert_file: some(&pem), ..key() };
    client(&world, &settings).call(call()).await.unwrap();
    for request in world.requests() {
        let trust = request.extensions().get::<Arc<crate::wire::https::Trust>>().unwrap();
        assert!(trust.insecure);
        assert_eq!(trust.ca_pem.as_deref(), Some(pem.as_bytes()));
    }
}

#[tokio::test]
async fn nothing_that_holds_a_secret_prints_it() {
    let world = Arc::new(World::new([temporary("A"), projects(&["p"]), ok()]));
    let role =
        AssumeRole { agency_name: some("g"), domain_name: some("d"), ..AssumeRole::default() };
    let settings = Settings {
        security_token: secret("SECRET-1"),
        secret_key: secret("SECRET-2"),
        password: secret("SECRET-3"),
        token: None,
        key: None,
        assume_role: vec![role],
        ..key()
    };
    let account = Account::new(&settings, world.outside()).unwrap();
    let client = Client::new(account.signer(None).unwrap(), world.outside());
    client.call(call()).await.unwrap();
    let printed = format!("{settings:?} {account:?} {client:?} {:?}", account.resolved);
    assert!(printed.contains("AK"));
    for hidden in ["SECRET", "TSK", "\"ST\""] {
        assert!(!printed.contains(hidden), "{hidden} in {printed}");
    }
    for request in world.requests() {
        let printed = format!("{:?}", request.headers());
        assert!(!printed.contains("SECRET") && !printed.contains("Signature"), "{printed}");
    }
}

#[test]
fn every_attribute_is_read_and_every_secret_is_marked() {
    use crate::access::settings::{Given, Shape, Value};
    let given = Given(
        ATTRIBUTES
            .iter()
            .map(|setting| {
                let value = match setting.shape {
                    Shape::Text => Value::Text(format!("<{}>", setting.name)),
                    Shape::Bool => Value::Bool(true),
                    Shape::Integer => Value::Integer(1),
                    Shape::Texts | Shape::Labels => panic!("Huawei Cloud has none such"),
                    Shape::Map(keys) => {
                        Value::Map([(keys[0].to_owned(), "<map>".to_owned())].into())
                    }
                    Shape::Object(_) | Shape::Objects(_) => Value::Object(Given::default()),
                };
                (setting.name.to_owned(), value)
            })
            .collect(),
    );
    let settings = Settings::new(&given).unwrap();
    let printed = format!("{settings:?}");
    for setting in ATTRIBUTES {
        let shown = printed.contains(&format!("<{}>", setting.name));
        let text = matches!(setting.shape, Shape::Text);
        assert_eq!(shown, text && !setting.sensitive, "{}", setting.name);
    }
    assert!(settings.region.is_some() && settings.key.is_some() && settings.insecure.is_some());
    assert_eq!((settings.assume_role.len(), settings.endpoints.len()), (1, 1));
    assert!(!format!("{given:?}").contains('<'));
}
