//! `ephemeral "session_termination_<service>"`: acts in every apply, on open or on close.
//!
//! Terraform opens it in plans too, and may never close it after an error or an interrupt. So it
//! acts only with `applying = true`, and what is open runs at shutdown, each handle exactly once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::fields::Fields;
use super::inputs::{self, Inputs, Timeout};
use super::settings::Shared;
use super::{diagnose, outcome, run, schema};
use crate::engine::{Report, Silent, Survey};
use crate::framework::{
    Context, Diagnostics, EphemeralResource, Face, Object, Opened, Schema, Value, Walk,
};
use crate::services::{Service, Session};

/// The longest that a plan waits for the list.
const LIST_LIMIT: Duration = Duration::from_secs(9);

pub(super) struct Ephemeral {
    service: &'static dyn Service,
    shared: Arc<Shared>,
    type_name: String,
    schema: Schema,
    /// Opened with `when = "close"` and not closed yet, by handle. Whoever takes one out runs it.
    open: Mutex<BTreeMap<Bytes, Inputs>>,
}

impl Ephemeral {
    pub(super) fn new(service: &'static dyn Service, shared: Arc<Shared>) -> Ephemeral {
        let spec = service.spec();
        let type_name = format!("session_termination_{}", spec.name);
        let schema = schema::ephemeral_resource(spec);
        Ephemeral { service, shared, type_name, schema, open: Mutex::default() }
    }

    /// Runs whatever Terraform never closed.
    pub(super) async fn release(&self) {
        let handles: Vec<Bytes> = self.lock().keys().cloned().collect();
        let cx = Context { cancel: Default::default(), walk: Walk::Unsaid };
        let runs = handles.into_iter().map(|handle| self.close(&cx, handle));
        for diagnostics in futures_util::future::join_all(runs).await {
            for one in diagnostics.0 {
                tracing::error!(summary = one.summary, detail = one.detail, "at shutdown");
            }
        }
    }

    async fn opened(&self, cx: &Context, mut config: Object) -> Result<Opened, Diagnostics> {
        let spec = self.service.spec();
        let read = inputs::read(spec, &config, Timeout::Attribute);
        let inputs = read.complete()?;
        let applying = config.get("applying").and_then(Value::as_bool).unwrap_or(false);
        let on_close = config.get("when").and_then(Value::as_str) == Some("close");
        let failed = |error| {
            let summary = "Sessions could not be listed";
            diagnose::call_failed(summary, spec, run::Occasion::Ephemeral, &error)
        };
        let connection = match run::connect(&self.shared, self.service, &inputs) {
            Err(error) if applying => return Err(failed(error).into()),
            other => other,
        };
        let (mut diagnostics, mut private) = (Diagnostics::none(), Bytes::new());
        let mut result = Seen::default();
        match &connection {
            Ok(connection) if applying && !on_close => {
                let done = connection
                    .terminate(&inputs, self.face(), &Silent, &cx.cancel, &self.shared)
                    .await;
                diagnostics.extend(done.diagnostics);
                result = Seen::ran(done.report, done.at);
            }
            Ok(connection) => match connection.survey(&inputs, LIST_LIMIT, &cx.cancel).await {
                Ok(survey) => result = Seen::listed(survey),
                // What waits for the close would be tried in vain then, once everything is done.
                Err(error) if applying && error.kind.stops_everything() => {
                    return Err(failed(error).into());
                }
                Err(error) => diagnostics.extend(unlisted(&error)),
            },
            Err(error) => diagnostics.extend(unlisted(error)),
        }
        if let Ok(connection) = &connection {
            diagnostics.extend(connection.sandbox_warning(&self.shared));
        }
        if applying && on_close && !diagnostics.has_errors() {
            private = Bytes::from(self.shared.outside.entropy.nonce());
            self.lock().insert(private.clone(), inputs);
        }
        if spec.regional && !config.get("region").is_some_and(Value::is_known) {
            let region = connection.as_ref().ok().map(|connection| connection.region.as_str());
            config.insert("region".into(), Value::text_or_null(region));
        }
        config.insert("last_run".into(), result.last_run());
        config.insert("sessions".into(), outcome::sessions(spec, result.sessions.iter()));
        Ok(Opened { result: Some(config), private, diagnostics })
    }

    fn face(&self) -> run::Face<'_> {
        run::Face {
            kind: "ephemeral",
            type_name: &self.type_name,
            occasion: run::Occasion::Ephemeral,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Bytes, Inputs>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A plan goes on without the list: the target may not exist yet.
fn unlisted(error: &crate::cloud::Error) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.warn(
        "Sessions could not be listed",
        format!("{}\n\nNothing was terminated.", diagnose::answer(error)),
    );
    diagnostics
}

/// What an open saw and did.
#[derive(Debug, Default)]
struct Seen {
    sessions: Vec<Session>,
    run: Option<(Report, std::time::SystemTime)>,
}

impl Seen {
    fn listed(survey: Survey) -> Seen {
        let chosen = survey.selected.iter().chain(&survey.protected).chain(&survey.beyond);
        let sessions = chosen.filter_map(|index| survey.sessions.get(*index).cloned()).collect();
        Seen { sessions, run: None }
    }

    fn ran(report: Report, at: std::time::SystemTime) -> Seen {
        let meant = report.victims.iter().map(|victim| victim.session.clone());
        let sessions = meant.chain(report.protected.iter().cloned()).collect();
        Seen { sessions, run: Some((report, at)) }
    }

    fn last_run(&self) -> Value {
        match &self.run {
            Some((report, at)) => outcome::last_run(report, "open", *at),
            None => Value::Null,
        }
    }
}

impl Face for Ephemeral {
    fn type_name(&self) -> &str {
        &self.type_name
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut fields = Fields::new(config);
        fields.one_of("when", &["open", "close"]);
        let mut diagnostics = fields.finish(|| Some(())).diagnostics;
        diagnostics
            .extend(inputs::read(self.service.spec(), config, Timeout::Attribute).diagnostics);
        diagnostics
    }
}

#[async_trait]
impl EphemeralResource for Ephemeral {
    async fn open(&self, cx: &Context, config: Object) -> Opened {
        self.opened(cx, config)
            .await
            .unwrap_or_else(|diagnostics| Opened { diagnostics, ..Opened::default() })
    }

    async fn close(&self, cx: &Context, private: Bytes) -> Diagnostics {
        let Some(inputs) = self.lock().remove(&private) else { return Diagnostics::none() };
        match run::connect(&self.shared, self.service, &inputs) {
            Ok(connection) => {
                let face = self.face();
                connection
                    .terminate(&inputs, face, &Silent, &cx.cancel, &self.shared)
                    .await
                    .diagnostics
            }
            Err(error) => {
                let (summary, spec) = ("Sessions could not be terminated", self.service.spec());
                diagnose::call_failed(summary, spec, run::Occasion::Ephemeral, &error).into()
            }
        }
    }
}
