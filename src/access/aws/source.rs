//! Where keys come from: what settings and profiles boil down to.
//!
//! A [`Source`] is a description; [`login`](super::login) carries it out and is the only part that
//! uses the network. Order and shapes are those of the vendor's Go SDK (`config/resolve_credentials.go`),
//! on which its own Terraform provider stands.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use http::Uri;

use super::endpoints::{Variant, of};
use super::misconfigured;
use super::sign::Key;
use crate::access::{Error, Secret};
use crate::wire::https::Trust;
use crate::wire::{Environment, Outside, redact};

/// How long the keys of a role may live, in seconds; the role itself may allow less
/// (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>).
pub(super) const SESSION: RangeInclusive<u32> = 900..=43_200;

/// A way to a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A key that was given.
    Fixed(Key),
    /// A role that the keys of another source assume.
    Role { base: Box<Source>, role: Role },
    /// A role that an OIDC token opens.
    WebIdentity { token: Token, role: Role },
    /// A place in the container, or beside it, that answers with a key.
    Container(Container),
    /// The role of the EC2 instance, whose metadata are at this address.
    Instance(Uri),
    /// A program of a profile that prints a key.
    Process(String),
    /// A login through IAM Identity Center.
    Sso(Sso),
}

/// A role to assume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    /// How long its keys shall live, in seconds, if not an hour.
    pub(super) seconds: Option<u32>,
    pub(super) policy: Option<String>,
    pub(super) policy_arns: Vec<String>,
    pub(super) source_identity: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) transitive_tag_keys: Vec<String>,
}

/// An OIDC token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The text itself.
    Text(Secret),
    /// A file that is read for every new session, since its issuer replaces it.
    File(PathBuf),
}

impl Token {
    /// The text, trimmed; `what` a file is goes before its path in the error, what to check behind it.
    ///
    /// # Errors
    /// [`Kind::Configuration`](crate::access::Kind) if the file cannot be read or is no text.
    pub(super) fn text(
        &self,
        environment: &dyn Environment,
        what: &str,
        check: &str,
    ) -> Result<Secret, Error> {
        let path = match self {
            Token::Text(secret) => return Ok(Secret::new(secret.reveal().trim())),
            Token::File(path) => path,
        };
        let wrong = |reason: &str| {
            misconfigured(format!("{what} `{}` {reason}: check {check}", path.display()))
        };
        let bytes = environment.read(path).map_err(|reason| wrong(&reason.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| wrong("is not text"))?;
        Ok(Secret::new(text.trim()))
    }
}

/// A place that answers with a key, and what admits to it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Container {
    pub(super) url: Uri,
    pub(super) token: Option<Token>,
}

impl fmt::Debug for Container {
    /// The query may be what admits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact::line(&http::Method::GET, &self.url))
    }
}

/// A login through IAM Identity Center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sso {
    /// The profile, for advice.
    pub(super) profile: String,
    /// Where the command line has left its token.
    pub(super) cache: PathBuf,
    pub(super) region: String,
    pub(super) account_id: String,
    pub(super) role_name: String,
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
    /// Endpoints that were set.
    pub(super) endpoints: BTreeMap<String, Uri>,
    /// Which of the others are meant.
    pub(super) variant: Variant,
    /// The region whose STS is asked; None if no region is known.
    pub(super) region: Option<String>,
    /// Certificates that are trusted beside the system's.
    pub(super) trust: Option<Arc<Trust>>,
}

impl Means {
    /// Lets a request go to whom is trusted.
    pub(super) fn trusting(&self, request: &mut http::Request<bytes::Bytes>) {
        if let Some(trust) = &self.trust {
            request.extensions_mut().insert(Arc::clone(trust));
        }
    }

    /// Where a product is in a region.
    pub(super) fn endpoint(&self, product: &str, region: &str) -> Result<Uri, Error> {
        match self.endpoints.get(product) {
            Some(endpoint) => Ok(endpoint.clone()),
            None => of(product, region, self.variant),
        }
    }
}

impl Source {
    /// Whether logging in again can give another key.
    pub(super) fn is_renewable(&self) -> bool {
        !matches!(self, Source::Fixed(_))
    }
}
