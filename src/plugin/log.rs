//! Log lines as go-plugin's host expects them on standard error: one JSON object each.
//!
//! The host parses them (`log_entry.go` of go-plugin), filters by level again and prints them as
//! its own. It panics on an `@message`, `@level` or `@timestamp` that is not a string, logs a line
//! with another time layout raw, and cuts lines of 64 KiB or more; so none of these is written.

use std::backtrace::Backtrace;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Mutex;
use std::time::SystemTime;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use super::handshake::Variables;
use super::redact::{is_secret, redact};

/// go-hclog's layout `2006-01-02T15:04:05.000000Z07:00`, in UTC.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:6]Z");

/// A message is cut at so many bytes; as JSON it has at most six times as many.
const LONGEST_MESSAGE: usize = 8 << 10;

/// A text field is cut at so many bytes.
const LONGEST_FIELD: usize = 2 << 10;

/// A line that would be longer, in bytes, is written without its fields.
const LONGEST_LINE: usize = 60 << 10;

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(LevelFilter);

impl Level {
    /// Reads the level from the environment: from the provider's own variable
    /// (`TF_LOG_PROVIDER_<NAME>`), else `TF_LOG_PROVIDER`, else `TF_LOG`.
    ///
    /// Nothing is logged if none is set. `JSON`, and what is no level, mean all, as in Terraform:
    /// <https://developer.hashicorp.com/terraform/internals/debugging>.
    pub fn read(own: &str, variables: Variables<'_>) -> Level {
        let chosen = [own, "TF_LOG_PROVIDER", "TF_LOG"].into_iter().find_map(variables);
        Level(match chosen.map(|level| level.trim().to_ascii_uppercase()).as_deref() {
            None | Some("OFF") => LevelFilter::OFF,
            Some("ERROR") => LevelFilter::ERROR,
            Some("WARN") => LevelFilter::WARN,
            Some("INFO") => LevelFilter::INFO,
            Some("DEBUG") => LevelFilter::DEBUG,
            Some(_) => LevelFilter::TRACE,
        })
    }
}

/// Sends what this process logs to standard error, from now on. The first call counts.
///
/// `own` is the crate whose targets are logged at `level`. Others are logged from warnings on:
/// below, libraries print what went over the wire.
pub fn start(level: Level, own: &str, clock: fn() -> SystemTime) {
    if level.0 == LevelFilter::OFF {
        return;
    }
    let targets =
        Targets::new().with_default(level.0.min(LevelFilter::WARN)).with_target(own, level.0);
    let lines = Lines { output: Mutex::new(io::stderr()), clock };
    // Fails if there is a subscriber already, which then gets all.
    let _ = tracing_subscriber::registry().with(lines.with_filter(targets)).try_init();
}

/// Makes panics of this process known to the host.
///
/// What follows `panic: ` is what Terraform calls a crash of the plugin, at the end of any command
/// that fails (`internal/logging/panic.go`). That is said only where it is one: a panic in a task
/// ends the task, whoever waits for it tells what that means, and here it is an event of the log.
pub fn panics_to_stderr() {
    std::panic::set_hook(Box::new(|info| {
        let message = info.payload_as_str().unwrap_or("something that is not a text");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let trace = Backtrace::capture();
        if is_contained() {
            tracing::error!(panic = message, place, %trace, "a task panicked");
            return;
        }
        let text = panic_text(message, &place) + &format!("{trace}\n");
        // Nobody is left to tell if that fails.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }));
}

/// Whether a panic here and now would end a task and not the process.
fn is_contained() -> bool {
    tokio::task::try_id().is_some()
}

fn panic_text(message: &str, place: &str) -> String {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("unnamed");
    format!("panic: {}\n\nin thread {name} at {place}\n", redact(message))
}

/// Writes events as lines of JSON.
struct Lines<W> {
    output: Mutex<W>,
    clock: fn() -> SystemTime,
}

impl<W, S> Layer<S> for Lines<W>
where
    W: Write + Send + 'static,
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().replace(fields);
        }
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            record.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(inherited) = span.extensions().get::<Fields>() {
                fields.0.extend(inherited.0.clone());
            }
        }
        event.record(&mut fields);
        let line = line(event, fields.0, (self.clock)());
        if let Ok(mut output) = self.output.lock() {
            // The host is gone if that fails, and with it the reader.
            let _ = output.write_all(line.as_bytes());
        }
    }
}

/// One event as one line, its end included.
fn line(event: &Event<'_>, mut fields: BTreeMap<String, Value>, now: SystemTime) -> String {
    let level = event.metadata().level().as_str().to_ascii_lowercase();
    let time = OffsetDateTime::from(now).format(TIME).unwrap_or_default();
    let module = event.metadata().target().replace("::", ".");
    let message = match fields.remove("message") {
        Some(Value::String(message)) => message,
        Some(other) => other.to_string(),
        None => String::new(),
    };
    fields.retain(|name, _| !name.starts_with('@'));
    let head = [("level", level), ("message", message), ("module", module), ("timestamp", time)]
        .map(|(name, value)| (format!("@{name}"), Value::from(value)));
    fields.extend(head.clone());
    let whole = serde_json::json!(fields).to_string();
    if whole.len() < LONGEST_LINE {
        return whole + "\n";
    }
    let mut short = BTreeMap::from(head);
    short.insert("fields_left_out".to_owned(), Value::from(true));
    serde_json::json!(short).to_string() + "\n"
}

/// Fields of an event or a span, as JSON and without secrets.
#[derive(Default)]
struct Fields(BTreeMap<String, Value>);

impl Fields {
    fn insert(&mut self, field: &Field, value: impl Into<Value>) {
        let value = if is_secret(field.name()) { Value::from("***") } else { value.into() };
        self.0.insert(field.name().to_owned(), value);
    }

    fn insert_text(&mut self, field: &Field, text: &str) {
        let longest = if field.name() == "message" { LONGEST_MESSAGE } else { LONGEST_FIELD };
        // Redaction comes first: cutting could take away the name that makes a value a secret.
        let mut text = redact(text).into_owned();
        if text.len() > longest {
            text.truncate(text.floor_char_boundary(longest));
            text.push('…');
        }
        self.insert(field, text);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert_text(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert_text(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, value);
    }
}

#[cfg(test)]
mod tests;
