//! `postgresql` against real servers: who is listed, who is ended, and what is no list at all.

use std::sync::Arc;

use serde_json::json;
use terraform_provider_session::access::Kind;
use terraform_provider_session::demo::{Client, Postgres, PostgresPrograms, Workshop};
use terraform_provider_session::engine::{Fate, Halt, Report};
use terraform_provider_session::services::{Field, Session, Sight};

use super::ground::{Ground, all, these, users};
use crate::terraform::fixture::must;
use crate::terraform::stage::assert_cut;

/// A server, and what it takes to aim at it.
struct Server {
    postgres: Postgres,
    host: String,
    port: String,
}

impl Server {
    async fn start(settings: &[(&str, &str)]) -> Server {
        let programs = PostgresPrograms::any(&Workshop::here()).unwrap_or_else(must);
        Server::of(&programs, settings).await
    }

    async fn of(programs: &PostgresPrograms, settings: &[(&str, &str)]) -> Server {
        let postgres = Postgres::start(programs, settings).await.unwrap_or_else(must);
        let address = postgres.address();
        Server { postgres, host: address.ip().to_string(), port: address.port().to_string() }
    }

    /// The same with two databases and three roles: `ops` may see and end, `blind` may nothing, and
    /// `app` is a user.
    async fn peopled(settings: &[(&str, &str)]) -> Server {
        Server::start(settings).await.with_people().await
    }

    async fn with_people(self) -> Server {
        let server = self;
        let login = |role: &str| format!("CREATE ROLE {role} LOGIN PASSWORD 'pw-{role}'");
        let roles = [login("ops"), login("blind"), login("app"), login("rdsadmin")];
        let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
        server.admin("postgres", &roles).await;
        let grant = "GRANT pg_read_all_stats, pg_signal_backend TO ops";
        server.admin("postgres", &[grant, "CREATE DATABASE shop", "CREATE DATABASE other"]).await;
        server
    }

    async fn admin(&self, database: &str, statements: &[&str]) {
        self.postgres.run(database, statements).await.unwrap_or_else(must);
    }

    async fn client(&self, user: &str, database: &str, name: &str) -> Client {
        let password = match user {
            Postgres::ADMIN => self.postgres.password().to_owned(),
            user => format!("pw-{user}"),
        };
        self.postgres.client(user, &password, database, name).await.unwrap_or_else(must)
    }

    fn ground(&self, user: &str) -> Ground {
        let settings = json!({"username": user, "password": format!("pw-{user}")});
        Ground::new("postgresql", &settings, Arc::default())
    }

    fn database<'a>(&'a self, name: &'a str) -> [(&'static str, &'a str); 3] {
        [("host", &self.host), ("port", &self.port), ("database", name)]
    }

    fn everywhere(&self) -> [(&'static str, &str); 3] {
        [("host", &self.host), ("port", &self.port), ("all_databases", "true")]
    }
}

fn names(sessions: &[Arc<Session>]) -> Vec<String> {
    let mut names: Vec<String> = sessions.iter().map(|one| text(one, "name")).collect();
    names.sort();
    names
}

fn text(session: &Session, column: &str) -> String {
    match session.fields.get(column) {
        Some(Field::Text(text)) => text.clone(),
        other => format!("{other:?}"),
    }
}

/// How many of each fate.
fn counts(report: &Report) -> (usize, usize, usize) {
    let count =
        |like: fn(&Fate) -> bool| report.victims.iter().filter(|one| like(&one.fate)).count();
    (
        count(|fate| matches!(fate, Fate::Terminated)),
        count(|fate| matches!(fate, Fate::AlreadyGone)),
        count(|fate| matches!(fate, Fate::Survived(_))),
    )
}

#[tokio::test]
async fn everybody_in_a_database_goes_and_it_can_be_dropped_behind_us() {
    let server = Server::peopled(&[]).await;
    let mut shop = Vec::new();
    for number in 0..4 {
        shop.push(server.client("app", "shop", &format!("shop-{number}")).await);
    }
    let elsewhere = server.client("app", "other", "elsewhere").await;
    let refused = server.postgres.run("postgres", &["DROP DATABASE shop"]).await.unwrap_err();
    assert!(refused.to_string().contains("being accessed by other users"), "{refused}");

    let report = server.ground("ops").run(&server.database("shop"), &all()).await;
    assert!(report.halt.is_none(), "{report:#?}");
    assert_eq!(counts(&report), (4, 0, 0), "{report:#?}");
    server.admin("postgres", &["DROP DATABASE shop"]).await;
    assert!(elsewhere.cut().is_none());
    // The server's clients learn of it with their next word from it, which has come by now.
    assert_cut(&shop.iter().collect::<Vec<_>>(), &[]).await;

    let again = server.ground("ops").run(&server.database("shop"), &all()).await;
    assert!(
        matches!(&again.halt, Some(Halt::TargetGone(error)) if error.message.contains("no database `shop`")),
        "{again:#?}"
    );
}

#[tokio::test]
async fn a_role_that_may_not_see_who_is_connected_is_told_so_and_never_shown_an_empty_list() {
    let server = Server::peopled(&[]).await;
    let _client = server.client("app", "shop", "unseen").await;
    for target in [&server.database("shop"), &server.everywhere()] {
        let error = server.ground("blind").survey(target, &all()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Permission, "{error}");
        assert!(error.message.contains("GRANT pg_read_all_stats"), "{error}");
    }
}

#[tokio::test]
async fn a_superusers_session_survives_with_the_reason_and_spoils_nobody_elses_end() {
    let server = Server::peopled(&[]).await;
    let superuser = server.client(Postgres::ADMIN, "shop", "boss").await;
    let mut clients = Vec::new();
    for number in 0..3 {
        clients.push(server.client("app", "shop", &format!("c{number}")).await);
    }
    let mut request = all();
    request.timeout = std::time::Duration::from_secs(8);
    let report = server.ground("ops").run(&server.database("shop"), &request).await;
    assert_eq!(counts(&report), (3, 0, 1), "{report:#?}");
    let survivor = report.victims.iter().find_map(|one| match &one.fate {
        Fate::Survived(why) => Some((text(&one.session, "name"), why.clone())),
        _ => None,
    });
    let (name, why) = survivor.unwrap();
    assert_eq!(name, "boss");
    assert!(why.contains("superuser") || why.contains("SUPERUSER"), "{why}");
    assert!(superuser.cut().is_none());
    assert_cut(&clients.iter().collect::<Vec<_>>(), &[]).await;
}

#[tokio::test]
async fn who_has_the_process_id_of_somebody_who_left_is_not_hit() {
    let server = Server::peopled(&[]).await;
    let client = server.client("app", "shop", "newcomer").await;
    let ground = server.ground("ops");
    let survey = ground.survey(&server.everywhere(), &all()).await.unwrap();
    let id = &survey.sessions[0].id.0;
    let (pid, begun) = id.split_once(':').unwrap();
    let former = format!("{pid}:{}", begun.parse::<i64>().unwrap() - 1);
    // Asked of the server itself: the engine would not even name who is on no list.
    let connected = ground.sessions(&server.everywhere());
    let node = terraform_provider_session::services::Node::whole();
    let ids = [terraform_provider_session::services::SessionId(former.clone())];
    let which = terraform_provider_session::services::Which::These(&ids);
    let batch = terraform_provider_session::services::Batch { node: Some(&node), which };
    let outcome = connected.sessions.terminate(batch).await.unwrap().outcome;
    assert_eq!(outcome.already_gone, ids);
    assert!(client.cut().is_none());

    let report = ground.run(&server.everywhere(), &these(&[&former, id])).await;
    assert_eq!((counts(&report), report.missing), ((1, 0, 0), vec![former]));
}

#[tokio::test]
async fn who_is_no_client_is_left_out_and_counted_and_our_own_login_is_told() {
    let server = Server::peopled(&[]).await;
    let vendor = server.client("rdsadmin", "shop", "vendor").await;
    let ours = server.client("ops", "shop", "another run").await;
    let _client = server.client("app", "shop", "client").await;
    let ground = server.ground("ops");
    let survey = ground.survey(&server.database("shop"), &all()).await.unwrap();
    assert_eq!(names(&survey.sessions), ["another run", "client"]);
    assert_eq!(survey.ours, 1);
    let left_out: Vec<_> = survey.left_out.into_iter().collect();
    assert_eq!(left_out, [("sessions of the vendor's own accounts", 1)]);
    let report = ground.run(&server.database("shop"), &users(&["app"])).await;
    assert_eq!(counts(&report), (1, 0, 0), "{report:#?}");
    assert!(vendor.cut().is_none() && ours.cut().is_none());
}

#[tokio::test]
async fn a_statement_is_shown_by_its_verb_and_no_more() {
    let server = Server::peopled(&[]).await;
    let (client, life, _) =
        server.postgres.open("app", "pw-app", "shop", "talkative").await.unwrap_or_else(must);
    let living = tokio::spawn(life);
    client.batch_execute("  SELECT 'hunter2-is-the-password'").await.unwrap();
    let survey = server.ground("ops").survey(&server.database("shop"), &all()).await.unwrap();
    let session = &survey.sessions[0];
    assert_eq!(text(session, "command"), "select");
    assert_eq!(text(session, "state"), "idle");
    assert!(!format!("{session:?}").contains("hunter2"));
    drop(client);
    living.await.unwrap();
}

#[tokio::test]
async fn what_else_holds_a_database_is_named() {
    let server =
        Server::peopled(&[("max_prepared_transactions", "5"), ("wal_level", "logical")]).await;
    let nothing =
        server.ground("ops").sessions(&server.database("shop")).sessions.obstacles().await;
    assert_eq!(nothing.unwrap(), Vec::<String>::new());
    // The slot first: it would wait for the end of the transaction.
    let slot = "SELECT pg_create_logical_replication_slot('s', 'test_decoding')";
    server.admin("shop", &[slot, "CREATE TABLE t ()"]).await;
    let begun = ["BEGIN", "INSERT INTO t DEFAULT VALUES", "PREPARE TRANSACTION 'left'"];
    server.admin("shop", &begun).await;
    let found = server.ground("ops").sessions(&server.database("shop")).sessions.obstacles().await;
    assert_eq!(found.unwrap(), ["1 prepared transaction", "1 logical replication slot"]);
}

#[tokio::test]
async fn a_target_is_seen_in_the_catalogue_or_absent_from_it() {
    let server = Server::peopled(&[]).await;
    let ground = server.ground("ops");
    let sight = |target: [(&'static str, &str); 3]| {
        let connected = ground.sessions(&target);
        async move { connected.sessions.sight().await.unwrap() }
    };
    assert_eq!(sight(server.database("shop")).await, Sight::Seen);
    assert_eq!(sight(server.everywhere()).await, Sight::Seen);
    assert!(
        matches!(sight(server.database("Shop")).await, Sight::Absent(error) if error.kind == Kind::TargetGone)
    );
}

#[tokio::test]
async fn a_server_that_is_not_there_and_a_login_that_is_refused_say_where_and_why() {
    let server = Server::peopled(&[]).await;
    let (_held, nobody) = crate::joined::nobody();
    let port = nobody.port().to_string();
    let target = [("host", "127.0.0.1"), ("port", &*port), ("all_databases", "true")];
    let error = server.ground("ops").survey(&target, &all()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
    assert!(error.message.contains(&format!("127.0.0.1:{port}")), "{error}");

    let settings = json!({"username": "ops", "password": "wrong-password"});
    let ground = Ground::new("postgresql", &settings, Arc::default());
    let error = ground.survey(&server.everywhere(), &all()).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (Kind::Credentials, Some("28P01")), "{error}");
    assert!(!error.message.contains("wrong-password"), "{error}");
    // It is not shown to the server again, though it would do by now.
    server.admin("postgres", &["ALTER ROLE ops PASSWORD 'wrong-password'"]).await;
    assert!(ground.survey(&server.everywhere(), &all()).await.is_err());
}

/// Sends a signal to the process behind a session.
async fn signal(name: &str, session: &Session) {
    let pid = session.id.0.split_once(':').unwrap().0;
    let done = tokio::process::Command::new("kill").args([name, pid]).status().await;
    assert!(done.unwrap().success(), "{name} {pid}");
}

#[tokio::test]
async fn a_process_that_is_stopped_does_not_die_and_survives() {
    let server = Server::peopled(&[]).await;
    let stuck = server.client("app", "shop", "stuck").await;
    let ground = server.ground("ops");
    let survey = ground.survey(&server.database("shop"), &all()).await.unwrap();
    signal("-STOP", &survey.sessions[0]).await;
    let other = server.client("app", "shop", "other").await;
    let mut request = all();
    request.timeout = std::time::Duration::from_secs(8);
    let report = ground.run(&server.database("shop"), &request).await;
    assert_eq!(counts(&report), (1, 0, 1), "{report:#?}");
    assert_cut(&[&other], &[&stuck]).await;
    // It was asked, and goes as soon as it can.
    signal("-CONT", &survey.sessions[0]).await;
    let again = ground.run(&server.database("shop"), &all()).await;
    let (terminated, gone, survived) = counts(&again);
    assert!(terminated + gone <= 1 && survived == 0 && again.halt.is_none(), "{again:#?}");
    server.admin("postgres", &["DROP DATABASE shop"]).await;
}

#[tokio::test]
async fn a_server_without_a_free_connection_is_asked_until_there_is_one() {
    let server = Server::peopled(&[("max_connections", "8")]).await;
    let mut clients = Vec::new();
    while let Ok(client) = server.postgres.client("app", "pw-app", "shop", "full").await {
        clients.push(client);
    }
    let ground = server.ground("ops");
    let mut request = all();
    request.timeout = std::time::Duration::from_secs(3);
    let report = ground.run(&server.database("shop"), &request).await;
    let busy = |halt: &Halt| matches!(halt, Halt::TimedOut(Some(error)) if error.kind == Kind::Busy && error.code.as_deref() == Some("53300"));
    assert!(report.halt.as_ref().is_some_and(busy), "{report:#?}");
    assert!(clients.iter().all(|client| client.cut().is_none()));
    let leaves = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        drop(clients.pop());
    };
    let target = server.database("shop");
    let everybody = all();
    let (report, ()) = tokio::join!(ground.run(&target, &everybody), leaves);
    let (terminated, gone, survived) = counts(&report);
    assert!(report.halt.is_none() && survived == 0, "{report:#?}");
    assert!(terminated + gone >= clients.len(), "{report:#?}");
    server.admin("postgres", &["DROP DATABASE shop"]).await;
}

#[tokio::test]
async fn whose_role_was_dropped_is_shown_by_its_number_and_ended() {
    let server = Server::peopled(&[]).await;
    let client = server.client("app", "shop", "orphan").await;
    server.admin("postgres", &["DROP ROLE app"]).await;
    let ground = server.ground("ops");
    let survey = ground.survey(&server.database("shop"), &all()).await.unwrap();
    assert!(text(&survey.sessions[0], "user").starts_with("oid "), "{survey:#?}");
    let report = ground.run(&server.database("shop"), &all()).await;
    assert_eq!(counts(&report), (1, 0, 0), "{report:#?}");
    assert_cut(&[&client], &[]).await;
}

#[tokio::test]
async fn every_version_at_hand_lists_ends_and_refuses_alike() {
    let workshop = Workshop::here();
    let mut versions = PostgresPrograms::here(&workshop);
    versions.push(PostgresPrograms::fetched(&workshop).unwrap_or_else(must));
    versions.sort_by(|one, other| one.version.cmp(&other.version));
    versions.dedup_by(|one, other| one.version == other.version);
    for programs in versions {
        let version = &programs.version;
        println!("PostgreSQL {version} ran, at {}", programs.folder.display());
        let server = Server::of(&programs, &[]).await.with_people().await;
        let client = server.client("app", "shop", "client").await;
        let boss = server.client(Postgres::ADMIN, "shop", "boss").await;
        let error = server.ground("blind").survey(&server.database("shop"), &all()).await;
        assert_eq!(error.unwrap_err().kind, Kind::Permission, "{version}");
        let report = server.ground("ops").run(&server.database("shop"), &users(&["app"])).await;
        assert_eq!(counts(&report), (1, 0, 0), "{version}: {report:#?}");
        assert_cut(&[&client], &[&boss]).await;
    }
}
