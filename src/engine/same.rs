//! Which entries of lists are one session: the only place that decides it.
//!
//! An id alone is not a session: `ip:port`, process ids and thread numbers are used again within a
//! second. A session is its node, its id and its incarnation: what a list tells of it that a
//! successor cannot share. Where a service gives none
//! ([`Session::incarnation`](crate::services::Session::incarnation)), its age does: a successor has
//! begun after the former was seen. And a connection keeps the address and port that it came from.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::services::{Field, Role, Session, Spec};

/// How far an age can be off: servers count whole seconds between two clocks that each tell whole
/// seconds, so either way by one.
const ROUNDING: Duration = Duration::from_secs(1);

/// Of how much time two clocks run one apart, at most: a kernel that sets a clock right step by step
/// makes it 500 ppm faster or slower and no more (adjtimex(2)), and there is one at either side.
const DRIFT: u32 = 1000;

/// A session as one answer showed it. Clones share it: a run holds several of each session.
#[derive(Clone, Debug)]
pub(super) struct Sighting(Arc<Seen>);

/// What an answer showed.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// Shared with whatever is told of it.
    pub(super) session: Arc<Session>,
    /// It began no earlier than this; None if nothing tells.
    earliest: Option<Instant>,
    /// It began no later than this.
    latest: Instant,
    /// When the answer was asked for, and when it had arrived.
    asked: Instant,
    arrived: Instant,
    /// Where it comes from, if that is told with a port.
    client: Option<SocketAddr>,
}

impl Sighting {
    /// An entry of an answer that was asked for and that arrived at these moments. What prepared
    /// the answer counts as asking: ages are as of some moment in between.
    pub(super) fn new(spec: &Spec, session: Session, asked: Instant, arrived: Instant) -> Sighting {
        let age = age(spec, &session);
        let back = |from: Instant, by: Duration| from.checked_sub(by);
        let earliest = age.and_then(|age| back(asked, age.saturating_add(ROUNDING)));
        let latest = age.and_then(|age| back(arrived, age.saturating_sub(ROUNDING)));
        let client = client(spec, &session);
        let session = Arc::new(session);
        let latest = latest.unwrap_or(arrived);
        Sighting(Arc::new(Seen { session, earliest, latest, asked, arrived, client }))
    }

    /// Whether `later`, seen after this, is the same session.
    pub(super) fn is(&self, later: &Sighting) -> bool {
        let incarnation = self.session.incarnation.as_deref();
        self.session.place() == later.session.place()
            && later.continues(incarnation, self.latest, self.client)
    }

    /// Whether it is the same session as one of its place that was seen before and of which this is
    /// known.
    fn continues(
        &self,
        incarnation: Option<&str>,
        latest: Instant,
        client: Option<SocketAddr>,
    ) -> bool {
        match (incarnation, self.session.incarnation.as_deref()) {
            (Some(former), Some(mine)) => former == mine,
            // A server whose clock is set forward makes sessions older, never younger; so only
            // youth tells a successor.
            _ => {
                let elsewhere =
                    client.zip(self.client).is_some_and(|(former, mine)| former != mine);
                !self.began_after(latest) && !elsewhere
            }
        }
    }

    /// What tells it apart from others of its place, and nothing else of it.
    pub(super) fn mark(&self) -> Mark {
        let incarnation = self.session.incarnation.clone();
        Mark { incarnation, latest: self.latest, client: self.client }
    }

    /// Whether one that [is](Sighting::is) the same, as far as anything tells, cannot be another: it
    /// has the same number, or was there before this answer was made.
    pub(super) fn is_surely(&self, later: &Sighting) -> bool {
        let numbers = self.session.incarnation.as_ref().zip(later.session.incarnation.as_ref());
        numbers.is_some() || later.latest <= self.asked
    }

    /// The same session as a later answer shows it. What the former answer told of its beginning
    /// stays true: an answer that took long tells little, and must not hide a successor from the
    /// next.
    pub(super) fn again(&self, later: Sighting) -> Sighting {
        let apart = later.arrived.saturating_duration_since(self.arrived) / DRIFT;
        let latest = later.latest.min(self.latest + apart);
        if latest == later.latest {
            return later;
        }
        Sighting(Arc::new(Seen { latest, ..Seen::clone(&later) }))
    }

    /// Whether it certainly began after a moment.
    pub(super) fn began_after(&self, moment: Instant) -> bool {
        self.earliest.is_some_and(|earliest| earliest > moment)
    }

    /// What a later run needs to know it again, by a clock that both have.
    pub(super) fn known(&self, clock: Clock) -> Known {
        Known {
            node: self.session.node.clone(),
            id: self.session.id.0.clone(),
            incarnation: self.session.incarnation.clone(),
            began_by: Some(clock.wall(self.latest)),
        }
    }
}

impl Deref for Sighting {
    type Target = Seen;

    fn deref(&self) -> &Seen {
        &self.0
    }
}

/// What tells a session apart from others of its node and id.
#[derive(Debug)]
pub(super) struct Mark {
    incarnation: Option<String>,
    latest: Instant,
    client: Option<SocketAddr>,
}

impl Mark {
    /// Whether a sighting of its node and id, made later, is the same session.
    pub(super) fn is(&self, later: &Sighting) -> bool {
        later.continues(self.incarnation.as_deref(), self.latest, self.client)
    }
}

/// The client's address and port; None of what is a name, or lacks the port.
fn client(spec: &Spec, session: &Session) -> Option<SocketAddr> {
    match session.fields.get(spec.column(Role::Client)?.name)? {
        Field::Text(text) => text.parse().ok(),
        Field::Integer(_) | Field::Bool(_) => None,
    }
}

fn age(spec: &Spec, session: &Session) -> Option<Duration> {
    match session.fields.get(spec.column(Role::Age)?.name)? {
        Field::Integer(seconds) => u64::try_from(*seconds).ok().map(Duration::from_secs),
        Field::Text(_) | Field::Bool(_) => None,
    }
}

/// A session of an earlier run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its node.
    pub node: String,
    /// Its id.
    pub id: String,
    /// What its list told of it that a successor cannot share.
    pub incarnation: Option<String>,
    /// It began no later than this.
    pub began_by: Option<SystemTime>,
}

impl Known {
    /// Whether an entry of a list is that session, as far as anything tells.
    pub(super) fn is(&self, later: &Sighting, clock: Clock) -> bool {
        if (self.node.as_str(), self.id.as_str())
            != (later.session.node.as_str(), later.session.id.0.as_str())
        {
            return false;
        }
        match (&self.incarnation, &later.session.incarnation) {
            (Some(mine), Some(other)) => mine == other,
            _ => match (self.began_by, later.earliest) {
                (Some(by), Some(earliest)) => clock.wall(earliest) <= by,
                _ => true,
            },
        }
    }
}

/// The wall clock beside the one that runs evenly, read at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    wall: SystemTime,
    even: Instant,
}

impl Clock {
    pub(super) fn at(wall: SystemTime) -> Clock {
        Clock { wall, even: Instant::now() }
    }

    fn wall(self, moment: Instant) -> SystemTime {
        let ahead = self.wall.checked_add(moment.saturating_duration_since(self.even));
        let behind = self.even.saturating_duration_since(moment);
        ahead.and_then(|wall| wall.checked_sub(behind)).unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests;
