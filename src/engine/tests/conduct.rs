//! `drain` and `quiet`: waiting for people before, and ending newcomers after.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::world::{Fault, Play, World, fates, ids, play, session, world};
use super::{ABC, users};
use crate::engine::{Event, Halt, Observer, Report, Selection};
use crate::services::{Kind, Session};

const MINUTE: Duration = Duration::from_secs(60);

fn second(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn draining(selection: Selection) -> Play {
    play(selection).with(|play| play.request.drain = Some(MINUTE))
}

fn quieting() -> Play {
    play(Selection::All).with(|play| play.request.quiet = Some(second(5)))
}

fn leave(world: &World, id: &str) {
    world.set(|state| state.live.retain(|(_, one), _| one != id));
}

fn come(world: &World, one: Session) {
    world.set(|state| {
        state.live.insert((one.node.clone(), one.id.0.clone()), one);
    });
}

/// A run, and what happens in the world meanwhile.
async fn while_running(play: &Play, world: &World, happens: impl Future<Output = ()>) -> Report {
    let (report, ()) = futures_util::future::join(play.run(world), happens).await;
    report
}

/// What a run tells.
#[derive(Default)]
struct Heard(Mutex<Vec<Event>>);

impl Observer for &'static Heard {
    fn observe(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

#[tokio::test(start_paused = true)]
async fn who_finishes_is_drained_and_only_the_others_are_ended_when_time_is_up() {
    let (world, play, began) = (world(ABC), draining(Selection::All), Instant::now());
    let report = while_running(&play, &world, async {
        sleep(second(20)).await;
        leave(&world, "b");
        sleep(second(39)).await;
        assert_eq!(world.count("terminate"), 0, "nobody is ended before");
    })
    .await;
    assert!(report.halt.is_none(), "{report:#?}");
    assert_eq!(fates(&report), ["a: Terminated", "c: Terminated", "b: Drained"]);
    assert_eq!((report.selected(), report.drained(), report.survived()), (3, 1, 0));
    assert!(began.elapsed() >= MINUTE && began.elapsed() < MINUTE + second(5));
    // At the start, after 2, 4, 8, 16 and 30 seconds, and then the run's own.
    assert!(world.count("list") <= 6 + 3, "{}", world.count("list"));
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_over_when_all_have_left_and_nobody_is_asked() {
    let (world, play, began) = (world(ABC), draining(Selection::All), Instant::now());
    let report = while_running(&play, &world, async {
        sleep(second(3)).await;
        world.set(|state| state.live.clear());
    })
    .await;
    assert!(report.halt.is_none(), "{report:#?}");
    assert_eq!((report.drained(), report.selected(), world.count("terminate")), (3, 3, 0));
    assert!(began.elapsed() < second(8));
}

#[tokio::test(start_paused = true)]
async fn after_a_drain_selection_and_guards_are_judged_anew() {
    let (world, mut play) = (world(ABC), draining(Selection::Match(users(&["app"]))));
    play.request.guards.protect = Some(users(&["vip"]));
    let report = while_running(&play, &world, async {
        sleep(second(5)).await;
        // An id used again by somebody who is protected, a newcomer, and one who is not meant now.
        leave(&world, "a");
        sleep(second(20)).await;
        come(&world, session("n", "a", "vip"));
        come(&world, session("n", "d", "app"));
        come(&world, session("n", "c", "other"));
    })
    .await;
    assert!(report.halt.is_none(), "{report:#?}");
    assert_eq!(fates(&report), ["b: Terminated", "d: Terminated", "a: Drained"]);
    assert!(world.get(|state| state.live.contains_key(&("n".to_owned(), "a".to_owned()))));
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_not_counted_into_the_time_allowed_and_a_dry_run_waits_for_nobody() {
    let (short, began) = (world(ABC), Instant::now());
    let play = draining(Selection::All).with(|play| play.request.timeout = second(10));
    let report = play.run(&short).await;
    assert!(report.halt.is_none(), "{report:#?}");
    assert_eq!(report.terminated(), 3);
    assert!(began.elapsed() >= MINUTE);
    let (dry, began) = (world(ABC), Instant::now());
    let play =
        draining(Selection::All).with(|play| play.request.mode = crate::engine::Mode::DryRun);
    assert_eq!(play.run(&dry).await.selected(), 3);
    assert!(began.elapsed() < second(1));
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_in_between_is_no_failure_and_a_login_that_ends_is_one() {
    for (kind, ends) in [(Kind::Throttled, false), (Kind::Lost, false), (Kind::Credentials, true)] {
        let (world, play) = (world(ABC), draining(Selection::All));
        let report = while_running(&play, &world, async {
            sleep(second(10)).await;
            let wrong = || Fault::Fails(kind);
            world.set(|state| state.lists.extend([wrong(), wrong()]));
        })
        .await;
        if ends {
            assert!(matches!(report.halt, Some(Halt::Failed(_))), "{report:#?}");
            assert_eq!(world.count("terminate"), 0);
        } else {
            assert!(report.halt.is_none(), "{kind:?} {report:#?}");
            assert_eq!(report.terminated(), 3);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_ends_the_wait_and_nobody_is_ended() {
    let (world, play, began) = (world(ABC), draining(Selection::All), Instant::now());
    let report = while_running(&play, &world, async {
        sleep(second(7)).await;
        leave(&world, "a");
        sleep(second(8)).await;
        play.cancel.cancel();
    })
    .await;
    assert!(matches!(report.halt, Some(Halt::Cancelled)), "{report:#?}");
    assert_eq!((world.count("terminate"), fates(&report)), (0, vec!["a: Drained".to_owned()]));
    assert!(began.elapsed() < second(16));
}

#[tokio::test(start_paused = true)]
async fn the_turn_is_given_back_between_looks_and_whom_another_run_ended_is_not_drained() {
    let (world, waits) = (world(ABC), draining(Selection::All));
    let hasty = play(ids(&["b"])).with(|play| play.turns = waits.turns.clone());
    let report = while_running(&waits, &world, async {
        sleep(second(3)).await;
        assert_eq!(hasty.run(&world).await.terminated(), 1);
        assert!(Instant::now().elapsed() < second(1));
    })
    .await;
    assert_eq!(fates(&report), ["a: Terminated", "c: Terminated", "b: AlreadyGone"]);
}

#[tokio::test(start_paused = true)]
async fn progress_and_record_tell_who_is_waited_for_and_who_left() {
    let heard: &'static Heard = Box::leak(Box::default());
    let world = world(ABC);
    let play = draining(Selection::All).with(|play| play.observer = Box::new(heard));
    while_running(&play, &world, async {
        sleep(second(1)).await;
        leave(&world, "b");
    })
    .await;
    let events = heard.0.lock().unwrap();
    let waits: Vec<(usize, usize)> = events
        .iter()
        .filter_map(|event| {
            let Event::Draining { left, of, .. } = event else { return None };
            Some((*left, *of))
        })
        .collect();
    assert_eq!(waits[..2], [(3, 3), (2, 3)]);
    let lines = play.paper.lines.lock().unwrap();
    let told = lines.iter().filter(|line| line.outcome == Some("drained"));
    let told: Vec<_> = told.filter_map(|line| line.session.clone()).collect();
    assert_eq!(told, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn newcomers_are_ended_until_none_has_come_for_so_long() {
    let (world, play, began) = (world(ABC), quieting(), Instant::now());
    let report = while_running(&play, &world, async {
        for number in 0..5 {
            sleep(second(2)).await;
            come(&world, session("n", &format!("new-{number}"), "app"));
        }
    })
    .await;
    assert!(report.halt.is_none(), "{report:#?}");
    assert_eq!((report.terminated(), report.selected(), report.survived()), (8, 8, 0));
    assert!(world.get(|state| state.live.is_empty()));
    // Ten seconds of newcomers, and five of quiet.
    assert!(began.elapsed() >= second(15) && began.elapsed() < second(20));
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_never_goes_down_is_a_failure_that_names_it_at_one_look_a_second() {
    let world = world(ABC);
    world.set(|state| state.reconnects = true);
    let play = quieting().with(|play| play.request.timeout = second(30));
    let report = play.run(&world).await;
    let Some(Halt::NotQuiet(comers)) = &report.halt else { panic!("{report:#?}") };
    assert_eq!(comers.len(), 3, "{comers:#?}");
    assert!(comers.iter().all(|one| one.times >= 10), "{comers:#?}");
    let lists = world.count("list");
    assert!((20..=36).contains(&lists), "{lists} looks in thirty seconds");
    assert!(report.terminated() >= 30);
}

#[tokio::test(start_paused = true)]
async fn a_newcomer_who_is_protected_stays_and_too_many_of_them_end_it() {
    let (one, play) = (world(ABC), quieting());
    let play = play.with(|play| play.request.guards.protect = Some(users(&["vip"])));
    let report = while_running(&play, &one, async {
        sleep(second(2)).await;
        come(&one, session("n", "guest", "vip"));
    })
    .await;
    assert!(report.halt.is_none(), "{report:#?}");
    assert_eq!(report.terminated(), 3);
    assert_eq!(one.get(|state| state.live.len()), 1);

    let many = world(ABC);
    let play =
        quieting().with(|play| play.request.guards.max_sessions = std::num::NonZeroU64::new(4));
    let report = while_running(&play, &many, async {
        for number in 0..4 {
            sleep(second(2)).await;
            come(&many, session("n", &format!("new-{number}"), "app"));
        }
    })
    .await;
    assert!(matches!(report.halt, Some(Halt::TooMany { allowed: 4, .. })), "{report:#?}");
    assert_eq!(report.terminated(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_in_the_quiet_ends_nobody_else() {
    let world = world(ABC);
    world.set(|state| state.reconnects = true);
    let play = quieting();
    let report = while_running(&play, &world, async {
        sleep(Duration::from_millis(7300)).await;
        play.cancel.cancel();
    })
    .await;
    assert!(matches!(report.halt, Some(Halt::Cancelled)), "{report:#?}");
    let ended = world.get(|state| state.ended.len());
    assert_eq!(report.terminated() + report.survived(), ended, "{report:#?}");
}

#[tokio::test(start_paused = true)]
async fn quiet_needs_steady_looks() {
    let (one, play, began) = (world(ABC), quieting(), Instant::now());
    let play = play.with(|play| play.request.guards.protect = Some(users(&["vip"])));
    come(&one, session("n", "x", "vip"));
    come(&one, session("n", "y", "vip"));
    while_running(&play, &one, async {
        sleep(second(1)).await;
        // Pages that do not show whether anybody has moved from one to the other.
        one.set(|state| (state.page, state.seamless) = (1, true));
        sleep(second(20)).await;
        one.set(|state| (state.page, state.seamless) = (100, false));
    })
    .await;
    assert!(began.elapsed() >= second(21), "{:?}", began.elapsed());
    assert!(began.elapsed() < second(30), "{:?}", began.elapsed());
    assert_eq!(one.get(|state| state.live.len()), 2);
}
