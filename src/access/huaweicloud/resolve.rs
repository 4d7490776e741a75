//! From what a user wrote to one way to log in. Reads variables and files, makes no call.
//!
//! The order is that of the vendor's own provider (terraform-provider-huaweicloud
//! `huaweicloud/provider.go`, `huaweicloud/config/auth.go`): an argument, else its variables; a
//! profile replaces keys and tokens; then the first that is complete of id token, token, key pair,
//! password, and at last the agency of the virtual machine this runs on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::endpoints;
use super::profile::{self, Profile};
use super::settings::{AssumeRole, AssumeRoleWithOidc, Settings, variables};
use super::sign::Key;
use crate::access::{Error, Kind, Secret};
use crate::wire::https::Trust;
use crate::wire::tls::{self, Papers, PapersError};
use crate::wire::{Environment, at_home};

/// Everything that calls need, decided.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The provider's region.
    pub region: Option<String>,
    /// Domain of the cloud, if it is not the usual one.
    pub cloud: Option<String>,
    /// IAM's URL without `v3`, with `/` at its end, if it is not the region's.
    pub auth_url: Option<String>,
    /// Custom endpoints by product, with `/` at their ends.
    pub endpoints: BTreeMap<String, String>,
    /// The project, if it is given.
    pub project_id: Option<String>,
    /// The project's name, if it is not the region's.
    pub project_name: Option<String>,
    /// Id of the account.
    pub domain_id: Option<String>,
    /// How to log in.
    pub source: Source,
    /// Agencies to take on after that, in order.
    pub roles: Vec<Role>,
    /// What TLS connections need beyond the system's trust.
    pub trust: Option<Arc<Trust>>,
}

impl Resolved {
    /// Whether requests carry a token, which belongs to one project, instead of a signature.
    pub fn ends_in_token(&self) -> bool {
        self.roles.is_empty() && matches!(self.source, Source::Token(_) | Source::Password { .. })
    }
}

/// How to log in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A ready token.
    Token(Secret),
    /// A key pair.
    Key(Key),
    /// A user's password, for a token.
    Password {
        /// Who.
        user: User,
        /// The password.
        password: Secret,
    },
    /// An OpenID Connect id token, for a token, for a temporary key.
    Oidc {
        /// Identity provider.
        idp_id: String,
        /// Its token.
        id_token: IdToken,
    },
    /// The agency of the virtual machine, for a temporary key.
    Metadata,
}

/// Who logs in with a password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum User {
    /// By id.
    Id(String),
    /// By name in an account of this id.
    InDomainId(String, String),
    /// By name in an account of this name.
    InDomainName(String, String),
}

/// Where an id token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdToken {
    /// Here.
    Text(Secret),
    /// In a file, that is read whenever it is needed.
    File(PathBuf),
}

/// An agency to take on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub agency: String,
    /// The account that made it.
    pub owner: Owner,
    /// Seconds that the keys live.
    pub seconds: u32,
}

/// The account that made an agency; decides by which API it is taken on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// By name: IAM v3.
    Name(String),
    /// By id: STS v5.
    Id(String),
}

/// How long temporary keys live if nothing is said.
const DEFAULT_SECONDS: u32 = 3600;

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, "configure", message)
}

/// Decides.
///
/// # Errors
/// [`Kind::Configuration`], naming the arguments and variables that would mend it.
pub fn resolve(settings: &Settings, environment: &dyn Environment) -> Result<Resolved, Error> {
    let env = |path: &str| variables(path).iter().find_map(|name| environment.var(name));
    let mut filled = fill(settings.clone(), &env)?;
    if filled.shared_config_file.is_some() || filled.profile.is_some() {
        let profile = read_profile(&filled, environment)?;
        replace(&mut filled, profile);
    }
    let auth_url = filled.auth_url.as_deref().map(identity_base).transpose()?;
    let endpoints = endpoints::custom(&filled.endpoints)?;
    let (source, roles) = (source(&filled, environment)?, roles(&filled)?);
    let trust = trust(&filled, environment)?;
    Ok(Resolved {
        region: filled.region,
        cloud: filled.cloud,
        auth_url,
        endpoints,
        project_id: filled.project_id,
        // The legacy agency acts in the project that was delegated to it.
        project_name: match filled.agency_name {
            Some(_) => filled.delegated_project.or(filled.project_name),
            None => filled.project_name,
        },
        domain_id: filled.domain_id,
        source,
        roles,
        trust,
    })
}

/// Puts variables where nothing was written.
fn fill(given: Settings, env: &dyn Fn(&str) -> Option<String>) -> Result<Settings, Error> {
    let secret = |path: &str| env(path).map(Secret::new);
    let truth = |path: &str| match env(path).map(|text| text.to_ascii_lowercase()) {
        None => Ok(None),
        Some(text) => match text.as_str() {
            "1" | "t" | "true" => Ok(Some(true)),
            "0" | "f" | "false" => Ok(Some(false)),
            _ => {
                Err(wrong(format!("`{}` must be `true` or `false`", variables(path).join("`, `"))))
            }
        },
    };
    let insecure = match given.insecure {
        Some(insecure) => Some(insecure),
        None => truth("insecure")?,
    };
    let with_oidc =
        given.assume_role_with_oidc.is_some() || env("assume_role_with_oidc.idp_id").is_some();
    let mut filled = Settings {
        region: given.region.or_else(|| env("region")),
        access_key: given.access_key.or_else(|| env("access_key")),
        secret_key: given.secret_key.or_else(|| secret("secret_key")),
        security_token: given.security_token.or_else(|| secret("security_token")),
        project_id: given
            .project_id
            .or(given.tenant_id)
            .or_else(|| env("project_id"))
            .or_else(|| env("tenant_id")),
        project_name: given
            .project_name
            .or(given.tenant_name)
            .or_else(|| env("project_name"))
            .or_else(|| env("tenant_name")),
        tenant_id: None,
        tenant_name: None,
        domain_id: given.domain_id.or_else(|| env("domain_id")),
        domain_name: given.domain_name.or_else(|| env("domain_name")),
        user_name: given.user_name.or_else(|| env("user_name")),
        user_id: given.user_id.or_else(|| env("user_id")),
        password: given.password.or_else(|| secret("password")),
        token: given.token.or_else(|| secret("token")),
        auth_url: given.auth_url.or_else(|| env("auth_url")),
        cloud: given.cloud.or_else(|| env("cloud")),
        insecure,
        cacert_file: given.cacert_file.or_else(|| env("cacert_file")),
        cert: given.cert.or_else(|| env("cert")),
        key: given.key.or_else(|| secret("key")),
        shared_config_file: given.shared_config_file.or_else(|| env("shared_config_file")),
        profile: given.profile.or_else(|| env("profile")),
        agency_name: given.agency_name.or_else(|| env("agency_name")),
        agency_domain_name: given.agency_domain_name.or_else(|| env("agency_domain_name")),
        delegated_project: given.delegated_project.or_else(|| env("delegated_project")),
        assume_role: given.assume_role,
        assume_role_with_oidc: given.assume_role_with_oidc,
        endpoints: given.endpoints,
    };
    if with_oidc {
        let oidc = filled.assume_role_with_oidc.take().unwrap_or_default();
        filled.assume_role_with_oidc = Some(fill_oidc(oidc, env)?);
    }
    // The variables alone make a role; with an id token they belong to that.
    if filled.assume_role.is_empty() && !with_oidc && env("assume_role.agency_name").is_some() {
        filled.assume_role.push(AssumeRole::default());
    }
    if let [only] = filled.assume_role.as_mut_slice() {
        *only = fill_role(std::mem::take(only), env)?;
    }
    Ok(filled)
}

fn fill_role(given: AssumeRole, env: &dyn Fn(&str) -> Option<String>) -> Result<AssumeRole, Error> {
    let duration =
        match (given.duration, env("assume_role.duration")) {
            (Some(seconds), _) => Some(seconds),
            (None, Some(text)) => Some(text.parse().map_err(|_| {
                wrong("`HW_ASSUME_ROLE_DURATION` must be a whole number of seconds")
            })?),
            (None, None) => None,
        };
    // A name that was written must not be overruled by a variable's id.
    let domain_id = match &given.domain_name {
        Some(_) => given.domain_id,
        None => given.domain_id.or_else(|| env("assume_role.domain_id")),
    };
    Ok(AssumeRole {
        agency_name: given.agency_name.or_else(|| env("assume_role.agency_name")),
        domain_name: given.domain_name.or_else(|| env("assume_role.domain_name")),
        domain_id,
        duration,
    })
}

fn fill_oidc(
    given: AssumeRoleWithOidc,
    env: &dyn Fn(&str) -> Option<String>,
) -> Result<AssumeRoleWithOidc, Error> {
    // One of the two that was written is enough; a variable must not make them two.
    let written = given.id_token.is_some() || given.id_token_file.is_some();
    let variable = |path: &str| if written { None } else { env(path) };
    Ok(AssumeRoleWithOidc {
        role: fill_role(given.role, env)?,
        idp_id: given.idp_id.or_else(|| env("assume_role_with_oidc.idp_id")),
        id_token: given
            .id_token
            .or_else(|| variable("assume_role_with_oidc.id_token").map(Secret::new)),
        id_token_file: given
            .id_token_file
            .or_else(|| variable("assume_role_with_oidc.id_token_file")),
    })
}

fn read_profile(filled: &Settings, environment: &dyn Environment) -> Result<Profile, Error> {
    let path = filled.shared_config_file.as_deref().unwrap_or("~/.hcloud/config.json");
    let content = environment.read(&at_home(path, environment)).map_err(|reason| {
        wrong(format!(
            "the shared configuration file `{path}` cannot be read: {reason} (`shared_config_file` \
             or HW_SHARED_CONFIG_FILE names it, `profile` or HW_PROFILE asks for it)"
        ))
    })?;
    profile::read(&content, filled.profile.as_deref())
        .map_err(|reason| wrong(format!("the shared configuration file `{path}` {reason}")))
}

/// A profile replaces key and token as a whole, and of the rest what it has.
fn replace(filled: &mut Settings, profile: Profile) {
    filled.access_key = profile.access_key;
    filled.secret_key = profile.secret_key;
    filled.security_token = profile.security_token;
    filled.token = profile.token;
    let put = |place: &mut Option<String>, value: Option<String>| {
        if value.is_some() {
            *place = value;
        }
    };
    put(&mut filled.region, profile.region);
    put(&mut filled.project_id, profile.project_id);
    put(&mut filled.domain_id, profile.domain_id);
    if profile.agency_name.is_some() {
        filled.assume_role = vec![AssumeRole {
            agency_name: profile.agency_name,
            domain_name: profile.agency_domain_name,
            domain_id: profile.agency_domain_id,
            duration: None,
        }];
    }
}

fn source(filled: &Settings, environment: &dyn Environment) -> Result<Source, Error> {
    if let Some(oidc) = &filled.assume_role_with_oidc {
        return oidc_source(oidc, environment);
    }
    if let Some(token) = &filled.token {
        return Ok(Source::Token(token.clone()));
    }
    match (&filled.access_key, &filled.secret_key) {
        (Some(access_key), Some(secret_key)) => {
            // A line's end behind a key would spend one of the five tries after which it is locked.
            let trimmed = |secret: &Secret| Secret::new(secret.reveal().trim());
            return Ok(Source::Key(Key {
                access_key: access_key.trim().to_owned(),
                secret_key: trimmed(secret_key),
                security_token: filled.security_token.as_ref().map(trimmed),
            }));
        }
        (Some(_), None) => return Err(half("access_key", "secret_key")),
        (None, Some(_)) => return Err(half("secret_key", "access_key")),
        (None, None) => {}
    }
    let password = filled.password.clone();
    let user = match (&filled.user_id, &filled.user_name) {
        (Some(id), _) => Some(User::Id(id.clone())),
        (None, Some(name)) => match (&filled.domain_id, &filled.domain_name) {
            (Some(domain), _) => Some(User::InDomainId(name.clone(), domain.clone())),
            (None, Some(domain)) => Some(User::InDomainName(name.clone(), domain.clone())),
            (None, None) => return Err(half("user_name", "domain_name")),
        },
        (None, None) => None,
    };
    match (user, password) {
        (Some(user), Some(password)) => Ok(Source::Password { user, password }),
        (Some(_), None) => Err(half("user_name` or `user_id", "password")),
        (None, Some(_)) => Err(half("password", "user_name")),
        (None, None) => Ok(Source::Metadata),
    }
}

fn half(given: &str, missing: &str) -> Error {
    let variables = variables(missing).join(" or ");
    wrong(format!("`{given}` is given, but not `{missing}`: set it, or {variables}"))
}

fn oidc_source(oidc: &AssumeRoleWithOidc, environment: &dyn Environment) -> Result<Source, Error> {
    let idp_id = oidc.idp_id.clone().ok_or_else(|| {
        wrong("`assume_role_with_oidc` needs `idp_id`: set it, or HW_ASSUME_ROLE_IDP_ID")
    })?;
    let id_token = match (&oidc.id_token, &oidc.id_token_file) {
        (Some(token), None) => IdToken::Text(token.clone()),
        (None, Some(path)) => IdToken::File(at_home(path, environment)),
        _ => {
            return Err(wrong(
                "`assume_role_with_oidc` needs exactly one of `id_token` \
                 (HW_ASSUME_ROLE_ID_TOKEN) and `id_token_file` (HW_ASSUME_ROLE_ID_TOKEN_FILE)",
            ));
        }
    };
    Ok(Source::Oidc { idp_id, id_token })
}

/// The agency of the id token, the legacy agency, then the chain.
fn roles(filled: &Settings) -> Result<Vec<Role>, Error> {
    let mut all = Vec::new();
    if let Some(oidc) = &filled.assume_role_with_oidc
        && oidc.role.agency_name.is_some()
    {
        all.push(role("assume_role_with_oidc", &oidc.role)?);
    }
    if filled.agency_name.is_some() {
        let legacy = AssumeRole {
            agency_name: filled.agency_name.clone(),
            domain_name: filled.agency_domain_name.clone(),
            ..AssumeRole::default()
        };
        if legacy.domain_name.is_none() {
            return Err(half("agency_name", "agency_domain_name"));
        }
        all.push(role("agency_name", &legacy)?);
    }
    for one in &filled.assume_role {
        all.push(role("assume_role", one)?);
    }
    Ok(all)
}

fn role(argument: &str, given: &AssumeRole) -> Result<Role, Error> {
    let agency = given.agency_name.clone().ok_or_else(|| {
        wrong(format!("`{argument}` needs `agency_name`: set it, or HW_ASSUME_ROLE_AGENCY_NAME"))
    })?;
    let owner = match (&given.domain_id, &given.domain_name) {
        (Some(id), _) => Owner::Id(id.clone()),
        (None, Some(name)) => Owner::Name(name.clone()),
        (None, None) => {
            return Err(wrong(format!(
                "`{argument}` needs the account that made the agency: set `domain_id` \
                 (HW_ASSUME_ROLE_DOMAIN_ID) or `domain_name` (HW_ASSUME_ROLE_DOMAIN_NAME)"
            )));
        }
    };
    let seconds = match given.duration {
        None => DEFAULT_SECONDS,
        Some(seconds) => u32::try_from(seconds)
            .ok()
            .filter(|seconds| (900..=86400).contains(seconds))
            .ok_or_else(|| wrong(format!("`{argument}.duration` must be 900 to 86400 seconds")))?,
    };
    Ok(Role { agency, owner, seconds })
}

/// IAM's URL without its version, which belongs to the paths.
fn identity_base(auth_url: &str) -> Result<String, Error> {
    let url = endpoints::complete("auth_url", auth_url)?;
    Ok(url.strip_suffix("v3/").unwrap_or(&url).to_owned())
}

fn trust(filled: &Settings, environment: &dyn Environment) -> Result<Option<Arc<Trust>>, Error> {
    let pem = |argument: &str, text: &str| {
        if text.contains("-----BEGIN") {
            return Ok(text.as_bytes().to_vec());
        }
        let path = at_home(text, environment);
        environment
            .read(Path::new(&path))
            .map_err(|reason| wrong(format!("the file of `{argument}` cannot be read: {reason}")))
    };
    let client = match (&filled.cert, &filled.key) {
        (Some(cert), Some(key)) => Some((pem("cert", cert)?, pem("key", key.reveal())?)),
        (Some(_), None) => return Err(half("cert", "key")),
        (None, Some(_)) => return Err(half("key", "cert")),
        (None, None) => None,
    };
    let ca = filled.cacert_file.as_deref().map(|file| pem("cacert_file", file)).transpose()?;
    let papers = Papers { ca, client };
    tls::check(&papers).map_err(|error| {
        let argument = if error == PapersError::Ca { "`cacert_file`" } else { "`cert` and `key`" };
        wrong(format!("{argument}: {error}"))
    })?;
    let Papers { ca: ca_pem, client } = papers;
    let identity_pem = client.map(|(cert, key)| [cert, key].join(&b'\n'));
    let trust = Trust { ca_pem, identity_pem, insecure: filled.insecure == Some(true) };
    Ok((trust != Trust::default()).then(|| Arc::new(trust)))
}
