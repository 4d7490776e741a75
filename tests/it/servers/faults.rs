//! Every service by a server's own protocol, on a real server, with something on the way that
//! breaks: whatever happens, the report agrees with who is still connected.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::json;
use terraform_provider_session::access::{Error, Kind};
use terraform_provider_session::demo::{Client, Postgres, PostgresPrograms, Redis, Workshop};
use terraform_provider_session::engine::{Fate, Filter, Halt, Report, Request, Selection, Survey};

use super::between::{Between, Fault, Tongue};
use super::ground::{Ground, all};
use super::mariadb::{MariaDb, lives, programs};
use super::redis::tell;
use crate::terraform::fixture::must;

/// Clients whose end each case is about.
const GUESTS: usize = 2;
/// For runs that cannot get through.
const SHORT: Duration = Duration::from_secs(15);
/// Enough for one statement that is never answered: those are given up after 30 s.
const LONG: Duration = Duration::from_secs(60);
/// From the end of the time allowed to the report.
const GRACE: Duration = Duration::from_secs(30);
/// Until a client has heard of its end.
const NEWS: Duration = Duration::from_secs(10);

/// A real server, and how a case's clients are made and meant there.
enum Server {
    Postgres(Postgres),
    Redis(Redis),
    Maria(MariaDb),
}

/// A client whose end can be seen.
enum Guest {
    Watched(Client),
    Mysql(mysql_async::Conn),
}

impl Guest {
    async fn lives(&mut self) -> bool {
        match self {
            Guest::Watched(client) => client.cut().is_none(),
            Guest::Mysql(conn) => lives(conn).await,
        }
    }
}

/// What goes to the server when it is logged in to, listed, and asked to end somebody.
struct Words {
    login: &'static str,
    list: &'static str,
    kill: &'static str,
}

impl Server {
    async fn postgres() -> Server {
        let programs = PostgresPrograms::any(&Workshop::here()).unwrap_or_else(must);
        let postgres = Postgres::start(&programs, &[("max_connections", "200")]).await;
        let postgres = postgres.unwrap_or_else(must);
        let login = |role: &str| format!("CREATE ROLE {role} LOGIN PASSWORD 'pw-{role}'");
        let roles = [login("ops"), login("app")];
        let mut statements: Vec<&str> = roles.iter().map(String::as_str).collect();
        statements.push("GRANT pg_read_all_stats, pg_signal_backend TO ops");
        postgres.run("postgres", &statements).await.unwrap_or_else(must);
        Server::Postgres(postgres)
    }

    async fn redis() -> Server {
        Server::Redis(Redis::start(&Workshop::here()).await.unwrap_or_else(must))
    }

    async fn maria() -> Option<Server> {
        let maria = MariaDb::start(&programs()?).await;
        let made = ["ops", "app"]
            .map(|user| format!("CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pw-{user}'"));
        maria.run(&made.each_ref().map(String::as_str)).await;
        let rights = "GRANT PROCESS, CONNECTION ADMIN, SHOW DATABASES ON *.* TO ops@'127.0.0.1'";
        maria.run(&[rights, "GRANT ALL ON *.* TO app@'127.0.0.1'"]).await;
        Some(Server::Maria(maria))
    }

    fn address(&self) -> SocketAddr {
        match self {
            Server::Postgres(server) => server.address(),
            Server::Redis(server) => server.address(),
            Server::Maria(server) => SocketAddr::from(([127, 0, 0, 1], server.port)),
        }
    }

    fn words(&self) -> Words {
        match self {
            Server::Postgres(_) => Words {
                login: "user\0ops\0",
                list: "pg_postmaster_start_time()",
                kill: "pg_terminate_backend(",
            },
            Server::Redis(_) => Words { login: "AUTH\r\n", list: "LIST\r\n", kill: "KILL\r\n" },
            Server::Maria(_) => {
                Words { login: "ops\0", list: "information_schema.PROCESSLIST", kill: "KILL " }
            }
        }
    }

    fn ground(&self) -> Ground {
        self.patient(10)
    }

    /// The same with so many seconds for a connection, where they can be said: forty logins at a time
    /// that are computed without optimisation take a while.
    fn patient(&self, seconds: u64) -> Ground {
        let (service, settings) = match self {
            Server::Postgres(_) => (
                "postgresql",
                json!({"username": "ops", "password": "pw-ops", "connect_timeout": seconds}),
            ),
            Server::Maria(_) => ("mysql", json!({"username": "ops", "password": "pw-ops"})),
            Server::Redis(redis) => {
                ("redis", json!({"username": "admin", "password": redis.password()}))
            }
        };
        Ground::new(service, &settings, Arc::default())
    }

    async fn guest(&self, of: &str) -> Guest {
        match self {
            Server::Postgres(server) => Guest::Watched(
                server.client("app", "pw-app", "postgres", of).await.unwrap_or_else(must),
            ),
            Server::Redis(server) => Guest::Watched(
                Client::connect(server.address(), "app", server.password(), of)
                    .await
                    .unwrap_or_else(must),
            ),
            Server::Maria(server) => {
                server.run(&[&format!("CREATE DATABASE IF NOT EXISTS `{of}`")]).await;
                Guest::Mysql(server.client("app", Some(of)).await)
            }
        }
    }

    async fn guests(&self, of: &str) -> Vec<Guest> {
        let mut guests = Vec::new();
        for _ in 0..GUESTS {
            guests.push(self.guest(of).await);
        }
        guests
    }

    /// The clients of one case and nobody else.
    fn meant(&self, of: &str, timeout: Duration) -> Request {
        let of = Some(BTreeSet::from([of.to_owned()]));
        let filter = match self {
            Server::Maria(_) => Filter { databases: of, ..Filter::default() },
            Server::Postgres(_) | Server::Redis(_) => Filter { names: of, ..Filter::default() },
        };
        Request { selection: Selection::Match(filter), timeout, ..all() }
    }

    /// The address with this port.
    fn at<'a>(&self, port: &'a str) -> Vec<(&'static str, &'a str)> {
        let mut target = vec![("host", "127.0.0.1"), ("port", port)];
        if !matches!(self, Server::Redis(_)) {
            target.push(("all_databases", "true"));
        }
        target
    }

    /// Lists what the address with this port leads to.
    async fn survey(&self, ground: &Ground, port: u16, request: &Request) -> Result<Survey, Error> {
        ground.survey(&self.at(&port.to_string()), request).await
    }

    /// Runs against the address with this port, which leads here or not.
    async fn run(&self, ground: &Ground, port: u16, request: &Request) -> Report {
        let port = port.to_string();
        let target = self.at(&port);
        let report = tokio::time::timeout(request.timeout + GRACE, async {
            ground.run(&target, request).await
        });
        report.await.expect("the run ends in its time")
    }
}

/// How many are still connected, once those that are said to be dead have heard of it.
async fn living(guests: &mut [Guest], claimed_dead: usize) -> usize {
    let end = tokio::time::Instant::now() + NEWS;
    loop {
        let mut living = 0;
        for guest in &mut *guests {
            living += usize::from(guest.lives().await);
        }
        if guests.len() - living >= claimed_dead || tokio::time::Instant::now() > end {
            return living;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn count(report: &Report, like: impl Fn(&Fate) -> bool) -> usize {
    report.victims.iter().filter(|one| like(&one.fate)).count()
}

fn is_success(report: &Report) -> bool {
    report.halt.is_none() && count(report, |fate| matches!(fate, Fate::Survived(_))) == 0
}

/// What the report must not say of these clients.
async fn is_true(case: &str, report: &Report, guests: &mut [Guest]) {
    let over = count(report, |fate| matches!(fate, Fate::Terminated | Fate::AlreadyGone));
    let living = living(guests, over).await;
    let dead = guests.len() - living;
    assert!(over <= dead, "{case}: somebody is called gone who lives: {report:#?}");
    assert!(dead <= report.victims.len(), "{case}: somebody was cut silently: {report:#?}");
    let spared = count(report, |fate| matches!(fate, Fate::Untouched | Fate::Spared(_)));
    assert!(spared <= living, "{case}: somebody was cut who is called untouched: {report:#?}");
    assert!(!is_success(report) || living == 0, "{case}: success, and {living} live: {report:#?}");
}

/// One place on the way to the server, with one fault.
#[derive(Clone, Copy, Debug)]
struct Case {
    place: &'static str,
    word: &'static str,
    fault: Fault,
    always: bool,
}

impl Case {
    /// Whether a run gets over it: what breaks once, and what is only slow.
    fn passes(self) -> bool {
        match self.fault {
            Fault::Trickle => true,
            Fault::ResetBefore | Fault::ResetAfter | Fault::CutAnswer => !self.always,
            // A server that takes a connection and says nothing at the login is no server.
            Fault::SilenceBefore | Fault::SilenceAfter => !self.always && self.place != "login",
            // What is no answer of such a server at all may be believed to stay so.
            Fault::Nonsense | Fault::Elsewhere(_) | Fault::Endless(_) | Fault::Damage(_) => false,
        }
    }

    fn timeout(self) -> Duration {
        if self.passes() { LONG } else { SHORT }
    }

    async fn play(self, server: &Server, number: usize) -> String {
        let case = format!(
            "{} {:?} {}",
            self.place,
            self.fault,
            ["once", "always"][usize::from(self.always)]
        );
        let of = format!("case_{number}");
        let mut guests = server.guests(&of).await;
        let times = if self.always { usize::MAX } else { 1 };
        let way = Between::new(server.address(), self.word, self.fault, times).await;
        let silent = matches!(self.fault, Fault::SilenceBefore | Fault::SilenceAfter);
        let silent = silent && self.place == "login";
        let ground = server.patient(if silent { 10 } else { 50 });
        let report = server.run(&ground, way.port, &server.meant(&of, self.timeout())).await;
        assert!(way.happened() > 0, "{case}: it did not happen");
        is_true(&case, &report, &mut guests).await;
        assert!(!self.passes() || is_success(&report), "{case}: {report:#?}");
        if silent {
            let unreachable = |halt: &Halt| matches!(halt, Halt::Failed(error) if error.kind == Kind::Unreachable);
            assert!(report.halt.as_ref().is_some_and(unreachable), "{case}: {report:#?}");
        }
        let told = match &report.halt {
            _ if is_success(&report) => "success".to_owned(),
            Some(halt) => format!("{halt:?}").chars().take(60).collect(),
            None => "survivors".to_owned(),
        };
        format!("{case}: {told}")
    }
}

fn cases(words: &Words) -> Vec<Case> {
    let mut all = Vec::new();
    for (place, word) in [("login", words.login), ("list", words.list), ("kill", words.kill)] {
        for fault in [
            Fault::ResetBefore,
            Fault::ResetAfter,
            Fault::SilenceBefore,
            Fault::SilenceAfter,
            Fault::CutAnswer,
            Fault::Trickle,
            Fault::Nonsense,
        ] {
            all.extend([false, true].map(|always| Case { place, word, fault, always }));
        }
    }
    all
}

/// All cases side by side, and beside them somebody whom none of them means.
#[expect(clippy::print_stdout, reason = "how each case ended, for whoever wants to read it")]
async fn plays(server: Server) {
    let mut bystander = server.guest("bystander").await;
    let cases = cases(&server.words());
    let plays = cases.iter().enumerate().map(|(number, case)| case.play(&server, number));
    for told in futures_util::future::join_all(plays).await {
        println!("{told}");
    }
    assert!(bystander.lives().await, "somebody was cut who was not meant");
}

#[tokio::test]
async fn on_any_bad_line_to_a_postgresql_the_report_is_true() {
    plays(Server::postgres().await).await;
}

#[tokio::test]
async fn on_any_bad_line_to_a_redis_the_report_is_true() {
    plays(Server::redis().await).await;
}

#[tokio::test]
async fn on_any_bad_line_to_a_mariadb_the_report_is_true() {
    let Some(server) = Server::maria().await else { return };
    plays(server).await;
}

/// How many kinds of damage are tried.
const SEEDS: u64 = 40;

/// A server whose answers are damaged: no list is made of it but by chance, nothing hangs, and
/// nothing breaks here. Nobody is ended: what a damaged list names could be anybody.
async fn survives_damage(server: Server) {
    let words = server.words();
    let ground = server.ground();
    let (mut taken, mut told) = (0, BTreeSet::new());
    for word in [words.login, words.list] {
        let surveys = (0..SEEDS).map(async |seed| {
            let way = Between::new(server.address(), word, Fault::Damage(seed), usize::MAX).await;
            let request = server.meant("nobody", Duration::from_secs(2));
            let survey = server.survey(&ground, way.port, &request);
            (seed, tokio::time::timeout(GRACE, survey).await.expect("it ends in its time"))
        });
        // Few at a time: a login takes a while to compute.
        let surveys = futures_util::stream::iter(surveys).buffer_unordered(5);
        for (seed, survey) in surveys.collect::<Vec<_>>().await {
            match survey {
                Ok(_) => taken += 1,
                Err(error) => {
                    assert!(!error.message.contains("ended in a panic"), "{seed}: {error}");
                    told.insert(error.kind);
                }
            }
        }
    }
    assert!(taken > 0 && told.len() > 1, "{taken} lists were taken, and {told:?}");
}

#[tokio::test]
async fn damaged_answers_of_servers_break_nothing() {
    survives_damage(Server::postgres().await).await;
    survives_damage(Server::redis().await).await;
    if let Some(server) = Server::maria().await {
        survives_damage(server).await;
    }
}

#[tokio::test]
async fn an_answer_without_an_end_is_no_answer() {
    let mut servers =
        vec![(Server::postgres().await, Tongue::Postgres), (Server::redis().await, Tongue::Redis)];
    servers.extend(Server::maria().await.map(|server| (server, Tongue::Mysql)));
    for (server, tongue) in servers {
        let fault = Fault::Endless(tongue);
        let way = Between::new(server.address(), server.words().list, fault, usize::MAX).await;
        let request = server.meant("nobody", LONG);
        let survey = server.survey(&server.ground(), way.port, &request).await;
        let error = survey.unwrap_err();
        assert_eq!(error.kind, Kind::Malformed, "{tongue:?}: {error}");
        assert!(error.message.contains("longer than 256 MiB"), "{tongue:?}: {error}");
        // It is tried a few times, and each time no more is read than that, and what was on the way.
        let most = way.happened() * (300 << 20);
        assert!(way.sent() < most, "{tongue:?}: {} bytes were read", way.sent());
    }
}

/// The address leads to another server from the first kill on.
async fn moves(one: Server, other: Server) {
    let (mut here, mut there) = (one.guests("shared").await, other.guests("shared").await);
    let fault = Fault::Elsewhere(other.address());
    let way = Between::new(one.address(), one.words().kill, fault, 1).await;
    let report = one.run(&one.ground(), way.port, &one.meant("shared", SHORT)).await;
    assert_eq!(way.happened(), 1);
    is_true("failover", &report, &mut here).await;
    assert!(!is_success(&report), "{report:#?}");
    let unproven =
        |fate: &Fate| matches!(fate, Fate::Survived(why) if why.contains("another server"));
    assert_eq!(count(&report, unproven), GUESTS, "{report:#?}");
    assert_eq!(living(&mut there, 0).await, GUESTS, "nobody over there was ever selected");
    assert_eq!(living(&mut here, 0).await, GUESTS);
}

#[tokio::test]
async fn another_server_behind_the_same_name_proves_nothing_and_loses_nobody() {
    moves(Server::postgres().await, Server::postgres().await).await;
    let (one, other) = (Server::redis().await, Server::redis().await);
    if let (Server::Redis(one), Server::Redis(other)) = (&one, &other) {
        // The login is good for both, or it would end there.
        let said = tell(other, &format!("ACL SETUSER admin >{}", one.password())).await;
        assert_eq!(said.matches("+OK").count(), 3, "{said}");
    }
    moves(one, other).await;
    if let (Some(one), Some(other)) = (Server::maria().await, Server::maria().await) {
        moves(one, other).await;
    }
}
