//! What Huawei Cloud's database services share, whose codes begin with `DBS.`: the look-up of an
//! instance's nodes, pages of sessions, and what the answer to a kill means.

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::access::huaweicloud::DBS_CODES;
use crate::access::{Answer, Call, Client};
use crate::services::kit::nodes;
use crate::services::kit::paging::{self, Place, Slice};
use crate::services::kit::path::segment;
use crate::services::kit::value::Told;
use crate::services::{Error, Kind, Node, Page, Session, Submission, Target, error};

/// How one of these services finds the nodes of an instance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lookup {
    /// The endpoint's key.
    pub(super) product: &'static str,
    /// The kind of database, where the endpoint serves several.
    pub(super) datastore: Option<&'static str>,
    /// Of an instance's groups of nodes: why a node of it has no sessions of clients, if so.
    pub(super) aside: fn(&[Group], &Group, &ListedNode) -> Option<&'static str>,
}

/// Nodes of one task in an instance.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Group {
    /// `mongos`, `shard`, `config`, `replica`, `single`; others elsewhere.
    #[serde(rename = "type")]
    pub(super) kind: Option<String>,
    /// Its nodes.
    pub(super) nodes: Option<Vec<ListedNode>>,
}

/// A node of a group.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct ListedNode {
    id: Option<String>,
    status: Option<String>,
    /// `Primary`, `Secondary`, `Hidden`, `master`, `unknown`.
    pub(super) role: Option<String>,
}

#[derive(Deserialize)]
struct InstancesAnswer {
    #[serde(default)]
    total_count: Told,
    instances: Vec<ListedInstance>,
}

#[derive(Deserialize)]
struct ListedInstance {
    id: Option<String>,
    groups: Option<Vec<Group>>,
}

#[derive(Deserialize)]
struct SessionsAnswer<T> {
    #[serde(default)]
    total_count: Told,
    #[serde(alias = "processes", alias = "logical_processes")]
    sessions: Option<Vec<T>>,
}

/// A call, its error classified by the codes of the family.
pub(super) async fn call(client: &Client, call: Call) -> Result<Answer, Error> {
    client.call(call).await.map_err(|error| error.classified(DBS_CODES))
}

/// The nodes of a target: those of its instance that can hold sessions, or the one that it names,
/// which must be the instance's if it names both. A node alone needs no look-up.
pub(super) async fn nodes(
    client: &Client,
    target: &Target,
    lookup: Lookup,
) -> Result<Vec<Node>, Error> {
    const OPERATION: &str = "ListInstances";
    let wanted = target.get("node_id");
    let Some(instance) = target.get("instance_id") else {
        let nobody = "neither `instance_id` nor `node_id` is given";
        let id = wanted.ok_or_else(|| Error::new(Kind::Configuration, OPERATION, nobody))?;
        segment(OPERATION, "node", id)?;
        return Ok(vec![Node::of(id)]);
    };
    segment(OPERATION, "instance", instance)?;
    let path = "/v3/{project_id}/instances";
    let mut list = Call::new(OPERATION, lookup.product, Method::GET, path).query("id", instance);
    if let Some(datastore) = lookup.datastore {
        list = list.query("datastore_type", datastore);
    }
    let answer = call(client, list).await?;
    let listed: InstancesAnswer = answer.json()?;
    let groups = find(&answer, listed, instance)?;
    let listed = groups.iter().flat_map(|group| {
        group.nodes.iter().flatten().map(|node| nodes::Listed {
            id: node.id.clone(),
            status: node.status.clone(),
            // Whoever names a node means it.
            aside: (lookup.aside)(&groups, group, node).filter(|_| wanted.is_none()),
        })
    });
    nodes::choose(listed.collect(), "normal", wanted)
        .map_err(|(kind, message)| Error { kind, ..answer.malformed(message) })
}

/// The groups of the instance that was asked for. An id that nobody has gives an empty list.
fn find(answer: &Answer, listed: InstancesAnswer, id: &str) -> Result<Vec<Group>, Error> {
    let InstancesAnswer { instances, total_count } = listed;
    let total = total_count.count(answer, "total_count")?;
    if instances.is_empty() && total.is_none_or(|total| total == 0) {
        let message = format!("there is no instance `{id}` in this project and region");
        return Err(Error { kind: Kind::TargetGone, ..answer.malformed(message) });
    }
    let found = instances.into_iter().find(|instance| instance.id.as_deref() == Some(id));
    let found = found.ok_or_else(|| answer.malformed(format!("others than `{id}` are listed")))?;
    Ok(found.groups.unwrap_or_default())
}

/// The page of a node's sessions, asked for from a place on, that an answer holds.
pub(super) fn page<T: DeserializeOwned>(
    answer: Answer,
    (place, limit): (Place, usize),
    session: impl Fn(&Answer, T) -> Result<Session, Error>,
) -> Result<Page, Error> {
    sifted(answer, (place, limit), |_| None, session)
}

/// The same of a list that also shows who is no client: `aside` says why, if so.
pub(super) fn sifted<T: DeserializeOwned>(
    answer: Answer,
    (place, limit): (Place, usize),
    aside: impl Fn(&T) -> Option<&'static str>,
    session: impl Fn(&Answer, T) -> Result<Session, Error>,
) -> Result<Page, Error> {
    let listed: SessionsAnswer<T> = answer.json()?;
    let total = listed.total_count.count(&answer, "total_count")?;
    let listed = paging::items(&answer, listed.sessions, total)?;
    let got = listed.len();
    let sifted: Vec<_> = listed.into_iter().map(|one| (aside(&one), one)).collect();
    // The list is as of the moment of each page. What is left out joins no two of them.
    let hidden = sifted.iter().rev().take_while(|(aside, _)| aside.is_some()).count();
    let page = Slice { place, limit, got, hidden, total, moves: true };
    let next = paging::next(&answer, page)?;
    let mut page = Page { next, ..Page::default() };
    for (aside, one) in sifted {
        match aside {
            Some(what) => count(&mut page.left_out, what),
            None => page.sessions.push(session(&answer, one)?),
        }
    }
    page.request_id = answer.request_id;
    Ok(page)
}

/// Counts one more of those that are left out.
pub(super) fn count(left_out: &mut Vec<(&'static str, usize)>, what: &'static str) {
    match left_out.iter_mut().find(|(known, _)| *known == what) {
        Some((_, number)) => *number += 1,
        None => left_out.push((what, 1)),
    }
}

/// What was accepted. The documented body is empty or `{}`.
pub(super) fn accepted(answer: Answer) -> Result<Submission, Error> {
    if !answer.body.is_empty() {
        let Value::Object(_) = answer.json()? else {
            return Err(answer.malformed("a kill is answered with an object, and this is not"));
        };
    }
    Ok(Submission { request_id: answer.request_id, ..Submission::default() })
}

/// A kill that names sessions, one of which may just have ended: so may a complaint about parameters in
/// general say.
pub(super) fn perhaps_gone(error: Error) -> Error {
    const GENERAL: &[&str] =
        &["DBS.200001", "DBS.200095", "DBS.201006", "DBS.280001", "DBS.290000", "DBS.300001"];
    error::perhaps_gone(error, DBS_CODES, GENERAL)
}
