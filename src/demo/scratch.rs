//! A folder that goes away with its owner.

use std::path::{Path, PathBuf};

use super::error::Error;

/// A new, empty folder for this user only, removed on drop.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one in the system's folder for temporary files; `purpose` is part of its name.
    pub fn new(purpose: &str) -> Result<Scratch, Error> {
        let unique = getrandom::u64().map_err(|error| {
            Error::failed("could not name a temporary folder", error.to_string())
        })?;
        let path = std::env::temp_dir().join(format!("session-{purpose}-{unique:016x}"));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(Error::io(format!("could not make {}", path.display())))?;
        Ok(Scratch(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Nothing to do about it: what is left is a small folder among temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
