//! Everything that is tested through the crate's doors. One binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod docs;
mod hostile;
mod plugin;
mod protocol;
mod sandbox;
mod services;
mod signing;
mod terraform;
mod tidy;
