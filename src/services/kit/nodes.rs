//! Which nodes of an instance are asked for their sessions.
//!
//! A node's state decides nothing: one that is restarting or being changed may well hold clients,
//! and to leave it out would be to report that nobody survived there. It is asked like the others,
//! and if that fails, the error says its state ([`Node::told`]).

use crate::services::{Error, Kind, Node};
use crate::wire::redact;

/// Most characters of a state.
const MOST_STATE: usize = 40;
/// Most characters of an error's message.
const MOST_MESSAGE: usize = 1000;

/// A node as the cloud lists it.
#[derive(Clone, Debug)]
pub(in crate::services) struct Listed {
    /// Its id.
    pub(in crate::services) id: Option<String>,
    /// Its state in the cloud's word.
    pub(in crate::services) status: Option<String>,
    /// Why it has no sessions to end, if so: `is …`.
    pub(in crate::services) aside: Option<&'static str>,
}

/// Those nodes of a complete list that can hold sessions, whatever their state; if one is `wanted`,
/// that one. `ready` is the ordinary state.
///
/// # Errors
/// What is the matter, in words. If one is wanted: [`Kind::BadRequest`] if it has no sessions,
/// [`Kind::TargetGone`] if the instance does not have it. [`Kind::Busy`] while the cloud does not
/// tell all nodes: some tell none, or no id, while an instance is being created or changed.
pub(in crate::services) fn choose(
    listed: Vec<Listed>,
    ready: &str,
    wanted: Option<&str>,
) -> Result<Vec<Node>, (Kind, String)> {
    let nothing = listed.is_empty();
    let mut nodes = Vec::new();
    let mut unnamed = None;
    for Listed { id, status, aside } in listed {
        let state = status.filter(|state| state != ready && !state.is_empty());
        let state = state.map(|state| redact::bounded(&state, MOST_STATE));
        let id = id.filter(|id| !id.is_empty());
        match (id, aside) {
            (Some(id), _) if wanted.is_some_and(|wanted| wanted != id) => {}
            (Some(id), Some(why)) if wanted.is_some() => {
                return Err((Kind::BadRequest, format!("node `{id}` {why}")));
            }
            (Some(id), None) => nodes.push(Node { id, state }),
            (None, None) => unnamed = Some(state.unwrap_or_else(|| ready.to_owned())),
            (_, Some(_)) => {}
        }
    }
    match (unnamed, wanted) {
        (_, Some(_)) if !nodes.is_empty() => Ok(nodes),
        (Some(state), _) => {
            Err((Kind::Busy, format!("the instance has a node without an id, which is {state}")))
        }
        (None, _) if !nodes.is_empty() => Ok(nodes),
        (None, Some(id)) if !nothing => {
            Err((Kind::TargetGone, format!("the instance has no node `{id}`")))
        }
        (None, _) => Err((Kind::Busy, "the instance has no nodes now".to_owned())),
    }
}

impl Node {
    /// A failure of a call to this node, which says so where its state may explain it.
    pub(in crate::services) fn told(&self, mut error: Error) -> Error {
        if let Some(state) = &self.state {
            let message = match self.id.as_str() {
                "" => format!("the target is {state}: {}", error.message),
                id => format!("node `{id}` is {state}: {}", error.message),
            };
            error.message = redact::bounded(&message, MOST_MESSAGE);
        }
        error
    }
}
