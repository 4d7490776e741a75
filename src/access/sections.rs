//! Files of sections with keys, as the tools of clouds and servers keep their logins.

/// Reads one; None if it is none. A password may hold anything, so nothing is an escape, a quote or a
/// comment behind a value.
pub(super) fn read(text: &str) -> Option<ini::Ini> {
    let options = ini::ParseOption {
        enabled_quote: false,
        enabled_escape: false,
        ..ini::ParseOption::default()
    };
    ini::Ini::load_from_str_opt(text, options).ok()
}
