//! Where a run works: two whose scopes overlap may meet the same sessions, and disturb each other's
//! scans.

use super::{Spec, Target};

/// Whether an argument tells parts of a server apart whose sessions one list shows together, or is
/// no more than the word for all of them.
fn is_within(spec: &Spec, name: &str) -> bool {
    name == "database" || spec.width.is_some_and(|width| width.whole == name)
}

/// A service, a place and what of a target tells it apart from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    service: &'static str,
    region: Option<String>,
    target: Target,
}

impl Scope {
    /// That of a target in a region, which is None where there are none.
    pub fn new(spec: &'static Spec, region: Option<&str>, target: &Target) -> Scope {
        Scope {
            service: spec.name,
            region: region.map(str::to_owned),
            target: Target(
                target.0.iter().filter(|(name, _)| !is_within(spec, name)).map(own).collect(),
            ),
        }
    }

    /// Whether a session of the one may be one of the other: unless an argument that both give
    /// differs. Which instance a node is of is not known here.
    pub fn overlaps(&self, other: &Scope) -> bool {
        let differ = |(name, value): (&&'static str, &String)| {
            other.target.get(name).is_some_and(|theirs| theirs != value)
        };
        (self.service, &self.region) == (other.service, &other.region)
            && !self.target.0.iter().any(differ)
    }

    /// Its text, the same for equal scopes.
    pub fn key(&self) -> String {
        let region = self.region.as_deref().unwrap_or_default();
        let target = self.target.0.iter().map(|(name, value)| format!("/{name}={value}"));
        format!("{}/{region}{}", self.service, target.collect::<String>())
    }

    /// One of a service for tests.
    #[cfg(test)]
    pub(crate) fn for_test(target: &[(&'static str, &str)]) -> Scope {
        let target = target.iter().map(|(name, value)| (*name, (*value).to_owned()));
        Scope { service: "fake", region: None, target: Target(target.collect()) }
    }
}

fn own((name, value): (&&'static str, &String)) -> (&'static str, String) {
    (*name, value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_overlap_unless_what_both_name_differs() {
        let one = |target: &[(&'static str, &str)]| Scope::for_test(target);
        for (a, b, expected) in [
            (one(&[("instance_id", "i")]), one(&[("instance_id", "i")]), true),
            (one(&[("instance_id", "i")]), one(&[("instance_id", "j")]), false),
            (one(&[("instance_id", "i"), ("node_id", "n")]), one(&[("instance_id", "i")]), true),
            (one(&[("instance_id", "i"), ("node_id", "n")]), one(&[("node_id", "m")]), false),
            // Whose node it is nobody knows.
            (one(&[("node_id", "n")]), one(&[("instance_id", "i")]), true),
            (one(&[]), one(&[("instance_id", "i")]), true),
        ] {
            assert_eq!((a.overlaps(&b), b.overlaps(&a)), (expected, expected), "{a:?} {b:?}");
        }
        let elsewhere = Scope { region: Some("r".to_owned()), ..one(&[]) };
        assert!(!elsewhere.overlaps(&one(&[])));
    }
}
