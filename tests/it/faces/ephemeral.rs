//! The ephemeral resource: it lists in a plan, acts in an apply, on open or on close, and never twice.

use std::time::Duration;

use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::Trouble;
use terraform_provider_session::services::simulator::Fault;
use tokio::time::{Instant, sleep};

use super::world::{errors, warning, worlds};

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
        plugin.shutdown.run().await;
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
    for world in worlds() {
        for cut in [false, true] {
            let mut plugin = world.configured(&world.block(&[]), false).await;
            world.cut(cut);
            world.fault(Trouble::Service(Fault::TargetGone));
            let began = Instant::now();
            let opened = plugin.open(&world, &[("applying", false.into())]).await;
            assert!(began.elapsed() <= Duration::from_secs(10));
            assert_eq!(opened.sessions(), 0);
            if let [only] = opened.told.as_slice() {
                assert_eq!(
                    (only.error, only.summary.as_str()),
                    (false, "Sessions could not be listed")
                );
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
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let opened = plugin.open(&world, &on_close(true)).await;
        world.fault(Trouble::Service(Fault::TargetGone));
        let told = plugin.close(&world, &opened.handle).await;
        if !told.is_empty() {
            assert!(warning(&told).summary.starts_with("Target of a session"), "{told:#?}");
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
