//! The append-only record of what was killed: one JSON line per run and per session, written and
//! synced before anything is reported. If it cannot be written, nothing is killed.
//!
//! A session has up to two lines: `requested` before the first call that names or covers it is
//! made, so that even a killed process leaves a trace, and `session` with its fate. A run has one
//! `run` line, always, with the counts.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tokio::time::{Instant, timeout_at};

use super::{Fate, Report};
use crate::services::{Field, Role, Session, Spec};

/// How long the line of a let-go may take.
const LET_GO: std::time::Duration = std::time::Duration::from_secs(5);

/// One line of the record. Never holds a secret. What does not apply is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct AuditLine {
    /// When, RFC 3339 in UTC with milliseconds.
    pub time: String,
    /// `run`, `requested` (about to be asked for), `everyone` (everybody is about to be ended, those
    /// included whom no list showed), `session` (its fate) or `let_go` (a destroy that failed goes
    /// on).
    pub kind: &'static str,
    /// Ties the lines of one run together.
    pub run: String,
    /// `resource`, `ephemeral`, `action`.
    pub face: &'static str,
    /// The block's type: Terraform does not tell a provider the block's address.
    pub address: String,
    /// What the run was aimed at, for people.
    pub target: String,
    /// The node's id; empty where the target is listed whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The session's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The client's address as listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The user as listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `terminated`, `already_gone`, `spared`, `survived` or `untouched`; of a run `completed`, `dry_run` or
    /// `halted`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    /// Why a session survived or was spared, or what failed where it was let go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The cloud's id of the request that named or covered the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The counts of a run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
}

/// The numbers of a whole run, as the report and `last_run` count them: who survived is also whom
/// nothing was tried on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[expect(missing_docs, reason = "the names are those of the report")]
pub struct Counts {
    pub selected: usize,
    pub terminated: usize,
    pub already_gone: usize,
    pub drained: usize,
    pub spared: usize,
    pub protected: usize,
    pub survived: usize,
    pub reconnected: u64,
}

/// Where the record goes.
pub trait Audit: Send + Sync {
    /// Appends lines and syncs them. May block. On an error the run stops before it ends anything
    /// more, so none of the lines may be half written.
    fn append(&self, lines: &[AuditLine]) -> Result<(), String>;
}

/// A file that several processes may append to at once. It is opened for every append, so that it
/// may be rotated; created readable by its owner only.
#[derive(Clone, Debug)]
pub struct AuditFile {
    /// The file. Its folder must exist.
    pub path: PathBuf,
}

impl AuditFile {
    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file: File = options.open(&self.path)?;
        file.lock()?;
        let before = file.metadata()?.len();
        // A line that a crash has torn must not swallow the next one.
        let torn = before > 0 && last_byte(&mut file, before)? != b'\n';
        let mended = if torn { file.write_all(b"\n") } else { Ok(()) };
        let mut written =
            mended.and_then(|()| file.write_all(bytes)).and_then(|()| file.sync_data());
        if before == 0 && written.is_ok() {
            written = sync_folder(&self.path);
        }
        if written.is_err() {
            // No torn line stays. If even this fails, the error at hand says enough. What cannot be
            // synced, like a device or a pipe, comes here too, and is no place for a record.
            let _ = file.set_len(before);
        }
        written // closing unlocks
    }
}

/// The last byte of a file of this length.
fn last_byte(file: &mut File, length: u64) -> std::io::Result<u8> {
    let mut byte = [0];
    file.seek(SeekFrom::Start(length.saturating_sub(1)))?;
    file.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// Makes the name of a new file last: syncing the file alone leaves it to a power cut.
#[cfg(unix)]
fn sync_folder(path: &Path) -> std::io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// There is no such call elsewhere.
#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

/// The folder that a file is in; that of a bare name is where the process is.
#[cfg(unix)]
fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Audit for AuditFile {
    fn append(&self, lines: &[AuditLine]) -> Result<(), String> {
        let mut bytes = Vec::with_capacity(lines.len() * 256);
        for line in lines {
            serde_json::to_writer(&mut bytes, line).map_err(|error| error.to_string())?;
            bytes.push(b'\n');
        }
        self.write(&bytes).map_err(|error| format!("`{}`: {error}", self.path.display()))
    }
}

/// A record together with what its lines say of the run.
#[derive(Clone)]
pub struct Log {
    /// Where lines go; None keeps no record.
    pub audit: Option<Arc<dyn Audit>>,
    /// The wall clock.
    pub now: Arc<dyn Fn() -> SystemTime + Send + Sync>,
    /// Ties the lines of one run together: any text that never comes twice.
    pub run: String,
    /// `resource`, `ephemeral`, `action`.
    pub face: &'static str,
    /// The block's type: Terraform does not tell a provider the block's address.
    pub address: String,
    /// What the run is aimed at, for people, like `cn-north-4/9a2d6a3e`.
    pub target: String,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("run", &self.run).finish_non_exhaustive()
    }
}

impl Log {
    /// No record is kept.
    pub fn none() -> Log {
        Log {
            audit: None,
            now: Arc::new(|| SystemTime::UNIX_EPOCH),
            run: String::new(),
            face: "",
            address: String::new(),
            target: String::new(),
        }
    }

    /// Appends off the async threads, and gives up at `until`. Where no record is kept, the lines
    /// are not even made.
    pub(super) async fn append(
        &self,
        lines: impl FnOnce() -> Vec<AuditLine>,
        until: Instant,
    ) -> Result<(), String> {
        let Some(audit) = self.audit.clone() else { return Ok(()) };
        let lines = lines();
        let writing = tokio::task::spawn_blocking(move || audit.append(&lines));
        match timeout_at(until, writing).await {
            Ok(Ok(written)) => written,
            Ok(Err(_)) => Err("writing ended in a panic".to_owned()),
            Err(_) => Err("writing did not end in time".to_owned()),
        }
    }

    pub(super) fn requested(&self, spec: &Spec, session: &Session) -> AuditLine {
        let mut line = self.line("requested");
        tell(&mut line, spec, session);
        line
    }

    /// A call is about to be made that names nobody.
    pub(super) fn everyone(&self) -> AuditLine {
        self.line("everyone")
    }

    /// Records that what follows goes on although the run failed, because somebody asked for that;
    /// with the failure, in a few words.
    ///
    /// # Errors
    /// It could not be written, with why.
    pub async fn let_go(&self, why: &str) -> Result<(), String> {
        let mut line = self.line("let_go");
        line.reason = Some(why.to_owned());
        let until = Instant::now() + LET_GO;
        self.append(move || vec![line], until).await
    }

    /// The fates of all sessions that something was tried on, or for which `requested` was
    /// written, and the run's own line.
    pub(super) fn results(
        &self,
        spec: &Spec,
        report: &Report,
        requested: impl Fn(usize) -> bool,
    ) -> Vec<AuditLine> {
        let mut lines = Vec::new();
        for (index, victim) in report.victims.iter().enumerate() {
            if victim.fate == Fate::Untouched && !requested(index) {
                continue;
            }
            let mut line = self.line("session");
            tell(&mut line, spec, &victim.session);
            line.outcome = Some(match &victim.fate {
                Fate::Terminated => "terminated",
                Fate::AlreadyGone => "already_gone",
                Fate::Drained => "drained",
                Fate::Survived(reason) => {
                    line.reason = Some(reason.clone());
                    "survived"
                }
                Fate::Spared(reason) => {
                    line.reason = Some((*reason).to_owned());
                    "spared"
                }
                Fate::Untouched => "untouched",
            });
            line.request_id.clone_from(&victim.request_id);
            lines.push(line);
        }
        let mut line = self.line("run");
        line.outcome = Some(match (&report.halt, report.dry_run) {
            (Some(_), _) => "halted",
            (None, true) => "dry_run",
            (None, false) => "completed",
        });
        line.counts = Some(Counts {
            selected: report.selected(),
            terminated: report.terminated(),
            already_gone: report.already_gone(),
            drained: report.drained(),
            spared: report.spared(),
            protected: report.protected.len(),
            survived: report.survived(),
            reconnected: report.reconnected,
        });
        lines.push(line);
        lines
    }

    fn line(&self, kind: &'static str) -> AuditLine {
        AuditLine {
            time: humantime::format_rfc3339_millis((self.now)()).to_string(),
            kind,
            run: self.run.clone(),
            face: self.face,
            address: self.address.clone(),
            target: self.target.clone(),
            ..AuditLine::default()
        }
    }
}

fn tell(line: &mut AuditLine, spec: &Spec, session: &Session) {
    line.node = Some(session.node.clone());
    line.session = Some(session.id.0.clone());
    line.client = shown(spec, session, Role::Client);
    line.user = shown(spec, session, Role::User);
}

fn shown(spec: &Spec, session: &Session, role: Role) -> Option<String> {
    match session.fields.get(spec.column(role)?.name)? {
        Field::Text(text) => Some(text.clone()),
        Field::Integer(number) => Some(number.to_string()),
        Field::Bool(_) => None,
    }
}

#[cfg(test)]
mod tests;
