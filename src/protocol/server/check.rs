//! Holds the faces to Terraform's rules in debug builds, where a test or a developer sees it.
//!
//! Terraform checks the same in every build, but names the provider and not the rule.

use crate::framework::{
    Block, Diagnostic, Diagnostics, Object, Path, Severity, applied_mismatches, planned_mismatches,
    schema_faults,
};

/// Adds an error for every rule that a schema breaks.
pub(super) fn schema(
    type_name: &str,
    schema: &crate::framework::Schema,
    diagnostics: &mut Diagnostics,
) {
    if cfg!(debug_assertions) {
        for fault in schema_faults(schema) {
            diagnostics.error(
                "The provider has a schema that Terraform refuses",
                format!("In `{type_name}`, {fault}."),
            );
        }
    }
}

/// Adds an error for every rule that a plan, or an object made from a configuration, breaks.
pub(super) fn planned(
    block: &Block,
    prior: Option<&Object>,
    config: &Object,
    planned: Option<&Object>,
    diagnostics: &mut Diagnostics,
) {
    if cfg!(debug_assertions) && !diagnostics.has_errors() {
        let found = planned
            .map_or_else(absent, |planned| planned_mismatches(block, prior, config, planned));
        report("The provider made a plan that Terraform refuses", found, diagnostics);
    }
}

/// Adds an error for every promise of its plan that an apply breaks.
pub(super) fn applied(
    block: &Block,
    planned: Option<&Object>,
    applied: Option<&Object>,
    diagnostics: &mut Diagnostics,
) {
    if cfg!(debug_assertions) && !diagnostics.has_errors() {
        let found = match (planned, applied) {
            (Some(planned), Some(applied)) => applied_mismatches(block, planned, applied),
            (Some(_), None) => absent(),
            (None, Some(_)) => surplus(),
            (None, None) => Vec::new(),
        };
        report("The provider did not apply what it had planned", found, diagnostics);
    }
}

/// Adds an error if an answer that must be there and wholly known is not.
pub(super) fn known(answer: Option<&Object>, diagnostics: &mut Diagnostics) {
    if cfg!(debug_assertions) && !diagnostics.has_errors() {
        let Some(answer) = answer else {
            return report("The provider gave no answer", absent(), diagnostics);
        };
        let unknown = answer.iter().filter(|(_, value)| !value.is_wholly_known());
        let found = unknown.map(|(name, _)| (Path::root(name), "is unknown".to_owned())).collect();
        report("The provider gave an answer with unknown values", found, diagnostics);
    }
}

fn absent() -> Vec<(Path, String)> {
    vec![(Path::default(), "the object is null, without an error that says why".to_owned())]
}

fn surplus() -> Vec<(Path, String)> {
    vec![(Path::default(), "the object must be null after a destroy without errors".to_owned())]
}

fn report(summary: &str, found: Vec<(Path, String)>, diagnostics: &mut Diagnostics) {
    for (path, rule) in found {
        let place = if path.0.is_empty() { String::new() } else { format!("`{path}`: ") };
        diagnostics.0.push(Diagnostic {
            severity: Severity::Error,
            summary: summary.to_owned(),
            detail: format!("{place}{rule}.\n\nThis is a bug in the provider: please report it."),
            path: Some(path),
        });
    }
}
