//! Alibaba Cloud: ACS3-HMAC-SHA256, STS, error envelope, endpoints.

pub mod sign;
