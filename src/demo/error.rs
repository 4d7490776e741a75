//! Why the demo, or a test that uses its parts, could not get what it needs.

use std::path::PathBuf;

/// Something on this machine is missing or did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable Python.
    #[error(
        "no Python 3.8 or newer answers to `python3` on PATH; install Python 3{}", or_put(*instead)
    )]
    NoPython {
        /// The program that makes Python unnecessary, if one does.
        instead: Option<&'static str>,
    },
    /// No Python package can be installed.
    #[error(
        "`{python}` has no pip and cannot make a virtual environment; install python3-pip or \
         python3-venv{}", or_put(*instead)
    )]
    NoPip {
        /// The interpreter.
        python: PathBuf,
        /// The program that makes the package unnecessary, if one does.
        instead: Option<&'static str>,
    },
    /// pip ended with an error.
    #[error(
        "pip could not install `{package}` into {folder}:\n{output}\ninstall it by hand with `{command}`{}",
        or_put(*instead)
    )]
    Pip {
        /// Name and version.
        package: String,
        /// Where it should have gone.
        folder: PathBuf,
        /// What pip said last.
        output: String,
        /// The command line that failed.
        command: String,
        /// The program that makes the package unnecessary, if one does.
        instead: Option<&'static str>,
    },
    /// The package is there and does not run.
    #[error("`{what}` does not run on this machine: {output}")]
    Broken {
        /// The program.
        what: String,
        /// What it said, or its exit status.
        output: String,
    },
    /// There is no such pinned core.
    #[error("no pinned core of Terraform {wanted}; there are {known}")]
    UnknownCore {
        /// The version asked for.
        wanted: String,
        /// The versions there are.
        known: String,
    },
    /// A server did not come up, or a client did not get through.
    #[error("{what}: {reason}")]
    Failed {
        /// What was tried.
        what: String,
        /// What came of it.
        reason: String,
    },
    /// A file or a process.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
}

/// The way around an installation, where there is one.
fn or_put(instead: Option<&'static str>) -> String {
    let or = |program| format!(", or put `{program}` on PATH, which is then used as it is");
    instead.map(or).unwrap_or_default()
}

impl Error {
    /// For `map_err`: what was tried when the operating system said no.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Error {
        let what = what.into();
        move |source| Error::Io { what, source }
    }

    /// Something was tried and did not come about.
    pub(super) fn failed(what: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::Failed { what: what.into(), reason: reason.into() }
    }
}
