//! Keys and tokens, and the type that keeps them out of everything that is printed.

use std::fmt;
use std::time::SystemTime;

/// A text that is never printed: `Debug` shows dots, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text, for signing and for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// What a request is authenticated with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credentials {
    /// A key pair that signs requests.
    Key {
        /// Public half; appears in requests.
        access_key: String,
        /// Signing half.
        secret_key: Secret,
        /// Beside temporary keys.
        security_token: Option<Secret>,
        /// When a temporary key ends.
        expires_at: Option<SystemTime>,
    },
    /// A bearer token instead of a signature (Huawei's `X-Auth-Token`).
    Token {
        /// The token.
        token: Secret,
        /// When it ends.
        expires_at: Option<SystemTime>,
    },
}
