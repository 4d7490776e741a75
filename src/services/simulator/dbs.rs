//! What the simulators of Huawei Cloud's database services share: instances and their nodes, pages,
//! and the codes that begin with `DBS.` ("Error Codes" of the API references of DDS and GeminiDB).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{BadBody, Fault, Inbound, Instance, Query, Stage, Unended, body, json as answer};

/// An answer, or one that refuses.
pub type Reply = Result<Response<Bytes>, Response<Bytes>>;

/// The instances of a stage, each as `shown`; of an `id` that nobody has, none. What is left in
/// `query` besides `id`, `offset` and `limit` (1 to 100, 100 if it is not given) is refused; the
/// filters by name, mode and network are not offered.
pub fn instances(
    stage: &Stage,
    inbound: &Inbound<'_>,
    mut query: Query,
    shown: fn(&Instance) -> Value,
) -> Reply {
    let id = query.take("id");
    let (offset, limit) = page(&mut query, 100)?;
    query.done().map_err(bad_parameter)?;
    let gone = inbound.fault == Some(Fault::TargetGone);
    let meant: Vec<&Instance> = stage
        .instances
        .iter()
        .filter(|instance| !gone && id.as_ref().is_none_or(|id| *id == instance.id))
        .collect();
    let page: Vec<Value> =
        meant.iter().skip(offset).take(limit).map(|instance| shown(instance)).collect();
    Ok(answer(StatusCode::OK, &json!({ "instances": page, "total_count": meant.len() })))
}

/// Takes `offset` and `limit` out of a query.
pub fn page(query: &mut Query, default: usize) -> Result<(usize, usize), Response<Bytes>> {
    let bad = |code| move |complaint: String| refusal(400, code, &complaint);
    let offset = query.number("offset", 0..=usize::MAX, 0).map_err(bad("DBS.280440"))?;
    let limit = query.number("limit", 1..=100, default).map_err(bad("DBS.280439"))?;
    Ok((offset, limit))
}

/// A page of a node's sessions.
pub fn sessions(shown: &[Value], (offset, limit): (usize, usize)) -> Response<Bytes> {
    let page: Vec<&Value> = shown.iter().skip(offset).take(limit).collect();
    answer(StatusCode::OK, &json!({ "total_count": shown.len(), "sessions": page }))
}

/// The instance of an id, if it is there.
pub fn instance<'s>(
    stage: &'s Stage,
    inbound: &Inbound<'_>,
    id: &str,
) -> Result<&'s Instance, Response<Bytes>> {
    let found = stage.instance(id).filter(|_| inbound.fault != Some(Fault::TargetGone));
    found.ok_or_else(|| refusal(404, "DBS.200002", "The DB instance does not exist."))
}

/// The role of a node in its instance, if it is there and can be asked.
pub fn node(
    stage: &Stage,
    inbound: &Inbound<'_>,
    id: &str,
) -> Result<&'static str, Response<Bytes>> {
    let mut nodes = stage.instances.iter().flat_map(|instance| &instance.nodes);
    let found = nodes.find(|(node, _)| node == id);
    match (found, inbound.fault) {
        (None, _) | (_, Some(Fault::TargetGone)) => {
            Err(refusal(404, "DBS.200013", "The node does not exist."))
        }
        (_, Some(Fault::Busy)) => Err(busy()),
        (Some((_, role)), _) => Ok(role),
    }
}

/// Ends the sessions of these keys; None is an id that the node does not have.
pub fn end(stage: &Stage, inbound: &Inbound<'_>, node: &str, keys: &[Option<String>]) -> Reply {
    match stage.end(node, keys, inbound.fault) {
        Ok(()) => Ok(done()),
        Err(Unended::NotThere) => Err(refusal(400, "DBS.301071", "Invalid session ID.")),
        Err(Unended::InPart) => Err(unkilled()),
    }
}

/// The JSON body of a request that has no query.
pub fn read<T: DeserializeOwned>(inbound: &Inbound<'_>) -> Result<T, Response<Bytes>> {
    Query::of(inbound.request.uri()).done().map_err(bad_parameter)?;
    body(inbound.request).map_err(|bad| match bad {
        BadBody::Empty => bad_parameter("the request body is empty".into()),
        BadBody::NotJson => bad_parameter("the request body is not JSON".into()),
        BadBody::Shape(complaint) => bad_parameter(complaint),
    })
}

/// All that was asked for is done.
pub fn done() -> Response<Bytes> {
    answer(StatusCode::OK, &json!({}))
}

/// A session could not be ended.
pub fn unkilled() -> Response<Bytes> {
    refusal(400, "DBS.301077", "Failed to kill the session.")
}

/// The instance is at work on something else.
pub fn busy() -> Response<Bytes> {
    refusal(403, "DBS.200019", "Another operation is being performed on the DB instance.")
}

/// A parameter will not do.
pub fn bad_parameter(complaint: String) -> Response<Bytes> {
    refusal(400, "DBS.280001", &format!("Parameter error: {complaint}."))
}

/// A refusal in the envelope of the family.
pub fn refusal(status: u16, code: &str, message: &str) -> Response<Bytes> {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer(status, &json!({ "error_code": code, "error_msg": message }))
}
