//! Asking for the end of sessions: which calls are made, in which groups, and what each answer
//! means for the sessions it named.
//!
//! A target is worked on in [`Area`]s that run side by side: one per node, or one for everything
//! where one call ends it all. Each goes round: ask, look ([`verify`](super::verify)), ask again
//! for what is left.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;
use tokio::time::Instant;

use super::ledger::{Ledger, Standing};
use super::run::{Repeat, Run, Trouble, reason};
use super::{Event, Halt, Log, Request, Verify, select};
use crate::services::{
    Batch, Error, Everyone, Kind, Node, Outcome, Progress, Session, SessionId, Spec, Submission,
    Which,
};

/// A part of the target that is worked on by itself.
pub(super) struct Area {
    /// Its nodes: one, or all where one call ends everything.
    pub(super) nodes: Vec<Node>,
    /// Its selected sessions, as indexes into the ledger, in the survey's order.
    pub(super) members: Vec<usize>,
    /// Whether its first call names no session.
    pub(super) everyone: bool,
}

/// The sessions of one call, as indexes into the ledger.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The node they are on; None with `everyone` on the whole target.
    pub(super) node: Option<Node>,
    pub(super) members: Vec<usize>,
    /// Whether the call names no session.
    pub(super) everyone: bool,
}

/// What came of asking for one group.
#[derive(Debug)]
pub(super) enum Answer {
    /// Every session has an answer of its own.
    Settled,
    /// The call may have taken effect: look, and ask again for what is left.
    Unsure(Error),
    /// The call was refused over some of the sessions: look, and ask in smaller groups.
    Narrow(Error),
}

/// The killing part of one run.
pub(super) struct Kill<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) spec: &'a Spec,
    pub(super) request: &'a Request,
    pub(super) log: &'a Log,
    pub(super) ledger: &'a Ledger<'a>,
}

impl Kill<'_> {
    /// Ends the selected sessions of all nodes.
    pub(super) async fn all(&self, nodes: &[Node]) {
        join_all(self.areas(nodes).iter().map(|area| self.rounds(area))).await;
    }

    /// One area from the first call to the last look.
    async fn rounds(&self, area: &Area) {
        let mut groups = self.first_groups(area);
        let mut patience = super::verify::Patience::default();
        loop {
            if !groups.is_empty() && (self.run.is_over() || !self.record(&groups).await) {
                self.run.over(None);
                return;
            }
            let answers = join_all(groups.into_iter().map(|group| async move {
                let answer = self.ask(&group).await;
                (group, answer)
            }))
            .await;
            if !self.needs_look(area) {
                return;
            }
            if !patience.pass(self.run, &answers).await {
                return;
            }
            match self.look(area).await {
                Ok(look) => groups = self.judge(area, answers, &look, &mut patience),
                Err(trouble) => {
                    self.give_up(area, trouble);
                    return;
                }
            }
            if groups.is_empty() && !self.needs_look(area) {
                return;
            }
        }
    }

    /// One area per node that has selected sessions, or one for all.
    fn areas(&self, nodes: &[Node]) -> Vec<Area> {
        let members = self.ledger.with(|entries| {
            let mut members: HashMap<&str, Vec<usize>> = HashMap::new();
            for (at, entry) in entries.iter().enumerate() {
                let session = self.ledger.session(entry);
                members.entry(session.node.as_str()).or_default().push(at);
            }
            members
        });
        let of = |node: &Node| members.get(node.id.as_str()).cloned().unwrap_or_default();
        if select::in_one_call(self.spec, self.request, nodes) {
            let members = nodes.iter().flat_map(of).collect();
            return vec![Area { nodes: nodes.to_vec(), members, everyone: true }];
        }
        nodes
            .iter()
            .map(|node| Area { nodes: vec![node.clone()], members: of(node), everyone: false })
            .filter(|area| !area.members.is_empty())
            .collect()
    }

    fn first_groups(&self, area: &Area) -> Vec<Group> {
        let members: Vec<usize> = self.ledger.with(|entries| {
            let untouched = |at: &usize| entries[*at].standing == Standing::Untouched;
            area.members.iter().copied().filter(untouched).collect()
        });
        if members.is_empty() {
            Vec::new()
        } else if area.everyone {
            vec![self.everyone(area, members)]
        } else {
            self.batches(area, &members)
        }
    }

    /// The call that names nobody, aimed at the node if there is but one.
    pub(super) fn everyone(&self, area: &Area, members: Vec<usize>) -> Group {
        let node = match (area.nodes.as_slice(), self.spec.limits.everyone) {
            ([node], Everyone::NodeOrTarget) if !node.id.is_empty() => Some(node.clone()),
            _ => None,
        };
        Group { node, members, everyone: true }
    }

    /// As few calls as can name all of `members`.
    pub(super) fn batches(&self, area: &Area, members: &[usize]) -> Vec<Group> {
        self.ledger.with(|entries| {
            let node_of = |at: &usize| self.ledger.session(&entries[*at]).node.as_str();
            members
                .chunk_by(|a, b| node_of(a) == node_of(b))
                .flat_map(|same| {
                    let node = area.nodes.iter().find(|node| node.id == node_of(&same[0])).cloned();
                    same.chunks(self.spec.limits.batch.max(1)).map(move |chunk| Group {
                        node: node.clone(),
                        members: chunk.to_vec(),
                        everyone: false,
                    })
                })
                .collect()
        })
    }

    /// Writes down what is about to be asked for. False if that fails: then nothing may be.
    async fn record(&self, groups: &[Group]) -> bool {
        let fresh: Vec<&Session> = self.ledger.with(|entries| {
            let members = groups.iter().flat_map(|group| &group.members);
            let fresh = members.filter_map(|&at| {
                let entry = &mut entries[at];
                let known = std::mem::replace(&mut entry.recorded, true);
                (!known).then(|| self.ledger.session(entry))
            });
            fresh.collect()
        });
        if fresh.is_empty() {
            return true;
        }
        let lines = || fresh.iter().map(|one| self.log.requested(self.spec, one)).collect();
        if let Err(why) = self.log.append(lines, self.run.deadline).await {
            self.run.stop(Halt::Audit(why));
            return false;
        }
        true
    }

    /// Makes one call and, if it started a job, waits for it.
    async fn ask(&self, group: &Group) -> Answer {
        let ids: Vec<SessionId> = self.ledger.with(|entries| {
            group.members.iter().map(|at| self.ledger.session(&entries[*at]).id.clone()).collect()
        });
        let which = if group.everyone { Which::Everyone } else { Which::These(&ids) };
        let batch = Batch { node: group.node.as_ref(), which };
        let call = self.run.call("terminate sessions", Repeat::IfWithoutEffect, || {
            self.run.sessions.terminate(batch)
        });
        match call.await {
            Ok(submission) => self.taken(group, submission).await,
            Err(Trouble::Failed(error)) => self.failed(group, error).await,
            Err(Trouble::Over(None)) => Answer::Settled,
            Err(Trouble::Over(Some(error))) => {
                self.refuse(group, &error);
                Answer::Settled
            }
        }
    }

    /// The cloud took the request.
    async fn taken(&self, group: &Group, submission: Submission) -> Answer {
        let Submission { mut outcome, ticket, request_id } = submission;
        self.run.note_request(request_id.as_deref());
        let gone: HashSet<SessionId> = outcome.already_gone.drain(..).collect();
        let running = "the cloud's job was not seen to end";
        self.each(group, |entry, id| {
            entry.asks += 1;
            entry.looks = 0;
            entry.listed = false;
            entry.request_id.clone_from(&request_id);
            entry.effect |= !gone.contains(id);
            entry.since.get_or_insert_with(Instant::now);
            entry.standing = match ticket {
                Some(_) => Standing::Open(running.to_owned()),
                None => Standing::Answered,
            };
        });
        if let Some(ticket) = ticket {
            // Half of the time left for the job, the other half to see what it did.
            let patience = Instant::now() + self.run.left() / 2;
            match self.run.finish(&ticket, patience).await {
                Ok(Progress::Done(told)) => self.told(group, told, &mut outcome),
                Ok(Progress::Running) => {
                    return Answer::Unsure(Error::new(Kind::Lost, "poll", running));
                }
                Err(Trouble::Failed(error)) => {
                    self.unsure(group, &error, false);
                    return Answer::Unsure(error);
                }
                Err(Trouble::Over(_)) => return Answer::Settled,
            }
        }
        let mut more = 0;
        let refused: HashMap<SessionId, String> =
            outcome.refused.into_iter().map(|one| (one.id, one.reason)).collect();
        self.each(group, |entry, id| {
            if let Some(why) = refused.get(id) {
                // Its own result, and no effect of this call.
                entry.standing = Standing::Alive(why.clone());
                return;
            }
            if matches!(entry.standing, Standing::Open(_)) {
                entry.standing = Standing::Answered;
            }
            let accepted = entry.effect && entry.standing == Standing::Answered;
            more += usize::from(accepted && !entry.accepted);
            entry.accepted |= accepted;
        });
        let (done, of) = self.ledger.accept(more);
        self.run.observer.observe(Event::Accepted { done, of });
        Answer::Settled
    }

    /// What the end of a job says of single sessions.
    fn told(&self, group: &Group, told: Outcome, outcome: &mut Outcome) {
        let gone: HashSet<SessionId> = told.already_gone.into_iter().collect();
        self.each(group, |entry, id| {
            if gone.contains(id) && entry.asks == 1 {
                entry.effect = false;
            }
        });
        outcome.refused.extend(told.refused);
    }

    /// The call failed for good.
    async fn failed(&self, group: &Group, error: Error) -> Answer {
        match error.kind {
            Kind::SessionGone if group.members.len() == 1 && !group.everyone => {
                self.each(group, |entry, _| {
                    entry.asks += 1;
                    entry.looks = 0;
                    entry.standing = Standing::Answered;
                    entry.request_id.clone_from(&error.request_id);
                });
                Answer::Settled
            }
            Kind::SessionGone | Kind::Ambiguous | Kind::Refused => {
                self.doubt(group, &error);
                Answer::Narrow(error)
            }
            // A list has the last word on that: the next look tells.
            Kind::TargetGone => {
                self.doubt(group, &error);
                Answer::Unsure(error)
            }
            Kind::BadRequest | Kind::Unsupported => {
                self.refuse(group, &error);
                self.run.fail(error);
                Answer::Settled
            }
            Kind::Credentials | Kind::Permission | Kind::Configuration => {
                self.refuse(group, &error);
                Answer::Settled
            }
            Kind::Unavailable | Kind::Lost | Kind::Malformed | Kind::JobFailed => {
                self.unsure(group, &error, true);
                Answer::Unsure(error)
            }
            // These were repeated in vain; had they had an effect, they would not have been.
            Kind::Throttled | Kind::Busy | Kind::NotSent => {
                self.refuse(group, &error);
                Answer::Settled
            }
        }
    }

    /// The sessions may have been ended by a call that failed.
    fn unsure(&self, group: &Group, error: &Error, asked: bool) {
        self.each(group, |entry, _| {
            entry.effect = true;
            entry.asks += u32::from(asked);
            entry.looks = 0;
            entry.listed = false;
            entry.standing = Standing::Open(reason(error));
            note_id(entry, error);
        });
    }

    /// Something about one or more of the sessions is in the way.
    fn doubt(&self, group: &Group, error: &Error) {
        self.each(group, |entry, _| {
            entry.asks += 1;
            entry.looks = 0;
            entry.doubtful |= group.members.len() > 1 && error.kind != Kind::TargetGone;
            entry.standing = Standing::Open(reason(error));
            note_id(entry, error);
        });
    }

    /// A call had no effect and will not be repeated.
    fn refuse(&self, group: &Group, error: &Error) {
        self.each(group, |entry, _| {
            entry.standing = if entry.effect {
                Standing::Open(reason(error))
            } else {
                Standing::Alive(reason(error))
            };
            note_id(entry, error);
        });
    }

    fn each(&self, group: &Group, mut work: impl FnMut(&mut super::ledger::Entry, &SessionId)) {
        self.ledger.with(|entries| {
            for &at in &group.members {
                let entry = &mut entries[at];
                let id = &self.ledger.session(entry).id;
                work(entry, id);
            }
        });
    }

    /// Whether a look at the area can tell anything that the cloud's answers did not.
    pub(super) fn needs_look(&self, area: &Area) -> bool {
        let trust = self.request.verify == Verify::Trust;
        self.ledger.with(|entries| {
            area.members.iter().any(|at| match &entries[*at].standing {
                Standing::Open(_) => true,
                Standing::Answered => !trust,
                Standing::Untouched | Standing::Over | Standing::Alive(_) => false,
            })
        })
    }
}

fn note_id(entry: &mut super::ledger::Entry, error: &Error) {
    if error.request_id.is_some() {
        entry.request_id.clone_from(&error.request_id);
    }
}
