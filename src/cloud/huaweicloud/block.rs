//! Huawei Cloud as the provider block sees it.

use std::sync::Arc;

use super::{ATTRIBUTES, ENDPOINT_KEYS, Settings};
use crate::cloud::{Account, Cloud, Error, Given, Setting, Signer};
use crate::wire::Outside;

/// Huawei Cloud.
#[derive(Clone, Copy, Debug)]
pub struct HuaweiCloud;

impl Cloud for HuaweiCloud {
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

    fn example_region(&self) -> &'static str {
        "cn-north-4"
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

    fn policy(&self, actions: &[&str]) -> String {
        // Language of custom policies, version 1.1:
        // https://support.huaweicloud.com/intl/en-us/usermanual-iam/iam_01_0017.html
        let list: Vec<String> = actions.iter().map(|one| format!("        \"{one}\"")).collect();
        format!(
            "{{\n  \"Version\": \"1.1\",\n  \"Statement\": [\n    {{\n      \"Effect\": \"Allow\",\n      \"Action\": [\n{}\n      ]\n    }}\n  ]\n}}",
            list.join(",\n")
        )
    }

    fn account(&self, given: &Given, outside: &Outside) -> Result<Arc<dyn Account>, Error> {
        let settings = Settings::new(given)?;
        Ok(super::Account::new(&settings, outside.clone())?)
    }
}

impl Account for super::Account {
    fn region(&self) -> Option<String> {
        self.resolved.region.clone()
    }

    fn signer(self: Arc<Self>, region: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
        super::Account::signer(&self, region)
    }
}
