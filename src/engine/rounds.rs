//! The rounds of a run: ask, look, ask again for what is left, until nothing is open.
//!
//! A target is worked on in [`Area`]s that go round side by side: one per node, or one for
//! everything where one call ends it all. Before anybody is named again, or named late, he is
//! judged on his newest entry in a list.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::ask::{Answer, Ask, Group};
use super::entry::{Entry, Standing};
use super::fresh::{FRESH, Freshness, Judged};
use super::ledger::{self, Book};
use super::patience::Patience;
use super::run::{Trouble, lock};
use super::select::{Judge, Verdict};
use super::{Event, Halt, Request, Selection, Verify};
use crate::services::{Everyone, Node};

/// Most single sessions that are asked for by themselves after one look.
const MOST_FOUND: usize = 50;

/// A part of the target that is worked on by itself.
pub(super) struct Area {
    /// Its nodes: one, or all where one call ends everything.
    pub(super) nodes: Vec<Node>,
    /// Whether its first call names no session.
    everyone: bool,
    /// Whether the next call is one that names nobody.
    pub(super) sweeps: Mutex<bool>,
    fresh: Mutex<Freshness>,
}

/// The ending part of one run.
pub(super) struct Rounds<'a> {
    pub(super) ask: Ask<'a>,
    pub(super) request: &'a Request,
    pub(super) judge: &'a Judge<'a>,
    /// Whether newcomers are ended too: then looks are spaced.
    pub(super) chases: AtomicBool,
}

impl Rounds<'_> {
    /// Ends the selected sessions of all nodes, and reads the target until nobody can have been
    /// missed.
    pub(super) async fn all(&self, nodes: &[Node]) {
        let areas = self.areas(nodes);
        if !self.record_first(&areas).await {
            return;
        }
        join_all(areas.iter().map(|area| self.go_round(area))).await;
        let mut known = nodes.to_vec();
        while let Some(new) = self.new_nodes(&known).await {
            let areas: Vec<Area> = new.iter().map(|node| area(vec![node.clone()], false)).collect();
            join_all(areas.iter().map(|area| self.go_round(area))).await;
            known.extend(new);
        }
    }

    /// Writes down whom the first calls of all areas will name, at one go. False if that fails.
    async fn record_first(&self, areas: &[Area]) -> bool {
        let groups: Vec<Group> = areas.iter().flat_map(|area| self.next(area)).collect();
        // Over the cap all together, though no area is.
        if !self.is_within_cap(&groups) {
            return false;
        }
        groups.is_empty() || self.ask.record(&groups).await
    }

    /// One area from the first call to the last look.
    async fn go_round(&self, area: &Area) {
        let run = self.ask.run;
        let mut patience = Patience::default();
        loop {
            let groups = self.next(area);
            if !groups.is_empty() && (run.is_over() || !self.ask.record(&groups).await) {
                run.over(None);
                return;
            }
            let answers = join_all(groups.into_iter().map(|group| async move {
                let judged = match group.everyone {
                    false => Judged::ByName,
                    true if self.request.means_everyone() => Judged::Everyone,
                    true => Judged::ByGuards,
                };
                let answer = self.ask.ask(&group, || lock(&area.fresh).begin(judged)).await;
                (group, answer)
            }))
            .await;
            self.heed(area, &answers);
            if !self.needs_look(area) {
                return;
            }
            let looks = self.must_look(area, &answers);
            if !patience.pass(run, answers.iter().map(|(_, answer)| answer)).await {
                self.lapse(&answers);
                return;
            }
            if !looks && lock(&area.fresh).arrived.elapsed() <= FRESH {
                continue; // what is known is fresh enough to ask once more
            }
            let awaited =
                answers.iter().any(|(_, it)| matches!(it, Answer::Stale | Answer::Again(_)));
            if let Err(trouble) = self.look(area, awaited).await {
                self.lapse(&answers);
                self.give_up(area, trouble);
                return;
            }
            self.settle(area, &answers);
            patience.waiting = !self.waits_for_call(area);
        }
    }

    /// One area per node, or one for all.
    fn areas(&self, nodes: &[Node]) -> Vec<Area> {
        if self.judge.everyone {
            let arrived = self.ask.ledger.with(|book| {
                let arrived = nodes.iter().filter_map(|node| book.arrived(&node.id));
                arrived.min()
            });
            return vec![area_since(nodes.to_vec(), true, arrived)];
        }
        let one = |node: &Node| {
            let arrived = self.ask.ledger.with(|book| book.arrived(&node.id));
            area_since(vec![node.clone()], false, arrived)
        };
        nodes.iter().map(one).collect()
    }

    /// The calls to make now.
    fn next(&self, area: &Area) -> Vec<Group> {
        if self.ask.run.is_over() {
            return Vec::new();
        }
        let groups = self.ask.ledger.with(|book| {
            let members = members(book, area);
            if *lock(&area.sweeps) {
                let due: Vec<usize> =
                    members.into_iter().filter(|at| is_due(&book.entries[*at])).collect();
                if due.is_empty() {
                    return Vec::new();
                }
                if let Some(halt) = self.in_the_way(book, area) {
                    self.ask.run.stop(halt);
                    return Vec::new();
                }
                return vec![self.everyone(area, due)];
            }
            let due: Vec<usize> = members
                .into_iter()
                .filter(|at| is_due(&book.entries[*at]) && self.has_name(&book.entries[*at]))
                .collect();
            self.batches(book, area, &due)
        });
        if !self.is_within_cap(&groups) {
            return Vec::new();
        }
        groups
    }

    /// The call that names nobody, aimed at the node if there is but one.
    fn everyone(&self, area: &Area, members: Vec<usize>) -> Group {
        let node = match (area.nodes.as_slice(), self.ask.run.spec.limits.everyone) {
            ([node], Everyone::NodeOrTarget) if !node.id.is_empty() => Some(node.clone()),
            _ => None,
        };
        Group { node, members, everyone: true }
    }

    /// As few calls as can name all of these. Whom we may lack the right to end goes alone, after
    /// the others.
    fn batches(&self, book: &Book, area: &Area, due: &[usize]) -> Vec<Group> {
        let forbidden = |at: &usize| book.entries[*at].sighting.session.forbidden.is_some();
        let others: Vec<usize> = due.iter().copied().filter(|at| !forbidden(at)).collect();
        let now = if others.is_empty() { due } else { &others };
        let mut by_place: BTreeMap<(&str, usize), Vec<usize>> = BTreeMap::new();
        for &at in now {
            let entry = &book.entries[at];
            let node = entry.sighting.session.node.as_str();
            by_place.entry((node, entry.company)).or_default().push(at);
        }
        let batch = self.ask.run.spec.limits.batch.max(1);
        let groups = by_place.into_iter().flat_map(|((id, company), members)| {
            let node = area.nodes.iter().find(|node| node.id == id).cloned();
            let chunks = members.chunks(batch.min(company).max(1)).map(<[usize]>::to_vec);
            let group = |members| Group { node: node.clone(), members, everyone: false };
            chunks.map(group).collect::<Vec<_>>()
        });
        groups.collect()
    }

    /// Whether `max_sessions` allows for whom these calls name, beside whom others have. If not,
    /// nothing more is ended.
    fn is_within_cap(&self, groups: &[Group]) -> bool {
        let Some(allowed) = self.request.guards.max_sessions else { return true };
        let named = self.ask.ledger.with(|book| {
            let new = groups.iter().flat_map(|group| &group.members);
            let new = new.filter(|at| !book.entries[**at].recorded).count();
            book.entries.iter().filter(|entry| entry.recorded).count() + new
        });
        let selected = named as u64;
        let within = selected <= allowed.get();
        if !within {
            self.ask.run.stop(Halt::TooMany { selected, allowed: allowed.get() });
        }
        within
    }

    /// Takes note of answers that concern whole calls.
    fn heed(&self, area: &Area, answers: &[(Group, Answer)]) {
        self.ask.ledger.with(|book| {
            for (group, answer) in answers {
                match answer {
                    Answer::Again(error) => {
                        for &at in &group.members {
                            book.entries[at].note_id(error);
                        }
                    }
                    Answer::Stale => {}
                    Answer::Settled | Answer::Unsure(_) | Answer::Narrow(_) if group.everyone => {
                        *lock(&area.sweeps) = false;
                    }
                    Answer::Settled | Answer::Unsure(_) | Answer::Narrow(_) => {}
                }
            }
        });
    }

    /// Whether anything can only go on after a look.
    fn must_look(&self, area: &Area, answers: &[(Group, Answer)]) -> bool {
        let again = |answer: &Answer| matches!(answer, Answer::Again(_));
        answers.is_empty()
            || area.everyone
            || !answers.iter().all(|(_, answer)| again(answer) || matches!(answer, Answer::Settled))
            || !answers.iter().any(|(_, answer)| again(answer))
    }

    /// Lists the nodes of an area again where that can tell anything, and asks for single sessions
    /// where a list proves nothing.
    async fn look(&self, area: &Area, awaited: bool) -> Result<(), Trouble> {
        let run = self.ask.run;
        if self.chases.load(Ordering::Relaxed) && !self.space_looks(&area.nodes).await {
            return Err(run.over(None));
        }
        let left = self
            .ask
            .ledger
            .with(|book| book.entries.iter().filter(|entry| entry.is_open()).count());
        run.observer.observe(Event::Verifying { left });
        let nodes = area.nodes.iter().filter(|node| self.is_unsettled(area, node));
        let found = join_all(nodes.map(|node| async move {
            let mut reading = run.read(node).await?;
            let (doubtful, changed) = self.ask.ledger.with(|book| {
                book.take_in(&mut reading, self.judge);
                let changed = book.other_server(&reading);
                let doubtful = if reading.is_steady() { Vec::new() } else { unseen(book, node) };
                (doubtful, changed)
            });
            if let Some(error) = changed {
                run.stop(Halt::Failed(error));
            }
            self.find(node, doubtful).await?;
            Ok::<_, Trouble>(reading.arrived)
        }))
        .await;
        let mut earliest: Option<Instant> = None;
        for arrived in found {
            let arrived = arrived?;
            earliest = Some(earliest.map_or(arrived, |known| known.min(arrived)));
        }
        let arrived = earliest.unwrap_or_else(Instant::now);
        *lock(&area.fresh) = Freshness { arrived, awaited, began: None };
        Ok(())
    }

    /// Asks for single sessions that an unsteady reading lacks, where the API can.
    async fn find(&self, node: &Node, doubtful: Vec<usize>) -> Result<(), Trouble> {
        let run = self.ask.run;
        if !run.sessions.can_find() {
            return Ok(());
        }
        let found = join_all(doubtful.into_iter().take(MOST_FOUND).map(|at| async move {
            let whom = self.ask.ledger.with(|book| book.entries[at].sighting.clone());
            let found = run.find(node, &whom).await?;
            self.ask.ledger.with(|book| book.found(at, found, self.judge));
            Ok::<_, Trouble>(())
        }))
        .await;
        found.into_iter().collect()
    }

    /// Why a call for everyone may not be made by what the last look showed, if so.
    pub(super) fn in_the_way(&self, book: &Book, area: &Area) -> Option<Halt> {
        let nodes = || area.nodes.iter().filter_map(|node| book.nodes.get(&node.id));
        let guards = &self.request.guards;
        if guards.protect.is_some() && nodes().any(|node| node.protected > 0) {
            return Some(Halt::ProtectedInTheWay);
        }
        let others: usize = nodes().map(|node| node.others).sum();
        let all = matches!(self.request.selection, Selection::All) && guards.protect.is_none();
        if others > 0 && !all {
            return Some(Halt::NotSelective);
        }
        let listed = members(book, area).iter().filter(|at| book.entries[**at].listed).count();
        let selected = (listed + others) as u64;
        let allowed = guards.max_sessions?.get();
        (selected > allowed).then_some(Halt::TooMany { selected, allowed })
    }

    /// Whether a call can name this session.
    pub(super) fn has_name(&self, entry: &Entry) -> bool {
        self.ask.run.spec.limits.batch > 0 && entry.sighting.session.unkillable.is_none()
    }

    /// Whether a look at the area can tell anything that the cloud's answers did not.
    fn needs_look(&self, area: &Area) -> bool {
        self.waits_for_call(area) || area.nodes.iter().any(|node| self.is_unsettled(area, node))
    }

    /// Whether a look at this node can.
    fn is_unsettled(&self, area: &Area, node: &Node) -> bool {
        let trust = self.request.verify == Verify::Trust;
        let sweeps = *lock(&area.sweeps);
        self.ask.ledger.with(|book| {
            let open = book.members(&node.id).iter().any(|at| {
                let entry = &book.entries[*at];
                match &entry.standing {
                    Standing::Open(_) => true,
                    Standing::Answered => !trust,
                    Standing::Untouched => is_due(entry) && (sweeps || self.has_name(entry)),
                    Standing::Spared(_)
                    | Standing::Over
                    | Standing::Alive(_)
                    | Standing::Lost(_) => false,
                }
            });
            open || self.doubt(book, &node.id).is_some()
        })
    }

    /// Why nobody can say yet that no one on a node was missed, if that matters to the run; goes on
    /// after "the list".
    pub(super) fn doubt(&self, book: &Book, node: &str) -> Option<&'static str> {
        let node = book.nodes.get(node);
        let last = || node.and_then(|node| node.last);
        match (&self.request.selection, self.request.verify) {
            (Selection::Ids(ids), _) => {
                let doubt = last()?.doubt.filter(|_| !node.is_some_and(|node| node.whole))?;
                ids.iter().any(|id| !book.has_id(id)).then_some(doubt)
            }
            (_, Verify::Trust) => last().map_or(Some("was never read"), |look| look.doubt),
            (_, Verify::UntilGone) => node.map_or(Some("was never read"), ledger::Node::doubt),
        }
    }

    /// Whether anybody is to be named or covered by a call next.
    fn waits_for_call(&self, area: &Area) -> bool {
        let sweeps = *lock(&area.sweeps);
        self.ask.ledger.with(|book| {
            members(book, area).iter().any(|at| {
                let entry = &book.entries[*at];
                is_due(entry) && (sweeps || self.has_name(entry))
            })
        })
    }

    /// The nodes that the target has now and had not before; None once there are none, or where it
    /// does not matter.
    async fn new_nodes(&self, known: &[Node]) -> Option<Vec<Node>> {
        let run = self.ask.run;
        let matters = !matches!(self.request.selection, Selection::Ids(_))
            && self.request.verify == Verify::UntilGone
            && run.sessions.looks_up_nodes()
            && self.ask.ledger.with(|book| book.asked() > 0);
        if !matters || run.is_over() {
            return None;
        }
        match run.nodes().await {
            Ok(nodes) => {
                let new = |node: &Node| known.iter().all(|other| other.id != node.id);
                let new: Vec<Node> = nodes.into_iter().filter(new).collect();
                (!new.is_empty()).then_some(new)
            }
            Err(Trouble::Failed(error)) => {
                run.fail(error);
                None
            }
            Err(Trouble::Over(_)) => None,
        }
    }
}

fn area(nodes: Vec<Node>, everyone: bool) -> Area {
    area_since(nodes, everyone, None)
}

fn area_since(nodes: Vec<Node>, everyone: bool, arrived: Option<Instant>) -> Area {
    let arrived = arrived.unwrap_or_else(Instant::now);
    let fresh = Mutex::new(Freshness { arrived, awaited: false, began: None });
    Area { nodes, everyone, sweeps: Mutex::new(everyone), fresh }
}

pub(super) fn members(book: &Book, area: &Area) -> Vec<usize> {
    area.nodes.iter().flat_map(|node| book.members(&node.id)).collect()
}

/// Whether a call is to name or cover it now.
pub(super) fn is_due(entry: &Entry) -> bool {
    let may = match &entry.standing {
        Standing::Untouched | Standing::Open(_) | Standing::Answered => true,
        Standing::Spared(_) | Standing::Over | Standing::Alive(_) | Standing::Lost(_) => false,
    };
    entry.due && may && entry.verdict == Verdict::Meant
}

/// Those of a node for whom only a search by itself can tell whether they are gone.
fn unseen(book: &Book, node: &Node) -> Vec<usize> {
    let open = |at: &usize| {
        let entry = &book.entries[*at];
        !entry.listed && (entry.is_open() || entry.standing == Standing::Untouched)
    };
    book.members(&node.id).into_iter().filter(open).collect()
}
