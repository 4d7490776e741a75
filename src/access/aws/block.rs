//! AWS as the provider block sees it.

use super::endpoints::{PRODUCTS, read};
use super::{ATTRIBUTES, Settings};
use crate::access::platform::json_list;
use crate::access::{Account, Action, Error, Given, Platform, Setting};
use crate::wire::Outside;

/// AWS.
#[derive(Clone, Copy, Debug)]
pub struct Aws;

impl Platform for Aws {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn title(&self) -> &'static str {
        "AWS"
    }

    fn settings(&self) -> &'static [Setting] {
        ATTRIBUTES
    }

    fn endpoints(&self) -> &'static [&'static str] {
        PRODUCTS
    }

    fn check_endpoint(&self, url: &str) -> Result<(), String> {
        read(url).map(|_| ())
    }

    fn example(&self) -> &'static str {
        "{ region = \"eu-central-1\" }"
    }

    fn logins(&self) -> &'static str {
        "An argument counts before its environment variables. The first one configured is used:\n\n\
         1. `access_key` and `secret_key`, with `token` if the key is temporary,\n\
         2. an OIDC token with `assume_role_with_web_identity`,\n\
         3. the `profile` of the block,\n\
         4. the key, then the OIDC token of the environment, as EKS sets it,\n\
         5. the profile that `AWS_PROFILE` names, or `default`: a key, a role of another profile's \
         key or of a `credential_source`, an OIDC token, a login through IAM Identity Center \
         (`aws sso login`), or a `credential_process`, which is run without a shell,\n\
         6. the role of the ECS task or EKS pod,\n\
         7. the role of the EC2 instance, by version 2 of its metadata service only.\n\n\
         The roles of `assume_role` are taken on top, one after the other. Temporary keys are \
         renewed before they end. A profile that asks for a code (`mfa_serial`) is refused, since \
         nobody can type it. The region is never asked from the metadata service."
    }

    fn policies(&self, actions: &[Action]) -> String {
        // Language of IAM policies:
        // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
        let list = json_list(actions.iter().filter_map(|one| one.name));
        format!(
            "The credentials need this IAM policy:\n\n```json\n{{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {{\n      \"Effect\": \"Allow\",\n      \"Action\": [\n{list}\n      ],\n      \"Resource\": \"*\"\n    }}\n  ]\n}}\n```\n"
        )
    }

    fn account(&self, given: &Given, outside: &Outside) -> Result<Account, Error> {
        let settings = Settings::new(given)?;
        Ok(Account::Http(super::Account::new(&settings, outside.clone())?))
    }
}
