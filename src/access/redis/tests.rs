//! What comes of block and environment, for the server that it is for and for any other.

use std::sync::Arc;

use super::resolve::{Login, login};
use super::{Settings, place};
use crate::access::server::Encryption;
use crate::access::{Error, Given, SettingValue};
use crate::wire::dial::Reached;
use crate::wire::testing::World;

fn read(url: Option<&'static str>, given: &[(&str, &str)], host: &str) -> Result<Login, Error> {
    let mut world = World::new([]);
    world.variables = url.map(|url| ("REDIS_URL", url)).into_iter().collect();
    let text =
        |(name, text): &(&str, &str)| ((*name).to_owned(), SettingValue::Text((*text).to_owned()));
    let settings = Settings::new(&Given(given.iter().map(text).collect())).unwrap();
    login(&settings, &*Arc::new(world), &place(host, None).unwrap())
}

fn who(login: &Login) -> (Option<&str>, Option<&str>) {
    (login.user.as_deref(), login.password.as_ref().map(|one| one.reveal()))
}

#[test]
fn a_url_is_used_for_its_own_server_only() {
    for (url, host, expected) in [
        ("redis://ops:pw%40x@cache/0", "Cache.", (Some("ops"), Some("pw@x"))),
        ("rediss://:pw@cache:6379", "cache", (None, Some("pw"))),
        ("redis://ops:pw@[::1]:6379/", "::1", (Some("ops"), Some("pw"))),
        ("redis://ops:pw@cache:6380", "cache", (None, None)),
        ("redis://ops:pw@cache", "other", (None, None)),
        ("http://ops:pw@cache", "cache", (None, None)),
        ("nonsense", "cache", (None, None)),
    ] {
        assert_eq!(who(&read(Some(url), &[], host).unwrap()), expected, "{url} {host}");
    }
    let elsewhere = read(Some("redis://ops:pw-secret@cache"), &[], "other").unwrap();
    let told = elsewhere.withheld.unwrap();
    assert!(told.contains("`cache:6379`") && !told.contains("pw-secret"), "{told}");
}

#[test]
fn the_block_counts_before_the_url_and_a_login_is_never_of_both() {
    let url = Some("redis://ops:pw@cache");
    let block = [("username", "me"), ("password", "mine")];
    assert_eq!(who(&read(url, &block, "cache").unwrap()), (Some("me"), Some("mine")));
    assert_eq!(who(&read(url, &block[1..], "cache").unwrap()), (None, Some("mine")));
}

#[test]
fn an_unencrypted_url_takes_no_check_away() {
    let far = Reached::Address("10.0.0.1:6379".parse().unwrap());
    let near = Reached::Address("127.0.0.1:6379".parse().unwrap());
    let chosen = |url, at| read(Some(url), &[], "cache").unwrap().wish.choose(at);
    assert!(matches!(chosen("redis://cache", &far).encryption, Encryption::Checked(_)));
    assert!(chosen("redis://cache", &far).ignored.is_some());
    assert_eq!(chosen("redis://cache", &near).encryption, Encryption::None);
    assert!(matches!(chosen("rediss://cache", &near).encryption, Encryption::Checked(_)));
}
