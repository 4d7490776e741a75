//! Faults that can be switched on, each for some operations and a number of times.
//!
//! An operation is matched by the end of its path, or by the name of its action: `clients/kill`,
//! `GET clients`, `jobs/*`, `EndTerminalSession`. `*` stands for one segment of a path; without an
//! operation a fault meets every call.

use std::collections::VecDeque;

use crate::services::simulator::Fault;

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// 429 with `Retry-After: 1`.
    Throttle,
    /// 500 in the gateway's words; nothing was done.
    ServerError,
    /// 503 in the gateway's words; nothing was done.
    Unavailable,
    /// The connection drops before anything is done.
    ResetBefore,
    /// What was asked is done, and then the connection drops.
    ResetAfter,
    /// What was asked is done, and no answer ever comes.
    Hang,
    /// The answer comes after 30 seconds; over a socket its first half at once, the rest then.
    SlowBody,
    /// The connection drops in the middle of the answer.
    TruncatedBody,
    /// A good answer's status with a page of HTML.
    WrongContentType,
    /// The token or temporary key is called expired.
    ExpiredToken,
    /// The signature is called wrong.
    WrongSignature,
    /// What only a service can play.
    Service(Fault),
}

/// The names that command line and control requests use.
pub const NAMES: &[(&str, Trouble)] = &[
    ("throttle", Trouble::Throttle),
    ("server-error", Trouble::ServerError),
    ("unavailable", Trouble::Unavailable),
    ("reset-before", Trouble::ResetBefore),
    ("reset-after", Trouble::ResetAfter),
    ("hang", Trouble::Hang),
    ("slow-body", Trouble::SlowBody),
    ("truncated-body", Trouble::TruncatedBody),
    ("wrong-content-type", Trouble::WrongContentType),
    ("expired-token", Trouble::ExpiredToken),
    ("wrong-signature", Trouble::WrongSignature),
    ("busy", Trouble::Service(Fault::Busy)),
    ("partial-kill", Trouble::Service(Fault::PartialKill)),
    ("ends-half", Trouble::Service(Fault::EndsHalf)),
    ("ends-late", Trouble::Service(Fault::EndsLate)),
    ("known-again", Trouble::Service(Fault::KnownAgain)),
    ("refuses", Trouble::Service(Fault::Refuses)),
    ("job-fails", Trouble::Service(Fault::JobFails)),
    ("job-hangs", Trouble::Service(Fault::JobHangs)),
    ("target-gone", Trouble::Service(Fault::TargetGone)),
];

impl Trouble {
    /// The trouble of a name in [`NAMES`]; the error says which there are.
    pub fn named(name: &str) -> Result<Trouble, String> {
        let found = NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, trouble)| *trouble).ok_or_else(|| {
            let names: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            format!("there is no fault `{name}`; there are {}", names.join(", "))
        })
    }

    /// Its name in [`NAMES`].
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(_, known)| *known == self).map_or("unnamed", |(name, _)| name)
    }
}

/// A fault that is switched on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Switch {
    /// What goes wrong.
    pub trouble: Trouble,
    /// For which operations; empty for all.
    pub operation: String,
    /// How many more times; None until it is switched off.
    pub times: Option<u32>,
}

impl Switch {
    /// A fault for all operations, until it is switched off.
    pub fn new(trouble: Trouble) -> Switch {
        Switch { trouble, operation: String::new(), times: None }
    }

    /// The same for some operations only.
    #[must_use]
    pub fn on(mut self, operation: &str) -> Switch {
        operation.clone_into(&mut self.operation);
        self
    }

    /// The same for a number of calls only.
    #[must_use]
    pub fn times(mut self, times: u32) -> Switch {
        self.times = Some(times);
        self
    }

    /// Reads `NAME[:OPERATION[:COUNT]]`; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Switch, String> {
        let mut parts = text.splitn(3, ':');
        let name = parts.next().unwrap_or_default();
        let trouble = Trouble::named(name)?;
        let operation = parts.next().unwrap_or_default().to_owned();
        let times = parts.next().map(|count| {
            let times = count.parse().map_err(|_| format!("`{count}` is not a number of times"));
            times.and_then(often)
        });
        Ok(Switch { trouble, operation, times: times.transpose()? })
    }

    fn meets(&self, operation: &str) -> bool {
        let (wanted_method, wanted) = split(&self.operation);
        let (method, path) = split(operation);
        if wanted.is_empty() && wanted_method.is_empty() {
            return true;
        }
        let mut path = path.rsplit('/');
        let same_path = wanted
            .trim_matches('/')
            .rsplit('/')
            .all(|one| path.next().is_some_and(|other| one == "*" || one == other));
        (wanted_method.is_empty() || wanted_method == method) && (wanted.is_empty() || same_path)
    }
}

/// A number of times, which is one at least.
pub(super) fn often(times: u32) -> Result<u32, String> {
    if times == 0 { Err("a fault that happens 0 times is none".to_owned()) } else { Ok(times) }
}

/// Method, if there is one, and path or action.
fn split(operation: &str) -> (&str, &str) {
    operation.trim().split_once(' ').unwrap_or(("", operation.trim()))
}

/// All faults that are switched on, in order.
#[derive(Debug, Default)]
pub struct Faults(VecDeque<Switch>);

impl Faults {
    /// Switches one on.
    pub fn switch_on(&mut self, switch: Switch) {
        if switch.times != Some(0) {
            self.0.push_back(switch);
        }
    }

    /// Switches all off.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// The first fault that meets an operation like `POST /v2/p/instances/i/clients/kill`; it has
    /// one time less from now on.
    pub fn next(&mut self, operation: &str) -> Option<Trouble> {
        let at = self.0.iter().position(|switch| switch.meets(operation))?;
        let switch = self.0.get_mut(at)?;
        let trouble = switch.trouble;
        if let Some(times) = &mut switch.times {
            *times -= 1;
            if *times == 0 {
                self.0.remove(at);
            }
        }
        Some(trouble)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_is_matched_by_the_end_of_its_path() {
        const KILL: &str = "POST /v2/p/instances/i/clients/kill";
        for (operation, call, meets) in [
            ("", KILL, true),
            ("clients/kill", KILL, true),
            ("/clients/kill", KILL, true),
            ("POST clients/kill", KILL, true),
            ("GET clients/kill", KILL, false),
            ("kill", KILL, true),
            ("ill", KILL, false),
            ("clients", KILL, false),
            ("clients/kill", "POST /v2/p/instances/i/clients/kill-all", false),
            ("jobs/*", "GET /v2/p/jobs/00-1", true),
            ("GET clients", "POST /v2/p/instances/i/clients", false),
            ("EndTerminalSession", "POST EndTerminalSession", true),
        ] {
            let switch = Switch::new(Trouble::Hang).on(operation);
            assert_eq!(switch.meets(call), meets, "`{operation}` and `{call}`");
        }
    }

    #[test]
    fn a_fault_is_over_after_its_times() {
        let mut faults = Faults::default();
        faults.switch_on(Switch::parse("throttle:clients/kill:2").unwrap());
        faults.switch_on(Switch::parse("hang").unwrap());
        let met: Vec<&str> =
            (0..4).filter_map(|_| faults.next("POST /clients/kill")).map(Trouble::name).collect();
        assert_eq!(met, ["throttle", "throttle", "hang", "hang"]);
        faults.clear();
        assert_eq!(faults.next("POST /clients/kill"), None);
    }

    #[test]
    fn what_is_no_fault_is_told_which_there_are() {
        let complaint = Switch::parse("flood").unwrap_err();
        assert!(complaint.contains("throttle, server-error"), "{complaint}");
        assert!(Switch::parse("busy:kill:often").is_err());
        assert!(Switch::parse("busy:kill:0").is_err());
    }
}
