//! A destroy that is held back, and every way out that its error names, under real engines.

use serde_json::json;

use crate::terraform::fixture::{few, newest, on};
use crate::terraform::stage::{Stage, assert_cut};

const APPLY: &[&str] = &["apply", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-auto-approve"];
const IT: &str = "session_termination_huaweicloud_dcs.it";
const CACHE: &str = "terraform_data.cache";

/// A stand-in for the cache that another version replaces, and its termination.
fn main(body: &str) -> String {
    format!(
        r#"
variable "release" {{ default = "1" }}
resource "terraform_data" "cache" {{
  input            = var.instance_id
  triggers_replace = var.release
  lifecycle {{ create_before_destroy = true }}
}}
resource "session_termination_huaweicloud_dcs" "it" {{
  instance_id = terraform_data.cache.output
  when        = "destroy"
  all         = true
  {body}
  lifecycle {{
    create_before_destroy = true
    replace_triggered_by  = [terraform_data.cache]
  }}
}}
"#
    )
}

/// What is left when the block of the termination is taken out.
const WITHOUT: &str = r#"
variable "release" { default = "1" }
resource "terraform_data" "cache" {
  input            = var.instance_id
  triggers_replace = var.release
  lifecycle { create_before_destroy = true }
}
"#;

/// The `id` that an error offers to let go, over the frame that a core draws around it.
fn offered(told: &str) -> String {
    let plain: String = told.chars().filter(|c| !"│╷╵\n".contains(*c)).collect();
    let (_, rest) = plain.split_once("SESSION_LET_GO='").unwrap_or_else(|| panic!("{told}"));
    rest.split_once('\'').unwrap().0.split_whitespace().collect()
}

/// Guards and faults that hold a destroy back, with the argument that makes them do so.
fn guards() -> [(&'static str, Option<&'static str>); 4] {
    [
        ("max_sessions = 1", None),
        ("timeouts { delete = \"3s\" }", Some("refuses")),
        ("timeouts { delete = \"2s\" }", Some("hang")),
        ("timeouts { delete = \"3s\" }", Some("wrong-signature")),
    ]
}

#[tokio::test]
async fn what_is_deposed_or_has_no_block_is_let_go_by_its_id_for_each_guard() {
    on(few(), async |engine| {
        for (argument, fault) in guards() {
            for deposed in [true, false] {
                let stage = Stage::new(engine, &main(argument)).await;
                let clients = [stage.client("app", "a").await, stage.client("app", "b").await];
                let alive: Vec<_> = clients.iter().collect();
                stage.fixture.succeed(APPLY).await;
                let again: &[&str] = if deposed {
                    &["apply", "-auto-approve", "-var=release=2"]
                } else {
                    stage.fixture.write("main.tf", WITHOUT);
                    APPLY
                };
                if let Some(fault) = fault {
                    stage.fault(json!({ "fault": fault })).await;
                }
                let told = stage.fixture.fail(again).await;
                let id = offered(&told);
                assert!(id.contains('#'), "{told}");
                let told = stage.fixture.succeed_with(again, &[("SESSION_LET_GO", &id)]).await;
                assert!(told.contains(&format!("Let go ({id})")), "{argument} {fault:?}: {told}");
                assert_cut(&[], &alive).await;
                let left = stage.fixture.state().await;
                let expected: &[&str] = if deposed { &[IT, CACHE] } else { &[CACHE] };
                assert_eq!(left, expected, "{argument} {fault:?}: {told}");
            }
        }
    })
    .await;
}

/// A block with a mistyped id, created when the cloud could not be reached, so that nobody saw it.
async fn never_seen(stage: &Stage) {
    let (endpoint, right) = (stage.endpoint(), stage.instances()[0].clone());
    let mistyped = format!("{}9", &right[..right.len() - 1]);
    stage.aim(&mistyped, "http://127.0.0.1:1");
    let told = stage.fixture.succeed(APPLY).await;
    assert!(told.contains("Target not seen yet"), "{told}");
    stage.fixture.nothing_to_do().await;
    stage.aim(&mistyped, &endpoint);
}

#[tokio::test]
async fn a_target_that_was_never_there_holds_the_destroy_and_each_way_out_works() {
    on(few(), async |engine| {
        let stage = Stage::new(engine, &main("")).await;
        let app = stage.client("app", "shop").await;
        never_seen(&stage).await;
        let told = stage.fixture.fail(DESTROY).await;
        assert!(told.contains("was never seen, and is not there"), "{told}");
        assert!(stage.fixture.state().await.contains(&IT.to_owned()));
        // The apply that corrects it.
        let id = offered(&told);
        stage.aim(&stage.instances()[0], &stage.endpoint());
        stage.fixture.succeed_with(APPLY, &[("SESSION_LET_GO", &id)]).await;
        assert_eq!(stage.fixture.values(IT).await["target_seen"], true);
        assert_cut(&[], &[&app]).await;
        stage.fixture.succeed(DESTROY).await;
        assert_cut(&[&app], &[]).await;
        // Out of the state.
        never_seen(&stage).await;
        stage.fixture.succeed(&["state", "rm", IT]).await;
        stage.fixture.succeed(DESTROY).await;
        assert_eq!(stage.fixture.state().await, Vec::<String>::new());
    })
    .await;
    on(newest(), async |engine| {
        let stage = Stage::new(engine, &main("")).await;
        never_seen(&stage).await;
        let removed =
            format!("{WITHOUT}removed {{\n  from = {IT}\n  lifecycle {{ destroy = false }}\n}}\n");
        stage.fixture.write("main.tf", &removed);
        stage.fixture.succeed(APPLY).await;
        assert_eq!(stage.fixture.state().await, [CACHE]);
    })
    .await;
}

#[tokio::test]
async fn a_mistyped_target_is_an_error_of_the_first_apply_and_nothing_is_in_the_state() {
    on(newest(), async |engine| {
        let stage = Stage::new(engine, &main("")).await;
        let app = stage.client("app", "shop").await;
        let right = stage.instances()[0].clone();
        stage.aim(&format!("{}9", &right[..right.len() - 1]), &stage.endpoint());
        let told = stage.fixture.fail(APPLY).await;
        assert!(told.contains("does not exist"), "{told}");
        assert_eq!(stage.fixture.state().await, [CACHE]);
        stage.aim(&right, &stage.endpoint());
        stage.fixture.succeed(APPLY).await;
        assert_eq!(stage.fixture.values(IT).await["target_seen"], true);
        assert_cut(&[], &[&app]).await;
    })
    .await;
}
