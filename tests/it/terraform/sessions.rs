//! `session_termination_huaweicloud_dcs` under real engines, with connections that are really cut.
//!
//! What is the provider's own decision is tested in process, and what engines make of each change
//! in the matrix; those tests here run on one engine, to see the connections of real clients.

use serde_json::json;

use crate::terraform::fixture::{few, newest, on};
use crate::terraform::stage::{Stage, assert_cut};

/// One resource on a stand-in for the cache, with a body of arguments.
fn resource(body: &str) -> String {
    format!(
        r#"
variable "word" {{ default = "1" }}
resource "terraform_data" "cache" {{ input = var.instance_id }}
resource "session_termination_huaweicloud_dcs" "it" {{
  instance_id = terraform_data.cache.input
  {body}
}}
output "last_run" {{ value = session_termination_huaweicloud_dcs.it.last_run }}
"#
    )
}

const APPLY: &[&str] = &["apply", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-auto-approve"];
const REPORT: &str = r#"match = { users = ["report"] }"#;
const CACHE: &str = "terraform_data.cache";
const IT: &str = "session_termination_huaweicloud_dcs.it";

#[tokio::test]
async fn an_apply_cuts_whom_the_plan_named_and_a_second_plan_has_nothing_to_do() {
    on(few(), async |engine| {
        let main = resource(&format!("when = \"apply\"\n{REPORT}"));
        let stage = Stage::new(engine, &main).await;
        let report = stage.client("report", "nightly").await;
        let app = stage.client("app", "shop").await;
        let plan = stage.fixture.succeed(&["plan"]).await;
        assert!(plan.contains(&report.address.to_string()), "{plan}");
        assert!(!plan.contains(&app.address.to_string()), "{plan}");
        assert_cut(&[], &[&report, &app]).await;
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[&report], &[&app]).await;
        stage.fixture.nothing_to_do().await;
        let run = stage.fixture.output("last_run").await;
        assert_eq!((&run["selected"], &run["terminated"]), (&json!(1), &json!(1)), "{run}");
        assert_eq!(run["terminated_ids"], json!([report.address.to_string()]));
    })
    .await;
}

#[tokio::test]
async fn with_when_destroy_an_apply_cuts_nobody_and_a_destroy_cuts_before_the_cache_goes() {
    on(few(), async |engine| {
        let stage = Stage::new(engine, &resource("when = \"destroy\"\nall = true")).await;
        let app = stage.client("app", "shop").await;
        stage.fixture.succeed(APPLY).await;
        stage.fixture.nothing_to_do().await;
        assert_cut(&[], &[&app]).await;
        let plan = stage.fixture.succeed(&["plan", "-destroy"]).await;
        assert!(plan.contains(&app.address.to_string()), "{plan}");
        assert_cut(&[], &[&app]).await;
        let told = stage.fixture.succeed(DESTROY).await;
        assert_cut(&[&app], &[]).await;
        let at = |what: String| told.find(&what).unwrap_or_else(|| panic!("{what}: {told}"));
        assert!(at(format!("{IT}: Destruction complete")) < at(format!("{CACHE}: Destroying...")));
    })
    .await;
}

#[tokio::test]
async fn a_session_that_refuses_to_die_holds_back_the_destroy_of_the_cache() {
    let body = "when = \"destroy\"\nall = true\ntimeouts { delete = \"8s\" }";
    on(few(), async |engine| {
        let stage = Stage::new(engine, &resource(body)).await;
        let app = stage.client("app", "shop").await;
        stage.fixture.succeed(APPLY).await;
        stage.fault(json!({ "fault": "refuses" })).await;
        let told = stage.fixture.fail(DESTROY).await;
        assert!(told.contains(&app.address.to_string()), "{told}");
        assert!(!told.contains(&format!("{CACHE}: Destroying")), "{told}");
        assert_eq!(stage.fixture.state().await, [IT, CACHE]);
        assert_cut(&[], &[&app]).await;
        stage.reset().await;
        stage.fixture.succeed(DESTROY).await;
        assert_cut(&[&app], &[]).await;
        assert_eq!(stage.fixture.state().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
async fn a_changed_trigger_runs_again_in_place() {
    let main = resource(&format!("when = \"apply\"\n{REPORT}\ntriggers = {{ word = var.word }}"));
    on(newest(), async |engine| {
        let stage = Stage::new(engine, &main).await;
        stage.fixture.succeed(APPLY).await;
        let report = stage.client("report", "nightly").await;
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[], &[&report]).await;
        let told = stage.fixture.succeed(&["apply", "-auto-approve", "-var", "word=2"]).await;
        assert!(told.contains("0 added, 1 changed, 0 destroyed"), "{told}");
        assert_cut(&[&report], &[]).await;
        assert_eq!(stage.fixture.output("last_run").await["reason"], "update");
    })
    .await;
}

#[tokio::test]
async fn a_changed_guard_changes_the_state_and_cuts_nobody() {
    let with = |guard: &str| resource(&format!("when = \"apply\"\n{REPORT}\n{guard}"));
    on(newest(), async |engine| {
        let stage = Stage::new(engine, &with("max_sessions = 5")).await;
        stage.fixture.succeed(APPLY).await;
        let report = stage.client("report", "nightly").await;
        for guard in ["max_sessions = 6", "protect = { names = [\"x\"] }", "verify = false"] {
            stage.fixture.write("main.tf", &with(guard));
            let told = stage.fixture.succeed(APPLY).await;
            assert!(told.contains("0 added, 1 changed, 0 destroyed"), "{guard}: {told}");
        }
        assert_cut(&[], &[&report]).await;
        assert_eq!(stage.fixture.output("last_run").await["reason"], "create");
    })
    .await;
}

#[tokio::test]
async fn a_changed_target_is_a_replacement() {
    on(newest(), async |engine| {
        let stage = Stage::new(engine, &resource(&format!("when = \"apply\"\n{REPORT}"))).await;
        stage.fixture.succeed(APPLY).await;
        let other = stage.instances().pop().unwrap();
        stage.aim(&other, &stage.endpoint());
        let plan = stage.fixture.succeed(&["plan"]).await;
        assert!(plan.contains(&format!("{IT} must be replaced")), "{plan}");
    })
    .await;
}

#[tokio::test]
async fn too_many_selected_means_an_error_and_nobody_is_cut() {
    on(newest(), async |engine| {
        let main = resource("when = \"apply\"\nall = true\nmax_sessions = 1");
        let stage = Stage::new(engine, &main).await;
        let both = [stage.client("app", "one").await, stage.client("app", "two").await];
        let plan = stage.fixture.succeed(&["plan"]).await;
        assert!(plan.contains("max_sessions"), "{plan}");
        let told = stage.fixture.fail(APPLY).await;
        assert!(told.contains("Too many sessions selected"), "{told}");
        assert_cut(&[], &[&both[0], &both[1]]).await;
    })
    .await;
}

#[tokio::test]
async fn a_protected_client_outlives_the_teardown() {
    on(newest(), async |engine| {
        let body = "when = \"both\"\nall = true\nprotect = { names = [\"console\"] }";
        let stage = Stage::new(engine, &resource(body)).await;
        let console = stage.client("admin", "console").await;
        let first = stage.client("app", "first").await;
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[&first], &[&console]).await;
        let second = stage.client("app", "second").await;
        stage.fixture.succeed(DESTROY).await;
        assert_cut(&[&second], &[&console]).await;
    })
    .await;
}

#[tokio::test]
async fn refreshing_replanning_and_importing_cut_nobody() {
    on(few(), async |engine| {
        let stage = Stage::new(engine, &resource("when = \"both\"\nall = true")).await;
        stage.fixture.succeed(APPLY).await;
        let app = stage.client("app", "shop").await;
        stage.fixture.succeed(&["apply", "-refresh-only", "-auto-approve"]).await;
        stage.fixture.nothing_to_do().await;
        stage.fixture.succeed(APPLY).await;
        stage.fixture.succeed(&["state rm", IT]).await;
        let told = stage.fixture.fail(&["import", IT, "anything"]).await;
        assert!(told.contains("cannot be imported"), "{told}");
        assert_cut(&[], &[&app]).await;
    })
    .await;
}

#[tokio::test]
async fn a_preview_that_cannot_be_made_does_not_fail_the_plan() {
    on(newest(), async |engine| {
        let stage = Stage::new(engine, &resource("when = \"apply\"\nall = true")).await;
        let (_silent, nobody) = crate::joined::nobody();
        stage.aim(&stage.instances()[0], &format!("http://{nobody}"));
        let plan = stage.fixture.succeed(&["plan"]).await;
        assert!(plan.contains("Plan: 2 to add"), "{plan}");
    })
    .await;
}

#[tokio::test]
async fn arguments_that_cannot_be_right_are_refused_before_anything_happens() {
    let cases = [
        ("", "when = \"apply\""),
        ("", "when = \"apply\"\nall = true\nsession_ids = [\"127.0.0.1:1\"]"),
        ("session_ids", "when = \"apply\"\nsession_ids = []"),
        ("client_cidrs", "when = \"apply\"\nmatch = { client_cidrs = [\"10.0.0.0/40\"] }"),
        ("min_idle", "when = \"apply\"\nmatch = { min_idle = \"soon\" }"),
        ("max_sessions", "when = \"apply\"\nall = true\nmax_sessions = 0"),
        ("region", "when = \"apply\"\nmatch = { region = \"x\" }"),
        ("when", "when = \"sometimes\"\nall = true"),
        ("when", "all = true"),
    ];
    let engine = newest()[0];
    let stage = Stage::new(engine, "").await;
    for (attribute, body) in cases {
        stage.fixture.write("main.tf", &resource(body));
        let told = stage.fixture.fail(&["validate"]).await;
        assert!(told.contains(attribute), "{body}: {told}");
    }
}

#[tokio::test]
async fn a_create_that_failed_is_mended_as_its_error_says() {
    on(newest(), async |engine| {
        let both = |more: &str| {
            let timeouts = "timeouts {\n create = \"6s\"\n delete = \"6s\"\n}";
            resource(&format!("when = \"both\"\n{more}\n{timeouts}"))
        };
        // Stopped by a guard: nothing came of it, and the next one starts anew.
        let stage = Stage::new(engine, &both("all = true\nmax_sessions = 1")).await;
        let app = stage.client("app", "shop").await;
        let report = stage.client("report", "nightly").await;
        let told = stage.fixture.fail(APPLY).await;
        assert!(told.contains("Too many sessions selected"), "{told}");
        assert_eq!(stage.fixture.state().await, [CACHE]);
        stage.fixture.write("main.tf", &both(REPORT));
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[&report], &[&app]).await;

        // Somebody survived: the destroy of the replacement has the old cap, an untainted one not.
        let stage = Stage::new(engine, &both("all = true\nmax_sessions = 1")).await;
        let app = stage.client("app", "shop").await;
        stage.fault(json!({ "fault": "refuses", "operation": "clients/kill" })).await;
        let told = stage.fixture.fail(APPLY).await;
        assert!(told.contains("untaint"), "{told}");
        stage.reset().await;
        let late = stage.client("app", "late").await;
        stage.fixture.write("main.tf", &both("all = true\nmax_sessions = 2"));
        let told = stage.fixture.fail(APPLY).await;
        assert!(told.contains("Too many sessions selected"), "{told}");
        assert_cut(&[], &[&app, &late]).await;
        stage.fixture.succeed(&["untaint", IT]).await;
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[&app, &late], &[]).await;
        stage.fixture.nothing_to_do().await;
    })
    .await;
}
