//! Why a call did not do what it should, in a form that decides what happens next.

use std::time::Duration;

/// Most characters of [`Error::message`].
pub(super) const MAX_MESSAGE: usize = 1000;

/// What a failure means for whoever made the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Too many requests. Wait, then the same call may be made again.
    Throttled,
    /// The target is in a state that does not allow the call now. Wait and try again.
    Busy,
    /// The cloud failed (5xx): the call may have taken effect. Wait and try again.
    Unavailable,
    /// Never reached the cloud. Safe to try again.
    NotSent,
    /// Nothing answers where a server should be: there is no such name, the port refuses, or there
    /// is silence. A firewall looks the same, so it says nothing about the target. Only of servers
    /// by their own protocol, and only before anything was heard from them.
    Unreachable,
    /// The answer was lost: the call may have taken effect.
    Lost,
    /// One of the named sessions may be gone or may not be killable: list again, then narrow.
    Ambiguous,
    /// The session no longer exists.
    SessionGone,
    /// The instance or node no longer exists.
    TargetGone,
    /// Key, signature, token or clock are refused. Stop everything after one answer: repeated
    /// signature failures lock a key.
    Credentials,
    /// The key is good, but it may not do this.
    Permission,
    /// The instance, region or edition does not offer this.
    Unsupported,
    /// A parameter is wrong.
    BadRequest,
    /// The answer is not what the cloud documents: cut off, not JSON, or of another shape.
    Malformed,
    /// Something that was asked of us before any call: missing or contradictory settings.
    Configuration,
    /// A job that the cloud accepted ended badly.
    JobFailed,
    /// Anything else the cloud refused.
    Refused,
}

impl Kind {
    /// Whether the same call may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Kind::Throttled | Kind::Busy | Kind::Unavailable | Kind::NotSent | Kind::Lost
        )
    }

    /// Whether the call may have taken effect although it failed.
    pub fn may_have_taken_effect(self) -> bool {
        matches!(self, Kind::Unavailable | Kind::Lost | Kind::Malformed | Kind::JobFailed)
    }

    /// Whether no other call of this run should be tried.
    pub fn stops_everything(self) -> bool {
        matches!(self, Kind::Credentials | Kind::Permission | Kind::Configuration)
    }
}

/// A failed call. `Display` is for logs; `provider/diagnose.rs` words it for users.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed ({kind:?}{}): {message}", self.code.as_deref().map(|code| format!(", {code}")).unwrap_or_default())]
pub struct Error {
    /// What it means.
    pub kind: Kind,
    /// The cloud's name of the operation, like `HangUpClients`.
    pub operation: &'static str,
    /// HTTP method and URL without query, if a request was made.
    pub request: Option<String>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// The cloud's error code.
    pub code: Option<String>,
    /// The cloud's message, or ours if there was no answer. Bounded to 1000 characters.
    pub message: String,
    /// The cloud's id of the request, for its support.
    pub request_id: Option<String>,
    /// How long the cloud asks to wait.
    pub retry_after: Option<Duration>,
}

impl Error {
    /// A failure without an answer of the cloud.
    pub fn new(kind: Kind, operation: &'static str, message: impl Into<String>) -> Error {
        Error {
            kind,
            operation,
            request: None,
            status: None,
            code: None,
            message: message.into(),
            request_id: None,
            retry_after: None,
        }
    }

    /// The same failure under the kind that `table` gives its code, if it names it.
    #[must_use]
    pub fn classified(mut self, table: &[(&str, Kind)]) -> Error {
        let known = table.iter().find(|(code, _)| Some(*code) == self.code.as_deref());
        if let Some((_, kind)) = known {
            self.kind = *kind;
        }
        self
    }
}
