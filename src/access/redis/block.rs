//! Redis as the provider block sees it.

use super::{ATTRIBUTES, Settings};
use crate::access::{Account, Action, Error, Given, Kind, Platform, Setting};
use crate::wire::Outside;

/// Servers that speak Redis' protocol.
#[derive(Clone, Copy, Debug)]
pub struct Redis;

impl Platform for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn title(&self) -> &'static str {
        "Redis and Valkey"
    }

    fn settings(&self) -> &'static [Setting] {
        ATTRIBUTES
    }

    fn example(&self) -> &'static str {
        "{ username = \"ops\", password = var.redis_password }"
    }

    fn logins(&self) -> &'static str {
        "Host and port stand in the blocks, the login here: `username` and `password`, else those of \
         the environment's `REDIS_URL` (`redis[s]://user:password@host:port/`), which is used only for \
         the host and port that it names, and for the nodes that a cluster there names.\n\n\
         The connection is encrypted, and the server's certificate and name are checked, everywhere \
         but on a socket or an address of this machine; `redis://` in the environment does not change \
         that, `tls = false` in the block does. Nothing is connected to before a block needs it, and a \
         connection that does not come is given up after 10 seconds. A login that was refused is not \
         tried on that server again for a minute."
    }

    fn policies(&self, actions: &[Action]) -> String {
        let rights: Vec<&str> = actions.iter().filter_map(|one| one.name).collect();
        format!(
            "The user needs these rights:\n\n```text\nACL SETUSER ops on >PASSWORD {}\n```\n\n\
             `+info` tells which server it is, so that nobody is taken for gone because another server \
             answers. In Redis 6 the rights of single subcommands can be given, too. For a cluster \
             `+cluster|nodes` is needed as well.\n",
            rights.join(" ")
        )
    }

    fn advice(&self, kind: Kind) -> Option<&'static str> {
        Some(match kind {
            Kind::Busy => {
                "The server takes no more connections, is loading its data, or runs a script."
            }
            Kind::Unavailable | Kind::NotSent | Kind::Lost => {
                "The connection to the server broke, or it failed. What it was asked for may have \
                 been done."
            }
            Kind::Credentials => {
                "Check `username` and `password` in the provider block's `redis`, and `REDIS_URL`. \
                 This login is not tried on this server again for a minute."
            }
            Kind::Permission => {
                "The login is good, but the user lacks a right: see the type's page for all that are \
                 needed."
            }
            Kind::Unsupported => {
                "The server must be Redis 6.2 or newer, or Valkey, with the commands `CLIENT` and \
                 `INFO` under their own names, and be connected to directly."
            }
            Kind::Malformed => {
                "The answer is not Redis'. Check `host`, `port` and `tls`; if they are right, please \
                 report it."
            }
            Kind::Configuration => "Correct the provider block's `redis`, or the environment.",
            Kind::BadRequest | Kind::Refused => {
                "The server refused the command; see its code and message above."
            }
            Kind::TargetGone
            | Kind::Throttled
            | Kind::Unreachable
            | Kind::Ambiguous
            | Kind::SessionGone
            | Kind::JobFailed => return None,
        })
    }

    fn account(&self, given: &Given, outside: &Outside) -> Result<Account, Error> {
        Ok(Account::Redis(super::Account::new(Settings::new(given)?, outside.clone())))
    }
}
