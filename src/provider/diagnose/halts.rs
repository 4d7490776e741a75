//! Runs that ended early by more than survivors: what was not done, and what to do.

use super::advice::{STAYS, advice, again, answer, from_state, may_be_an_argument, timeout};
use super::{About, last_failure, listed, named, table};
use crate::engine::{Comer, Fate, Halt, Report};
use crate::provider::occasion::Occasion;
use crate::services::Spec;

/// Title and explanation.
pub(super) fn halted(about: About<'_>, report: &Report, halt: &Halt) -> (String, String) {
    let sessions = format!("{}s", about.spec.session);
    let About { target, spec, occasion, .. } = about;
    // In a later round of a run, others may have been ended.
    let begun = report.victims.iter().any(|one| one.fate != Fate::Untouched);
    let more = if begun { "more " } else { "" };
    match halt {
        Halt::TooMany { selected, allowed } => (
            format!("Too many sessions selected on {target}"),
            format!(
                "{selected} {sessions} are selected and `max_sessions` allows {allowed}, so nothing {more}was terminated. Selected:\n{}\nNarrow the selection, or raise `max_sessions`.",
                named(spec, &report.victims.iter().map(|one| &*one.session).collect::<Vec<_>>())
            ),
        ),
        Halt::ProtectedInTheWay => (
            format!("Protected sessions are live on {target}"),
            format!(
                "The API of {} can only terminate everything at once, and these {sessions} are protected, so nothing was terminated:\n{}\nWait until they are gone, end them yourself, or change `protect`.",
                spec.title,
                named(spec, &report.protected.iter().map(|one| &**one).collect::<Vec<_>>())
            ),
        ),
        Halt::NotSelective => (
            format!("Single sessions cannot be terminated on {target}"),
            format!(
                "The API of {} can only terminate everything at once, and the selection means fewer than all live {sessions}. Nothing was terminated. Use `all = true`.",
                spec.title
            ),
        ),
        Halt::Unjudged { criterion, sessions: count, first } => (
            format!("Protected sessions cannot be told apart on {target}"),
            format!(
                "`protect` looks at `{0}`, and the list does not tell it for {1} of the selection, so nothing was terminated:\n{2}\nNarrow the selection to leave them out, or take `{0}` out of `protect`.",
                criterion.name(),
                table::count(*count, spec.session),
                listed(*count, table::names(spec, &first.iter().collect::<Vec<_>>()).into_iter())
            ),
        ),
        Halt::Unseen { listed, unseen } => (
            format!("The list of sessions on {target} is not complete"),
            format!(
                "The cloud lists {} and counts {unseen} more, which neither `protect` nor `max_sessions` nor a selection can look at, so nothing was terminated. Try again, or set `all = true` without `protect` and `max_sessions`.",
                table::count(*listed, spec.session)
            ),
        ),
        Halt::Uncounted(doubt) => (
            format!("The sessions on {target} could not be counted"),
            format!(
                "A guard counts the {sessions}, and in the time allowed no list showed all of them: the last one {doubt}. Nothing was terminated. Narrow the selection by {}, raise {}, or leave the guard out.",
                narrowing(spec),
                timeout(occasion)
            ),
        ),
        Halt::NotWhole(doubt) => (
            format!("The list of sessions on {target} could not be read whole"),
            format!(
                "In the time allowed no list showed all {sessions} at once, so somebody may have been missed: the last one {doubt}. Narrow the selection by {}, or raise {}. {}",
                narrowing(spec),
                timeout(occasion),
                again(occasion)
            ),
        ),
        Halt::NotQuiet(comers) => (
            format!("Clients keep coming back to {target}"),
            format!(
                "For `quiet` nobody may have been there for so long, and in the time allowed that did not come: whoever came was ended, and others came. `quiet` keeps nobody out.{}\nEnd what they come from first: destroy the application's own resource before this one (let it `depends_on` this block), lock the account, or stop new logins on the server. Or raise {}. {}",
                coming(spec, comers),
                timeout(occasion),
                again(occasion)
            ),
        ),
        Halt::SameIdOnSeveralNodes(id) => (
            format!("Session id is not unique on {target}"),
            format!(
                "The id `{}` is live on several nodes, and the selection does not say which is meant. Nothing was terminated. Set `node_id`, or select with `match`.",
                table::clean(id)
            ),
        ),
        Halt::Failed(error) => (
            format!("Sessions on {target} could not be terminated"),
            format!(
                "{}\n\n{}{}",
                answer(error),
                advice(spec, occasion, error),
                about.whether_wished(report, error)
            ),
        ),
        Halt::Cancelled => (
            format!("Session termination on {target} was interrupted"),
            format!("No further session was terminated after the interrupt. {}", again(occasion)),
        ),
        Halt::Audit(reason) => (
            format!("Audit log could not be written for {target}"),
            format!(
                "{reason}\n\nNothing more was terminated: no session may end without a record. Make the file of the provider's `audit_log` writable. {}",
                again(occasion)
            ),
        ),
        Halt::Panicked(message) => (
            format!("Session termination on {target} broke off"),
            format!(
                "This is a bug in the provider, please report it: {}\n\nNothing more was terminated. {}",
                table::clean(message),
                again(occasion)
            ),
        ),
        Halt::TimedOut(last) => (
            format!("Sessions on {target} could not be listed in time"),
            format!(
                "The sessions could not be listed before the timeout, so nothing was terminated. Raise {}.{}",
                timeout(occasion),
                last_failure(about, last.as_ref())
            ),
        ),
        Halt::TargetGone(_) => unreachable!("worded by `report` before this is called"),
    }
}

/// Who keeps coming, and how often.
fn coming(spec: &Spec, comers: &[Comer]) -> String {
    if comers.is_empty() {
        return String::new();
    }
    let sessions: Vec<_> = comers.iter().map(|one| &one.session).collect();
    let lines = table::names(spec, &sessions).into_iter().zip(comers).map(|(name, comer)| {
        let times =
            if comer.times == 1 { "once".to_owned() } else { format!("{} times", comer.times) };
        format!("{name}: came {times}")
    });
    format!(" Who came:\n{}", listed(comers.len(), lines))
}

/// The criteria of `match`, as words.
fn narrowing(spec: &Spec) -> String {
    let names: Vec<String> = spec.criteria().map(|one| format!("`{}`", one.name())).collect();
    format!("`match` ({})", names.join(", "))
}

/// What such an end means for a destroy, and how what was advised gets to it.
pub(super) fn aftermath(about: About<'_>, halt: &Halt) -> String {
    if about.occasion != Occasion::Destroy {
        return String::new();
    }
    let mended_by_an_argument = halt.is_guard()
        || matches!(halt, Halt::TimedOut(_) | Halt::NotWhole(_) | Halt::NotQuiet(_))
        || matches!(halt, Halt::Failed(error) if may_be_an_argument(error.kind));
    if mended_by_an_argument {
        format!("\n\n{STAYS} {}", from_state(about.spec))
    } else {
        format!("\n\n{STAYS}")
    }
}
