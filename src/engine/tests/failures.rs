//! Calls that fail, sessions that stay, and runs that are cut short.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_call_without_effect_is_repeated_and_one_with_effect_only_after_a_look() {
    for (fault, calls) in [
        (Fault::Fails(Kind::Throttled), 2),
        (Fault::Fails(Kind::Busy), 2),
        (Fault::Fails(Kind::NotSent), 2),
        (Fault::Fails(Kind::Lost), 2),
        (Fault::FailsAfter(Kind::Lost), 1),
        (Fault::FailsAfter(Kind::Unavailable), 1),
        (Fault::FailsAfter(Kind::Malformed), 1),
        (Fault::Partly(Kind::Lost), 2),
    ] {
        for verify in [Verify::UntilGone, Verify::Trust] {
            let world = world(&[("n", &["a", "b"])]);
            world.set(|state| state.kills.push_back(fault));
            let report = play(Selection::All).with(|p| p.request.verify = verify).run(&world).await;
            assert_eq!(report.terminated(), 2, "{fault:?} {report:?}");
            assert!(report.halt.is_none(), "{fault:?}");
            assert_eq!(world.count("terminate"), calls, "{fault:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cloud_that_asks_to_wait_longer_than_there_is_time_is_not_flooded() {
    let world = world(&[("n", &["a"])]);
    world.set(|state| {
        state.kills.push_back(Fault::Fails(Kind::Unavailable));
        state.kills.push_back(Fault::Asks(Kind::Throttled, 600));
    });
    let report = play(Selection::All).run(&world).await;
    assert_eq!(fates(&report), ["a: survived, still listed: as told"]);
    assert_eq!(world.count("terminate"), 2);
    assert!(world.count("list") < 50, "{} looks", world.count("list"));
}

#[tokio::test(start_paused = true)]
async fn one_refused_session_does_not_save_the_others() {
    let world = world(&[("n", &["a", "b", "c", "d", "e", "f", "g"])]);
    world.set(|state| {
        state.refused.insert("d".to_owned());
    });
    let play = play(Selection::All).with(|p| p.spec = spec(7, Everyone::Never));
    let report = play.run(&world).await;
    assert_eq!((report.terminated(), report.survived()), (6, 1));
    assert_eq!(fates(&report)[3], "d: survived, one of them will not do");
    assert!(report.halt.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_went_by_itself_is_already_gone_and_the_rest_goes_in_one_call() {
    let world = world(ABC);
    world.set(|state| {
        state.strict = true;
        // Gone between the listing and the first answer.
        state.kills.push_back(Fault::Slow(Duration::from_secs(1)));
    });
    let play = play(Selection::All).with(|p| p.spec = spec(5, Everyone::Never));
    let leave = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.set(|state| drop(state.live.remove(&("n".to_owned(), "b".to_owned()))));
    };
    let (report, ()) = tokio::join!(play.run(&world), leave);
    assert_eq!(fates(&report), ["a: Terminated", "b: AlreadyGone", "c: Terminated"]);
    assert_eq!(world.count("terminate"), 2);
    assert_eq!(report.remarks.len(), 1, "{:?}", report.remarks);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_accepted_and_lives_on_survives_after_several_asks() {
    let world = world(ABC);
    world.set(|state| {
        state.stubborn.insert("b".to_owned());
    });
    let start = Instant::now();
    let report = play(Selection::All).run(&world).await;
    assert_eq!(report.terminated(), 2);
    let fate = fates(&report)[1].clone();
    assert!(fate.starts_with("b: survived, still listed 4m"), "{fate}");
    assert!(matches!(report.halt, Some(Halt::TimedOut(None))));
    assert!(start.elapsed() <= Duration::from_secs(300));
    assert_eq!(world.count("terminate"), 2 + 4);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_cloud_calls_gone_and_still_lists_has_survived() {
    let listed = [Fault::Slow(Duration::ZERO); 2];
    let lost = [Fault::Slow(Duration::ZERO), Fault::Fails(Kind::BadRequest)];
    for (verify, lists, expected) in [
        (Verify::UntilGone, listed, "survived, still listed, although the cloud calls it gone"),
        (Verify::UntilGone, lost, "survived, not verified: as told"),
        (Verify::Trust, listed, "AlreadyGone"),
    ] {
        let world = world(ABC);
        world.set(|state| {
            state.denied.insert("b".to_owned());
            state.lists.extend(lists);
        });
        let report = play(ids(&["b"])).with(|p| p.request.verify = verify).run(&world).await;
        assert_eq!(fates(&report), [format!("b: {expected}")]);
        assert_eq!(report.halt.is_some(), verify == Verify::UntilGone, "{:?}", report.halt);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_or_permission_stops_everything_after_one_answer() {
    for kind in [Kind::Credentials, Kind::Permission] {
        let world = world(&[("n", &["a", "b", "c", "d", "e", "f"])]);
        world.set(|state| state.kills.push_back(Fault::Fails(kind)));
        let play = play(Selection::All).with(|p| p.pace.calls = Calls::new(NonZeroUsize::MIN));
        let report = play.run(&world).await;
        assert_eq!(world.count("terminate"), 1);
        assert!(matches!(&report.halt, Some(Halt::Failed(error)) if error.kind == kind));
        let tried = report.victims.iter().filter(|one| one.fate != Fate::Untouched);
        assert_eq!((tried.count(), report.survived()), (2, 6));
        assert_eq!(world.count("list"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_cloud_accepted_is_no_kill_until_a_look_confirms_it() {
    let world = world(ABC);
    world.set(|state| {
        state.lists.push_back(Fault::Slow(Duration::ZERO));
        state.lists.push_back(Fault::Fails(Kind::BadRequest));
    });
    let report = play(Selection::All).run(&world).await;
    assert_eq!(fates(&report)[0], "a: survived, not verified: as told");
    assert_eq!(report.terminated(), 0);
    assert!(matches!(report.halt, Some(Halt::Failed(_))));
}

#[test]
fn a_run_can_be_awaited_on_any_thread() {
    fn on_any_thread(_: impl Send) {}
    let (world, play) = (world(ABC), play(Selection::All));
    on_any_thread(play.run(&world));
    on_any_thread(play.look(&world));
}

#[tokio::test(start_paused = true)]
async fn trust_lists_once_and_believes_the_answers() {
    let world = world(ABC);
    let report = play(Selection::All).with(|p| p.request.verify = Verify::Trust).run(&world).await;
    assert_eq!(report.terminated(), 3);
    assert_eq!(world.count("list"), 1);
}

#[tokio::test(start_paused = true)]
async fn an_interrupt_starts_no_other_call_and_awaits_those_in_flight() {
    let world = world(&[("n", &["a", "b", "c", "d"])]);
    world.set(|state| {
        state.kills.extend([Fault::Slow(Duration::from_secs(3)), Fault::Slow(Duration::ZERO)]);
    });
    let play = play(Selection::All).with(|p| p.pace.calls = Calls::new(NonZeroUsize::MIN));
    let interrupt = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        play.cancel.cancel();
    };
    let (report, ()) = tokio::join!(play.run(&world), interrupt);
    assert!(matches!(report.halt, Some(Halt::Cancelled)));
    assert_eq!(world.count("terminate"), 1);
    assert_eq!(
        fates(&report),
        [
            "a: survived, not verified: the run was interrupted",
            "b: survived, not verified: the run was interrupted",
            "c: Untouched",
            "d: Untouched"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_cut_off_after_an_interrupt_and_at_the_deadline() {
    for (interrupted, limit) in [(true, 7), (false, 300)] {
        let world = world(ABC);
        world.set(|state| state.kills.push_back(Fault::Slow(Duration::from_secs(100_000))));
        let play = play(ids(&["a"]));
        let start = Instant::now();
        let interrupt = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            if interrupted {
                play.cancel.cancel();
            }
        };
        let (report, ()) = tokio::join!(play.run(&world), interrupt);
        assert!(start.elapsed() <= Duration::from_secs(limit), "{:?}", start.elapsed());
        let fate = &fates(&report)[0];
        assert!(fate.starts_with("a: survived, not verified: there was no answer"), "{fate}");
        assert!(report.halt.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_fails_is_tried_once_more_and_one_that_hangs_is_looked_past() {
    let fails = [Fault::JobFails];
    let fails_twice = [Fault::JobFails, Fault::JobFails];
    let hangs = [Fault::JobHangs];
    for (faults, expected) in [
        (&fails[..], "a: Terminated"),
        (&fails_twice[..], "a: survived, the job failed"),
        (&hangs[..], "a: Terminated"),
    ] {
        let world = world(&[("n", &["a"])]);
        world.set(|state| {
            state.asynchronous = true;
            state.kills.extend(faults.iter().copied());
        });
        let report = play(Selection::All).run(&world).await;
        assert_eq!(fates(&report), [expected]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_unkillable_session_is_never_named_and_survives_only_if_it_was_asked_for_by_id() {
    for (selection, fate, remarks) in [
        (ids(&["a", "b"]), Some("b: survived, no operation is running"), 0),
        (Selection::All, None, 1),
    ] {
        let world = world(ABC);
        world.set(|state| {
            let one = state.live.get_mut(&("n".to_owned(), "b".to_owned())).unwrap();
            one.unkillable = Some("no operation is running");
        });
        let report = play(selection).run(&world).await;
        let fates = fates(&report);
        assert_eq!(fates.iter().find(|one| one.starts_with("b:")).map(String::as_str), fate);
        assert_eq!(report.remarks.len(), remarks, "{:?}", report.remarks);
        assert!(!world.get(|state| state.named.contains(&("n".to_owned(), "b".to_owned()))));
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_named_goes_with_everyone_and_is_reported_so() {
    let two: &[(&str, &[&str])] = &[("m", &["x"]), ("n", &["a", "b"])];
    for (unkillable, verify, faults, calls) in [
        (&["x", "a", "b"][..], Verify::UntilGone, &[][..], 1),
        (&["x"], Verify::UntilGone, &[], 1),
        (&["x"], Verify::Trust, &[], 1),
        (&["x"], Verify::UntilGone, &[Fault::Fails(Kind::Lost)], 2),
    ] {
        let world = world(two);
        world.set(|state| {
            for one in state.live.values_mut().filter(|one| unkillable.contains(&one.id.0.as_str()))
            {
                one.unkillable = Some("the list gives no id");
            }
            state.kills.extend(faults);
        });
        let play = play(Selection::All).with(|p| {
            p.spec = spec(10, Everyone::NodeOrTarget);
            p.request.verify = verify;
        });
        let report = play.run(&world).await;
        let expected = ["x: Terminated", "a: Terminated", "b: Terminated"];
        assert_eq!(fates(&report), expected, "{unkillable:?} {verify:?} {faults:?}");
        assert!(report.halt.is_none(), "{:?}", report.halt);
        assert_eq!(world.count("end all"), calls, "{unkillable:?} {verify:?} {faults:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_call_for_everyone_is_not_made_again() {
    for (batch, kind, named) in
        [(0, Kind::Ambiguous, 0), (0, Kind::Refused, 0), (10, Kind::Refused, 1)]
    {
        let world = world(&[("", &["a", "b"])]);
        world.set(|state| {
            state.kills.push_back(Fault::Fails(kind));
            let one = state.live.get_mut(&(String::new(), "b".to_owned())).unwrap();
            one.unkillable = (batch > 0).then_some("the list gives no id");
        });
        let everyone = Everyone::Target;
        let report =
            play(Selection::All).with(|p| p.spec = spec(batch, everyone)).run(&world).await;
        assert_eq!(world.count("end all"), 1, "{batch} {kind:?}");
        assert_eq!(report.terminated(), named, "{batch} {kind:?}");
        assert_eq!(fates(&report)[1], "b: survived, as told");
        assert!(report.halt.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn groups_get_smaller_at_a_walking_pace() {
    let world = world(&[("n", &["a", "b", "c", "d", "e", "f", "g", "h"])]);
    world.set(|state| {
        state.refused.insert("d".to_owned());
    });
    let play = play(Selection::All).with(|p| p.spec = spec(8, Everyone::Never));
    let start = Instant::now();
    let report = play.run(&world).await;
    assert_eq!((report.terminated(), report.survived()), (7, 1));
    // Eight, four, two, one: a pause after each refusal.
    assert!(start.elapsed() >= play.pace.poll * 4, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_api_that_can_only_end_all_is_not_asked_again_once_others_have_come() {
    let world = world(&[("", &["a", "b"])]);
    world.set(|state| {
        state.stubborn.insert("b".to_owned());
        state.reconnects = true;
    });
    let play = play(ids(&["a", "b"])).with(|p| p.spec = spec(0, Everyone::Target));
    let report = play.run(&world).await;
    assert_eq!(world.count("end all"), 1);
    assert_eq!((report.terminated(), report.survived(), report.reconnected), (1, 1, 1));
}
