//! Ephemeral resources.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Context, Diagnostics, Face, Object};

/// The answer to an open. Without errors, `result` must be there and wholly known.
#[derive(Clone, Debug, Default)]
pub struct Opened {
    /// The configuration echoed, with the computed attributes.
    pub result: Option<Object>,
    /// An immutable handle: Terraform hands these bytes to close.
    pub private: Bytes,
    /// Messages. After an error Terraform never closes the instance.
    pub diagnostics: Diagnostics,
}

/// A type of ephemeral resource.
///
/// Terraform opens in the plan, again in the apply, and in the refresh before a destroy.
#[async_trait]
pub trait EphemeralResource: Face {
    /// Opens an instance; the configuration is wholly known.
    async fn open(&self, cx: &Context, config: Object) -> Opened;

    /// Closes it. May never be called, or for a handle that is closed already.
    async fn close(&self, cx: &Context, private: Bytes) -> Diagnostics;
}
