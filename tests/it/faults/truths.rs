//! What a report was once seen to say that was not so, each under the name of what is right.

use std::time::Duration;

use terraform_provider_session::framework::{Object, Value};
use terraform_provider_session::sandbox::{Setup, Switch, Trouble};
use terraform_provider_session::services::simulated;
use terraform_provider_session::services::simulator::{FOLLOWER, Fault, LiveClient};
use tokio::time::sleep;

use crate::faces::core::Core;
use crate::faces::world::{World, errors, some};

fn crowded(service: &str, clients: usize) -> World {
    let service = simulated().find(|one| one.spec.name == service).unwrap();
    World::new(service, Setup { clients, ..Setup::default() })
}

fn names(names: &[&str]) -> Value {
    some(&[("names", Value::List(names.iter().map(|name| Value::from(*name)).collect()))])
}

fn count(core: &Core<'_>, name: &str) -> i64 {
    core.last_run(name).as_i64().unwrap()
}

/// Ends one worker of a DCS instance beside somebody who is protected.
fn one_worker(core: &Core<'_>, worker: &LiveClient, protected: &str) -> Object {
    core.config(&[
        ("when", "apply".into()),
        ("match", names(&[&worker.name])),
        ("protect", names(&[protected])),
        ("node_id", core.world.instance.nodes[0].0.as_str().into()),
    ])
}

#[tokio::test(start_paused = true)]
async fn whoever_takes_over_an_address_is_neither_ended_nor_counted() {
    let world = crowded("huaweicloud_dcs", 3);
    let worker = world.live().remove(0);
    world.fault(Trouble::Service(Fault::KnownAgain));
    let mut core = Core::new(&world);
    let config = one_worker(&core, &worker, FOLLOWER);
    core.applied(&config).await;
    let killed = world.killed();
    assert_eq!(killed.len(), 1, "{killed:?}");
    let counts = ["selected", "terminated", "survived", "protected"].map(|name| count(&core, name));
    assert_eq!(counts, [1, 1, 0, 0]);
    let heir = |one: &LiveClient| one.name == FOLLOWER && one.address == worker.address;
    assert!(world.live().iter().any(heir));
}

#[tokio::test(start_paused = true)]
async fn a_kill_that_could_not_be_made_for_long_is_judged_anew_before_it_is_made() {
    let world = crowded("huaweicloud_dcs", 3);
    let worker = world.live().remove(0);
    let node = world.instance.nodes[0].0.clone();
    world.sandbox.switch_on(Switch::new(Trouble::Throttle).on("clients/kill").times(12));
    let mut core = Core::new(&world);
    let config = one_worker(&core, &worker, "vip");
    let plan = core.plan(Some(&config)).await;
    let meanwhile = async {
        // By then the first kill was refused, and it is tried again until long after.
        sleep(Duration::from_secs(5)).await;
        let mut ledger = world.sandbox.ledger();
        assert!(ledger.disconnect(&node, &worker.id), "it was not ended yet");
        let (id, name) = ("990001".to_owned(), "vip".to_owned());
        ledger.connect(&node, LiveClient { id, name, age: 0, idle: 0, ..worker.clone() });
    };
    let (told, ()) = tokio::join!(core.apply_plan(&plan, Some(&config)), meanwhile);
    assert!(errors(&told).is_empty(), "{told:#?}");
    assert_eq!(world.killed(), []);
    let counts = ["selected", "terminated", "already_gone"].map(|name| count(&core, name));
    assert_eq!(counts, [1, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn blocks_on_one_target_side_by_side_do_not_claim_each_others_kills() {
    for service in simulated() {
        let world = World::new(service, Setup { clients: 4, ..Setup::default() });
        let plugin = world.configured(&world.block(&[]), true).await;
        let blocks = [(); 3].map(|()| {
            let (mut plugin, world) = (plugin.clone(), &world);
            async move { plugin.open(world, &[("applying", true.into())]).await }
        });
        let opened = futures_util::future::join_all(blocks).await;
        let claimed: i64 =
            opened.iter().map(|one| one.last_run("terminated").as_i64().unwrap()).sum();
        let killed = world.killed().len();
        assert_eq!(usize::try_from(claimed), Ok(killed), "{}", service.spec.name);
        for one in &opened {
            assert_eq!(one.told, [], "{}", service.spec.name);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_end_that_comes_late_is_waited_for_and_nobody_is_called_gone_before() {
    for service in simulated() {
        let world = World::new(service, Setup { clients: 0, ..Setup::default() });
        for number in 0..300 {
            world.connect(&world.instance, number);
        }
        world.fault(Trouble::Service(Fault::EndsLate));
        let mut core = Core::new(&world);
        // Shorter than the end takes: nobody is gone yet, and nobody is called so.
        let soon = some(&[("create", "6s".into())]);
        let config = crate::faces::all(&core, "apply", &[("timeouts", soon)]);
        let told = core.apply(&config).await;
        let late = world.live().len();
        if late > 0 {
            assert!(!errors(&told).is_empty(), "{}: {told:#?}", service.spec.name);
            assert_eq!(count(&core, "terminated"), 0, "{}: {told:#?}", service.spec.name);
            // One list has no more than its first two hundred, until those are gone.
            let survived = count(&core, "survived");
            assert!([200, 300].contains(&survived), "{}: {told:#?}", service.spec.name);
        }
        // It is tainted now; another one finds who is left.
        let mut core = Core::new(&world);
        let config = crate::faces::all(&core, "apply", &[]);
        let told = core.apply(&config).await;
        assert!(errors(&told).is_empty(), "{}: {told:#?}", service.spec.name);
        assert_eq!(world.live().len(), 0, "{}: {told:#?}", service.spec.name);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_makes_no_sense_does_not_count_with_those_that_ask_to_wait() {
    for (troubles, done) in [
        (["throttle", "throttle", "wrong-content-type"], true),
        (["wrong-content-type", "wrong-content-type", "throttle"], true),
        (["wrong-content-type"; 3], false),
    ] {
        let world = crowded("huaweicloud_dds", 4);
        let mut core = Core::new(&world);
        let config = crate::faces::all(&core, "apply", &[("all", true.into())]);
        let config = Object::from_iter(
            config
                .into_iter()
                .chain([("node_id".to_owned(), world.instance.nodes[0].0.as_str().into())]),
        );
        let plan = core.plan(Some(&config)).await;
        for name in troubles {
            let trouble = Trouble::named(name).unwrap();
            world.sandbox.switch_on(Switch::new(trouble).on("GET sessions").times(1));
        }
        let told = core.apply_plan(&plan, Some(&config)).await;
        assert_eq!(errors(&told).is_empty(), done, "{troubles:?}: {told:#?}");
    }
}
