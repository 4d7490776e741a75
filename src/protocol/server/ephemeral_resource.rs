//! Ephemeral resources.

use std::sync::Arc;

use bytes::Bytes;

use super::{check, find};
use crate::framework::{Context, Diagnostics, Provider};
use crate::protocol::wire_types::{
    close_ephemeral_resource, open_ephemeral_resource, renew_ephemeral_resource,
    validate_ephemeral_resource_config,
};
use crate::protocol::{decode, encode};

/// The noun in diagnostics.
const KIND: &str = "ephemeral resource";

/// Answers ValidateEphemeralResourceConfig.
pub(super) async fn validate(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: validate_ephemeral_resource_config::Request,
) -> Result<validate_ephemeral_resource_config::Response, Diagnostics> {
    let face = find(provider.ephemeral_resources(), KIND, &request.type_name)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    let diagnostics = encode::diagnostics(face.validate(&config));
    Ok(validate_ephemeral_resource_config::Response { diagnostics })
}

/// Answers OpenEphemeralResource. Nothing is ever to be renewed.
pub(super) async fn open(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: open_ephemeral_resource::Request,
) -> Result<open_ephemeral_resource::Response, Diagnostics> {
    let face = find(provider.ephemeral_resources(), KIND, &request.type_name)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    let opened = face.open(&cx, config.clone()).await;
    let mut diagnostics = opened.diagnostics;
    check::planned(block, None, &config, opened.result.as_ref(), &mut diagnostics);
    check::known(opened.result.as_ref(), &mut diagnostics);
    let result = match encode::object("the result", opened.result, block) {
        Ok(result) => Some(result),
        Err(more) => {
            diagnostics.extend(more);
            None
        }
    };
    Ok(open_ephemeral_resource::Response {
        diagnostics: encode::diagnostics(diagnostics),
        result,
        private: Some(opened.private.to_vec()),
    })
}

/// Answers RenewEphemeralResource with the same handle: OpenTofu hands the last one to close.
pub(super) async fn renew(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: renew_ephemeral_resource::Request,
) -> Result<renew_ephemeral_resource::Response, Diagnostics> {
    find(provider.ephemeral_resources(), KIND, &request.type_name)?;
    Ok(renew_ephemeral_resource::Response { diagnostics: Vec::new(), private: request.private })
}

/// Answers CloseEphemeralResource.
pub(super) async fn close(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: close_ephemeral_resource::Request,
) -> Result<close_ephemeral_resource::Response, Diagnostics> {
    let face = find(provider.ephemeral_resources(), KIND, &request.type_name)?;
    let private = Bytes::from(request.private.unwrap_or_default());
    let diagnostics = encode::diagnostics(face.close(&cx, private).await);
    Ok(close_ephemeral_resource::Response { diagnostics })
}
