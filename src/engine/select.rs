//! Filters over sessions: pure functions.
