//! Former entries of lists of one id. Where a list tells little of its sessions, or takes long, a
//! successor passes for the same for a while; what was known before tells the two apart later.

use super::same::{Clock, Known, Sighting};

/// Former entries of lists that passed for one session.
#[derive(Clone, Debug)]
pub(super) struct Past {
    /// The newest, with the narrowest bounds that any of them gives for its beginning.
    bounds: Sighting,
    /// The newest that cannot be a successor's.
    sure: Sighting,
    /// Those on which its end was asked for first and last.
    asked: Option<[Sighting; 2]>,
}

impl Past {
    pub(super) fn new(first: &Sighting) -> Past {
        Past { bounds: first.clone(), sure: first.clone(), asked: None }
    }

    /// Whether a later entry passes for the same.
    pub(super) fn is(&self, later: &Sighting) -> bool {
        self.bounds.is(later)
    }

    /// One more entry that does.
    pub(super) fn again(&mut self, later: &Sighting) {
        if self.sure.is_surely(later) {
            self.sure = later.clone();
        }
        self.bounds = self.bounds.again(later.clone());
    }

    /// Its end was asked for on this entry.
    pub(super) fn asked(&mut self, now: &Sighting) {
        let [_, last] = self.asked.get_or_insert_with(|| [now.clone(), now.clone()]);
        last.clone_from(now);
    }

    /// A later entry is somebody else's. If the end that was asked for last was his, and not the
    /// former's, that is taken out and returned; with whether the first was his already.
    pub(super) fn succeeded(&mut self, by: &Sighting) -> Option<(Past, bool)> {
        let [first, last] = self.asked.take_if(|[_, last]| last.is(by))?;
        let was_his = first.is(by);
        self.asked = (!was_his).then(|| [first.clone(), first]);
        let asked = Some([last.clone(), last.clone()]);
        Some((Past { bounds: last.clone(), sure: last, asked }, was_his))
    }

    /// What a later run needs to know it again.
    pub(super) fn known(&self, clock: Clock) -> Known {
        self.bounds.known(clock)
    }

    /// The newest entry that cannot be a successor's.
    pub(super) fn sure(&self) -> &Sighting {
        &self.sure
    }

    /// The entry on which its end was asked for last.
    pub(super) fn last_asked(&self) -> Option<&Sighting> {
        self.asked.as_ref().map(|[_, last]| last)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;
    use crate::engine::tests::world::{session, spec};
    use crate::services::{Everyone, Field};

    /// Somebody who shows this age, asked for and answered after so many seconds.
    fn shown(start: Instant, user: &str, age: i64, asked: u64, arrived: u64) -> Sighting {
        let mut session = session("n", "4711", user);
        session.fields.insert("age", Field::Integer(age));
        let after = |seconds| start + Duration::from_secs(seconds);
        Sighting::new(&spec(1, Everyone::Never), session, after(asked), after(arrived))
    }

    fn user(of: &Sighting) -> Option<&Field> {
        of.session.fields.get("user")
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_is_who_was_asked_for_and_not_who_had_his_id_next() {
        let start = Instant::now() + Duration::from_secs(10_000);
        let app = shown(start, "app", 0, 0, 0);
        // Began after five seconds; the slow answer leaves that open, the next does not.
        let (slow, next) = (shown(start, "vip", 15, 2, 20), shown(start, "vip", 25, 30, 30));
        let text = |text: &str| Some(Field::Text(text.to_owned()));

        let mut past = Past::new(&app);
        past.asked(&app);
        past.again(&slow);
        assert!(past.is(&slow) && !past.is(&next));
        let clock = Clock::at(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000));
        assert!(!past.known(clock).is(&next, clock), "nor does a later run take him for the same");
        assert!(past.succeeded(&next).is_none());
        assert_eq!(past.last_asked().map(user), Some(text("app").as_ref()));
        assert_eq!(user(past.sure()), text("app").as_ref());

        // Asked for once more, in the name of the one who had gone.
        past.asked(&slow);
        let (heir, was_his) = past.succeeded(&next).unwrap();
        assert!(!was_his && heir.is(&next));
        assert_eq!(heir.last_asked().map(user), Some(text("vip").as_ref()));
        assert_eq!(past.last_asked().map(user), Some(text("app").as_ref()));

        // Asked for only when the other had the id already: then he left by himself.
        let mut past = Past::new(&app);
        past.again(&slow);
        past.asked(&slow);
        assert!(past.succeeded(&next).unwrap().1);
        assert!(past.last_asked().is_none());
    }
}
