//! What comes of block, environment and files, for the server that it is for and for any other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::resolve::{Login, login};
use super::{Settings, place};
use crate::access::server::Encryption;
use crate::access::{Error, Given, Kind, SettingValue};
use crate::wire::dial::{Place, Reached};
use crate::wire::testing::World;
use crate::wire::tls::Check;

/// A world with these variables and files.
fn world(
    variables: &[(&'static str, &'static str)],
    files: &[(&'static str, &'static str)],
) -> Arc<World> {
    let mut world = World::new([]);
    world.variables = variables.iter().copied().collect();
    world.files = files.iter().copied().collect();
    Arc::new(world)
}

fn settings(given: &[(&str, &str)]) -> Settings {
    let text =
        |(name, text): &(&str, &str)| ((*name).to_owned(), SettingValue::Text((*text).to_owned()));
    Settings::new(&Given(given.iter().map(text).collect())).unwrap()
}

fn to(host: &str) -> Place {
    place(host, None).unwrap()
}

fn read(world: &Arc<World>, given: &[(&str, &str)], host: &str) -> Result<Login, Error> {
    login(&settings(given), &**world, &to(host))
}

/// User and password.
fn who(world: &Arc<World>, given: &[(&str, &str)], host: &str) -> (String, Option<String>) {
    let login = read(world, given, host).unwrap();
    let password = login.password("postgres").map(|one| one.reveal().to_owned());
    (login.user, password)
}

fn is(user: &str, password: Option<&str>) -> (String, Option<String>) {
    (user.to_owned(), password.map(str::to_owned))
}

#[test]
fn the_block_counts_before_the_service_and_that_before_the_environment_and_the_password_file() {
    let service = "[ops]\nhost=db\nuser=service\npassword=of-service\n";
    let files = [("/home/user/.pg_service.conf", service), ("/home/user/.pgpass", "db:*:*:*:file")];
    let named = world(&[("PGSERVICE", "ops"), ("PGUSER", "env"), ("PGPASSWORD", "of-env")], &files);
    assert_eq!(who(&named, &[("username", "me"), ("password", "x")], "db"), is("me", Some("x")));
    assert_eq!(who(&named, &[("username", "me")], "db"), is("me", Some("of-service")));
    assert_eq!(who(&named, &[], "db"), is("service", Some("of-service")));
    let plain = world(&[("PGUSER", "env"), ("PGPASSWORD", "of-env")], &files);
    assert_eq!(who(&plain, &[], "db"), is("env", Some("of-env")));
    assert_eq!(who(&world(&[], &files), &[], "db"), is("postgres", Some("file")));
    assert_eq!(who(&world(&[], &[]), &[], "db"), is("postgres", None));
}

#[test]
fn what_belongs_to_one_host_goes_to_no_other() {
    let service = "[ops]\nhost=db\nport=5433\nuser=service\npassword=of-service\nsslmode=disable";
    let files = [("/s", service), ("/p", "db:*:*:*:file")];
    let variables = [("PGSERVICE", "ops"), ("PGSERVICEFILE", "/s"), ("PGPASSFILE", "/p")];
    let all = world(&variables, &files);
    let elsewhere = read(&all, &[], "other").unwrap();
    assert_eq!(elsewhere.user, "postgres");
    assert_eq!(elsewhere.password("postgres"), None);
    assert_eq!(elsewhere.wish.environment, None);
    assert_eq!(elsewhere.withheld, ["the service `ops` (`PGSERVICE`) is for `db:5433`"]);
    // The same host on another port is another server.
    assert_eq!(read(&all, &[], "db").unwrap().user, "postgres");

    let env = world(&[("PGHOST", "DB."), ("PGUSER", "u"), ("PGPASSWORD", "pw-env")], &[]);
    assert_eq!(who(&env, &[], "db"), is("u", Some("pw-env")));
    assert_eq!(who(&env, &[], "other"), is("postgres", None));
    assert!(read(&env, &[], "other").unwrap().withheld[0].contains("PGHOST"));
    let several = world(&[("PGHOST", "a,db"), ("PGPORT", "1,5432"), ("PGUSER", "u")], &[]);
    assert_eq!(who(&several, &[], "db").0, "u");
    assert_eq!(who(&several, &[], "a").0, "postgres");
    let socket = world(&[("PGHOST", "/run/pg"), ("PGPORT", "5432"), ("PGUSER", "u")], &[]);
    assert_eq!(who(&socket, &[], "/run/pg").0, "u");
    assert_eq!(who(&socket, &[], "/run/other").0, "postgres");
}

#[test]
fn a_service_that_cannot_be_found_is_told_unless_the_block_says_it_all() {
    let lost = world(&[("PGSERVICE", "ops")], &[]);
    let error = read(&lost, &[], "db").unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert!(error.message.contains("`PGSERVICE` names the service `ops`"), "{error}");
    assert_eq!(who(&lost, &[("username", "a"), ("password", "b")], "db"), is("a", Some("b")));
}

#[test]
fn a_mode_means_what_it_means_to_libpq() {
    let far = Reached::Address("10.0.0.1:5432".parse().unwrap());
    let files = [("/ca", "pem")];
    for (mode, ca, expected) in [
        ("disable", None, Encryption::None),
        ("require", None, Encryption::Checked(Check::Nothing)),
        ("require", Some("/ca"), Encryption::Checked(Check::Chain)),
        ("verify-ca", Some("/ca"), Encryption::Checked(Check::Chain)),
        ("verify-full", Some("system"), Encryption::Checked(Check::Full)),
    ] {
        let mut given = vec![("sslmode", mode)];
        given.extend(ca.map(|path| ("sslrootcert", path)));
        let login = read(&world(&[], &files), &given, "db").unwrap();
        assert_eq!(login.wish.choose(&far).encryption, expected, "{mode} {ca:?}");
        assert_eq!(login.papers.ca.is_some(), ca == Some("/ca"));
    }
    for (mode, ignored) in
        [("prefer", true), ("require", true), ("verify-ca", true), ("verify-full", false)]
    {
        let login = read(&world(&[("PGSSLMODE", mode)], &[]), &[], "db").unwrap();
        let chosen = login.wish.choose(&far);
        assert_eq!(chosen.encryption, Encryption::Checked(Check::Full));
        assert_eq!(chosen.ignored.is_some(), ignored, "{mode}");
    }
}

#[test]
fn values_that_can_mean_nothing_are_refused_by_their_name() {
    let wrong = |name: &str, value: SettingValue| {
        let given = BTreeMap::from([(name.to_owned(), value)]);
        Settings::new(&Given(given)).unwrap_err().message
    };
    for mode in ["prefer", "allow", "Require", "on"] {
        assert!(wrong("sslmode", SettingValue::Text(mode.into())).contains("sslmode"));
    }
    assert!(wrong("connect_timeout", SettingValue::Integer(-1)).contains("connect_timeout"));
    let half = BTreeMap::from([("cert".to_owned(), SettingValue::Text("c".into()))]);
    assert!(wrong("clientcert", SettingValue::Object(Given(half))).contains("clientcert"));
    let error = read(&world(&[], &[]), &[("sslrootcert", "/nowhere")], "db").unwrap_err();
    assert!(error.message.contains("`/nowhere`"), "{error}");
}

#[test]
fn a_connection_is_given_up_after_ten_seconds_unless_somebody_says_otherwise() {
    let limit = |variables: &[(&'static str, &'static str)]| {
        read(&world(variables, &[]), &[], "db").unwrap().limit
    };
    assert_eq!(limit(&[]), Duration::from_secs(10));
    assert_eq!(limit(&[("PGCONNECT_TIMEOUT", "3")]), Duration::from_secs(3));
    assert_eq!(limit(&[("PGCONNECT_TIMEOUT", "0")]), Duration::from_secs(10));
    assert_eq!(limit(&[("PGCONNECT_TIMEOUT", "soon")]), Duration::from_secs(10));
}
