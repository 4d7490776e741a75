//! Who calls: one login and the projects it found, shared by all regions of a provider block.
//!
//! Nothing is asked before the first call needs it, and nothing twice. An answer that refuses the
//! login or the signature is kept, and no other request is made.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::Mutex;

use super::login::{Held, Login};
use super::resolve::{Resolved, Source, resolve};
use super::settings::Settings;
use super::{Regional, errors};
use crate::access::keeper::{self, Keeper, Need, never_worked};
use crate::access::{Credentials, Error, Kind, Renew, Signer};
use crate::wire::Outside;

/// Credentials with less than this left are renewed before use, as the vendor's provider does.
const RENEW_BEFORE: Duration = Duration::from_secs(600);

/// One provider block's account.
#[derive(Debug)]
pub struct Account {
    pub(super) resolved: Resolved,
    pub(super) outside: Outside,
    pub(super) keeper: Keeper<Held>,
    /// The region that `project_id` is taken for, where the provider block names none.
    bound: std::sync::Mutex<Option<String>>,
    /// Project id, or why there is none, by region.
    projects: Mutex<BTreeMap<String, Result<String, Error>>>,
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
            keeper: Keeper::new(RENEW_BEFORE),
            bound: std::sync::Mutex::default(),
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
        if own.is_none() && self.resolved.project_id.is_some() {
            let mut bound = self.bound.lock().unwrap_or_else(PoisonError::into_inner);
            let bound = bound.get_or_insert_with(|| region.to_owned());
            if bound != region {
                return Err(wrong(&format!(
                    "`project_id` (HW_PROJECT_ID) belongs to one region, and blocks name \
                     `{bound}` and `{region}`: set the project's `region` in the provider block, \
                     and the projects of others are looked up"
                )));
            }
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
        let need = Need { renew, renewable: self.renewable(), now: self.outside.clock.now() };
        let log_in = || async { self.at(region).run().await };
        self.keeper.login(need, log_in, never_worked).await
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
                self.keeper.refuse(error);
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

impl keeper::Login for Held {
    fn ends(&self) -> Option<SystemTime> {
        let (Credentials::Key { expires_at, .. } | Credentials::Token { expires_at, .. }) =
            &self.credentials;
        *expires_at
    }
}
