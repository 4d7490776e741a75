//! Alibaba Cloud's front door: signatures, STS, and the places that hand out temporary keys.
//!
//! Codes are those of "Common error codes"
//! (<https://www.alibabacloud.com/help/en/ecs/developer-reference/common-error-codes>). STS serves
//! `AssumeRole` and `AssumeRoleWithOIDC`
//! (<https://www.alibabacloud.com/help/en/ram/developer-reference/api-sts-2015-04-01-assumerole>).
//! The instance metadata service answers in hardened mode only
//! (<https://www.alibabacloud.com/help/en/ecs/user-guide/view-instance-metadata>), and
//! `/alicloud/credentials` is a `credentials_uri`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use serde_json::{Value, json};

use super::gate::{Admitted, Gate, Refused, dashed, either, plain, text};
use crate::access::Secret;
use crate::access::alicloud::sign::{MAX_SKEW, SignError, parse_date, verify};
use crate::services::simulator::alicloud::{Parameters, Reply, done, refusal};
use crate::services::simulator::{Query, json as answer};
use crate::wire::https::is_loopback;

/// Where a virtual machine finds its metadata.
const METADATA: &str = "100.100.100.200";
/// API version of STS.
const STS: &str = "2015-04-01";
/// How long the metadata service and the credentials URI make keys good for.
const HANDED_OUT: Duration = Duration::from_secs(6 * 60 * 60);
/// How long a token of the metadata service may be good at most.
const LONGEST_METADATA_TOKEN: usize = 21_600;
/// Nonces, temporary keys and metadata tokens that are remembered, of each.
const MOST: usize = 100_000;

const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
/// Where a `credentials_uri` points to.
pub(super) const CREDENTIALS: &str = "/alicloud/credentials";

/// The account of Alibaba Cloud that the sandbox knows.
#[derive(Clone, Debug)]
pub struct AlicloudAccount {
    /// Where its instances are.
    pub region: String,
    /// Its id.
    pub account_id: String,
    /// Public half of its key.
    pub access_key: String,
    /// Signing half of its key.
    pub secret_key: Secret,
    /// Name of the role that may be assumed, and that its ECS instances have.
    pub role: String,
    /// Name of the OIDC provider whose token opens the role.
    pub oidc_provider: String,
    /// That token.
    pub oidc_token: Secret,
}

impl Default for AlicloudAccount {
    fn default() -> AlicloudAccount {
        AlicloudAccount {
            region: "cn-hangzhou".into(),
            account_id: "123456789012345678".into(),
            access_key: "LTAISANDBOXACCESSKEY".into(),
            secret_key: Secret::new("sandbox-secret-key-of-no-value"),
            role: "sandbox".into(),
            oidc_provider: "sandbox".into(),
            oidc_token: Secret::new("sandbox-oidc-token"),
        }
    }
}

impl AlicloudAccount {
    /// The role's name in full.
    pub fn role_arn(&self) -> String {
        format!("acs:ram::{}:role/{}", self.account_id, self.role)
    }

    /// The OIDC provider's name in full.
    pub fn oidc_provider_arn(&self) -> String {
        format!("acs:ram::{}:oidc-provider/{}", self.account_id, self.oidc_provider)
    }
}

/// Gateway, STS and metadata service of one account.
pub(super) struct Alicloud {
    account: AlicloudAccount,
    /// Temporary keys by their public half.
    temporary: BTreeMap<String, Temporary>,
    issued: u64,
    nonces: Nonces,
    /// Tokens of the metadata service and when they end.
    metadata: VecDeque<(String, SystemTime)>,
}

struct Temporary {
    secret: Secret,
    token: String,
    until: SystemTime,
}

/// Nonces that were used lately.
#[derive(Default)]
struct Nonces {
    used: BTreeSet<String>,
    in_order: VecDeque<(SystemTime, String)>,
}

impl Nonces {
    /// Whether nobody has used it while a request that has it could be repeated.
    fn is_new(&mut self, nonce: &str, now: SystemTime) -> bool {
        while let Some((at, _)) = self.in_order.front() {
            let old = now.duration_since(*at).is_ok_and(|age| age > 2 * MAX_SKEW);
            if !old && self.in_order.len() < MOST {
                break;
            }
            if let Some((_, nonce)) = self.in_order.pop_front() {
                self.used.remove(&nonce);
            }
        }
        let new = self.used.insert(nonce.to_owned());
        if new {
            self.in_order.push_back((now, nonce.to_owned()));
        }
        new
    }
}

impl Gate for Alicloud {
    fn cloud(&self) -> &'static str {
        "alicloud"
    }

    fn recognises(&self, request: &Request<Bytes>) -> bool {
        let path = request.uri().path();
        path.starts_with("/latest/") || path == CREDENTIALS || action(request).is_some()
    }

    fn operation(&self, request: &Request<Bytes>) -> String {
        let action = action(request).unwrap_or_else(|| request.uri().path().to_owned());
        format!("{} {action}", request.method())
    }

    fn admit(
        &mut self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<Admitted, Response<Bytes>> {
        let path = request.uri().path();
        if path == CREDENTIALS {
            return Err(answer(StatusCode::OK, &self.hand_out(now)));
        }
        if path.starts_with("/latest/") {
            let host = super::gate::host(request);
            if host.is_some_and(|host| host != METADATA && !is_loopback(&host)) {
                return Err(self.refuse(Refused::Unknown));
            }
            return Err(self.metadata(request, now));
        }
        let action = action(request).unwrap_or_default();
        let product = self.product(request)?;
        let sts = product.as_deref().is_none_or(|product| product == "sts");
        if sts && action == "AssumeRoleWithOIDC" {
            return Err(either(self.assume_with_oidc(request, now)));
        }
        self.authenticate(request, now)?;
        if path != "/" || !matches!(*request.method(), Method::GET | Method::POST) {
            return Err(self.refuse(Refused::Unknown));
        }
        if sts && action == "AssumeRole" && text(request.headers(), "x-acs-version") == Some(STS) {
            let parameters = Parameters::read(request.uri().query().unwrap_or_default());
            return Err(either(self.assume(parameters, now)));
        }
        let region = Query::of(request.uri()).take("RegionId");
        if region.is_some_and(|region| !region.is_empty() && region != self.account.region) {
            let message = "The specified RegionId does not exist.";
            return Err(refusal(404, "InvalidRegionId.NotFound", message));
        }
        Ok(Admitted { product })
    }

    fn refusal(&self, refused: Refused, _request: &Request<Bytes>) -> Response<Bytes> {
        self.refuse(refused)
    }

    fn identify(&self, response: &mut Response<Bytes>, request_id: &str) {
        let id = dashed(request_id).to_ascii_uppercase();
        let Ok(value) = HeaderValue::from_str(&id) else { return };
        response.headers_mut().insert("x-acs-request-id", value);
        let Ok(mut body) = serde_json::from_slice::<Value>(response.body()) else { return };
        if body.get("RequestId").is_none() {
            return;
        }
        body["RequestId"] = id.into();
        if body.get("HostId").is_some() {
            body["HostId"] = format!("{}.aliyuncs.com", self.account.region).into();
        }
        *response.body_mut() = Bytes::from(body.to_string());
    }

    fn reset(&mut self) {
        *self = Alicloud::new(self.account.clone());
    }
}

impl Alicloud {
    pub(super) fn new(account: AlicloudAccount) -> Alicloud {
        Alicloud {
            account,
            temporary: BTreeMap::new(),
            issued: 0,
            nonces: Nonces::default(),
            metadata: VecDeque::new(),
        }
    }

    /// The gateway's words for a refusal.
    fn refuse(&self, refused: Refused) -> Response<Bytes> {
        match refused {
            Refused::Throttled => {
                let message = "Request was denied due to user flow control.";
                let mut response = refusal(400, "Throttling.User", message);
                let second = HeaderValue::from_static("1000");
                response.headers_mut().insert("x-acs-retry-after", second);
                response
            }
            Refused::ServerError => refusal(500, "InternalError", "An internal error occurred."),
            Refused::Unavailable => {
                let message = "The request has failed due to a temporary failure of the server.";
                refusal(503, "ServiceUnavailable", message)
            }
            Refused::Expired => {
                refusal(400, "InvalidSecurityToken.Expired", "Specified SecurityToken is expired.")
            }
            Refused::WrongSignature => mismatch("ACS3-HMAC-SHA256"),
            Refused::Unknown => {
                let message = "Specified api is not found, please check your url and method.";
                refusal(404, "InvalidAction.NotFound", message)
            }
        }
    }

    fn authenticate(
        &mut self,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Result<(), Response<Bytes>> {
        let secret_of = |key: &str| {
            if key == self.account.access_key {
                return Some(self.account.secret_key.clone());
            }
            self.temporary.get(key).map(|temporary| temporary.secret.clone())
        };
        let verified = verify(request, now, &secret_of).map_err(|reason| unsigned(&reason))?;
        let token = verified.security_token.as_ref().map(Secret::reveal);
        match (self.temporary.get(&verified.access_key), token) {
            (None, None) => {}
            (Some(_), None) => {
                let message = "SecurityToken is mandatory for this action.";
                return Err(refusal(400, "MissingSecurityToken", message));
            }
            (_, Some(token)) if !self.temporary.values().any(|one| one.token == token) => {
                let message = "Specified SecurityToken is malformed.";
                return Err(refusal(400, "InvalidSecurityToken.Malformed", message));
            }
            (Some(own), Some(token)) if own.token == token => {
                if own.until <= now {
                    return Err(self.refuse(Refused::Expired));
                }
            }
            (_, Some(_)) => {
                let code = "InvalidSecurityToken.MismatchWithAccessKey";
                let message = "Specified SecurityToken mismatch with the AccessKey.";
                return Err(refusal(400, code, message));
            }
        }
        if !self.nonces.is_new(&verified.nonce, now) {
            let message = "Specified signature nonce was used already.";
            return Err(refusal(400, "SignatureNonceUsed", message));
        }
        Ok(())
    }

    /// The product of a host, which is the account's region's, or the one place of those that have
    /// one; None on loopback, which does not tell.
    fn product(&self, request: &Request<Bytes>) -> Result<Option<String>, Response<Bytes>> {
        let Some(host) = super::gate::host(request).filter(|host| !is_loopback(host)) else {
            return Ok(None);
        };
        let region = &self.account.region;
        let known = host.strip_suffix(".aliyuncs.com").and_then(|host| match host {
            "das.cn-shanghai" => Some("das"),
            "sts" => Some("sts"),
            host => {
                let (product, place) = host.split_once('.')?;
                (place == region).then_some(product).filter(|it| ["ecs", "sts"].contains(it))
            }
        });
        known.map(|product| Some(product.to_owned())).ok_or_else(|| self.refuse(Refused::Unknown))
    }

    fn assume_with_oidc(&mut self, request: &Request<Bytes>, now: SystemTime) -> Reply {
        let mut common = Parameters::read(request.uri().query().unwrap_or_default());
        common.required("Action")?;
        if common.required("Version")? != STS {
            return Err(self.refuse(Refused::Unknown));
        }
        let Some(date) = parse_date(&common.required("Timestamp")?) else {
            let message = "Specified time stamp or date value is not well formatted.";
            return Err(refusal(400, "InvalidTimeStamp.Format", message));
        };
        if date.duration_since(now).unwrap_or_else(|earlier| earlier.duration()) > MAX_SKEW {
            return Err(unsigned(&SignError::DateSkew));
        }
        for ignored in ["Format", "SignatureNonce"] {
            common.optional(ignored);
        }
        common.done()?;
        let form = std::str::from_utf8(request.body()).unwrap_or_default();
        let mut form = Parameters::read(form);
        let provider = form.required("OIDCProviderArn")?;
        let token = form.required("OIDCToken")?;
        if provider != self.account.oidc_provider_arn() {
            let message = "The OIDC provider does not exist.";
            return Err(refusal(404, "EntityNotExist.OIDCProvider", message));
        }
        if token != self.account.oidc_token.reveal() {
            let message = "The OIDC token is invalid.";
            return Err(refusal(400, "AuthenticationFail.OIDCToken.Invalid", message));
        }
        self.assume(form, now)
    }

    /// A temporary key of the account's role.
    fn assume(&mut self, mut parameters: Parameters, now: SystemTime) -> Reply {
        let arn = parameters.required("RoleArn")?;
        let session = parameters.required("RoleSessionName")?;
        let seconds = parameters.number("DurationSeconds", 900..=43_200, 3600)?;
        let sizes = [("Policy", 1..=2048), ("ExternalId", 2..=1224)];
        for (name, allowed) in sizes {
            let size = parameters.optional(name).map(|text| text.chars().count());
            if size.is_some_and(|size| !allowed.contains(&size)) {
                return Err(wrong(name));
            }
        }
        parameters.done()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || ".@-_".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(plain) {
            return Err(wrong("RoleSessionName"));
        }
        if arn != self.account.role_arn() {
            let message = format!("The role not exists: {arn}.");
            return Err(refusal(404, "EntityNotExist.Role", &message));
        }
        let seconds = u64::try_from(seconds).unwrap_or(3600);
        let credentials = self.issue(now, Duration::from_secs(seconds));
        let (account, role) = (&self.account.account_id, &self.account.role);
        Ok(done(json!({
            "Credentials": credentials,
            "AssumedRoleUser": {
                "Arn": format!("acs:ram::{account}:role/{role}/{session}"),
                "AssumedRoleId": format!("34458433936495****:{session}"),
            },
        })))
    }

    fn issue(&mut self, now: SystemTime, lasts: Duration) -> Value {
        if self.temporary.len() >= MOST {
            self.temporary.retain(|_, one| one.until > now);
        }
        if self.temporary.len() >= MOST {
            // The oldest, by its number.
            self.temporary.pop_first();
        }
        self.issued += 1;
        let number = self.issued;
        let (key, token) =
            (format!("STS.SANDBOX{number:09}"), format!("sandbox-sts-token-{number}"));
        let secret = format!("sandbox-temporary-secret-{number}");
        let until = now + lasts;
        let credentials = json!({
            "AccessKeyId": key, "AccessKeySecret": secret, "SecurityToken": token,
            "Expiration": humantime::format_rfc3339_seconds(until).to_string(),
        });
        self.temporary.insert(key, Temporary { secret: Secret::new(secret), token, until });
        credentials
    }

    fn hand_out(&mut self, now: SystemTime) -> Value {
        let mut credentials = self.issue(now, HANDED_OUT);
        credentials["Code"] = "Success".into();
        credentials["LastUpdated"] = humantime::format_rfc3339_seconds(now).to_string().into();
        credentials
    }

    /// The instance metadata service: a token first, then the role's name, then its key.
    fn metadata(&mut self, request: &Request<Bytes>, now: SystemTime) -> Response<Bytes> {
        let path = request.uri().path();
        if *request.method() == Method::PUT && path == "/latest/api/token" {
            let ttl = text(request.headers(), "x-aliyun-ecs-metadata-token-ttl-seconds");
            let ttl = ttl.and_then(|text| text.parse::<usize>().ok());
            let Some(ttl) = ttl.filter(|ttl| (1..=LONGEST_METADATA_TOKEN).contains(ttl)) else {
                return plain(StatusCode::BAD_REQUEST, "bad ttl");
            };
            self.issued += 1;
            let token = format!("sandbox-metadata-token-{}", self.issued);
            let until = now + Duration::from_secs(u64::try_from(ttl).unwrap_or_default());
            if self.metadata.len() >= MOST {
                self.metadata.pop_front();
            }
            self.metadata.push_back((token.clone(), until));
            return plain(StatusCode::OK, &token);
        }
        let token = text(request.headers(), "x-aliyun-ecs-metadata-token");
        let good = self
            .metadata
            .iter()
            .any(|(known, until)| Some(known.as_str()) == token && *until > now);
        if !good {
            return plain(StatusCode::FORBIDDEN, "a token is needed");
        }
        match path.strip_prefix(ROLES) {
            Some("") if *request.method() == Method::GET => {
                plain(StatusCode::OK, &self.account.role)
            }
            Some(role) if *request.method() == Method::GET && role == self.account.role => {
                answer(StatusCode::OK, &self.hand_out(now))
            }
            _ => plain(StatusCode::NOT_FOUND, "not found"),
        }
    }
}

/// The action, in a header or, unsigned, in the query.
fn action(request: &Request<Bytes>) -> Option<String> {
    let header = text(request.headers(), "x-acs-action").map(str::to_owned);
    let query = || Query::of(request.uri()).take("Action").filter(|_| request.uri().path() == "/");
    header.or_else(query)
}

/// What is wrong with a signature, in the cloud's words.
fn unsigned(reason: &SignError) -> Response<Bytes> {
    match reason {
        SignError::Malformed(what) if what.0.contains("x-acs-date") => {
            let message = "Specified time stamp or date value is not well formatted.";
            refusal(400, "InvalidTimeStamp.Format", message)
        }
        SignError::NoAuthorization | SignError::Malformed(_) | SignError::Incomplete(_) => {
            let message = format!("The request signature does not conform to standards: {reason}.");
            refusal(400, "IncompleteSignature", &message)
        }
        SignError::UnknownKey(_) => {
            refusal(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        }
        SignError::DateSkew => {
            let message = "Specified time stamp or date value is expired.";
            refusal(400, "InvalidTimeStamp.Expired", message)
        }
        SignError::Mismatch(string_to_sign) => mismatch(string_to_sign),
    }
}

fn mismatch(string_to_sign: &str) -> Response<Bytes> {
    let message = format!(
        "Specified signature is not matched with our calculation. server string to sign \
         is:{string_to_sign}"
    );
    refusal(400, "SignatureDoesNotMatch", &message)
}

fn wrong(name: &str) -> Response<Bytes> {
    refusal(400, &format!("InvalidParameter.{name}"), &format!("The parameter {name} is wrong."))
}
