//! Readings of targets for previews: those of one target share one.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::access::Error;
use crate::engine::View;

/// How old a reading may be that another preview uses: a plan asks for all of them at once, and
/// what it shows is resolved anew when it acts.
const SHARED: Duration = Duration::from_secs(10);

/// What came of a reading.
type Seen = Result<Arc<View>, Error>;

/// Where the last reading of a target lies, behind a lock of its own, so that whoever wants the
/// same waits for it.
type Shelf = Arc<tokio::sync::Mutex<Option<(Instant, Seen)>>>;

/// The last reading of every target.
#[derive(Debug, Default)]
pub(super) struct Views(Mutex<HashMap<String, Shelf>>);

impl Views {
    /// The reading of a target that somebody else has made just now, or a new one.
    pub(super) async fn of(&self, target: String, read: impl Future<Output = Seen>) -> Seen {
        let shelf = self.shelf(target);
        let mut shelf = shelf.lock().await;
        if let Some((at, seen)) = &*shelf
            && at.elapsed() < SHARED
        {
            return seen.clone();
        }
        let seen = read.await;
        *shelf = Some((Instant::now(), seen.clone()));
        seen
    }

    fn shelf(&self, target: String) -> Shelf {
        let mut shelves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(shelves.entry(target).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Kind;

    #[tokio::test(start_paused = true)]
    async fn those_who_want_one_target_wait_for_one_reading_and_an_old_one_is_made_anew() {
        let views = Views::default();
        let reads = Mutex::new(0);
        let read = || async {
            *reads.lock().unwrap() += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Err(Error::new(Kind::Unavailable, "List", "no"))
        };
        let (first, second, other) = tokio::join!(
            views.of("a".into(), read()),
            views.of("a".into(), read()),
            views.of("b".into(), read())
        );
        assert!(first.is_err() && second.is_err() && other.is_err());
        assert_eq!(*reads.lock().unwrap(), 2);
        tokio::time::advance(SHARED).await;
        assert!(views.of("a".into(), read()).await.is_err());
        assert_eq!(*reads.lock().unwrap(), 3);
    }
}
