//! The profiles that the AWS command line and SDKs share: `~/.aws/config` and `~/.aws/credentials`.
//!
//! <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>. The files are read, never
//! written. What a profile holds wins over the other in the order of the vendor's Go SDK
//! (`config/resolve_credentials.go`).

use std::collections::BTreeMap;
use std::path::PathBuf;

use http::Uri;
use sha1::{Digest, Sha1};

use super::sign::Key;
use super::source::{Role, SESSION, Source, Sso, Token};
use super::{container, misconfigured};
use crate::access::{Error, Secret, sections};
use crate::wire::{Environment, at_home, without_mark};

/// The keys of one section.
type Section = BTreeMap<String, String>;

/// Where profiles are, and the one that is meant.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Files in which sections are called `profile x`, the last counting first.
    pub(super) config: Vec<String>,
    /// Files in which sections are called `x`; they count before the others.
    pub(super) credentials: Vec<String>,
    pub(super) name: String,
    /// Whether somebody named it, so that it must be there.
    pub(super) is_named: bool,
    /// Where an instance's metadata are; None if they shall not be asked.
    pub(super) metadata: Option<Uri>,
}

/// Every profile of the files.
#[derive(Debug, Default)]
pub(super) struct Profiles {
    profiles: BTreeMap<String, Section>,
    sso_sessions: BTreeMap<String, Section>,
}

impl Profiles {
    /// Reads the files. One that is not there holds nothing.
    ///
    /// # Errors
    /// [`Kind::Configuration`](crate::access::Kind) naming a file that cannot be read.
    pub(super) fn read(place: &Place, environment: &dyn Environment) -> Result<Profiles, Error> {
        let mut all = Profiles::default();
        for path in &place.config {
            for (title, section) in sections_of(path, environment)? {
                match title.split_once(char::is_whitespace) {
                    Some(("profile", name)) => all.add(name.trim(), section),
                    Some(("sso-session", name)) => {
                        all.sso_sessions.entry(name.trim().to_owned()).or_default().extend(section);
                    }
                    None if title == "default" => all.add("default", section),
                    _ => {}
                }
            }
        }
        for path in &place.credentials {
            for (title, section) in sections_of(path, environment)? {
                all.add(&title, section);
            }
        }
        let known = all.profiles.contains_key(&place.name);
        if place.is_named && !known {
            let files = [place.config.as_slice(), &place.credentials].concat().join("`, `");
            return Err(misconfigured(format!(
                "there is no profile `{}` in `{files}`: set `profile` or the environment variable \
                 `AWS_PROFILE` to one of theirs",
                place.name
            )));
        }
        Ok(all)
    }

    fn add(&mut self, name: &str, section: Section) {
        self.profiles.entry(name.to_owned()).or_default().extend(section);
    }

    /// The region of a profile.
    pub(super) fn region(&self, name: &str) -> Option<String> {
        self.profiles.get(name)?.get("region").cloned()
    }

    /// The source that the profile describes; without one, what is beside it: a container, an
    /// instance.
    ///
    /// # Errors
    /// [`Kind::Configuration`](crate::access::Kind) naming profile and key.
    pub(super) fn source(
        &self,
        place: &Place,
        environment: &dyn Environment,
    ) -> Result<Source, Error> {
        let reading = Reading { profiles: self, place, environment };
        reading.source(&place.name, &mut Vec::new())
    }
}

/// The sections of a file by their titles.
fn sections_of(path: &str, environment: &dyn Environment) -> Result<Vec<(String, Section)>, Error> {
    let place = at_home(path, environment);
    let bytes = match environment.read(&place) {
        Ok(bytes) => bytes,
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(reason) => {
            return Err(misconfigured(format!("`{}` cannot be read: {reason}", place.display())));
        }
    };
    // What the parser has to say could quote a secret.
    let wrong = || misconfigured(format!("`{}` is not a file of profiles", place.display()));
    let text = std::str::from_utf8(without_mark(&bytes)).map_err(|_| wrong())?;
    let file = sections::read(text).ok_or_else(wrong)?;
    let section = |(title, keys): (Option<&str>, &ini::Properties)| {
        let keys = keys.iter().map(|(key, value)| (key.to_lowercase(), uncommented(value)));
        let keys = keys.filter(|(_, value)| !value.is_empty());
        Some((title?.trim().to_owned(), keys.collect()))
    };
    Ok(file.iter().filter_map(section).collect())
}

/// A value without the comment behind it, which begins after a blank.
fn uncommented(value: &str) -> String {
    let ends = [" #", " ;", "\t#", "\t;"].iter().filter_map(|mark| value.find(mark)).min();
    value[..ends.unwrap_or(value.len())].trim().to_owned()
}

/// One profile on the way to its source.
struct Reading<'a> {
    profiles: &'a Profiles,
    place: &'a Place,
    environment: &'a dyn Environment,
}

impl Reading<'_> {
    /// `visited` are the profiles that lead to this one.
    fn source(&self, name: &str, visited: &mut Vec<String>) -> Result<Source, Error> {
        if visited.iter().any(|one| one == name) {
            let chain = visited.join("` → `");
            let message = format!("the profiles `{chain}` → `{name}` name each other in a circle");
            return Err(misconfigured(message));
        }
        visited.push(name.to_owned());
        let empty = Section::new();
        let section = self.profiles.profiles.get(name).unwrap_or(&empty);
        let get = |key: &str| section.get(key).cloned();
        let own = || own_key(name, section);
        let role = get("role_arn");
        let Some(arn) = role.filter(|_| get("web_identity_token_file").is_none()) else {
            return self.plain(name, section);
        };
        if get("mfa_serial").is_some() {
            return Err(misconfigured(format!(
                "the profile `{name}` asks for a code of the device in `mfa_serial`, which nobody \
                 can type here: log in with `aws sts assume-role` and give its key, or use a role \
                 that asks for none"
            )));
        }
        let base = match (get("source_profile"), get("credential_source")) {
            (Some(_), Some(_)) => {
                return Err(misconfigured(format!(
                    "the profile `{name}` has both `source_profile` and `credential_source`, of \
                     which only one can be meant"
                )));
            }
            // A profile that names itself means its own key.
            (Some(base), None) if base == name => own()?.ok_or_else(|| keyless(name))?,
            (Some(base), None) => {
                if !self.profiles.profiles.contains_key(&base) {
                    return Err(misconfigured(format!(
                        "the profile `{name}` names `{base}` as its `source_profile`, which there \
                         is not"
                    )));
                }
                self.source(&base, visited)?
            }
            (None, Some(place)) => self.named(name, &place)?,
            (None, None) => return Err(keyless(name)),
        };
        let role = self.role(name, section, arn)?;
        Ok(Source::Role { base: Box::new(base), role })
    }

    /// What a profile without a role to assume by another's key gives.
    fn plain(&self, name: &str, section: &Section) -> Result<Source, Error> {
        if let Some(source) = own_key(name, section)? {
            return Ok(source);
        }
        if let Some(path) = section.get("web_identity_token_file") {
            let arn = section.get("role_arn").ok_or_else(|| {
                misconfigured(format!(
                    "the profile `{name}` has a `web_identity_token_file` and no `role_arn`"
                ))
            })?;
            let token = Token::File(at_home(path, self.environment));
            let role = self.role(name, section, arn.clone())?;
            return Ok(Source::WebIdentity { token, role });
        }
        if let Some(sso) = self.sso(name, section)? {
            return Ok(Source::Sso(sso));
        }
        if let Some(command) = section.get("credential_process") {
            return Ok(Source::Process(command.clone()));
        }
        self.beside()
    }

    /// A container's or an instance's keys.
    fn beside(&self) -> Result<Source, Error> {
        if let Some(container) = container::named(self.environment)? {
            return Ok(Source::Container(container));
        }
        let metadata = self.place.metadata.clone();
        metadata.map(Source::Instance).ok_or_else(|| {
            misconfigured(
                "there are no credentials for AWS: set `access_key` and `secret_key` \
                 (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`), `profile` (`AWS_PROFILE`) or \
                 `assume_role_with_web_identity`; the metadata of an EC2 instance shall not be asked",
            )
        })
    }

    /// What `credential_source` names.
    fn named(&self, profile: &str, place: &str) -> Result<Source, Error> {
        let wrong = |what: &str| {
            misconfigured(format!(
                "the profile `{profile}` has the `credential_source` `{place}`, {what}"
            ))
        };
        match place {
            "Environment" => environment_key(self.environment)?
                .map(Source::Fixed)
                .ok_or_else(|| wrong("but there is no key in the environment")),
            "EcsContainer" => container::named(self.environment)?
                .map(Source::Container)
                .ok_or_else(|| wrong("but this is no container of ECS or EKS")),
            "Ec2InstanceMetadata" => self
                .place
                .metadata
                .clone()
                .map(Source::Instance)
                .ok_or_else(|| wrong("whose metadata shall not be asked")),
            _ => Err(wrong("which is none of Environment, EcsContainer and Ec2InstanceMetadata")),
        }
    }

    fn role(&self, name: &str, section: &Section, arn: String) -> Result<Role, Error> {
        let get = |key: &str| section.get(key).cloned();
        let seconds = get("duration_seconds").map(|text| {
            text.parse().ok().filter(|it| SESSION.contains(it)).ok_or_else(|| {
                misconfigured(format!(
                    "`duration_seconds` of the profile `{name}` must be 900 to 43200"
                ))
            })
        });
        Ok(Role {
            arn,
            session_name: get("role_session_name").unwrap_or_else(|| "terraform".to_owned()),
            external_id: get("external_id"),
            seconds: seconds.transpose()?,
            ..Role::default()
        })
    }

    fn sso(&self, name: &str, section: &Section) -> Result<Option<Sso>, Error> {
        let session = section.get("sso_session");
        let (place, cached) = match (session, section.get("sso_start_url")) {
            (Some(session), _) => {
                let place = self.profiles.sso_sessions.get(session).ok_or_else(|| {
                    misconfigured(format!(
                        "the profile `{name}` names the SSO session `{session}`, which there is \
                         not: run `aws configure sso-session`"
                    ))
                })?;
                (place, session)
            }
            (None, Some(url)) => (section, url),
            (None, None) => return Ok(None),
        };
        let need = |place: &Section, key: &str| {
            place.get(key).cloned().ok_or_else(|| {
                misconfigured(format!("the profile `{name}` has an SSO login without `{key}`"))
            })
        };
        Ok(Some(Sso {
            profile: name.to_owned(),
            cache: self.cache(cached),
            region: need(place, "sso_region")?,
            account_id: need(section, "sso_account_id")?,
            role_name: need(section, "sso_role_name")?,
        }))
    }

    /// Where the command line keeps the token of a session, or of a start URL.
    fn cache(&self, of: &str) -> PathBuf {
        let file = hex::encode(Sha1::digest(of.as_bytes()));
        at_home(&format!("~/.aws/sso/cache/{file}.json"), self.environment)
    }
}

/// The key that stands in a profile.
fn own_key(name: &str, section: &Section) -> Result<Option<Source>, Error> {
    let get = |key: &str| section.get(key).cloned();
    let key = key(get("aws_access_key_id"), get("aws_secret_access_key"), get("aws_session_token"));
    let half = || misconfigured(format!("the profile `{name}` has half of a key"));
    Ok(key.map_err(|_| half())?.map(Source::Fixed))
}

/// The key that stands in the environment.
pub(super) fn environment_key(environment: &dyn Environment) -> Result<Option<Key>, Error> {
    let var = |name: &str| environment.var(name);
    let token = var("AWS_SESSION_TOKEN");
    key(var("AWS_ACCESS_KEY_ID"), var("AWS_SECRET_ACCESS_KEY"), token).map_err(|missing| {
        let name =
            if missing == Half::Secret { "AWS_SECRET_ACCESS_KEY" } else { "AWS_ACCESS_KEY_ID" };
        misconfigured(format!("the environment has half of a key: set `{name}` as well"))
    })
}

/// Which half of a key is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    /// `access_key`
    Access,
    /// `secret_key`
    Secret,
}

/// A key of its parts, blanks around them left out; None if there is none.
pub(super) fn key(
    access_key: Option<String>,
    secret_key: Option<String>,
    token: Option<String>,
) -> Result<Option<Key>, Half> {
    let plain = |text: Option<String>| {
        text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    match (plain(access_key), plain(secret_key)) {
        (Some(access_key), Some(secret_key)) => Ok(Some(Key {
            access_key,
            secret_key: Secret::new(secret_key),
            security_token: plain(token).map(Secret::new),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(Half::Secret),
        (None, Some(_)) => Err(Half::Access),
    }
}

fn keyless(name: &str) -> Error {
    misconfigured(format!(
        "the profile `{name}` has a `role_arn` and no key to assume it with: give it a \
         `source_profile` or a `credential_source`"
    ))
}
