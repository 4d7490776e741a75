//! Managed resources.
//!
//! Write-only attributes are made null in everything that leaves here, and a face finds them only in
//! the configuration: older engines would store whatever they are given.

use std::sync::Arc;

use bytes::Bytes;

use super::{check, find};
use crate::framework::{
    Block, Change, Context, Diagnostics, Object, Path, Provider, Resource, Step, Value,
    clear_write_only, given_write_only,
};
use crate::protocol::wire_types::{
    apply_resource_change, import_resource_state, plan_resource_change, read_resource,
    upgrade_resource_state, validate_resource_config,
};
use crate::protocol::{decode, encode};

/// Answers ValidateResourceConfig.
pub(super) async fn validate(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: validate_resource_config::Request,
) -> Result<validate_resource_config::Response, Diagnostics> {
    let face = face(&provider, &request.type_name)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    let mut diagnostics = face.validate(&config);
    if !decode::allows_write_only(request.client_capabilities.as_ref()) {
        for path in given_write_only(block, &config) {
            diagnostics.error_at(
                path,
                "This attribute needs Terraform 1.11, OpenTofu 1.11 or newer",
                "The attribute is write-only: its value must never be stored. The Terraform \
                 or OpenTofu that runs does not know of such attributes and would store it.",
            );
        }
    }
    Ok(validate_resource_config::Response { diagnostics: encode::diagnostics(diagnostics) })
}

/// Answers UpgradeResourceState, which comes whenever stored state is read, changed or not.
///
/// Read by another version's schema, attributes that were renamed would be lost without a word. So
/// a state of an older version is an error, for nobody converts one yet.
pub(super) async fn upgrade(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: upgrade_resource_state::Request,
) -> Result<upgrade_resource_state::Response, Diagnostics> {
    let face = face(&provider, &request.type_name)?;
    let schema = face.schema();
    if request.version < schema.version {
        return Err(outdated(&request, schema.version));
    }
    let state = decode::stored_state(request.raw_state.as_ref(), &schema.block)?;
    let state = state.map(|state| face.upgrade(state));
    let upgraded =
        encode::object("the stored state", cleared(state, &schema.block), &schema.block)?;
    Ok(upgrade_resource_state::Response { upgraded_state: Some(upgraded), diagnostics: Vec::new() })
}

fn outdated(request: &upgrade_resource_state::Request, version: i64) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.error(
        format!("The provider cannot read the stored state of a `{}`", request.type_name),
        format!(
            "It was stored under version {} of the schema, and this provider knows version \
             {version} only. Nothing was changed. Use the version of the provider that stored it, \
             and please report this.",
            request.version
        ),
    );
    diagnostics
}

/// Answers ReadResource. What stands beside the state is echoed: the answer replaces it.
pub(super) async fn read(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: read_resource::Request,
) -> Result<read_resource::Response, Diagnostics> {
    let face = face(&provider, &request.type_name)?;
    let block = &face.schema().block;
    let state = decode::object("the state", request.current_state.as_ref(), block)?;
    let refreshed = match state {
        Some(state) => face.read(&cx, state).await,
        None => crate::framework::Refreshed::default(),
    };
    let mut diagnostics = refreshed.diagnostics;
    let state = cleared(refreshed.state, block);
    if state.is_some() {
        check::known(state.as_ref(), &mut diagnostics);
    }
    Ok(read_resource::Response {
        new_state: encoded("the refreshed state", state, block, &mut diagnostics),
        diagnostics: encode::diagnostics(diagnostics),
        private: request.private,
        new_identity: request.current_identity,
    })
}

/// Answers PlanResourceChange.
///
/// For a replacement Terraform asks twice: as an update, then as a creation with no prior state.
pub(super) async fn plan(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: plan_resource_change::Request,
) -> Result<plan_resource_change::Response, Diagnostics> {
    let face = face(&provider, &request.type_name)?;
    let block = &face.schema().block;
    let prior = decode::object("the prior state", request.prior_state.as_ref(), block)?;
    let config = decode::object("the configuration", request.config.as_ref(), block)?;
    let proposed = decode::object("the proposal", request.proposed_new_state.as_ref(), block)?;
    let change = change(prior.clone(), config.clone(), cleared(proposed, block))?;
    let deletes = matches!(change, Change::Delete { .. });
    let mut planned = face.plan(&cx, change, Bytes::from(request.prior_private.clone())).await;
    let state = cleared(planned.state, block).filter(|_| !deletes);
    let mut private = planned.private.to_vec();
    if deletes && private.is_empty() {
        private = request.prior_private;
    }
    let diagnostics = &mut planned.diagnostics;
    if let (Some(config), false) = (&config, deletes) {
        check::planned(block, prior.as_ref(), config, state.as_ref(), diagnostics);
    }
    Ok(plan_resource_change::Response {
        planned_state: encoded("the planned state", state, block, diagnostics),
        requires_replace: planned.requires_replace.iter().map(encode::path).collect(),
        planned_private: private,
        diagnostics: encode::diagnostics(planned.diagnostics),
        planned_identity: request.prior_identity,
    })
}

/// Answers ApplyResourceChange. Whatever state the face gives is kept, with errors as well.
pub(super) async fn apply(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: apply_resource_change::Request,
) -> Result<apply_resource_change::Response, Diagnostics> {
    let face = face(&provider, &request.type_name)?;
    let block = &face.schema().block;
    let prior = decode::object("the prior state", request.prior_state.as_ref(), block)?;
    let config = decode::object("the configuration", request.config.as_ref(), block)?;
    let planned = decode::object("the plan", request.planned_state.as_ref(), block)?;
    let change = change(prior, config, planned.clone())?;
    let applied = face.apply(&cx, change, Bytes::from(request.planned_private)).await;
    let mut diagnostics = applied.diagnostics;
    let mut state = cleared(applied.state, block);
    check::applied(block, planned.as_ref(), state.as_ref(), &mut diagnostics);
    if let Some(state) = &mut state {
        forget_unknowns(state, &mut diagnostics);
    }
    Ok(apply_resource_change::Response {
        new_state: encoded("the new state", state, block, &mut diagnostics),
        private: applied.private.to_vec(),
        diagnostics: encode::diagnostics(diagnostics),
        new_identity: request.planned_identity,
    })
}

/// Answers ImportResourceState.
pub(super) async fn import(
    provider: Arc<dyn Provider>,
    _cx: Context,
    request: import_resource_state::Request,
) -> Result<import_resource_state::Response, Diagnostics> {
    let face = face(&provider, &request.type_name)?;
    let block = &face.schema().block;
    let state = cleared(Some(face.import(&request.id)?), block);
    let imported = import_resource_state::ImportedResource {
        type_name: request.type_name,
        state: Some(encode::object("the imported state", state, block)?),
        private: Vec::new(),
        identity: request.identity,
    };
    Ok(import_resource_state::Response {
        imported_resources: vec![imported],
        diagnostics: Vec::new(),
    })
}

fn face(provider: &Arc<dyn Provider>, name: &str) -> Result<Arc<dyn Resource>, Diagnostics> {
    find(provider.resources(), "managed resource", name)
}

/// What is to happen, told by what is there.
fn change(
    prior: Option<Object>,
    config: Option<Object>,
    planned: Option<Object>,
) -> Result<Change, Diagnostics> {
    match (prior, config, planned) {
        (Some(prior), _, None) => Ok(Change::Delete { prior }),
        (None, Some(config), Some(planned)) => Ok(Change::Create { config, planned }),
        (Some(prior), Some(config), Some(planned)) => Ok(Change::Update { prior, config, planned }),
        (None, _, None) | (_, None, Some(_)) => {
            let mut diagnostics = Diagnostics::none();
            diagnostics.error(
                "The provider was asked for a change that is none",
                "A creation has a configuration and a plan, a destroy a prior state. This is a \
                 bug in Terraform or OpenTofu: please report it.",
            );
            Err(diagnostics)
        }
    }
}

fn cleared(object: Option<Object>, block: &Block) -> Option<Object> {
    object.map(|mut object| {
        clear_write_only(block, &mut object);
        object
    })
}

/// Writes an object; if it cannot be written, says so and leaves it out.
fn encoded(
    what: &str,
    object: Option<Object>,
    block: &Block,
    diagnostics: &mut Diagnostics,
) -> Option<crate::protocol::wire_types::DynamicValue> {
    encode::object(what, object, block).map_err(|more| diagnostics.extend(more)).ok()
}

/// Makes unknowns null, which no state may hold. Without an error they are one.
fn forget_unknowns(state: &mut Object, diagnostics: &mut Diagnostics) {
    let mut found = Vec::new();
    for (name, value) in state.iter_mut() {
        forget_unknown(value, Path::root(name), &mut found);
    }
    if diagnostics.has_errors() {
        return;
    }
    for path in found {
        let detail = format!(
            "`{path}` is still unknown after the apply and was stored as null. This is a bug in \
             the provider: please report it."
        );
        // The root attribute: elements of sets have no address.
        let root = Path(path.0.into_iter().take(1).collect());
        diagnostics.error_at(root, "The provider left a value unknown", detail);
    }
}

fn forget_unknown(value: &mut Value, path: Path, found: &mut Vec<Path>) {
    match value {
        Value::Unknown => {
            *value = Value::Null;
            found.push(path);
        }
        Value::List(items) => {
            for (index, item) in (0..).zip(items) {
                forget_unknown(item, path.then(Step::Index(index)), found);
            }
        }
        Value::Map(items) => {
            for (key, item) in items {
                forget_unknown(item, path.then(Step::Key(key.clone())), found);
            }
        }
        Value::Object(items) => {
            for (name, item) in items {
                forget_unknown(item, path.attribute(name), found);
            }
        }
        Value::Dynamic(inner) => forget_unknown(&mut inner.1, path, found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bugs_are_told_with_whose_they_are() {
        let told = change(None, None, None).unwrap_err().0.remove(0);
        assert_eq!(told.summary, "The provider was asked for a change that is none");
        assert_eq!(
            told.detail,
            "A creation has a configuration and a plan, a destroy a prior state. This is a bug in \
             Terraform or OpenTofu: please report it."
        );
        let mut told = Diagnostics::none();
        forget_unknowns(&mut Object::from([("id".to_owned(), Value::Unknown)]), &mut told);
        let told = told.0.remove(0);
        assert_eq!(told.summary, "The provider left a value unknown");
        assert_eq!(
            told.detail,
            "`id` is still unknown after the apply and was stored as null. This is a bug in the \
             provider: please report it."
        );
    }
}
