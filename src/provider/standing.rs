//! Whether a block's target is there, as far as its runs know: `target_seen`.

use tokio_util::sync::CancellationToken;

use super::inputs::Inputs;
use super::occasion::Occasion;
use super::run::Connection;
use super::{diagnose, meaning};
use crate::access::Kind;
use crate::engine::{Looked, Patience, Report};
use crate::framework::{Diagnostics, Object, Value};

/// The attribute.
pub(super) const ATTRIBUTE: &str = "target_seen";

/// What is known of a target.
#[derive(Debug)]
pub(super) struct Standing {
    /// Whether any answer has shown the target itself.
    pub(super) seen: bool,
    /// What a look of this operation came to that showed nothing.
    looked: Option<Looked>,
}

impl Standing {
    /// As a state has it. State of earlier versions does not tell, and counts as seen.
    pub(super) fn of(state: &Object) -> Standing {
        Standing { seen: state.get(ATTRIBUTE) != Some(&Value::Bool(false)), looked: None }
    }

    /// Looks at a target that nobody has looked at yet. What a run would meet again is an error
    /// before it: a cloud locks a key that fails repeatedly.
    ///
    /// # Errors
    /// It is not there, it can never be, or the look was interrupted.
    pub(super) async fn first(
        inputs: &Inputs,
        connection: &Connection,
        runs: bool,
        cancel: &CancellationToken,
    ) -> Result<Standing, Diagnostics> {
        let meaning = meaning::of(inputs);
        let about = connection.about(inputs, &meaning, Occasion::Apply);
        match connection.look(Patience::ForNewcomers, cancel).await {
            Looked::Seen => Ok(Standing { seen: true, looked: None }),
            Looked::Absent(error) => Err(diagnose::absent(about, &error)),
            Looked::Interrupted => Err(diagnose::look_interrupted(about)),
            // Nothing that is awaited or granted mends an argument that cannot be right.
            Looked::Failed(error)
                if error.kind == Kind::BadRequest || (runs && error.kind.stops_everything()) =>
            {
                let what = if runs { "Sessions on" } else { "A target like" };
                let verb = if runs { "be terminated" } else { "be looked for" };
                let summary = format!("{what} {} could not {verb}", about.target);
                Err(diagnose::call_failed(summary, about.spec, about.occasion, &error).into())
            }
            looked @ (Looked::Unproven(_) | Looked::Failed(_)) => {
                Ok(Standing { seen: false, looked: Some(looked) })
            }
        }
    }

    /// The same after a run: it may have seen somebody there. Where it did well and saw nobody on a
    /// target that was never seen, that is looked at now.
    pub(super) async fn after(
        self,
        report: &Report,
        did_well: bool,
        connection: &Connection,
        cancel: &CancellationToken,
    ) -> Standing {
        if self.seen || report.seen {
            return Standing { seen: true, looked: None };
        }
        if !did_well || self.looked.is_some() || report.dry_run {
            return self;
        }
        match connection.look(Patience::None, cancel).await {
            Looked::Seen => Standing { seen: true, looked: None },
            looked @ (Looked::Absent(_)
            | Looked::Unproven(_)
            | Looked::Failed(_)
            | Looked::Interrupted) => Standing { seen: false, looked: Some(looked) },
        }
    }

    /// What is to be said of a target that a look did not show; with the block's `id`, if it has one.
    pub(super) fn told(
        &self,
        inputs: &Inputs,
        connection: &Connection,
        occasion: Occasion,
        id: Option<&str>,
    ) -> Diagnostics {
        let Some(looked) = &self.looked else { return Diagnostics::none() };
        let meaning = meaning::of(inputs);
        diagnose::unseen(connection.about(inputs, &meaning, occasion), id, looked)
    }

    /// Keeps it.
    pub(super) fn write(&self, state: &mut Object) {
        state.insert(ATTRIBUTE.to_owned(), Value::Bool(self.seen));
    }
}
