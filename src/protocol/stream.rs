//! The stream of InvokeAction: progress lines, then exactly one `completed`, then its end.
//!
//! Progress never blocks the action: lines that the client does not fetch in time are dropped. The
//! end goes another way, so that it is never lost. A client that goes away cancels the action, and
//! no line of a cancelled action is sent any more; one that was sent just before may arrive after.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll, ready};

use futures_core::Stream;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;

use super::calls::Calls;
use super::wire_types::invoke_action::event::{Completed, Progress as Line, Type};
use super::wire_types::invoke_action::{Event, Request};
use super::{decode, encode};
use crate::framework::{Context, Diagnostics, Progress, Provider, Walk};
use crate::protocol::server::action::face;

/// How many progress lines wait for the client at most.
const MAX_WAITING: usize = 256;

/// What a client sees of one invocation.
pub(super) struct Events {
    lines: mpsc::Receiver<String>,
    /// None once it has been handed out.
    end: Option<oneshot::Receiver<Diagnostics>>,
    cancel: CancellationToken,
    /// Cancels the action when the stream is dropped.
    _gone: DropGuard,
}

/// Starts an action. It runs to its end whether or not somebody listens.
pub(super) fn invoke(provider: Arc<dyn Provider>, calls: &Arc<Calls>, request: Request) -> Events {
    let cancel = calls.token();
    let (stop, gone) = (cancel.clone(), cancel.clone().drop_guard());
    let (progress, lines) = mpsc::channel(MAX_WAITING);
    let (tell_end, end) = oneshot::channel();
    // Only the apply invokes.
    let cx = Context { cancel, walk: Walk::Apply };
    let supervisor = Arc::clone(calls);
    calls.spawn(async move {
        let work = run(provider, cx, request, Lines(progress));
        let outcome = supervisor.run("InvokeAction", work).await;
        // The client may be gone, and then there is nobody to tell.
        let _ = tell_end.send(outcome.unwrap_or_else(|failed| failed));
    });
    Events { lines, end: Some(end), cancel: stop, _gone: gone }
}

async fn run(
    provider: Arc<dyn Provider>,
    cx: Context,
    request: Request,
    progress: Lines,
) -> Result<Diagnostics, Diagnostics> {
    let face = face(&provider, &request.action_type)?;
    let block = &face.schema().block;
    let config = decode::present_object("the configuration", request.config.as_ref(), block)?;
    Ok(face.invoke(&cx, config, &progress).await)
}

struct Lines(mpsc::Sender<String>);

impl Progress for Lines {
    fn report(&self, line: String) {
        if self.0.try_send(line).is_err() {
            tracing::debug!("dropped a progress line that the client did not fetch");
        }
    }
}

impl Stream for Events {
    type Item = Result<Event, Status>;

    fn poll_next(mut self: Pin<&mut Self>, poller: &mut Poller<'_>) -> Poll<Option<Self::Item>> {
        while let Some(message) = ready!(self.lines.poll_recv(poller)) {
            // Terraform 1.14 and 1.15 crash, and lose the state of the whole run, if anything
            // follows the first progress that arrives after an interrupt: the loop over events in
            // node_action_trigger_instance_apply.go gives up, and InvokeAction of
            // plugin6/grpc_provider.go goes on. A line that is under way already cannot be called
            // back, so this makes the crash rare and does not rule it out.
            if !self.cancel.is_cancelled() {
                return Poll::Ready(Some(Ok(event(Type::Progress(Line { message })))));
            }
        }
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        let diagnostics = ready!(Pin::new(end).poll(poller)).unwrap_or_else(|_| unfinished());
        self.end = None;
        let diagnostics = encode::diagnostics(diagnostics);
        Poll::Ready(Some(Ok(event(Type::Completed(Completed { diagnostics })))))
    }
}

fn event(of: Type) -> Event {
    Event { r#type: Some(of) }
}

/// The end of an action whose task was dropped with the runtime.
fn unfinished() -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.error(
        "The provider ended before the action did",
        "What the action had done by then is not known. Look at what it acts on before you run \
         it again.",
    );
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_that_was_cut_off_says_that_nobody_knows() {
        let told = unfinished().0.remove(0);
        assert_eq!(told.summary, "The provider ended before the action did");
        assert_eq!(
            told.detail,
            "What the action had done by then is not known. Look at what it acts on before you run \
             it again."
        );
    }
}
