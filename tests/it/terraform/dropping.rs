//! A destroy behind which a real database is to be dropped: what will be in the way is named.

use terraform_provider_session::demo::{Postgres, PostgresPrograms, Workshop};

use crate::terraform::fixture::{Fixture, must, newest, on};
use crate::terraform::stage::assert_cut;

async fn server() -> Postgres {
    let programs = PostgresPrograms::any(&Workshop::here()).unwrap_or_else(must);
    let server = Postgres::start(&programs, &[("max_prepared_transactions", "5")]).await;
    let server = server.unwrap_or_else(must);
    let people = [
        "CREATE ROLE app LOGIN PASSWORD 'pw-app'",
        "CREATE ROLE boss LOGIN PASSWORD 'pw-boss'",
        "CREATE DATABASE shop",
    ];
    server.run("postgres", &people).await.unwrap_or_else(must);
    let left = [
        "CREATE TABLE t ()",
        "BEGIN",
        "INSERT INTO t DEFAULT VALUES",
        "PREPARE TRANSACTION 'left'",
    ];
    server.run("shop", &left).await.unwrap_or_else(must);
    server
}

#[tokio::test]
async fn what_stays_in_the_way_of_a_drop_is_named_in_the_plan_and_in_the_destroy() {
    on(newest(), async |engine| {
        let server = server().await;
        let main = format!(
            r#"terraform {{
  required_providers {{ session = {{ source = "sessionops/session" }} }}
}}
provider "session" {{
  postgresql = {{ username = "{}", password = "{}" }}
}}
resource "session_termination_postgresql" "it" {{
  host     = "127.0.0.1"
  port     = {}
  database = "shop"
  when     = "destroy"
  all      = true
  protect  = {{ users = ["boss"] }}
}}
"#,
            Postgres::ADMIN,
            server.password(),
            server.address().port(),
        );
        let fixture = Fixture::new(engine, &main);
        fixture.succeed(&["apply", "-auto-approve"]).await;
        let app = server.client("app", "pw-app", "shop", "app").await.unwrap_or_else(must);
        let boss = server.client("boss", "pw-boss", "shop", "boss").await.unwrap_or_else(must);
        let planned = fixture.succeed(&["plan", "-destroy"]).await;
        let done = fixture.succeed(&["destroy", "-auto-approve"]).await;
        for told in [&planned, &done] {
            let flat = told.replace('│', " ").split_whitespace().collect::<Vec<_>>().join(" ");
            for what in [
                "In the way of what goes next, and no session that is meant: 1 prepared transaction.",
                "The protected stay connected. A plain `DROP DATABASE` fails",
            ] {
                assert!(flat.contains(what), "{what}: {told}");
            }
        }
        assert!(done.contains("Something may stay in the way on 127.0.0.1"), "{done}");
        assert_cut(&[&app], &[&boss]).await;
    })
    .await;
}
