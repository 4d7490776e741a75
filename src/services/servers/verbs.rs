//! What a client is doing, by the first word of its statement. Nothing else of a statement is shown
//! anywhere: it may hold passwords.

/// Words that say what is done and nothing about with what.
const VERBS: &[&str] = &[
    "abort",
    "alter",
    "analyze",
    "begin",
    "call",
    "checkpoint",
    "close",
    "cluster",
    "comment",
    "commit",
    "copy",
    "create",
    "deallocate",
    "declare",
    "delete",
    "discard",
    "do",
    "drop",
    "end",
    "execute",
    "explain",
    "fetch",
    "grant",
    "import",
    "insert",
    "listen",
    "load",
    "lock",
    "merge",
    "move",
    "notify",
    "prepare",
    "reassign",
    "refresh",
    "reindex",
    "release",
    "reset",
    "revoke",
    "rollback",
    "savepoint",
    "security",
    "select",
    "set",
    "show",
    "start",
    "table",
    "truncate",
    "unlisten",
    "update",
    "vacuum",
    "values",
    "with",
];

/// The verb of a first word: itself, if it is one of a fixed list, else `other`.
pub(super) fn verb(word: &str) -> &'static str {
    let same = |verb: &&&'static str| verb.eq_ignore_ascii_case(word);
    VERBS.iter().find(same).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_no_verb_is_not_repeated() {
        for (word, expected) in [
            ("SELECT", "select"),
            ("Insert", "insert"),
            ("hunter2", "other"),
            ("", "other"),
            ("selects", "other"),
        ] {
            assert_eq!(verb(word), expected);
        }
    }
}
