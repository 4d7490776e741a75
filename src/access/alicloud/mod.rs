//! Alibaba Cloud: who we are, where calls go, how they are signed, how a refusal is worded.
//!
//! An [`Account`] stands for one provider block: it knows how to log in ([`resolve`]) and does it
//! when the first call needs it. [`Account::signer`] gives what signs the calls to one region.
//! [`sign`] also checks signatures, for the sandbox.

mod account;
mod block;
mod endpoints;
mod errors;
mod login;
mod metadata;
mod profile;
pub mod resolve;
mod settings;
pub mod sign;
mod source;
mod sts;

#[cfg(test)]
mod tests;

pub use account::Account;
pub use block::AlibabaCloud;
pub use errors::common_kind;
pub use settings::{ATTRIBUTES, Settings};

use super::{Error, Kind};

/// What an error is about before there is a call.
const LOGIN: &str = "configure";

/// An error in what a user set, found before any call.
fn misconfigured(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, LOGIN, message)
}
