//! `mysql` against a real MariaDB, where one is installed: who is listed, who is ended, and what is no
//! list at all.

use std::sync::Arc;

use mysql_async::prelude::Queryable as _;
use serde_json::json;
use terraform_provider_session::access::Kind;
use terraform_provider_session::engine::{Fate, Report};
use terraform_provider_session::services::{Batch, Field, Node, Session, SessionId, Sight, Which};

use super::ground::{Ground, all, users};
use super::mariadb::{MariaDb, lives, programs};

struct Server {
    maria: MariaDb,
    port: String,
}

impl Server {
    /// A server with two databases and some users, or nothing where there is no MariaDB.
    async fn peopled() -> Option<Server> {
        let maria = MariaDb::start(&programs()?).await;
        let users = ["ops", "blind", "watcher", "roled", "app"];
        let users =
            users.map(|user| format!("CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 'pw-{user}'"));
        maria.run(&users.each_ref().map(String::as_str)).await;
        maria
            .run(&[
                "CREATE DATABASE shop",
                "CREATE DATABASE other",
                "GRANT PROCESS, CONNECTION ADMIN, SHOW DATABASES ON *.* TO ops@'127.0.0.1'",
                "GRANT PROCESS ON *.* TO watcher@'127.0.0.1'",
                "GRANT ALL ON shop.* TO app@'127.0.0.1'",
                "GRANT ALL ON other.* TO app@'127.0.0.1'",
                "CREATE ROLE seer",
                "GRANT PROCESS, CONNECTION ADMIN ON *.* TO seer",
                "GRANT seer TO roled@'127.0.0.1'",
            ])
            .await;
        let port = maria.port.to_string();
        Some(Server { maria, port })
    }

    fn ground(&self, user: &str) -> Ground {
        let settings = json!({"username": user, "password": format!("pw-{user}")});
        Ground::new("mysql", &settings, Arc::default())
    }

    fn database<'a>(&'a self, name: &'a str) -> [(&'static str, &'a str); 3] {
        [("host", "127.0.0.1"), ("port", &self.port), ("database", name)]
    }

    fn everywhere(&self) -> [(&'static str, &str); 3] {
        [("host", "127.0.0.1"), ("port", &self.port), ("all_databases", "true")]
    }
}

fn count(report: &Report, like: fn(&Fate) -> bool) -> usize {
    report.victims.iter().filter(|one| like(&one.fate)).count()
}

fn terminated(report: &Report) -> usize {
    count(report, |fate| matches!(fate, Fate::Terminated))
}

fn text(session: &Session, column: &str) -> Option<String> {
    match session.fields.get(column)? {
        Field::Text(text) => Some(text.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn everybody_in_a_database_goes_and_nobody_elsewhere() {
    let Some(server) = Server::peopled().await else { return };
    let mut shop = [
        server.maria.client("app", Some("shop")).await,
        server.maria.client("app", Some("shop")).await,
    ];
    let mut elsewhere = server.maria.client("app", Some("other")).await;
    let mut nowhere = server.maria.client("app", None).await;
    let report = server.ground("ops").run(&server.database("shop"), &all()).await;
    assert!(report.halt.is_none() && terminated(&report) == 2, "{report:#?}");
    for client in &mut shop {
        assert!(!lives(client).await);
    }
    assert!(lives(&mut elsewhere).await && lives(&mut nowhere).await);
    let report = server.ground("ops").run(&server.everywhere(), &users(&["app"])).await;
    assert!(report.halt.is_none() && terminated(&report) == 2, "{report:#?}");
}

#[tokio::test]
async fn without_the_right_to_see_everybody_there_is_no_list_whichever_role_has_it() {
    let Some(server) = Server::peopled().await else { return };
    let _client = server.maria.client("app", Some("shop")).await;
    for (user, sees) in [("blind", false), ("roled", false), ("watcher", true)] {
        let told = server.ground(user).survey(&server.everywhere(), &all()).await;
        match (told, sees) {
            (Ok(survey), true) => assert_eq!(survey.sessions.len(), 1, "{user}"),
            (Err(error), false) => assert_eq!(error.kind, Kind::Permission, "{user}: {error}"),
            (told, _) => panic!("{user}: {told:?}"),
        }
    }
    // The same role, active from the login on.
    server.maria.run(&["SET DEFAULT ROLE seer FOR roled@'127.0.0.1'"]).await;
    let report = server.ground("roled").run(&server.everywhere(), &all()).await;
    assert!(report.halt.is_none() && terminated(&report) == 1, "{report:#?}");
}

#[tokio::test]
async fn who_may_not_be_ended_survives_with_the_servers_reason() {
    let Some(server) = Server::peopled().await else { return };
    let mut client = server.maria.client("app", Some("shop")).await;
    let mut request = all();
    request.timeout = std::time::Duration::from_secs(8);
    let report = server.ground("watcher").run(&server.everywhere(), &request).await;
    assert_eq!(terminated(&report), 0, "{report:#?}");
    let survived = |fate: &Fate| matches!(fate, Fate::Survived(why) if why.contains("not owner"));
    assert_eq!(count(&report, survived), 1, "{report:#?}");
    assert!(lives(&mut client).await);
}

#[tokio::test]
async fn a_number_that_the_server_would_cut_off_reaches_nobody() {
    let Some(server) = Server::peopled().await else { return };
    let mut client = server.maria.client("app", Some("shop")).await;
    let ground = server.ground("ops");
    let connected = ground.sessions(&server.everywhere());
    let node = Node::whole();
    let page = connected.sessions.list(&node, None, None).await.unwrap();
    let [session] = &page.sessions[..] else { panic!("{page:?}") };
    let number: u64 = session.id.0.parse().unwrap();
    for id in [format!("{}", number + (1 << 32)), format!("{number}.4"), format!(" {number}")] {
        let ids = [SessionId(id)];
        let batch = Batch { node: Some(&node), which: Which::These(&ids) };
        let error = connected.sessions.terminate(batch).await.unwrap_err();
        assert_eq!(error.kind, Kind::BadRequest, "{error}");
    }
    assert!(lives(&mut client).await);
    let gone = [SessionId("4000000000".into())];
    let batch = Batch { node: Some(&node), which: Which::These(&gone) };
    assert_eq!(connected.sessions.terminate(batch).await.unwrap().outcome.already_gone, gone);
    // Whoever has listed nobody may end nobody.
    let unlisted = ground.sessions(&server.everywhere());
    let ids = [session.id.clone()];
    let batch = Batch { node: Some(&node), which: Which::These(&ids) };
    assert_eq!(unlisted.sessions.terminate(batch).await.unwrap_err().kind, Kind::Ambiguous);
}

#[tokio::test]
async fn a_statement_is_not_shown_and_our_own_login_is_told() {
    let Some(server) = Server::peopled().await else { return };
    let mut busy = server.maria.client("app", Some("shop")).await;
    let _ours = server.maria.client("ops", None).await;
    let talking = tokio::spawn(async move { busy.query_drop("DO SLEEP(20) /* hunter2 */").await });
    let ground = server.ground("ops");
    let survey = loop {
        let survey = ground.survey(&server.everywhere(), &all()).await.unwrap();
        if survey.sessions.iter().any(|one| text(one, "command").as_deref() == Some("query")) {
            break survey;
        }
    };
    assert!(!format!("{survey:?}").contains("hunter2"));
    assert_eq!((survey.sessions.len(), survey.ours), (2, 1));
    let report = ground.run(&server.everywhere(), &users(&["app"])).await;
    assert!(report.halt.is_none() && terminated(&report) == 1, "{report:#?}");
    assert!(talking.await.unwrap().is_err());
}

#[tokio::test]
async fn a_target_is_there_absent_or_not_to_be_told() {
    let Some(server) = Server::peopled().await else { return };
    let sight = async |user: &str, name: &str| {
        let ground = server.ground(user);
        ground.sessions(&server.database(name)).sessions.sight().await.unwrap()
    };
    assert_eq!(sight("ops", "shop").await, Sight::Seen);
    assert!(matches!(sight("ops", "lost").await, Sight::Absent(_)));
    // Who is not shown every database cannot say that one is gone.
    assert!(matches!(sight("watcher", "lost").await, Sight::Unproven(_)));
    let gone = server.ground("ops").survey(&server.database("lost"), &all()).await.unwrap_err();
    assert_eq!(gone.kind, Kind::TargetGone);
    let wrong = json!({"username": "ops", "password": "wrong-password"});
    let ground = Ground::new("mysql", &wrong, Arc::default());
    let error = ground.survey(&server.everywhere(), &all()).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (Kind::Credentials, Some("1045")));
    assert!(!error.message.contains("wrong-password"), "{error}");
}

#[tokio::test]
async fn who_is_still_rolling_back_is_not_gone() {
    let Some(server) = Server::peopled().await else { return };
    server.maria.run(&["CREATE TABLE shop.t (n INT) ENGINE=InnoDB"]).await;
    let mut writer = server.maria.client("app", Some("shop")).await;
    writer.query_drop("BEGIN").await.unwrap();
    writer.query_drop("INSERT INTO t SELECT seq FROM seq_1_to_400000").await.unwrap();
    let report = server.ground("ops").run(&server.database("shop"), &all()).await;
    assert!(report.halt.is_none() && terminated(&report) == 1, "{report:#?}");
    // Nobody holds the table any more, and nobody undoes anything.
    let mut looker = server.maria.client("app", None).await;
    looker.query_drop("SET lock_wait_timeout = 0").await.unwrap();
    looker.query_drop("DROP TABLE shop.t").await.unwrap();
}

/// A number that the server counts.
async fn counted(server: &Server, name: &str) -> u64 {
    let mut root = server.maria.root().await;
    let row: Option<(String, u64)> =
        root.query_first(format!("SHOW GLOBAL STATUS LIKE '{name}'")).await.unwrap();
    root.disconnect().await.unwrap();
    row.unwrap().1
}

#[tokio::test]
async fn no_connection_is_broken_off_for_which_a_server_would_count_this_host() {
    let Some(server) = Server::peopled().await else { return };
    let _client = server.maria.client("app", Some("shop")).await;
    let before = counted(&server, "Aborted_connects").await;
    let connections = counted(&server, "Connections").await;
    let report = server.ground("ops").run(&server.database("shop"), &all()).await;
    assert!(report.halt.is_none() && terminated(&report) == 1, "{report:#?}");
    // One login for the whole run, and those that count.
    assert_eq!(counted(&server, "Connections").await - connections, 2);
    assert_eq!(counted(&server, "Aborted_connects").await, before);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_out_of_reach() {
    let settings = json!({"username": "ops", "password": "pw-ops"});
    let ground = Ground::new("mysql", &settings, Arc::default());
    let (_held, nobody) = crate::joined::nobody();
    let port = nobody.port().to_string();
    for (host, why) in [("127.0.0.1", "refuse"), ("localhost", "refuse")] {
        let target = [("host", host), ("port", &*port), ("all_databases", "true")];
        let error = ground.survey(&target, &all()).await.unwrap_err();
        assert_eq!(error.kind, Kind::Unreachable, "{error}");
        assert!(error.message.contains(why) && error.message.contains(host), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("no-socket").display().to_string();
    let target = [("host", &*socket), ("all_databases", "true")];
    let error = ground.survey(&target, &all()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unreachable, "{error}");
}
