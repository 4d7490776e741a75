//! Services that speak a server's own protocol, on real servers.

pub(crate) mod ground;
mod pool;
mod postgresql;
mod redis;
