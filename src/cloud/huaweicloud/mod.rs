//! Huawei Cloud: SDK-HMAC-SHA256, IAM projects and tokens, error envelope, endpoints.

pub mod sign;
