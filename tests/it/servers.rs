//! Services that speak a server's own protocol, on real servers.

mod between;
mod faults;
pub(crate) mod ground;
pub(crate) mod mariadb;
mod mysql;
mod pool;
mod postgresql;
mod redis;
