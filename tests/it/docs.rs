//! Pages and examples equal what the code renders. `UPDATE=1` writes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use terraform_provider_session::demo::PINS;
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
    let _ = rendered();
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

/// The targets of a page's relative links, code left aside.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    let targets = prose.flat_map(|line| line.split("](").skip(1));
    let targets = targets.filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

#[test]
fn every_relative_link_leads_somewhere() {
    let _ = rendered();
    let pages = stored("docs").into_iter().chain(stored("examples"));
    let others = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "BENCHMARKS.md"];
    let pages = pages.chain(others.map(str::to_owned)).filter(|path| path.ends_with(".md"));
    let (mut checked, mut broken) = (0, Vec::new());
    for page in pages {
        let text = fs::read_to_string(root().join(&page)).unwrap();
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let there = root().join(&page).parent().unwrap().join(file).exists();
            let named = !file.is_empty() || text.contains(&format!("<a id=\"{anchor}\"></a>"));
            checked += 1;
            if !(there && named) {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty() && checked > 100, "{checked} links, broken: {broken:#?}");
}

#[test]
fn every_page_leads_on_to_guides_and_to_the_services_other_pages() {
    for (path, text) in rendered().iter().filter(|(path, _)| path.ends_with(".md")) {
        let links = links(text);
        let leads = |part: &str| links.iter().filter(|link| link.contains(part)).count();
        match path.as_str() {
            "README.md" => {}
            "docs/index.md" => {
                let guides = stored("docs/guides");
                assert_eq!(leads("guides/"), guides.len() + 3, "{path}: each once, three again");
            }
            _ => {
                let short = path.rsplit_once("termination_").or(path.rsplit_once("list_"));
                let (_, service) = short.expect("pages are named like their types");
                assert_eq!(leads(service), 3, "{path}: the service's other three pages");
                assert!(leads("../guides/") > 0 && leads("../index.md") == 1, "{path}");
            }
        }
    }
}

#[test]
fn guides_are_called_what_they_call_themselves() {
    let index = &rendered()["docs/index.md"];
    for path in stored("docs/guides") {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        let title = text.lines().find_map(|line| line.strip_prefix("page_title: ")).unwrap();
        let name = path.strip_prefix("docs/").unwrap();
        let line = format!("- [{}]({name})", title.trim_matches('"'));
        assert!(index.lines().any(|one| one == line), "docs/index.md lacks `{line}`");
    }
}

#[test]
fn the_guide_on_what_is_verified_names_every_engine_that_is_pinned() {
    let guide = include_str!("../../docs/guides/verified.md");
    let pins: Vec<&str> = PINS.iter().map(|pin| pin.core).collect();
    assert!(guide.contains(&format!("interrupt: {},", pins.join(", "))), "{pins:?}");
}
