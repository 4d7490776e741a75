//! What became of a selected session, as far as a run knows in the end.

use std::time::Duration;

use tokio::time::Instant;

use super::entry::{Entry, Standing};
use super::report::UNVERIFIED;
use super::same::Sighting;
use super::{Fate, Halt, Verify};

/// How long a look counts as of now: looks at who is still there are no further apart.
const FRESH: Duration = Duration::from_secs(20);

impl Entry {
    /// Which entry of a list is told with its fate: of who is gone, the one that was asked for.
    pub(super) fn told(&self, fate: &Fate) -> &Sighting {
        match fate {
            Fate::Terminated => self.past.last_asked().unwrap_or(self.past.sure()),
            Fate::AlreadyGone | Fate::Drained | Fate::Spared(_) => self.past.sure(),
            Fate::Survived(_) | Fate::Untouched => &self.sighting,
        }
    }

    pub(super) fn fate(&self, outcome: Outcome<'_>) -> Fate {
        let target_gone = matches!(outcome.halt, Some(Halt::TargetGone(_)));
        match &self.standing {
            Standing::Over => self.over(),
            _ if target_gone => self.over(),
            Standing::Spared(why) => Fate::Spared(why),
            Standing::Untouched
                if self.recorded && matches!(outcome.halt, Some(Halt::Panicked(_))) =>
            {
                Fate::Survived(format!("{UNVERIFIED}: a call may have been made for it"))
            }
            Standing::Untouched => Fate::Untouched,
            Standing::Lost(why) => Fate::Survived(format!("{UNVERIFIED}: {why}")),
            Standing::Alive(why) => Fate::Survived(why.clone()),
            Standing::Open(why) if self.listed && (!self.effect || self.lives(outcome)) => {
                Fate::Survived(format!("still listed: {why}"))
            }
            Standing::Open(why) => Fate::Survived(format!("{UNVERIFIED}: {why}")),
            Standing::Answered if outcome.verify == Verify::Trust => self.over(),
            Standing::Answered if self.listed && self.effect => {
                Fate::Survived(self.still_listed(outcome))
            }
            Standing::Answered if self.listed => {
                Fate::Survived("still listed, although the cloud calls it gone".to_owned())
            }
            Standing::Answered if self.hidden => Fate::Survived(format!(
                "{UNVERIFIED}: the cloud counts more sessions than its list shows"
            )),
            Standing::Answered => Fate::Survived(format!("{UNVERIFIED}: {}", outcome.cut_short())),
        }
    }

    /// When it was last seen, and whether that says that it lives.
    fn still_listed(&self, outcome: Outcome<'_>) -> String {
        let (Some(since), Some(seen)) = (self.since, self.seen) else {
            return "still listed although its end was accepted".to_owned();
        };
        let after = Duration::from_secs(seen.saturating_duration_since(since).as_secs());
        let after = humantime::format_duration(after);
        if self.lives(outcome) {
            return format!("still listed {after} after its end was accepted");
        }
        let ago = humantime::format_duration(seconds_since(self.seen));
        format!(
            "{UNVERIFIED}: listed {after} after its end was accepted, and not looked at in the {ago} \
             until {}",
            outcome.cut_short()
        )
    }

    /// Whether the last look that saw it says that it lives. Some clouds end later what they accept:
    /// one of long ago says nothing, nor does any if the run was cut short behind it.
    fn lives(&self, outcome: Outcome<'_>) -> bool {
        let cut_short =
            matches!(outcome.halt, Some(Halt::Failed(_) | Halt::Cancelled | Halt::Panicked(_)));
        !cut_short && self.seen.is_none_or(|seen| seen.elapsed() <= FRESH)
    }

    fn over(&self) -> Fate {
        if self.effect { Fate::Terminated } else { Fate::AlreadyGone }
    }
}

/// Everything that decides an entry's fate beside itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outcome<'a> {
    pub(super) verify: Verify,
    pub(super) halt: Option<&'a Halt>,
}

impl Outcome<'_> {
    /// Why nobody could look any more.
    fn cut_short(&self) -> &'static str {
        match self.halt {
            Some(Halt::Cancelled) => "the run was interrupted",
            Some(Halt::TimedOut(_) | Halt::NotWhole(_)) => "time was up",
            _ => "the run ended early",
        }
    }
}

/// Whole seconds since a moment.
fn seconds_since(moment: Option<Instant>) -> Duration {
    Duration::from_secs(moment.map_or(0, |moment| moment.elapsed().as_secs()))
}
