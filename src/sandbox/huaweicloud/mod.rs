//! Huawei Cloud's front door: API gateway and IAM.
//!
//! The gateway's codes and words are those of "Common Errors Related to IAM Authentication
//! Information" (<https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-0001.html>) and
//! of API Gateway's user guide, "Error Codes". A key whose signature fails five times in a row is
//! locked for five minutes ("more than five", says
//! <https://support.huaweicloud.com/intl/en-us/ocr_faq/ocr_01_0063.html>). What IAM, STS and the
//! metadata of a virtual machine hand out is in [`identity`]; `GET /v3/projects` is here.

mod identity;

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use self::identity::{Caller, Issued, Unfit};
use super::gate::{Admitted, Gate, Refused, either, text};
use super::setup::Account;
use crate::access::huaweicloud::products_at;
use crate::access::huaweicloud::sign::{SignError, verify};
use crate::services::simulator::{Query, json as answer, segments};
use crate::wire::https::is_loopback;

/// Failures in a row that lock a key.
const FAILURES: u32 = 5;
/// How long it stays locked.
const LOCKED: Duration = Duration::from_secs(5 * 60);
/// The metadata service of a virtual machine.
const METADATA: &str = "169.254.169.254";

/// The gateway and IAM of one account.
pub(super) struct Huaweicloud {
    account: Account,
    failures: u32,
    locked_until: Option<SystemTime>,
    issued: Issued,
}

impl Huaweicloud {
    pub(super) fn new(account: Account) -> Huaweicloud {
        Huaweicloud { account, failures: 0, locked_until: None, issued: Issued::default() }
    }

    /// The gateway's words for a refusal.
    fn refuse(&self, refused: Refused) -> Response<Bytes> {
        match refused {
            Refused::Throttled => {
                let mut response =
                    gateway(429, "APIGW.0308", "The throttling threshold has been reached.");
                let second = HeaderValue::from_static("1");
                response.headers_mut().insert(header::RETRY_AFTER, second);
                response
            }
            Refused::ServerError => gateway(500, "APIGW.0601", "Internal server error."),
            Refused::Unavailable => gateway(503, "APIGW.0613", "The IAM service is unavailable."),
            Refused::Expired => gateway(401, "APIGW.0307", "The token must be updated."),
            Refused::WrongSignature => bad_authentication("verify aksk signature fail"),
            Refused::Unknown => gateway(404, "APIGW.0101", "The API does not exist."),
        }
    }
}

impl Gate for Huaweicloud {
    fn cloud(&self) -> &'static str {
        "huaweicloud"
    }

    fn recognises(&self, request: &Request<Bytes>) -> bool {
        let first = segments(request.uri().path()).into_iter().next().unwrap_or_default();
        matches!(first.as_str(), "v1" | "v2" | "v3" | "v3.0" | "v5" | "openstack" | "meta-data")
    }

    fn operation(&self, request: &Request<Bytes>) -> String {
        format!("{} {}", request.method(), request.uri().path())
    }

    fn admit(
        &mut self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<Admitted, Response<Bytes>> {
        let path = segments(request.uri().path());
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        if matches!(path.first(), Some(&("openstack" | "meta-data"))) {
            return Err(self.metadata(request, now));
        }
        let product = self.product(request)?;
        let of = |name: &str| product.as_deref().is_none_or(|product| product == name);
        let (issued, account) = (&mut self.issued, &self.account);
        match (request.method(), path.as_slice()) {
            (&Method::POST, ["v3", "auth", "tokens"]) if of("iam") => {
                return Err(either(issued.by_password(account, request, now)));
            }
            (&Method::POST, ["v3.0", "OS-AUTH", "id-token", "tokens"]) if of("iam") => {
                return Err(either(issued.by_id_token(account, request, now)));
            }
            _ => {}
        }
        let caller = self.authenticate(request, now)?;
        let (issued, account) = (&mut self.issued, &self.account);
        match (request.method(), path.as_slice()) {
            (&Method::GET, ["v3", "projects"]) if of("iam") => Err(self.projects(request)),
            (&Method::POST, ["v3.0", "OS-CREDENTIAL", "securitytokens"]) if of("iam") => {
                Err(either(issued.by_iam(account, &caller, request, now)))
            }
            (&Method::POST, ["v5", "agencies", "assume"]) if of("sts") => {
                Err(either(issued.by_sts(account, &caller, request, now)))
            }
            (&Method::GET, ["v5", "caller-identity"]) if of("sts") => {
                Err(identity::caller_identity(account, &caller))
            }
            (_, path) => {
                self.project(request, path.get(1).copied(), &caller)?;
                Ok(Admitted { product })
            }
        }
    }

    fn refusal(&self, refused: Refused, _request: &Request<Bytes>) -> Response<Bytes> {
        self.refuse(refused)
    }

    fn identify(&self, response: &mut Response<Bytes>, request_id: &str) {
        let Ok(id) = HeaderValue::from_str(request_id) else { return };
        response.headers_mut().insert("x-request-id", id.clone());
        let body = serde_json::from_slice::<Value>(response.body());
        let Ok(mut body) = body else { return };
        let of_iam = ["error", "token", "projects", "credential"];
        if of_iam.iter().any(|key| body.get(key).is_some()) {
            response.headers_mut().insert("x-iam-trace-id", id);
        }
        let code = body["error_code"].as_str().unwrap_or_default();
        if code.starts_with("APIGW.") || code.starts_with("STS5.") {
            body["request_id"] = request_id.into();
            *response.body_mut() = Bytes::from(body.to_string());
        }
    }

    fn reset(&mut self) {
        *self = Huaweicloud::new(self.account.clone());
    }
}

impl Huaweicloud {
    fn authenticate(
        &mut self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<Caller, Response<Bytes>> {
        if let Some(token) = text(request.headers(), "x-auth-token") {
            return self.issued.token(token, now).map_err(|unfit| match unfit {
                Unfit::Unknown => bad_authentication("decrypt token fail"),
                Unfit::Expired => self.refuse(Refused::Expired),
            });
        }
        let account = &self.account;
        let secret_of = |key: &str| {
            if key == account.access_key {
                return Some(account.secret_key.clone());
            }
            self.issued.key(key).map(|temporary| temporary.secret.clone())
        };
        let verdict = verify(request, now, &secret_of);
        if self.locked_until.is_some_and(|until| now < until)
            && !matches!(verdict, Err(SignError::UnknownKey(_) | SignError::NoAuthorization))
        {
            return Err(bad_authentication("AK access failed to reach the limit,forbidden."));
        }
        match verdict {
            Ok(verified) => {
                let token = text(request.headers(), "x-security-token");
                let caller = self.holder(&verified.access_key, token, now)?;
                self.failures = 0;
                Ok(caller)
            }
            Err(SignError::NoAuthorization) => Err(bad_authentication("x-auth-token not found")),
            Err(SignError::Mismatch) => {
                self.failures += 1;
                if self.failures >= FAILURES {
                    self.failures = 0;
                    self.locked_until = Some(now + LOCKED);
                }
                Err(bad_authentication("verify aksk signature fail"))
            }
            Err(SignError::UnknownKey(_)) => Err(bad_authentication("Get secretKey failed")),
            Err(reason @ (SignError::Malformed(_) | SignError::DateSkew)) => {
                Err(bad_authentication(&reason.to_string()))
            }
        }
    }

    /// Who has signed: a temporary key comes with its own token, the account's with none.
    fn holder(
        &self,
        access: &str,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<Caller, Response<Bytes>> {
        if access == self.account.access_key && token.is_none() {
            return Ok(Caller::User);
        }
        self.issued.holder(access, token, now).map_err(|unfit| match unfit {
            Unfit::Unknown => {
                bad_authentication("the security token does not belong to the access key")
            }
            Unfit::Expired => bad_authentication("the security token has expired"),
        })
    }

    /// What a virtual machine is told of itself, at its own address or on loopback.
    fn metadata(&mut self, request: &Request<Bytes>, now: SystemTime) -> Response<Bytes> {
        let host = super::gate::host(request);
        if host.as_deref().is_some_and(|host| host != METADATA && !is_loopback(host)) {
            return self.refuse(Refused::Unknown);
        }
        self.issued.metadata(&self.account, request, now)
    }

    /// The product of a host of the account's region; None on loopback, which does not tell.
    fn product(&self, request: &Request<Bytes>) -> Result<Option<String>, Response<Bytes>> {
        let Some(host) = super::gate::host(request).filter(|host| !is_loopback(host)) else {
            return Ok(None);
        };
        match products_at(&host, &self.account.region).as_slice() {
            [] => Err(self.refuse(Refused::Unknown)),
            [product] => Ok(Some((*product).to_owned())),
            // Products that share a host are told apart by their paths.
            _ => Ok(None),
        }
    }

    /// The project in the path is the account's, and the one the header names.
    fn project(
        &self,
        request: &Request<Bytes>,
        in_path: Option<&str>,
        caller: &Caller,
    ) -> Result<(), Response<Bytes>> {
        let named = text(request.headers(), "x-project-id");
        let own = Some(self.account.project_id.as_str());
        if in_path != own || named.is_some() && named != own {
            return Err(gateway(403, "APIGW.0310", "The project is unavailable."));
        }
        if *caller == (Caller::Token { scoped: false }) {
            return Err(gateway(403, "APIGW.0302", "The IAM user is not authorized."));
        }
        Ok(())
    }

    fn projects(&self, request: &Request<Bytes>) -> Response<Bytes> {
        let mut query = Query::of(request.uri());
        let name = query.take("name");
        let domain = query.take("domain_id");
        if let Err(complaint) = query.done() {
            return iam(400, "Bad Request", &complaint);
        }
        let account = &self.account;
        let meant = name.is_none_or(|name| name == account.region)
            && domain.is_none_or(|domain| domain == account.domain_id);
        let project = json!({
            "id": account.project_id, "name": account.region, "domain_id": account.domain_id,
            "parent_id": account.domain_id, "enabled": true, "is_domain": false, "description": "",
        });
        let projects = if meant { vec![project] } else { Vec::new() };
        let links = json!({ "self": "https://iam.myhuaweicloud.com/v3/projects", "next": null });
        answer(StatusCode::OK, &json!({ "projects": projects, "links": links }))
    }
}

fn bad_authentication(reason: &str) -> Response<Bytes> {
    let message = format!("Incorrect IAM authentication information: {reason}");
    gateway(401, "APIGW.0301", &message)
}

fn gateway(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, &json!({ "error_msg": message, "error_code": code, "request_id": "" }))
}

fn iam(status: u16, title: &str, message: &str) -> Response<Bytes> {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(code, &json!({ "error": { "code": status, "message": message, "title": title } }))
}
