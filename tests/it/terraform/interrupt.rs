//! An engine in a process group of its own, for Ctrl-C in the middle of its work.

use std::process::{Command, Stdio};
use std::time::Duration;

use terraform_provider_session::demo::Output;
use tokio::process::Child;
use tokio::time::{sleep, timeout};

use crate::terraform::fixture::Fixture;

/// Nothing that is waited for here takes longer, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long processes of a group may take to go when their leader has gone.
const LEAVING: Duration = Duration::from_secs(5);
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
        let mut command = fixture.core.command(fixture.dir(), args, &[]);
        command.process_group(0);
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
        let empty = async {
            while group.signal("0") {
                sleep(PAUSE).await;
            }
        };
        timeout(LEAVING, empty).await.expect("it left processes behind");
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
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal("KILL");
    }
}
