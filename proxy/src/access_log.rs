//! One line per request, written by a thread of its own so that a slow disk or pipe never holds a request up.
//! Between the two is a queue that is bounded in lines and bytes; what doesn't fit is dropped and counted.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing::warn;

use crate::access_entry::Entry;
use crate::metrics::Metrics;

/// How many lines wait to be written, at most.
pub const MAX_QUEUED_LINES: usize = 8 * 1024;
/// How many bytes wait to be written, at most.
pub const MAX_QUEUED_BYTES: usize = 16 * 1024 * 1024;

/// Where lines go.
pub enum Output {
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
pub enum Format {
    /// A JSON object.
    Json,
    /// A short text for someone who watches.
    Human,
}

/// Writes one line per request. Clones write to the same place.
#[derive(Debug, Clone)]
pub struct AccessLog {
    queue: Option<Arc<Queue>>,
}

#[derive(Debug)]
struct Queue {
    format: Format,
    sender: SyncSender<Message>,
    bytes: Arc<AtomicUsize>,
    metrics: Arc<Metrics>,
}

enum Message {
    Line(Vec<u8>),
    /// Everything before it is to be written out, and then said so.
    Flush(SyncSender<()>),
}

impl AccessLog {
    /// Opens `output` and starts the thread that writes to it, which ends with the last clone. The queue has
    /// `capacity` lines ([`MAX_QUEUED_LINES`] for production) and [`MAX_QUEUED_BYTES`].
    pub fn start(
        output: Output,
        format: Format,
        capacity: usize,
        metrics: &Arc<Metrics>,
    ) -> io::Result<Self> {
        let writer: Box<dyn Write + Send> = match output {
            Output::Off => return Ok(Self::off()),
            Output::Stdout => Box::new(io::stdout()),
            Output::Stderr => Box::new(io::stderr()),
            Output::File(path) => Box::new(OpenOptions::new().append(true).create(true).open(path)?),
            Output::Writer(writer) => writer,
        };
        let (sender, receiver) = sync_channel(capacity);
        let bytes = Arc::new(AtomicUsize::new(0));
        let queue = Queue {
            format,
            sender,
            bytes: Arc::clone(&bytes),
            metrics: Arc::clone(metrics),
        };
        let metrics = Arc::clone(metrics);
        thread::Builder::new()
            .name("access-log".into())
            .spawn(move || write_lines(writer, &receiver, &bytes, &metrics))?;
        Ok(Self {
            queue: Some(Arc::new(queue)),
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
    pub fn write(&self, entry: &Entry<'_>) {
        let Some(queue) = &self.queue else { return };
        let line = match queue.format {
            Format::Json => entry.json(),
            Format::Human => entry.human(),
        };
        queue.put(line);
    }

    /// Waits until everything queued so far is written out, at most for `limit`, and says whether it is.
    /// Blocks: it is for the end of the process.
    #[must_use]
    pub fn flush(&self, limit: Duration) -> bool {
        let Some(queue) = &self.queue else { return true };
        let deadline = Instant::now() + limit;
        let (done, flushed) = sync_channel(1);
        let mut message = Message::Flush(done);
        while let Err(refused) = queue.sender.try_send(message) {
            let TrySendError::Full(kept) = refused else {
                return false;
            };
            if Instant::now() >= deadline {
                return false;
            }
            message = kept;
            thread::sleep(Duration::from_millis(1));
        }
        flushed
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .is_ok()
    }
}

impl Queue {
    fn put(&self, line: Vec<u8>) {
        let size = line.len();
        // Taken before the line is queued, so that the writer never gives back what was not taken.
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > MAX_QUEUED_BYTES {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            self.metrics.access_log_dropped.count("queue_full");
            return;
        }
        if self.sender.try_send(Message::Line(line)).is_err() {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            self.metrics.access_log_dropped.count("queue_full");
        }
    }
}

/// Writes until no one can queue a line any more.
fn write_lines(
    writer: Box<dyn Write + Send>,
    queue: &Receiver<Message>,
    bytes: &AtomicUsize,
    metrics: &Metrics,
) {
    let mut output = Lines {
        writer: BufWriter::with_capacity(64 * 1024, writer),
        failing: false,
    };
    while let Ok(message) = queue.recv() {
        let mut next = Some(message);
        // All that is queued goes out in as few writes as possible, and no line waits for another to follow.
        while let Some(message) = next {
            match message {
                Message::Line(line) => {
                    output.write(&line, metrics);
                    bytes.fetch_sub(line.len(), Ordering::Relaxed);
                }
                Message::Flush(done) => {
                    output.flush();
                    // Whoever asked may have stopped waiting.
                    let _ = done.try_send(());
                }
            }
            next = queue.try_recv().ok();
        }
        output.flush();
    }
}

/// An output that may fail and recover. What it could not write out yet it keeps, within its buffer.
struct Lines {
    writer: BufWriter<Box<dyn Write + Send>>,
    failing: bool,
}

impl Lines {
    fn write(&mut self, line: &[u8], metrics: &Metrics) {
        let result = self.writer.write_all(line);
        if result.is_err() {
            metrics.access_log_dropped.count("write_failed");
        }
        self.note(result);
    }

    fn flush(&mut self) {
        let result = self.writer.flush();
        self.failing &= result.is_err();
        self.note(result);
    }

    /// Says that writing fails, once until it succeeds again.
    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result
            && !std::mem::replace(&mut self.failing, true)
        {
            warn!("the access log can't be written: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
