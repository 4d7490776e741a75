//! When the process shall end without having been asked to by the host.
//!
//! Ctrl-C reaches the whole foreground group: the host turns it into a request to stop, and must
//! find its plugins alive, so it is ignored here, as go-plugin does. So is the end of a terminal.
//! A host that was killed says nothing: its connection ends, and it is nobody's parent any more.

use std::io;
use std::time::Duration;

use tokio::sync::watch;
#[cfg(unix)]
use tokio::time::sleep;
use tokio::time::timeout;

use super::connection::Count;

/// A host connects at once; go-plugin waits as long for a plugin to start.
const FIRST_CONNECTION: Duration = Duration::from_secs(60);

/// How long a host may be without a connection. gRPC dials again at once when one breaks.
const RECONNECTION: Duration = Duration::from_secs(3);

/// How often the parent is looked at.
#[cfg(unix)]
const PARENT_POLL: Duration = Duration::from_secs(1);

/// How many signals came since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Heard {
    /// Ctrl-C.
    interrupts: u32,
    /// Requests that this very process end.
    terminations: u32,
}

/// Hears signals. A clone hears the same.
#[derive(Clone, Debug)]
pub(super) struct Signals(watch::Receiver<Heard>);

impl Signals {
    /// From now on no signal of these ends the process by itself.
    pub(super) fn catch() -> io::Result<Signals> {
        let mut system = System::catch()?;
        let (tell, heard) = watch::channel(Heard::default());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(()) = system.interrupt.recv() => tell.send_modify(|heard| heard.interrupts += 1),
                    Some(()) = system.terminate.recv() => tell.send_modify(|heard| heard.terminations += 1),
                    () = tell.closed() => return,
                }
            }
        });
        Ok(Signals(heard))
    }

    /// Waits for the signal that asks this very process to end.
    pub(super) async fn terminated(&mut self) {
        self.until(|heard| heard.terminations > 0).await;
    }

    /// Waits for the same, or for Ctrl-C.
    pub(super) async fn interrupted(&mut self) {
        self.until(|heard| *heard != Heard::default()).await;
    }

    /// Waits for somebody who insists: by any signal from now on, or by a second Ctrl-C. The first
    /// one before was the host's business.
    pub(super) async fn insisted(&mut self) {
        let before = *self.0.borrow();
        self.until(|heard| heard.interrupts > 1 || *heard != before).await;
    }

    async fn until(&mut self, come: impl FnMut(&Heard) -> bool) {
        if self.0.wait_for(come).await.is_err() {
            // Nobody listens any more, so nothing can come.
            std::future::pending().await
        }
    }
}

/// The system's signals.
#[derive(Debug)]
struct System {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    _hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    #[cfg(windows)]
    terminate: tokio::signal::windows::CtrlClose,
}

impl System {
    #[cfg(unix)]
    fn catch() -> io::Result<System> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(System {
            interrupt: signal(SignalKind::interrupt())?,
            _hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(windows)]
    fn catch() -> io::Result<System> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(System { interrupt: ctrl_c()?, terminate: ctrl_close()? })
    }
}

/// Waits until no connection came, or none was left for some time.
pub(super) async fn abandoned(mut connections: watch::Receiver<Count>) {
    let mut seen = 0;
    let mut patience = FIRST_CONNECTION;
    loop {
        let came = timeout(patience, connections.wait_for(|count| count.ever > seen)).await;
        let here = matches!(came, Ok(Ok(_)));
        drop(came);
        if !here {
            return;
        }
        match connections.wait_for(|count| count.now == 0).await {
            Ok(count) => seen = count.ever,
            Err(_) => return,
        }
        patience = RECONNECTION;
    }
}

/// The parent of this process: the host, or a shell in between.
#[derive(Debug)]
pub(super) struct Parent {
    #[cfg(unix)]
    id: u32,
}

impl Parent {
    /// The parent there is now. To be asked before the host is told anything: it may be gone right
    /// after.
    pub(super) fn now() -> Parent {
        Parent {
            #[cfg(unix)]
            id: std::os::unix::process::parent_id(),
        }
    }

    /// Waits until this process has another parent, which it gets when its own is gone.
    #[cfg(unix)]
    pub(super) async fn gone(&self) {
        while std::os::unix::process::parent_id() == self.id {
            sleep(PARENT_POLL).await;
        }
    }

    /// Windows does not give a process another parent; only the connection tells.
    #[cfg(windows)]
    pub(super) async fn gone(&self) {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, sleep};

    use super::*;

    #[tokio::test]
    async fn a_second_ctrl_c_or_any_signal_from_now_on_is_somebody_who_insists() {
        let heard = |interrupts, terminations| Heard { interrupts, terminations };
        for (before, after, insists) in [
            (heard(0, 0), heard(0, 0), false),
            (heard(1, 0), heard(1, 0), false),
            (heard(0, 1), heard(0, 1), false),
            (heard(1, 0), heard(2, 0), true),
            (heard(0, 0), heard(1, 0), true),
            (heard(0, 1), heard(0, 2), true),
            (heard(2, 0), heard(2, 0), true),
        ] {
            let tell = watch::Sender::new(before);
            let mut signals = Signals(tell.subscribe());
            let waiting = tokio::spawn(async move { signals.insisted().await });
            tokio::task::yield_now().await;
            tell.send_replace(after);
            tokio::task::yield_now().await;
            assert_eq!(waiting.is_finished(), insists, "{before:?} {after:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_never_connects_is_given_up() {
        let connections = watch::Sender::new(Count::default());
        let start = Instant::now();
        abandoned(connections.subscribe()).await;
        assert_eq!(start.elapsed(), FIRST_CONNECTION);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_came_and_went_unseen_is_given_up_soon() {
        let connections = watch::Sender::new(Count { ever: 1, now: 0 });
        let start = Instant::now();
        abandoned(connections.subscribe()).await;
        assert_eq!(start.elapsed(), RECONNECTION);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_may_connect_again_but_not_late() {
        let connections = watch::Sender::new(Count { ever: 1, now: 1 });
        let start = Instant::now();
        let ended = tokio::spawn(abandoned(connections.subscribe()));
        sleep(Duration::from_secs(3600)).await;
        connections.send_replace(Count { ever: 1, now: 0 });
        sleep(RECONNECTION / 2).await;
        connections.send_replace(Count { ever: 2, now: 1 });
        sleep(RECONNECTION * 2).await;
        assert!(!ended.is_finished(), "the host came back");
        connections.send_replace(Count { ever: 2, now: 0 });
        ended.await.unwrap();
        let expected = Duration::from_secs(3600) + RECONNECTION / 2 + RECONNECTION * 3;
        assert_eq!(start.elapsed(), expected);
    }
}
