//! The program: reads the command line, puts the rooms together, and runs.

#![expect(clippy::disallowed_methods, reason = "the process's time and environment come in here")]

mod args;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

use terraform_provider_session::plugin::{self, Service};
use terraform_provider_session::protocol::{self, Served};
use terraform_provider_session::provider::SessionProvider;
use terraform_provider_session::wire::Outside;
#[cfg(feature = "sandbox")]
use terraform_provider_session::{demo, sandbox::cli};

use args::Command;

/// The provider's address in the registry, by which debugging hosts know it.
const ADDRESS: &str = "registry.terraform.io/sessionops/session";

/// The environment variable for the log level of this provider alone.
const LOG_VARIABLE: &str = "TF_LOG_PROVIDER_SESSION";

/// Threads for calls that run at once; they wait for the network nearly all the time.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let command = match Command::read(std::env::args_os().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            complain(&format!("{error}; see `terraform-provider-session --help`"));
            return ExitCode::from(2);
        }
    };
    let done = match command {
        Command::Plugin => serve(),
        Command::Debug => debug(),
        Command::Version => say(concat!("terraform-provider-session ", env!("CARGO_PKG_VERSION"))),
        Command::Help => say(args::help().trim_end()),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(arguments) => return sandbox(arguments),
        #[cfg(feature = "sandbox")]
        Command::Demo(arguments) => return demo::main(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&chain(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// What every command ends with.
type Done = Result<(), Box<dyn Error>>;

/// Serves the host that started this process.
fn serve() -> Done {
    start_log();
    let result = run(plugin::serve(service(), &variable, SystemTime::now(), &mut io::stdout()));
    match result {
        Err(plugin::Error::NoHost) => Err(args::by_hand().into()),
        other => Ok(other?),
    }
}

/// Serves hosts that are told where.
fn debug() -> Done {
    start_log();
    Ok(run(plugin::serve_debug(service(), ADDRESS, &variable, &mut io::stdout()))?)
}

/// The provider, as the transport sees it: the one place that joins the rooms.
fn service() -> Service {
    let provider = SessionProvider::new(Outside::real());
    let Served { routes, shutdown } = protocol::serve(Arc::new(provider), plugin::redacted);
    let cleanup = Box::new(|haste| Box::pin(async move { shutdown.run(&haste).await }) as _);
    Service { routes, cleanup }
}

/// Serves the clouds on this machine.
#[cfg(feature = "sandbox")]
fn sandbox(arguments: Vec<std::ffi::OsString>) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(cli::main(arguments)),
        Err(error) => {
            complain(&chain(&error));
            ExitCode::FAILURE
        }
    }
}

/// Makes what happens in here known outside.
fn start_log() {
    plugin::panics_to_stderr();
    let level = plugin::Level::read(LOG_VARIABLE, &variable);
    plugin::start_log(level, "terraform_provider_session", SystemTime::now);
}

/// An environment variable; an empty one counts as not set. One that is no text is there all the
/// same: a certificate of the host that cannot be read must not be taken for none.
fn variable(name: &str) -> Option<String> {
    let value = std::env::var_os(name)?.to_string_lossy().into_owned();
    Some(value).filter(|value| !value.is_empty())
}

/// Runs to the end, and does not wait for what is left over then.
fn run<T>(future: impl Future<Output = Result<T, plugin::Error>>) -> Result<T, plugin::Error> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

/// An error and its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Prints for a person who asked.
fn say(text: &str) -> Done {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Says what went wrong. If nobody listens there is nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "terraform-provider-session: {text}");
}
