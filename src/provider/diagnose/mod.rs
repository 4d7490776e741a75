//! The only place that words errors for users: what could not be done, what the cloud answered,
//! what to do now.
//!
//! [`report`] words a run, `halts` the ways in which one ends early, `advice` what a cloud answered,
//! `progress` what happens meanwhile.

mod advice;
mod halts;
mod progress;
mod sequel;
mod sight;

use std::fmt::Write as _;

use crate::access::{Error, Kind};
use crate::engine::{Fate, Halt, Report};
use crate::framework::Diagnostics;
use crate::services::{Session, Spec};

pub(super) use self::advice::{advice, answer, call_failed, no_import, sandbox};
pub(super) use self::progress::progress;

use self::advice::{STAYS, from_state, timeout};
use super::inputs::OnFailure;
use super::occasion::Occasion;
use super::table;
pub(super) use sequel::{
    dry_destroy, held, in_the_way, not_opened, tainted, taken_up, unknown_survivors, went_on,
};
pub(super) use sight::{absent, look_interrupted, unseen};

/// How many sessions a message names at most.
const NAMED: usize = 20;

/// What the counts of a run do not tell whose call named nobody.
const SWEPT: &str = " One call ended everybody: whoever connected after the list was made may have \
                     been ended too, and is not counted.";

/// Which run a message is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct About<'a> {
    /// The service.
    pub(super) spec: &'a Spec,
    /// The target for people, like `cn-north-4/9a2d6a3e`.
    pub(super) target: &'a str,
    /// Whom it means, in a few words: what tells its warnings apart from others on the target.
    pub(super) meaning: &'a str,
    /// Whether the target was seen before the run; true where nobody keeps that.
    pub(super) seen: bool,
    /// What survivors mean.
    pub(super) on_failure: OnFailure,
    /// What a target means that a destroy cannot reach.
    pub(super) on_unreachable: OnFailure,
    /// What Terraform is doing.
    pub(super) occasion: Occasion,
}

impl About<'_> {
    /// Whether a destroy goes on although it could not reach its target: that was seen before, and
    /// this run has not reached it, so that nothing of it is known.
    fn lets_unreachable_go(&self, report: &Report, error: &Error) -> bool {
        self.occasion == Occasion::Destroy
            && self.on_unreachable == OnFailure::Warn
            && self.seen
            && error.kind == Kind::Unreachable
            && !reached(report)
    }

    /// What `on_unreachable` has to do with a destroy that failed so.
    fn whether_wished(&self, report: &Report, error: &Error) -> &'static str {
        let asked = self.occasion == Occasion::Destroy && self.spec.answers_itself;
        match self.on_unreachable {
            _ if !asked || error.kind != Kind::Unreachable => "",
            _ if reached(report) => {
                " `on_unreachable` does not count here: this run had reached the server, and \
                 whoever was connected then may still be."
            }
            _ if !self.seen => " `on_unreachable` does not count here: the target was never seen.",
            OnFailure::Fail => " If it is gone for good, set `on_unreachable = \"warn\"`.",
            OnFailure::Warn => "",
        }
    }

    /// The summary of a warning: two that say different things must not share one.
    fn warning(&self, what: &str) -> String {
        titled(what, self.target, self.meaning)
    }
}

/// The summary of a warning about a target and whom a run means there. Cores fold warnings with
/// equal summaries.
pub(super) fn titled(what: &str, target: &str, meaning: &str) -> String {
    format!("{what} {target}: {meaning}")
}

/// What a run did, in one sentence.
pub(super) fn summary(spec: &Spec, target: &str, report: &Report) -> String {
    done(spec, target, report)
}

/// Everything a user must hear about a run. Errors are exactly what must fail the operation.
pub(super) fn report(about: About<'_>, report: &Report) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let done = done(about.spec, about.target, report);
    // What did not come to a list, or past a guard, has done nothing that its message does not say.
    let guarded = report.halt.as_ref().is_some_and(Halt::is_guard);
    let tells = was_listed(report) && !guarded;
    let after = if tells { format!("\n\n{done}") } else { String::new() };
    match &report.halt {
        None => survivors(about, report, &done, None, &mut diagnostics),
        Some(Halt::TargetGone(error)) if !about.seen && !report.seen => {
            diagnostics.extend(sight::absent(about, error));
        }
        Some(Halt::TargetGone(error)) => diagnostics.warn(
            about.warning("Nothing is left to terminate on"),
            format!(
                "{} does not exist any more, so nothing can hold a session on it.\n\n{}{after}",
                about.target,
                answer(error)
            ),
        ),
        // Without a list there are no survivors to shrug at: nobody knows who is there.
        Some(Halt::TimedOut(last)) if was_listed(report) => {
            let why = format!(
                "Time was up before all selected sessions were gone. Raise {}, or narrow the selection.{}",
                timeout(about.occasion),
                last_failure(about, last.as_ref())
            );
            survivors(about, report, &done, Some(why), &mut diagnostics);
        }
        // Everybody who was seen is settled: whoever may have been missed counts as a survivor.
        Some(halt @ Halt::NotWhole(_)) if report.survivors().next().is_some() => {
            let (_, why) = halts::halted(about, report, halt);
            survivors(about, report, &done, Some(why), &mut diagnostics);
        }
        Some(halt @ (Halt::NotWhole(_) | Halt::NotQuiet(_)))
            if about.on_failure == OnFailure::Warn =>
        {
            let (summary, detail) = halts::halted(about, report, halt);
            diagnostics.warn(
                format!("{summary}: {}", about.meaning),
                format!("{detail}{after}").trim_end(),
            );
        }
        Some(Halt::Failed(error) | Halt::TimedOut(Some(error)))
            if about.lets_unreachable_go(report, error) =>
        {
            diagnostics.extend(sight::unreachable(about, error));
        }
        Some(halt) => {
            let (summary, detail) = halts::halted(about, report, halt);
            let unsettled = unsettled(about.spec, report);
            let aftermath = halts::aftermath(about, halt);
            let detail = format!("{detail}{after}{unsettled}");
            diagnostics.error(summary, format!("{}{aftermath}", detail.trim_end()));
        }
    }
    if about.occasion == Occasion::Destroy {
        diagnostics.extend(sequel::returned(about, &report.returned));
        if report.halt.is_none() {
            diagnostics.extend(sequel::unjudged(about, &report.unjudged));
            let spared = !report.protected.is_empty();
            diagnostics.extend(sequel::held_up(about, &report.obstacles, spared));
        }
    }
    if !report.remarks.is_empty() {
        diagnostics.warn(
            about.warning("Session termination finished with remarks on"),
            format!("{}: {}.", about.target, report.remarks.join("; ")),
        );
    }
    diagnostics
}

/// Whether the run had an answer from its target.
fn reached(report: &Report) -> bool {
    report.resolved || report.seen || !report.victims.is_empty()
}

/// Whether the run came as far as to know any session that is meant.
fn was_listed(report: &Report) -> bool {
    !report.victims.is_empty() || !report.protected.is_empty() || !report.missing.is_empty()
}

fn last_failure(about: About<'_>, last: Option<&Error>) -> String {
    last.map_or_else(String::new, |error| {
        let advice = advice(about.spec, about.occasion, error);
        format!("\n\nThe last failure: {}\n\n{advice}", answer(error))
    })
}

/// Selected sessions that live on are an error or a warning, as the user chose.
fn survivors(
    about: About<'_>,
    report: &Report,
    done: &str,
    why: Option<String>,
    to: &mut Diagnostics,
) {
    let alive: Vec<(&Session, &Fate)> =
        report.survivors().map(|victim| (&*victim.session, &victim.fate)).collect();
    if alive.is_empty() {
        return;
    }
    let unseen = alive.iter().filter(|(_, fate)| fate.is_unverified()).count();
    let (title, heading) = match unseen {
        0 => ("Sessions survived", "Still alive"),
        all if all == alive.len() => ("Sessions are not confirmed gone", "Not confirmed gone"),
        _ => ("Sessions survived", "Still alive, or not confirmed gone"),
    };
    let mut detail = format!("{done}\n\n{heading}:\n{}", fates(about.spec, &alive));
    let why = why.map_or_else(String::new, |why| format!("\n{why}\n"));
    let _ = write!(detail, "{why}\n{}", next(about));
    let summary = format!("{title} on {}", about.target);
    match about.on_failure {
        OnFailure::Fail => to.error(summary, detail),
        OnFailure::Warn => to.warn(format!("{summary}: {}", about.meaning), detail),
    }
}

/// Sessions whose end was asked for, and of which a run that ended early does not know that they
/// are gone: they may be.
fn unsettled(spec: &Spec, report: &Report) -> String {
    let asked: Vec<(&Session, &Fate)> = report
        .victims
        .iter()
        .filter(|victim| matches!(victim.fate, Fate::Survived(_)))
        .map(|victim| (&*victim.session, &victim.fate))
        .collect();
    if asked.is_empty() {
        return String::new();
    }
    let were = if asked.len() == 1 { "was" } else { "were" };
    let more = asked.len();
    format!(" {more} more {were} asked to end and may or may not be gone:\n{}", fates(spec, &asked))
}

/// What to do about survivors.
fn next(about: About<'_>) -> String {
    let warn = "`on_failure` is `\"warn\"`, so";
    match (about.occasion, about.on_failure) {
        (Occasion::Apply | Occasion::Plan, OnFailure::Fail) => {
            "The next apply tries again for what is left.".to_owned()
        }
        (Occasion::Apply | Occasion::Plan, OnFailure::Warn) => {
            format!("{warn} nothing tries again by itself. Change `triggers` for another run.")
        }
        (Occasion::Destroy, OnFailure::Fail) => format!(
            "{STAYS} Run the same command again to try again. To let it go in spite of survivors, set `on_failure = \"warn\"`. {}",
            from_state(about.spec)
        ),
        (Occasion::Destroy, OnFailure::Warn) => format!(
            "{warn} the resource leaves the state, and what it depends on is destroyed with them connected."
        ),
        (Occasion::Ephemeral, _) => "The next apply runs again.".to_owned(),
        (Occasion::Invoke, OnFailure::Fail) => advice::again(about.occasion).to_owned(),
        (Occasion::Invoke, OnFailure::Warn) => format!(
            "{warn} the action counts as done. To run it for what is left, use `terraform apply -invoke=ADDRESS` with its address."
        ),
    }
}

/// What the run did, in one sentence: the truth stands in every message about it.
fn done(spec: &Spec, target: &str, report: &Report) -> String {
    let verb = if report.dry_run { "Dry run" } else { "Result" };
    let mut text = format!(
        "{verb} on {target}: {} of {} terminated",
        report.terminated(),
        table::count(report.selected(), &format!("selected {}", spec.session))
    );
    let extras = [
        (report.already_gone(), "already gone"),
        (report.drained(), "ended by themselves"),
        (report.spared(), "no longer meant and spared"),
        (report.protected.len(), "protected"),
        (usize::try_from(report.reconnected).unwrap_or(usize::MAX), "reconnected"),
    ];
    for (count, word) in extras.iter().filter(|(count, _)| *count > 0) {
        let _ = write!(text, ", {count} {word}");
    }
    text.push('.');
    if report.swept {
        text.push_str(SWEPT);
    }
    if report.ours > 0 {
        let _ = write!(text, " {}", ours(report.ours));
    }
    for (what, count) in &report.left_out {
        let _ = write!(text, " Left out as no client: {what} ({count}).");
    }
    text
}

/// How many of the selected log in as we do.
pub(super) fn ours(count: usize) -> String {
    let (log, another) = if count == 1 { ("logs", "one") } else { ("log", "some") };
    format!(
        "{count} of these {log} in as you: perhaps what you run this in, or {another} of another \
         provider of this run."
    )
}

/// Up to [`NAMED`] sessions, one per line.
fn named(spec: &Spec, sessions: &[&Session]) -> String {
    listed(sessions.len(), table::names(spec, sessions).into_iter())
}

/// Up to [`NAMED`] sessions with what became of them, one per line.
fn fates(spec: &Spec, ends: &[(&Session, &Fate)]) -> String {
    let sessions: Vec<&Session> = ends.iter().map(|(session, _)| *session).collect();
    let lines = table::names(spec, &sessions).into_iter().zip(ends).map(|(name, (_, fate))| {
        let reason = if let Fate::Survived(reason) = fate { reason } else { "not tried" };
        format!("{name}: {}", table::clean(reason))
    });
    listed(ends.len(), lines)
}

fn listed(all: usize, lines: impl Iterator<Item = String>) -> String {
    let mut text: String = lines.take(NAMED).map(|line| format!("  {line}\n")).collect();
    if all > NAMED {
        let _ = writeln!(text, "  and {} more", all - NAMED);
    }
    text
}

#[cfg(test)]
mod tests;
