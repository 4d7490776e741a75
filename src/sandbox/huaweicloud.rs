//! Huawei Cloud's front door: API gateway and IAM.
//!
//! The gateway's codes and words are those of "Common Errors Related to IAM Authentication
//! Information" (<https://support.huaweicloud.com/intl/en-us/devg-apisign/api-sign-0001.html>) and
//! of API Gateway's user guide, "Error Codes". A key whose signature fails five times in a row is
//! locked for five minutes ("more than five", says
//! <https://support.huaweicloud.com/intl/en-us/ocr_faq/ocr_01_0063.html>). IAM serves
//! `GET /v3/projects` and `POST /v3/auth/tokens`
//! (<https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0001.html>).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::gate::{Admitted, Gate, Refused};
use super::setup::Account;
use crate::cloud::huaweicloud::sign::{SignError, verify};
use crate::services::simulator::{Query, json as answer, segments};
use crate::wire::https::is_loopback;

/// Failures in a row that lock a key.
const FAILURES: u32 = 5;
/// How long it stays locked.
const LOCKED: Duration = Duration::from_secs(5 * 60);
/// How long a token is good.
const TOKEN: Duration = Duration::from_secs(24 * 60 * 60);

/// The gateway and IAM of one account.
pub(super) struct Huaweicloud {
    account: Account,
    failures: u32,
    locked_until: Option<SystemTime>,
    tokens: Vec<(String, SystemTime)>,
}

impl Huaweicloud {
    pub(super) fn new(account: Account) -> Huaweicloud {
        Huaweicloud { account, failures: 0, locked_until: None, tokens: Vec::new() }
    }
}

impl Gate for Huaweicloud {
    fn cloud(&self) -> &'static str {
        "huaweicloud"
    }

    fn recognises(&self, request: &Request<Bytes>) -> bool {
        let first = segments(request.uri().path()).into_iter().next().unwrap_or_default();
        matches!(first.as_str(), "v2" | "v3" | "v3.0" | "v5")
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
        let product = product(request);
        let iam = product.as_deref().is_none_or(|product| product == "iam");
        if iam && request.method() == Method::POST && path == ["v3", "auth", "tokens"] {
            return Err(self.token(request, now));
        }
        self.authenticate(request, now)?;
        if iam && request.method() == Method::GET && path == ["v3", "projects"] {
            return Err(self.projects(request));
        }
        self.project(request, path.get(1).copied())?;
        Ok(Admitted { product })
    }

    fn refusal(&self, refused: Refused) -> Response<Bytes> {
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

    fn identify(&self, response: &mut Response<Bytes>, request_id: &str) {
        let Ok(id) = HeaderValue::from_str(request_id) else { return };
        response.headers_mut().insert("x-request-id", id.clone());
        let body = serde_json::from_slice::<Value>(response.body());
        let Ok(mut body) = body else { return };
        let of_iam = ["error", "token", "projects"];
        if of_iam.iter().any(|key| body.get(key).is_some()) {
            response.headers_mut().insert("x-iam-trace-id", id);
        }
        let code = body["error_code"].as_str().unwrap_or_default();
        if code.starts_with("APIGW.") {
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
    ) -> Result<(), Response<Bytes>> {
        if let Some(token) = text(request.headers(), "x-auth-token") {
            let known = self.tokens.iter().find(|(known, _)| known == token);
            return match known {
                None => Err(bad_authentication("decrypt token fail")),
                Some((_, until)) if *until <= now => Err(self.refusal(Refused::Expired)),
                Some(_) => Ok(()),
            };
        }
        let account = &self.account;
        let secret_of = |key: &str| (key == account.access_key).then(|| account.secret_key.clone());
        let verdict = verify(request, now, &secret_of);
        if self.locked_until.is_some_and(|until| now < until)
            && !matches!(verdict, Err(SignError::UnknownKey(_) | SignError::NoAuthorization))
        {
            return Err(bad_authentication("AK access failed to reach the limit,forbidden."));
        }
        match verdict {
            Ok(_) if text(request.headers(), "x-security-token").is_some() => {
                Err(bad_authentication("the security token does not belong to the access key"))
            }
            Ok(_) => {
                self.failures = 0;
                Ok(())
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

    /// The project in the path is the account's, and the one the header names.
    fn project(
        &self,
        request: &Request<Bytes>,
        in_path: Option<&str>,
    ) -> Result<(), Response<Bytes>> {
        let named = text(request.headers(), "x-project-id");
        let own = Some(self.account.project_id.as_str());
        if in_path != own || named.is_some() && named != own {
            return Err(gateway(403, "APIGW.0310", "The project is unavailable."));
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

    /// A token for name and password, with the scope of a project.
    fn token(&mut self, request: &Request<Bytes>, now: SystemTime) -> Response<Bytes> {
        let Ok(body) = serde_json::from_slice::<Value>(request.body()) else {
            return iam(400, "Bad Request", "The request body is not valid JSON.");
        };
        let account = &self.account;
        let identity = &body["auth"]["identity"];
        let user = &identity["password"]["user"];
        if identity["methods"] != json!(["password"]) {
            return iam(400, "Bad Request", "The authentication method is not supported.");
        }
        if user["name"] != account.user_name.as_str()
            || user["password"] != account.password.reveal()
            || user["domain"]["name"] != account.domain_name.as_str()
        {
            return iam(401, "Unauthorized", "The username or password is wrong.");
        }
        let project = &body["auth"]["scope"]["project"];
        let scoped = project["name"] == account.region.as_str()
            || project["id"] == account.project_id.as_str();
        if !scoped {
            return iam(401, "Unauthorized", "The project of the scope does not exist.");
        }
        let until = now + TOKEN;
        let token = format!("sandbox-token-{}", self.tokens.len() + 1);
        let body = json!({ "token": {
            "issued_at": rfc3339(now), "expires_at": rfc3339(until), "methods": ["password"],
            "project": { "id": account.project_id, "name": account.region },
            "user": { "name": account.user_name, "domain": { "name": account.domain_name } },
        }});
        let mut response = answer(StatusCode::CREATED, &body);
        if let Ok(value) = HeaderValue::from_str(&token) {
            response.headers_mut().insert("x-subject-token", value);
        }
        self.tokens.push((token, until));
        response
    }
}

/// The product of a host like `dcs.cn-north-4.myhuaweicloud.com`.
fn product(request: &Request<Bytes>) -> Option<String> {
    let host = super::gate::host(request).filter(|host| !is_loopback(host))?;
    match host.split('.').next()? {
        "gaussdb-nosql" => Some("geminidb".to_owned()),
        product => Some(product.to_owned()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn rfc3339(at: SystemTime) -> String {
    OffsetDateTime::from(at).format(&Rfc3339).unwrap_or_default()
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
