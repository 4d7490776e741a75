//! Filters over what a list tells of a session: pure functions.
//!
//! A list entry may lack the datum that a criterion looks at: then nobody can say whether the
//! criterion holds. An empty text is a datum.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use unicode_normalization::UnicodeNormalization as _;

use super::Filter;
use crate::services::{Criterion, Field, Session, Spec};

/// A filter with the columns it looks at.
pub(super) struct Sieve<'a> {
    filter: &'a Filter,
    given: Vec<(Criterion, Option<&'static str>)>,
}

impl<'a> Sieve<'a> {
    pub(super) fn new(spec: &Spec, filter: &'a Filter) -> Sieve<'a> {
        let given = Criterion::ALL
            .into_iter()
            .filter(|criterion| is_given(filter, *criterion))
            .map(|criterion| (criterion, spec.column(criterion.role()).map(|column| column.name)))
            .collect();
        Sieve { filter, given }
    }

    /// Whether every given criterion holds, and there is one. None if that cannot be told.
    pub(super) fn all(&self, session: &Session) -> Option<bool> {
        let verdicts = || self.given.iter().map(|one| self.holds(*one, session));
        if self.given.is_empty() || verdicts().any(|verdict| verdict == Some(false)) {
            return Some(false);
        }
        verdicts().all(|verdict| verdict.is_some()).then_some(true)
    }

    /// Whether any given criterion holds. None if that cannot be told.
    pub(super) fn any(&self, session: &Session) -> Option<bool> {
        let verdicts = || self.given.iter().map(|one| self.holds(*one, session));
        if verdicts().any(|verdict| verdict == Some(true)) {
            return Some(true);
        }
        verdicts().all(|verdict| verdict.is_some()).then_some(false)
    }

    /// The given criteria that cannot be judged.
    pub(super) fn unknown<'s>(
        &'s self,
        session: &'s Session,
    ) -> impl Iterator<Item = Criterion> + 's {
        let unknown = self.given.iter().filter(|one| self.holds(**one, session).is_none());
        unknown.map(|(criterion, _)| *criterion)
    }

    /// Whether a criterion holds; None if the list does not tell what it looks at, or in no form
    /// that can be judged.
    fn holds(
        &self,
        (criterion, column): (Criterion, Option<&'static str>),
        session: &Session,
    ) -> Option<bool> {
        let field = session.fields.get(column?)?;
        let filter = self.filter;
        match criterion {
            Criterion::ClientCidrs => {
                let Field::Text(text) = field else { return None };
                if text.trim().is_empty() {
                    return Some(false);
                }
                let ip = client_ip(text)?;
                Some(filter.client_cidrs.iter().flatten().any(|net| net.contains(&ip)))
            }
            Criterion::Users => is_one_of(field, filter.users.as_ref()),
            Criterion::Databases => is_one_of(field, filter.databases.as_ref()),
            Criterion::Names => is_one_of(field, filter.names.as_ref()),
            Criterion::Commands => {
                let command = text(field)?.to_lowercase();
                let mut commands = filter.commands.iter().flatten();
                Some(commands.any(|one| alike(&one.to_lowercase(), &command)))
            }
            Criterion::MinIdle => lasts(field, filter.min_idle),
            Criterion::MinAge => lasts(field, filter.min_age),
        }
    }
}

fn is_given(filter: &Filter, criterion: Criterion) -> bool {
    fn some(values: Option<&BTreeSet<String>>) -> bool {
        values.is_some_and(|values| !values.is_empty())
    }
    match criterion {
        Criterion::ClientCidrs => filter.client_cidrs.as_ref().is_some_and(|nets| !nets.is_empty()),
        Criterion::Users => some(filter.users.as_ref()),
        Criterion::Databases => some(filter.databases.as_ref()),
        Criterion::Commands => some(filter.commands.as_ref()),
        Criterion::Names => some(filter.names.as_ref()),
        Criterion::MinIdle => filter.min_idle.is_some(),
        Criterion::MinAge => filter.min_age.is_some(),
    }
}

pub(super) fn text(field: &Field) -> Option<String> {
    match field {
        Field::Text(text) => Some(text.clone()),
        Field::Integer(number) => Some(number.to_string()),
        Field::Bool(_) => None,
    }
}

fn is_one_of(field: &Field, values: Option<&BTreeSet<String>>) -> Option<bool> {
    let text = text(field)?;
    Some(values.into_iter().flatten().any(|value| alike(value, &text)))
}

/// Whether two texts are the same to people: an accented letter may be one character or two. Cores
/// hand over the former, clouds list either. The only place that compares texts.
fn alike(one: &str, other: &str) -> bool {
    one == other || one.nfc().eq(other.nfc())
}

fn lasts(field: &Field, least: Option<Duration>) -> Option<bool> {
    let Field::Integer(seconds) = field else { return None };
    let seconds = u64::try_from(*seconds).map(Duration::from_secs);
    Some(seconds.is_ok_and(|seconds| least.is_some_and(|least| seconds >= least)))
}

/// The address in `ip`, `ip:port`, `[v6]` or `[v6]:port`; a v4 address in v6 clothes is v4.
pub(super) fn client_ip(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let whole = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    whole
        .parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|socket| socket.ip()))
        .ok()
        .map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::world::{session, spec};
    use crate::services::Everyone;

    fn set(values: &[&str]) -> Option<BTreeSet<String>> {
        Some(values.iter().map(|value| (*value).to_owned()).collect())
    }

    fn listed() -> Session {
        let mut one = session("n", "a", "app");
        one.fields.insert("addr", Field::Text("10.1.2.3:6379".to_owned()));
        one.fields.insert("db", Field::Integer(3));
        one.fields.insert("cmd", Field::Text("Client|List".to_owned()));
        one.fields.insert("idle", Field::Integer(60));
        one
    }

    #[test]
    fn every_given_criterion_must_hold_for_match_and_any_one_for_protect() {
        let none = Filter::default;
        let nets = |nets: &[&str]| Some(nets.iter().map(|net| net.parse().unwrap()).collect());
        let secs = |secs| Some(Duration::from_secs(secs));
        let spec = spec(1, Everyone::Never);
        let one = listed();
        let (yes, no, unknown) = (Some(true), Some(false), None);
        for (filter, all, any) in [
            (none(), no, no),
            (Filter { users: set(&[]), ..none() }, no, no),
            (Filter { users: set(&["app"]), ..none() }, yes, yes),
            (Filter { users: set(&["APP"]), ..none() }, no, no),
            (Filter { databases: set(&["3"]), ..none() }, yes, yes),
            (Filter { commands: set(&["client|list"]), ..none() }, yes, yes),
            (Filter { client_cidrs: nets(&["10.1.0.0/16"]), ..none() }, yes, yes),
            (Filter { client_cidrs: nets(&["10.2.0.0/16", "::/0"]), ..none() }, no, no),
            (Filter { min_idle: secs(60), ..none() }, yes, yes),
            (Filter { min_idle: Some(Duration::from_millis(60_001)), ..none() }, no, no),
            // The list does not tell name and age of this one.
            (Filter { names: set(&[""]), ..none() }, unknown, unknown),
            (Filter { min_age: secs(0), ..none() }, unknown, unknown),
            (Filter { users: set(&["app"]), min_age: secs(0), ..none() }, unknown, yes),
            (Filter { users: set(&["no"]), min_age: secs(0), ..none() }, no, unknown),
            (Filter { users: set(&["app"]), min_idle: secs(61), ..none() }, no, yes),
            (Filter { users: set(&["app"]), databases: set(&["3"]), ..none() }, yes, yes),
        ] {
            let sieve = Sieve::new(&spec, &filter);
            assert_eq!((sieve.all(&one), sieve.any(&one)), (all, any), "{filter:?}");
        }
    }

    #[test]
    fn an_empty_text_is_known_and_what_has_another_form_is_not() {
        let users = Filter { users: set(&["app", "7"]), ..Filter::default() };
        let accented = Filter { users: set(&["r\u{e9}n\u{e9}"]), ..Filter::default() };
        let nets = Some(vec!["0.0.0.0/0".parse().unwrap()]);
        let nets = Filter { client_cidrs: nets, ..Filter::default() };
        let idle = Filter { min_idle: Some(Duration::ZERO), ..Filter::default() };
        let text = |text: &str| Field::Text(text.to_owned());
        for (filter, column, field, expected) in [
            (&users, "user", text(""), Some(false)),
            (&accented, "user", text("re\u{301}ne\u{301}"), Some(true)),
            (&users, "user", Field::Integer(7), Some(true)),
            (&users, "user", Field::Bool(true), None),
            (&nets, "addr", text(""), Some(false)),
            (&nets, "addr", text("10.0.0.1:1"), Some(true)),
            (&nets, "addr", text("localhost:1"), None),
            (&nets, "addr", Field::Integer(1), None),
            (&idle, "idle", Field::Integer(0), Some(true)),
            (&idle, "idle", Field::Integer(-1), Some(false)),
            (&idle, "idle", text("0"), None),
        ] {
            let mut one = listed();
            one.fields.insert(column, field);
            let spec = spec(1, Everyone::Never);
            assert_eq!(
                Sieve::new(&spec, filter).any(&one),
                expected,
                "{:?}",
                one.fields.get(column)
            );
        }
    }

    #[test]
    fn a_client_address_is_read_in_every_form_that_clouds_use() {
        for (text, expected) in [
            ("10.0.0.1", Some("10.0.0.1")),
            ("10.0.0.1:6379", Some("10.0.0.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:db8::1]", Some("2001:db8::1")),
            ("[2001:db8::1]:6379", Some("2001:db8::1")),
            ("[::ffff:10.0.0.1]:6379", Some("10.0.0.1")),
            (" 10.0.0.1 ", Some("10.0.0.1")),
            ("", None),
            ("localhost:1", None),
            ("10.0.0.1:", None),
            ("10.0.0.1:70000", None),
            ("[10.0.0.1", None),
        ] {
            let expected = expected.map(|ip| ip.parse::<IpAddr>().unwrap());
            assert_eq!(client_ip(text), expected, "{text:?}");
        }
    }
}
