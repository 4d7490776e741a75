//! A folder with a configuration and an engine to run it.

use std::path::Path;
use std::sync::OnceLock;

use terraform_provider_session::demo::{Core, Engine, Error, Output, Scratch, Workshop};

/// The pinned cores that every scenario runs on.
pub(crate) const CORES: [&str; 9] =
    ["1.6.6", "1.8.4", "1.9.8", "1.10.5", "1.11.4", "1.12.2", "1.13.5", "1.14.9", "1.15.5"];

/// The provider as built by this test run.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_terraform-provider-session");

/// The engines that every scenario runs on.
pub(crate) fn engines() -> &'static [Engine] {
    static ALL: OnceLock<Vec<Engine>> = OnceLock::new();
    ALL.get_or_init(|| {
        let workshop = Workshop::here();
        let pinned = CORES.map(|core| Engine::pinned(&workshop, core));
        let mut all = pinned.into_iter().collect::<Result<Vec<_>, Error>>().unwrap_or_else(must);
        all.extend(Engine::on_path(&workshop).unwrap_or_else(must));
        all
    })
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
        self.core.run(self.dir(), args, &[]).await.unwrap_or_else(must)
    }

    /// Runs a command that must succeed, and gives what it said.
    pub(crate) async fn succeed(&self, args: &[&str]) -> String {
        let told = self.run(args).await;
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
