//! The access log: one line for each request, in a bounded queue that a thread writes, so that a slow disk or pipe
//! never delays a request. The thread also masks secrets.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use logging::{Destination, Drops, Limits, LineFormatter, LineWriter};
use tracing::{error, info, warn};

use crate::access_entry::AccessEntry;
use crate::access_line::AccessLine;
use crate::log_drops::LogDropsCollector;
use crate::metrics::Metrics;

/// Maximum of queued lines.
pub const MAX_QUEUED_LINES: usize = 8 * 1024;
/// Maximum of queued bytes.
pub const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;
/// Pause of the writing thread after a write, and so the longest delay of a line.
const PAUSE: Duration = Duration::from_millis(20);

/// The destination of the access log.
pub enum AccessLogOutput {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// Appended to a file, which is created if missing.
    File(PathBuf),
    /// Any other writer.
    Writer(Box<dyn Write + Send>),
    /// Nowhere; entries are not even built.
    Off,
}

/// The format of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// A JSON object.
    Json,
    /// A short text for people.
    Human,
}

/// The access log. Clones write to the same destination.
#[derive(Debug, Clone)]
pub struct AccessLogger {
    queue: Option<Arc<Queue>>,
}

#[derive(Debug)]
struct Queue {
    format: AccessLogFormat,
    is_file: bool,
    writer: LineWriter<AccessLine>,
}

impl AccessLogger {
    /// Opens `output` and starts the thread that writes to it. The thread ends with the last clone. The queue holds
    /// `capacity` lines ([`MAX_QUEUED_LINES`] in production) and [`MAX_QUEUED_BYTES`].
    ///
    /// # Errors
    /// The file can't be opened, or the system provides no thread.
    pub fn start(
        output: AccessLogOutput,
        format: AccessLogFormat,
        capacity: usize,
        metrics: &Arc<Metrics>,
    ) -> io::Result<Self> {
        let is_file = matches!(output, AccessLogOutput::File(_));
        let destination = match output {
            AccessLogOutput::Off => return Ok(Self::off()),
            AccessLogOutput::Stdout => Destination::stream(Box::new(io::stdout())),
            AccessLogOutput::Stderr => Destination::stream(Box::new(io::stderr())),
            AccessLogOutput::File(path) => Destination::file(path)?,
            AccessLogOutput::Writer(writer) => Destination::stream(writer),
        };
        let drops = Arc::new(Drops::default());
        let limits = Limits {
            lines: capacity,
            bytes: MAX_QUEUED_BYTES,
            pause: PAUSE,
        };
        let writer = LineWriter::start(
            "access-log",
            destination,
            limits,
            MaskingLineFormatter,
            Arc::clone(&drops),
        )?;
        metrics.register(LogDropsCollector::access_log(drops));
        Ok(Self {
            queue: Some(Arc::new(Queue {
                format,
                is_file,
                writer,
            })),
        })
    }

    /// Returns a log that writes nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { queue: None }
    }

    /// Returns true if lines are written, so that building an entry is useful.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Queues the line of a request, or drops and counts it. Never waits.
    pub fn write(&self, entry: &AccessEntry<'_>) {
        let Some(queue) = &self.queue else { return };
        let line = match queue.format {
            AccessLogFormat::Json => AccessLine::json(entry),
            AccessLogFormat::Human => AccessLine::human(entry),
        };
        let size = line.len();
        queue.writer.put(line, size);
    }

    /// Opens the file of the log again under its path, after the lines that are queued. The result is logged. Returns
    /// false if the log is not a file. Never waits.
    #[must_use]
    pub fn reopen(&self) -> bool {
        let file = self.queue.as_ref().filter(|queue| queue.is_file);
        file.inspect(|queue| queue.writer.reopen()).is_some()
    }

    /// Waits up to `limit` until all queued lines are written. Returns false on timeout. Blocks; for use at the end
    /// of the process.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        let Some(queue) = &self.queue else { return true };
        queue.writer.flush(limit)
    }
}

/// Writes lines in their order and masks secrets in them: in queries, and in paths of refused requests.
struct MaskingLineFormatter;

impl LineFormatter for MaskingLineFormatter {
    type Item = AccessLine;

    fn write(&mut self, line: AccessLine, lines: &mut Vec<u8>) {
        lines.append(&mut line.masked());
    }

    fn failed(&mut self, error: &io::Error) {
        warn!("the access log can't be written: {error}");
    }

    fn reopened(&mut self, path: &Path, result: io::Result<()>) {
        let path = path.display();
        match result {
            Ok(()) => info!("the access log {path} is open again"),
            Err(error) => {
                error!("the access log {path} can't be opened again, the former file stays in use: {error}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
