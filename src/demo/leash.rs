//! Child processes that do not outlive this one, however it ends.
//!
//! A handle that is dropped kills its process, but a program that is killed itself drops nothing.
//! On Linux, `setpriv` of util-linux asks the kernel to see to it; elsewhere, or without it, a
//! killed demo or test may leave processes behind.

use std::process::Command;

use super::workshop::Workshop;

/// The same program and arguments, which the kernel kills when the thread that starts it is gone.
/// Folder, environment and streams are to be set afterwards.
pub(super) fn leashed(command: Command) -> Command {
    let setpriv =
        if cfg!(target_os = "linux") { Workshop::here().program("setpriv") } else { None };
    let Some(setpriv) = setpriv else { return command };
    let mut leashed = Command::new(setpriv);
    leashed.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    leashed
}
