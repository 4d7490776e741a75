//! The sandbox as a process of its own, spoken to through its public interface only.
//!
//! The first line on its standard output is a JSON object that tells where it listens and what
//! there is ([`Card`]).

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};

use super::error::Error;
use super::leash::leashed;

/// From start to the first line.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest first line.
const LINE: u64 = 1 << 20;

/// A running sandbox. It is killed on drop, and dies with this process.
#[derive(Debug)]
pub struct SandboxProcess {
    /// What it told of itself.
    pub card: Card,
    process: Child,
}

/// What a sandbox tells on its first line; keys that are not used here are passed over.
#[derive(Clone, Debug, Deserialize)]
pub struct Card {
    /// Base URL of every service, without a slash at the end.
    pub endpoint: String,
    /// The key pair it accepts.
    pub credentials: CardCredentials,
    /// The region it plays.
    pub region: String,
    /// The project its instances are in.
    pub project_id: String,
    /// How to log in to Alibaba Cloud; all else here is Huawei Cloud's.
    pub alicloud: CardAlicloud,
    /// What there is.
    pub instances: Vec<CardInstance>,
}

/// The key pair a sandbox accepts: worth nothing anywhere else.
#[derive(Clone, Deserialize)]
pub struct CardCredentials {
    /// Access key.
    pub access_key: String,
    /// Secret key.
    pub secret_key: String,
}

impl std::fmt::Debug for CardCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CardCredentials").finish_non_exhaustive()
    }
}

/// How to log in to a sandbox's Alibaba Cloud.
#[derive(Clone, Debug, Deserialize)]
pub struct CardAlicloud {
    /// The key pair it accepts.
    pub credentials: CardCredentials,
    /// The region it plays.
    pub region: String,
}

/// An instance that a sandbox plays.
#[derive(Clone, Debug, Deserialize)]
pub struct CardInstance {
    /// Service, like `huaweicloud_dcs`.
    pub service: String,
    /// Its id.
    pub instance_id: String,
}

impl Card {
    /// The first instance of a service.
    pub fn instance(&self, service: &str) -> Result<&str, Error> {
        let none = || Error::failed("the sandbox is not complete", format!("it has no {service}"));
        self.instances_of(service).next().ok_or_else(none)
    }

    /// All instances of a service, in the sandbox's order.
    pub fn instances_of(&self, service: &str) -> impl Iterator<Item = &str> {
        let ours = self.instances.iter().filter(move |one| one.service == service);
        ours.map(|one| one.instance_id.as_str())
    }
}

impl SandboxProcess {
    /// Starts `binary sandbox` with some of its options and reads its card.
    ///
    /// # Errors
    /// It ends, or says something else than its card, or nothing for 20 seconds.
    pub async fn start(binary: &Path, options: &[&str]) -> Result<SandboxProcess, Error> {
        let started = Command::from(leashed(std::process::Command::new(binary)))
            .args(["sandbox", "--listen", "127.0.0.1:0"])
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let what = "the sandbox did not start";
        let mut process = started.map_err(Error::io(what))?;
        let (said, complaints) = (process.stdout.take(), process.stderr.take());
        let mut said = BufReader::new(said.ok_or_else(|| Error::failed(what, "no output"))?);
        let mut line = String::new();
        let mut first = (&mut said).take(LINE);
        match tokio::time::timeout(PATIENCE, first.read_line(&mut line)).await {
            Ok(read) => read.map_err(Error::io(what))?,
            Err(_) => return Err(Error::failed(what, "it said nothing for 20 seconds")),
        };
        let Ok(card) = serde_json::from_str(&line) else {
            let mut text = String::new();
            if let (true, Some(complaints)) = (line.is_empty(), complaints) {
                // It ended: its last words are all there is, read as far as they go.
                let _ = complaints.take(LINE).read_to_string(&mut text).await;
            }
            return Err(Error::failed(what, format!("it said: {line}{text}")));
        };
        tokio::spawn(async move { tokio::io::copy(&mut said, &mut tokio::io::sink()).await });
        if let Some(mut complaints) = complaints {
            tokio::spawn(
                async move { tokio::io::copy(&mut complaints, &mut tokio::io::sink()).await },
            );
        }
        Ok(SandboxProcess { card, process })
    }

    /// Its process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }
}
