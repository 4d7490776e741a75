//! What a managed resource keeps beside its state: whether its last run failed, and whom it left.
//!
//! Terraform hands it back as opaque bytes, in a replacement also to the calls for the new instance
//! and to the destroy of the old one. No secret stands in it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::engine::{Known, Report, Selection};
use crate::services::SessionId;

/// What earlier versions wrote for a failed run, without a record of whom it left.
const FORMER: &[u8] = b"pending";

/// What stands beside the state of a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Private {
    /// Where a plan stands.
    #[serde(default, skip_serializing_if = "Stage::is_none")]
    pub(super) stage: Stage,
    /// The last run failed: the next plan runs again for what is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pending: Option<Pending>,
}

/// Where a plan stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stage {
    /// Nowhere in particular.
    #[default]
    None,
    /// The second call of a replacement, for the new instance, has its preview already. Terraform
    /// drops what that call warns of, but would wait for it.
    Previewed,
    /// An update, so that what the plan gives is never nothing: in the apply a core hands it over.
    Planned,
    /// A creation. The destroy of a replacement gets what was planned for it in place of its own.
    Creation,
}

impl Stage {
    fn is_none(&self) -> bool {
        *self == Stage::None
    }
}

/// A run that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// Its ids, if it selected by ids and came to a first list, so that it is known whom they
    /// named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ids: Option<BTreeSet<String>>,
    /// Whom it left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<Left>,
}

/// A session that a run left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Left {
    node: String,
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    incarnation: Option<String>,
    /// It began no later than this, in milliseconds of the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    began_by: Option<u64>,
}

impl Private {
    /// Reads what Terraform hands back. What nobody can read is taken for nothing.
    pub(super) fn read(bytes: &[u8]) -> Private {
        if bytes == FORMER {
            return Private { pending: Some(Pending::default()), ..Private::default() };
        }
        serde_json::from_slice(bytes).unwrap_or_default()
    }

    /// What Terraform is to keep.
    pub(super) fn bytes(&self) -> Bytes {
        if *self == Private::default() {
            return Bytes::new();
        }
        serde_json::to_vec(self).map(Bytes::from).unwrap_or_default()
    }

    /// The same at a stage of a plan.
    pub(super) fn at(mut self, stage: Stage) -> Private {
        self.stage = stage;
        self
    }
}

impl Pending {
    /// What a failed run leaves to the next one. One that came to no list resolved nothing, so what
    /// the one `before` it knew still holds.
    pub(super) fn after(
        report: &Report,
        selection: &Selection,
        before: Option<Pending>,
    ) -> Pending {
        if !report.resolved {
            return before.unwrap_or_default();
        }
        let ids = match selection {
            Selection::Ids(ids) => Some(ids.iter().map(|id| id.0.clone()).collect()),
            Selection::All | Selection::Match(_) => None,
        };
        let left =
            if ids.is_some() { report.known.iter().map(Left::of).collect() } else { Vec::new() };
        Pending { ids, left }
    }

    /// Whether it says whom the ids of the failed run named.
    pub(super) fn is_resolved(&self) -> bool {
        self.ids.is_some()
    }

    /// Narrows ids to whom a run after the failed one means: of those that were in it, whom it
    /// left; the others as they are. With what tells the former apart from successors.
    pub(super) fn narrow(&self, ids: &mut BTreeSet<SessionId>) -> Vec<Known> {
        let Some(former) = &self.ids else { return Vec::new() };
        let left: BTreeSet<&str> = self.left.iter().map(|left| left.id.as_str()).collect();
        ids.retain(|id| !former.contains(&id.0) || left.contains(id.0.as_str()));
        self.left.iter().map(Left::known).collect()
    }
}

impl Left {
    fn of(known: &Known) -> Left {
        let millis = |time: SystemTime| {
            let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        };
        Left {
            node: known.node.clone(),
            id: known.id.clone(),
            incarnation: known.incarnation.clone(),
            began_by: known.began_by.map(millis),
        }
    }

    fn known(&self) -> Known {
        let time = |millis| UNIX_EPOCH.checked_add(Duration::from_millis(millis));
        Known {
            node: self.node.clone(),
            id: self.id.clone(),
            incarnation: self.incarnation.clone(),
            // Rounded up: half of a millisecond must not make a session its own successor.
            began_by: self.began_by.and_then(|millis| time(millis.saturating_add(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(ids: &[&str]) -> BTreeSet<SessionId> {
        ids.iter().map(|id| SessionId((*id).to_owned())).collect()
    }

    fn failed(left: &[&str]) -> Pending {
        let known = left.iter().map(|id| Known {
            node: "n".into(),
            id: (*id).into(),
            incarnation: Some("7".into()),
            began_by: Some(UNIX_EPOCH + Duration::from_secs(90)),
        });
        let report = Report { resolved: true, known: known.collect(), ..Report::default() };
        Pending::after(&report, &Selection::Ids(ids(&["a", "b", "c"])), None)
    }

    #[test]
    fn after_a_failed_run_only_its_survivors_are_meant_of_its_ids_and_new_ids_as_they_are() {
        let pending = failed(&["b"]);
        let private = Private { pending: Some(pending), ..Private::default() };
        let pending = Private::read(&private.bytes()).pending.unwrap();
        let mut now = ids(&["a", "b", "new"]);
        let known = pending.narrow(&mut now);
        assert_eq!(now, ids(&["b", "new"]));
        assert_eq!((known[0].id.as_str(), known[0].incarnation.as_deref()), ("b", Some("7")));
        assert!(known[0].began_by >= Some(UNIX_EPOCH + Duration::from_secs(90)));
    }

    #[test]
    fn a_run_that_came_to_no_list_resolves_nothing_and_forgets_nothing() {
        let none = Report::default();
        let selection = Selection::Ids(ids(&["a"]));
        assert!(!Pending::after(&none, &selection, None).is_resolved());
        let before = failed(&["b"]);
        assert_eq!(Pending::after(&none, &selection, Some(before.clone())), before);
    }

    #[test]
    fn what_earlier_versions_wrote_is_a_failed_run_and_rubbish_is_nothing() {
        assert_eq!(Private::read(b"pending").pending, Some(Pending::default()));
        for rubbish in [&b""[..], b"creation", b"{", b"\xff"] {
            assert_eq!(Private::read(rubbish), Private::default());
        }
        assert!(Private::default().bytes().is_empty());
    }
}
