//! What is left of a run when the audit log cannot be written, or something panics.

use super::world::*;
use super::*;

#[tokio::test(start_paused = true)]
async fn nothing_is_killed_when_the_audit_log_cannot_be_written() {
    for tear in [Tear::Fails, Tear::Hangs, Tear::Panics] {
        let world = world(ABC);
        let report = play(Selection::All).run_torn(&world, 0, tear).await;
        assert!(matches!(report.halt, Some(Halt::Audit(_))), "{tear:?} {:?}", report.halt);
        assert_eq!(world.count("terminate"), 0);
        assert_eq!(report.victims.len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_lacks_the_results_is_an_error_whatever_else_went_wrong() {
    let vanishes = [Fault::Vanishes];
    let forbidden = [Fault::Fails(Kind::Permission)];
    for tear in [Tear::Fails, Tear::Hangs, Tear::Panics] {
        for (kills, stubborn, audit, ended) in [
            (&[][..], "", true, 3),
            (&[], "b", true, 2), // time is up, which may be no more than a warning
            (&vanishes, "", true, 3),
            (&forbidden, "", false, 0), // is an error already
        ] {
            let world = world(ABC);
            world.set(|state| {
                state.kills.extend(kills);
                state.stubborn.insert(stubborn.to_owned());
            });
            let play = play(Selection::All).with(|p| p.pace.calls = Calls::new(NonZeroUsize::MIN));
            let report = play.run_torn(&world, 1, tear).await;
            let what = format!("{tear:?} {kills:?} {stubborn} {report:?}");
            assert_eq!(matches!(report.halt, Some(Halt::Audit(_))), audit, "{what}");
            assert!(report.halt.is_some() && report.remarks.len() == usize::from(!audit), "{what}");
            assert_eq!(report.victims.len(), 3, "{what}");
            let gone = report.terminated() + report.already_gone();
            assert_eq!(gone, ended, "{what}");
            assert_eq!(play.paper.lines.lock().unwrap().len(), 3, "only what was asked for");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_audit_log_has_each_request_each_fate_and_the_run() {
    let world = world(ABC);
    let play = play(ids(&["a", "b"]));
    play.run(&world).await;
    let lines = play.paper.lines.lock().unwrap();
    let words: Vec<String> = lines
        .iter()
        .map(|line| {
            let session = line.session.as_deref().unwrap_or("-");
            format!("{} {session} {}", line.kind, line.outcome.unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        words,
        [
            "requested a -",
            "requested b -",
            "session a terminated",
            "session b terminated",
            "run - completed"
        ]
    );
    assert!(lines[2].request_id.as_deref().is_some_and(|id| id.starts_with("kill-")));
}

#[tokio::test(start_paused = true)]
async fn who_was_never_tried_counts_as_a_survivor_in_the_audit_log_too() {
    for (mode, cap, survived) in
        [(Mode::Terminate, 2, 3), (Mode::Terminate, 9, 0), (Mode::DryRun, 9, 0)]
    {
        let world = world(ABC);
        let play = play(Selection::All).with(|p| {
            p.request.mode = mode;
            p.request.guards.max_sessions = NonZeroU64::new(cap);
        });
        let report = play.run(&world).await;
        let lines = play.paper.lines.lock().unwrap();
        let counts = lines.last().unwrap().counts.unwrap();
        assert_eq!((counts.selected, counts.survived), (3, survived), "{mode:?} {cap}");
        assert_eq!(report.survived(), survived, "{mode:?} {cap}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_over_an_answer_is_an_answer_that_makes_no_sense() {
    let slip = "reading the answer ended in a panic: a slip";
    for (lists, kills, terminated, halt) in [
        (&[][..], &[Fault::Panics][..], 3, ""),
        (&[Fault::Panics; 2], &[], 3, ""),
        (&[Fault::Panics; 3], &[], 0, slip),
    ] {
        let world = world(ABC);
        world.set(|state| {
            state.lists.extend(lists);
            state.kills.extend(kills);
        });
        let play = play(Selection::All);
        let report = play.run(&world).await;
        assert_eq!(report.terminated(), terminated, "{report:?}");
        let told = match &report.halt {
            Some(Halt::Failed(error)) if error.kind == Kind::Malformed => error.message.as_str(),
            None => "",
            other => panic!("{other:?}"),
        };
        assert_eq!(told, halt);
        assert_eq!(play.paper.lines.lock().unwrap().last().unwrap().kind, "run");
    }
}

/// Panics when the cloud has accepted something.
struct Clumsy;

impl Observer for Clumsy {
    fn observe(&self, event: Event) {
        if matches!(event, Event::Accepted { .. }) {
            std::panic::resume_unwind(Box::new("a slip"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_our_own_ends_the_run_and_hides_nothing() {
    let world = world(ABC);
    let play = play(Selection::All).with(|p| p.observer = Box::new(Clumsy));
    let report = play.run(&world).await;
    assert!(matches!(&report.halt, Some(Halt::Panicked(why)) if why == "a slip"));
    assert_eq!(
        fates(&report),
        [
            "a: survived, not verified: the run ended early",
            "b: survived, not verified: the run ended early",
            "c: survived, not verified: a call may have been made for it",
        ]
    );
    let lines = play.paper.lines.lock().unwrap();
    let count = |kind: &str| lines.iter().filter(|line| line.kind == kind).count();
    assert_eq!((count("requested"), count("session"), count("run")), (3, 3, 1));
}
