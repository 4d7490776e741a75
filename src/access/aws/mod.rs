//! AWS: who we are, where calls go, how they are signed, how a refusal is worded.

pub mod sign;
