//! A login that is kept while it lasts, shared by all calls of an account, and what an account has
//! learnt of it.
//!
//! Nobody logs in before the first call needs it, and nobody twice. A key that is refused is not
//! shown again: Huawei Cloud locks one for five minutes after more than five bad signatures
//! (vendor's "API Gateway FAQ"). So until a call has been accepted, one is tried at a time, and the
//! others learn from it.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::{Call, Error, Kind, Refusal, Renew};

/// Calls side by side learn of an expiry together, but one renewal is enough for them.
const ONE_RENEWAL: Duration = Duration::from_secs(5);
/// While the present login still lives, an early renewal is not tried more often than this: the
/// source may give the same key until it ends, and it may be away.
const EARLY_TRY: Duration = Duration::from_secs(30);

/// What logging in gives.
pub(super) trait Login: Clone + Send {
    /// When it ends, if that is known.
    fn ends(&self) -> Option<SystemTime>;
}

/// Keeps one account's login.
#[derive(Debug)]
pub(super) struct Keeper<L> {
    /// A login with no more than this left is renewed before use.
    margin: Duration,
    state: tokio::sync::Mutex<State<L>>,
    /// Why there will be no other try.
    refused: Mutex<Option<Error>>,
    trial: Trial,
}

#[derive(Debug)]
struct State<L> {
    held: Option<L>,
    /// Whether the cloud has called what is held expired, whatever its date says.
    over: bool,
    /// When [`Renew::Now`] was last followed.
    renewed: Option<SystemTime>,
    /// When a login was last tried.
    tried: Option<SystemTime>,
}

/// Why a new login is asked for, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need {
    pub(super) renew: Renew,
    /// Whether logging in again can give anything else.
    pub(super) renewable: bool,
    pub(super) now: SystemTime,
}

/// What a refused call was made with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Renewal {
    pub(super) renew: Renew,
    /// Whether logging in again can give anything else.
    pub(super) renewable: bool,
    /// Whether the refusal says that the key itself is wrong.
    pub(super) wrong_key: bool,
}

impl<L: Login> Keeper<L> {
    pub(super) fn new(margin: Duration) -> Keeper<L> {
        let state = State { held: None, over: false, renewed: None, tried: None };
        Keeper { margin, state: state.into(), refused: Mutex::default(), trial: Trial::default() }
    }

    /// The login at hand, or a new one. `is_final` says of a failure, and of whether a login has
    /// ever worked, that there shall be no other try.
    pub(super) async fn login<F: Future<Output = Result<L, Error>>>(
        &self,
        Need { renew, renewable, now }: Need,
        log_in: impl FnOnce() -> F,
        is_final: impl FnOnce(&Error, bool) -> bool,
    ) -> Result<L, Error> {
        let mut state = self.state.lock().await;
        // Not before: who waited for the lock must not repeat what was just refused.
        if let Some(refused) = self.refused().clone() {
            return Err(refused);
        }
        let within = |since: Option<SystemTime>, span: Duration| {
            since.is_some_and(|at| now.duration_since(at).is_ok_and(|age| age < span))
        };
        let must_renew = renew == Renew::Now && renewable && !within(state.renewed, ONE_RENEWAL);
        state.over |= must_renew;
        let left = state.left(now);
        if let Some(held) = &state.held
            && (left > self.margin || left > Duration::ZERO && within(state.tried, EARLY_TRY))
        {
            return Ok(held.clone());
        }
        state.tried = Some(now);
        let error = match log_in().await {
            Ok(login) => {
                let renewed = if must_renew { Some(now) } else { state.renewed };
                *state =
                    State { held: Some(login.clone()), over: false, renewed, tried: state.tried };
                return Ok(login);
            }
            Err(error) => error,
        };
        if is_final(&error, state.held.is_some()) {
            self.refuse(&error);
            return Err(error);
        }
        // What is at hand ends soon, but not yet.
        state.held.clone().filter(|_| left > Duration::ZERO).ok_or(error)
    }

    /// Keeps why there will be no other try.
    pub(super) fn refuse(&self, error: &Error) {
        self.refused().get_or_insert_with(|| error.clone());
    }

    /// A refusal, judged: what was renewed a moment ago and is called expired again will not be
    /// mended by another renewal, so that and a wrong key are kept. `advice` is added where a login
    /// that cannot be renewed has expired.
    pub(super) fn judged(
        &self,
        mut refusal: Refusal,
        Renewal { renew, renewable, wrong_key }: Renewal,
        advice: &str,
    ) -> Refusal {
        let lasting = refusal.expired && (!renewable || renew == Renew::Now);
        refusal.expired &= !lasting;
        if lasting && !renewable {
            refusal.error.message.push_str(advice);
        }
        if lasting || wrong_key {
            self.refuse(&refusal.error);
        }
        refusal
    }

    /// Whether the login has been tried out.
    pub(super) fn trial(&self) -> &Trial {
        &self.trial
    }

    fn refused(&self) -> MutexGuard<'_, Option<Error>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L: Login> State<L> {
    /// How long what is held will live.
    fn left(&self, now: SystemTime) -> Duration {
        match &self.held {
            Some(held) if !self.over => match held.ends() {
                None => Duration::MAX,
                Some(end) => end.duration_since(now).unwrap_or_default(),
            },
            Some(_) | None => Duration::ZERO,
        }
    }
}

/// Whether an account's login is known to be good.
#[derive(Debug, Default)]
pub struct Trial {
    passed: AtomicBool,
    turn: tokio::sync::Mutex<()>,
}

impl Trial {
    /// Waits for the turn to try the login, and holds it; None once it is known to be good.
    pub(super) async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        if self.is_passed() {
            return None;
        }
        let turn = self.turn.lock().await;
        (!self.is_passed()).then_some(turn)
    }

    /// The cloud has accepted a call.
    pub(super) fn pass(&self) {
        self.passed.store(true, Ordering::Relaxed);
    }

    fn is_passed(&self) -> bool {
        self.passed.load(Ordering::Relaxed)
    }
}

/// However a login failed, the call that needed it was not made.
pub(super) fn unmade(error: Error) -> Error {
    let kind = if error.kind.may_have_taken_effect() { Kind::NotSent } else { error.kind };
    Error { kind, ..error }
}

/// A failed login is an error of its own call; one from before any (`login`) is of the call that
/// needed it.
pub(super) fn named(error: Error, login: &str, call: &Call) -> Error {
    if error.operation == login { Error { operation: call.operation, ..error } } else { error }
}

/// Whether a failed login is final: one that has never worked is wrong rather than away.
pub(super) fn never_worked(error: &Error, worked: bool) -> bool {
    error.kind == Kind::Credentials || error.kind.stops_everything() && !worked
}
