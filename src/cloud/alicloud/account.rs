//! A login that is kept while it lasts, and the [`Signer`] that uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{Request, Response};

use super::endpoints::{Endpoint, checked};
use super::resolve::{Resolved, resolve};
use super::settings::Settings;
use super::sign::{canonical_query, sign};
use super::source::{Login, Means, Source};
use super::{LOGIN, errors, misconfigured};
use crate::cloud::signature::encode;
use crate::cloud::{Call, Error, Kind, Refusal, Renew, Signer};
use crate::wire::Outside;

/// A temporary key is replaced when no more than this is left (aliyun/credentials-go).
const MARGIN: Duration = Duration::from_secs(180);

/// Calls that were under way together are told together that their key has expired: a key that is
/// younger than this answers all of them.
const YOUNG: Duration = Duration::from_secs(5);

/// Who we are on Alibaba Cloud. Its signers share one login.
pub struct Account {
    region: String,
    source: Source,
    endpoints: BTreeMap<String, Endpoint>,
    means: Means,
    login: tokio::sync::Mutex<Option<Kept>>,
    /// The cloud's word that the key is wrong. It is not asked again.
    refused: Mutex<Option<Error>>,
}

/// A login, and when it was made.
struct Kept {
    login: Login,
    since: SystemTime,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Account {
    /// Reads variables and files; makes no call.
    ///
    /// # Errors
    /// As of [`resolve`].
    pub fn new(settings: &Settings, outside: Outside) -> Result<Arc<Account>, Error> {
        let Resolved { region, endpoints, source } = resolve(settings, &*outside.environment)?;
        let means = Means { outside, sts: endpoints.get("sts").cloned() };
        Ok(Arc::new(Account {
            region,
            source,
            endpoints,
            means,
            login: tokio::sync::Mutex::new(None),
            refused: Mutex::new(None),
        }))
    }

    /// The region that was settled.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// A signer for a region; for that of the account without one.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if it is not a region's name.
    pub fn signer(self: &Arc<Self>, region: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
        let region = checked(region.unwrap_or(&self.region))?.to_owned();
        Ok(Arc::new(Regional { account: Arc::clone(self), region }))
    }

    /// The login at hand, or a new one.
    async fn login(&self, renew: Renew) -> Result<Login, Error> {
        let mut kept = self.login.lock().await;
        // Here and not before: who waited for the lock must not repeat what was just refused.
        if let Some(refused) = self.refused() {
            return Err(refused);
        }
        let now = self.means.outside.clock.now();
        if let Some(Kept { login, since }) = &*kept {
            let good = match renew {
                Renew::IfNeeded => login.expires_at.is_none_or(|end| end > now + MARGIN),
                Renew::Now => now.duration_since(*since).is_ok_and(|age| age < YOUNG),
            };
            if good {
                return Ok(login.clone());
            }
        }
        match self.source.login(&self.means).await {
            Ok(login) => {
                *kept = Some(Kept { login: login.clone(), since: now });
                Ok(login)
            }
            Err(mut error) => {
                if error.kind == Kind::Credentials && error.status.is_some() {
                    self.refuse(&error);
                }
                // However a login failed, the call that needed it was not made.
                if error.kind.may_have_taken_effect() {
                    error.kind = Kind::NotSent;
                }
                Err(error)
            }
        }
    }

    fn refused(&self) -> Option<Error> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, error: &Error) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
    }
}

/// An account in one region.
struct Regional {
    account: Arc<Account>,
    region: String,
}

#[async_trait]
impl Signer for Regional {
    async fn request(&self, call: &Call, renew: Renew) -> Result<Request<Bytes>, Error> {
        let named = |error: Error| {
            // A failed login is an error of its own call; all others are of this one.
            if error.operation == LOGIN {
                Error { operation: call.operation, ..error }
            } else {
                error
            }
        };
        let login = self.account.login(renew).await.map_err(named)?;
        self.signed(call, &login).map_err(named)
    }

    fn refusal(&self, call: &Call, response: &Response<Bytes>) -> Option<Refusal> {
        let mut refusal = errors::refusal(call.operation, response)?;
        let lasting = refusal.expired && !self.account.source.is_renewable();
        if lasting {
            refusal.expired = false;
            refusal.error.message.push_str(
                ": set a new `access_key`, `secret_key` and `security_token` or their environment \
                 variables, or log in to the profile again",
            );
        }
        if lasting || refusal.error.code.as_deref().is_some_and(errors::is_wrong_key) {
            self.account.refuse(&refusal.error);
        }
        Some(refusal)
    }

    fn request_id(&self, response: &Response<Bytes>) -> Option<String> {
        errors::request_id(response)
    }

    fn region(&self) -> &str {
        &self.region
    }
}

impl Regional {
    fn signed(&self, call: &Call, login: &Login) -> Result<Request<Bytes>, Error> {
        let endpoint = match self.account.endpoints.get(call.product) {
            Some(endpoint) => endpoint.clone(),
            None => Endpoint::of(call.product, &self.region)?,
        };
        let segments: Vec<String> = call.path.split('/').map(encode).collect();
        let mut target = segments.join("/");
        if !call.query.is_empty() {
            target = format!("{target}?{}", canonical_query(&call.query));
        }
        let mut request = Request::builder()
            .method(&call.method)
            .uri(endpoint.url(&target)?)
            .header(ACCEPT, "application/json")
            .header("x-acs-action", call.operation)
            .header("x-acs-version", call.version);
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let body = call.body.as_ref().map(|body| Bytes::from(body.to_string()));
        let mut request = request
            .body(body.unwrap_or_default())
            .map_err(|_| misconfigured("the call cannot be written as a request"))?;
        let outside = &self.account.means.outside;
        sign(&mut request, &login.key, outside.clock.now(), &outside.entropy.nonce())
            .map_err(|reason| misconfigured(reason.to_string()))?;
        Ok(request)
    }
}
