//! Commands in a process group of their own, for Ctrl-C in the middle of their work, and for what
//! is left of them when they are killed.

use std::process::{Command, Stdio};
use std::time::Duration;

use terraform_provider_session::demo::Output;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::terraform::fixture::{BINARY, Fixture};

/// Nothing that is waited for here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long processes of a group may take to go when their leader has gone.
const LEAVING: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// A running command; it and all that it has started are killed on drop.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    group: Group,
}

/// A process group, by the id of its leader.
#[derive(Debug)]
struct Group(u32);

impl Running {
    /// Starts a command as a shell with job control does.
    pub(crate) fn start(fixture: &Fixture, args: &[&str]) -> Running {
        Running::group(fixture.core.command(fixture.dir(), args, &[]))
    }

    fn group(mut command: tokio::process::Command) -> Running {
        command.process_group(0).kill_on_drop(true);
        let child = command.spawn().unwrap();
        let group = Group(child.id().unwrap());
        Running { child, group }
    }

    /// Waits until something is true.
    pub(crate) async fn when(&self, what: impl AsyncFn() -> bool) {
        let waiting = async {
            while !what().await {
                sleep(PAUSE).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it did not come that far");
    }

    /// Presses Ctrl-C once: everybody in the group gets the signal. Then waits for the end, and
    /// until nobody of the group is left.
    pub(crate) async fn interrupt(self) -> Output {
        let Running { child, group } = self;
        assert!(group.signal("INT"), "it had ended by itself");
        let told = timeout(PATIENCE, child.wait_with_output()).await.expect("it hangs").unwrap();
        group.empties().await;
        Output {
            code: told.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&told.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&told.stderr).into_owned(),
        }
    }
}

impl Group {
    /// Whether there was somebody to get the signal.
    fn signal(&self, signal: &str) -> bool {
        let mut kill = Command::new("kill");
        kill.args([&format!("-{signal}"), "--", &format!("-{}", self.0)]).stderr(Stdio::null());
        kill.status().unwrap().success()
    }

    /// Waits until nobody of the group is left.
    async fn empties(&self) {
        let empty = async {
            while self.signal("0") {
                sleep(PAUSE).await;
            }
        };
        timeout(LEAVING, empty).await.expect("it left processes behind");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal("KILL");
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_killed_demo_leaves_no_process_behind() {
    let mut command = tokio::process::Command::new(BINARY);
    command.arg("demo").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Running { mut child, group } = Running::group(command);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("terraform plan") {
                return;
            }
        }
        panic!("it ended by itself");
    };
    timeout(PATIENCE, running).await.expect("it did not come that far");
    child.kill().await.unwrap();
    // Its Redis, the sandbox and the engine; setpriv of util-linux must be on PATH.
    group.empties().await;
}
