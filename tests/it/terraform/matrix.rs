//! The engine matrix: what every core does with the three terminating faces, counted in sessions
//! that the sandbox really ended.
//!
//! Every run of a face ends two sessions, those of its node, so a 2 is one run and a 0 is none. The
//! matrix is printed at the end, past the test harness' capture, and written to
//! `target/engine-matrix.txt`. Where a core cannot do something, its cell says why.

mod column;
mod journeys;
mod world;

use std::io::Write;
use std::path::Path;

use terraform_provider_session::demo::{Engine, PINS, Workshop};

use self::column::{Column, table};
use crate::terraform::fixture::engines;
use crate::terraform::stage::Stage;

/// Whether an engine knows ephemeral resources.
pub(crate) fn has_ephemerals(engine: &Engine) -> bool {
    engine.version >= if is_opentofu(engine) { (1, 11, 0) } else { (1, 10, 0) }
}

/// Whether an engine knows actions.
pub(crate) fn has_actions(engine: &Engine) -> bool {
    !is_opentofu(engine) && engine.version >= (1, 14, 0)
}

pub(crate) fn is_opentofu(engine: &Engine) -> bool {
    engine.name.starts_with("OpenTofu")
}

#[tokio::test]
async fn every_core_ends_what_it_should_and_nothing_else() {
    let columns = engines().iter().enumerate().map(|(at, engine)| async move {
        let origin = if at < PINS.len() { "" } else { " on PATH" };
        let mut column = Column::new(engine, format!("{}{origin}", engine.name));
        let stage = Stage::in_memory(engine, "").await;
        journeys::whole_life(&stage, &mut column).await;
        journeys::unknown_and_absent(&stage, &mut column).await;
        journeys::error_further_down(&stage, &mut column).await;
        journeys::interrupt(&stage, &mut column).await;
        journeys::failing_before_update(&stage, &mut column).await;
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
