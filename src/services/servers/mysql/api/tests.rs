use super::*;

#[test]
fn only_a_right_on_everything_shows_every_database() {
    for (grant, expected) in [
        ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", true),
        ("GRANT PROCESS, SHOW DATABASES, SUPER ON *.* TO `ops`@`%`", true),
        ("GRANT PROCESS ON *.* TO `ops`@`%`", false),
        ("GRANT ALL PRIVILEGES ON `shop`.* TO `ops`@`%`", false),
        ("GRANT USAGE ON *.* TO `a ON *.* TO b`@`%`", false),
    ] {
        assert_eq!(shows_all(grant), expected, "{grant}");
    }
}

#[test]
fn a_server_that_was_started_anew_is_another() {
    let server = |name: &str, started| Server {
        mariadb: true,
        by_schema: false,
        name: name.into(),
        started,
        folds_names: false,
        us: String::new(),
    };
    assert!(server("a", 100).is(&server("a", 102)));
    assert!(!server("a", 100).is(&server("a", 103)));
    assert!(!server("a", 100).is(&server("b", 100)));
}
