//! What a sandbox is made of: the accounts that it knows, and how it behaves.

use std::collections::BTreeMap;
use std::time::Duration;

use super::alicloud::AlicloudAccount;
use super::aws::AwsAccount;
use super::redis::Redis;
use crate::access::Secret;
use crate::services::simulator::Gone;

/// The account of Huawei Cloud that the sandbox knows.
#[derive(Clone, Debug)]
pub struct Account {
    /// Where its instances are.
    pub region: String,
    /// Its project in that region.
    pub project_id: String,
    /// Public half of its key.
    pub access_key: String,
    /// Signing half of its key.
    pub secret_key: Secret,
    /// Its domain.
    pub domain_id: String,
    /// Its domain's name.
    pub domain_name: String,
    /// Who may fetch a token.
    pub user_name: String,
    /// The same by id.
    pub user_id: String,
    /// With what.
    pub password: Secret,
    /// Agencies that may be assumed; the first is that of its virtual machines.
    pub agencies: Vec<String>,
    /// The identity provider whose id token logs in.
    pub idp_id: String,
    /// That id token.
    pub id_token: Secret,
}

impl Default for Account {
    fn default() -> Account {
        Account {
            region: "cn-north-4".into(),
            project_id: "0123456789abcdef0123456789abcdef".into(),
            access_key: "SANDBOXACCESSKEY".into(),
            secret_key: Secret::new("sandbox-secret-key-of-no-value"),
            domain_id: "fedcba9876543210fedcba9876543210".into(),
            domain_name: "sandbox".into(),
            user_name: "operator".into(),
            user_id: "00112233445566778899aabbccddeeff".into(),
            password: Secret::new("sandbox-password"),
            agencies: vec!["sandbox".into(), "sandbox-next".into()],
            idp_id: "sandbox".into(),
            id_token: Secret::new("sandbox-id-token"),
        }
    }
}

/// How to log in to one cloud of a sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Where the account's instances are.
    pub region: &'a str,
    /// Public half of its key.
    pub access_key: &'a str,
    /// Signing half of its key.
    pub secret_key: &'a Secret,
    /// The products of the cloud that say who is who; projects and temporary keys come from them.
    pub identity: &'static [&'static str],
}

/// What a sandbox is made of.
pub struct Setup {
    /// Whom it knows on Huawei Cloud.
    pub account: Account,
    /// Whom it knows on Alibaba Cloud.
    pub alicloud: AlicloudAccount,
    /// Whom it knows on AWS.
    pub aws: AwsAccount,
    /// How long asynchronous jobs take.
    pub job: Duration,
    /// How a kill answers that names a session which is not there.
    pub gone: Gone,
    /// Clients that are connected to every node in memory from the start.
    pub clients: usize,
    /// The server behind the instances that can have a real one.
    pub redis: Option<Redis>,
    /// Servers behind those of one service, by its name, in place of that one.
    pub redis_of: BTreeMap<String, Redis>,
}

impl Default for Setup {
    fn default() -> Setup {
        let job = Duration::from_secs(2);
        Setup {
            account: Account::default(),
            alicloud: AlicloudAccount::default(),
            aws: AwsAccount::default(),
            job,
            gone: Gone::Accepted,
            clients: 3,
            redis: None,
            redis_of: BTreeMap::new(),
        }
    }
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Setup").field("account", &self.account).finish_non_exhaustive()
    }
}
