//! Output: results to standard output, messages to standard error, colours only to a terminal.

use std::{
    fmt,
    io::{self, Write},
};

use config::{Colour, Report};
use logging::{LogFormat, ProcessLog};
use tracing::Level;

use crate::{process_log, terminal};

/// The format of printed answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OutputFormat {
    /// Text for people.
    Text,
    /// JSON for scripts: the server's body, or what the command itself found.
    Json,
}

impl OutputFormat {
    /// Returns the format that a command's `--json` asks for.
    pub(super) fn from_json_option(is_json: bool) -> Self {
        if is_json { Self::Json } else { Self::Text }
    }
}

/// Writes a line to standard output.
pub(super) fn print(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Writes a JSON value to standard output, with characters escaped that a terminal would obey or not show.
pub(super) fn print_json(json: impl fmt::Display) -> io::Result<()> {
    print_body(json.to_string().as_bytes())
}

/// Writes JSON to standard output: the same value, with characters escaped that a terminal would obey or not show.
pub(super) fn print_body(body: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(&redact::escaped_json(body.trim_ascii_end()))?;
    out.write_all(b"\n")
}

/// Writes a line to standard error, with secrets masked. A failure of the write is ignored: there is no other place to
/// report it.
///
/// In a process that serves, the line goes through its log, so that no thread waits for a slow reader of standard
/// error.
pub(super) fn print_stderr(line: impl fmt::Display) {
    let line = line.to_string();
    match process_log::current() {
        Some(log) => log.block(Level::INFO, &line),
        None => drop(writeln!(io::stderr().lock(), "{}", redact::masked(&line))),
    }
}

/// Writes the report of a document to standard error.
pub(super) fn print_report(report: &Report) {
    RenderedReport::of(report).print();
}

/// A report of a document as text.
pub(super) struct RenderedReport {
    level: Level,
    headline: String,
    text: String,
}

impl RenderedReport {
    pub(super) fn of(report: &Report) -> Self {
        Self {
            level: match report.errors() {
                0 => Level::WARN,
                _ => Level::ERROR,
            },
            headline: report.headline(),
            text: report.render(colour()).trim_end().to_owned(),
        }
    }

    /// Writes the report to standard error.
    pub(super) fn print(&self) {
        match process_log::current() {
            Some(log) => log.summarized(self.level, &self.headline, &self.text),
            None => print_stderr(&self.text),
        }
    }
}

/// Prints the report of a document that a command checked: as text to standard error, or as JSON to standard output.
pub(super) fn print_document_report(report: &Report, format: OutputFormat) -> io::Result<()> {
    match format {
        OutputFormat::Text => print_report(report),
        OutputFormat::Json => print_json(format_args!("{:#}", report.to_json()))?,
    }
    Ok(())
}

/// Logs an error of a process that serves, with its report of several lines.
pub(super) fn log_report(error: &str, report: &str) {
    match process_log::current() {
        Some(log) => log.report(Level::ERROR, error, report),
        None => print_stderr(format_args!("{error}\n{report}")),
    }
}

/// Writes the error that ends the process. In a process that serves it is the last line of the log; this waits for a
/// slot in the queue of the log, which is harmless because no thread serves any more.
pub(super) fn print_last_error(error: &anyhow::Error) {
    match process_log::current() {
        Some(log) => log.last_error(&format!("{error:#}"), process_log::FLUSH_TIMEOUT),
        None => print_stderr(format_args!("error: {error:#}")),
    }
}

/// Returns whether to use colours on standard error. Records in JSON have none.
pub(super) fn colour() -> Colour {
    match process_log::current().map(ProcessLog::format) {
        Some(LogFormat::Json) => Colour::Never,
        Some(LogFormat::Text(_)) | None => terminal::colour(),
    }
}
