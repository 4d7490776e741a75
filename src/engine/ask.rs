//! Asking for the end of one group of sessions, and what each answer means for those it named.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::audit::Log;
use super::entry::{Entry, Standing};
use super::ledger::Ledger;
use super::run::{Attempt, Run, Trouble, reason};
use super::turns::Turn;
use super::{Event, Halt};
use crate::services::{Batch, Error, Kind, Node, Outcome, Progress, SessionId, Submission, Which};

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
    /// The call had no effect for certain, and may be made again.
    Again(Error),
    /// It was not made: what it was decided on is too old.
    Stale,
    /// The call may have taken effect: look, and ask again for what is left.
    Unsure(Error),
    /// The call was refused over some of the sessions: look, and ask in smaller groups.
    Narrow(Error),
}

/// What one group's call needs.
pub(super) struct Ask<'a> {
    pub(super) run: &'a Run<'a>,
    pub(super) log: &'a Log,
    pub(super) ledger: &'a Ledger,
    pub(super) turn: &'a Turn,
}

impl Ask<'_> {
    /// Makes one call, if what it was decided on is still fresh when its turn comes, and waits for
    /// the job if it started one.
    pub(super) async fn ask(&self, group: &Group, still: impl FnOnce() -> bool) -> Answer {
        let ids: Vec<SessionId> = self.ledger.with(|book| {
            group.members.iter().map(|at| book.entries[*at].sighting.session.id.clone()).collect()
        });
        let which = if group.everyone { Which::Everyone } else { Which::These(&ids) };
        let batch = Batch { node: group.node.as_ref(), which };
        let made = || {
            let fresh = still();
            if fresh {
                self.ledger.with(|book| {
                    for at in &group.members {
                        self.turn.asks(&book.entries[*at].sighting);
                    }
                });
            }
            fresh
        };
        let call = || self.run.sessions.terminate(batch);
        match self.run.once("terminate sessions", made, call).await {
            Attempt::Answer(submission) => self.taken(group, submission).await,
            Attempt::Failed(error) => self.failed(group, error),
            Attempt::Dropped => Answer::Stale,
            Attempt::Over => {
                self.run.over(None);
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
        self.each(group, |entry| {
            entry.asked();
            entry.listed = false;
            entry.request_id.clone_from(&request_id);
            entry.effect |= !gone.contains(&entry.sighting.session.id);
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
                    self.killed(group);
                    return Answer::Unsure(Error::new(Kind::Lost, "poll", running));
                }
                Err(Trouble::Failed(error)) => {
                    self.unsure(group, &error, false);
                    return Answer::Unsure(error);
                }
                Err(Trouble::Over(_)) => return Answer::Settled,
            }
        }
        self.killed(group);
        self.accepted(group, outcome);
        Answer::Settled
    }

    fn accepted(&self, group: &Group, outcome: Outcome) {
        let refused: HashMap<SessionId, String> =
            outcome.refused.into_iter().map(|one| (one.id, one.reason)).collect();
        let mut more = 0;
        self.each(group, |entry| {
            if let Some(why) = refused.get(&entry.sighting.session.id) {
                // Its own result.
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
        let (done, of) = self.ledger.with(|book| book.accept(more));
        self.run.observer.observe(Event::Accepted { done, of });
    }

    /// What the end of a job says of single sessions.
    fn told(&self, group: &Group, told: Outcome, outcome: &mut Outcome) {
        let gone: HashSet<SessionId> = told.already_gone.into_iter().collect();
        self.each(group, |entry| {
            if gone.contains(&entry.sighting.session.id) && entry.asks == 1 {
                entry.effect = false;
            }
        });
        outcome.refused.extend(told.refused);
    }

    /// The call failed.
    fn failed(&self, group: &Group, error: Error) -> Answer {
        match error.kind {
            Kind::SessionGone if group.members.len() == 1 && !group.everyone => {
                self.each(group, |entry| {
                    entry.asked();
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
            Kind::Credentials | Kind::Permission | Kind::Configuration | Kind::Unreachable => {
                self.refuse(group, &error);
                Answer::Settled
            }
            Kind::Unavailable | Kind::Lost | Kind::Malformed | Kind::JobFailed => {
                self.unsure(group, &error, true);
                Answer::Unsure(error)
            }
            Kind::Throttled | Kind::Busy | Kind::NotSent => Answer::Again(error),
        }
    }

    /// The sessions may have been ended by a call that failed.
    fn unsure(&self, group: &Group, error: &Error, asked: bool) {
        self.killed(group);
        self.each(group, |entry| {
            entry.effect = true;
            if asked {
                entry.asked();
            }
            entry.looks = 0;
            entry.listed = false;
            entry.standing = Standing::Open(reason(error));
            entry.note_id(error);
        });
    }

    /// Something about one or more of the sessions is in the way.
    fn doubt(&self, group: &Group, error: &Error) {
        self.each(group, |entry| {
            entry.asked();
            entry.doubtful |= group.members.len() > 1 && error.kind != Kind::TargetGone;
            entry.standing = Standing::Open(reason(error));
            entry.note_id(error);
        });
    }

    /// A call had no effect and will not be repeated.
    pub(super) fn refuse(&self, group: &Group, error: &Error) {
        self.each(group, |entry| {
            entry.standing = if entry.effect {
                Standing::Open(reason(error))
            } else {
                Standing::Alive(reason(error))
            };
            entry.note_id(error);
        });
    }

    /// Notes that somebody on the group's nodes may have been ended just now.
    fn killed(&self, group: &Group) {
        self.ledger.with(|book| match &group.node {
            Some(node) => book.killed([node.id.as_str()].into_iter()),
            None => {
                let all: Vec<String> = book.nodes.keys().cloned().collect();
                book.killed(all.iter().map(String::as_str));
            }
        });
    }

    fn each(&self, group: &Group, mut work: impl FnMut(&mut Entry)) {
        self.ledger.with(|book| {
            for &at in &group.members {
                work(&mut book.entries[at]);
            }
        });
    }

    /// Writes down what is about to be asked for. False if that fails: then nothing may be.
    pub(super) async fn record(&self, groups: &[Group]) -> bool {
        let fresh: Vec<Arc<crate::services::Session>> = self.ledger.with(|book| {
            let members = groups.iter().flat_map(|group| &group.members);
            let fresh = members.filter_map(|&at| {
                let entry = &mut book.entries[at];
                let known = std::mem::replace(&mut entry.recorded, true);
                (!known).then(|| entry.sighting.session.clone())
            });
            fresh.collect()
        });
        // A call for everyone has its line with the first sessions that it covers.
        if fresh.is_empty() {
            return true;
        }
        let everyone = groups.iter().any(|group| group.everyone);
        let spec = self.run.spec;
        let lines = || {
            let mut lines: Vec<_> = fresh.iter().map(|one| self.log.requested(spec, one)).collect();
            lines.extend(everyone.then(|| self.log.everyone()));
            lines
        };
        if let Err(why) = self.log.append(lines, self.run.deadline).await {
            self.run.stop(Halt::Audit(why));
            return false;
        }
        true
    }
}
