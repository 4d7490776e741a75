//! Real engines over real configurations: what a user's Terraform makes of the provider.
//!
//! [`matrix`] runs every pinned core, and whatever `terraform` or `tofu` is on PATH, through all
//! that a core can do with the three terminating faces. The others need fewer: what is the
//! provider's own doing is tested without an engine. Engines are fetched on first use and shared by
//! all tests; one that cannot be had is a failure that says how to get it.

#![allow(clippy::unwrap_used, reason = "the helpers here are only ever called by tests")]

mod dropping;
mod engines;
mod everything;
mod examples;
pub(crate) mod fixture;
mod held;
mod interrupt;
pub(crate) mod lineup;
mod matrix;
mod opentofu;
pub(crate) mod packages;
mod plans;
mod proxies;
mod redis;
mod scenarios;
mod sessions;
pub(crate) mod stage;
mod stories;
mod terragrunt;
mod unreachable;
mod widths;
