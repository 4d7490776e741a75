//! What the connections of one login bring up: which sessions are our own, and what users should
//! know.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::wire::dial::Place;

/// Shared by all connections of one login.
#[derive(Debug, Default)]
pub struct Notes {
    own: Mutex<BTreeSet<String>>,
    remarks: Mutex<BTreeSet<String>>,
}

impl Notes {
    /// Remembers a session of this process, under whatever tells it from all others for ever.
    pub fn claim(&self, session: String) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(session);
    }

    /// Whether a session is, or was, this process' own.
    pub fn owns(&self, session: &str) -> bool {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).contains(session)
    }

    /// A setting of the environment was not followed at a place: it would have checked less than the
    /// default does.
    pub fn ignored(&self, setting: &str, place: &Place) {
        let remark = format!(
            "{setting} was not followed at `{place}`: it is weaker than the default, and only the \
             provider block may say so"
        );
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).insert(remark);
    }

    /// What users should be warned of, since the last time.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *remarks).into_iter().collect()
    }
}
