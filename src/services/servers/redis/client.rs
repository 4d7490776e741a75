//! A line of `CLIENT LIST`: `key=value` by blanks, in no fixed order, with more keys in newer
//! versions.

use crate::services::{Field, Fields, Session, SessionId};

/// The name that a Sentinel gives its two connections to every node: `sentinel-`, eight hexadecimal
/// digits, `-cmd` or `-pubsub` (redis/redis `src/sentinel.c`, `sentinelSetClientName`).
const SENTINEL: &str = "sentinel-";
const LEFT_ALONE: &str = "it calls itself a Sentinel, which is left alone";

/// Who is at the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Peer {
    /// A client, or who passes for one.
    Client,
    /// A replica of this server, or its master.
    Replication,
}

/// One client as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) peer: Peer,
    pub(super) session: Session,
}

/// Reads a whole list.
///
/// # Errors
/// What is wrong with it.
pub(super) fn read(list: &str, node: &str, user: Option<&str>) -> Result<Vec<Client>, String> {
    list.lines().filter(|line| !line.is_empty()).map(|line| one(line, node, user)).collect()
}

fn one(line: &str, node: &str, own_user: Option<&str>) -> Result<Client, String> {
    let get =
        |key: &str| line.split(' ').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='));
    let number = |key: &str| -> Result<i64, String> {
        let text = get(key).ok_or_else(|| format!("a client without `{key}`"))?;
        text.parse::<i64>().map_err(|_| format!("a client whose `{key}` is no number"))
    };
    let id = u64::try_from(number("id")?).ok().filter(|id| *id > 0);
    let id = id.ok_or("a client whose `id` is no number of a client")?;
    let (age, idle) = (number("age")?, number("idle")?);
    let flags = get("flags").ok_or("a client without `flags`")?;
    let peer = match flags.contains(['S', 'M']) {
        true => Peer::Replication,
        false => Peer::Client,
    };
    let filled = |key: &str| get(key).filter(|text| !text.is_empty()).map(str::to_owned);
    let name = filled("name");
    let sentinel = name.as_deref().is_some_and(is_sentinel);
    // A client on a socket shows the server's path.
    let address = filled("addr").filter(|address| !address.starts_with('/'));
    let address =
        address.filter(|address| address.rsplit_once(':').is_some_and(|(_, port)| port != "0"));
    let listens: i64 = ["sub", "psub", "ssub"].iter().filter_map(|key| number(key).ok()).sum();
    let text = |text: &str| Some(Field::Text(text.to_owned()));
    let fields: Fields = [
        ("client_address", address.map(Field::Text)),
        ("user", filled("user").map(Field::Text)),
        ("database", filled("db").map(Field::Text)),
        ("command", filled("cmd").filter(|cmd| cmd != "NULL").map(Field::Text)),
        ("name", name.map(Field::Text)),
        ("age_seconds", Some(Field::Integer(age.max(0)))),
        ("idle_seconds", Some(Field::Integer(idle.max(0)))),
        ("kind", text(if sentinel { "sentinel" } else { "client" })),
        ("flags", text(flags)),
        ("subscriptions", Some(Field::Integer(listens))),
    ]
    .into_iter()
    .collect();
    let ours = own_user.is_some() && get("user") == own_user;
    let session = Session {
        id: SessionId(id.to_string()),
        node: node.to_owned(),
        unkillable: sentinel.then_some(LEFT_ALONE),
        ours,
        fields,
        ..Session::default()
    };
    Ok(Client { id, peer, session })
}

fn is_sentinel(name: &str) -> bool {
    let parts = || {
        let (id, role) = name.strip_prefix(SENTINEL)?.rsplit_once('-')?;
        Some(
            id.len() == 8
                && id.bytes().all(|one| one.is_ascii_hexdigit())
                && ["cmd", "pubsub"].contains(&role),
        )
    };
    parts().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "id=63 addr=127.0.0.1:52374 laddr=127.0.0.1:6379 fd=8 name=shop age=90 idle=60 \
                        flags=N db=0 sub=1 psub=2 multi=-1 cmd=client|list user=app redir=-1";

    #[test]
    fn a_line_of_any_version_is_read() {
        let [one] = &read(&format!("{LINE}\n"), "n", Some("app")).unwrap()[..] else { panic!() };
        assert_eq!((one.id, one.peer), (63, Peer::Client));
        assert!(one.session.ours && one.session.unkillable.is_none());
        let get = |name: &str| one.session.fields.get(name).cloned();
        assert_eq!(get("client_address"), Some(Field::Text("127.0.0.1:52374".into())));
        assert_eq!(get("idle_seconds"), Some(Field::Integer(60)));
        assert_eq!(get("subscriptions"), Some(Field::Integer(3)));
        let older = "id=1 addr=/run/r.sock:0 fd=8 name= age=1 idle=1 flags=S db=0 cmd=NULL";
        let [one] = &read(older, "", None).unwrap()[..] else { panic!() };
        assert_eq!(one.peer, Peer::Replication);
        assert_eq!(one.session.fields.get("client_address"), None);
        assert_eq!(one.session.fields.get("command"), None);
    }

    #[test]
    fn who_calls_himself_a_sentinel_is_shown_as_one() {
        for (name, expected) in [
            ("sentinel-0123abcd-cmd", true),
            ("sentinel-0123abcd-pubsub", true),
            ("sentinel-0123abcd", false),
            ("sentinel-app-cmd", false),
            ("my-sentinel-0123abcd-cmd", false),
        ] {
            let line = LINE.replace("name=shop", &format!("name={name}"));
            let client = one(&line, "", None).unwrap();
            assert_eq!(client.session.unkillable.is_some(), expected, "{name}");
        }
    }

    #[test]
    fn rubbish_is_no_list() {
        for line in
            ["id=1", "hello", "id=x age=1 idle=1 flags=N", "id=0 age=1 idle=1 flags=N", "-1"]
        {
            assert!(read(line, "", None).is_err(), "{line}");
        }
        assert_eq!(read("", "", None).unwrap(), []);
    }
}
