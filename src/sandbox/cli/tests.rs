use super::*;

fn options(line: &str) -> Result<Option<Options>, String> {
    parse(line.split_whitespace().map(OsString::from))
}

#[test]
fn the_command_line_is_read() {
    let line = "--listen 127.0.0.1:8080 --redis redis://127.0.0.1/ --clients 9 --job 500ms \
                --fault hang --fault throttle:clients/kill:2";
    let options = options(line).unwrap().unwrap();
    assert_eq!(options.listen.port(), 8080);
    assert_eq!((options.setup.clients, options.setup.job.as_millis()), (9, 500));
    assert!(options.setup.redis.is_some());
    let line = "--redis huaweicloud_dcs=redis://127.0.0.1/?a=b --redis redis://a=b@127.0.0.1/";
    let setup = super::tests::options(line).unwrap().unwrap().setup;
    assert!(setup.redis.is_some());
    assert_eq!(setup.redis_of.keys().collect::<Vec<_>>(), ["huaweicloud_dcs"]);
    assert_eq!(options.faults.len(), 2);
}

#[test]
fn a_person_is_shown_every_instance() {
    let sandbox = Sandbox::new(Setup::default(), Arc::new(SystemClock));
    let text = welcome(&sandbox, "http://127.0.0.1:8080");
    assert!(text.starts_with("The clouds of this sandbox are at http://127.0.0.1:8080 until"));
    let dcs = "  huaweicloud_dcs             9a2d6a3e-0000-4000-8000-000000000001  1 node\n";
    assert!(text.contains(dcs), "{text}");
    for (_, instances) in sandbox.scenery() {
        assert!(instances.iter().all(|one| text.contains(&one.id)), "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_told() {
    for line in [
        "--listen here",
        "--redis redis://10.0.0.1/",
        "--redis huaweicloud_dcs=redis://10.0.0.1/",
        "--redis huaweicloud_dds=redis://127.0.0.1/",
        "--fault flood",
        "--job soon",
        "extra",
    ] {
        assert!(options(line).is_err(), "{line}");
    }
    assert!(options("--help").unwrap().is_none());
}
