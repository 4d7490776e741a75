//! What is asked for by itself: a job, or one session.

use tokio::time::Instant;

use super::run::{Repeat, Run, Trouble};
use super::same::Sighting;
use crate::services::{Node, Progress, Session, Ticket};

impl Run<'_> {
    /// Polls a job until it is done, or until `patience` ends: then it is still running.
    pub(super) async fn finish(
        &self,
        ticket: &Ticket,
        patience: Instant,
    ) -> Result<Progress, Trouble> {
        loop {
            let progress = self.call("poll a job", Repeat::Freely, || self.sessions.poll(ticket));
            let progress = progress.await?;
            if progress != Progress::Running {
                return Ok(progress);
            }
            if !self.wait(self.pace.poll).await {
                return Err(self.over(None));
            }
            if Instant::now() >= patience {
                return Ok(Progress::Running);
            }
        }
    }

    /// Whoever holds the id of a session now, asked for by itself.
    pub(super) async fn find(
        &self,
        node: &Node,
        whom: &Sighting,
    ) -> Result<Vec<Sighting>, Trouble> {
        let asked = Instant::now();
        let find = || self.sessions.find(node, &whom.session);
        let found = self.call("look for a session", Repeat::Freely, find).await?;
        let arrived = Instant::now();
        let sighting = |mut session: Session| {
            session.node.clone_from(&node.id);
            Sighting::new(self.spec, session, asked, arrived)
        };
        Ok(found.into_iter().map(sighting).collect())
    }
}
