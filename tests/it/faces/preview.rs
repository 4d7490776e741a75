//! What a plan says of the run that is pending, and what it never does.

use std::time::Duration;

use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::{Setup, Trouble};
use terraform_provider_session::services::simulator::LiveClient;
use tokio::time::Instant;

use super::core::{Core, Doing};
use super::managed::all;
use super::world::{World, map, some, texts, warning, world, worlds};

const SUMMARY: &str = "Session termination pending on ";

#[tokio::test(start_paused = true)]
async fn a_preview_counts_names_the_first_twenty_and_those_who_are_safe() {
    for service in terraform_provider_session::services::simulated() {
        let world = World::new(service, Setup { clients: 25, ..Setup::default() });
        let core = Core::new(&world);
        let first = &world.live()[..1];
        let protect = world.whom(first);
        let plan = core.plan(Some(&all(&core, "apply", &[("protect", protect)]))).await;
        let seen = warning(&plan.told);
        assert!(seen.summary.starts_with(SUMMARY), "{seen:?}");
        let (selected, _) = seen.detail.split_once("Protected:\n").unwrap();
        let rows = selected.lines().filter(|line| line.starts_with("  ")).count();
        assert_eq!(rows, 1 + 20 + 1, "a head, twenty, and how many more: {}", seen.detail);
        // What is long is cut in its middle.
        let who: Vec<char> = world.who(&first[0]).chars().collect();
        let end: String = who[who.len().saturating_sub(27)..].iter().collect();
        assert!(seen.detail.contains(&end), "{}", seen.detail);
        assert!(world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_opened_as_who_runs_this_is_told() {
    let world = world("aws_ssm");
    let own = LiveClient { id: "7".into(), user: "operator".into(), ..LiveClient::default() };
    world.sandbox.ledger().connect(&world.instance.nodes[0].0, own);
    let mut core = Core::new(&world);
    // With no endpoints of its own, STS is asked who this is.
    core.block = world.block_of(&[("endpoints", Value::Null)]);
    let config = all(&core, "apply", &[]);
    let plan = core.plan(Some(&config)).await;
    let ours = "1 of these logs in as you: perhaps what you run this in";
    assert!(warning(&plan.told).detail.contains(ours), "{:#?}", plan.told);
    let asked = |name: &str| {
        let calls = world.sandbox.calls();
        calls.iter().filter(|call| call.operation.ends_with(name)).count()
    };
    assert_eq!(asked("GetCallerIdentity"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_preview_reads_like_this() {
    let service = world("huaweicloud_dcs").service;
    let world = World::new(service, Setup { clients: 0, ..Setup::default() });
    (1..4).for_each(|number| world.connect(&world.instance, number));
    let core = Core::new(&world);
    let first = some(&[("names", texts(&["late-1"]))]);
    let last = some(&[("client_cidrs", texts(&["10.9.0.4/32"]))]);
    for (given, expected) in [
        (
            vec![("protect", first), ("max_sessions", 1.into())],
            "2 of 3 live client connections are selected now:\n  \
               id              user  database  name    command  idle  age\n  \
               10.9.0.3:41000  app   0         late-2  get      32s   1m2s\n  \
               10.9.0.4:41000  app   0         late-3  get      32s   1m2s\n\
             Protected:\n  \
               id              user  database  name    command  idle  age\n  \
               10.9.0.2:41000  app   0         late-1  get      32s   1m2s\n\
             `max_sessions` is 1, so NOTHING would be terminated and it would be an error.\n",
        ),
        (
            vec![("all", Value::Null), ("match", last)],
            "1 of 3 live client connections would be terminated now:\n  \
               id              user  database  name    command  idle  age\n  \
               10.9.0.4:41000  app   0         late-3  get      34s   1m4s\n",
        ),
        (
            vec![
                ("all", Value::Null),
                ("session_ids", texts(&["10.0.0.9:1"])),
                ("dry_run", true.into()),
                ("on_failure", "warn".into()),
            ],
            "None of 3 live client connections is selected now.\n\
             Not live now: 10.0.0.9:1.\n\
             It is a dry run: nothing will be terminated.\n\
             Survivors will only be a warning (`on_failure = \"warn\"`).\n",
        ),
    ] {
        let plan = core.plan(Some(&all(&core, "apply", &given))).await;
        let detail = &warning(&plan.told).detail;
        let expected = format!(
            "Target: cn-north-4/9a2d6a3e-0000-4000-8000-000000000001, in this apply.\n\n{expected}\
             Sessions come and go: which are meant is resolved again at that moment."
        );
        assert_eq!(*detail, expected, "\n{detail}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_preview_that_cannot_be_made_is_a_warning_within_ten_seconds() {
    for world in worlds() {
        let mut core = Core::new(&world);
        core.applied(&all(&core, "both", &[])).await;
        let config = match world.other(1) {
            Some(other) => all(&core, "both", &[(world.target(), other.id.as_str().into())]),
            None => all(&core, "both", &[("session_ids", texts(&["x"])), ("all", Value::Null)]),
        };
        for trouble in [None, Some(Trouble::Hang), Some(Trouble::Throttle), Some(Trouble::SlowBody)]
        {
            world.cut(trouble.is_none());
            trouble.into_iter().for_each(|trouble| world.fault(trouble));
            for config in [Some(&config), None] {
                let began = Instant::now();
                let plan = core.plan(config).await;
                let took = began.elapsed();
                assert!(took <= Duration::from_secs(10), "{trouble:?} took {took:?}");
                assert!(!plan.told.is_empty());
                for one in &plan.told {
                    assert!(!one.error && one.summary.starts_with(SUMMARY), "{one:?}");
                    assert!(
                        one.detail.contains("The sessions could not be listed for the preview."),
                        "{one:?}"
                    );
                }
            }
            world.sandbox.reset();
            world.cut(false);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_whose_name_means_nothing_here_is_a_warning_too() {
    for world in worlds() {
        let mut core = Core::new(&world);
        core.applied(&all(&core, "both", &[])).await;
        world.lose_the_name(true);
        let config = all(&core, "both", &[("triggers", map(&[("a", "1")]))]);
        for config in [Some(&config), None] {
            let plan = core.plan(config).await;
            let seen = warning(&plan.told);
            assert!(seen.summary.starts_with(SUMMARY), "{seen:?}");
            assert!(
                seen.detail.contains("The sessions could not be listed for the preview."),
                "{seen:?}"
            );
        }
        world.lose_the_name(false);
    }
}

#[tokio::test(start_paused = true)]
async fn a_plan_without_preview_asks_nobody_and_needs_no_account() {
    for world in worlds() {
        for keys in [true, false] {
            let mut core = Core::new(&world);
            let off = [("plan_preview", false.into())];
            core.block = world.block(&off);
            if !keys {
                let none = [("access_key", Value::Null), ("secret_key", Value::Null)];
                core.block = world.block_of(&none);
                core.block.extend(super::world::object(&off));
                world.cut(true); // or the machine's own metadata would have some
            }
            let plan = core.plan(Some(&all(&core, "apply", &[]))).await;
            assert_eq!((plan.doing, plan.told, world.sent()), (Doing::Create, vec![], 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_plan_does_not_know_is_neither_previewed_nor_wrong_and_known_in_the_apply() {
    for world in worlds() {
        for name in [world.target(), "region", "all", "max_sessions", "triggers"] {
            let spec = world.spec();
            if name == "region" && !spec.regional {
                continue;
            }
            let mut core = Core::new(&world);
            let plan = core.plan(Some(&all(&core, "apply", &[(name, Value::Unknown)]))).await;
            assert_eq!((plan.doing, plan.will_run()), (Doing::Create, true), "{name}");
            assert_eq!(plan.told.len(), usize::from(name == "triggers"), "{:#?}", plan.told);
            let login = world.sandbox.login(spec.platform).unwrap();
            let region = ("region", login.region.into());
            let known = if name == "region" { std::slice::from_ref(&region) } else { &[] };
            let config = all(&core, "apply", known);
            assert_eq!(core.apply_plan(&plan, Some(&config)).await, [], "{name}");
            assert!(!world.killed().is_empty(), "{}: {name}", spec.name);
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_re_run_whose_when_is_not_known_yet_is_planned_as_one_that_may_come() {
    for world in worlds() {
        for (when, runs) in [("apply", true), ("both", true), ("destroy", false)] {
            let mut core = Core::new(&world);
            core.applied(&all(&core, "destroy", &[])).await;
            let triggers = ("triggers", map(&[("a", "1")]));
            let unknown = all(&core, "apply", &[("when", Value::Unknown), triggers.clone()]);
            let plan = core.plan(Some(&unknown)).await;
            assert_eq!((plan.doing, plan.will_run()), (Doing::Update, true));
            assert_eq!(plan.told, [], "nobody knows whether anybody goes");
            let known = all(&core, when, &[triggers]);
            assert_eq!(core.apply_plan(&plan, Some(&known)).await, []);
            assert_eq!(!world.killed().is_empty(), runs, "{}: {when}", world.spec().name);
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_provider_block_leaves_the_region_open_on_create_and_alone_on_update() {
    for world in worlds().filter(|world| world.spec().regional) {
        let known = world.block(&[]);
        let mut core = Core::new(&world);
        let config = all(&core, "destroy", &[]);
        core.block = world.block_of(&[("region", Value::Unknown)]);
        let plan = core.plan(Some(&config)).await;
        assert_eq!(plan.planned.as_ref().unwrap()["region"], Value::Unknown);
        assert_eq!(plan.told, []);
        core.block = known.clone();
        assert_eq!(core.apply_plan(&plan, Some(&config)).await, []);
        let region = core.state()["region"].clone();
        assert!(region.is_known());

        core.block = world.block_of(&[("region", Value::Unknown)]);
        assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
        let changed = all(&core, "destroy", &[("verify", false.into())]);
        let plan = core.plan(Some(&changed)).await;
        assert_eq!(plan.doing, Doing::Update);
        core.block = world.block_of(&[("region", "elsewhere-1".into())]);
        assert_eq!(core.apply_plan(&plan, Some(&changed)).await, []);
        assert_eq!(core.state()["region"], region);
    }
}

#[tokio::test(start_paused = true)]
async fn another_region_in_the_provider_block_is_another_target() {
    for world in worlds().filter(|world| world.spec().regional) {
        let mut core = Core::new(&world);
        let config = all(&core, "destroy", &[]);
        core.applied(&config).await;
        let own = core.state()["region"].clone();
        core.block = world.block_of(&[("region", "ap-southeast-1".into())]);
        let plan = core.plan(Some(&config)).await;
        assert_eq!(plan.doing, Doing::Replace);
        assert_eq!(plan.planned.unwrap()["region"], "ap-southeast-1".into());
        // Said in the block, the provider's region does not matter.
        let config = all(&core, "destroy", &[("region", own)]);
        assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
    }
}
