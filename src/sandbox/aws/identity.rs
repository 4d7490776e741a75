//! STS, and the places that hand out temporary keys: an instance's metadata service in version 2, a
//! container's address (`/aws/credentials`), and the portal of IAM Identity Center.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};

use super::AwsAccount;
use crate::access::Secret;
use crate::access::aws::sign::Verified;
use crate::sandbox::gate::{plain, text};
use crate::services::simulator::aws::{REQUEST_ID, element, refusal as json_refusal, typed};
use crate::services::simulator::{Query, json as answer};

/// How long keys are good for that nobody asked a time for.
const HANDED_OUT: Duration = Duration::from_secs(6 * 60 * 60);
/// Temporary keys and metadata tokens that are remembered, of each.
const MOST: usize = 100_000;
/// Longest life of a key that another temporary key asks for, in seconds.
const CHAINED: usize = 3600;

const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
const CONTAINER: &str = "/aws/credentials";
const PORTAL: &str = "/federation/credentials";
const TOKEN: &str = "/token";
const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const METADATA_TOKEN: &str = "x-aws-ec2-metadata-token";
const SSO_TOKEN: &str = "x-amz-sso_bearer_token";

/// Whom temporary keys were given.
#[derive(Default)]
pub(super) struct Identity {
    /// By the public half.
    temporary: BTreeMap<String, Temporary>,
    /// Tokens of the metadata service and when they end.
    metadata: BTreeMap<String, SystemTime>,
    issued: u64,
}

struct Temporary {
    secret: Secret,
    token: String,
    until: SystemTime,
    /// Name of the role's session.
    session: String,
}

/// What a key is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Good,
    Over,
    Unknown,
}

/// Whether a request asks for a key at one of the places.
pub(super) fn hands_out(request: &Request<Bytes>) -> bool {
    let (headers, path) = (request.headers(), request.uri().path());
    let named = |name: &str| headers.contains_key(name);
    named(TTL) || named(METADATA_TOKEN) || named(SSO_TOKEN) || [CONTAINER, TOKEN].contains(&path)
}

impl Identity {
    pub(super) fn secret_of(&self, key: &str) -> Option<Secret> {
        self.temporary.get(key).map(|one| one.secret.clone())
    }

    /// Whether a key that signed well is still good, and has its own token beside it.
    pub(super) fn check(&self, verified: &Verified, now: SystemTime) -> Standing {
        let token = verified.security_token.as_ref().map(Secret::reveal);
        match (self.temporary.get(&verified.access_key), token) {
            (None, None) => Standing::Good,
            (Some(own), Some(token)) if own.token == token => {
                if own.until <= now {
                    Standing::Over
                } else {
                    Standing::Good
                }
            }
            (_, _) => Standing::Unknown,
        }
    }

    /// The answer of STS; None if it has no such action.
    pub(super) fn sts(
        &mut self,
        account: &AwsAccount,
        action: &str,
        mut form: Query,
        caller: Option<Verified>,
        now: SystemTime,
    ) -> Option<Result<Response<Bytes>, Response<Bytes>>> {
        match action {
            "GetCallerIdentity" => {
                let key = caller.map(|caller| caller.access_key).unwrap_or_default();
                let arn = match self.temporary.get(&key) {
                    None => account.user_arn(),
                    Some(one) => session_arn(account, &one.session),
                };
                let told = [
                    element("Arn", &arn),
                    element("UserId", "AIDASANDBOX"),
                    element("Account", &account.account_id),
                ];
                Some(Ok(done(action, &told.concat())))
            }
            "AssumeRole" => Some(self.assume(account, action, form, caller, now)),
            "AssumeRoleWithWebIdentity" => {
                let token = form.take("WebIdentityToken").unwrap_or_default();
                if token != account.web_identity_token.reveal() {
                    let message = "Couldn't retrieve verification key from your identity provider";
                    return Some(Err(refusal(400, "InvalidIdentityToken", message)));
                }
                Some(self.assume(account, action, form, None, now))
            }
            _ => None,
        }
    }

    fn assume(
        &mut self,
        account: &AwsAccount,
        action: &str,
        mut form: Query,
        caller: Option<Verified>,
        now: SystemTime,
    ) -> Result<Response<Bytes>, Response<Bytes>> {
        let invalid = |complaint: &str| refusal(400, "ValidationError", complaint);
        let arn = form.take("RoleArn").unwrap_or_default();
        let session = form.take("RoleSessionName").unwrap_or_default();
        let seconds = form.number("DurationSeconds", 900..=43_200, 3600);
        let seconds = seconds.map_err(|complaint| invalid(&complaint))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(plain) {
            return Err(invalid("roleSessionName"));
        }
        if arn != account.role_arn() {
            let message = format!("User is not authorized to perform: sts:{action} on: {arn}");
            return Err(refusal(403, "AccessDenied", &message));
        }
        let chained = caller.is_some_and(|one| self.temporary.contains_key(&one.access_key));
        if chained && seconds > CHAINED {
            return Err(invalid(
                "the requested DurationSeconds exceeds the 1 hour of role chaining",
            ));
        }
        let lasts = Duration::from_secs(u64::try_from(seconds).unwrap_or(3600));
        let given = self.issue(&session, now, lasts);
        let text = |name: &str| given[name].as_str().unwrap_or_default().to_owned();
        let credentials: String = [
            ("AccessKeyId", "AccessKeyId"),
            ("SecretAccessKey", "SecretAccessKey"),
            ("SessionToken", "Token"),
            ("Expiration", "Expiration"),
        ]
        .map(|(name, of)| element(name, &text(of)))
        .concat();
        let arn = element("Arn", &session_arn(account, &session));
        Ok(done(
            action,
            &format!(
                "<Credentials>{credentials}</Credentials><AssumedRoleUser>{arn}</AssumedRoleUser>"
            ),
        ))
    }

    /// A temporary key, as a metadata service shows it.
    fn issue(&mut self, session: &str, now: SystemTime, lasts: Duration) -> Value {
        if self.temporary.len() >= MOST {
            self.temporary.pop_first();
        }
        self.issued += 1;
        let number = self.issued;
        let key = format!("ASIASANDBOX{number:09}");
        let token = format!("sandbox/session/token+{number}==");
        let secret = format!("sandbox-temporary-secret-{number}");
        let until = now + lasts;
        let given = json!({
            "Code": "Success", "Type": "AWS-HMAC",
            "LastUpdated": humantime::format_rfc3339_seconds(now).to_string(),
            "AccessKeyId": key, "SecretAccessKey": secret, "Token": token,
            "Expiration": humantime::format_rfc3339_seconds(until).to_string(),
        });
        let session = session.to_owned();
        self.temporary
            .insert(key, Temporary { secret: Secret::new(secret), token, until, session });
        given
    }

    /// A key, or what leads to one, at one of the places.
    pub(super) fn hand_out(
        &mut self,
        account: &AwsAccount,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Response<Bytes> {
        match request.uri().path() {
            PORTAL => self.portal(account, request, now),
            TOKEN => renewed(account, request),
            CONTAINER => {
                let admitted = text(request.headers(), header::AUTHORIZATION.as_str());
                if admitted != Some(account.web_identity_token.reveal()) {
                    return plain(StatusCode::UNAUTHORIZED, "not authorized");
                }
                answer(StatusCode::OK, &self.issue("container", now, HANDED_OUT))
            }
            _ => self.instance(account, request, now),
        }
    }

    /// The instance metadata service: a token first, then the role's name, then its key.
    fn instance(
        &mut self,
        account: &AwsAccount,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Response<Bytes> {
        let path = request.uri().path();
        if *request.method() == Method::PUT && path == "/latest/api/token" {
            let ttl = text(request.headers(), TTL).and_then(|text| text.parse::<u64>().ok());
            let Some(ttl) = ttl.filter(|ttl| (1..=21_600).contains(ttl)) else {
                return plain(StatusCode::BAD_REQUEST, "bad ttl");
            };
            if self.metadata.len() >= MOST {
                self.metadata.pop_first();
            }
            self.issued += 1;
            let token = format!("sandbox-metadata-token-{}", self.issued);
            self.metadata.insert(token.clone(), now + Duration::from_secs(ttl));
            return plain(StatusCode::OK, &token);
        }
        let token = text(request.headers(), METADATA_TOKEN).unwrap_or_default();
        if self.metadata.get(token).is_none_or(|until| *until <= now) {
            return plain(StatusCode::UNAUTHORIZED, "a token is needed");
        }
        match path.strip_prefix(ROLES) {
            Some("") => plain(StatusCode::OK, &account.role),
            Some(role) if role == account.role => {
                answer(StatusCode::OK, &self.issue("i-0a1b2c3d4e5f60001", now, HANDED_OUT))
            }
            _ => plain(StatusCode::NOT_FOUND, "not found"),
        }
    }

    /// Keys of a role for whoever has logged in.
    fn portal(
        &mut self,
        account: &AwsAccount,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Response<Bytes> {
        let mut query = Query::of(request.uri());
        if text(request.headers(), SSO_TOKEN) != Some(account.sso_token.reveal()) {
            let message = "Session token not found or invalid";
            return json_refusal(401, "UnauthorizedException", message);
        }
        let known = query.take("role_name").as_ref() == Some(&account.role)
            && query.take("account_id").as_ref() == Some(&account.account_id);
        if !known {
            return json_refusal(403, "ForbiddenException", "No access");
        }
        let given = self.issue("operator@example.com", now, HANDED_OUT);
        let ends = (now + HANDED_OUT).duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let body = json!({ "roleCredentials": {
            "accessKeyId": given["AccessKeyId"], "secretAccessKey": given["SecretAccessKey"],
            "sessionToken": given["Token"], "expiration": u64::try_from(ends).unwrap_or(u64::MAX),
        }});
        answer(StatusCode::OK, &body)
    }
}

/// A token in place of one that is over.
fn renewed(account: &AwsAccount, request: &Request<Bytes>) -> Response<Bytes> {
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    if asked["grantType"] != "refresh_token" || asked["refreshToken"] != "sandbox-refresh-token" {
        let body =
            json!({ "error": "invalid_grant", "error_description": "Invalid refresh token" });
        return answer(StatusCode::BAD_REQUEST, &body);
    }
    let body = json!({ "accessToken": account.sso_token.reveal(), "expiresIn": 3600 });
    answer(StatusCode::OK, &body)
}

fn session_arn(account: &AwsAccount, session: &str) -> String {
    format!("arn:aws:sts::{}:assumed-role/{}/{session}", account.account_id, account.role)
}

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// 200 with a result in XML.
fn done(action: &str, inner: &str) -> Response<Bytes> {
    let text = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{inner}</{action}Result>\
         <ResponseMetadata><RequestId>{REQUEST_ID}</RequestId></ResponseMetadata></{action}Response>"
    );
    typed(StatusCode::OK, "text/xml", text)
}

/// A refusal of STS.
pub(super) fn refusal(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let told = element("Type", "Sender") + &element("Code", code) + &element("Message", message);
    let text = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error>{told}</Error>\
         <RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
    );
    typed(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), "text/xml", text)
}
