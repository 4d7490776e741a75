//! `drain` and `quiet` for every service, in a world that moves meanwhile.

use std::time::Duration;

use terraform_provider_session::framework::Value;
use terraform_provider_session::sandbox::Trouble;
use terraform_provider_session::services::simulator::{Clients, LiveClient};
use tokio::time::{Instant, sleep};

use super::core::{Core, Doing};
use super::managed::all;
use super::world::{Told, World, errors, some, worlds};

const DRAIN: (&str, &str) = ("drain", "60s");
const QUIET: (&str, &str) = ("quiet", "5s");

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// The first client of the instance's first node leaves by himself.
fn leaves(world: &World) -> LiveClient {
    let node = &world.instance.nodes[0].0;
    let mut ledger = world.sandbox.ledger();
    let client = ledger.list(node).remove(0);
    let keys = [client.address.clone(), client.id.clone()];
    assert!(keys.iter().any(|key| ledger.disconnect(node, key)), "{client:?}");
    client
}

/// Creates a block that waits or chases, while the world moves.
async fn while_it_runs(
    world: &World,
    (conduct, time): (&str, &str),
    limit: &str,
    happens: impl Future<Output = ()>,
) -> (Vec<Told>, Value, Duration) {
    let mut core = Core::new(world);
    let timeouts = some(&[("create", limit.into())]);
    let config = all(&core, "apply", &[(conduct, time.into()), ("timeouts", timeouts)]);
    let plan = core.plan(Some(&config)).await;
    assert_eq!(plan.doing, Doing::Create);
    let began = Instant::now();
    let (told, ()) = tokio::join!(core.apply_plan(&plan, Some(&config)), happens);
    let took = began.elapsed();
    let run = core.stored.as_ref().map_or(Value::Null, |stored| stored.state["last_run"].clone());
    (told, run, took)
}

fn count(run: &Value, name: &str) -> i64 {
    run.as_object().and_then(|run| run[name].as_i64()).unwrap_or(-1)
}

#[tokio::test(start_paused = true)]
async fn who_finishes_is_drained_and_newcomers_and_who_takes_over_an_address_are_ended() {
    for world in worlds() {
        let before = world.live().len();
        let happens = async {
            sleep(second(5)).await;
            // His address is somebody else's at once.
            let former = leaves(&world);
            let node = &world.instance.nodes[0].0;
            let other = LiveClient { id: "900007".into(), age: 0, idle: 0, ..former };
            world.sandbox.ledger().connect(node, other);
            sleep(second(5)).await;
            world.connect(&world.instance, 1);
        };
        let (told, run, took) = while_it_runs(&world, DRAIN, "5m", happens).await;
        let name = world.spec().name;
        assert_eq!(told, [], "{name}");
        assert_eq!(count(&run, "drained"), 1, "{name}: {run:?}");
        assert!(took >= second(60), "{name}: {took:?}");
        let left: Vec<_> = world.live().into_iter().map(|one| one.id).collect();
        let ended = world.killed();
        assert!(ended.iter().any(|(_, id)| id == "900007"), "{name}: {ended:?}");
        assert!(ended.iter().any(|(_, id)| id == "900001"), "{name}: {ended:?}");
        assert_eq!(count(&run, "terminated") as usize, ended.len(), "{name}");
        assert!(left.len() + ended.len() == before + 1, "{name}: {left:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_in_the_middle_of_a_drain_is_no_failure_and_a_token_that_ends_is_one() {
    for world in worlds() {
        let happens = async {
            sleep(second(5)).await;
            world.fault(Trouble::Throttle);
            sleep(second(20)).await;
            world.sandbox.reset();
        };
        let (told, run, _) = while_it_runs(&world, DRAIN, "5m", happens).await;
        let name = world.spec().name;
        assert_eq!(told, [], "{name}");
        assert_eq!(count(&run, "terminated") as usize, world.killed().len(), "{name}");
        assert!(!world.killed().is_empty(), "{name}");
    }
    for world in worlds() {
        let happens = async {
            sleep(second(5)).await;
            world.fault(Trouble::ExpiredToken);
        };
        let (told, _, took) = while_it_runs(&world, DRAIN, "5m", happens).await;
        assert_eq!(errors(&told).len(), 1, "{}: {told:#?}", world.spec().name);
        assert!(took < second(60), "it does not wait in vain: {took:?}");
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn newcomers_are_ended_until_it_is_quiet_and_a_pool_that_never_goes_is_named() {
    for world in worlds() {
        let happens = async {
            sleep(second(3)).await;
            world.connect(&world.instance, 1);
            sleep(second(4)).await;
            world.connect(&world.instance, 2);
        };
        let (told, _, took) = while_it_runs(&world, QUIET, "5m", happens).await;
        let name = world.spec().name;
        assert_eq!(told, [], "{name}");
        assert!(took >= second(12), "{name}: {took:?}");
        for id in ["900001", "900002"] {
            assert!(world.killed().iter().any(|(_, one)| one == id), "{name}: {id}");
        }
    }
    for world in worlds() {
        let pool = async {
            for number in 1..40 {
                sleep(second(1)).await;
                world.connect(&world.instance, number);
            }
        };
        let (told, _, took) = while_it_runs(&world, QUIET, "30s", pool).await;
        let name = world.spec().name;
        let title = "Clients keep coming back to ";
        assert!(errors(&told).iter().any(|one| one.starts_with(title)), "{name}: {told:#?}");
        assert!(told[0].detail.contains("keeps nobody out"), "{name}: {told:#?}");
        assert!(took <= second(60), "{name}: {took:?}");
        // No more than one list a second and node would allow.
        assert!(world.killed().len() > 10, "{name}: {}", world.killed().len());
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_a_drain_without_a_kill_and_a_quiet_with_an_error() {
    for (conduct, time) in [DRAIN, QUIET] {
        for world in worlds() {
            let mut core = Core::new(&world);
            core.applied(&all(&core, "destroy", &[(conduct, time.into())])).await;
            let plan = core.plan(None).await;
            let told = core.interrupted_destroy(&plan, second(4)).await;
            let name = world.spec().name;
            assert_eq!(errors(&told).len(), 1, "{name} {conduct}: {told:#?}");
            assert!(told[0].summary.ends_with("was interrupted"), "{name}: {told:#?}");
            assert!(core.stored.is_some(), "{name}: it is held back");
            assert_eq!(world.killed().is_empty(), conduct == "drain", "{name} {conduct}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_tells_who_is_waited_for() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let stream = plugin.invoked(&world, &[("drain", "30s".into())]).await;
        let (lines, told) = super::other::ended(stream).await;
        assert_eq!(told, [], "{}", world.spec().name);
        let waits = lines.iter().filter(|line| line.starts_with("draining: ")).count();
        assert!(waits > 2 && waits < 10, "{}: {lines:#?}", world.spec().name);
        let left = |line: &&String| line.contains(" left, ") && line.contains(" more at most");
        assert_eq!(lines.iter().filter(left).count(), waits, "{lines:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_ephemeral_waits_and_chases_as_the_others_do() {
    for world in worlds() {
        let mut plugin = world.configured(&world.block(&[]), true).await;
        let given = [("applying", true.into()), ("drain", "20s".into()), ("quiet", "3s".into())];
        let began = Instant::now();
        let moves = async {
            sleep(second(5)).await;
            leaves(&world);
            sleep(second(16)).await;
            world.connect(&world.instance, 1);
        };
        let (opened, ()) = tokio::join!(plugin.open(&world, &given), moves);
        let name = world.spec().name;
        assert_eq!(opened.told, [], "{name}");
        assert_eq!(opened.last_run("drained"), 1.into(), "{name}");
        assert!(began.elapsed() >= second(23), "{name}: {:?}", began.elapsed());
        assert!(world.killed().iter().any(|(_, id)| id == "900001"), "{name}");
    }
}
