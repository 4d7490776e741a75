//! Which of the listed sessions a request means: pure functions.
//!
//! A session whose list entry lacks the datum that a criterion looks at does not match it, neither
//! for `match` nor for `protect`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Filter, Guards, Halt, Request, Selection, Survey};
use crate::services::{Criterion, Field, Session, Spec};

/// Resolves the selection over `sessions`, which are sorted and hold each session once.
pub(super) fn select(spec: &Spec, request: &Request, sessions: Vec<Session>) -> Survey {
    let protect = request.guards.protect.as_ref().map(|filter| Sieve::new(spec, filter));
    let matching = match &request.selection {
        Selection::Match(filter) => Some(Sieve::new(spec, filter)),
        Selection::Ids(_) | Selection::All => None,
    };
    let mut survey = Survey::default();
    for (index, session) in sessions.iter().enumerate() {
        let meant = match &request.selection {
            Selection::All => true,
            Selection::Ids(ids) => ids.contains(&session.id),
            Selection::Match(_) => matching.as_ref().is_some_and(|sieve| sieve.all(session)),
        };
        if !meant {
            continue;
        }
        if protect.as_ref().is_some_and(|sieve| sieve.any(session)) {
            survey.protected.push(index);
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
    survey.sessions = sessions;
    survey
}

/// Why nothing of what was found may be ended, if so.
pub(super) fn guard(spec: &Spec, guards: &Guards, survey: &Survey) -> Option<Halt> {
    if let Some(id) = survey.several_nodes.first() {
        return Some(Halt::SameIdOnSeveralNodes(id.clone()));
    }
    let selected = survey.selected.len() as u64;
    if let Some(allowed) = guards.max_sessions
        && selected > allowed.get()
    {
        return Some(Halt::TooMany { selected, allowed: allowed.get() });
    }
    if spec.limits.batch == 0 && selected > 0 {
        let protect = guards.protect.as_ref().map(|filter| Sieve::new(spec, filter));
        if protect.is_some_and(|sieve| survey.sessions.iter().any(|one| sieve.any(one))) {
            return Some(Halt::ProtectedInTheWay);
        }
        if survey.selected.len() < survey.sessions.len() {
            return Some(Halt::NotSelective);
        }
    }
    None
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

    /// Whether every given criterion holds, and there is one.
    fn all(&self, session: &Session) -> bool {
        !self.given.is_empty() && self.given.iter().all(|one| self.holds(*one, session))
    }

    /// Whether any given criterion holds.
    fn any(&self, session: &Session) -> bool {
        self.given.iter().any(|one| self.holds(*one, session))
    }

    fn holds(
        &self,
        (criterion, column): (Criterion, Option<&'static str>),
        session: &Session,
    ) -> bool {
        let Some(field) = column.and_then(|name| session.fields.get(name)) else { return false };
        let filter = self.filter;
        match criterion {
            Criterion::ClientCidrs => address(field).is_some_and(|ip| {
                filter.client_cidrs.iter().flatten().any(|net| net.contains(&ip))
            }),
            Criterion::Users => is_one_of(field, filter.users.as_ref()),
            Criterion::Databases => is_one_of(field, filter.databases.as_ref()),
            Criterion::Names => is_one_of(field, filter.names.as_ref()),
            Criterion::Commands => text(field).is_some_and(|command| {
                let command = command.to_lowercase();
                filter.commands.iter().flatten().any(|one| one.to_lowercase() == command)
            }),
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

fn is_one_of(field: &Field, values: Option<&BTreeSet<String>>) -> bool {
    text(field).is_some_and(|text| values.is_some_and(|values| values.contains(&text)))
}

fn lasts(field: &Field, least: Option<Duration>) -> bool {
    match (field, least) {
        (Field::Integer(seconds), Some(least)) => {
            u64::try_from(*seconds).is_ok_and(|seconds| Duration::from_secs(seconds) >= least)
        }
        _ => false,
    }
}

fn address(field: &Field) -> Option<IpAddr> {
    match field {
        Field::Text(text) => client_ip(text),
        Field::Integer(_) | Field::Bool(_) => None,
    }
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
