//! Who may come in at Huawei Cloud, and what IAM, STS and a virtual machine's metadata hand out.
//!
//! IAM: `POST /v3/auth/tokens` (<https://support.huaweicloud.com/intl/en-us/api-iam/iam_30_0001.html>),
//! `POST /v3.0/OS-AUTH/id-token/tokens` (`CreateTokenWithIdToken` of the vendor's IAM v3 SDKs) and
//! `POST /v3.0/OS-CREDENTIAL/securitytokens` by agency and by token
//! (<https://support.huaweicloud.com/intl/en-us/api-iam/iam_04_0101.html>). STS:
//! `POST /v5/agencies/assume` and `GET /v5/caller-identity`
//! (<https://support.huaweicloud.com/intl/en-us/api-iam5/iam_02_1111.html>); its lifetimes are those
//! of <https://support.huaweicloud.com/intl/en-us/usermanual-iam5/iam_01_1237.html>. No page lists
//! the codes of its refusals.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::iam;
use crate::access::Secret;
use crate::sandbox::gate::{plain, text};
use crate::sandbox::setup::Account;
use crate::services::simulator::{BadBody, Query, body, json as answer};

/// How long a token is good.
const TOKEN: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the metadata's keys are good.
const OF_MACHINE: Duration = Duration::from_secs(24 * 60 * 60);
/// Longest life of a metadata token, in seconds.
const LONGEST_METADATA_TOKEN: u64 = 21_600;
/// Keys and tokens that are remembered, of each.
const MOST: usize = 10_000;

/// An answer, or the refusal that stands for it.
pub(super) type Reply = Result<Response<Bytes>, Response<Bytes>>;

/// All that was handed out to one account.
#[derive(Default)]
pub(super) struct Issued {
    tokens: BTreeMap<String, Token>,
    keys: BTreeMap<String, Temporary>,
    of_metadata: BTreeMap<String, SystemTime>,
    count: u64,
}

/// A token of IAM.
#[derive(Clone)]
pub(super) struct Token {
    until: SystemTime,
    /// Whether it is for the account's project, as the services want it.
    scoped: bool,
}

/// A temporary key's other half.
#[derive(Clone)]
pub(super) struct Temporary {
    pub(super) secret: Secret,
    token: String,
    until: SystemTime,
    /// The agency whose key it is, if it is one's.
    agency: Option<String>,
}

/// Who made a request that was let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// The account's own key.
    User,
    /// A temporary key, of an agency if it was assumed.
    Temporary(Option<String>),
    /// A token, for the project or not.
    Token { scoped: bool },
}

/// What is wrong with a token or a temporary key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unfit {
    Unknown,
    Expired,
}

impl Issued {
    /// The holder of a token.
    pub(super) fn token(&self, token: &str, now: SystemTime) -> Result<Caller, Unfit> {
        let known = self.tokens.get(token).ok_or(Unfit::Unknown)?;
        if known.until <= now {
            return Err(Unfit::Expired);
        }
        Ok(Caller::Token { scoped: known.scoped })
    }

    /// A temporary key by its public half.
    pub(super) fn key(&self, access: &str) -> Option<&Temporary> {
        self.keys.get(access)
    }

    /// The holder of a temporary key that has signed, with the security token it has sent.
    pub(super) fn holder(
        &self,
        access: &str,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<Caller, Unfit> {
        let key = self.key(access).filter(|key| Some(key.token.as_str()) == token);
        let key = key.ok_or(Unfit::Unknown)?;
        if key.until <= now {
            return Err(Unfit::Expired);
        }
        Ok(Caller::Temporary(key.agency.clone()))
    }

    /// A token for name and password, with the scope of a project.
    pub(super) fn by_password(
        &mut self,
        account: &Account,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Reply {
        let Login { auth: ByPassword { identity, scope } } = read(request, &["nocatalog"])?;
        if identity.methods != ["password"] {
            return Err(iam(400, "Bad Request", "The authentication method is not supported."));
        }
        let user = identity.password.user;
        let by_id = match (&user.id, &user.name, &user.domain) {
            (Some(_), None, None) => true,
            (None, Some(_), Some(_)) => false,
            _ => return Err(iam(400, "Bad Request", "A user is an id, or a name in a domain.")),
        };
        let named = user.name.as_deref() == Some(account.user_name.as_str())
            && user.domain.is_some_and(|it| it.is(&account.domain_id, &account.domain_name));
        let known = if by_id { user.id.as_deref() == Some(&account.user_id) } else { named };
        if !known || user.password != account.password.reveal() {
            return Err(iam(401, "Unauthorized", "The username or password is wrong."));
        }
        self.give_token(account, "password", scope, now)
    }

    /// A token for an id token of the account's identity provider.
    pub(super) fn by_id_token(
        &mut self,
        account: &Account,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Reply {
        let Login { auth: ById { id_token, scope } } = read(request, &[])?;
        let provider = text(request.headers(), "x-idp-id");
        if provider.is_none() {
            return Err(iam(400, "Bad Request", "X-Idp-Id is needed."));
        }
        if provider != Some(account.idp_id.as_str()) {
            return Err(iam(404, "Not Found", "The identity provider does not exist."));
        }
        if id_token.id != account.id_token.reveal() {
            return Err(iam(401, "Unauthorized", "The id token is invalid."));
        }
        self.give_token(account, "mapped", scope, now)
    }

    /// A new token, for the project that the scope names, if it names one.
    fn give_token(
        &mut self,
        account: &Account,
        method: &str,
        scope: Option<Scope>,
        now: SystemTime,
    ) -> Reply {
        let scoped = match scope {
            None => false,
            Some(Scope { project: Some(project), domain: None }) => {
                if !project.is(&account.project_id, &account.region) {
                    let message = "The project of the scope does not exist.";
                    return Err(iam(401, "Unauthorized", message));
                }
                true
            }
            Some(Scope { project: None, domain: Some(domain) }) => {
                if !domain.is(&account.domain_id, &account.domain_name) {
                    return Err(iam(
                        401,
                        "Unauthorized",
                        "The domain of the scope does not exist.",
                    ));
                }
                false
            }
            Some(_) => return Err(iam(400, "Bad Request", "A scope is a project or a domain.")),
        };
        let until = now + TOKEN;
        let mut token = json!({
            "issued_at": rfc3339(now), "expires_at": rfc3339(until), "methods": [method],
            "user": {
                "id": account.user_id, "name": account.user_name,
                "domain": { "id": account.domain_id, "name": account.domain_name },
            },
        });
        if scoped {
            token["project"] = json!({ "id": account.project_id, "name": account.region });
        }
        let name = format!("sandbox-token-{:09}", self.next());
        let mut response = answer(StatusCode::CREATED, &json!({ "token": token }));
        if let Ok(value) = HeaderValue::from_str(&name) {
            response.headers_mut().insert("x-subject-token", value);
        }
        forget(&mut self.tokens);
        self.tokens.insert(name, Token { until, scoped });
        Ok(response)
    }

    /// A temporary key of IAM v3: of an agency, or of a token's holder.
    pub(super) fn by_iam(
        &mut self,
        account: &Account,
        caller: &Caller,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Reply {
        let Login { auth: Auth { identity } } = read(request, &[])?;
        let Identity { methods, assume_role, token, .. } = identity;
        let methods: Vec<&str> = methods.iter().map(String::as_str).collect();
        let (agency, seconds) = match (methods.as_slice(), assume_role, token) {
            (["assume_role"], Some(role), None) => {
                let named = role.domain_name.as_deref() == Some(account.domain_name.as_str());
                let meant = role.domain_id.as_deref() == Some(account.domain_id.as_str());
                if role.domain_name.is_none() && role.domain_id.is_none() {
                    return Err(iam(400, "Bad Request", "domain_id or domain_name is needed."));
                }
                if !named && !meant || !account.agencies.contains(&role.agency_name) {
                    return Err(iam(404, "Not Found", "The agency does not exist."));
                }
                (Some(role.agency_name), role.duration_seconds)
            }
            (["token"], None, Some(token)) => {
                let by_header = matches!(caller, Caller::Token { .. });
                let fit = token.id.as_deref().map(|token| self.token(token, now));
                if !fit.map_or(by_header, |fit| fit.is_ok()) {
                    return Err(iam(401, "Unauthorized", "The token is invalid."));
                }
                (None, token.duration_seconds)
            }
            _ => return Err(iam(400, "Bad Request", "The authentication method is wrong.")),
        };
        let lasts = lifetime(seconds, 900, 86_400)
            .ok_or_else(|| iam(400, "Bad Request", "duration_seconds must be 900 to 86400."))?;
        Ok(answer(StatusCode::CREATED, &self.credential(agency, now, lasts)))
    }

    /// A temporary key of STS: of an agency.
    pub(super) fn by_sts(
        &mut self,
        account: &Account,
        caller: &Caller,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Reply {
        let body: Assume =
            whole(request, &[]).map_err(|complaint| sts(400, "STS5.BadRequest", &complaint))?;
        let prefix = format!("iam::{}:agency:", account.domain_id);
        let agency = body.agency_urn.strip_prefix(&prefix);
        let known = agency.filter(|name| account.agencies.iter().any(|one| one == name));
        let agency =
            known.ok_or_else(|| sts(404, "STS5.AgencyNotFound", "The agency does not exist."))?;
        if matches!(caller, Caller::Token { .. }) {
            let message = "A temporary key is given to a signature only.";
            return Err(sts(403, "STS5.AccessDenied", message));
        }
        // A chain of agencies is shorter lived.
        let longest = if *caller == Caller::User { 43_200 } else { 3600 };
        let seconds = body.duration_seconds.or(Some(3600));
        let lasts = lifetime(seconds, 900, longest).ok_or_else(|| {
            let message = format!("duration_seconds must be 900 to {longest}.");
            sts(400, "STS5.BadRequest", &message)
        })?;
        let session = body.agency_session_name;
        let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
        if !(2..=64).contains(&session.len()) || !session.chars().all(plain) {
            return Err(sts(400, "STS5.BadRequest", "agency_session_name is wrong."));
        }
        let credential = self.credential(Some(agency.to_owned()), now, lasts);
        let credential = &credential["credential"];
        let domain = &account.domain_id;
        Ok(answer(
            StatusCode::OK,
            &json!({
                "source_identity": "",
                "assumed_agency": {
                    "urn": format!("sts::{domain}:assumed-agency:{agency}/{session}"),
                    "id": format!("{domain}:{session}"),
                },
                "credentials": {
                    "access_key_id": credential["access"],
                    "secret_access_key": credential["secret"],
                    "security_token": credential["securitytoken"],
                    "expiration": credential["expires_at"],
                },
            }),
        ))
    }

    /// The metadata of a virtual machine, in their hardened mode only: a token, then the key of
    /// the machine's agency (huaweicloud-sdk-go-v3 `core/auth/internal/metadata_accessor.go`).
    pub(super) fn metadata(
        &mut self,
        account: &Account,
        request: &Request<Bytes>,
        now: SystemTime,
    ) -> Response<Bytes> {
        match (request.method().as_str(), request.uri().path()) {
            ("PUT", "/meta-data/latest/api/token") => {
                let ttl = text(request.headers(), "x-metadata-token-ttl-seconds");
                let ttl = ttl.and_then(|text| text.parse().ok());
                let Some(ttl) = ttl.filter(|ttl| (1..=LONGEST_METADATA_TOKEN).contains(ttl)) else {
                    return plain(StatusCode::BAD_REQUEST, "Bad Request");
                };
                let token = format!("sandbox-metadata-token-{:09}", self.next());
                forget(&mut self.of_metadata);
                self.of_metadata.insert(token.clone(), now + Duration::from_secs(ttl));
                plain(StatusCode::OK, &token)
            }
            ("GET", "/openstack/latest/securitykey") => {
                let token = text(request.headers(), "x-metadata-token").unwrap_or_default();
                if self.of_metadata.get(token).is_none_or(|until| *until <= now) {
                    return plain(StatusCode::UNAUTHORIZED, "Unauthorized");
                }
                let agency = account.agencies.first().cloned();
                if agency.is_none() {
                    let message = "Please configure Cloud Service Agency first";
                    return plain(StatusCode::UNAUTHORIZED, message);
                }
                answer(StatusCode::OK, &self.credential(agency, now, OF_MACHINE))
            }
            _ => plain(StatusCode::NOT_FOUND, "Not Found"),
        }
    }

    /// A new temporary key, in the words of IAM v3.
    fn credential(&mut self, agency: Option<String>, now: SystemTime, lasts: Duration) -> Value {
        let number = self.next();
        let access = format!("HSTSANDBOX{number:09}");
        let secret = format!("sandbox-temporary-secret-{number}");
        let token = format!("sandbox-security-token-{number}");
        let until = now + lasts;
        let credential = json!({ "credential": {
            "access": access, "secret": secret, "securitytoken": token,
            "expires_at": rfc3339(until),
        }});
        forget(&mut self.keys);
        self.keys.insert(access, Temporary { secret: Secret::new(secret), token, until, agency });
        credential
    }

    fn next(&mut self) -> u64 {
        self.count += 1;
        self.count
    }
}

/// Who calls, as STS sees it.
pub(super) fn caller_identity(account: &Account, caller: &Caller) -> Response<Bytes> {
    let (domain, user) = (&account.domain_id, &account.user_id);
    let (id, urn) = match caller {
        Caller::Temporary(Some(agency)) => {
            (format!("{domain}:{agency}"), format!("sts::{domain}:assumed-agency:{agency}"))
        }
        Caller::User | Caller::Temporary(None) | Caller::Token { .. } => {
            (user.clone(), format!("iam::{domain}:user:{}", account.user_name))
        }
    };
    let body = json!({ "account_id": domain, "principal_id": id, "principal_urn": urn });
    answer(StatusCode::OK, &body)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login<T> {
    auth: T,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByPassword {
    identity: PasswordIdentity,
    scope: Option<Scope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordIdentity {
    methods: Vec<String>,
    password: Password,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Password {
    user: User,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct User {
    id: Option<String>,
    name: Option<String>,
    domain: Option<Named>,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ById {
    id_token: IdToken,
    scope: Option<Scope>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdToken {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scope {
    project: Option<Named>,
    domain: Option<Named>,
}

/// A project or domain, by its id or by its name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: Option<String>,
    name: Option<String>,
}

impl Named {
    fn is(&self, id: &str, name: &str) -> bool {
        let given = [(&self.id, id), (&self.name, name)];
        let mut given = given.iter().filter_map(|(given, is)| Some((given.as_deref()?, is)));
        given.next().is_some_and(|(given, is)| given == *is)
            && given.all(|(given, is)| given == *is)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth {
    identity: Identity,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Identity {
    methods: Vec<String>,
    assume_role: Option<AssumeRole>,
    token: Option<TokenId>,
    #[serde(rename = "policy")]
    _policy: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AssumeRole {
    agency_name: String,
    domain_name: Option<String>,
    domain_id: Option<String>,
    duration_seconds: Option<u64>,
    #[serde(rename = "session_user")]
    _session_user: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenId {
    id: Option<String>,
    duration_seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assume {
    agency_urn: String,
    agency_session_name: String,
    duration_seconds: Option<u64>,
    #[serde(rename = "policy")]
    _policy: Option<String>,
}

fn read<T: DeserializeOwned>(
    request: &Request<Bytes>,
    allowed: &[&str],
) -> Result<T, Response<Bytes>> {
    whole(request, allowed).map_err(|complaint| {
        iam(400, "Bad Request", &format!("The request is wrong: {complaint}."))
    })
}

/// The JSON body of a request whose query has no other parameters than the allowed ones.
fn whole<T: DeserializeOwned>(request: &Request<Bytes>, allowed: &[&str]) -> Result<T, String> {
    let mut query = Query::of(request.uri());
    for name in allowed {
        query.take(name);
    }
    query.done()?;
    body(request).map_err(|bad| match bad {
        BadBody::Empty => "the body is empty".to_owned(),
        BadBody::NotJson => "the body is not JSON, or does not say so".to_owned(),
        BadBody::Shape(complaint) => complaint,
    })
}

/// The given seconds, else the fewest, if they are allowed.
fn lifetime(seconds: Option<u64>, fewest: u64, most: u64) -> Option<Duration> {
    let seconds = seconds.unwrap_or(fewest);
    (fewest..=most).contains(&seconds).then(|| Duration::from_secs(seconds))
}

/// Makes room for one more: the oldest goes, which is the first by its numbered name.
fn forget<T>(of: &mut BTreeMap<String, T>) {
    if of.len() >= MOST {
        of.pop_first();
    }
}

fn rfc3339(at: SystemTime) -> String {
    OffsetDateTime::from(at).format(&Rfc3339).unwrap_or_default()
}

fn sts(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, &json!({ "error_code": code, "error_msg": message, "request_id": "" }))
}
