//! Bytes to the network and back, and everything else that comes from outside the process.
//!
//! Time, randomness, the network, files and the environment reach the other rooms only as
//! [`Outside`], so that a test can stand in for each of them.

pub mod cause;
pub mod dial;
pub mod https;
pub mod no_proxy;
pub mod printable;
mod proxy;
pub mod redact;
pub mod tls;

#[cfg(test)]
pub(crate) mod testing;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;

/// Sends one HTTP request. No redirects are followed, nothing is repeated.
#[async_trait]
pub trait HttpSend: Send + Sync {
    /// Sends, and reads the whole answer.
    async fn send(&self, request: http::Request<Bytes>)
    -> Result<http::Response<Bytes>, HttpError>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// No connection could be made, so the request had no effect.
    #[error("could not connect to `{host}`: {reason}")]
    NotSent {
        /// Host and port.
        host: String,
        /// The causes, joined by colons.
        reason: String,
    },
    /// The name service answered that there is no such host: a region or an address is wrong.
    #[error("there is no host `{host}`")]
    NoSuchHost {
        /// Host and port.
        host: String,
    },
    /// No connection can ever be made like this, so the request had no effect: a certificate is not
    /// trusted or cannot be read. Judged by the kind of the failure, never by its words.
    #[error("no try can connect to `{host}`: {reason}")]
    Hopeless {
        /// Host and port.
        host: String,
        /// Why, and what would mend it.
        reason: String,
    },
    /// The request went out and no whole answer came back: whether it took effect is not known.
    #[error("no whole answer from `{host}`: {reason}")]
    Lost {
        /// Host and port.
        host: String,
        /// The causes, joined by colons.
        reason: String,
    },
    /// The answer is larger than any that is believed. The request may have taken effect.
    #[error("the answer from `{host}` is larger than {most} MiB")]
    TooLarge {
        /// Host and port.
        host: String,
        /// The bound, in MiB.
        most: usize,
    },
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now, by the wall clock.
    fn now(&self) -> SystemTime;
}

/// Makes what nobody can foresee.
pub trait Entropy: Send + Sync {
    /// A number from 0 up to but not including 1.
    fn unit(&self) -> f64;

    /// 32 lower-case hexadecimal digits that never come twice.
    fn nonce(&self) -> String;
}

/// A file's content without the mark that some editors put before a text.
pub fn without_mark(content: &[u8]) -> &[u8] {
    content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content)
}

/// A path that a user wrote: `~/` is the home folder, where there is one.
pub fn at_home(path: &str, environment: &dyn Environment) -> PathBuf {
    match (path.strip_prefix("~/"), environment.home()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

/// Environment variables, the home folder, small files and helper programs.
#[async_trait]
pub trait Environment: Send + Sync {
    /// A variable's value; an empty one counts as not set.
    fn var(&self, name: &str) -> Option<String>;

    /// The user's home folder.
    fn home(&self) -> Option<PathBuf>;

    /// A file's whole content.
    fn read(&self, path: &Path) -> std::io::Result<Vec<u8>>;

    /// Standard output of a program that a profile file names, run without a shell.
    async fn run(&self, program: &str, arguments: &[String]) -> std::io::Result<Vec<u8>>;
}

/// Everything outside the process.
#[derive(Clone)]
pub struct Outside {
    /// The network.
    pub http: Arc<dyn HttpSend>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Environment and files.
    pub environment: Arc<dyn Environment>,
}

impl std::fmt::Debug for Outside {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Outside")
    }
}
