//! Everything that is tested through the crate's doors. One binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]
#![expect(clippy::disallowed_methods, reason = "tests watch real processes, in real time")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at the variants it is about")]

mod docs;
mod faces;
mod faults;
mod hostile;
mod joined;
mod logins;
mod messages;
mod plugin;
#[cfg(target_os = "linux")]
mod processes;
mod protocol;
mod sandbox;
mod sandbox_alicloud;
mod sandbox_aws;
mod sandbox_huaweicloud;
mod sandbox_redis;
mod sdks;
mod servers;
mod services;
mod signing;
mod strangers;
mod terraform;
mod tidy;
