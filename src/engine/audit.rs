//! The append-only record of what was killed: one JSON line per run and per session, written and
//! synced before anything is reported. If it cannot be written, nothing is killed.

use std::path::PathBuf;

/// One line of the record. Never holds a secret.
#[derive(Clone, Debug, serde::Serialize)]
pub struct AuditLine {
    /// `run`, `requested` (about to be asked for) or `session` (its fate).
    pub kind: &'static str,
}

/// Where the record goes.
pub trait Audit: Send + Sync {
    /// Appends lines and syncs them. On an error the run stops before it ends anything more.
    fn append(&self, lines: &[AuditLine]) -> Result<(), String>;
}

/// No record is kept.
#[derive(Clone, Copy, Debug)]
pub struct NoAudit;

impl Audit for NoAudit {
    fn append(&self, _lines: &[AuditLine]) -> Result<(), String> {
        Ok(())
    }
}

/// A file that several processes may append to at once.
#[derive(Clone, Debug)]
pub struct AuditFile {
    /// The file.
    pub path: PathBuf,
}
