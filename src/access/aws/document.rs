//! The JSON document with a key that containers, instances and programs all give.

use serde::Deserialize;

use super::sign::Key;
use super::source::Login;
use crate::access::Secret;
use crate::access::instant::rfc3339;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    access_key_id: String,
    secret_access_key: String,
    /// Programs call it so.
    session_token: Option<String>,
    /// All others call it so.
    token: Option<String>,
    expiration: Option<String>,
}

/// The key of a document; the error goes on after what it is: "`…` did not give …".
pub(super) fn read(body: &[u8]) -> Result<Login, &'static str> {
    let document: Document = serde_json::from_slice(body)
        .map_err(|_| "a JSON object with `AccessKeyId` and `SecretAccessKey`")?;
    let expires_at = match document.expiration.as_deref() {
        None | Some("") => None,
        Some(text) => Some(rfc3339(text).ok_or("an `Expiration` that is a time")?),
    };
    if document.access_key_id.is_empty() || document.secret_access_key.is_empty() {
        return Err("a key that is not empty");
    }
    let token = document.session_token.or(document.token).filter(|token| !token.is_empty());
    Ok(Login {
        key: Key {
            access_key: document.access_key_id,
            secret_key: Secret::new(document.secret_access_key),
            security_token: token.map(Secret::new),
        },
        expires_at,
    })
}
