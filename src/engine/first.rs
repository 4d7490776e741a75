//! The first look: the nodes of a target, all their lists, and whom a request means of them.

use std::collections::BTreeMap;

use futures_util::future::join_all;

use super::ledger;
use super::reading::Reading;
use super::run::{Run, Trouble};
use super::same::{Clock, Sighting};
use super::select::{self, Judge};
use super::{Halt, Request, Selection, Survey};
use crate::services::{Node, Session};

/// How often a list that moves is read for somebody who only wants to see it.
const READINGS_TO_SHOW: u32 = 2;

/// What the lists of all nodes showed, before anybody is selected.
#[derive(Debug)]
pub struct View {
    pub(super) nodes: Vec<Node>,
    pub(super) sightings: Vec<Sighting>,
    pub(super) looks: BTreeMap<String, ledger::Node>,
    unseen: usize,
    left_out: BTreeMap<&'static str, usize>,
    doubt: Option<&'static str>,
    request_ids: Vec<String>,
    /// What holds the target in place beside its sessions; empty also where nobody has looked.
    pub(super) obstacles: Vec<String>,
}

/// Whom a request means.
pub(super) struct Found<'a> {
    pub(super) judge: Judge<'a>,
    /// Sorted by place, each session once.
    pub(super) sightings: Vec<Sighting>,
    /// Its indexes are those of `sightings`; its `sessions` are empty.
    pub(super) survey: Survey,
}

impl View {
    /// Whether nobody who was there can have been skipped.
    pub(super) fn shows_all(&self) -> bool {
        self.doubt.is_none() && self.unseen == 0
    }

    fn of(nodes: Vec<Node>, mut readings: Vec<Reading<'_>>, request_ids: Vec<String>) -> View {
        readings.sort_by(|a, b| a.node.cmp(&b.node));
        let mut view = View {
            nodes,
            sightings: Vec::new(),
            looks: BTreeMap::new(),
            unseen: 0,
            left_out: BTreeMap::new(),
            doubt: None,
            request_ids,
            obstacles: Vec::new(),
        };
        for mut reading in readings {
            view.looks.insert(reading.node.clone(), ledger::Node::seen(&reading));
            view.doubt = view.doubt.or(reading.doubt());
            view.unseen += reading.unseen;
            for (what, count) in &reading.left_out {
                *view.left_out.entry(what).or_default() += count;
            }
            view.sightings.append(&mut reading.sightings);
        }
        view
    }

    /// Whom a request means of what was seen, for somebody who only wants to see it.
    pub fn survey(&self, spec: &crate::services::Spec, request: &Request) -> Survey {
        // What an earlier run resolved is not shown apart.
        let clock = Clock::at(std::time::SystemTime::UNIX_EPOCH);
        let everyone = select::in_one_call(spec, request, &self.nodes);
        let judge = Judge::new(spec, request, everyone, clock);
        let sightings = judge.once(self.sightings.clone());
        let mut survey = self.told(judge.select(&sightings));
        survey.sessions = sightings.into_iter().map(|one| one.session.clone()).collect();
        survey
    }

    /// Whom a request means, for a run.
    pub(super) fn find<'a>(
        &mut self,
        spec: &crate::services::Spec,
        request: &'a Request,
        clock: Clock,
    ) -> Found<'a> {
        let everyone = select::in_one_call(spec, request, &self.nodes);
        let judge = Judge::new(spec, request, everyone, clock);
        let sightings = judge.once(std::mem::take(&mut self.sightings));
        let survey = self.told(judge.select(&sightings));
        Found { judge, sightings, survey }
    }

    fn told(&self, survey: Survey) -> Survey {
        Survey {
            unseen: self.unseen,
            left_out: self.left_out.clone(),
            doubt: self.doubt,
            request_ids: self.request_ids.clone(),
            obstacles: self.obstacles.clone(),
            ..survey
        }
    }
}

impl Found<'_> {
    /// Why the run may end nobody, if so.
    pub(super) fn guard(&self, spec: &crate::services::Spec, request: &Request) -> Option<Halt> {
        let sessions: Vec<&Session> = self.sightings.iter().map(|one| &*one.session).collect();
        select::guard_over(spec, &request.guards, &self.survey, &sessions)
    }
}

impl Run<'_> {
    /// Lists the whole target once.
    async fn view_once(&self) -> Result<View, Trouble> {
        let failed = |trouble| match trouble {
            Trouble::Failed(error) => self.fail(error),
            over @ Trouble::Over(_) => over,
        };
        let nodes = self.nodes().await.map_err(failed)?;
        let readings = join_all(nodes.iter().map(|node| self.read(node))).await;
        let readings = readings.into_iter().collect::<Result<Vec<_>, _>>().map_err(failed)?;
        Ok(View::of(nodes, readings, self.request_ids()))
    }

    /// Lists the whole target for somebody who only wants to see it: a few times, if it moves. Then
    /// whoever was seen at any time counts.
    pub(super) async fn view(&self) -> Result<View, Trouble> {
        let (mut tries, mut before) = (1, Vec::new());
        loop {
            let mut view = self.view_once().await?;
            if view.doubt.is_none() {
                return Ok(view);
            }
            before.append(&mut view.sightings);
            if view.unseen > 0 || tries >= READINGS_TO_SHOW || !self.wait(self.pace.poll).await {
                view.sightings = before;
                return Ok(view);
            }
            tries += 1;
        }
    }

    /// Lists the whole target for a run. Where guards count whom they have not seen, until it is
    /// read whole; if it is not in time, the run ends.
    pub(super) async fn view_for(&self, request: &Request) -> Result<View, Trouble> {
        let mut pauses = 0;
        loop {
            let view = self.view_once().await?;
            let everyone = select::in_one_call(self.spec, request, &view.nodes);
            let guards = &request.guards;
            let all = matches!(request.selection, Selection::All);
            let counts =
                guards.max_sessions.is_some() || (everyone && (guards.protect.is_some() || !all));
            let Some(doubt) = view.doubt.filter(|_| counts && view.unseen == 0) else {
                return Ok(view);
            };
            if !self.wait(self.pace.poll * 2_u32.pow(pauses)).await {
                let over = self.over(None);
                if self.left().is_zero() {
                    self.note(Halt::Uncounted(doubt));
                }
                return Err(over);
            }
            pauses = (pauses + 1).min(3);
        }
    }
}
