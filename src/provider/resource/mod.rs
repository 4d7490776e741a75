//! `resource "session_termination_<service>"`: acts on create, on a re-run, and on destroy.
//!
//! Nothing but create, a change of the selection or `triggers`, a failed run before, and destroy
//! ever makes it act. All that a destroy needs stands in state attributes.

mod destroy;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;

use super::fields::Fields;
use super::inputs::{self, Inputs};
use super::limit::Timeout;
use super::moves::Move;
use super::occasion::Occasion;
use super::preview::{After, Moment};
use super::private::{Pending, Private, Stage};
use super::run::{self, Connection};
use super::settings::Shared;
use super::standing::{self, Standing};
use super::{diagnose, moves, outcome, preview, schema};
use crate::engine::{Selection, Silent};
use crate::framework::{
    Applied, Change, Context, Diagnostics, Face, Object, Planned, Resource, Schema, Value, Walk,
};
use crate::services::Service;

/// A change of any of these, or of `triggers`, is a re-run.
const SELECTION: [&str; 3] = ["session_ids", "all", "match"];

#[derive(Debug)]
pub(super) struct Termination {
    service: &'static Service,
    shared: Arc<Shared>,
    type_name: String,
    /// Made when it is first asked for: most plugins that a core starts need one of all.
    schema: OnceLock<Schema>,
}

/// When a resource acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Apply,
    Destroy,
    Both,
}

impl When {
    /// None if it is not known yet.
    fn of(object: &Object) -> Option<When> {
        match object.get("when")?.as_str()? {
            "apply" => Some(When::Apply),
            "destroy" => Some(When::Destroy),
            "both" => Some(When::Both),
            _ => None,
        }
    }

    fn on_apply(self) -> bool {
        self != When::Destroy
    }

    fn on_destroy(self) -> bool {
        self != When::Apply
    }
}

impl Termination {
    pub(super) fn new(service: &'static Service, shared: Arc<Shared>) -> Termination {
        let type_name = format!("session_termination_{}", service.spec.name);
        Termination { service, shared, type_name, schema: OnceLock::new() }
    }

    fn face(&self, occasion: Occasion, seen: bool) -> run::Face<'_> {
        run::Face { kind: "resource", type_name: &self.type_name, occasion, seen }
    }

    /// The preview of a run on `object`, if its arguments are known.
    async fn preview(
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

    async fn plan_create(
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

    async fn plan_update(
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

    /// Acts as planned in `state`. An update has a `before`.
    async fn apply_run(
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
    async fn keep(&self, cx: &Context, mut planned: Object, before: Option<&Object>) -> Applied {
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

    fn connect(
        &self,
        object: &Object,
        timeout: &'static str,
    ) -> Result<(Inputs, Connection), Diagnostics> {
        let mut object = object.clone();
        if object.get("region") == Some(&Value::Unknown) {
            // A plan could not tell; what was written is known by now, so nothing was.
            object.insert("region".into(), Value::Null);
        }
        let read = inputs::read(self.service.spec, &object, Timeout::Block(timeout));
        let inputs = read.complete()?;
        match run::connect(&self.shared, self.service, &inputs) {
            Ok(connection) => Ok((inputs, connection)),
            Err(error) => {
                let destroys = timeout == "delete";
                let occasion = if destroys { Occasion::Destroy } else { Occasion::Apply };
                let (summary, spec) = ("Sessions could not be terminated", self.service.spec);
                Err(diagnose::call_failed(summary, spec, occasion, &error).into())
            }
        }
    }
}

/// A value of the selection: `all = false` counts as not given.
fn meant(value: &Value) -> &Value {
    if *value == Value::Bool(false) { &Value::Null } else { value }
}

/// The state with `last_run`, and null where something is not known: state knows no unknowns.
fn settled(mut state: Object, last_run: Option<Value>) -> Object {
    if let Some(last_run) = last_run {
        state.insert("last_run".into(), last_run);
    }
    for value in state.values_mut().filter(|value| **value == Value::Unknown) {
        *value = Value::Null;
    }
    state
}

impl Face for Termination {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| schema::resource(self.service.spec))
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut fields = Fields::new(config);
        fields.one_of("when", &["apply", "destroy", "both"]);
        let mut diagnostics = fields.finish(|| Some(())).diagnostics;
        diagnostics
            .extend(inputs::read(self.service.spec, config, Timeout::Block("create")).diagnostics);
        diagnostics
    }
}

#[async_trait]
impl Resource for Termination {
    fn upgrade(&self, state: Object) -> Object {
        moves::upgraded(self.service.spec, outcome::bounded(state))
    }

    async fn plan(&self, cx: &Context, change: Change, private: Bytes) -> Planned {
        let private = Private::read(&private);
        match change {
            Change::Create { config, planned } => {
                self.plan_create(cx, &config, planned, private).await
            }
            Change::Update { prior, config, planned } => {
                self.plan_update(cx, &prior, &config, planned, private).await
            }
            Change::Delete { prior } => {
                let acts = When::of(&prior).is_some_and(When::on_destroy);
                let diagnostics = if acts {
                    self.preview(cx, &prior, "delete", "in this destroy").await
                } else {
                    Diagnostics::none()
                };
                Planned { private: private.bytes(), diagnostics, ..Planned::default() }
            }
        }
    }

    async fn apply(&self, cx: &Context, change: Change, private: Bytes) -> Applied {
        let private = Private::read(&private);
        match change {
            Change::Create { planned, .. } if acts(&planned) => {
                self.apply_run(cx, planned, None, private).await
            }
            Change::Create { planned, .. } => self.keep(cx, planned, None).await,
            Change::Update { prior, planned, .. } if acts(&planned) => {
                self.apply_run(cx, planned, Some(&prior), private).await
            }
            Change::Update { prior, planned, .. } if narrows(&planned) => {
                let private = private.at(Stage::None).bytes();
                Applied { private, ..self.keep(cx, planned, Some(&prior)).await }
            }
            Change::Update { planned, .. } => {
                let private = private.at(Stage::None).bytes();
                Applied { state: Some(planned), private, diagnostics: Diagnostics::none() }
            }
            Change::Delete { prior } => self.delete(cx, prior, private).await,
        }
    }

    fn import(&self, _id: &str) -> Result<Object, Diagnostics> {
        Err(diagnose::no_import(&self.type_name).into())
    }
}

/// Whether the plan promised a look at the target without a run.
fn narrows(planned: &Object) -> bool {
    planned.get(standing::ATTRIBUTE) == Some(&Value::Unknown)
}

/// Whether the plan promised a run.
fn acts(planned: &Object) -> bool {
    planned.get("last_run") == Some(&Value::Unknown)
}
