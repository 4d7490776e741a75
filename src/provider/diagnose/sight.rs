//! A target that is not there, or that nobody could look at.

use super::advice::{self, STAYS, answer};
use super::{About, table};
use crate::engine::Looked;
use crate::framework::Diagnostics;
use crate::provider::occasion::Occasion;

/// A target that was never seen is not there, by the other side's words.
pub(in crate::provider) fn absent(about: About<'_>, error: &crate::access::Error) -> Diagnostics {
    let About { target, occasion, .. } = about;
    let mut diagnostics = Diagnostics::none();
    let answer = answer(error);
    if occasion == Occasion::Destroy {
        diagnostics.error(
            format!("{target} was never seen, and is not there"),
            format!(
                "{answer}\n\nNo run of this block has ever seen its target (`target_seen` is \
                 false). So it may have been destroyed by now, or it never was: then whoever is \
                 connected to the one that was meant would stay connected while it is destroyed. \
                 {STAYS}\n\nIf the argument is wrong, correct it, and let this block go in the \
                 apply that does so. If the target is really gone, let it go as well; or, while \
                 its block still stands, take it out of the state: by \
                 `removed {{ lifecycle {{ destroy = false }} }}`, or with `state rm` where the \
                 core has none."
            ),
        );
    } else {
        diagnostics.error(
            format!("{target} does not exist"),
            format!(
                "{answer}\n\nWhat is not there now would be taken for gone at the destroy, and \
                 guard nothing. So nobody was terminated, and nothing new is in the state. Check \
                 the arguments that name it, and the region. If another resource of this \
                 configuration makes it, refer to that resource here."
            ),
        );
    }
    diagnostics
}

/// A destroy could not reach its target, and goes on because that was wished.
pub(super) fn unreachable(about: About<'_>, error: &crate::access::Error) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.warn(
        about.warning("Nobody was asked to leave, for nothing answers on"),
        format!(
            "{}\n\n`on_unreachable` is `\"warn\"`, so the resource leaves the state, and what \
             depends on it is destroyed. A firewall looks the same as a server that is gone: then \
             whoever is connected stays connected.",
            answer(error)
        ),
    );
    diagnostics
}

/// A look at a new target was interrupted.
pub(in crate::provider) fn look_interrupted(about: About<'_>) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    diagnostics.error(
        format!("Session termination on {} was interrupted", about.target),
        "The stop came while it was looked for. Nobody was terminated, and nothing new is in the \
         state. Apply again.",
    );
    diagnostics
}

/// Nobody could tell whether a target is there that nobody was seen on. A warning, but where a
/// destroy could have been told and was not: an error.
pub(in crate::provider) fn unseen(
    about: About<'_>,
    id: Option<&str>,
    looked: &Looked,
) -> Diagnostics {
    let mut diagnostics = Diagnostics::none();
    let (why, advice) = match looked {
        Looked::Seen => return diagnostics,
        Looked::Absent(error) => return absent(about, error),
        Looked::Unproven(why) => ((*why).to_owned(), String::new()),
        Looked::Failed(error) => {
            let advice = advice::advice(about.spec, about.occasion, error);
            (answer(error), format!(" {advice}"))
        }
        Looked::Interrupted => ("it was interrupted".to_owned(), String::new()),
    };
    let destroys = about.occasion == Occasion::Destroy;
    let why = table::clean(&why);
    let name = id.map_or_else(String::new, |id| format!(" (`{id}`)"));
    if !destroys {
        diagnostics.warn(
            about.warning("Target not seen yet:"),
            format!(
                "Whether {} exists could not be seen: {why}.{advice}\n\n`target_seen` is false \
                 until a run sees it. Check the arguments that name it: a mistyped one looks \
                 like one that nobody is on.",
                about.target
            ),
        );
    } else if matches!(looked, Looked::Unproven(_)) {
        diagnostics.warn(
            about.warning("Nobody was there, if the name is right:"),
            format!(
                "Nobody was found, and no run of this block{name} has ever seen its target: {why}. \
                 If the arguments that name it are wrong, whoever is connected to the one that \
                 was meant stays connected, and what depends on this block goes on."
            ),
        );
    } else {
        diagnostics.error(
            format!("Nobody knows whether {} is there", about.target),
            format!(
                "Nobody was found, and no run of this block has ever seen its target \
                 (`target_seen` is false); it could not be looked at either: {why}.{advice}\n\n\
                 {STAYS}"
            ),
        );
    }
    diagnostics
}

#[cfg(test)]
mod tests {
    use super::super::{held, went_on};
    use super::*;
    use crate::access::{Error, Kind};
    use crate::framework::Severity;
    use crate::provider::inputs::OnFailure;
    use crate::services;

    fn about(occasion: Occasion) -> About<'static> {
        let mut specs = services::ALL.iter().map(|service| service.spec);
        About {
            spec: specs.find(|spec| spec.name == "huaweicloud_dcs").unwrap(),
            target: "cn-north-4/i-1",
            meaning: "all",
            seen: false,
            on_failure: OnFailure::Fail,
            on_unreachable: OnFailure::Fail,
            occasion,
        }
    }

    fn gone() -> Error {
        Error::new(Kind::TargetGone, "ShowNodes", "instance does not exist")
    }

    #[track_caller]
    fn check(told: &Diagnostics, severity: Severity, summary: &str, detail: &str) {
        let told: Vec<_> = told.0.iter().map(|one| (one.severity, &*one.summary)).collect();
        assert_eq!(told, [(severity, summary)], "{detail}");
    }

    #[test]
    fn a_target_that_was_never_seen_and_is_not_there_is_an_error_with_ways_out() {
        let mut told = absent(about(Occasion::Destroy), &gone());
        held(&mut told, "cn-north-4/i-1#7f3a");
        check(&told, Severity::Error, "cn-north-4/i-1 was never seen, and is not there", "");
        assert_eq!(
            told.0[0].detail,
            "ShowNodes: instance does not exist\n\nNo run of this block has ever seen its target \
             (`target_seen` is false). So it may have been destroyed by now, or it never was: then \
             whoever is connected to the one that was meant would stay connected while it is \
             destroyed. The resource stays in the state, so nothing that it depends on was \
             destroyed.\n\nIf the argument is wrong, correct it, and let this block go in the \
             apply that does so. If the target is really gone, let it go as well; or, while its \
             block still stands, take it out of the state: by `removed { lifecycle { destroy = \
             false } }`, or with `state rm` where the core has none.\n\nWhere the block is gone \
             from the configuration, or its target is being replaced, what is stored of it cannot \
             be changed any more. To let it go, name its `id` in the provider block, `let_go = \
             [\"cn-north-4/i-1#7f3a\"]`, or in the environment, \
             `SESSION_LET_GO='cn-north-4/i-1#7f3a'`, and run the same command again. It is then \
             tried as before, with all its guards, and if it fails the destroy goes on all the \
             same."
        );
        let told = absent(about(Occasion::Apply), &gone());
        check(&told, Severity::Error, "cn-north-4/i-1 does not exist", "at a create");
    }

    #[test]
    fn nobody_on_a_target_that_was_never_seen_is_told_by_what_a_look_came_to() {
        let (apply, destroy) = (Occasion::Apply, Occasion::Destroy);
        let unproven = || Looked::Unproven("its list is empty");
        let failed = || Looked::Failed(Error::new(Kind::Permission, "ShowNodes", "no"));
        for (occasion, looked, severity, summary) in [
            (apply, unproven(), Severity::Warning, "Target not seen yet: cn-north-4/i-1: all"),
            (apply, failed(), Severity::Warning, "Target not seen yet: cn-north-4/i-1: all"),
            (
                destroy,
                unproven(),
                Severity::Warning,
                "Nobody was there, if the name is right: cn-north-4/i-1: all",
            ),
            (destroy, failed(), Severity::Error, "Nobody knows whether cn-north-4/i-1 is there"),
            (
                destroy,
                Looked::Interrupted,
                Severity::Error,
                "Nobody knows whether cn-north-4/i-1 is there",
            ),
            (
                destroy,
                Looked::Absent(gone()),
                Severity::Error,
                "cn-north-4/i-1 was never seen, and is not there",
            ),
        ] {
            let told = unseen(about(occasion), Some("cn-north-4/i-1#7f3a"), &looked);
            check(&told, severity, summary, &format!("{looked:?}"));
        }
        assert_eq!(unseen(about(apply), None, &Looked::Seen).0, []);
    }

    #[test]
    fn a_target_out_of_reach_is_let_go_only_as_wished_and_where_nothing_is_known_of_it() {
        use crate::engine::{Halt, Report};
        let unreachable = || Error::new(Kind::Unreachable, "connect", "refused");
        let told = |about: About<'_>, kind: Kind, resolved: bool| {
            let error = Error { kind, ..unreachable() };
            let halt = Some(Halt::Failed(error));
            super::super::report(about, &Report { halt, resolved, ..Report::default() })
        };
        let wished =
            |occasion, seen| About { on_unreachable: OnFailure::Warn, seen, ..about(occasion) };
        let goes = told(wished(Occasion::Destroy, true), Kind::Unreachable, false);
        let title = "Nobody was asked to leave, for nothing answers on cn-north-4/i-1: all";
        check(&goes, Severity::Warning, title, "");
        for (about, kind, resolved) in [
            (About { seen: true, ..about(Occasion::Destroy) }, Kind::Unreachable, false),
            (wished(Occasion::Destroy, false), Kind::Unreachable, false),
            (wished(Occasion::Apply, true), Kind::Unreachable, false),
            (wished(Occasion::Destroy, true), Kind::Unreachable, true),
            (wished(Occasion::Destroy, true), Kind::Configuration, false),
            (wished(Occasion::Destroy, true), Kind::Credentials, false),
            (wished(Occasion::Destroy, true), Kind::Lost, false),
        ] {
            let held = told(about, kind, resolved);
            assert!(held.has_errors(), "{about:?} {kind:?} {resolved}: {held:?}");
        }
    }

    #[test]
    fn what_is_let_go_is_a_warning_that_says_so_and_what_is_not_recorded() {
        let failed = || absent(about(Occasion::Destroy), &gone());
        let mut told = failed();
        went_on(&mut told, "cn-north-4/i-1#7f3a", Ok(()));
        check(
            &told,
            Severity::Warning,
            "Let go (cn-north-4/i-1#7f3a): cn-north-4/i-1 was never seen, and is not there",
            "",
        );
        let detail = &told.0[0].detail;
        assert!(!detail.contains(STAYS), "{detail}");
        assert!(
            detail.ends_with(
                "`let_go` names `cn-north-4/i-1#7f3a`, so the destroy goes on in spite of this: \
                 what this block guards is destroyed with whoever is still connected."
            ),
            "{detail}"
        );
        let mut told = failed();
        went_on(&mut told, "cn-north-4/i-1", Err("`log`: full".into()));
        assert!(
            told.0[0].detail.ends_with(
                "An earlier version of the provider made this id, and every block with the same \
                 one is let go. NOTHING of it is recorded in the audit log: `log`: full."
            ),
            "{told:?}"
        );
    }
}
