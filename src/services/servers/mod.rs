//! Servers that are asked by their own protocol. There is no simulator: they are tested on the real
//! thing.

pub(super) mod postgresql;
mod verbs;
