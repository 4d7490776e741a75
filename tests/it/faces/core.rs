//! A driver that does what Terraform does with one managed resource.
//!
//! A plan and an apply are two processes. The apply plans again with what is known by then, and
//! holds the provider to its first plan. A replacement is planned twice, destroyed and created; a
//! creation that fails with a state is tainted. Whatever comes with an error is stored as Terraform
//! stores it.

use std::time::Duration;

use serde_json::json;
use terraform_provider_session::framework::{Object, Type, Value};
use terraform_provider_session::protocol::{dynamic_value, wire_types as wire};
use wire::{
    apply_resource_change as apply, import_resource_state as import, plan_resource_change as plan,
    read_resource as read, upgrade_resource_state as upgrade, validate_resource_config as validate,
};

use super::world::{Of, Plugin, Told, World, can, errors, told, whole};

/// One resource of one configuration.
pub(crate) struct Core<'w> {
    pub(crate) world: &'w World,
    /// The provider block.
    pub(crate) block: Object,
    /// What is in the state file.
    pub(crate) stored: Option<Stored>,
    /// Whether a new object is made before the old one is destroyed.
    pub(crate) create_before_destroy: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    pub(crate) state: Object,
    pub(crate) private: Vec<u8>,
    pub(crate) tainted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Nothing,
    Create,
    Update,
    Replace,
    Delete,
}

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) doing: Doing,
    /// The object to be.
    pub(crate) planned: Option<Object>,
    private: Vec<u8>,
    pub(crate) told: Vec<Told>,
}

impl<'w> Core<'w> {
    pub(crate) fn new(world: &'w World) -> Core<'w> {
        Core { world, block: world.block(&[]), stored: None, create_before_destroy: false }
    }

    /// The arguments of a resource on the world's instance.
    pub(crate) fn config(&self, given: &[(&str, Value)]) -> Object {
        let mut config: Object =
            [(self.world.target().to_owned(), self.world.instance.id.as_str().into())].into();
        config.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        config
    }

    /// `terraform plan`, or with no configuration `terraform plan -destroy`.
    pub(crate) async fn plan(&self, config: Option<&Object>) -> Plan {
        let mut walk = Walk::begin(self, false).await;
        let mut said = Vec::new();
        if let Some(config) = config {
            said = walk.validate(config).await;
            if !errors(&said).is_empty() {
                let planned = None;
                return Plan { doing: Doing::Nothing, planned, private: Vec::new(), told: said };
            }
        }
        if let Some(stored) = &self.stored {
            walk.restore(stored).await;
            walk.refresh(stored).await;
        }
        let mut plan = walk.plan(self.stored.as_ref(), config).await;
        said.extend(std::mem::take(&mut plan.told));
        plan.told = said;
        walk.plugin.end().await;
        plan
    }

    /// `terraform apply`: plans, and applies the plan. What was said by both.
    pub(crate) async fn apply(&mut self, config: &Object) -> Vec<Told> {
        let plan = self.plan(Some(config)).await;
        let mut said = plan.told.clone();
        if errors(&said).is_empty() {
            said.retain(|one| !one.summary.starts_with("Session termination pending on "));
            said.extend(self.apply_plan(&plan, Some(config)).await);
        }
        said
    }

    /// The same, which must go well without a word.
    pub(crate) async fn applied(&mut self, config: &Object) {
        let said = self.apply(config).await;
        assert!(said.is_empty(), "{said:#?}");
    }

    /// `terraform destroy`.
    pub(crate) async fn destroy(&mut self) -> Vec<Told> {
        let plan = self.plan(None).await;
        assert!(errors(&plan.told).is_empty(), "{:#?}", plan.told);
        self.apply_plan(&plan, None).await
    }

    /// Applies a plan, with what is known by now.
    pub(crate) async fn apply_plan(&mut self, plan: &Plan, config: Option<&Object>) -> Vec<Told> {
        let mut walk = Walk::begin(self, true).await;
        let mut said = Vec::new();
        let old = self.stored.clone();
        if let Some(stored) = &old {
            walk.restore(stored).await;
        }
        match (plan.doing, config) {
            (Doing::Nothing, _) => {}
            (Doing::Create, Some(config)) => {
                self.stored = walk.change(None, config, plan, &mut said).await;
            }
            (Doing::Update, Some(config)) => {
                self.stored = walk.change(old.as_ref(), config, plan, &mut said).await;
            }
            (Doing::Delete, _) => self.stored = walk.delete(&old.unwrap(), plan, &mut said).await,
            (Doing::Replace, Some(config)) if self.create_before_destroy => {
                let new = walk.change(None, config, plan, &mut said).await;
                let failed = !errors(&said).is_empty();
                let deposed =
                    if failed { old } else { walk.delete(&old.unwrap(), plan, &mut said).await };
                assert!(failed || deposed.is_none() || !errors(&said).is_empty());
                self.stored = new.or(deposed);
            }
            (Doing::Replace, Some(config)) => {
                self.stored = walk.delete(&old.unwrap(), plan, &mut said).await;
                if self.stored.is_none() {
                    self.stored = walk.change(None, config, plan, &mut said).await;
                }
            }
            (_, None) => panic!("only a delete has no configuration"),
        }
        walk.plugin.end().await;
        said
    }

    /// Applies the plan of a destroy, and is interrupted after so long.
    pub(crate) async fn interrupted_destroy(&mut self, plan: &Plan, after: Duration) -> Vec<Told> {
        let mut walk = Walk::begin(self, true).await;
        let mut other = Plugin::clone(&walk.plugin);
        let mut said = Vec::new();
        let old = self.stored.clone().unwrap();
        let stop = async {
            tokio::time::sleep(after).await;
            other.stop().await;
        };
        let (left, ()) = futures_util::join!(walk.delete(&old, plan, &mut said), stop);
        self.stored = left;
        walk.plugin.end().await;
        said
    }

    /// `terraform import`.
    pub(crate) async fn import(&self, id: &str) -> Vec<Told> {
        let mut walk = Walk::begin(self, false).await;
        let request =
            import::Request { type_name: walk.name.clone(), id: id.into(), ..Default::default() };
        let answer = walk.plugin.client.import_resource_state(request).await.unwrap().into_inner();
        assert!(answer.imported_resources.is_empty());
        told(&answer.diagnostics)
    }

    pub(crate) fn state(&self) -> &Object {
        &self.stored.as_ref().expect("something is in state").state
    }

    /// One value of `last_run`; null if there is none.
    pub(crate) fn last_run(&self, name: &str) -> Value {
        let run = self.state()["last_run"].as_object();
        run.map_or(Value::Null, |run| run[name].clone())
    }
}

/// One walk: one process.
struct Walk {
    plugin: Plugin,
    name: String,
    apply: bool,
}

impl Walk {
    async fn begin(core: &Core<'_>, apply: bool) -> Walk {
        let plugin = core.world.configured(&core.block, apply).await;
        Walk { plugin, name: core.world.termination(), apply }
    }

    async fn validate(&mut self, config: &Object) -> Vec<Told> {
        let request = validate::Request {
            type_name: self.name.clone(),
            config: self.plugin.write(Of::Resource, &self.name, config),
            client_capabilities: can(self.apply),
        };
        let answer = self.plugin.client.validate_resource_config(request).await.unwrap();
        told(&answer.into_inner().diagnostics)
    }

    /// Reads the state from its file. It must come out as it went in.
    async fn restore(&mut self, stored: &Stored) {
        let json = to_json(&Value::Object(stored.state.clone())).to_string();
        assert!(!json.contains(super::world::SECRET), "{json}");
        let raw_state = Some(wire::RawState { json: json.into_bytes(), ..Default::default() });
        let request = upgrade::Request { type_name: self.name.clone(), version: 0, raw_state };
        let answer = self.plugin.client.upgrade_resource_state(request).await.unwrap().into_inner();
        assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
        let state = self.read(answer.upgraded_state.as_ref());
        assert!(self.same(&state.unwrap(), &stored.state));
    }

    async fn refresh(&mut self, stored: &Stored) {
        let request = read::Request {
            type_name: self.name.clone(),
            current_state: self.write(Some(&stored.state)),
            private: stored.private.clone(),
            client_capabilities: can(false),
            ..Default::default()
        };
        let answer = self.plugin.client.read_resource(request).await.unwrap().into_inner();
        assert!(answer.diagnostics.is_empty(), "{:?}", answer.diagnostics);
        assert_eq!(self.read(answer.new_state.as_ref()).as_ref(), Some(&stored.state));
        assert_eq!(answer.private, stored.private);
    }

    /// The plan of one instance, asked for as often as Terraform asks.
    async fn plan(&mut self, stored: Option<&Stored>, config: Option<&Object>) -> Plan {
        let Some(config) = config else {
            let Some(stored) = stored else { return Plan::nothing() };
            let asked = self.ask(Some(&stored.state), &stored.private, None).await;
            assert_eq!(asked.planned, None, "a destroy plans nothing");
            return Plan { doing: Doing::Delete, ..asked.plan() };
        };
        let Some(prior) = stored.filter(|stored| !stored.tainted) else {
            let asked = self.ask(None, &[], Some(config)).await;
            let doing = if stored.is_some() { Doing::Replace } else { Doing::Create };
            return Plan { doing, ..asked.plan() };
        };
        let asked = self.ask(Some(&prior.state), &prior.private, Some(config)).await;
        let Some(planned) = &asked.planned else { return asked.plan() };
        if asked.replaces(&prior.state) {
            let again = self.ask(None, &asked.private, Some(config)).await;
            let mut plan = Plan { doing: Doing::Replace, ..again.plan() };
            plan.told.retain(|one| one.error);
            plan.told.extend(asked.told);
            plan
        } else if self.same(planned, &prior.state) {
            Plan { doing: Doing::Nothing, ..asked.plan() }
        } else {
            Plan { doing: Doing::Update, ..asked.plan() }
        }
    }

    /// One PlanResourceChange.
    async fn ask(
        &mut self,
        prior: Option<&Object>,
        private: &[u8],
        config: Option<&Object>,
    ) -> Asked {
        let proposed = config.map(|config| self.proposed(prior, config));
        let request = plan::Request {
            type_name: self.name.clone(),
            prior_state: self.write(prior),
            proposed_new_state: self.write(proposed.as_ref()),
            config: self.write(config),
            prior_private: private.to_vec(),
            client_capabilities: can(self.apply),
            ..Default::default()
        };
        let answer = self.plugin.client.plan_resource_change(request).await.unwrap().into_inner();
        let names = answer.requires_replace.iter().map(|path| {
            use wire::attribute_path::step::Selector;
            match path.steps[0].selector.as_ref() {
                Some(Selector::AttributeName(name)) => name.clone(),
                other => panic!("not a root attribute: {other:?}"),
            }
        });
        Asked {
            replace: names.collect(),
            planned: self.read(answer.planned_state.as_ref()),
            private: answer.planned_private,
            told: told(&answer.diagnostics),
        }
    }

    /// Terraform's merge of configuration and prior state.
    fn proposed(&self, prior: Option<&Object>, config: &Object) -> Object {
        let mut proposed = self.whole(config);
        for name in self.plugin.computed(&self.name) {
            if proposed[&name] == Value::Null {
                let value = prior.map_or(Value::Null, |prior| prior[&name].clone());
                proposed.insert(name, value);
            }
        }
        proposed
    }

    /// Creates or updates: plans again, checks that against the first plan, applies.
    async fn change(
        &mut self,
        old: Option<&Stored>,
        config: &Object,
        plan: &Plan,
        said: &mut Vec<Told>,
    ) -> Option<Stored> {
        let before = old.map(|old| &old.state);
        let private = old.map(|old| old.private.clone()).unwrap_or_default();
        let asked = self.ask(before, &private, Some(config)).await;
        assert!(errors(&asked.told).is_empty(), "{:#?}", asked.told);
        assert!(asked.told.is_empty(), "an apply is not previewed: {:#?}", asked.told);
        assert!(before.is_none_or(|before| !asked.replaces(before)), "now a replacement");
        let planned = asked.planned.unwrap();
        for (name, promised) in plan.planned.as_ref().unwrap() {
            if promised.is_wholly_known() {
                assert_eq!(promised, &planned[name], "`{name}`: inconsistent final plan");
            }
        }
        if before.is_some_and(|before| self.same(&planned, before)) {
            return old.cloned();
        }
        let request = apply::Request {
            type_name: self.name.clone(),
            prior_state: self.write(before),
            planned_state: self.write(Some(&planned)),
            config: self.write(Some(config)),
            planned_private: asked.private,
            ..Default::default()
        };
        let (state, private, failed) = self.answer(request, said).await;
        match (state, failed) {
            (Some(state), failed) => {
                let tainted = failed && old.is_none();
                Some(Stored { state, private, tainted })
            }
            (None, true) => old.cloned(),
            (None, false) => panic!("nothing came of it, without an error"),
        }
    }

    async fn delete(&mut self, old: &Stored, plan: &Plan, said: &mut Vec<Told>) -> Option<Stored> {
        let request = apply::Request {
            type_name: self.name.clone(),
            prior_state: self.write(Some(&old.state)),
            planned_state: self.write(None),
            config: self.write(None),
            planned_private: plan.private.clone(),
            ..Default::default()
        };
        match self.answer(request, said).await {
            (None, _, false) => None,
            (Some(_), _, false) => panic!("something is left of a destroy without an error"),
            (None, _, true) => Some(old.clone()),
            (Some(state), private, true) => Some(Stored { state, private, tainted: old.tainted }),
        }
    }

    async fn answer(
        &mut self,
        request: apply::Request,
        said: &mut Vec<Told>,
    ) -> (Option<Object>, Vec<u8>, bool) {
        let answer = self.plugin.client.apply_resource_change(request).await.unwrap().into_inner();
        let told = told(&answer.diagnostics);
        let failed = !errors(&told).is_empty();
        said.extend(told);
        let state = self.read(answer.new_state.as_ref());
        if let Some(state) = &state {
            assert!(Value::Object(state.clone()).is_wholly_known(), "{state:#?}");
        }
        (state, answer.private, failed)
    }

    fn kind(&self) -> Type {
        self.plugin.kind(Of::Resource, &self.name)
    }

    fn same(&self, one: &Object, other: &Object) -> bool {
        Value::Object(one.clone()).same(&Value::Object(other.clone()), &self.kind())
    }

    fn whole(&self, object: &Object) -> Object {
        match whole(&Value::Object(object.clone()), &self.kind()) {
            Value::Object(object) => object,
            _ => unreachable!("an object is made whole"),
        }
    }

    fn write(&self, object: Option<&Object>) -> Option<wire::DynamicValue> {
        match object {
            Some(object) => self.plugin.write(Of::Resource, &self.name, object),
            None => Some(dynamic_value::encode(&Value::Null, &self.kind()).unwrap()),
        }
    }

    fn read(&self, value: Option<&wire::DynamicValue>) -> Option<Object> {
        self.plugin.read(Of::Resource, &self.name, value)
    }
}

/// The answer to one PlanResourceChange.
struct Asked {
    planned: Option<Object>,
    replace: Vec<String>,
    private: Vec<u8>,
    told: Vec<Told>,
}

impl Asked {
    /// Whether one of the attributes that need a new object has really changed.
    fn replaces(&self, prior: &Object) -> bool {
        let planned = self.planned.as_ref();
        self.replace.iter().any(|name| planned.is_some_and(|new| new[name] != prior[name]))
    }

    fn plan(&self) -> Plan {
        Plan {
            doing: Doing::Nothing,
            planned: self.planned.clone(),
            private: self.private.clone(),
            told: self.told.clone(),
        }
    }
}

impl Plan {
    fn nothing() -> Plan {
        Plan { doing: Doing::Nothing, planned: None, private: Vec::new(), told: Vec::new() }
    }

    /// Whether `last_run` is unknown, which says that it will run.
    pub(crate) fn will_run(&self) -> bool {
        self.planned.as_ref().is_some_and(|planned| planned["last_run"] == Value::Unknown)
    }
}

/// A value as a state file has it.
pub(crate) fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Bool(truth) => json!(truth),
        Value::Number(number) => serde_json::from_str(number.as_text()).unwrap(),
        Value::String(text) => json!(text),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(items) | Value::Object(items) => {
            items.iter().map(|(key, value)| (key.clone(), to_json(value))).collect()
        }
        Value::Unknown | Value::Dynamic(_) => panic!("no state holds {value:?}"),
    }
}
