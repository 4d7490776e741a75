//! A destroy whose server cannot be reached, on real cores: an error, unless a server that was seen
//! may be taken for gone; and never for one that answers.

use std::net::SocketAddr;

use terraform_provider_session::demo::{Client, Engine, Redis, Workshop};

use crate::servers::between::{Between, Fault};
use crate::servers::redis::tell;
use crate::terraform::fixture::{Fixture, must, newest, on};

/// No word of Redis' protocol.
const NEVER: &str = "\u{1}never";

fn main(redis: &Redis, port: u16, on_unreachable: &str) -> String {
    format!(
        r#"terraform {{
  required_providers {{ session = {{ source = "sessionops/session" }} }}
}}
provider "session" {{
  plan_preview = false
  redis = {{ username = "admin", password = "{}" }}
}}
resource "terraform_data" "cache" {{}}
resource "session_termination_redis" "it" {{
  host           = "127.0.0.1"
  port           = {port}
  when           = "destroy"
  all            = true
  on_unreachable = "{on_unreachable}"
  timeouts {{
    delete = "12s"
  }}
  depends_on     = [terraform_data.cache]
}}
"#,
        redis.password()
    )
}

/// A server, something on the way to it, and a resource that has seen it.
struct Built {
    redis: Redis,
    way: Between,
    fixture: Fixture,
}

impl Built {
    async fn new(engine: &Engine, word: &'static str, fault: Fault, then: &str) -> Built {
        let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
        let way = Between::new(redis.address(), word, fault, usize::MAX).await;
        let fixture = Fixture::new(engine, &main(&redis, way.port, then));
        fixture.succeed(&["apply", "-auto-approve"]).await;
        Built { redis, way, fixture }
    }

    async fn client(&self) -> Client {
        let client = Client::connect(self.redis.address(), "app", self.redis.password(), "app");
        client.await.unwrap_or_else(must)
    }

    /// A destroy that fails, says all of this and keeps everything.
    async fn is_held(&self, says: &[&str]) {
        let told = self.fixture.fail(&["destroy", "-auto-approve"]).await;
        let flat = told.split_whitespace().collect::<Vec<_>>().join(" ").replace("│ ", "");
        for what in says {
            assert!(flat.contains(what), "{what}: {told}");
        }
        let kept = ["session_termination_redis.it", "terraform_data.cache"];
        assert_eq!(self.fixture.state().await, kept, "{told}");
    }
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_holds_a_destroy_until_it_is_said_to_be_gone() {
    on(newest(), async |engine| {
        let Built { redis, way, fixture } =
            Built::new(engine, NEVER, Fault::ResetBefore, "fail").await;
        let port = way.port;
        drop(way);
        // Somebody is connected where we cannot see it, as behind a firewall.
        let hidden = Client::connect(redis.address(), "app", redis.password(), "app");
        let hidden = hidden.await.unwrap_or_else(must);
        let told = fixture.fail(&["destroy", "-auto-approve"]).await;
        for what in ["refuse", "on_unreachable", &port.to_string()] {
            assert!(told.contains(what), "{what}: {told}");
        }
        assert_eq!(fixture.state().await.len(), 2, "{told}");

        // As the error says: the argument goes into the state by an apply, which needs no server.
        fixture.write("main.tf", &main(&redis, port, "warn"));
        fixture.succeed(&["apply", "-auto-approve"]).await;
        let told = fixture.succeed(&["destroy", "-auto-approve"]).await;
        assert!(told.contains("Nobody was asked to leave"), "{told}");
        assert_eq!(fixture.state().await, [""; 0]);
        assert!(hidden.cut().is_none());
    })
    .await;
}

#[tokio::test]
async fn a_server_that_answered_in_this_run_is_never_taken_for_gone() {
    on(newest(), async |engine| {
        let (_held, nobody) = crate::joined::nobody();
        let nobody = SocketAddr::from(([127, 0, 0, 1], nobody.port()));
        let built = Built::new(engine, "KILL\r\n", Fault::Elsewhere(nobody), "warn").await;
        let client = built.client().await;
        built
            .is_held(&["0 of 1 selected client connection", "`on_unreachable` does not count here"])
            .await;
        assert!(client.cut().is_none() && built.way.happened() > 0);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_refuses_the_login_is_not_unreachable() {
    on(newest(), async |engine| {
        let built = Built::new(engine, NEVER, Fault::ResetBefore, "warn").await;
        let _client = built.client().await;
        let changed = tell(&built.redis, "ACL SETUSER admin resetpass >another").await;
        assert!(changed.contains("+OK"), "{changed}");
        built.is_held(&["invalid username-password pair", "Check `username`"]).await;
    })
    .await;
}
