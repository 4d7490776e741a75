use super::*;
use crate::wire::testing::World;

#[test]
fn the_audit_log_may_be_at_home() {
    let shared = Shared::new(Arc::new(World::new(Vec::new())).outside());
    let config = [("audit_log".to_owned(), "~/log.jsonl".into())].into();
    let ready = shared.read(&config, &mut Diagnostics::none());
    assert_eq!(ready.audit_log.as_deref(), Some(std::path::Path::new("/home/user/log.jsonl")));
}

#[test]
fn ids_that_block_or_environment_name_are_let_go_and_nobody_without_an_id() {
    let block = |ids: &[&str]| {
        let ids = ids.iter().map(|id| Value::from(*id)).collect();
        [("let_go".to_owned(), Value::List(ids))].into()
    };
    for (named, ids, expected) in [
        ("", &[][..], [false, false, false]),
        ("", &["a#1"], [true, false, false]),
        ("b#2", &[], [false, true, false]),
        (" b#2 , c", &["a#1"], [true, true, false]),
        (",", &[], [false, false, false]),
    ] {
        let mut world = World::new(Vec::new());
        world.variables.insert(LET_GO, named);
        let shared = Shared::new(Arc::new(world).outside());
        assert!(!shared.configure(&block(ids)).has_errors());
        let let_go = ["a#1", "b#2", ""].map(|id| shared.lets_go(id));
        assert_eq!(let_go, expected, "{named:?} {ids:?}");
    }
}

#[test]
fn a_wrong_provider_block_is_told_with_what_would_do() {
    let inside = |name: &str, value: Value| Value::Object([(name.to_owned(), value)].into());
    let endpoint = |url: &str| inside("endpoints", inside("dcs", url.into()));
    for (name, value, expected) in [
        (
            "max_concurrency",
            0.into(),
            "`max_concurrency` must be a whole number of at least 1, not 0.",
        ),
        ("audit_log", " ".into(), "`audit_log` must not be empty."),
        (
            "huaweicloud",
            endpoint("http://dcs.example.com"),
            "`huaweicloud.endpoints.dcs` must be an `https://` address, or an `http://` address \
             on this machine such as \"http://127.0.0.1:8080\", not \"http://dcs.example.com\".",
        ),
    ] {
        let told = validate(&[(name.to_owned(), value)].into()).0;
        let told: Vec<_> = told.iter().map(|one| (&*one.summary, &*one.detail)).collect();
        assert_eq!(told, [("Invalid argument", expected)]);
    }
}
