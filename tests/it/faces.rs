//! The four faces of every service, called through the provider's real gRPC door as Terraform calls
//! them, against the sandbox in process. What counts is who was **really** cut.

#![allow(clippy::unwrap_used, reason = "a test stops at what it does not expect")]

pub(crate) mod core;
pub(crate) mod other;
pub(crate) mod world;

mod action;
mod conduct;
mod data;
mod ephemeral;
mod failures;
mod managed;
mod preview;
mod targets;

pub(crate) use managed::all;
