//! The section of a service file that `PGSERVICE` names.
//! <https://www.postgresql.org/docs/current/libpq-pgservice.html>

use std::collections::BTreeMap;

use crate::access::sections;

/// The keys of a section. None if the file has no such section, or is none.
pub(super) fn section(text: &str, name: &str) -> Option<BTreeMap<String, String>> {
    let file = sections::read(text)?;
    let section = file.section(Some(name))?;
    Some(section.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_gives_its_keys_as_they_stand() {
        let text = "# all\n[one]\nhost=a\n[two]\nhost=b\npassword=x\"y\\z #;\n";
        let two = section(text, "two").unwrap();
        assert_eq!(two["host"], "b");
        assert_eq!(two["password"], "x\"y\\z #;");
        assert_eq!(section(text, "three"), None);
        assert_eq!(section("[", "x"), None);
    }
}
