//! Bytes of strangers: damaged copies of good ones, the same in every run, a fixed number of times.
//! `CONTRIBUTING.md` says how to go on for longer.
//!
//! Each target is called in a process of its own, so that an endless loop can be ended and what was
//! taken of memory can be read. Each prints one line, past the test harness' capture.

mod targets;

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use terraform_provider_session::access::{self, Client};
use terraform_provider_session::sandbox::{Sandbox, Setup};
use terraform_provider_session::services::simulator::SteppedClock;
use terraform_provider_session::services::{
    self, Batch, SessionId, Sessions, Submission, Target, Which,
};
use terraform_provider_session::wire::{Clock, HttpError, HttpSend, Outside};

/// How often the decoders are called, and how often whole services and the whole door are.
const MANY: u32 = 20_000;
const SOME: u32 = 800;

/// No single input may keep anybody busy for longer, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the process of a target may take at most, in MiB: resident, and of address space, which a
/// decoder takes that believes a length. Some 20 and 230 of it are the program itself.
const MEMORY: [(&str, u64); 2] = [("VmHWM:", 128), ("VmPeak:", 1024)];

/// How many inputs were taken for good, in the words of that process.
const GOOD: &str = "taken for good:";

/// Set in the process of a target.
const CHILD: &str = "SESSION_HOSTILE_INPUTS";

/// Random numbers from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound.max(1)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next().to_be_bytes()[0]).collect()
    }

    /// A damaged copy of one of the seeds.
    fn damaged(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        const WORDS: [&str; 10] = [
            "null",
            "[]",
            "{}",
            "-1",
            "1e400",
            "\"\"",
            "99999999999999999999",
            "\\ud800",
            "true",
            "[[[[",
        ];
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len());
            match self.below(6) {
                0 if at < bytes.len() => bytes[at] = self.bytes(1)[0],
                1 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                2 => bytes.truncate(at),
                3 => {
                    let word = WORDS[self.below(WORDS.len())].as_bytes();
                    let end = (at + self.below(12)).min(bytes.len());
                    bytes.splice(at..end, word.iter().copied());
                }
                4 => {
                    let end = (at + self.below(40)).min(bytes.len());
                    let piece = bytes[at..end].to_vec();
                    bytes.splice(at..at, piece);
                }
                _ => {
                    let more = self.bytes(3);
                    bytes.splice(at..at, more);
                }
            }
        }
        bytes
    }
}

/// Calls a target with many inputs, in a process of its own: this test, once more.
fn hammer(
    test: &str,
    name: &str,
    count: u32,
    target: fn(&[u8]) -> bool,
    input: impl FnMut(&mut Random) -> Vec<u8>,
) {
    if std::env::var_os(CHILD).is_some() {
        return pound(count, target, input);
    }
    let start = Instant::now();
    let child = Command::new(std::env::current_exe().unwrap())
        .args([&format!("hostile::{test}"), "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{name}: {said}");
    let number = |what: &str| {
        let told = said.lines().find_map(|line| line.strip_prefix(what)).unwrap();
        told.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let good = number(GOOD);
    assert!(good > 0 && good < u64::from(count), "{name}: {good} of {count} are good");
    let took = start.elapsed();
    let mut line = format!("target {name}: {count} inputs, {good} of them good, in {took:.1?}");
    if cfg!(target_os = "linux") {
        for (what, most) in MEMORY {
            let peak = number(what) / 1024;
            assert!(peak < most, "{name}: {what} {peak} MiB");
            line += &format!(", {what} {peak} MiB");
        }
    }
    // The harness shows nothing of a test that passes, but what goes to the stream itself.
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Does so in this process. The input of a panic or of a hang is told on standard error, and so is
/// what was taken of memory.
#[expect(clippy::print_stderr, reason = "the parent reads it")]
fn pound(count: u32, target: fn(&[u8]) -> bool, mut input: impl FnMut(&mut Random) -> Vec<u8>) {
    let (mut random, mut good) = (Random(0x5E55_1045), 0);
    let (next, inputs) = channel::<(u32, Vec<u8>)>();
    let guard = std::thread::spawn(move || {
        let mut last = (0, Vec::new());
        loop {
            match inputs.recv_timeout(PATIENCE) {
                Ok(input) => last = input,
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => {
                    eprintln!("round {} does not end: {}", last.0, last.1.escape_ascii());
                    std::process::exit(1);
                }
            }
        }
    });
    for round in 0..count {
        let input = input(&mut random);
        next.send((round, input.clone())).unwrap();
        let Ok(taken) = std::panic::catch_unwind(|| target(&input)) else {
            panic!("round {round}: {}", input.escape_ascii());
        };
        good += u32::from(taken);
    }
    eprintln!("{GOOD}{good}");
    drop(next);
    guard.join().unwrap();
    if cfg!(target_os = "linux") {
        eprintln!("{}", std::fs::read_to_string("/proc/self/status").unwrap());
    }
}

#[test]
fn the_value_decoder_survives_damaged_values() {
    let seeds = [
        // An object of a dynamic, a list, a map and a tuple, as MessagePack and as JSON.
        b"\x84\xa3any\x92\xc4\x08\"string\"\xa1x\xa4list\x92\xa1a\xc0\xa3map\x81\xa1k\xcb\x3f\xf8\0\0\0\0\0\0\xa5tuple\x92\xc3\xc7\0\0"
            .to_vec(),
        b"\xc7\x05\x0c\x82\x01\xc2\x02\xa0".to_vec(),
        b"\xdd\xff\xff\xff\xff\xdf\xff\xff\xff\xff\xc6\xff\xff\xff\xff".to_vec(),
        b"\x92\xc4\x12[\"list\",\"dynamic\"]\x91\x92\xc4\x06\"bool\"\xc3".to_vec(),
        br#"{"any":{"type":"string","value":"x"},"list":["a"],"map":{"k":1.5},"tuple":[true,null]}"#
            .to_vec(),
        b"[".repeat(2000),
        b"\x91".repeat(2000),
    ];
    hammer("the_value_decoder_survives_damaged_values", "value", MANY, targets::value, |random| {
        random.damaged(&seeds)
    });
}

#[test]
fn every_services_parsers_survive_damaged_answers() {
    let seeds = answers();
    assert!(seeds.len() > 10, "{}", seeds.len());
    hammer(
        "every_services_parsers_survive_damaged_answers",
        "answer",
        SOME,
        targets::answer,
        |random| {
            let body = random.damaged(&seeds);
            let status = random.bytes(1)[0];
            // Most answers are good by their status, or nobody would read on.
            [vec![if status < 170 { 0 } else { status }], body].concat()
        },
    );
}

#[test]
fn profile_files_survive_damage() {
    let seeds = [
        br#"{"current":"p","profiles":[{"name":"p","mode":"AK","access_key_id":"a","access_key_secret":"s","region_id":"r"},
            {"name":"default","mode":"ChainableRamRoleArn","source_profile":"p","ram_role_arn":"acs:ram::1:role/x","expired_seconds":900}]}"#
            .to_vec(),
        br#"{"profiles":[{"name":"p","mode":"External","process_command":"x y"},{"name":"default","mode":"StsToken",
            "sts_token":"t","sts_expiration":1767323045},{"name":"q","mode":"OIDC","oidc_token_file":"f"}]}"#
            .to_vec(),
        br#"{"language":"en","current":"default","profiles":[{"name":"default","mode":"AKSK","accessKeyId":"a",
            "secretAccessKey":"s","region":"r","projectId":"p","agencyName":"n","agencyDomainId":"d"},
            {"name":"p","mode":"SSO","ssoAuth":{"stsToken":{"accessKeyId":"a"}}}],"crypter":{}}"#
            .to_vec(),
    ];
    hammer("profile_files_survive_damage", "profile", MANY, targets::profile, |random| {
        random.damaged(&seeds)
    });
}

#[test]
fn every_rpc_survives_values_and_messages_that_make_no_sense() {
    let bodies = answers();
    hammer(
        "every_rpc_survives_values_and_messages_that_make_no_sense",
        "rpc",
        4 * SOME,
        targets::rpc,
        |random| {
            // Eighty pairs of bytes decide.
            [vec![80], random.bytes(160), random.damaged(&bodies)].concat()
        },
    );
}

#[test]
fn every_method_that_is_served_is_a_target() {
    let proto = include_str!("../../proto/tfplugin6.proto");
    let served = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc "));
    let served = served.filter(|rest| !rest.contains("Unserved"));
    let served: BTreeSet<&str> = served.filter_map(|rest| rest.split('(').next()).collect();
    assert_eq!(served, targets::rpc::METHODS.iter().map(|(method, _)| *method).collect());
}

/// What the clouds answer to every call of every service, as the sandbox knows it, and how each
/// cloud says no.
fn answers() -> Vec<Vec<u8>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let noon = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let clock: Arc<dyn Clock> = Arc::new(SteppedClock::at(noon));
    let sandbox = Sandbox::new(Setup::default(), Arc::clone(&clock));
    let ear = Arc::new(Ear { sandbox, heard: Mutex::default() });
    let rest = targets::outside(200, b"{}", b"{}");
    let outside = Outside { http: Arc::clone(&ear) as Arc<dyn HttpSend>, clock, ..rest };
    for service in services::simulated() {
        let cloud = service.spec.platform;
        let login = ear.sandbox.login(cloud).unwrap();
        let given = targets::given(&[
            ("region", login.region),
            ("access_key", login.access_key),
            ("secret_key", login.secret_key.reveal()),
        ]);
        let account = access::find(cloud).unwrap().account(&given, &outside).unwrap();
        let signer = account.signer(None).unwrap();
        for instance in (service.scene().scenery)() {
            let client = Arc::new(Client::new(signer.clone(), outside.clone()));
            let target = Target([(service.spec.inputs[0].name, instance.id)].into());
            runtime.block_on(walk(service.over_http(client, target).unwrap().as_ref()));
        }
    }
    std::mem::take(&mut *ear.heard.lock().unwrap()).into_iter().collect()
}

/// Makes every call once, whatever comes of it.
async fn walk(sessions: &dyn Sessions) {
    for node in sessions.nodes().await.unwrap_or_default() {
        let _ = sessions.prepare(&node).await;
        let found = sessions.list(&node, None, None).await.unwrap_or_default().sessions;
        let mut ids: Vec<SessionId> = found.into_iter().map(|one| one.id).take(2).collect();
        ids.push(SessionId("nobody".to_owned()));
        for which in [Which::These(&ids), Which::Everyone] {
            let batch = Batch { node: Some(&node), which };
            if let Ok(Submission { ticket: Some(ticket), .. }) = sessions.terminate(batch).await {
                let _ = sessions.poll(&ticket).await;
            }
        }
    }
}

/// Hears what the sandbox answers.
struct Ear {
    sandbox: Sandbox,
    heard: Mutex<BTreeSet<Vec<u8>>>,
}

#[async_trait]
impl HttpSend for Ear {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let answer = self.sandbox.send(request).await?;
        self.heard.lock().unwrap().insert(answer.body().to_vec());
        Ok(answer)
    }
}
