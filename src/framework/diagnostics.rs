//! What a provider tells its user beside the values it returns.

use super::Path;

/// Whether the operation failed or only deserves a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The operation failed.
    Error,
    /// The operation went on.
    Warning,
}

/// One message. Terraform folds warnings of one summary into one, so specifics stand in `detail`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A short title without a final period.
    pub summary: String,
    /// What was tried, what was answered, what to do. May have several lines.
    pub detail: String,
    /// The one input that is to blame, if one is.
    pub path: Option<Path>,
}

/// Messages in the order they arose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl Diagnostics {
    /// No messages.
    pub fn none() -> Diagnostics {
        Diagnostics::default()
    }

    /// Adds an error.
    pub fn error(&mut self, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Error, summary.into(), detail.into(), None);
    }

    /// Adds an error that one input is to blame for.
    pub fn error_at(&mut self, path: Path, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Error, summary.into(), detail.into(), Some(path));
    }

    /// Adds a warning.
    pub fn warn(&mut self, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Severity::Warning, summary.into(), detail.into(), None);
    }

    /// Adds everything that another collection holds.
    pub fn extend(&mut self, other: Diagnostics) {
        self.0.extend(other.0);
    }

    /// Whether any message is an error.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|one| one.severity == Severity::Error)
    }

    fn push(&mut self, severity: Severity, summary: String, detail: String, path: Option<Path>) {
        self.0.push(Diagnostic { severity, summary, detail, path });
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Diagnostics(vec![one])
    }
}
