use super::*;

fn line(session: &str) -> AuditLine {
    AuditLine {
        time: "2026-01-02T03:04:05.000Z".to_owned(),
        kind: "session",
        run: "r".to_owned(),
        session: Some(session.to_owned()),
        outcome: Some("terminated"),
        ..AuditLine::default()
    }
}

#[test]
fn a_line_is_one_json_object_without_what_does_not_apply() {
    let folder = tempfile::tempdir().unwrap();
    let file = AuditFile { path: folder.path().join("log.jsonl") };
    file.append(&[line("a\nb")]).unwrap();
    file.append(&[line("c")]).unwrap();
    let text = std::fs::read_to_string(&file.path).unwrap();
    let mut lines = text.lines();
    assert_eq!(
        lines.next().unwrap(),
        r#"{"time":"2026-01-02T03:04:05.000Z","kind":"session","run":"r","face":"","address":"","target":"","session":"a\nb","outcome":"terminated"}"#
    );
    assert_eq!(lines.count(), 1);
}

#[test]
fn a_line_that_a_crash_has_torn_does_not_swallow_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let file = AuditFile { path: folder.path().join("log.jsonl") };
    file.append(&[line("a")]).unwrap();
    let mut text = std::fs::read_to_string(&file.path).unwrap();
    text.push_str("{\"time\":\"2026-01-02T03:0");
    std::fs::write(&file.path, &text).unwrap();
    file.append(&[line("b")]).unwrap();
    file.append(&[line("c")]).unwrap();
    let text = std::fs::read_to_string(&file.path).unwrap();
    let whole = |line: &&str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    let (good, torn): (Vec<&str>, Vec<&str>) = text.lines().partition(whole);
    assert_eq!((good.len(), torn.len()), (3, 1), "{text}");
}

#[cfg(unix)]
#[test]
fn the_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let file = AuditFile { path: folder.path().join("log.jsonl") };
    file.append(&[line("a")]).unwrap();
    let mode = std::fs::metadata(&file.path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[cfg(unix)]
#[test]
fn the_folder_of_a_new_file_is_synced_wherever_that_is() {
    for (path, expected) in [("/a/b.jsonl", "/a"), ("b.jsonl", "."), ("/b", "/"), ("a/b", "a")] {
        assert_eq!(folder(Path::new(path)), Path::new(expected));
    }
    let folder = tempfile::tempdir().unwrap();
    assert!(sync_folder(&folder.path().join("log.jsonl")).is_ok());
    assert!(sync_folder(&folder.path().join("absent/log.jsonl")).is_err());
}

#[cfg(unix)]
#[test]
fn what_cannot_be_synced_is_no_place_for_a_record() {
    let file = AuditFile { path: PathBuf::from("/dev/null") };
    assert!(file.append(&[line("a")]).unwrap_err().starts_with("`/dev/null`: "));
}

#[test]
fn a_file_that_cannot_be_opened_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = AuditFile { path: folder.path().join("absent/log.jsonl") };
    let error = file.append(&[line("a")]).unwrap_err();
    assert!(error.contains("absent"), "{error}");
}

#[test]
fn several_writers_do_not_mix_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.jsonl");
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let file = AuditFile { path: path.clone() };
            scope.spawn(move || {
                for _ in 0..5 {
                    let name = format!("{writer}").repeat(5000);
                    file.append(&[line(&name), line(&name)]).unwrap();
                }
            });
        }
    });
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 40);
    let whole = |line: &str| serde_json::from_str::<serde_json::Value>(line).is_ok();
    assert!(text.lines().all(whole));
}
