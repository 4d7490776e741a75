//! The Redis that stands behind scenarios, and clients that are really connected to it.

use terraform_provider_session::demo::{Client, Redis, Workshop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::terraform::fixture::{Fixture, core, must, newest, on};
use crate::terraform::stage::assert_cut;

#[tokio::test]
async fn clients_of_different_users_live_until_the_server_cuts_them() {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let client =
        async |user, name| Client::connect(redis.address(), user, redis.password(), name).await;
    let mut clients = Vec::new();
    for user in Redis::USERS {
        clients.push(client(user, user).await.unwrap_or_else(must));
    }
    assert!(client("stranger", "x").await.is_err());
    let mut raw = TcpStream::connect(redis.address()).await.unwrap();
    let kill = format!(
        "AUTH admin {}\r\nCLIENT KILL USER app\r\nCLIENT KILL ADDR {}\r\nQUIT\r\n",
        redis.password(),
        clients[2].address
    );
    raw.write_all(kill.as_bytes()).await.unwrap();
    let mut said = String::new();
    raw.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "+OK\r\n:1\r\n:1\r\n+OK\r\n");
    let [admin, app, report, sandbox] = &clients[..] else { panic!("{clients:?}") };
    assert_cut(&[app, report], &[admin, sandbox]).await;
}

#[tokio::test]
async fn a_redis_ends_with_its_owner() {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let client = Client::connect(redis.address(), "app", redis.password(), "app").await;
    let client = client.unwrap_or_else(must);
    drop(redis);
    assert_cut(&[&client], &[]).await;
}

#[tokio::test]
async fn another_spelling_of_the_same_server_is_an_update_that_ends_nobody() {
    on(newest(), async |engine| {
        let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
        let main = |host: &str| {
            format!(
                r#"terraform {{
  required_providers {{ session = {{ source = "sessionops/session" }} }}
}}
provider "session" {{
  redis = {{ username = "admin", password = "{}" }}
}}
resource "session_termination_redis" "it" {{
  host = "{host}"
  port = {}
  when = "apply"
  all  = true
}}
"#,
                redis.password(),
                redis.address().port()
            )
        };
        let client =
            |name: &'static str| Client::connect(redis.address(), "app", redis.password(), name);
        let fixture = Fixture::new(engine, &main("localhost"));
        let first = client("first").await.unwrap_or_else(must);
        fixture.succeed(&["apply", "-auto-approve"]).await;
        assert_cut(&[&first], &[]).await;
        let second = client("second").await.unwrap_or_else(must);
        fixture.write("main.tf", &main("LocalHost."));
        let told = fixture.succeed(&["apply", "-auto-approve"]).await;
        assert!(told.contains("0 added, 1 changed, 0 destroyed"), "{told}");
        assert!(second.cut().is_none(), "{told}");
        fixture.nothing_to_do().await;
        fixture.write("main.tf", &main("127.0.0.1"));
        let told = fixture.succeed(&["plan"]).await;
        assert!(told.contains("must be replaced"), "a name and an address are two: {told}");
    })
    .await;
}

#[tokio::test]
async fn a_server_is_listed_and_ended_by_every_face() {
    // The newest pinned core has all four.
    let engine = core("1.15.5");
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let client = async |name| {
        Client::connect(redis.address(), "app", redis.password(), name).await.unwrap_or_else(must)
    };
    let stays = client("stays").await;
    let ended = [client("managed").await, client("ephemeral").await, client("action").await];
    let target = format!("host = \"127.0.0.1\"\n  port = {}", redis.address().port());
    let main = format!(
        r#"terraform {{
  required_providers {{ session = {{ source = "sessionops/session" }} }}
}}
provider "session" {{
  redis = {{ username = "admin", password = "{}" }}
}}
data "session_list_redis" "it" {{
  {target}
}}
output "names" {{
  value = sort([for one in data.session_list_redis.it.sessions : one.name])
}}
resource "session_termination_redis" "it" {{
  {target}
  when  = "apply"
  match = {{ names = ["managed"] }}
  depends_on = [data.session_list_redis.it]
}}
ephemeral "session_termination_redis" "it" {{
  {target}
  match    = {{ names = ["ephemeral"] }}
  applying = terraform.applying
}}
action "session_termination_redis" "it" {{
  config {{
    {target}
    match = {{ names = ["action"] }}
  }}
}}
resource "terraform_data" "changed" {{
  lifecycle {{
    action_trigger {{
      events  = [after_create]
      actions = [action.session_termination_redis.it]
    }}
  }}
}}
"#,
        redis.password()
    );
    let fixture = Fixture::new(engine, &main);
    fixture.succeed(&["apply", "-auto-approve"]).await;
    assert_cut(&ended.iter().collect::<Vec<_>>(), &[&stays]).await;
    let names = fixture.output("names").await;
    assert_eq!(names, serde_json::json!(["action", "ephemeral", "managed", "stays"]));
}
