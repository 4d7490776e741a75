//! The program as release archives hold it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::table::Figure;

/// The name of the program.
const NAME: &str = "terraform-provider-session";

/// No larger, in bytes: 16.7 MiB.
const GOAL: u64 = 167 * (1 << 20) / 10;

/// Builds it, in the target folder of this bench, and says where it is.
pub(crate) fn build() -> PathBuf {
    crate::tell("the program of release archives is being built");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--release", "--no-default-features", "--bin", NAME])
        .arg("--message-format=json-render-diagnostics")
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(told.status.success(), "it does not build");
    let text = String::from_utf8(told.stdout).unwrap();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let built: Vec<PathBuf> =
        lines.filter_map(|line| line["executable"].as_str().map(PathBuf::from)).collect();
    let [built] = built.as_slice() else { panic!("one program is built, not {built:?}") };
    // Cargo puts the program with the sandbox, of an ordinary build, at the same place.
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shipped");
    std::fs::create_dir_all(&kept).unwrap();
    let kept = kept.join(built.file_name().unwrap());
    std::fs::copy(built, &kept).unwrap();
    kept
}

/// How large it is.
pub(crate) fn size(program: &Path) -> Figure {
    let size = program.metadata().unwrap().len();
    let own = std::env::current_exe().unwrap().metadata().unwrap().len();
    let shown = |size: u64| format!("{:.1} MiB", size as f64 / f64::from(1 << 20));
    Figure {
        name: "program, stripped".into(),
        measured: shown(size),
        goal: Some((format!("< {}", shown(GOAL)), size < GOAL)),
        beside: format!("this bench, with the sandbox: {}", shown(own)),
    }
}
