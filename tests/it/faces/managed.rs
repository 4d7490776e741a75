//! The managed resource: the table of when it acts, row by row, for every service.

use terraform_provider_session::framework::{Object, Value};
use terraform_provider_session::sandbox::Trouble;
use terraform_provider_session::services::simulator::Fault;
use terraform_provider_session::services::simulator::LiveClient;

use super::core::{Core, Doing};
use super::world::{World, errors, left, map, some, texts, worlds};

/// A block that means everybody, with more arguments.
pub(crate) fn all(core: &Core<'_>, when: &str, more: &[(&str, Value)]) -> Object {
    let mut config = core.config(&[("when", when.into()), ("all", true.into())]);
    config.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    config
}

/// How many sessions a run on the whole instance ends.
async fn everybody(world: &World) -> usize {
    let other = World::new(world.service, Default::default());
    let mut core = Core::new(&other);
    core.applied(&all(&core, "apply", &[])).await;
    let killed = other.killed().len();
    assert!(killed > 0, "{}: nobody can be ended", world.spec().name);
    killed
}

#[tokio::test(start_paused = true)]
async fn create_runs_unless_it_waits_for_the_destroy_and_destroy_runs_unless_it_is_for_the_apply() {
    for when in ["apply", "destroy", "both"] {
        for world in worlds() {
            let (mut seen, everybody) = (0, everybody(&world).await);
            let mut core = Core::new(&world);
            let config = all(&core, when, &[]);
            let (on_apply, on_destroy) = (when != "destroy", when != "apply");
            let plan = core.plan(Some(&config)).await;
            assert_eq!((plan.doing, plan.will_run()), (Doing::Create, on_apply));
            assert_eq!(plan.told.len(), usize::from(on_apply), "{:#?}", plan.told);
            assert_eq!(world.cuts(&mut seen), 0, "a plan ends nobody");

            assert_eq!(core.apply_plan(&plan, Some(&config)).await, []);
            let expected = if on_apply { everybody } else { 0 };
            assert_eq!(world.cuts(&mut seen), expected, "{}: {when}", world.spec().name);
            if on_apply {
                assert_eq!(core.last_run("terminated"), (everybody as i64).into());
                assert_eq!(core.last_run("reason"), "create".into());
            } else {
                assert_eq!(core.state()["last_run"], Value::Null);
            }

            let again = core.plan(Some(&config)).await;
            assert_eq!(
                (again.doing, again.told),
                (Doing::Nothing, vec![]),
                "a second plan is empty"
            );

            world.connect(&world.instance, 1);
            let plan = core.plan(None).await;
            assert_eq!(plan.doing, Doing::Delete);
            assert_eq!(plan.told.len(), usize::from(on_destroy), "{:#?}", plan.told);
            assert_eq!(world.cuts(&mut seen), 0, "neither does a destroy's plan");
            assert_eq!(core.apply_plan(&plan, None).await, []);
            assert_eq!(core.stored, None);
            let cut = world.cuts(&mut seen);
            assert_eq!(cut > 0, on_destroy, "{}: {when} cut {cut}", world.spec().name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_selection_or_triggers_runs_again_in_place_unless_it_waits_for_the_destroy() {
    for when in ["apply", "destroy", "both"] {
        for world in worlds() {
            let mut seen = 0;
            let mut core = Core::new(&world);
            core.applied(&all(&core, when, &[("triggers", map(&[("version", "1")]))])).await;
            world.cuts(&mut seen);
            let on_apply = when != "destroy";
            let selected = [("all", Value::Null), ("session_ids", texts(&[world.some_id()]))];
            for change in [&[("triggers", map(&[("version", "2")]))][..], &selected] {
                if change.len() > 1 && !world.is_selective() {
                    continue;
                }
                world.connect(&world.instance, 1);
                let config = all(&core, when, change);
                let plan = core.plan(Some(&config)).await;
                assert_eq!((plan.doing, plan.will_run()), (Doing::Update, on_apply));
                assert_eq!(plan.told.len(), usize::from(on_apply), "{:#?}", plan.told);
                assert_eq!(core.apply_plan(&plan, Some(&config)).await, []);
                if on_apply {
                    assert_eq!(core.last_run("reason"), "update".into());
                } else {
                    assert_eq!(world.cuts(&mut seen), 0, "{}: {when}", world.spec().name);
                }
                assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
            }
            assert_eq!(world.cuts(&mut seen) > 0, on_apply, "{}: {when}", world.spec().name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_guards_conduct_or_when_only_writes_state() {
    for world in worlds() {
        let mut seen = 0;
        let mut core = Core::new(&world);
        core.applied(&all(&core, "both", &[])).await;
        world.cuts(&mut seen);
        world.connect(&world.instance, 1);
        let ran = core.state()["last_run"].clone();
        let elsewhere = LiveClient { address: "192.0.2.1:1".to_owned(), ..LiveClient::default() };
        let nobody = world.whom(&[elsewhere]);
        for change in [
            ("protect", nobody),
            ("max_sessions", 5.into()),
            ("dry_run", true.into()),
            ("verify", false.into()),
            ("on_failure", "warn".into()),
            ("timeouts", some(&[("create", "1m".into())])),
            ("when", "apply".into()),
            ("when", "destroy".into()),
        ] {
            let config = all(&core, "both", std::slice::from_ref(&change));
            let plan = core.plan(Some(&config)).await;
            assert_eq!((plan.doing, plan.will_run()), (Doing::Update, false), "{change:?}");
            assert_eq!(plan.told, [], "{change:?}");
            assert_eq!(core.apply_plan(&plan, Some(&config)).await, []);
            assert_eq!(core.state()["last_run"], ran, "{change:?}");
        }
        assert_eq!(world.cuts(&mut seen), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn all_that_is_false_is_as_good_as_not_written() {
    for world in worlds().filter(World::is_selective) {
        let mut core = Core::new(&world);
        let ids = ("session_ids", texts(&[world.some_id()]));
        let without = all(&core, "apply", &[("all", Value::Null), ids.clone()]);
        let with = all(&core, "apply", &[("all", false.into()), ids]);
        core.applied(&without).await;
        for config in [&with, &without] {
            let plan = core.plan(Some(config)).await;
            assert_eq!((plan.doing, plan.will_run()), (Doing::Update, false), "{:?}", plan.told);
            core.applied(config).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_target_is_a_replacement_that_in_both_orders_acts_on_either_as_when_says() {
    for when in ["apply", "destroy", "both"] {
        for (create_before_destroy, world) in
            [false, true].into_iter().flat_map(|order| worlds().map(move |world| (order, world)))
        {
            let Some(other) = world.other(1) else { continue };
            let mut core = Core { create_before_destroy, ..Core::new(&world) };
            core.applied(&all(&core, when, &[])).await;
            world.connect(&world.instance, 1);
            let before = world.killed().len();
            let config = all(&core, when, &[(world.target(), other.id.as_str().into())]);
            let plan = core.plan(Some(&config)).await;
            assert_eq!(plan.doing, Doing::Replace);
            assert_eq!(plan.told.len(), if when == "both" { 2 } else { 1 }, "{:#?}", plan.told);
            assert_eq!(core.apply_plan(&plan, Some(&config)).await, []);
            let killed = world.killed().split_off(before);
            let (old, new): (Vec<_>, Vec<_>) =
                killed.iter().partition(|(node, _)| world.instance.has(node));
            assert_eq!(!old.is_empty(), when != "apply", "{}: {when}", world.spec().name);
            assert_eq!(!new.is_empty(), when != "destroy", "{}: {when}", world.spec().name);
            assert!(new.iter().all(|(node, _)| other.has(node)));
            assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn survivors_hold_a_destroy_back_until_they_are_gone() {
    for world in worlds() {
        let mut core = Core::new(&world);
        let timeouts = some(&[("delete", "20s".into())]);
        core.applied(&all(&core, "destroy", &[("timeouts", timeouts)])).await;
        world.fault(Trouble::Service(Fault::Refuses));
        let told = core.destroy().await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert!(left(&told[0]), "{told:#?}");
        assert!(told[0].detail.contains("The resource stays in the state"), "{told:#?}");
        assert!(world.killed().is_empty());
        assert_eq!(core.last_run("terminated"), 0.into());
        assert!(core.last_run("survived").as_i64().unwrap() > 0);
        world.sandbox.reset();
        assert_eq!(core.destroy().await, []);
        assert_eq!(core.stored, None);
        assert!(!world.killed().is_empty());
    }
}
