//! The provider as a whole: what it is, and its block.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::check;
use crate::framework::{Context, Diagnostics, Face, Provider};
use crate::protocol::wire_types::{
    self as wire, configure_provider, get_functions, get_metadata, get_provider_schema,
    get_resource_identity_schemas, validate_provider_config,
};
use crate::protocol::{decode, encode};

/// Answers GetMetadata: the names of everything. Only plugin multiplexers ask.
pub(super) async fn metadata(
    provider: Arc<dyn Provider>,
    _cx: Context,
    _request: get_metadata::Request,
) -> Result<get_metadata::Response, Diagnostics> {
    Ok(get_metadata::Response {
        server_capabilities: Some(capabilities()),
        diagnostics: Vec::new(),
        resources: names(provider.resources()),
        data_sources: names(provider.data_sources()),
        ephemeral_resources: names(provider.ephemeral_resources()),
        actions: names(provider.actions()),
    })
}

/// Answers GetProviderSchema.
pub(super) async fn schemas(
    provider: Arc<dyn Provider>,
    _cx: Context,
    _request: get_provider_schema::Request,
) -> Result<get_provider_schema::Response, Diagnostics> {
    // All are made before the first is written, so that what is written, and goes, leaves no holes.
    made(provider.resources());
    made(provider.data_sources());
    made(provider.ephemeral_resources());
    made(provider.actions());
    let mut faults = Diagnostics::none();
    check::schema("provider", provider.schema(), &mut faults);
    let action_schemas = of_all(provider.actions(), &mut faults)
        .into_iter()
        .map(|(name, schema)| (name, wire::ActionSchema { schema: Some(schema) }));
    Ok(get_provider_schema::Response {
        provider: Some(encode::schema(provider.schema())),
        action_schemas: action_schemas.collect(),
        resource_schemas: of_all(provider.resources(), &mut faults),
        data_source_schemas: of_all(provider.data_sources(), &mut faults),
        ephemeral_resource_schemas: of_all(provider.ephemeral_resources(), &mut faults),
        server_capabilities: Some(capabilities()),
        diagnostics: encode::diagnostics(faults),
    })
}

/// Answers GetResourceIdentitySchemas: none.
pub(super) async fn identities(
    _provider: Arc<dyn Provider>,
    _cx: Context,
    _request: get_resource_identity_schemas::Request,
) -> Result<get_resource_identity_schemas::Response, Diagnostics> {
    Ok(get_resource_identity_schemas::Response::default())
}

/// Answers GetFunctions: none.
pub(super) async fn functions(
    _provider: Arc<dyn Provider>,
    _cx: Context,
    _request: get_functions::Request,
) -> Result<get_functions::Response, Diagnostics> {
    Ok(get_functions::Response::default())
}

/// Answers ValidateProviderConfig.
pub(super) async fn validate(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: validate_provider_config::Request,
) -> Result<validate_provider_config::Response, Diagnostics> {
    let block = &provider.schema().block;
    let config = decode::present_object("the provider block", request.config.as_ref(), block)?;
    let diagnostics = encode::diagnostics(provider.validate(&config));
    Ok(validate_provider_config::Response { diagnostics })
}

/// Answers ConfigureProvider.
pub(super) async fn configure(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: configure_provider::Request,
) -> Result<configure_provider::Response, Diagnostics> {
    let block = &provider.schema().block;
    let config = decode::present_object("the provider block", request.config.as_ref(), block)?;
    let diagnostics = provider.configure(&cx, config, &request.terraform_version).await;
    Ok(configure_provider::Response { diagnostics: encode::diagnostics(diagnostics) })
}

/// A destroy is planned with the provider, and a cached schema is as good as a new one.
fn capabilities() -> wire::ServerCapabilities {
    wire::ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: false,
        generate_resource_config: false,
    }
}

fn names<F: Face + ?Sized>(faces: &[Arc<F>]) -> Vec<get_metadata::TypeMetadata> {
    let name = |face: &Arc<F>| get_metadata::TypeMetadata { type_name: face.type_name().into() };
    faces.iter().map(name).collect()
}

fn made<F: Face + ?Sized>(faces: &[Arc<F>]) {
    for face in faces {
        face.schema();
    }
}

fn of_all<F: Face + ?Sized>(
    faces: &[Arc<F>],
    faults: &mut Diagnostics,
) -> BTreeMap<String, wire::Schema> {
    let mut schema = |face: &Arc<F>| {
        check::schema(face.type_name(), face.schema(), faults);
        (face.type_name().to_owned(), encode::schema(face.schema()))
    };
    faces.iter().map(&mut schema).collect()
}
