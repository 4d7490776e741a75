//! Keys that a program of a profile prints (`credential_process`).
//!
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html>. The
//! program is run without a shell.

use serde::Deserialize;

use super::source::Login;
use super::{document, misconfigured};
use crate::access::{Error, Kind};
use crate::wire::Outside;

const OPERATION: &str = "credential_process";

/// The key that the program prints.
pub(super) async fn login(command: &str, outside: &Outside) -> Result<Login, Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Version {
        version: Option<u32>,
    }
    let words = shlex::split(command)
        .ok_or_else(|| misconfigured("`credential_process` has a quote that is not closed"))?;
    let [program, arguments @ ..] = words.as_slice() else {
        return Err(misconfigured("`credential_process` is empty"));
    };
    // The cloud has refused nothing yet.
    let output = outside.environment.run(program, arguments).await.map_err(|reason| {
        misconfigured(format!("the program `{program}` of the profile failed: {reason}"))
    })?;
    let wrong = |what: &str| {
        let message = format!("the program `{program}` of the profile did not print {what}");
        Error::new(Kind::Credentials, OPERATION, message)
    };
    let version = serde_json::from_slice::<Version>(&output).ok().and_then(|it| it.version);
    if version != Some(1) {
        return Err(wrong("a JSON object with `Version` 1"));
    }
    document::read(&output).map_err(wrong)
}
