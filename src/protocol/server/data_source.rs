//! Data sources.

use std::sync::Arc;

use super::{check, find};
use crate::framework::{Context, Diagnostics, Provider};
use crate::protocol::wire_types::{read_data_source, validate_data_resource_config};
use crate::protocol::{decode, encode};

/// The noun in diagnostics.
const KIND: &str = "data source";

/// Answers ValidateDataResourceConfig.
pub(super) async fn validate(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: validate_data_resource_config::Request,
) -> Result<validate_data_resource_config::Response, Diagnostics> {
    let face = find(provider.data_sources(), KIND, &request.type_name)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    let diagnostics = encode::diagnostics(face.validate(&config));
    Ok(validate_data_resource_config::Response { diagnostics })
}

/// Answers ReadDataSource.
pub(super) async fn read(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: read_data_source::Request,
) -> Result<read_data_source::Response, Diagnostics> {
    let face = find(provider.data_sources(), KIND, &request.type_name)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    let read = face.read(&cx, config).await;
    let mut diagnostics = read.diagnostics;
    check::known(read.state.as_ref(), &mut diagnostics);
    let state = match encode::object("the data", read.state, block) {
        Ok(state) => Some(state),
        Err(more) => {
            diagnostics.extend(more);
            None
        }
    };
    Ok(read_data_source::Response { state, diagnostics: encode::diagnostics(diagnostics) })
}
