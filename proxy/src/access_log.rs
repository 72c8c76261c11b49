//! One line per request, in a bounded queue that a thread of its own writes, so that a slow disk or pipe never holds a
//! request up. Secrets are masked by that thread.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use logging::{Drops, Limits, LineFormatter, LineWriter};
use tracing::warn;

use crate::access_entry::AccessEntry;
use crate::log_drops::LogDropsCollector;
use crate::metrics::Metrics;

/// How many lines wait to be written, at most.
pub const MAX_QUEUED_LINES: usize = 8 * 1024;
/// How many bytes wait to be written, at most.
pub const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// Where lines go.
pub enum AccessLogOutput {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// At the end of a file, which is made if there is none.
    File(PathBuf),
    /// Anywhere else.
    Writer(Box<dyn Write + Send>),
    /// Nowhere: nothing is even put together.
    Off,
}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    /// A JSON object.
    Json,
    /// A short text for someone who watches.
    Human,
}

/// Writes one line per request. Clones write to the same place.
#[derive(Debug, Clone)]
pub struct AccessLogger {
    queue: Option<Arc<Queue>>,
}

#[derive(Debug)]
struct Queue {
    format: AccessLogFormat,
    writer: LineWriter<Vec<u8>>,
}

impl AccessLogger {
    /// Opens `output` and starts the thread that writes to it, which ends with the last clone. The queue has
    /// `capacity` lines ([`MAX_QUEUED_LINES`] for production) and [`MAX_QUEUED_BYTES`].
    pub fn start(
        output: AccessLogOutput,
        format: AccessLogFormat,
        capacity: usize,
        metrics: &Arc<Metrics>,
    ) -> io::Result<Self> {
        let writer: Box<dyn Write + Send> = match output {
            AccessLogOutput::Off => return Ok(Self::off()),
            AccessLogOutput::Stdout => Box::new(io::stdout()),
            AccessLogOutput::Stderr => Box::new(io::stderr()),
            AccessLogOutput::File(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
            AccessLogOutput::Writer(writer) => writer,
        };
        let drops = Arc::new(Drops::default());
        let limits = Limits {
            lines: capacity,
            bytes: MAX_QUEUED_BYTES,
        };
        let writer = LineWriter::start(
            "access-log",
            writer,
            limits,
            MaskingLineFormatter { format },
            Arc::clone(&drops),
        )?;
        metrics.register(LogDropsCollector::access_log(drops));
        Ok(Self {
            queue: Some(Arc::new(Queue { format, writer })),
        })
    }

    /// A log that writes nothing.
    #[must_use]
    pub fn off() -> Self {
        Self { queue: None }
    }

    /// Whether anything is written, so that an entry is worth putting together.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.queue.is_some()
    }

    /// Queues the line of one request, or drops and counts it. Never waits.
    pub fn write(&self, entry: &AccessEntry<'_>) {
        let Some(queue) = &self.queue else { return };
        let line = match queue.format {
            AccessLogFormat::Json => entry.json(),
            AccessLogFormat::Human => entry.human(),
        };
        let size = line.len();
        queue.writer.put(line, size);
    }

    /// Waits until everything queued so far is written out, at most for `limit`, and says whether it is.
    /// Blocks: it is for the end of the process.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        let Some(queue) = &self.queue else { return true };
        queue.writer.flush(limit)
    }
}

/// Lines are written as they were queued, with secrets masked: in a query, in the path of a request that was refused.
struct MaskingLineFormatter {
    format: AccessLogFormat,
}

impl LineFormatter for MaskingLineFormatter {
    type Item = Vec<u8>;

    fn write(&mut self, mut line: Vec<u8>, lines: &mut Vec<u8>) {
        let form = match self.format {
            AccessLogFormat::Json => redact::TextFormat::Json,
            AccessLogFormat::Human => redact::TextFormat::Text,
        };
        redact::mask_bytes(&mut line, form);
        lines.append(&mut line);
    }

    fn failed(&mut self, error: &io::Error) {
        warn!("the access log can't be written: {error}");
    }
}

#[cfg(test)]
mod tests;
