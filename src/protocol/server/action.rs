//! Actions, but for their invocation, which is a stream.

use std::sync::Arc;

use super::find;
use crate::framework::{Action, Context, Diagnostics, Provider};
use crate::protocol::wire_types::{plan_action, validate_action_config};
use crate::protocol::{decode, encode};

/// Answers ValidateActionConfig. Every engine that has actions has write-only attributes too.
pub(super) async fn validate(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: validate_action_config::Request,
) -> Result<validate_action_config::Response, Diagnostics> {
    let face = face(&provider, &request.type_name)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    let diagnostics = encode::diagnostics(face.validate(&config));
    Ok(validate_action_config::Response { diagnostics })
}

/// Answers PlanAction.
pub(super) async fn plan(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: plan_action::Request,
) -> Result<plan_action::Response, Diagnostics> {
    let face = face(&provider, &request.action_type)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    let diagnostics = encode::diagnostics(face.plan(&cx, config).await);
    Ok(plan_action::Response { diagnostics })
}

/// Finds an action by its name.
pub(in crate::protocol) fn face(
    provider: &Arc<dyn Provider>,
    name: &str,
) -> Result<Arc<dyn Action>, Diagnostics> {
    find(provider.actions(), "action", name)
}
