//! Huawei Cloud as the provider block sees it.

use std::sync::Arc;

use super::{ATTRIBUTES, ENDPOINT_KEYS, Settings};
use crate::access::platform::{endpoint, json_list};
use crate::access::{Account, Action, Error, Given, Platform, Setting, Signer, http};
use crate::wire::Outside;

/// Huawei Cloud.
#[derive(Clone, Copy, Debug)]
pub struct HuaweiCloud;

impl Platform for HuaweiCloud {
    fn name(&self) -> &'static str {
        "huaweicloud"
    }

    fn title(&self) -> &'static str {
        "Huawei Cloud"
    }

    fn settings(&self) -> &'static [Setting] {
        ATTRIBUTES
    }

    fn endpoints(&self) -> &'static [&'static str] {
        ENDPOINT_KEYS
    }

    fn check_endpoint(&self, url: &str) -> Result<(), String> {
        endpoint(url).map(|_| ())
    }

    fn example(&self) -> &'static str {
        "{ region = \"cn-north-4\" }"
    }

    fn logins(&self) -> &'static str {
        "An argument counts before its environment variables. A profile replaces the key, token and \
         region that were given otherwise. Then the first that is complete is used:\n\n\
         1. an id token with `assume_role_with_oidc`,\n\
         2. a ready `token`,\n\
         3. `access_key` and `secret_key`, with `security_token` if the key is temporary,\n\
         4. `user_name` and `password`, for a token,\n\
         5. the agency of the virtual machine this runs on.\n\n\
         Each `assume_role` is taken on top, in order. Temporary keys are renewed before they end. \
         A profile that KooCLI has encrypted cannot be read: run \
         `hcloud configure set --cli-auth-encrypt=false`."
    }

    fn policies(&self, actions: &[Action]) -> String {
        // Language of identity policies:
        // https://support.huaweicloud.com/intl/en-us/usermanual-iam5/iam_01_0934.html
        let present = policy("5.0", &json_list(actions.iter().filter_map(|one| one.name)));
        // Language of custom policies, version 1.1:
        // https://support.huaweicloud.com/intl/en-us/usermanual-iam/iam_01_0017.html
        let older = policy("1.1", &json_list(actions.iter().map(|one| one.older)));
        format!(
            "The credentials need one of these two, which name the same rights in different \
             words.\n\n\
             Where permissions are granted by **identity policies** (IAM's new console), this \
             identity policy:\n\n\
             {present}\n\
             Where they are granted by **roles and policies**, this custom policy, for the \
             region's project:\n\n\
             {older}\n\
             If the provider block gives no `project_id`, or the block names another `region`, the \
             project is looked up in IAM first. That needs `iam:projects:listProjects` too: with \
             roles and policies in a custom policy of its own, since IAM is a global service.\n"
        )
    }

    fn account(&self, given: &Given, outside: &Outside) -> Result<Account, Error> {
        let settings = Settings::new(given)?;
        Ok(Account::Http(super::Account::new(&settings, outside.clone())?))
    }
}

fn policy(version: &str, actions: &str) -> String {
    format!(
        "```json\n{{\n  \"Version\": \"{version}\",\n  \"Statement\": [\n    {{\n      \"Effect\": \"Allow\",\n      \"Action\": [\n{actions}\n      ]\n    }}\n  ]\n}}\n```\n"
    )
}

impl http::Account for super::Account {
    fn region(&self) -> Option<String> {
        self.resolved.region.clone()
    }

    fn signer(self: Arc<Self>, region: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
        super::Account::signer(&self, region)
    }
}
