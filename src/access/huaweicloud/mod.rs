//! Huawei Cloud: SDK-HMAC-SHA256, IAM projects and tokens, error envelope, endpoints.
//!
//! An [`Account`] stands for one provider block: it knows how to log in ([`resolve`]) and does it
//! when the first call needs it. [`Account::signer`] gives what signs the calls to one region.

mod account;
mod block;
mod endpoints;
mod errors;
mod login;
mod profile;
pub mod resolve;
pub mod settings;
pub mod sign;

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::{Call, Error, Kind, Refusal, Renew, Signer, Trial};

pub use account::Account;
pub use block::HuaweiCloud;
pub use endpoints::ENDPOINT_KEYS;
#[cfg(feature = "sandbox")]
pub use endpoints::products_at;
pub use errors::DBS_CODES;
pub use settings::{ATTRIBUTES, Settings};

/// Signs the calls of an account to one region.
#[derive(Debug)]
struct Regional {
    account: Arc<Account>,
    region: String,
}

impl Regional {
    /// The product's URL, with `/` at its end.
    fn base(&self, product: &str) -> Result<String, Error> {
        let resolved = &self.account.resolved;
        let Some(custom) = resolved.endpoints.get(product) else {
            return endpoints::default(product, &self.region, resolved.cloud.as_deref());
        };
        match &resolved.region {
            Some(own) if *own != self.region => Err(wrong(format!(
                "`endpoints.{product}` is for the provider's region `{own}`, so no block can name \
                 the region `{}`: use another provider block for it",
                self.region
            ))),
            _ => Ok(custom.clone()),
        }
    }
}

#[async_trait]
impl Signer for Regional {
    async fn request(&self, call: &Call, renew: Renew) -> Result<Request<Bytes>, Error> {
        let base = self.base(call.product)?;
        let (held, project) = self.account.identity(&self.region, renew).await.map_err(unmade)?;

        let url = url(&base, call, &project)?;
        let mut request = login::request(call.method.clone(), &url, call.body.as_ref())?;
        request.headers_mut().insert("x-project-id", login::header(&project, "project_id")?);
        login::authorize(&mut request, &held.credentials, self.account.outside.clock.now())?;
        if let Some(trust) = &self.account.resolved.trust {
            request.extensions_mut().insert(Arc::clone(trust));
        }
        Ok(request)
    }

    fn refusal(&self, call: &Call, response: &Response<Bytes>, renew: Renew) -> Option<Refusal> {
        let error = if response.status().is_success() {
            errors::in_disguise(call, response)?
        } else {
            errors::refusal(call.operation, response)
        };
        let expiry = errors::is_expiry(&error);
        // What was renewed a moment ago and is called expired again will not be mended by another
        // renewal.
        let expired = expiry && renew == Renew::IfNeeded && self.account.renewable();
        if !expired && (expiry || errors::is_gateway_refusal(&error)) {
            self.account.keeper.refuse(&error);
        }
        Some(Refusal { error, expired })
    }

    fn request_id(&self, response: &Response<Bytes>) -> Option<String> {
        errors::request_id(response)
    }

    fn region(&self) -> &str {
        &self.region
    }

    fn trial(&self) -> Option<&Trial> {
        Some(self.account.keeper.trial())
    }
}

/// The call's URL, encoded as it is signed. A part of the path that would lead elsewhere, as a
/// wrong id might, is refused.
fn url(base: &str, call: &Call, project: &str) -> Result<String, Error> {
    let mut url = base.trim_end_matches('/').to_owned();
    for segment in call.path.trim_start_matches('/').split('/') {
        let segment = if segment == "{project_id}" { project } else { segment };
        if ["", ".", ".."].contains(&segment) {
            return Err(wrong(format!("the path `{}` has an empty part", call.path)));
        }
        url.push('/');
        url.push_str(&crate::access::http::signature::encode(segment));
    }
    for (place, (name, value)) in call.query.iter().enumerate() {
        let (name, value) = (
            crate::access::http::signature::encode(name),
            crate::access::http::signature::encode(value),
        );
        // Writing to a String cannot fail.
        let _ = write!(url, "{}{name}={value}", if place == 0 { '?' } else { '&' });
    }
    Ok(url)
}

/// However a login or a look-up of the project failed, the call that needed it was not made.
fn unmade(error: Error) -> Error {
    if error.kind.may_have_taken_effect() {
        return Error { kind: Kind::NotSent, ..error };
    }
    // What IAM calls wrong stands in the provider block, not in the call.
    if matches!(error.kind, Kind::BadRequest | Kind::Refused | Kind::Unsupported) {
        return Error { kind: Kind::Configuration, ..error };
    }
    error
}

fn wrong(message: String) -> Error {
    Error::new(Kind::Configuration, "sign", message)
}

#[cfg(test)]
mod tests;
