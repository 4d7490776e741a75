//! Runs that ended early, and what to do.

use super::*;

#[test]
fn every_way_to_end_early_says_what_was_not_done_and_what_works_on_that_occasion() {
    let three = || victims(&[Fate::Terminated, Fate::Untouched, Fate::Untouched]);
    let untouched = || victims(&[Fate::Untouched]);
    let argument = format!("\n\n{STAYS} {FROM_STATE}");
    let other = format!("\n\n{STAYS}");
    let failed = |kind| Halt::Failed(Error::new(kind, "List", "no"));
    for (halt, victims, expected, at_a_destroy) in [
        (
            Halt::TooMany { selected: 2, allowed: 1 },
            victims(&[Fate::Untouched, Fate::Untouched]),
            "Error: Too many sessions selected on cn-north-4/i-1\n\
            2 client connections are selected and `max_sessions` allows 1, so nothing was terminated. Selected:\n  \
              10.0.0.1:4711 (user app, idle 1m30s)\n  \
              10.0.0.2:4711 (user app, idle 1m30s)\n\
            \n\
            Narrow the selection, or raise `max_sessions`.",
            &argument,
        ),
        (
            Halt::ProtectedInTheWay,
            untouched(),
            "Error: Protected sessions are live on cn-north-4/i-1\n\
            The API of Huawei Cloud DCS for Redis can only terminate everything at once, and these client connections are protected, so nothing was terminated:\n  \
              10.0.0.9:4711 (user app, idle 1m30s)\n\
            \n\
            Wait until they are gone, end them yourself, or change `protect`.",
            &argument,
        ),
        (
            Halt::NotSelective,
            untouched(),
            "Error: Single sessions cannot be terminated on cn-north-4/i-1\n\
            The API of Huawei Cloud DCS for Redis can only terminate everything at once, and the selection means fewer than all live client connections. Nothing was terminated. Use `all = true`.",
            &argument,
        ),
        (
            Halt::Unjudged {
                criterion: Criterion::Users,
                sessions: 21,
                first: vec![session(9); 20],
            },
            untouched(),
            &format!(
                "Error: Protected sessions cannot be told apart on cn-north-4/i-1\n\
                `protect` looks at `users`, and the list does not tell it for 21 client connections of the selection, so nothing was terminated:\n\
                {}  and 1 more\n\
                \n\
                Narrow the selection to leave them out, or take `users` out of `protect`.",
                "  10.0.0.9:4711 (user app, idle 1m30s)\n".repeat(20)
            ),
            &argument,
        ),
        (
            Halt::Unseen { listed: 1, unseen: 499 },
            untouched(),
            "Error: The list of sessions on cn-north-4/i-1 is not complete\n\
            The cloud lists 1 client connection and counts 499 more, which neither `protect` nor `max_sessions` nor a selection can look at, so nothing was terminated. Try again, or set `all = true` without `protect` and `max_sessions`.",
            &argument,
        ),
        (
            Halt::SameIdOnSeveralNodes("7".into()),
            untouched(),
            "Error: Session id is not unique on cn-north-4/i-1\n\
            The id `7` is live on several nodes, and the selection does not say which is meant. Nothing was terminated. Set `node_id`, or select with `match`.",
            &argument,
        ),
        (
            Halt::Cancelled,
            three(),
            "Error: Session termination on cn-north-4/i-1 was interrupted\n\
            No further session was terminated after the interrupt. Apply again.\n\
            \n\
            Result on cn-north-4/i-1: 1 of 3 selected client connections terminated.",
            &other,
        ),
        (
            Halt::Audit("`/a`: disk full".into()),
            three(),
            "Error: Audit log could not be written for cn-north-4/i-1\n\
            `/a`: disk full\n\
            \n\
            Nothing more was terminated: no session may end without a record. Make the file of the provider's `audit_log` writable. Apply again.\n\
            \n\
            Result on cn-north-4/i-1: 1 of 3 selected client connections terminated.",
            &other,
        ),
        (
            Halt::TimedOut(None),
            Vec::new(),
            "Error: Sessions on cn-north-4/i-1 could not be listed in time\n\
            The sessions could not be listed before the timeout, so nothing was terminated. Raise `timeouts`.",
            &argument,
        ),
        (
            failed(Kind::BadRequest),
            Vec::new(),
            "Error: Sessions on cn-north-4/i-1 could not be terminated\n\
            List: no\n\
            \n\
            The cloud rejected a parameter. Check the ids and the region.",
            &argument,
        ),
        (
            failed(Kind::Lost),
            Vec::new(),
            "Error: Sessions on cn-north-4/i-1 could not be terminated\n\
            List: no\n\
            \n\
            The cloud could not be reached or failed. Check network, proxy and `endpoints`. Apply again.",
            &other,
        ),
        (
            Halt::Panicked("index out of bounds".into()),
            three(),
            "Error: Session termination on cn-north-4/i-1 broke off\n\
            This is a bug in the provider, please report it: index out of bounds\n\
            \n\
            Nothing more was terminated. Apply again.\n\
            \n\
            Result on cn-north-4/i-1: 1 of 3 selected client connections terminated.",
            &other,
        ),
    ] {
        let in_the_way = matches!(halt, Halt::ProtectedInTheWay);
        let protected = if in_the_way { vec![session(9).into()] } else { Vec::new() };
        let given = Report { halt: Some(halt), victims, protected, ..Report::default() };
        check(Occasion::Apply, given.clone(), expected);
        check(Occasion::Ephemeral, given.clone(), &expected.replace("`timeouts`", "`timeout`"));
        let destroyed = expected
            .replace("Apply again.", "Run the same command again.")
            .replace("`timeouts`", "`timeouts.delete`");
        check(Occasion::Destroy, given.clone(), &format!("{destroyed}{at_a_destroy}"));
        let invoked = expected
            .replace("Apply again.", "Apply again if it was to act before a change; otherwise invoke it by hand, with `terraform apply -invoke=ADDRESS` and the action's address.")
            .replace("`timeouts`", "`timeout`");
        check(Occasion::Invoke, given, &invoked);
    }
}

#[test]
fn nothing_that_a_destroy_says_leads_to_a_plain_apply() {
    for kind in KINDS {
        let error = Error::new(kind, "List", "no");
        let halt = Some(Halt::Failed(error.clone()));
        let failed = report(about(Occasion::Destroy), &Report { halt, ..Report::default() });
        let early =
            call_failed("Sessions could not be terminated", spec(), Occasion::Destroy, &error);
        for message in failed.0.iter().chain([&early]) {
            let text = message.detail.to_lowercase();
            assert!(!text.contains("apply again") && !text.contains("next apply"), "{text}");
            assert!(text.contains("stays in the state"), "{text}");
        }
    }
}

#[test]
fn what_the_counts_do_not_tell_is_a_remark() {
    let given = Report {
        victims: victims(&[Fate::AlreadyGone]),
        missing: vec!["10.0.0.7:1".into()],
        protected: vec![session(9).into()],
        remarks: vec!["1 selected session cannot be ended and was left: it does nothing".into()],
        ..Report::default()
    };
    assert_eq!(
        summary(about(Occasion::Apply).spec, "cn-north-4/i-1", &given),
        "Result on cn-north-4/i-1: 0 of 2 selected client connections terminated, 2 already gone, 1 protected."
    );
    check(
        Occasion::Apply,
        given,
        "Warning: Session termination finished with remarks on cn-north-4/i-1: all\n\
        cn-north-4/i-1: 1 selected session cannot be ended and was left: it does nothing.",
    );
}

const KINDS: [Kind; 17] = [
    Kind::Throttled,
    Kind::Busy,
    Kind::Unavailable,
    Kind::NotSent,
    Kind::Lost,
    Kind::Unreachable,
    Kind::Ambiguous,
    Kind::SessionGone,
    Kind::TargetGone,
    Kind::Credentials,
    Kind::Permission,
    Kind::Unsupported,
    Kind::BadRequest,
    Kind::Malformed,
    Kind::Configuration,
    Kind::JobFailed,
    Kind::Refused,
];

#[test]
fn every_kind_of_failure_comes_with_advice() {
    let told: Vec<String> = KINDS
        .iter()
        .map(|kind| {
            let error = Error::new(*kind, "List", "no");
            let message = call_failed("S", spec(), Occasion::Apply, &error);
            let advice =
                message.detail.strip_prefix("List: no\n\n").expect("the answer comes first");
            format!("{kind:?}: {advice}")
        })
        .collect();
    let expected = [
        "Throttled: The cloud limits how often this may be called. Lower the provider's `max_concurrency`, or raise `timeouts`.",
        "Busy: The target is busy with another operation. Wait until that has ended, or raise `timeouts`.",
        "Unavailable: The cloud could not be reached or failed. Check network, proxy and `endpoints`. Apply again.",
        "NotSent: The cloud could not be reached or failed. Check network, proxy and `endpoints`. Apply again.",
        "Lost: The cloud could not be reached or failed. Check network, proxy and `endpoints`. Apply again.",
        "Unreachable: Nobody says that the target is gone: a firewall or a stopped server looks the same. Check the target's arguments, and the network between this machine and it. Apply again.",
        "Ambiguous: The sessions changed meanwhile. Apply again.",
        "SessionGone: The sessions changed meanwhile. Apply again.",
        "TargetGone: The instance or node does not exist. Check the ids and the region.",
        "Credentials: The cloud refused the credentials. Check key, secret, token and this machine's clock. Nothing was repeated, because a cloud may lock a key that fails repeatedly.",
        "Permission: The credentials are valid but lack a permission. This type needs `dcs:clients:list`, `dcs:job:get`, `dcs:clients:kill`; its page has a ready policy.",
        "Unsupported: This operation is not available for this instance, edition or region.",
        "BadRequest: The cloud rejected a parameter. Check the ids and the region.",
        "Malformed: The answer is not what the vendor documents. Apply again. If it comes back, please report it with the request id.",
        "Configuration: Correct the region, the provider block or the environment. Apply again.",
        "JobFailed: The cloud accepted the work and gave it up. Apply again. If it stays so, give the request id to its support.",
        "Refused: The cloud refused the request; see its code and message above. If they do not help, give the request id to its support.",
    ];
    assert_eq!(told, expected, "\n{}\n", told.join("\n"));
}

#[test]
fn what_is_said_beside_runs() {
    for (told, expected) in [
        (
            no_import("session_termination_huaweicloud_dcs"),
            "Error: session_termination_huaweicloud_dcs cannot be imported\n\
            It stands for runs that terminate sessions, not for an object in the cloud, so there is nothing to import. Write the block and apply it.",
        ),
        (
            sandbox(),
            "Warning: Answers come from a sandbox\n\
            The `endpoints` of the provider block lead to a sandbox: no real cloud was asked.",
        ),
        (
            call_failed("Sessions could not be terminated", spec(), Occasion::Destroy, &refused()),
            "Error: Sessions could not be terminated\n\
            HangUpClients (POST https://dcs.cn-north-4.myhuaweicloud.com/v2/p/instances/i-1/clients/kill) was answered with 403 DCS.2003: No permission. (request id r-77)\n\
            \n\
            The credentials are valid but lack a permission. This type needs `dcs:clients:list`, `dcs:job:get`, `dcs:clients:kill`; its page has a ready policy.\n\
            \n\
            The resource stays in the state, so nothing that it depends on was destroyed.",
        ),
    ] {
        let shown = format!("{:?}: {}\n{}", told.severity, told.summary, told.detail);
        assert_eq!(shown, expected, "\n{shown}\n");
    }
}

#[test]
fn progress_reads_as_a_story() {
    let events = [
        (
            Event::Draining { left: 7, of: 12, more: std::time::Duration::from_millis(190_400) },
            "draining: 7 of 12 left, 3m10s more at most",
        ),
        (Event::Listed { sessions: 12, nodes: 3 }, "listed 12 live client connections on 3 nodes"),
        (Event::Listed { sessions: 12, nodes: 1 }, "listed 12 live client connections"),
        (Event::Listed { sessions: 1, nodes: 1 }, "listed 1 live client connection"),
        (Event::Selected { selected: 9, protected: 1 }, "selected 9, 1 protected"),
        (Event::Accepted { done: 4, of: 9 }, "accepted 4 of 9"),
        (Event::Verifying { left: 2 }, "verifying: 2 not seen to go yet"),
        (
            Event::Retrying {
                reason: "ListClients was throttled".into(),
                wait: std::time::Duration::from_millis(1500),
            },
            "ListClients was throttled; trying again in 1.5 s",
        ),
    ];
    for (event, line) in events {
        assert_eq!(progress("client connection", &event), line);
    }
}

#[test]
fn whoever_may_be_gone_after_an_interrupt_is_named() {
    let given = Report {
        victims: victims(&[
            Fate::Terminated,
            Fate::Survived("not verified: the run was interrupted".into()),
            Fate::Untouched,
        ]),
        halt: Some(Halt::Cancelled),
        ..Report::default()
    };
    check(
        Occasion::Apply,
        given,
        "Error: Session termination on cn-north-4/i-1 was interrupted\n\
        No further session was terminated after the interrupt. Apply again.\n\
        \n\
        Result on cn-north-4/i-1: 1 of 3 selected client connections terminated. 1 more was asked to end and may or may not be gone:\n  \
          10.0.0.2:4711 (user app, idle 1m30s): not verified: the run was interrupted",
    );
}
