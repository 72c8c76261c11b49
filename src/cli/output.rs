//! Where answers go: results to standard output, complaints to standard error, colours only to a terminal.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use config::Colour;

use crate::process_log;

/// What answers are printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// For people.
    Text,
    /// The server's body as it is.
    Json,
}

/// Writes a line to standard output.
pub(super) fn print(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Prints a body as it is, with one newline at its end.
pub(super) fn print_body(body: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(body.trim_ascii_end())?;
    out.write_all(b"\n")
}

/// Writes a line to standard error, with secrets masked. There is nobody to tell when that fails.
///
/// A process that serves has a log, which the line goes through: no thread of it may wait for standard error.
pub(super) fn print_stderr(line: impl fmt::Display) {
    let line = line.to_string();
    match process_log::current() {
        Some(log) => log.block(&line),
        None => drop(writeln!(io::stderr().lock(), "{}", redact::masked(&line))),
    }
}

/// Logs an error of a process that serves, with the report that says what it is.
pub(super) fn log_report(error: &str, report: &str) {
    match process_log::current() {
        Some(log) => log.report(tracing::Level::ERROR, error, report),
        None => print_stderr(format_args!("{error}\n{report}")),
    }
}

/// Writes a line that says why the process ends, which waits for its place in the log: no thread serves any more.
pub(super) fn print_stderr_last(line: impl fmt::Display) {
    match process_log::current() {
        Some(log) => log.block_timeout(&line.to_string(), process_log::FLUSH_TIMEOUT),
        None => print_stderr(line),
    }
}

/// Colours for standard error, unless it is no terminal or `NO_COLOR` is set.
pub(super) fn colour() -> Colour {
    let wanted =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { Colour::Always } else { Colour::Never }
}
