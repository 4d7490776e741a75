//! Which walk a PlanResourceChange belongs to: an apply plans each object once more.
//!
//! The protocol does not say. Terraform from 1.9 allows deferrals in the apply walk and, without
//! the experimental `-allow-deferral`, in no plan; but Stacks allow them in every plan. Two things
//! are certain. A core that keeps what a plan gave as private data (1.16 and newer say so) hands it
//! over in the apply, and there only. And an object that was read in this process is being planned,
//! for an apply reads nothing. What stays open is a core before 1.16 that allows deferrals and has
//! not read the object: its apply, or the first creation by a Stack, which so has no preview.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Mutex, PoisonError};

use super::decode;
use super::wire_types as wire;
use crate::framework::Walk;

/// The objects that were read in this process.
#[derive(Debug, Default)]
pub(super) struct Planned(Mutex<HashSet<u64>>);

impl Planned {
    /// Takes note of an object that is read.
    pub(super) fn reads(&self, request: &wire::read_resource::Request) {
        let mark = mark(&request.type_name, request.current_state.as_ref());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(mark);
    }

    /// The walk of a plan, from what a client says that may be believed in it.
    pub(super) fn walk(&self, request: &wire::plan_resource_change::Request) -> Walk {
        let capabilities = request.client_capabilities.as_ref();
        if capabilities.is_some_and(|client| client.store_planned_private) {
            // Our plans of changes always give some.
            let handed_over = !request.planned_private.is_empty();
            return if handed_over { Walk::Apply } else { Walk::Unsaid };
        }
        let mark = mark(&request.type_name, request.prior_state.as_ref());
        let read = self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&mark);
        if read { Walk::Unsaid } else { decode::walk(capabilities) }
    }
}

/// Tells objects apart: a core writes one state the same way each time.
fn mark(type_name: &str, state: Option<&wire::DynamicValue>) -> u64 {
    let mut hasher = DefaultHasher::new();
    (type_name, state.map(|state| (&state.msgpack, &state.json))).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(text: &str) -> Option<wire::DynamicValue> {
        Some(wire::DynamicValue { msgpack: text.into(), ..Default::default() })
    }

    fn planning(
        prior: &str,
        deferral_allowed: bool,
        kept: Option<&str>,
    ) -> wire::plan_resource_change::Request {
        wire::plan_resource_change::Request {
            type_name: "t".into(),
            prior_state: state(prior),
            planned_private: kept.unwrap_or_default().into(),
            client_capabilities: Some(wire::ClientCapabilities {
                deferral_allowed,
                store_planned_private: kept.is_some(),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn an_apply_is_told_by_what_the_plan_left_or_else_by_deferrals_of_what_was_not_read() {
        let planned = Planned::default();
        planned.reads(&wire::read_resource::Request {
            type_name: "t".into(),
            current_state: state("read"),
            ..Default::default()
        });
        for (request, expected) in [
            // Cores before 1.9, and OpenTofu.
            (planning("a", false, None), Walk::Unsaid),
            // 1.9 to 1.15: an apply; a plan by a Stack that has read it.
            (planning("a", true, None), Walk::Apply),
            (planning("read", true, None), Walk::Unsaid),
            // 1.16: what was planned is handed over in the apply only, whatever else is said.
            (planning("a", true, Some("")), Walk::Unsaid),
            (planning("a", false, Some("kept")), Walk::Apply),
            (planning("read", true, Some("kept")), Walk::Apply),
        ] {
            assert_eq!(planned.walk(&request), expected, "{request:?}");
        }
    }
}
