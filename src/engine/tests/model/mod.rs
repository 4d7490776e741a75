//! A model of hostile worlds: ids are used again, deaths come late, pages move while they are read,
//! calls are throttled, clients come and go and change what a filter looks at. Thousands of seeds,
//! each repeatable, and after every run the report is held against what really happened.

mod world;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::num::NonZeroU64;
use std::time::Duration;

use super::world::{Luck, play, spec};
use crate::engine::*;
use crate::services::{Everyone, Field, Session};
use world::{Client, Identity, Setup, World};

/// How many worlds are tried. A failure names its seed; set [`ONLY`] to repeat it alone.
const SEEDS: u64 = 5000;
const ONLY: Option<u64> = None;

/// The number that a model's list tells of each session, unknown to the engine.
fn serial(session: &Session) -> Option<u64> {
    match session.fields.get("cmd")? {
        Field::Text(text) => text.parse().ok(),
        Field::Integer(_) | Field::Bool(_) => None,
    }
}

fn users(names: &[&str]) -> Filter {
    let users = Some(names.iter().map(|name| (*name).to_owned()).collect());
    Filter { users, ..Filter::default() }
}

/// What a seed plays.
struct Game {
    setup: Setup,
    batch: usize,
    everyone: Everyone,
    selection: u64,
    protects: bool,
    cap: Option<NonZeroU64>,
    looks_again: bool,
    drain: Option<Duration>,
    quiet: Option<Duration>,
}

fn game(luck: &mut Luck) -> Game {
    let identity = [Identity::Number, Identity::Age, Identity::Both][luck.index(3)];
    let most = [10, 40, 80][luck.index(3)];
    let clients = luck.index(most);
    let setup = Setup {
        identity,
        nodes: 1 + luck.index(3),
        clients,
        page: [3, 3, 8, 100][luck.index(4)],
        prepares: luck.below(3) == 0,
        finds: luck.below(3) == 0,
        latency: Duration::from_millis([1, 20, 200, 900][luck.index(4)]),
        dies_within: Duration::from_secs([0, 3, 6, 12][luck.index(4)]),
        churn: luck.index(5) * 10,
        throttled: [0, 0, 10, 30][luck.index(4)],
        stubborn: luck.below(4) == 0,
        rest_after: Duration::from_secs([6, 20, 60][luck.index(3)]),
    };
    let protects = luck.below(2) == 0;
    let everyone = luck.below(4) == 0;
    let selection = luck.below(3);
    let seconds = |luck: &mut Luck, most| Duration::from_secs(2 + luck.below(most));
    let drain = (luck.below(4) == 0).then(|| seconds(luck, 90));
    let quiet = (selection < 2 && luck.below(4) == 0).then(|| seconds(luck, 20));
    Game {
        setup,
        batch: [1, 2, 5, 50][luck.index(4)],
        everyone: if everyone { Everyone::NodeOrTarget } else { Everyone::Never },
        selection,
        protects,
        cap: (luck.below(6) == 0).then(|| NonZeroU64::new(500).expect("not zero")),
        looks_again: luck.below(2) == 0,
        drain,
        quiet,
    }
}

#[tokio::test(start_paused = true)]
async fn in_every_world_the_report_tells_what_happened_and_nobody_is_ended_who_was_not_meant() {
    let (mut clean, mut ended, mut survived, mut spared, mut missed) = (0, 0, 0, 0, 0);
    let (mut drained, mut chased) = (0, 0);
    for seed in ONLY.map_or(0..SEEDS, |seed| seed..seed + 1) {
        let mut luck = Luck(seed);
        let game = game(&mut luck);
        let world = World::new(luck.clone(), game.setup.clone());
        let start = Instant::now();
        let selection = match game.selection {
            0 => Selection::All,
            1 => Selection::Match(users(&["app"])),
            _ => Selection::Ids(world.some_ids()),
        };
        let by_id = matches!(selection, Selection::Ids(_));
        let matches_all = game.selection == 0;
        let play = play(selection).with(|play| {
            play.spec = spec(game.batch, game.everyone);
            // Time enough, unless somebody never goes.
            let minutes = if game.setup.stubborn { 10 } else { 240 };
            play.request.timeout = Duration::from_secs(minutes * 60);
            play.request.guards.protect = game.protects.then(|| users(&["vip"]));
            play.request.guards.max_sessions = game.cap;
            play.request.looks_again = game.looks_again;
            (play.request.drain, play.request.quiet) = (game.drain, game.quiet);
        });
        let report = play.run_in(&world).await;
        let whole = format!("seed {seed}: {:?} {:?}", report.halt, report.remarks);

        let meant = |client: &Client| matches_all || client.always("app");
        let shielded = |client: &Client| game.protects && client.ever("vip");
        let swept = game.everyone != Everyone::Never;
        world.look(|state| {
            // Nobody is named by a list that is older than two seconds and a little.
            assert!(state.stalest <= Duration::from_millis(2500), "{whole}: {:?}", state.stalest);
            // Nobody is named who, on the newest list that there was, was not meant or was saved.
            for (serial, user) in &state.named_as {
                let what = format!("{whole}: {serial} was named as {user}");
                assert!(!(game.protects && *user == "vip"), "{what}");
                assert!(matches_all || by_id || *user == "app", "{what}");
            }
            let mut told = BTreeSet::new();
            for victim in &report.victims {
                let Some(serial) = serial(&victim.session) else { continue };
                told.insert(serial);
                let client = &state.clients[&serial];
                let what = format!("{whole}: {victim:?} {client:?}");
                match victim.fate {
                    // Everybody reported terminated is dead, and a call had named or covered him.
                    Fate::Terminated => {
                        let named = state.named_as.iter().any(|(one, _)| *one == serial);
                        assert!(client.died.is_some() && (named || swept), "{what}");
                        ended += 1;
                    }
                    Fate::AlreadyGone => assert!(client.died.is_some(), "{what}"),
                    // Who ended by himself while he was waited for was not asked to.
                    Fate::Drained => {
                        assert!(game.drain.is_some() && client.died.is_some(), "{what}");
                        assert!(!state.asked.contains(&serial), "{what}");
                        drained += 1;
                    }
                    // A call that named whoever had its id before may have hit it: nothing can tell.
                    Fate::Spared(_) | Fate::Untouched => {
                        let named = state.named_as.iter().any(|(one, _)| *one == serial);
                        assert!(!(named && state.asked.contains(&serial)) || swept, "{what}");
                        spared += 1;
                    }
                    Fate::Survived(_) => survived += 1,
                }
            }
            // Everybody who was asked for and lives is reported.
            for (serial, _) in &state.named_as {
                let client = &state.clients[serial];
                if client.died.is_none() {
                    assert!(
                        told.contains(serial),
                        "{whole}: {client:?} was asked for, lives, and is not told"
                    );
                }
            }
            let works = !report.halt.as_ref().is_some_and(Halt::is_guard);
            for (serial, client) in state.clients.iter().filter(|_| works && !by_id) {
                let before = client.born < start;
                let clear = meant(client) && !shielded(client);
                // Whoever a look showed, meant all the time and there before the first, counts.
                // One whose id somebody else had before the list was complete is not on it.
                let replaced = state.clients.values().any(|other| {
                    (&other.node, &other.id) == (&client.node, &client.id)
                        && client.died.is_some_and(|died| other.born >= died)
                });
                // A first look that guards could not count by was made anew.
                let stood = state
                    .first_kill
                    .is_some_and(|first| client.died.is_none_or(|died| died > first));
                if before && clear && client.shown && stood && !replaced {
                    assert!(told.contains(serial), "{whole}: {client:?} was shown and is not told");
                }
                // At a success nobody lives who stood before the first look and is meant.
                let success = report.halt.is_none() && report.survived() == 0;
                // Where quiet was waited for, nobody lives who was there at the last look.
                let looked = state.begun.get(&client.node);
                let came_before = looked.is_some_and(|looked| client.born < *looked);
                if success && game.quiet.is_some() && clear && came_before {
                    assert!(client.died.is_some(), "{whole}: {client:?} lives, and it is quiet");
                    chased += u32::from(client.born > start);
                }
                if success && before && clear {
                    assert!(client.died.is_some(), "{whole}: {client:?} lives at a success");
                    missed += u32::from(!client.on_first_look);
                }
            }
            // With time enough and a world that comes to rest, every run ends well.
            if !game.setup.stubborn {
                assert!(report.halt.is_none(), "{whole}");
                let left: Vec<_> = report.survivors().collect();
                let known: Vec<_> = left
                    .iter()
                    .filter_map(|it| serial(&it.session))
                    .map(|it| &state.clients[&it])
                    .collect();
                assert!(left.is_empty(), "{whole} {left:?} {known:?}");
                clean += 1;
            }
        });
    }
    if ONLY.is_none() {
        assert!(
            clean > 1000 && ended > 10_000 && survived > 100 && spared > 20 && missed > 50,
            "the worlds are all alike: {clean} {ended} {survived} {spared} {missed}"
        );
        assert!(drained > 500 && chased > 300, "nobody conducts himself: {drained} {chased}");
        // Past the harness' capture.
        let told = format!(
            "\nModel: {SEEDS} seeds; {clean} came to a good end, {ended} sessions ended, {drained} \
             drained, {spared} spared, {survived} survived.\n"
        );
        std::io::stdout().write_all(told.as_bytes()).unwrap();
    }
}
