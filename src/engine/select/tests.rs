use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::*;
use crate::engine::sieve::text;
use crate::engine::tests::world::{ids, play, session, spec};
use crate::engine::{Filter, Known};
use crate::services::{Everyone, Field};

fn set(values: &[&str]) -> Option<BTreeSet<String>> {
    Some(values.iter().map(|value| (*value).to_owned()).collect())
}

fn seen(session: Session) -> Sighting {
    let now = Instant::now();
    Sighting::new(&spec(1, Everyone::Never), session, now, now)
}

fn judge<'a>(spec: &Spec, request: &'a Request) -> Judge<'a> {
    Judge::new(spec, request, false, Clock::at(SystemTime::UNIX_EPOCH))
}

#[tokio::test(start_paused = true)]
async fn of_a_session_that_is_listed_twice_the_entry_counts_that_protect_saves() {
    let spec = spec(1, Everyone::Never);
    let mut request = play(Selection::All).request;
    let mut untold = session("n", "b", "app");
    untold.fields.remove("user");
    let listed = || {
        let sessions = [
            session("n", "b", "app"),
            session("n", "a", "admin"),
            untold.clone(),
            session("m", "a", "app"),
            session("n", "a", "app"),
        ];
        sessions.map(seen).to_vec()
    };
    let users = |request: &Request| {
        let text = |one: Sighting| {
            let user = one.session.fields.get("user");
            user.map_or("-".to_owned(), |it| text(it).unwrap())
        };
        judge(&spec, request).once(listed()).into_iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(users(&request), ["app", "app", "-"], "the later");
    request.guards.protect = Some(Filter { users: set(&["admin"]), ..Filter::default() });
    assert_eq!(users(&request), ["app", "admin", "-"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_sessions_that_had_one_id_the_later_counts() {
    let spec = spec(1, Everyone::Never);
    let mut request = play(Selection::All).request;
    request.guards.protect = Some(Filter { users: set(&["admin"]), ..Filter::default() });
    let numbered = |number: &str, user: &str| {
        let incarnation = Some(number.to_owned());
        seen(Session { incarnation, ..session("n", "a", user) })
    };
    let listed = vec![numbered("1", "admin"), numbered("2", "app")];
    let once = judge(&spec, &request).once(listed);
    assert_eq!(once.len(), 1);
    assert_eq!(once[0].session.incarnation.as_deref(), Some("2"));
}

#[tokio::test(start_paused = true)]
async fn protected_wins_over_selected_and_named_ids_that_are_not_live_are_missing() {
    let spec = spec(1, Everyone::Never);
    let mut request = play(ids(&["a", "b", "x", "twice"])).request;
    let users = set(&["admin"]);
    request.guards.protect = Some(Filter { users, ..Filter::default() });
    let sessions = [
        session("m", "twice", "app"),
        session("n", "a", "app"),
        session("n", "b", "admin"),
        session("n", "c", "app"),
        session("n", "twice", "app"),
    ];
    let survey = judge(&spec, &request).select(&sessions.map(seen));
    assert_eq!(survey.selected, [0, 1, 4]);
    assert_eq!(survey.protected, [2]);
    assert_eq!(survey.missing, ["x"]);
    assert_eq!(survey.several_nodes, ["twice"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_of_an_earlier_run_means_only_the_session_that_it_was() {
    let spec = spec(1, Everyone::Never);
    let mut request = play(ids(&["a", "b"])).request;
    let began_by = Some(SystemTime::UNIX_EPOCH);
    request.known = vec![Known { node: "n".into(), id: "a".into(), began_by, ..Known::default() }];
    for (age, expected) in [(60, &["a", "b"][..]), (0, &["b"])] {
        tokio::time::advance(Duration::from_secs(30)).await;
        let mut one = session("n", "a", "app");
        one.fields.insert("age", Field::Integer(age));
        let sightings = [one, session("n", "b", "app")].map(seen);
        let clock = Clock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(30));
        let survey = Judge::new(&spec, &request, false, clock).select(&sightings);
        let named: Vec<_> =
            survey.selected.iter().map(|at| sightings[*at].session.id.0.as_str()).collect();
        assert_eq!(named, expected, "{age}");
        assert_eq!(survey.missing.len(), 2 - expected.len());
    }
}
