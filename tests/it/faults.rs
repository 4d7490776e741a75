//! Every service, every fault, every face: what is reported is what really happened.
//!
//! A run meets a fault in all its calls, in one, or in all from one on, wherever that is. Everybody
//! on an instance is meant, or all but one on an instance of several nodes, so that sessions are
//! ended by name beside somebody who must live. Whoever is cut first comes back at once, and lives.
//! [`check`] holds audit log, state and messages to the truth, client by client. What comes of it is
//! written down here in words, and printed past the test harness' capture.
//!
//! | word | meaning |
//! |---|---|
//! | `done` | everybody who was meant is gone, and told so |
//! | `unsure` | the same, with a warning that some may have gone by themselves |
//! | `gone` | a warning: the target does not exist any more |
//! | `absent` | an error: the target of a create does not exist |
//! | `survivors` | an error that names who lives on |
//! | `unverified` | an error that names who may live on: nobody could look |
//! | `failed` | an error: a call was refused for good |
//! | `unlisted` | an error: nobody knows who is there, and nobody was ended |
//! | `protected` | an error: only everybody can be ended there, and one is protected |
//! | `-` | the service has nothing that could go wrong so |
//!
//! Several words are of several faces, or of several places. Of a list, `whole` and `error`; of a
//! preview, `warned`.

mod audit;
mod check;
mod moving;
mod run;
mod table;
mod truths;
mod words;

use terraform_provider_session::sandbox::Trouble;
use terraform_provider_session::sandbox::faults::NAMES;
use terraform_provider_session::services::simulator::Fault;
use terraform_provider_session::services::{Service, simulated};

use check::{check, everybody_is_right};
use run::{ACTING, Face, Meant, Meets, Outcome, act};
use table::Table;
use words::{ALL_CALLS, FROM_SOME_CALL, LOOKING, ONE_CALL};

/// Faults in every call: each acting face says the same, the shutdown does the same.
#[tokio::test(start_paused = true)]
async fn a_fault_in_all_calls_is_reported_as_it_was() {
    let mut table = Table::new("a fault in all calls: everybody is meant / all but one");
    for service in simulated() {
        let good = Good::of(service).await;
        for (name, trouble) in NAMES {
            let fault = Some((*trouble, Meets::All));
            for (meant, faces) in [(Meant::Everybody, &ACTING[..]), (Meant::Named, &ACTING[1..3])] {
                let mut words = Vec::new();
                for face in faces {
                    let good = good.run(meant, *face);
                    let outcome = act(service, *face, meant, fault).await;
                    check(&outcome, good);
                    assert!(outcome.met().0 > 0, "no call met the fault: {outcome:#?}");
                    words.push(if outcome.same(good) { "-" } else { outcome.word() });
                }
                words.sort_unstable();
                words.dedup();
                table.add(service.spec.name, name, meant, &words);
            }
            let close = act(service, Face::Close, Meant::Everybody, fault).await;
            let end = act(service, Face::Shutdown, Meant::Everybody, fault).await;
            check(&end, good.run(Meant::Everybody, Face::Close));
            assert_eq!(end.killed, close.killed, "{end:#?}");
            assert_eq!(end.run.as_ref().unwrap()["counts"], close.run.unwrap()["counts"]);
        }
    }
    table.is(ALL_CALLS);
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_one_call_wherever_it_is_is_overcome_or_reported_as_it_was() {
    let mut table = Table::new("a fault in one call, wherever: everybody is meant / all but one");
    wherever(&mut table, Meets::One, 0).await;
    table.is(ONE_CALL);
}

#[tokio::test(start_paused = true)]
async fn a_fault_from_some_call_on_is_reported_as_it_was() {
    let mut table = Table::new("a fault from some call on: everybody is meant / all but one");
    wherever(&mut table, Meets::From, 1).await;
    table.is(FROM_SOME_CALL);
}

#[tokio::test(start_paused = true)]
async fn a_list_is_whole_or_an_error_and_a_preview_is_soon_and_never_an_error() {
    let mut table = Table::new("a fault in all calls: a list / a preview");
    for service in simulated() {
        for (face, column) in [(Face::List, Meant::Everybody), (Face::Preview, Meant::Named)] {
            let good = act(service, face, Meant::Everybody, None).await;
            check(&good, &good);
            // What a preview meets later, an apply meets too.
            let places = if face == Face::List { 1..good.calls.len() } else { 1..1 };
            for (name, trouble) in NAMES {
                for meets in places.clone().map(Meets::From).chain([Meets::All]) {
                    let fault = Some((*trouble, meets));
                    let outcome = act(service, face, Meant::Everybody, fault).await;
                    check(&outcome, &good);
                    if matches!(meets, Meets::All) {
                        table.add(service.spec.name, name, column, &[seen(&outcome, &good)]);
                    }
                }
            }
        }
    }
    table.is(LOOKING);
}

/// What came of a list or of a preview.
fn seen(outcome: &Outcome, good: &Outcome) -> &'static str {
    if outcome.same(good) {
        "-"
    } else if outcome.failed() {
        "error"
    } else if outcome.listed != good.listed {
        "gone"
    } else if outcome.told == good.told {
        "whole"
    } else {
        "warned"
    }
}

/// One fault in, or from, each call of a run. The faces take turns.
async fn wherever(table: &mut Table, meets: fn(usize) -> Meets, first: usize) {
    for (column, service) in simulated().enumerate() {
        let goods = Good::of(service).await;
        for (row, (name, trouble)) in NAMES.iter().enumerate() {
            for meant in [Meant::Everybody, Meant::Named] {
                let face = ACTING[(row + column + meant as usize) % ACTING.len()];
                let good = goods.run(meant, face);
                let mut words = Vec::new();
                for at in first..good.calls.len() {
                    let outcome = act(service, face, meant, Some((*trouble, meets(at)))).await;
                    check(&outcome, good);
                    words.push(if outcome.same(good) { "-" } else { outcome.word() });
                }
                words.sort_unstable();
                words.dedup();
                // A fault of kills or jobs means nothing to other calls.
                words.retain(|word| *word != "-");
                // An instance that is gone does not come back: what is said of that is free.
                if !(first == 0 && *trouble == Trouble::Service(Fault::TargetGone)) {
                    table.add(service.spec.name, name, meant, &words);
                }
            }
        }
    }
}

/// The runs of a service without a fault.
struct Good(Vec<Outcome>);

impl Good {
    async fn of(service: &'static Service) -> Good {
        let mut all = Vec::new();
        for meant in [Meant::Everybody, Meant::Named] {
            for face in ACTING {
                let good = act(service, face, meant, None).await;
                everybody_is_right(&good);
                check(&good, &good);
                all.push(good);
            }
        }
        Good(all)
    }

    fn run(&self, meant: Meant, face: Face) -> &Outcome {
        let mine = |one: &&Outcome| (one.meant, one.face) == (meant, face);
        self.0.iter().find(mine).expect("all faces are run")
    }
}
