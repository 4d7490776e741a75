//! Worlds that move between two calls: who is on several pages leaves, a second party makes snapshots
//! anew. Every service reads its pages its own way, so every one is tried.

use terraform_provider_session::sandbox::Setup;
use terraform_provider_session::services::{Service, simulated};

use crate::faces::core::Core;
use crate::faces::world::{Stir, World, errors};

/// How many leave by themselves, one after each call.
const LEAVERS: usize = 6;

/// Clients on one node: several pages of every service but one, which has a thousand on each.
fn crowd(service: &Service) -> usize {
    if service.spec.name == "huaweicloud_dcs" { 2_100 } else { 230 }
}

/// Ends everybody on an instance in a world that moves. Whoever is connected before and behind it is
/// counted by the sandbox itself.
async fn everybody_goes(service: &'static Service, stir: fn(String) -> Stir) {
    let about = service.spec.name;
    let world = World::new(service, Setup { clients: 0, ..Setup::default() });
    let crowd = crowd(service);
    for number in 0..crowd {
        world.connect(&world.instance, number);
    }
    let mut core = Core::new(&world);
    let config = crate::faces::all(&core, "apply", &[]);
    let plan = core.plan(Some(&config)).await;
    world.stir(stir(world.instance.nodes[0].0.clone()));
    let told = core.apply_plan(&plan, Some(&config)).await;
    let leavers = match world.stir(Stir::Nothing) {
        Stir::Leave(_, still) => LEAVERS - still,
        Stir::Nothing | Stir::Ask(_) => 0,
    };
    let (killed, living) = (world.killed().len(), world.live().len());
    let run = |name: &str| {
        let count = crate::faces::core::to_json(&core.last_run(name)).as_u64().unwrap();
        usize::try_from(count).unwrap()
    };
    let story = format!("{about}: {killed} were cut, {living} live, and it is told: {told:#?}");
    assert_eq!(killed + living, crowd - leavers, "{story}");
    assert!(errors(&told).is_empty() && living == 0, "{story}");
    // Whoever left while he was being ended may be called either.
    let (terminated, gone) = (run("terminated"), run("already_gone"));
    assert!(terminated + gone >= killed && terminated + gone <= crowd, "{story}");
    assert!(terminated <= killed + leavers && run("survived") == 0, "{story}");
}

#[tokio::test(start_paused = true)]
async fn a_list_whose_clients_leave_between_its_pages_hides_nobody() {
    for service in simulated() {
        everybody_goes(service, |node| Stir::Leave(node, LEAVERS)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_somebody_else_makes_anew_between_its_pages_hides_nobody() {
    for service in simulated() {
        everybody_goes(service, |_| Stir::Ask(None)).await;
    }
}
