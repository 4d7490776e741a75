//! A failed call, classified by the service that made it.
//!
//! The type is the cloud's: a service only corrects the kind by its table of codes
//! ([`Error::classified`]).

pub use crate::cloud::{Error, Kind};
