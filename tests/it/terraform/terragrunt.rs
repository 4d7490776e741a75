//! A teardown over two units of Terragrunt, where that is on PATH: it runs `init` in every unit, so
//! the provider comes from a mirror.

use std::io::Write as _;
use std::path::Path;

use terraform_provider_session::demo::{Scratch, Workshop};

use crate::terraform::fixture::{few, must};
use crate::terraform::packages::mirrored;
use crate::terraform::stage::Stage;

const CACHE: &str = r#"
variable "instance_id" {}
resource "terraform_data" "cache" { input = var.instance_id }
output "instance_id" { value = terraform_data.cache.output }
"#;

/// The termination's module, with a guard.
fn termination(guard: &str) -> String {
    format!(
        r#"
resource "session_termination_huaweicloud_dcs" "it" {{
  instance_id = var.instance_id
  when        = "destroy"
  all         = true
  {guard}
}}
"#
    )
}

#[tokio::test]
async fn a_unit_of_its_own_holds_back_the_unit_that_it_depends_on() {
    let Some(terragrunt) = Workshop::here().program("terragrunt") else {
        let text = "\nNOT run: Terragrunt, which is not on PATH.\n";
        std::io::stdout().write_all(text.as_bytes()).unwrap();
        return;
    };
    let mirror = Scratch::new("it").unwrap_or_else(must);
    let settings = mirrored(mirror.path());
    let engine = few().into_iter().rfind(|engine| engine.leading.is_empty()).expect("a program");
    let stage = Stage::in_memory(engine, &termination("max_sessions = 1")).await;
    let folder = stage.fixture.dir();
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let move_to_unit = |name: &str| {
        write(&format!("live/termination/{name}"), &read(name));
        std::fs::remove_file(folder.join(name)).unwrap();
    };
    for name in ["main.tf", "provider.tf", "terraform.tfvars.json"] {
        move_to_unit(name);
    }
    let id = stage.instances()[0].clone();
    write("live/cache/main.tf", CACHE);
    write("live/cache/terragrunt.hcl", &format!("inputs = {{ instance_id = {id:?} }}\n"));
    write(
        "live/termination/terragrunt.hcl",
        "dependency \"cache\" {\n  config_path = \"../cache\"\n}\ninputs = {\n  instance_id = \
         dependency.cache.outputs.instance_id\n}\n",
    );
    write("mirror.tfrc", &settings);
    let run = async |verb: &str| run(&terragrunt, &engine.program, folder, verb).await;
    assert!(run("apply").await.0);
    let (done, told) = run("destroy").await;
    assert!(!done, "{told}");
    assert!(told.contains("Too many sessions selected"), "{told}");
    let cached = || states(&folder.join("live/cache")).contains("terraform_data");
    assert!(cached(), "the cache is gone: {told}");
    assert!(stage.killed().await.is_empty());
    write("live/termination/main.tf", &termination(""));
    assert!(run("apply").await.0);
    let (done, told) = run("destroy").await;
    assert!(done, "{told}");
    assert!(!stage.killed().await.is_empty());
    assert!(!cached(), "{told}");
}

/// What stands in the states below a folder: Terragrunt works in one of its own.
fn states(folder: &Path) -> String {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let texts = entries.map(|path| match path.file_name().and_then(|name| name.to_str()) {
        Some("terraform.tfstate") if path.is_file() => std::fs::read_to_string(&path).unwrap(),
        _ if path.is_dir() => states(&path),
        _ => String::new(),
    });
    texts.collect()
}

/// `terragrunt run --all VERB`; whether it went well, and what was said.
async fn run(terragrunt: &Path, engine: &Path, folder: &Path, verb: &str) -> (bool, String) {
    let mut command = tokio::process::Command::new(terragrunt);
    command.args(["run", "--all", verb, "--non-interactive", "--no-color"]);
    command.current_dir(folder.join("live")).env_clear().env("HOME", folder);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("TG_TF_PATH", engine).env("TF_CLI_CONFIG_FILE", folder.join("mirror.tfrc"));
    command.env("CHECKPOINT_DISABLE", "1").kill_on_drop(true);
    let told = command.output().await.unwrap();
    let text = [&told.stdout, &told.stderr].map(|out| String::from_utf8_lossy(out).into_owned());
    (told.status.success(), text.concat())
}
