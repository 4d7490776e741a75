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
use crate::engine::{Mode, Selection, Survey};
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
    let why = diagnose::answer(error);
    diagnostics.warn(SUMMARY, format!("{when}: {target}.\n\nWho would go cannot be told: {why}"));
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
    let mut text = format!(
        "{when}: {}.\n\n{} of {} live {}s would go now",
        connection.label,
        selected.len(),
        survey.sessions.len(),
        spec.session
    );
    text.push_str(if selected.is_empty() { ".\n" } else { ":\n" });
    if !selected.is_empty() {
        text.push_str(&table::table(spec, &selected));
    }
    if !protected.is_empty() {
        let names: Vec<String> =
            protected.iter().take(table::ROWS).map(|one| table::name(spec, one)).collect();
        let _ = writeln!(text, "Protected: {}.", names.join("; "));
    }
    if let Selection::Ids(_) = &inputs.request.selection
        && !survey.missing.is_empty()
    {
        let _ = writeln!(text, "Not live any more: {}.", survey.missing.join(", "));
    }
    if let Some(first) = of(&survey.beyond).first() {
        let why = first.unkillable.unwrap_or_default();
        let _ =
            writeln!(text, "{} more are meant but cannot be ended: {why}.", survey.beyond.len());
    }
    for consequence in consequences(connection, inputs, selected.len(), protected.len()) {
        let _ = writeln!(text, "{consequence}");
    }
    text.push_str("Sessions come and go: which are meant is resolved again at that moment.");
    text
}

/// What guards and switches would make of it.
fn consequences(
    connection: &Connection,
    inputs: &Inputs,
    selected: usize,
    protected: usize,
) -> Vec<String> {
    let mut lines = Vec::new();
    let cap = inputs.request.guards.max_sessions.map(|cap| cap.get());
    if let Some(cap) = cap.filter(|cap| u64::try_from(selected).unwrap_or(u64::MAX) > *cap) {
        lines.push(format!(
            "`max_sessions` is {cap}, so NOTHING would be terminated and it would be an error."
        ));
    }
    if connection.spec.limits.batch == 0 && protected > 0 {
        lines.push("The API can only terminate everything, so with protected sessions live NOTHING would be terminated and it would be an error.".to_owned());
    }
    if inputs.request.mode == Mode::DryRun || connection.is_dry_run() {
        lines.push("It is a dry run: nothing will be terminated.".to_owned());
    }
    if inputs.on_failure == OnFailure::Warn {
        lines.push("Survivors will only be a warning (`on_failure = \"warn\"`).".to_owned());
    }
    lines
}
