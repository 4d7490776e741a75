//! Targets that are there, that are gone, and that never were; and blocks that are let go.

use std::time::Duration;

use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::{Setup, Trouble};
use terraform_provider_session::services::simulator::Fault;
use tokio::time::{Instant, sleep};

use super::core::{Core, Doing};
use super::managed::all;
use super::world::{World, errors, texts, warning, worlds};

/// The target does not exist.
const ABSENT: Trouble = Trouble::Service(Fault::TargetGone);

fn id(core: &Core<'_>) -> String {
    core.state()["id"].as_str().unwrap().to_owned()
}

fn seen(core: &Core<'_>) -> Value {
    core.state()["target_seen"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_exist_leaves_no_state_however_often_it_is_asked_for() {
    for world in worlds().filter(World::tells_absence) {
        for when in ["apply", "destroy", "both"] {
            let mut core = Core::new(&world);
            world.fault(ABSENT);
            let config = all(&core, when, &[]);
            let plan = core.plan(Some(&config)).await;
            let (began, sent) = (Instant::now(), world.sent());
            let told = core.apply_plan(&plan, Some(&config)).await;
            let name = world.spec().name;
            assert!(errors(&told)[0].ends_with(" does not exist"), "{name} {when}: {told:#?}");
            assert_eq!(core.stored, None, "{name} {when}");
            let took = began.elapsed();
            assert!(took > Duration::from_secs(15) && took <= Duration::from_secs(30), "{took:?}");
            assert!(world.sent() - sent > 3, "it is asked for more than once");
            assert!(world.killed().is_empty());
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_unknown_for_its_first_twenty_seconds_is_waited_for() {
    for world in worlds().filter(World::tells_absence) {
        let mut core = Core::new(&world);
        let config = all(&core, "destroy", &[]);
        world.fault(ABSENT);
        let plan = core.plan(Some(&config)).await;
        let appears = async {
            sleep(Duration::from_secs(20)).await;
            world.sandbox.reset();
        };
        let (told, ()) = tokio::join!(core.apply_plan(&plan, Some(&config)), appears);
        assert_eq!(told, [], "{}", world.spec().name);
        assert_eq!(seen(&core), true.into());
        assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_seen_and_is_gone_is_a_success_with_a_warning() {
    for world in worlds().filter(World::tells_absence) {
        let mut core = Core::new(&world);
        let config = all(&core, "both", &[]);
        core.applied(&config).await;
        assert_eq!(seen(&core), true.into());
        for earlier in [false, true] {
            let stored = core.stored.clone();
            if earlier {
                // State of earlier versions says nothing, which counts as seen.
                core.stored.as_mut().unwrap().state.insert("target_seen".into(), Value::Null);
                assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
            }
            world.fault(ABSENT);
            let told = core.destroy().await;
            assert!(
                warning(&told).summary.starts_with("Nothing is left to terminate on "),
                "{told:#?}"
            );
            assert_eq!(core.stored, None);
            world.sandbox.reset();
            core.stored = stored;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn where_absence_cannot_be_told_a_mistyped_target_is_a_warning_at_once_and_again_at_the_destroy()
 {
    let mut told_nothing = 0;
    for world in worlds().filter(|world| !world.tells_absence()) {
        told_nothing += 1;
        let world = World::new(world.service, Setup { clients: 0, ..Setup::default() });
        for when in ["apply", "destroy", "both"] {
            let mut core = Core::new(&world);
            world.fault(ABSENT);
            let config = all(&core, when, &[]);
            let plan = core.plan(Some(&config)).await;
            let began = Instant::now();
            let told = core.apply_plan(&plan, Some(&config)).await;
            let seen_at = warning(&told);
            assert!(seen_at.summary.starts_with("Target not seen yet: "), "{when}: {told:#?}");
            assert!(seen_at.detail.contains("may not have registered yet"), "{seen_at:?}");
            assert_eq!((seen(&core), began.elapsed()), (false.into(), Duration::ZERO));
            let id = id(&core);
            let told = core.destroy().await;
            assert_eq!(core.stored, None);
            if when == "apply" {
                assert_eq!(told, [], "there is no run that could find nobody");
            } else {
                let gone = warning(&told);
                assert!(gone.summary.starts_with("Nobody was there, if the name is right: "));
                assert!(gone.detail.contains(&id), "{gone:?}");
            }
            world.sandbox.reset();
        }
    }
    assert!(told_nothing > 0);
}

/// A block whose target could not be reached when it was created.
async fn never_seen<'w>(world: &'w World, when: &str) -> Core<'w> {
    let mut core = Core::new(world);
    world.cut(true);
    let config = all(&core, when, &[]);
    let plan = core.plan(Some(&config)).await;
    let began = Instant::now();
    let told = core.apply_plan(&plan, Some(&config)).await;
    assert!(began.elapsed() <= Duration::from_secs(10), "one look of ten seconds");
    assert!(warning(&told).summary.starts_with("Target not seen yet: "), "{told:#?}");
    assert_eq!(seen(&core), false.into());
    world.cut(false);
    assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
    core
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_never_seen_and_is_gone_holds_the_destroy_back_until_it_is_let_go() {
    for world in worlds().filter(World::tells_absence) {
        let mut core = never_seen(&world, "destroy").await;
        world.fault(ABSENT);
        let told = core.destroy().await;
        assert!(errors(&told)[0].ends_with("was never seen, and is not there"), "{told:#?}");
        let id = id(&core);
        for word in ["let_go", "SESSION_LET_GO", "removed {", "state rm", &id] {
            assert!(told[0].detail.contains(word), "{word}: {told:#?}");
        }
        core.block = world.block(&[("let_go", texts(&[&id]))]);
        let plan = core.plan(None).await;
        let foretold = format!("`let_go` names `{id}`: if this fails");
        assert!(warning(&plan.told).detail.contains(&foretold), "{:#?}", plan.told);
        let told = core.apply_plan(&plan, None).await;
        assert!(warning(&told).summary.starts_with(&format!("Let go ({id}): ")), "{told:#?}");
        assert_eq!(core.stored, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_was_never_seen_is_seen_by_the_run_that_finds_somebody_or_looks() {
    for world in worlds() {
        let mut core = never_seen(&world, "destroy").await;
        // A run that finds somebody has seen it.
        core.applied(&all(&core, "apply", &[])).await;
        core.applied(&all(&core, "apply", &[("triggers", super::world::map(&[("a", "b")]))])).await;
        assert_eq!(seen(&core), true.into(), "{}", world.spec().name);
        let mut core = never_seen(&world, "destroy").await;
        world.cut(false);
        let told = core.destroy().await;
        assert!(told.iter().all(|one| !one.error), "{told:#?}");
        assert_eq!(core.stored, None);
    }
}

/// Blocks that a guard or a cloud holds back, each with why.
async fn held(world: &World) -> Vec<(Core<'_>, &'static str)> {
    let mut held = Vec::new();
    for (more, title) in [
        (&[("max_sessions", Value::from(1))][..], "Too many sessions selected on "),
        (&[("timeouts", super::world::some(&[("delete", "5s".into())]))], "Sessions "),
    ] {
        let mut core = Core::new(world);
        core.applied(&all(&core, "destroy", more)).await;
        held.push((core, title));
    }
    held
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_is_held_back_is_tried_as_always_and_goes_on_where_its_id_is_named() {
    for world in worlds() {
        let number = world.live().len();
        for (mut core, title) in held(&world).await {
            let hangs = title == "Sessions ";
            let fault = || {
                if hangs {
                    world.fault(Trouble::Hang)
                }
            };
            fault();
            let told = core.destroy().await;
            assert!(errors(&told)[0].starts_with(title), "{told:#?}");
            let id = id(&core);
            assert!(told[0].detail.contains(&format!("SESSION_LET_GO='{id}'")), "{told:#?}");
            // The id of another block does nothing for it.
            core.block = world.block(&[("let_go", texts(&["cn-north-4/other#0000"]))]);
            fault();
            assert!(!errors(&core.destroy().await).is_empty());
            core.block = world.block(&[("let_go", texts(&["cn-north-4/other#0000", &id]))]);
            fault();
            let told = core.destroy().await;
            assert!(warning(&told).summary.starts_with(&format!("Let go ({id}): ")), "{told:#?}");
            assert_eq!(core.stored, None);
            assert_eq!(world.live().len(), number, "nobody more is ended by it");
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_blocks_on_one_target_have_ids_of_their_own_which_never_change() {
    for world in worlds() {
        let (mut one, mut other) = (Core::new(&world), Core::new(&world));
        for core in [&mut one, &mut other] {
            core.applied(&all(core, "destroy", &[])).await;
        }
        assert_ne!(id(&one), id(&other));
        assert_eq!(id(&one).rsplit_once('#').unwrap().0, id(&other).rsplit_once('#').unwrap().0);
        let before = id(&one);
        one.applied(&all(&one, "destroy", &[("max_sessions", 7.into())])).await;
        assert_eq!(id(&one), before);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_let_go_is_in_the_audit_log_and_told_where_it_cannot_be() {
    for world in worlds() {
        for works in [true, false] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(if works { "log.jsonl" } else { "absent/log.jsonl" });
            let mut core = Core::new(&world);
            core.applied(&all(&core, "destroy", &[("max_sessions", 1.into())])).await;
            let id = id(&core);
            let log = path.to_str().unwrap().into();
            core.block = world.block(&[("let_go", texts(&[&id])), ("audit_log", log)]);
            let told = core.destroy().await;
            assert!(told.iter().all(|one| !one.error), "{told:#?}");
            let let_go = told.iter().find(|one| one.summary.starts_with("Let go ("));
            let detail = &let_go.expect("it was let go").detail;
            assert!(!detail.contains("The resource stays"), "{detail}");
            assert_eq!(core.stored, None, "{told:#?}");
            assert_eq!(detail.contains("NOTHING of it is recorded"), !works, "{detail}");
            assert!(world.killed().is_empty());
            if works {
                let text = std::fs::read_to_string(&path).unwrap();
                let last = text.lines().last().unwrap();
                assert!(last.contains(r#""kind":"let_go""#) && last.contains(&id), "{text}");
                assert!(last.contains("Too many sessions selected"), "{text}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_is_never_let_go() {
    for world in worlds() {
        let mut core = Core::new(&world);
        core.applied(&all(&core, "destroy", &[])).await;
        let id = id(&core);
        core.block = world.block(&[("let_go", texts(&[&id]))]);
        let plan = core.plan(None).await;
        world.fault(Trouble::Hang);
        let told = core.interrupted_destroy(&plan, Duration::from_secs(2)).await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert!(core.stored.is_some());
        world.sandbox.reset();
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_not_there_leaves_the_block_on_the_whole() {
    let narrows = |world: &World| world.spec().inputs.iter().any(|one| one.name == "node_id");
    for world in worlds().filter(narrows) {
        for when in ["destroy", "both"] {
            let mut core = Core::new(&world);
            core.applied(&all(&core, when, &[])).await;
            let (stored, mut cuts) = (core.stored.clone(), 0);
            world.cuts(&mut cuts);
            let config =
                all(&core, when, &[("node_id", "0123456789abcdef0123456789abcdefno99".into())]);
            let plan = core.plan(Some(&config)).await;
            assert_eq!(plan.doing, Doing::Update, "{}", world.spec().name);
            assert_eq!(plan.planned.as_ref().unwrap()["target_seen"], Value::Unknown);
            let told = core.apply_plan(&plan, Some(&config)).await;
            assert!(!errors(&told).is_empty(), "{}: {told:#?}", world.spec().name);
            let kept = |core: &Core<'_>| core.stored.as_ref().unwrap().state.clone();
            assert_eq!(kept(&core), stored.as_ref().unwrap().state);
            assert_eq!(world.cuts(&mut cuts), 0);
        }
    }
}
