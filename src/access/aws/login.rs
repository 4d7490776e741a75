//! From the description of a source to its key.

use super::source::{Login, Means, Source};
use super::{container, instance, process, sso, sts};
use crate::access::Error;

impl Source {
    /// A key, fetched now. Never tried twice: whoever calls decides that.
    pub(super) async fn login(&self, means: &Means) -> Result<Login, Error> {
        match self {
            Source::Fixed(key) => Ok(Login { key: key.clone(), expires_at: None }),
            Source::Role { base, role } => {
                let base = Box::pin(base.login(means)).await?;
                sts::assume(&base.key, role, means).await
            }
            Source::WebIdentity { token, role } => {
                sts::assume_with_web_identity(token, role, means).await
            }
            Source::Container(place) => container::login(place, &means.outside).await,
            Source::Instance(url) => instance::login(url, &means.outside).await,
            Source::Process(command) => process::login(command, &means.outside).await,
            Source::Sso(sso) => sso::login(sso, means).await,
        }
    }
}
