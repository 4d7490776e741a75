use std::sync::{Arc, Mutex};

use super::api::ACCOUNTS;
use super::*;
use crate::services::simulator::bench::{Bench, node};
use crate::services::simulator::{Clients, Fault, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Error, Field, Kind, SessionId, Submission, Which};

const TARGET: &[(&str, &str)] = &[("instance_id", "i1")];
const ONE: &str = "n1/dn_6001";

/// An instance of two components, with `clients` on the first, and a distributed one.
fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new();
    for number in 1..=clients {
        memory.connect(ONE, client(number));
    }
    let memory = memory.shared();
    let instances = vec![
        Instance::new("i1", &[(ONE, "master"), ("n2/dn_6002", "slave")]),
        Instance::new("i2", &[("n3/cn_5001", "master"), ("n3/dn_6001", "master")]),
    ];
    let stage = Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>);
    (Bench::new(&SERVICE, stage), memory)
}

fn client(number: usize) -> LiveClient {
    LiveClient {
        id: (139_715_382_048_000 + number).to_string(),
        address: format!("10.0.0.{}:{}", number % 250, 40000 + number),
        name: "web".into(),
        user: "app".into(),
        database: "shop".into(),
        age: 90,
        idle: 60,
        ..LiveClient::default()
    }
}

async fn kill(bench: &Bench, ids: &[SessionId]) -> Result<Submission, Error> {
    let node = node(ONE);
    bench.sessions(TARGET).terminate(Batch { node: Some(&node), which: Which::These(ids) }).await
}

#[tokio::test]
async fn clients_of_a_distributed_instance_are_on_its_coordinators() {
    let (bench, _) = bench(0);
    let nodes = |target: &'static [(&'static str, &'static str)]| {
        let sessions = bench.sessions(target);
        async move {
            let nodes = sessions.nodes().await?;
            Ok::<_, Error>(nodes.into_iter().map(|node| node.id).collect::<Vec<_>>())
        }
    };
    assert_eq!(nodes(TARGET).await.unwrap(), [ONE, "n2/dn_6002"]);
    assert_eq!(nodes(&[("instance_id", "i2")]).await.unwrap(), ["n3/cn_5001"]);
    // Whoever names a data node means it.
    let named = &[("instance_id", "i2"), ("node_id", "n3/dn_6001")];
    assert_eq!(nodes(named).await.unwrap(), ["n3/dn_6001"]);
    let half = nodes(&[("instance_id", "i1"), ("node_id", "n1")]).await.unwrap_err();
    assert_eq!(half.kind, Kind::BadRequest);
    let none = nodes(&[("instance_id", "i1"), ("node_id", "n9/dn_1")]).await.unwrap_err();
    assert_eq!(none.kind, Kind::TargetGone);
}

#[tokio::test]
async fn a_session_is_told_by_when_it_began_and_its_statement_is_not_told() {
    let (bench, _) = bench(1);
    let page = bench.sessions(TARGET).list(&node(ONE), None, None).await.unwrap();
    let [session] = &page.sessions[..] else { panic!("{page:?}") };
    assert!(session.incarnation.is_some());
    assert_eq!(session.fields.get("age_seconds"), Some(&Field::Integer(90)));
    assert_eq!(session.fields.get("command"), Some(&Field::Text("SELECT".into())));
    assert_eq!(session.fields.get("client_address"), Some(&Field::Text("10.0.0.1:40001".into())));
    assert!(!format!("{page:?}").contains("4111"));
    assert_eq!(page.left_out, [("sessions of the cloud's own accounts", 1)]);
    assert!(ACCOUNTS.contains(&"omm"));
}

#[tokio::test]
async fn a_list_that_may_be_cut_off_says_that_others_may_live() {
    for (clients, doubt) in [(48, false), (49, true), (99, true), (150, false), (250, true)] {
        // With the cloud's own session the list is one longer.
        let (bench, _) = bench(clients);
        let page = bench.sessions(TARGET).list(&node(ONE), None, None).await.unwrap();
        assert_eq!(page.unsteady.is_some(), doubt, "{clients}");
        assert_eq!(page.next, None);
    }
}

#[tokio::test]
async fn chosen_sessions_are_ended_and_a_partial_end_is_looked_at_again() {
    let (bench, memory) = bench(3);
    let ids: Vec<SessionId> = (1..=2).map(|number| SessionId(client(number).id)).collect();
    assert_eq!(kill(&bench, &ids).await.unwrap().outcome, Default::default());
    assert_eq!(memory.lock().unwrap().list(ONE).len(), 1);
    bench.fault(Fault::PartialKill);
    let left = [SessionId(client(3).id)];
    let error = kill(&bench, &left).await.unwrap_err();
    assert_eq!(error.kind, Kind::Ambiguous);
}

#[tokio::test]
async fn rubbish_is_no_list_and_no_success() {
    let (bench, _) = bench(1);
    for body in ["{}", "[]", "{\"sessions\": null}", "{\"sessions\": 3}", "nonsense"] {
        bench.can(200, body);
        let error = bench.sessions(TARGET).list(&node(ONE), None, None).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
    for body in ["{}", "{\"success\": \"perhaps\"}"] {
        bench.can(200, body);
        let error = kill(&bench, &[SessionId("1".into())]).await.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{body}");
    }
}
