//! AWS's front door: signatures, and the words of a refusal in each product's manner.
//!
//! Codes are those of the products' "Common errors"
//! (<https://docs.aws.amazon.com/systems-manager/latest/APIReference/CommonErrors.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>).

mod identity;

use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};

use super::gate::{Admitted, Gate, Refused, dashed, text};
use crate::access::Secret;
use crate::access::aws::product_at;
use crate::access::aws::sign::{SignError, Verified, verify};
use crate::services::simulator::Query;
use crate::services::simulator::aws::{REQUEST_ID, refusal, refusal_xml};
use crate::wire::https::is_loopback;

use identity::Identity;

/// The account of AWS that the sandbox knows.
#[derive(Clone, Debug)]
pub struct AwsAccount {
    /// Where its instances are.
    pub region: String,
    /// Its id.
    pub account_id: String,
    /// Its user.
    pub user: String,
    /// Public half of the user's key.
    pub access_key: String,
    /// Signing half of the user's key.
    pub secret_key: Secret,
    /// Name of the role that may be assumed, and that its instances have.
    pub role: String,
    /// The OIDC token that opens the role.
    pub web_identity_token: Secret,
    /// The token of a login through IAM Identity Center.
    pub sso_token: Secret,
}

impl Default for AwsAccount {
    fn default() -> AwsAccount {
        AwsAccount {
            region: "eu-central-1".into(),
            account_id: "123456789012".into(),
            user: "operator".into(),
            access_key: "AKIASANDBOXACCESSKEY".into(),
            secret_key: Secret::new("sandbox-secret-key-of-no-value"),
            role: "sandbox".into(),
            web_identity_token: Secret::new("sandbox-web-identity-token"),
            sso_token: Secret::new("sandbox-sso-token"),
        }
    }
}

impl AwsAccount {
    /// The role's name in full.
    pub fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/{}", self.account_id, self.role)
    }

    /// The user's name in full.
    pub fn user_arn(&self) -> String {
        format!("arn:aws:iam::{}:user/{}", self.account_id, self.user)
    }
}

/// How a product is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    /// Systems Manager.
    Json,
    /// EC2.
    Ec2,
    /// STS.
    Sts,
}

impl Manner {
    /// That of a request, by what it says it is for.
    fn of(request: &Request<Bytes>) -> Option<Manner> {
        if request.headers().contains_key("x-amz-target") {
            return Some(Manner::Json);
        }
        match form(request)?.take("Version")?.as_str() {
            "2016-11-15" => Some(Manner::Ec2),
            "2011-06-15" => Some(Manner::Sts),
            _ => None,
        }
    }

    /// The product, as it is called in signatures.
    fn product(self) -> &'static str {
        match self {
            Manner::Json => "ssm",
            Manner::Ec2 => "ec2",
            Manner::Sts => "sts",
        }
    }

    fn refusal(self, status: u16, code: &str, message: &str) -> Response<Bytes> {
        match self {
            Manner::Json => refusal(status, code, message),
            Manner::Ec2 => refusal_xml(status, code, message),
            Manner::Sts => identity::refusal(status, code, message),
        }
    }

    /// One of three codes for the same in the three manners.
    fn worded(self, [json, ec2, sts]: [(u16, &str); 3], message: &str) -> Response<Bytes> {
        let (status, code) = match self {
            Manner::Json => json,
            Manner::Ec2 => ec2,
            Manner::Sts => sts,
        };
        self.refusal(status, code, message)
    }
}

/// Gateway, STS and the places that hand out keys, of one account.
pub(super) struct Aws {
    account: AwsAccount,
    identity: Identity,
}

impl Gate for Aws {
    fn cloud(&self) -> &'static str {
        "aws"
    }

    fn recognises(&self, request: &Request<Bytes>) -> bool {
        Manner::of(request).is_some() || identity::hands_out(request)
    }

    fn operation(&self, request: &Request<Bytes>) -> String {
        let target = text(request.headers(), "x-amz-target");
        let target = target.and_then(|target| target.rsplit('.').next()).map(str::to_owned);
        let action = || form(request)?.take("Action");
        let operation = target.or_else(action).unwrap_or_else(|| request.uri().path().to_owned());
        format!("{} {operation}", request.method())
    }

    fn admit(
        &mut self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<Admitted, Response<Bytes>> {
        let Some(manner) = Manner::of(request) else {
            return Err(self.identity.hand_out(&self.account, request, now));
        };
        let host = super::gate::host(request).filter(|host| !is_loopback(host));
        let product = host.map(|host| product_at(&host, &self.account.region));
        if product.is_some_and(|product| product != Some(manner.product()))
            || request.method() != Method::POST
            || request.uri().path() != "/"
        {
            return Err(self.refusal(Refused::Unknown, request));
        }
        if manner == Manner::Sts {
            let answer = self.sts(request, now);
            return Err(answer.unwrap_or_else(|refusal| refusal));
        }
        self.authenticate(manner, request, now)?;
        Ok(Admitted { product: Some(manner.product().to_owned()) })
    }

    fn refusal(&self, refused: Refused, request: &Request<Bytes>) -> Response<Bytes> {
        let manner = Manner::of(request).unwrap_or(Manner::Json);
        let (codes, message) = match refused {
            Refused::Throttled => (
                [(400, "ThrottlingException"), (503, "RequestLimitExceeded"), (400, "Throttling")],
                "Rate exceeded",
            ),
            Refused::ServerError => (
                [(500, "InternalServerError"), (500, "InternalError"), (500, "InternalFailure")],
                "An internal error occurred.",
            ),
            Refused::Unavailable => (
                [(503, "ServiceUnavailable"), (503, "Unavailable"), (503, "ServiceUnavailable")],
                "The service is temporarily unavailable.",
            ),
            Refused::Expired => (
                [(400, "ExpiredTokenException"), (400, "RequestExpired"), (403, "ExpiredToken")],
                "The security token included in the request is expired",
            ),
            Refused::WrongSignature => return mismatch(manner),
            Refused::Unknown => (
                [
                    (400, "UnknownOperationException"),
                    (400, "InvalidAction"),
                    (400, "InvalidAction"),
                ],
                "The action is not valid for this endpoint.",
            ),
        };
        manner.worded(codes, message)
    }

    fn identify(&self, response: &mut Response<Bytes>, request_id: &str) {
        let id = dashed(request_id);
        if let Ok(value) = HeaderValue::from_str(&id) {
            response.headers_mut().insert("x-amzn-requestid", value);
        }
        let body = std::str::from_utf8(response.body()).unwrap_or_default();
        if body.contains(REQUEST_ID) {
            *response.body_mut() = Bytes::from(body.replace(REQUEST_ID, &id));
        }
    }

    fn reset(&mut self) {
        *self = Aws::new(self.account.clone());
    }
}

impl Aws {
    pub(super) fn new(account: AwsAccount) -> Aws {
        Aws { account, identity: Identity::default() }
    }

    /// Who calls.
    fn authenticate(
        &self,
        manner: Manner,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<Verified, Response<Bytes>> {
        let secret_of = |key: &str| {
            if key == self.account.access_key {
                return Some(self.account.secret_key.clone());
            }
            self.identity.secret_of(key)
        };
        let verified =
            verify(request, now, &secret_of).map_err(|reason| unsigned(manner, &reason))?;
        let scope = &verified.scope;
        if scope.service != manner.product() || scope.region != self.account.region {
            let message = format!(
                "Credential should be scoped to a valid region and to the service '{}'.",
                manner.product()
            );
            let codes = [
                (400, "InvalidSignatureException"),
                (401, "AuthFailure"),
                (403, "SignatureDoesNotMatch"),
            ];
            return Err(manner.worded(codes, &message));
        }
        match self.identity.check(&verified, now) {
            identity::Standing::Good => Ok(verified),
            identity::Standing::Over => Err(self.refusal(Refused::Expired, request)),
            identity::Standing::Unknown => Err(unknown_key(manner)),
        }
    }

    /// STS, whose calls nobody else answers.
    fn sts(
        &mut self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<Response<Bytes>, Response<Bytes>> {
        let mut form = form(request).unwrap_or_else(|| Query::read(""));
        form.take("Version");
        let action = form.take("Action").unwrap_or_default();
        let unsigned = action == "AssumeRoleWithWebIdentity";
        let caller = match unsigned {
            true => None,
            false => Some(self.authenticate(Manner::Sts, request, now)?),
        };
        let answer = self.identity.sts(&self.account, &action, form, caller, now);
        answer.unwrap_or_else(|| Err(self.refusal(Refused::Unknown, request)))
    }
}

/// The form in a request's body, if it is one.
fn form(request: &Request<Bytes>) -> Option<Query> {
    let kind = text(request.headers(), "content-type")?;
    let is_form = kind.starts_with("application/x-www-form-urlencoded");
    is_form.then(|| Query::read(std::str::from_utf8(request.body()).unwrap_or_default()))
}

/// What is wrong with a signature, in the product's words.
fn unsigned(manner: Manner, reason: &SignError) -> Response<Bytes> {
    match reason {
        SignError::NoAuthorization => {
            let codes = [
                (400, "MissingAuthenticationTokenException"),
                (401, "AuthFailure"),
                (403, "MissingAuthenticationToken"),
            ];
            manner.worded(codes, "Request is missing Authentication Token")
        }
        SignError::Malformed(_) | SignError::Incomplete(_) => {
            let codes = [
                (400, "IncompleteSignatureException"),
                (401, "AuthFailure"),
                (400, "IncompleteSignature"),
            ];
            manner.worded(codes, &reason.to_string())
        }
        SignError::UnknownKey(_) => unknown_key(manner),
        SignError::DateSkew => {
            let codes = [
                (400, "InvalidSignatureException"),
                (400, "RequestExpired"),
                (403, "SignatureDoesNotMatch"),
            ];
            manner.worded(codes, "Signature expired: the date is more than five minutes off")
        }
        SignError::Mismatch => mismatch(manner),
    }
}

fn unknown_key(manner: Manner) -> Response<Bytes> {
    let codes =
        [(400, "UnrecognizedClientException"), (401, "AuthFailure"), (403, "InvalidClientTokenId")];
    manner.worded(codes, "The security token included in the request is invalid.")
}

fn mismatch(manner: Manner) -> Response<Bytes> {
    let codes =
        [(400, "InvalidSignatureException"), (401, "AuthFailure"), (403, "SignatureDoesNotMatch")];
    let message = "The request signature we calculated does not match the signature you provided. \
                   Check your AWS Secret Access Key and signing method.";
    manner.worded(codes, message)
}
