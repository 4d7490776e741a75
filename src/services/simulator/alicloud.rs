//! What the simulators of Alibaba Cloud's RPC services share: the action, its parameters, and the
//! envelope of an error
//! (<https://www.alibabacloud.com/help/en/ecs/developer-reference/common-error-codes>).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Inbound, Query, json as answer};

/// An answer, or a refusal in its place.
pub type Reply = Result<Response<Bytes>, Response<Bytes>>;

/// Stands in an answer until the sandbox's front door puts the request's own id there.
const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The action of a request to the product of an API version; None if it is to another.
pub fn action<'r>(inbound: &Inbound<'r>, version: &str) -> Option<&'r str> {
    let header = |name: &str| inbound.request.headers().get(name)?.to_str().ok();
    (header("x-acs-version")? == version).then_some(header("x-acs-action")?)
}

/// The parameters of a call, taken out one by one. All are in the query.
#[derive(Debug)]
pub struct Parameters(Query);

impl Parameters {
    /// Those of a request.
    pub fn of(inbound: &Inbound<'_>) -> Parameters {
        Parameters(Query::of(inbound.request.uri()))
    }

    /// Those of a query or a form.
    pub fn read(text: &str) -> Parameters {
        Parameters(Query::read(text))
    }

    /// Takes one that must be there.
    ///
    /// # Errors
    /// 400 `MissingParameter`.
    pub fn required(&mut self, name: &str) -> Result<String, Response<Bytes>> {
        let value = self.0.take(name).filter(|value| !value.is_empty());
        value.ok_or_else(|| {
            let message = format!(
                "The input parameter \"{name}\" that is mandatory for processing this request is \
                 not supplied."
            );
            refusal(400, "MissingParameter", &message)
        })
    }

    /// Takes one that may be there.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        self.0.take(name)
    }

    /// Takes a whole number within bounds.
    ///
    /// # Errors
    /// 400 `InvalidParameter`.
    pub fn number(
        &mut self,
        name: &str,
        allowed: std::ops::RangeInclusive<usize>,
        default: usize,
    ) -> Result<usize, Response<Bytes>> {
        self.0.number(name, allowed, default).map_err(|complaint| invalid(&complaint))
    }

    /// None may be left.
    ///
    /// # Errors
    /// 400 `InvalidParameter`.
    pub fn done(self) -> Result<(), Response<Bytes>> {
        self.0.done().map_err(|complaint| invalid(&complaint))
    }
}

/// 200 with a body, to which the request's id is added.
pub fn done(mut body: Value) -> Response<Bytes> {
    body["RequestId"] = REQUEST_ID.into();
    answer(StatusCode::OK, &body)
}

/// 400 `InvalidParameter`.
pub fn invalid(complaint: &str) -> Response<Bytes> {
    refusal(400, "InvalidParameter", &format!("The specified parameter is not valid: {complaint}."))
}

/// 400 `Throttling.User`, which is how these products say that they are busy.
pub fn throttled() -> Response<Bytes> {
    refusal(400, "Throttling.User", "Request was denied due to user flow control.")
}

/// An error in the envelope of all products.
pub fn refusal(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let recommend = format!("https://api.aliyun.com/troubleshoot?q={code}");
    let body = json!({
        "Code": code, "Message": message, "RequestId": REQUEST_ID, "HostId": "",
        "Recommend": recommend,
    });
    answer(status, &body)
}
