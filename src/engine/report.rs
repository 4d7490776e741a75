//! What a run saw and did, as plain data. Never lost, whatever goes wrong.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Known;
use crate::services::{Criterion, Error, Session};

/// What a listing found, sorted by node and id, each session once.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Every live session of the target.
    pub sessions: Vec<Arc<Session>>,
    /// Indexes into `sessions`: meant by the selection and not protected.
    pub selected: Vec<usize>,
    /// Indexes into `sessions`: meant by the selection, but protected.
    pub protected: Vec<usize>,
    /// Indexes into `sessions`: meant by `all` or by criteria, but the API cannot end them. One
    /// that was asked for by name is selected all the same, and survives with the reason.
    pub beyond: Vec<usize>,
    /// Ids that were asked for by name and are not live.
    pub missing: Vec<String>,
    /// Ids that were asked for by name and live on several nodes each: a run would not touch any.
    pub several_nodes: Vec<String>,
    /// How many more sessions the cloud counts than it shows.
    pub unseen: usize,
    /// Whether all are meant, those included whom nobody has seen.
    pub all: bool,
    /// Criteria of `match`, each with the number of sessions that fail for no other reason than
    /// that the list does not tell what it looks at.
    pub unjudged: Vec<(Criterion, usize)>,
    /// How many of the selected log in as we do.
    pub ours: usize,
    /// Connections that are left out because they are not clients', by what they are.
    pub left_out: BTreeMap<&'static str, usize>,
    /// Why somebody may have been skipped, if so; goes on after "the list".
    pub doubt: Option<&'static str>,
    /// What holds the target in place beside its sessions, each in a few words.
    pub obstacles: Vec<String>,
    /// The cloud's ids of the requests.
    pub request_ids: Vec<String>,
}

/// What became of one selected session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// We asked for its end, and it is over (verified, or accepted by the cloud with
    /// [`Verify::Trust`](super::Verify::Trust)).
    Terminated,
    /// It was gone before we could end it.
    AlreadyGone,
    /// It lives, or must be assumed to; with the best reason known.
    Survived(String),
    /// It was selected at the first look of a drain, and left by itself before the run began.
    Drained,
    /// It was selected, and when its turn came it was not meant any more, so that nobody asked for
    /// its end; with the reason.
    Spared(&'static str),
    /// Nothing was tried: a dry run, a guard, an interrupt or an earlier failure.
    Untouched,
}

/// How the reason begins why a session counts as surviving that nobody saw live any more.
pub(super) const UNVERIFIED: &str = "not verified";

impl Fate {
    /// Whether it counts as surviving only because nobody could look whether it is gone.
    pub fn is_unverified(&self) -> bool {
        matches!(self, Fate::Survived(why) if why.starts_with(UNVERIFIED))
    }
}

/// One selected session and its fate.
#[derive(Clone, Debug)]
pub struct Victim {
    /// As it was listed.
    pub session: Arc<Session>,
    /// What became of it.
    pub fate: Fate,
    /// The cloud's id of the request that named it or covered it.
    pub request_id: Option<String>,
}

/// A client that came after the first look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comer {
    /// As it was listed last.
    pub session: Session,
    /// How many sessions of it came.
    pub times: usize,
}

/// Why a run ended before its work was done.
#[derive(Clone, Debug)]
pub enum Halt {
    /// More sessions were selected than `max_sessions` allows.
    TooMany {
        /// How many were selected.
        selected: u64,
        /// The cap.
        allowed: u64,
    },
    /// The API can only end everything, and a protected session is live.
    ProtectedInTheWay,
    /// The API can only end everything, and the selection means fewer than all.
    NotSelective,
    /// Sessions would be ended that `protect` might save: the list does not tell what one of its
    /// criteria looks at.
    Unjudged {
        /// The criterion.
        criterion: Criterion,
        /// How many sessions it cannot judge.
        sessions: usize,
        /// The first few of them.
        first: Vec<Session>,
    },
    /// The cloud counts more sessions than its list shows, and a guard or the selection could be
    /// hurt by those.
    Unseen {
        /// How many the list shows.
        listed: usize,
        /// How many more are counted.
        unseen: usize,
    },
    /// An id that was named lives on several nodes: which one is meant?
    SameIdOnSeveralNodes(String),
    /// A guard counts sessions, and the list could not be read whole in time; with why, which goes
    /// on after "the list".
    Uncounted(&'static str),
    /// Everybody who was seen is settled, and the list could not be read whole in time, so that
    /// somebody may have been missed; with why, which goes on after "the list".
    NotWhole(&'static str),
    /// Time was up, and newcomers kept coming.
    NotQuiet(Vec<Comer>),
    /// The target does not exist any more, so nothing can hold a session on it.
    TargetGone(Error),
    /// A call failed for good.
    Failed(Error),
    /// Time was up; with the last failure, if there was one.
    TimedOut(Option<Error>),
    /// Terraform asked to stop.
    Cancelled,
    /// The audit log could not be written, so nothing (more) was ended.
    Audit(String),
    /// A bug: the engine itself panicked, with this message.
    Panicked(String),
}

/// The result of a run.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every selected session and its fate.
    pub victims: Vec<Victim>,
    /// Ids that were asked for by name and were not live: also already gone.
    pub missing: Vec<String>,
    /// Sessions that the selection means and `protect` saved.
    pub protected: Vec<Arc<Session>>,
    /// New sessions of clients whose session was ended, seen while verifying.
    pub reconnected: u64,
    /// Who stood on the target at the last look of a destroy, came after the first look, and would
    /// have been selected.
    pub returned: Vec<Session>,
    /// What will still hold the target in place when all sessions have ended, each in a few words.
    /// Looked for where something goes behind the run.
    pub obstacles: Vec<String>,
    /// How many of the selected log in as we do.
    pub ours: usize,
    /// Connections that are left out because they are not clients', by what they are.
    pub left_out: BTreeMap<&'static str, usize>,
    /// Criteria of `match`, each with the number of sessions that it could not judge.
    pub unjudged: Vec<(Criterion, usize)>,
    /// Whether a call was made that names nobody: whoever connected after the list was made may have
    /// been ended too, and is not counted.
    pub swept: bool,
    /// Whether the first look showed anybody on the target, meant or not: so it is there.
    pub seen: bool,
    /// Whether a first list was had, so that it is known whom the selection meant.
    pub resolved: bool,
    /// What a later run needs to know the survivors again.
    pub known: Vec<Known>,
    /// Whether this was a dry run.
    pub dry_run: bool,
    /// The cloud's ids of the requests, in order, the first thousand at most.
    pub request_ids: Vec<String>,
    /// Why the run ended early, if it did.
    pub halt: Option<Halt>,
    /// Trouble that did not end the run, worth a word.
    pub remarks: Vec<String>,
}

impl Halt {
    /// Whether a guard stopped the run before it asked for anybody's end, over what the arguments
    /// say of the sessions that are there.
    pub fn is_guard(&self) -> bool {
        match self {
            Halt::TooMany { .. }
            | Halt::ProtectedInTheWay
            | Halt::NotSelective
            | Halt::Unjudged { .. }
            | Halt::Unseen { .. }
            | Halt::Uncounted(_)
            | Halt::SameIdOnSeveralNodes(_) => true,
            Halt::NotWhole(_)
            | Halt::NotQuiet(_)
            | Halt::TargetGone(_)
            | Halt::Failed(_)
            | Halt::TimedOut(_)
            | Halt::Cancelled
            | Halt::Audit(_)
            | Halt::Panicked(_) => false,
        }
    }
}

impl Report {
    /// How many selected sessions were ended by us.
    pub fn terminated(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Terminated))
    }

    /// How many were gone before, those that were never found included.
    pub fn already_gone(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::AlreadyGone)) + self.missing.len()
    }

    /// How many live on, or must be assumed to.
    pub fn survived(&self) -> usize {
        self.survivors().count()
    }

    /// Those who were meant and live on: they did not go, or nothing was tried on them although
    /// this was no dry run.
    pub fn survivors(&self) -> impl Iterator<Item = &Victim> {
        self.victims.iter().filter(|victim| match victim.fate {
            Fate::Survived(_) => true,
            Fate::Untouched => !self.dry_run,
            Fate::Terminated | Fate::AlreadyGone | Fate::Drained | Fate::Spared(_) => false,
        })
    }

    /// How many left by themselves while they were waited for.
    pub fn drained(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Drained))
    }

    /// How many were not meant any more when their turn came.
    pub fn spared(&self) -> usize {
        self.count(|fate| matches!(fate, Fate::Spared(_)))
    }

    /// How many were selected, those that were never found included.
    pub fn selected(&self) -> usize {
        self.victims.len() + self.missing.len()
    }

    fn count(&self, of: impl Fn(&Fate) -> bool) -> usize {
        self.victims.iter().filter(|victim| of(&victim.fate)).count()
    }
}
