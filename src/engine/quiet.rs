//! After the kill: ending newcomers, too, until none has been there for so long.
//!
//! It keeps nobody out. Every look takes newcomers in as if they had been selected; there is at most
//! one look a second, and what counts is the time between two steady looks without anybody.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::Halt;
use super::entry::{Entry, Standing};
use super::last;
use super::report::Comer;
use super::rounds::Rounds;
use super::run::Trouble;
use crate::services::{Field, Node, Role, Session};

/// The least time between two looks at one node.
pub(super) const BETWEEN: Duration = Duration::from_secs(1);

impl Rounds<'_> {
    /// Ends whoever comes, until for so long nobody has been there whom the run would select.
    pub(super) async fn until_quiet(&self, nodes: &[Node]) {
        let Some(quiet) = self.request.quiet else { return };
        let run = self.ask.run;
        if run.halt().is_some() || self.ask.ledger.with(|book| book.entries.iter().any(lives)) {
            return;
        }
        self.chases.store(true, Ordering::Relaxed);
        self.ask.ledger.with(|book| book.adopts = true);
        let mut since: Option<Instant> = None;
        loop {
            match self.glance(nodes).await {
                Some((came, asked)) => {
                    if came {
                        since = None;
                        self.all(nodes).await;
                    } else if let Some(asked) = asked {
                        let first = *since.get_or_insert(asked);
                        if asked.saturating_duration_since(first) >= quiet {
                            break;
                        }
                    }
                }
                None => break,
            }
            if run.is_over() || self.ask.ledger.with(|book| book.entries.iter().any(lives)) {
                break;
            }
        }
        self.ask.ledger.with(|book| book.adopts = false);
        self.chases.store(false, Ordering::Relaxed);
        if matches!(run.halt(), Some(Halt::TimedOut(_))) {
            run.note(Halt::NotQuiet(self.comers()));
        }
    }

    /// One look at every node, a second after the last: whether anybody has come, and if all was
    /// read without a doubt, when that was begun. None if the run is over.
    async fn glance(&self, nodes: &[Node]) -> Option<(bool, Option<Instant>)> {
        let run = self.ask.run;
        if !self.space_looks(nodes).await {
            run.over(None);
            return None;
        }
        let looks = join_all(nodes.iter().map(|node| async {
            let mut reading = run.read(node).await?;
            let (steady, asked) = (reading.is_steady(), reading.asked);
            let changed = self.ask.ledger.with(|book| {
                book.take_in(&mut reading, self.judge);
                book.other_server(&reading)
            });
            if let Some(error) = changed {
                run.stop(Halt::Failed(error));
            }
            Ok::<_, Trouble>((steady, asked))
        }))
        .await;
        let (mut whole, mut asked) = (true, None::<Instant>);
        for look in looks {
            match look {
                Ok((steady, at)) => {
                    whole &= steady;
                    asked = Some(asked.map_or(at, |known| known.min(at)));
                }
                Err(Trouble::Failed(error)) => {
                    run.fail(error);
                    return None;
                }
                Err(Trouble::Over(_)) => return None,
            }
        }
        let due = |entry: &Entry| entry.is_open() || entry.standing == Standing::Untouched;
        let came = self.ask.ledger.with(|book| book.entries.iter().any(due));
        Some((came, asked.filter(|_| whole)))
    }

    /// Waits until every node may be looked at again. False if the run is over first.
    pub(super) async fn space_looks(&self, nodes: &[Node]) -> bool {
        let last = self.ask.ledger.with(|book| {
            nodes.iter().filter_map(|node| Some(book.nodes.get(&node.id)?.last?.asked)).max()
        });
        let due = last.map(|asked| asked + BETWEEN);
        let wait = due.map_or(Duration::ZERO, |due| due.saturating_duration_since(Instant::now()));
        wait.is_zero() || self.ask.run.wait(wait).await
    }

    /// Who came, and how often, the most frequent first.
    fn comers(&self) -> Vec<Comer> {
        let spec = self.ask.run.spec;
        self.ask.ledger.with(|book| {
            let mut known: HashMap<(Option<String>, Option<Field>), Comer> = HashMap::new();
            for entry in book.entries.iter().filter(|entry| entry.came) {
                let session = &entry.sighting.session;
                // One pool has many clients at one address: they are told apart by their names.
                let name = spec.column(Role::Name).and_then(|name| session.fields.get(name.name));
                let who = (last::who(spec, session), name.cloned());
                let comer = || Comer { session: Session::clone(session), times: 0 };
                known.entry(who).or_insert_with(comer).times += 1;
            }
            let mut all: Vec<Comer> = known.into_values().collect();
            let order = |one: &Comer| (usize::MAX - one.times, one.session.id.clone());
            all.sort_by_key(order);
            all
        })
    }
}

/// Whether it lives on, so that no quiet can come.
fn lives(entry: &Entry) -> bool {
    matches!(entry.standing, Standing::Alive(_) | Standing::Lost(_)) && entry.is_killable()
}
