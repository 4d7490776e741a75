//! The managed resource when something is in its way: what fails, what is only a warning, what is
//! repeated and what is not.

use terraform_provider_session::access;
use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::{Switch, Trouble};
use terraform_provider_session::services::simulator::Fault;
use tokio::time::{Duration, Instant};

use super::core::{Core, Doing};
use super::managed::all;
use super::world::{Told, errors, left, map, some, texts, warning, worlds};

#[tokio::test(start_paused = true)]
async fn a_failed_create_is_tainted_and_the_next_apply_runs_again_for_what_is_left() {
    for world in worlds() {
        let mut core = Core::new(&world);
        let timeouts = some(&[("create", "20s".into())]);
        let config = all(&core, "both", &[("timeouts", timeouts)]);
        world.fault(Trouble::Service(Fault::Refuses));
        let told = core.apply(&config).await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert!(core.stored.as_ref().unwrap().tainted);
        let survived = core.last_run("survived").as_i64().unwrap();
        assert!(survived > 0 && world.killed().is_empty());
        assert_eq!(core.last_run("survived_ids").as_list().unwrap().len() as i64, survived);
        world.sandbox.reset();
        assert_eq!(core.plan(Some(&config)).await.doing, Doing::Replace);
        // Its destroy has left nobody who would show the target to some.
        let told = core.apply(&config).await;
        let unseen = |one: &Told| !one.error && one.summary.starts_with("Target not seen yet: ");
        assert!(told.iter().all(unseen), "{told:#?}");
        assert!(!world.killed().is_empty(), "{}", world.spec().name);
        assert_eq!(core.last_run("reason"), "create".into());
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_asked_for_nobodys_end_leaves_nothing_and_a_changed_configuration_mends_it() {
    for world in worlds() {
        let mut core = Core::new(&world);
        let capped = all(&core, "both", &[("max_sessions", 1.into())]);
        let told = core.apply(&capped).await;
        assert!(errors(&told)[0].starts_with("Too many sessions selected"), "{told:#?}");
        assert_eq!(core.stored, None, "{}", world.spec().name);
        assert!(world.killed().is_empty());

        // Whoever narrows the selection meets nobody but those of the plan.
        if world.is_selective() {
            world.connect(&world.instance, 1);
            let one = [("all", Value::Null), ("session_ids", texts(&[world.some_id()]))];
            let narrowed = all(&core, "both", &one);
            assert_eq!(core.plan(Some(&narrowed)).await.doing, Doing::Create);
            core.applied(&narrowed).await;
            assert!(world.killed().iter().all(|(_, id)| id == "900001"), "{:?}", world.killed());
            core.stored = None;
        }
        let raised = all(&core, "both", &[("max_sessions", 1000.into())]);
        core.applied(&raised).await;
        assert!(!world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_could_not_list_leaves_nothing() {
    for world in worlds() {
        let mut core = Core::new(&world);
        let config = all(&core, "both", &[]);
        world.fault(Trouble::WrongSignature);
        let told = core.apply(&config).await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert_eq!((&core.stored, world.killed().len()), (&None, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn survivors_of_a_create_are_mended_by_other_arguments_once_it_is_untainted_as_its_error_says()
 {
    let cap = |core: &Core<'_>| core.last_run("selected").as_i64().unwrap();
    for world in worlds() {
        for (when, tells) in [("both", true), ("apply", false)] {
            let mut core = Core::new(&world);
            let soon = |name: &'static str| (name, Value::from("20s"));
            let more = ("timeouts", some(&[soon("create"), soon("update"), soon("delete")]));
            world.fault(Trouble::Service(Fault::Refuses));
            let config = all(&core, when, std::slice::from_ref(&more));
            let told = core.apply(&config).await;
            let detail = &told.iter().find(|one| one.error).unwrap().detail;
            assert_eq!(detail.contains("terraform untaint <address>"), tells, "{detail}");
            assert!(core.stored.as_ref().unwrap().tainted);

            // The destroy of the replacement fails alike, and does not make anybody forgotten.
            if tells {
                assert_eq!(errors(&core.apply(&config).await).len(), 1);
                assert_eq!(core.last_run("reason"), "destroy".into());
            }
            core.stored.as_mut().unwrap().tainted = false;
            let capped = all(&core, when, &[more.clone(), ("max_sessions", 1.into())]);
            let told = core.apply(&capped).await;
            assert!(
                !errors(&told).is_empty(),
                "{} {when} {told:#?} {:#?}",
                world.spec().name,
                core.stored
            );
            assert!(errors(&told)[0].starts_with("Too many sessions selected"), "{told:#?}");
            assert!(!core.stored.as_ref().unwrap().tainted, "an update");
            let raised = ("max_sessions", cap(&core).into());
            let warned = all(&core, when, &[more, raised, ("on_failure", "warn".into())]);
            let told = core.apply(&warned).await;
            assert!(left(warning(&told)), "{told:#?}");
            assert_eq!(core.plan(Some(&warned)).await.doing, Doing::Nothing);
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_is_not_tainted_and_the_next_apply_runs_again_for_what_is_left() {
    for world in worlds() {
        let mut core = Core::new(&world);
        core.applied(&all(&core, "apply", &[])).await;
        world.sandbox.reset();
        let timeouts = some(&[("update", "20s".into())]);
        let more = [("triggers", map(&[("a", "1")])), ("timeouts", timeouts)];
        let config = all(&core, "apply", &more);
        world.fault(Trouble::Service(Fault::Refuses));
        let told = core.apply(&config).await;
        assert!(left(&told[0]), "{told:#?}");
        assert!(!core.stored.as_ref().unwrap().tainted && world.killed().is_empty());
        world.sandbox.reset();
        let plan = core.plan(Some(&config)).await;
        assert_eq!((plan.doing, plan.will_run()), (Doing::Update, true));
        assert_eq!(core.apply_plan(&plan, Some(&config)).await, []);
        assert!(!world.killed().is_empty(), "{}", world.spec().name);
        assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
    }
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_does_not_make_a_failed_run_forgotten() {
    for world in worlds() {
        for dry_block in [true, false] {
            let mut core = Core::new(&world);
            core.applied(&all(&core, "apply", &[])).await;
            world.sandbox.reset();
            let timeouts = some(&[("update", "20s".into())]);
            let more = [("triggers", map(&[("a", "1")])), ("timeouts", timeouts)];
            let config = all(&core, "apply", &more);
            world.fault(Trouble::Service(Fault::Refuses));
            assert_eq!(errors(&core.apply(&config).await).len(), 1);
            world.sandbox.reset();

            let mut dry = config.clone();
            if dry_block {
                dry.insert("dry_run".into(), true.into());
            } else {
                core.block = world.block(&[("dry_run", true.into())]);
            }
            core.applied(&dry).await;
            assert_eq!(core.last_run("dry_run"), true.into());
            assert!(world.killed().is_empty());
            core.block = world.block(&[]);
            core.applied(&config).await;
            assert!(!world.killed().is_empty(), "{}", world.spec().name);
            assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_could_not_begin_keeps_the_last_run_and_is_repeated() {
    for world in worlds() {
        let mut core = Core::new(&world);
        core.applied(&all(&core, "apply", &[])).await;
        let ran = core.state()["last_run"].clone();
        let config = all(&core, "apply", &[("triggers", map(&[("a", "1")]))]);
        let plan = core.plan(Some(&config)).await;
        let unknown = world.block_of(&[("secret_key", Value::Unknown)]);
        let good = std::mem::replace(&mut core.block, unknown);
        let told = core.apply_plan(&plan, Some(&config)).await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert_eq!(core.state()["last_run"], ran);
        core.block = good;
        world.sandbox.reset();
        core.applied(&config).await;
        assert!(!world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn survivors_are_only_a_warning_if_so_wished_and_then_a_destroy_goes_on() {
    for world in worlds() {
        let mut core = Core::new(&world);
        let timeouts = some(&[("create", "20s".into()), ("delete", "20s".into())]);
        let config = all(&core, "both", &[("on_failure", "warn".into()), ("timeouts", timeouts)]);
        world.fault(Trouble::Service(Fault::Refuses));
        let told = core.apply(&config).await;
        assert!(left(warning(&told)), "{told:#?}");
        assert!(!core.stored.as_ref().unwrap().tainted);
        assert_eq!(core.plan(Some(&config)).await.doing, Doing::Nothing);
        let told = core.destroy().await;
        assert!(left(warning(&told)), "{told:#?}");
        assert_eq!(core.stored, None);
        assert!(world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_are_an_error_after_one_request_and_hold_a_destroy_back() {
    for world in worlds() {
        let mut core = Core::new(&world);
        core.applied(&all(&core, "destroy", &[])).await;
        core.block = world.block_of(&[("secret_key", "not the one".into())]);
        let sent = world.sent();
        let plan = core.plan(None).await;
        assert_eq!(world.sent() - sent, 1, "{}: a plan asks once", world.spec().name);
        let seen = warning(&plan.told);
        assert!(
            seen.detail.contains("The sessions could not be listed for the preview"),
            "{seen:?}"
        );
        let told = core.apply_plan(&plan, None).await;
        assert_eq!(world.sent() - sent, 2, "{}: an apply asks once", world.spec().name);
        assert_eq!(errors(&told).len(), 1, "{told:#?}");
        let detail = &told[0].detail;
        assert!(
            detail.contains("refused the credentials") && detail.contains("request id"),
            "{detail}"
        );
        assert!(core.stored.is_some() && world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn missing_credentials_are_a_warning_of_the_plan_and_an_error_of_the_apply_that_name_what_to_set()
 {
    for world in worlds() {
        let mut core = Core::new(&world);
        core.block = world.block_of(&[("access_key", Value::Null), ("secret_key", Value::Null)]);
        world.cut(true); // or the machine's own metadata would have some
        let config = all(&core, "apply", &[]);
        let plan = core.plan(Some(&config)).await;
        let cloud = access::find(world.spec().platform).unwrap();
        let variable = cloud.settings().iter().find(|one| one.name == "access_key").unwrap().env[0];
        let named = |one: &Told| one.detail.contains("access_key") && one.detail.contains(variable);
        assert!(named(warning(&plan.told)), "{:#?}", plan.told);
        let told = core.apply_plan(&plan, Some(&config)).await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert!(named(&told[0]), "{told:#?}");
        assert_eq!(core.stored, None);
    }
}

#[tokio::test(start_paused = true)]
async fn guards_end_nobody_and_say_whom_they_saved() {
    for world in worlds() {
        let everywhere = world.whom(&world.live());
        let mut core = Core::new(&world);
        let config = all(&core, "apply", &[("max_sessions", 1.into())]);
        let told = core.apply(&config).await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert!(told[0].summary.starts_with("Too many sessions selected"), "{told:#?}");
        let mut core = Core::new(&world);
        let told = core.apply(&all(&core, "apply", &[("protect", everywhere)])).await;
        assert_eq!(told, [], "nobody is selected");
        assert!(core.last_run("protected").as_i64().unwrap() > 0);
        let mut core = Core::new(&world);
        core.applied(&all(&core, "apply", &[("dry_run", true.into())])).await;
        assert_eq!(core.last_run("dry_run"), true.into());
        core.block = world.block(&[("dry_run", true.into())]);
        core.stored = None;
        core.applied(&all(&core, "both", &[])).await;
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_destroy_that_is_a_dry_run_lets_go_and_says_so_before_and_after() {
    for world in worlds() {
        for by_block in [true, false] {
            let mut core = Core::new(&world);
            core.applied(&all(&core, "destroy", &[("dry_run", by_block.into())])).await;
            if !by_block {
                core.block = world.block(&[("dry_run", true.into())]);
            }
            let plan = core.plan(None).await;
            let seen = warning(&plan.told);
            assert!(seen.detail.contains("destroyed with everybody still connected"), "{seen:?}");
            let told = core.apply_plan(&plan, None).await;
            let seen = warning(&told);
            let title = "Nobody was disconnected in the destroy on ";
            assert!(seen.summary.starts_with(title), "{seen:?}");
            assert!(seen.detail.contains("leaves the state"), "{seen:?}");
            assert_eq!((&core.stored, world.killed().len()), (&None, 0));
        }
        // Where nobody is meant there is nothing to say.
        let mut core = Core::new(&world);
        let everywhere = world.whom(&world.live());
        let nobody = [("dry_run", true.into()), ("protect", everywhere)];
        core.applied(&all(&core, "destroy", &nobody)).await;
        assert_eq!(core.destroy().await, []);
    }
}

#[tokio::test(start_paused = true)]
async fn an_import_is_refused_with_the_reason() {
    for world in worlds() {
        let told = Core::new(&world).import("anything").await;
        assert_eq!(errors(&told), [format!("{} cannot be imported", world.termination())]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_ends_with_its_timeout_and_nobody_is_ended() {
    for world in worlds() {
        let mut core = Core::new(&world);
        let timeouts = some(&[("create", "30s".into())]);
        let config = all(&core, "apply", &[("timeouts", timeouts)]);
        let plan = core.plan(Some(&config)).await;
        // Every call, so the first of the list. A kill that hangs is a matter of the fault matrix.
        world.sandbox.switch_on(Switch::new(Trouble::Hang));
        let began = Instant::now();
        let told = core.apply_plan(&plan, Some(&config)).await;
        // The look before it takes ten seconds at most.
        assert!(began.elapsed() <= Duration::from_secs(40), "{:?}", began.elapsed());
        assert!(errors(&told)[0].ends_with("could not be listed in time"), "{told:#?}");
        assert!(world.killed().is_empty());
    }
}
