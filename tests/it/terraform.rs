//! Real engines over real configurations: what a user's Terraform makes of the provider.
//!
//! Every scenario runs on the oldest, a middle and the newest pinned core, and on whatever
//! `terraform` or `tofu` is on PATH. Engines are fetched on first use and shared by all tests;
//! one that cannot be had is a failure that says how to get it.

#![allow(clippy::unwrap_used, reason = "the helpers here are only ever called by tests")]

mod engines;
pub(crate) mod fixture;
mod redis;
mod sessions;
pub(crate) mod stage;
