//! `examples/scenarios/reconnecting-pool`: a real Terraform, a real Redis, and a pool that is back at
//! once, counted at the socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use terraform_provider_session::demo::{Client, Output, Redis, Workshop};
use tokio::task::JoinHandle;

use crate::terraform::fixture::{Fixture, engines, must};

/// Connections that are made again within ten milliseconds after they were cut.
struct Pool {
    down: Arc<AtomicBool>,
    made: Arc<AtomicUsize>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    async fn of(redis: &Redis, size: usize) -> Pool {
        let (down, made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let address = redis.address();
        let workers = (0..size).map(|number| {
            let (down, made) = (down.clone(), made.clone());
            let password = redis.password().to_owned();
            tokio::spawn(work(address, password, format!("worker-{number}"), down, made))
        });
        let pool = Pool { workers: workers.collect(), down, made: made.clone() };
        while made.load(Ordering::SeqCst) < size {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        pool
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.workers.iter().for_each(JoinHandle::abort);
    }
}

async fn work(
    address: SocketAddr,
    password: String,
    name: String,
    down: Arc<AtomicBool>,
    made: Arc<AtomicUsize>,
) {
    while !down.load(Ordering::SeqCst) {
        let Ok(client) = Client::connect(address, "app", &password, &name).await else { return };
        made.fetch_add(1, Ordering::SeqCst);
        while client.cut().is_none() && !down.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The cache is built, and torn down with these arguments while something happens.
async fn torn_down(
    redis: &Redis,
    quiet: Option<&str>,
    patience: &str,
    happens: impl Future<Output = ()>,
) -> (Output, Vec<String>) {
    let engine = engines().last().unwrap();
    let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/scenarios/reconnecting-pool/");
    let read = |name: &str| std::fs::read_to_string(format!("{scenario}{name}")).unwrap();
    let fixture = Fixture::new(engine, &read("main.tf"));
    fixture.write("variables.tf", &read("variables.tf"));
    let address = redis.address();
    let values = json!({
        "host": address.ip().to_string(), "port": address.port(),
        "quiet": quiet, "patience": patience,
    });
    fixture.write("terraform.tfvars.json", &values.to_string());
    let url = format!("redis://admin:{}@{address}/", redis.password());
    let run = async |command: &str| {
        let (args, env) = ([command, "-auto-approve"], [("REDIS_URL", url.as_str())]);
        fixture.core.run(fixture.dir(), &args, &env).await.unwrap_or_else(must)
    };
    let built = run("apply").await;
    assert_eq!(built.code, 0, "{}", built.text());
    let (told, ()) = futures_util::future::join(run("destroy"), happens).await;
    (told, fixture.state().await)
}

/// How many of the pool are connected, as the server itself counts them.
async fn connected(redis: &Redis) -> usize {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut raw = tokio::net::TcpStream::connect(redis.address()).await.unwrap();
    let text = format!("AUTH admin {}\r\nCLIENT LIST\r\nQUIT\r\n", redis.password());
    raw.write_all(text.as_bytes()).await.unwrap();
    let mut said = String::new();
    raw.read_to_string(&mut said).await.unwrap();
    said.matches("user=app").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_quiet_a_destroy_warns_of_who_is_back() {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let pool = Pool::of(&redis, 3).await;
    let (told, state) = torn_down(&redis, None, "30s", async {}).await;
    assert_eq!((told.code, state), (0, vec![]), "{}", told.text());
    assert!(
        told.text().contains("came back") || told.text().contains("worker-"),
        "{}",
        told.text()
    );
    assert!(pool.made.load(Ordering::SeqCst) >= 6, "each was cut, and is back");
    assert_eq!(connected(&redis).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_quiet_and_an_application_that_goes_down_nobody_is_connected_when_the_cache_goes() {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let pool = Pool::of(&redis, 3).await;
    let goes_down = async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        pool.down.store(true, Ordering::SeqCst);
    };
    let (told, state) = torn_down(&redis, Some("3s"), "60s", goes_down).await;
    assert_eq!((told.code, state), (0, vec![]), "{}", told.text());
    assert_eq!(connected(&redis).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_quiet_and_an_application_that_never_goes_down_the_cache_stays() {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let _pool = Pool::of(&redis, 3).await;
    let (told, state) = torn_down(&redis, Some("3s"), "10s", async {}).await;
    assert_eq!(told.code, 1, "{}", told.text());
    let text = told.text().replace('\n', " ");
    assert!(text.contains("Clients keep coming back"), "{}", told.text());
    assert!(text.contains("worker-0") && text.contains("user app"), "{}", told.text());
    assert!(text.contains("keeps nobody out"), "{}", told.text());
    assert_eq!(state, ["session_termination_redis.teardown", "terraform_data.cache"]);
}
