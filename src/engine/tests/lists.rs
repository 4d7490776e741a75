//! Lists that cannot be believed as they are: that move, hide, go round, or deny that there is
//! anything to list.

use super::world::*;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_session_that_a_moving_list_skips_is_not_taken_for_gone() {
    for (seamless, survey) in [(false, 3), (true, 4)] {
        let world = world(&[("n", &["a", "b", "c", "d"])]);
        world.set(|state| {
            (state.page, state.seamless) = (2, seamless);
            state.stubborn.insert("c".to_owned());
            // The second page of the look comes after `a` and `b` have left.
            state.lists.extend(vec![Fault::Slow(Duration::ZERO); survey + 1]);
            state.lists.push_back(Fault::Slow(Duration::from_secs(2)));
        });
        let play = play(ids(&["c"])).with(|p| p.request.timeout = Duration::from_secs(20));
        let leave = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            world.set(|state| state.live.retain(|key, _| key.1.as_str() > "b"));
        };
        let (report, ()) = tokio::join!(play.run(&world), leave);
        assert_eq!((report.terminated(), report.survived()), (0, 1), "{seamless}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_survey_reads_a_list_again_only_if_its_pages_may_have_skipped_somebody() {
    for (page, seamless, moves, lists) in [
        (9, false, false, 1),
        (9, true, false, 1),
        (3, false, false, 3),
        (3, false, true, 2 + 2),
        (3, true, false, 2 * 2),
        (3, true, true, 2 + 2),
    ] {
        let world = world(&[("n", &["a", "b", "c", "d", "e", "f"])]);
        world.set(|state| {
            (state.page, state.seamless) = (page, seamless);
            state.lists.extend([0, 2].map(|seconds| Fault::Slow(Duration::from_secs(seconds))));
        });
        let leave = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if moves {
                world.set(|state| state.live.retain(|key, _| key.1.as_str() > "b"));
            }
        };
        let play = play(Selection::All);
        let (survey, ()) = tokio::join!(play.look(&world), leave);
        let found: Vec<_> = survey.unwrap().sessions.iter().map(|one| one.id.0.clone()).collect();
        let expected = if moves { "c d e f" } else { "a b c d e f" };
        let seen: Vec<&str> = found.iter().map(String::as_str).collect();
        let all = expected.split(' ').all(|id| seen.contains(&id));
        assert!(all && found.len() <= 6, "{page} {seamless} {moves}: {found:?}");
        assert_eq!(world.count("list"), lists, "{page} {seamless} {moves}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_shows_fewer_than_it_counts_stops_guards_and_not_all() {
    let cap = Guards { max_sessions: NonZeroU64::new(9), ..Guards::default() };
    let protect = Guards { protect: Some(users(&["admin"])), ..Guards::default() };
    for (selection, guards, batch, halts) in [
        (Selection::All, Guards::default(), 0, false),
        (Selection::All, cap.clone(), 0, true),
        (Selection::All, protect.clone(), 0, true),
        (Selection::Match(users(&["app"])), Guards::default(), 0, true),
        (ids(&["a", "b"]), Guards::default(), 0, true),
        (ids(&["a", "b"]), Guards::default(), 2, false),
        (Selection::All, cap, 2, true),
        (Selection::All, protect, 2, true),
        // Nobody would be ended.
        (Selection::Match(users(&["nobody"])), Guards::default(), 0, false),
    ] {
        let world = world(&[("", &["a", "b", "c"])]);
        world.set(|state| state.hides = 1);
        let what = format!("{selection:?} {guards:?} {batch}");
        let play = play(selection).with(|p| {
            p.spec = spec(batch, Everyone::Target);
            p.request.guards = guards;
        });
        let report = play.run(&world).await;
        let unseen = matches!(report.halt, Some(Halt::Unseen { listed: 2, unseen: 1 }));
        assert_eq!(unseen, halts, "{what} {:?}", report.halt);
        assert_eq!(world.count("terminate") == 0, halts || report.victims.is_empty(), "{what}");
        assert_eq!(report.remarks, ["the cloud counts 1 more than its list shows"], "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_may_be_among_those_that_a_list_does_not_show_is_not_verified() {
    let world = world(&[("", &["a", "b", "c"])]);
    world.set(|state| {
        state.hides = 1;
        state.stubborn.extend(["a", "b"].map(str::to_owned));
    });
    let play = play(Selection::All).with(|p| p.spec = spec(0, Everyone::Target));
    let fates = fates(&play.run(&world).await);
    assert!(fates[0].starts_with("a: survived, still listed 4m"), "{fates:?}");
    let unseen = "b: survived, not verified: the cloud counts more sessions than its list shows";
    assert_eq!(fates[1..], [unseen]);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_vanishes_holds_no_session() {
    let world = world(ABC);
    world.set(|state| state.kills.push_back(Fault::Vanishes));
    let report = play(Selection::All).run(&world).await;
    assert!(matches!(report.halt, Some(Halt::TargetGone(_))));
    assert_eq!(report.survived(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_target_is_gone_if_its_list_says_so_and_nothing_contradicts() {
    let one: &[(&str, &[&str])] = &[("n", &["a"])];
    let two: &[(&str, &[&str])] = &[("m", &[]), ("n", &["a"])];
    let whole: &[(&str, &[&str])] = &[("", &["a"])];
    let gone = Fault::Fails(Kind::TargetGone);
    let well = Fault::Slow(Duration::ZERO);
    for (nodes, given, lists, kills, expected) in [
        // The list of nodes says otherwise.
        (one, false, &[gone][..], &[][..], "Malformed, 0"),
        (one, false, &[well, gone], &[], "Malformed, 0"),
        (two, false, &[well, well, gone], &[], "Malformed, 0"),
        // Nobody does.
        (one, true, &[gone], &[], "TargetGone, 0"),
        (one, true, &[well, gone], &[], "TargetGone, 1"),
        (whole, false, &[well, gone], &[], "TargetGone, 1"),
        // The list of sessions does.
        (one, false, &[], &[gone], "-, 1"),
        (one, true, &[], &[gone], "-, 1"),
        (whole, false, &[], &[gone], "-, 1"),
    ] {
        let world = world(nodes);
        world.set(|state| {
            state.given_nodes = given;
            state.lists.extend(lists);
            state.kills.extend(kills);
        });
        let report = play(Selection::All).run(&world).await;
        let halt = match &report.halt {
            Some(Halt::Failed(error) | Halt::TargetGone(error)) => format!("{:?}", error.kind),
            None => "-".to_owned(),
            other => format!("{other:?}"),
        };
        let what = format!("{nodes:?} {given} {lists:?} {kills:?} {:?}", fates(&report));
        assert_eq!(format!("{halt}, {}", report.terminated()), expected, "{what}");
        assert!(report.terminated() == 0 || world.get(|state| state.live.is_empty()), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_left_takes_only_its_own_sessions_along() {
    let world = world(&[("m", &["x"]), ("n", &["a"])]);
    world.set(|state| state.kills.push_back(Fault::Slow(Duration::from_secs(2))));
    let play = play(Selection::All);
    let leave = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.set(|state| {
            state.nodes.retain(|node| node != "m");
            state.live.retain(|key, _| key.0 != "m");
        });
    };
    let (report, ()) = tokio::join!(play.run(&world), leave);
    assert!(report.halt.is_none(), "{:?}", report.halt);
    assert_eq!(report.survived(), 0);
    assert_eq!(fates(&report)[1], "a: Terminated");
}

#[tokio::test(start_paused = true)]
async fn a_list_that_goes_in_circles_is_an_error_not_a_hang() {
    let world = world(ABC);
    world.set(|state| state.circles = true);
    let error = play(Selection::All).look(&world).await.unwrap_err();
    assert_eq!(error.kind, Kind::Malformed);
}

#[tokio::test(start_paused = true)]
async fn lists_that_are_too_long_together_are_not_believed() {
    let world = world(&[("n", &["a"]), ("m", &["b"])]);
    world.set(|state| state.repeats = 100_001);
    let error = play(Selection::All).look(&world).await.unwrap_err();
    assert_eq!(error.kind, Kind::Malformed);
    assert!(error.message.contains("200000"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_long_list_that_is_read_again_has_the_room_of_its_first_reading() {
    let world = world(&[("n", &["a", "b", "c", "d", "e", "f"])]);
    // Two pages that do not join, so both are read again: 150,000 entries, and then as many.
    world.set(|state| {
        (state.page, state.seamless, state.repeats) = (3, true, 25_000);
        state.lists.extend([0, 2].map(|seconds| Fault::Slow(Duration::from_secs(seconds))));
    });
    let survey = play(Selection::All).look(&world).await.unwrap();
    assert_eq!(survey.sessions.len(), 6, "each so often, and each once");
    assert_eq!(world.count("list"), 4, "it is read again");
}

#[tokio::test(start_paused = true)]
async fn the_ids_of_requests_do_not_grow_for_ever() {
    let (world, play) = (world(ABC), play(Selection::All));
    let scope = Scope::for_test(&[]);
    let aim = Aim { spec: &play.spec, sessions: &world, scope: &scope, turns: &play.turns };
    let run = Run::new(&aim, &play.pace, &Silent, &play.cancel, Instant::now());
    for number in 0..1001 {
        run.note_request(Some(&number.to_string()));
    }
    let ids = run.request_ids();
    assert_eq!((ids.len(), ids[0].as_str()), (1000, "0"));
}

#[tokio::test(start_paused = true)]
async fn a_survey_repeats_what_may_pass_and_gives_up_when_the_wait_would_be_too_long() {
    let seen = world(ABC);
    seen.set(|state| {
        state.prepares = true;
        state.lists.extend([Kind::Unavailable, Kind::Malformed, Kind::Lost].map(Fault::Fails));
    });
    assert_eq!(play(Selection::All).look(&seen).await.unwrap().selected.len(), 3);

    let down = world(ABC);
    down.set(|state| state.luck = None);
    down.set(|state| state.lists.extend([Fault::Fails(Kind::Throttled); 100]));
    let play = play(Selection::All).with(|p| p.request.timeout = Duration::from_secs(10));
    let start = Instant::now();
    let error = play.look(&down).await.unwrap_err();
    assert_eq!(error.kind, Kind::Throttled);
    assert!(start.elapsed() <= Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_try_that_time_cuts_off_does_not_hide_why_the_one_before_failed() {
    let hangs = Fault::Slow(Duration::from_secs(100_000));
    let play = play(Selection::All).with(|p| p.request.timeout = Duration::from_secs(10));
    for (before, told) in [
        (Some(Kind::Throttled), Kind::Throttled),
        (Some(Kind::NotSent), Kind::NotSent),
        (Some(Kind::Malformed), Kind::Malformed),
        (None, Kind::Lost),
    ] {
        let world = world(ABC);
        let faults = || before.map(Fault::Fails).into_iter().chain([hangs]);
        world.set(|state| state.lists.extend(faults()));
        assert_eq!(play.look(&world).await.unwrap_err().kind, told);
        world.set(|state| state.lists.extend(faults()));
        let halt = play.run(&world).await.halt;
        let is_told = matches!(&halt, Some(Halt::TimedOut(Some(error))) if error.kind == told);
        assert!(is_told, "{halt:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_cannot_be_read_any_more_is_made_anew() {
    let world = world(ABC);
    world.set(|state| {
        state.prepares = true;
        state.lists.extend([Kind::Unavailable, Kind::Lost].map(Fault::Fails));
    });
    assert_eq!(play(Selection::All).look(&world).await.unwrap().selected.len(), 3);
    assert_eq!((world.count("prepare"), world.count("list")), (2, 3));

    // Until time is up.
    world.set(|state| state.lists.extend([Fault::Fails(Kind::Unavailable); 100]));
    let error = play(Selection::All).look(&world).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
}
