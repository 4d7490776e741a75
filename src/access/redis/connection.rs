//! One connection to one server: commands with a time limit.

use std::time::Duration;

use ::redis::aio::MultiplexedConnection;
use ::redis::{Cmd, Value, cmd};
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use super::errors;
use crate::access::{Error, Kind, Secret};
use crate::wire::dial::{Allowance, Reached};

/// Longest time to the last answer of what was asked together.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// A connection that is logged in. Dropped, it is cut.
pub struct Connection {
    pub(super) client: MultiplexedConnection,
    pub(super) driver: JoinHandle<()>,
    pub(super) secrets: Vec<Secret>,
    pub(super) allowance: Allowance,
    /// Where it really leads.
    pub reached: Reached,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("reached", &self.reached).finish_non_exhaustive()
    }
}

impl Connection {
    /// The answers to several commands, in their order. They are sent together; a refusal of one is
    /// no other's.
    pub async fn ask(
        &self,
        operation: &'static str,
        commands: &[&[&str]],
    ) -> Vec<Result<Value, Error>> {
        self.allowance.renew();
        let commands: Vec<Cmd> = commands.iter().map(|words| command(words)).collect();
        let answers = commands.iter().map(|command| {
            let mut client = self.client.clone();
            async move {
                client.send_packed_command(command).await.and_then(Value::extract_error).map_err(
                    |error| match self.allowance.exceeded() {
                        Some(too_long) => Error::new(Kind::Malformed, operation, too_long),
                        None => errors::failed(&error, operation, &self.secrets),
                    },
                )
            }
        });
        let count = commands.len();
        tokio::time::timeout(ANSWER_LIMIT, join_all(answers)).await.unwrap_or_else(|_| {
            let message = format!("no answer in {} s", ANSWER_LIMIT.as_secs());
            vec![Err(Error::new(Kind::Lost, operation, message)); count]
        })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn command(words: &[&str]) -> Cmd {
    let (first, rest) = words.split_first().unwrap_or((&"PING", &[]));
    let mut command = cmd(first);
    for word in rest {
        command.arg(*word);
    }
    command
}
