//! What Terraform is doing when sessions are listed or ended.

/// What Terraform is doing when something fails: decides what a user can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Occasion {
    /// Creating or updating a managed resource.
    Apply,
    /// Destroying a managed resource, be it for good or to replace it.
    Destroy,
    /// Opening or closing an ephemeral resource.
    Ephemeral,
    /// Invoking an action.
    Invoke,
    /// Planning, or reading a data source: nothing acts.
    Plan,
}
