//! The services of Alibaba Cloud.

pub(super) mod das_redis;
pub(super) mod ecs;
