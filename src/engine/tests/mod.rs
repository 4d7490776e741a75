//! The engine against a world in memory, under paused time: what product pages promise, as
//! sentences.

mod conduct;
mod failures;
mod lists;
mod model;
mod random;
mod record;
pub(super) mod world;

use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

use tokio::time::Instant;

use self::world::{Fault, fates, ids, play, session, spec, world};
use super::*;
use crate::services::{Criterion, Everyone, Field, Kind};

const ABC: &[(&str, &[&str])] = &[("n", &["a", "b", "c"])];

fn users(names: &[&str]) -> Filter {
    let users = Some(names.iter().map(|name| (*name).to_owned()).collect());
    Filter { users, ..Filter::default() }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_sessions_on_fifty_nodes_take_the_fewest_calls() {
    let world = world(&[]);
    world.set(|state| {
        for node in 0..50 {
            state.nodes.push(format!("n{node}"));
            for id in 0..200 {
                let one = session(&format!("n{node}"), &format!("s{id}"), "app");
                state.live.insert((one.node.clone(), one.id.0.clone()), one);
            }
        }
    });
    let play = play(Selection::All).with(|play| play.spec = spec(50, Everyone::Never));
    let report = play.run(&world).await;
    assert_eq!(report.terminated(), 10_000);
    assert!(report.halt.is_none());
    // The second time to see that none has come.
    assert_eq!(world.count("nodes"), 2);
    assert_eq!(world.count("terminate"), 50 * 4);
    // Pages of a hundred, each of which shows again the last session of the one before.
    assert_eq!(world.count("list"), 50 * 3 + 50);
    assert_eq!(world.get(|state| state.most_running), 4, "calls at a time");
}

#[tokio::test(start_paused = true)]
async fn all_is_one_call_where_the_api_can_and_no_guard_is_set() {
    let one: &[(&str, &[&str])] = &[("n", &["a", "b"])];
    let two: &[(&str, &[&str])] = &[("n", &["a"]), ("m", &["b"])];
    let whole: &[(&str, &[&str])] = &[("", &["a", "b"])];
    let none: &[(&str, &[&str])] = &[("n", &[]), ("m", &[])];
    for (nodes, everyone, cap, expected) in [
        (one, Everyone::NodeOrTarget, false, (1, 0)),
        (two, Everyone::NodeOrTarget, false, (0, 1)),
        (whole, Everyone::NodeOrTarget, false, (0, 1)),
        (whole, Everyone::Target, false, (0, 1)),
        (one, Everyone::Target, false, (0, 0)), // the node may be part of a larger instance
        (one, Everyone::NodeOrTarget, true, (0, 0)),
        (two, Everyone::Never, false, (0, 0)),
        (none, Everyone::NodeOrTarget, false, (0, 0)),
    ] {
        let world = world(nodes);
        let play = play(Selection::All).with(|play| {
            play.spec = spec(10, everyone);
            play.request.guards.max_sessions = cap.then_some(NonZeroU64::new(9).unwrap());
        });
        let report = play.run(&world).await;
        let calls = (world.count("end node"), world.count("end all"));
        assert_eq!(calls, expected, "{nodes:?} {everyone:?} {cap}");
        assert!(world.get(|state| state.live.is_empty()));
        assert_eq!(report.terminated(), report.victims.len());
        let swept = expected != (0, 0);
        assert_eq!(report.swept, swept, "others may have been ended, and nobody counted them");
        let everyone =
            play.paper.lines.lock().unwrap().iter().filter(|line| line.kind == "everyone").count();
        assert_eq!(everyone, usize::from(swept), "and the record says so");
        let requested =
            play.paper.lines.lock().unwrap().iter().filter(|line| line.kind == "requested").count();
        assert_eq!(requested, report.victims.len(), "each listed session is on record");
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_stops_the_run_before_anything_is_ended() {
    let cap = Guards { max_sessions: NonZeroU64::new(2), ..Guards::default() };
    let protect = Guards { protect: Some(users(&["admin"])), ..Guards::default() };
    let two: &[(&str, &[&str])] = &[("n", &["a"]), ("m", &["a"])];
    for (nodes, selection, guards, batch, expected) in [
        (ABC, Selection::All, cap, 2, "TooMany { selected: 3, allowed: 2 }"),
        (ABC, Selection::All, protect.clone(), 0, "ProtectedInTheWay"),
        (ABC, ids(&["a"]), Guards::default(), 0, "NotSelective"),
        (ABC, Selection::Match(users(&["app"])), protect, 0, "ProtectedInTheWay"),
        (two, ids(&["a"]), Guards::default(), 2, "SameIdOnSeveralNodes(\"a\")"),
    ] {
        let world = world(nodes);
        world.set(|state| {
            if let Some(one) = state.live.get_mut(&("n".to_owned(), "b".to_owned())) {
                one.fields.insert("user", Field::Text("admin".to_owned()));
            }
        });
        let play = play(selection).with(|play| {
            play.spec = spec(batch, Everyone::Target);
            play.request.guards = guards;
        });
        let report = play.run(&world).await;
        assert_eq!(format!("{:?}", report.halt.unwrap()), expected);
        assert_eq!(world.count("terminate"), 0);
        assert!(report.victims.iter().all(|victim| victim.fate == Fate::Untouched));
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_be_protected_is_not_ended_and_the_error_says_what_is_not_told() {
    let both = Filter { min_age: Some(Duration::from_secs(60)), ..users(&["admin"]) };
    for (protect, selection, batch, expected) in [
        (users(&["admin"]), Selection::All, 2, Some((Criterion::Users, "b, c"))),
        (users(&["admin"]), Selection::All, 0, Some((Criterion::Users, "b, c"))),
        (users(&["admin"]), ids(&["a"]), 2, None),
        (users(&["admin"]), Selection::Match(users(&["app"])), 2, None),
        // Another criterion saves `c`; nobody tells how old the others are.
        (both.clone(), Selection::All, 2, Some((Criterion::MinAge, "a, b"))),
        (both, ids(&["a", "c"]), 2, Some((Criterion::MinAge, "a"))),
    ] {
        let world = world(ABC);
        world.set(|state| {
            for (key, one) in &mut state.live {
                if key.1 != "a" {
                    one.fields.remove("user");
                }
                if key.1 == "c" && protect.min_age.is_some() {
                    one.fields.insert("age", Field::Integer(60));
                }
            }
        });
        let what = format!("{protect:?} {selection:?}");
        let play = play(selection).with(|p| {
            p.spec = spec(batch, Everyone::Target);
            p.request.guards.protect = Some(protect);
        });
        let report = play.run(&world).await;
        let told = match &report.halt {
            Some(Halt::Unjudged { criterion, sessions, first }) => {
                let names: Vec<_> = first.iter().map(|one| one.id.0.as_str()).collect();
                assert_eq!(names.len(), *sessions);
                Some((*criterion, names.join(", ")))
            }
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(told, expected.map(|(it, names)| (it, names.to_owned())), "{what}");
        assert_eq!(world.count("terminate"), usize::from(expected.is_none()), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_not_matched_only_because_the_list_does_not_tell_is_a_remark() {
    let world = world(ABC);
    world.set(|state| {
        for one in state.live.values_mut() {
            one.fields.insert("db", Field::Integer(i64::from(one.id.0 != "c")));
            if one.id.0 != "a" {
                one.fields.remove("user");
            }
        }
    });
    let databases = users(&["1"]).users;
    let report = play(Selection::Match(Filter { databases, ..users(&["app"]) })).run(&world).await;
    assert_eq!(fates(&report), ["a: Terminated"]);
    let remark = "the list does not tell what `users` looks at for 1 session, so it does not match";
    assert_eq!(report.remarks, [remark]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_does_everything_but_kill() {
    let world = world(ABC);
    let report = play(ids(&["a", "x"])).with(|p| p.request.mode = Mode::DryRun).run(&world).await;
    assert!(report.dry_run && report.halt.is_none());
    assert_eq!(fates(&report), ["a: Untouched"]);
    assert_eq!(report.missing, ["x"]);
    assert_eq!(world.count("terminate"), 0);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_was_ended_is_over_though_its_connection_stays_under_the_same_id() {
    for verify in [Verify::UntilGone, Verify::Trust] {
        let world = world(ABC);
        world.set(|state| {
            state.rests = true;
            // One did nothing from the beginning, and is not taken for one that was ended.
            let idle = &mut state.live.get_mut(&("n".to_owned(), "c".to_owned())).unwrap();
            idle.unkillable = Some("it does nothing now");
        });
        let play = play(ids(&["a", "b", "c"])).with(|play| play.request.verify = verify);
        let report = play.run(&world).await;
        assert_eq!((report.terminated(), report.survived()), (2, 1), "{:?}", report.victims);
        assert_eq!(world.count("terminate"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reconnects_is_counted_apart_and_is_no_error() {
    let world = world(ABC);
    world.set(|state| state.reconnects = true);
    let report = play(Selection::All).run(&world).await;
    assert_eq!((report.terminated(), report.reconnected), (3, 3));
    assert!(report.halt.is_none());
}
