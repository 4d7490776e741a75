//! A login that is kept while it lasts, and the [`Signer`] that uses it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
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
use crate::access::http::signature::encode;
use crate::access::keeper::{self, Keeper, Need, Renewal};
use crate::access::{Call, Error, Kind, Refusal, Renew, Signer, Trial};
use crate::wire::Outside;

/// A temporary key is replaced when no more than this is left (aliyun/credentials-go).
const MARGIN: Duration = Duration::from_secs(180);

/// Who we are on Alibaba Cloud. Its signers share one login.
pub struct Account {
    region: String,
    source: Source,
    endpoints: BTreeMap<String, Endpoint>,
    means: Means,
    keeper: Keeper<Login>,
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
        Ok(Arc::new(Account { region, source, endpoints, means, keeper: Keeper::new(MARGIN) }))
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
        let now = self.means.outside.clock.now();
        let need = Need { renew, renewable: self.source.is_renewable(), now };
        // What fails on this machine, or gives no answer, may work the next time.
        let is_final = |error: &Error, _| error.kind == Kind::Credentials && error.status.is_some();
        let login = self.keeper.login(need, || self.source.login(&self.means), is_final).await;
        login.map_err(keeper::unmade)
    }
}

impl keeper::Login for Login {
    fn ends(&self) -> Option<SystemTime> {
        self.expires_at
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
        let named = |error| keeper::named(error, LOGIN, call);
        let login = self.account.login(renew).await.map_err(named)?;
        self.signed(call, &login).map_err(named)
    }

    fn refusal(&self, call: &Call, response: &Response<Bytes>, renew: Renew) -> Option<Refusal> {
        let refusal = errors::refusal(call.operation, response)?;
        let renewable = self.account.source.is_renewable();
        let wrong_key = refusal.error.code.as_deref().is_some_and(errors::is_wrong_key);
        let advice = ": set a new `access_key`, `secret_key` and `security_token` or their environment \
                 variables, or log in to the profile again";
        let made = Renewal { renew, renewable, wrong_key };
        Some(self.account.keeper.judged(refusal, made, advice))
    }

    fn request_id(&self, response: &Response<Bytes>) -> Option<String> {
        errors::request_id(response)
    }

    fn region(&self) -> &str {
        &self.region
    }

    fn trial(&self) -> Option<&Trial> {
        Some(self.account.keeper.trial())
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
