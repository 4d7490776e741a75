//! The provider as a whole, what all faces have in common, and the circumstances of a call.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Action, DataSource, Diagnostics, EphemeralResource, Object, Resource, Schema};

/// What every type that a provider declares has.
pub trait Face: Send + Sync {
    /// The name in configurations, with the provider's prefix.
    fn type_name(&self) -> &str;

    /// The shape of its configuration and values.
    fn schema(&self) -> &Schema;

    /// Checks a configuration that may hold unknowns anywhere. Called in every walk; does no IO.
    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }
}

/// The circumstances of one call.
#[derive(Clone, Debug)]
pub struct Context {
    /// Cancelled when Terraform asks to stop, and when the plugin shuts down.
    pub cancel: CancellationToken,
    /// The walk, as far as Terraform lets it be known.
    pub walk: Walk,
}

/// Which walk of Terraform a call belongs to.
///
/// The protocol does not say; `protocol::planned` tells by what cores send. `Unsaid` is a plan, or
/// any walk of a core that tells nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Walk {
    /// Certainly the apply walk.
    Apply,
    /// A plan, or an engine that does not say.
    Unsaid,
}

/// A provider: its configuration, and the faces it declares.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The shape of the provider block.
    fn schema(&self) -> &Schema;

    /// Checks a provider block that may hold unknowns. Does no IO.
    fn validate(&self, _config: &Object) -> Diagnostics {
        Diagnostics::none()
    }

    /// Takes the configuration, which may hold unknowns during a plan.
    ///
    /// `core_version` is what the engine calls itself; OpenTofu may impersonate a Terraform.
    async fn configure(&self, cx: &Context, config: Object, core_version: &str) -> Diagnostics;

    /// Managed resource types.
    fn resources(&self) -> &[Arc<dyn Resource>];

    /// Data source types.
    fn data_sources(&self) -> &[Arc<dyn DataSource>];

    /// Ephemeral resource types.
    fn ephemeral_resources(&self) -> &[Arc<dyn EphemeralResource>];

    /// Action types.
    fn actions(&self) -> &[Arc<dyn Action>];

    /// Releases what is still held, before the plugin answers that it has shut down.
    ///
    /// Terraform does not close ephemeral resources after an error or an interrupt: this is the
    /// only call that then arrives. It waits as long as this takes. `cancel` is cancelled when
    /// somebody insists on the end: then this shall end as an interrupted call does.
    async fn shutdown(&self, _cancel: &CancellationToken) {}
}
