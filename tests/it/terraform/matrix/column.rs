//! What one engine did, and the table of all of them.

use std::collections::BTreeMap;
use std::fmt::Write;

use terraform_provider_session::demo::Engine;

use super::events::EVENTS;
use super::world::Face;
use super::{has_actions, has_destroy_events, has_ephemerals, is_opentofu, refreshes};

/// Everything that engines are put through, in the order of the table.
pub(crate) fn behaviours() -> impl Iterator<Item = &'static str> {
    BEHAVIOURS.into_iter().chain(EVENTS)
}

/// What all faces are put through.
const BEHAVIOURS: [&str; 16] = [
    "plan, of every kind",
    "apply, first time",
    "apply, nothing changed",
    "apply -refresh-only",
    "apply -target of something else",
    "apply -target of what refers to it",
    "apply -invoke",
    "apply of an update",
    "replace, destroy before create",
    "replace, create before destroy",
    "destroy",
    "node unknown in the plan",
    "node does not exist",
    "apply that fails further down",
    "Ctrl-C in the middle of a run",
    "it fails before an update",
];

/// The sessions that an engine ended, by face and behaviour.
pub(crate) struct Column<'a> {
    pub(crate) engine: &'a Engine,
    name: String,
    cells: BTreeMap<(Face, &'static str), Result<usize, &'static str>>,
    wrong: Vec<String>,
}

impl<'a> Column<'a> {
    pub(crate) fn new(engine: &'a Engine, name: String) -> Column<'a> {
        let mut column = Column { engine, name, cells: BTreeMap::new(), wrong: Vec::new() };
        for face in Face::ALL {
            for behaviour in behaviours() {
                if let Some(reason) = impossible(engine, face, behaviour) {
                    column.cells.insert((face, behaviour), Err(reason));
                }
            }
        }
        column
    }

    /// Whether the engine knows the blocks of a face.
    pub(crate) fn knows(&self, face: Face) -> bool {
        unknown(self.engine, face).is_none()
    }

    /// Notes how many sessions a face ended, and how many it should have.
    pub(crate) fn count(
        &mut self,
        face: Face,
        behaviour: &'static str,
        found: usize,
        expected: usize,
    ) {
        let cell = self.cells.entry((face, behaviour)).or_insert(Ok(0));
        let Ok(sum) = cell else { return };
        *sum += found;
        self.check(found == expected, || {
            format!("{}: {behaviour}: ended {found}, not {expected}", face.name())
        });
    }

    /// Notes what else must be true.
    pub(crate) fn check(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(format!("{}: {}", self.name, otherwise()));
        }
    }

    /// All that was not as it should be.
    pub(crate) fn wrong(&self) -> &[String] {
        &self.wrong
    }
}

/// Why an engine cannot do something with a face.
fn impossible(engine: &Engine, face: Face, behaviour: &str) -> Option<&'static str> {
    match behaviour {
        "apply -invoke" if !has_actions(engine) => unknown(engine, Face::Action),
        "apply -refresh-only" if has_ephemerals(engine) && !refreshes(engine) => {
            Some("OpenTofu 1.11 refuses every refresh-only plan with an ephemeral in it")
        }
        event if EVENTS.contains(&event) => match face {
            Face::Action if !has_actions(engine) => unknown(engine, face),
            Face::Action if event == EVENTS[0] || has_destroy_events(engine) => None,
            Face::Action => Some("no destroy events before Terraform 1.16"),
            Face::Resource | Face::Open | Face::Close => Some("an action's events"),
        },
        "it fails before an update" if face != Face::Action => {
            Some("only an action can be in front of another resource's update")
        }
        _ => unknown(engine, face),
    }
}

/// Why an engine does not know a face.
fn unknown(engine: &Engine, face: Face) -> Option<&'static str> {
    match face {
        Face::Resource => None,
        Face::Open | Face::Close if has_ephemerals(engine) => None,
        Face::Open | Face::Close if is_opentofu(engine) => {
            Some("no ephemerals before OpenTofu 1.11")
        }
        Face::Open | Face::Close => Some("no ephemerals before Terraform 1.10"),
        Face::Action if has_actions(engine) => None,
        Face::Action if is_opentofu(engine) => Some("no actions in OpenTofu"),
        Face::Action => Some("no actions before Terraform 1.14"),
    }
}

/// The matrix as text: rows are behaviours, columns engines, numbers ended sessions.
pub(crate) fn table(columns: &[Column<'_>]) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    let mut text = String::from("\n\nEngine matrix: sessions really ended, 2 for each run\n");
    for face in Face::ALL {
        let _ = write!(text, "\n{:<38}", face.name());
        for column in columns {
            let _ = write!(text, "{:>9}", column.name.split(' ').nth(1).unwrap_or_default());
        }
        text.push('\n');
        for behaviour in behaviours() {
            let _ = write!(text, "  {behaviour:<36}");
            for column in columns {
                let cell = match column.cells.get(&(face, behaviour)) {
                    Some(Ok(count)) => count.to_string(),
                    Some(Err(reason)) => {
                        let known = reasons.iter().position(|one| one == reason);
                        let number = known.unwrap_or_else(|| {
                            reasons.push(reason);
                            reasons.len() - 1
                        });
                        format!("({})", char::from(b'a' + u8::try_from(number).unwrap()))
                    }
                    None => "MISSING".to_owned(),
                };
                let _ = write!(text, "{cell:>9}");
            }
            text.push('\n');
        }
    }
    text.push('\n');
    for (number, reason) in reasons.iter().enumerate() {
        let letter = char::from(b'a' + u8::try_from(number).unwrap());
        let _ = writeln!(text, "({letter}) {reason}");
    }
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let _ = writeln!(text, "\nColumns: {}.\n", names.join(", "));
    text
}
