//! Alibaba Cloud as the provider block sees it.

use std::sync::Arc;

use super::endpoints::{Endpoint, PRODUCTS};
use super::{ATTRIBUTES, Settings};
use crate::access::platform::json_list;
use crate::access::{Account, Action, Error, Given, Platform, Setting, Signer, http};
use crate::wire::Outside;

/// Alibaba Cloud.
#[derive(Clone, Copy, Debug)]
pub struct AlibabaCloud;

impl Platform for AlibabaCloud {
    fn name(&self) -> &'static str {
        "alicloud"
    }

    fn title(&self) -> &'static str {
        "Alibaba Cloud"
    }

    fn settings(&self) -> &'static [Setting] {
        ATTRIBUTES
    }

    fn endpoints(&self) -> &'static [&'static str] {
        PRODUCTS
    }

    fn check_endpoint(&self, url: &str) -> Result<(), String> {
        Endpoint::read(url).map(|_| ())
    }

    fn example(&self) -> &'static str {
        "{ region = \"cn-hangzhou\" }"
    }

    fn logins(&self) -> &'static str {
        "An argument counts before its environment variables. The first one configured is used:\n\n\
         1. `access_key` and `secret_key`, with `security_token` if the key is temporary,\n\
         2. a `profile` of the `aliyun` command line, in any non-interactive mode,\n\
         3. `credentials_uri`,\n\
         4. the role of the ECS instance this runs on, `ecs_role_name`,\n\
         5. an OIDC token with `assume_role_with_oidc`.\n\n\
         `assume_role` is taken on top. Temporary keys are renewed before they end."
    }

    fn policies(&self, actions: &[Action]) -> String {
        // Language of RAM policies: https://www.alibabacloud.com/help/en/ram/policy-language
        let list = json_list(actions.iter().filter_map(|one| one.name));
        format!(
            "The credentials need this RAM policy:\n\n```json\n{{\n  \"Version\": \"1\",\n  \"Statement\": [\n    {{\n      \"Effect\": \"Allow\",\n      \"Action\": [\n{list}\n      ],\n      \"Resource\": \"*\"\n    }}\n  ]\n}}\n```\n"
        )
    }

    fn account(&self, given: &Given, outside: &Outside) -> Result<Account, Error> {
        let settings = Settings::new(given)?;
        Ok(Account::Http(super::Account::new(&settings, outside.clone())?))
    }
}

impl http::Account for super::Account {
    fn region(&self) -> Option<String> {
        Some(super::Account::region(self).to_owned())
    }

    fn signer(self: Arc<Self>, region: Option<&str>) -> Result<Arc<dyn Signer>, Error> {
        super::Account::signer(&self, region)
    }
}
