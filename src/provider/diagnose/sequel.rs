//! What comes of a failure, of which the run's report knows nothing.

use super::advice::{STAYS, from_state};
use super::{About, named, titled};
use crate::access;
use crate::framework::{Diagnostics, Severity};
use crate::provider::table;
use crate::services::{Criterion, Session, Spec};

/// A create with `when = "both"` that failed and left its state.
pub(in crate::provider) fn tainted(diagnostics: &mut Diagnostics) {
    add(
        diagnostics,
        "The resource is in the state now, and Terraform calls it tainted: the next apply \
         replaces it. With `when = \"both\"` that first runs its destroy, with the arguments as \
         they stand in the state, and then its creation. To change an argument before anything \
         runs again, such as `max_sessions`, the selection or `on_failure`, run \
         `terraform untaint <address>` and then apply: that runs for what is left, with the \
         arguments as they are then.",
    );
}

/// A close that was interrupted.
pub(in crate::provider) fn taken_up(diagnostics: &mut Diagnostics) {
    add(
        diagnostics,
        "The close was cut short, so the provider runs once more for whoever is left when it shuts \
         down, which is when this command ends. What comes of it is in the `audit_log` and, with \
         `TF_LOG_PROVIDER=INFO`, in the log.",
    );
}

/// An open with `when = "close"` that was interrupted: nothing comes of it.
pub(in crate::provider) fn not_opened() -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.error(
        "Session termination was interrupted",
        "The stop came while the block was being opened. Nothing was terminated, and nothing will \
         be when the provider shuts down. Apply again to go on.",
    );
    diagnostics
}

/// A destroy that was a dry run, with so many sessions selected: it holds nothing back.
pub(in crate::provider) fn dry_destroy(
    spec: &Spec,
    target: &str,
    meaning: &str,
    selected: usize,
) -> Diagnostics {
    let sessions = table::count(selected, &format!("selected {}", spec.session));
    let mut diagnostics = Diagnostics::none();
    diagnostics.warn(
        titled("Nobody was disconnected in the destroy on", target, meaning),
        format!(
            "It was a dry run on {target}: {sessions} not terminated. The resource leaves the \
             state all the same, so what it depends on is destroyed with whoever is connected.\n\n\
             To see who is connected and change nothing, use `plan -destroy`. A destroy reads \
             `dry_run` from the state: to disconnect them, remove it and apply that before the \
             destroy. In the provider block it counts at once."
        ),
    );
    diagnostics
}

/// An error that holds back a destroy: the way out where no argument can be changed any more.
pub(in crate::provider) fn held(diagnostics: &mut Diagnostics, id: &str) {
    let errors = diagnostics.0.iter_mut().filter(|one| one.severity == Severity::Error);
    if let Some(error) = errors.last() {
        error.detail = format!(
            "{}\n\nWhere the block is gone from the configuration, or its target is being \
             replaced, what is stored of it cannot be changed any more. {} It is then tried as \
             before, with all its guards, and if it fails the destroy goes on all the same.",
            error.detail.trim_end(),
            naming(id)
        );
    }
}

/// How an id is let go.
pub(super) fn naming(id: &str) -> String {
    format!(
        "To let it go, name its `id` in the provider block, `let_go = [{id:?}]`, or in the \
         environment, `SESSION_LET_GO='{id}'`, and run the same command again."
    )
}

/// A destroy that failed and goes on, because its `id` was named; `recorded` is why the audit log
/// lacks that, if it does.
pub(in crate::provider) fn went_on(
    diagnostics: &mut Diagnostics,
    id: &str,
    recorded: Result<(), String>,
) {
    for error in diagnostics.0.iter_mut().filter(|one| one.severity == Severity::Error) {
        error.severity = Severity::Warning;
        error.summary = format!("Let go ({id}): {}", error.summary);
        let mut detail = without_what_stays(&error.detail);
        detail.push_str(&format!(
            "\n\n`let_go` names `{id}`, so the destroy goes on in spite of this: what this block \
             guards is destroyed with whoever is still connected."
        ));
        if !id.contains('#') {
            detail.push_str(
                " An earlier version of the provider made this id, and every block with the same \
                 one is let go.",
            );
        }
        if let Err(why) = &recorded {
            detail.push_str(&format!(" NOTHING of it is recorded in the audit log: {why}."));
        }
        error.detail = detail;
    }
}

/// A text without what it says of the resource that stays, to the end of that paragraph.
fn without_what_stays(text: &str) -> String {
    let Some((before, rest)) = text.split_once(STAYS) else { return text.trim_end().to_owned() };
    let after = rest.split_once("\n\n").map_or("", |(_, after)| after);
    format!("{}\n\n{after}", before.trim_end()).trim_end().to_owned()
}

/// A run after one that failed without a record of whom its ids named.
pub(in crate::provider) fn unknown_survivors(spec: &Spec, left: i64) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.error(
        "Survivors of an earlier run cannot be told from others",
        format!(
            "The last run left {}, and an earlier version of the provider did not record which \
             sessions its `session_ids` named. {} So nothing was terminated.\n\nSelect them with \
             `match`, or list them anew and change `session_ids`.",
            table::count(usize::try_from(left).unwrap_or(usize::MAX), spec.session),
            spec.ids_again.unwrap_or_default(),
        ),
    );
    diagnostics
}

/// What stood on a target at the last look of a destroy: who came after the first look and would
/// have been selected.
pub(in crate::provider) fn returned(about: About<'_>, returned: &[Session]) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    if returned.is_empty() {
        return diagnostics;
    }
    let sessions: Vec<&Session> = returned.iter().collect();
    let are = if returned.len() == 1 { "is" } else { "are" };
    diagnostics.warn(
        about.warning("Clients have come back to"),
        format!(
            "A second after the last was ended, {} {are} connected again that would be selected. \
             Nothing was done about them, and what depends on this block goes on:\n{}\nA \
             termination keeps nobody out. End what connects first: let the application's own \
             resource be destroyed before this block, by `depends_on` there, or lock the account.",
            table::count(returned.len(), about.spec.session),
            named(about.spec, &sessions)
        ),
    );
    diagnostics
}

/// What will stop or delay what is destroyed next, as whole lines: things that are no sessions, and
/// sessions that stay.
pub(in crate::provider) fn in_the_way(spec: &Spec, obstacles: &[String], spared: bool) -> String {
    let mut lines = String::new();
    if !obstacles.is_empty() {
        let things = obstacles.join(", ");
        lines.push_str(&format!(
            "In the way of what goes next, and no session that is meant: {things}.\n"
        ));
    }
    let staying = access::find(spec.platform).and_then(|platform| platform.staying());
    if let Some(staying) = staying.filter(|_| spared) {
        lines.push_str(&format!("The protected stay connected. {staying}\n"));
    }
    lines
}

/// A destroy that is done, and behind which something may not go.
pub(in crate::provider) fn held_up(
    about: About<'_>,
    obstacles: &[String],
    spared: bool,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let lines = in_the_way(about.spec, obstacles, spared);
    if !lines.is_empty() {
        diagnostics.warn(about.warning("Something may stay in the way on"), lines.trim_end());
    }
    diagnostics
}

/// A destroy in which `match` could not judge everybody: whoever it could not is still there.
pub(in crate::provider) fn unjudged(
    about: About<'_>,
    unjudged: &[(Criterion, usize)],
) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let Some((criterion, count)) = unjudged.first() else { return diagnostics };
    let name = criterion.name();
    diagnostics.error(
        format!("Sessions on {} could not be judged", about.target),
        format!(
            "`match` looks at `{name}`, and the list does not tell it for {}. Whether they are meant \
             is not known, so they were left, and they may be in the way of what goes next. {STAYS} \
             Leave `{name}` out of `match`, or use `all = true`. {}",
            table::count(*count, about.spec.session),
            from_state(about.spec)
        ),
    );
    diagnostics
}

/// Adds a paragraph to every error.
fn add(diagnostics: &mut Diagnostics, text: &str) {
    for error in diagnostics.0.iter_mut().filter(|one| one.severity == Severity::Error) {
        error.detail = format!("{}\n\n{text}", error.detail.trim_end());
    }
}
