//! What becomes of processes that are killed or interrupted in the middle of a run, and of what
//! they have done.
//!
//! The middle is an event: the sandbox holds back the answer to one kill of many, whose sessions
//! are already gone, until the test lets it go. A real Terraform runs the real program; which
//! processes live is read from `/proc`. All waits are for events and end after [`PATIENCE`].

#![expect(clippy::unwrap_used, reason = "what helps a test may end it")]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as blocking;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use terraform_provider_session::demo::Engine;
use terraform_provider_session::sandbox::{CallLine, Happening, Sandbox, Setup, server};
use terraform_provider_session::wire::https::SystemClock;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::terraform::fixture::{Fixture, engines};

/// Enough for a busy machine, and too little to hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// Longest life of a plugin after its host: it looks after it every second, and then awaits calls
/// in flight for five.
const SOON: Duration = Duration::from_secs(10);

/// An instance with one node, and so many sessions on it.
const SERVICE: &str = "huaweicloud_dds";
const SESSIONS: usize = 100;

/// The kill that is held back: the third of five.
const HELD: usize = 2;

/// What is gone by then.
const GONE: usize = 60;

const APPLY: &[&str] = &["apply", "-auto-approve"];

/// A block that waits for the end of everything, which is a failure.
const CLOSE: &str = r#"
ephemeral "session_termination_SERVICE" "it" {
  instance_id = "INSTANCE"
  applying    = terraform.applying
  when        = "close"
  all         = true
}
resource "terraform_data" "failure" {
  depends_on = [ephemeral.session_termination_SERVICE.it]
  provisioner "local-exec" { command = "exit 1" }
}
"#;

/// A sandbox that holds back one answer, and a configuration that kills everybody there.
struct Scene {
    fixture: Fixture,
    sandbox: Arc<Sandbox>,
    /// Where sockets and the audit log go.
    folder: TempDir,
    reached: UnboundedReceiver<()>,
    go_on: blocking::Sender<()>,
    _stop: tokio_util::sync::DropGuard,
}

impl Scene {
    /// One managed resource with more arguments.
    async fn new(conduct: &str) -> Scene {
        let block = format!(
            r#"
resource "session_termination_SERVICE" "it" {{
  instance_id = "INSTANCE"
  when        = "apply"
  all         = true
  {conduct}
}}
"#
        );
        Scene::of(&block).await
    }

    /// Any blocks.
    async fn of(blocks: &str) -> Scene {
        let (reach, reached) = unbounded_channel();
        let (go_on, held) = blocking::channel();
        let setup = Setup { clients: SESSIONS, ..Setup::default() };
        let sandbox = Sandbox::new(setup, Arc::new(SystemClock));
        let sandbox = Arc::new(sandbox.watched(hold_one(reach, held)));
        let listener = server::bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(Arc::clone(&sandbox), listener, stop.clone()));

        let folder = tempfile::tempdir().unwrap();
        let audit_log = folder.path().join("audit.jsonl");
        let main = configuration(&sandbox, &endpoint, &audit_log.display().to_string(), blocks);
        let fixture = Fixture::new(engine(), &main);
        let _stop = stop.drop_guard();
        Scene { fixture, sandbox, folder, reached, go_on, _stop }
    }

    fn variables(&self) -> [(&str, &str); 2] {
        let folder = self.folder.path().to_str().unwrap();
        [("TMPDIR", folder), ("TF_LOG_PROVIDER", "DEBUG")]
    }

    /// Starts a command as a terminal would: in a group of its own.
    fn start(&self, arguments: &[&str]) -> Command {
        let fixture = &self.fixture;
        let mut command = fixture.core.command(fixture.dir(), arguments, &self.variables());
        let mut child = command.process_group(0).stdin(Stdio::null()).spawn().unwrap();
        let (tell, lines) = unbounded_channel();
        tokio::spawn(read(child.stdout.take().unwrap(), tell.clone()));
        tokio::spawn(read(child.stderr.take().unwrap(), tell));
        Command { child, lines, told: String::new() }
    }

    /// Waits until one kill of many has taken effect and its answer is held back.
    async fn middle(&mut self) {
        within(self.reached.recv()).await.unwrap();
        assert_eq!(self.killed().len(), GONE);
    }

    /// Lets the answer go.
    fn go_on(&self) {
        self.go_on.send(()).unwrap();
    }

    /// Ids of the sessions that were really ended.
    fn killed(&self) -> BTreeSet<String> {
        self.sandbox.ledger().killed().map(|killed| killed.client.id.clone()).collect()
    }

    /// How many kills were asked for.
    fn kills(&self) -> usize {
        self.sandbox.calls().iter().filter(|line| is_kill(line)).count()
    }

    /// Sessions in the audit log, by the kind of their line.
    fn audited(&self, kind: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.folder.path().join("audit.jsonl")).unwrap();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["kind"] == kind).collect()
    }

    /// Asserts that the audit log names every session that was ended, and how the last run ended.
    fn assert_audited(&self, runs: &[&str]) {
        let named = texts(&self.audited("requested"), "session");
        assert!(named.is_superset(&self.killed()), "{named:?}");
        let outcomes: Vec<Value> =
            self.audited("run").iter().map(|run| run["outcome"].clone()).collect();
        assert_eq!(outcomes, runs);
    }

    /// Plugins of this scene that run.
    fn plugins(&self) -> Vec<i32> {
        let command = self.fixture.core.command(self.fixture.dir(), &[], &[]);
        let home = command.as_std().get_envs().find(|(name, _)| *name == "HOME").unwrap();
        let home = home.1.unwrap().to_str().unwrap();
        let program = format!("{home}/plugins/");
        processes(|words| words.first().is_some_and(|word| word.starts_with(&program)))
    }

    /// Waits until no plugin runs, and asserts that none left its socket, but `left`.
    async fn nobody_is_left(&self, left: usize) {
        let began = Instant::now();
        while !self.plugins().is_empty() {
            assert!(began.elapsed() < SOON, "a plugin still runs");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(self.sockets().len(), left, "{:?}", self.sockets());
    }

    fn sockets(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_none()).collect()
    }

    /// What the state says of the last run.
    async fn last_run(&self) -> Value {
        let told = self.fixture.succeed(&["show", "-json"]).await;
        let state: Value = serde_json::from_str(&told).unwrap();
        state["values"]["root_module"]["resources"][0]["values"]["last_run"].clone()
    }

    /// Asserts that the next apply finds nothing in its way, and that nobody lives after it.
    async fn the_next_apply_ends_the_rest(&self) {
        let fixture = &self.fixture;
        let told = fixture.core.run(fixture.dir(), APPLY, &self.variables()).await.unwrap();
        assert_eq!(told.code, 0, "{}", told.text());
        assert_eq!(self.killed().len(), SESSIONS);
    }
}

/// A running Terraform.
struct Command {
    child: Child,
    lines: UnboundedReceiver<String>,
    told: String,
}

impl Command {
    fn id(&self) -> i32 {
        i32::try_from(self.child.id().unwrap()).unwrap()
    }

    /// What Ctrl-C does: a signal to the whole group.
    fn interrupt(&self) {
        signal("INT", -self.id());
    }

    /// Waits until it says something.
    async fn says(&mut self, words: &str) {
        loop {
            let line = within(self.lines.recv()).await;
            let line = line.unwrap_or_else(|| panic!("never said `{words}`:\n{}", self.told));
            self.told.push_str(&line);
            self.told.push('\n');
            if line.contains(words) {
                return;
            }
        }
    }

    /// Waits for its end: exit code, if it was not killed, and all that it said.
    async fn ended(mut self) -> (Option<i32>, String) {
        let status = within(self.child.wait()).await.unwrap();
        // All of it, to the end; but a plugin may live on for a while and hold the other end.
        while let Ok(Some(line)) = tokio::time::timeout(SOON, self.lines.recv()).await {
            self.told.push_str(&line);
            self.told.push('\n');
        }
        (status.code(), self.told)
    }
}

/// What is on PATH, else the newest pinned core: here it is only the host, and any will do.
fn engine() -> &'static Engine {
    engines().last().unwrap()
}

async fn read(from: impl AsyncRead + Unpin, tell: UnboundedSender<String>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if tell.send(line).is_err() {
            return;
        }
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it takes too long")
}

/// Lets all calls through but one kill, which waits for the word.
fn hold_one(
    reach: UnboundedSender<()>,
    held: blocking::Receiver<()>,
) -> impl Fn(Happening<'_>) + Send + Sync {
    let (held, kills) = (std::sync::Mutex::new(held), AtomicUsize::new(0));
    move |happening| {
        if let Happening::Called(line) = happening
            && is_kill(line)
            && kills.fetch_add(1, Ordering::SeqCst) == HELD
        {
            reach.send(()).unwrap();
            // If the scene is over, nobody cares any more.
            let _ = held.lock().unwrap().recv_timeout(PATIENCE);
        }
    }
}

fn is_kill(line: &CallLine) -> bool {
    line.operation.starts_with("POST ") && line.operation.ends_with("/session")
}

fn configuration(sandbox: &Sandbox, endpoint: &str, audit_log: &str, blocks: &str) -> String {
    let account = sandbox.account();
    let (_, instances) = sandbox.scenery().iter().find(|(spec, _)| spec.name == SERVICE).unwrap();
    let instance = instances.iter().find(|instance| instance.nodes.len() == 1).unwrap();
    let blocks = blocks.replace("SERVICE", SERVICE).replace("INSTANCE", &instance.id);
    format!(
        r#"
terraform {{
  required_providers {{ session = {{ source = "sessionops/session" }} }}
}}
provider "session" {{
  huaweicloud = {{
    region     = "{}"
    access_key = "{}"
    secret_key = "{}"
    endpoints  = {{ dds = "{endpoint}", iam = "{endpoint}" }}
  }}
  max_concurrency = 1
  audit_log       = "{audit_log}"
}}
{blocks}
"#,
        account.region,
        account.access_key,
        account.secret_key.reveal(),
    )
}

/// The values of a field.
fn texts(lines: &[Value], field: &str) -> BTreeSet<String> {
    lines.iter().map(|line| line[field].as_str().unwrap().to_owned()).collect()
}

/// The strings of a list.
fn strings(list: &Value) -> BTreeSet<String> {
    list.as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// Processes that run and whose command line is like this.
fn processes(like: impl Fn(&[&str]) -> bool) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let entry = entry.unwrap();
        let Ok(id) = entry.file_name().to_string_lossy().parse() else { continue };
        // It may end while it is looked at; what has ended and was not awaited has no words.
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let words: Vec<&str> = line.split_terminator('\0').collect();
        if like(&words) {
            found.push(id);
        }
    }
    found
}

/// Sends a signal to a process, or to a group if negative.
fn signal(name: &str, to: i32) {
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args(["-s", name, "--", &to.to_string()]).status().unwrap().success());
}

#[tokio::test]
async fn a_killed_plugin_leaves_a_record_of_whom_it_was_about_to_end_and_is_in_nobodys_way() {
    let mut scene = Scene::new("").await;
    let command = scene.start(APPLY);
    scene.middle().await;
    let plugins = scene.plugins();
    assert_eq!(plugins.len(), 1, "one process per walk");
    signal("KILL", plugins[0]);
    let (code, told) = command.ended().await;
    assert_eq!(code, Some(1), "{told}");
    // Which of the two depends on what the core sees first: the broken socket or the dead process.
    let words = ["Plugin did not respond", "Request cancelled"];
    assert!(words.iter().any(|one| told.contains(one)), "{told}");
    scene.go_on();
    scene.assert_audited(&[]);
    scene.nobody_is_left(1).await;
    scene.the_next_apply_ends_the_rest().await;
    scene.assert_audited(&["completed"]);
    scene.nobody_is_left(1).await;
}

#[tokio::test]
async fn when_terraform_is_killed_the_plugin_records_what_it_did_and_ends() {
    let mut scene = Scene::new("").await;
    let command = scene.start(APPLY);
    scene.middle().await;
    signal("KILL", command.id());
    assert_eq!(command.ended().await.0, None);
    // There is no answer to come: what was in flight counts as lost.
    scene.nobody_is_left(0).await;
    scene.assert_audited(&["halted"]);
    assert_eq!((scene.kills(), scene.killed().len()), (HELD + 1, GONE));
    scene.go_on();
    scene.the_next_apply_ends_the_rest().await;
    scene.nobody_is_left(0).await;
}

#[tokio::test]
async fn after_ctrl_c_no_batch_is_started_and_the_state_tells_who_is_gone() {
    let mut scene = Scene::new("verify = false").await;
    let mut command = scene.start(APPLY);
    scene.middle().await;
    command.interrupt();
    command.says("the host asks to stop").await;
    scene.go_on();
    let began = Instant::now();
    let (code, told) = command.ended().await;
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    assert_eq!(code, Some(1), "{told}");
    assert_eq!((scene.kills(), scene.killed().len()), (HELD + 1, GONE), "{told}");
    scene.nobody_is_left(0).await;
    scene.assert_audited(&["halted"]);
    let run = scene.last_run().await;
    assert_eq!((&run["selected"], &run["terminated"]), (&json!(SESSIONS), &json!(GONE)), "{run}");
    assert_eq!(strings(&run["terminated_ids"]), scene.killed());
    assert_eq!(run["survived"], json!(SESSIONS - GONE));
    scene.the_next_apply_ends_the_rest().await;
}

#[tokio::test]
async fn after_ctrl_c_what_was_not_verified_is_not_called_terminated() {
    let mut scene = Scene::new("").await;
    let mut command = scene.start(APPLY);
    scene.middle().await;
    command.interrupt();
    command.says("the host asks to stop").await;
    scene.go_on();
    let (code, told) = command.ended().await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("not verified"), "{told}");
    let run = scene.last_run().await;
    assert_eq!((&run["terminated"], &run["survived"]), (&json!(0), &json!(SESSIONS)), "{run}");
    scene.nobody_is_left(0).await;
}

#[tokio::test]
async fn after_ctrl_c_twice_whoever_is_gone_is_in_the_audit_log() {
    let mut scene = Scene::new("").await;
    let mut command = scene.start(APPLY);
    scene.middle().await;
    command.interrupt();
    command.says("the host asks to stop").await;
    command.interrupt();
    command.says("Two interrupts received.").await;
    scene.go_on();
    let (code, told) = command.ended().await;
    assert_eq!(code, Some(1), "{told}");
    scene.nobody_is_left(0).await;
    assert_eq!(scene.killed().len(), GONE);
    scene.assert_audited(&["halted"]);
    scene.the_next_apply_ends_the_rest().await;
}

#[tokio::test]
async fn a_plugin_that_is_terminated_in_the_middle_answers_with_the_truth_before_it_ends() {
    let mut scene = Scene::new("verify = false").await;
    let mut command = scene.start(APPLY);
    scene.middle().await;
    signal("TERM", scene.plugins()[0]);
    // Lives before this one end, too: theirs are over by then.
    command.says("end=Terminated").await;
    command.says("whatever runs is asked to stop").await;
    scene.go_on();
    let (code, told) = command.ended().await;
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("was interrupted"), "{told}");
    assert_eq!((scene.kills(), scene.killed().len()), (HELD + 1, GONE), "{told}");
    scene.nobody_is_left(0).await;
    scene.assert_audited(&["halted"]);
    let run = scene.last_run().await;
    assert_eq!(strings(&run["terminated_ids"]), scene.killed(), "{run}");
    scene.the_next_apply_ends_the_rest().await;
}

#[tokio::test]
async fn terraform_waits_for_what_was_never_closed() {
    let mut scene = Scene::of(CLOSE).await;
    let mut command = scene.start(APPLY);
    scene.middle().await;
    assert!(command.child.try_wait().unwrap().is_none(), "it has ended before the plugin");
    scene.go_on();
    command.says("ran at the shutdown").await;
    assert_eq!(command.ended().await.0, Some(1));
    assert_eq!(scene.killed().len(), SESSIONS);
    scene.nobody_is_left(0).await;
    scene.assert_audited(&["completed"]);
}

#[tokio::test]
async fn a_signal_ends_what_the_shutdown_runs_as_an_interrupt_would() {
    for name in ["TERM", "INT"] {
        let mut scene = Scene::of(CLOSE).await;
        let mut command = scene.start(APPLY);
        scene.middle().await;
        signal(name, scene.plugins()[0]);
        command.says("somebody insists on the end").await;
        scene.go_on();
        assert_eq!(command.ended().await.0, Some(1), "{name}");
        assert_eq!((scene.kills(), scene.killed().len()), (HELD + 1, GONE), "{name}");
        scene.nobody_is_left(0).await;
        scene.assert_audited(&["halted"]);
    }
}

#[tokio::test]
async fn what_was_never_closed_is_ended_even_if_terraform_is_killed_meanwhile() {
    let mut scene = Scene::of(CLOSE).await;
    let command = scene.start(APPLY);
    scene.middle().await;
    signal("KILL", command.id());
    assert_eq!(command.ended().await.0, None);
    scene.go_on();
    scene.nobody_is_left(0).await;
    assert_eq!(scene.killed().len(), SESSIONS);
    scene.assert_audited(&["completed"]);
}
