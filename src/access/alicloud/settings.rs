//! The arguments of the provider block's `alicloud` object, and what environment variables add.
//!
//! Names, variables and their order are those of the vendor's own provider, aliyun/alicloud
//! (`alicloud/provider.go` and its documentation). Nothing is read but the environment.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::endpoints::{Endpoint, PRODUCTS, checked};
use super::metadata::credentials_uri;
use super::misconfigured;
use super::sign::Key;
use super::source::{Oidc, Role, Token};
use crate::access::{Error, Given, Secret, Setting, Shape};
use crate::wire::Environment;

const ROLE: &[Setting] = &[
    Setting::text(
        "role_arn",
        &["ALICLOUD_ASSUME_ROLE_ARN", "ALIBABA_CLOUD_ROLE_ARN"],
        "Role to assume, like `acs:ram::<account>:role/<name>`.",
    ),
    Setting::text(
        "session_name",
        &["ALICLOUD_ASSUME_ROLE_SESSION_NAME", "ALIBABA_CLOUD_ROLE_SESSION_NAME"],
        "Name under which the session appears in the cloud's audit trail. Default `terraform`.",
    ),
    Setting::text("policy", &[], "Policy in JSON that narrows what the session may do."),
    Setting::text(
        "session_expiration",
        &["ALICLOUD_ASSUME_ROLE_SESSION_EXPIRATION"],
        "Seconds that a session lasts, 900 to 43200. Default 3600.",
    )
    .shaped(Shape::Integer),
    Setting::text("external_id", &[], "External id that the role's trust policy asks for."),
];

const OIDC: &[Setting] = &[
    Setting::text(
        "oidc_provider_arn",
        &["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"],
        "OIDC identity provider in RAM, like `acs:ram::<account>:oidc-provider/<name>`.",
    ),
    Setting::text("role_arn", &["ALIBABA_CLOUD_ROLE_ARN"], "Role to assume."),
    Setting::text("oidc_token", &["ALIBABA_CLOUD_OIDC_TOKEN"], "The OIDC token itself.").secret(),
    Setting::text(
        "oidc_token_file",
        &["ALIBABA_CLOUD_OIDC_TOKEN_FILE"],
        "File that holds the OIDC token. Read again for every new session.",
    ),
    Setting::text(
        "role_session_name",
        &["ALIBABA_CLOUD_ROLE_SESSION_NAME"],
        "Name of the session. Default `terraform`.",
    ),
    Setting::text("policy", &[], "Policy in JSON that narrows what the session may do."),
    Setting::text("session_expiration", &[], "Seconds that a session lasts. Default 3600.")
        .shaped(Shape::Integer),
];

/// The arguments, in the order of documentation.
pub static ATTRIBUTES: &[Setting] = &[
    Setting::text(
        "region",
        &["ALICLOUD_REGION", "ALIBABA_CLOUD_REGION"],
        "Region, like `cn-hangzhou`. Default: that of the profile, else `cn-beijing`.",
    ),
    Setting::text(
        "access_key",
        &["ALICLOUD_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABACLOUD_ACCESS_KEY_ID"],
        "Access key id.",
    ),
    Setting::text(
        "secret_key",
        &[
            "ALICLOUD_SECRET_KEY",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET",
            "ALIBABACLOUD_ACCESS_KEY_SECRET",
        ],
        "Access key secret.",
    )
    .secret(),
    Setting::text(
        "security_token",
        &["ALICLOUD_SECURITY_TOKEN", "ALIBABA_CLOUD_SECURITY_TOKEN", "ALIBABACLOUD_SECURITY_TOKEN"],
        "Token beside a temporary access key.",
    )
    .secret(),
    Setting::text(
        "profile",
        &["ALICLOUD_PROFILE", "ALIBABA_CLOUD_PROFILE"],
        "Profile of the `aliyun` command line to log in with, unless an access key is given.",
    ),
    Setting::text(
        "shared_credentials_file",
        &["ALICLOUD_SHARED_CREDENTIALS_FILE", "ALIBABA_CLOUD_CREDENTIALS_FILE"],
        "Where the profiles are. Default `~/.aliyun/config.json`.",
    ),
    Setting::text(
        "credentials_uri",
        &["ALICLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_CREDENTIALS_URI"],
        "URL that answers with a temporary key. Plain `http` is accepted only for \
         loopback and the instance metadata address.",
    ),
    Setting::text(
        "ecs_role_name",
        &["ALICLOUD_ECS_ROLE_NAME", "ALIBABA_CLOUD_ECS_METADATA"],
        "RAM role of the ECS instance that this runs on.",
    ),
    Setting::text(
        "assume_role",
        &[],
        "A role to assume with the credentials found otherwise. \
         Variables alone do not switch it on: the object must be there.",
    )
    .shaped(Shape::Object(ROLE)),
    Setting::text("assume_role_with_oidc", &[], "A role to assume with an OIDC token, as in ACK.")
        .shaped(Shape::Object(OIDC)),
    Setting::text(
        "endpoints",
        &[],
        "Other endpoints, by product. Plain `http` is accepted only for loopback. Each also has a \
         variable, like `ALIBABA_CLOUD_ENDPOINT_ECS`.",
    )
    .shaped(Shape::Map(PRODUCTS)),
];

/// How long the cloud lets a session last at most, in seconds (`AssumeRole`, `DurationSeconds`).
const SESSION: RangeInclusive<i64> = 900..=43_200;

/// The arguments that were given, checked as far as they can be without the environment.
#[derive(Clone, Debug)]
pub struct Settings(Given);

impl Settings {
    /// Takes the arguments of [`ATTRIBUTES`].
    ///
    /// # Errors
    /// [`Kind::Configuration`](crate::access::Kind) naming the argument at fault.
    pub fn new(given: &Given) -> Result<Settings, Error> {
        if let Some(region) = given.text("region") {
            checked(&region)?;
        }
        if let Some(uri) = given.text("credentials_uri") {
            credentials_uri(&uri)?;
        }
        for (product, endpoint) in given.map("endpoints") {
            if !PRODUCTS.contains(&product.as_str()) {
                let known = PRODUCTS.join("`, `");
                let message = format!("`endpoints` has no key `{product:.64}`, but `{known}`");
                return Err(misconfigured(message));
            }
            Endpoint::custom(&product, &endpoint)?;
        }
        for block in ["assume_role", "assume_role_with_oidc"] {
            for given in given.objects(block) {
                let text = given.integer("session_expiration").map(|number| number.to_string());
                seconds(block, text)?;
            }
        }
        Ok(Settings(given.clone()))
    }
}

/// What was given, with variables where nothing was written.
#[derive(Clone, Debug, Default)]
pub(super) struct Filled {
    pub(super) region: Option<String>,
    pub(super) key: Option<Key>,
    pub(super) profile: Option<String>,
    pub(super) shared_credentials_file: Option<String>,
    pub(super) credentials_uri: Option<String>,
    pub(super) ecs_role_name: Option<String>,
    pub(super) assume_role: Option<Role>,
    pub(super) oidc: Option<Oidc>,
    /// Product to endpoint.
    pub(super) endpoints: BTreeMap<String, String>,
}

impl Filled {
    /// Reads the variables; an argument counts before its variables.
    pub(super) fn new(
        Settings(given): &Settings,
        environment: &dyn Environment,
    ) -> Result<Filled, Error> {
        let text = |name: &str| find(ATTRIBUTES, given, environment, name);
        let mut endpoints = given.map("endpoints");
        for product in PRODUCTS {
            let upper = product.to_uppercase();
            let names = [format!("ALIBABA_CLOUD_ENDPOINT_{upper}"), format!("{upper}_ENDPOINT")];
            let fallback = names.iter().find_map(|name| environment.var(name));
            if let (false, Some(fallback)) = (endpoints.contains_key(*product), fallback) {
                endpoints.insert((*product).to_owned(), fallback);
            }
        }
        Ok(Filled {
            region: text("region"),
            key: key(text("access_key"), text("secret_key"), text("security_token"))?,
            profile: text("profile"),
            shared_credentials_file: text("shared_credentials_file"),
            credentials_uri: text("credentials_uri"),
            ecs_role_name: text("ecs_role_name"),
            assume_role: match given.objects("assume_role").first() {
                Some(block) => Some(role(block, environment)?),
                None => None,
            },
            oidc: match given.objects("assume_role_with_oidc").first() {
                Some(block) => Some(oidc(block, environment)?),
                // What ACK sets in its pods is enough without a block.
                None => oidc(&Given::default(), environment).ok(),
            },
            endpoints,
        })
    }
}

/// The argument, else the first of its variables that is set.
fn find(
    table: &[Setting],
    given: &Given,
    environment: &dyn Environment,
    name: &str,
) -> Option<String> {
    let text = given.text(name).or_else(|| given.integer(name).map(|number| number.to_string()));
    text.or_else(|| {
        let setting = table.iter().find(|setting| setting.name == name)?;
        setting.env.iter().find_map(|variable| environment.var(variable))
    })
    .map(|text| text.trim().to_owned())
    .filter(|text| !text.is_empty())
}

fn key(
    access_key: Option<String>,
    secret_key: Option<String>,
    token: Option<String>,
) -> Result<Option<Key>, Error> {
    match (access_key, secret_key) {
        (Some(access_key), Some(secret_key)) => Ok(Some(Key {
            access_key,
            secret_key: Secret::new(secret_key),
            security_token: token.map(Secret::new),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(half("access_key", "secret_key", "ALICLOUD_SECRET_KEY")),
        (None, Some(_)) => Err(half("secret_key", "access_key", "ALICLOUD_ACCESS_KEY")),
    }
}

fn half(given: &str, missing: &str, variable: &str) -> Error {
    misconfigured(format!(
        "`{given}` is given without `{missing}`: set `{missing}` or the environment variable \
         `{variable}` as well"
    ))
}

fn role(block: &Given, environment: &dyn Environment) -> Result<Role, Error> {
    let text = |name: &str| find(ROLE, block, environment, name);
    Ok(Role {
        arn: text("role_arn").ok_or_else(|| missing("assume_role", "role_arn", ROLE))?,
        session_name: text("session_name").unwrap_or_else(|| "terraform".to_owned()),
        policy: text("policy"),
        external_id: text("external_id"),
        seconds: seconds("assume_role", text("session_expiration"))?,
        sts_region: None,
    })
}

fn oidc(block: &Given, environment: &dyn Environment) -> Result<Oidc, Error> {
    const BLOCK: &str = "assume_role_with_oidc";
    let text = |name: &str| find(OIDC, block, environment, name);
    // What stands in the block wins over the other one's variable.
    let written = block.text("oidc_token").is_some() || block.text("oidc_token_file").is_none();
    let token = text("oidc_token").filter(|_| written).map(|token| Token::Text(Secret::new(token)));
    let token = token.or_else(|| text("oidc_token_file").map(|path| Token::File(path.into())));
    Ok(Oidc {
        provider_arn: text("oidc_provider_arn")
            .ok_or_else(|| missing(BLOCK, "oidc_provider_arn", OIDC))?,
        token: token.ok_or_else(|| missing(BLOCK, "oidc_token_file", OIDC))?,
        role: Role {
            arn: text("role_arn").ok_or_else(|| missing(BLOCK, "role_arn", OIDC))?,
            session_name: text("role_session_name").unwrap_or_else(|| "terraform".to_owned()),
            policy: text("policy"),
            external_id: None,
            seconds: seconds(BLOCK, text("session_expiration"))?,
            sts_region: None,
        },
    })
}

fn seconds(block: &str, text: Option<String>) -> Result<u32, Error> {
    let Some(text) = text else { return Ok(3600) };
    let seconds = text.parse::<i64>().ok().filter(|seconds| SESSION.contains(seconds));
    seconds.and_then(|seconds| u32::try_from(seconds).ok()).ok_or_else(|| {
        misconfigured(format!(
            "`{block}.session_expiration` must be {} to {} seconds",
            SESSION.start(),
            SESSION.end()
        ))
    })
}

fn missing(block: &str, name: &str, table: &[Setting]) -> Error {
    let setting = table.iter().find(|setting| setting.name == name);
    let variables = setting.map_or_else(String::new, |setting| setting.env.join("` or `"));
    misconfigured(format!(
        "`{block}` needs `{name}`: set it or the environment variable `{variables}`"
    ))
}
