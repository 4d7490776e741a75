//! Reads the attributes of one object and collects everything that is wrong with them.
//!
//! Unknown values are never wrong: they only keep the reading from being complete.

use std::str::FromStr;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};

use crate::framework::{Diagnostics, Object, Path, Value};

/// What was read of a configuration.
#[derive(Debug)]
pub(super) struct Read<T> {
    /// None if something is wrong, or not known yet.
    pub(super) inputs: Option<T>,
    /// What is wrong.
    pub(super) diagnostics: Diagnostics,
}

impl<T> Read<T> {
    /// What was read, for whoever has to act on it now.
    ///
    /// # Errors
    /// What is wrong, or that something is not known: an engine acts on what it knows.
    pub(super) fn complete(self) -> Result<T, Diagnostics> {
        let mut diagnostics = self.diagnostics;
        self.inputs.ok_or_else(|| {
            if !diagnostics.has_errors() {
                diagnostics.error(
                    "An argument is not known yet",
                    "The block has to act, and the value of one of its arguments is still unknown. \
                     Nothing was done. This is a bug in Terraform, OpenTofu or the provider: \
                     please report it.",
                );
            }
            diagnostics
        })
    }
}

/// A reader over one object of a configuration.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    object: &'a Object,
    at: Path,
    diagnostics: Diagnostics,
    incomplete: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(object: &'a Object) -> Fields<'a> {
        Fields { object, at: Path::default(), diagnostics: Diagnostics::none(), incomplete: false }
    }

    /// The result, made by `build` if everything needed is known and right.
    pub(super) fn finish<T>(self, build: impl FnOnce() -> Option<T>) -> Read<T> {
        let sound = !self.incomplete && !self.diagnostics.has_errors();
        Read { inputs: if sound { build() } else { None }, diagnostics: self.diagnostics }
    }

    /// The path of the object itself.
    pub(super) fn here(&self) -> Path {
        self.at.clone()
    }

    /// The path of an attribute.
    pub(super) fn path(&self, name: &str) -> Path {
        self.at.attribute(name)
    }

    /// The attribute as it came.
    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name)
    }

    pub(super) fn is_unknown(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| *value == Value::Unknown)
    }

    /// Whether there is a value. One that is not known yet keeps the reading incomplete.
    pub(super) fn is_known(&mut self, name: &str) -> bool {
        self.known(name).is_some()
    }

    /// Whether something, known or not, was written.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| *value != Value::Null)
    }

    /// Records that an attribute's value will not do: `path` + ` ` + `must be …`.
    pub(super) fn wrong(&mut self, path: &Path, rule: String) {
        let detail = format!("`{path}` {rule}.");
        self.diagnostics.error_at(path.clone(), "Invalid argument", detail);
    }

    /// Records an error that no one attribute is to blame for.
    pub(super) fn error(&mut self, summary: &str, detail: String) {
        self.diagnostics.error(summary, detail);
    }

    /// A text, which must not be empty.
    pub(super) fn text(&mut self, name: &str) -> Option<&'a str> {
        let text = self.known(name)?.as_str()?;
        if text.trim().is_empty() {
            self.wrong(&self.path(name), "must not be empty".to_owned());
        }
        Some(text)
    }

    pub(super) fn bool(&mut self, name: &str) -> Option<bool> {
        self.known(name)?.as_bool()
    }

    /// One of a few words.
    pub(super) fn one_of<'w>(&mut self, name: &str, words: &[&'w str]) -> Option<&'w str> {
        let text = self.known(name)?.as_str()?;
        let found = words.iter().copied().find(|word| *word == text);
        if found.is_none() {
            let allowed: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
            let rule = format!("must be {}, not {text:?}", allowed.join(" or "));
            self.wrong(&self.path(name), rule);
        }
        found
    }

    /// A whole number of at least `least`.
    pub(super) fn whole_number(&mut self, name: &str, least: u64) -> Option<u64> {
        let Value::Number(given) = self.known(name)? else { return None };
        let number = given.to_i64().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| *number >= least);
        if number.is_none() {
            let rule =
                format!("must be a whole number of at least {least}, not {}", given.as_text());
            self.wrong(&self.path(name), rule);
        }
        number
    }

    /// A length of time like `"90s"` or `"1h30m"`.
    pub(super) fn duration(&mut self, name: &str) -> Option<Duration> {
        let text = self.known(name)?.as_str()?;
        let duration = humantime::parse_duration(text).ok();
        if duration.is_none() {
            let rule = format!("must be a duration like \"90s\" or \"1h30m\", not {text:?}");
            self.wrong(&self.path(name), rule);
        }
        duration
    }

    /// A set of texts: at least one, for `why`, none of them empty, and none with what a list split
    /// at commas or lines leaves at its ends. To take that off would be to guess.
    pub(super) fn texts(&mut self, name: &str, why: &str) -> Option<Vec<String>> {
        let items = self.known(name)?.as_list()?;
        let at = self.path(name);
        if items.is_empty() {
            self.wrong(&at, format!("must not be empty; {why}"));
        }
        let mut texts = Vec::new();
        for item in items {
            match item.as_str().filter(|text| !text.trim().is_empty()) {
                Some(text) if is_ragged(text) => {
                    let rule = "must not contain a text that begins or ends with a blank or holds a \
                                control character, like";
                    self.wrong(&at, format!("{rule} {text:?}: use `trimspace` on it"));
                }
                Some(text) => texts.push(text.to_owned()),
                None if *item == Value::Unknown => self.incomplete = true,
                None => self.wrong(&at, "must not contain an empty or null string".to_owned()),
            }
        }
        Some(texts)
    }

    /// A set of networks: at least one, for `why`.
    pub(super) fn networks(&mut self, name: &str, why: &str) -> Option<Vec<IpNet>> {
        let texts = self.texts(name, why)?;
        let at = self.path(name);
        let mut networks = Vec::new();
        for text in &texts {
            match IpNet::from_str(text) {
                Ok(network) => networks.push(canonical(network)),
                Err(_) => self.wrong(
                    &at,
                    format!(
                        "must contain networks like \"10.0.0.0/8\" or \"10.1.2.3/32\", not {text:?}"
                    ),
                ),
            }
        }
        Some(networks)
    }

    /// Reads the attributes of a nested object, if it is given and known.
    pub(super) fn inside<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
    ) -> Option<T> {
        let object = self.known(name)?.as_object()?;
        let mut inner = Fields { at: self.path(name), ..Fields::new(object) };
        let result = read(&mut inner);
        self.incomplete |= inner.incomplete;
        self.diagnostics.extend(inner.diagnostics);
        result
    }

    /// The attribute if it is known and not null.
    fn known(&mut self, name: &str) -> Option<&'a Value> {
        let value = self.object.get(name)?;
        self.incomplete |= *value == Value::Unknown;
        Some(value).filter(|value| value.is_known())
    }
}

/// Whether a text has what nobody means at its ends, or anywhere what nobody can see.
fn is_ragged(text: &str) -> bool {
    // Zero width, and the mark that some editors put before a file.
    let blank = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}');
    text.starts_with(blank) || text.ends_with(blank) || text.chars().any(char::is_control)
}

/// A network of IPv4 addresses in the clothes of IPv6 is one of IPv4: so are addresses compared.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(six) = network else { return network };
    let Some((four, length)) = six.addr().to_ipv4_mapped().zip(six.prefix_len().checked_sub(96))
    else {
        return network;
    };
    Ipv4Net::new(four, length).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_mapped_addresses_is_one_of_ipv4() {
        for (given, expected) in [
            ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
            ("::ffff:10.0.0.1/128", "10.0.0.1/32"),
            ("::/0", "::/0"),
            ("10.0.0.0/8", "10.0.0.0/8"),
        ] {
            let given: IpNet = given.parse().unwrap();
            assert_eq!(canonical(given), expected.parse::<IpNet>().unwrap(), "{given}");
        }
    }
}
