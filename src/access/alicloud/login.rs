//! From the description of a source to its key.

use super::source::{KeyUrl, Login, Means, Source};
use super::{metadata, profile, sts};
use crate::access::{Error, Kind};

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
