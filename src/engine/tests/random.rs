//! Hundreds of random bad days, each compared with what really happened.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::world::{Fault, Key, Luck, play, session, spec, world};
use crate::engine::*;
use crate::services::{Everyone, Kind};

#[tokio::test(start_paused = true)]
async fn on_any_bad_day_the_report_agrees_with_what_really_happened() {
    let (mut terminated, mut survived, mut untouched, mut clean) = (0, 0, 0, 0);
    for seed in 0..600 {
        let mut luck = Luck(seed);
        let mut one_of = |limit: u64| usize::try_from(luck.below(limit)).unwrap();
        let batch = [1, 2, 3, 7, 0][one_of(5)];
        let everyone = [Everyone::Never, Everyone::Target, Everyone::NodeOrTarget][one_of(3)];
        let everyone = if batch == 0 { Everyone::Target } else { everyone };
        let nodes = if batch == 0 { 1 } else { 1 + one_of(4) };
        let per_node = one_of(12);
        let protect = one_of(3) == 0;
        let verify = if one_of(3) == 0 { Verify::Trust } else { Verify::UntilGone };
        let timeout = Duration::from_secs(1 + luck.below(120));
        let cancel_after = (luck.below(4) == 0).then(|| Duration::from_millis(luck.below(60_000)));
        let world = world(&[]);
        let (mut spared, mut some_ids) = (BTreeSet::new(), BTreeSet::new());
        world.set(|state| {
            state.page = 5;
            state.seamless = luck.below(3) == 0;
            state.hides = usize::try_from(luck.below(6).saturating_sub(3)).unwrap();
            for node in 0..nodes {
                let node = if batch == 0 { String::new() } else { format!("n{node}") };
                for id in 0..per_node {
                    let user = if luck.below(4) == 0 { "admin" } else { "app" };
                    let mut one = session(&node, &format!("{node}s{id}"), user);
                    one.unkillable = (luck.below(15) == 0 && batch > 0).then_some("asleep");
                    if luck.below(20) == 0 {
                        state.stubborn.insert(one.id.0.clone());
                    }
                    if luck.below(20) == 0 {
                        state.denied.insert(one.id.0.clone());
                    }
                    if luck.below(20) == 0 {
                        state.refused.insert(one.id.0.clone());
                    }
                    let untold = luck.below(60) == 0;
                    if untold {
                        one.fields.remove("user");
                    }
                    if protect && (untold || user == "admin") {
                        spared.insert((node.clone(), one.id.0.clone()));
                    }
                    if luck.below(2) == 0 {
                        some_ids.insert(one.id.clone());
                    }
                    state.live.insert((node.clone(), one.id.0.clone()), one);
                }
                state.nodes.push(node);
            }
            state.reconnects = luck.below(2) == 0;
            state.asynchronous = luck.below(3) == 0;
            state.prepares = luck.below(3) == 0;
            if luck.below(5) == 0 {
                let unkind = [Fault::Fails(Kind::Unavailable), Fault::Asks(Kind::Throttled, 600)];
                let draw = |_| unkind[usize::try_from(luck.below(2)).unwrap()];
                state.kills = (0..4).map(draw).collect();
            }
            let share = [0.0, 0.1, 0.3, 0.6][usize::try_from(luck.below(4)).unwrap()];
            state.luck = Some((Luck(seed + 1_000_000), share));
        });
        let selection = match luck.below(4) {
            0 => Selection::Ids(some_ids),
            1 => Selection::Match(super::users(&["app"])),
            _ => Selection::All,
        };
        let play = play(selection).with(|play| {
            play.spec = spec(batch, everyone);
            play.request.verify = verify;
            play.request.timeout = timeout;
            play.request.guards.protect = protect.then(|| super::users(&["admin"]));
        });
        let start = Instant::now();
        let finished = tokio_util::sync::CancellationToken::new();
        let interrupt = async {
            if let Some(after) = cancel_after {
                tokio::select! {
                    () = tokio::time::sleep(after) => play.cancel.cancel(),
                    () = finished.cancelled() => {}
                }
            }
        };
        let run = async {
            let report = play.run(&world).await;
            finished.cancel();
            report
        };
        let (report, ()) = tokio::join!(run, interrupt);
        assert!(start.elapsed() <= timeout, "seed {seed}: {:?} of {timeout:?}", start.elapsed());

        world.get(|state| {
            for victim in &report.victims {
                let key = (victim.session.node.clone(), victim.session.id.0.clone());
                let lives = state.live.contains_key(&key);
                let ended = state.ended.contains(&key);
                let named = state.named.contains(&key);
                let what = format!("seed {seed}, {key:?}, {victim:?}, {:?}", report.halt);
                // Nobody looks at what the cloud says of these.
                let id = &victim.session.id.0;
                let lied_about = state.stubborn.contains(id) || state.denied.contains(id);
                let believed = verify == Verify::Trust && lied_about;
                match &victim.fate {
                    Fate::Terminated | Fate::AlreadyGone if believed => {
                        let gone = matches!(report.halt, Some(Halt::TargetGone(_)));
                        assert!(named || gone, "{what}");
                    }
                    Fate::Terminated => assert!(named && !lives, "{what}"),
                    Fate::AlreadyGone | Fate::Drained => assert!(!lives && !ended, "{what}"),
                    Fate::Survived(why) => {
                        assert!(!ended || why.starts_with("not verified"), "{what}");
                    }
                    Fate::Untouched | Fate::Spared(_) => assert!(!ended, "{what}"),
                }
                terminated += u32::from(victim.fate == Fate::Terminated);
                survived += u32::from(matches!(victim.fate, Fate::Survived(_)));
                untouched += u32::from(victim.fate == Fate::Untouched);
            }
            assert!(
                state.named.is_disjoint(&spared),
                "seed {seed}: one that is, or may be, protected"
            );
            let told: BTreeSet<Key> = report
                .victims
                .iter()
                .map(|victim| (victim.session.node.clone(), victim.session.id.0.clone()))
                .collect();
            // One call for all also ends those whom the list does not show.
            let listed = |key: &&Key| !key.1.starts_with("new-") && state.hides == 0;
            for key in state.named.iter().filter(listed) {
                assert!(told.contains(key), "seed {seed}: {key:?} was named and is not reported");
            }
            assert!(state.largest <= batch.max(1), "seed {seed}");
            assert!(state.most_running <= 4, "seed {seed}");
            // A few calls a second at the most, however long it takes.
            let seconds = usize::try_from(timeout.as_secs()).unwrap();
            // Whoever may have been missed is one call more, however many they are.
            let bound = nodes * (100 + 2 * seconds) + state.named.len();
            let calls = state.calls.len();
            assert!(calls <= bound, "seed {seed}: {calls} calls in {timeout:?}, over {bound}");
        });
        if report.halt.is_none() {
            clean += 1;
            for victim in &report.victims {
                let loose = match &victim.fate {
                    Fate::Survived(why) => why.starts_with("not verified"),
                    Fate::Untouched => true,
                    Fate::Terminated | Fate::AlreadyGone | Fate::Drained | Fate::Spared(_) => false,
                };
                assert!(!loose, "seed {seed}: {victim:?}, and nothing ended the run early");
            }
        }
        let lines = play.paper.lines.lock().unwrap();
        assert_eq!(lines.iter().filter(|line| line.kind == "run").count(), 1, "seed {seed}");
        world.get(|state| {
            let listed = |key: &&Key| !key.1.starts_with("new-") && state.hides == 0;
            for key in state.named.iter().filter(listed) {
                let written = lines.iter().any(|line| {
                    line.kind == "requested"
                        && line.node.as_ref() == Some(&key.0)
                        && line.session.as_ref() == Some(&key.1)
                });
                assert!(written, "seed {seed}: {key:?} was named and not recorded before");
            }
        });
    }
    // The days are not all alike.
    assert!(
        terminated > 1000 && survived > 300 && untouched > 50 && clean > 100,
        "{terminated} {survived} {untouched} {clean}"
    );
}
