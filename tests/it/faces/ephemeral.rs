//! The ephemeral resource: it lists in a plan, acts in an apply, on open or on close, and never twice.

use std::time::Duration;

use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::Trouble;
use terraform_provider_session::services::simulator::Fault;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::world::{World, errors, warning, worlds};

const CLOSE: (&str, &str) = ("when", "close");

fn on_close(applying: bool) -> [(&'static str, Value); 2] {
    [("applying", applying.into()), (CLOSE.0, CLOSE.1.into())]
}

#[tokio::test(start_paused = true)]
async fn in_a_plan_it_lists_and_ends_nobody_however_often_it_is_opened() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), false).await;
        for given in
            [&[("applying", false.into())][..], &on_close(false), &[("applying", Value::Null)]]
        {
            for _ in 0..2 {
                let opened = plugin.open(&world, given).await;
                assert_eq!(opened.told, []);
                assert!(opened.sessions() > 0 && opened.last_run("at") == Value::Null);
                if world.spec().regional {
                    assert!(opened.result.as_ref().unwrap()["region"].is_known());
                }
                assert_eq!(plugin.close(&world, &opened.handle).await, []);
            }
        }
        plugin.open(&world, &on_close(false)).await;
        plugin.end().await;
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn in_an_apply_it_acts_on_open_and_not_again_on_close() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let opened = plugin.open(&world, &[("applying", true.into())]).await;
        assert_eq!(opened.told, []);
        let killed = world.killed().len();
        assert!(killed > 0, "{}", world.spec().name);
        assert_eq!(opened.last_run("terminated"), (killed as i64).into());
        assert_eq!(opened.last_run("reason"), "open".into());
        assert_eq!(opened.sessions(), killed);
        world.connect(&world.instance, 1);
        assert_eq!(plugin.close(&world, &opened.handle).await, []);
        plugin.end().await;
        assert_eq!(world.killed().len(), killed);
    }
}

#[tokio::test(start_paused = true)]
async fn with_when_close_it_acts_on_close_exactly_once() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let opened = plugin.open(&world, &on_close(true)).await;
        assert_eq!((opened.told.as_slice(), world.killed().len()), (&[][..], 0));
        assert!(opened.sessions() > 0);
        assert_eq!(plugin.close(&world, b"a handle of nobody").await, []);
        assert!(world.killed().is_empty());
        assert_eq!(plugin.close(&world, &opened.handle).await, []);
        let killed = world.killed().len();
        assert!(killed > 0);
        world.connect(&world.instance, 1);
        assert_eq!(plugin.close(&world, &opened.handle).await, []);
        plugin.end().await;
        assert_eq!(world.killed().len(), killed, "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_never_closed_is_released_at_the_shutdown_exactly_once() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let handles = [
            plugin.open(&world, &on_close(true)).await.handle,
            plugin.open(&world, &on_close(true)).await.handle,
        ];
        assert_ne!(handles[0], handles[1]);
        plugin.stop().await;
        assert!(world.killed().is_empty());
        plugin.shutdown.run(&CancellationToken::new()).await;
        let killed = world.killed().len();
        assert!(killed > 0, "{}", world.spec().name);
        world.connect(&world.instance, 1);
        for handle in handles {
            assert_eq!(plugin.close(&world, &handle).await, []);
        }
        plugin.end().await;
        assert_eq!(world.killed().len(), killed);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_that_fails_says_so_once_and_leaves_nothing_to_release() {
    for world in worlds() {
        for given in [&on_close(true)[..], &[("applying", true.into())]] {
            let block = world.block_of(&[("secret_key", "not the one".into())]);
            let mut plugin = world.configured(&block, true).await;
            let sent = world.sent();
            let opened = plugin.open(&world, given).await;
            assert_eq!(errors(&opened.told).len(), 1, "{:#?}", opened.told);
            plugin.end().await;
            assert_eq!(world.sent() - sent, 1, "{}", world.spec().name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_absent_or_a_cloud_out_of_reach_is_no_error_in_a_plan() {
    for world in worlds().filter(World::tells_absence) {
        for cut in [false, true] {
            let mut plugin = world.configured(&world.block(&[]), false).await;
            world.cut(cut);
            world.fault(Trouble::Service(Fault::TargetGone));
            let began = Instant::now();
            let opened = plugin.open(&world, &[("applying", false.into())]).await;
            assert!(began.elapsed() <= Duration::from_secs(10));
            assert_eq!(opened.sessions(), 0);
            if let [only] = opened.told.as_slice() {
                let summary = only.summary.as_str();
                assert!(!only.error, "{only:?}");
                assert_eq!(opened.listed(), None, "null, which is not an empty list");
                assert!(summary.starts_with("Sessions could not be listed on "), "{summary}");
            } else {
                assert!(!cut && opened.told.is_empty(), "{:#?}", opened.told);
            }
            world.cut(false);
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_is_absent_at_the_close_is_a_warning() {
    for world in worlds().filter(World::tells_absence) {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let opened = plugin.open(&world, &on_close(true)).await;
        world.fault(Trouble::Service(Fault::TargetGone));
        let told = plugin.close(&world, &opened.handle).await;
        if !told.is_empty() {
            assert!(
                warning(&told).summary.starts_with("Nothing is left to terminate on "),
                "{told:#?}"
            );
        }
        assert!(world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_an_open_soon_with_an_error() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        world.fault(Trouble::Hang);
        let mut other = super::world::Plugin::clone(&plugin);
        let began = Instant::now();
        let stop = async {
            sleep(Duration::from_secs(1)).await;
            other.stop().await;
        };
        let given = [("applying", true.into())];
        let (opened, ()) = futures_util::join!(plugin.open(&world, &given), stop);
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        assert!(errors(&opened.told)[0].ends_with("was interrupted"), "{:#?}", opened.told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_is_cut_short_is_finished_by_the_shutdown() {
    for world in worlds() {
        for by_shutdown in [false, true] {
            let mut plugin = world.configured(&world.block(&[]), true).await;
            let handle = plugin.open(&world, &on_close(true)).await.handle;
            world.fault(Trouble::Hang);
            let mut other = super::world::Plugin::clone(&plugin);
            let stop = async {
                sleep(Duration::from_secs(1)).await;
                world.sandbox.reset(); // the call that hangs goes on to do so
                if by_shutdown {
                    other.end().await;
                } else {
                    other.stop().await;
                }
            };
            let (told, ()) = futures_util::join!(plugin.close(&world, &handle), stop);
            assert!(errors(&told)[0].ends_with("was interrupted"), "{told:#?}");
            assert!(told[0].detail.contains("once more for whoever is left"), "{told:#?}");
            plugin.end().await;
            let mut killed = world.killed();
            killed.sort();
            killed.dedup();
            assert!(!killed.is_empty(), "{}", world.spec().name);
            assert_eq!(killed.len(), world.killed().len(), "somebody was cut twice");
            world.sandbox.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_that_is_interrupted_before_it_is_open_leaves_nothing_to_release() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        world.fault(Trouble::Hang);
        let mut other = super::world::Plugin::clone(&plugin);
        let stop = async {
            sleep(Duration::from_secs(1)).await;
            other.stop().await;
        };
        let given = on_close(true);
        let (opened, ()) = futures_util::join!(plugin.open(&world, &given), stop);
        assert_eq!(errors(&opened.told), ["Session termination was interrupted"]);
        world.sandbox.reset();
        plugin.shutdown.run(&CancellationToken::new()).await;
        let late = plugin.open(&world, &on_close(true)).await;
        assert_eq!(errors(&late.told).len(), 1, "after the shutdown: {:#?}", late.told);
        plugin.end().await;
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_that_cannot_list_says_that_the_run_is_still_to_come() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        world.cut(true);
        for (given, expected) in [
            (&on_close(true)[..], "Nothing was terminated yet."),
            (&[("applying", false.into())], "Nothing was terminated."),
        ] {
            let told = plugin.open(&world, given).await.told;
            assert!(warning(&told).detail.contains(expected), "{told:#?}");
        }
        world.cut(false);
        plugin.end().await;
        assert!(!world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_release_does_not_keep_the_others_from_theirs() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        for _ in 0..3 {
            assert_eq!(plugin.open(&world, &on_close(true)).await.told, []);
        }
        world.panic_once();
        plugin.end().await;
        assert!(!world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_insists_on_the_end_need_not_wait_for_what_hangs() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        plugin.open(&world, &on_close(true)).await;
        world.fault(Trouble::Hang);
        let insisted = CancellationToken::new();
        let began = Instant::now();
        let insist = async {
            sleep(Duration::from_secs(1)).await;
            insisted.cancel();
        };
        futures_util::join!(plugin.shutdown.run(&insisted), insist);
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}
