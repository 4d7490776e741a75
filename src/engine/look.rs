//! A look at the target itself: whether it is there, before anybody relies on it.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::run::{Repeat, Run, Trouble};
use super::{Aim, Pace, Silent};
use crate::services::{Error, Kind, Sight};

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(10);

/// The pauses between looks at a target that is not there yet.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(8);

/// For how long a target is asked for that is not there: what was made just now may be unknown for a
/// while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Half a minute: it may have been made just now.
    ForNewcomers,
    /// Once: it is not new.
    None,
}

/// What a look came to.
#[derive(Clone, Debug)]
pub enum Looked {
    /// The target is there.
    Seen,
    /// It is not there, in the other side's words.
    Absent(Error),
    /// Nothing that can be asked for tells; with why.
    Unproven(&'static str),
    /// The other side could not be asked.
    Failed(Error),
    /// Terraform asked to stop.
    Interrupted,
}

/// Looks whether the target of `aim` is there. One look takes ten seconds at most, and all of them
/// half a minute.
pub async fn look(
    aim: Aim<'_>,
    patience: Patience,
    pace: &Pace,
    cancel: &CancellationToken,
) -> Looked {
    let patience = match patience {
        Patience::ForNewcomers => Duration::from_secs(30),
        Patience::None => Duration::ZERO,
    };
    let until = Instant::now() + patience;
    let (mut limit, mut pause) = (LOOK, *PAUSES.start());
    let looked = loop {
        let looked = once(aim, limit, pace, cancel).await;
        let left = until.saturating_duration_since(Instant::now());
        if !matches!(looked, Looked::Absent(_)) || left <= pause {
            break looked;
        }
        tokio::select! {
            biased;
            () = cancel.cancelled() => break Looked::Interrupted,
            () = sleep(pause) => {}
        }
        limit = LOOK.min(left - pause);
        pause = (pause * 2).min(*PAUSES.end());
    };
    aim.sessions.close().await;
    looked
}

async fn once(aim: Aim<'_>, limit: Duration, pace: &Pace, cancel: &CancellationToken) -> Looked {
    let run = Run::new(&aim, pace, &Silent, cancel, Instant::now() + limit);
    let sight = || aim.sessions.sight();
    let sight = run.call("look for the target", Repeat::Freely, sight).await;
    match sight {
        Ok(Sight::Seen) => Looked::Seen,
        Ok(Sight::Absent(error)) => Looked::Absent(error),
        Ok(Sight::Unproven(why)) => Looked::Unproven(why),
        Err(_) if cancel.is_cancelled() => Looked::Interrupted,
        Err(Trouble::Failed(error) | Trouble::Over(Some(error))) => Looked::Failed(error),
        Err(Trouble::Over(None)) => {
            let message = "no answer before time was up";
            Looked::Failed(Error::new(Kind::Unavailable, "look for the target", message))
        }
    }
}
