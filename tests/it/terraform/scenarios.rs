//! The scenarios of `examples/scenarios`, with connections that are really cut. `redis-teardown`
//! is what the demo plays.

use crate::terraform::fixture::{core, engines, few, on};
use crate::terraform::matrix::has_ephemerals;
use crate::terraform::stage::{Stage, assert_cut};

const APPLY: &[&str] = &["apply", "-auto-approve"];

#[tokio::test]
async fn an_action_clears_the_cache_right_before_it_is_changed() {
    on(["1.14.9", "1.15.5"].map(core), async |engine| {
        let stage = Stage::scenario(engine, "action-before-update").await;
        let console = stage.client("admin", "admin-console").await;
        let shop = stage.client("app", "shop").await;
        stage.fixture.succeed(APPLY).await;
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[], &[&shop, &console]).await;

        let change = ["apply", "-auto-approve", "-var", "capacity=2"];
        stage.fault(serde_json::json!({ "fault": "refuses" })).await;
        let limited = |text: String| text.replace("\"2m\"", "\"4s\"");
        let main = std::fs::read_to_string(stage.fixture.dir().join("main.tf")).unwrap();
        stage.fixture.write("main.tf", &limited(main.clone()));
        let told = stage.fixture.fail(&change).await;
        // Seen alive, or asked once more and not looked for again in the time there was.
        let titles = ["Sessions survived on", "Sessions are not confirmed gone on"];
        assert!(titles.iter().any(|title| told.contains(title)), "{told}");
        assert_eq!(stage.fixture.output("capacity").await, 1);
        stage.reset().await;
        stage.fixture.write("main.tf", &main);

        let told = stage.fixture.succeed(&change).await;
        assert_cut(&[&shop], &[&console]).await;
        assert_eq!(stage.fixture.output("capacity").await, 2);
        let at = |what: &str| told.find(what).unwrap_or_else(|| panic!("{what}: {told}"));
        assert!(at("listed 2 live client connections") < at("selected 1, 1 protected"), "{told}");
        assert!(at("accepted 1 of 1") < at("Action complete"), "{told}");
        assert!(at("Action complete") < at("terraform_data.cache: Modif"), "{told}");
        let again = stage.client("app", "shop").await;
        stage.fixture.succeed(&["destroy", "-auto-approve"]).await;
        assert_cut(&[], &[&again, &console]).await;
    })
    .await;
}

#[tokio::test]
async fn a_maintenance_run_cuts_the_application_before_its_job_starts() {
    let oldest = engines().iter().find(|engine| has_ephemerals(engine));
    let chosen =
        oldest.into_iter().chain(few().into_iter().filter(|engine| has_ephemerals(engine)));
    on(chosen, async |engine| {
        let stage = Stage::scenario(engine, "maintenance-ephemeral").await;
        let report = stage.client("report", "nightly").await;
        let first = stage.client("app", "shop").await;
        stage.fixture.succeed(&["plan"]).await;
        assert_cut(&[], &[&first, &report]).await;
        let told = stage.fixture.succeed(APPLY).await;
        assert_cut(&[&first], &[&report]).await;
        // The plan opens it too, so what counts is the last time.
        let words = ["quiet: Opening complete", "quiet: Open complete"]; // the second is OpenTofu's
        let opened = words.iter().find_map(|words| told.rfind(words)).unwrap();
        assert!(opened < told.find("Provisioning with 'local-exec'").unwrap(), "{told}");

        let second = stage.client("app", "shop").await;
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[&second], &[&report]).await;
        assert_eq!(stage.fixture.state().await, ["terraform_data.job"]);
    })
    .await;
}

#[tokio::test]
async fn a_rotated_password_cuts_the_old_logins_once() {
    on(few(), async |engine| {
        let stage = Stage::scenario(engine, "credential-rotation").await;
        stage.fixture.succeed(APPLY).await;
        let app = stage.client("app", "shop").await;
        let glass = stage.client("admin", "break-glass").await;
        let old = stage.client("report", "nightly").await;
        stage.fixture.succeed(APPLY).await;
        assert_cut(&[], &[&old, &app, &glass]).await;

        let change = ["apply", "-auto-approve", "-var", "password_version=2"];
        let told = stage.fixture.succeed(&change).await;
        assert_cut(&[&old], &[&app, &glass]).await;
        let at = |what: &str| told.rfind(what).unwrap_or_else(|| panic!("{what}: {told}"));
        assert!(at("account: Modifications complete") < at("old_logins: Modifying"), "{told}");
        assert_eq!(stage.fixture.output("cut").await, serde_json::json!([old.address.to_string()]));
        let new = stage.client("report", "nightly").await;
        stage.fixture.succeed(&change).await;
        assert_cut(&[], &[&new, &app, &glass]).await;
    })
    .await;
}
