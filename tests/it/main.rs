//! Everything that is tested through the crate's doors. One binary, so that it links once.

mod docs;
mod plugin;
mod protocol;
mod sandbox;
mod services;
mod signing;
mod terraform;
mod tidy;
