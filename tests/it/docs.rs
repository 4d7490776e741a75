//! Pages and examples equal what the code renders. `UPDATE=1` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use terraform_provider_session::framework::Provider as _;
use terraform_provider_session::provider::{SessionProvider, docs};
use terraform_provider_session::wire::Outside;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Everything that is rendered, and written if `UPDATE` asks for it: once, before any test reads.
fn rendered() -> &'static BTreeMap<String, String> {
    static RENDERED: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
        let mut files = docs::render();
        files.insert("README.md".to_owned(), readme());
        if std::env::var_os("UPDATE").is_some() {
            for (path, content) in &files {
                let file = root().join(path);
                fs::create_dir_all(file.parent().unwrap()).unwrap();
                fs::write(&file, content).unwrap();
            }
        }
        files
    });
    &RENDERED
}

/// The README with its table of services rendered.
fn readme() -> String {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let (head, rest) = text.split_once("<!-- services -->\n").expect("the table's begin");
    let (_, tail) = rest.split_once("<!-- /services -->").expect("the table's end");
    format!("{head}<!-- services -->\n{}<!-- /services -->{tail}", docs::service_table())
}

/// Every file below a folder, relative to the root.
fn stored(folder: &str) -> BTreeSet<String> {
    let mut folders: Vec<PathBuf> = vec![root().join(folder)];
    let mut files = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    files
}

#[test]
fn pages_examples_and_the_readme_are_what_the_code_renders() {
    let differs = |path: &str, content: &str| {
        fs::read_to_string(root().join(path)).ok().as_deref() != Some(content)
    };
    let stale: Vec<&String> = rendered()
        .iter()
        .filter(|(path, content)| differs(path, content))
        .map(|(path, _)| path)
        .collect();
    assert!(stale.is_empty(), "stale, run `UPDATE=1 cargo test --test it docs`: {stale:#?}");
}

#[test]
fn nothing_but_guides_and_scenarios_is_written_by_hand() {
    let rendered = rendered();
    let by_hand = ["docs/guides/", "examples/scenarios/"];
    let strangers: Vec<String> = stored("docs")
        .into_iter()
        .chain(stored("examples"))
        .filter(|path| !rendered.contains_key(path))
        .filter(|path| !by_hand.iter().any(|folder| path.starts_with(folder)))
        .collect();
    assert!(strangers.is_empty(), "nobody renders these: {strangers:#?}");
}

#[test]
fn pages_keep_the_registrys_rules() {
    let _ = rendered();
    let pages: Vec<String> =
        stored("docs").into_iter().filter(|path| !path.ends_with("/.gitkeep")).collect();
    assert!(pages.len() > 4);
    for path in pages {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        assert!(path.ends_with(".md"), "{path}");
        assert!(text.len() < 500_000, "{path}");
        let front = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n"));
        let (front, _) = front.unwrap_or_else(|| panic!("{path} has no front matter"));
        assert!(front.contains("page_title:"), "{path}");
        assert!(front.contains("description: |-\n"), "{path}");
        assert!(!front.contains("layout:") && !front.contains("sidebar_current:"), "{path}");
        let grouped = front.contains("subcategory:");
        assert!(!(grouped && path == "docs/index.md"), "{path}");
    }
}

/// A folder of pages, the title's end, and the faces whose pages stand there.
fn pages_by_kind() -> [(&'static str, &'static str, BTreeSet<String>); 4] {
    let provider = SessionProvider::new(Outside::real());
    macro_rules! names {
        ($faces:expr) => {
            $faces.iter().map(|face| face.type_name().to_owned()).collect()
        };
    }
    [
        ("docs/resources", "Resource", names!(provider.resources())),
        ("docs/data-sources", "Data Source", names!(provider.data_sources())),
        ("docs/ephemeral-resources", "Ephemeral Resource", names!(provider.ephemeral_resources())),
        ("docs/actions", "Action", names!(provider.actions())),
    ]
}

#[test]
fn every_face_has_its_page_where_the_registry_looks_for_it_and_no_other_page_is_there() {
    let mut expected: BTreeSet<String> = ["docs/index.md".to_owned()].into();
    for (folder, kind, names) in pages_by_kind() {
        for name in names {
            let short =
                name.strip_prefix("session_").expect("types begin with the provider's name");
            let path = format!("{folder}/{short}.md");
            let text = fs::read_to_string(root().join(&path)).unwrap_or_default();
            let headings = [&format!("# {name} ({kind})"), "## Example Usage", "## Schema"];
            for heading in headings {
                assert!(text.lines().any(|line| line == heading), "{path} lacks `{heading}`");
            }
            let cuts = kind != "Data Source";
            assert_eq!(text.lines().any(|line| line.starts_with("!> ")), cuts, "{path}: a warning");
            expected.insert(path);
        }
    }
    let guides = |path: &String| path.starts_with("docs/guides/") || path.ends_with("/.gitkeep");
    let found: BTreeSet<String> = stored("docs").into_iter().filter(|path| !guides(path)).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_changelog_names_every_face() {
    let text = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    for (_, kind, names) in pages_by_kind() {
        for name in names {
            let line = format!("* **New {kind}:** `{name}`");
            assert!(text.lines().any(|one| one == line), "CHANGELOG.md lacks `{line}`");
        }
    }
}
