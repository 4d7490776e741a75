//! Every service in one apply: side by side, nobody waits for another's cloud or server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use terraform_provider_session::demo::{Postgres, PostgresPrograms, Redis, Workshop};
use terraform_provider_session::sandbox::{Sandbox, Setup, cli, server};
use terraform_provider_session::wire::https::SystemClock;
use tokio_util::sync::CancellationToken;

use crate::servers::mariadb::{self, MariaDb};
use crate::terraform::fixture::{Fixture, must, newest};

const REQUIRED: &str =
    "terraform {\n  required_providers { session = { source = \"sessionops/session\" } }\n}\n";

/// The servers, each with somebody who may end sessions.
struct Servers {
    postgres: Postgres,
    redis: Redis,
    mariadb: Option<MariaDb>,
}

impl Servers {
    async fn start() -> Servers {
        let workshop = Workshop::here();
        let programs = PostgresPrograms::any(&workshop).unwrap_or_else(must);
        let postgres = Postgres::start(&programs, &[]).await.unwrap_or_else(must);
        let redis = Redis::start(&workshop).await.unwrap_or_else(must);
        let mariadb = match mariadb::programs() {
            None => None,
            Some(programs) => {
                let server = MariaDb::start(&programs).await;
                let grants = "GRANT PROCESS, CONNECTION ADMIN ON *.* TO ops";
                server.run(&["CREATE USER ops IDENTIFIED BY 'pw-ops'", grants]).await;
                Some(server)
            }
        };
        Servers { postgres, redis, mariadb }
    }

    /// What the provider block has for them.
    fn settings(&self) -> String {
        let mysql = self.mariadb.as_ref().map(|_| login("mysql", "ops", "pw-ops"));
        [
            Some(login("postgresql", Postgres::ADMIN, self.postgres.password())),
            Some(login("redis", "admin", self.redis.password())),
            mysql,
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// A block of each.
    fn blocks(&self) -> Vec<(&'static str, String)> {
        let (postgres, redis) = (self.postgres.address(), self.redis.address());
        let target = |port: u16| format!("host = \"127.0.0.1\"\n  port = {port}");
        let databases = |port: u16| format!("{}\n  all_databases = true", target(port));
        let mut blocks =
            vec![("postgresql", databases(postgres.port())), ("redis", target(redis.port()))];
        blocks.extend(self.mariadb.as_ref().map(|server| ("mysql", databases(server.port))));
        blocks
    }
}

fn login(platform: &str, user: &str, password: &str) -> String {
    format!("  {platform} = {{ username = {user:?}, password = {password:?} }}\n")
}

fn block(service: &str, target: &str) -> String {
    format!(
        "resource \"session_termination_{service}\" \"it\" {{\n  {target}\n  when = \"apply\"\n  \
         all  = true\n}}\n"
    )
}

/// How long an apply of these blocks takes.
async fn apply(provider: &str, blocks: &[(&'static str, String)]) -> (Duration, usize) {
    let main: String = blocks.iter().map(|(service, target)| block(service, target)).collect();
    let fixture = Fixture::new(newest()[0], &main);
    fixture.write("provider.tf", &format!("{REQUIRED}{provider}"));
    let began = Instant::now();
    fixture.succeed(&["apply", "-auto-approve", "-parallelism=14"]).await;
    (began.elapsed(), fixture.state().await.len())
}

#[tokio::test]
async fn one_apply_of_all_services_takes_hardly_longer_than_the_slowest_of_them() {
    let sandbox = Arc::new(Sandbox::new(Setup::default(), Arc::new(SystemClock)));
    let listener = server::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(server::serve(Arc::clone(&sandbox), listener, stop.clone()));
    let _stop = stop.drop_guard();
    let servers = Servers::start().await;
    let clouds = cli::block(&sandbox, &endpoint);
    let (clouds, _) = clouds.rsplit_once('}').unwrap();
    let provider = format!("{clouds}{}}}\n", servers.settings());

    let scenery = sandbox.scenery().iter();
    let cloud = scenery.map(|(spec, instances)| {
        (spec.name, format!("{} = {:?}", spec.inputs[0].name, instances[0].id))
    });
    let mut blocks: Vec<_> = cloud.collect();
    let in_memory = blocks.len();
    blocks.extend(servers.blocks());
    let (together, resources) = apply(&provider, &blocks).await;
    assert_eq!(resources, blocks.len());
    let ended = sandbox.ledger().killed().len();
    assert!(ended >= in_memory, "{ended} sessions of {in_memory} services were ended");

    let mut slowest = Duration::ZERO;
    for one in &blocks {
        sandbox.reset();
        let (alone, _) = apply(&provider, std::slice::from_ref(one)).await;
        println!("{}: {alone:.1?}", one.0);
        slowest = slowest.max(alone);
    }
    println!("together: {together:.1?}, the slowest: {slowest:.1?}");
    // The slowest waits for jobs most of its time, here and there.
    assert!(together * 2 < slowest * 3, "{together:?} together, {slowest:?} the slowest alone");
}
