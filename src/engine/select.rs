//! Which of the listed sessions a request means: pure functions.
//!
//! A list entry may lack the datum that a criterion looks at: then nobody can say whether the
//! criterion holds. Such a session is not matched, which is told; and if `protect` might save it,
//! nothing is ended at all. An empty text is a datum.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Filter, Guards, Halt, Request, Selection, Survey};
use crate::services::{Criterion, Everyone, Field, Node, Session, Spec};

/// How many sessions a guard names at most.
const MOST_NAMED: usize = 20;

/// Each session once, sorted by node and id. A list that moves may show one twice, a moment apart:
/// then the entry counts that `protect` saves, or else might save.
pub(super) fn once(spec: &Spec, request: &Request, mut sessions: Vec<Session>) -> Vec<Session> {
    let protect = request.guards.protect.as_ref().map(|filter| Sieve::new(spec, filter));
    let saved = |session: &Session| match protect.as_ref().map(|sieve| sieve.any(session)) {
        Some(Some(true)) => 0,
        Some(None) => 1,
        Some(Some(false)) | None => 2,
    };
    sessions.sort_by(|a, b| a.place().cmp(&b.place()).then_with(|| saved(a).cmp(&saved(b))));
    sessions.dedup_by(|later, first| later.place() == first.place());
    sessions
}

/// Resolves the selection over `sessions`, which are sorted and hold each session once.
pub(super) fn select(
    spec: &Spec,
    request: &Request,
    nodes: &[Node],
    sessions: Vec<Session>,
) -> Survey {
    let protect = request.guards.protect.as_ref().map(|filter| Sieve::new(spec, filter));
    let matching = match &request.selection {
        Selection::Match(filter) => Some(Sieve::new(spec, filter)),
        Selection::Ids(_) | Selection::All => None,
    };
    // A call that names nobody ends also what cannot be ended by name.
    let reached = in_one_call(spec, request, nodes);
    let named = matches!(request.selection, Selection::Ids(_));
    let mut survey = Survey::default();
    let mut unjudged: BTreeMap<Criterion, usize> = BTreeMap::new();
    for (index, session) in sessions.iter().enumerate() {
        let meant = match &request.selection {
            Selection::All => true,
            Selection::Ids(ids) => ids.contains(&session.id),
            Selection::Match(_) => matching.as_ref().is_some_and(|sieve| {
                let verdict = sieve.all(session);
                if verdict.is_none() {
                    for criterion in sieve.unknown(session) {
                        *unjudged.entry(criterion).or_default() += 1;
                    }
                }
                verdict == Some(true)
            }),
        };
        if !meant {
            continue;
        }
        if protect.as_ref().is_some_and(|sieve| sieve.any(session) == Some(true)) {
            survey.protected.push(index);
        } else if session.unkillable.is_some() && !reached && !named {
            survey.beyond.push(index);
        } else {
            survey.selected.push(index);
        }
    }
    if let Selection::Ids(ids) = &request.selection {
        let mut nodes: BTreeMap<&str, u32> = ids.iter().map(|id| (id.0.as_str(), 0)).collect();
        for session in &sessions {
            if let Some(count) = nodes.get_mut(session.id.0.as_str()) {
                *count += 1;
            }
        }
        for (id, count) in nodes {
            match count {
                0 => survey.missing.push(id.to_owned()),
                1 => {}
                _ => survey.several_nodes.push(id.to_owned()),
            }
        }
    }
    survey.all = matches!(request.selection, Selection::All);
    survey.unjudged = unjudged.into_iter().collect();
    survey.sessions = sessions;
    survey
}

/// Whether one call that names nobody is right: there is no other way, or all are meant, no guard
/// could be hurt by a session that was not listed, and the call cannot reach beyond what was
/// listed.
pub(super) fn in_one_call(spec: &Spec, request: &Request, nodes: &[Node]) -> bool {
    let reach = match spec.limits.everyone {
        Everyone::Never => false,
        // A single node with an id may be a part of an instance that must stay untouched.
        Everyone::Target => nodes.len() > 1 || nodes.iter().all(|node| node.id.is_empty()),
        Everyone::NodeOrTarget => true,
    };
    spec.limits.batch == 0 || (reach && request.means_everyone())
}

/// Why a run on what was found would end nothing, if so.
pub fn guard(spec: &Spec, guards: &Guards, survey: &Survey) -> Option<Halt> {
    if let Some(id) = survey.several_nodes.first() {
        return Some(Halt::SameIdOnSeveralNodes(id.clone()));
    }
    let selected = survey.selected.len() as u64;
    if let Some(allowed) = guards.max_sessions
        && selected > allowed.get()
    {
        return Some(Halt::TooMany { selected, allowed: allowed.get() });
    }
    let protect = guards.protect.as_ref().map(|filter| Sieve::new(spec, filter));
    if spec.limits.batch == 0 && selected > 0 {
        let saves =
            |sieve: &Sieve<'_>| survey.sessions.iter().any(|one| sieve.any(one) == Some(true));
        if protect.as_ref().is_some_and(saves) {
            return Some(Halt::ProtectedInTheWay);
        }
        if survey.selected.len() < survey.sessions.len() {
            return Some(Halt::NotSelective);
        }
    }
    let guarded = protect.is_some() || guards.max_sessions.is_some();
    if survey.unseen > 0 && selected > 0 && (guarded || (spec.limits.batch == 0 && !survey.all)) {
        return Some(Halt::Unseen { listed: survey.sessions.len(), unseen: survey.unseen });
    }
    unjudged(spec, &protect?, survey)
}

/// Whether `protect` might save a session that would be ended, if only the list told more of it.
fn unjudged(spec: &Spec, protect: &Sieve<'_>, survey: &Survey) -> Option<Halt> {
    let would_end = |one: &&Session| one.unkillable.is_none() || spec.limits.batch == 0;
    let ended = survey.selected.iter().map(|&at| &survey.sessions[at]).filter(would_end);
    let doubted: Vec<&Session> = ended.filter(|one| protect.any(one).is_none()).collect();
    let criterion = protect.unknown(doubted.first()?).next()?;
    let lacking = doubted.iter().filter(|one| protect.unknown(one).any(|it| it == criterion));
    Some(Halt::Unjudged {
        criterion,
        sessions: lacking.clone().count(),
        first: lacking.take(MOST_NAMED).map(|one| (*one).clone()).collect(),
    })
}

/// A filter with the columns it looks at.
struct Sieve<'a> {
    filter: &'a Filter,
    given: Vec<(Criterion, Option<&'static str>)>,
}

impl<'a> Sieve<'a> {
    fn new(spec: &Spec, filter: &'a Filter) -> Sieve<'a> {
        let given = Criterion::ALL
            .into_iter()
            .filter(|criterion| is_given(filter, *criterion))
            .map(|criterion| (criterion, spec.column(criterion.role()).map(|column| column.name)))
            .collect();
        Sieve { filter, given }
    }

    /// Whether every given criterion holds, and there is one. None if that cannot be told.
    fn all(&self, session: &Session) -> Option<bool> {
        let verdicts = || self.given.iter().map(|one| self.holds(*one, session));
        if self.given.is_empty() || verdicts().any(|verdict| verdict == Some(false)) {
            return Some(false);
        }
        verdicts().all(|verdict| verdict.is_some()).then_some(true)
    }

    /// Whether any given criterion holds. None if that cannot be told.
    fn any(&self, session: &Session) -> Option<bool> {
        let verdicts = || self.given.iter().map(|one| self.holds(*one, session));
        if verdicts().any(|verdict| verdict == Some(true)) {
            return Some(true);
        }
        verdicts().all(|verdict| verdict.is_some()).then_some(false)
    }

    /// The given criteria that cannot be judged.
    fn unknown<'s>(&'s self, session: &'s Session) -> impl Iterator<Item = Criterion> + 's {
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
                Some(filter.commands.iter().flatten().any(|one| one.to_lowercase() == command))
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

fn text(field: &Field) -> Option<String> {
    match field {
        Field::Text(text) => Some(text.clone()),
        Field::Integer(number) => Some(number.to_string()),
        Field::Bool(_) => None,
    }
}

fn is_one_of(field: &Field, values: Option<&BTreeSet<String>>) -> Option<bool> {
    let text = text(field)?;
    Some(values.is_some_and(|values| values.contains(&text)))
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
    use crate::engine::tests::world::{ids, play, session, spec};
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
        let nets = Some(vec!["0.0.0.0/0".parse().unwrap()]);
        let nets = Filter { client_cidrs: nets, ..Filter::default() };
        let idle = Filter { min_idle: Some(Duration::ZERO), ..Filter::default() };
        let text = |text: &str| Field::Text(text.to_owned());
        for (filter, column, field, expected) in [
            (&users, "user", text(""), Some(false)),
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

    #[test]
    fn of_a_session_that_is_listed_twice_the_entry_counts_that_protect_saves() {
        let spec = spec(1, Everyone::Never);
        let mut request = play(Selection::All).request;
        let mut untold = session("n", "b", "app");
        untold.fields.remove("user");
        let listed = || {
            vec![
                session("n", "b", "app"),
                session("n", "a", "app"),
                untold.clone(),
                session("m", "a", "app"),
                session("n", "a", "admin"),
            ]
        };
        let users = |request: &Request| {
            let text = |one: Session| {
                one.fields.get("user").map_or("-".to_owned(), |it| text(it).unwrap())
            };
            once(&spec, request, listed()).into_iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(users(&request), ["app", "app", "app"]);
        request.guards.protect = Some(Filter { users: set(&["admin"]), ..Filter::default() });
        assert_eq!(users(&request), ["app", "admin", "-"]);
    }

    #[test]
    fn protected_wins_over_selected_and_named_ids_that_are_not_live_are_missing() {
        let spec = spec(1, Everyone::Never);
        let mut request = play(ids(&["a", "b", "x", "twice"])).request;
        let users = set(&["admin"]);
        request.guards.protect = Some(Filter { users, ..Filter::default() });
        let sessions = vec![
            session("m", "twice", "app"),
            session("n", "a", "app"),
            session("n", "b", "admin"),
            session("n", "c", "app"),
            session("n", "twice", "app"),
        ];
        let survey = select(&spec, &request, &[], sessions);
        assert_eq!(survey.selected, [0, 1, 4]);
        assert_eq!(survey.protected, [2]);
        assert_eq!(survey.missing, ["x"]);
        assert_eq!(survey.several_nodes, ["twice"]);
    }
}
