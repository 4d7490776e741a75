//! A login that a server refused is not shown to it again for a while: servers count wrong
//! passwords and lock out, and a plan of twenty blocks would be twenty of them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::access::Error;
use crate::wire::dial::Place;

/// How long a refusal is remembered.
const MEMORY: Duration = Duration::from_secs(60);

/// The refusals that one login met, by server.
#[derive(Debug, Default)]
pub struct Refusals(Mutex<Vec<(Place, Instant, Error)>>);

impl Refusals {
    /// The refusal that this server gave less than a minute ago, if it did.
    pub fn recent(&self, place: &Place) -> Option<Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(_, at, _)| at.elapsed() < MEMORY);
        known.iter().find(|(refused, ..)| refused == place).map(|(.., error)| error.clone())
    }

    /// Remembers that this server refused the login.
    pub fn remember(&self, place: &Place, error: &Error) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(refused, ..)| refused != place);
        known.push((place.clone(), Instant::now(), error.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Kind;

    #[tokio::test(start_paused = true)]
    async fn a_refusal_holds_for_its_server_and_for_a_minute() {
        let place = |host: &str| Place::Tcp { host: host.into(), port: 1 };
        let refusals = Refusals::default();
        let error = Error::new(Kind::Credentials, "connect", "no");
        refusals.remember(&place("a"), &error);
        assert_eq!(refusals.recent(&place("a")), Some(error));
        assert_eq!(refusals.recent(&place("b")), None);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(refusals.recent(&place("a")).is_some());
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(refusals.recent(&place("a")), None);
    }
}
