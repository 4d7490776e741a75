//! A login that is kept while it lasts, and the [`Signer`] that uses it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderName, Method, Request, Response};
use tokio::sync::OnceCell;

use super::endpoints::{Protocol, checked, protocol};
use super::resolve::{Accounts, Resolved, resolve};
use super::settings::Settings;
use super::sign::{Key, Scope, sign};
use super::source::{Login, Means, Source};
use super::{FORM, LOGIN, errors, form, misconfigured, sts};
use crate::access::keeper::{self, Keeper, Need, Renewal};
use crate::access::{Call, Error, Kind, Refusal, Renew, Signer, Trial, http as clouds};
use crate::wire::Outside;

/// A temporary key is replaced when no more than this is left, as the vendor's SDKs do.
const MARGIN: Duration = Duration::from_secs(300);

/// How long who we are may keep a list waiting, where STS cannot be reached.
const PATIENCE: Duration = Duration::from_secs(2);

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");
const JSON: &str = "application/x-amz-json-1.1";

/// Who we are on AWS. Its signers share one login.
pub struct Account {
    region: Option<String>,
    source: Source,
    accounts: Accounts,
    means: Means,
    keeper: Keeper<Login>,
    /// Our own ARN, once it was asked for; None where nobody told.
    caller: OnceCell<Option<String>>,
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
    /// [`Kind::Configuration`], naming the arguments and variables that would mend it.
    pub fn new(settings: &Settings, outside: Outside) -> Result<Arc<Account>, Error> {
        let resolved = resolve(settings, &*outside.environment)?;
        let Resolved { region, sts_region, endpoints, variant, trust, accounts, source } = resolved;
        let sts = sts_region.or_else(|| region.clone());
        let means = Means { outside, endpoints, variant, region: sts, trust };
        let keeper = Keeper::new(MARGIN);
        let caller = OnceCell::new();
        Ok(Arc::new(Account { region, source, accounts, means, keeper, caller }))
    }

    /// The login at hand, or a new one.
    async fn login(&self, renew: Renew) -> Result<Login, Error> {
        let now = self.means.outside.clock.now();
        let need = Need { renew, renewable: self.source.is_renewable(), now };
        // What fails on this machine, or gives no answer, may work the next time.
        let is_final =
            |error: &Error, _| error.kind == Kind::Configuration || errors::is_wrong_key(error);
        let login = self.keeper.login(need, || self.log_in(), is_final).await;
        login.map_err(keeper::unmade)
    }

    /// Our own ARN. What is wrong with the question is nobody's business: the calls that matter will
    /// tell. STS is not asked where other products stand elsewhere, for they may be no AWS.
    async fn arn(&self) -> Option<String> {
        let endpoints = &self.means.endpoints;
        if !endpoints.is_empty() && !endpoints.contains_key("sts") {
            return None;
        }
        let login = self.login(Renew::IfNeeded).await.ok()?;
        let asked = tokio::time::timeout(PATIENCE, sts::caller(&login.key, &self.means)).await;
        Some(asked.ok()?.ok()?.arn)
    }

    /// A new login, to an account that may be worked on.
    async fn log_in(&self) -> Result<Login, Error> {
        let login = self.source.login(&self.means).await?;
        let Accounts { allowed, forbidden } = &self.accounts;
        if allowed.is_empty() && forbidden.is_empty() {
            return Ok(login);
        }
        let own = sts::caller(&login.key, &self.means).await?.account;
        if forbidden.contains(&own) || !allowed.is_empty() && !allowed.contains(&own) {
            return Err(misconfigured(format!(
                "these credentials are of the account {own:.32}, which `allowed_account_ids` or \
                 `forbidden_account_ids` rules out: nothing was asked of it"
            )));
        }
        Ok(login)
    }
}

impl clouds::Account for Account {
    fn region(&self) -> Option<String> {
        self.region.clone()
    }

    fn signer(self: Arc<Self>, region: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
        let region = region.or(self.region.as_deref()).ok_or_else(|| {
            misconfigured(
                "no region for AWS: set `region` in the provider block's `aws`, `AWS_REGION`, or \
                 the profile's `region`",
            )
        })?;
        let region = checked(region)?.to_owned();
        Ok(Arc::new(Regional { account: self, region }))
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
        self.signed(call, &login.key).map_err(named)
    }

    fn refusal(&self, call: &Call, response: &Response<Bytes>, renew: Renew) -> Option<Refusal> {
        let refusal = errors::refusal(call.operation, response)?;
        let renewable = self.account.source.is_renewable();
        let wrong_key = errors::is_wrong_key(&refusal.error);
        let advice = ": set a new `access_key`, `secret_key` and `token` or their environment \
                 variables, or use a profile that renews its key";
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

    async fn caller(&self) -> Option<String> {
        self.account.caller.get_or_init(|| self.account.arn()).await.clone()
    }
}

impl Regional {
    fn signed(&self, call: &Call, key: &Key) -> Result<Request<Bytes>, Error> {
        let unwritable = || misconfigured("the call cannot be written as a request");
        let means = &self.account.means;
        let request = Request::builder()
            .method(Method::POST)
            .uri(means.endpoint(call.product, &self.region)?);
        let request = match protocol(call.product).ok_or_else(unwritable)? {
            Protocol::Json(prefix) => request
                .header(CONTENT_TYPE, JSON)
                .header(TARGET, format!("{prefix}.{}", call.operation))
                .body(Bytes::from(call.body.as_ref().map_or("{}".into(), ToString::to_string))),
            Protocol::Query(version) => {
                request.header(CONTENT_TYPE, FORM).body(form(call.operation, version, &call.query))
            }
        };
        let mut request = request.map_err(|_| unwritable())?;
        means.trusting(&mut request);
        let scope = Scope { region: self.region.clone(), service: call.product.to_owned() };
        sign(&mut request, key, &scope, means.outside.clock.now())
            .map_err(|reason| misconfigured(reason.0))?;
        Ok(request)
    }
}
