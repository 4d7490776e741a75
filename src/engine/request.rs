//! What a run is asked to do: which sessions, under which guards, for how long.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::time::Duration;

use ipnet::IpNet;

use super::Known;
use crate::services::SessionId;

/// One run, validated.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which sessions are meant.
    pub selection: Selection,
    /// What must not happen.
    pub guards: Guards,
    /// Whether anything is ended at all.
    pub mode: Mode,
    /// Whether the end is checked.
    pub verify: Verify,
    /// Of ids that an earlier run has resolved: the sessions that they named then. The others name
    /// whoever holds them at this run's first list.
    pub known: Vec<Known>,
    /// Whether the target is to be looked at once more after somebody was ended, since what it
    /// guards goes next.
    pub looks_again: bool,
    /// How long the sessions of a first look may take to end by themselves before anybody is ended;
    /// None if nobody is waited for.
    pub drain: Option<Duration>,
    /// For how long nobody may have been there before the run is done, newcomers being ended too;
    /// None if they are left alone.
    pub quiet: Option<Duration>,
    /// From the first call after a drain to the report. Nothing runs longer.
    pub timeout: Duration,
}

impl Request {
    /// Everybody, without guards, until all are seen to be gone: what others vary.
    pub fn everybody(timeout: Duration) -> Request {
        Request {
            selection: Selection::All,
            guards: Guards::default(),
            mode: Mode::Terminate,
            verify: Verify::UntilGone,
            known: Vec::new(),
            looks_again: false,
            drain: None,
            quiet: None,
            timeout,
        }
    }

    /// Whether all are meant, and no guard could be hurt by a session that nobody has looked at.
    pub(super) fn means_everyone(&self) -> bool {
        matches!(self.selection, Selection::All)
            && self.guards.protect.is_none()
            && self.guards.max_sessions.is_none()
    }
}

/// Which sessions are meant. Resolved when the run acts.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Those with these ids, as the list gives them. Never empty.
    Ids(BTreeSet<SessionId>),
    /// Every session.
    All,
    /// Those for which every given criterion holds. Never without a criterion.
    Match(Filter),
}

/// Criteria; None or empty means not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// The client's address is in one of these networks.
    pub client_cidrs: Option<Vec<IpNet>>,
    /// The user is one of these, exactly.
    pub users: Option<BTreeSet<String>>,
    /// The database is one of these, exactly.
    pub databases: Option<BTreeSet<String>>,
    /// The command is one of these, without regard to case.
    pub commands: Option<BTreeSet<String>>,
    /// The client's own name is one of these, exactly.
    pub names: Option<BTreeSet<String>>,
    /// Idle for at least this long.
    pub min_idle: Option<Duration>,
    /// Connected for at least this long.
    pub min_age: Option<Duration>,
}

/// What must not happen.
#[derive(Clone, Debug, Default)]
pub struct Guards {
    /// A session for which any one given criterion holds is never ended.
    pub protect: Option<Filter>,
    /// If more sessions are selected, nothing is ended.
    pub max_sessions: Option<NonZeroU64>,
}

/// Whether anything is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The selected sessions are ended.
    Terminate,
    /// Everything but that.
    DryRun,
}

/// Whether the end is checked by listing again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// List until no selected session is left or time is up.
    UntilGone,
    /// Trust the cloud's answers.
    Trust,
}
