//! Which engines there are to run on, and which of the known ones there are not.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use terraform_provider_session::demo::{Engine, Error, PINS, Workshop};

use super::fixture::must;

/// Names programs of engines beside those that are pinned and those on PATH, separated as PATH is.
/// `.ci/engines` builds some and prints them.
const MORE: &str = "SESSION_ENGINES";

/// Every pinned core, oldest first, then those that [`MORE`] names, then what is on PATH.
pub(crate) fn engines() -> &'static [Engine] {
    static ALL: OnceLock<Vec<Engine>> = OnceLock::new();
    ALL.get_or_init(|| {
        let workshop = Workshop::here();
        let pinned = PINS.iter().map(|pin| Engine::pinned(&workshop, pin.core));
        let mut all = pinned.collect::<Result<Vec<_>, Error>>().unwrap_or_else(must);
        let more = std::env::var_os(MORE).unwrap_or_default();
        let more = std::env::split_paths(&more).filter(|path| !path.as_os_str().is_empty());
        all.extend(more.map(|program| Engine::at(program).unwrap_or_else(must)));
        all.extend(Engine::on_path(&workshop).unwrap_or_else(must));
        tell(&all);
        all
    })
}

/// Says once, past the harness' capture, which engines run, and by name which known ones do not.
fn tell(all: &[Engine]) {
    let there: BTreeSet<&str> = all.iter().map(|engine| engine.name.as_str()).collect();
    let missing: Vec<String> = built().filter(|name| !there.contains(name.as_str())).collect();
    let mut text = format!("\nEngines: {}.\n", there.into_iter().collect::<Vec<_>>().join(", "));
    if !missing.is_empty() {
        let names = missing.join(", ");
        text.push_str(&format!(
            "NOT run: {names}. `.ci/engines` builds them; `{MORE}=$(.ci/engines --list) cargo test` \
             runs on them, too.\n"
        ));
    }
    std::io::stdout().write_all(text.as_bytes()).unwrap();
}

/// The names of the engines that are built from Go modules.
fn built() -> impl Iterator<Item = String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/engines");
    let mut folders: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders.into_iter().map(|folder| {
        let text = std::fs::read_to_string(folder.join("go.mod")).unwrap();
        let version = |module: &str| {
            let required = format!("\t{module} v");
            let found = text.lines().find_map(|line| line.strip_prefix(&required));
            found.and_then(|rest| rest.split(' ').next()).map(str::to_owned)
        };
        let tofu = version("github.com/opentofu/opentofu").map(|one| format!("OpenTofu {one}"));
        let name = tofu.or_else(|| {
            version("github.com/hashicorp/terraform").map(|one| format!("Terraform {one}"))
        });
        name.unwrap_or_else(|| panic!("no engine in {}", folder.display()))
    })
}

/// The pinned core of a version.
pub(crate) fn core(version: &str) -> &'static Engine {
    let named = |engine: &&Engine| engine.name == format!("Terraform {version}");
    engines().iter().find(named).unwrap()
}

pub(crate) fn is_opentofu(engine: &Engine) -> bool {
    engine.name.starts_with("OpenTofu")
}

/// Whether an engine is one of those on PATH, and not one that the tests brought.
pub(crate) fn is_on_path(engine: &Engine) -> bool {
    static THERE: OnceLock<Vec<PathBuf>> = OnceLock::new();
    let there = THERE.get_or_init(|| {
        let found = Engine::on_path(&Workshop::here()).unwrap_or_else(must);
        found.into_iter().map(|engine| engine.program).collect()
    });
    engine.leading.is_empty() && there.contains(&engine.program)
}

/// The newest Terraform and, where there is one, the newest OpenTofu.
pub(crate) fn newest() -> Vec<&'static Engine> {
    let of = |opentofu: bool| {
        let ours = engines().iter().filter(move |engine| is_opentofu(engine) == opentofu);
        ours.max_by_key(|engine| engine.version)
    };
    of(false).into_iter().chain(of(true)).collect()
}

/// The oldest core, the newest of both, and what is on PATH: enough where cores hardly differ.
pub(crate) fn few() -> Vec<&'static Engine> {
    let mut few = vec![&engines()[0]];
    for engine in newest().into_iter().chain(engines().iter().filter(|one| is_on_path(one))) {
        if few.iter().all(|other| other.program != engine.program || other.name != engine.name) {
            few.push(engine);
        }
    }
    few
}
