//! The engines themselves, on what is built into them: before a test of ours may blame the
//! provider, the ground must be firm.

use terraform_provider_session::demo::{Engine, PINS, Workshop};

use crate::terraform::fixture::{Fixture, engines, few, on};
use crate::terraform::interrupt::Running;

const ONE: &str = r#"
variable "word" { default = "a" }
resource "terraform_data" "one" { input = var.word }
output "one" { value = terraform_data.one.output }
"#;

#[tokio::test]
async fn every_engine_plans_applies_settles_and_destroys() {
    on(engines(), async |engine| {
        let fixture = Fixture::new(engine, ONE);
        let plan = fixture.succeed(&["plan"]).await;
        assert!(plan.contains("Plan: 1 to add"), "{plan}");
        assert!(!plan.contains('\x1b'), "{plan:?}");
        fixture.succeed(&["apply", "-auto-approve"]).await;
        assert_eq!(fixture.state().await, ["terraform_data.one"]);
        fixture.nothing_to_do().await;
        let changed = fixture.run(&["plan", "-detailed-exitcode", "-var", "word=b"]).await;
        assert_eq!(changed.code, 2, "{}", changed.text());
        let told = fixture.succeed(&["destroy", "-auto-approve"]).await;
        assert!(told.contains("Destroy complete! Resources: 1 destroyed."), "{told}");
    })
    .await;
}

#[tokio::test]
async fn a_broken_configuration_is_exit_code_one_and_its_error_is_heard() {
    on(few(), async |engine| {
        let told = Fixture::new(engine, "resource \"terraform_data\" {}").fail(&["plan"]).await;
        assert!(told.contains("Missing name for resource"), "{told}");
    })
    .await;
}

#[tokio::test]
async fn variables_reach_an_engine_and_the_machines_own_do_not() {
    on(few(), async |engine| {
        let fixture = Fixture::new(engine, ONE);
        let env = [("TF_VAR_word", "given")];
        let told = fixture.core.run(fixture.dir(), &["plan"], &env).await.unwrap();
        assert!(told.stdout.contains("\"given\""), "{}", told.text());
        let command = fixture.core.command(fixture.dir(), &["plan"], &[]);
        let names = command.as_std().get_envs().map(|(name, _)| name.to_string_lossy());
        let ours = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "HOME", "CHECKPOINT_DISABLE"];
        let ours = |name: &str| ours.contains(&name) || name.starts_with("TF_");
        assert_eq!(names.filter(|name| !ours(name)).count(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_interrupt_stops_an_engine_before_its_next_step() {
    // Deaf to the signal itself, so that it is the engine that ends it; and one process from the
    // beginning to the end, so that nobody is left who was to be waited for by a shell.
    let slow = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "trap '' INT; : > begun; exec sleep 60" }
}
resource "terraform_data" "next" { depends_on = [terraform_data.slow] }
"#;
    on(few(), async |engine| {
        let fixture = Fixture::new(engine, slow);
        let begun = fixture.dir().join("begun");
        let running = Running::start(&fixture, &["apply", "-auto-approve"]);
        running.when(async || begun.exists()).await;
        let told = running.interrupt().await;
        assert_eq!(told.code, 1, "{}\n{}", engine.name, told.text());
        assert!(told.text().contains("Interrupt received."), "{}\n{}", engine.name, told.text());
        assert_eq!(fixture.state().await, ["terraform_data.slow"], "{}", engine.name);
    })
    .await;
}

#[test]
fn several_who_install_at_once_get_the_same_engine() {
    let workshop = Workshop::here();
    let one = || Engine::pinned(&workshop, PINS[0].core).map(|engine| engine.leading);
    std::thread::scope(|scope| {
        let all = [(); 3].map(|()| scope.spawn(one)).map(|thread| thread.join().unwrap().unwrap());
        assert!(all.iter().all(|leading| *leading == all[0]));
    });
}
