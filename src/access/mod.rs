//! What differs between clouds: how a request is signed, where it goes, how a refusal is worded.
//!
//! [`Client::call`] signs one request, sends it once and classifies the answer. It repeats a call
//! only after temporary credentials were renewed because the cloud said that they had expired.
//! Waiting and trying again is the engine's business.

mod account;
mod client;
mod credentials;
mod error;
mod instant;
mod keeper;
pub mod settings;
mod signature;

pub mod alicloud;
pub mod huaweicloud;
pub mod postgresql;
pub mod server;

pub use account::{Account, Action, Cloud, find};
pub use client::{Answer, Call, Client, Refusal, Renew, Signer};
pub use credentials::{Credentials, Secret};
pub use error::{Error, Kind};
pub use keeper::Trial;
pub use settings::{Given, Setting, Shape, Value as SettingValue};
pub use signature::{Key, Malformed};

/// All clouds.
pub static ALL: &[&dyn Cloud] = &[&alicloud::AlibabaCloud, &huaweicloud::HuaweiCloud];
