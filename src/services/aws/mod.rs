//! AWS.

pub(super) mod client_vpn;
pub(super) mod ssm;
