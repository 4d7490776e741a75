//! Lines for the person who watches a run.

use std::time::Duration;

use super::table::{clean, count, length};
use crate::engine::Event;

/// One line for one event. What the cloud only accepted is not called terminated: nobody has
/// looked yet.
pub(in crate::provider) fn progress(session: &str, event: &Event) -> String {
    let live = |number: usize| count(number, &format!("live {session}"));
    match event {
        Event::Draining { left, of, more } => format!(
            "draining: {left} of {of} left, {} more at most",
            length(Duration::from_secs(more.as_secs()))
        ),
        Event::Listed { sessions, nodes } if *nodes > 1 => {
            format!("listed {} on {nodes} nodes", live(*sessions))
        }
        Event::Listed { sessions, .. } => format!("listed {}", live(*sessions)),
        Event::Selected { selected, protected: 0 } => format!("selected {selected}"),
        Event::Selected { selected, protected } => {
            format!("selected {selected}, {protected} protected")
        }
        Event::Accepted { done, of } => format!("accepted {done} of {of}"),
        Event::Retrying { reason, wait } => {
            format!("{}; trying again in {:.1} s", clean(reason), wait.as_secs_f64())
        }
        Event::Verifying { left } => format!("verifying: {left} not seen to go yet"),
    }
}
