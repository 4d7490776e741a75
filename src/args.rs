//! The command line.
//!
//! A host starts a plugin without arguments. All others are for people.

use std::ffi::OsString;

use lexopt::prelude::*;

/// What `--help` prints: the commands of this very build.
pub(crate) fn help() -> String {
    format!(
        "\
Terminates live sessions through the clouds' own kill APIs, as a provider of Terraform and OpenTofu.

Usage: terraform-provider-session {usage}

Terraform starts it without arguments. Commands and options:

{SANDBOX}  --debug        run the provider by itself and print how Terraform finds it
  --version      print the version
  --help         print this

{DOCUMENTATION}
",
        usage = if cfg!(feature = "sandbox") { "[OPTION | COMMAND]" } else { "[OPTION]" },
    )
}

/// What a person reads who runs the program without arguments.
pub(crate) fn by_hand() -> String {
    format!(
        "\
this is a provider plugin, which Terraform or OpenTofu starts when a configuration uses it.

Run by hand, it can do this:
{SANDBOX}  --version      print the version
  --help         print all there is

{DOCUMENTATION}"
    )
}

/// The commands that only some builds have.
const SANDBOX: &str = if cfg!(feature = "sandbox") {
    "  demo           see plan, apply and destroy end sessions, on this machine
  sandbox        serve the clouds' APIs on this machine, with sessions that can be ended
"
} else {
    ""
};

const DOCUMENTATION: &str =
    "Documentation: https://registry.terraform.io/providers/sessionops/session/latest/docs";

/// What this process shall be.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A plugin of the host that started it.
    Plugin,
    /// A plugin of whatever host is told where it is.
    Debug,
    /// A line with the version.
    Version,
    /// A page of help.
    Help,
    /// The clouds on this machine, with the arguments that come after the word.
    #[cfg(feature = "sandbox")]
    Sandbox(Vec<OsString>),
    /// The main job on one command, likewise.
    #[cfg(feature = "sandbox")]
    Demo(Vec<OsString>),
}

impl Command {
    /// Reads the arguments, the program's name not among them.
    ///
    /// Long options may have a single dash too, as is usual for plugins written in Go.
    pub(crate) fn read(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<Command, lexopt::Error> {
        let arguments = arguments.into_iter().map(|argument| match argument.to_str() {
            Some("-debug") => "--debug".into(),
            Some("-version") => "--version".into(),
            Some("-help") => "--help".into(),
            _ => argument,
        });
        let mut parser = lexopt::Parser::from_args(arguments);
        let command = match parser.next()? {
            None => return Ok(Command::Plugin),
            Some(Long("debug")) => Command::Debug,
            Some(Short('V') | Long("version")) => Command::Version,
            Some(Short('h') | Long("help")) => Command::Help,
            #[cfg(feature = "sandbox")]
            Some(Value(word)) if word == "sandbox" => {
                return Ok(Command::Sandbox(parser.raw_args()?.collect()));
            }
            #[cfg(feature = "sandbox")]
            Some(Value(word)) if word == "demo" => {
                return Ok(Command::Demo(parser.raw_args()?.collect()));
            }
            #[cfg(not(feature = "sandbox"))]
            Some(Value(word)) if word == "sandbox" || word == "demo" => {
                let word = word.to_string_lossy();
                return Err(format!(
                    "this build has no `{word}`: archives of releases come without it; build \
                     the program from its source with `cargo build` to have it"
                )
                .into());
            }
            Some(other) => return Err(other.unexpected()),
        };
        match parser.next()? {
            None => Ok(command),
            Some(other) => Err(other.unexpected()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_argument_has_one_meaning() {
        for (arguments, command) in [
            (&[][..], Some(Command::Plugin)),
            (&["--debug"], Some(Command::Debug)),
            (&["-debug"], Some(Command::Debug)),
            (&["--version"], Some(Command::Version)),
            (&["-version"], Some(Command::Version)),
            (&["-V"], Some(Command::Version)),
            (&["--help"], Some(Command::Help)),
            (&["-h"], Some(Command::Help)),
            (&["--debug", "more"], None),
            (&["--debug=true"], None),
            (&["-x"], None),
            (&["plugin"], None),
            (&[""], None),
        ] {
            let read = Command::read(arguments.iter().map(OsString::from)).ok();
            assert_eq!(read, command, "{arguments:?}");
        }
    }

    #[test]
    fn every_command_that_is_told_of_is_there() {
        for text in [help(), by_hand()] {
            let words = text.lines().filter_map(|line| line.strip_prefix("  "));
            let words: Vec<_> = words.filter_map(|line| line.split(' ').next()).collect();
            assert!(words.contains(&"--version"), "{text}");
            for word in words {
                assert!(Command::read([word.into()]).is_ok(), "{word}");
            }
        }
        for word in ["sandbox", "demo"] {
            let there = cfg!(feature = "sandbox");
            assert_eq!(help().contains(word) && by_hand().contains(word), there);
            let read = Command::read([word.into()]);
            assert_eq!(read.is_ok(), there);
            if let Err(error) = read {
                assert!(error.to_string().starts_with(&format!("this build has no `{word}`")));
            }
        }
    }
}
