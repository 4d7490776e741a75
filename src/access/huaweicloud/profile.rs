//! A profile of KooCLI's configuration file, `~/.hcloud/config.json`.
//!
//! KooCLI encrypts its keys by default, and only KooCLI can read them: such a file is recognised
//! and the way out is named (terraform-provider-huaweicloud `docs/index.md`, "Shared Configuration
//! File").

use serde::Deserialize;

use crate::access::Secret;
use crate::wire::redact;
use crate::wire::without_mark;

/// What a profile says. Empty texts count as not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) access_key: Option<String>,
    pub(super) secret_key: Option<Secret>,
    pub(super) security_token: Option<Secret>,
    pub(super) token: Option<Secret>,
    pub(super) region: Option<String>,
    pub(super) project_id: Option<String>,
    pub(super) domain_id: Option<String>,
    pub(super) agency_name: Option<String>,
    pub(super) agency_domain_name: Option<String>,
    pub(super) agency_domain_id: Option<String>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    current: String,
    #[serde(default)]
    profiles: Vec<Entry>,
    crypter: Option<serde_json::Value>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    name: String,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    security_token: Option<String>,
    x_auth_token: Option<String>,
    region: Option<String>,
    project_id: Option<String>,
    domain_id: Option<String>,
    agency_name: Option<String>,
    agency_domain_name: Option<String>,
    agency_domain_id: Option<String>,
    sso_auth: Option<Sso>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sso {
    sts_token: Option<Sts>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Sts {
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    security_token: Option<String>,
}

/// Reads a profile by name, or the file's current one.
///
/// # Errors
/// A sentence about the file's content that repeats no value of it but names of profiles.
pub(super) fn read(content: &[u8], name: Option<&str>) -> Result<Profile, String> {
    let file: File = serde_json::from_slice(without_mark(content)).map_err(|reason| {
        let (line, column) = (reason.line(), reason.column());
        format!("is not the JSON of KooCLI (line {line}, column {column})")
    })?;
    let name = name.unwrap_or(&file.current);
    let Some(entry) = file.profiles.iter().find(|entry| entry.name == name) else {
        let known: Vec<&str> = file.profiles.iter().map(|entry| entry.name.as_str()).collect();
        let known = redact::bounded(&known.join("`, `"), 300);
        return Err(format!("has no profile `{}`, but `{known}`", redact::bounded(name, 64)));
    };
    if file.crypter.as_ref().is_some_and(is_set) {
        return Err("has encrypted keys that only KooCLI can read; run \
                    `hcloud configure set --cli-auth-encrypt=false` and configure the profile again"
            .to_owned());
    }
    Ok(entry.profile())
}

/// Whether the file names an encryption: older versions write an empty text.
fn is_set(crypter: &serde_json::Value) -> bool {
    !crypter.is_null() && crypter.as_str() != Some("")
}

impl Entry {
    fn profile(&self) -> Profile {
        let text = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let secret = |field: &Option<String>| text(field).map(Secret::new);
        let mut profile = Profile {
            access_key: text(&self.access_key_id),
            secret_key: secret(&self.secret_access_key),
            security_token: secret(&self.security_token),
            token: secret(&self.x_auth_token),
            region: text(&self.region),
            project_id: text(&self.project_id),
            domain_id: text(&self.domain_id),
            agency_name: text(&self.agency_name),
            agency_domain_name: text(&self.agency_domain_name),
            agency_domain_id: text(&self.agency_domain_id),
        };
        let sts = self.sso_auth.as_ref().and_then(|sso| sso.sts_token.as_ref());
        if let (None, Some(sts)) = (&profile.access_key, sts) {
            profile.access_key = text(&sts.access_key_id);
            profile.secret_key = secret(&sts.secret_access_key);
            profile.security_token = secret(&sts.security_token);
        }
        profile
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_by_name_or_as_the_current_one() {
        let file = br#"{"language":"en","current":"a","profiles":[
            {"name":"a","mode":"AKSK","accessKeyId":"AK","secretAccessKey":"SK","securityToken":"",
             "region":"cn-north-4","projectId":"p","domainId":"d","agencyName":"g",
             "agencyDomainName":"gd","agencyDomainId":"gi","retryCount":1},
            {"name":"b","mode":"SSO","ssoAuth":{"stsToken":{"accessKeyId":"AK2",
             "secretAccessKey":"SK2","securityToken":"ST2"}},"xAuthToken":"T"}]}"#;
        let current = read(file, None).unwrap();
        // As some editors write it.
        assert!(read(&[b"\xef\xbb\xbf", file.as_slice()].concat(), None).is_ok());
        assert_eq!(current.access_key.as_deref(), Some("AK"));
        assert_eq!(current.secret_key, Some(Secret::new("SK")));
        assert_eq!(current.security_token, None);
        assert_eq!(current.agency_domain_id.as_deref(), Some("gi"));
        let other = read(file, Some("b")).unwrap();
        assert_eq!(other.access_key.as_deref(), Some("AK2"));
        assert_eq!(other.security_token, Some(Secret::new("ST2")));
        assert_eq!(other.token, Some(Secret::new("T")));
    }

    #[test]
    fn a_file_that_cannot_be_used_says_why_without_its_content() {
        for (file, expected) in [
            (
                r#"{"current":"a","profiles":[{"name":"b"},{"name":"c"}]}"#,
                "no profile `a`, but `b`, `c`",
            ),
            (
                r#"{"current":"a","profiles":[{"name":"a"}],"crypter":"AES"}"#,
                "--cli-auth-encrypt=false",
            ),
            (r#"{"profiles":[{"name":1,"secretAccessKey":"hush"}]}"#, "line 1, column"),
            ("hush", "line 1, column"),
            ("", "line 1, column"),
        ] {
            let message = read(file.as_bytes(), None).unwrap_err();
            assert!(message.contains(expected), "{message}");
            assert!(!message.contains("hush"), "{message}");
        }
    }
}
