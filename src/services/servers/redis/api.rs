//! A server's clients by its own protocol.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex as Plain, PoisonError};

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::client::{self, Peer};
use crate::access::redis::{Account, Connection, Value, place};
use crate::services::{
    Batch, Cursor, Error, Kind, Node, Outcome, Page, SessionId, Sessions, Sight, Submission,
    Target, Ticket, Which,
};
use crate::wire::dial::Place;

const LIST: &str = "CLIENT LIST";
const KILL: &str = "CLIENT KILL";
const NODES: &str = "CLUSTER NODES";

/// The clients of one server, or of the nodes of its cluster.
pub(super) struct Redis {
    account: Arc<Account>,
    place: Result<Place, String>,
    /// One connection to each node, by its id.
    connections: Mutex<BTreeMap<String, Arc<Connection>>>,
    /// Which start of each node's server was listed last.
    listed: Plain<BTreeMap<String, String>>,
    /// Nodes that their cluster calls failed, and whether they did not answer us either.
    failed: Plain<BTreeMap<String, bool>>,
}

impl Redis {
    pub(super) fn new(account: Arc<Account>, target: &Target) -> Redis {
        Redis {
            account,
            place: super::place(target),
            connections: Mutex::default(),
            listed: Plain::default(),
            failed: Plain::default(),
        }
    }

    /// The connection to a node, made if there is none.
    async fn connection(
        &self,
        operation: &'static str,
        node: &str,
    ) -> Result<Arc<Connection>, Error> {
        let wrong = |rule: &String| Error::new(Kind::Configuration, operation, rule.clone());
        let home = self.place.as_ref().map_err(wrong)?;
        let mut all = self.connections.lock().await;
        if let Some(known) = all.get(node) {
            return Ok(known.clone());
        }
        let to = match node.rsplit_once(':') {
            None => home.clone(),
            Some((host, port)) => place(host, Some(port)).map_err(|rule| wrong(&rule))?,
        };
        let made = Arc::new(self.account.connect(home, &to).await?);
        all.insert(node.to_owned(), made.clone());
        Ok(made)
    }

    /// Gives up a connection whose answers are not to be had.
    async fn give_up(&self, node: &str) {
        self.connections.lock().await.remove(node);
    }

    /// The answers to commands on a node; a broken connection is given up.
    async fn ask(
        &self,
        operation: &'static str,
        node: &str,
        commands: &[&[&str]],
    ) -> Result<(Arc<Connection>, Vec<Result<Value, Error>>), Error> {
        let connection = self.connection(operation, node).await?;
        let answers = connection.ask(operation, commands).await;
        let broken = |answer: &Result<Value, Error>| {
            answer.as_ref().is_err_and(|error| matches!(error.kind, Kind::Lost | Kind::Malformed))
        };
        if answers.iter().any(broken) {
            self.give_up(node).await;
        }
        Ok((connection, answers))
    }

    /// Gives up a node that its cluster has given up as well, and that has never answered: a node
    /// that the others have lost may have its clients still, so it is asked. Whoever was listed on it
    /// is not gone because it is out of reach now. Returns whether it is given up.
    fn is_lost(&self, node: &str, error: &Error) -> bool {
        let heard = self.listed(node).is_some();
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = failed.get_mut(node).filter(|_| !heard && error.kind == Kind::Unreachable);
        lost.is_some_and(|silent| {
            *silent = true;
            true
        })
    }

    /// Whether a node was asked in vain already: another silence would take as long.
    fn is_silent(&self, node: &str) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(node).is_some_and(|silent| *silent)
    }

    fn listed(&self, node: &str) -> Option<String> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner).get(node).cloned()
    }
}

#[async_trait]
impl Sessions for Redis {
    async fn nodes(&self) -> Result<Vec<Node>, Error> {
        let (_, answers) = self.ask(NODES, "", &[&["INFO", "cluster"]]).await?;
        let info = text(NODES, answers)?;
        if field(&info, "cluster_enabled") != Some("1") {
            return Ok(vec![Node::whole()]);
        }
        let (_, answers) = self.ask(NODES, "", &[&["CLUSTER", "NODES"]]).await?;
        let nodes = addresses(&text(NODES, answers)?, self.place.as_ref().ok());
        if nodes.is_empty() {
            return Err(Error::new(Kind::Malformed, NODES, "a cluster without a node"));
        }
        let mut known = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = nodes.iter().filter(|(_, failed)| **failed);
        *known = failed
            .map(|(node, _)| (node.clone(), known.get(node).copied().unwrap_or_default()))
            .collect();
        Ok(nodes.keys().map(|node| Node::of(node)).collect())
    }

    async fn sight(&self) -> Result<Sight, Error> {
        // Whoever answers is there.
        self.nodes().await.map(|_| Sight::Seen)
    }

    async fn list(
        &self,
        node: &Node,
        _prepared: Option<&Ticket>,
        _after: Option<Cursor>,
    ) -> Result<Page, Error> {
        let commands: [&[&str]; 4] =
            [&["INFO", "server"], &["CLIENT", "ID"], &["ACL", "WHOAMI"], &["CLIENT", "LIST"]];
        if self.is_silent(&node.id) {
            return Ok(without_answer());
        }
        let (connection, answers) = match self.ask(LIST, &node.id, &commands).await {
            Ok(answers) => answers,
            Err(error) if self.is_lost(&node.id, &error) => return Ok(without_answer()),
            Err(error) => return Err(error),
        };
        let Ok([info, own, user, list]) = <[Result<Value, Error>; 4]>::try_from(answers) else {
            return Err(Error::new(Kind::Malformed, LIST, "fewer answers than questions"));
        };
        let info = words(LIST, info?)?;
        let run = field(&info, "run_id").filter(|id| !id.is_empty());
        let run = run.ok_or_else(|| malformed(LIST, "the server does not tell its `run_id`"))?;
        let Value::Int(own) = own? else { return Err(malformed(LIST, "our own number is none")) };
        let user = user.ok().and_then(|user| words(LIST, user).ok());
        let list = words(LIST, list?)?;
        let clients = client::read(&list, &node.id, user.as_deref());
        let clients = clients.map_err(|what| malformed(LIST, &format!("the list holds {what}")))?;
        let (mut page, mut replication, mut seen) =
            (Page { still: true, ..Page::default() }, 0, false);
        self.account.notes.claim(format!("{own}#{run}"));
        for one in clients {
            seen |= i64::try_from(one.id) == Ok(own);
            let known = format!("{}#{run}", one.id);
            match one.peer {
                Peer::Replication => replication += 1,
                Peer::Client if self.account.notes.owns(&known) => {}
                Peer::Client => {
                    let mut session = one.session;
                    session.incarnation = Some(known);
                    page.sessions.push(session);
                }
            }
        }
        if !seen {
            let message = "our own connection is not in the server's list: there is something in \
                           between. Connect to the server itself";
            return Err(Error::new(Kind::Unsupported, LIST, message));
        }
        if replication > 0 {
            page.left_out = vec![("replication connections", replication)];
        }
        page.server = Some(format!("{}#{run}", connection.reached));
        let mut listed = self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        listed.insert(node.id.clone(), run.to_owned());
        Ok(page)
    }

    async fn terminate(&self, batch: Batch<'_>) -> Result<Submission, Error> {
        let (Which::These(ids), Some(node)) = (batch.which, batch.node) else {
            return Err(Error::new(Kind::Unsupported, KILL, "clients are ended by their numbers"));
        };
        if ids.iter().any(|id| id.0.parse::<u64>().is_err()) {
            return Err(Error::new(Kind::BadRequest, KILL, "an id is not the number of a client"));
        }
        // A server that was started anew has given the numbers to others.
        let (connection, answers) = self.ask(KILL, &node.id, &[&["INFO", "server"]]).await?;
        let info = text(KILL, answers)?;
        if field(&info, "run_id") != self.listed(&node.id).as_deref() {
            let message = "the server was started anew since it was listed";
            return Err(Error::new(Kind::Ambiguous, KILL, message));
        }
        // `ID a ID b` would end only the last on Redis, and `ID a b` is no syntax there.
        let commands: Vec<[&str; 4]> =
            ids.iter().map(|id| ["CLIENT", "KILL", "ID", id.0.as_str()]).collect();
        let commands: Vec<&[&str]> = commands.iter().map(<[&str; 4]>::as_slice).collect();
        // On the connection that said which server it is: a new one may lead to another.
        let answers = connection.ask(KILL, &commands).await;
        let mut gone: Vec<SessionId> = Vec::new();
        let mut failure = None;
        for (id, answer) in ids.iter().zip(answers) {
            match answer {
                Ok(Value::Int(0)) => gone.push(id.clone()),
                Ok(Value::Int(_)) => {}
                Ok(_) => failure = Some(malformed(KILL, "the answer is no number")),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            self.give_up(&node.id).await;
            return Err(error);
        }
        let outcome = Outcome { already_gone: gone, ..Outcome::default() };
        Ok(Submission { outcome, ..Submission::default() })
    }

    async fn close(&self) {
        self.connections.lock().await.clear();
    }
}

/// The list of a node that is given up: there is nobody to end on it.
fn without_answer() -> Page {
    let left_out = vec![("nodes that the cluster calls failed and that do not answer", 1)];
    Page { still: true, left_out, ..Page::default() }
}

fn malformed(operation: &'static str, what: &str) -> Error {
    Error::new(Kind::Malformed, operation, what)
}

/// The one answer as text.
fn text(operation: &'static str, mut answers: Vec<Result<Value, Error>>) -> Result<String, Error> {
    match answers.pop() {
        Some(answer) => words(operation, answer?),
        None => Err(malformed(operation, "no answer")),
    }
}

fn words(operation: &'static str, answer: Value) -> Result<String, Error> {
    if let Value::BulkString(bytes) = &answer {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    if let Value::SimpleString(text) | Value::VerbatimString { text, .. } = answer {
        return Ok(text);
    }
    Err(malformed(operation, "the answer is no text"))
}

/// The value of a line `key:value` of `INFO`.
fn field<'a>(info: &'a str, key: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.trim_end().strip_prefix(key)?.strip_prefix(':'))
}

/// The addresses of the nodes, each with whether the others call it failed: `id host:port@bus[,name] flags …`
/// (<https://redis.io/docs/latest/commands/cluster-nodes/>).
/// A node that nobody has met yet does not know its own host: that is `home`.
fn addresses(nodes: &str, home: Option<&Place>) -> BTreeMap<String, bool> {
    let own = match home {
        Some(Place::Tcp { host, .. }) => Some(host.as_str()),
        Some(Place::Socket(_)) | None => None,
    };
    let address = |line: &str| {
        let mut parts = line.split(' ').skip(1);
        let (address, flags) = (parts.next()?, parts.next()?);
        let has = |wanted: &str| flags.split(',').any(|flag| flag == wanted);
        let lost = has("noaddr") || has("handshake");
        let (place, rest) = address.split_once('@').unwrap_or((address, ""));
        let (host, port) = place.rsplit_once(':')?;
        let name = rest.split_once(',').map(|(_, name)| name.split(',').next().unwrap_or_default());
        let host = name.filter(|name| !name.is_empty()).unwrap_or(host);
        let host = if host.is_empty() && has("myself") { own? } else { host };
        (!lost && !host.is_empty()).then(|| (format!("{host}:{port}"), has("fail")))
    };
    nodes.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_names_its_nodes_and_those_that_are_lost() {
        let told = "\
07c 127.0.0.1:30004@31004,host4.example slave e7d 0 1426238317239 4 connected
67e 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922
292 127.0.0.1:30003@31003 master,fail - 0 1426238318243 3 connected 10923-16383
6ec :0@0 slave,noaddr - 0 0 1 connected
0ec :30007@31007 myself,master - 0 0 1 connected
e7d ::1:30001@31001,,shard-id=x master - 0 0 1 connected 0-5460
";
        let expected = [
            ("127.0.0.1:30002", false),
            ("127.0.0.1:30003", true),
            ("::1:30001", false),
            ("host4.example:30004", false),
            ("me:30007", false),
        ];
        let home = place("me", None).unwrap();
        let all = addresses(told, Some(&home));
        let all: Vec<_> = all.iter().map(|(node, failed)| (node.as_str(), *failed)).collect();
        assert_eq!(all, expected);
        assert_eq!(addresses("rubbish\n\n", Some(&home)), BTreeMap::new());
    }

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n";
        assert_eq!(field(info, "run_id"), Some("abc"));
        assert_eq!(field(info, "run"), None);
    }
}
