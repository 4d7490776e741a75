//! One listing or one run on behalf of a face: connect, hand over to the engine, word the result.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use super::budget::Skipped;
use super::diagnose::{self, About};
use super::inputs::Inputs;
use super::occasion::Occasion;
use super::settings::{Ready, Shared};
use super::{meaning, table};
use crate::access::{Error, Kind};
use crate::engine::{
    self, Aim, AuditFile, Limit, Log, Looked, Mode, Observer, Patience, Purpose, Report, Survey,
    Turns,
};
use crate::framework::Diagnostics;
use crate::services::{Connected, Scope, Service, Spec};

/// A service connected to one target with the provider's settings.
pub(super) struct Connection {
    pub(super) spec: &'static Spec,
    /// The target for people, and the resource's `id`: region and inputs, joined by slashes.
    pub(super) label: String,
    /// Where calls go; what the resource keeps as `region`. None where there are no regions.
    pub(super) region: Option<String>,
    connected: Connected,
    scope: Scope,
    turns: Turns,
    ready: Arc<Ready>,
}

/// What a run came to.
pub(super) struct Done {
    pub(super) report: Report,
    pub(super) at: SystemTime,
    pub(super) diagnostics: Diagnostics,
}

/// Connects without any call to the other side.
pub(super) fn connect(
    shared: &Shared,
    service: &Service,
    inputs: &Inputs,
) -> Result<Connection, Error> {
    let spec = service.spec;
    let ready = shared.ready()?;
    let account = ready.account(spec.platform)?;
    let (region, target) = (inputs.region.as_deref(), inputs.target.clone());
    let connected = service.connect(&account, region, target, &shared.outside)?;
    let region = connected.region.clone().filter(|_| spec.regional);
    let label = inputs.target.label(spec, region.as_deref());
    let scope = Scope::new(spec, region.as_deref(), &inputs.target);
    let turns = shared.turns.clone();
    Ok(Connection { spec, label, region, connected, scope, turns, ready })
}

impl Connection {
    /// Lists and selects; ends nothing. Takes no longer than `limit`, once it is its turn.
    pub(super) async fn survey(
        &self,
        inputs: &Inputs,
        limit: Duration,
        cancel: &CancellationToken,
    ) -> Result<Survey, Error> {
        let limit = inputs.request.timeout.min(limit);
        let (limit, pace) = (Limit::of(limit), &self.ready.pace);
        let view = engine::view(self.aim(), Purpose::List, limit, pace, cancel).await?;
        Ok(view.survey(self.spec, &inputs.request))
    }

    /// The same for a plan, which waits no longer than the budget of all previews allows, and which
    /// goes by what another preview of the target has read just now.
    ///
    /// # Errors
    /// The sessions could not be listed, or nobody may be asked any more.
    pub(super) async fn foresee(
        &self,
        inputs: &Inputs,
        cancel: &CancellationToken,
        shared: &Shared,
    ) -> Result<Survey, Error> {
        let place = self.place(inputs);
        let awaited = shared.budget.begin(&place).map_err(skipped)?;
        let limit = awaited.limit;
        let read = async {
            let (purpose, pace) = (Purpose::Preview, &self.ready.pace);
            engine::view(self.aim(), purpose, limit, pace, cancel).await.map(Arc::new)
        };
        // The engine keeps the limit from its turn on; this one also bounds what it cannot see.
        let view = tokio::time::timeout(limit.all, shared.views.of(self.scope.key(), read)).await;
        let late = || Error::new(Kind::Lost, "Survey", "the sessions could not be listed in time");
        let view = view.unwrap_or_else(|_| Err(late()));
        let silent = |error: &Error| {
            error.status.is_none() && matches!(error.kind, Kind::NotSent | Kind::Unreachable)
        };
        if view.as_ref().is_err_and(silent) {
            shared.budget.silent(&place);
        }
        Ok(view?.survey(self.spec, &inputs.request))
    }

    /// Whom a listing asks: the server, or the cloud's endpoint.
    fn place(&self, inputs: &Inputs) -> String {
        match inputs.target.get("host") {
            Some(host) => format!("{host}:{}", inputs.target.get("port").unwrap_or_default()),
            None => {
                let region = self.region.as_deref().unwrap_or_default();
                format!("{} {region}", self.spec.product)
            }
        }
    }

    /// Ends sessions. `face` goes into the audit log.
    pub(super) async fn terminate(
        &self,
        inputs: &Inputs,
        face: Face<'_>,
        observer: &dyn Observer,
        cancel: &CancellationToken,
        shared: &Shared,
    ) -> Done {
        let mut request = inputs.request.clone();
        if self.ready.dry_run {
            request.mode = Mode::DryRun;
        }
        request.looks_again = face.occasion == Occasion::Destroy;
        let log = self.log(face, shared);
        let mut report =
            engine::terminate(self.aim(), &request, &self.ready.pace, &log, observer, cancel).await;
        if let Some(patience) = request.drain.filter(|_| report.dry_run) {
            let length = table::length(patience);
            let remark =
                format!("it waited for nobody; a real run would wait up to {length} first");
            report.remarks.push(remark);
        }
        let meaning = meaning::of(inputs);
        let about = About { seen: face.seen, ..self.about(inputs, &meaning, face.occasion) };
        let mut diagnostics = diagnose::report(about, &report);
        diagnostics.extend(self.asides(shared));
        Done { report, at: shared.outside.clock.now(), diagnostics }
    }

    /// Looks whether the target is there.
    pub(super) async fn look(&self, patience: Patience, cancel: &CancellationToken) -> Looked {
        engine::look(self.aim(), patience, &self.ready.pace, cancel).await
    }

    /// What messages are about, where the target is not known to be there.
    pub(super) fn about<'a>(
        &'a self,
        inputs: &Inputs,
        meaning: &'a str,
        occasion: Occasion,
    ) -> About<'a> {
        About {
            spec: self.spec,
            target: &self.label,
            meaning,
            seen: false,
            on_failure: inputs.on_failure,
            on_unreachable: inputs.on_unreachable,
            occasion,
        }
    }

    /// A run that means nobody any more.
    pub(super) fn nothing(&self, shared: &Shared) -> Done {
        let report = Report { resolved: true, ..Report::default() };
        Done { report, at: shared.outside.clock.now(), diagnostics: Diagnostics::none() }
    }

    /// What is worked on.
    fn aim(&self) -> Aim<'_> {
        let Connection { spec, connected, scope, turns, .. } = self;
        Aim { spec, sessions: &*connected.sessions, scope, turns }
    }

    /// Where the run is recorded.
    fn log(&self, face: Face<'_>, shared: &Shared) -> Log {
        log(&self.ready, face, &self.label, shared)
    }

    /// Whether the provider block makes every run a dry one.
    pub(super) fn is_dry_run(&self) -> bool {
        self.ready.dry_run
    }

    /// Says once per process that the answers came from a sandbox, and what of the environment a
    /// login did not follow.
    pub(super) fn asides(&self, shared: &Shared) -> Diagnostics {
        let mut asides = Diagnostics::none();
        if self.connected.saw_sandbox() && shared.first_sandbox_answer() {
            asides.extend(diagnose::sandbox().into());
        }
        let remarks = self.connected.remarks().join("\n");
        if !remarks.is_empty() {
            asides.warn(format!("Login to {} is checked more strictly", self.label), remarks);
        }
        asides
    }
}

/// Why a plan asks nobody.
fn skipped(why: Skipped) -> Error {
    let message = match why {
        Skipped::Silent => "nobody was asked: it did not answer another preview of this plan",
        Skipped::Spent => {
            "nobody was asked: the previews of this plan have used up their ten seconds"
        }
    };
    Error::new(Kind::Lost, "Survey", message)
}

/// Where is recorded what a face does on a target.
fn log(ready: &Ready, face: Face<'_>, target: &str, shared: &Shared) -> Log {
    let clock = shared.outside.clock.clone();
    Log {
        audit: ready.audit_log.clone().map(|path| Arc::new(AuditFile { path }) as _),
        now: Arc::new(move || clock.now()),
        run: shared.outside.entropy.nonce(),
        face: face.kind,
        address: face.type_name.to_owned(),
        target: target.to_owned(),
    }
}

/// Records that a destroy which failed goes on, because the block's `id` was named.
///
/// # Errors
/// Why it could not be recorded.
pub(super) async fn record_let_go(
    shared: &Shared,
    face: Face<'_>,
    id: &str,
    why: &str,
) -> Result<(), String> {
    let ready = shared.ready().map_err(|error| error.message)?;
    log(&ready, face, id, shared).let_go(why).await
}

/// Which face acts, for the audit log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Face<'a> {
    /// `resource`, `ephemeral` or `action`.
    pub(super) kind: &'static str,
    /// The type's name.
    pub(super) type_name: &'a str,
    /// What Terraform is doing.
    pub(super) occasion: Occasion,
    /// Whether the target is known to have been there; true where nobody keeps that.
    pub(super) seen: bool,
}
