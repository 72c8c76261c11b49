//! The process that an upgrade by a signal starts.

use std::io;
use std::path::PathBuf;
use std::process::Command;

use crate::service_manager;

/// The option of the process in between.
const DETACH: &str = "--detach";

/// The command that starts the binary again, for an upgrade by a signal.
#[derive(Debug)]
pub(crate) struct Successor {
    binary: PathBuf,
}

impl Successor {
    pub(crate) fn of_this_process() -> io::Result<Self> {
        Ok(Self {
            binary: own_binary()?,
        })
    }

    /// Starts the binary with the arguments of this process and `--upgrade`, by a process in between that ends at once. So
    /// the new process has no parent but the service manager, which supervises only its own children: of another main
    /// process systemd does not notice the end, and stops it without a drain.
    ///
    /// # Errors
    /// The binary can't be started.
    pub(crate) fn start(&self) -> io::Result<()> {
        let mut command = Command::new(&self.binary);
        let arguments = std::env::args_os().skip(1);
        command.args(arguments.filter(|argument| argument != "--upgrade"));
        command.args(["--upgrade", DETACH]);
        for variable in service_manager::OWN_VARIABLES {
            command.env_remove(variable);
        }
        let status = command.status()?;
        match status.success() {
            true => Ok(()),
            false => Err(io::Error::other(format!("it ended with {status}"))),
        }
    }
}

/// Starts the command of this process again without `--detach`, and leaves it alone.
///
/// # Errors
/// The binary can't be started.
pub(crate) fn detach() -> io::Result<()> {
    let mut command = Command::new(own_binary()?);
    let arguments = std::env::args_os().skip(1);
    command.args(arguments.filter(|argument| argument != DETACH));
    command.spawn().map(drop)
}

/// Returns the absolute path that this process was started with, so that a link leads to the version that it names by now;
/// if it was started by a name or a relative path, the path of its file. Called at the start: later the file may have been
/// replaced, and then the system reports no path of it.
fn own_binary() -> io::Result<PathBuf> {
    let started = std::env::args_os().next().map(PathBuf::from);
    match started.filter(|path| path.is_absolute()) {
        Some(path) => Ok(path),
        None => std::env::current_exe(),
    }
}
