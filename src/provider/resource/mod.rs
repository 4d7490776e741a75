//! `resource "session_termination_<service>"`: acts on create, on a re-run, and on destroy.
//!
//! Nothing but create, a change of the selection or `triggers`, a failed run before, and destroy
//! ever makes it act. All that a destroy needs stands in state attributes.

mod apply;
mod destroy;
mod plan;

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;

use super::fields::Fields;
use super::inputs::{self, Inputs};
use super::limit::Timeout;
use super::occasion::Occasion;
use super::private::{Private, Stage};
use super::run::{self, Connection};
use super::settings::Shared;
use super::{diagnose, moves, outcome, schema, standing};
use crate::framework::{
    Applied, Change, Context, Diagnostics, Face, Object, Planned, Resource, Schema, Value,
};
use crate::services::Service;

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
