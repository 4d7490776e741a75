//! Our provider: turns every service into four faces.
//!
//! [`SessionProvider`] knows no single service: it walks [`services::ALL`]
//! and builds schemas, validation, runs and messages from each one's description.

mod action;
mod block;
mod budget;
mod data_source;
mod diagnose;
pub mod docs;
mod ephemeral_resource;
mod fields;
mod inputs;
mod limit;
mod meaning;
mod moves;
mod occasion;
mod outcome;
mod preview;
mod private;
mod resource;
mod run;
mod schema;
mod settings;
mod standing;
mod table;
mod views;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::framework::{
    Action, Context, DataSource, Diagnostics, EphemeralResource, Object, Provider, Resource, Schema,
};
use crate::services;
use crate::wire::Outside;
use settings::Shared;

/// The provider `session`.
pub struct SessionProvider {
    schema: OnceLock<Schema>,
    shared: Arc<Shared>,
    resources: Vec<Arc<dyn Resource>>,
    data_sources: Vec<Arc<dyn DataSource>>,
    ephemerals: Vec<Arc<ephemeral_resource::Ephemeral>>,
    ephemeral_resources: Vec<Arc<dyn EphemeralResource>>,
    actions: Vec<Arc<dyn Action>>,
}

impl std::fmt::Debug for SessionProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionProvider").finish_non_exhaustive()
    }
}

impl SessionProvider {
    /// The provider with a face of each kind for every service. Reads nothing of `outside` yet.
    pub fn new(outside: Outside) -> SessionProvider {
        let shared = Arc::new(Shared::new(outside));
        let ephemerals: Vec<_> = services::ALL
            .iter()
            .map(|service| Arc::new(ephemeral_resource::Ephemeral::new(service, shared.clone())))
            .collect();
        let each = || services::ALL.iter().map(|service| (*service, shared.clone()));
        SessionProvider {
            schema: OnceLock::new(),
            resources: each()
                .map(|(one, shared)| Arc::new(resource::Termination::new(one, shared)) as _)
                .collect(),
            data_sources: each()
                .map(|(one, shared)| Arc::new(data_source::List::new(one, shared)) as _)
                .collect(),
            actions: each()
                .map(|(one, shared)| Arc::new(action::Invocation::new(one, shared)) as _)
                .collect(),
            ephemeral_resources: ephemerals.iter().map(|one| one.clone() as _).collect(),
            ephemerals,
            shared,
        }
    }
}

#[async_trait]
impl Provider for SessionProvider {
    fn schema(&self) -> &Schema {
        self.schema.get_or_init(block::schema)
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        settings::validate(config)
    }

    async fn configure(&self, _cx: &Context, config: Object, _core_version: &str) -> Diagnostics {
        self.shared.configure(&config)
    }

    fn resources(&self) -> &[Arc<dyn Resource>] {
        &self.resources
    }

    fn data_sources(&self) -> &[Arc<dyn DataSource>] {
        &self.data_sources
    }

    fn ephemeral_resources(&self) -> &[Arc<dyn EphemeralResource>] {
        &self.ephemeral_resources
    }

    fn actions(&self) -> &[Arc<dyn Action>] {
        &self.actions
    }

    async fn shutdown(&self, cancel: &CancellationToken) {
        let releases = self.ephemerals.iter().map(|one| one.release(cancel));
        futures_util::future::join_all(releases).await;
    }
}
