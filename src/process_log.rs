//! The log of a process that serves: standard error, written by its own thread. Every output of such a process to
//! standard error goes through the log, so that no other thread waits for a slow reader of standard error.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
use logging::{CurrentLevels, Levels, LogColour, LogFormat, ProcessLog, ProcessLogOptions};
use tracing::{error, warn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::log_levels;
use crate::terminal;

/// Longest wait for the last lines at the end of the process.
pub(crate) const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// The log, once it is started.
static LOG: OnceLock<ProcessLog> = OnceLock::new();

/// The levels of the log, as written. By default those of `info`.
#[derive(Debug, Default)]
pub(crate) struct LevelDirectives {
    /// The option, variable or field that has them.
    pub(crate) source: &'static str,
    /// `LEVEL`, `MODULE` and `MODULE=LEVEL`, separated by commas.
    pub(crate) text: String,
}

/// Starts the log of this process.
///
/// # Errors
/// Standard error is not open, or the thread can't be started.
pub(crate) fn start(format: LogFormat, directives: &LevelDirectives) -> Result<&'static ProcessLog> {
    // Its own descriptor: a write that blocks must not hold the lock of `io::stderr`.
    let output = io::stderr()
        .as_fd()
        .try_clone_to_owned()
        .context("standard error is not open")?;
    let options = ProcessLogOptions {
        format,
        ..ProcessLogOptions::default()
    };
    let log = ProcessLog::start(Box::new(File::from(output)), options).context("can't start the log")?;
    let (levels, invalid) = Levels::parse(&directives.text);
    let levels = CurrentLevels::from(levels);
    tracing_subscriber::registry()
        .with(log.layer(levels.clone()))
        .try_init()
        .context("a log is already started")?;
    log.log_panics();
    log_levels::remember(levels, &directives.text);
    for directive in invalid {
        warn!("{}: {directive}", directives.source);
    }
    Ok(LOG.get_or_init(|| log))
}

/// Returns the format of lines of text on standard error.
pub(crate) fn text_format() -> LogFormat {
    LogFormat::Text(match terminal::colour() {
        config::Colour::Always => LogColour::Always,
        config::Colour::Never => LogColour::Never,
    })
}

/// Returns the levels of the variable `RUST_LOG`, if it is set.
pub(crate) fn rust_log() -> Option<LevelDirectives> {
    let source = "RUST_LOG";
    let text = std::env::var(source).ok()?;
    Some(LevelDirectives { source, text })
}

/// Returns the log of this process, if it is started.
pub(crate) fn current() -> Option<&'static ProcessLog> {
    LOG.get()
}

/// Guard that writes the last lines of the log when it is dropped, within two seconds, on every way out of `main`.
pub(crate) struct FlushOnExit;

impl Drop for FlushOnExit {
    fn drop(&mut self) {
        // The panic itself is logged where it happened. What was dropped since may have logged more.
        if std::thread::panicking() {
            write_counts();
            error!("ended: the main thread panicked");
        }
        flush();
    }
}

/// Has the counts of repetitions written before the next line, which is the last one.
pub(crate) fn write_counts() {
    if let Some(log) = current() {
        log.write_counts();
    }
}

/// Waits until the lines of the log are written, within two seconds.
pub(crate) fn flush() {
    if let Some(log) = current() {
        log.flush(FLUSH_TIMEOUT);
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Set for the process of a test that panics.
    const PANICS: &str = "SLUICE_TEST_PANICS";

    #[test]
    fn a_panic_of_the_main_thread_ends_the_log_with_a_line() {
        if std::env::var_os(PANICS).is_some() {
            let directives = LevelDirectives {
                source: "",
                text: "info".to_owned(),
            };
            start(text_format(), &directives).unwrap();
            let _flush = FlushOnExit;
            panic!("a defect");
        }
        let name = "process_log::tests::a_panic_of_the_main_thread_ends_the_log_with_a_line";
        let output = Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .env(PANICS, "1")
            .env_remove("RUST_LOG")
            .env("RUST_BACKTRACE", "0")
            .output()
            .unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let mut lines = log.lines().rev();
        assert!(
            lines
                .next()
                .unwrap()
                .ends_with("ERROR ended: the main thread panicked"),
            "{log}"
        );
        assert!(lines.next().unwrap().ends_with(": a defect"), "{log}");
    }
}
