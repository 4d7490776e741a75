//! From what a user wrote to one way to log in. Reads variables and files, makes no call.
//!
//! The order is that of the vendor's own provider, which is its Go SDK's
//! (`config/resolve_credentials.go`) behind the arguments of the block.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Uri;

use super::endpoints::{PRODUCTS, Variant, checked, custom};
use super::misconfigured;
use super::profile::{Place, Profiles, environment_key};
use super::settings::Settings;
use super::source::Source;
use crate::access::Error;
use crate::wire::https::{Trust, plain_http_allowed};
use crate::wire::tls::{self, Papers};
use crate::wire::{Environment, at_home};

/// Where the metadata of an EC2 instance are.
const METADATA: &str = "http://169.254.169.254";
/// The same for machines without IPv4.
const METADATA_IPV6: &str = "http://[fd00:ec2::254]";

/// Everything that calls need, decided.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// The provider's region, if one is named anywhere.
    pub(super) region: Option<String>,
    /// The region whose STS is asked for roles, where it is not that one.
    pub(super) sts_region: Option<String>,
    pub(super) endpoints: BTreeMap<String, Uri>,
    pub(super) variant: Variant,
    pub(super) trust: Option<Arc<Trust>>,
    pub(super) accounts: Accounts,
    pub(super) source: Source,
}

/// Which accounts may be worked on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accounts {
    /// If there are any: these, and no others.
    pub(super) allowed: Vec<String>,
    pub(super) forbidden: Vec<String>,
}

/// Decides.
///
/// Of the ways to log in the first counts: the block's key, its OIDC token, its profile; then the
/// environment's key, its OIDC token, its profile or `default`; in a profile its key, token, SSO
/// login or program; then the container's key and the instance's. The roles of `assume_role` come
/// on top.
///
/// # Errors
/// [`Kind::Configuration`](crate::access::Kind), naming the arguments and variables that would mend
/// it.
pub(super) fn resolve(
    settings: &Settings,
    environment: &dyn Environment,
) -> Result<Resolved, Error> {
    let place = place(settings, environment)?;
    let profiles = Profiles::read(&place, environment);
    let given = match settings.key()?.map(Source::Fixed) {
        Some(key) => Some(key),
        None => settings.web_identity(environment, true)?,
    };
    let around = || match environment_key(environment)?.map(Source::Fixed) {
        Some(key) => Ok(Some(key)),
        None => settings.web_identity(environment, false),
    };
    let in_block = settings.0.text("profile").is_some();
    let given = if given.is_none() && !in_block { around()? } else { given };
    // A key at hand needs no profile, which must not stand in its way.
    let region = settings.text(environment, "region");
    let of_profile = profiles.as_ref().ok().and_then(|them| them.region(&place.name));
    let mut source = match given {
        Some(source) => source,
        None => profiles?.source(&place, environment)?,
    };
    for role in settings.roles()? {
        source = Source::Role { base: Box::new(source), role };
    }
    let region = region.or(of_profile);
    let sts_region = settings.text(environment, "sts_region");
    for region in region.iter().chain(&sts_region) {
        checked(region)?;
    }
    Ok(Resolved {
        region,
        sts_region,
        endpoints: endpoints(settings, environment)?,
        variant: Variant {
            fips: settings.truth(environment, "use_fips_endpoint"),
            dual_stack: settings.truth(environment, "use_dualstack_endpoint"),
        },
        trust: trust(settings, environment)?,
        accounts: Accounts {
            allowed: settings.0.texts("allowed_account_ids"),
            forbidden: settings.0.texts("forbidden_account_ids"),
        },
        source,
    })
}

/// Where profiles are, and which is meant.
fn place(settings: &Settings, environment: &dyn Environment) -> Result<Place, Error> {
    let name = settings.text(environment, "profile");
    let files = |name: &str, default: &str| settings.texts(environment, name, default);
    Ok(Place {
        config: files("shared_config_files", "~/.aws/config"),
        credentials: files("shared_credentials_files", "~/.aws/credentials"),
        is_named: name.is_some(),
        name: name.unwrap_or_else(|| "default".to_owned()),
        metadata: metadata(settings, environment)?,
    })
}

/// Where an instance's metadata are; None if they shall not be asked.
fn metadata(settings: &Settings, environment: &dyn Environment) -> Result<Option<Uri>, Error> {
    if settings.truth(environment, "skip_metadata_api_check") {
        return Ok(None);
    }
    let mode = settings.text(environment, "ec2_metadata_service_endpoint_mode");
    let default = match mode.as_deref().map(str::to_ascii_lowercase).as_deref() {
        None | Some("ipv4") => METADATA,
        Some("ipv6") => METADATA_IPV6,
        Some(_) => {
            return Err(misconfigured(
                "`ec2_metadata_service_endpoint_mode` must be `IPv4` or `IPv6`",
            ));
        }
    };
    let text = settings.text(environment, "ec2_metadata_service_endpoint");
    let text = text.as_deref().unwrap_or(default);
    let url = text.parse::<Uri>().ok().filter(|url| {
        let host = url.host().unwrap_or_default();
        let plain = url.scheme_str() == Some("http") && plain_http_allowed(host);
        (plain || url.scheme_str() == Some("https")) && url.path() == "/" && url.query().is_none()
    });
    url.map(Some).ok_or_else(|| {
        misconfigured(
            "`ec2_metadata_service_endpoint` must be an `https` URL, or an `http` one of this \
             machine or its metadata service, without path",
        )
    })
}

/// The endpoints that block and environment set.
fn endpoints(
    settings: &Settings,
    environment: &dyn Environment,
) -> Result<BTreeMap<String, Uri>, Error> {
    let given = settings.0.map("endpoints");
    let ignored = environment.var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    let ignored = ignored.is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let mut all = BTreeMap::new();
    for product in PRODUCTS {
        let own = format!("AWS_ENDPOINT_URL_{}", product.to_uppercase());
        let variable = || {
            let names = [own.as_str(), "AWS_ENDPOINT_URL"];
            names.into_iter().filter(|_| !ignored).find_map(|name| environment.var(name))
        };
        if let Some(text) = given.get(*product).cloned().or_else(variable) {
            all.insert((*product).to_owned(), custom(product, &text)?);
        }
    }
    Ok(all)
}

fn trust(settings: &Settings, environment: &dyn Environment) -> Result<Option<Arc<Trust>>, Error> {
    let bundle = settings.text(environment, "custom_ca_bundle");
    let ca = bundle.map(|path| {
        environment.read(&at_home(&path, environment)).map_err(|reason| {
            misconfigured(format!("the file of `custom_ca_bundle` cannot be read: {reason}"))
        })
    });
    let papers = Papers { ca: ca.transpose()?, client: None };
    tls::check(&papers).map_err(|error| misconfigured(format!("`custom_ca_bundle`: {error}")))?;
    let insecure = settings.0.bool("insecure") == Some(true);
    let trust = Trust { ca_pem: papers.ca, insecure, ..Trust::default() };
    Ok((trust != Trust::default()).then(|| Arc::new(trust)))
}
