//! What comes after a run that failed, of which its report knows nothing: added to its errors.

use crate::framework::{Diagnostics, Severity};

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

/// Adds a paragraph to every error.
fn add(diagnostics: &mut Diagnostics, text: &str) {
    for error in diagnostics.0.iter_mut().filter(|one| one.severity == Severity::Error) {
        error.detail = format!("{}\n\n{text}", error.detail.trim_end());
    }
}
