//! Every service, every fault, every face that acts: what is reported is what really happened.
//!
//! A run meets a fault in two ways: in all its calls from the first on, and in one call only, at
//! every place that it can have. Whatever comes of it, the audit log, the report and the messages
//! agree with the sandbox, nobody else loses a connection, refused credentials are not tried again,
//! and no run outlives its timeout. The matrix is printed.

#![allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

mod audit;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use terraform_provider_session::sandbox::{Trouble, faults::NAMES};
use terraform_provider_session::services::ALL;
use terraform_provider_session::services::simulator::Fault;

use run::{FACES, Face, Meets, Outcome, act};

/// Faults that pass: a run that meets one in one call does all its work.
fn passes(trouble: Trouble) -> bool {
    match trouble {
        Trouble::Throttle
        | Trouble::ServerError
        | Trouble::Unavailable
        | Trouble::ResetBefore
        | Trouble::ResetAfter
        | Trouble::TruncatedBody
        | Trouble::SlowBody
        | Trouble::WrongContentType
        | Trouble::Service(Fault::Busy | Fault::PartialKill | Fault::Refuses | Fault::JobFails) => {
            true
        }
        Trouble::Hang
        | Trouble::ExpiredToken
        | Trouble::WrongSignature
        | Trouble::Service(Fault::JobHangs | Fault::TargetGone) => false,
    }
}

/// What must hold after every run, whatever went wrong.
fn check(outcome: &Outcome, trouble: Trouble) {
    let about = format!("{outcome:#?}");
    let counts = outcome.counts;
    assert!(outcome.took <= run::TIMEOUT + Duration::from_secs(1), "too long: {about}");
    assert!(outcome.strangers.is_empty(), "others were hit: {about}");
    assert!(counts.terminated <= outcome.killed, "claims a kill that was none: {about}");
    let known = counts.terminated + counts.survived + counts.already_gone;
    assert!(outcome.killed <= known, "hides a kill: {about}");
    if outcome.killed != counts.terminated {
        assert!(!outcome.told.is_empty(), "silent about a doubt: {about}");
    }
    if counts.terminated + counts.already_gone < counts.selected {
        assert!(outcome.failed, "survivors without an error: {about}");
    }
    assert!(outcome.requested >= outcome.killed, "a kill is not in the audit log: {about}");
    if let Some(terminated) = outcome.last_run {
        assert_eq!(terminated, counts.terminated, "state and audit log differ: {about}");
    }
    if matches!(trouble, Trouble::ExpiredToken | Trouble::WrongSignature) && outcome.met > 0 {
        assert_eq!(outcome.after, 0, "refused credentials were tried again: {about}");
        assert!(outcome.failed, "{about}");
    }
    if outcome.failed {
        assert!(outcome.told.iter().any(|one| one.error && one.detail.len() > 40), "{about}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_all_calls_is_reported_as_it_was() {
    let mut matrix: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for service in ALL {
        for (name, trouble) in NAMES {
            let row = matrix.entry((service.spec().name, name)).or_default();
            for face in FACES {
                let outcome = act(*service, face, Some((*trouble, Meets::All))).await;
                check(&outcome, *trouble);
                row.push(outcome.word());
            }
        }
    }
    print("a fault in all calls", &matrix);
}

#[tokio::test(start_paused = true)]
async fn a_fault_in_one_call_wherever_it_is_is_overcome_or_reported_as_it_was() {
    let mut matrix: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for service in ALL {
        let good = act(*service, Face::Action, None).await;
        let (calls, everybody) = (good.calls, good.killed);
        assert!(calls > 1 && everybody > 0, "{good:#?}");
        for (name, trouble) in NAMES {
            let row = matrix.entry((service.spec().name, name)).or_default();
            for at in 0..calls {
                let outcome = act(*service, Face::Action, Some((*trouble, Meets::One(at)))).await;
                check(&outcome, *trouble);
                if passes(*trouble) {
                    assert!(!outcome.failed, "{name} in call {at}: {outcome:#?}");
                    assert_eq!(outcome.killed, everybody, "{name} in call {at}: {outcome:#?}");
                }
                row.push(outcome.word());
            }
        }
    }
    print("a fault in one call, by its number", &matrix);
}

#[expect(clippy::print_stdout, reason = "the matrix is read by people")]
fn print(title: &str, matrix: &BTreeMap<(&str, &str), Vec<&str>>) {
    println!("\n{title}");
    if title.ends_with("calls") {
        let heads: Vec<String> = FACES.iter().map(|face| format!("{:<14}", face.name())).collect();
        println!("{:<28}{:<20}{}", "", "", heads.concat());
    }
    for ((service, fault), row) in matrix {
        let cells: Vec<String> = row.iter().map(|word| format!("{word:<14}")).collect();
        println!("{service:<28}{fault:<20}{}", cells.concat());
    }
}
