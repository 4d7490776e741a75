//! One method per call of the protocol: decode, look up the face, call it, encode.
//!
//! The methods here only name the call; what each does stands in the module of its kind, in the
//! form `(provider, context, request) -> response or diagnostics`. Calls that are not overridden
//! answer UNIMPLEMENTED.

pub(super) mod action;
mod answer;
mod check;
mod data_source;
mod ephemeral_resource;
mod provider;
mod resource;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

use super::calls::Calls;
use super::planned::Planned;
use super::wire_types as wire;
use super::{decode, stream};
use crate::framework::{Context, Diagnostics, Face, Provider, Walk};
use answer::Answer;

/// The service that serves a provider.
pub(super) struct Server {
    provider: Arc<dyn Provider>,
    calls: Arc<Calls>,
    /// Whether the engine that configured the provider does not tell the walk by its capabilities.
    walks_unsaid: AtomicBool,
    planned: Planned,
}

impl Server {
    /// A service for a provider whose calls are counted in `calls`.
    pub(super) fn new(provider: Arc<dyn Provider>, calls: Arc<Calls>) -> Server {
        Server {
            provider,
            calls,
            walks_unsaid: AtomicBool::new(false),
            planned: Planned::default(),
        }
    }

    /// Runs one call. A client that goes away meanwhile cancels it, but does not cut it off.
    async fn answer<Q, R, F>(
        &self,
        rpc: &'static str,
        walk: Walk,
        request: Request<Q>,
        work: impl FnOnce(Arc<dyn Provider>, Context, Q) -> F,
    ) -> Result<Response<R>, Status>
    where
        R: Answer,
        F: Future<Output = Result<R, Diagnostics>> + Send + 'static,
    {
        let cancel = self.calls.token();
        let gone = cancel.clone().drop_guard();
        let work = work(Arc::clone(&self.provider), Context { cancel, walk }, request.into_inner());
        let outcome = self.calls.run(rpc, work).await;
        gone.disarm();
        Ok(Response::new(outcome.unwrap_or_else(R::failed)))
    }
}

/// Finds a face by its name. `kind` is the noun in the diagnostic.
fn find<F: Face + ?Sized>(
    faces: &[Arc<F>],
    kind: &str,
    type_name: &str,
) -> Result<Arc<F>, Diagnostics> {
    faces.iter().find(|face| face.type_name() == type_name).cloned().ok_or_else(|| {
        let mut diagnostics = Diagnostics::none();
        let known: Vec<&str> = faces.iter().map(|face| face.type_name()).collect();
        diagnostics.error(
            format!("The provider has no {kind} `{type_name}`"),
            format!("This version of the provider has: {}.", known.join(", ")),
        );
        diagnostics
    })
}

/// A method that only names its call, its walk and the function that does the work.
macro_rules! answers {
    ($($method:ident, $rpc:literal, $walk:expr, $work:path;)*) => {
        #[tonic::async_trait]
        impl wire::provider_server::Provider for Server {
            $(async fn $method(
                &self,
                request: Request<wire::$method::Request>,
            ) -> Result<Response<wire::$method::Response>, Status> {
                let walk = ($walk)(self, request.get_ref());
                self.answer($rpc, walk, request, $work).await
            })*

            async fn stop_provider(
                &self,
                _request: Request<wire::stop_provider::Request>,
            ) -> Result<Response<wire::stop_provider::Response>, Status> {
                self.calls.stop();
                tracing::debug!("the host asks to stop");
                Ok(Response::new(wire::stop_provider::Response::default()))
            }

            async fn invoke_action(
                &self,
                request: Request<wire::invoke_action::Request>,
            ) -> Result<Response<BoxStream<wire::invoke_action::Event>>, Status> {
                let provider = Arc::clone(&self.provider);
                let events = stream::invoke(provider, &self.calls, request.into_inner());
                Ok(Response::new(Box::pin(events)))
            }
        }
    };
}

answers! {
    get_metadata, "GetMetadata", unsaid, provider::metadata;
    get_provider_schema, "GetProviderSchema", unsaid, provider::schemas;
    get_resource_identity_schemas, "GetResourceIdentitySchemas", unsaid, provider::identities;
    get_functions, "GetFunctions", unsaid, provider::functions;
    validate_provider_config, "ValidateProviderConfig", unsaid, provider::validate;
    configure_provider, "ConfigureProvider", introduced, provider::configure;

    validate_resource_config, "ValidateResourceConfig", said, resource::validate;
    upgrade_resource_state, "UpgradeResourceState", unsaid, resource::upgrade;
    read_resource, "ReadResource", reading, resource::read;
    plan_resource_change, "PlanResourceChange", planning, resource::plan;
    apply_resource_change, "ApplyResourceChange", applying, resource::apply;
    import_resource_state, "ImportResourceState", said, resource::import;

    validate_data_resource_config, "ValidateDataResourceConfig", unsaid, data_source::validate;
    read_data_source, "ReadDataSource", said, data_source::read;

    validate_ephemeral_resource_config, "ValidateEphemeralResourceConfig", unsaid,
        ephemeral_resource::validate;
    open_ephemeral_resource, "OpenEphemeralResource", said, ephemeral_resource::open;
    renew_ephemeral_resource, "RenewEphemeralResource", unsaid, ephemeral_resource::renew;
    close_ephemeral_resource, "CloseEphemeralResource", unsaid, ephemeral_resource::close;

    validate_action_config, "ValidateActionConfig", unsaid, action::validate;
    // An apply plans no action.
    plan_action, "PlanAction", unsaid, action::plan;
}

/// The walk of a call that carries no capabilities.
fn unsaid<Q>(_server: &Server, _request: &Q) -> Walk {
    Walk::Unsaid
}

/// The walk of a call that only the apply makes.
fn applying<Q>(_server: &Server, _request: &Q) -> Walk {
    Walk::Apply
}

/// The walk of a call whose client says what it can do.
fn said<Q: answer::Capable>(server: &Server, request: &Q) -> Walk {
    if server.walks_unsaid.load(Ordering::Relaxed) {
        return Walk::Unsaid;
    }
    decode::walk(request.capabilities())
}

/// The walk of a call that only a plan makes: what it reads is remembered.
fn reading(server: &Server, request: &wire::read_resource::Request) -> Walk {
    server.planned.reads(request);
    Walk::Unsaid
}

/// The walk of a plan, which an apply makes once more.
fn planning(server: &Server, request: &wire::plan_resource_change::Request) -> Walk {
    if server.walks_unsaid.load(Ordering::Relaxed) {
        return Walk::Unsaid;
    }
    server.planned.walk(request)
}

/// The walk of the call by which the engine tells its version: whether to believe it is known then.
fn introduced(server: &Server, request: &wire::configure_provider::Request) -> Walk {
    let unsaid = decode::says_nothing_of_walks(&request.terraform_version);
    server.walks_unsaid.store(unsaid, Ordering::Relaxed);
    said(server, request)
}
