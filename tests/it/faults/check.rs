//! What must hold after every run, whatever went wrong: who was cut is compared, client by client,
//! with what audit log, state and messages say.

use std::collections::BTreeSet;
use std::time::Duration;

use terraform_provider_session::sandbox::Trouble;
use terraform_provider_session::services::simulator::Fault;

use super::run::{Face, Meant, Outcome, TIMEOUT};

/// Holds a run to the truth; `good` is the same without a fault.
pub(crate) fn check(outcome: &Outcome, good: &Outcome) {
    let about = format!("{outcome:#?}");
    assert!(outcome.strangers.is_empty(), "others were hit: {about}");
    let protected = outcome.protected.as_ref();
    assert!(protected.is_none_or(|ip| !outcome.killed.contains(ip)), "protected: {about}");
    for one in outcome.told.iter().filter(|one| one.error) {
        assert!(one.detail.len() > 40, "an error without advice: {about}");
    }
    credentials_are_tried_once(outcome, &about);
    match outcome.face {
        Face::List => return list(outcome, good, &about),
        Face::Preview => return preview(outcome, &about),
        Face::Create
        | Face::Update
        | Face::Destroy
        | Face::Open
        | Face::Close
        | Face::Shutdown
        | Face::Action => {}
    }
    // A create looks at its target first, and an update is one where the create came to nothing.
    let creates = matches!(outcome.face, Face::Create | Face::Update);
    let looks = match (creates, outcome.absent()) {
        (false, _) => 0,
        (true, false) => 10,
        (true, true) => 30,
    };
    let limit = TIMEOUT + Duration::from_secs(looks + 1);
    assert!(outcome.took <= limit, "too long: {about}");
    if outcome.run.is_none() && creates {
        assert!(outcome.failed() && outcome.requested.is_empty(), "it did not run: {about}");
        assert!(outcome.killed.is_empty() && outcome.last_run.is_none(), "it ran: {about}");
        return;
    }
    came_back(outcome, &about);
    fates(outcome, &about);
    counts(outcome, &about);
    if outcome.face != Face::Shutdown {
        messages(outcome, good, &about);
    }
    state(outcome, &about);
}

/// Who came back after the first cut lives, unless somebody else lived on whom only a call that
/// ends everybody can end.
fn came_back(outcome: &Outcome, about: &str) {
    let halves = [Fault::PartialKill, Fault::EndsHalf].map(Trouble::Service);
    let again = outcome.fault.is_some_and(|(trouble, _)| halves.contains(&trouble));
    let allowed = !outcome.selective && again;
    assert!(!outcome.back_killed || allowed, "who came back was cut: {about}");
    assert_eq!(outcome.followers_killed, 0, "whoever followed was cut: {about}");
}

/// Client by client: what the audit log says, and what happened.
fn fates(outcome: &Outcome, about: &str) {
    let gone = outcome.fault.is_some_and(|(trouble, _)| {
        trouble == Trouble::Service(Fault::TargetGone) && outcome.face == Face::Shutdown
    }) || outcome.gone();
    let doubted = outcome.told.iter().any(|one| one.detail.contains("may have ended"));
    for (client, fate) in &outcome.fates {
        let killed = outcome.killed.contains(client);
        let right = match fate.outcome.as_str() {
            "terminated" => killed,
            "survived" => !killed || fate.reason.starts_with("not verified"),
            "already_gone" if killed => doubted || outcome.face == Face::Shutdown,
            // Nobody goes by himself here.
            "already_gone" => gone,
            "untouched" => !killed,
            _ => false,
        };
        assert!(right, "{client} is called {}: {about}", fate.outcome);
    }
    let told: BTreeSet<String> = outcome.fates.keys().cloned().collect();
    assert!(outcome.killed.is_subset(&told), "a kill is hidden: {about}");
    assert!(outcome.killed.is_subset(&outcome.requested), "cut without a record: {about}");
}

/// The run's own line adds up.
fn counts(outcome: &Outcome, about: &str) {
    assert!(outcome.run.is_some(), "a run without its line: {about}");
    let told = |word: &str| outcome.fates.values().filter(|fate| fate.outcome == word).count();
    for word in ["terminated", "already_gone"] {
        assert_eq!(outcome.count(word), told(word), "{word}: {about}");
    }
    // Whom nothing was tried on lives on, and has no line where nobody was asked to end.
    let settled = outcome.count("terminated") + outcome.count("already_gone");
    assert_eq!(settled + outcome.count("survived"), outcome.count("selected"), "{about}");
    assert!(outcome.count("survived") >= told("survived") + told("untouched"), "{about}");
}

/// Whoever reads the messages knows what happened.
fn messages(outcome: &Outcome, good: &Outcome, about: &str) {
    if outcome.failed() {
        return;
    }
    let settled = outcome.count("terminated") + outcome.count("already_gone");
    assert_eq!(settled, outcome.count("selected"), "survivors without an error: {about}");
    let all_done = outcome.killed == good.killed;
    assert!(all_done || outcome.gone(), "nothing was done, and nothing is said: {about}");
    if outcome.count("terminated") != outcome.killed.len() {
        assert!(!outcome.told.is_empty(), "silent about a doubt: {about}");
    }
}

/// `last_run` is there where something was asked for, and says what the audit log says.
fn state(outcome: &Outcome, about: &str) {
    let keeps = match outcome.face {
        Face::Create | Face::Update => !outcome.requested.is_empty(),
        Face::Open => !outcome.failed(),
        _ => false,
    };
    assert!(!keeps || outcome.last_run.is_some(), "a run without its result: {about}");
    let Some(last_run) = &outcome.last_run else { return };
    for word in ["selected", "terminated", "already_gone", "protected", "survived", "reconnected"] {
        assert_eq!(last_run[word], outcome.count(word), "{word}: {about}");
    }
    let ids = |name: &str| -> BTreeSet<&str> {
        last_run[name].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect()
    };
    let of = |word: &str| -> BTreeSet<&str> {
        let fates = outcome.fates.values().filter(|fate| fate.outcome == word);
        fates.map(|fate| fate.session.as_str()).collect()
    };
    assert_eq!(ids("terminated_ids"), of("terminated"), "{about}");
    assert!(of("survived").is_subset(&ids("survived_ids")), "{about}");
    assert_eq!(outcome.count("survived"), ids("survived_ids").len(), "{about}");
    let answered: BTreeSet<&str> =
        outcome.calls.iter().map(|call| call.request_id.as_str()).collect();
    let known = ids("request_ids");
    // One cloud writes them with dashes and in capitals.
    let plain = |id: &&str| id.replace('-', "").to_lowercase();
    assert!(known.iter().map(plain).all(|id| answered.contains(id.as_str())), "{about}");
    let named: BTreeSet<&str> =
        outcome.fates.values().filter_map(|fate| fate.request_id.as_deref()).collect();
    assert!(named.is_subset(&known), "{about}");
}

/// After a refusal, nobody tries the same credentials again: the clouds lock them.
fn credentials_are_tried_once(outcome: &Outcome, about: &str) {
    let refused = [Trouble::ExpiredToken, Trouble::WrongSignature];
    let Some((trouble, _)) = outcome.fault else { return };
    if refused.contains(&trouble) && outcome.met().0 > 0 {
        assert_eq!(outcome.met().1, 0, "refused credentials were tried again: {about}");
        let must = ![Face::Preview, Face::Shutdown].contains(&outcome.face);
        // A last look that a destroy cannot make is no failure of it.
        let looked = outcome.face == Face::Destroy && !outcome.told.is_empty();
        assert!(outcome.failed() || looked || !must, "{about}");
    }
}

/// All of them, or an error; in time, and nobody is hurt.
fn list(outcome: &Outcome, good: &Outcome, about: &str) {
    assert!(outcome.took <= TIMEOUT + Duration::from_secs(1), "too long: {about}");
    assert!(outcome.killed.is_empty(), "{about}");
    assert!(good.listed.as_ref().is_some_and(|listed| !listed.is_empty()));
    if outcome.failed() {
        assert_eq!(outcome.listed, None, "{about}");
    } else if outcome.listed != good.listed {
        assert!(!outcome.told.is_empty(), "a list that lacks somebody: {about}");
    }
}

/// A preview never fails a plan, and never delays it by more than ten seconds.
fn preview(outcome: &Outcome, about: &str) {
    assert!(outcome.took <= Duration::from_secs(10), "too long: {about}");
    assert!(!outcome.failed() && outcome.killed.is_empty(), "{about}");
}

/// Whom the named column may and may not end.
pub(crate) fn everybody_is_right(good: &Outcome) {
    let refused = good.meant == Meant::Named && !good.selective;
    assert_eq!(good.failed(), refused, "{good:#?}");
    assert_eq!(good.killed.is_empty(), refused, "{good:#?}");
    assert_eq!(good.protected.is_some(), good.meant == Meant::Named);
}
