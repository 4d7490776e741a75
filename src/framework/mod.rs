//! Terraform's nouns as plain data, and the traits a provider implements.
//!
//! Values, schemas, paths and diagnostics are data; [`Provider`], [`Resource`], [`DataSource`],
//! [`EphemeralResource`] and [`Action`] are the faces that a provider shows. This room does no IO,
//! speaks no gRPC and has never heard of a session: another provider could be written on it.

mod action;
mod check;
mod data_source;
mod diagnostics;
mod ephemeral_resource;
mod path;
mod provider;
mod resource;
mod schema;
mod value;
mod write_only;

pub use action::{Action, Progress};
pub use check::{applied_mismatches, planned_mismatches, schema_faults};
pub use data_source::DataSource;
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use ephemeral_resource::{EphemeralResource, Opened};
pub use path::{Path, Step};
pub use provider::{Context, Face, Provider, Walk};
pub use resource::{Applied, Change, Planned, Refreshed, Resource};
pub use schema::{Attribute, Block, Kind, Mode, NestedBlock, Nesting, Schema, Type};
pub use value::{Number, Object, Value};
pub use write_only::{clear_write_only, given_write_only};
