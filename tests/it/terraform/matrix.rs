//! The engine matrix: what every core does with the three terminating faces, counted in sessions
//! that the sandbox really ended.
//!
//! Every run of a face ends two sessions, those of its node, so a 2 is one run and a 0 is none. The
//! matrix is printed at the end, past the test harness' capture, and written to
//! `target/engine-matrix.txt`. Where a core cannot do something, its cell says why.

mod column;
mod events;
mod journeys;
mod world;

use std::io::Write;
use std::path::Path;

use terraform_provider_session::demo::{Engine, Workshop};

use self::column::{Column, table};
use crate::terraform::fixture::engines;
use crate::terraform::lineup::is_on_path;
pub(crate) use crate::terraform::lineup::is_opentofu;
use crate::terraform::stage::Stage;

/// Whether an engine knows ephemeral resources.
pub(crate) fn has_ephemerals(engine: &Engine) -> bool {
    engine.version >= if is_opentofu(engine) { (1, 11, 0) } else { (1, 10, 0) }
}

/// Whether an engine opens in an apply what nothing refers to that this apply changes.
pub(crate) fn opens_unreferenced(engine: &Engine) -> bool {
    has_ephemerals(engine) && (!is_opentofu(engine) || engine.version < (1, 12, 0))
}

/// Whether an engine can refresh only, where the configuration has an ephemeral.
pub(crate) fn refreshes(engine: &Engine) -> bool {
    !is_opentofu(engine) || !has_ephemerals(engine) || engine.version >= (1, 12, 0)
}

/// Whether what depends on a resource waits for the actions of its creation.
pub(crate) fn dependents_wait(engine: &Engine) -> bool {
    has_actions(engine) && engine.version >= (1, 16, 0)
}

/// Whether an engine knows the destroy of a resource as an event for actions.
pub(crate) fn has_destroy_events(engine: &Engine) -> bool {
    has_actions(engine) && engine.version >= (1, 16, 0)
}

/// Whether an engine knows actions.
pub(crate) fn has_actions(engine: &Engine) -> bool {
    !is_opentofu(engine) && engine.version >= (1, 14, 0)
}

#[tokio::test]
async fn every_core_ends_what_it_should_and_nothing_else() {
    let columns = engines().iter().map(|engine| async move {
        let origin = if is_on_path(engine) { " on PATH" } else { "" };
        let mut column = Column::new(engine, format!("{}{origin}", engine.name));
        let stage = Stage::in_memory(engine, "").await;
        journeys::whole_life(&stage, &mut column).await;
        journeys::unknown_and_absent(&stage, &mut column).await;
        journeys::error_further_down(&stage, &mut column).await;
        journeys::interrupt(&stage, &mut column).await;
        journeys::failing_before_update(&stage, &mut column).await;
        events::all(&stage, &mut column).await;
        column
    });
    let columns = futures_util::future::join_all(columns).await;
    let text = table(&columns);
    // The harness shows nothing of a test that passes, but what goes to the stream itself.
    std::io::stdout().write_all(text.as_bytes()).unwrap();
    let file = Workshop::here().folder;
    let file = file.parent().map(|target| target.join("engine-matrix.txt")).unwrap();
    std::fs::write::<&Path, _>(&file, &text).unwrap();
    let wrong: Vec<&str> = columns.iter().flat_map(Column::wrong).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
