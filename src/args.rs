//! The command line.
//!
//! A host starts a plugin without arguments. All others are for people.

use std::ffi::OsString;

use lexopt::prelude::*;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
Terminates live sessions through the clouds' own kill APIs, as a provider of Terraform and OpenTofu.

Usage: terraform-provider-session [OPTION | COMMAND]

Terraform starts it without arguments. For people there are

  sandbox        serve the clouds' APIs on this machine, with sessions that can be ended
  demo           see plan, apply and destroy end sessions in the sandbox
  --debug        run the provider by itself and print how Terraform finds it
  --version      print the version
  --help         print this

Documentation: https://registry.terraform.io/providers/sessionops/session/latest/docs
";

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
}
