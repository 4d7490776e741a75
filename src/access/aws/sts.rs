//! Roles and callers: `AssumeRole`, `AssumeRoleWithWebIdentity` and `GetCallerIdentity` of the
//! Security Token Service, version 2011-06-15.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>. The second is not
//! signed: its token is the proof.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::sign::{Key, Scope, sign};
use super::source::{Login, Means, Role, Token};
use super::{FORM, errors, form, misconfigured};
use crate::access::http::{Carried, send, xml};
use crate::access::instant::rfc3339;
use crate::access::{Error, Kind, Secret};

const PRODUCT: &str = "sts";
const VERSION: &str = "2011-06-15";

/// One question to STS.
struct Question {
    operation: &'static str,
    parameters: Vec<(String, String)>,
}

/// The key of a role that `base` may assume.
pub(super) async fn assume(base: &Key, role: &Role, means: &Means) -> Result<Login, Error> {
    let mut question = Question::role("AssumeRole", role);
    question.add("ExternalId", role.external_id.as_deref());
    question.add("SourceIdentity", role.source_identity.as_deref());
    for (number, (key, value)) in (1..).zip(&role.tags) {
        question.add(&format!("Tags.member.{number}.Key"), Some(key));
        question.add(&format!("Tags.member.{number}.Value"), Some(value));
    }
    for (number, key) in (1..).zip(&role.transitive_tag_keys) {
        question.add(&format!("TransitiveTagKeys.member.{number}"), Some(key));
    }
    let answer = question.ask(Some(base), None, means).await.map_err(without_role)?;
    let Assumed { assume_role_result } = question.read(&answer)?;
    assume_role_result.credentials.login(&question, &answer)
}

/// The key of a role that an OIDC token opens.
pub(super) async fn assume_with_web_identity(
    token: &Token,
    role: &Role,
    means: &Means,
) -> Result<Login, Error> {
    let token = token.text(
        &*means.outside.environment,
        "the web identity token file",
        "`assume_role_with_web_identity.web_identity_token_file` or the environment variable \
         `AWS_WEB_IDENTITY_TOKEN_FILE`",
    )?;
    let mut question = Question::role("AssumeRoleWithWebIdentity", role);
    question.add("WebIdentityToken", Some(token.reveal()));
    let answer = question.ask(None, Some(token), means).await.map_err(without_role)?;
    let AssumedWithToken { assume_role_with_web_identity_result } = question.read(&answer)?;
    assume_role_with_web_identity_result.credentials.login(&question, &answer)
}

/// Whose a key is.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Caller {
    /// The account, twelve digits.
    pub(super) account: String,
    /// A user's, or a role's session.
    pub(super) arn: String,
}

/// Asks whose a key is. Nobody needs a permission for that.
pub(super) async fn caller(key: &Key, means: &Means) -> Result<Caller, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Answer {
        get_caller_identity_result: Caller,
    }
    let question = Question { operation: "GetCallerIdentity", parameters: Vec::new() };
    let answer = question.ask(Some(key), None, means).await?;
    let Answer { get_caller_identity_result } = question.read(&answer)?;
    Ok(get_caller_identity_result)
}

/// Without the role there is no key: but for what may pass, nothing else can be tried.
fn without_role(mut error: Error) -> Error {
    if !error.kind.is_transient() && !error.kind.stops_everything() {
        error.kind = Kind::Credentials;
    }
    error
}

impl Question {
    /// What all ways to a role ask for.
    fn role(operation: &'static str, role: &Role) -> Question {
        let mut question = Question { operation, parameters: Vec::new() };
        question.add("RoleArn", Some(&role.arn));
        question.add("RoleSessionName", Some(&role.session_name));
        question.add("DurationSeconds", role.seconds.map(|it| it.to_string()).as_deref());
        question.add("Policy", role.policy.as_deref());
        for (number, arn) in (1..).zip(&role.policy_arns) {
            question.add(&format!("PolicyArns.member.{number}.arn"), Some(arn));
        }
        question
    }

    fn add(&mut self, name: &str, value: Option<&str>) {
        self.parameters.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }

    /// The answer, good. The question is signed with a key, or carries a secret in its stead.
    async fn ask(
        &self,
        key: Option<&Key>,
        carried: Option<Secret>,
        means: &Means,
    ) -> Result<Response<Bytes>, Error> {
        let region = means.region.clone().ok_or_else(|| {
            misconfigured(
                "no region for AWS's STS: set `region` (`AWS_REGION`) or `sts_region` in the \
                 provider block's `aws`",
            )
        })?;
        let request = Request::post(means.endpoint(PRODUCT, &region)?)
            .header(CONTENT_TYPE, FORM)
            .body(form(self.operation, VERSION, &self.parameters));
        let mut request = request
            .map_err(|_| misconfigured(format!("`{}` cannot be written", self.operation)))?;
        if let Some(key) = key {
            let scope = Scope { region, service: PRODUCT.to_owned() };
            sign(&mut request, key, &scope, means.outside.clock.now())
                .map_err(|reason| misconfigured(reason.0))?;
        }
        means.trusting(&mut request);
        if let Some(secret) = carried {
            request.extensions_mut().insert(Carried(secret));
        }
        let answer = send(&means.outside, self.operation, request).await?;
        match errors::refusal(self.operation, &answer) {
            Some(refusal) => Err(refusal.error),
            None => Ok(answer),
        }
    }

    fn read<T: DeserializeOwned>(&self, answer: &Response<Bytes>) -> Result<T, Error> {
        let root = format!("{}Response", self.operation);
        xml::read(answer.body(), &root)
            .map_err(|reason| self.malformed(answer, &format!("the answer {reason}")))
    }

    fn malformed(&self, answer: &Response<Bytes>, message: &str) -> Error {
        Error {
            request_id: errors::request_id(answer),
            status: Some(answer.status().as_u16()),
            ..Error::new(Kind::Malformed, self.operation, message)
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assumed {
    assume_role_result: Given,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedWithToken {
    assume_role_with_web_identity_result: Given,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    credentials: Temporary,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Temporary {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: String,
}

impl Temporary {
    fn login(self, question: &Question, answer: &Response<Bytes>) -> Result<Login, Error> {
        let expires_at = rfc3339(&self.expiration)
            .ok_or_else(|| question.malformed(answer, "the answer's `Expiration` is not a time"))?;
        Ok(Login {
            key: Key {
                access_key: self.access_key_id,
                secret_key: Secret::new(self.secret_access_key),
                security_token: Some(Secret::new(self.session_token)),
            },
            expires_at: Some(expires_at),
        })
    }
}
