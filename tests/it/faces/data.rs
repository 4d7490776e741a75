//! The data source: a list, and no effect on anything.

use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::Trouble;
use terraform_provider_session::services::simulator::{Fault, LiveClient};

use super::world::{errors, worlds};

#[tokio::test(start_paused = true)]
async fn it_lists_everybody_or_whom_match_means_and_ends_nobody() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), false).await;
        let (all, told) = plugin.list(&world, &[]).await;
        assert_eq!(told, []);
        let all = all.unwrap();
        let total = all["total"].as_i64().unwrap();
        let rows = all["sessions"].as_list().unwrap();
        assert!(total > 1 && rows.len() as i64 == total, "{}", world.spec().name);
        assert_eq!(all["session_ids"].as_list().unwrap().len() as i64, total);
        assert!(rows.iter().all(|row| row.as_object().unwrap()["id"].is_known()));

        let only = world.whom(&world.live()[..1]);
        let (some, told) = plugin.list(&world, &[("match", only)]).await;
        assert_eq!((told.as_slice(), &some.unwrap()["total"]), (&[][..], &Value::from(1)));
        assert!(world.killed().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_listed_is_an_error_with_the_answer_and_advice() {
    for world in worlds() {
        let block = world.block_of(&[("secret_key", "not the one".into())]);
        let mut plugin = world.configured(&block, false).await;
        let (state, told) = plugin.list(&world, &[]).await;
        assert_eq!((state, errors(&told)), (None, vec!["Sessions could not be listed"]));
        assert_eq!(world.sent(), 1, "{}", world.spec().name);
        assert!(told[0].detail.contains("request id") && told[0].detail.contains("\n\n"));
        world.sandbox.reset();
        world.fault(Trouble::Service(Fault::TargetGone));
        let mut plugin = world.configured(&world.block(&[]), false).await;
        let (state, told) = plugin.list(&world, &[]).await;
        assert!(state.is_none() || told.is_empty(), "{told:#?}");
        let (_, told) = plugin.list(&world, &[("timeout", Value::Unknown)]).await;
        assert_eq!(errors(&told), ["An argument is not known yet"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_timeout_longer_than_all_time_is_only_a_long_one() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), false).await;
        let forever = ("timeout", "18446744073709551615s".into());
        assert_eq!(plugin.list(&world, &[forever]).await.1, [], "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn what_clients_choose_is_printable_in_the_state() {
    for world in worlds() {
        let odd = "a\u{1b}[2J\u{9b}b\u{202e}c";
        let client = LiveClient {
            id: "900001".into(),
            address: "10.9.0.2:41000".into(),
            name: odd.into(),
            user: odd.into(),
            command: "get".into(),
            database: "0".into(),
            ..LiveClient::default()
        };
        world.sandbox.ledger().connect(&world.instance.nodes[0].0, client);
        let mut plugin = world.configured(&world.block(&[]), false).await;
        let (all, told) = plugin.list(&world, &[]).await;
        assert_eq!(told, []);
        let text = format!("{:?}", all.unwrap()["sessions"]);
        assert!(text.contains("a?[2J?b?c"), "{}: {text}", world.spec().name);
        assert!(!text.contains("\\u{1b}") && !text.contains("\\u{202e}"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_hangs_keeps_a_plan_for_half_a_minute() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), false).await;
        world.fault(Trouble::Hang);
        let began = tokio::time::Instant::now();
        let (_, told) = plugin.list(&world, &[]).await;
        assert_eq!(errors(&told).len(), 1, "{told:#?}");
        assert!(began.elapsed().as_secs() <= 30, "{:?}", began.elapsed());
    }
}
