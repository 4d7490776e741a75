//! The plan of a managed resource: what it will do, and to whom.

use super::{Termination, When, acts};
use crate::framework::{Context, Diagnostics, Face, Object, Planned, Value, Walk};
use crate::provider::inputs;
use crate::provider::limit::Timeout;
use crate::provider::moves::Move;
use crate::provider::preview::{After, Moment};
use crate::provider::private::{Private, Stage};
use crate::provider::{moves, preview, standing};

/// A change of any of these, or of `triggers`, is a re-run.
const SELECTION: [&str; 3] = ["session_ids", "all", "match"];

impl Termination {
    /// The preview of a run on `object`, if its arguments are known.
    pub(super) async fn preview(
        &self,
        cx: &Context,
        object: &Object,
        timeout: &'static str,
        when: &'static str,
    ) -> Diagnostics {
        let after = if timeout == "delete" { After::Goes } else { After::Stays };
        let id = object.get("id").and_then(Value::as_str).filter(|_| after == After::Goes);
        let moment = Moment { when, after, id };
        let read = inputs::read(self.service.spec, object, Timeout::Block(timeout));
        match read.inputs {
            Some(inputs) => preview::preview(&self.shared, self.service, cx, &inputs, moment).await,
            None => Diagnostics::none(),
        }
    }

    pub(super) async fn plan_create(
        &self,
        cx: &Context,
        config: &Object,
        mut planned: Object,
        private: Private,
    ) -> Planned {
        let acts = When::of(&planned).is_none_or(When::on_apply);
        let diagnostics = match When::of(&planned) {
            Some(when) if when.on_apply() && private.stage != Stage::Previewed => {
                self.preview(cx, config, "create", "in this apply").await
            }
            _ => Diagnostics::none(),
        };
        if self.leaves_region(config) {
            let region = self.shared.region(self.service.spec.platform);
            planned.insert("region".into(), region.map_or(Value::Unknown, Value::from));
        }
        planned.insert("id".into(), Value::Unknown);
        planned.insert(standing::ATTRIBUTE.into(), Value::Unknown);
        planned.insert("last_run".into(), if acts { Value::Unknown } else { Value::Null });
        let private = private.at(Stage::Creation).bytes();
        Planned { state: Some(planned), private, diagnostics, ..Planned::default() }
    }

    pub(super) async fn plan_update(
        &self,
        cx: &Context,
        prior: &Object,
        config: &Object,
        mut planned: Object,
        mut private: Private,
    ) -> Planned {
        // The apply walk must come to what the plan came to, which was not to replace. So it keeps
        // the region, should the provider block have been unknown or another one in the plan.
        if self.leaves_region(config)
            && cx.walk != Walk::Apply
            && let Some(region) = self.shared.region(self.service.spec.platform)
        {
            planned.insert("region".into(), Value::from(region));
        }
        let moved = moves::of(self.service.spec, prior, &planned);
        let requires_replace = match &moved {
            Move::Leaves(arguments) => arguments.clone(),
            Move::Stays | Move::Narrows => Vec::new(),
        };
        let mut diagnostics = Diagnostics::none();
        if !requires_replace.is_empty() {
            // Terraform plans the new instance in a second call, whose warnings it drops. Both
            // previews are made side by side, for a plan waits no longer for two than for one.
            let old = async {
                if When::of(prior).is_some_and(When::on_destroy) {
                    self.preview(cx, prior, "delete", "when the old target is let go").await
                } else {
                    Diagnostics::none()
                }
            };
            let new = async {
                if When::of(&planned).is_some_and(When::on_apply) {
                    self.preview(cx, &planned, "create", "in this apply, on the new target").await
                } else {
                    Diagnostics::none()
                }
            };
            let (old, new) = futures_util::future::join(old, new).await;
            diagnostics.extend(old);
            diagnostics.extend(new);
            private = private.at(Stage::Previewed);
        } else if self.reruns(prior, &planned, &private, moved == Move::Narrows) {
            if When::of(&planned).is_some() {
                diagnostics.extend(self.preview(cx, &planned, "update", "in this apply").await);
            }
            planned.insert("last_run".into(), Value::Unknown);
        }
        if acts(&planned) || moved == Move::Narrows {
            planned.insert(standing::ATTRIBUTE.into(), Value::Unknown);
        }
        if private.stage == Stage::None {
            private = private.at(Stage::Planned);
        }
        let private = private.bytes();
        Planned { state: Some(planned), requires_replace, private, diagnostics }
    }

    /// Whether an update in place acts, or may do so: `when` need not be known yet.
    fn reruns(&self, prior: &Object, planned: &Object, private: &Private, narrows: bool) -> bool {
        let attributes = &self.schema().block.attributes;
        let changed = |name: &str| match (prior.get(name), planned.get(name), attributes.get(name))
        {
            (Some(old), Some(new), Some(attribute)) => {
                !meant(old).same(meant(new), &attribute.value_type())
            }
            _ => false,
        };
        let asked = narrows || SELECTION.iter().any(|name| changed(name)) || changed("triggers");
        When::of(planned).is_none_or(When::on_apply) && (asked || private.pending.is_some())
    }

    /// Whether a block leaves it to the provider block to say the region.
    fn leaves_region(&self, config: &Object) -> bool {
        self.service.spec.regional && config.get("region") == Some(&Value::Null)
    }
}

/// A value of the selection: `all = false` counts as not given.
fn meant(value: &Value) -> &Value {
    if *value == Value::Bool(false) { &Value::Null } else { value }
}
