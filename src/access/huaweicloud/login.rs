//! The ways to log in: each is one or a few calls of IAM, STS or a virtual machine's metadata.
//!
//! Paths and bodies are those of the vendor's IAM API reference, its Go SDK (`services/iam/v3`,
//! `core/auth/provider`) and its Terraform provider (`huaweicloud/config/auth.go`).

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::resolve::{IdToken, Owner, Resolved, Role, Source, User};
use super::sign::{self, Key};
use super::{endpoints, errors};
use crate::access::http::{Carried, send};
use crate::access::instant::rfc3339;
use crate::access::{Credentials, Error, Kind, Secret};
use crate::wire::{Outside, redact};

const AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
const SUBJECT_TOKEN: HeaderName = HeaderName::from_static("x-subject-token");

/// What a virtual machine's metadata are asked at.
const METADATA: &str = "http://169.254.169.254";
/// Whoever is not on such a machine shall not wait long for nobody's answer.
const METADATA_TOKEN_TIMEOUT: Duration = Duration::from_secs(2);
/// As the vendor's SDK.
const METADATA_TIMEOUT: Duration = Duration::from_secs(3);

/// What a login gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) credentials: Credentials,
    /// The project that a token belongs to.
    pub(super) project_id: Option<String>,
}

impl Held {
    fn only(credentials: Credentials) -> Held {
        Held { credentials, project_id: None }
    }
}

/// One login, or one call of IAM with what it gave.
pub(super) struct Login<'a> {
    pub(super) resolved: &'a Resolved,
    pub(super) outside: &'a Outside,
    /// Whose IAM and STS are asked, and whose project a token is for.
    pub(super) region: &'a str,
}

impl Login<'_> {
    /// Logs in, then takes on the roles.
    pub(super) async fn run(&self) -> Result<Held, Error> {
        self.steps().await.map_err(|error| {
            // An agency or identity provider that does not exist stays so, and without it there is
            // no key to try anything else with.
            let final_word = matches!(error.kind, Kind::Refused | Kind::BadRequest);
            Error { kind: if final_word { Kind::Credentials } else { error.kind }, ..error }
        })
    }

    async fn steps(&self) -> Result<Held, Error> {
        let mut held = match &self.resolved.source {
            Source::Token(token) => {
                Held::only(Credentials::Token { token: token.clone(), expires_at: None })
            }
            Source::Key(key) => Held::only(permanent(key)),
            Source::Password { user, password } => self.password(user, password).await?,
            Source::Oidc { idp_id, id_token } => self.oidc(idp_id, id_token).await?,
            Source::Metadata => self.metadata().await?,
        };
        for role in &self.resolved.roles {
            held = self.assume(role, &held.credentials).await?;
        }
        Ok(held)
    }

    /// Projects of a name in the account.
    pub(super) async fn projects(
        &self,
        name: &str,
        credentials: &Credentials,
    ) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Body {
            projects: Vec<Project>,
        }
        const OPERATION: &str = "KeystoneListProjects";
        let path = format!("v3/projects?name={}", crate::access::http::signature::encode(name));
        let mut request = self.identity(Method::GET, &path, None)?;
        self.authorize(&mut request, credentials)?;
        let (body, _) = self.exchange::<Body>(OPERATION, request).await?;
        Ok(body.projects.into_iter().map(|project| project.id).collect())
    }

    /// A user's password for a token of the project.
    async fn password(&self, user: &User, password: &Secret) -> Result<Held, Error> {
        let carried = Carried(password.clone());
        let password = password.reveal();
        let user = match user {
            User::Id(id) => json!({"id": id, "password": password}),
            User::InDomainId(name, domain) => {
                json!({"name": name, "password": password, "domain": {"id": domain}})
            }
            User::InDomainName(name, domain) => {
                json!({"name": name, "password": password, "domain": {"name": domain}})
            }
        };
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let body = json!({"auth": {"identity": identity, "scope": self.scope()}});
        let mut request =
            self.identity(Method::POST, "v3/auth/tokens?nocatalog=true", Some(&body))?;
        request.extensions_mut().insert(carried);
        self.token("KeystoneCreateUserTokenByPassword", request).await
    }

    /// An id token for a token, and that for a temporary key.
    async fn oidc(&self, idp_id: &str, id_token: &IdToken) -> Result<Held, Error> {
        const OPERATION: &str = "CreateTokenWithIdToken";
        let id_token = match id_token {
            IdToken::Text(token) => token.clone(),
            IdToken::File(path) => {
                let content = self.outside.environment.read(path).map_err(|reason| {
                    let message = format!("the file of `id_token_file` cannot be read: {reason}");
                    Error::new(Kind::Configuration, OPERATION, message)
                })?;
                Secret::new(String::from_utf8_lossy(&content).trim())
            }
        };
        let body = json!({"auth": {"id_token": {"id": id_token.reveal()}, "scope": self.scope()}});
        let mut request =
            self.identity(Method::POST, "v3.0/OS-AUTH/id-token/tokens", Some(&body))?;
        let idp_id = header(idp_id, "idp_id")?;
        request.headers_mut().insert("x-idp-id", idp_id);
        request.extensions_mut().insert(Carried(id_token));
        let held = self.token(OPERATION, request).await?;

        let Credentials::Token { token, .. } = &held.credentials else { return Ok(held) };
        let identity = json!({"methods": ["token"], "token": {"id": token.reveal()}});
        let body = json!({"auth": {"identity": identity}});
        let mut request =
            self.identity(Method::POST, "v3.0/OS-CREDENTIAL/securitytokens", Some(&body))?;
        self.authorize(&mut request, &held.credentials)?;
        let (body, line) =
            self.exchange::<Temporary>("CreateTemporaryAccessKeyByToken", request).await?;
        body.credential.held("CreateTemporaryAccessKeyByToken", &line)
    }

    /// The keys of an agency, by the API that its owner is named for.
    async fn assume(&self, role: &Role, credentials: &Credentials) -> Result<Held, Error> {
        #[derive(Deserialize)]
        struct Assumed {
            credentials: TemporaryKey,
        }
        match &role.owner {
            Owner::Name(domain) => {
                const OPERATION: &str = "CreateTemporaryAccessKeyByAgency";
                let assume = json!({
                    "agency_name": role.agency,
                    "domain_name": domain,
                    "duration_seconds": role.seconds,
                });
                let identity = json!({"methods": ["assume_role"], "assume_role": assume});
                let body = json!({"auth": {"identity": identity}});
                let path = "v3.0/OS-CREDENTIAL/securitytokens";
                let mut request = self.identity(Method::POST, path, Some(&body))?;
                self.authorize(&mut request, credentials)?;
                let (body, line) = self.exchange::<Temporary>(OPERATION, request).await?;
                body.credential.held(OPERATION, &line)
            }
            Owner::Id(domain) => {
                const OPERATION: &str = "AssumeAgency";
                let body = json!({
                    "agency_urn": format!("iam::{domain}:agency:{}", role.agency),
                    "agency_session_name": "terraform-provider-session",
                    "duration_seconds": role.seconds,
                });
                let url = format!("{}v5/agencies/assume", self.base("sts")?);
                let mut request = request(Method::POST, &url, Some(&body))?;
                self.authorize(&mut request, credentials)?;
                let (body, line) = self.exchange::<Assumed>(OPERATION, request).await?;
                body.credentials.held(OPERATION, &line)
            }
        }
    }

    /// The keys of the agency of the virtual machine that this runs on, by the hardened way if the
    /// machine knows it (huaweicloud-sdk-go-v3 `core/auth/internal/metadata_accessor.go`).
    async fn metadata(&self) -> Result<Held, Error> {
        const OPERATION: &str = "GetSecurityKey";
        let mut ask =
            request(Method::PUT, &format!("{METADATA}/meta-data/latest/api/token"), None)?;
        let lifetime = HeaderValue::from_static("21600");
        ask.headers_mut().insert("x-metadata-token-ttl-seconds", lifetime);
        let asked = send(self.outside, OPERATION, ask);
        let token = match tokio::time::timeout(METADATA_TOKEN_TIMEOUT, asked).await {
            // In a container the answer may be a hop too far away, which the plain way is not.
            Err(_) => None,
            Ok(answer) => machine_token(&answer.map_err(|error| no_agency(&error.message))?)?,
        };
        let url = format!("{METADATA}/openstack/latest/securitykey");
        let mut ask = request(Method::GET, &url, None)?;
        let line = redact::line(ask.method(), ask.uri());
        if let Some(token) = token {
            ask.headers_mut().insert("x-metadata-token", token);
        }
        let answer = self.ask_machine(ask, METADATA_TIMEOUT).await?;
        if !answer.status().is_success() {
            // What metadata say, in plain text, on a machine without one.
            let none = String::from_utf8_lossy(answer.body()).contains("Cloud Service Agency");
            return Err(no_agency(&if none {
                "the machine has no agency".to_owned()
            } else {
                errors::refusal(OPERATION, &answer).message
            }));
        }
        let body: Temporary = read(OPERATION, &line, &answer)?;
        body.credential.held(OPERATION, &line)
    }

    async fn ask_machine(
        &self,
        request: Request<Bytes>,
        limit: Duration,
    ) -> Result<Response<Bytes>, Error> {
        let answer = send(self.outside, "GetSecurityKey", request);
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer.map_err(|error| no_agency(&error.message)),
            Err(_) => Err(no_agency(&format!("no answer within {} s", limit.as_secs()))),
        }
    }

    /// A token that comes in a header, with its end and its project in the body.
    async fn token(&self, operation: &'static str, request: Request<Bytes>) -> Result<Held, Error> {
        #[derive(Deserialize)]
        struct Body {
            token: Token,
        }
        #[derive(Deserialize)]
        struct Token {
            expires_at: String,
            project: Option<Project>,
        }
        let line = redact::line(request.method(), request.uri());
        let answer = self.send(operation, request).await?;
        let token = answer.headers().get(SUBJECT_TOKEN).and_then(|token| token.to_str().ok());
        let token = token.filter(|token| !token.is_empty()).map(Secret::new);
        let body: Body = read(operation, &line, &answer)?;
        let Some(token) = token else {
            return Err(malformed(operation, &line, "the answer has no `X-Subject-Token`"));
        };
        let expires_at = Some(instant(operation, &line, &body.token.expires_at)?);
        Ok(Held {
            credentials: Credentials::Token { token, expires_at },
            project_id: body.token.project.map(|project| project.id),
        })
    }

    fn scope(&self) -> Value {
        match (&self.resolved.project_id, &self.resolved.project_name) {
            (Some(id), _) => json!({"project": {"id": id}}),
            (None, Some(name)) => json!({"project": {"name": name}}),
            (None, None) => json!({"project": {"name": self.region}}),
        }
    }

    /// A request to IAM: `endpoints.iam`, else `auth_url`, else the region's.
    fn identity(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Bytes>, Error> {
        let base = match (self.resolved.endpoints.get("iam"), &self.resolved.auth_url) {
            (None, Some(url)) => url.clone(),
            _ => self.base("iam")?,
        };
        request(method, &format!("{base}{path}"), body)
    }

    fn base(&self, product: &str) -> Result<String, Error> {
        match self.resolved.endpoints.get(product) {
            Some(url) => Ok(url.clone()),
            None => endpoints::default(product, self.region, self.resolved.cloud.as_deref()),
        }
    }

    fn authorize(
        &self,
        request: &mut Request<Bytes>,
        credentials: &Credentials,
    ) -> Result<(), Error> {
        if let Some(domain) = &self.resolved.domain_id {
            request.headers_mut().insert("x-domain-id", header(domain, "domain_id")?);
        }
        authorize(request, credentials, self.outside.clock.now())
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        request: Request<Bytes>,
    ) -> Result<(T, String), Error> {
        let line = redact::line(request.method(), request.uri());
        let answer = self.send(operation, request).await?;
        Ok((read(operation, &line, &answer)?, line))
    }

    async fn send(
        &self,
        operation: &'static str,
        mut request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Error> {
        let line = redact::line(request.method(), request.uri());
        if let Some(trust) = &self.resolved.trust {
            request.extensions_mut().insert(trust.clone());
        }
        let answer = send(self.outside, operation, request).await?;
        tracing::debug!(
            operation,
            status = answer.status().as_u16(),
            request_id = errors::request_id(&answer),
            "answer"
        );
        if answer.status().is_success() {
            return Ok(answer);
        }
        Err(Error { request: Some(line), ..errors::refusal(operation, &answer) })
    }
}

/// Signs, or adds the token.
pub(super) fn authorize(
    request: &mut Request<Bytes>,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<(), Error> {
    match credentials {
        Credentials::Token { token, .. } => {
            request.headers_mut().insert(AUTH_TOKEN, sensitive(token.reveal(), "token")?);
            Ok(())
        }
        Credentials::Key { access_key, secret_key, security_token, .. } => {
            let key = Key {
                access_key: access_key.clone(),
                secret_key: secret_key.clone(),
                security_token: security_token.clone(),
            };
            sign::sign(request, &key, now).map_err(|reason| wrong(reason.to_string()))
        }
    }
}

/// A request with the headers that every one of Huawei Cloud's has.
pub(super) fn request(
    method: Method,
    url: &str,
    body: Option<&Value>,
) -> Result<Request<Bytes>, Error> {
    let mut request = Request::builder().method(method).uri(url);
    if body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    // Messages in English, where a service has them in more languages.
    request = request.header("x-language", "en-us");
    let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
    request.body(body).map_err(|_| wrong("the request's URL cannot be written"))
}

/// A text of the user's as a header's value.
pub(super) fn header(text: &str, argument: &str) -> Result<HeaderValue, Error> {
    HeaderValue::from_str(text)
        .map_err(|_| wrong(format!("`{argument}` holds characters that no header may hold")))
}

fn sensitive(text: &str, argument: &str) -> Result<HeaderValue, Error> {
    let mut value = header(text, argument)?;
    value.set_sensitive(true);
    Ok(value)
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(Kind::Configuration, "log in", message)
}

/// The token of a machine's answer; None where it knows no tokens.
fn machine_token(answer: &Response<Bytes>) -> Result<Option<HeaderValue>, Error> {
    match answer.status().as_u16() {
        200..300 => {
            let token = String::from_utf8_lossy(answer.body());
            sensitive(token.trim(), "metadata token").map(Some)
        }
        404 | 405 | 503 => Ok(None),
        _ => Err(no_agency(&errors::refusal("GetSecurityKey", answer).message)),
    }
}

fn no_agency(reason: &str) -> Error {
    wrong(redact::bounded(
        &format!(
            "no credentials for Huawei Cloud: set `access_key` and `secret_key` (HW_ACCESS_KEY, \
             HW_SECRET_KEY), or `profile` (HW_PROFILE), or `token` (HW_AUTH_TOKEN), or `user_name`, \
             `domain_name` and `password` (HW_USER_NAME, HW_DOMAIN_NAME, HW_USER_PASSWORD), or give \
             the virtual machine an agency; its metadata were asked: {reason}"
        ),
        1000,
    ))
}

fn permanent(key: &Key) -> Credentials {
    Credentials::Key {
        access_key: key.access_key.clone(),
        secret_key: key.secret_key.clone(),
        security_token: key.security_token.clone(),
        expires_at: None,
    }
}

fn malformed(operation: &'static str, line: &str, message: impl Into<String>) -> Error {
    Error { request: Some(line.to_owned()), ..Error::new(Kind::Malformed, operation, message) }
}

fn read<T: DeserializeOwned>(
    operation: &'static str,
    line: &str,
    answer: &Response<Bytes>,
) -> Result<T, Error> {
    serde_json::from_slice(answer.body()).map_err(|reason| Error {
        status: Some(answer.status().as_u16()),
        request_id: errors::request_id(answer),
        ..malformed(
            operation,
            line,
            format!(
                "the answer of {} could not be read at line {} column {}",
                redact::body(answer.body()),
                reason.line(),
                reason.column()
            ),
        )
    })
}

fn instant(operation: &'static str, line: &str, text: &str) -> Result<SystemTime, Error> {
    rfc3339(text).ok_or_else(|| {
        malformed(operation, line, "the time at which the credentials end could not be read")
    })
}

#[derive(Deserialize)]
struct Project {
    id: String,
}

#[derive(Deserialize)]
struct Temporary {
    credential: TemporaryKey,
}

/// A temporary key in the words of IAM v3 and of the metadata, or of STS v5.
#[derive(Deserialize)]
struct TemporaryKey {
    #[serde(alias = "access_key_id")]
    access: String,
    #[serde(alias = "secret_access_key")]
    secret: String,
    #[serde(alias = "security_token")]
    securitytoken: String,
    #[serde(alias = "expiration")]
    expires_at: String,
}

impl TemporaryKey {
    fn held(self, operation: &'static str, line: &str) -> Result<Held, Error> {
        let expires_at = Some(instant(operation, line, &self.expires_at)?);
        Ok(Held::only(Credentials::Key {
            access_key: self.access,
            secret_key: Secret::new(self.secret),
            security_token: Some(Secret::new(self.securitytoken)),
            expires_at,
        }))
    }
}
