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
