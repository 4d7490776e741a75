//! Where keys come from: what [`Settings`](super::settings) and profiles boil down to.
//!
//! A [`Source`] is a description; [`login`](super::login) carries it out and is the only part that
//! uses the network. Source of the shapes: aliyun/credentials-go `credentials/providers`.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::sign::Key;
use crate::access::Secret;
use crate::wire::{Outside, redact};

/// A way to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A key that was given.
    Fixed(Key),
    /// The temporary key that an interactive login left in a profile.
    Session { key: Key, expires_at: SystemTime, profile: String, mode: &'static str },
    /// The RAM role of the ECS instance; without a name it is asked for.
    Metadata { role: Option<String> },
    /// A URL that answers with a key.
    Uri(KeyUrl),
    /// A program of a profile that prints a key.
    Process(String),
    /// A role that the keys of another source assume.
    Role { base: Box<Source>, role: Role },
    /// A role that an OIDC token opens.
    Oidc(Oidc),
}

/// A URL that answers with a key. Its query may be what admits to it, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyUrl(pub(super) http::Uri);

impl fmt::Debug for KeyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::line(&http::Method::GET, &self.0))
    }
}

/// A role to assume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) policy: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) seconds: u32,
    /// Region of the STS endpoint, which a profile may name.
    pub(super) sts_region: Option<String>,
}

/// A role to assume with a token instead of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Oidc {
    pub(super) provider_arn: String,
    pub(super) token: Token,
    pub(super) role: Role,
}

/// An OIDC token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The text itself.
    Text(Secret),
    /// A file that is read for every new session, since its issuer replaces it.
    File(PathBuf),
}

/// A key to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) key: Key,
    /// When it ends, if that is known.
    pub(super) expires_at: Option<SystemTime>,
}

/// What carrying out a source takes.
#[derive(Clone, Debug)]
pub(super) struct Means {
    pub(super) outside: Outside,
    /// Endpoint that was set for STS.
    pub(super) sts: Option<super::endpoints::Endpoint>,
}

impl Source {
    /// Whether logging in again can give another key.
    pub(super) fn is_renewable(&self) -> bool {
        match self {
            Source::Fixed(_) | Source::Session { .. } => false,
            Source::Metadata { .. } | Source::Uri(_) | Source::Process(_) | Source::Oidc(_) => true,
            Source::Role { .. } => true,
        }
    }
}
