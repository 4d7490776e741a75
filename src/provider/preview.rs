//! What a pending run would do now, shown in the plan as a warning.
//!
//! A preview never fails a plan and never delays it by more than [`LIMIT`].

use std::fmt::Write as _;
use std::time::Duration;

use super::inputs::{Inputs, OnFailure};
use super::run::Connection;
use super::settings::Shared;
use super::{diagnose, run, table};
use crate::cloud::{Error, Kind};
use crate::engine::{self, Halt, Mode, Survey};
use crate::framework::{Context, Diagnostics, Walk};
use crate::services::{Service, Session};

/// The longest that a plan waits for a preview.
const LIMIT: Duration = Duration::from_secs(9);

/// The stable summary, under which Terraform folds the previews of several resources.
const SUMMARY: &str = "Sessions will be terminated";

/// A warning that lists who would go now, or why that cannot be told. Silent in an apply walk, and
/// where the provider's settings are not known yet. Settings that cannot be right are an error.
pub(super) async fn preview(
    shared: &Shared,
    service: &dyn Service,
    cx: &Context,
    inputs: &Inputs,
    when: &str,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let Ok(ready) = shared.ready() else { return diagnostics };
    if cx.walk == Walk::Apply {
        return diagnostics;
    }
    let connection = match run::connect(shared, service, inputs) {
        Ok(connection) => connection,
        Err(error) => return untold(&target(inputs), when, &error),
    };
    if ready.plan_preview {
        diagnostics.extend(match connection.survey(inputs, LIMIT, &cx.cancel).await {
            Ok(survey) => {
                let mut diagnostics = Diagnostics::none();
                diagnostics.warn(SUMMARY, forecast(&connection, inputs, &survey, when));
                diagnostics
            }
            Err(error) => untold(&connection.label, when, &error),
        });
    }
    diagnostics.extend(connection.sandbox_warning(shared));
    diagnostics
}

/// Why nobody can be named. The plan goes on, unless the run could not even begin.
fn untold(target: &str, when: &str, error: &Error) -> Diagnostics {
    if error.kind == Kind::Configuration {
        return diagnose::call_failed(format!("Sessions on {target} cannot be terminated"), error)
            .into();
    }
    let mut diagnostics = Diagnostics::none();
    let (why, advice) = (diagnose::answer(error), diagnose::advice(error));
    let detail = format!("{when}: {target}.\n\nWho would go cannot be told. {why}\n\n{advice}");
    diagnostics.warn(SUMMARY, detail);
    diagnostics
}

fn target(inputs: &Inputs) -> String {
    let parts: Vec<&str> = inputs.target.0.values().map(String::as_str).collect();
    parts.join("/")
}

/// The preview's text.
fn forecast(connection: &Connection, inputs: &Inputs, survey: &Survey, when: &str) -> String {
    let spec = connection.spec;
    let of = |indexes: &[usize]| -> Vec<&Session> {
        indexes.iter().filter_map(|index| survey.sessions.get(*index)).collect()
    };
    let (selected, protected) = (of(&survey.selected), of(&survey.protected));
    let obstacle = engine::guard(spec, &inputs.request.guards, survey);
    let dry = inputs.request.mode == Mode::DryRun || connection.is_dry_run();
    let mut text = format!("{when}: {}.\n\n", connection.label);
    let live = table::count(survey.sessions.len(), &format!("live {}", spec.session));
    let fate = if obstacle.is_some() || dry { "selected" } else { "to go" };
    let _ = match (survey.sessions.len(), selected.len()) {
        (0, _) => writeln!(text, "No {} is live now.", spec.session),
        (_, 0) => writeln!(text, "None of {live} is {fate} now."),
        (_, 1) => writeln!(text, "1 of {live} is {fate} now:"),
        (_, some) => writeln!(text, "{some} of {live} are {fate} now:"),
    };
    if !selected.is_empty() {
        text.push_str(&table::table(spec, &selected));
    }
    if let Some(stuck) = selected.iter().find_map(|one| one.unkillable) {
        let count = selected.iter().filter(|one| one.unkillable.is_some()).count();
        let _ = writeln!(text, "{count} of these would survive: {stuck}.");
    }
    if !protected.is_empty() {
        let names = protected.iter().take(table::ROWS).map(|one| table::name(spec, one));
        let _ = writeln!(text, "Protected: {}.", listed(names.collect(), protected.len()));
    }
    if !survey.missing.is_empty() {
        let names = survey.missing.iter().take(table::ROWS).map(|id| table::printable(id));
        let _ = writeln!(text, "Not live now: {}.", listed(names.collect(), survey.missing.len()));
    }
    if let Some(first) = of(&survey.beyond).first() {
        let why = first.unkillable.unwrap_or_default();
        let _ =
            writeln!(text, "{} more are meant but cannot be ended: {why}.", survey.beyond.len());
    }
    for consequence in consequences(inputs, obstacle, dry) {
        let _ = writeln!(text, "{consequence}");
    }
    text.push_str("Sessions come and go: which are meant is resolved again at that moment.");
    text
}

/// The first of `all`, and how many more there are.
fn listed(first: Vec<String>, all: usize) -> String {
    let more = all - first.len();
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    format!("{}{more}", first.join("; "))
}

/// What guards and switches would make of it.
fn consequences(inputs: &Inputs, obstacle: Option<Halt>, dry: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = obstacle.and_then(|halt| blocked(&halt)) {
        lines.push(format!("{why}, so NOTHING would be terminated and it would be an error."));
    }
    if dry {
        lines.push("It is a dry run: nothing will be terminated.".to_owned());
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
            Some("The API can only terminate everything and not all are meant".to_owned())
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
            Some(format!("The id `{}` is live on several nodes", table::printable(id)))
        }
        Halt::TargetGone(_)
        | Halt::Failed(_)
        | Halt::TimedOut(_)
        | Halt::Cancelled
        | Halt::Audit(_)
        | Halt::Panicked(_) => None,
    }
}
