//! What comes of block, environment and file, for the server that it is for and for any other.

use std::sync::Arc;

use super::resolve::{Login, login};
use super::{Settings, place};
use crate::access::server::Encryption;
use crate::access::{Given, SettingValue};
use crate::wire::dial::Reached;
use crate::wire::testing::World;

const FAR: &str = "10.0.0.1:3306";

fn read(
    variables: &[(&'static str, &'static str)],
    file: &'static str,
    given: &[(&str, &str)],
    (host, address): (&str, &str),
) -> Login {
    let mut world = World::new([]);
    world.variables = variables.iter().copied().collect();
    world.files = [("/home/user/.my.cnf", file)].into();
    let text =
        |(name, text): &(&str, &str)| ((*name).to_owned(), SettingValue::Text((*text).to_owned()));
    let settings = Settings::new(&Given(given.iter().map(text).collect())).unwrap();
    let reached = Reached::Address(address.parse().unwrap());
    login(&settings, &*Arc::new(world), &place(host, None).unwrap(), &reached).unwrap()
}

fn who(login: &Login) -> (Option<&str>, Option<&str>) {
    (login.user.as_deref(), login.password.as_ref().map(|one| one.reveal()))
}

#[test]
fn what_belongs_to_one_host_goes_to_no_other() {
    let env =
        [("MYSQL_ENDPOINT", "db:3306"), ("MYSQL_USERNAME", "u"), ("MYSQL_PASSWORD", "pw-env")];
    assert_eq!(who(&read(&env, "", &[], ("DB.", FAR))), (Some("u"), Some("pw-env")));
    let other = read(&env, "", &[], ("other", FAR));
    assert_eq!(who(&other), (None, None));
    assert!(other.withheld[0].contains("MYSQL_ENDPOINT"));

    let file = "[mysqld]\nuser=nobody\n[client]\nhost = db\nuser=f\npassword=\"pw;file\"\n";
    assert_eq!(who(&read(&[], file, &[], ("db", FAR))), (Some("f"), Some("pw;file")));
    assert_eq!(who(&read(&[], file, &[], ("other", FAR))), (None, None));
    let homely = "[client]\nuser=f\npassword=pw\n";
    assert_eq!(
        who(&read(&[], homely, &[], ("localhost", "127.0.0.1:3306"))),
        (Some("f"), Some("pw"))
    );
    assert_eq!(who(&read(&[], homely, &[], ("db", FAR))), (None, None));
}

#[test]
fn the_block_counts_first_and_a_password_goes_with_its_own_user() {
    let file = "[client]\nhost=db\nuser=f\npassword=pw\n";
    let block = [("username", "me"), ("password", "mine")];
    assert_eq!(who(&read(&[], file, &block, ("db", FAR))), (Some("me"), Some("mine")));
    assert_eq!(who(&read(&[], file, &block[..1], ("db", FAR))), (Some("me"), None));
    assert_eq!(who(&read(&[], file, &[("username", "f")], ("db", FAR))), (Some("f"), Some("pw")));
}

#[test]
fn the_environment_takes_no_check_away() {
    let far = Reached::Address(FAR.parse().unwrap());
    for (value, ignored) in [("false", true), ("skip-verify", true), ("true", false)] {
        let chosen = read(&[("MYSQL_TLS_CONFIG", value)], "", &[], ("db", FAR)).wish.choose(&far);
        assert!(matches!(chosen.encryption, Encryption::Checked(crate::wire::tls::Check::Full)));
        assert_eq!(chosen.ignored.is_some(), ignored, "{value}");
    }
    let off = read(&[], "", &[("tls", "false")], ("db", FAR)).wish.choose(&far);
    assert_eq!(off.encryption, Encryption::None);
}
