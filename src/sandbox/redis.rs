//! Real connections: those of a Redis server on this machine, by `CLIENT LIST` and `CLIENT KILL`
//! (<https://redis.io/docs/latest/commands/client-list/>).
//!
//! The sandbox's own connection is never listed and never cut. A server that cannot be asked is
//! remembered as trouble, so that the sandbox answers with an error instead of an empty list.

use std::time::Duration;

use ::redis::{Client, Connection, ConnectionAddr, RedisError, RedisResult, cmd};

use crate::services::simulator::{Clients, LiveClient};
use crate::wire::https::is_loopback;

const TIMEOUT: Duration = Duration::from_secs(2);

/// A Redis server on this machine.
pub struct Redis {
    client: Client,
    connection: Option<(Connection, i64)>,
    trouble: Option<String>,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("connected", &self.connection.is_some()).finish()
    }
}

impl Redis {
    /// The server of a URL like `redis://127.0.0.1:6379/`, on loopback only. Does not connect yet.
    ///
    /// # Errors
    /// A sentence, if the URL is not one, or leads away from this machine.
    pub fn at(url: &str) -> Result<Redis, String> {
        let client = Client::open(url).map_err(|reason| format!("no Redis URL: {reason}"))?;
        let address = client.get_connection_info().addr();
        let here = matches!(address, ConnectionAddr::Tcp(host, _) if is_loopback(host));
        if !here && !matches!(address, ConnectionAddr::Unix(_)) {
            return Err("the sandbox only speaks to a Redis on this machine".to_owned());
        }
        Ok(Redis { client, connection: None, trouble: None })
    }

    /// Why the server could not be asked since the last call of this, if it could not.
    pub fn take_trouble(&mut self) -> Option<String> {
        self.trouble.take()
    }

    /// Runs `ask`, on a new connection if the old one is broken. What `ask` does must bear being
    /// done twice.
    fn ask<T>(&mut self, ask: impl Fn(&mut Connection, i64) -> RedisResult<T>) -> Option<T> {
        let mut last = None;
        for _ in 0..2 {
            match self.connected().and_then(|(connection, own)| ask(connection, *own)) {
                Ok(answer) => return Some(answer),
                Err(reason) => {
                    self.connection = None;
                    last = Some(reason);
                }
            }
        }
        self.trouble = last.map(|reason: RedisError| reason.to_string());
        None
    }

    fn connected(&mut self) -> RedisResult<&mut (Connection, i64)> {
        if self.connection.is_none() {
            let mut connection = self.client.get_connection_with_timeout(TIMEOUT)?;
            connection.set_read_timeout(Some(TIMEOUT))?;
            connection.set_write_timeout(Some(TIMEOUT))?;
            let own = cmd("CLIENT").arg("ID").query(&mut connection)?;
            self.connection = Some((connection, own));
        }
        let missing = || RedisError::from((::redis::ErrorKind::Io, "not connected"));
        self.connection.as_mut().ok_or_else(missing)
    }
}

impl Clients for Redis {
    fn list(&mut self, _node: &str) -> Vec<LiveClient> {
        let listed = self.ask(|connection, own| {
            let text: String = cmd("CLIENT").arg("LIST").query(connection)?;
            let own = own.to_string();
            Ok(text.lines().filter_map(client).filter(|client| client.id != own).collect())
        });
        listed.unwrap_or_default()
    }

    fn kill(&mut self, _node: &str, key: &str) -> bool {
        // By number: an address may already belong to somebody else, a number never does.
        let cut = self.ask(|connection, own| {
            if key == own.to_string() || key.parse::<u64>().is_err() {
                return Ok(0);
            }
            cmd("CLIENT").arg("KILL").arg("ID").arg(key).query::<i64>(connection)
        });
        cut.is_some_and(|cut| cut > 0)
    }
}

/// One line of `CLIENT LIST`: fields `name=value`, of which newer servers have more and older ones
/// fewer. A line without a number is nobody.
fn client(line: &str) -> Option<LiveClient> {
    let mut client = LiveClient::default();
    for (name, value) in line.split_ascii_whitespace().filter_map(|field| field.split_once('=')) {
        let number = || value.parse().unwrap_or(0);
        match name {
            "id" => value.clone_into(&mut client.id),
            "addr" => value.clone_into(&mut client.address),
            "name" => value.clone_into(&mut client.name),
            "user" => value.clone_into(&mut client.user),
            "cmd" if value != "NULL" => value.clone_into(&mut client.command),
            "db" => value.clone_into(&mut client.database),
            "age" => client.age = number(),
            "idle" => client.idle = number(),
            "flags" => value.clone_into(&mut client.flags),
            _ => {}
        }
    }
    client.id.parse::<u64>().is_ok().then_some(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_client_list_is_read_field_by_field() {
        let line = "id=7 addr=127.0.0.1:50188 laddr=127.0.0.1:6379 fd=8 name=worker=1 age=61 \
                    idle=2 flags=P db=3 sub=1 psub=0 multi=-1 qbuf=26 events=r cmd=subscribe \
                    user=app redir=-1";
        let expected = LiveClient {
            id: "7".into(),
            address: "127.0.0.1:50188".into(),
            name: "worker=1".into(),
            user: "app".into(),
            command: "subscribe".into(),
            database: "3".into(),
            age: 61,
            idle: 2,
            flags: "P".into(),
        };
        assert_eq!(client(line), Some(expected));
    }

    #[test]
    fn lines_that_are_strange_are_read_as_far_as_they_go() {
        for (line, expected) in [
            ("", None),
            ("addr=127.0.0.1:1 name=x", None),
            ("id= addr=127.0.0.1:1", None),
            ("id=x", None),
            ("id=3", Some(("3", "", 0))),
            ("id=3 addr=[::1]:9 age=old idle noise", Some(("3", "[::1]:9", 0))),
            ("id=3 addr= age=99999999999999999999 cmd=NULL", Some(("3", "", 0))),
        ] {
            let found = client(line);
            let found = found.as_ref().map(|one| (one.id.as_str(), one.address.as_str(), one.age));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn a_redis_elsewhere_is_refused() {
        for url in ["redis://10.0.0.1:6379/", "redis://example.com/", "http://127.0.0.1/", "?"] {
            assert!(Redis::at(url).is_err(), "{url}");
        }
        for url in ["redis://127.0.0.1:6379/", "redis://localhost/2", "redis://[::1]:1/"] {
            assert!(Redis::at(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn a_redis_that_does_not_answer_is_trouble_and_not_an_empty_list() {
        // Bound, so that nobody else listens there, and not listening.
        let silent = tokio::net::TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let port = silent.local_addr().unwrap().port();
        let mut redis = Redis::at(&format!("redis://127.0.0.1:{port}/")).unwrap();
        assert!(redis.list("any").is_empty());
        assert!(redis.take_trouble().is_some());
        assert!(redis.take_trouble().is_none());
    }
}
