//! A folder with a configuration and an engine to run it.

use std::path::Path;

use terraform_provider_session::demo::{Core, Engine, Error, Output, Scratch};
use tokio::sync::Semaphore;

pub(crate) use super::lineup::{core, engines, few, newest};

/// The provider as built by this test run.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_terraform-provider-session");

/// Commands of engines that run at a time, of all tests together: enough to
/// keep two processors busy while some of them wait for the sandbox.
static AT_ONCE: Semaphore = Semaphore::const_new(4);

/// Runs a test on several engines at the same time.
pub(crate) async fn on(
    engines: impl IntoIterator<Item = &'static Engine>,
    test: impl AsyncFn(&'static Engine),
) {
    futures_util::future::join_all(engines.into_iter().map(|engine| test(engine))).await;
}

/// A failure in the error's own words.
pub(crate) fn must<T>(error: Error) -> T {
    panic!("{error}")
}

/// A configuration and an engine.
#[derive(Debug)]
pub(crate) struct Fixture {
    pub(crate) core: Core,
    folder: Scratch,
}

impl Fixture {
    /// A new folder with `main.tf`, for an engine.
    pub(crate) fn new(engine: &Engine, main: &str) -> Fixture {
        let core = Core::new(engine.clone(), Path::new(BINARY)).unwrap_or_else(must);
        let fixture = Fixture { core, folder: Scratch::new("it").unwrap_or_else(must) };
        fixture.write("main.tf", main);
        fixture
    }

    /// Where Terraform runs.
    pub(crate) fn dir(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file of the configuration.
    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.dir().join(name), text).unwrap();
    }

    /// Runs a command that may fail.
    pub(crate) async fn run(&self, args: &[&str]) -> Output {
        let _turn = AT_ONCE.acquire().await.unwrap();
        self.core.run(self.dir(), args, &[]).await.unwrap_or_else(must)
    }

    /// Runs a command that must succeed, and gives what it said.
    pub(crate) async fn succeed(&self, args: &[&str]) -> String {
        let told = self.run(args).await;
        assert_eq!(told.code, 0, "{}: {args:?}\n{}", self.core.engine().name, told.text());
        told.text()
    }

    /// Runs a command that must succeed, with more variables in its environment.
    pub(crate) async fn succeed_with(&self, args: &[&str], env: &[(&str, &str)]) -> String {
        let _turn = AT_ONCE.acquire().await.unwrap();
        let told = self.core.run(self.dir(), args, env).await.unwrap_or_else(must);
        assert_eq!(told.code, 0, "{}: {args:?}\n{}", self.core.engine().name, told.text());
        told.text()
    }

    /// Runs a command that must fail, and gives what it said.
    pub(crate) async fn fail(&self, args: &[&str]) -> String {
        let told = self.run(args).await;
        assert_eq!(told.code, 1, "{}: {args:?}\n{}", self.core.engine().name, told.text());
        told.text()
    }

    /// Addresses in the state, sorted.
    pub(crate) async fn state(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            self.succeed(&["state list"]).await.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    /// The attributes of a resource in the state.
    pub(crate) async fn values(&self, address: &str) -> serde_json::Value {
        let told = self.run(&["show", "-json"]).await;
        let state: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
        let all = state["values"]["root_module"]["resources"].as_array().cloned();
        let found = all.unwrap_or_default().into_iter().find(|one| one["address"] == address);
        found.unwrap_or_else(|| panic!("{address} is not in {state}"))["values"].clone()
    }

    /// Forgets all state.
    pub(crate) fn forget(&self) {
        for file in ["terraform.tfstate", "terraform.tfstate.backup"] {
            let _ = std::fs::remove_file(self.dir().join(file));
        }
    }

    /// The value of an output.
    pub(crate) async fn output(&self, name: &str) -> serde_json::Value {
        serde_json::from_str(&self.succeed(&["output", "-json", name]).await).unwrap()
    }

    /// Asserts that a plan changes nothing.
    pub(crate) async fn nothing_to_do(&self) {
        let told = self.run(&["plan", "-detailed-exitcode"]).await;
        assert_eq!(told.code, 0, "{}\n{}", self.core.engine().name, told.text());
    }
}
