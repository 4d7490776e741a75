//! What the messages of the calls have in common.

use crate::framework::Diagnostics;
use crate::protocol::{encode, wire_types as wire};

/// A response that can say that its call failed.
pub(super) trait Answer: Default + Send + 'static {
    /// Where its diagnostics stand.
    fn diagnostics(&mut self) -> &mut Vec<wire::Diagnostic>;

    /// The response of a call that failed: diagnostics and nothing else.
    ///
    /// With an error and no state Terraform keeps the prior state of an update or a destroy, and
    /// stores nothing for a create (`internal/terraform/node_resource_abstract_instance.go`, apply).
    fn failed(diagnostics: Diagnostics) -> Self {
        let mut answer = Self::default();
        *answer.diagnostics() = encode::diagnostics(diagnostics);
        answer
    }
}

/// A request whose client says what it can do.
pub(super) trait Capable {
    /// What it says, if anything.
    fn capabilities(&self) -> Option<&wire::ClientCapabilities>;
}

macro_rules! answers {
    ($($call:ident)*) => {
        $(impl Answer for wire::$call::Response {
            fn diagnostics(&mut self) -> &mut Vec<wire::Diagnostic> {
                &mut self.diagnostics
            }
        })*
    };
}

macro_rules! capable {
    ($($call:ident)*) => {
        $(impl Capable for wire::$call::Request {
            fn capabilities(&self) -> Option<&wire::ClientCapabilities> {
                self.client_capabilities.as_ref()
            }
        })*
    };
}

answers! {
    get_metadata get_provider_schema get_resource_identity_schemas get_functions
    validate_provider_config configure_provider
    validate_resource_config upgrade_resource_state read_resource plan_resource_change
    apply_resource_change import_resource_state
    validate_data_resource_config read_data_source
    validate_ephemeral_resource_config open_ephemeral_resource renew_ephemeral_resource
    close_ephemeral_resource
    validate_action_config plan_action
}

capable! {
    configure_provider
    validate_resource_config read_resource plan_resource_change import_resource_state
    read_data_source open_ephemeral_resource plan_action
}
