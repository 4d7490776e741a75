//! One run's surroundings: the only door through which calls are made.
//!
//! [`Run::call`] bounds every call by the deadline and by the calls that the process may make at a
//! time, repeats it where that is safe, and refuses to start another once the run has halted.
//! [`Run::once`] makes one attempt, for calls that end somebody: whether they may be made again is
//! not for this room to say. Nothing here knows what a call is for.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Event, Halt, Observer, Pace};
use crate::services::{Error, Kind, Sessions, Spec};

/// How long calls in flight are awaited after an interrupt. Then they count as lost.
const GRACE: Duration = Duration::from_secs(5);

/// How often an answer that makes no sense is asked for again when nothing can be harmed by it.
/// Other failures in between do not count.
const MALFORMED_TRIES: u32 = 3;

/// Most ids of requests that are kept: they go into the state.
const MOST_REQUEST_IDS: usize = 1000;

/// Why a call gave nothing.
#[derive(Debug)]
pub(super) enum Trouble {
    /// It failed for good.
    Failed(Error),
    /// It was not tried (again), because the run is over; with its last failure.
    Over(Option<Error>),
}

/// Which failures may be met by the same call again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// All that may pass: the call changes nothing.
    Freely,
    /// The same, but for [`Kind::Unavailable`]: what the call reads may be there no more.
    WhileThere,
}

impl Repeat {
    fn allows(self, kind: Kind, malformed: u32) -> bool {
        if kind == Kind::Malformed {
            return malformed < MALFORMED_TRIES;
        }
        kind.is_transient() && (kind != Kind::Unavailable || self == Repeat::Freely)
    }
}

/// What came of one attempt.
#[derive(Debug)]
pub(super) enum Attempt<T> {
    /// An answer.
    Answer(T),
    /// A failure.
    Failed(Error),
    /// It was not made: whoever had asked for it thought better of it while it waited.
    Dropped,
    /// It was not made: the run is over.
    Over,
}

/// What all parts of one run share.
pub(super) struct Run<'a> {
    pub(super) spec: &'a Spec,
    pub(super) sessions: &'a dyn Sessions,
    pub(super) pace: &'a Pace,
    pub(super) observer: &'a dyn Observer,
    /// No call and no wait goes on after this.
    pub(super) deadline: Instant,
    /// What tells its target apart from those of other runs, for the calls that all share.
    target: Arc<str>,
    cancel: &'a CancellationToken,
    /// Cancelled with `cancel`, and when the run must not start another call.
    halted: CancellationToken,
    halt: Mutex<Option<Halt>>,
    request_ids: Mutex<Vec<String>>,
    /// How many sessions all listings of the run hold now.
    pub(super) held: AtomicUsize,
    /// Whether the other side has answered anything, and how it did not.
    heard: AtomicBool,
    unheard: Mutex<Option<Error>>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        aim: &super::Aim<'a>,
        pace: &'a Pace,
        observer: &'a dyn Observer,
        cancel: &'a CancellationToken,
        deadline: Instant,
    ) -> Run<'a> {
        Run {
            spec: aim.spec,
            sessions: aim.sessions,
            pace,
            observer,
            deadline,
            target: aim.scope.key().into(),
            cancel,
            halted: cancel.child_token(),
            halt: Mutex::new(None),
            request_ids: Mutex::new(Vec::new()),
            held: AtomicUsize::new(0),
            heard: AtomicBool::new(false),
            unheard: Mutex::new(None),
        }
    }

    /// A run of its own with the same surroundings, whose end is not this one's.
    pub(super) fn apart(&self) -> Run<'a> {
        Run {
            target: Arc::clone(&self.target),
            halted: self.halted.child_token(),
            halt: Mutex::new(None),
            request_ids: Mutex::new(Vec::new()),
            held: AtomicUsize::new(0),
            heard: AtomicBool::new(false),
            unheard: Mutex::new(None),
            ..*self
        }
    }

    /// Makes a call that changes nothing, as often as `repeat` and the time left allow. `what` it
    /// is for is told where no answer tells the cloud's name of it.
    pub(super) async fn call<T, F>(
        &self,
        what: &'static str,
        repeat: Repeat,
        make: impl Fn() -> F,
    ) -> Result<T, Trouble>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut last = None;
        let (mut attempt, mut malformed): (u32, u32) = (0, 0);
        loop {
            let error = match self.once(what, || true, &make).await {
                Attempt::Answer(answer) => return Ok(answer),
                Attempt::Failed(error) => error,
                Attempt::Dropped | Attempt::Over => return Err(self.over(last)),
            };
            malformed += u32::from(error.kind == Kind::Malformed);
            // A try that time cut off tells less than the one before it.
            let error = match last.take() {
                Some(before) if error.kind == Kind::Lost && self.left().is_zero() => before,
                Some(_) | None => error,
            };
            if error.kind.stops_everything() || !repeat.allows(error.kind, malformed) {
                return Err(Trouble::Failed(error));
            }
            self.pause(attempt, &error).await?;
            last = Some(error);
            attempt = attempt.saturating_add(1);
        }
    }

    /// Waits before another try, and says so; an error if none could be made in time.
    pub(super) async fn pause(&self, attempt: u32, error: &Error) -> Result<(), Trouble> {
        let wait = self.pace.wait(attempt, error.retry_after);
        if wait >= self.left() {
            // Another try could not be made in time, so there is nothing to wait for.
            self.note(Halt::TimedOut(Some(error.clone())));
            return Err(Trouble::Over(Some(error.clone())));
        }
        self.observer.observe(Event::Retrying { reason: reason(error), wait });
        if !self.wait(wait).await {
            return Err(self.over(Some(error.clone())));
        }
        Ok(())
    }

    /// One attempt, if `still` holds when it is its turn. What is cut off counts as lost, and a
    /// panic over an answer as one that makes no sense. A refused key or permission ends the run.
    pub(super) async fn once<T, F>(
        &self,
        what: &'static str,
        still: impl FnOnce() -> bool,
        make: impl FnOnce() -> F,
    ) -> Attempt<T>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let _permit = tokio::select! {
            biased;
            () = self.halted.cancelled() => return Attempt::Over,
            () = sleep_until(self.deadline) => return Attempt::Over,
            permit = self.pace.calls.permit(&self.target) => permit,
        };
        if !still() {
            return Attempt::Dropped;
        }
        let interrupted = async {
            self.cancel.cancelled().await;
            sleep(GRACE).await;
        };
        let answer = AssertUnwindSafe(async { make().await }).catch_unwind();
        let answer = tokio::select! {
            biased;
            answer = answer => answer.unwrap_or_else(|panic| {
                let message = format!("reading the answer ended in a panic: {}", words(&*panic));
                Err(Error::new(Kind::Malformed, what, message))
            }),
            () = sleep_until(self.deadline) => Err(lost(what, "there was no answer when time was up")),
            () = interrupted => Err(lost(what, "there was no answer soon after the interrupt")),
        };
        let silent = |error: &Error| {
            error.status.is_none()
                && matches!(error.kind, Kind::NotSent | Kind::Lost | Kind::Unreachable)
        };
        match &answer {
            Err(error) if silent(error) => *lock(&self.unheard) = Some(error.clone()),
            Ok(_) | Err(_) => self.heard.store(true, Ordering::Relaxed),
        }
        let error = match answer {
            Ok(answer) => return Attempt::Answer(answer),
            Err(error) => error,
        };
        self.note_request(error.request_id.as_deref());
        if error.kind.stops_everything() {
            self.stop(Halt::Failed(error.clone()));
        }
        Attempt::Failed(error)
    }

    /// Does a part of the run. None after a panic in it, which ends the run.
    pub(super) async fn guarded<T>(&self, part: impl Future<Output = T>) -> Option<T> {
        let done = AssertUnwindSafe(part).catch_unwind().await;
        done.map_err(|panic| self.stop(Halt::Panicked(words(&*panic)))).ok()
    }

    /// Waits, but not past the deadline or the end of the run. False if that came first.
    pub(super) async fn wait(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.halted.cancelled() => false,
            () = sleep_until(self.deadline) => false,
            () = sleep(time) => true,
        }
    }

    /// Ends if nothing was answered for so long, with the last failure or what is known of it.
    pub(super) async fn unheard_for(&self, time: Duration) -> Error {
        sleep(time).await;
        if self.heard.load(Ordering::Relaxed) {
            return std::future::pending().await;
        }
        lock(&self.unheard).clone().unwrap_or_else(|| {
            let message = format!("nothing answered within {}", humantime::format_duration(time));
            Error::new(Kind::Unreachable, "list sessions", message)
        })
    }

    /// The time that is left for calls and waits.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// What holds the target in place beside its sessions, as far as that is told in time: it decides
    /// nothing, so nothing is made of a failure.
    pub(super) async fn obstacles(&self) -> Vec<String> {
        let told = tokio::time::timeout_at(self.deadline, self.sessions.obstacles()).await;
        told.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Notes why nothing more is tried, and says so.
    pub(super) fn over(&self, last: Option<Error>) -> Trouble {
        if self.cancel.is_cancelled() {
            self.note(Halt::Cancelled);
        } else if self.left().is_zero() {
            self.note(Halt::TimedOut(last.clone()));
        }
        Trouble::Over(last)
    }

    /// Whether another call may be started.
    pub(super) fn is_over(&self) -> bool {
        self.halted.is_cancelled() || self.left().is_zero()
    }

    /// Ends the run: no other call is started. The first reason stays.
    pub(super) fn stop(&self, halt: Halt) {
        self.note(halt);
        self.halted.cancel();
    }

    /// Ends the run over a failure.
    pub(super) fn fail(&self, error: Error) -> Trouble {
        self.stop(if error.kind == Kind::TargetGone {
            Halt::TargetGone(error.clone())
        } else {
            Halt::Failed(error.clone())
        });
        Trouble::Failed(error)
    }

    /// Remembers why the work is not all done, while the rest of it goes on. The first reason
    /// stays, unless it was only that time was up.
    pub(super) fn note(&self, halt: Halt) {
        let mut known = lock(&self.halt);
        let replace = match (&*known, &halt) {
            (None, _) | (Some(Halt::TimedOut(None)), Halt::TimedOut(Some(_))) => true,
            (Some(Halt::TimedOut(_)), new) => !matches!(new, Halt::TimedOut(_)),
            (Some(_), _) => false,
        };
        if replace {
            *known = Some(halt);
        }
    }

    /// Why the run ended early, if it did.
    pub(super) fn halt(&self) -> Option<Halt> {
        lock(&self.halt).clone()
    }

    pub(super) fn note_request(&self, id: Option<&str>) {
        let mut known = lock(&self.request_ids);
        if let Some(id) = id
            && known.len() < MOST_REQUEST_IDS
        {
            known.push(id.to_owned());
        }
    }

    /// The cloud's ids of the first requests, in the order of their answers.
    pub(super) fn request_ids(&self) -> Vec<String> {
        lock(&self.request_ids).clone()
    }
}

/// A failure in the cloud's words, short enough to stand beside a session.
pub(super) fn reason(error: &Error) -> String {
    match &error.code {
        Some(code) => format!("{code}: {}", error.message),
        None => error.message.clone(),
    }
}

/// A lock that a panic elsewhere does not take from us: the truth must still come out.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

fn lost(what: &'static str, message: &str) -> Error {
    Error::new(Kind::Lost, what, message)
}
