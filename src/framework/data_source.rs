//! Data sources.

use async_trait::async_trait;

use super::{Context, Face, Object, Refreshed};

/// A type of data source.
#[async_trait]
pub trait DataSource: Face {
    /// Reads. The configuration is wholly known; so must be the answer, which is never None
    /// without an error.
    async fn read(&self, cx: &Context, config: Object) -> Refreshed;
}
