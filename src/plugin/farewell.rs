//! What must be done before the process ends, done once whoever asks for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Mutex;

use tokio_util::sync::CancellationToken;

/// Starts the cleaning up. Called at most once; it runs to its end, however long it takes. It shall
/// make haste once the token is cancelled: somebody insists on the end.
pub type Cleanup =
    Box<dyn FnOnce(CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Cleans up once, and tells when that is done.
pub(super) struct Farewell {
    cleanup: Mutex<Option<Cleanup>>,
    begun: CancellationToken,
    haste: CancellationToken,
    said: CancellationToken,
}

impl Farewell {
    pub(super) fn new(cleanup: Cleanup) -> Farewell {
        Farewell {
            cleanup: Mutex::new(Some(cleanup)),
            begun: CancellationToken::new(),
            haste: CancellationToken::new(),
            said: CancellationToken::new(),
        }
    }

    /// Waits until the cleaning up has begun.
    pub(super) async fn begun(&self) {
        self.begun.cancelled().await;
    }

    /// Asks the cleaning up to make haste.
    pub(super) fn hurry(&self) {
        self.haste.cancel();
    }

    /// Cancelled when everything is cleaned up.
    pub(super) fn said(&self) -> CancellationToken {
        self.said.clone()
    }

    /// Cleans up, or waits for the end of a cleaning up that is under way.
    ///
    /// It goes on even if the caller goes away, and a panic in it ends it.
    pub(super) async fn say(&self) {
        let cleanup = self.cleanup.lock().ok().and_then(|mut cleanup| cleanup.take());
        if let Some(cleanup) = cleanup {
            self.begun.cancel();
            let (haste, said) = (self.haste.clone(), self.said.clone().drop_guard());
            tokio::spawn(async move {
                let _said = said;
                cleanup(haste).await;
            });
        }
        self.said.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn cleaning_up_happens_once_and_everybody_waits_for_it() {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let farewell = Arc::new(Farewell::new(Box::new(move |_| {
            Box::pin(async move {
                tokio::time::sleep(Duration::from_secs(60)).await;
                counted.fetch_add(1, Ordering::SeqCst);
            })
        })));
        let impatient = tokio::time::timeout(Duration::from_secs(1), farewell.say()).await;
        assert!(impatient.is_err(), "the caller gave up");
        tokio::join!(farewell.say(), farewell.say());
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn cleaning_up_is_told_to_make_haste_and_its_end_is_awaited_all_the_same() {
        let farewell = Arc::new(Farewell::new(Box::new(|haste: CancellationToken| {
            Box::pin(async move { haste.cancelled().await })
        })));
        let hurried = async {
            farewell.begun().await;
            assert!(!farewell.said().is_cancelled());
            farewell.hurry();
        };
        let both = async { tokio::join!(farewell.say(), hurried) };
        assert!(tokio::time::timeout(Duration::from_secs(60), both).await.is_ok(), "no haste");
        assert!(farewell.said().is_cancelled());
    }

    #[tokio::test]
    async fn a_panic_while_cleaning_up_does_not_keep_the_process() {
        let farewell = Farewell::new(Box::new(|_| Box::pin(async { panic!("no luck") })));
        farewell.say().await;
        assert!(farewell.said().is_cancelled());
    }
}
