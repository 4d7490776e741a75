//! Looking again: what is gone, what lives on, and what to ask for once more.
//!
//! Only ids count. A client that came back has a new id and is counted apart. What a look cannot
//! establish is never claimed.

use std::collections::{HashMap, HashSet};

use futures_util::future::join_all;

use super::kill::{Answer, Area, Group, Kill};
use super::ledger::Standing;
use super::list::Listing;
use super::run::{Run, Trouble, reason};
use super::{Event, Halt, Verify, select};
use crate::services::{Error, Kind, Session, SessionId};

/// How often the end of one session is asked for while it lives on.
const MOST_ASKS: u32 = 5;
/// How often a job may end badly before its sessions count as survivors.
const MOST_FAILED_JOBS: u32 = 2;
/// Looks that must still see a session before it is asked for again.
const LOOKS_BETWEEN: u32 = 2;
/// The longest pause between looks, in units of [`Pace::poll`](super::Pace::poll).
const LONGEST_PAUSE: u32 = 8;

/// How long to wait before the next look at an area.
#[derive(Debug, Default)]
pub(super) struct Patience {
    /// Rounds in which an answer was lost.
    lost: u32,
    /// Looks that left something open which only another look can settle.
    waits: u32,
    /// Whether the last look did.
    waiting: bool,
}

impl Patience {
    /// Waits as long as the answers advise. False if the run is over first.
    pub(super) async fn pass(&mut self, run: &Run<'_>, answers: &[(Group, Answer)]) -> bool {
        let asked = answers.iter().filter_map(|(_, answer)| match answer {
            Answer::Unsure(error) | Answer::Narrow(error) => error.retry_after,
            Answer::Settled => None,
        });
        let asked = asked.max().unwrap_or_default();
        let any = |of: fn(&Answer) -> bool| answers.iter().any(|(_, answer)| of(answer));
        let wait = if any(|answer| matches!(answer, Answer::Unsure(_))) {
            let wait = run.pace.wait(self.lost, Some(asked.max(run.pace.poll / 10)));
            self.lost += 1;
            wait
        } else if any(|answer| matches!(answer, Answer::Narrow(_))) {
            // Groups get smaller with every round, which bounds the number of these pauses.
            asked.max(run.pace.poll)
        } else if self.waiting {
            let times = 2_u32.saturating_pow(self.waits.min(31)).min(LONGEST_PAUSE);
            self.waits += 1;
            run.pace.poll * times
        } else {
            return true;
        };
        // The last look is taken a little before time is up, not left out.
        let latest = run.left().saturating_sub(run.pace.poll);
        if latest.is_zero() || !run.wait(wait.min(latest)).await {
            if latest.is_zero() {
                run.note(Halt::TimedOut(None));
            }
            run.over(None);
            return false;
        }
        true
    }
}

/// What a look at an area found.
pub(super) struct Look {
    nodes: HashMap<String, Seen>,
    sessions: Vec<Session>,
    /// How many more sessions the cloud counts than it shows, on all nodes.
    unseen: usize,
}

/// What it found on one node.
struct Seen {
    ids: HashSet<SessionId>,
    /// Whether it showed all that the cloud counts.
    all: bool,
}

impl Kill<'_> {
    /// Lists those nodes of an area again where something is open.
    pub(super) async fn look(&self, area: &Area) -> Result<Look, Trouble> {
        let (left, open) = self.ledger.with(|entries| {
            let left = entries.iter().filter(|entry| entry.is_open()).count();
            let mut open: HashMap<&str, Vec<&SessionId>> = HashMap::new();
            for entry in area.members.iter().map(|at| &entries[*at]) {
                if entry.is_open() {
                    let session = self.ledger.session(entry);
                    open.entry(session.node.as_str()).or_default().push(&session.id);
                }
            }
            (left, open)
        });
        self.run.observer.observe(Event::Verifying { left });
        let nodes = area.nodes.iter().filter_map(|node| Some((node, open.get(node.id.as_str())?)));
        let found = join_all(nodes.map(|(node, open)| async move {
            // Whom all pages may have skipped, a second reading must miss as well.
            let enough = |listed: &[Session]| {
                let ids: HashSet<&SessionId> = listed.iter().map(|one| &one.id).collect();
                open.iter().all(|id| ids.contains(id))
            };
            Ok::<_, Trouble>((node, self.run.whole(node, enough).await?))
        }))
        .await;
        let mut look = Look { nodes: HashMap::new(), sessions: Vec::new(), unseen: 0 };
        for one in found {
            let (node, Listing { sessions, unseen, .. }) = one?;
            self.ledger.meet(&sessions);
            let ids = sessions.iter().map(|session| session.id.clone()).collect();
            look.nodes.insert(node.id.clone(), Seen { ids, all: unseen == 0 });
            look.sessions.extend(sessions);
            look.unseen += unseen;
        }
        Ok(look)
    }

    /// Settles what a look can settle, and says what to ask for next.
    pub(super) fn judge(
        &self,
        area: &Area,
        answers: Vec<(Group, Answer)>,
        look: &Look,
        patience: &mut Patience,
    ) -> Vec<Group> {
        let late = self.sort_out(area, look);
        patience.waiting = late.waiting;
        let mut next = Vec::new();
        for (group, answer) in answers {
            let living = self.living(&group);
            match answer {
                Answer::Settled => {}
                _ if living.is_empty() => {}
                Answer::Unsure(error) => {
                    let members = self.within(living, most_asks(&error), &error);
                    next.extend(self.again(area, members, look));
                }
                Answer::Narrow(error) => {
                    next.extend(self.narrower(area, &group, living, &error, look));
                }
            }
        }
        next.extend(self.again(area, late.again, look));
        // Nothing to ask for and something open: only time can tell, so it is given some.
        patience.waiting |= next.is_empty() && self.needs_look(area);
        next
    }

    /// Marks what is gone, counts the looks at what is not.
    fn sort_out(&self, area: &Area, look: &Look) -> Late {
        let trust = self.request.verify == Verify::Trust;
        self.ledger.with(|entries| {
            let mut late = Late { waiting: false, again: Vec::new() };
            for &at in &area.members {
                let entry = &mut entries[at];
                let session = self.ledger.session(entry);
                let Some(seen) = look.nodes.get(&session.node) else { continue };
                let answered = entry.standing == Standing::Answered;
                if entry.standing == Standing::Over || (answered && trust) {
                    continue;
                }
                entry.listed = seen.ids.contains(&session.id);
                entry.hidden = !entry.listed && !seen.all;
                if !entry.listed {
                    if seen.all {
                        entry.standing = Standing::Over;
                    }
                    continue;
                }
                if answered {
                    late.waiting = true;
                    entry.looks += 1;
                    // What cannot be named is left: a call for all that the cloud has taken is not
                    // made once more, over clients that have come back.
                    let by_name = session.unkillable.is_none();
                    if entry.looks >= LOOKS_BETWEEN && entry.asks < MOST_ASKS && by_name {
                        late.again.push(at);
                    }
                }
            }
            late
        })
    }

    fn living(&self, group: &Group) -> Vec<usize> {
        self.ledger.with(|entries| {
            let open = |at: &usize| matches!(entries[*at].standing, Standing::Open(_));
            group.members.iter().copied().filter(open).collect()
        })
    }

    /// Those that were asked for fewer than `most` times; the others are given up.
    fn within(&self, living: Vec<usize>, most: u32, error: &Error) -> Vec<usize> {
        self.ledger.with(|entries| {
            let (again, spent): (Vec<_>, Vec<_>) =
                living.into_iter().partition(|at| entries[*at].asks < most);
            for at in spent {
                entries[at].standing = Standing::Alive(reason(error));
            }
            again
        })
    }

    /// Smaller groups after a refusal that does not say whom it is about.
    fn narrower(
        &self,
        area: &Area,
        group: &Group,
        living: Vec<usize>,
        error: &Error,
        look: &Look,
    ) -> Vec<Group> {
        if group.everyone {
            // That call cannot be made smaller: what no other can end is given up.
            let (named, others) = living.into_iter().partition(|at| self.has_name(*at));
            self.within(others, 0, error);
            let members = self.within(named, MOST_ASKS, error);
            return self.again(area, members, look);
        }
        if group.members.len() == 1 {
            self.within(living, 0, error);
            return Vec::new();
        }
        // If some were gone, they were the likely obstacle and the others may go in one call.
        let whole = living.len() < group.members.len();
        let size = if whole { living.len() } else { living.len().div_ceil(2) };
        let part = |members: &[usize]| Group { members: members.to_vec(), ..group.clone() };
        living.chunks(size.max(1)).map(part).collect()
    }

    /// Whether a call can name this session.
    fn has_name(&self, at: usize) -> bool {
        let unkillable = self.ledger.with(|entries| self.ledger.session(&entries[at]).unkillable);
        self.spec.limits.batch > 0 && unkillable.is_none()
    }

    /// Asks once more, by name wherever the API can. Where it cannot, only if the call would hit
    /// no one but those who are meant.
    fn again(&self, area: &Area, members: Vec<usize>, look: &Look) -> Vec<Group> {
        if members.is_empty() {
            return Vec::new();
        }
        if members.iter().all(|at| self.has_name(*at)) {
            return self.batches(area, &members);
        }
        let sessions = select::once(self.spec, self.request, look.sessions.clone());
        let mut found = select::select(self.spec, self.request, &area.nodes, sessions);
        found.unseen = look.unseen;
        if select::guard(self.spec, &self.request.guards, &found).is_none() {
            return vec![self.everyone(area, members)];
        }
        self.ledger.with(|entries| {
            for at in members {
                let why = "it lives on, and another call could end others that are not meant";
                entries[at].standing = Standing::Alive(why.to_owned());
            }
        });
        Vec::new()
    }

    /// A look failed: whatever it should have established is not known.
    pub(super) fn give_up(&self, area: &Area, trouble: Trouble) {
        let why = match trouble {
            Trouble::Failed(error) => {
                let why = reason(&error);
                self.run.note(Halt::Failed(error));
                why
            }
            Trouble::Over(Some(error)) => reason(&error),
            Trouble::Over(None) => return,
        };
        self.ledger.with(|entries| {
            for &at in &area.members {
                let entry = &mut entries[at];
                let answered = entry.standing == Standing::Answered;
                if answered && self.request.verify == Verify::UntilGone && !entry.listed {
                    entry.standing = Standing::Open(why.clone());
                }
            }
        });
    }
}

/// Accepted sessions that a look still saw.
struct Late {
    waiting: bool,
    /// Those to ask for once more.
    again: Vec<usize>,
}

fn most_asks(error: &Error) -> u32 {
    if error.kind == Kind::JobFailed {
        MOST_FAILED_JOBS
    } else if error.kind.is_transient() {
        u32::MAX // the deadline bounds these
    } else {
        MOST_ASKS
    }
}
