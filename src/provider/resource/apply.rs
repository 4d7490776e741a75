//! The apply of a managed resource: a run, or state alone.

use super::{Termination, When};
use crate::engine::{Selection, Silent};
use crate::framework::{Applied, Context, Diagnostics, Object, Value};
use crate::provider::inputs::Inputs;
use crate::provider::moves::Move;
use crate::provider::occasion::Occasion;
use crate::provider::private::{Pending, Private};
use crate::provider::run::Connection;
use crate::provider::standing::Standing;
use crate::provider::{diagnose, moves, outcome};

impl Termination {
    /// Acts as planned in `state`. An update has a `before`.
    pub(super) async fn apply_run(
        &self,
        cx: &Context,
        mut state: Object,
        before: Option<&Object>,
        private: Private,
    ) -> Applied {
        let reason = if before.is_some() { "update" } else { "create" };
        let before_it = private.pending.filter(|_| before.is_some());
        let connected = self.connect(&state, reason).and_then(|(mut inputs, connection)| {
            let meant = self.narrow(&mut inputs, before, before_it.as_ref());
            meant.map(|meant| (inputs, connection, meant))
        });
        let (inputs, connection, meant) = match connected {
            Ok(connected) => connected,
            Err(diagnostics) => {
                // Nothing ran: a create leaves nothing, an update runs again in the next apply.
                let kept = before.map(|before| settled(state, before.get("last_run").cloned()));
                let pending = Some(before_it.unwrap_or_default());
                let private = Private { pending, ..Private::default() }.bytes();
                return Applied { state: kept, private, diagnostics };
            }
        };
        self.place(&mut state, &connection);
        let standing = match self.standing(cx, before, &state, (&inputs, &connection)).await {
            Ok(standing) => standing,
            Err(diagnostics) => {
                let private = Private { pending: before_it, ..Private::default() }.bytes();
                return Applied { state: before.cloned(), private, diagnostics };
            }
        };
        let done = if meant {
            let face = self.face(Occasion::Apply, standing.seen);
            connection.terminate(&inputs, face, &Silent, &cx.cancel, &self.shared).await
        } else {
            connection.nothing(&self.shared)
        };
        let mut diagnostics = done.diagnostics;
        let did_well = !diagnostics.has_errors();
        let standing = standing.after(&done.report, did_well, &connection, &cx.cancel).await;
        if did_well {
            diagnostics.extend(standing.told(&inputs, &connection, Occasion::Apply, None));
        }
        standing.write(&mut state);
        let failed = diagnostics.has_errors();
        if failed && before.is_none() {
            if !outcome::asked(&done.report) {
                // Terraform taints what a failed create leaves, and ends it before it creates it
                // anew: with the arguments that would not do. Where nothing was done there is
                // nothing to leave.
                return Applied { diagnostics, ..Applied::default() };
            }
            if When::of(&state).is_some_and(When::on_destroy) {
                diagnose::tainted(&mut diagnostics);
            }
        }
        let last_run = outcome::last_run(&done.report, reason, done.at);
        // A dry run ends nobody, so whoever was left by a failed run before is left still.
        let pending = match (failed, done.report.dry_run) {
            (false, true) => before_it,
            (false, false) => None,
            (true, _) => Some(Pending::after(&done.report, &inputs.request.selection, before_it)),
        };
        let private = Private { pending, ..Private::default() }.bytes();
        Applied { state: Some(settled(state, Some(last_run))), private, diagnostics }
    }

    /// Whether the target of a run is there: where it is new to the block, by a look.
    ///
    /// # Errors
    /// It is not there.
    async fn standing(
        &self,
        cx: &Context,
        before: Option<&Object>,
        state: &Object,
        (inputs, connection): (&Inputs, &Connection),
    ) -> Result<Standing, Diagnostics> {
        match before {
            Some(before) if moves::of(self.service.spec, before, state) != Move::Narrows => {
                Ok(Standing::of(before))
            }
            _ => Standing::first(inputs, connection, true, &cx.cancel).await,
        }
    }

    /// Writes state without a run, of a block that is new or whose target is a part of its former
    /// one: a destroy will have nothing else to go by, so its region must be known, and it must be
    /// there.
    pub(super) async fn keep(
        &self,
        cx: &Context,
        mut planned: Object,
        before: Option<&Object>,
    ) -> Applied {
        let stays =
            |diagnostics| Applied { state: before.cloned(), diagnostics, ..Applied::default() };
        let reason = if before.is_some() { "update" } else { "create" };
        let (inputs, connection) = match self.connect(&planned, reason) {
            Ok(connected) => connected,
            Err(diagnostics) => return stays(diagnostics),
        };
        self.place(&mut planned, &connection);
        let standing = match Standing::first(&inputs, &connection, false, &cx.cancel).await {
            Ok(standing) => standing,
            Err(diagnostics) => return stays(diagnostics),
        };
        standing.write(&mut planned);
        let mut diagnostics = standing.told(&inputs, &connection, Occasion::Apply, None);
        diagnostics.extend(connection.asides(&self.shared));
        Applied { state: Some(settled(planned, None)), diagnostics, ..Applied::default() }
    }

    /// Where the instance is, as far as only the provider block says, and an `id` that no other
    /// block has, which never changes.
    fn place(&self, state: &mut Object, connection: &Connection) {
        if let Some(region) = &connection.region {
            state.insert("region".into(), Value::from(region.as_str()));
        }
        if !state.get("id").is_some_and(Value::is_known) {
            // Ids are named in lists that are separated by commas.
            let label = connection.label.replace(',', "%2C");
            let nonce = self.shared.outside.entropy.nonce();
            let ending = &nonce[nonce.len().saturating_sub(4)..];
            state.insert("id".into(), Value::from(format!("{label}#{ending}")));
        }
    }

    /// Narrows a run after a failed one to whom that left. False if nobody is meant any more.
    ///
    /// # Errors
    /// Nobody recorded whom the ids named, and they may be others' by now.
    fn narrow(
        &self,
        inputs: &mut Inputs,
        before: Option<&Object>,
        pending: Option<&Pending>,
    ) -> Result<bool, Diagnostics> {
        let Selection::Ids(ids) = &mut inputs.request.selection else { return Ok(true) };
        let Some(pending) = pending else { return Ok(true) };
        if !pending.is_resolved() {
            let reused = self.service.spec.ids_again.is_some();
            let left = before.and_then(|state| state.get("last_run")).and_then(Value::as_object);
            let left = left.and_then(|run| run.get("survived")?.as_i64()).unwrap_or(0);
            return if reused && left > 0 {
                Err(diagnose::unknown_survivors(self.service.spec, left))
            } else {
                Ok(true)
            };
        }
        inputs.request.known = pending.narrow(ids);
        Ok(!ids.is_empty())
    }
}

/// The state with `last_run`, and null where something is not known: state knows no unknowns.
pub(super) fn settled(mut state: Object, last_run: Option<Value>) -> Object {
    if let Some(last_run) = last_run {
        state.insert("last_run".into(), last_run);
    }
    for value in state.values_mut().filter(|value| **value == Value::Unknown) {
        *value = Value::Null;
    }
    state
}
