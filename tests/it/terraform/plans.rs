//! What a person reads of many blocks in one plan, apply and destroy.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;
use terraform_provider_session::demo::{Client, Redis, Workshop};

use crate::terraform::fixture::{Fixture, few, must, newest, on};
use crate::terraform::stage::Stage;

/// Two blocks on one target, which mean the same and are guarded differently, and one on another.
fn three(other: &str) -> String {
    let block = |name: &str, instance: &str, more: &str| {
        format!(
            r#"
resource "session_termination_huaweicloud_dcs" "{name}" {{
  instance_id = {instance}
  when        = "both"
  all         = true
  on_failure  = "warn"
  {more}
  timeouts {{
    create = "4s"
    delete = "4s"
  }}
}}
"#
        )
    };
    [
        block("one", "var.instance_id", ""),
        block("two", "var.instance_id", "max_sessions = 1000"),
        block("three", &format!("{other:?}"), ""),
    ]
    .concat()
}

#[tokio::test]
async fn each_of_three_blocks_is_warned_of_in_the_text_of_plan_apply_and_destroy() {
    on(few(), async |engine| {
        let stage = Stage::in_memory(engine, "").await;
        stage.fixture.write("main.tf", &three(&stage.instances()[1]));
        stage.fault(json!({ "fault": "refuses" })).await;
        // They survive, or nobody could look in time: a title each, and one for every block.
        for (arguments, title) in [
            (&["plan"][..], "Session termination pending on"),
            (&["apply", "-auto-approve"], "Sessions "),
            (&["plan", "-destroy"], "Session termination pending on"),
            (&["destroy", "-auto-approve"], "Sessions "),
        ] {
            let text = stage.fixture.succeed(arguments).await;
            let warnings = text.split("Warning: ").filter(|warning| warning.starts_with(title));
            let folded = |warning: &str| warning.contains("more similar");
            assert_eq!(warnings.clone().count(), 3, "{arguments:?}: {text}");
            assert!(!warnings.clone().any(folded), "{arguments:?}: {text}");
        }
    })
    .await;
}

#[tokio::test]
async fn one_that_answers_is_previewed_behind_fifty_nine_that_do_not() {
    let redis = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
    let app = Client::connect(redis.address(), "app", redis.password(), "shop").await;
    let app = app.unwrap_or_else(must);
    // Whoever connects gets through to the system, and nobody ever says a word.
    let silent = [(); 59].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = silent.each_ref().map(|listener| listener.local_addr().unwrap().port());
    let main = |preview: bool| {
        format!(
            r#"terraform {{
  required_providers {{ session = {{ source = "sessionops/session" }} }}
}}
provider "session" {{
  plan_preview = {preview}
  redis = {{ username = "admin", password = "{}" }}
}}
resource "session_termination_redis" "silent" {{
  for_each = toset([for port in {ports:?} : tostring(port)])
  host     = "127.0.0.1"
  port     = each.key
  when     = "apply"
  all      = true
}}
resource "session_termination_redis" "last" {{
  host       = "127.0.0.1"
  port       = {}
  when       = "apply"
  all        = true
  depends_on = [session_termination_redis.silent]
}}
"#,
            redis.password(),
            redis.address().port()
        )
    };
    on(newest(), async |engine| {
        let fixture = Fixture::new(engine, &main(false));
        let plan = async || {
            let began = Instant::now();
            let text = fixture.succeed(&["plan"]).await;
            (text, began.elapsed())
        };
        // What the machine takes today, without asking anybody.
        let (_, alone) = plan().await;
        fixture.write("main.tf", &main(true));
        let (text, took) = plan().await;
        assert!(text.contains("Plan: 60 to add"), "{text}");
        assert!(text.contains("shop") && text.contains("idle"), "{text}");
        let most = Duration::from_secs(10) + 2 * alone;
        assert!(took < most, "{took:?}, and {alone:?} without previews");
    })
    .await;
    assert!(app.cut().is_none());
}
