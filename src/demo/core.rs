//! One engine, set up to use our plugin and nothing else of this machine.
//!
//! The plugin is named by `dev_overrides`, so no registry and no `init` is needed; it is launched
//! by the engine as any provider is, with mutual TLS. The environment is ours alone: no settings,
//! credentials or variables of whoever runs this reach the engine or the plugin.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::engines::Engine;
use super::error::Error;
use super::leash::leashed;
use super::scratch::Scratch;

/// No command of a demo or test takes longer, unless something hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Variables of the machine that an engine needs to run at all.
const KEPT: [&str; 6] = ["PATH", "TMPDIR", "LD_LIBRARY_PATH", "SystemRoot", "TEMP", "TMP"];

/// An engine with our plugin.
#[derive(Debug)]
pub struct Core {
    engine: Engine,
    settings: PathBuf,
    home: Scratch,
}

/// What a command came to.
#[derive(Clone, Debug)]
pub struct Output {
    /// The exit code; -1 if a signal ended it.
    pub code: i32,
    /// All of standard output, without colour.
    pub stdout: String,
    /// All of standard error, without colour.
    pub stderr: String,
}

impl Output {
    /// Standard output and error, one after the other.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }
}

impl Core {
    /// Sets `engine` up with the plugin in file `binary`, whatever that file is called.
    pub fn new(engine: Engine, binary: &Path) -> Result<Core, Error> {
        let home = Scratch::new("core")?;
        let plugins = home.path().join("plugins");
        let name = format!("terraform-provider-session{}", std::env::consts::EXE_SUFFIX);
        let settings = home.path().join("cli.tfrc");
        let text = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"sessionops/session\" = {}\n  }}\n  direct {{}}\n}}\n",
            quoted(&plugins)
        );
        std::fs::create_dir(&plugins)
            .and_then(|()| link(binary, &plugins.join(name)))
            .and_then(|()| std::fs::write(&settings, text))
            .map_err(Error::io(format!("could not set up {}", engine.name)))?;
        Ok(Core { engine, settings, home })
    }

    /// The engine inside.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A command in folder `dir`, not started: for whoever wants to interrupt it. `-no-color` goes
    /// after the command's name. Standard input is empty; the process dies with its handle, and
    /// with this process.
    pub fn command(&self, dir: &Path, args: &[&str], env: &[(&str, &str)]) -> Command {
        let mut command = Command::from(leashed(self.engine.command()));
        let (verb, rest) =
            args.split_first().map_or(("version", args), |(verb, rest)| (*verb, rest));
        let words = verb.split(' ').chain(colourless(verb)).chain(rest.iter().copied());
        command.current_dir(dir).args(words).env_clear();
        command.envs(KEPT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?))));
        command.env("HOME", self.home.path()).env("TF_CLI_CONFIG_FILE", &self.settings);
        command.env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1").env("TF_INPUT", "0");
        command.envs(env.iter().copied());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true);
        command
    }

    /// Runs a command in folder `dir` to its end. The first word is the command, like `plan`.
    ///
    /// # Errors
    /// It could not be started, or hangs for five minutes. A code other than 0 is no error.
    pub async fn run(
        &self,
        dir: &Path,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Result<Output, Error> {
        let what = format!("{} {}", self.engine.name, args.join(" "));
        let run = self.command(dir, args, env).output();
        let told = match tokio::time::timeout(PATIENCE, run).await {
            Ok(told) => told.map_err(Error::io(format!("could not run {what}")))?,
            Err(_) => return Err(Error::failed(what, "did not end within five minutes")),
        };
        Ok(Output {
            code: told.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&told.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&told.stderr).into_owned(),
        })
    }
}

/// The flag for commands that know it.
fn colourless(verb: &str) -> Option<&'static str> {
    let knows = ["plan", "apply", "destroy", "refresh", "import", "validate", "show", "output"];
    (knows.contains(&verb) || verb == "test").then_some("-no-color")
}

/// A path as an HCL string.
fn quoted(path: &Path) -> String {
    let plain = path.as_os_str().to_string_lossy();
    format!("\"{}\"", plain.replace('\\', "\\\\").replace('"', "\\\"").replace("${", "$${"))
}

#[cfg(unix)]
fn link(binary: &Path, name: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(std::path::absolute(binary)?, name)
}

#[cfg(not(unix))]
fn link(binary: &Path, name: &Path) -> std::io::Result<()> {
    std::fs::copy(binary, name).map(|_| ())
}
