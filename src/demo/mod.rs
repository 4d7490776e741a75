//! The main job on one command: a real engine, a real Redis, real connections that are really cut.
//!
//! [`main`] starts a PostgreSQL and drops a database of it as in `examples/scenarios/drop-database`,
//! then a Redis, the sandbox before it and some clients, and walks plan, apply and destroy over
//! `examples/scenarios/redis-teardown`, opens terminals and replaces the machine behind them as in
//! `examples/scenarios/terminal-sessions`, and watches who loses the connection. It talks
//! to the provider and the sandbox only as a user would: as processes. Its parts are public,
//! because the tests with real engines stand on them too.

#![expect(clippy::disallowed_methods, reason = "it is a program of its own, on this very machine")]

mod clients;
mod core;
mod drop_database;
mod engines;
mod error;
mod excerpt;
mod leash;
mod play;
mod postgres;
mod redis;
mod sandbox_process;
mod scenario;
mod scratch;
mod screen;
mod terminals;
mod walk;
mod workshop;

use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::process::ExitCode;

pub use self::clients::Client;
pub use self::core::{Core, Output};
pub use self::engines::{Engine, PINS, Pin};
pub use self::error::Error;
pub use self::postgres::{Postgres, PostgresPrograms};
pub use self::redis::Redis;
pub use self::sandbox_process::{
    Card, CardAlicloud, CardCredentials, CardInstance, SandboxProcess,
};
pub use self::scenario::{Scenario, alicloud_variables, variables};
pub use self::scratch::Scratch;
pub use self::workshop::{Packages, Wheel, Workshop};

use self::play::{Verdict, play};
use self::screen::{Colour, Screen, Style};

const HELP: &str = "\
Cuts real connections with a real Terraform, on this machine only.

Usage: terraform-provider-session demo

It starts a PostgreSQL, and a sandbox of the clouds' APIs before a Redis with clients and a
bastion with open terminals, then runs plan, apply and destroy.

Needs `terraform` or `tofu`, `postgres` and `redis-server` on PATH. On Linux x86_64, Python 3 is
enough: it fetches what is missing. The exit code is 0 if exactly the expected connections were cut.";

/// Runs the demo; `arguments` are those after `demo`. 0 if exactly the expected connections
/// were cut.
pub fn main(arguments: &[OsString]) -> ExitCode {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let terminal = std::io::stdout().is_terminal();
    let colour = if terminal && !plain { Colour::On } else { Colour::Off };
    let mut screen = Screen::new(Box::new(std::io::stdout()), colour);
    if let Some(argument) = arguments.first() {
        let complaint = complaint(argument);
        if let Some(complaint) = &complaint {
            screen.styled(Style::Bad, &format!("{complaint}\n"));
        }
        screen.styled(Style::Plain, HELP);
        return if complaint.is_none() { ExitCode::SUCCESS } else { ExitCode::from(2) };
    }
    let told = tokio::runtime::Runtime::new()
        .map_err(Error::io("could not start"))
        .and_then(|runtime| runtime.block_on(play(&mut screen)));
    match told {
        Ok(Verdict::AsItShould) => ExitCode::SUCCESS,
        Ok(Verdict::Otherwise) => ExitCode::FAILURE,
        Err(error) => {
            let cause = std::error::Error::source(&error);
            let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
            screen.styled(Style::Bad, &format!("\nThe demo stopped: {error}{cause}"));
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with an argument; None if it asks for help.
fn complaint(argument: &OsStr) -> Option<String> {
    let asked = argument == "--help" || argument == "-h";
    (!asked).then(|| format!("The demo takes no argument `{}`.", argument.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_argument_is_named_before_the_help() {
        assert_eq!(complaint("--help".as_ref()), None);
        assert_eq!(complaint("-h".as_ref()), None);
        let told = complaint("--fast".as_ref());
        assert_eq!(told.as_deref(), Some("The demo takes no argument `--fast`."));
        assert!(HELP.lines().all(|line| line.len() <= 100), "fits a terminal");
    }
}
