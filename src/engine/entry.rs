//! One selected session, and where it stands while a run works.

use tokio::time::Instant;

use super::past::Past;
use super::same::Sighting;
use super::select::Verdict;
use crate::services::Error;

/// Where a selected session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// No call has named or covered it.
    Untouched,
    /// No call has named or covered it, and it is not meant any more; with the reason.
    Spared(&'static str),
    /// A call was made, and what it did is not known; with the reason.
    Open(String),
    /// The cloud took the request, or answered that there is no such session.
    Answered,
    /// It is gone.
    Over,
    /// It lives, and nothing more will be tried; with the reason.
    Alive(String),
    /// Nothing can tell any more whether it lives; with the reason.
    Lost(String),
}

/// One selected session.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its newest entry in a list: of whoever has its id, as far as nothing tells him apart.
    pub(super) sighting: Sighting,
    pub(super) past: Past,
    /// Who had its id before it on its node, as an index.
    pub(super) former: Option<usize>,
    pub(super) standing: Standing,
    /// What its newest entry is to the request.
    pub(super) verdict: Verdict,
    /// Whether it came after the first look.
    pub(super) came: bool,
    /// Whether a call was made that may have ended it.
    pub(super) effect: bool,
    /// Whether a call that named it together with others was refused without saying over whom.
    pub(super) doubtful: bool,
    /// Whether a look saw it since a call was last made that may have ended it.
    pub(super) listed: bool,
    /// When a look last saw it since its end was accepted.
    pub(super) seen: Option<Instant>,
    /// Whether it is to be asked for at the next opportunity.
    pub(super) due: bool,
    /// How many sessions a call may name that names it.
    pub(super) company: usize,
    /// Whether it may be among those that the last look's list counted and did not show.
    pub(super) hidden: bool,
    /// How often its end was asked for.
    pub(super) asks: u32,
    /// When its end was asked for last.
    pub(super) last_asked: Option<Instant>,
    /// How many looks saw it since it was asked for last.
    pub(super) looks: u32,
    /// When the cloud first took the request.
    pub(super) since: Option<Instant>,
    /// Whether it counts among those whose end the cloud has accepted.
    pub(super) accepted: bool,
    /// Whether the record has a `requested` line.
    pub(super) recorded: bool,
    /// The cloud's id of the last request that named or covered it.
    pub(super) request_id: Option<String>,
}

impl Entry {
    pub(super) fn new(sighting: Sighting, by_name: bool) -> Entry {
        let unkillable = sighting.session.unkillable.filter(|_| by_name);
        let company = if sighting.session.forbidden.is_some() { 1 } else { usize::MAX };
        Entry {
            past: Past::new(&sighting),
            sighting,
            former: None,
            standing: unkillable.map_or(Standing::Untouched, |why| Standing::Alive(why.to_owned())),
            verdict: Verdict::Meant,
            came: false,
            effect: false,
            doubtful: false,
            listed: true,
            seen: None,
            due: true,
            company,
            hidden: false,
            asks: 0,
            last_asked: None,
            looks: 0,
            since: None,
            accepted: false,
            recorded: false,
            request_id: None,
        }
    }

    /// Whether it can be ended at all.
    pub(super) fn is_killable(&self) -> bool {
        self.sighting.session.unkillable.is_none()
    }

    /// Whether a look may still tell something new.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.standing, Standing::Open(_) | Standing::Answered)
    }

    /// A call named or covered it.
    pub(super) fn asked(&mut self) {
        self.asks += 1;
        self.past.asked(&self.sighting);
        self.last_asked = Some(Instant::now());
        self.looks = 0;
        self.due = false;
    }

    pub(super) fn note_id(&mut self, error: &Error) {
        if error.request_id.is_some() {
            self.request_id.clone_from(&error.request_id);
        }
    }

    /// It is certain that it is gone.
    pub(super) fn end(&mut self) {
        self.listed = false;
        self.standing = Standing::Over;
    }

    /// A steady look lacks it.
    pub(super) fn vanish(&mut self) {
        match self.standing {
            Standing::Spared(_) | Standing::Lost(_) => {}
            Standing::Untouched
            | Standing::Open(_)
            | Standing::Answered
            | Standing::Over
            | Standing::Alive(_) => self.end(),
        }
    }

    /// Whether an entry of a list shows that what it was has ended though its id stays: on DDS a
    /// connection is listed under the same id when its operation is over, and cannot be ended then.
    pub(super) fn rests(&self, later: &Sighting) -> bool {
        let (session, later) = (&self.sighting.session, &later.session);
        session.unkillable.is_none() && later.unkillable.is_some()
    }

    /// A look shows it again. It may not have been what it was called: gone, or no longer meant.
    pub(super) fn again(&mut self, sighting: Sighting, verdict: Verdict) {
        self.past.again(&sighting);
        self.sighting = sighting;
        self.verdict = verdict;
        let meant = matches!(verdict, Verdict::Meant | Verdict::Doubted);
        match &self.standing {
            Standing::Over if self.asks > 0 => {
                self.standing = Standing::Open("it is listed again".to_owned());
                self.looks = 0;
            }
            Standing::Over | Standing::Spared(_) if meant => {
                self.standing = Standing::Untouched;
                self.due = true;
            }
            Standing::Over | Standing::Untouched if !meant => {
                self.standing = Standing::Spared(why_spared(verdict));
            }
            Standing::Over
            | Standing::Untouched
            | Standing::Spared(_)
            | Standing::Open(_)
            | Standing::Answered
            | Standing::Alive(_)
            | Standing::Lost(_) => {}
        }
    }

    /// An entry of a list shows somebody else under its id. If its end was asked for when he had it
    /// already, then his was: returns him as one of the run's own.
    pub(super) fn succeeded(&mut self, by: &Sighting) -> Option<Entry> {
        let heir = self.past.succeeded(by).map(|(past, was_his)| {
            // No line of the record is about him, nor does `max_sessions` count him before he is named.
            let heir = Entry { past, came: true, accepted: false, recorded: false, ..self.clone() };
            self.effect &= !was_his;
            heir
        });
        self.end();
        heir
    }

    /// Why it is not asked for once more although it was before, if so.
    pub(super) fn not_meant(&self) -> Option<&'static str> {
        match self.verdict {
            Verdict::Meant => None,
            Verdict::Doubted => Some("it was not asked for again: `protect` cannot be judged now"),
            Verdict::Protected => Some("it was not asked for again: it is protected now"),
            Verdict::Other | Verdict::Unmatched | Verdict::Beyond => {
                Some("it was not asked for again: it does not match any more")
            }
        }
    }
}

fn why_spared(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Protected => "it is protected now",
        Verdict::Meant | Verdict::Doubted | Verdict::Other | Verdict::Unmatched => {
            "it does not match any more"
        }
        Verdict::Beyond => "it cannot be ended any more",
    }
}
