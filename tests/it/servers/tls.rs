//! TLS to real servers, with real handshakes: who is trusted, who is not, and who sits in between.

use std::sync::Arc;

use serde_json::{Value, json};
use terraform_provider_session::access::{Error, Kind};
use terraform_provider_session::demo::{Postgres, PostgresPrograms, Redis, Workshop};
use terraform_provider_session::services::{Connected, Node};

use super::gaps;
use super::ground::Ground;
use super::mariadb::{MariaDb, programs};
use super::papers::{Authority, Front, Issued, Manner};
use crate::joined::Surroundings;
use crate::terraform::fixture::must;

/// Whoever is at the other end, and under which name and port.
struct Aim<'a> {
    service: &'static str,
    host: &'a str,
    port: u16,
}

impl Aim<'_> {
    /// Logs in with these arguments more and the authority's certificate at `/ca.pem`, and lists.
    async fn list(&self, trusted: &Authority, settings: Value) -> Result<Connected, Error> {
        let surroundings = Arc::new(Surroundings::default());
        surroundings.write("/ca.pem", &trusted.pem());
        if let Some(pair) = settings.get("pair") {
            surroundings.write("/client.pem", pair["certificate"].as_str().unwrap());
            surroundings.write("/client.key", pair["key"].as_str().unwrap());
        }
        let mut settings = settings;
        settings.as_object_mut().unwrap().remove("pair");
        let ground = Ground::new(self.service, &settings, surroundings);
        let port = self.port.to_string();
        let mut target = vec![("host", self.host), ("port", port.as_str())];
        if self.service != "redis" {
            target.push(("all_databases", "true"));
        }
        let connected = ground.sessions(&target);
        connected.sessions.list(&Node::whole(), None, None).await?;
        Ok(connected)
    }
}

/// These arguments and those.
fn with(base: &Value, more: Value) -> Value {
    let mut both = base.as_object().unwrap().clone();
    both.extend(more.as_object().unwrap().clone());
    Value::Object(both)
}

/// The error is about TLS and says this.
fn says(told: Result<Connected, Error>, what: &str) {
    let Err(error) = told else { panic!("let in, instead of: {what}") };
    assert_eq!(error.kind, Kind::Configuration, "{error}");
    assert!(error.message.contains(what), "{what}: {error}");
}

const STRANGER: &str = "not signed by anybody who is trusted";
const UNACCEPTED: &str = "does not accept our certificate";
const OTHER_NAME: &str = "made out for another name";

fn pair(issued: &Issued) -> Value {
    json!({"certificate": issued.certificate, "key": issued.key})
}

/// A PostgreSQL with these lines before its own about who may log in how, and a login.
async fn postgres(programs: &PostgresPrograms, rules: &str) -> (Postgres, Value) {
    let postgres = Postgres::start(programs, &[]).await.unwrap_or_else(must);
    let file = postgres.socket_folder().join("data/pg_hba.conf");
    let own = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{rules}\n{own}")).unwrap();
    let login = json!({"username": Postgres::ADMIN, "password": postgres.password()});
    (postgres, login)
}

/// Each way to check, with somebody whose certificate is for 127.0.0.1.
async fn each_mode(port: u16, login: &Value, trusted: &Authority) {
    let other = Authority::new();
    let at = |host| Aim { service: "postgresql", host, port };
    let mode = |mode: &str| with(login, json!({"sslmode": mode, "sslrootcert": "/ca.pem"}));
    assert!(at("127.0.0.1").list(trusted, mode("verify-full")).await.is_ok());
    assert!(at("localhost").list(trusted, mode("verify-ca")).await.is_ok());
    says(at("localhost").list(trusted, mode("verify-full")).await, OTHER_NAME);
    for checked in ["verify-full", "verify-ca", "require"] {
        says(at("127.0.0.1").list(&other, mode(checked)).await, STRANGER);
    }
    let unchecked = with(login, json!({"sslmode": "require"}));
    assert!(at("127.0.0.1").list(&other, unchecked).await.is_ok());
}

#[tokio::test]
async fn a_postgresql_behind_tls_is_let_in_by_its_certificate_and_name() {
    let programs = PostgresPrograms::fetched(&Workshop::here()).unwrap_or_else(must);
    let (server, login) = postgres(&programs, "").await;
    let trusted = Authority::new();
    let acceptor = trusted.acceptor(&trusted.issue("127.0.0.1"), false);
    let front = Front::new(server.address(), acceptor, Manner::Asked).await;
    each_mode(front.port, &login, &trusted).await;

    let strict = trusted.acceptor(&trusted.issue("127.0.0.1"), true);
    let front = Front::new(server.address(), strict, Manner::Asked).await;
    let aim = Aim { service: "postgresql", host: "127.0.0.1", port: front.port };
    let checked = with(&login, json!({"sslmode": "verify-full", "sslrootcert": "/ca.pem"}));
    says(aim.list(&trusted, checked.clone()).await, UNACCEPTED);
    let ours = trusted.issue("client");
    let papers = json!({"cert": ours.certificate, "key": ours.key, "sslinline": true});
    let shown = with(&checked, json!({"clientcert": papers}));
    assert!(aim.list(&trusted, shown).await.is_ok());
}

#[tokio::test]
async fn a_postgresqls_own_tls_asks_for_our_certificate_and_binds_the_login_to_its_channel() {
    let own = PostgresPrograms::here(&Workshop::here()).into_iter().find(|one| one.tls);
    let Some(programs) = own else { return gaps::tell("PostgreSQL with TLS", "postgresql") };
    println!("PostgreSQL {} ran with TLS of its own", programs.version);
    let rule = "hostssl all certified 127.0.0.1/32 scram-sha-256 clientcert=verify-ca";
    let (server, login) = postgres(&programs, rule).await;
    let trusted = Authority::new();
    let folder = server.socket_folder();
    let (certificate, key) = trusted.issue("127.0.0.1").write(folder);
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, trusted.pem()).unwrap();
    let set = |name: &str, value: &str| format!("ALTER SYSTEM SET {name} = '{value}'");
    let statements = [
        set("ssl_cert_file", &certificate),
        set("ssl_key_file", &key),
        set("ssl_ca_file", &ca.display().to_string()),
        set("ssl", "on"),
        "CREATE ROLE certified SUPERUSER LOGIN PASSWORD 'pw-certified'".to_owned(),
        "SELECT pg_reload_conf()".to_owned(),
    ];
    for statement in &statements {
        server.run("postgres", &[statement.as_str()]).await.unwrap_or_else(must);
    }
    let port = server.address().port();
    let aim = Aim { service: "postgresql", host: "127.0.0.1", port };
    let checked =
        |login: &Value| with(login, json!({"sslmode": "verify-full", "sslrootcert": "/ca.pem"}));
    // A new setting reaches new connections a moment later.
    let mut connected = aim.list(&trusted, checked(&login)).await;
    for _ in 0..500 {
        if connected.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        connected = aim.list(&trusted, checked(&login)).await;
    }
    let connected = connected.unwrap();
    let encrypted = "DO $$ BEGIN ASSERT (SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity \
                     USING (pid) WHERE application_name = 'terraform-provider-session'); END $$";
    server.run("postgres", &[encrypted]).await.unwrap_or_else(must);
    connected.sessions.close().await;
    each_mode(port, &login, &trusted).await;

    let certified = checked(&json!({"username": "certified", "password": "pw-certified"}));
    let Err(error) = aim.list(&trusted, certified.clone()).await else { panic!("let in") };
    assert!(error.message.contains("valid client certificate"), "{error}");
    assert!(error.message.contains("database `postgres`"), "the one that was wished for: {error}");
    let ours = trusted.issue("client");
    let papers = json!({"cert": ours.certificate, "key": ours.key, "sslinline": true});
    assert!(aim.list(&trusted, with(&certified, json!({"clientcert": papers}))).await.is_ok());

    // Whoever terminates TLS on the way is found out, even where no certificate is checked.
    let stranger = Authority::new();
    let acceptor = stranger.acceptor(&stranger.issue("127.0.0.1"), false);
    let front =
        Front::new(server.address(), acceptor, Manner::InTheMiddle(Box::new(trusted))).await;
    let through = Aim { port: front.port, ..aim };
    let unchecked = with(&login, json!({"sslmode": "require"}));
    let Err(error) = through.list(&stranger, unchecked).await else { panic!("let in") };
    assert!(error.message.contains("something between us and the server"), "{error}");
}

#[tokio::test]
async fn a_redis_behind_tls_is_let_in_by_its_certificate_and_name_and_lets_in_by_ours() {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let (trusted, other) = (Authority::new(), Authority::new());
    let login = json!({"username": "admin", "password": redis.password()});
    let checked = with(&login, json!({"tls": true, "ca_cert": "/ca.pem"}));
    let issued = trusted.issue("127.0.0.1");
    let front = Front::new(redis.address(), trusted.acceptor(&issued, false), Manner::Direct).await;
    let at = |host, port| Aim { service: "redis", host, port };
    assert!(at("127.0.0.1", front.port).list(&trusted, checked.clone()).await.is_ok());
    says(at("localhost", front.port).list(&trusted, checked.clone()).await, OTHER_NAME);
    says(at("127.0.0.1", front.port).list(&other, checked.clone()).await, STRANGER);

    let front = Front::new(redis.address(), trusted.acceptor(&issued, true), Manner::Direct).await;
    let aim = at("127.0.0.1", front.port);
    says(aim.list(&trusted, checked.clone()).await, UNACCEPTED);
    let ours = json!({
        "client_cert": "/client.pem", "client_key": "/client.key",
        "pair": pair(&trusted.issue("client")),
    });
    assert!(aim.list(&trusted, with(&checked, ours)).await.is_ok());
}

#[tokio::test]
async fn a_mariadbs_own_tls_is_let_in_by_its_certificate_and_name_and_lets_in_by_ours() {
    let Some(programs) = programs() else { return };
    let (trusted, other) = (Authority::new(), Authority::new());
    let papers = tempfile::tempdir().unwrap();
    let (certificate, key) = trusted.issue("127.0.0.1").write(papers.path());
    let ca = papers.path().join("ca.pem");
    std::fs::write(&ca, trusted.pem()).unwrap();
    let with_tls = [
        format!("--ssl-cert={certificate}"),
        format!("--ssl-key={key}"),
        format!("--ssl-ca={}", ca.display()),
    ];
    let maria = MariaDb::with(&programs, &with_tls).await;
    let user = |name: &str, needs: &str| {
        format!("CREATE USER {name}@'127.0.0.1' IDENTIFIED BY 'pw-{name}' REQUIRE {needs}")
    };
    let rights = |name: &str| format!("GRANT PROCESS ON *.* TO {name}@'127.0.0.1'");
    for statement in
        [user("ops", "SSL"), rights("ops"), user("certified", "X509"), rights("certified")]
    {
        maria.run(&[&statement]).await;
    }
    let login = |name: &str| json!({"username": name, "password": format!("pw-{name}")});
    let checked = |name: &str| {
        with(&login(name), json!({"tls": "true", "custom_tls": {"ca_cert": "/ca.pem"}}))
    };
    let at = |host| Aim { service: "mysql", host, port: maria.port };
    assert!(at("127.0.0.1").list(&trusted, checked("ops")).await.is_ok());
    says(at("localhost").list(&trusted, checked("ops")).await, OTHER_NAME);
    says(at("127.0.0.1").list(&other, checked("ops")).await, STRANGER);
    let unchecked = with(&login("ops"), json!({"tls": "skip-verify"}));
    assert!(at("127.0.0.1").list(&other, unchecked).await.is_ok());
    assert!(at("127.0.0.1").list(&other, login("ops")).await.is_err(), "it needs TLS");

    assert!(at("127.0.0.1").list(&trusted, checked("certified")).await.is_err());
    let ours = trusted.issue("client");
    let custom = json!({
        "ca_cert": "/ca.pem", "client_cert": ours.certificate, "client_key": ours.key,
    });
    let shown = with(&login("certified"), json!({"tls": "true", "custom_tls": custom}));
    assert!(at("127.0.0.1").list(&trusted, shown).await.is_ok());
}
