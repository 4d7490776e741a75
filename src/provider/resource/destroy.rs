//! The destroy of a managed resource: it can hold back what depends on it, or be let go.

use bytes::Bytes;

use super::apply::settled;
use super::{Termination, When};
use crate::engine::{Halt, Silent};
use crate::framework::{Applied, Context, Diagnostics, Object, Severity, Value};
use crate::provider::occasion::Occasion;
use crate::provider::private::{Pending, Private, Stage};
use crate::provider::run;
use crate::provider::standing::Standing;
use crate::provider::{diagnose, meaning, outcome};

impl Termination {
    /// Ends sessions before what they use goes. An error keeps the resource in the state.
    pub(super) async fn delete(&self, cx: &Context, prior: Object, private: Private) -> Applied {
        if !When::of(&prior).is_some_and(When::on_destroy) {
            return Applied::default();
        }
        let (inputs, connection) = match self.connect(&prior, "delete") {
            Ok(connected) => connected,
            Err(diagnostics) => {
                return self.held_or_let_go(prior, private, None, diagnostics).await;
            }
        };
        let standing = Standing::of(&prior);
        let face = self.face(Occasion::Destroy, standing.seen);
        let done = connection.terminate(&inputs, face, &Silent, &cx.cancel, &self.shared).await;
        let mut diagnostics = done.diagnostics;
        if !diagnostics.has_errors() {
            let standing = standing.after(&done.report, true, &connection, &cx.cancel).await;
            let id = prior.get("id").and_then(Value::as_str);
            diagnostics.extend(standing.told(&inputs, &connection, Occasion::Destroy, id));
        }
        if !diagnostics.has_errors() {
            let (spared, meaning) = (outcome::spared(&done.report), meaning::of(&inputs));
            if spared > 0 {
                let (spec, target) = (connection.spec, &connection.label);
                diagnostics.extend(diagnose::dry_destroy(spec, target, &meaning, spared));
            }
            return Applied { state: None, private: Bytes::new(), diagnostics };
        }
        let interrupted =
            matches!(done.report.halt, Some(Halt::Cancelled)) || cx.cancel.is_cancelled();
        let last_run = outcome::last_run(&done.report, "destroy", done.at);
        if interrupted {
            let private = stays(&prior, private);
            return Applied { state: Some(settled(prior, Some(last_run))), private, diagnostics };
        }
        self.held_or_let_go(prior, private, Some(last_run), diagnostics).await
    }

    /// What comes of a destroy that failed: the resource stays, unless its `id` was let go.
    async fn held_or_let_go(
        &self,
        prior: Object,
        private: Private,
        last_run: Option<Value>,
        mut diagnostics: Diagnostics,
    ) -> Applied {
        let id = prior.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        if self.shared.lets_go(&id) {
            let why = diagnostics.0.iter().find(|one| one.severity == Severity::Error);
            let why = why.map(|one| one.summary.clone()).unwrap_or_default();
            let face = self.face(Occasion::Destroy, true);
            let recorded = run::record_let_go(&self.shared, face, &id, &why).await;
            diagnose::went_on(&mut diagnostics, &id, recorded);
            return Applied { state: None, private: Bytes::new(), diagnostics };
        }
        diagnose::held(&mut diagnostics, &id);
        let private = stays(&prior, private);
        Applied { state: Some(settled(prior, last_run)), private, diagnostics }
    }
}

/// What is kept beside a resource that was to go and stays. Terraform forgets it over a taint; then
/// whether a run had failed before is told by who was left of it.
fn stays(prior: &Object, private: Private) -> Bytes {
    let forgotten = private.stage == Stage::Creation && private.pending.is_none();
    let last_run = prior.get("last_run").and_then(Value::as_object);
    let left = last_run.and_then(|run| run.get("survived")?.as_i64());
    let matters = prior.get("on_failure").and_then(Value::as_str) != Some("warn");
    let failed = forgotten && matters && left.is_some_and(|left| left > 0);
    let pending = if failed { Some(Pending::default()) } else { private.pending };
    Private { pending, ..Private::default() }.bytes()
}
