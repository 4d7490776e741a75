//! The first act, on a real PostgreSQL: a database cannot be dropped while anybody is in it.

use tokio::time::Instant;

use super::screen::{Screen, Style};
use super::walk::{Actor, Ends, Walk, roll_call};
use super::{Core, Error, Postgres, PostgresPrograms, Scenario};

/// Who is connected: in which database, by what name, and what shall become of him.
const CLIENTS: [(&str, &str, Ends); 5] = [
    ("shop", "shop-web-1", Ends::AtDestroy),
    ("shop", "shop-web-2", Ends::AtDestroy),
    ("shop", "shop-worker", Ends::AtDestroy),
    ("shop", "forgotten-psql", Ends::AtDestroy),
    ("billing", "billing-web", Ends::Never),
];

/// Without us the drop fails, with one block more it goes through. Who was connected, and what was
/// not as it should be.
pub(super) async fn database_is_dropped(
    screen: &mut Screen,
    core: &Core,
    postgres: &Postgres,
    programs: &PostgresPrograms,
    began: Instant,
) -> Result<(Vec<String>, Vec<Actor>), Error> {
    screen.styled(Style::Bold, "\nA database is dropped while people use it");
    let role = format!("CREATE ROLE app LOGIN PASSWORD '{}'", postgres.password());
    let statements = [&*role, "CREATE DATABASE shop", "CREATE DATABASE billing"];
    postgres.run("postgres", &statements).await?;
    let mut actors = Vec::new();
    for (database, name, ends) in CLIENTS {
        let client = postgres.client("app", postgres.password(), database, name).await?;
        actors.push(Actor { client, ends });
    }
    roll_call(screen, &actors, began);
    let scenario = Scenario::drop_database(postgres, &programs.psql)?;
    let env = [("PGPASSWORD", postgres.password())];
    let mut walk = Walk { screen, core, dir: scenario.path(), actors: &actors, began, env: &env };

    let mut wrong = Vec::new();
    let why = "A database in the configuration, which is dropped when its block goes.";
    walk.command("apply", why, &["apply", "-auto-approve"]).await?;
    let why = "Without us the server refuses: somebody is still connected.";
    let refusal = "is being accessed by other users";
    walk.refused("destroy", why, &["destroy", "-auto-approve"], refusal).await?;
    wrong.extend(walk.unexpected("the refused drop", &[]).await);
    let why = "One block more, session_termination_postgresql. It ends nobody yet.";
    scenario.add_sessions()?;
    walk.command("apply", why, &["apply", "-auto-approve"]).await?;
    wrong.extend(walk.unexpected("the apply", &[]).await);
    let why = "Shows who would go, before anybody goes.";
    walk.command("plan -destroy", why, &["plan", "-destroy", "-out=drop"]).await?;
    wrong.extend(walk.unexpected("the plan of the drop", &[]).await);
    let why = "First the sessions go, and when they are gone, the database.";
    walk.command("apply, the drop", why, &["apply", "drop"]).await?;
    wrong.extend(walk.unexpected("the drop", &[Ends::AtDestroy]).await);
    walk.roll_call();
    Ok((wrong, actors))
}
