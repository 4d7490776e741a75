//! The play in three acts: who is on stage, the commands, and what must be true after each of them.

use tokio::time::Instant;

use super::drop_database::database_is_dropped;
use super::screen::{Screen, Style};
use super::walk::{Actor, Ends, Walk, roll_call};
use super::{
    Card, Client, Core, Engine, Error, Postgres, PostgresPrograms, Redis, SandboxProcess, Scenario,
    Workshop,
};

/// The services on stage, one of each cloud.
const CACHE: &str = "huaweicloud_dcs";
const TERMINALS: &str = "alicloud_ecs";

/// The oldest engine that knows `terraform_data`.
const OLDEST: (u32, u32, u32) = (1, 4, 0);

/// How it came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Exactly those were cut who should have been, each in its turn.
    AsItShould,
    /// Somebody lives who should not, or the other way round.
    Otherwise,
}

/// Clients of the cache: user, own name, and what shall become of them.
const CLIENTS: [(&str, &str, Ends); 5] = [
    ("app", "shop-web", Ends::AtDestroy),
    ("app", "shop-worker", Ends::AtDestroy),
    ("report", "nightly-report", Ends::AtApply),
    ("report", "forgotten-laptop", Ends::AtApply),
    ("admin", "admin-console", Ends::Never),
];

/// Terminals: user, on which instance in the sandbox's order, and what shall become of them.
const PEOPLE: [(&str, usize, Ends); 3] =
    [("ada", 0, Ends::AtReplacement), ("grace", 0, Ends::AtReplacement), ("linus", 1, Ends::Never)];

pub(super) async fn play(screen: &mut Screen) -> Result<Verdict, Error> {
    let began = Instant::now();
    screen.styled(
        Style::Bold,
        "Live sessions end before what they use goes: a demo, on this machine only",
    );
    screen.step("Set the stage", "A first run fetches what is not on PATH, up to 70 MB.");
    let workshop = Workshop::here();
    let programs = PostgresPrograms::any(&workshop)?;
    let postgres = Postgres::start(&programs, &[]).await?;
    let redis = Redis::start(&workshop).await?;
    let binary = std::env::current_exe().map_err(Error::io("cannot find this program"))?;
    let url = redis.url();
    let options = ["--redis", &url, "--clients", "0", "--job", "500ms"];
    let sandbox = SandboxProcess::start(&binary, &options).await?;
    let core = Core::new(Engine::any(&workshop, OLDEST)?, &binary)?;
    stage(screen, &postgres, &redis, &sandbox, &core);

    let (mut wrong, connections) =
        database_is_dropped(screen, &core, &postgres, &programs, began).await?;

    screen.styled(Style::Bold, "\nA cache in the cloud is torn down, and a password rotated");
    let card = &sandbox.card;
    let scenario = Scenario::redis_teardown(card, card.instance(CACHE)?)?;
    let actors = clients(&redis).await?;
    roll_call(screen, &actors, began);
    let walk = Walk { screen, core: &core, dir: scenario.path(), actors: &actors, began, env: &[] };
    wrong.extend(cache_goes(walk).await?);

    screen.styled(Style::Bold, "\nA bastion is replaced");
    let scenario = Scenario::terminal_sessions(card, card.instance(TERMINALS)?)?;
    let people = people(card).await?;
    let walk = Walk { screen, core: &core, dir: scenario.path(), actors: &people, began, env: &[] };
    wrong.extend(bastion_is_replaced(walk).await?);

    let everybody: Vec<&Actor> = connections.iter().chain(&actors).chain(&people).collect();
    Ok(curtain(screen, &core, &everybody, &wrong, began))
}

/// The second act, on Huawei Cloud: a password is rotated, and then all is torn down.
async fn cache_goes(mut walk: Walk<'_>) -> Result<Vec<String>, Error> {
    let mut wrong = Vec::new();
    let why = "Shows who would go, before anybody goes.";
    walk.command("plan", why, &["plan", "-out=plan"]).await?;
    wrong.extend(walk.unexpected("the plan", &[]).await);
    let why = "The report user's password was rotated: sessions opened with the old one go.";
    walk.command("apply", why, &["apply", "plan"]).await?;
    wrong.extend(walk.unexpected("the apply", &[Ends::AtApply]).await);
    walk.roll_call();
    let why = "Nothing is pending, so nobody would go.";
    walk.command("plan, once more", why, &["plan"]).await?;
    wrong.extend(walk.unexpected("the second plan", &[Ends::AtApply]).await);
    let why = "The teardown, announced: everybody but the protected console.";
    walk.command("plan -destroy", why, &["plan", "-destroy", "-out=teardown"]).await?;
    wrong.extend(walk.unexpected("the plan of the teardown", &[Ends::AtApply]).await);
    let why = "First the sessions go, and only when they are gone, the cache.";
    walk.command("apply, the teardown", why, &["apply", "teardown"]).await?;
    wrong.extend(walk.unexpected("the teardown", &[Ends::AtApply, Ends::AtDestroy]).await);
    walk.roll_call();
    Ok(wrong)
}

/// The third act, on Alibaba Cloud: a bastion is replaced while people work on it.
async fn bastion_is_replaced(mut walk: Walk<'_>) -> Result<Vec<String>, Error> {
    let mut wrong = Vec::new();
    let why =
        "Ada and Grace work on the bastion, Linus elsewhere; nobody loses a terminal by this.";
    let apply = ["apply", "-auto-approve"];
    walk.command("apply, of examples/scenarios/terminal-sessions", why, &apply).await?;
    wrong.extend(walk.unexpected("the apply for the bastion", &[]).await);
    walk.roll_call();
    let why = "A new image replaces the bastion: two people would lose their terminals.";
    let plan = ["plan", "-var", "image=2026-11", "-out=replacement"];
    walk.command("plan, with another image", why, &plan).await?;
    wrong.extend(walk.unexpected("the plan of the replacement", &[]).await);
    let why = "First the terminals end, then the bastion goes, then the new one comes.";
    walk.command("apply, the replacement", why, &["apply", "replacement"]).await?;
    wrong.extend(walk.unexpected("the replacement", &[Ends::AtReplacement]).await);
    walk.roll_call();
    Ok(wrong)
}

/// Connects the cache's clients.
async fn clients(redis: &Redis) -> Result<Vec<Actor>, Error> {
    let mut actors = Vec::new();
    for (user, name, ends) in CLIENTS {
        let client = Client::connect(redis.address(), user, redis.password(), name).await?;
        actors.push(Actor { client, ends });
    }
    Ok(actors)
}

/// Opens the terminals.
async fn people(card: &Card) -> Result<Vec<Actor>, Error> {
    let instances: Vec<&str> = card.instances_of(TERMINALS).collect();
    let mut actors = Vec::new();
    for (user, at, ends) in PEOPLE {
        let none = || Error::failed("the sandbox is not complete", "it has too few instances");
        let instance = instances.get(at).ok_or_else(none)?;
        actors.push(Actor { client: Client::terminal(card, instance, user).await?, ends });
    }
    Ok(actors)
}

/// Says what is on stage.
fn stage(
    screen: &mut Screen,
    postgres: &Postgres,
    redis: &Redis,
    sandbox: &SandboxProcess,
    core: &Core,
) {
    let database = format!("{}, a real one, version {}", postgres.address(), postgres.version());
    let rows = [
        ("PostgreSQL", database),
        ("Redis", format!("{}, a real one", redis.address())),
        ("Cloud", format!("{}, the sandbox", sandbox.card.endpoint)),
        ("Engine", format!("{}, {}", core.engine().name, core.engine().origin())),
        ("Scenarios", "examples/scenarios".to_owned()),
    ];
    let row =
        |(name, text): (&str, String)| vec![(name.to_owned(), Style::Dim), (text, Style::Plain)];
    screen.table(&rows.map(row));
}

/// The summary line.
fn curtain(
    screen: &mut Screen,
    core: &Core,
    actors: &[&Actor],
    wrong: &[String],
    began: Instant,
) -> Verdict {
    screen.styled(Style::Plain, "");
    if !wrong.is_empty() {
        screen.styled(Style::Bad, &format!("Not as it should be: {}.", wrong.join("; ")));
        return Verdict::Otherwise;
    }
    let cut = actors.iter().filter(|actor| actor.client.cut().is_some()).count();
    let text = format!(
        "Done: {cut} connections of a server and two clouds were cut, each in its turn, and {} stayed \
         connected, in {:.0} s with {}.",
        actors.len() - cut,
        began.elapsed().as_secs_f64(),
        core.engine().name
    );
    screen.styled(Style::Good, &text);
    Verdict::AsItShould
}
