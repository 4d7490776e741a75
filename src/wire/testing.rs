//! A scripted outside for unit tests: answers in order, a clock that is set, an empty environment.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};

use super::{Clock, Entropy, Environment, HttpError, HttpSend, Outside};

/// What the script answers: a response, or nothing for a reason.
pub(crate) type Reply = Result<Response<Bytes>, HttpError>;

/// A response with a JSON body.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Ok(response.body(Bytes::from(body.to_owned())).unwrap())
}

/// Nobody is there.
pub(crate) fn nobody() -> Reply {
    Err(HttpError::NotSent { host: "host".to_owned(), reason: "refused".to_owned() })
}

/// No answer ever comes.
pub(crate) fn never() -> Reply {
    Err(HttpError::Lost { host: "host".to_owned(), reason: NEVER.to_owned() })
}

const NEVER: &str = "never";

/// Everything outside, for one test.
#[derive(Default)]
pub(crate) struct World {
    replies: Mutex<VecDeque<Reply>>,
    requests: Mutex<Vec<Request<Bytes>>>,
    now: Mutex<Duration>,
    /// Environment variables.
    pub(crate) variables: BTreeMap<&'static str, &'static str>,
    /// Files by path.
    pub(crate) files: BTreeMap<&'static str, &'static str>,
}

impl World {
    /// A world of the time 2026-01-02T03:04:05Z in which these answers come in order.
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> World {
        let world = World::default();
        world.replies.lock().unwrap().extend(replies);
        *world.now.lock().unwrap() = Duration::from_secs(1_767_323_045);
        world
    }

    /// It as the code under test sees it.
    pub(crate) fn outside(self: &Arc<Self>) -> Outside {
        Outside {
            http: self.clone(),
            clock: self.clone(),
            entropy: self.clone(),
            environment: self.clone(),
        }
    }

    /// The requests since the last time, in order.
    pub(crate) fn requests(&self) -> Vec<Request<Bytes>> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// Their methods and URLs.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = |request: &Request<Bytes>| format!("{} {}", request.method(), request.uri());
        self.requests().iter().map(line).collect()
    }

    /// More answers, after those that are still to come.
    pub(crate) fn then(&self, replies: impl IntoIterator<Item = Reply>) {
        self.replies.lock().unwrap().extend(replies);
    }

    /// Lets time pass.
    pub(crate) fn pass(&self, time: Duration) {
        *self.now.lock().unwrap() += time;
    }
}

#[async_trait]
impl HttpSend for World {
    async fn send(&self, request: Request<Bytes>) -> Reply {
        let line = format!("{} {}", request.method(), request.uri());
        self.requests.lock().unwrap().push(request);
        // Others may act before the answer is here.
        tokio::task::yield_now().await;
        let reply = self.replies.lock().unwrap().pop_front();
        match reply {
            Some(Err(HttpError::Lost { reason, .. })) if reason == NEVER => {
                std::future::pending().await
            }
            Some(reply) => reply,
            None => panic!("no answer is scripted for {line}"),
        }
    }
}

impl Clock for World {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + *self.now.lock().unwrap()
    }
}

impl Entropy for World {
    fn unit(&self) -> f64 {
        0.5
    }

    fn nonce(&self) -> String {
        "0".repeat(32)
    }
}

#[async_trait]
impl Environment for World {
    fn var(&self, name: &str) -> Option<String> {
        self.variables.get(name).map(|value| (*value).to_owned())
    }

    fn home(&self) -> Option<PathBuf> {
        Some(PathBuf::from("/home/user"))
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = path.to_str().and_then(|path| self.files.get(path));
        file.map(|text| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    async fn run(&self, _program: &str, _arguments: &[String]) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
}
