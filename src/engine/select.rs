//! Which of the listed sessions a request means, and whether its guards let it go on: pure
//! functions.
//!
//! Where a list does not tell what a criterion looks at, a session is not matched, which is told;
//! and if `protect` might save it, nothing is ended at all.

use std::collections::{BTreeMap, HashMap};

use super::same::{Clock, Sighting};
use super::sieve::Sieve;
use super::{Guards, Halt, Known, Request, Selection, Survey};
use crate::services::{Criterion, Everyone, Node, Session, Spec};

/// How many sessions a guard names at most.
const MOST_NAMED: usize = 20;

/// What a request says of one session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The selection does not mean it.
    Other,
    /// It would have to be known better to be matched.
    Unmatched,
    /// It is meant, and protected.
    Protected,
    /// It is meant, and might be protected, if only the list told more of it.
    Doubted,
    /// It is meant by `all` or by criteria, and the API cannot end it.
    Beyond,
    /// It is to be ended.
    Meant,
}

/// A request, ready to judge sessions.
pub(super) struct Judge<'a> {
    request: &'a Request,
    /// What an earlier run has resolved, by id.
    known: HashMap<&'a str, Vec<&'a Known>>,
    protect: Option<Sieve<'a>>,
    matching: Option<Sieve<'a>>,
    /// Whether calls name nobody, and so end also what has no name.
    pub(super) everyone: bool,
    clock: Clock,
}

impl<'a> Judge<'a> {
    pub(super) fn new(
        spec: &Spec,
        request: &'a Request,
        everyone: bool,
        clock: Clock,
    ) -> Judge<'a> {
        let matching = match &request.selection {
            Selection::Match(filter) => Some(Sieve::new(spec, filter)),
            Selection::Ids(_) | Selection::All => None,
        };
        let protect = request.guards.protect.as_ref().map(|filter| Sieve::new(spec, filter));
        let mut known: HashMap<&str, Vec<&Known>> = HashMap::new();
        for one in &request.known {
            known.entry(&one.id).or_default().push(one);
        }
        Judge { request, known, protect, matching, everyone, clock }
    }

    /// What is to be done with a session as it stands now.
    pub(super) fn verdict(&self, one: &Sighting) -> Verdict {
        let session = &one.session;
        match &self.request.selection {
            Selection::All => {}
            Selection::Ids(ids) if ids.contains(&session.id) && self.is_known(one) => {}
            Selection::Ids(_) => return Verdict::Other,
            Selection::Match(_) => match self.matching.as_ref().map(|it| it.all(session)) {
                Some(Some(true)) => {}
                Some(None) => return Verdict::Unmatched,
                Some(Some(false)) | None => return Verdict::Other,
            },
        }
        let named = matches!(self.request.selection, Selection::Ids(_));
        match self.protect.as_ref().map(|sieve| sieve.any(session)) {
            Some(Some(true)) => Verdict::Protected,
            _ if session.unkillable.is_some() && !self.everyone && !named => Verdict::Beyond,
            Some(None) if session.unkillable.is_none() || self.everyone => Verdict::Doubted,
            Some(None | Some(false)) | None => Verdict::Meant,
        }
    }

    /// Whether an id that an earlier run has resolved still names the session that it meant.
    fn is_known(&self, one: &Sighting) -> bool {
        let known = self.known.get(one.session.id.0.as_str());
        known.is_none_or(|known| known.iter().any(|known| known.is(one, self.clock)))
    }

    /// Which entry of a list counts, of two that show one session a moment apart: the one that
    /// `protect` saves, or else might save, or else the later.
    fn saved(&self, session: &Session) -> u8 {
        match self.protect.as_ref().map(|sieve| sieve.any(session)) {
            Some(Some(true)) => 0,
            Some(None) => 1,
            Some(Some(false)) | None => 2,
        }
    }

    /// Each session once, sorted by node and id. Of two that had one id, one after the other, the
    /// later.
    pub(super) fn once(&self, mut sightings: Vec<Sighting>) -> Vec<Sighting> {
        // The sort is stable: those of one place stay in the order in which they were shown.
        sightings.sort_by(|a, b| a.session.place().cmp(&b.session.place()));
        sightings.dedup_by(|later, first| {
            if later.session.place() != first.session.place() {
                return false;
            }
            if !first.is(later) || self.saved(&later.session) <= self.saved(&first.session) {
                std::mem::swap(later, first);
            }
            true
        });
        sightings
    }

    /// Resolves the selection over sightings that are sorted and hold each session once. The
    /// survey's `sessions` are left empty: its indexes are those of `sightings`.
    pub(super) fn select(&self, sightings: &[Sighting]) -> Survey {
        let mut survey = Survey::default();
        let mut unjudged: BTreeMap<Criterion, usize> = BTreeMap::new();
        for (index, one) in sightings.iter().enumerate() {
            match self.verdict(one) {
                Verdict::Other => {}
                Verdict::Unmatched => {
                    for criterion in self.matching.iter().flat_map(|it| it.unknown(&one.session)) {
                        *unjudged.entry(criterion).or_default() += 1;
                    }
                }
                Verdict::Protected => survey.protected.push(index),
                Verdict::Beyond => survey.beyond.push(index),
                Verdict::Doubted | Verdict::Meant => survey.selected.push(index),
            }
        }
        if let Selection::Ids(ids) = &self.request.selection {
            let mut nodes: BTreeMap<&str, u32> = ids.iter().map(|id| (id.0.as_str(), 0)).collect();
            for one in sightings.iter().filter(|one| self.is_known(one)) {
                if let Some(count) = nodes.get_mut(one.session.id.0.as_str()) {
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
        survey.ours = survey.selected.iter().filter(|at| sightings[**at].session.ours).count();
        survey.all = matches!(self.request.selection, Selection::All);
        survey.unjudged = unjudged.into_iter().collect();
        survey
    }
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
    let sessions: Vec<&Session> = survey.sessions.iter().map(|one| &**one).collect();
    guard_over(spec, guards, survey, &sessions)
}

/// The same for a survey whose indexes are those of `sessions`.
pub(super) fn guard_over(
    spec: &Spec,
    guards: &Guards,
    survey: &Survey,
    sessions: &[&Session],
) -> Option<Halt> {
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
        let saves = |sieve: &Sieve<'_>| sessions.iter().any(|one| sieve.any(one) == Some(true));
        if protect.as_ref().is_some_and(saves) {
            return Some(Halt::ProtectedInTheWay);
        }
        if survey.selected.len() < sessions.len() {
            return Some(Halt::NotSelective);
        }
    }
    let guarded = protect.is_some() || guards.max_sessions.is_some();
    if survey.unseen > 0 && selected > 0 && (guarded || (spec.limits.batch == 0 && !survey.all)) {
        return Some(Halt::Unseen { listed: sessions.len(), unseen: survey.unseen });
    }
    unjudged(spec, &protect?, survey, sessions)
}

/// Whether `protect` might save a session that would be ended, if only the list told more of it.
fn unjudged(
    spec: &Spec,
    protect: &Sieve<'_>,
    survey: &Survey,
    sessions: &[&Session],
) -> Option<Halt> {
    let would_end = |one: &&Session| one.unkillable.is_none() || spec.limits.batch == 0;
    let ended = survey.selected.iter().map(|&at| sessions[at]).filter(would_end);
    let doubted: Vec<&Session> = ended.filter(|one| protect.any(one).is_none()).collect();
    let criterion = protect.unknown(doubted.first()?).next()?;
    let lacking = doubted.iter().filter(|one| protect.unknown(one).any(|it| it == criterion));
    Some(Halt::Unjudged {
        criterion,
        sessions: lacking.clone().count(),
        first: lacking.take(MOST_NAMED).map(|one| (*one).clone()).collect(),
    })
}

#[cfg(test)]
mod tests;
