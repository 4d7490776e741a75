//! A target that is wider than one instance, under real engines: state from before widths were
//! written, a part of the whole, and an argument that comes to nothing.

use serde_json::{Value, json};
use terraform_provider_session::demo::{Engine, alicloud_variables};

use crate::terraform::fixture::{newest, on};
use crate::terraform::stage::Stage;

const APPLY: &[&str] = &["apply", "-auto-approve"];
const IT: &str = "session_termination_alicloud_ecs.it";

const PROVIDER: &str = r#"
terraform {
  required_providers {
    session = { source = "sessionops/session" }
  }
}
variable "region" {}
variable "access_key" {}
variable "secret_key" {}
variable "endpoints" { type = map(string) }
provider "session" {
  alicloud = {
    region     = var.region
    access_key = var.access_key
    secret_key = var.secret_key
    endpoints  = var.endpoints
  }
}
"#;

/// One block on some target.
fn main(when: &str, target: &str) -> String {
    format!(
        "resource \"session_termination_alicloud_ecs\" \"it\" {{\n  {target}\n  when = {when:?}\n  \
         all = true\n}}\n"
    )
}

/// A block on the whole region whose state says nothing of a width, as one that was written before
/// there was a word for it.
async fn stored(engine: &Engine, when: &str) -> Stage {
    let stage = Stage::in_memory(engine, &main(when, "all_instances = true")).await;
    stage.fixture.write("provider.tf", PROVIDER);
    let values = alicloud_variables(stage.card());
    stage.fixture.write("terraform.tfvars.json", &values.to_string());
    stage.fixture.succeed(APPLY).await;
    stage.reset().await;
    let path = stage.fixture.dir().join("terraform.tfstate");
    let mut state: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let attributes = &mut state["resources"][0]["instances"][0]["attributes"];
    let id = attributes["id"].as_str().unwrap().split('#').next().unwrap();
    let id = id.trim_end_matches("/all_instances").to_owned();
    let attributes = attributes.as_object_mut().unwrap();
    for name in ["all_instances", "target_seen", "drain", "quiet"] {
        attributes.remove(name);
    }
    attributes.insert("id".to_owned(), json!(id));
    state["serial"] = json!(state["serial"].as_u64().unwrap() + 1);
    std::fs::write(&path, state.to_string()).unwrap();
    stage
}

/// On whose instances sessions were ended.
async fn ended(stage: &Stage) -> Vec<String> {
    let mut killed = stage.killed().await;
    killed.sort();
    killed.dedup();
    stage.reset().await;
    killed
}

#[tokio::test]
async fn a_width_that_nobody_wrote_is_written_without_a_change_and_narrowed_without_others() {
    on(newest(), async |engine| {
        for when in ["apply", "destroy", "both"] {
            let what = format!("{} {when}", engine.name);
            // Written.
            let stage = stored(engine, when).await;
            stage.fixture.nothing_to_do().await;
            assert_eq!(ended(&stage).await, [""; 0], "{what}");
            // Taken out.
            stage.fixture.write("main.tf", "");
            stage.fixture.succeed(APPLY).await;
            assert_eq!(ended(&stage).await.len() > 1, when != "apply", "{what}");
            // A part of it.
            let stage = stored(engine, when).await;
            let one = stage.instances_of("alicloud_ecs").remove(0);
            stage.fixture.write("main.tf", &main(when, &format!("instance_id = {one:?}")));
            let told = stage.fixture.succeed(APPLY).await;
            assert!(told.contains("0 added, 1 changed, 0 destroyed"), "{what}: {told}");
            let expected = if when == "destroy" { vec![] } else { vec![one] };
            assert_eq!(ended(&stage).await, expected, "{what}");
            assert_eq!(stage.fixture.values(IT).await["target_seen"], true, "{what}");
            stage.fixture.nothing_to_do().await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_argument_that_comes_to_nothing_ends_nobody() {
    let unknown = "resource \"terraform_data\" \"choice\" { input = \"none\" }\n";
    let target = "instance_id = terraform_data.choice.output == \"none\" ? null : \"i-1\"";
    on(newest(), async |engine| {
        for when in ["apply", "destroy", "both"] {
            let stage = stored(engine, when).await;
            stage.fixture.forget();
            stage.fixture.write("main.tf", &format!("{unknown}{}", main(when, target)));
            let told = stage.fixture.fail(APPLY).await;
            assert!(told.contains("all_instances"), "{told}");
            assert_eq!(ended(&stage).await, [""; 0], "{} {when}", engine.name);
        }
    })
    .await;
}
