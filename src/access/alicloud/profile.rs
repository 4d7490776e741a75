//! The profiles of the `aliyun` command line: `~/.aliyun/config.json`.
//!
//! Source: aliyun/aliyun-cli `config/profile.go` and aliyun/credentials-go
//! `providers/cli_profile.go`. The file is read, never written: a login that needs a person, or
//! whose result would have to be stored, is left to the command line.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Deserialize;
use serde_json::Value;

use super::sign::Key;
use super::source::{KeyUrl, Login, Oidc, Role, Source, Token};
use super::{metadata, misconfigured};
use crate::access::instant::rfc3339;
use crate::access::{Error, Kind, Secret};
use crate::wire::{Environment, without_mark};

/// A file of profiles.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    profiles: Vec<Profile>,
}

/// One profile, with the keys that a login without a person can use.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
struct Profile {
    name: String,
    mode: String,
    region_id: String,
    access_key_id: String,
    access_key_secret: String,
    sts_token: String,
    sts_expiration: i64,
    sts_region: String,
    ram_role_name: String,
    ram_role_arn: String,
    ram_session_name: String,
    external_id: String,
    policy: String,
    expired_seconds: u32,
    source_profile: String,
    process_command: String,
    credentials_uri: String,
    oidc_provider_arn: String,
    oidc_token_file: String,
}

/// What a profile gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) source: Source,
    pub(super) region: Option<String>,
    /// Whether the source ends in a role that is only a default: a block can name another one.
    pub(super) own_role: bool,
}

/// The profile `name` of the file `path`, or of the file in the home folder.
pub(super) fn choose(
    name: &str,
    path: Option<&str>,
    environment: &dyn Environment,
) -> Result<Chosen, Error> {
    let path = locate(path, environment)?;
    let bytes = environment.read(&path).map_err(|reason| {
        misconfigured(format!(
            "the profile `{name}` cannot be read from `{}` ({reason}): run `aliyun configure`, or \
             set `shared_credentials_file` or the environment variable \
             `ALICLOUD_SHARED_CREDENTIALS_FILE`",
            path.display()
        ))
    })?;
    // What the parser has to say could quote a secret.
    let refused = |place: String| {
        misconfigured(format!("`{}` is not a file of profiles: {place}", path.display()))
    };
    let mut file: Value = serde_json::from_slice(without_mark(&bytes)).map_err(|reason| {
        refused(format!("see line {} column {}", reason.line(), reason.column()))
    })?;
    without_nulls(&mut file);
    let file: File = serde_json::from_value(file)
        .map_err(|_| refused("a value in it is not of its kind".to_owned()))?;
    let profile = find(&file, name, &path)?;
    let region = Some(profile.region_id.clone()).filter(|region| !region.is_empty());
    let mode = profile.mode().to_ascii_lowercase();
    let own_role = ["ramrolearn", "ramrolearnwithrolename"].contains(&mode.as_str());
    let source = source(&file, profile, &path, &mut Vec::new())?;
    Ok(Chosen { source, region, own_role })
}

/// Takes out keys that say nothing: the command line writes `null` for what is not given.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn locate(path: Option<&str>, environment: &dyn Environment) -> Result<PathBuf, Error> {
    let home = || {
        environment.home().ok_or_else(|| {
            misconfigured(
                "there is no home folder to look for profiles in: set `shared_credentials_file`",
            )
        })
    };
    match path {
        None => Ok(home()?.join(".aliyun").join("config.json")),
        Some(path) => match path.strip_prefix("~/") {
            Some(rest) => Ok(home()?.join(rest)),
            None => Ok(PathBuf::from(path)),
        },
    }
}

fn find<'a>(file: &'a File, name: &str, path: &Path) -> Result<&'a Profile, Error> {
    file.profiles.iter().find(|profile| profile.name == name).ok_or_else(|| {
        misconfigured(format!(
            "there is no profile `{name}` in `{}`: set `profile` or the environment variable \
             `ALICLOUD_PROFILE` to one of its profiles",
            path.display()
        ))
    })
}

/// The source that a profile describes; `visited` are the profiles that lead to it.
fn source(
    file: &File,
    profile: &Profile,
    path: &Path,
    visited: &mut Vec<String>,
) -> Result<Source, Error> {
    if visited.contains(&profile.name) {
        visited.push(profile.name.clone());
        let chain = visited.join("` → `");
        return Err(misconfigured(format!("the profiles `{chain}` name each other in a circle")));
    }
    visited.push(profile.name.clone());
    match profile.mode().to_ascii_lowercase().as_str() {
        "ak" => Ok(Source::Fixed(profile.key(None)?)),
        "ststoken" => Ok(Source::Fixed(profile.sts_key()?)),
        "ramrolearn" => {
            let token = profile.given(&profile.sts_token);
            let base = Source::Fixed(profile.key(token)?);
            Ok(Source::Role { base: Box::new(base), role: profile.role()? })
        }
        "ecsramrole" => Ok(profile.metadata()),
        "ramrolearnwithrolename" => {
            Ok(Source::Role { base: Box::new(profile.metadata()), role: profile.role()? })
        }
        "chainableramrolearn" => {
            let name = profile.need("source_profile", &profile.source_profile)?;
            let base = source(file, find(file, &name, path)?, path, visited)?;
            Ok(Source::Role { base: Box::new(base), role: profile.role()? })
        }
        "external" => {
            Ok(Source::Process(profile.need("process_command", &profile.process_command)?))
        }
        "credentialsuri" => {
            let url = profile.need("credentials_uri", &profile.credentials_uri)?;
            Ok(Source::Uri(KeyUrl(metadata::credentials_uri(&url)?)))
        }
        "oidc" => Ok(Source::Oidc(Oidc {
            provider_arn: profile.need("oidc_provider_arn", &profile.oidc_provider_arn)?,
            token: Token::File(profile.need("oidc_token_file", &profile.oidc_token_file)?.into()),
            role: profile.role()?,
        })),
        "cloudsso" => profile.session("CloudSSO"),
        "oauth" => profile.session("OAuth"),
        _ => Err(misconfigured(format!(
            "the profile `{}` has the mode `{}`, which this provider cannot log in with: use one \
             of AK, StsToken, RamRoleArn, EcsRamRole, RamRoleArnWithRoleName, \
             ChainableRamRoleArn, External, CredentialsURI, OIDC, CloudSSO, OAuth",
            profile.name, profile.mode
        ))),
    }
}

impl Profile {
    /// The mode; old files have none beside a key.
    fn mode(&self) -> &str {
        if self.mode.is_empty() && !self.access_key_id.is_empty() {
            return if self.sts_token.is_empty() { "AK" } else { "StsToken" };
        }
        &self.mode
    }

    fn given(&self, text: &str) -> Option<Secret> {
        (!text.is_empty()).then(|| Secret::new(text))
    }

    fn need(&self, name: &str, value: &str) -> Result<String, Error> {
        if !value.is_empty() {
            return Ok(value.to_owned());
        }
        let profile = &self.name;
        Err(misconfigured(format!(
            "the profile `{profile}` has no `{name}`: run `aliyun configure --profile {profile} \
             --mode {}`",
            self.mode()
        )))
    }

    fn key(&self, security_token: Option<Secret>) -> Result<Key, Error> {
        Ok(Key {
            access_key: self.need("access_key_id", &self.access_key_id)?,
            secret_key: Secret::new(self.need("access_key_secret", &self.access_key_secret)?),
            security_token,
        })
    }

    fn sts_key(&self) -> Result<Key, Error> {
        self.key(Some(Secret::new(self.need("sts_token", &self.sts_token)?)))
    }

    fn metadata(&self) -> Source {
        let role = &self.ram_role_name;
        Source::Metadata { role: (!role.is_empty()).then(|| role.clone()) }
    }

    fn role(&self) -> Result<Role, Error> {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Ok(Role {
            arn: self.need("ram_role_arn", &self.ram_role_arn)?,
            session_name: some(&self.ram_session_name).unwrap_or_else(|| "terraform".to_owned()),
            policy: some(&self.policy),
            external_id: some(&self.external_id),
            seconds: if self.expired_seconds == 0 { 3600 } else { self.expired_seconds },
            sts_region: some(&self.sts_region),
        })
    }

    /// What an interactive login left behind, if it is whole.
    fn session(&self, mode: &'static str) -> Result<Source, Error> {
        let seconds = u64::try_from(self.sts_expiration).unwrap_or(0);
        let expires_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        match (self.sts_key(), expires_at) {
            (Ok(key), Some(expires_at)) if seconds > 0 => {
                Ok(Source::Session { key, expires_at, profile: self.name.clone(), mode })
            }
            _ => Err(session_over(&self.name, mode)),
        }
    }
}

/// That a person has to log in again, and how.
pub(super) fn session_over(profile: &str, mode: &str) -> Error {
    let message = format!(
        "the {mode} login of the profile `{profile}` is over: run `aliyun sts GetCallerIdentity \
         --profile {profile}` to renew it, or `aliyun configure --profile {profile} --mode {mode}` \
         to log in again"
    );
    Error::new(Kind::Credentials, super::LOGIN, message)
}

/// The key that the program of an `External` profile printed.
pub(super) fn printed_login(output: &[u8]) -> Option<Login> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Printed {
        access_key_id: String,
        access_key_secret: String,
        sts_token: String,
        expiration: String,
    }
    let printed: Printed = serde_json::from_slice(output).ok()?;
    let expires_at = match printed.expiration.as_str() {
        "" => None,
        text => Some(rfc3339(text)?),
    };
    if printed.access_key_id.is_empty() || printed.access_key_secret.is_empty() {
        return None;
    }
    let token = printed.sts_token;
    Some(Login {
        key: Key {
            access_key: printed.access_key_id,
            secret_key: Secret::new(printed.access_key_secret),
            security_token: (!token.is_empty()).then(|| Secret::new(token)),
        },
        expires_at,
    })
}
