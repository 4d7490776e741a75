//! What became of whom.

use super::*;

#[test]
fn clients_that_keep_coming_back_are_named_with_how_often_and_what_keeps_them_out() {
    let comers =
        vec![Comer { session: session(1), times: 12 }, Comer { session: session(2), times: 1 }];
    let halt = Some(Halt::NotQuiet(comers));
    let given = Report { victims: victims(&[Fate::Terminated]), halt, ..Report::default() };
    check(
        Occasion::Destroy,
        given,
        &format!(
            "Error: Clients keep coming back to cn-north-4/i-1\n\
             For `quiet` nobody may have been there for so long, and in the time allowed that did not come: whoever came was ended, and others came. `quiet` keeps nobody out. Who came:\n  \
             10.0.0.1:4711 (user app, idle 1m30s): came 12 times\n  \
             10.0.0.2:4711 (user app, idle 1m30s): came once\n\n\
             End what they come from first: destroy the application's own resource before this one (let it `depends_on` this block), lock the account, or stop new logins on the server. Or raise `timeouts.delete`. Run the same command again.\n\n\
             Result on cn-north-4/i-1: 1 of 1 selected client connection terminated.\n\n\
             {STAYS} {FROM_STATE}"
        ),
    );
}

#[test]
fn who_ended_by_himself_is_told_apart_and_is_no_survivor() {
    let fates = [Fate::Drained, Fate::Drained, Fate::Terminated];
    let given = Report { victims: victims(&fates), ..Report::default() };
    check(Occasion::Apply, given.clone(), "");
    let told = summary(spec(), "cn-north-4/i-1", &given);
    assert_eq!(
        told,
        "Result on cn-north-4/i-1: 1 of 3 selected client connections terminated, 2 ended by themselves."
    );
}

#[test]
fn a_run_that_went_well_says_nothing() {
    let given =
        Report { victims: victims(&[Fate::Terminated, Fate::AlreadyGone]), ..Report::default() };
    check(Occasion::Apply, given, "");
}

#[test]
fn survivors_are_named_with_their_reasons_and_hold_a_destroy_back() {
    let given = || Report {
        victims: victims(&[
            Fate::Terminated,
            Fate::Survived("still listed after 3 attempts".into()),
        ]),
        reconnected: 2,
        ..Report::default()
    };
    let told = |severity: &str, next: &str| {
        format!(
            "{severity}: Sessions survived on cn-north-4/i-1\n\
            Result on cn-north-4/i-1: 1 of 2 selected client connections terminated, 2 reconnected.\n\
            \n\
            Still alive:\n  \
              10.0.0.2:4711 (user app, idle 1m30s): still listed after 3 attempts\n\
            \n\
            {next}"
        )
    };
    let let_go = format!(
        "{STAYS} Run the same command again to try again. To let it go in spite of survivors, set `on_failure = \"warn\"`. {FROM_STATE}"
    );
    for (occasion, next) in [
        (Occasion::Apply, "The next apply tries again for what is left."),
        (Occasion::Destroy, &*let_go),
        (Occasion::Ephemeral, "The next apply runs again."),
        (
            Occasion::Invoke,
            "Apply again if it was to act before a change; otherwise invoke it by hand, with `terraform apply -invoke=ADDRESS` and the action's address.",
        ),
    ] {
        check(occasion, given(), &told("Error", next));
    }
    for (occasion, next) in [
        (
            Occasion::Apply,
            "`on_failure` is `\"warn\"`, so nothing tries again by itself. Change `triggers` for another run.",
        ),
        (
            Occasion::Destroy,
            "`on_failure` is `\"warn\"`, so the resource leaves the state, and what it depends on is destroyed with them connected.",
        ),
        (Occasion::Ephemeral, "The next apply runs again."),
        (
            Occasion::Invoke,
            "`on_failure` is `\"warn\"`, so the action counts as done. To run it for what is left, use `terraform apply -invoke=ADDRESS` with its address.",
        ),
    ] {
        let warned = About { on_failure: OnFailure::Warn, ..about(occasion) };
        let folded =
            told("Warning", next).replacen("on cn-north-4/i-1\n", "on cn-north-4/i-1: all\n", 1);
        check_about(warned, given(), &folded);
    }
}

#[test]
fn who_was_not_seen_to_go_is_not_called_alive() {
    let unseen = || Fate::Survived("not verified: the run ended early".into());
    for (fates, expected) in [
        (
            vec![unseen()],
            "Error: Sessions are not confirmed gone on cn-north-4/i-1\n\
            Result on cn-north-4/i-1: 0 of 1 selected client connection terminated.\n\
            \n\
            Not confirmed gone:\n  \
              10.0.0.1:4711 (user app, idle 1m30s): not verified: the run ended early\n\
            \n\
            The next apply tries again for what is left.",
        ),
        (
            vec![unseen(), Fate::Survived("still listed: BUSY:\u{7} no".into()), Fate::Untouched],
            "Error: Sessions survived on cn-north-4/i-1\n\
            Result on cn-north-4/i-1: 0 of 3 selected client connections terminated.\n\
            \n\
            Still alive, or not confirmed gone:\n  \
              10.0.0.1:4711 (user app, idle 1m30s): not verified: the run ended early\n  \
              10.0.0.2:4711 (user app, idle 1m30s): still listed: BUSY:? no\n  \
              10.0.0.3:4711 (user app, idle 1m30s): not tried\n\
            \n\
            The next apply tries again for what is left.",
        ),
    ] {
        let given = Report { victims: victims(&fates), ..Report::default() };
        check(Occasion::Apply, given, expected);
    }
}

#[test]
fn a_refusal_names_the_call_the_code_the_request_and_what_was_done_before() {
    let given = Report {
        victims: victims(&[Fate::Terminated, Fate::Untouched]),
        halt: Some(Halt::Failed(refused())),
        ..Report::default()
    };
    check(
        Occasion::Apply,
        given,
        "Error: Sessions on cn-north-4/i-1 could not be terminated\n\
        HangUpClients (POST https://dcs.cn-north-4.myhuaweicloud.com/v2/p/instances/i-1/clients/kill) was answered with 403 DCS.2003: No permission. (request id r-77)\n\
        \n\
        The credentials are valid but lack a permission. This type needs `dcs:clients:list`, `dcs:job:get`, `dcs:clients:kill`; its page has a ready policy.\n\
        \n\
        Result on cn-north-4/i-1: 1 of 2 selected client connections terminated.",
    );
}

#[test]
fn too_many_sessions_are_counted_and_the_first_ones_named() {
    let given = Report {
        victims: victims(&vec![Fate::Untouched; 21]),
        halt: Some(Halt::TooMany { selected: 21, allowed: 5 }),
        ..Report::default()
    };
    let messages = report(about(Occasion::Apply), &given);
    let detail = &messages.0[0].detail;
    assert!(detail.starts_with("21 client connections are selected and `max_sessions` allows 5, so nothing was terminated."), "{detail}");
    assert!(detail.contains("10.0.0.20:4711") && !detail.contains("10.0.0.21:4711"), "{detail}");
    assert!(detail.contains("  and 1 more\n"), "{detail}");
}

#[test]
fn a_target_that_is_gone_is_a_warning() {
    let given = Report {
        halt: Some(Halt::TargetGone(Error::new(
            Kind::TargetGone,
            "ShowNodesInformation",
            "instance does not exist",
        ))),
        ..Report::default()
    };
    check(
        Occasion::Destroy,
        given,
        "Warning: Nothing is left to terminate on cn-north-4/i-1: all\n\
        cn-north-4/i-1 does not exist any more, so nothing can hold a session on it.\n\
        \n\
        ShowNodesInformation: instance does not exist",
    );
}

#[test]
fn a_run_out_of_time_says_whom_it_left_what_failed_last_and_what_to_do() {
    let survived = Fate::Survived("not verified: time was up".into());
    let busy = Error { kind: Kind::Busy, code: Some("DCS.4848".into()), ..refused() };
    let given = Report {
        victims: victims(&[survived]),
        halt: Some(Halt::TimedOut(Some(busy))),
        ..Report::default()
    };
    check(
        Occasion::Invoke,
        given,
        "Error: Sessions are not confirmed gone on cn-north-4/i-1\n\
        Result on cn-north-4/i-1: 0 of 1 selected client connection terminated.\n\
        \n\
        Not confirmed gone:\n  \
          10.0.0.1:4711 (user app, idle 1m30s): not verified: time was up\n\
        \n\
        Time was up before all selected sessions were gone. Raise `timeout`, or narrow the selection.\n\
        \n\
        The last failure: HangUpClients (POST https://dcs.cn-north-4.myhuaweicloud.com/v2/p/instances/i-1/clients/kill) was answered with 403 DCS.4848: No permission. (request id r-77)\n\
        \n\
        The target is busy with another operation. Wait until that has ended, or raise `timeout`.\n\
        \n\
        Apply again if it was to act before a change; otherwise invoke it by hand, with `terraform apply -invoke=ADDRESS` and the action's address.",
    );
}
