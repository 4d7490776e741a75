use super::*;
use crate::engine::tests::world::{session, spec};
use crate::services::Everyone;

fn sighting(incarnation: Option<&str>, age: Option<i64>, at: Instant) -> Sighting {
    let mut session = session("n", "10.0.0.1:4711", "app");
    session.incarnation = incarnation.map(str::to_owned);
    if let Some(age) = age {
        session.fields.insert("age", Field::Integer(age));
    }
    Sighting::new(&spec(1, Everyone::Never), session, at, at)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_took_long_does_not_hide_a_successor_from_the_next() {
    let start = Instant::now() + Duration::from_secs(10_000);
    let after = |seconds| start + Duration::from_secs(seconds);
    let spec = spec(1, Everyone::Never);
    let shown = |age: i64, asked, arrived| {
        let mut session = session("n", "4711", "app");
        session.fields.insert("age", Field::Integer(age));
        Sighting::new(&spec, session, asked, arrived)
    };
    let first = shown(0, start, start);
    // Asked for at 2 s and answered at 20 s, with somebody's age who began at 5 s.
    let slow = shown(15, after(2), after(20));
    assert!(first.is(&slow), "he may have been there when it was asked for");
    let known = first.again(slow);
    assert!(!known.is(&shown(25, after(30), after(30))), "he began five seconds later");
    // Whoever was there all the time stays himself, on clocks that run apart by the most.
    let (mut known, hours) = (shown(90, start, start), 24 * 60);
    for minute in 1..=hours {
        let late = i64::try_from(minute * 60 * 999 / 1000).unwrap();
        let again = shown(90 + late, after(minute * 60), after(minute * 60));
        assert!(known.is(&again), "after {minute} minutes");
        known = known.again(again);
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_used_again_is_another_session_by_number_or_else_by_age() {
    let start = Instant::now() + Duration::from_secs(10_000);
    let after = |seconds| start + Duration::from_secs(seconds);
    for (first, later, at, same) in [
        ((Some("7"), Some(90)), (Some("7"), Some(95)), 5, true),
        ((Some("7"), Some(90)), (Some("8"), Some(95)), 5, false),
        // The number decides, whatever a clock says.
        ((Some("7"), Some(90)), (Some("7"), Some(0)), 5, true),
        ((None, Some(90)), (None, Some(95)), 5, true),
        // Rounded apart: 90 may be 90.9 of one clock and 89.1 of another.
        ((None, Some(90)), (None, Some(93)), 5, true),
        ((None, Some(90)), (None, Some(92)), 5, false),
        ((None, Some(90)), (None, Some(0)), 5, false),
        ((None, Some(0)), (None, Some(0)), 1, true),
        ((None, Some(0)), (None, Some(0)), 2, false),
        // A clock that was set forward: nobody becomes older by connecting again.
        ((None, Some(90)), (None, Some(9000)), 5, true),
        // Nothing told: the id is all there is.
        ((None, None), (None, None), 5, true),
        ((None, None), (None, Some(1)), 5, false),
        ((None, Some(90)), (None, None), 5, true),
        ((Some("7"), None), (None, None), 5, true),
    ] {
        let first_seen = sighting(first.0, first.1, start);
        let later_seen = sighting(later.0, later.1, after(at));
        assert_eq!(first_seen.is(&later_seen), same, "{first:?} {later:?} after {at} s");
        let clock = Clock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000));
        let known = first_seen.known(clock);
        assert_eq!(known.is(&later_seen, clock), same, "{first:?} {later:?} after {at} s");
    }
    let from = |client: &str| {
        let mut session = session("n", "4711", "app");
        session.fields.insert("addr", Field::Text(client.to_owned()));
        Sighting::new(&spec(1, Everyone::Never), session, start, start)
    };
    for (first, later, same) in [
        ("10.0.0.1:4711", "10.0.0.1:4711", true),
        ("10.0.0.1:4711", "10.0.0.1:4712", false),
        ("[::1]:4711", "10.0.0.1:4711", false),
        // Without a port, or by a name, it is no more than where somebody comes from.
        ("10.0.0.1", "10.0.0.2", true),
        ("app-1:4711", "app-2:4712", true),
        ("", "10.0.0.1:4711", true),
    ] {
        assert_eq!(from(first).is(&from(later)), same, "{first} and then {later}");
    }
    let mut elsewhere = session("m", "10.0.0.1:4711", "app");
    elsewhere.incarnation = Some("7".to_owned());
    let elsewhere = Sighting::new(&spec(1, Everyone::Never), elsewhere, start, start);
    assert!(!sighting(Some("7"), None, start).is(&elsewhere));
}
