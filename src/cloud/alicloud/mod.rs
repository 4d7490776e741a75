//! Alibaba Cloud: who we are, where calls go, how they are signed, how a refusal is worded.
//!
//! [`resolve`] settles credentials from arguments, environment and profile files without any call;
//! [`Account::signer`] signs with ACS3-HMAC-SHA256 and logs in when the first call is made.
//! [`sign`] also checks signatures, for the sandbox.

mod account;
mod block;
mod endpoints;
mod errors;
mod metadata;
mod profile;
mod resolve;
mod settings;
pub mod sign;
mod source;
mod sts;

#[cfg(test)]
mod tests;

pub use account::Account;
pub use block::AlibabaCloud;
pub use resolve::{Resolved, resolve};
pub use settings::ATTRIBUTES;

use super::{Error, Kind};
use endpoints::PRODUCTS;

/// What an error is about before there is a call.
const LOGIN: &str = "credentials";

/// An error in what a user set, found before any call.
fn misconfigured(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, LOGIN, message)
}
