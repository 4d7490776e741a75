//! AWS: who we are, where calls go, how they are signed, how a refusal is worded.
//!
//! An [`Account`] stands for one provider block: it knows how to log in ([`resolve`]) and does it
//! when the first call needs it. The vendor's crate signs ([`sign`]); credentials are found here: its
//! `aws-config` without default features would make the program 3.0 MiB larger, waits, repeats and
//! logs by itself, and reads files and variables past [`Environment`](crate::wire::Environment).

mod account;
mod block;
mod container;
mod document;
mod endpoints;
mod errors;
mod instance;
mod login;
mod process;
mod profile;
mod resolve;
mod settings;
pub mod sign;
mod source;
mod sso;
mod sts;

#[cfg(test)]
mod tests;

use bytes::Bytes;

pub use account::Account;
pub use block::Aws;
#[cfg(feature = "sandbox")]
pub use endpoints::product_at;
pub use settings::{ATTRIBUTES, Settings};

use super::http::signature::encode;
use super::{Error, Kind};

/// What an error is about before there is a call.
const LOGIN: &str = "configure";

/// What a form says that it is.
const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// An error in what a user set, found before any call.
fn misconfigured(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, LOGIN, message)
}

/// The body of a call to a product that takes forms.
fn form(operation: &str, version: &str, parameters: &[(String, String)]) -> Bytes {
    let mut body = format!("Action={}&Version={}", encode(operation), encode(version));
    for (name, value) in parameters {
        body.push_str(&format!("&{}={}", encode(name), encode(value)));
    }
    Bytes::from(body)
}
