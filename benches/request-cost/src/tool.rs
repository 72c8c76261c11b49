//! The tools that run a program and count, and the numbers in their output.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

/// A program that runs the measured program and counts its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Counts instructions and calls.
    Callgrind,
    /// Counts the bytes that the C library's functions copy: `memcpy`, `memmove`, `strcpy` and their relatives.
    Dhat,
    /// Counts system calls. It needs the right to trace processes, which containers may withhold.
    Strace,
}

impl Tool {
    /// Returns the command that runs a program under this tool, with its output in `folder`.
    pub(crate) fn command(self, folder: &Path) -> Command {
        let into = |option: &str, file: &Path| format!("--{option}={}", file.display());
        let output = self.output(folder);
        let log = folder.join("valgrind.log");
        let mut command = Command::new(self.program());
        match self {
            // gdb's server would only cost time.
            Self::Callgrind => command.args([
                "--tool=callgrind",
                "--vgdb=no",
                "--separate-threads=yes",
                &into("callgrind-out-file", &output),
                &into("log-file", &log),
            ]),
            Self::Dhat => command.args([
                "--tool=dhat",
                "--mode=copy",
                "--vgdb=no",
                "--dhat-out-file=/dev/null",
                &into("log-file", &output),
            ]),
            Self::Strace => command.args(["-f", "-c", "-o"]).arg(output),
        };
        command
    }

    /// Returns the path of the tool's counts. Callgrind appends `-NN` for each thread, in the order in which they started.
    fn output(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self:?}.out").to_lowercase())
    }

    /// Reads the tool's counts: one text, or one for each thread of the process.
    ///
    /// # Errors
    /// There are none, or they can't be read.
    pub(crate) fn read(self, folder: &Path) -> Result<Vec<String>> {
        let output = self.output(folder);
        let read = |path: PathBuf| fs::read_to_string(&path).with_context(|| path.display().to_string());
        if self != Self::Callgrind {
            return Ok(vec![read(output)?]);
        }
        let of_thread = |thread: usize| PathBuf::from(format!("{}-{thread:02}", output.display()));
        let threads: Vec<PathBuf> = (1..).map(of_thread).take_while(|path| path.exists()).collect();
        if threads.is_empty() {
            bail!("valgrind wrote no counts of a thread beside {}", output.display());
        }
        threads.into_iter().map(read).collect()
    }

    /// Checks that the tool can be used on this machine.
    ///
    /// # Errors
    /// It is not installed, or a process may not be traced.
    pub(crate) fn check(self) -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(folder.path());
        let status = command.arg("true").stderr(Stdio::null()).status();
        let program = self.program();
        let status = status.with_context(|| format!("can't run {program}: is it installed?"))?;
        if !status.success() {
            bail!("{program} can't trace a process here: {status}");
        }
        Ok(())
    }

    fn program(self) -> &'static str {
        match self {
            Self::Callgrind | Self::Dhat => "valgrind",
            Self::Strace => "strace",
        }
    }
}

/// Reads the number of copied bytes in the log of `dhat --mode=copy`.
pub(crate) fn copied_bytes(log: &str) -> Option<u64> {
    let total = log.lines().find_map(|line| line.split_once(" Total: "))?.1;
    let (bytes, _) = total.trim().split_once(" bytes in ")?;
    bytes.replace(',', "").parse().ok()
}

/// Reads the number of all calls in the table of `strace -c`: time in %, seconds, microseconds a call, calls, errors,
/// name. The column of errors may be empty.
pub(crate) fn system_calls(table: &str) -> Option<u64> {
    let total = table.lines().find(|line| line.ends_with(" total"))?;
    total.split_whitespace().nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copied_bytes_are_read_from_the_log_of_dhat() {
        let log = "==7== Command: ./sluice\n==7== \n==7== Total:     10,568 bytes in 1,710 blocks\n==7== \n==7== To view\n";
        assert_eq!(copied_bytes(log), Some(10_568));
        assert_eq!(copied_bytes("==7== Command: ./sluice\n"), None);
    }

    #[test]
    fn calls_are_read_from_the_table_of_strace() {
        let with_errors = "100.00    0.000000           0       144        19 total\n";
        let without = " 50.00    0.000100           1        72           write\n100.00    0.000200           1       144           total\n";
        assert_eq!(system_calls(with_errors), Some(144));
        assert_eq!(system_calls(without), Some(144));
        assert_eq!(system_calls("strace: detached\n"), None);
    }
}
