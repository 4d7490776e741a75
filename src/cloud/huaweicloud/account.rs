//! Who calls: one login and the projects it found, shared by all regions of a provider block.
//!
//! Nothing is asked before the first call needs it, and nothing twice. An answer that refuses the
//! login or the signature is kept, and no other request is made: to ask again could lock the key
//! (for five minutes after more than five bad signatures, vendor's "API Gateway FAQ").

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Latch, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::login::{Held, Login};
use super::resolve::{Resolved, Source, resolve};
use super::settings::Settings;
use super::{Regional, errors};
use crate::cloud::{Credentials, Error, Kind, Renew, Signer};
use crate::wire::Outside;

/// Credentials with less than this left are renewed before use, as the vendor's provider does.
const RENEW_BEFORE: Duration = Duration::from_secs(600);
/// Calls side by side learn of an expiry together, but one renewal is enough for them.
const ONE_RENEWAL: Duration = Duration::from_secs(5);
/// While the present credentials still live, an early renewal is not tried more often than this:
/// metadata may give the same key until it ends, and IAM may be away.
const EARLY_TRY: Duration = Duration::from_secs(30);

/// One provider block's account.
#[derive(Debug)]
pub struct Account {
    pub(super) resolved: Resolved,
    pub(super) outside: Outside,
    login: Mutex<State>,
    /// Why there will be no other try.
    refused: Latch<Option<Error>>,
    /// Project id, or why there is none, by region.
    projects: Mutex<BTreeMap<String, Result<String, Error>>>,
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// When [`Renew::Now`] was last followed.
    renewed: Option<SystemTime>,
    /// When a login was last tried.
    tried: Option<SystemTime>,
}

impl Account {
    /// Reads variables and files; makes no call.
    ///
    /// # Errors
    /// [`Kind::Configuration`] as of [`resolve`].
    pub fn new(settings: &Settings, outside: Outside) -> Result<Arc<Account>, Error> {
        let resolved = resolve(settings, outside.environment.as_ref())?;
        Ok(Arc::new(Account {
            resolved,
            outside,
            login: Mutex::default(),
            refused: Latch::default(),
            projects: Mutex::default(),
        }))
    }

    /// The provider's region, if it has one.
    pub fn region(&self) -> Option<&str> {
        self.resolved.region.as_deref()
    }

    /// What signs calls to a region: the given one, or the provider's.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if there is no region, or the login is bound to another one.
    pub fn signer(self: &Arc<Self>, region: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
        let wrong = |message: &str| Error::new(Kind::Configuration, "configure", message);
        let own = self.resolved.region.as_deref();
        let region = region.or(own).ok_or_else(|| {
            wrong(
                "no region for Huawei Cloud: set `region` in the provider block's `huaweicloud`, or \
                 HW_REGION_NAME",
            )
        })?;
        if self.resolved.ends_in_token() && own != Some(region) {
            return Err(wrong(
                "a token belongs to one project of one region: set that `region` in the provider \
                 block, and no other one elsewhere, or log in with `access_key` and `secret_key` \
                 (HW_ACCESS_KEY, HW_SECRET_KEY)",
            ));
        }
        Ok(Arc::new(Regional { account: Arc::clone(self), region: region.to_owned() }))
    }

    /// Whether an expiry can be mended by logging in again.
    pub(super) fn renewable(&self) -> bool {
        match self.resolved.source {
            Source::Token(_) => false,
            Source::Key(_) => !self.resolved.roles.is_empty(),
            Source::Password { .. } | Source::Oidc { .. } | Source::Metadata => true,
        }
    }

    /// Keeps why there will be no other try.
    pub(super) fn refuse(&self, error: &Error) {
        self.refused().get_or_insert_with(|| error.clone());
    }

    fn refused(&self) -> std::sync::MutexGuard<'_, Option<Error>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who calls, and in which project.
    pub(super) async fn identity(
        &self,
        region: &str,
        renew: Renew,
    ) -> Result<(Held, String), Error> {
        let held = self.credentials(region, renew).await?;
        let project = self.project(region, &held).await?;
        // Looking for the project may have renewed them.
        let held = self.credentials(region, Renew::IfNeeded).await?;
        Ok((held, project))
    }

    /// Credentials that will last a while.
    async fn credentials(&self, region: &str, renew: Renew) -> Result<Held, Error> {
        let mut state = self.login.lock().await;
        // Not before: who waited for the lock must not repeat what was just refused.
        if let Some(refused) = self.refused().clone() {
            return Err(refused);
        }
        let now = self.outside.clock.now();
        let within = |since: Option<SystemTime>, span: Duration| {
            since.is_some_and(|at| now.duration_since(at).is_ok_and(|age| age < span))
        };
        let must_renew =
            renew == Renew::Now && self.renewable() && !within(state.renewed, ONE_RENEWAL);
        if let (false, Some(held)) = (must_renew, &state.held) {
            let left = left(held, now);
            if left > RENEW_BEFORE || left > Duration::ZERO && within(state.tried, EARLY_TRY) {
                return Ok(held.clone());
            }
        }
        state.tried = Some(now);
        let login = self.at(region).run().await;
        let error = match login {
            Ok(held) => {
                if must_renew {
                    state.renewed = Some(now);
                }
                state.held = Some(held.clone());
                return Ok(held);
            }
            Err(error) => error,
        };
        // A login that has worked once may fail for a while; wrong credentials stay wrong.
        let for_good = error.kind.stops_everything() && state.held.is_none();
        if for_good || error.kind == Kind::Credentials {
            self.refuse(&error);
            return Err(error);
        }
        // What is at hand ends soon, but not yet.
        let present = state.held.clone();
        present.filter(|held| !must_renew && left(held, now) > Duration::ZERO).ok_or(error)
    }

    /// The project in a region: as given, as the token says, or as IAM finds it.
    async fn project(&self, region: &str, held: &Held) -> Result<String, Error> {
        let home = self.resolved.region.as_deref().is_none_or(|own| own == region);
        if let (true, Some(id)) =
            (home, self.resolved.project_id.as_ref().or(held.project_id.as_ref()))
        {
            return Ok(id.clone());
        }
        let mut projects = self.projects.lock().await;
        if let Some(known) = projects.get(region) {
            return known.clone();
        }
        // The name that was given belongs to the provider's region.
        let name = self.resolved.project_name.as_deref().filter(|_| home).unwrap_or(region);
        let found = self.find_project(region, name, held).await;
        if let Err(error) = &found {
            if !error.kind.stops_everything() {
                return found;
            }
            if error.kind == Kind::Credentials {
                self.refuse(error);
            }
        }
        projects.insert(region.to_owned(), found.clone());
        found
    }

    async fn find_project(&self, region: &str, name: &str, held: &Held) -> Result<String, Error> {
        let mut found = self.at(region).projects(name, &held.credentials).await;
        if found.as_ref().is_err_and(errors::is_expiry) && self.renewable() {
            let held = self.credentials(region, Renew::Now).await?;
            found = self.at(region).projects(name, &held.credentials).await;
        }
        let wrong = |message| Error::new(Kind::Configuration, "KeystoneListProjects", message);
        match found?.as_slice() {
            [only] => Ok(only.clone()),
            [] => Err(wrong(format!(
                "the account has no project `{name}` that these credentials may see: check \
                 `region` (HW_REGION_NAME), or set `project_id` (HW_PROJECT_ID) or `project_name` \
                 (HW_PROJECT_NAME)"
            ))),
            many => Err(wrong(format!(
                "the account has {} projects `{name}`: set `project_id` (HW_PROJECT_ID)",
                many.len()
            ))),
        }
    }

    /// Identity is asked in the provider's region, wherever the call goes.
    fn at<'a>(&'a self, region: &'a str) -> Login<'a> {
        let region = self.resolved.region.as_deref().unwrap_or(region);
        Login { resolved: &self.resolved, outside: &self.outside, region }
    }
}

/// How long credentials still live.
fn left(held: &Held, now: SystemTime) -> Duration {
    let (Credentials::Key { expires_at, .. } | Credentials::Token { expires_at, .. }) =
        &held.credentials;
    match expires_at {
        None => Duration::MAX,
        Some(at) => at.duration_since(now).unwrap_or_default(),
    }
}
