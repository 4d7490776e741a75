//! What a user can say about Huawei Cloud in the provider block.
//!
//! Names, variables and meanings are those of the vendor's own provider
//! (terraform-provider-huaweicloud `docs/index.md`, `huaweicloud/provider.go`): who uses that has
//! nothing new to learn.

use std::collections::BTreeMap;

use super::endpoints::ENDPOINT_KEYS;
use crate::access::settings::{Given, Setting, Shape};
use crate::access::{Error, Kind, Secret};

/// The provider block's `huaweicloud`, as it was written.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// `region`
    pub region: Option<String>,
    /// `access_key`
    pub access_key: Option<String>,
    /// `secret_key`
    pub secret_key: Option<Secret>,
    /// `security_token`
    pub security_token: Option<Secret>,
    /// `project_id`
    pub project_id: Option<String>,
    /// `project_name`
    pub project_name: Option<String>,
    /// `tenant_id`, the older name of `project_id`
    pub tenant_id: Option<String>,
    /// `tenant_name`, the older name of `project_name`
    pub tenant_name: Option<String>,
    /// `domain_id`
    pub domain_id: Option<String>,
    /// `domain_name`
    pub domain_name: Option<String>,
    /// `user_name`
    pub user_name: Option<String>,
    /// `user_id`
    pub user_id: Option<String>,
    /// `password`
    pub password: Option<Secret>,
    /// `token`
    pub token: Option<Secret>,
    /// `auth_url`
    pub auth_url: Option<String>,
    /// `cloud`
    pub cloud: Option<String>,
    /// `insecure`
    pub insecure: Option<bool>,
    /// `cacert_file`: a path, or the PEM text itself
    pub cacert_file: Option<String>,
    /// `cert`: a path, or the PEM text itself
    pub cert: Option<String>,
    /// `key`: a path, or the PEM text itself
    pub key: Option<Secret>,
    /// `shared_config_file`
    pub shared_config_file: Option<String>,
    /// `profile`
    pub profile: Option<String>,
    /// `agency_name`
    pub agency_name: Option<String>,
    /// `agency_domain_name`
    pub agency_domain_name: Option<String>,
    /// `delegated_project`
    pub delegated_project: Option<String>,
    /// `assume_role`: each is taken on with the keys of the one before
    pub assume_role: Vec<AssumeRole>,
    /// `assume_role_with_oidc`
    pub assume_role_with_oidc: Option<AssumeRoleWithOidc>,
    /// `endpoints`, by product
    pub endpoints: BTreeMap<String, String>,
}

/// One `assume_role`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AssumeRole {
    /// `agency_name`
    pub agency_name: Option<String>,
    /// `domain_name`
    pub domain_name: Option<String>,
    /// `domain_id`: with it the role is taken on through STS v5, without it through IAM v3
    pub domain_id: Option<String>,
    /// `duration` in seconds
    pub duration: Option<i64>,
}

/// `assume_role_with_oidc`.
#[derive(Clone, Debug, Default)]
pub struct AssumeRoleWithOidc {
    /// The agency to take on with the identity, if any.
    pub role: AssumeRole,
    /// `idp_id`
    pub idp_id: Option<String>,
    /// `id_token`
    pub id_token: Option<Secret>,
    /// `id_token_file`
    pub id_token_file: Option<String>,
}

impl Settings {
    /// Takes what was given for [`ATTRIBUTES`].
    ///
    /// # Errors
    /// [`Kind::Configuration`] if more than one `assume_role_with_oidc` was given.
    pub fn new(given: &Given) -> Result<Settings, Error> {
        let oidc = given.objects("assume_role_with_oidc");
        if oidc.len() > 1 {
            let message = "`assume_role_with_oidc` can be given once only";
            return Err(Error::new(Kind::Configuration, "configure", message));
        }
        Ok(Settings {
            region: given.text("region"),
            access_key: given.text("access_key"),
            secret_key: given.secret("secret_key"),
            security_token: given.secret("security_token"),
            project_id: given.text("project_id"),
            project_name: given.text("project_name"),
            tenant_id: given.text("tenant_id"),
            tenant_name: given.text("tenant_name"),
            domain_id: given.text("domain_id"),
            domain_name: given.text("domain_name"),
            user_name: given.text("user_name"),
            user_id: given.text("user_id"),
            password: given.secret("password"),
            token: given.secret("token"),
            auth_url: given.text("auth_url"),
            cloud: given.text("cloud"),
            insecure: given.bool("insecure"),
            cacert_file: given.text("cacert_file"),
            cert: given.text("cert"),
            key: given.secret("key"),
            shared_config_file: given.text("shared_config_file"),
            profile: given.text("profile"),
            agency_name: given.text("agency_name"),
            agency_domain_name: given.text("agency_domain_name"),
            delegated_project: given.text("delegated_project"),
            assume_role: given.objects("assume_role").iter().map(role).collect(),
            assume_role_with_oidc: oidc.first().map(|given| AssumeRoleWithOidc {
                role: role(given),
                idp_id: given.text("idp_id"),
                id_token: given.secret("id_token"),
                id_token_file: given.text("id_token_file"),
            }),
            endpoints: given.map("endpoints"),
        })
    }
}

fn role(given: &Given) -> AssumeRole {
    AssumeRole {
        agency_name: given.text("agency_name"),
        domain_name: given.text("domain_name"),
        domain_id: given.text("domain_id"),
        duration: given.integer("duration"),
    }
}

/// The environment variables of an attribute of [`ATTRIBUTES`], or of one of its objects, named
/// like `assume_role.domain_id`.
pub(super) fn variables(path: &str) -> &'static [&'static str] {
    let find = |table: &'static [Setting], name: &str| {
        table.iter().find(|setting| setting.name == name).copied()
    };
    let setting = match path.split_once('.') {
        None => find(ATTRIBUTES, path),
        Some((outer, inner)) => find(ATTRIBUTES, outer).and_then(|outer| match outer.shape {
            Shape::Object(table) | Shape::Objects(table) => find(table, inner),
            Shape::Text
            | Shape::Bool
            | Shape::Integer
            | Shape::Texts
            | Shape::Labels
            | Shape::Map(_) => None,
        }),
    };
    setting.map_or(&[], |setting| setting.env)
}

const AGENCY_NAME: Setting =
    Setting::text("agency_name", &["HW_ASSUME_ROLE_AGENCY_NAME"], "Name of the agency.");
const AGENCY_DOMAIN_NAME: Setting = Setting::text(
    "domain_name",
    &["HW_ASSUME_ROLE_DOMAIN_NAME"],
    "Name of the account that made the agency. Without `domain_id` the agency is taken on \
     through IAM v3.",
);
const AGENCY_DOMAIN_ID: Setting = Setting::text(
    "domain_id",
    &["HW_ASSUME_ROLE_DOMAIN_ID"],
    "Id of the account that made the agency. With it the agency is taken on through STS v5.",
);
const DURATION: Setting = Setting::text(
    "duration",
    &["HW_ASSUME_ROLE_DURATION"],
    "Seconds that the temporary keys live, 900 to 86400. Default 3600; they are renewed in time.",
)
.shaped(Shape::Integer);

/// The arguments of `assume_role`.
pub static ASSUME_ROLE: &[Setting] = &[AGENCY_NAME, AGENCY_DOMAIN_NAME, AGENCY_DOMAIN_ID, DURATION];

/// The arguments of `assume_role_with_oidc`.
pub static ASSUME_ROLE_WITH_OIDC: &[Setting] = &[
    AGENCY_NAME,
    AGENCY_DOMAIN_ID,
    DURATION,
    Setting::text(
        "idp_id",
        &["HW_ASSUME_ROLE_IDP_ID"],
        "Id of the identity provider that is registered in IAM.",
    ),
    Setting::text(
        "id_token",
        &["HW_ASSUME_ROLE_ID_TOKEN"],
        "The OpenID Connect id token. Exactly one of this and `id_token_file`.",
    )
    .secret(),
    Setting::text(
        "id_token_file",
        &["HW_ASSUME_ROLE_ID_TOKEN_FILE"],
        "File that holds the id token; read anew whenever keys are renewed.",
    ),
];

/// The arguments of the provider block's `huaweicloud`, in the order of documentation.
pub static ATTRIBUTES: &[Setting] = &[
    Setting::text(
        "region",
        &["HW_REGION_NAME", "OS_REGION_NAME"],
        "Region, like `cn-north-4`. Needed unless every block names its own.",
    ),
    Setting::text("access_key", &["HW_ACCESS_KEY", "OS_ACCESS_KEY"], "Access key (AK)."),
    Setting::text("secret_key", &["HW_SECRET_KEY", "OS_SECRET_KEY"], "Secret key (SK).").secret(),
    Setting::text(
        "security_token",
        &["HW_SECURITY_TOKEN"],
        "Security token of a temporary access key.",
    )
    .secret(),
    Setting::text(
        "project_id",
        &["HW_PROJECT_ID", "OS_PROJECT_ID"],
        "Project in the region. Looked up by `project_name` if it is not given.",
    ),
    Setting::text(
        "project_name",
        &["HW_PROJECT_NAME", "OS_PROJECT_NAME"],
        "Name of the project. Default: the region's own project, which has the region's name.",
    ),
    Setting::text("tenant_id", &["OS_TENANT_ID"], "Older name of `project_id`."),
    Setting::text("tenant_name", &["OS_TENANT_NAME"], "Older name of `project_name`."),
    Setting::text(
        "domain_id",
        &["HW_DOMAIN_ID", "OS_DOMAIN_ID", "OS_USER_DOMAIN_ID", "OS_PROJECT_DOMAIN_ID"],
        "Id of the account.",
    ),
    Setting::text(
        "domain_name",
        &["HW_DOMAIN_NAME", "OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"],
        "Name of the account. Needed beside `user_name`.",
    ),
    Setting::text("user_name", &["HW_USER_NAME", "OS_USERNAME"], "IAM user to log in as."),
    Setting::text("user_id", &["HW_USER_ID", "OS_USER_ID"], "IAM user to log in as, by id."),
    Setting::text("password", &["HW_USER_PASSWORD", "OS_PASSWORD"], "The IAM user's password.")
        .secret(),
    Setting::text(
        "token",
        &["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"],
        "A ready IAM token. It belongs to one project, so blocks cannot name another region.",
    )
    .secret(),
    Setting::text(
        "auth_url",
        &["HW_AUTH_URL", "OS_AUTH_URL"],
        "IAM's address. Default `https://iam.<region>.<cloud>/v3`.",
    ),
    Setting::text(
        "cloud",
        &["HW_CLOUD"],
        "Domain of the cloud. Default `myhuaweicloud.com`, in `eu-west-1*` `myhuaweicloud.eu`.",
    ),
    Setting::text(
        "insecure",
        &["HW_INSECURE", "OS_INSECURE"],
        "Accepts any TLS certificate. For tests only.",
    )
    .shaped(Shape::Bool),
    Setting::text(
        "cacert_file",
        &["OS_CACERT"],
        "File of CA certificates (PEM), or their text, to trust beside the system's.",
    ),
    Setting::text("cert", &["OS_CERT"], "File of a client certificate (PEM), or its text."),
    Setting::text("key", &["OS_KEY"], "File of the client certificate's key (PEM), or its text.")
        .secret(),
    Setting::text(
        "shared_config_file",
        &["HW_SHARED_CONFIG_FILE"],
        "KooCLI configuration file. Default `~/.hcloud/config.json` if `profile` is given.",
    ),
    Setting::text(
        "profile",
        &["HW_PROFILE"],
        "Profile in `shared_config_file`. Default: the file's current one. Its values replace those given here.",
    ),
    Setting::text(
        "agency_name",
        &["OS_AGENCY_NAME"],
        "Agency to act for; `assume_role` can do more.",
    ),
    Setting::text(
        "agency_domain_name",
        &["OS_AGENCY_DOMAIN_NAME"],
        "Name of the account that made the agency `agency_name`.",
    ),
    Setting::text(
        "delegated_project",
        &["OS_DELEGATED_PROJECT"],
        "Name of the project to act in for `agency_name`.",
    ),
    Setting {
        name: "assume_role",
        shape: Shape::Objects(ASSUME_ROLE),
        env: &[],
        sensitive: false,
        description: "Agencies to take on, one after the other.",
    },
    Setting {
        name: "assume_role_with_oidc",
        shape: Shape::Object(ASSUME_ROLE_WITH_OIDC),
        env: &[],
        sensitive: false,
        description: "Logs in with an OpenID Connect id token, as CI systems give it.",
    },
    Setting {
        name: "endpoints",
        shape: Shape::Map(ENDPOINT_KEYS),
        env: &[],
        sensitive: false,
        description: "Custom addresses by product. `http://` only on this machine.",
    },
];
