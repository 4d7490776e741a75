//! The services of Huawei Cloud, and what its databases share.

mod dbs;
pub(super) mod dcs;
pub(super) mod ddm;
pub(super) mod dds;
pub(super) mod gaussdb;
pub(super) mod geminidb_redis;
mod processes;
pub(super) mod taurusdb;
pub(super) mod vpn_p2c;
