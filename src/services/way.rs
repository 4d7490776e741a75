//! How the sessions of one target are reached with an account of the service's platform.

use std::sync::Arc;

use super::{Error, Kind, Service, Sessions, Target};
use crate::access::{Account, Client, mysql, postgresql, redis};
use crate::wire::Outside;

/// By what a service reaches its sessions. None of them makes a call yet.
#[derive(Clone, Copy, Debug)]
pub enum Way {
    /// By signed calls to one region.
    Http(fn(Arc<Client>, Target) -> Box<dyn Sessions>),
    /// By a login to a PostgreSQL server.
    Postgresql(fn(Arc<postgresql::Account>, Target) -> Box<dyn Sessions>),
    /// By a login to a MySQL server.
    Mysql(fn(Arc<mysql::Account>, Target) -> Box<dyn Sessions>),
    /// By a login to a Redis server.
    Redis(fn(Arc<redis::Account>, Target) -> Box<dyn Sessions>),
}

/// A service's sessions on one target.
pub struct Connected {
    /// The sessions.
    pub sessions: Box<dyn Sessions>,
    /// The region that they are in, where the platform has regions.
    pub region: Option<String>,
    client: Option<Arc<Client>>,
    account: Account,
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").field("region", &self.region).finish_non_exhaustive()
    }
}

impl Connected {
    /// To a server, which is in no region and no sandbox.
    fn to_server(sessions: Box<dyn Sessions>, account: &Account) -> Connected {
        Connected { sessions, region: None, client: None, account: account.clone() }
    }

    /// What users should be warned of that the login brought up since the last time.
    pub fn remarks(&self) -> Vec<String> {
        self.account.remarks()
    }

    /// Whether an answer said that it came from the sandbox.
    pub fn saw_sandbox(&self) -> bool {
        self.client.as_ref().is_some_and(|client| client.saw_sandbox())
    }
}

impl Service {
    /// The sessions of a target, which may be in another region than the account's.
    ///
    /// # Errors
    /// [`Kind::Configuration`] if there is no login or no such region.
    pub fn connect(
        &self,
        account: &Account,
        region: Option<&str>,
        target: Target,
        outside: &Outside,
    ) -> Result<Connected, Error> {
        match (self.way, account) {
            (Way::Http(connect), Account::Http(login)) => {
                let signer = login.clone().signer(region)?;
                let client = Arc::new(Client::new(signer, outside.clone()));
                let sessions = connect(client.clone(), target);
                let region = Some(client.region().to_owned());
                Ok(Connected { sessions, region, client: Some(client), account: account.clone() })
            }
            (Way::Postgresql(connect), Account::Postgresql(login)) => {
                Ok(Connected::to_server(connect(login.clone(), target), account))
            }
            (Way::Mysql(connect), Account::Mysql(login)) => {
                Ok(Connected::to_server(connect(login.clone(), target), account))
            }
            (Way::Redis(connect), Account::Redis(login)) => {
                Ok(Connected::to_server(connect(login.clone(), target), account))
            }
            (Way::Http(_) | Way::Postgresql(_) | Way::Mysql(_) | Way::Redis(_), _) => {
                let message = format!("the service {} is not of this platform", self.spec.name);
                Err(Error::new(Kind::Configuration, "connect", message))
            }
        }
    }

    /// The sessions of a target behind a client of one's own, of services that are reached so.
    pub fn over_http(&self, client: Arc<Client>, target: Target) -> Option<Box<dyn Sessions>> {
        match self.way {
            Way::Http(connect) => Some(connect(client, target)),
            Way::Postgresql(_) | Way::Mysql(_) | Way::Redis(_) => None,
        }
    }
}
