//! Which nodes of an instance are asked for their sessions.

use super::{Kind, Node};

/// A node as the cloud lists it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// Its id; one without is left out.
    pub(super) id: Option<String>,
    /// Its name, if it has one.
    pub(super) name: Option<String>,
    /// Its state in the cloud's word.
    pub(super) status: Option<String>,
    /// Why it has no sessions to end, if so: `is …`.
    pub(super) aside: Option<&'static str>,
}

/// Those nodes that have sessions and are in the state `ready`; if one is `wanted`, that one.
///
/// # Errors
/// What is the matter, in words: [`Kind::BadRequest`] if the wanted one is not there or has no
/// sessions, [`Kind::Busy`] if it, or every one, is in another state.
pub(super) fn choose(
    listed: Vec<Listed>,
    ready: &str,
    wanted: Option<&str>,
) -> Result<Vec<Node>, (Kind, String)> {
    let mut nodes = Vec::new();
    for one in listed {
        let Some(id) = one.id.filter(|id| !id.is_empty()) else { continue };
        let named = wanted == Some(id.as_str());
        if wanted.is_some() && !named {
            continue;
        }
        let is_ready = one.status.as_deref() == Some(ready);
        match one.aside {
            Some(why) if named => return Err((Kind::BadRequest, format!("node `{id}` {why}"))),
            None if named && !is_ready => {
                let status = one.status.as_deref().unwrap_or("in an unknown state");
                return Err((Kind::Busy, format!("node `{id}` is {status}, not {ready}")));
            }
            None if is_ready => {
                let name = one.name.filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone());
                nodes.push(Node { id, name });
            }
            Some(_) | None => {}
        }
    }
    match (nodes.is_empty(), wanted) {
        (false, _) => Ok(nodes),
        (true, Some(id)) => Err((Kind::BadRequest, format!("the instance has no node `{id}`"))),
        // Some clouds list no nodes while an instance is being created.
        (true, None) => Err((Kind::Busy, format!("the instance has no {ready} node now"))),
    }
}
