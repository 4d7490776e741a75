//! From what a user wrote to one way to log in. Reads variables and files, makes no call.
//!
//! The order is that of the vendor's own provider (terraform-provider-alicloud
//! `alicloud/provider.go`, `providerConfigure`).

use std::collections::BTreeMap;

use super::endpoints::{Endpoint, checked};
use super::profile::{self, Chosen};
use super::settings::{Filled, Settings};
use super::source::{KeyUrl, Source};
use super::{metadata, misconfigured};
use crate::access::Error;
use crate::wire::Environment;

/// Region of the vendor's own provider where none is given.
const DEFAULT_REGION: &str = "cn-beijing";

/// Everything that calls need, decided.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The provider's region.
    pub region: String,
    pub(super) endpoints: BTreeMap<String, Endpoint>,
    pub(super) source: Source,
}

/// Decides.
///
/// An argument counts before its variables. Of the ways to log in the first counts: access key,
/// profile, credentials URL, ECS role, OIDC block, the variables that ACK gives its pods for OIDC.
/// The role of a profile is assumed with a key from elsewhere too.
/// `assume_role` then comes on top, or in the place of the role
/// that a profile of mode `RamRoleArn` or `RamRoleArnWithRoleName` names.
///
/// # Errors
/// [`Kind::Configuration`](crate::access::Kind), naming the arguments and variables that would mend
/// it; [`Kind::Credentials`](crate::access::Kind) if an interactive login in a profile is over.
pub fn resolve(settings: &Settings, environment: &dyn Environment) -> Result<Resolved, Error> {
    let filled = Filled::new(settings, environment)?;
    let Chosen { source, region, own_role } = choose(&filled, environment)?;
    let source = match (filled.assume_role, source) {
        (None, source) => source,
        (Some(role), Source::Role { base, .. }) if own_role => Source::Role { base, role },
        (Some(role), source) => Source::Role { base: Box::new(source), role },
    };
    let region = filled.region.or(region).unwrap_or_else(|| DEFAULT_REGION.to_owned());
    checked(&region)?;
    let mut endpoints = BTreeMap::new();
    for (product, text) in filled.endpoints {
        let endpoint = Endpoint::custom(&product, &text)?;
        endpoints.insert(product, endpoint);
    }
    Ok(Resolved { region, endpoints, source })
}

/// The source of keys, and what comes with it from a profile.
fn choose(filled: &Filled, environment: &dyn Environment) -> Result<Chosen, Error> {
    let profile = || {
        let path = filled.shared_credentials_file.as_deref();
        filled.profile.as_deref().map(|name| profile::choose(name, path, environment))
    };
    let plain = |source, region| Ok(Chosen { source, region, own_role: false });
    if let Some(key) = &filled.key {
        // The profile may still name the region and a role, and must not stand in the way if not.
        let base = Source::Fixed(key.clone());
        match profile().and_then(Result::ok) {
            Some(Chosen { source: Source::Role { role, .. }, region, own_role: true }) => {
                let source = Source::Role { base: Box::new(base), role };
                Ok(Chosen { source, region, own_role: true })
            }
            profile => plain(base, profile.and_then(|chosen| chosen.region)),
        }
    } else if let Some(chosen) = profile() {
        chosen
    } else if let Some(text) = &filled.credentials_uri {
        plain(Source::Uri(KeyUrl(metadata::credentials_uri(text)?)), None)
    } else if let Some(role) = &filled.ecs_role_name {
        plain(Source::Metadata { role: Some(role.clone()) }, None)
    } else if let Some(oidc) = &filled.oidc {
        plain(Source::Oidc(oidc.clone()), None)
    } else {
        Err(misconfigured(
            "there are no credentials for Alibaba Cloud: set `access_key` and `secret_key` \
             (`ALICLOUD_ACCESS_KEY`, `ALICLOUD_SECRET_KEY`), `profile` (`ALICLOUD_PROFILE`), \
             `credentials_uri` (`ALICLOUD_CREDENTIALS_URI`), `ecs_role_name` \
             (`ALICLOUD_ECS_ROLE_NAME`) or `assume_role_with_oidc`",
        ))
    }
}
