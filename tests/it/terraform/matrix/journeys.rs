//! What engines are put through. Every step is a plan that is saved, then the apply of that plan,
//! with two sessions on every node before each of them.

use serde_json::json;

use super::column::Column;
use super::world::{Face, Nodes, OTHER_NODE, World};
use super::{dependents_wait, has_actions, has_ephemerals, opens_unreferenced, refreshes};
use crate::terraform::interrupt::Running;
use crate::terraform::stage::Stage;

/// Sessions on every node.
const RUN: usize = 2;
const PLAN: &str = "plan, of every kind";
const RESOURCE: &str = "session_termination_huaweicloud_dds.it";
const ACTION: &str = "action.session_termination_huaweicloud_dds.it";

/// Sessions to be ended by the resource, the ephemeral on open, the one on close, and the action.
type Expected = [usize; 4];

/// Notes what has been ended since the last reset.
async fn count(stage: &Stage, column: &mut Column<'_>, behaviour: &'static str, of: Expected) {
    let killed = stage.killed().await;
    for (face, expected) in Face::ALL.into_iter().zip(of) {
        let mine = |node: &&String| {
            **node == face.node() || (face == Face::Resource && **node == OTHER_NODE)
        };
        let found = killed.iter().filter(mine).count();
        let expected = if column.knows(face) { expected } else { 0 };
        column.count(face, behaviour, found, expected);
    }
    stage.reset().await;
}

/// Plans, and applies the plan. Gives the nodes on which sessions were ended, and what was said.
async fn step(
    stage: &Stage,
    column: &mut Column<'_>,
    behaviour: &'static str,
    options: &[&str],
    expected: Expected,
) -> (Vec<String>, String) {
    let args: Vec<&str> = ["plan", "-out=saved"].iter().chain(options).copied().collect();
    stage.fixture.succeed(&args).await;
    count(stage, column, PLAN, [0; 4]).await;
    let said = stage.fixture.succeed(&["apply", "saved"]).await;
    let killed = stage.killed().await;
    count(stage, column, behaviour, expected).await;
    (killed, said)
}

/// From the first apply to the destroy.
pub(crate) async fn whole_life(stage: &Stage, column: &mut Column<'_>) {
    let engine = column.engine;
    let write = |world: World| stage.fixture.write("main.tf", &world.main(engine));
    let (open, close) = if opens_unreferenced(engine) { (RUN, RUN) } else { (0, 0) };

    write(World::default());
    let (_, said) = step(stage, column, "apply, first time", &[], [RUN, open, RUN, RUN]).await;
    first_apply_said(column, &said);
    step(stage, column, "apply, nothing changed", &[], [0, open, close, 0]).await;
    if refreshes(engine) {
        let refresh = &["-refresh-only"];
        step(stage, column, "apply -refresh-only", refresh, [0, open, close, 0]).await;
    } else {
        let told = stage.fixture.fail(&["plan", "-refresh-only"]).await;
        column.check(told.contains("Invalid refresh-only plan"), || told.clone());
    }
    let other = ["-target=terraform_data.other", "-replace=terraform_data.other"];
    step(stage, column, "apply -target of something else", &other, [0; 4]).await;
    let user = ["-target=terraform_data.user", "-replace=terraform_data.user"];
    step(stage, column, "apply -target of what refers to it", &user, [0, 0, RUN, 0]).await;
    if has_actions(engine) {
        let invoke = format!("-invoke={ACTION}");
        let expected = [0, 0, 0, RUN];
        let (_, said) = step(stage, column, "apply -invoke", &[&invoke], expected).await;
        progress_said(column, &said, "CLI");
    }
    let update = ["-var=word=2"];
    step(stage, column, "apply of an update", &update, [RUN, open, close, RUN]).await;

    let moved = ["-var=word=2", "-var=generation=2", &format!("-var=node={OTHER_NODE}")];
    let both = [2 * RUN, open, close, RUN];
    let (killed, _) = step(stage, column, "replace, destroy before create", &moved, both).await;
    let of_resource = [Face::Resource.node(), OTHER_NODE];
    let order = |killed: &[String]| {
        killed
            .iter()
            .filter(|node| of_resource.contains(&node.as_str()))
            .cloned()
            .collect::<Vec<_>>()
    };
    let [old, new] = of_resource;
    let found = order(&killed);
    column.check(found == [old, old, new, new], || format!("destroyed first, yet {found:?}"));

    write(World { create_first: true, ..World::default() });
    let moved = ["-var=word=2", "-var=generation=3"];
    let (killed, _) = step(stage, column, "replace, create before destroy", &moved, both).await;
    let found = order(&killed);
    column.check(found == [old, old, new, new], || format!("created first, yet {found:?}"));

    step(stage, column, "destroy", &["-destroy"], [RUN, 0, 0, 0]).await;
}

/// The order of things in the first apply, and what is shown of an action.
fn first_apply_said(column: &mut Column<'_>, said: &str) {
    if has_ephemerals(column.engine) {
        let done = said.find("terraform_data.user: Creation complete");
        let closing = ["Closing...", "Close complete"].map(|word| format!("dds.close: {word}"));
        let closing = closing.iter().find_map(|words| said.find(words));
        let right = done.is_some() && done < closing;
        column.check(right, || format!("closed before it was done with:\n{said}"));
    }
    if has_actions(column.engine) {
        progress_said(column, said, "terraform_data.changed");
    }
}

/// An action's progress is in the engine's own output.
fn progress_said(column: &mut Column<'_>, said: &str, by: &str) {
    let lines = [
        format!("Action started: {ACTION} (triggered by {by})"),
        format!("Action {ACTION} (triggered by {by}): listed 2 live database operations"),
        format!("Action {ACTION} (triggered by {by}): selected 2"),
        format!("Action {ACTION} (triggered by {by}): accepted 2 of 2"),
        format!("Action {ACTION} (triggered by {by}): verifying: 2 not seen to go yet"),
        format!("Action {ACTION} (triggered by {by}): Result on "),
        format!("Action complete: {ACTION} (triggered by {by})"),
    ];
    let mut rest = said;
    for line in lines {
        let Some(at) = rest.find(&line) else {
            column.check(false, || format!("not said in its turn: {line}\n{said}"));
            return;
        };
        rest = &rest[at..];
    }
}

/// Nodes that the plan cannot know, and one that there is not.
pub(crate) async fn unknown_and_absent(stage: &Stage, column: &mut Column<'_>) {
    let open = if opens_unreferenced(column.engine) { RUN } else { 0 };
    let all = [RUN, open, RUN, RUN];
    for (behaviour, nodes, expected) in [
        ("node unknown in the plan", Nodes::Unknown, all),
        // For the resource this is an error after half a minute; see `held`.
        ("node does not exist", Nodes::Absent, [RUN, 0, 0, 0]),
    ] {
        stage.fixture.forget();
        let world = World { nodes, ..World::default() };
        stage.fixture.write("main.tf", &world.main(column.engine));
        step(stage, column, behaviour, &[], expected).await;
    }
}

/// Something fails that everything else does not know of.
pub(crate) async fn error_further_down(stage: &Stage, column: &mut Column<'_>) {
    stage.fixture.forget();
    stage.fixture.write("main.tf", &World::default().main(column.engine));
    let fails = ["apply", "-auto-approve", "-var=job=exit 1"];
    stage.fixture.fail(&fails).await;
    let open = if opens_unreferenced(column.engine) { RUN } else { 0 };
    count(stage, column, "apply that fails further down", [RUN, open, RUN, RUN]).await;
    let run = stage.fixture.values(RESOURCE).await["last_run"].clone();
    column.check(run["terminated"] == RUN, || format!("not in the state: {run}"));
}

/// Ctrl-C when every face has ended one of its two sessions, and the cloud is busy with the other.
pub(crate) async fn interrupt(stage: &Stage, column: &mut Column<'_>) {
    stage.fixture.forget();
    stage.fixture.write("main.tf", &World::default().main(column.engine));
    let faces = [Face::Resource, Face::Open, Face::Action];
    let opens = opens_unreferenced(column.engine);
    let acts = |face: &Face| column.knows(*face) && (*face != Face::Open || opens);
    let faces: Vec<Face> = faces.into_iter().filter(acts).collect();
    let call = |face: Face| format!("nodes/{}/session", face.node());
    for face in &faces {
        let operation = call(*face);
        let half = json!({ "fault": "partial-kill", "operation": operation, "times": 1 });
        stage.fault(half).await;
        stage.fault(json!({ "fault": "busy", "operation": operation })).await;
    }
    let begun = stage.fixture.dir().join("begun");
    let args = ["apply", "-auto-approve", "-var=job=touch begun; exec sleep 60"];
    let running = Running::start(&stage.fixture, &args);
    running
        .when(async || {
            for face in &faces {
                if stage.troubled("busy", &call(*face)).await == 0 {
                    return false;
                }
            }
            // The job depends on what the action belongs to.
            begun.exists() || dependents_wait(column.engine)
        })
        .await;
    let told = running.interrupt().await;
    count(stage, column, "Ctrl-C in the middle of a run", [1, usize::from(opens), RUN, 1]).await;
    let text = told.text();
    column.check(told.code == 1, || format!("exit code {}\n{text}", told.code));
    let unwrapped = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for face in faces {
        let sentence = format!("Session termination on cn-north-4/{} was interrupted", face.node());
        column.check(unwrapped.contains(&sentence), || format!("{face:?} is silent:\n{text}"));
    }
    let run = stage.fixture.values(RESOURCE).await["last_run"].clone();
    let truth = (&run["selected"], &run["survived"]) == (&json!(2), &json!(1));
    column.check(truth, || format!("not the truth: {run}"));
    let _ = std::fs::remove_file(begun);
}

/// An action that refuses stands in the way of the update that it comes before.
pub(crate) async fn failing_before_update(stage: &Stage, column: &mut Column<'_>) {
    if !has_actions(column.engine) {
        return;
    }
    stage.fixture.forget();
    let world = World { refusing: true, ..World::default() };
    stage.fixture.write("main.tf", &world.main(column.engine));
    stage.fixture.succeed(&["apply", "-auto-approve"]).await;
    stage.reset().await;
    let said = stage.fixture.fail(&["apply", "-auto-approve", "-var=word=2"]).await;
    let killed = stage.killed().await;
    let found = killed.iter().filter(|node| **node == Face::Action.node()).count();
    column.count(Face::Action, "it fails before an update", found, 0);
    column.check(said.contains("Too many sessions selected"), || said.clone());
    let changed = stage.fixture.values("terraform_data.changed").await;
    column.check(changed["input"] == "1", || format!("updated nevertheless: {changed}"));
    stage.reset().await;
}
