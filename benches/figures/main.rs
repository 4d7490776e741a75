//! What the provider costs, measured: `cargo bench`.
//!
//! Prints a table of figures, each beside its goal and beside something that was measured in the
//! same minute; with `UPDATE=1` writes it to `BENCHMARKS.md`. Everything but the last figure is
//! taken from the very program that release archives hold, which is built first. Ends with 1 if a
//! goal is missed.

#![expect(clippy::unwrap_used, reason = "in a bench a panic is the message")]
#![expect(clippy::disallowed_methods, reason = "it measures this very machine")]
#![expect(clippy::print_stdout, reason = "the table is for whoever runs it")]

mod engines;
mod host;
mod load;
mod plugins;
mod postgres;
mod shipped;
mod start;
mod table;

use std::cell::LazyCell;
use std::process::ExitCode;

use table::Figure;

fn main() -> ExitCode {
    if let Some(done) = plugins::serve() {
        return done;
    }
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let only = arguments.next();
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let program = LazyCell::new(shipped::build);
    let mut figures: Vec<Figure> = Vec::new();
    if wanted("start") {
        tell("the start of a process");
        figures.push(shipped::size(&program));
        figures.push(start::until_the_line(&program));
        figures.push(runtime.block_on(start::memory(&program)));
    }
    if wanted("load") {
        tell("10,000 sessions");
        figures.extend(runtime.block_on(load::many_sessions()));
    }
    if wanted("postgres") {
        tell("500 sessions of a PostgreSQL");
        figures.push(runtime.block_on(postgres::sessions()));
    }
    let mut engine = None;
    if wanted("engines") {
        tell("plans and applies");
        let (name, measured) = runtime.block_on(engines::plans_and_applies(&program));
        figures.extend(measured);
        engine = Some(name);
    }

    if wanted("plugins") {
        tell("what a plugin adds");
        figures.extend(runtime.block_on(plugins::what_they_add(engines::any())));
    }

    let text = table::text(&figures, engine.as_deref());
    tell(&text);
    if std::env::var_os("UPDATE").is_some() && only.is_none() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("BENCHMARKS.md");
        std::fs::write(file, text).unwrap();
    }
    if figures.iter().all(Figure::is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what goes on.
fn tell(text: &str) {
    println!("{text}");
}
