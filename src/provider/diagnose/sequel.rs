//! What comes of a failure, of which the run's report knows nothing.

use crate::framework::{Diagnostics, Severity};
use crate::provider::table;
use crate::services::Spec;

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
pub(in crate::provider) fn let_go(spec: &Spec, target: &str, selected: usize) -> Diagnostics {
    let sessions = table::count(selected, &format!("selected {}", spec.session));
    let mut diagnostics = Diagnostics::none();
    diagnostics.warn(
        "Nobody was disconnected in a destroy",
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

/// Adds a paragraph to every error.
fn add(diagnostics: &mut Diagnostics, text: &str) {
    for error in diagnostics.0.iter_mut().filter(|one| one.severity == Severity::Error) {
        error.detail = format!("{}\n\n{text}", error.detail.trim_end());
    }
}
