//! What a machine cannot run: told by its name, and a failure where nothing may be missing.

/// Set where nothing that Debian packs may be missing.
const WHOLE: &str = "SESSION_TESTS_WHOLE";

/// Says that something did not run, past the harness' capture, so that nobody may think that it did.
///
/// # Panics
/// Nothing may be missing here.
pub(crate) fn tell(what: &str, packages: &str) {
    let told = format!("{what} did NOT run: install Debian's {packages}\n");
    std::io::Write::write_all(&mut std::io::stdout(), told.as_bytes()).unwrap();
    assert!(std::env::var_os(WHOLE).is_none(), "{told}");
}
