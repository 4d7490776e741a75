//! The plan of the house, checked: who imports whom, and what one more service costs.

mod circles;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use terraform_provider_session::services;

/// Every Rust file below a folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The names between backticks.
fn quoted(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The table of `ARCHITECTURE.md`: room, and the rooms it may import.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let text = fs::read_to_string(src().join("ARCHITECTURE.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|');
        let room = quoted(cells.next().unwrap()).pop_first().unwrap();
        (room, quoted(cells.next().unwrap()))
    })
    .collect()
}

#[test]
fn every_room_stands_in_the_table_and_imports_only_what_the_table_allows() {
    let allowed = allowed();
    let rooms: BTreeSet<String> = fs::read_dir(src())
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    assert_eq!(rooms, allowed.keys().cloned().collect(), "rooms in src/ and in the table");

    let mut wrong = Vec::new();
    for (room, may) in &allowed {
        for file in rust_files(&src().join(room)) {
            for (number, line) in fs::read_to_string(&file).unwrap().lines().enumerate() {
                let code = line.split("//").next().unwrap_or_default();
                for import in code.split("crate::").skip(1) {
                    let to: String = import
                        .chars()
                        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                        .collect();
                    if allowed.contains_key(&to) && to != *room && !may.contains(&to) {
                        wrong.push(format!("{}:{}: {room} -> {to}", file.display(), number + 1));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "imports against the table:\n{}", wrong.join("\n"));
}

/// The folder of the services of a platform, and of one in it. A kind of server is its platform.
fn place(spec: &services::Spec) -> (&'static str, &'static str) {
    if spec.name == spec.platform {
        return ("servers", spec.name);
    }
    let product = spec.name.strip_prefix(spec.platform).and_then(|rest| rest.strip_prefix('_'));
    (spec.platform, product.unwrap())
}

fn folder(spec: &services::Spec) -> PathBuf {
    let (platform, product) = place(spec);
    src().join("services").join(platform).join(product)
}

#[test]
fn every_folder_of_a_service_is_registered_under_its_own_name() {
    let platforms: BTreeSet<_> = services::ALL.iter().map(|one| place(one.spec).0).collect();
    let found: BTreeSet<PathBuf> = platforms
        .into_iter()
        .flat_map(|platform| fs::read_dir(src().join("services").join(platform)).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    let registered = services::ALL.iter().map(|service| folder(service.spec)).collect();
    assert_eq!(found, registered);
}

#[test]
fn one_more_service_touches_one_new_folder_and_its_registration() {
    let registration = src().join("services");
    for service in services::ALL {
        let spec = service.spec;
        let (name, own) = (spec.name, folder(spec));
        let (platform, product) = place(spec);
        // The name of a kind of server is a word like any other, and its platform's.
        let by_path = name == spec.platform;
        let known = if by_path { format!("{platform}::{product}") } else { name.to_owned() };
        let named = |path: &PathBuf| {
            let text = fs::read_to_string(path).unwrap();
            let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
            // What stands in tests may name an example.
            code.take_while(|line| !line.contains("#[cfg(test)]"))
                .any(|line| line.contains(&*known))
        };
        let mentioned: Vec<PathBuf> = rust_files(&src())
            .into_iter()
            // The demo tells the story of some services, and tests need an example.
            .filter(|path| !path.starts_with(src().join("demo")))
            .filter(|path| !is_test(path))
            .filter(named)
            .filter(|path| !path.starts_with(&own))
            .filter(|path| !by_path || *path != registration.join("mod.rs"))
            .collect();
        assert_eq!(mentioned, [] as [PathBuf; 0], "files that know {name}");
        let lines = |path: PathBuf, wanted: &str| {
            let text = fs::read_to_string(path).unwrap();
            text.lines().filter(|line| line.contains(wanted)).count()
        };
        let list = lines(registration.join("mod.rs"), &format!("{platform}::{product}::"));
        let module = lines(registration.join(platform).join("mod.rs"), &format!("mod {product};"));
        assert_eq!((list, module), (1, 1), "the registration of {name}");
    }
}

#[test]
fn every_service_belongs_to_a_platform_of_the_provider_block() {
    for service in services::ALL {
        let spec = service.spec;
        let platform = terraform_provider_session::access::find(spec.platform);
        assert!(platform.is_some(), "{} is of no platform", spec.name);
    }
}

/// The licences that `deny.toml` allows.
fn allowed_licences() -> BTreeSet<String> {
    let text = fs::read_to_string(src().join("../deny.toml")).unwrap();
    let (_, list) = text.split_once("\nallow = [").unwrap();
    let (list, _) = list.split_once("\n]").unwrap();
    list.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Whether an SPDX expression can be met with these licences: every part between `AND` has one
/// among its `OR`. Parts in brackets must be `OR`s, as they are in all crates that we use.
fn may_be_used(expression: &str, allowed: &BTreeSet<String>) -> bool {
    // `/` is the old way to write `OR`. `WITH` adds permissions only.
    let plain = expression.replace(" / ", "/").replace('/', " OR ");
    let one = |licence: &str| {
        let name = licence.split(" WITH ").next().unwrap_or(licence);
        allowed.contains(name.trim_matches(['(', ')', ' ']))
    };
    let bracketed = plain.contains('(');
    if bracketed || !plain.contains(" AND ") {
        plain.split(" AND ").all(|part| part.split(" OR ").any(one))
    } else {
        plain.split(" OR ").any(|part| part.split(" AND ").all(one))
    }
}

#[test]
fn licence_expressions_are_read_as_they_are_meant() {
    let allowed: BTreeSet<String> = ["MIT", "ISC"].map(str::to_owned).into();
    let cases = [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("GPL-3.0-only/MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("ISC AND (GPL-3.0-only OR MIT)", true),
        ("ISC AND (GPL-3.0-only OR Zlib)", false),
        ("MIT WITH some-exception", true),
    ];
    for (expression, answer) in cases {
        assert_eq!(may_be_used(expression, &allowed), answer, "{expression}");
    }
}

#[test]
fn every_dependency_has_a_licence_that_is_allowed_and_comes_from_the_registry() {
    let allowed = allowed_licences();
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let platform = format!("--filter-platform={}-unknown-linux-gnu", std::env::consts::ARCH);
    let told = std::process::Command::new(cargo)
        .args(["metadata", "--format-version=1", "--locked", "--offline", &platform])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).unwrap();
    let packages = told["packages"].as_array().unwrap();
    assert!(packages.len() > 50);
    for package in packages {
        let (name, licence) = (&package["name"], package["license"].as_str().unwrap_or("none"));
        assert!(may_be_used(licence, &allowed), "{name}: {licence}");
        let source = package["source"].as_str();
        assert!(source.is_none_or(|source| source.starts_with("registry+")), "{name}: {source:?}");
    }
}

/// Whether a file below `src` holds tests only.
fn is_test(path: &Path) -> bool {
    path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests")
}

/// Files that may be longer than others, each with why.
const LONG: [(&str, &str); 2] = [
    ("engine/tests/world.rs", "one world that the engine's tests and its model play in"),
    ("sandbox/huaweicloud/identity.rs", "one front door: IAM, STS and metadata share their keys"),
];

#[test]
fn no_file_is_longer_than_anybody_reads_at_once() {
    let mut long = Vec::new();
    let mut lengths = Vec::new();
    for file in rust_files(&src()) {
        let length = fs::read_to_string(&file).unwrap().lines().count();
        lengths.push(length);
        if length > 500 {
            long.push(file.strip_prefix(src()).unwrap().to_str().unwrap().to_owned());
        }
    }
    assert_eq!(long, LONG.map(|(file, _)| file), "files over 500 lines");
    lengths.sort_unstable();
    let ninetieth = lengths[lengths.len() * 9 / 10];
    assert!(ninetieth <= 300, "nine files of ten are shorter than {ninetieth} lines");
}
