//! The plan of the house, checked: who imports whom, and what one more service costs.

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

#[test]
fn every_service_file_is_registered_under_its_own_name() {
    let known = ["error", "mod", "spec"];
    let files: BTreeSet<String> = fs::read_dir(src().join("services"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|stem| stem.contains('_') && !known.contains(&stem.as_str()))
        .collect();
    let registered: BTreeSet<String> =
        services::ALL.iter().map(|service| service.spec().name.to_owned()).collect();
    assert_eq!(files, registered);
}

#[test]
fn one_more_service_touches_one_new_file_and_its_registration() {
    let registration = src().join("services").join("mod.rs");
    for service in services::ALL {
        let name = service.spec().name;
        let own = src().join("services").join(format!("{name}.rs"));
        let mentioned: Vec<PathBuf> = rust_files(&src())
            .into_iter()
            // The demo tells the story of one service.
            .filter(|path| !path.starts_with(src().join("demo")))
            // What stands in tests may name an example, here and below.
            .filter(|path| path.file_name().is_none_or(|name| name != "tests.rs"))
            .filter(|path| {
                let text = fs::read_to_string(path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                code.take_while(|line| !line.contains("#[cfg(test)]"))
                    .any(|line| line.contains(name))
            })
            .collect();
        assert_eq!(mentioned, [own, registration.clone()], "files that know {name}");
    }
}

#[test]
fn every_service_belongs_to_a_cloud_of_the_provider_block() {
    for service in services::ALL {
        let spec = service.spec();
        assert!(spec.name.starts_with(&format!("{}_", spec.cloud)), "{}", spec.name);
        let cloud = terraform_provider_session::cloud::find(spec.cloud);
        assert!(cloud.is_some(), "{} is of no cloud", spec.name);
    }
}
