//! Five hundred sessions of a real PostgreSQL, beside `psql` with the statements that do it by hand.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use terraform_provider_session::access::{self, Given, SettingValue};
use terraform_provider_session::demo::{Client, Postgres, PostgresPrograms, Workshop};
use terraform_provider_session::engine::{self, Aim, Log, Pace, Report, Silent, Turns};
use terraform_provider_session::services::{ALL, Scope, Target};
use terraform_provider_session::wire::Outside;

use crate::table::{Figure, fastest, seconds};

const SESSIONS: usize = 500;
/// How often both are measured, by turns.
const ROUNDS: usize = 5;
/// Who logs in without a password: a login is not what is measured.
const USER: &str = "app";

/// By hand: who is there, end them, and wait until nobody is.
const STATEMENTS: [&str; 3] = [
    "SELECT pid, backend_start, usename, datname, client_addr, client_port, state, application_name \
     FROM pg_stat_activity WHERE datname = 'shop' AND backend_type = 'client backend'",
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE datname = 'shop' AND backend_type = 'client backend'",
    "DO $$ BEGIN LOOP PERFORM pg_stat_clear_snapshot(); \
     EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = 'shop'); \
     PERFORM pg_sleep(0.01); END LOOP; END $$",
];

/// The time for all sessions.
pub(crate) async fn sessions() -> Figure {
    let programs = PostgresPrograms::any(&Workshop::here()).unwrap();
    let server = Postgres::start(&programs, &[("max_connections", "600")]).await.unwrap();
    let rules = server.socket_folder().join("data/pg_hba.conf");
    let own = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("host all {USER} 127.0.0.1/32 trust\n{own}")).unwrap();
    let setup = ["CREATE ROLE app LOGIN", "CREATE DATABASE shop", "SELECT pg_reload_conf()"];
    for statement in setup {
        server.run("postgres", &[statement]).await.unwrap();
    }
    let (mut times, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let clients = connect(&server).await;
        // A task of its own, as a call of the host is.
        let (report, took) = tokio::spawn(run(&server)).await.unwrap();
        assert_eq!(report.terminated(), SESSIONS, "{:?}", report.halt);
        times.push(took);
        drop(clients);
        let clients = connect(&server).await;
        beside.push(by_hand(&programs, &server).await);
        drop(clients);
    }
    let (time, beside) = (fastest(&times), fastest(&beside));
    let share = time.as_secs_f64() / beside.as_secs_f64();
    Figure {
        name: format!("{SESSIONS} sessions of PostgreSQL {}: time", server.version()),
        measured: seconds(time),
        goal: None,
        beside: format!("`psql` with such statements: {}, so {share:.2} times", seconds(beside)),
    }
}

async fn connect(server: &Postgres) -> Vec<Client> {
    let mut clients = Vec::with_capacity(SESSIONS);
    for number in 0..SESSIONS {
        clients.push(server.client(USER, "", "shop", &format!("app-{number}")).await.unwrap());
    }
    clients
}

/// The engine's way, the login included.
fn run(server: &Postgres) -> impl Future<Output = (Report, Duration)> + Send + use<> {
    let service = *ALL.iter().find(|service| service.spec.name == "postgresql").unwrap();
    let text = |text: &str| SettingValue::Text(text.to_owned());
    let given = Given(BTreeMap::from([
        ("username".to_owned(), text(Postgres::ADMIN)),
        ("password".to_owned(), text(server.password())),
    ]));
    let target = Target(BTreeMap::from([
        ("host", "127.0.0.1".to_owned()),
        ("port", server.address().port().to_string()),
        ("database", "shop".to_owned()),
    ]));
    async move {
        let outside = Outside::real();
        let account = access::find("postgresql").unwrap().account(&given, &outside).unwrap();
        let pace = Pace::new(NonZeroUsize::new(8).unwrap(), Arc::new(|| 0.5));
        let request = engine::Request::everybody(Duration::from_secs(300));
        let scope = Scope::new(service.spec, None, &target);
        let began = Instant::now();
        let connected = service.connect(&account, None, target, &outside).unwrap();
        let (turns, cancel) = (Turns::default(), tokio_util::sync::CancellationToken::new());
        let aim = Aim {
            spec: service.spec,
            sessions: &*connected.sessions,
            scope: &scope,
            turns: &turns,
        };
        let report = engine::terminate(aim, &request, &pace, &Log::none(), &Silent, &cancel).await;
        (report, began.elapsed())
    }
}

/// One `psql` from its start to its end.
async fn by_hand(programs: &PostgresPrograms, server: &Postgres) -> Duration {
    let mut command = tokio::process::Command::new(&programs.psql);
    command.args(["--no-psqlrc", "--quiet", "--host=127.0.0.1", "--username", Postgres::ADMIN]);
    command.arg(format!("--port={}", server.address().port())).arg("postgres");
    command.args(STATEMENTS.map(|statement| format!("--command={statement}")));
    command.env("PGPASSWORD", server.password()).stdout(Stdio::null());
    let began = Instant::now();
    let status = command.status().await.unwrap();
    let took = began.elapsed();
    assert!(status.success());
    took
}
