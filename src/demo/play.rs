//! The play: who is on stage, the four commands, and what must be true after each of them.

use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

use super::excerpt::excerpt;
use super::screen::{Screen, Style};
use super::{Client, Core, Engine, Error, Redis, SandboxProcess, Scenario, Workshop};

/// The service on stage.
const SERVICE: &str = "huaweicloud_dcs";

/// The oldest engine that knows `terraform_data`.
const OLDEST: (u32, u32, u32) = (1, 4, 0);

/// How long after a command a client may take to notice that it was cut.
const GRACE: Duration = Duration::from_secs(2);

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Exactly those were cut who should have been, each in its turn.
    AsItShould,
    /// Somebody lives who should not, or the other way round.
    Otherwise,
}

/// A client, and the step at which it shall lose its connection.
struct Actor {
    client: Client,
    ends: Ends,
}

/// When a client shall lose its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    AtApply,
    AtDestroy,
    Never,
}

/// Everybody on stage: user, own name, and what shall become of them.
const CAST: [(&str, &str, Ends); 5] = [
    ("app", "shop-web", Ends::AtDestroy),
    ("app", "shop-worker", Ends::AtDestroy),
    ("report", "nightly-report", Ends::AtApply),
    ("report", "forgotten-laptop", Ends::AtApply),
    ("admin", "admin-console", Ends::Never),
];

pub(super) async fn play(screen: &mut Screen) -> Result<Verdict, Error> {
    let began = Instant::now();
    screen.styled(Style::Bold, "Terraform ends live sessions: a demo, on this machine only");
    screen.step("Set the stage", "A first run fetches what is not on PATH, up to 70 MB.");
    let workshop = Workshop::here();
    let redis = Redis::start(&workshop).await?;
    let binary = std::env::current_exe().map_err(Error::io("cannot find this program"))?;
    let sandbox = SandboxProcess::start(&binary, &["--redis", &redis.url()]).await?;
    let core = Core::new(Engine::any(&workshop, OLDEST)?, &binary)?;
    let scenario = Scenario::redis_teardown(&sandbox.card, SERVICE)?;
    let actors = enter(&redis).await?;
    stage(screen, &redis, &sandbox, &core);
    roll_call(screen, &actors, began);

    let dir = scenario.path();
    let mut walk = Walk { screen, core: &core, dir, actors: &actors, began, wrong: Vec::new() };
    walk.command(
        "terraform plan",
        "Shows who would go, before anybody goes.",
        &["plan", "-out=plan"],
    )
    .await?;
    walk.expect("the plan", &[]).await;
    let why = "The report user's password was rotated: sessions opened with the old one go.";
    walk.command("terraform apply", why, &["apply", "plan"]).await?;
    walk.expect("the apply", &[Ends::AtApply]).await;
    walk.roll_call();
    let why = "Nothing is pending, so nobody would go.";
    walk.command("terraform plan, once more", why, &["plan"]).await?;
    walk.expect("the second plan", &[Ends::AtApply]).await;
    let why = "The teardown, announced: everybody but the protected console.";
    walk.command("terraform plan -destroy", why, &["plan", "-destroy", "-out=teardown"]).await?;
    walk.expect("the plan of the teardown", &[Ends::AtApply]).await;
    let why = "First the sessions go, and only when they are gone, the cache.";
    walk.command("terraform apply, the teardown", why, &["apply", "teardown"]).await?;
    walk.expect("the teardown", &[Ends::AtApply, Ends::AtDestroy]).await;
    walk.roll_call();
    Ok(walk.curtain())
}

/// Connects everybody.
async fn enter(redis: &Redis) -> Result<Vec<Actor>, Error> {
    let mut actors = Vec::new();
    for (user, name, ends) in CAST {
        let client = Client::connect(redis.address(), user, redis.password(), name).await?;
        actors.push(Actor { client, ends });
    }
    Ok(actors)
}

/// Says what is on stage.
fn stage(screen: &mut Screen, redis: &Redis, sandbox: &SandboxProcess, core: &Core) {
    let rows = [
        ("Redis", format!("{}, a real one", redis.address())),
        ("Cloud", format!("{}, the sandbox", sandbox.card.endpoint)),
        ("Engine", format!("{}, {}", core.engine().name, core.engine().origin())),
        ("Scenario", "examples/scenarios/redis-teardown".to_owned()),
    ];
    let row =
        |(name, text): (&str, String)| vec![(name.to_owned(), Style::Dim), (text, Style::Plain)];
    screen.table(&rows.map(row));
}

/// The table of connections.
fn roll_call(screen: &mut Screen, actors: &[Actor], began: Instant) {
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
struct Walk<'a> {
    screen: &'a mut Screen,
    core: &'a Core,
    dir: &'a Path,
    actors: &'a [Actor],
    began: Instant,
    wrong: Vec<String>,
}

impl Walk<'_> {
    /// Runs one command and shows what tells.
    async fn command(&mut self, title: &str, why: &str, args: &[&str]) -> Result<(), Error> {
        self.screen.step(title, why);
        let told = self.core.run(self.dir, args, &[]).await?;
        if told.code == 0 {
            self.screen.quote(&excerpt(&told.text()));
            return Ok(());
        }
        let all: Vec<String> = told.text().lines().map(str::to_owned).collect();
        self.screen.quote(&all);
        Err(Error::failed(title, format!("exit code {}", told.code)))
    }

    fn roll_call(&mut self) {
        roll_call(self.screen, self.actors, self.began);
    }

    /// Notes who was not cut and should have been by now, and the other way round.
    async fn expect(&mut self, after: &str, ended: &[Ends]) {
        let end = Instant::now() + GRACE;
        let due = |actor: &&Actor| ended.contains(&actor.ends);
        let noticed = || self.actors.iter().filter(due).all(|actor| actor.client.cut().is_some());
        while !noticed() && Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        for actor in self.actors {
            let name = &actor.client.name;
            match (due(&actor), actor.client.cut()) {
                (true, None) => self.wrong.push(format!("after {after}, {name} still lives")),
                (false, Some(_)) => self.wrong.push(format!("after {after}, {name} is cut")),
                (true, Some(_)) | (false, None) => {}
            }
        }
    }

    /// The summary line.
    fn curtain(&mut self) -> Verdict {
        let seconds = self.began.elapsed().as_secs_f64();
        let cut = self.actors.iter().filter(|actor| actor.client.cut().is_some()).count();
        self.screen.styled(Style::Plain, "");
        if self.wrong.is_empty() {
            let protected = self.actors.len() - cut;
            let text = format!(
                "Done: {cut} connections were cut, each in its turn, and {protected} protected one \
                 lived through it all, in {seconds:.0} s with {}.",
                self.core.engine().name
            );
            self.screen.styled(Style::Good, &text);
            return Verdict::AsItShould;
        }
        let text = format!("Not as it should be: {}.", self.wrong.join("; "));
        self.screen.styled(Style::Bad, &text);
        Verdict::Otherwise
    }
}
