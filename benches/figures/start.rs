//! What every one of the short processes costs that Terraform starts for a command.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use terraform_provider_session::protocol::wire_types::get_provider_schema::Request;
use terraform_provider_session::protocol::wire_types::provider_client::ProviderClient;

use crate::host::Host;
use crate::plugins;
use crate::table::{Figure, median, milliseconds};

/// Starts that are measured.
const STARTS: usize = 300;

/// Until the line it takes no more times as long as a whole run of `--version`.
const TIMES: f64 = 2.5;

/// No more times as much resident as an empty plugin.
const MEMORY: f64 = 1.25;

/// From the start to the handshake line.
pub(crate) fn until_the_line(program: &Path) -> Figure {
    let host = Host::new();
    let folder = tempfile::tempdir().unwrap();
    let (mut starts, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        starts.push(host.start(program, folder.path(), &[]).took);
        let began = Instant::now();
        let version = Command::new(program).arg("--version").stdout(Stdio::null()).status();
        beside.push(began.elapsed());
        assert!(version.unwrap().success());
    }
    let (time, beside) = (median(starts), median(beside));
    let times = time.as_secs_f64() / beside.as_secs_f64();
    Figure {
        name: "start to handshake line, mutual TLS, median".into(),
        measured: milliseconds(time),
        goal: Some((format!("< {TIMES} times the other"), times < TIMES)),
        beside: format!(
            "the same program's `--version`: {}, so {times:.1} times",
            milliseconds(beside)
        ),
    }
}

/// Resident memory after the schema, beside that of an empty plugin.
pub(crate) async fn memory(program: &Path) -> Figure {
    let [before, after] = around_the_schema(program, &[]).await;
    let [_, empty] = around_the_schema(&std::env::current_exe().unwrap(), &plugins::EMPTY).await;
    let share = after.zip(empty).map(|(after, empty)| after as f64 / empty as f64);
    let shown = |kib: Option<u64>| match kib {
        Some(kib) => format!("{:.1} MiB", kib as f64 / 1024.0),
        None => "not known on this system".to_owned(),
    };
    Figure {
        name: "resident after GetProviderSchema".into(),
        measured: shown(after),
        goal: Some((
            format!("< {MEMORY} times the empty plugin"),
            share.is_none_or(|share| share < MEMORY),
        )),
        beside: format!(
            "an empty plugin: {}, so {:.2} times; ours right after its handshake line: {}",
            shown(empty),
            share.unwrap_or_default(),
            shown(before)
        ),
    }
}

/// What is resident right after the handshake line, and once the schema has been read.
async fn around_the_schema(program: &Path, env: &[(&str, &str)]) -> [Option<u64>; 2] {
    let host = Host::new();
    let folder = tempfile::tempdir().unwrap();
    let plugin = host.start(program, folder.path(), env);
    let before = resident(plugin.id());
    let channel = host.connect(&plugin).await;
    let mut client = ProviderClient::new(channel).max_decoding_message_size(64 << 20);
    let schema = client.get_provider_schema(Request {}).await.unwrap().into_inner();
    assert!(!schema.resource_schemas.is_empty());
    [before, resident(plugin.id())]
}

/// A process's resident memory in KiB, where the system tells.
fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}
