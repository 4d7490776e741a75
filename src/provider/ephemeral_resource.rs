//! `ephemeral "session_termination_<service>"`: acts in every apply, on open or on close.
//!
//! Terraform opens it in plans too, and may never close it after an error or an interrupt. So it
//! acts only with `applying = true`, and what is open runs at shutdown, each handle exactly once. A
//! close that is interrupted is not done: the shutdown takes it up. OpenTofu 1.11 gives a close ten
//! seconds and then shuts down, so that is no rare event.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::fields::Fields;
use super::inputs::{self, Inputs};
use super::limit::Timeout;
use super::occasion::Occasion;
use super::run::Done;
use super::settings::Shared;
use super::{diagnose, meaning, outcome, run, schema};
use crate::engine::{Halt, Report, Silent, Survey};
use crate::framework::{
    Context, Diagnostic, Diagnostics, EphemeralResource, Face, Object, Opened, Path, Schema,
    Severity, Value,
};
use crate::services::{Service, Session, Spec};

pub(super) struct Ephemeral {
    service: &'static Service,
    shared: Arc<Shared>,
    type_name: String,
    /// Made when it is first asked for: most plugins that a core starts need one of all.
    schema: OnceLock<Schema>,
    /// Opened with `when = "close"` and not closed yet, by handle. Whoever takes one out runs it, and
    /// puts it back if it was interrupted.
    open: Mutex<BTreeMap<Bytes, Inputs>>,
}

impl Ephemeral {
    pub(super) fn new(service: &'static Service, shared: Arc<Shared>) -> Ephemeral {
        let type_name = format!("session_termination_{}", service.spec.name);
        let (schema, open) = Default::default();
        Ephemeral { service, shared, type_name, schema, open }
    }

    /// Runs whatever Terraform never closed, each in a task of its own: a panic in one must not keep
    /// the others from it. What comes of it can only be logged, for nobody reads answers any more.
    pub(super) async fn release(self: &Arc<Self>, cancel: &CancellationToken) {
        let handles: Vec<Bytes> = self.lock().keys().cloned().collect();
        let mut runs = JoinSet::new();
        for handle in handles {
            let (this, cancel) = (Arc::clone(self), cancel.clone());
            runs.spawn(async move { this.end(&cancel, handle).await });
        }
        while let Some(ended) = runs.join_next().await {
            match ended {
                Ok(done) => self.log(done),
                Err(error) => tracing::error!(%error, "a run at the shutdown came to no end"),
            }
        }
    }

    fn log(&self, done: Result<Option<Done>, Diagnostics>) {
        let diagnostics = match done {
            Ok(None) => return,
            Ok(Some(Done { report, diagnostics, .. })) => {
                let (selected, terminated) = (report.selected(), report.terminated());
                tracing::info!(of = self.type_name, selected, terminated, "ran at the shutdown");
                diagnostics
            }
            Err(diagnostics) => diagnostics,
        };
        for Diagnostic { severity, summary, detail, .. } in diagnostics.0 {
            match severity {
                Severity::Error => tracing::error!(summary, detail, "at the shutdown"),
                Severity::Warning => tracing::warn!(summary, detail, "at the shutdown"),
            }
        }
    }

    /// Runs what a handle stands for; None if somebody else did or does.
    async fn end(
        &self,
        cancel: &CancellationToken,
        handle: Bytes,
    ) -> Result<Option<Done>, Diagnostics> {
        let Some(inputs) = self.lock().remove(&handle) else { return Ok(None) };
        let connection = run::connect(&self.shared, self.service, &inputs).map_err(|error| {
            let (summary, spec) = ("Sessions could not be terminated", self.service.spec);
            diagnose::call_failed(summary, spec, Occasion::Ephemeral, &error)
        })?;
        let done = connection.terminate(&inputs, self.face(), &Silent, cancel, &self.shared).await;
        if was_interrupted(&done) {
            self.lock().insert(handle, inputs);
        }
        Ok(Some(done))
    }

    async fn opened(&self, cx: &Context, mut config: Object) -> Result<Opened, Diagnostics> {
        let spec = self.service.spec;
        let read = inputs::read(spec, &config, Timeout::Attribute);
        let inputs = read.complete()?;
        let applying = config.get("applying").and_then(Value::as_bool).unwrap_or(false);
        let on_close = config.get("when").and_then(Value::as_str) == Some("close");
        let failed = |error| {
            let summary = "Sessions could not be listed";
            diagnose::call_failed(summary, spec, Occasion::Ephemeral, &error)
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
            Ok(connection) => match connection.foresee(&inputs, &cx.cancel, &self.shared).await {
                Ok(survey) => result = Seen::listed(survey),
                // What waits for the close would be tried in vain then, once everything is done.
                Err(error) if applying && error.kind.stops_everything() => {
                    return Err(failed(error).into());
                }
                Err(error) if applying => {
                    diagnostics.extend(unlisted(spec, &inputs, &error, TO_COME));
                }
                Err(error) => diagnostics.extend(unlisted(spec, &inputs, &error, NOTHING)),
            },
            Err(error) => diagnostics.extend(unlisted(spec, &inputs, error, NOTHING)),
        }
        if let Ok(connection) = &connection {
            diagnostics.extend(connection.asides(&self.shared));
        }
        if applying && on_close && !diagnostics.has_errors() {
            if cx.cancel.is_cancelled() {
                return Err(diagnose::not_opened());
            }
            private = Bytes::from(self.shared.outside.entropy.nonce());
            self.lock().insert(private.clone(), inputs);
        }
        if spec.regional && !config.get("region").is_some_and(Value::is_known) {
            let region =
                connection.as_ref().ok().and_then(|connection| connection.region.as_deref());
            config.insert("region".into(), Value::text_or_null(region));
        }
        config.insert("last_run".into(), result.last_run());
        let sessions = result.sessions.as_ref();
        let sessions =
            sessions.map(|sessions| outcome::sessions(spec, sessions.iter().map(|one| &**one)));
        config.insert("sessions".into(), sessions.unwrap_or(Value::Null));
        Ok(Opened { result: Some(config), private, diagnostics })
    }

    fn face(&self) -> run::Face<'_> {
        run::Face {
            kind: "ephemeral",
            type_name: &self.type_name,
            occasion: Occasion::Ephemeral,
            seen: true,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Bytes, Inputs>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an open that only lists says of the rest.
const NOTHING: &str = "Nothing was terminated.";

/// What an open says whose run comes at the close.
const TO_COME: &str =
    "Nothing was terminated yet. They are listed anew and terminated at the close.";

/// A plan goes on without the list, for the target may not exist yet; and so does an open whose run
/// is still to come. `then` says which.
fn unlisted(spec: &Spec, inputs: &Inputs, error: &crate::access::Error, then: &str) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let target = inputs.target.label(spec, inputs.region.as_deref());
    diagnostics.warn(
        diagnose::titled("Sessions could not be listed on", &target, &meaning::of(inputs)),
        format!("{}\n\n{then}", diagnose::answer(error)),
    );
    diagnostics
}

/// Whether a stop or the shutdown left something of a run undone.
fn was_interrupted(done: &Done) -> bool {
    matches!(done.report.halt, Some(Halt::Cancelled))
}

/// What an open saw and did.
#[derive(Debug, Default)]
struct Seen {
    /// None where no list was had.
    sessions: Option<Vec<Arc<Session>>>,
    run: Option<(Report, std::time::SystemTime)>,
}

impl Seen {
    fn listed(survey: Survey) -> Seen {
        let chosen = survey.selected.iter().chain(&survey.protected).chain(&survey.beyond);
        let sessions = chosen.filter_map(|index| survey.sessions.get(*index).cloned()).collect();
        Seen { sessions: Some(sessions), run: None }
    }

    fn ran(report: Report, at: std::time::SystemTime) -> Seen {
        let meant = report.victims.iter().map(|victim| victim.session.clone());
        let sessions = meant.chain(report.protected.iter().cloned()).collect();
        Seen { sessions: Some(sessions), run: Some((report, at)) }
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
        self.schema.get_or_init(|| schema::ephemeral_resource(self.service.spec))
    }

    fn validate(&self, config: &Object) -> Diagnostics {
        let mut fields = Fields::new(config);
        let on_close = fields.one_of("when", &["open", "close"]) == Some("close");
        for name in ["drain", "quiet"] {
            if on_close && fields.is_given(name) {
                let rule = "cannot be combined with `when = \"close\"`: a core takes a close that \
                            takes long for one that hangs";
                fields.wrong(&Path::root(name), rule.to_owned());
            }
        }
        let mut diagnostics = fields.finish(|| Some(())).diagnostics;
        diagnostics.extend(inputs::read(self.service.spec, config, Timeout::Attribute).diagnostics);
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
        match self.end(&cx.cancel, private).await {
            Ok(None) => Diagnostics::none(),
            Ok(Some(mut done)) => {
                if was_interrupted(&done) {
                    diagnose::taken_up(&mut done.diagnostics);
                }
                done.diagnostics
            }
            Err(diagnostics) => diagnostics,
        }
    }
}
