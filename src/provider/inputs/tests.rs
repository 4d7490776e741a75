use super::*;
use crate::framework::Value;
use crate::provider::limit::DEFAULT_TIMEOUT;
use crate::provider::schema;
use crate::services;

fn spec() -> &'static Spec {
    spec_of("huaweicloud_dcs")
}

fn spec_of(name: &str) -> &'static Spec {
    services::ALL.iter().map(|service| service.spec).find(|spec| spec.name == name).unwrap()
}

/// Terraform's object for a resource block: every attribute is there, null if not given.
fn object(given: &[(&str, Value)]) -> Object {
    let mut object = object_of(spec(), &[("instance_id", "i-1".into())]);
    object.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    object
}

fn object_of(spec: &Spec, given: &[(&str, Value)]) -> Object {
    let block = schema::resource(spec).block;
    let names = block.attributes.keys().chain(block.blocks.keys());
    let mut object: Object = names.map(|name| (name.clone(), Value::Null)).collect();
    for (name, value) in given {
        object.insert((*name).to_owned(), value.clone());
    }
    object
}

fn texts(texts: &[&str]) -> Value {
    Value::List(texts.iter().map(|text| Value::from(*text)).collect())
}

fn nested(given: &[(&str, Value)]) -> Value {
    let names = spec().criteria().map(|one| (one.name().to_owned(), Value::Null));
    let mut object: Object = names.collect();
    object.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Value::Object(object)
}

/// The details of everything that is wrong.
fn complaints(given: &[(&str, Value)]) -> Vec<String> {
    let read = read(spec(), &object(given), Timeout::Block("create"));
    assert!(read.inputs.is_none() || read.diagnostics.0.is_empty());
    read.diagnostics.0.into_iter().map(|one| one.detail).collect()
}

#[test]
fn exactly_one_selection_is_asked_for() {
    let none = complaints(&[]);
    assert_eq!(
        none,
        ["Exactly one of `session_ids`, `all = true` and `match` must be given, so that \
          nobody loses a connection by an omission."]
    );
    assert_eq!(complaints(&[("all", false.into())]), none);
    assert_eq!(
        complaints(&[("all", true.into()), ("session_ids", texts(&["10.0.0.1:1"]))]),
        ["`session_ids` cannot be combined with `all`: exactly one of `session_ids`, \
          `all = true` and `match` selects the sessions."]
    );
    assert!(complaints(&[("all", true.into())]).is_empty());
}

#[test]
fn a_target_that_one_of_several_arguments_names_needs_one_of_them() {
    let specs = services::ALL.iter().map(|service| service.spec);
    for spec in specs.filter(|spec| spec.width.is_none()) {
        let complaint = |given: &[(&str, Value)]| {
            let mut object = object_of(spec, given);
            object.insert("all".into(), true.into());
            let diagnostics = read(spec, &object, Timeout::Block("create")).diagnostics;
            diagnostics.0.into_iter().map(|one| one.detail).next()
        };
        let names = quoted(spec.one_of);
        let expected =
            format!("At least one of {names} must be given, to say whose sessions are meant.");
        assert_eq!(complaint(&[]), (!spec.one_of.is_empty()).then_some(expected));
        for name in spec.one_of {
            assert_eq!(complaint(&[(name, "a".into())]), None);
            assert_eq!(complaint(&[(name, Value::Unknown)]), None);
        }
    }
}

#[test]
fn quiet_needs_a_look_and_newcomers_whom_the_selection_means() {
    let quiet = ("quiet", Value::from("30s"));
    assert_eq!(
        complaints(&[("all", true.into()), ("verify", false.into()), quiet.clone()]),
        [
            "`quiet` cannot be combined with `verify = false`: only a look tells whether it is quiet."
        ]
    );
    assert_eq!(
        complaints(&[("session_ids", texts(&["10.0.0.1:1"])), quiet.clone()]),
        ["`quiet` cannot be combined with `session_ids`: whoever comes has another id; use \
          `all` or `match`."]
    );
    assert!(complaints(&[("all", true.into()), quiet, ("drain", "5m".into())]).is_empty());
}

#[test]
fn a_width_that_nobody_wrote_is_never_taken() {
    let mut checked = 0;
    for spec in services::ALL.iter().map(|service| service.spec) {
        let Some(Width { whole, part }) = spec.width else { continue };
        let others = spec.inputs.iter().filter(|input| input.required);
        let others: Vec<(&str, Value)> = others.map(|one| (one.name, "a".into())).collect();
        let complaint = |given: &[(&str, Value)]| {
            let mut object = object_of(spec, &[&others, given].concat());
            object.insert("all".into(), true.into());
            let diagnostics = read(spec, &object, Timeout::Block("create")).diagnostics;
            diagnostics.0.into_iter().map(|one| one.detail).next()
        };
        let neither = format!("Exactly one of `{part}` and `{whole} = true` must be given");
        for given in [&[][..], &[(whole, false.into())]] {
            assert!(complaint(given).is_some_and(|told| told.starts_with(&neither)));
        }
        let both = complaint(&[(part, "a".into()), (whole, true.into())]).unwrap();
        assert!(both.contains("cannot be combined with"), "{both}");
        for right in [(part, "a".into()), (whole, true.into()), (part, Value::Unknown)] {
            assert_eq!(complaint(&[right]), None);
        }
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn an_argument_that_will_not_do_is_named_with_what_would() {
    let all = ("all", Value::from(true));
    let timeouts = |text: &str| {
        let mut block: Object =
            ["create", "update", "delete"].map(|name| (name.to_owned(), Value::Null)).into();
        block.insert("delete".into(), text.into());
        Value::Object(block)
    };
    for (argument, value, complaint) in [
        ("instance_id", "  ".into(), "`instance_id` must not be empty."),
        ("max_sessions", 0.into(), "`max_sessions` must be a whole number of at least 1, not 0."),
        (
            "on_failure",
            "ignore".into(),
            "`on_failure` must be \"fail\" or \"warn\", not \"ignore\".",
        ),
        (
            "protect",
            nested(&[("client_cidrs", texts(&["10.0.0.0/33"]))]),
            "`protect.client_cidrs` must contain networks like \"10.0.0.0/8\" or \
             \"10.1.2.3/32\", not \"10.0.0.0/33\".",
        ),
        (
            "protect",
            nested(&[("min_idle", "soon".into())]),
            "`protect.min_idle` must be a duration like \"90s\" or \"1h30m\", not \"soon\".",
        ),
        (
            "protect",
            nested(&[]),
            "`protect` needs at least one of `client_cidrs`, `users`, `databases`, `commands`, \
             `names`, `min_idle`, `min_age`.",
        ),
        (
            "protect",
            nested(&[("users", texts(&[]))]),
            "`protect.users` must not be empty; omit it to place no restriction.",
        ),
        ("timeouts", timeouts("0s"), "`timeouts.delete` must be greater than zero."),
        (
            "drain",
            "soon".into(),
            "`drain` must be a duration like \"90s\" or \"1h30m\", not \"soon\".",
        ),
        ("quiet", "1s".into(), "`quiet` must be at least 2 seconds: looks are a second apart."),
    ] {
        assert_eq!(complaints(&[all.clone(), (argument, value)]), [complaint]);
    }
    let hole = Value::List(vec![Value::Null]);
    assert_eq!(
        complaints(&[("session_ids", hole)]),
        ["`session_ids` must not contain an empty or null string."]
    );
    // What a list split at commas, or lines of a file from elsewhere, leaves at a text's ends.
    for ragged in ["app ", " app", "app\n", "a\u{7}pp", "\u{feff}app", "app\u{200b}", "0 "] {
        for criteria in ["users", "databases", "names", "commands"] {
            let told = complaints(&[
                all.clone(),
                ("protect", nested(&[(criteria, texts(&["x", ragged]))])),
            ]);
            let expected = format!(
                "`protect.{criteria}` must not contain a text that begins or ends with a blank or \
                 holds a control character, like {ragged:?}: use `trimspace` on it."
            );
            assert_eq!(told, [expected]);
        }
        let told = complaints(&[("session_ids", texts(&[ragged]))]);
        assert!(told[0].starts_with("`session_ids` must not contain a text that"), "{told:?}");
    }
    for id in ["not-an-address", "10.0.0.1", "10.0.0.1:0"] {
        let told = complaints(&[("session_ids", texts(&["10.0.0.1:4711", id]))]);
        let start = format!(
            "`session_ids` must contain ids as the list gives them, not {id:?}. An id is the \
             client's address, like `10.63.238.158:2048`"
        );
        assert!(told.len() == 1 && told[0].starts_with(&start), "{told:?}");
    }
    assert_eq!(
        complaints(&[("session_ids", texts(&[]))]),
        [
            "`session_ids` must not be empty; it would select nobody. Where they come from a list that may be empty, write its criteria as `match`."
        ]
    );
}

#[test]
fn what_the_api_cannot_do_is_refused_with_what_it_can() {
    let spec = spec_of("alicloud_das_redis");
    let ids = ("session_ids", texts(&["a"]));
    let object = object_of(spec, &[("instance_id", "r-1".into()), ids]);
    let told = read(spec, &object, Timeout::Block("create")).diagnostics.0;
    let told: Vec<&str> = told.iter().map(|one| one.detail.as_str()).collect();
    assert_eq!(
        told,
        ["`session_ids` is not possible: the API of Alibaba Cloud DAS for Redis can only \
          terminate all sessions of an instance at once. Use `all = true`; with `protect`, \
          nothing is terminated while a protected session is live."]
    );
}

#[test]
fn every_complaint_has_a_title_and_what_to_blame() {
    let unknown = object(&[("all", true.into()), ("max_sessions", Value::Unknown)]);
    let both = object(&[("all", true.into()), ("session_ids", texts(&["a"]))]);
    let no_target = object_of(spec_of("huaweicloud_dds"), &[("all", true.into())]);
    let of = |read: Read<Inputs>| read.complete().unwrap_err().0.remove(0);
    let block = Timeout::Block("create");
    for (told, summary, path) in [
        (of(read(spec(), &unknown, block)), "An argument is not known yet", None),
        (of(read(spec(), &object(&[]), block)), "No sessions are selected", None),
        (of(read(spec(), &both, block)), "Invalid argument", Some("session_ids")),
        (of(read(spec_of("huaweicloud_dds"), &no_target, block)), "No target is given", None),
    ] {
        assert_eq!((told.summary.as_str(), told.path), (summary, path.map(Path::root)));
    }
    assert_eq!(
        of(read(spec(), &unknown, block)).detail,
        "The block has to act, and the value of one of its arguments is still unknown. Nothing \
         was done. This is a bug in Terraform, OpenTofu or the provider: please report it."
    );
}

#[test]
fn what_is_unknown_is_never_wrong_and_never_acted_on() {
    for name in ["instance_id", "session_ids", "all", "match", "protect", "max_sessions"] {
        let read = read(
            spec(),
            &object(&[("all", true.into()), (name, Value::Unknown)]),
            Timeout::Block("create"),
        );
        assert!(read.diagnostics.0.is_empty(), "{name}: {:?}", read.diagnostics);
        assert!(read.inputs.is_none(), "{name}");
    }
}

#[test]
fn all_arguments_arrive_in_the_request() {
    let given = [
        ("node_id", "n".into()),
        ("region", "cn-east-3".into()),
        ("match", nested(&[("users", texts(&["app"])), ("min_idle", "1h30m".into())])),
        ("protect", nested(&[("names", texts(&["root"]))])),
        ("max_sessions", 7.into()),
        ("dry_run", true.into()),
        ("verify", false.into()),
        ("on_failure", "warn".into()),
    ];
    let inputs = read(spec(), &object(&given), Timeout::Block("create")).inputs.unwrap();
    assert_eq!(inputs.target.get("instance_id"), Some("i-1"));
    assert_eq!(inputs.target.get("node_id"), Some("n"));
    assert_eq!(inputs.region.as_deref(), Some("cn-east-3"));
    let Selection::Match(filter) = inputs.request.selection else { panic!("a match") };
    assert_eq!(filter.users, Some(BTreeSet::from(["app".to_owned()])));
    assert_eq!(filter.min_idle, Some(Duration::from_secs(5400)));
    let protect = inputs.request.guards.protect.unwrap();
    assert_eq!(protect.names, Some(BTreeSet::from(["root".to_owned()])));
    assert_eq!(inputs.request.guards.max_sessions, NonZeroU64::new(7));
    assert_eq!(inputs.request.mode, Mode::DryRun);
    assert_eq!(inputs.request.verify, Verify::Trust);
    assert_eq!(inputs.request.timeout, DEFAULT_TIMEOUT);
    assert_eq!(inputs.on_failure, OnFailure::Warn);
}
