mod kills;
mod lists;

use std::sync::{Arc, Mutex};

use super::api::BAD_LIMIT;
use super::*;
use crate::services::simulator::bench::{Bench, all_pages, ids, node};
use crate::services::simulator::{Clients, Fault, Gone, Instance, LiveClient, Memory, Stage};
use crate::services::{Batch, Error, Field, Kind, SessionId, Which};

/// A replica set with `clients` on its primary node, and a cluster with one per node.
fn stage(clients: usize) -> (Stage, Arc<Mutex<Memory>>) {
    let mut memory = Memory::new();
    for number in 1..=clients {
        memory.connect("one", client(number));
    }
    for node in ["front-1", "front-2", "shard"] {
        memory.connect(node, client(1));
    }
    let memory = memory.shared();
    let replicas = [("one", "Primary"), ("two", "Secondary"), ("three", "Hidden")];
    let cluster =
        [("front-1", "mongos"), ("front-2", "mongos"), ("shard", "shard"), ("conf", "config")];
    let instances = vec![
        Instance::new("replicas", &replicas),
        Instance::new("cluster", &cluster),
        Instance::new("alone", &[("only", "single")]),
    ];
    (Stage::new(instances, Arc::clone(&memory) as Arc<Mutex<dyn Clients>>), memory)
}

fn client(number: usize) -> LiveClient {
    LiveClient {
        id: number.to_string(),
        address: format!("10.0.0.{}:{}", number % 250, 40000 + number),
        user: "app".into(),
        command: "query".into(),
        database: "shop".into(),
        age: 60,
        ..LiveClient::default()
    }
}

fn bench(clients: usize) -> (Bench, Arc<Mutex<Memory>>) {
    let (stage, memory) = stage(clients);
    (Bench::new(&SERVICE, stage), memory)
}

async fn found(bench: &Bench, target: &[(&'static str, &str)]) -> Result<Vec<String>, Error> {
    let nodes = bench.sessions(target).nodes().await?;
    Ok(nodes.into_iter().map(|node| node.id).collect())
}
