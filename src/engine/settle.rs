//! What follows from answers and looks: who is asked for once more, how, and who is given up.

use std::time::Duration;

use super::ask::{Answer, Group};
use super::entry::{Entry, Standing};
use super::ledger::Book;
use super::rounds::{Area, Rounds, is_due, members};
use super::run::{Trouble, lock, reason};
use super::select::Verdict;
use super::{Halt, Verify};
use crate::services::{Error, Kind};

/// How often the end of one session is asked for while it lives on.
const MOST_ASKS: u32 = 5;
/// How often a job may end badly before its sessions count as survivors.
const MOST_FAILED_JOBS: u32 = 2;
/// Looks that must still see a session before it is asked for again.
const LOOKS_BETWEEN: u32 = 2;
/// How long somebody who was asked for, and is not meant any more, is awaited: kills that take
/// effect late do it within some ten seconds.
const AWAITED: Duration = Duration::from_secs(30);

impl Rounds<'_> {
    /// After a look: who is asked for once more, and who is given up.
    pub(super) fn settle(&self, area: &Area, answers: &[(Group, Answer)]) {
        self.ask.ledger.with(|book| {
            for (group, answer) in answers {
                match answer {
                    Answer::Settled | Answer::Stale | Answer::Again(_) => {}
                    Answer::Unsure(error) => self.once_more(book, area, group, error),
                    Answer::Narrow(error) => self.narrow(book, group, error),
                }
            }
            for at in members(book, area) {
                settle_late(&mut book.entries[at], self.request.verify);
            }
            self.sweep_again(book, area);
        });
    }

    /// Where the API can name nobody, whoever lives on is asked for by another call for everyone, if
    /// that hits only those who are meant.
    fn sweep_again(&self, book: &mut Book, area: &Area) {
        let late = |entry: &Entry| is_due(entry) && entry.asks > 0;
        let members = members(book, area);
        let nameless = self.ask.run.spec.limits.batch == 0;
        if !nameless || !members.iter().any(|at| late(&book.entries[*at])) {
            return;
        }
        if self.in_the_way(book, area).is_none() {
            *lock(&area.sweeps) = true;
            return;
        }
        for at in members {
            if late(&book.entries[at]) {
                let why = "it lives on, and another call could end others that are not meant";
                book.entries[at].standing = Standing::Alive(why.to_owned());
            }
        }
    }

    /// The living of a group are asked for again, unless they were asked for too often.
    fn once_more(&self, book: &mut Book, area: &Area, group: &Group, error: &Error) {
        let most = most_asks(error);
        let in_the_way = group.everyone && self.in_the_way(book, area).is_some();
        for &at in &group.members {
            let has_name = self.has_name(&book.entries[at]);
            let entry = &mut book.entries[at];
            if !matches!(entry.standing, Standing::Open(_)) {
                continue;
            }
            if entry.asks >= most {
                entry.standing = Standing::Alive(reason(error));
            } else if !has_name && in_the_way {
                let why = "it lives on, and another call could end others that are not meant";
                entry.standing = Standing::Alive(why.to_owned());
            } else {
                entry.due = true;
                *lock(&area.sweeps) |= !has_name;
            }
        }
    }

    /// Smaller groups after a refusal that does not say whom it is about.
    fn narrow(&self, book: &mut Book, group: &Group, error: &Error) {
        let open = |at: &usize| matches!(book.entries[*at].standing, Standing::Open(_));
        let living: Vec<usize> = group.members.iter().copied().filter(open).collect();
        if group.everyone {
            // That call cannot be made smaller: what no other can end is given up.
            for at in living {
                let named = self.has_name(&book.entries[at]) && book.entries[at].asks < MOST_ASKS;
                let entry = &mut book.entries[at];
                if named {
                    entry.due = true;
                } else {
                    entry.standing = Standing::Alive(reason(error));
                }
            }
            return;
        }
        // If some were gone, they were the likely obstacle and the others may go in one call.
        let company = if living.len() < group.members.len() {
            living.len()
        } else if error.kind == Kind::Refused {
            1
        } else {
            living.len().div_ceil(2)
        };
        for at in living {
            let entry = &mut book.entries[at];
            if group.members.len() == 1 {
                entry.standing = Standing::Alive(reason(error));
            } else {
                (entry.due, entry.company) = (true, company.max(1));
            }
        }
    }

    /// A look failed: whatever it should have established is not known.
    pub(super) fn give_up(&self, area: &Area, trouble: Trouble) {
        let why = match trouble {
            Trouble::Failed(error) => {
                let why = reason(&error);
                if error.kind == Kind::TargetGone {
                    self.ask.run.fail(error);
                } else {
                    self.ask.run.note(Halt::Failed(error));
                }
                why
            }
            Trouble::Over(Some(error)) => reason(&error),
            Trouble::Over(None) => return,
        };
        self.ask.ledger.with(|book| {
            for at in members(book, area) {
                let entry = &mut book.entries[at];
                let answered = entry.standing == Standing::Answered;
                if answered && self.request.verify == Verify::UntilGone && !entry.listed {
                    entry.standing = Standing::Open(why.clone());
                }
            }
        });
    }

    /// Time is up for calls that had no effect: those are the reasons.
    pub(super) fn lapse(&self, answers: &[(Group, Answer)]) {
        for (group, answer) in answers {
            if let Answer::Again(error) = answer {
                self.ask.refuse(group, error);
            }
        }
    }
}

/// Who was accepted and lives on is asked for again now and then, if he is still meant.
fn settle_late(entry: &mut Entry, verify: Verify) {
    if entry.standing == Standing::Untouched && entry.verdict == Verdict::Doubted {
        entry.standing = Standing::Alive("`protect` cannot be judged for it now".to_owned());
    }
    if !entry.listed || !entry.is_open() {
        return;
    }
    if let Some(why) = entry.not_meant() {
        entry.due = false;
        let long_ago = entry.last_asked.is_some_and(|asked| asked.elapsed() >= AWAITED);
        if long_ago && entry.looks >= LOOKS_BETWEEN {
            entry.standing = Standing::Alive(why.to_owned());
        }
        return;
    }
    let late = entry.standing == Standing::Answered && verify == Verify::UntilGone;
    let again = matches!(&entry.standing, Standing::Open(why) if why == "it is listed again");
    if (late || again) && entry.looks >= LOOKS_BETWEEN && entry.asks < MOST_ASKS {
        entry.due = true;
    }
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
