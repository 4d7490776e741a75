//! How one gets in: what differs between platforms, which are clouds and kinds of servers.
//!
//! A [`Platform`] is what the provider block has an attribute for. Its arguments and the
//! environment lead to an [`Account`], by which the platform's services are reached: signed calls
//! over [`http`], or a login to a [`server`] by its own protocol.

mod credentials;
mod error;
mod instant;
mod keeper;
mod platform;
mod sections;
pub mod settings;

pub mod alicloud;
pub mod aws;
pub mod http;
pub mod huaweicloud;
pub mod mysql;
pub mod postgresql;
pub mod redis;
pub mod server;

pub use credentials::{Credentials, Secret};
pub use error::{Error, Kind};
pub use http::{Answer, Call, Client, Key, Malformed, Refusal, Renew, Signer};
pub use keeper::Trial;
pub use platform::{Account, Action, Platform, find};
pub use settings::{Given, Setting, Shape, Value as SettingValue};

/// All platforms, in the order of documentation.
pub static ALL: &[&dyn Platform] = &[
    &alicloud::AlibabaCloud,
    &huaweicloud::HuaweiCloud,
    &aws::Aws,
    &postgresql::Postgresql,
    &mysql::Mysql,
    &redis::Redis,
];
