#![doc = include_str!("ARCHITECTURE.md")]

pub mod access;
pub mod engine;
pub mod framework;
pub mod plugin;
pub mod protocol;
pub mod provider;
pub mod services;
pub mod wire;

#[cfg(feature = "sandbox")]
pub mod sandbox;

#[cfg(feature = "sandbox")]
pub mod demo;
