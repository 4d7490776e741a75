//! The main job on one command: a real engine, a real Redis, real connections that are really cut.
//!
//! [`main`] starts a Redis, the sandbox before it and some clients, then walks plan, apply and
//! destroy over `examples/scenarios/redis-teardown`, opens terminals and replaces the machine behind
//! them as in `examples/scenarios/terminal-sessions`, and watches who loses the connection. It talks
//! to the provider and the sandbox only as a user would: as processes. Its parts are public,
//! because the tests with real engines stand on them too.

#![expect(clippy::disallowed_methods, reason = "it is a program of its own, on this very machine")]

mod clients;
mod core;
mod engines;
mod error;
mod excerpt;
mod leash;
mod play;
mod redis;
mod sandbox_process;
mod scenario;
mod scratch;
mod screen;
mod terminals;
mod workshop;

use std::ffi::OsString;
use std::io::IsTerminal;
use std::process::ExitCode;

pub use self::clients::Client;
pub use self::core::{Core, Output};
pub use self::engines::{Engine, PINS, Pin};
pub use self::error::Error;
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

It starts a sandbox of both clouds' APIs, before a Redis with clients and a bastion with open
terminals, then runs plan, apply and destroy. Needs `terraform` or `tofu` on PATH, or Python 3 on Linux x86_64 to fetch an engine;
`redis-server` on PATH, or the same Python. Exit code 0 if exactly those died who should have.";

/// Runs the demo; `arguments` are those after `demo`. 0 if exactly those died who should have.
pub fn main(arguments: &[OsString]) -> ExitCode {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let terminal = std::io::stdout().is_terminal();
    let colour = if terminal && !plain { Colour::On } else { Colour::Off };
    let mut screen = Screen::new(Box::new(std::io::stdout()), colour);
    if let Some(argument) = arguments.first() {
        screen.styled(Style::Plain, HELP);
        let asked = argument == "--help" || argument == "-h";
        return if asked { ExitCode::SUCCESS } else { ExitCode::from(2) };
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
