//! No two files need each other: what does is one thing, or shares a third.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{rust_files, src};

/// A module's path, like `["access", "aws", "sts"]`.
type Path = Vec<String>;

/// The module that a file below `src` is.
fn module(file: &str) -> Path {
    let path = file.strip_suffix(".rs").unwrap();
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// The paths of a `use`, its braces opened.
fn opened(text: &str) -> Vec<String> {
    let Some((before, rest)) = text.split_once('{') else { return vec![text.to_owned()] };
    let inner = rest.strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut parts, mut part) = (0, Vec::new(), String::new());
    for letter in inner.chars() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(std::mem::take(&mut part));
                continue;
            }
            _ => {}
        }
        part.push(letter);
    }
    parts.push(part);
    let parts = parts.iter().filter(|part| !part.is_empty());
    parts.flat_map(|part| opened(part)).map(|part| format!("{before}{part}")).collect()
}

/// What a file imports, its tests apart.
fn imports(text: &str) -> Vec<String> {
    let text = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = text.split_inclusive('\n').map(|line| {
        let line = line.trim_start();
        line.strip_prefix("pub use ").or_else(|| line.strip_prefix("use ")).map_or_else(
            || line.split_once(") use ").map_or(line, |(_, rest)| rest).to_owned(),
            |rest| format!("\u{1}{rest}"),
        )
    });
    let joined: String = lines.collect();
    let uses = joined.split('\u{1}').skip(1).filter_map(|text| text.split(';').next());
    uses.flat_map(|text| opened(&text.split_whitespace().collect::<String>())).collect()
}

/// The module that an import leads to, if it is another one's, and neither lies in the other.
fn target(from: &Path, import: &str, all: &BTreeSet<Path>) -> Option<Path> {
    let mut path = from.clone();
    let mut parts = import.split("::").peekable();
    match parts.next()? {
        "crate" => path.clear(),
        "super" => drop(path.pop()),
        "self" => {}
        _ => return None,
    }
    while parts.next_if_eq(&"super").is_some() {
        path.pop();
    }
    for part in parts {
        path.push(part.to_owned());
        if !all.contains(&path) {
            path.pop();
            break;
        }
    }
    let related = path.starts_with(from) || from.starts_with(&path);
    (!related && all.contains(&path)).then_some(path)
}

/// The shortest way from a module back to it.
fn circle(from: &Path, arrows: &BTreeMap<Path, BTreeSet<Path>>) -> Option<Vec<Path>> {
    let mut ways = VecDeque::from([vec![from.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(way) = ways.pop_front() {
        for next in &arrows[way.last()?] {
            if next == from {
                return Some(way);
            }
            if seen.insert(next) {
                ways.push_back(way.iter().chain([next]).cloned().collect());
            }
        }
    }
    None
}

#[test]
fn no_two_files_need_each_other() {
    let files: Vec<_> = rust_files(&src())
        .into_iter()
        .filter(|file| !file.components().any(|part| part.as_os_str() == "tests"))
        .map(|file| (file.strip_prefix(src()).unwrap().display().to_string(), file))
        .filter(|(name, _)| !["lib.rs", "main.rs"].contains(&name.as_str()))
        .collect();
    let all: BTreeSet<Path> = files.iter().map(|(name, _)| module(name)).collect();
    let arrows = files.iter().map(|(name, file)| {
        let from = module(name);
        let imports = imports(&std::fs::read_to_string(file).unwrap());
        let to = imports.iter().filter_map(|import| target(&from, import, &all)).collect();
        (from, to)
    });
    let arrows: BTreeMap<Path, BTreeSet<Path>> = arrows.collect();
    let count: usize = arrows.values().map(BTreeSet::len).sum();
    assert!(count > all.len(), "{count} arrows between {} files: they are not read", all.len());
    let mut circles: Vec<Vec<Path>> = all.iter().filter_map(|from| circle(from, &arrows)).collect();
    circles.sort_by_key(Vec::len);
    let first = circles
        .first()
        .map(|way| way.iter().map(|path| path.join("/")).collect::<Vec<_>>().join(" -> "));
    assert_eq!(first, None, "the shortest of them");
}
