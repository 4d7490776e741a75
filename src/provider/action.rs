//! `action "session_termination_<service>"`: acts when it is invoked, and tells what it is doing.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;

use super::inputs;
use super::limit::Timeout;
use super::occasion::Occasion;
use super::preview::{After, Moment};
use super::settings::Shared;
use super::{diagnose, preview, run, schema};
use crate::engine::{Event, Observer};
use crate::framework::{Action, Context, Diagnostics, Face, Object, Progress, Schema};
use crate::services::Service;

#[derive(Debug)]
pub(super) struct Invocation {
    service: &'static Service,
    shared: Arc<Shared>,
    type_name: String,
    /// Made when it is first asked for: most plugins that a core starts need one of all.
    schema: OnceLock<Schema>,
}

impl Invocation {
    pub(super) fn new(service: &'static Service, shared: Arc<Shared>) -> Invocation {
        let type_name = format!("session_termination_{}", service.spec.name);
        Invocation { service, shared, type_name, schema: OnceLock::new() }
    }

    async fn run(
        &self,
        cx: &Context,
        config: &Object,
        progress: &dyn Progress,
    ) -> Result<Diagnostics, Diagnostics> {
        let read = inputs::read(self.service.spec, config, Timeout::Attribute);
        let inputs = read.complete()?;
        let failed = |error| {
            let (summary, spec) = ("Sessions could not be terminated", self.service.spec);
            diagnose::call_failed(summary, spec, Occasion::Invoke, &error)
        };
        let connection = run::connect(&self.shared, self.service, &inputs).map_err(failed)?;
        let narrator = Narrator { progress, session: self.service.spec.session };
        let face = run::Face {
            kind: "action",
            type_name: &self.type_name,
            occasion: Occasion::Invoke,
            seen: true,
        };
        let done = connection.terminate(&inputs, face, &narrator, &cx.cancel, &self.shared).await;
        progress.report(diagnose::summary(connection.spec, &connection.label, &done.report));
        Ok(done.diagnostics)
    }
}

/// Turns the engine's events into lines.
struct Narrator<'a> {
    progress: &'a dyn Progress,
    session: &'static str,
}

impl Observer for Narrator<'_> {
    fn observe(&self, event: Event) {
        self.progress.report(diagnose::progress(self.session, &event));
    }
}

impl Face for Invocation {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn schema(&self) -> &Schema {
        self.schema.get_or_init(|| schema::action(self.service.spec))
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        inputs::read(self.service.spec, config, Timeout::Attribute).diagnostics
    }
}

#[async_trait]
impl Action for Invocation {
    async fn plan(&self, cx: &Context, config: Object) -> Diagnostics {
        let read = inputs::read(self.service.spec, &config, Timeout::Attribute);
        let mut diagnostics = read.diagnostics;
        if let Some(inputs) = read.inputs {
            let moment =
                Moment { when: "when the action is invoked", after: After::Stays, id: None };
            diagnostics
                .extend(preview::preview(&self.shared, self.service, cx, &inputs, moment).await);
        }
        diagnostics
    }

    async fn invoke(&self, cx: &Context, config: Object, progress: &dyn Progress) -> Diagnostics {
        match self.run(cx, &config, progress).await {
            Ok(diagnostics) | Err(diagnostics) => diagnostics,
        }
    }
}
