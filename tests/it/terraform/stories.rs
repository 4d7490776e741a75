//! Stories of both clouds, with every service that can have real connections on real ones: a Redis
//! of its own behind DCS, GeminiDB and DAS each, and WebSocket connections as terminals. Operations
//! of DDS are in the sandbox's memory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};
use terraform_provider_session::demo::{
    Card, Client, Engine, Redis, SandboxProcess, Workshop, alicloud_variables, variables,
};

use crate::terraform::fixture::{BINARY, Fixture, core, few, must, on};
use crate::terraform::stage::{assert_cut, control};

const APPLY: &[&str] = &["apply", "-auto-approve"];

/// The services behind which a Redis stands here, by the name of their instance in the scenario.
const REDIS: [(&str, &str); 3] = [
    ("catalogue", "alicloud_das_redis"),
    ("cache", "huaweicloud_dcs"),
    ("leaderboard", "huaweicloud_geminidb_redis"),
];

/// All services, by the name of their instance in the scenario.
const SERVICES: [(&str, &str); 5] =
    [REDIS[0], REDIS[1], REDIS[2], ("bastion", "alicloud_ecs"), ("orders", "huaweicloud_dds")];

/// Both clouds, with a Redis for each service that can have one, and two sessions in memory on
/// every other node.
struct Clouds {
    fixture: Fixture,
    sandbox: SandboxProcess,
    redis: BTreeMap<&'static str, Redis>,
}

impl Clouds {
    /// Starts all, with the files of a folder of `examples/scenarios`.
    async fn scenario(engine: &Engine, name: &str) -> Clouds {
        let clouds = Clouds::new(engine).await;
        for file in ["main.tf", "variables.tf"] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/scenarios");
            let text = std::fs::read_to_string(folder.join(name).join(file)).unwrap();
            clouds.fixture.write(file, &text);
        }
        clouds
    }

    async fn new(engine: &Engine) -> Clouds {
        let mut redis = BTreeMap::new();
        let mut options: Vec<String> =
            ["--clients", "2", "--job", "100ms"].map(str::to_owned).into();
        for (_, service) in REDIS {
            let server = Redis::start(&Workshop::here()).await.unwrap_or_else(must);
            options.extend(["--redis".to_owned(), format!("{service}={}", server.url())]);
            redis.insert(service, server);
        }
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        let sandbox = SandboxProcess::start(Path::new(BINARY), &options).await;
        let sandbox = sandbox.unwrap_or_else(must);
        Clouds { fixture: Fixture::new(engine, ""), sandbox, redis }
    }

    fn card(&self) -> &Card {
        &self.sandbox.card
    }

    /// Writes the variables of a configuration that touches both clouds.
    fn aim(&self) {
        let instance = |(name, service): (&str, &str)| {
            (name.to_owned(), json!(self.card().instance(service).unwrap_or_else(must)))
        };
        let instances: serde_json::Map<String, Value> =
            SERVICES.into_iter().map(instance).collect();
        let values = json!({
            "instances": instances,
            "alicloud": alicloud_variables(self.card()),
            "huaweicloud": variables(self.card()),
        });
        self.fixture.write("terraform.tfvars.json", &values.to_string());
    }

    /// Connects a client to the Redis behind a service.
    async fn client(&self, service: &str, user: &str, name: &str) -> Client {
        let redis = &self.redis[service];
        let client = Client::connect(redis.address(), user, redis.password(), name);
        client.await.unwrap_or_else(must)
    }

    /// Opens a terminal of the bastion, or of the instance after it.
    async fn terminal(&self, at: usize, user: &str) -> Client {
        let instance = self.card().instances_of("alicloud_ecs").nth(at).unwrap();
        Client::terminal(self.card(), instance, user).await.unwrap_or_else(must)
    }

    async fn fault(&self, fault: &str, operation: &str, times: u32) {
        let fault = json!({ "fault": fault, "operation": operation, "times": times }).to_string();
        let endpoint = &self.card().endpoint;
        let (status, body) = control(endpoint, "POST", "/_sandbox/faults", &fault).await;
        assert!(status.is_success(), "{status}: {body}");
    }

    async fn log(&self, name: &str) -> Vec<Value> {
        let path = format!("/_sandbox/{name}");
        let (_, body) = control(&self.card().endpoint, "GET", &path, "").await;
        serde_json::from_str(&body).unwrap()
    }

    /// The services of the sessions that were really ended, one for each, in order.
    async fn killed(&self) -> Vec<&'static str> {
        let killed = self.log("killed").await;
        killed.iter().map(|one| service(one["node_id"].as_str().unwrap()).unwrap()).collect()
    }
}

/// Whose a node or an operation is, by the shapes of the sandbox's ids; None if it tells no id.
fn service(text: &str) -> Option<&'static str> {
    let marks = [
        ("i-bp1", "alicloud_ecs"),
        ("TerminalSession", "alicloud_ecs"),
        ("r-8vb", "alicloud_das_redis"),
        ("AllSession", "alicloud_das_redis"),
        ("no02", "huaweicloud_dds"),
        ("in02", "huaweicloud_dds"),
        ("no12", "huaweicloud_geminidb_redis"),
        ("in12", "huaweicloud_geminidb_redis"),
        ("-0000-4000-8000-", "huaweicloud_dcs"),
    ];
    marks.into_iter().find(|(mark, _)| text.contains(mark)).map(|(_, service)| service)
}

/// How many of each.
fn counted<'a>(all: &[&'a str]) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(*one).or_default() += 1;
    }
    counts
}

#[tokio::test]
async fn an_environment_goes_people_first_and_what_cannot_be_disconnected_stays() {
    on(few(), async |engine| {
        let clouds = Clouds::scenario(engine, "environment-teardown").await;
        clouds.aim();
        let console = clouds.client("huaweicloud_dcs", "admin", "admin-console").await;
        let shop = clouds.client("huaweicloud_dcs", "app", "shop").await;
        let game = clouds.client("huaweicloud_geminidb_redis", "app", "game").await;
        let search = clouds.client("alicloud_das_redis", "app", "search").await;
        let ada = clouds.terminal(0, "ada").await;
        let elsewhere = clouds.terminal(1, "linus").await;
        let main = std::fs::read_to_string(clouds.fixture.dir().join("main.tf")).unwrap();
        let protect = "protect     = { users = [\"admin\"] }\n";
        assert!(main.contains(protect));
        let impatient = format!("{protect}  timeouts {{ delete = \"8s\" }}\n");
        clouds.fixture.write("main.tf", &main.replace(protect, &impatient));
        clouds.fixture.succeed(APPLY).await;
        clouds.fixture.nothing_to_do().await;
        assert_cut(&[], &[&console, &shop, &game, &search, &ada, &elsewhere]).await;
        assert!(clouds.killed().await.is_empty());

        let plan = clouds.fixture.succeed(&["plan", "-destroy", "-out=teardown"]).await;
        assert_eq!(plan.matches("Warning: Session termination pending").count(), 5, "{plan}");
        // The shop cannot be cut: the cache stays.
        clouds.fault("refuses", "clients/kill", 1000).await;
        let told = clouds.fixture.fail(&["apply", "teardown"]).await;
        assert_cut(&[&game, &search, &ada], &[&console, &shop, &elsewhere]).await;
        assert_eq!(
            clouds.fixture.state().await,
            ["session_termination_huaweicloud_dcs.cache", "terraform_data.cache"]
        );
        let killed = clouds.killed().await;
        let people = killed.iter().take_while(|one| **one == "alicloud_ecs").count();
        assert_eq!(people, 3, "Ada and two in memory go first: {killed:?}");
        assert_eq!(counted(&killed)["alicloud_ecs"], people, "{killed:?}");
        let at = |what: &str| told.find(what).unwrap_or_else(|| panic!("{what}: {told}"));
        let terminals = "session_termination_alicloud_ecs.terminals: Destr";
        assert!(at("terraform_data.application: Destruction complete") < at(terminals), "{told}");
        let counts = counted(&killed);
        for service in ["alicloud_das_redis", "huaweicloud_geminidb_redis"] {
            assert_eq!(counts[service], 1, "{counts:?}");
        }
        assert!(counts["huaweicloud_dds"] > 0, "{counts:?}");

        let (status, body) = control(&clouds.card().endpoint, "POST", "/_sandbox/reset", "").await;
        assert!(status.is_success(), "{status}: {body}");
        clouds.fixture.succeed(&["destroy", "-auto-approve"]).await;
        assert_cut(&[&shop], &[&console]).await;
        assert!(clouds.fixture.state().await.is_empty());
        assert_eq!(clouds.killed().await, ["huaweicloud_dcs"]);
    })
    .await;
}

#[tokio::test]
async fn terminals_end_before_their_machine_is_replaced_in_either_order() {
    let replace = ["apply", "-auto-approve", "-var", "image=2026-11"];
    on(few(), async |engine| {
        let clouds = Clouds::scenario(engine, "terminal-sessions").await;
        let mut values = alicloud_variables(clouds.card());
        values["instance_id"] = json!(clouds.card().instance("alicloud_ecs").unwrap_or_else(must));
        clouds.fixture.write("terraform.tfvars.json", &values.to_string());
        let people = [clouds.terminal(0, "ada").await, clouds.terminal(0, "grace").await];
        let elsewhere = clouds.terminal(1, "linus").await;
        clouds.fixture.succeed(APPLY).await;
        assert_cut(&[], &[&people[0], &people[1], &elsewhere]).await;

        // What cannot be ended holds the replacement back.
        let plan = ["plan", "-var", "image=2026-11", "-out=replacement"];
        let plan = clouds.fixture.succeed(&plan).await;
        assert!(plan.contains(&people[0].name) && plan.contains(&people[1].name), "{plan}");
        clouds.fault("wrong-signature", "DescribeTerminalSessions", 1).await;
        let told = clouds.fixture.fail(&["apply", "replacement"]).await;
        assert!(!told.contains("terraform_data.bastion: Destroying"), "{told}");
        assert_cut(&[], &[&people[0], &people[1], &elsewhere]).await;

        let told = clouds.fixture.succeed(&replace).await;
        assert_cut(&[&people[0], &people[1]], &[&elsewhere]).await;
        let at =
            |told: &str, what: &str| told.find(what).unwrap_or_else(|| panic!("{what}: {told}"));
        let ended = "session_termination_alicloud_ecs.terminals: Destruction complete";
        let (goes, comes) =
            ("terraform_data.bastion: Destroying", "terraform_data.bastion: Creating");
        assert!(at(&told, ended) < at(&told, goes), "{told}");
        assert!(at(&told, goes) < at(&told, comes), "{told}");

        // The other order: the new machine first, and the terminals right before the old one goes.
        let main = clouds.fixture.dir().join("main.tf");
        let mut changed = std::fs::read_to_string(main).unwrap();
        for line in ["  triggers_replace = var.image\n", "  all         = true\n"] {
            assert!(changed.contains(line), "{line}");
            let lifecycle = format!("{line}  lifecycle {{ create_before_destroy = true }}\n");
            changed = changed.replace(line, &lifecycle);
        }
        clouds.fixture.write("main.tf", &changed);
        let again = clouds.terminal(0, "ada").await;
        clouds.fixture.succeed(&replace).await;
        assert_cut(&[], &[&again]).await;
        let told = clouds.fixture.succeed(APPLY).await;
        assert_cut(&[&again], &[&elsewhere]).await;
        let (ended, gone) = ("terminals (deposed object", "bastion (deposed object");
        assert!(at(&told, comes) < at(&told, ended), "{told}");
        assert!(at(&told, ended) < at(&told, gone), "{told}");
        // Two in memory, Ada, Grace, and Ada again.
        assert_eq!(clouds.killed().await, ["alicloud_ecs"; 5]);
    })
    .await;
}

/// A configuration with all five, which run when they are created.
fn all_five() -> String {
    let mut text = r#"
terraform {
  required_providers { session = { source = "sessionops/session" } }
}
variable "instances" { type = map(string) }
variable "alicloud" { type = any }
variable "huaweicloud" { type = any }
provider "session" {
  alicloud    = var.alicloud
  huaweicloud = var.huaweicloud
}
"#
    .to_owned();
    for (name, service) in SERVICES {
        text.push_str(&format!(
            "resource \"session_termination_{service}\" \"it\" {{\n  instance_id = \
             var.instances[\"{name}\"]\n  when = \"apply\"\n  all = true\n}}\noutput \"{service}\" \
             {{ value = session_termination_{service}.it.last_run }}\n"
        ));
    }
    text
}

#[tokio::test]
async fn all_five_at_once_end_what_they_should_and_take_as_long_as_the_slowest() {
    let clouds = Clouds::new(core("1.15.5")).await;
    clouds.fixture.write("main.tf", &all_five());
    clouds.aim();
    let mut gone = vec![clouds.terminal(0, "ada").await, clouds.terminal(0, "grace").await];
    for (name, service) in REDIS {
        gone.push(clouds.client(service, "app", name).await);
        gone.push(clouds.client(service, "report", name).await);
    }
    let elsewhere = clouds.terminal(1, "linus").await;
    clouds.fixture.succeed(&["plan", "-out=plan"]).await;

    // Each service asks twice for patience of a second, so each run takes two seconds at least.
    let kills =
        ["EndTerminalSession", "KillInstanceAllSession", "kill-all", "DELETE sessions", "session"];
    for kill in kills {
        clouds.fault("throttle", kill, 2).await;
    }
    let before = clouds.log("log").await.len();
    clouds.fixture.succeed(&["apply", "plan"]).await;
    assert_cut(&gone.iter().collect::<Vec<_>>(), &[&elsewhere]).await;

    let killed = counted(&clouds.killed().await).into_iter().collect::<BTreeMap<_, _>>();
    for (_, service) in SERVICES {
        let run = clouds.fixture.output(service).await;
        assert_eq!(run["terminated"], json!(killed[service]), "{service}: {run}");
        assert_eq!(run["selected"], run["terminated"], "{service}: {run}");
        // Beside those in memory: two real ones.
        let expected = match service {
            "alicloud_ecs" => 4,
            "huaweicloud_dds" => continue,
            _ => 2,
        };
        assert_eq!(killed[service], expected, "{service}: {run}");
    }

    let calls = clouds.log("log").await.split_off(before);
    let throttled = calls.iter().filter(|call| call["fault"] == "throttle").count();
    assert_eq!(throttled, 2 * kills.len(), "{calls:?}");
    let mut spans: BTreeMap<&str, (SystemTime, SystemTime)> = BTreeMap::new();
    for call in &calls {
        let Some(service) = service(call["operation"].as_str().unwrap()) else { continue };
        let at = humantime::parse_rfc3339(call["at"].as_str().unwrap()).unwrap();
        let span = spans.entry(service).or_insert((at, at));
        span.1 = at;
    }
    assert_eq!(spans.len(), SERVICES.len(), "{calls:?}");
    let last_begin = spans.values().map(|span| span.0).max().unwrap();
    let first_end = spans.values().map(|span| span.1).min().unwrap();
    assert!(last_begin < first_end, "there is a moment at which all five run: {spans:?}");
    let took = |begin: SystemTime, end: SystemTime| end.duration_since(begin).unwrap();
    let sum: Duration = spans.values().map(|(begin, end)| took(*begin, *end)).sum();
    let begin = spans.values().map(|span| span.0).min().unwrap();
    let end = spans.values().map(|span| span.1).max().unwrap();
    assert!(took(begin, end) < sum, "{spans:?}");
}

/// The blocks of a guide that are marked as Terraform, each as a whole configuration: with stubs for
/// resources of other providers, and the variables that it names.
fn configurations(guide: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut block: Option<(usize, String)> = None;
    for line in guide.lines() {
        let text = line.trim_start();
        match &mut block {
            None if text == "```terraform" => {
                block = Some((line.len() - text.len(), String::new()))
            }
            Some((_, done)) if text == "```" => {
                blocks.push(stubbed(done));
                block = None;
            }
            Some((indent, open)) => {
                open.push_str(line.get(*indent..).unwrap_or_default());
                open.push('\n');
            }
            None => {}
        }
    }
    assert!(block.is_none(), "a block has no end");
    blocks
}

fn stubbed(block: &str) -> String {
    let mut text = String::new();
    let mut variables = BTreeSet::new();
    let part = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let mut rest = block;
    while let Some(first) = rest.chars().next() {
        let end = if part(first) { rest.find(|c| !part(c)) } else { Some(first.len_utf8()) };
        let (word, tail) = rest.split_at(end.unwrap_or(rest.len()));
        let foreign = ["alicloud_", "aws_", "huaweicloud_", "postgresql_"]
            .iter()
            .any(|it| word.starts_with(it));
        match word.matches('.').count() {
            1 if foreign => text.push_str("terraform_data.stub"),
            2.. if foreign => text.push_str("terraform_data.stub.id"),
            _ => text.push_str(word),
        }
        variables.extend(word.strip_prefix("var.").and_then(|name| name.split('.').next()));
        rest = tail;
    }
    text.push_str("resource \"terraform_data\" \"stub\" {}\n");
    if !block.contains("required_providers") {
        text.push_str("terraform {\n  required_providers {\n");
        text.push_str("    session = { source = \"sessionops/session\" }\n  }\n}\n");
    }
    for name in variables.iter().filter(|name| !block.contains(&format!("variable \"{name}\""))) {
        text.push_str(&format!("variable \"{name}\" {{}}\n"));
    }
    text
}

#[test]
fn a_block_of_a_guide_is_made_whole() {
    let guide = "* see:\n\n  ```terraform\n  a = alicloud_instance.b.id\n  c = [var.d.e]\n  ```\n";
    let whole = configurations(guide).pop().unwrap();
    assert!(whole.starts_with("a = terraform_data.stub.id\nc = [var.d.e]\n"), "{whole}");
    assert!(whole.contains("variable \"d\" {}"), "{whole}");
}

#[tokio::test]
async fn every_block_in_a_guide_is_a_valid_configuration() {
    let fixture = Fixture::new(core("1.15.5"), "");
    let mut seen = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides")).unwrap() {
        let path = entry.unwrap().path();
        for block in configurations(&std::fs::read_to_string(&path).unwrap()) {
            fixture.write("main.tf", &block);
            let told = fixture.run(&["validate"]).await;
            assert_eq!(told.code, 0, "{}:\n{block}\n{}", path.display(), told.text());
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen} blocks");
}
