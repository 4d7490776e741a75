//! Services that speak a server's own protocol, on real servers.

pub(crate) mod between;
mod faults;
mod gaps;
pub(crate) mod ground;
pub(crate) mod mariadb;
mod mysql;
mod papers;
mod pool;
mod poolers;
mod postgresql;
pub(crate) mod redis;
mod tls;
