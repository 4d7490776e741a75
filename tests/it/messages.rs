//! What users read who log in the wrong way, word for word: one row for each mistake that is found
//! before a call, by the arguments, the variables and the profile files.

use serde_json::{Value, json};
use terraform_provider_session::sandbox::Setup;

use crate::joined::Joined;

const HUAWEI: &str = "/home/user/.hcloud/config.json";
const ALIBABA: &str = "/home/user/.aliyun/config.json";

/// What is said when a login to a cloud is made of these.
fn told(service: &str, settings: &Value, variable: (&str, &str), file: (&str, &str)) -> String {
    let joined = Joined::new(Setup::default());
    let surroundings = &joined.surroundings;
    surroundings.variables.lock().unwrap().insert(variable.0.into(), variable.1.into());
    surroundings.write(file.0, file.1);
    match joined.sessions(service, "i-1", settings) {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.message,
    }
}

const NONE: (&str, &str) = ("", "");

#[test]
fn a_wrong_login_to_huawei_cloud_names_what_would_mend_it() {
    let region = |more: Value| {
        let mut all = json!({ "region": "cn-north-4" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let key = |more: Value| {
        let mut all = region(more);
        all["access_key"] = "k".into();
        all["secret_key"] = "s".into();
        all
    };
    let profiles = |text| (HUAWEI, text);
    for (settings, variable, file, expected) in [
        (
            json!({ "access_key": "k", "secret_key": "s" }),
            NONE,
            NONE,
            "no region for Huawei Cloud: set `region` in the provider block's `huaweicloud`, or HW_REGION_NAME",
        ),
        (
            region(json!({ "access_key": "k" })),
            NONE,
            NONE,
            "`access_key` is given, but not `secret_key`: set it, or HW_SECRET_KEY or OS_SECRET_KEY",
        ),
        (
            region(json!({ "user_name": "u", "password": "p" })),
            NONE,
            NONE,
            "`user_name` is given, but not `domain_name`: set it, or HW_DOMAIN_NAME or OS_DOMAIN_NAME or OS_USER_DOMAIN_NAME or OS_PROJECT_DOMAIN_NAME",
        ),
        (
            region(json!({ "user_id": "u" })),
            NONE,
            NONE,
            "`user_name` or `user_id` is given, but not `password`: set it, or HW_USER_PASSWORD or OS_PASSWORD",
        ),
        (
            region(json!({ "token": "t" })),
            ("HW_INSECURE", "maybe"),
            NONE,
            "`HW_INSECURE`, `OS_INSECURE` must be `true` or `false`",
        ),
        (
            key(json!({ "endpoints": { "obs": "https://a/" } })),
            NONE,
            NONE,
            "`endpoints` has no key `obs`, but `dcs`, `ddm`, `dds`, `gaussdb`, `geminidb`, `iam`, `opengauss`, `sts`, `vpn`",
        ),
        (
            key(json!({ "endpoints": { "dcs": "http://dcs.example.com" } })),
            NONE,
            NONE,
            "`endpoints.dcs` must be an `https://` address, or an `http://` address on this machine such as \"http://127.0.0.1:8080\", not \"http://dcs.example.com\"",
        ),
        (
            key(json!({ "auth_url": "https://u@iam.example.com/v3" })),
            NONE,
            NONE,
            "`auth_url` must hold neither a user name nor a query",
        ),
        (
            key(json!({ "cert": "/c.pem" })),
            NONE,
            NONE,
            "`cert` is given, but not `key`: set it, or OS_KEY",
        ),
        (
            key(json!({ "cacert_file": "/c.pem" })),
            NONE,
            NONE,
            "the file of `cacert_file` cannot be read: entity not found",
        ),
        (
            key(json!({ "agency_name": "a" })),
            NONE,
            NONE,
            "`agency_name` is given, but not `agency_domain_name`: set it, or OS_AGENCY_DOMAIN_NAME",
        ),
        (
            key(json!({ "assume_role": [{ "agency_name": "a" }] })),
            NONE,
            NONE,
            "`assume_role` needs the account that made the agency: set `domain_id` (HW_ASSUME_ROLE_DOMAIN_ID) or `domain_name` (HW_ASSUME_ROLE_DOMAIN_NAME)",
        ),
        (
            key(json!({ "assume_role": [{ "domain_name": "d" }] })),
            NONE,
            NONE,
            "`assume_role` needs `agency_name`: set it, or HW_ASSUME_ROLE_AGENCY_NAME",
        ),
        (
            key(
                json!({ "assume_role": [{ "agency_name": "a", "domain_name": "d", "duration": 1 }] }),
            ),
            NONE,
            NONE,
            "`assume_role.duration` must be 900 to 86400 seconds",
        ),
        (
            key(json!({ "assume_role": [{ "agency_name": "a", "domain_name": "d" }] })),
            ("HW_ASSUME_ROLE_DURATION", "long"),
            NONE,
            "`HW_ASSUME_ROLE_DURATION` must be a whole number of seconds",
        ),
        (
            region(json!({ "assume_role_with_oidc": { "id_token": "t" } })),
            NONE,
            NONE,
            "`assume_role_with_oidc` needs `idp_id`: set it, or HW_ASSUME_ROLE_IDP_ID",
        ),
        (
            region(json!({ "assume_role_with_oidc": { "idp_id": "i" } })),
            NONE,
            NONE,
            "`assume_role_with_oidc` needs exactly one of `id_token` (HW_ASSUME_ROLE_ID_TOKEN) and `id_token_file` (HW_ASSUME_ROLE_ID_TOKEN_FILE)",
        ),
        (
            region(json!({ "profile": "p" })),
            NONE,
            NONE,
            "the shared configuration file `~/.hcloud/config.json` cannot be read: entity not found (`shared_config_file` or HW_SHARED_CONFIG_FILE names it, `profile` or HW_PROFILE asks for it)",
        ),
        (
            region(json!({ "profile": "p" })),
            NONE,
            profiles("{"),
            "the shared configuration file `~/.hcloud/config.json` is not the JSON of KooCLI (line 1, column 1)",
        ),
        (
            region(json!({ "profile": "p" })),
            NONE,
            profiles(r#"{"profiles":[{"name":"a"},{"name":"b"}]}"#),
            "the shared configuration file `~/.hcloud/config.json` has no profile `p`, but `a`, `b`",
        ),
        (
            region(json!({ "profile": "p" })),
            NONE,
            profiles(r#"{"profiles":[{"name":"p"}],"crypter":"AES"}"#),
            "the shared configuration file `~/.hcloud/config.json` has encrypted keys that only KooCLI can read; run `hcloud configure set --cli-auth-encrypt=false` and configure the profile again",
        ),
    ] {
        assert_eq!(told("huaweicloud_dcs", &settings, variable, file), expected, "{settings}");
    }
}

#[test]
fn a_wrong_login_to_alibaba_cloud_names_what_would_mend_it() {
    let key = |more: Value| {
        let mut all = json!({ "access_key": "k", "secret_key": "s" });
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    let profile = || json!({ "profile": "p" });
    let profiles = |text| (ALIBABA, text);
    for (settings, variable, file, expected) in [
        (
            json!({}),
            NONE,
            NONE,
            "there are no credentials for Alibaba Cloud: set `access_key` and `secret_key` (`ALICLOUD_ACCESS_KEY`, `ALICLOUD_SECRET_KEY`), `profile` (`ALICLOUD_PROFILE`), `credentials_uri` (`ALICLOUD_CREDENTIALS_URI`), `ecs_role_name` (`ALICLOUD_ECS_ROLE_NAME`) or `assume_role_with_oidc`",
        ),
        (
            json!({ "access_key": "k" }),
            NONE,
            NONE,
            "`access_key` is given without `secret_key`: set `secret_key` or the environment variable `ALICLOUD_SECRET_KEY` as well",
        ),
        (
            json!({ "secret_key": "s" }),
            NONE,
            NONE,
            "`secret_key` is given without `access_key`: set `access_key` or the environment variable `ALICLOUD_ACCESS_KEY` as well",
        ),
        (
            key(json!({ "region": "Hangzhou!" })),
            NONE,
            NONE,
            "`Hangzhou!` is not a region, which is like `cn-hangzhou`",
        ),
        (
            key(json!({ "endpoints": { "oss": "https://a/" } })),
            NONE,
            NONE,
            "`endpoints` has no key `oss`, but `ecs`, `das`, `sts`",
        ),
        (
            key(json!({ "endpoints": { "ecs": "http://ecs.example.com" } })),
            NONE,
            NONE,
            "`endpoints.ecs` must be an `https://` address, or an `http://` address on this machine such as \"http://127.0.0.1:8080\", not \"http://ecs.example.com\"",
        ),
        (
            key(json!({ "endpoints": { "ecs": "https://ecs.example.com/a" } })),
            NONE,
            NONE,
            "`endpoints.ecs` must be a host or a URL without path, like \"https://ecs.cn-hangzhou.aliyuncs.com\"",
        ),
        (
            json!({ "credentials_uri": "http://example.com/" }),
            NONE,
            NONE,
            "`credentials_uri` is not an `https` URL, nor an `http` one of this machine (loopback) or of its metadata service",
        ),
        (
            key(json!({ "assume_role": { "session_name": "s" } })),
            NONE,
            NONE,
            "`assume_role` needs `role_arn`: set it or the environment variable `ALICLOUD_ASSUME_ROLE_ARN` or `ALIBABA_CLOUD_ROLE_ARN`",
        ),
        (
            key(json!({ "assume_role": { "role_arn": "r", "session_expiration": 1 } })),
            NONE,
            NONE,
            "`assume_role.session_expiration` must be 900 to 43200 seconds",
        ),
        (
            json!({ "assume_role_with_oidc": { "role_arn": "r" } }),
            NONE,
            NONE,
            "`assume_role_with_oidc` needs `oidc_provider_arn`: set it or the environment variable `ALIBABA_CLOUD_OIDC_PROVIDER_ARN`",
        ),
        (
            profile(),
            NONE,
            NONE,
            "the profile `p` cannot be read from `/home/user/.aliyun/config.json` (entity not found): run `aliyun configure`, or set `shared_credentials_file` or the environment variable `ALICLOUD_SHARED_CREDENTIALS_FILE`",
        ),
        (
            profile(),
            NONE,
            profiles("{"),
            "`/home/user/.aliyun/config.json` is not a file of profiles: see line 1 column 1",
        ),
        (
            profile(),
            NONE,
            profiles(r#"{"profiles":[{"name":"a"}]}"#),
            "there is no profile `p` in `/home/user/.aliyun/config.json`: set `profile` or the environment variable `ALICLOUD_PROFILE` to one of its profiles",
        ),
        (
            profile(),
            NONE,
            profiles(r#"{"profiles":[{"name":"p","mode":"AK"}]}"#),
            "the profile `p` has no `access_key_id`: run `aliyun configure --profile p --mode AK`",
        ),
        (
            profile(),
            NONE,
            profiles(r#"{"profiles":[{"name":"p","mode":"Magic"}]}"#),
            "the profile `p` has the mode `Magic`, which this provider cannot log in with: use one of AK, StsToken, RamRoleArn, EcsRamRole, RamRoleArnWithRoleName, ChainableRamRoleArn, External, CredentialsURI, OIDC, CloudSSO, OAuth",
        ),
        (
            profile(),
            NONE,
            profiles(
                r#"{"profiles":[{"name":"p","mode":"ChainableRamRoleArn","source_profile":"p"}]}"#,
            ),
            "the profiles `p` → `p` name each other in a circle",
        ),
    ] {
        assert_eq!(told("alicloud_ecs", &settings, variable, file), expected, "{settings}");
    }
}
