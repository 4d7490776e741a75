//! Release archives: their names and layout, and engines that install the provider from them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::Digest as _;
use terraform_provider_session::demo::{Scratch, Workshop};

use crate::terraform::fixture::{BINARY, Fixture, few, must};
use crate::terraform::stage::{Stage, assert_cut};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What Terraform calls this machine, and what Rust does.
const PLATFORM: (&str, &str) = match (cfg!(target_os = "macos"), cfg!(target_arch = "aarch64")) {
    (false, false) => ("linux_amd64", "x86_64-unknown-linux-gnu"),
    (false, true) => ("linux_arm64", "aarch64-unknown-linux-gnu"),
    (true, false) => ("darwin_amd64", "x86_64-apple-darwin"),
    (true, true) => ("darwin_arm64", "aarch64-apple-darwin"),
};

/// Runs the packaging command; what it complains of, if it fails.
fn package(out: &Path, more: &[&str]) -> Result<(), String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/package");
    let python = Workshop::here().python(None).unwrap_or_else(must);
    let told = Command::new(python).arg(script).arg("--out").arg(out).args(more).output().unwrap();
    let complaint = String::from_utf8_lossy(&told.stderr).into_owned();
    if told.status.success() { Ok(()) } else { Err(complaint) }
}

/// The provider of this test run as an argument of it. It is no release: it has the sandbox's
/// commands and is linked as this machine does, which `--dynamic` lets pass.
fn this_build() -> String {
    format!("--binary={}={BINARY}", PLATFORM.1)
}

/// Every file of a folder.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read(path).unwrap())
    };
    entries.map(named).collect()
}

#[test]
fn two_packagings_of_one_program_are_the_same_bytes_under_the_registries_names() {
    // A small stand-in for the program, for several systems.
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE");
    let targets = ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"];
    let programs = targets.map(|target| format!("--binary={target}={program}"));
    let arguments: Vec<&str> = programs.iter().map(String::as_str).chain(["--dynamic"]).collect();
    let [one, two] = [(); 2].map(|()| Scratch::new("it").unwrap_or_else(must));
    package(one.path(), &arguments).unwrap();
    package(two.path(), &arguments).unwrap();
    let made = files(one.path());
    let stem = format!("terraform-provider-session_{VERSION}");
    let ends =
        ["SHA256SUMS", "darwin_arm64.zip", "linux_amd64.zip", "manifest.json", "windows_amd64.zip"];
    let names = ends.map(|end| format!("{stem}_{end}"));
    assert_eq!(made.keys().cloned().collect::<Vec<_>>(), names);
    assert!(made == files(two.path()), "the same program gave other bytes");
    let sum =
        |name: &String| format!("{}  {name}\n", hex::encode(sha2::Sha256::digest(&made[name])));
    let wanted: String = [1, 2, 4, 3].map(|at| sum(&names[at])).concat();
    assert_eq!(String::from_utf8_lossy(&made[&names[0]]), wanted);
}

#[test]
fn the_manifest_is_what_the_registries_read() {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("terraform-registry-manifest.json");
    let manifest: serde_json::Value =
        serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let wanted = serde_json::json!({ "version": 1, "metadata": { "protocol_versions": ["6.0"] } });
    assert_eq!(manifest, wanted);
}

#[cfg(target_os = "linux")]
#[test]
fn a_program_for_linux_that_needs_a_loader_is_not_packed() {
    let out = Scratch::new("it").unwrap_or_else(must);
    let refused = package(out.path(), &[&this_build()]).unwrap_err();
    assert!(refused.contains("is not static"), "{refused}");
    assert!(files(out.path()).is_empty());
}

#[test]
fn an_archive_that_was_not_made_now_is_not_summed_up_and_signed() {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/LICENSE");
    let of = |target: &str| format!("--binary={target}={program}");
    let (mac, windows) = (of("aarch64-apple-darwin"), of("x86_64-pc-windows-msvc"));
    let out = Scratch::new("it").unwrap_or_else(must);
    package(out.path(), &[&mac]).unwrap();
    let before = files(out.path());
    let refused = package(out.path(), &[&windows]).unwrap_err();
    assert!(refused.contains("darwin_arm64.zip"), "{refused}");
    assert!(files(out.path()) == before);
    package(out.path(), &[&mac]).unwrap();
    package(out.path(), &["--collect"]).unwrap();
    assert!(files(out.path()) == before);
}

#[test]
fn a_program_with_a_sandbox_does_not_pass_for_a_release() {
    let out = Scratch::new("it").unwrap_or_else(must);
    let refused = package(out.path(), &[&this_build(), "--dynamic", "--try"]).unwrap_err();
    assert!(refused.contains("it knows `sandbox`"), "{refused}");
    assert!(files(out.path()).is_empty());
}

/// Packs this build into a mirror for both registries. Returns a core's settings that install from
/// it.
pub(crate) fn mirrored(mirror: &Path) -> String {
    // The layout that engines call packed: HOSTNAME/NAMESPACE/TYPE/, with the release's own names.
    let folder = |host| mirror.join(host).join("sessionops/session");
    package(&folder("registry.terraform.io"), &[&this_build(), "--dynamic"]).unwrap();
    std::fs::create_dir_all(folder("registry.opentofu.org")).unwrap();
    for name in files(&folder("registry.terraform.io")).keys() {
        let [from, to] = ["registry.terraform.io", "registry.opentofu.org"].map(folder);
        std::fs::hard_link(from.join(name), to.join(name)).unwrap();
    }
    format!("provider_installation {{\n  filesystem_mirror {{\n    path = {mirror:?}\n  }}\n}}\n")
}

#[tokio::test]
async fn an_engine_installs_the_archive_from_a_mirror_and_it_works() {
    let main = r#"
data "session_list_huaweicloud_dcs" "all" { instance_id = var.instance_id }
resource "session_termination_huaweicloud_dcs" "it" {
  instance_id = var.instance_id
  when        = "apply"
  all         = true
}
"#;
    let mirror = Scratch::new("it").unwrap_or_else(must);
    let settings = mirrored(mirror.path());
    for engine in few() {
        let stage = Stage::new(engine, main).await;
        let Fixture { core, .. } = &stage.fixture;
        let client = stage.client("app", "shop").await;
        stage.fixture.write("mirror.tfrc", &settings);
        let file = stage.fixture.dir().join("mirror.tfrc");
        let env = [("TF_CLI_CONFIG_FILE", file.to_str().unwrap())];
        for args in [&["init", "-no-color"][..], &["plan"], &["apply", "-auto-approve"]] {
            let told = core.run(stage.fixture.dir(), args, &env).await.unwrap_or_else(must);
            let said = told.text();
            assert_eq!(told.code, 0, "{}: {args:?}\n{said}", engine.name);
            assert!(!said.contains("development overrides"), "{said}");
            match args[0] {
                "init" => {
                    let installed = format!("Installed sessionops/session v{VERSION}");
                    assert!(said.contains(&installed), "{said}");
                }
                "plan" => assert!(said.contains(&client.address.to_string()), "{said}"),
                _ => assert_cut(&[&client], &[]).await,
            }
        }
        let lock =
            std::fs::read_to_string(stage.fixture.dir().join(".terraform.lock.hcl")).unwrap();
        assert!(
            lock.contains(&format!("version = \"{VERSION}\"")) && lock.contains("h1:"),
            "{lock}"
        );
    }
}
