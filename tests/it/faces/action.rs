//! The action: a preview in the plan, a story while it works, and one end.

use std::time::Duration;

use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::Trouble;
use tokio::time::{Instant, sleep};

use super::other::ended;
use super::world::{Plugin, errors, texts, warning, worlds};

#[tokio::test(start_paused = true)]
async fn a_plan_previews_the_invocation_and_ends_nobody() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), false).await;
        let told = plugin.plan_action(&world, &[]).await;
        let summary = &warning(&told).summary;
        assert!(summary.starts_with("Session termination pending on "), "{summary}");
        assert!(told[0].detail.contains(", when the action is invoked.\n"), "{told:#?}");
        for name in [world.target(), "all", "protect", "timeout"] {
            assert_eq!(plugin.plan_action(&world, &[(name, Value::Unknown)]).await, [], "{name}");
        }
        let told = plugin.plan_action(&world, &[("session_ids", texts(&["a"]))]).await;
        assert!(!errors(&told).is_empty());
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invocation_tells_its_story_and_ends_once() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let (lines, told) = plugin.invoke(&world, &[]).await;
        assert_eq!(told, []);
        let killed = world.killed().len();
        assert!(killed > 0);
        let noun = world.spec().session;
        for (at, start) in [(0, "listed "), (1, "selected "), (2, "accepted ")] {
            assert!(lines[at].starts_with(start), "{lines:#?}");
        }
        assert!(lines.iter().any(|line| line.starts_with("verifying")), "{lines:#?}");
        let last = lines.last().unwrap();
        let plural = if killed == 1 { "" } else { "s" };
        let result = format!(": {killed} of {killed} selected {noun}{plural} terminated.");
        assert!(last.starts_with("Result on ") && last.contains(&result), "{lines:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_invocation_with_an_unknown_argument_is_an_error_and_not_a_success() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let (_, told) = plugin.invoke(&world, &[("max_sessions", Value::Unknown)]).await;
        assert_eq!(errors(&told), ["An argument is not known yet"]);
        assert!(world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_an_invocation_soon_with_one_error() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        world.fault(Trouble::Hang);
        let began = Instant::now();
        let stream = plugin.invoked(&world, &[]).await;
        sleep(Duration::from_secs(1)).await;
        plugin.stop().await;
        let (_, told) = ended(stream).await;
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
        assert_eq!(errors(&told).len(), 1, "{told:#?}");
        assert!(told[0].summary.ends_with("was interrupted"), "{told:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_away_stops_the_invocation() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        world.fault(Trouble::SlowBody);
        drop(plugin.invoked(&world, &[]).await);
        sleep(Duration::from_secs(10)).await;
        let began = Instant::now();
        Plugin::end(plugin).await;
        assert!(began.elapsed() < Duration::from_secs(1), "it had stopped by itself");
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}
