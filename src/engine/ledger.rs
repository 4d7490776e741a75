//! What is known of every selected session while a run works, and its fate in the end.
//!
//! Nothing is ever taken out, so no failure can lose a victim. Locks are never held over a call.

use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::report::{Ending, UNVERIFIED};
use super::run::lock;
use super::{Fate, Halt, Survey, Verify};
use crate::services::{Field, Role, Session, SessionId, Spec};

/// Most sessions that are remembered as having come after the survey.
const MOST_NEWCOMERS: usize = 100_000;

/// Where a selected session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No call has named or covered it.
    Untouched,
    /// A call was made, and what it did is not known; with the reason.
    Open(String),
    /// The cloud took the request, or answered that there is no such session.
    Answered,
    /// It is not listed any more, so it is over.
    Over,
    /// It lives, and nothing more will be tried; with the reason.
    Alive(String),
}

/// One selected session.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Index into the survey's sessions.
    pub(super) index: usize,
    pub(super) standing: Standing,
    /// Whether a call was made that may have ended it.
    pub(super) effect: bool,
    /// Whether a call that named it together with others was refused without saying over whom.
    pub(super) doubtful: bool,
    /// Whether a look saw it since a call was last made that may have ended it.
    pub(super) listed: bool,
    /// Whether it may be among those that the last look's list counted and did not show.
    pub(super) hidden: bool,
    /// How often its end was asked for.
    pub(super) asks: u32,
    /// How many looks saw it since it was asked for last.
    pub(super) looks: u32,
    /// When the cloud first took the request.
    pub(super) since: Option<Instant>,
    /// Whether it counts among those whose end the cloud has accepted.
    pub(super) accepted: bool,
    /// Whether the record has a `requested` line.
    pub(super) recorded: bool,
    /// The cloud's id of the last request that named or covered it.
    pub(super) request_id: Option<String>,
}

impl Entry {
    /// Whether a look may still tell something new.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Open(_) | Standing::Answered)
    }

    fn new(index: usize, unkillable: Option<&'static str>) -> Entry {
        Entry {
            index,
            standing: unkillable.map_or(Standing::Untouched, |why| Standing::Alive(why.to_owned())),
            effect: false,
            doubtful: false,
            listed: false,
            hidden: false,
            asks: 0,
            looks: 0,
            since: None,
            accepted: false,
            recorded: false,
            request_id: None,
        }
    }

    fn fate(&self, verify: Verify, halt: Option<&Halt>) -> Fate {
        let target_gone = matches!(halt, Some(Halt::TargetGone(_)));
        match &self.standing {
            Standing::Over => self.over(),
            _ if target_gone => self.over(),
            Standing::Untouched if self.recorded && matches!(halt, Some(Halt::Panicked(_))) => {
                Fate::Survived("not verified: a call may have been made for it".to_owned())
            }
            Standing::Untouched => Fate::Untouched,
            Standing::Alive(why) => Fate::Survived(why.clone()),
            Standing::Open(why) if self.listed => Fate::Survived(format!("still listed: {why}")),
            Standing::Open(why) => Fate::Survived(format!("{UNVERIFIED}: {why}")),
            Standing::Answered if verify == Verify::Trust => self.over(),
            Standing::Answered if self.listed && self.effect => Fate::Survived(format!(
                "still listed {} after the cloud accepted its end",
                humantime::format_duration(self.waited())
            )),
            Standing::Answered if self.listed => {
                Fate::Survived("still listed, although the cloud calls it gone".to_owned())
            }
            Standing::Answered if self.hidden => Fate::Survived(format!(
                "{UNVERIFIED}: the cloud counts more sessions than its list shows"
            )),
            Standing::Answered => Fate::Survived(format!("{UNVERIFIED}: {}", cut_short(halt))),
        }
    }

    fn over(&self) -> Fate {
        if self.effect { Fate::Terminated } else { Fate::AlreadyGone }
    }

    /// Whole seconds since the cloud first took the request.
    fn waited(&self) -> Duration {
        Duration::from_secs(self.since.map_or(0, |since| since.elapsed().as_secs()))
    }
}

fn cut_short(halt: Option<&Halt>) -> &'static str {
    match halt {
        Some(Halt::Cancelled) => "the run was interrupted",
        Some(Halt::TimedOut(_)) => "time was up",
        _ => "the run ended early",
    }
}

/// All selected sessions of a run.
pub(super) struct Ledger<'a> {
    survey: &'a Survey,
    /// How many ends the cloud has accepted.
    accepted: AtomicUsize,
    entries: Mutex<Vec<Entry>>,
    /// Sessions that were not there in the survey, with their clients' addresses.
    newcomers: Mutex<BTreeMap<(String, SessionId), IpAddr>>,
    client: Option<&'static str>,
}

impl<'a> Ledger<'a> {
    /// `by_name` says that sessions will be named: then what cannot be has its fate already.
    pub(super) fn new(spec: &Spec, survey: &'a Survey, by_name: bool) -> Ledger<'a> {
        let entries = survey
            .selected
            .iter()
            .map(|&index| Entry::new(index, survey.sessions[index].unkillable.filter(|_| by_name)));
        Ledger {
            survey,
            accepted: AtomicUsize::new(0),
            entries: Mutex::new(entries.collect()),
            newcomers: Mutex::new(BTreeMap::new()),
            client: spec.column(Role::Client).map(|column| column.name),
        }
    }

    /// Looks at or changes the entries.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Vec<Entry>) -> T) -> T {
        work(&mut lock(&self.entries))
    }

    /// Counts some more accepted ends. Returns how many there are so far, and of how many.
    pub(super) fn accept(&self, more: usize) -> (usize, usize) {
        let before = self.accepted.fetch_add(more, Ordering::Relaxed);
        (before + more, self.survey.selected.len())
    }

    /// The session of an entry.
    pub(super) fn session(&self, entry: &Entry) -> &'a Session {
        &self.survey.sessions[entry.index]
    }

    /// Takes note of sessions that came after the survey, and of those that rest.
    pub(super) fn meet(&self, sessions: &[Session]) {
        self.rest(sessions);
        let mut newcomers = lock(&self.newcomers);
        for session in sessions {
            if newcomers.len() < MOST_NEWCOMERS
                && !self.survey.holds(session)
                && let Some(ip) = self.client_of(session)
            {
                newcomers.insert((session.node.clone(), session.id.clone()), ip);
            }
        }
    }

    /// Whoever was asked for and could be ended, and is listed as somebody who cannot be ended now,
    /// is over: on DDS a connection stays under its id when its operation has ended.
    fn rest(&self, sessions: &[Session]) {
        let resting = sessions.iter().filter(|one| one.unkillable.is_some());
        let resting: HashSet<_> = resting.map(Session::place).collect();
        if resting.is_empty() {
            return;
        }
        self.with(|entries| {
            for entry in entries.iter_mut().filter(|entry| entry.is_open()) {
                let session = self.session(entry);
                if session.unkillable.is_none() && resting.contains(&session.place()) {
                    entry.standing = Standing::Over;
                }
            }
        });
    }

    /// How many newcomers are clients whose session was ended.
    pub(super) fn reconnected(&self, endings: &[Ending]) -> u64 {
        let newcomers = lock(&self.newcomers);
        if newcomers.is_empty() {
            return 0;
        }
        let ended: HashSet<IpAddr> = self
            .survey
            .selected
            .iter()
            .zip(endings)
            .filter(|(_, (fate, _))| *fate == Fate::Terminated)
            .filter_map(|(&at, _)| self.client_of(&self.survey.sessions[at]))
            .collect();
        newcomers.values().filter(|ip| ended.contains(ip)).count() as u64
    }

    fn client_of(&self, session: &Session) -> Option<IpAddr> {
        match session.fields.get(self.client?)? {
            Field::Text(text) => super::select::client_ip(text),
            Field::Integer(_) | Field::Bool(_) => None,
        }
    }

    /// Which entries the audit log has a `requested` line for.
    pub(super) fn recorded(&self) -> HashSet<usize> {
        self.with(|entries| {
            entries.iter().enumerate().filter(|(_, one)| one.recorded).map(|(at, _)| at).collect()
        })
    }

    /// What the counts alone would not tell.
    pub(super) fn remarks(&self) -> Vec<String> {
        let doubtful = self.with(|entries| {
            let gone = |one: &&Entry| one.doubtful && !one.effect && one.standing == Standing::Over;
            entries.iter().filter(gone).count()
        });
        if doubtful == 0 {
            return Vec::new();
        }
        let told = if doubtful == 1 {
            "1 session was gone after the cloud had refused a call that named it together with \
             others; it is counted as already gone, but that call may have ended it"
                .to_owned()
        } else {
            format!(
                "{doubtful} sessions were gone after the cloud had refused a call that named them \
                 together with others; they are counted as already gone, but that call may have \
                 ended some of them"
            )
        };
        vec![told]
    }

    /// What became of every selected session, in the survey's order.
    pub(super) fn endings(&self, verify: Verify, halt: Option<&Halt>) -> Vec<Ending> {
        self.with(|entries| {
            let ending = |entry: &Entry| (entry.fate(verify, halt), entry.request_id.clone());
            entries.iter().map(ending).collect()
        })
    }
}
