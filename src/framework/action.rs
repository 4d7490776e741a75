//! Actions.

use async_trait::async_trait;

use super::{Context, Diagnostics, Face, Object};

/// Where an action reports what it is doing, one line at a time.
pub trait Progress: Send + Sync {
    /// Shows a line to the person who waits. Never blocks; a client that is gone is not an error.
    fn report(&self, line: String);
}

/// A type of action.
#[async_trait]
pub trait Action: Face {
    /// Says before the apply what is going to happen. The configuration may hold unknowns.
    async fn plan(&self, _cx: &Context, _config: Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Does it. Terraform keeps nothing of it but the messages.
    async fn invoke(&self, cx: &Context, config: Object, progress: &dyn Progress) -> Diagnostics;
}
