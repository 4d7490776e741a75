//! Figures as a table, and the page that they are kept on.

use std::fmt::Write;
use std::time::Duration;

/// Something that was measured.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: String,
    /// How much it is, with its unit.
    pub(crate) measured: String,
    /// What it should be, and whether it is.
    pub(crate) goal: Option<(String, bool)>,
    /// What was measured side by side.
    pub(crate) beside: String,
}

impl Figure {
    /// Whether it is as it should be; one without a goal always is.
    pub(crate) fn is_met(&self) -> bool {
        self.goal.as_ref().is_none_or(|(_, met)| *met)
    }
}

/// The middle of several measurements.
pub(crate) fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

/// The one that was disturbed least: whatever else a machine does only adds to a time.
pub(crate) fn fastest(all: &[Duration]) -> Duration {
    all.iter().copied().min().unwrap_or_default()
}

/// Milliseconds, for people.
pub(crate) fn milliseconds(time: Duration) -> String {
    let time = time.as_secs_f64() * 1e3;
    format!("{time:.*} ms", if time < 10.0 { 2 } else { 0 })
}

/// Seconds, for people.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.3} s", time.as_secs_f64())
}

/// The whole page.
pub(crate) fn text(figures: &[Figure], engine: Option<&str>) -> String {
    let mut rows = vec![["figure", "measured", "goal", "side by side"].map(str::to_owned)];
    for Figure { name, measured, goal, beside } in figures {
        let goal = match goal {
            Some((goal, true)) => goal.clone(),
            Some((goal, false)) => format!("**missed:** {goal}"),
            None => String::new(),
        };
        rows.push([name.clone(), measured.clone(), goal, beside.clone()]);
    }
    let mut text = INTRODUCTION.to_owned();
    for (number, row) in rows.iter().enumerate() {
        let _ = writeln!(text, "| {} |", row.join(" | "));
        if number == 0 {
            text.push_str("|---|---|---|---|\n");
        }
    }
    let engine = engine.map(|engine| format!(", {engine}")).unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').nth(1).map(|load| {
        format!(
            " In those five minutes {load} processes were ready to run on average, others' too."
        )
    });
    let load = load.unwrap_or_default();
    let _ = write!(text, "\nMeasured on {}{engine}.{load}\n{NOTES}", machine());
    text
}

const INTRODUCTION: &str = "\
<!-- Written by `UPDATE=1 cargo bench`. -->
# Figures

```console
cargo bench
```

prints this table for your machine; `UPDATE=1 cargo bench` writes it here. It needs what the tests
need, and nothing else should run meanwhile. It fails if a goal is missed.

";

const NOTES: &str = "
What is measured:

* The program is that of release archives: `cargo build --release --no-default-features`. Only the
  10,000 sessions are ended by the same code inside the bench, with the same optimisation.
* The start is the time from the creation of the process until its handshake line has been read,
  its one-time certificate included; the host's certificate is ECDSA P-521, as Terraform's is.
* Memory is what is resident after the host has connected with mutual TLS, called
  GetProviderSchema and read the answer. It grows with the services, so the goal is a ratio, to a
  plugin that has none and comes through the same door: the empty one, below. The ratio to the same
  process at its handshake line, which was the goal before, became worse when that became smaller
  (schemas are made when they are asked for), and counted the code of a first connection, which no
  service adds to.
* What a plugin adds to a plan is the plan of one resource that asks nobody, over that of one
  `terraform_data` without any plugin. All three plugins are this bench, started by the core: an
  empty one with one attribute, ours, and ours with two copies of every type. A core starts a plugin
  three times in such a plan and asks for its schema the first time. Of some 14 ms that ours adds
  over the empty one (Terraform 1.11.4, 60 turns of plugins that serve more and more of it), the
  schema of the provider block is 1 to 3, that of the one resource that is planned 3, and those that
  are only read 9; a plugin that serves the same schemas and does nothing costs as much as ours. The
  core does nearly all of it: a profile of Terraform 1.16.3 has 8 ms of processor time more than
  with the empty one, 5 of which read the types of some 2,400 attributes from JSON, each by itself,
  and 3 ms more of collecting garbage; the plugin takes 2 ms more. Neither texts (measured without
  any) nor nested objects (measured as plain ones) make a difference that shows, so only fewer
  attributes would, and those are what users write and read. The end of a plugin, from its closed
  socket to its exit, takes 1 ms. Whether the goals are met depends on what both plugins pay alike,
  the core's own keys (P-521, three times in a plan), which took 10 ms each at one time, 5 and 3 at
  others, on one machine with the same files: where the empty plugin adds 61 ms, ours adds 1.16 to
  1.22 times that and three times the services 1.30 to 1.42; where it adds 40 ms, 1.36 and 1.58;
  where it adds 30 ms, 1.40 to 1.50 and 1.80 to 1.84.
* Plans and applies are those of `session_termination_huaweicloud_dds` with `when = \"apply\"` and
  `all = true` against the sandbox, so every plan has a preview, and every apply a kill. Each run is
  followed by one of as many `terraform_data`, which is built into Terraform. Of all runs the
  fastest counts, since whatever else a machine does only adds to it. Beside the plan of one stands
  that of the empty plugin, by turns as well: what any plugin costs, mostly the core's keys, is
  nothing that a provider could save, and alone comes to two or three times the core without one.
* The sessions of the PostgreSQL are ended from the login to the report, by turns with one `psql` from
  its start to its end, which lists them, ends them and looks every 10 ms until nobody is left.
* The 10,000 sessions are operations on 50 nodes of one DDS instance, which are listed, ended and
  listed again, eight calls at a time, by turns with the plain loop; the fastest turns count. The
  plain loop sends the very same requests, already signed, through the same HTTP client at the same
  concurrency, and looks at nothing. The least possible number of calls is one to look the nodes
  up, full pages to list, full batches to kill, and one look at each node afterwards; those beyond
  it come from pages that begin with the last few sessions of the one before, which shows that
  nobody was skipped.
";

/// Cores, processor and system.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let value = |file: &str, name: &str, mark: char| {
        let text = std::fs::read_to_string(file).ok()?;
        let line = text.lines().find(|line| line.starts_with(name))?;
        let (_, value) = line.split_once(mark)?;
        Some(value.trim().trim_matches('"').to_owned())
    };
    let processor = value("/proc/cpuinfo", "model name", ':');
    let processor = processor.unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let system = value("/etc/os-release", "PRETTY_NAME", '=');
    let system = system.unwrap_or_else(|| std::env::consts::OS.to_owned());
    format!("{cores} cores of {processor}, {system}")
}
