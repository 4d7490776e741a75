//! What AWS's simulators share: the operation of a request, parameters of forms, answers and
//! refusals in JSON and XML.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use quick_xml::escape::escape;
use serde_json::{Value, json};

use super::{Inbound, Query};

/// An answer, or a refusal in its place.
pub type Reply = Result<Response<Bytes>, Response<Bytes>>;

/// Stands in an answer in XML until the sandbox's front door puts the request's own id there.
pub const REQUEST_ID: &str = "00000000-0000-4000-8000-000000000000";

/// The operation of a request to a product with JSON, whose `X-Amz-Target` begins like this; None if
/// it is to another.
pub fn target<'r>(inbound: &Inbound<'r>, prefix: &str) -> Option<&'r str> {
    let target = inbound.request.headers().get("x-amz-target")?.to_str().ok()?;
    target.strip_prefix(prefix)?.strip_prefix('.')
}

/// Operation and parameters of a request to a product with forms, of this version; None if it is to
/// another.
pub fn form(inbound: &Inbound<'_>, version: &str) -> Option<(String, Query)> {
    let mut form = Query::read(std::str::from_utf8(inbound.request.body()).ok()?);
    let action = form.take("Action")?;
    (form.take("Version")? == version).then_some((action, form))
}

/// 200 with a body in JSON.
pub fn done(body: &Value) -> Response<Bytes> {
    typed(StatusCode::OK, "application/x-amz-json-1.1", body.to_string())
}

/// A refusal of a product with JSON.
pub fn refusal(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let body = json!({ "__type": code, "message": message }).to_string();
    typed(status_of(status), "application/x-amz-json-1.1", body)
}

/// 200 with a document in EC2's manner: `inner` is XML already.
pub fn done_xml(operation: &str, inner: &str) -> Response<Bytes> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response \
         xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{REQUEST_ID}</requestId>\
         {inner}</{operation}Response>"
    );
    typed(StatusCode::OK, "text/xml;charset=UTF-8", text)
}

/// A refusal of EC2.
pub fn refusal_xml(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code>\
         <Message>{}</Message></Error></Errors><RequestID>{REQUEST_ID}</RequestID></Response>",
        escape(code),
        escape(message)
    );
    typed(status_of(status), "text/xml;charset=UTF-8", text)
}

/// An element with a text.
pub fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// An answer of a kind.
pub fn typed(status: StatusCode, kind: &'static str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
