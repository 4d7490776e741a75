//! The end of a run: one more look where what is guarded goes next, and what the report says.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::entry::{Entry, Standing};
use super::fate::Outcome;
use super::ledger::Book;
use super::report::UNVERIFIED;
use super::rounds::Rounds;
use super::run::Trouble;
use super::same::{Clock, Sighting};
use super::sieve;
use super::{Fate, Halt, Report, Selection, Survey, Verify, Victim};
use crate::services::{Field, Node, Role, Session, SessionId, Spec};

/// How long after the last kill the last look begins: clients that come back do it at once.
const SETTLES: Duration = Duration::from_secs(1);

impl Rounds<'_> {
    /// Looks at the target once more, at least a second after the last kill, if this run ended
    /// anybody. Whoever stands there though he was called gone is asked for again. Returns whoever
    /// else is there and would be selected. A look that cannot be made is a remark.
    pub(super) async fn look_once_more(
        &self,
        nodes: &[Node],
        remarks: &mut Vec<String>,
    ) -> Vec<Session> {
        let run = self.ask.run;
        let ended = self.ask.ledger.with(|book| {
            let ended = book.entries.iter().any(|one| one.effect && one.standing == Standing::Over);
            book.nodes.values().filter_map(|node| node.killed).max().filter(|_| ended)
        });
        // Where quiet was waited for, it has been looked at.
        let asked = self.request.looks_again
            && self.request.quiet.is_none()
            && self.request.verify == Verify::UntilGone;
        let Some(killed) = ended.filter(|_| asked && run.halt().is_none()) else {
            return Vec::new();
        };
        let due = killed + SETTLES;
        let wait = due.saturating_duration_since(Instant::now());
        let why = if run.left() <= wait || !run.wait(wait).await {
            Some("time was up".to_owned())
        } else {
            self.look_at(nodes, due).await
        };
        // Open again: who was called gone, who was spared and is meant again, who was missed.
        let again = |entry: &Entry| entry.is_open() || entry.standing == Standing::Untouched;
        if self.ask.ledger.with(|book| book.entries.iter().any(again)) {
            self.all(nodes).await;
            self.note_doubt();
        } else if let Some(why) = why {
            remarks.push(format!(
                "whether anybody has come back could not be looked at once more: {why}"
            ));
            return Vec::new();
        }
        self.ask.ledger.with(|book| {
            let fresh = book.nodes.values().flat_map(|node| &node.fresh);
            fresh.map(|one| Session::clone(&one.session)).collect()
        })
    }

    /// Reads every node that was not read since; why that failed, if it did.
    async fn look_at(&self, nodes: &[Node], since: Instant) -> Option<String> {
        // Its failures are no failures of the run.
        let run = self.ask.run.apart();
        let read = |node: &Node| {
            self.ask.ledger.with(|book| {
                let last = book.nodes.get(&node.id).and_then(|node| node.last);
                last.is_some_and(|look| look.asked >= since && look.doubt.is_none())
            })
        };
        let missing = nodes.iter().filter(|node| !read(node));
        let looks = join_all(missing.map(|node| async {
            let mut reading = run.read(node).await?;
            let doubt = reading.doubt();
            self.ask.ledger.with(|book| book.take_in(&mut reading, self.judge));
            Ok::<_, Trouble>(doubt)
        }))
        .await;
        looks.into_iter().find_map(|look| match look {
            Ok(doubt) => doubt.map(|doubt| format!("the list {doubt}")),
            Err(Trouble::Failed(error) | Trouble::Over(Some(error))) => {
                Some(super::run::reason(&error))
            }
            Err(Trouble::Over(None)) => Some("time was up".to_owned()),
        })
    }

    /// Ends the run as not read whole, if that is all that is missing.
    pub(super) fn note_doubt(&self) {
        let run = self.ask.run;
        let doubt = self.ask.ledger.with(|book| {
            let open = book.entries.iter().any(Entry::is_open);
            let doubt = || book.nodes.keys().find_map(|node| self.doubt(book, node));
            if open { None } else { doubt() }
        });
        if let Some(doubt) = doubt
            && matches!(run.halt(), None | Some(Halt::TimedOut(None)))
        {
            run.note(Halt::NotWhole(doubt));
        }
    }

    /// What became of everybody.
    pub(super) fn tell(&self, survey: &Survey, clock: Clock, report: &mut Report) {
        let halt = self.ask.run.halt();
        let outcome = Outcome { verify: self.request.verify, halt: halt.as_ref() };
        self.ask.ledger.with(|book| {
            let fate = |entry: &Entry| {
                let fate = entry.fate(outcome);
                // The run whose call was first has ended it.
                let another =
                    fate == Fate::Terminated && self.ask.turn.is_of_another(entry.told(&fate));
                if another { Fate::AlreadyGone } else { fate }
            };
            for entry in &book.entries {
                let fate = fate(entry);
                let lives = matches!(fate, Fate::Survived(_) | Fate::Untouched);
                if lives {
                    report.known.push(entry.past.known(clock));
                }
                let session = entry.told(&fate).session.clone();
                let request_id = entry.request_id.clone();
                report.victims.push(Victim { session, fate, request_id });
            }
            self.tell_missing(book, halt.as_ref(), report);
            report.reconnected = reconnected(self.ask.run.spec, book, &report.victims);
            report.remarks.extend(book.remarks());
            report.swept = self.judge.everyone && book.asked() > 0;
        });
        report.resolved = true;
        report.ours = survey.ours;
        report.left_out.clone_from(&survey.left_out);
        report.unjudged.clone_from(&survey.unjudged);
    }

    /// Ids that were asked for and that no list showed: gone, if a steady list lacks them.
    fn tell_missing(&self, book: &Book, halt: Option<&Halt>, report: &mut Report) {
        let Selection::Ids(ids) = &self.request.selection else { return };
        let gone = matches!(halt, Some(Halt::TargetGone(_)));
        let doubt = book.nodes.keys().find_map(|node| self.doubt(book, node)).filter(|_| !gone);
        for id in ids.iter().filter(|id| !book.has_id(id)) {
            let Some(doubt) = doubt else {
                report.missing.push(id.0.clone());
                continue;
            };
            let session = Session { id: SessionId(id.0.clone()), ..Session::default() };
            let fate = Fate::Survived(format!("{UNVERIFIED}: the list {doubt}"));
            report.victims.push(Victim { session: Arc::new(session), fate, request_id: None });
        }
    }
}

/// How many newcomers are clients whose session was ended.
fn reconnected(spec: &Spec, book: &Book, victims: &[Victim]) -> u64 {
    if book.newcomers.is_empty() {
        return 0;
    }
    let ended = victims.iter().filter(|one| one.fate == Fate::Terminated);
    let ended: std::collections::BTreeSet<_> =
        ended.filter_map(|one| who(spec, &one.session)).collect();
    let again = |one: &&Sighting| who(spec, &one.session).is_some_and(|who| ended.contains(&who));
    book.newcomers.values().filter(again).count() as u64
}

/// Who a client is, by what its list tells: its address, or else user, database and name.
pub(super) fn who(spec: &Spec, session: &Session) -> Option<String> {
    let told = |role: Role| match session.fields.get(spec.column(role)?.name)? {
        Field::Text(text) if !text.is_empty() => Some(text.clone()),
        Field::Integer(number) => Some(number.to_string()),
        Field::Text(_) | Field::Bool(_) => None,
    };
    if let Some(ip) = told(Role::Client).and_then(|text| sieve::client_ip(&text)) {
        return Some(ip.to_string());
    }
    let parts = [Role::User, Role::Database, Role::Name].map(told);
    parts.iter().any(Option::is_some).then(|| format!("{parts:?}"))
}
