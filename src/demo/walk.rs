//! One engine's walk through a scenario, and the clients that are to be cut on the way.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::excerpt::excerpt;
use super::screen::{Screen, Style};
use super::{Client, Core, Error};

/// How long after a command a client may take to notice that it was cut.
const GRACE: Duration = Duration::from_secs(2);

/// A client, and the step at which it shall lose its connection.
pub(super) struct Actor {
    pub(super) client: Client,
    pub(super) ends: Ends,
}

/// When a client shall lose its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ends {
    AtApply,
    AtDestroy,
    AtReplacement,
    Never,
}

/// The table of connections.
pub(super) fn roll_call(screen: &mut Screen, actors: &[Actor], began: Instant) {
    let head = ["connection", "user", "address", "state"].map(|word| (word.to_owned(), Style::Dim));
    let mut rows = vec![head.to_vec()];
    for Actor { client, .. } in actors {
        let state = match client.cut() {
            None => ("alive".to_owned(), Style::Good),
            Some(at) => (format!("cut at {}", since(began, at)), Style::Cut),
        };
        let plain = [client.name.clone(), client.user.clone(), client.address.to_string()];
        rows.push(plain.map(|text| (text, Style::Plain)).into_iter().chain([state]).collect());
    }
    screen.table(&rows);
}

fn since(began: Instant, at: Instant) -> String {
    format!("+{:.1} s", at.duration_since(began).as_secs_f64())
}

/// One engine, walking through one scenario.
pub(super) struct Walk<'a> {
    pub(super) screen: &'a mut Screen,
    pub(super) core: &'a Core,
    pub(super) dir: &'a Path,
    pub(super) actors: &'a [Actor],
    pub(super) began: Instant,
    /// More variables for the engine.
    pub(super) env: &'a [(&'a str, &'a str)],
}

impl Walk<'_> {
    /// Runs one command, which must succeed, and shows what tells.
    pub(super) async fn command(
        &mut self,
        title: &str,
        why: &str,
        args: &[&str],
    ) -> Result<(), Error> {
        self.run(title, why, args, None).await
    }

    /// The same with one that must fail, with these words.
    pub(super) async fn refused(
        &mut self,
        title: &str,
        why: &str,
        args: &[&str],
        refusal: &str,
    ) -> Result<(), Error> {
        self.run(title, why, args, Some(refusal)).await
    }

    async fn run(
        &mut self,
        title: &str,
        why: &str,
        args: &[&str],
        refusal: Option<&str>,
    ) -> Result<(), Error> {
        let title = &format!("{} {title}", self.core.engine().program());
        self.screen.step(title, why);
        let told = self.core.run(self.dir, args, self.env).await?;
        let as_it_should = match refusal {
            None => told.code == 0,
            Some(words) => told.code == 1 && told.text().contains(words),
        };
        if as_it_should {
            self.screen.quote(&excerpt(&told.text()));
            return Ok(());
        }
        let all: Vec<String> = told.text().lines().map(str::to_owned).collect();
        self.screen.quote(&all);
        Err(Error::failed(title, format!("exit code {}", told.code)))
    }

    pub(super) fn roll_call(&mut self) {
        roll_call(self.screen, self.actors, self.began);
    }

    /// Who was not cut and should have been by now, and the other way round.
    pub(super) async fn unexpected(&mut self, after: &str, ended: &[Ends]) -> Vec<String> {
        let end = Instant::now() + GRACE;
        let due = |actor: &&Actor| ended.contains(&actor.ends);
        let noticed = || self.actors.iter().filter(due).all(|actor| actor.client.cut().is_some());
        while !noticed() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let told = |actor: &Actor| {
            let name = &actor.client.name;
            match (due(&actor), actor.client.cut()) {
                (true, None) => Some(format!("after {after}, {name} still lives")),
                (false, Some(_)) => Some(format!("after {after}, {name} is cut")),
                (true, Some(_)) | (false, None) => None,
            }
        };
        self.actors.iter().filter_map(told).collect()
    }
}
