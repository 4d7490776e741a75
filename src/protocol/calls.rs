//! The calls that run: how they are cancelled, waited for, and survived when they panic.
//!
//! Every call runs as a task of its own. A client that goes away, or a stop, cancels its token but
//! never cuts it off in the middle: what it was doing to the world it finishes and records.

use std::future::Future;
use std::sync::{Mutex, PoisonError};

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::framework::Diagnostics;

/// Takes secrets out of a text that nobody wrote for users.
pub type Redact = fn(&str) -> String;

/// All calls of one served provider.
#[derive(Debug)]
pub(super) struct Calls {
    /// Cancelled for good at the shutdown.
    all: CancellationToken,
    /// The parent of the calls since the last stop. None until a call needs one.
    current: Mutex<Option<CancellationToken>>,
    running: TaskTracker,
    redact: Redact,
}

impl Calls {
    /// No calls yet. The reason of a panic is told as `redact` leaves it.
    pub(super) fn new(redact: Redact) -> Calls {
        let (all, current) = (CancellationToken::new(), Mutex::default());
        Calls { all, current, running: TaskTracker::new(), redact }
    }

    /// A token for one more call.
    pub(super) fn token(&self) -> CancellationToken {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.get_or_insert_with(|| self.all.child_token()).child_token()
    }

    /// Cancels the calls that run. Later ones start afresh: they may be closing what was opened,
    /// or belong to the next walk when one process serves several.
    pub(super) fn stop(&self) {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(current) = current {
            current.cancel();
        }
    }

    /// Cancels every call, also later ones, and waits until those that run have ended.
    pub(super) async fn end(&self) {
        self.all.cancel();
        tracing::debug!("whatever runs is asked to stop");
        self.running.close();
        self.running.wait().await;
    }

    /// Runs a call to its end, even if nobody waits any more. A panic becomes a diagnostic.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        rpc: &'static str,
        work: impl Future<Output = Result<R, Diagnostics>> + Send + 'static,
    ) -> Result<R, Diagnostics> {
        let span = tracing::debug_span!("call", rpc);
        match self.running.spawn(work.instrument(span)).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let reason = match error.try_into_panic() {
                    Ok(panic) => panic_message(panic.as_ref()),
                    Err(_) => "the task was dropped".to_owned(),
                };
                Err(crash(rpc, &(self.redact)(&reason)))
            }
        }
    }

    /// Runs something on its own, counted among the calls that a shutdown waits for.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(work);
    }
}

fn crash(rpc: &str, reason: &str) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.error(
        format!("The provider crashed in {rpc}"),
        format!(
            "The provider stopped this one call because of a bug of its own: {reason}\n\n\
             Other calls are not affected. What the call had done by then has happened and is not \
             in the state: look at what it acts on before you run it again. Please report this to \
             the provider's developers with the message above; `TF_LOG_PROVIDER=ERROR` shows where \
             it happened."
        ),
    );
    diagnostics
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}
