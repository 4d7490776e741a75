//! Every example is a valid configuration, on the newest core and on the oldest that knows its
//! blocks.

use std::fs;
use std::path::{Path, PathBuf};

use crate::terraform::fixture::{Fixture, core, newest, on};
use crate::terraform::lineup::is_opentofu;

/// Every folder below `examples` that holds a configuration.
fn folders() -> Vec<PathBuf> {
    let mut all = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")];
    let mut at = 0;
    while let Some(folder) = all.get(at) {
        let inner = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut inner: Vec<PathBuf> = inner.filter(|path| path.is_dir()).collect();
        inner.sort();
        all.extend(inner);
        at += 1;
    }
    all.retain(|folder| !files(folder).is_empty());
    all
}

/// The configuration files of a folder, name and text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension().is_some_and(|it| it == "tf"));
    let named = |path: PathBuf| {
        (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
    };
    paths.map(named).collect()
}

/// The oldest pinned cores that know the blocks.
const RESOURCES: &str = "1.6.6";
const EPHEMERALS: &str = "1.10.5";
const ACTIONS: &str = "1.14.9";

/// The oldest pinned core that knows the blocks of a configuration.
fn oldest(files: &[(String, String)]) -> &'static str {
    let has = |block: &str| {
        files.iter().flat_map(|(_, text)| text.lines()).any(|line| line.starts_with(block))
    };
    if has("action ") {
        ACTIONS
    } else if has("ephemeral ") {
        EPHEMERALS
    } else {
        RESOURCES
    }
}

#[tokio::test]
async fn every_example_is_valid() {
    let folders = folders();
    assert!(folders.len() > 10, "{folders:?}");
    let oldest_ones = [RESOURCES, EPHEMERALS, ACTIONS].map(core);
    on(oldest_ones.into_iter().chain(newest()), async |engine| {
        let newest = newest().iter().any(|one| one.name == engine.name);
        for folder in &folders {
            let files = files(folder);
            let first = oldest(&files);
            let tried = if newest {
                first != ACTIONS || !is_opentofu(engine)
            } else {
                engine.name == format!("Terraform {first}")
            };
            if !tried {
                continue;
            }
            let fixture = Fixture::new(engine, "");
            for (name, text) in &files {
                fixture.write(name, text);
            }
            let told = fixture.run(&["validate"]).await;
            let context = format!("{} on {}", folder.display(), engine.name);
            assert_eq!(told.code, 0, "{context}:\n{}", told.text());
        }
    })
    .await;
}
