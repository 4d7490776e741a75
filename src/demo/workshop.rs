//! Where borrowed programs are found or put: PATH, and pinned Python wheels below `target/engines`.
//!
//! A wheel is only a parcel here: what is wanted is the shared library or program inside, so one
//! wheel, fixed by its hash, serves every Python 3. Several processes may install at once: a lock
//! file lets one of them work, and a folder appears under its name only when it is complete.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::error::Error;

/// A package on PyPI, fixed to one file.
#[derive(Clone, Copy, Debug)]
pub struct Wheel {
    /// The package's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// SHA-256 of the wheel for CPython 3.11, or for any Python, on Linux x86_64.
    pub sha256: &'static str,
    /// The program that, found on PATH, makes the package unnecessary.
    pub instead: &'static str,
}

/// Python packages with all that they need, to be imported by this machine's own interpreter.
#[derive(Clone, Copy, Debug)]
pub struct Packages {
    /// A name for the folder.
    pub name: &'static str,
    /// What pip calls a requirements file, every package with its version and hashes.
    pub requirements: &'static str,
}

/// The search path and the folder for what is installed.
#[derive(Clone, Debug)]
pub struct Workshop {
    /// Folders in which programs are looked for, as in the variable PATH.
    pub path: OsString,
    /// The folder for installed packages; it need not exist.
    pub folder: PathBuf,
}

impl Workshop {
    /// The workshop of this process: its PATH, and `engines` in the target folder that its program
    /// was built into (the one with cargo's `CACHEDIR.TAG`), so `CARGO_TARGET_DIR` is respected.
    pub fn here() -> Workshop {
        let program = std::env::current_exe().unwrap_or_default();
        let target = program.ancestors().skip(1).find(|dir| dir.join("CACHEDIR.TAG").is_file());
        let target = match (target, std::env::var_os("CARGO_TARGET_DIR")) {
            (Some(found), _) => found.to_path_buf(),
            (None, Some(told)) => PathBuf::from(told),
            (None, None) => PathBuf::from("target"),
        };
        let folder = std::path::absolute(target.join("engines")).unwrap_or(target);
        Workshop { path: std::env::var_os("PATH").unwrap_or_default(), folder }
    }

    /// The file that a program's name means on PATH.
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        let path = std::env::split_paths(&self.path).map(|dir| dir.join(&name));
        path.filter(|file| is_program(file)).find_map(|file| std::path::absolute(file).ok())
    }

    /// The folder with a wheel's files, which are fetched and unpacked if they are not there.
    pub fn unpacked(&self, wheel: &Wheel) -> Result<PathBuf, Error> {
        let name = format!("{}-{}-{}", wheel.name, wheel.version, &wheel.sha256[..8]);
        self.once(&name, |half| {
            let python = self.with_pip(self.python(Some(wheel.instead))?, Some(wheel.instead))?;
            self.unpack(&python, wheel, half)
        })
    }

    /// The interpreter and the folder with the packages' files, which are fetched if they are not
    /// there. Interpreters of different versions have folders of their own.
    ///
    /// # Errors
    /// There is no Python with pip, or pip fails; the error tells what to do by hand.
    pub fn installed(&self, packages: &Packages) -> Result<(PathBuf, PathBuf), Error> {
        let python = self.python(None)?;
        let ask = "import sys; print('cp%d%d' % sys.version_info[:2])";
        let told = Command::new(&python).args(["-I", "-c", ask]).output();
        let told = told.map_err(Error::io(format!("could not start {}", python.display())))?;
        let version = String::from_utf8_lossy(&told.stdout).trim().to_owned();
        let digest = Sha256::digest(packages.requirements);
        let digest: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
        let name = format!("{}-{digest}-{version}", packages.name);
        let folder = self.once(&name, |half| {
            let mut pip = pip(&self.with_pip(python.clone(), None)?);
            pip.args(["--only-binary", ":all:", "--require-hashes"]);
            install(pip, packages.name, packages.requirements, half, None)
        })?;
        Ok((python, folder))
    }

    /// The folder of a name. One process makes it, all others wait; it is there only when complete.
    fn once(
        &self,
        name: &str,
        make: impl FnOnce(&Path) -> Result<(), Error>,
    ) -> Result<PathBuf, Error> {
        let done = self.folder.join(name);
        if done.is_dir() {
            return Ok(done);
        }
        let made = Error::io(format!("could not make {}", self.folder.display()));
        fs::create_dir_all(&self.folder).map_err(made)?;
        let lock = self.folder.join(format!(".{name}.lock"));
        let held = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let _held = held.map_err(Error::io(format!("could not lock {}", lock.display())))?;
        if done.is_dir() {
            return Ok(done); // by whoever had the lock before
        }
        let half = self.folder.join(format!(".{name}.half"));
        if half.exists() {
            let cleared = fs::remove_dir_all(&half);
            cleared.map_err(Error::io(format!("could not clear {}", half.display())))?;
        }
        make(&half)?;
        fs::rename(&half, &done)
            .map_err(Error::io(format!("could not put {} in place", done.display())))?;
        Ok(done)
    }

    /// The real interpreter behind `python3` (not a shim that reads the environment).
    pub fn python(&self, instead: Option<&'static str>) -> Result<PathBuf, Error> {
        let none = || Error::NoPython { instead };
        let python = self.program("python3").ok_or_else(none)?;
        let ask = "import sys; assert sys.version_info >= (3, 8); print(sys.executable)";
        let told = Command::new(python).args(["-I", "-c", ask]).output().map_err(|_| none())?;
        let real = PathBuf::from(String::from_utf8_lossy(&told.stdout).trim());
        if told.status.success() && real.is_file() { Ok(real) } else { Err(none()) }
    }

    /// An interpreter that has pip: the given one, or that of a virtual environment made for it.
    fn with_pip(&self, python: PathBuf, instead: Option<&'static str>) -> Result<PathBuf, Error> {
        let works = |python: &Path| {
            let asked = Command::new(python).args(["-m", "pip", "--version"]).output();
            asked.is_ok_and(|told| told.status.success())
        };
        if works(&python) {
            return Ok(python);
        }
        let venv = self.folder.join("pip");
        let made = Command::new(&python).args(["-m", "venv"]).arg(&venv).output();
        let inner = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        match made {
            Ok(told) if told.status.success() && works(&inner) => Ok(inner),
            Ok(_) | Err(_) => Err(Error::NoPip { python, instead }),
        }
    }

    fn unpack(&self, python: &Path, wheel: &Wheel, into: &Path) -> Result<(), Error> {
        let package = format!("{}=={}", wheel.name, wheel.version);
        let requirements = format!("{package} --hash=sha256:{}\n", wheel.sha256);
        let mut pip = pip(python);
        pip.args(["--no-deps", "--no-compile"]);
        pip.args(["--implementation", "cp", "--python-version", "3.11", "--abi", "cp311"]);
        for glibc in ["manylinux_2_35", "manylinux_2_31", "manylinux_2_28", "manylinux2014"] {
            pip.args(["--platform", &format!("{glibc}_x86_64")]);
        }
        pip.args(["--only-binary", ":all:", "--require-hashes"]);
        install(pip, &package, &requirements, into, Some(wheel.instead))
    }
}

fn pip(python: &Path) -> Command {
    let mut pip = Command::new(python);
    pip.env("PIP_USER", "0").args(["-m", "pip", "install", "--quiet", "--no-input"]);
    pip.arg("--disable-pip-version-check");
    pip
}

/// Runs pip for what `requirements` say.
fn install(
    mut pip: Command,
    package: &str,
    requirements: &str,
    into: &Path,
    instead: Option<&'static str>,
) -> Result<(), Error> {
    let list = into.with_extension("txt");
    fs::write(&list, requirements)
        .map_err(Error::io(format!("could not write {}", list.display())))?;
    pip.arg("--target").arg(into).arg("--requirement").arg(&list);
    let told = pip.output().map_err(Error::io("could not start pip"))?;
    if told.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&told.stderr);
    let last: Vec<&str> = output.lines().rev().take(8).collect();
    Err(Error::Pip {
        package: package.to_owned(),
        folder: into.to_path_buf(),
        output: last.into_iter().rev().collect::<Vec<_>>().join("\n"),
        command: shown(&pip),
        instead,
    })
}

/// A command line for people.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Wheel = Wheel {
        name: "left-behind",
        version: "1.0",
        sha256: "0000000000000000000000000000000000000000000000000000000000000000",
        instead: "some-program",
    };

    fn workshop(path: &Path) -> (tempfile::TempDir, Workshop) {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("engines");
        (temp, Workshop { path: path.as_os_str().to_owned(), folder })
    }

    #[test]
    fn an_unpacked_wheel_is_used_as_it_is() {
        let (_temp, shop) = workshop(Path::new("/nonexistent"));
        let there = shop.folder.join("left-behind-1.0-00000000");
        fs::create_dir_all(&there).unwrap();
        assert_eq!(shop.unpacked(&NOTHING).unwrap(), there);
    }

    #[test]
    fn a_machine_without_python_is_told_what_to_install() {
        let (_temp, shop) = workshop(Path::new("/nonexistent"));
        let told = shop.unpacked(&NOTHING).unwrap_err().to_string();
        assert!(told.contains("install Python 3, or put `some-program` on PATH"), "{told}");
        assert!(!shop.folder.join("left-behind-1.0-00000000").exists());
    }

    #[cfg(unix)]
    #[test]
    fn a_failed_install_tells_the_command_and_leaves_no_folder() {
        use std::os::unix::fs::PermissionsExt;
        let (temp, shop) = workshop(Path::new("/nonexistent"));
        let python = temp.path().join("python3");
        // Answers who it is, has pip, and pip fails.
        let script = "#!/bin/sh\ncase \"$*\" in\n*sys.executable*) echo \"$0\";;\n\
                      *--version*) exit 0;;\n*) echo no such wheel >&2; exit 1;;\nesac\n";
        fs::write(&python, script).unwrap();
        fs::set_permissions(&python, fs::Permissions::from_mode(0o755)).unwrap();
        let shop = Workshop { path: temp.path().into(), ..shop };
        let packages = Packages { name: "sdks", requirements: "left-behind==1.0\n" };
        let told = shop.installed(&packages).unwrap_err().to_string();
        assert!(told.contains("no such wheel") && told.contains("-m pip install"), "{told}");
        assert!(!told.contains("on PATH"), "{told}");
        let told = shop.unpacked(&NOTHING).unwrap_err().to_string();
        assert!(told.contains("no such wheel"), "{told}");
        assert!(told.contains("-m pip install"), "{told}");
        assert!(told.contains("put `some-program` on PATH"), "{told}");
        let left = fs::read_dir(&shop.folder).unwrap().filter_map(Result::ok);
        let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| name.to_string_lossy().starts_with('.')), "{left:?}");
    }

    #[cfg(unix)]
    #[test]
    fn only_a_file_that_can_be_run_is_a_program() {
        use std::os::unix::fs::PermissionsExt;
        let (temp, _) = workshop(Path::new(""));
        let shop = Workshop { path: temp.path().into(), folder: PathBuf::new() };
        fs::write(temp.path().join("tofu"), "").unwrap();
        assert_eq!(shop.program("tofu"), None);
        let runs = fs::Permissions::from_mode(0o755);
        fs::set_permissions(temp.path().join("tofu"), runs).unwrap();
        assert_eq!(shop.program("tofu"), Some(temp.path().join("tofu")));
    }
}
