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
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let clock = || SystemTime::UNIX_EPOCH + Duration::from_micros(1_767_225_599_000_042);
        let lines = Lines { output: Mutex::new(sink.clone()), clock };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), log);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_is_what_the_host_parses() {
        let line = logged(|| {
            let span = tracing::info_span!("call", rpc = "Plan", id = tracing::field::Empty);
            let _entered = span.enter();
            span.record("id", 7);
            tracing::info!(target: "session::engine", n = -1, ok = true, "hello \"{}\"", "you");
        });
        assert_eq!(
            line,
            "{\"@level\":\"info\",\"@message\":\"hello \\\"you\\\"\",\
             \"@module\":\"session.engine\",\"@timestamp\":\"2025-12-31T23:59:59.000042Z\",\
             \"id\":7,\"n\":-1,\"ok\":true,\"rpc\":\"Plan\"}\n"
        );
    }

    #[test]
    fn the_fields_that_the_host_needs_are_always_texts() {
        for line in [
            logged(|| tracing::warn!(message = 7)),
            logged(|| tracing::error!(x = f64::NAN)),
            logged(|| tracing::trace!("@timestamp" = 1, "@level" = false, "@message" = 3.5, "m")),
        ] {
            let value: Value = serde_json::from_str(&line).unwrap();
            for name in ["@level", "@message", "@timestamp"] {
                assert!(value[name].is_string(), "{name} in {line}");
            }
        }
    }

    #[test]
    fn no_line_reaches_64_kib() {
        let bad = "\u{1}é".repeat(40_000);
        for line in [
            logged(|| tracing::info!("{bad}")),
            logged(|| tracing::info!(a = bad, b = bad, c = bad, d = bad, e = bad, "{bad}")),
        ] {
            assert!(line.len() < 64 << 10, "{}", line.len());
            assert_eq!(line.matches('\n').count(), 1);
            let value: Value = serde_json::from_str(&line).unwrap();
            assert!(value["@message"].as_str().unwrap().ends_with('…'));
        }
    }

    #[test]
    fn secrets_are_not_logged_by_name_or_in_texts() {
        let line = logged(|| {
            tracing::info!(security_token = "s3cret", url = "https://x/?Signature=s3cret&a=1");
            tracing::info!(list = ?["Authorization: Bearer s3cret"], "token=s3cret and more");
        });
        assert!(!line.contains("s3cret"), "{line}");
        assert!(line.contains("and more") && line.contains("&a=1"), "{line}");
    }

    #[test]
    fn a_panic_is_told_in_the_words_that_the_host_looks_for() {
        let text = panic_text("no luck with token=s3cret", "src/x.rs:1:2");
        assert!(text.starts_with("panic: no luck with token=***\n"), "{text}");
        assert!(text.ends_with("at src/x.rs:1:2\n"), "{text}");
    }

    #[tokio::test]
    async fn a_panic_is_contained_by_its_task_if_it_is_in_one() {
        assert!(!is_contained(), "what the main thread runs is no task");
        assert!(tokio::spawn(async { is_contained() }).await.unwrap());
        assert!(tokio::task::spawn_blocking(is_contained).await.unwrap());
    }

    #[test]
    fn the_most_special_variable_decides_the_level() {
        for (variables, level) in [
            (&[][..], LevelFilter::OFF),
            (&[("TF_LOG", "JSON")], LevelFilter::TRACE),
            (&[("TF_LOG", "what")], LevelFilter::TRACE),
            (&[("TF_LOG", "TRACE"), ("TF_LOG_PROVIDER", "warn")], LevelFilter::WARN),
            (&[("TF_LOG_PROVIDER", "INFO"), ("OWN", "off")], LevelFilter::OFF),
            (&[("OWN", "Debug")], LevelFilter::DEBUG),
            (&[("TF_LOG_CORE", "TRACE")], LevelFilter::OFF),
        ] {
            let read = Level::read("OWN", &|name| {
                variables.iter().find(|(key, _)| *key == name).map(|(_, level)| (*level).to_owned())
            });
            assert_eq!(read, Level(level), "{variables:?}");
        }
    }
}
