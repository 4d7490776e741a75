//! The events of another resource that only newer cores know: what an action makes of them.

use serde_json::json;

use super::column::Column;
use super::world::Face;
use super::{dependents_wait, has_actions, has_destroy_events};
use crate::terraform::stage::Stage;

/// The rows of the matrix, the first of which needs no destroy events.
pub(crate) const EVENTS: [&str; 9] = [
    "after_create, while a dependent waits",
    "before_destroy, in a destroy",
    "before_destroy, in a replacement",
    "before_destroy fails, in a destroy",
    "before_destroy fails, replacement",
    "after_destroy, in a destroy",
    "after_destroy, in a replacement",
    "after_destroy fails, in a destroy",
    "after_destroy fails, replacement",
];

const APPLY: &[&str] = &["apply", "-auto-approve"];
const REPLACE: &[&str] = &["apply", "-auto-approve", "-var=generation=2"];
const DESTROY: &[&str] = &["destroy", "-auto-approve"];
const GUARDED: &str = "terraform_data.guarded";

fn main(event: &str, guard: &str) -> String {
    format!(
        r#"
variable "generation" {{ default = "1" }}
action "session_termination_huaweicloud_dds" "it" {{
  config {{
    node_id = "{}"
    all     = true
    {guard}
  }}
}}
resource "terraform_data" "guarded" {{
  triggers_replace = var.generation
  lifecycle {{
    action_trigger {{
      events  = [{event}]
      actions = [action.session_termination_huaweicloud_dds.it]
    }}
  }}
}}
resource "terraform_data" "dependent" {{ depends_on = [terraform_data.guarded] }}
"#,
        Face::Action.node()
    )
}

/// All of them, as far as the engine knows them.
pub(crate) async fn all(stage: &Stage, column: &mut Column<'_>) {
    if has_actions(column.engine) {
        dependent(stage, column).await;
    }
    if !has_destroy_events(column.engine) {
        return;
    }
    for (at, event) in ["before_destroy", "after_destroy"].into_iter().enumerate() {
        let row = |nth: usize| EVENTS[1 + 4 * at + nth];
        for (nth, change) in [(0, DESTROY), (1, REPLACE)] {
            begin(stage, event, "").await;
            stage.fixture.succeed(change).await;
            count(stage, column, row(nth), 2).await;
        }
        for (nth, change) in [(2, DESTROY), (3, REPLACE)] {
            begin(stage, event, "max_sessions = 1").await;
            let told = stage.fixture.run(change).await;
            let text = told.text();
            // A destroy goes on over an action that fails, with a warning; an ordinary apply does not.
            let expected = i32::from(change == REPLACE);
            column.check(told.code == expected, || format!("{}: {}\n{text}", row(nth), told.code));
            column.check(text.contains("Too many sessions selected"), || text.clone());
            let state = stage.fixture.state().await;
            let stays = change == REPLACE && event == "before_destroy";
            let stayed = state.iter().any(|one| one == GUARDED);
            column.check(stayed == stays, || format!("{}: {state:?}\n{text}", row(nth)));
            count(stage, column, row(nth), 0).await;
        }
    }
}

async fn begin(stage: &Stage, event: &str, guard: &str) {
    stage.fixture.forget();
    stage.fixture.write("main.tf", &main(event, guard));
    stage.fixture.succeed(APPLY).await;
    stage.reset().await;
}

async fn count(stage: &Stage, column: &mut Column<'_>, row: &'static str, expected: usize) {
    let found = stage.killed().await.iter().filter(|one| **one == Face::Action.node()).count();
    column.count(Face::Action, row, found, expected);
    stage.reset().await;
}

/// Whether what depends on a resource waits for the actions of its creation.
async fn dependent(stage: &Stage, column: &mut Column<'_>) {
    stage.fixture.forget();
    stage.fixture.write("main.tf", &main("after_create", ""));
    let operation = format!("nodes/{}/session", Face::Action.node());
    let busy = json!({ "fault": "busy", "operation": operation, "times": 3 });
    stage.fault(busy).await;
    let said = stage.fixture.succeed(APPLY).await;
    let done = said.find("Action complete: ");
    let next = said.find("terraform_data.dependent: Creating...");
    let waits = dependents_wait(column.engine);
    column.check((done < next) == waits, || format!("dependents wait: not {waits}\n{said}"));
    count(stage, column, EVENTS[0], 2).await;
}
