//! What the signatures of both clouds are made of: HMAC-SHA256 over hashed text, RFC 3986 encoding,
//! and an `Authorization` header of named parts.
//!
//! How the pieces are put together is each cloud's own, in its `sign.rs`.

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sha2::{Digest, Sha256};

use crate::access::Secret;

/// RFC 3986: all but the unreserved characters are encoded.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A key pair, temporary if it has a token beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Public half.
    pub access_key: String,
    /// Signing half, used as it is.
    pub secret_key: Secret,
    /// Sent beside a temporary key, in a header of the cloud's own.
    pub security_token: Option<Secret>,
}

/// What cannot be read of a request, or written into one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// Says what is malformed.
pub(in crate::access) fn malformed(what: impl Into<String>) -> Malformed {
    Malformed(what.into())
}

/// A path segment, a query name or a query value as it is signed and sent.
pub(in crate::access) fn encode(text: impl AsRef<[u8]>) -> String {
    percent_encode(text.as_ref(), ENCODED).to_string()
}

/// A hash in lower-case hexadecimal digits.
pub(in crate::access) fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A code over `text`, to be finished or compared in constant time.
pub(in crate::access) fn mac(secret: &Secret, text: &str) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes());
    mac.expect("HMAC takes keys of any length").chain_update(text)
}

/// The text of a header's value. SDKs sign UTF-8, which [`HeaderValue::to_str`] refuses.
pub(in crate::access) fn text<'a>(
    name: &str,
    value: &'a HeaderValue,
) -> Result<&'a str, Malformed> {
    std::str::from_utf8(value.as_bytes())
        .map_err(|_| malformed(format!("header `{name}` is not text")))
}

/// A header's value; `what` names it in the error.
pub(in crate::access) fn plain(value: &str, what: &str) -> Result<HeaderValue, Malformed> {
    HeaderValue::from_str(value)
        .map_err(|_| malformed(format!("the {what} holds characters that no header may hold")))
}

/// The same for a secret, which no log shows then.
pub(in crate::access) fn sensitive(value: &str, what: &str) -> Result<HeaderValue, Malformed> {
    let mut value = plain(value, what)?;
    value.set_sensitive(true);
    Ok(value)
}

/// A cloud's complaint about a signature without the text that it would have signed, which may hold
/// the token. It comes with several codes, and behind one of these words.
pub(in crate::access) fn without_what_was_signed(message: &str) -> &str {
    let lower = message.to_ascii_lowercase();
    let tails = ["server string", "string to sign", "string-to-sign", "stringtosign", "canonical"];
    let end = tails.iter().filter_map(|tail| lower.find(tail)).min().unwrap_or(message.len());
    message[..end].trim_end()
}

/// The parts of an `Authorization` header like `ALGORITHM Credential=…,SignedHeaders=…,Signature=…`.
pub(in crate::access) struct Authorization<'a> {
    pub(in crate::access) access_key: &'a str,
    pub(in crate::access) signed_headers: &'a str,
    pub(in crate::access) signature: Vec<u8>,
}

impl<'a> Authorization<'a> {
    /// Reads a header of `algorithm`, in which the key stands under the name `access`.
    pub(in crate::access) fn parse(
        text: &'a str,
        algorithm: &str,
        access: &str,
    ) -> Result<Authorization<'a>, Malformed> {
        let rest = text
            .strip_prefix(algorithm)
            .and_then(|rest| rest.strip_prefix(' '))
            .ok_or_else(|| malformed(format!("`Authorization` does not begin with {algorithm}")))?;
        let part = |name: &str| {
            rest.split(',')
                .filter_map(|part| part.trim().split_once('='))
                .find_map(|(key, value)| (key == name).then_some(value))
                .filter(|value| !value.is_empty())
                .ok_or_else(|| malformed(format!("`Authorization` has no `{name}`")))
        };
        let signature = hex::decode(part("Signature")?)
            .map_err(|_| malformed("`Signature` is not hexadecimal"))?;
        Ok(Authorization {
            access_key: part(access)?,
            signed_headers: part("SignedHeaders")?,
            signature,
        })
    }
}
