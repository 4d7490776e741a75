//! Where keys come from: what [`Settings`](super::settings) and profiles boil down to.
//!
//! A [`Source`] is a description; [`Source::login`] carries it out and is the only part that uses
//! the network. Source of the shapes: aliyun/credentials-go `credentials/providers`.

use std::fmt;
use std::path::PathBuf;
use std::time::SystemTime;

use super::profile;
use super::sign::Key;
use super::{metadata, sts};
use crate::access::{Error, Kind, Secret};
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
    /// A key, fetched now. Never tried twice: whoever calls decides that.
    pub(super) async fn login(&self, means: &Means) -> Result<Login, Error> {
        match self {
            Source::Fixed(key) => Ok(Login { key: key.clone(), expires_at: None }),
            Source::Session { key, expires_at, profile, mode } => {
                if *expires_at <= means.outside.clock.now() {
                    return Err(profile::session_over(profile, mode));
                }
                Ok(Login { key: key.clone(), expires_at: Some(*expires_at) })
            }
            Source::Metadata { role } => metadata::login(role.as_deref(), &means.outside).await,
            Source::Uri(KeyUrl(url)) => metadata::login_at(url, &means.outside).await,
            Source::Process(command) => process(command, means).await,
            Source::Role { base, role } => {
                let base = Box::pin(base.login(means)).await?;
                sts::assume(&base.key, role, means).await
            }
            Source::Oidc(oidc) => sts::assume_with_oidc(oidc, means).await,
        }
    }

    /// Whether logging in again can give another key.
    pub(super) fn is_renewable(&self) -> bool {
        match self {
            Source::Fixed(_) | Source::Session { .. } => false,
            Source::Metadata { .. } | Source::Uri(_) | Source::Process(_) | Source::Oidc(_) => true,
            Source::Role { .. } => true,
        }
    }
}

/// Runs the program of an `External` profile, which prints a profile with a key.
async fn process(command: &str, means: &Means) -> Result<Login, Error> {
    const OPERATION: &str = "process_command";
    // As the vendor's own library reads it: words may be quoted.
    let words = shlex::split(command)
        .ok_or_else(|| super::misconfigured("`process_command` has a quote that is not closed"))?;
    let [program, arguments @ ..] = words.as_slice() else {
        return Err(super::misconfigured("`process_command` is empty"));
    };
    // The cloud has refused nothing yet.
    let output = means.outside.environment.run(program, arguments).await.map_err(|reason| {
        super::misconfigured(format!("the program `{program}` of the profile failed: {reason}"))
    })?;
    profile::printed_login(&output).ok_or_else(|| {
        let message = format!(
            "the program `{program}` of the profile did not print a JSON object with \
             `access_key_id`, `access_key_secret` and, for a temporary key, `sts_token`"
        );
        Error::new(Kind::Credentials, OPERATION, message)
    })
}
