//! What a pending run would do now, shown in the plan as a warning.
//!
//! A preview never fails a plan, and all of them delay it by no more than `budget.rs` allows.

use std::fmt::Write as _;

use super::inputs::{Inputs, OnFailure};
use super::occasion::Occasion;
use super::run::Connection;
use super::settings::Shared;
use super::{diagnose, meaning, run, table};
use crate::access::Error;
use crate::engine::{self, Halt, Mode, Survey};
use crate::framework::{Context, Diagnostics, Walk};
use crate::services::{Service, Session, Spec};

/// How every summary begins, which is true of a dry run, and where nobody is live.
const SUMMARY: &str = "Session termination pending";

/// When a run would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment<'a> {
    /// In words, as a sentence goes on.
    pub(super) when: &'static str,
    /// What becomes of the block in the state.
    pub(super) after: After,
    /// The block's `id`, where it goes.
    pub(super) id: Option<&'a str>,
}

/// What becomes of a block by the operation that a run is a part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// It stays, or nothing depends on it.
    Stays,
    /// It goes, and with it what it depends on may go.
    Goes,
}

/// A warning that lists who would go now, or why that cannot be told. Silent in an apply walk, where
/// the provider's settings are not known yet, and with `plan_preview = false`. Never an error: where
/// a plan is made, keys, names and networks need not be what they are where it is applied.
pub(super) async fn preview(
    shared: &Shared,
    service: &Service,
    cx: &Context,
    inputs: &Inputs,
    moment: Moment<'_>,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let when = moment.when;
    let Ok(ready) = shared.ready() else { return diagnostics };
    if cx.walk == Walk::Apply || !ready.plan_preview {
        return diagnostics;
    }
    let connection = match run::connect(shared, service, inputs) {
        Ok(connection) => connection,
        Err(error) => {
            let target = inputs.target.label(service.spec, inputs.region.as_deref());
            let text = untold(service.spec, &target, when, &error);
            diagnostics.warn(summary(&target, inputs, when), let_go(shared, moment, text));
            return diagnostics;
        }
    };
    let text = match connection.foresee(inputs, &cx.cancel, shared).await {
        Ok(survey) => forecast(&connection, inputs, &survey, moment),
        Err(error) => untold(connection.spec, &connection.label, when, &error),
    };
    let text = let_go(shared, moment, text);
    diagnostics.warn(summary(&connection.label, inputs, when), text);
    diagnostics.extend(connection.asides(shared));
    diagnostics
}

/// What no two previews share that say different things: cores fold warnings with equal summaries.
fn summary(target: &str, inputs: &Inputs, when: &str) -> String {
    diagnose::titled(&format!("{SUMMARY} on"), &format!("{target} {when}"), &meaning::of(inputs))
}

/// The text, with a word on a block that is let go.
fn let_go(shared: &Shared, moment: Moment<'_>, mut text: String) -> String {
    if let Some(id) = moment.id.filter(|id| shared.lets_go(id)) {
        let _ = write!(
            text,
            "\n`let_go` names `{id}`: if this fails, the destroy goes on all the same."
        );
    }
    text
}

/// Why nobody can be named.
fn untold(spec: &Spec, target: &str, when: &str, error: &Error) -> String {
    let why = diagnose::answer(error);
    let advice = diagnose::advice(spec, Occasion::Plan, error);
    let failed = "The sessions could not be listed for the preview.";
    format!("{}\n\n{failed} {why}\n\n{advice}", aim(target, when))
}

/// What is aimed at, and when it will be hit.
fn aim(target: &str, when: &str) -> String {
    format!("Target: {target}, {when}.")
}

/// The preview's text.
fn forecast(
    connection: &Connection,
    inputs: &Inputs,
    survey: &Survey,
    moment: Moment<'_>,
) -> String {
    let spec = connection.spec;
    let of = |indexes: &[usize]| -> Vec<&Session> {
        indexes.iter().filter_map(|index| Some(&**survey.sessions.get(*index)?)).collect()
    };
    let (selected, protected) = (of(&survey.selected), of(&survey.protected));
    let obstacle = engine::guard(spec, &inputs.request.guards, survey);
    let dry = inputs.request.mode == Mode::DryRun || connection.is_dry_run();
    let mut text = format!("{}\n\n", aim(&connection.label, moment.when));
    let live = table::count(survey.sessions.len(), &format!("live {}", spec.session));
    let (is, are) = match obstacle.is_some() || dry {
        true => ("is selected", "are selected"),
        false => ("would be terminated", "would be terminated"),
    };
    let _ = match (survey.sessions.len(), selected.len()) {
        (0, _) => writeln!(text, "No {} is live now.", spec.session),
        (_, 0) => writeln!(text, "None of {live} {is} now."),
        (_, 1) => writeln!(text, "1 of {live} {is} now:"),
        (_, some) => writeln!(text, "{some} of {live} {are} now:"),
    };
    if !selected.is_empty() {
        text.push_str(&table::table(spec, &selected));
    }
    if survey.ours > 0 {
        let _ = writeln!(text, "{}", diagnose::ours(survey.ours));
    }
    for (what, count) in &survey.left_out {
        let _ = writeln!(text, "Left out as no client: {what} ({count}).");
    }
    if let Some(doubt) = survey.doubt {
        let _ = writeln!(text, "Others may be there: the list {doubt}.");
    }
    if let Some(stuck) = selected.iter().find_map(|one| one.unkillable) {
        let count = selected.iter().filter(|one| one.unkillable.is_some()).count();
        let _ = writeln!(text, "{count} of these would survive: {stuck}.");
    }
    if !protected.is_empty() {
        let _ = write!(text, "Protected:\n{}", table::table(spec, &protected));
    }
    if moment.after == After::Goes {
        text.push_str(&diagnose::in_the_way(spec, &survey.obstacles, !protected.is_empty()));
    }
    if !survey.missing.is_empty() {
        let names = survey.missing.iter().map(|id| table::clean(id));
        let _ = writeln!(text, "Not live now: {}.", listed(names, survey.missing.len()));
    }
    if let Some(first) = of(&survey.beyond).first() {
        let why = first.unkillable.unwrap_or_default();
        let more = survey.beyond.len();
        let are = if more == 1 { "is" } else { "are" };
        let _ = writeln!(text, "{more} more {are} meant but cannot be ended: {why}.");
    }
    for consequence in consequences(inputs, selected.len(), obstacle, dry, moment.after) {
        let _ = writeln!(text, "{consequence}");
    }
    text.push_str("Sessions come and go: which are meant is resolved again at that moment.");
    text
}

/// The first of `all`, and how many more there are.
fn listed(names: impl IntoIterator<Item = String>, all: usize) -> String {
    let first: Vec<String> = names.into_iter().take(table::ROWS).collect();
    let more = all - first.len();
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    format!("{}{more}", first.join("; "))
}

/// What guards and switches would make of it.
fn consequences(
    inputs: &Inputs,
    selected: usize,
    obstacle: Option<Halt>,
    dry: bool,
    after: After,
) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = obstacle.and_then(|halt| blocked(&halt)) {
        lines.push(format!("{why}, so NOTHING would be terminated and it would be an error."));
    }
    if let Some(patience) = inputs.request.drain.filter(|_| selected > 0) {
        lines.push(format!(
            "Up to {} would be waited before, for these to end by themselves.",
            table::length(patience)
        ));
    }
    if let Some(quiet) = inputs.request.quiet {
        lines.push(format!(
            "Newcomers would be ended too, until none has been there for {}.",
            table::length(quiet)
        ));
    }
    if dry {
        lines.push("It is a dry run: nothing will be terminated.".to_owned());
        if after == After::Goes {
            let warning = "It holds nothing back either: what the block depends on can be \
                           destroyed with everybody still connected.";
            lines.push(warning.to_owned());
        }
    }
    if inputs.on_failure == OnFailure::Warn {
        lines.push("Survivors will only be a warning (`on_failure = \"warn\"`).".to_owned());
    }
    lines
}

/// Why a guard would let nothing happen.
fn blocked(halt: &Halt) -> Option<String> {
    match halt {
        Halt::TooMany { allowed, .. } => Some(format!("`max_sessions` is {allowed}")),
        Halt::ProtectedInTheWay => {
            Some("The API can only terminate everything and a protected session is live".to_owned())
        }
        Halt::NotSelective => {
            Some("The API can only terminate everything and fewer than all are selected".to_owned())
        }
        Halt::Unjudged { criterion, sessions, .. } => Some(format!(
            "`protect` looks at `{}` and the list does not tell it for {}",
            criterion.name(),
            table::count(*sessions, "session")
        )),
        Halt::Unseen { unseen, .. } => Some(format!(
            "The cloud counts {unseen} more than its list shows, which no guard can look at"
        )),
        Halt::SameIdOnSeveralNodes(id) => {
            Some(format!("The id `{}` is live on several nodes", table::clean(id)))
        }
        Halt::Uncounted(_)
        | Halt::NotWhole(_)
        | Halt::NotQuiet(_)
        | Halt::TargetGone(_)
        | Halt::Failed(_)
        | Halt::TimedOut(_)
        | Halt::Cancelled
        | Halt::Audit(_)
        | Halt::Panicked(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Kind;
    use crate::services;

    fn spec() -> &'static Spec {
        let mut specs = services::ALL.iter().map(|service| service.spec);
        specs.find(|spec| spec.name == "huaweicloud_dcs").unwrap()
    }

    #[test]
    fn a_preview_that_cannot_be_made_says_why() {
        let error = Error::new(Kind::Unavailable, "ListClients", "no");
        assert_eq!(
            untold(spec(), "cn-north-4/i-1", "in this destroy", &error),
            "Target: cn-north-4/i-1, in this destroy.\n\
            \n\
            The sessions could not be listed for the preview. ListClients: no\n\
            \n\
            The cloud could not be reached or failed. Check network, proxy and `endpoints`. Run the same command again."
        );
    }

    #[test]
    fn every_guard_says_why_it_would_let_nothing_happen() {
        for (halt, expected) in [
            (Halt::TooMany { selected: 3, allowed: 1 }, "`max_sessions` is 1"),
            (
                Halt::ProtectedInTheWay,
                "The API can only terminate everything and a protected session is live",
            ),
            (
                Halt::NotSelective,
                "The API can only terminate everything and fewer than all are selected",
            ),
            (Halt::SameIdOnSeveralNodes("7".into()), "The id `7` is live on several nodes"),
        ] {
            assert_eq!(blocked(&halt).as_deref(), Some(expected));
        }
        assert_eq!(blocked(&Halt::Cancelled), None);
    }
}
