//! What only OpenTofu does, and what passes from one core to the other. Where there is no OpenTofu,
//! `lineup` says so by name.

use std::path::Path;

use terraform_provider_session::demo::Engine;

use crate::terraform::fixture::{newest, on};
use crate::terraform::lineup::is_opentofu;
use crate::terraform::stage::{PROVIDER, Stage};

const APPLY: &[&str] = &["apply", "-auto-approve"];
const DESTROY: &[&str] = &["destroy", "-auto-approve"];
const IT: &str = "session_termination_huaweicloud_dcs.it";
const CACHE: &str = "terraform_data.cache";

/// The newest OpenTofu.
fn tofu() -> impl Iterator<Item = &'static Engine> {
    newest().into_iter().filter(|engine| is_opentofu(engine))
}

/// A stand-in for a cache, and its termination.
fn main(more: &str) -> String {
    format!(
        r#"
resource "terraform_data" "cache" {{ input = var.instance_id }}
resource "session_termination_huaweicloud_dcs" "it" {{
  instance_id = terraform_data.cache.output
  when        = "destroy"
  all         = true
  {more}
}}
"#
    )
}

const CACHE_ONLY: &str = "resource \"terraform_data\" \"cache\" { input = var.instance_id }\n";

/// How many sessions have been ended since the last time.
async fn ended(stage: &Stage) -> usize {
    let killed = stage.killed().await.len();
    stage.reset().await;
    killed
}

async fn applied(engine: &Engine, main: &str) -> Stage {
    let stage = Stage::in_memory(engine, main).await;
    stage.fixture.succeed(APPLY).await;
    assert_eq!(ended(&stage).await, 0);
    stage
}

#[tokio::test]
async fn what_is_excluded_keeps_what_it_depends_on_and_an_instance_alone_keeps_nobody() {
    on(tofu(), async |engine| {
        let stage = applied(engine, &main("")).await;
        let without = format!("-exclude={IT}");
        stage.fixture.succeed(&["destroy", "-auto-approve", &without]).await;
        assert_eq!((ended(&stage).await, stage.fixture.state().await.len()), (0, 2));
        let without = format!("-exclude={CACHE}");
        stage.fixture.succeed(&["destroy", "-auto-approve", &without]).await;
        assert!(ended(&stage).await > 0);
        assert_eq!(stage.fixture.state().await, [CACHE]);
    })
    .await;
}

#[tokio::test]
async fn a_block_that_is_not_enabled_any_more_runs_its_destroy() {
    on(tofu(), async |engine| {
        let stage = applied(engine, &main("")).await;
        stage.fixture.write("main.tf", &main("lifecycle { enabled = false }"));
        stage.fixture.succeed(APPLY).await;
        assert!(ended(&stage).await > 0);
        assert_eq!(stage.fixture.state().await, [CACHE]);
    })
    .await;
}

#[tokio::test]
async fn what_is_only_forgotten_ends_nobody_and_what_is_removed_with_destroy_runs() {
    on(tofu(), async |engine| {
        let stage = applied(engine, &main("lifecycle { destroy = false }")).await;
        let told = stage.fixture.run(DESTROY).await;
        assert!(told.text().contains("forgotten"), "{}", told.text());
        assert_eq!((ended(&stage).await, stage.fixture.state().await.len()), (0, 0));
        for (lifecycle, runs) in [("", false), ("lifecycle { destroy = true }", true)] {
            let stage = applied(engine, &main("")).await;
            let removed = format!("{CACHE_ONLY}removed {{\n  from = {IT}\n  {lifecycle}\n}}\n");
            stage.fixture.write("main.tf", &removed);
            stage.fixture.succeed(APPLY).await;
            assert_eq!(ended(&stage).await > 0, runs, "{lifecycle}");
            assert_eq!(stage.fixture.state().await, [CACHE]);
        }
    })
    .await;
}

#[tokio::test]
async fn an_encrypted_state_serves_a_destroy() {
    let encryption = r#"
terraform {
  encryption {
    key_provider "pbkdf2" "words" { passphrase = "sixteen or more characters" }
    method "aes_gcm" "words" { keys = key_provider.pbkdf2.words }
    state { method = method.aes_gcm.words }
    plan { method = method.aes_gcm.words }
  }
}
"#;
    on(tofu(), async |engine| {
        let stage = applied(engine, &format!("{encryption}{}", main(""))).await;
        let stored =
            std::fs::read_to_string(stage.fixture.dir().join("terraform.tfstate")).unwrap();
        assert!(stored.contains("encrypted_data") && !stored.contains("target_seen"), "{stored}");
        stage.fixture.nothing_to_do().await;
        stage.fixture.succeed(&["plan", "-destroy", "-out=saved"]).await;
        stage.fixture.succeed(&["apply", "saved"]).await;
        assert!(ended(&stage).await > 0);
    })
    .await;
}

#[tokio::test]
async fn warnings_that_are_not_consolidated_are_all_there_and_so_are_those_that_are() {
    let one = main("").replace("\"it\"", "\"one\"");
    let two = main("max_sessions = 1000").replace("\"it\"", "\"two\"");
    let two = format!("{one}{}", two.replace(CACHE_ONLY.trim_end(), ""));
    on(tofu(), async |engine| {
        let stage = applied(engine, &two).await;
        for options in
            [&["plan", "-destroy"][..], &["plan", "-destroy", "-consolidate-warnings=false"]]
        {
            let plan = stage.fixture.succeed(options).await;
            let shown = plan.matches("Warning: Session termination pending on").count();
            assert_eq!(shown, 2, "{options:?}: {plan}");
        }
    })
    .await;
}

#[tokio::test]
async fn each_key_of_a_providers_for_each_is_a_provider_of_its_own() {
    // OpenTofu evaluates `for_each` of a provider early, from variables alone.
    let each = "provider \"session\" {\n  alias    = \"each\"\n  for_each = var.clouds\n";
    let endpoints = "endpoints  = { for product, _ in var.endpoints : product => each.value }";
    let provider = PROVIDER
        .replace("provider \"session\" {\n", each)
        .replace("endpoints  = var.endpoints", endpoints);
    assert!(provider.contains(each) && provider.contains(endpoints), "{provider}");
    let provider = format!("variable \"clouds\" {{ type = map(string) }}\n{provider}");
    let main = |keys: &str| {
        format!(
            r#"
resource "session_termination_huaweicloud_dcs" "it" {{
  for_each    = toset({keys})
  provider    = session.each[each.key]
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
}}
"#
        )
    };
    on(tofu(), async |engine| {
        let stage = Stage::in_memory(engine, &main(r#"["a", "b"]"#)).await;
        let other = Stage::in_memory(engine, "").await;
        stage.fixture.write("provider.tf", &provider);
        let clouds =
            format!("clouds = {{ a = {:?}, b = {:?} }}\n", stage.endpoint(), other.endpoint());
        stage.fixture.write("clouds.auto.tfvars", &clouds);
        stage.fixture.succeed(APPLY).await;
        stage.fixture.nothing_to_do().await;
        // A key that goes, with its provider still there, ends the sessions of its own cloud.
        stage.fixture.write("main.tf", &main(r#"["a"]"#));
        stage.fixture.succeed(APPLY).await;
        assert_eq!((ended(&stage).await, ended(&other).await > 0), (0, true));
        stage.fixture.succeed(DESTROY).await;
        assert_eq!((ended(&stage).await > 0, ended(&other).await), (true, 0));
    })
    .await;
}

#[tokio::test]
async fn one_core_goes_on_with_the_state_of_the_other() {
    let terraform = newest().into_iter().find(|engine| !is_opentofu(engine)).unwrap();
    on(tofu(), async |tofu| {
        for (first, then) in [(terraform, tofu), (tofu, terraform)] {
            let stage = applied(first, &main("")).await;
            let other = Stage::in_memory(then, &main("")).await;
            let state = |stage: &Stage| stage.fixture.dir().join("terraform.tfstate");
            std::fs::copy(state(&stage), state(&other)).unwrap();
            if !is_opentofu(then) {
                let [from, to] = ["registry.opentofu.org", "registry.terraform.io"]
                    .map(|host| format!("{host}/sessionops/session"));
                let replace = ["state replace-provider", "-auto-approve", &from, &to];
                other.fixture.succeed(&replace).await;
            }
            other.fixture.nothing_to_do().await;
            other.fixture.succeed(DESTROY).await;
            assert!(ended(&other).await > 0, "{} to {}", first.name, then.name);
        }
    })
    .await;
}

/// The blocks of the guide on tests: the test file, and the override.
fn guide() -> (String, String) {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/guides/testing.md");
    let text = std::fs::read_to_string(guide).unwrap();
    let mut blocks = text.split("```hcl\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    (blocks.next().unwrap().to_owned(), blocks.next().unwrap().to_owned())
}

#[tokio::test]
async fn a_module_is_tested_with_a_mocked_provider_and_nobody_is_ended() {
    let (test, overridden) = guide();
    let told = r#"
run "it_tells_what_it_did" {
  command = apply
  assert {
    condition     = session_termination_huaweicloud_dcs.teardown.last_run.terminated == 2
    error_message = "not as overridden"
  }
}
"#;
    let module = main("").replace("\"it\"", "\"teardown\"");
    on(newest(), async |engine| {
        let stage = Stage::in_memory(engine, &module).await;
        let folder = stage.fixture.dir().join("tests");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("module.tftest.hcl"), &test).unwrap();
        let mocked = format!("mock_provider \"session\" {{}}\n{overridden}{told}");
        std::fs::write(folder.join("told.tftest.hcl"), mocked).unwrap();
        let told = stage.fixture.succeed(&["test"]).await;
        assert!(told.contains("2 passed, 0 failed"), "{}: {told}", engine.name);
        assert_eq!(ended(&stage).await, 0, "{}", engine.name);
    })
    .await;
}

#[tokio::test]
async fn a_termination_in_a_state_of_its_own_holds_back_the_other_state() {
    let cache = "variable \"instance_id\" {}\nresource \"terraform_data\" \"cache\" \
                 { input = var.instance_id }\noutput \"instance_id\" \
                 { value = terraform_data.cache.output }\n";
    let termination = |guard: &str| {
        format!(
            "data \"terraform_remote_state\" \"cache\" {{\n  backend = \"local\"\n  config = \
             {{ path = \"cache/terraform.tfstate\" }}\n}}\nresource \
             \"session_termination_huaweicloud_dcs\" \"it\" {{\n  instance_id = \
             data.terraform_remote_state.cache.outputs.instance_id\n  when = \"destroy\"\n  \
             all = true\n  {guard}\n}}\n"
        )
    };
    on(newest(), async |engine| {
        let stage = Stage::in_memory(engine, &termination("max_sessions = 1")).await;
        let folder = stage.fixture.dir().join("cache");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("main.tf"), cache).unwrap();
        let id = stage.instances()[0].clone();
        let variable = format!("-var=instance_id={id}");
        let other = async |args: &[&str]| {
            let told = stage.fixture.core.run(&folder, args, &[]).await.unwrap();
            assert_eq!(told.code, 0, "{}", told.text());
        };
        other(&["apply", "-auto-approve", &variable]).await;
        stage.fixture.succeed(APPLY).await;
        // `termination destroy && cache destroy` stops here.
        stage.fixture.fail(DESTROY).await;
        assert_eq!(ended(&stage).await, 0);
        stage.fixture.write("main.tf", &termination(""));
        stage.fixture.succeed(APPLY).await;
        stage.fixture.succeed(DESTROY).await;
        assert!(ended(&stage).await > 0);
        other(&["destroy", "-auto-approve", &variable]).await;
    })
    .await;
}
