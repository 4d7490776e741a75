//! The engines themselves, on what is built into them: before a test of ours may blame the
//! provider, the ground must be firm.

use std::time::Duration;

use terraform_provider_session::demo::{Engine, Workshop};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::terraform::fixture::{CORES, Fixture, engines};

const ONE: &str = r#"
variable "word" { default = "a" }
resource "terraform_data" "one" { input = var.word }
output "one" { value = terraform_data.one.output }
"#;

#[tokio::test]
async fn every_engine_plans_applies_settles_and_destroys() {
    for engine in engines() {
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
    }
}

#[tokio::test]
async fn a_broken_configuration_is_exit_code_one_and_its_error_is_heard() {
    for engine in engines() {
        let told = Fixture::new(engine, "resource \"terraform_data\" {}").fail(&["plan"]).await;
        assert!(told.contains("Missing name for resource"), "{told}");
    }
}

#[tokio::test]
async fn variables_reach_an_engine_and_the_machines_own_do_not() {
    for engine in engines() {
        let fixture = Fixture::new(engine, ONE);
        let env = [("TF_VAR_word", "given")];
        let told = fixture.core.run(fixture.dir(), &["plan"], &env).await.unwrap();
        assert!(told.stdout.contains("\"given\""), "{}", told.text());
        let command = fixture.core.command(fixture.dir(), &["plan"], &[]);
        let names = command.as_std().get_envs().map(|(name, _)| name.to_string_lossy());
        let ours = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "HOME", "CHECKPOINT_DISABLE"];
        let ours = |name: &str| ours.contains(&name) || name.starts_with("TF_");
        assert_eq!(names.filter(|name| !ours(name)).count(), 0);
    }
}

#[tokio::test]
async fn an_interrupt_stops_an_engine_before_its_next_step() {
    let slow = r#"
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "echo begun; sleep 60" }
}
resource "terraform_data" "next" { depends_on = [terraform_data.slow] }
"#;
    for engine in engines() {
        let fixture = Fixture::new(engine, slow);
        let mut command = fixture.core.command(fixture.dir(), &["apply", "-auto-approve"], &[]);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = String::new();
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.ends_with("(local-exec): begun") {
                let id = child.id().unwrap().to_string();
                let killed = Command::new("kill").args(["-INT", &id]).status().await.unwrap();
                assert!(killed.success());
            }
            seen = format!("{seen}{line}\n");
        }
        let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await.unwrap();
        assert_eq!(status.unwrap().code(), Some(1), "{}\n{seen}", engine.name);
        assert!(seen.contains("Interrupt received."), "{}\n{seen}", engine.name);
        assert_eq!(fixture.state().await, ["terraform_data.slow"], "{}", engine.name);
    }
}

#[test]
fn every_core_that_is_tested_is_pinned() {
    let workshop = Workshop::here();
    for core in CORES {
        let engine = Engine::pinned(&workshop, core).unwrap();
        assert_eq!(engine.name, format!("Terraform {core}"));
    }
}

#[test]
fn several_who_install_at_once_get_the_same_engine() {
    let workshop = Workshop::here();
    let one = || Engine::pinned(&workshop, CORES[0]).map(|engine| engine.leading);
    std::thread::scope(|scope| {
        let all = [(); 3].map(|()| scope.spawn(one)).map(|thread| thread.join().unwrap().unwrap());
        assert!(all.iter().all(|leading| *leading == all[0]));
    });
}
