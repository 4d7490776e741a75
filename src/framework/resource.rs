//! Managed resources.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Context, Diagnostics, Face, Object, Path};

/// What Terraform wants to happen to one resource instance.
///
/// All objects have every attribute of the schema, null where nothing was given.
/// Write-only attributes have a value in `config` alone; whatever a face answers, they are made null.
#[derive(Clone, Debug)]
pub enum Change {
    /// A new instance.
    Create {
        /// The configuration.
        config: Object,
        /// In a plan, Terraform's proposal; in an apply, the plan. May hold unknowns.
        planned: Object,
    },
    /// A change in place, or what a plan will turn into a replacement.
    Update {
        /// The stored state.
        prior: Object,
        /// The configuration.
        config: Object,
        /// In a plan, Terraform's proposal; in an apply, the plan. May hold unknowns.
        planned: Object,
    },
    /// The end of an instance. There is no configuration any more.
    Delete {
        /// The stored state.
        prior: Object,
    },
}

/// The answer to a plan.
#[derive(Clone, Debug, Default)]
pub struct Planned {
    /// The object to be, unknown where only the apply can tell. None for a delete.
    pub state: Option<Object>,
    /// Attributes whose change needs a new instance.
    pub requires_replace: Vec<Path>,
    /// Opaque bytes that the apply receives. Echo what came, unless there is a reason.
    pub private: Bytes,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// The answer to an apply. With errors, whatever `state` holds is still stored.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    /// The object that is now, wholly known. None after a delete.
    pub state: Option<Object>,
    /// Opaque bytes stored beside the state.
    pub private: Bytes,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// The answer to a read. None means that the object is gone.
#[derive(Clone, Debug, Default)]
pub struct Refreshed {
    /// The object as it is, wholly known.
    pub state: Option<Object>,
    /// Messages.
    pub diagnostics: Diagnostics,
}

/// A type of managed resource.
#[async_trait]
pub trait Resource: Face {
    /// Says what an apply would do. Must be a pure function of the change and `private`.
    async fn plan(&self, cx: &Context, change: Change, private: Bytes) -> Planned;

    /// Does it.
    async fn apply(&self, cx: &Context, change: Change, private: Bytes) -> Applied;

    /// What a stored state is to this version: the same, unless an earlier one wrote otherwise.
    fn upgrade(&self, state: Object) -> Object {
        state
    }

    /// Compares the stored state with the world. The default says that nothing changed.
    async fn read(&self, _cx: &Context, state: Object) -> Refreshed {
        Refreshed { state: Some(state), diagnostics: Diagnostics::none() }
    }

    /// Takes an existing object under management by its id.
    fn import(&self, id: &str) -> Result<Object, Diagnostics>;
}
