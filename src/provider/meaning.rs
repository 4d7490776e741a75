//! Whom and what a run means, in a few words.
//!
//! Cores fold warnings with equal summaries, so no two that say different things may share one: the
//! words name everything that makes two runs on one target differ.

use std::fmt::{Display, Write as _};

use super::inputs::{Inputs, OnFailure};
use super::table::{self, length};
use crate::engine::{Filter, Mode, Selection, Verify};

/// Longest text. Past that it ends in a mark that two different texts do not share.
const LONGEST: usize = 160;

/// The selection, the guards and the conduct that are not the default, like
/// `match users app, ops; protect names vip; max_sessions 5`.
pub(super) fn of(inputs: &Inputs) -> String {
    let request = &inputs.request;
    let mut parts = vec![match &request.selection {
        Selection::All => "all".to_owned(),
        Selection::Ids(ids) => format!("session_ids {}", list(ids)),
        Selection::Match(filter) => format!("match {}", criteria(filter)),
    }];
    parts.extend(request.guards.protect.as_ref().map(|one| format!("protect {}", criteria(one))));
    parts.extend(request.guards.max_sessions.map(|most| format!("max_sessions {most}")));
    parts.extend(request.drain.map(|time| format!("drain {}", length(time))));
    parts.extend(request.quiet.map(|time| format!("quiet {}", length(time))));
    let switches = [
        (request.mode == Mode::DryRun, "dry run"),
        (request.verify == Verify::Trust, "not verified"),
        (inputs.on_failure == OnFailure::Warn, "on_failure warn"),
        (inputs.on_unreachable == OnFailure::Warn, "on_unreachable warn"),
    ];
    parts.extend(switches.iter().filter(|(on, _)| *on).map(|(_, words)| (*words).to_owned()));
    bounded(table::clean(&parts.join("; ")))
}

fn criteria(filter: &Filter) -> String {
    let mut parts = Vec::new();
    let mut set = |name: &str, items: Option<String>| {
        parts.extend(items.map(|items| format!("{name} {items}")));
    };
    set("client_cidrs", filter.client_cidrs.as_ref().map(list));
    set("users", filter.users.as_ref().map(list));
    set("databases", filter.databases.as_ref().map(list));
    set("commands", filter.commands.as_ref().map(list));
    set("names", filter.names.as_ref().map(list));
    set("min_idle", filter.min_idle.map(length));
    set("min_age", filter.min_age.map(length));
    parts.join(" and ")
}

fn list<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// A text of at most [`LONGEST`] characters and a mark.
fn bounded(text: String) -> String {
    if text.chars().count() <= LONGEST {
        return text;
    }
    // FNV-1a: the same in every process, which a hash of the standard library need not be.
    let mark = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |mark, byte| {
        (mark ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut short: String = text.chars().take(LONGEST).collect();
    let _ = write!(short, "... ({:06x})", mark & 0x00ff_ffff);
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framework::{Object, Value};
    use crate::provider::inputs;
    use crate::provider::limit::Timeout;
    use crate::services;

    fn meant(more: &[(&str, Value)]) -> String {
        let mut specs = services::ALL.iter().map(|service| service.spec);
        let spec = specs.find(|spec| spec.name == "huaweicloud_dcs").unwrap();
        let mut object: Object = [("instance_id".to_owned(), "i".into())].into();
        object.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        of(&inputs::read(spec, &object, Timeout::Attribute).inputs.unwrap())
    }

    fn texts(texts: impl IntoIterator<Item = String>) -> Value {
        Value::List(texts.into_iter().map(|text| Value::from(text.as_str())).collect())
    }

    #[test]
    fn everything_that_makes_two_runs_on_a_target_differ_is_named() {
        let all = || ("all", Value::Bool(true));
        assert_eq!(meant(&[all()]), "all");
        assert_eq!(
            meant(&[
                all(),
                ("protect", Value::Object([("names".to_owned(), texts(["vip".into()]))].into())),
                ("max_sessions", 5.into()),
                ("drain", "5m".into()),
                ("quiet", "10s".into()),
                ("dry_run", true.into()),
                ("on_failure", "warn".into()),
            ]),
            "all; protect names vip; max_sessions 5; drain 5m; quiet 10s; dry run; on_failure warn"
        );
        assert_eq!(meant(&[all(), ("verify", false.into())]), "all; not verified");
    }

    #[test]
    fn long_ones_are_cut_and_told_apart_all_the_same() {
        let ids = |from: u16, to: u16| {
            meant(&[("session_ids", texts((from..to).map(|port| format!("10.0.0.1:{port}"))))])
        };
        let (one, other) = (ids(10000, 10100), ids(10000, 10101));
        assert!(one.chars().count() < LONGEST + 20, "{one}");
        assert_eq!(one[..LONGEST], other[..LONGEST]);
        assert_ne!(one, other);
        assert_eq!(ids(10000, 10002), "session_ids 10.0.0.1:10000, 10.0.0.1:10001");
    }
}
