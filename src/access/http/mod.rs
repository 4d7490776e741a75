//! Clouds that are asked by signed HTTP calls: one call and its answer.
//!
//! [`Client::call`] signs one request, sends it once and classifies the answer. It repeats a call
//! only after temporary credentials were renewed because the cloud said that they had expired.
//! Waiting and trying again is the engine's business.

mod client;
pub(super) mod signature;
pub(super) mod xml;

use std::sync::Arc;

use super::Error;

pub use client::{Answer, Call, Client, Refusal, Renew, Signer};
pub(super) use client::{Carried, send};
pub use signature::{Key, Malformed};

/// A login to one cloud, shared by everything that is called with it: it keeps temporary keys,
/// tokens and project ids, and asks with a wrong key only once.
pub trait Account: Send + Sync + std::fmt::Debug {
    /// The region of whatever does not name one, if there is such.
    fn region(&self) -> Option<String>;

    /// Signs calls to one region; None is [`Account::region`].
    fn signer(self: Arc<Self>, region: Option<&str>) -> Result<Arc<dyn Signer>, Error>;
}
