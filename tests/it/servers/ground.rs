//! What stands between a test and a real server: an account, a target, and the engine.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use terraform_provider_session::access::{self, Account, Error};
use terraform_provider_session::engine::{
    self, Aim, Filter, Log, Pace, Report, Request, Selection, Silent, Survey, Turns,
};
use terraform_provider_session::sandbox::Setup;
use terraform_provider_session::services::{self, Connected, Scope, Service, SessionId, Target};
use terraform_provider_session::wire::https::SystemClock;
use terraform_provider_session::wire::{Entropy, Environment, HttpSend, Outside};
use tokio_util::sync::CancellationToken;

use crate::joined::{Joined, Surroundings, given};

/// A login to servers of one kind, and what surrounds it.
pub(crate) struct Ground {
    pub(crate) service: &'static Service,
    account: Account,
    outside: Outside,
    turns: Turns,
}

impl Ground {
    /// The login that these arguments and this environment lead to.
    pub(crate) fn new(service: &str, settings: &Value, surroundings: Arc<Surroundings>) -> Ground {
        let service = services::ALL.iter().find(|one| one.spec.name == service).unwrap();
        let outside = Outside {
            http: Joined::new(Setup::default()).sandbox as Arc<dyn HttpSend>,
            clock: Arc::new(SystemClock),
            entropy: Arc::clone(&surroundings) as Arc<dyn Entropy>,
            environment: surroundings as Arc<dyn Environment>,
        };
        let platform = access::find(service.spec.platform).unwrap();
        let account = platform.account(&given(settings), &outside).unwrap();
        Ground { service, account, outside, turns: Turns::default() }
    }

    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The sessions of a target, nothing of which is called yet.
    pub(crate) fn sessions(&self, target: &[(&'static str, &str)]) -> Connected {
        let target = self.target(target);
        self.service.connect(&self.account, None, target, &self.outside).unwrap()
    }

    fn target(&self, given: &[(&'static str, &str)]) -> Target {
        let given = given.iter().map(|(name, value)| (*name, (*value).to_owned()));
        (self.service.spec.normal)(Target(given.collect::<BTreeMap<_, _>>())).unwrap()
    }

    /// Lists and selects.
    pub(crate) async fn survey(
        &self,
        target: &[(&'static str, &str)],
        request: &Request,
    ) -> Result<Survey, Error> {
        let (connected, cancel) = (self.sessions(target), CancellationToken::new());
        let scope = Scope::new(self.service.spec, None, &self.target(target));
        engine::survey(self.aim(&connected, &scope), request, &pace(), &cancel).await
    }

    /// Lists, selects and ends.
    pub(crate) async fn run(&self, target: &[(&'static str, &str)], request: &Request) -> Report {
        let (connected, cancel) = (self.sessions(target), CancellationToken::new());
        let scope = Scope::new(self.service.spec, None, &self.target(target));
        let aim = self.aim(&connected, &scope);
        let log = Log::none();
        engine::terminate(aim, request, &pace(), &log, &Silent, &cancel).await
    }

    fn aim<'a>(&'a self, connected: &'a Connected, scope: &'a Scope) -> Aim<'a> {
        let sessions = &*connected.sessions;
        Aim { spec: self.service.spec, sessions, scope, turns: &self.turns }
    }
}

fn pace() -> Pace {
    Pace::new(NonZeroUsize::new(8).unwrap(), Arc::new(|| 0.5))
}

/// A request that means everybody.
pub(crate) fn all() -> Request {
    Request::everybody(Duration::from_secs(30))
}

/// A request that means these ids.
pub(crate) fn these(ids: &[&str]) -> Request {
    let ids = ids.iter().map(|id| SessionId((*id).to_owned())).collect();
    Request { selection: Selection::Ids(ids), ..all() }
}

/// A request that means who answers to these users.
pub(crate) fn users(users: &[&str]) -> Request {
    let users = Some(users.iter().map(|user| (*user).to_owned()).collect());
    Request { selection: Selection::Match(Filter { users, ..Filter::default() }), ..all() }
}
