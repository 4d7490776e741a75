//! The arguments of the provider block's `aws` object.
//!
//! Names and variables are those of the vendor's own provider, hashicorp/aws
//! (`website/docs/index.html.markdown`).

use super::endpoints::{PRODUCTS, checked, custom};
use super::misconfigured;
use super::profile::{Half, key};
use super::sign::Key;
use super::source::{Role, SESSION, Source, Token};
use crate::access::{Error, Given, Setting, Shape};
use crate::wire::{Environment, at_home};

const ROLE: &[Setting] = &[
    Setting::text("role_arn", &[], "Role to assume, like `arn:aws:iam::<account>:role/<name>`."),
    SESSION_NAME,
    Setting::text("external_id", &[], "External id that the role's trust policy asks for."),
    DURATION,
    POLICY,
    POLICY_ARNS,
    Setting::text("source_identity", &[], "Source identity that the session carries."),
    Setting::text("tags", &[], "Tags of the session.").shaped(Shape::Labels),
    Setting::text("transitive_tag_keys", &[], "Keys of the tags that go on to roles behind it.")
        .shaped(Shape::Texts),
];

const SESSION_NAME: Setting = Setting::text(
    "session_name",
    &[],
    "Name under which the session appears in the cloud's audit trail. Default `terraform`.",
);
const DURATION: Setting =
    Setting::text("duration", &[], "How long its key lives, `15m` to `12h`. Default `1h`.");
const POLICY: Setting =
    Setting::text("policy", &[], "Policy in JSON that narrows what the session may do.");
const POLICY_ARNS: Setting =
    Setting::text("policy_arns", &[], "Managed policies that narrow what the session may do.")
        .shaped(Shape::Texts);

const WEB_IDENTITY: &[Setting] = &[
    Setting::text("role_arn", &["AWS_ROLE_ARN"], "Role to assume."),
    Setting::text(
        "session_name",
        &["AWS_ROLE_SESSION_NAME"],
        "Name of the session. Default `terraform`.",
    ),
    Setting::text("web_identity_token", &[], "The OIDC token itself.").secret(),
    Setting::text(
        "web_identity_token_file",
        &["AWS_WEB_IDENTITY_TOKEN_FILE"],
        "File that holds the OIDC token. Read again for every new session.",
    ),
    DURATION,
    POLICY,
    POLICY_ARNS,
];

/// The arguments, in the order of documentation.
pub static ATTRIBUTES: &[Setting] = &[
    Setting::text(
        "region",
        &["AWS_REGION", "AWS_DEFAULT_REGION"],
        "Region, like `eu-central-1`. Default: that of the profile.",
    ),
    Setting::text("access_key", &["AWS_ACCESS_KEY_ID"], "Access key id."),
    Setting::text("secret_key", &["AWS_SECRET_ACCESS_KEY"], "Secret access key.").secret(),
    Setting::text("token", &["AWS_SESSION_TOKEN"], "Token beside a temporary access key.").secret(),
    Setting::text(
        "profile",
        &["AWS_PROFILE", "AWS_DEFAULT_PROFILE"],
        "Profile to log in with. Default `default`.",
    ),
    Setting::text(
        "shared_config_files",
        &["AWS_CONFIG_FILE"],
        "Where profiles are configured. Default `~/.aws/config`.",
    )
    .shaped(Shape::Texts),
    Setting::text(
        "shared_credentials_files",
        &["AWS_SHARED_CREDENTIALS_FILE"],
        "Where profiles have their keys. Default `~/.aws/credentials`.",
    )
    .shaped(Shape::Texts),
    Setting::text(
        "assume_role",
        &[],
        "Roles to assume with the credentials found otherwise, one after the other.",
    )
    .shaped(Shape::Objects(ROLE)),
    Setting::text(
        "assume_role_with_web_identity",
        &[],
        "A role to assume with an OIDC token, as in EKS.",
    )
    .shaped(Shape::Object(WEB_IDENTITY)),
    Setting::text("allowed_account_ids", &[], "Accounts that may be worked on, and no others.")
        .shaped(Shape::Texts),
    Setting::text("forbidden_account_ids", &[], "Accounts that must not be worked on.")
        .shaped(Shape::Texts),
    Setting::text("sts_region", &[], "Region whose STS is asked for roles. Default: `region`."),
    Setting::text(
        "use_fips_endpoint",
        &["AWS_USE_FIPS_ENDPOINT"],
        "Whether to use addresses with validated cryptography.",
    )
    .shaped(Shape::Bool),
    Setting::text(
        "use_dualstack_endpoint",
        &["AWS_USE_DUALSTACK_ENDPOINT"],
        "Whether to use addresses that are reached by IPv6 as well.",
    )
    .shaped(Shape::Bool),
    Setting::text(
        "custom_ca_bundle",
        &["AWS_CA_BUNDLE"],
        "File of certificates to trust beside the system's.",
    ),
    Setting::text("insecure", &[], "Whether to accept any certificate. Default `false`.")
        .shaped(Shape::Bool),
    Setting::text(
        "ec2_metadata_service_endpoint",
        &["AWS_EC2_METADATA_SERVICE_ENDPOINT"],
        "Where the metadata of an EC2 instance are. Default `http://169.254.169.254`.",
    ),
    Setting::text(
        "ec2_metadata_service_endpoint_mode",
        &["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"],
        "`IPv4`, the default, or `IPv6`.",
    ),
    Setting::text(
        "skip_metadata_api_check",
        &["AWS_EC2_METADATA_DISABLED"],
        "Whether not to ask for an EC2 instance's role. Default `false`.",
    )
    .shaped(Shape::Bool),
    Setting::text(
        "endpoints",
        &[],
        "Other endpoints, by product. Plain `http` is accepted only for loopback. Each also has a \
         variable, like `AWS_ENDPOINT_URL_SSM`.",
    )
    .shaped(Shape::Map(PRODUCTS)),
];

/// The arguments that were given, checked as far as they can be without the environment.
#[derive(Clone, Debug)]
pub struct Settings(pub(super) Given);

impl Settings {
    /// Takes the arguments of [`ATTRIBUTES`].
    ///
    /// # Errors
    /// [`Kind::Configuration`](crate::access::Kind) naming the argument at fault.
    pub fn new(given: &Given) -> Result<Settings, Error> {
        for name in ["region", "sts_region"] {
            if let Some(region) = given.text(name) {
                checked(region.trim())?;
            }
        }
        for (product, endpoint) in given.map("endpoints") {
            if !PRODUCTS.contains(&product.as_str()) {
                let known = PRODUCTS.join("`, `");
                let message = format!("`endpoints` has no key `{product:.64}`, but `{known}`");
                return Err(misconfigured(message));
            }
            custom(&product, &endpoint)?;
        }
        Ok(Settings(given.clone()))
    }

    /// The argument, else the first of its variables that is set.
    pub(super) fn text(&self, environment: &dyn Environment, name: &str) -> Option<String> {
        text(ATTRIBUTES, &self.0, environment, name)
    }

    /// Yes or no, from the argument or its variable.
    pub(super) fn truth(&self, environment: &dyn Environment, name: &str) -> bool {
        let said = || text(ATTRIBUTES, &Given::default(), environment, name);
        let variable = || said().is_some_and(|text| text.eq_ignore_ascii_case("true"));
        self.0.bool(name).unwrap_or_else(variable)
    }

    /// A list of texts, from the argument or its variable; `default` without them.
    pub(super) fn texts(
        &self,
        environment: &dyn Environment,
        name: &str,
        default: &str,
    ) -> Vec<String> {
        let given = self.0.texts(name);
        if !given.is_empty() {
            return given;
        }
        vec![self.text(environment, name).unwrap_or_else(|| default.to_owned())]
    }

    /// The key of the block, without the environment's.
    pub(super) fn key(&self) -> Result<Option<Key>, Error> {
        let text = |name: &str| self.0.text(name);
        key(text("access_key"), text("secret_key"), text("token")).map_err(|missing| {
            let (given, missing, variable) = match missing {
                Half::Access => ("secret_key", "access_key", "AWS_ACCESS_KEY_ID"),
                Half::Secret => ("access_key", "secret_key", "AWS_SECRET_ACCESS_KEY"),
            };
            misconfigured(format!(
                "`{given}` is given without `{missing}`: set `{missing}` as well, or both in the \
                 environment, the latter as `{variable}`"
            ))
        })
    }

    /// The roles of `assume_role`, in their order.
    pub(super) fn roles(&self) -> Result<Vec<Role>, Error> {
        let blocks = self.0.objects("assume_role").iter();
        blocks.map(|block| role("assume_role", block, |name| block.text(name))).collect()
    }

    /// The role that an OIDC token opens: that of the block; without one that of the environment, as
    /// EKS sets it.
    pub(super) fn web_identity(
        &self,
        environment: &dyn Environment,
        is_block: bool,
    ) -> Result<Option<Source>, Error> {
        const BLOCK: &str = "assume_role_with_web_identity";
        let none = Given::default();
        let block = self.0.objects(BLOCK).first();
        let block = match (is_block, block) {
            (true, None) => return Ok(None),
            (true, Some(block)) => block,
            (false, _) => &none,
        };
        let find = |name: &str| text(WEB_IDENTITY, block, environment, name);
        let token = block.secret("web_identity_token").map(Token::Text);
        let file = || find("web_identity_token_file").map(|it| at_home(it.trim(), environment));
        let Some(token) = token.or_else(|| file().map(Token::File)) else {
            if !is_block {
                return Ok(None);
            }
            return Err(misconfigured(format!(
                "`{BLOCK}` needs a token: set `web_identity_token_file` \
                 (`AWS_WEB_IDENTITY_TOKEN_FILE`) or `web_identity_token`"
            )));
        };
        Ok(Some(Source::WebIdentity { token, role: role(BLOCK, block, find)? }))
    }
}

/// The argument, else the first of its variables that is set.
fn text(
    table: &[Setting],
    given: &Given,
    environment: &dyn Environment,
    name: &str,
) -> Option<String> {
    let variables = || {
        let setting = table.iter().find(|setting| setting.name == name)?;
        setting.env.iter().find_map(|variable| environment.var(variable))
    };
    let text = given.text(name).or_else(variables)?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn role(
    argument: &str,
    block: &Given,
    find: impl Fn(&str) -> Option<String>,
) -> Result<Role, Error> {
    let arn = find("role_arn").ok_or_else(|| {
        let variable = if argument == "assume_role" { "" } else { " or `AWS_ROLE_ARN`" };
        misconfigured(format!("`{argument}` needs `role_arn`: set it{variable}"))
    })?;
    let seconds = find("duration").map(|text| {
        let seconds = humantime::parse_duration(&text).ok().map(|it| it.as_secs());
        let seconds = seconds.and_then(|it| u32::try_from(it).ok());
        seconds.filter(|it| SESSION.contains(it)).ok_or_else(|| {
            misconfigured(format!("`{argument}.duration` must be from `15m` to `12h`"))
        })
    });
    Ok(Role {
        arn,
        session_name: find("session_name").unwrap_or_else(|| "terraform".to_owned()),
        external_id: find("external_id"),
        seconds: seconds.transpose()?,
        policy: find("policy"),
        policy_arns: block.texts("policy_arns"),
        source_identity: find("source_identity"),
        tags: block.map("tags"),
        transitive_tag_keys: block.texts("transitive_tag_keys"),
    })
}
