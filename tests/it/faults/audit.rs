//! The audit log: before anything is reported, whole lines of many writers, never a secret, and
//! nothing without it.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::Value as Json;
use terraform_provider_session::sandbox::Setup;
use terraform_provider_session::services::simulated;

use crate::faces::core::Core;
use crate::faces::world::{SECRET, World, errors, world, worlds};

fn read(path: &std::path::Path) -> Vec<Json> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains(SECRET) && text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_session_that_died_has_its_lines() {
    for world in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.jsonl");
        let mut core = Core::new(&world);
        core.block = world.block(&[("audit_log", path.to_str().unwrap().into())]);
        core.applied(&crate::faces::all(&core, "both", &[])).await;
        let lines = read(&path);
        let of = |kind: &'static str| lines.iter().filter(move |line| line["kind"] == kind);
        let ended = of("session").filter(|line| line["outcome"] == "terminated");
        let ended: BTreeSet<String> =
            ended.map(|line| format!("{}/{}", line["node"], line["session"])).collect();
        assert_eq!(ended.len(), world.killed().len(), "{}", world.spec().name);
        let asked: BTreeSet<String> =
            of("requested").map(|line| format!("{}/{}", line["node"], line["session"])).collect();
        assert!(ended.is_subset(&asked));
        let run = of("run").next().unwrap();
        assert_eq!((&run["face"], &run["outcome"]), (&"resource".into(), &"completed".into()));
        assert_eq!(run["address"], world.termination());
        let (target, _) = core.state()["id"].as_str().unwrap().rsplit_once('#').unwrap();
        assert_eq!(run["target"], target);
        assert_eq!(run["counts"]["terminated"], world.killed().len());
        let known = |line: &Json| line["run"] == run["run"] && line["time"].is_string();
        assert!(lines.iter().all(known));
        assert!(of("session").all(|line| line["client"].is_string() || line["user"].is_string()));
        assert!(of("session").all(|line| line["request_id"].is_string()));
    }
}

#[tokio::test(start_paused = true)]
async fn without_an_audit_log_nobody_dies() {
    for world in worlds() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no such folder").join("audit.jsonl");
        let mut core = Core::new(&world);
        core.block = world.block(&[("audit_log", path.to_str().unwrap().into())]);
        let told = core.apply(&crate::faces::all(&core, "apply", &[])).await;
        assert_eq!(errors(&told).len(), 1, "{told:#?}");
        assert!(told[0].summary.starts_with("Audit log could not be written"), "{told:#?}");
        assert!(told[0].detail.contains("no such folder"), "{told:#?}");
        assert!(world.killed().is_empty(), "{}", world.spec().name);
    }
}

#[tokio::test(start_paused = true)]
async fn many_runs_write_one_log_without_mixing_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let run = |service| {
        let path = path.clone();
        async move {
            let world = World::new(service, Setup { clients: 40, ..Setup::default() });
            let mut core = Core::new(&world);
            core.block = world.block(&[("audit_log", path.to_str().unwrap().into())]);
            core.applied(&crate::faces::all(&core, "apply", &[])).await;
            world.killed().len()
        }
    };
    let killed: usize = join_all(simulated().cycle().take(8).map(run)).await.into_iter().sum();
    let lines = read(&path);
    let ended = lines.iter().filter(|line| line["outcome"] == "terminated").count();
    assert_eq!(ended, killed);
    assert_eq!(lines.iter().filter(|line| line["kind"] == "run").count(), 8);
}

/// The keys of a line, in the order in which they are written.
fn keys(line: &str) -> Vec<String> {
    let Json::Object(object) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
    let mut keys: Vec<String> = object.keys().cloned().collect();
    keys.sort_by_key(|key| line.find(&format!("\"{key}\":")));
    keys
}

#[tokio::test(start_paused = true)]
async fn the_guides_sample_is_what_is_written() {
    let guide = include_str!("../../../docs/guides/audit-log.md");
    let (_, block) = guide.split_once("```json\n").unwrap();
    let (samples, _) = block.split_once("```").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let world = world("huaweicloud_dcs");
    let mut core = Core::new(&world);
    core.block = world.block(&[("audit_log", path.to_str().unwrap().into())]);
    core.applied(&crate::faces::all(&core, "both", &[])).await;
    let written = std::fs::read_to_string(&path).unwrap();
    let json = |line: &str| serde_json::from_str::<Json>(line).unwrap();
    assert_eq!(samples.lines().count(), 3);
    for sample in samples.lines() {
        let wanted = json(sample);
        let mut lines = written.lines().filter(|line| json(line)["kind"] == wanted["kind"]);
        let line = lines.next().unwrap_or_else(|| panic!("none is like {sample}"));
        assert_eq!(keys(line), keys(sample));
        let line = json(line);
        for same in ["face", "address", "outcome"] {
            assert_eq!(line[same], wanted[same], "{sample}");
        }
        // A region, a slash, and an id that begins like the sandbox's.
        let target = |line: &Json| line["target"].as_str().unwrap().get(..19).map(str::to_owned);
        assert_eq!(target(&line), target(&wanted), "{sample}");
        let counts = |line: &Json| line["counts"].as_object().map(|counts| counts.len());
        assert_eq!(counts(&line), counts(&wanted), "{sample}");
    }
}
