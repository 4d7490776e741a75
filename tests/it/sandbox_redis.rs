//! A real Redis behind the sandbox: what is listed are real connections, and a kill cuts them.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use terraform_provider_session::demo::{Client, Redis, Workshop};
use terraform_provider_session::sandbox::{Setup, redis};
use terraform_provider_session::services::{
    Batch, Field, Kind, Role, Session, SessionId, Sessions, Which,
};

use crate::joined::{Joined, named};
use crate::terraform::fixture::must;
use crate::terraform::stage::assert_cut;

/// The services that a Redis can stand behind.
const SERVICES: [&str; 3] = ["huaweicloud_dcs", "huaweicloud_geminidb_redis", "alicloud_das_redis"];

/// A sandbox before a Redis, and the sessions of a service's first instance, of one node.
async fn stage(service: &str) -> (Redis, Joined, Box<dyn Sessions>) {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let behind = redis::Redis::at(&redis.url()).unwrap();
    let setup = Setup { redis: Some(behind), job: Duration::ZERO, ..Setup::default() };
    let joined = Joined::new(setup);
    let instance = (named(service).scene().scenery)().into_iter().find(|one| one.redis).unwrap();
    assert_eq!(instance.nodes.len(), 1, "{service} begins with one node");
    let login = joined.sandbox.login(named(service).spec.platform).unwrap();
    let settings: Value = json!({
        "region": login.region, "access_key": login.access_key,
        "secret_key": login.secret_key.reveal(),
    });
    let sessions = joined.sessions(service, &instance.id, &settings).unwrap();
    (redis, joined, sessions)
}

/// The clients' addresses, as the service's own column tells them.
fn addresses(service: &str, sessions: &[Session]) -> BTreeSet<SocketAddr> {
    let columns = named(service).spec.columns;
    let column = columns.iter().find(|column| column.role == Role::Client).unwrap().name;
    let address = |session: &Session| match session.fields.get(column) {
        Some(Field::Text(text)) => text.parse().unwrap(),
        other => panic!("{service}: {other:?}"),
    };
    sessions.iter().map(address).collect()
}

#[tokio::test]
async fn listed_sessions_are_real_connections_and_a_kill_cuts_them() {
    for service in SERVICES {
        let (redis, joined, sessions) = stage(service).await;
        let mut clients = Vec::new();
        for (user, name) in [("admin", "a"), ("app", "b"), ("app", "c"), ("report", "d")] {
            let client = Client::connect(redis.address(), user, redis.password(), name).await;
            clients.push(client.unwrap_or_else(must));
        }
        let all: Vec<&Client> = clients.iter().collect();
        let listed = joined.list(sessions.as_ref()).await.unwrap();
        let expected: BTreeSet<SocketAddr> = clients.iter().map(|client| client.address).collect();
        assert_eq!(addresses(service, &listed), expected, "{service}");

        let limits = &named(service).spec.limits;
        let mut left = 4;
        if limits.batch > 0 {
            let of_app = |session: &&Session| {
                let address = addresses(service, std::slice::from_ref(*session));
                address.contains(&clients[1].address) || address.contains(&clients[2].address)
            };
            let ids: Vec<SessionId> =
                listed.iter().filter(of_app).map(|session| session.id.clone()).collect();
            assert_eq!(ids.len(), 2, "{service}");
            let nodes = sessions.nodes().await.unwrap();
            let batch = Batch { node: nodes.first(), which: Which::These(&ids) };
            let told = sessions.terminate(batch).await.unwrap();
            joined.wait(sessions.as_ref(), told.ticket).await.unwrap();
            assert_cut(&[all[1], all[2]], &[all[0], all[3]]).await;
            assert_eq!(joined.list(sessions.as_ref()).await.unwrap().len(), 2, "{service}");
            left = 2;
        }
        let batch = Batch { node: None, which: Which::Everyone };
        let told = sessions.terminate(batch).await.unwrap();
        joined.wait(sessions.as_ref(), told.ticket).await.unwrap();
        assert_cut(&all, &[]).await;
        assert!(joined.list(sessions.as_ref()).await.unwrap().is_empty(), "{service}");
        let killed = joined.sandbox.ledger().killed().len();
        assert_eq!(killed, 4, "{service}: {left} at last");
    }
}

#[tokio::test]
async fn a_redis_that_has_gone_is_an_error_and_never_an_empty_list_or_a_done_kill() {
    for service in SERVICES {
        let (redis, joined, sessions) = stage(service).await;
        let client = Client::connect(redis.address(), "app", redis.password(), "a").await;
        let client = client.unwrap_or_else(must);
        assert_eq!(joined.list(sessions.as_ref()).await.unwrap().len(), 1, "{service}");
        drop(redis);
        assert_cut(&[&client], &[]).await;
        let refused = joined.list(sessions.as_ref()).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Unavailable, "{service}: {refused:?}");
        let batch = Batch { node: None, which: Which::Everyone };
        let told = sessions.terminate(batch).await;
        let killed = match told {
            Ok(told) => joined.wait(sessions.as_ref(), told.ticket).await.is_ok(),
            Err(_) => false,
        };
        assert!(!killed, "{service} says that it has killed");
        assert_eq!(joined.sandbox.ledger().killed().len(), 0, "{service}");
    }
}
