//! The process log: failures and changes as lines on standard error. Logging never blocks; what the output
//! does not accept is dropped, counted and reported.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{self, Write};
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use crate::current_levels::CurrentLevels;
use crate::destination::Destination;
use crate::drops::Drops;
use crate::event_text::EventText;
use crate::fill::Limits;
use crate::log_format::{LogColour, LogFormat};
use crate::log_formatter::{Item, LogFormatter, TitleUse};
use crate::repeats::{LineOrigin, MAX_REMEMBERED, Repeats, WINDOW};
use crate::writer::LineWriter;

/// The most that may be queued.
const LIMITS: Limits = Limits {
    lines: 4 * 1024,
    bytes: 4 * 1024 * 1024,
    // Lines are few, and the last ones before a crash matter most.
    pause: Duration::ZERO,
};
/// The longest block, in bytes; what is longer is cut.
const MAX_BLOCK: usize = 1024 * 1024;

/// Options of a process log.
#[derive(Debug, Clone, Copy)]
pub struct ProcessLogOptions {
    /// The format of lines.
    pub format: LogFormat,
    /// The most that may be queued.
    pub limits: Limits,
    /// The time during which repetitions of a line are counted instead of written.
    pub window: Duration,
}

impl Default for ProcessLogOptions {
    fn default() -> Self {
        Self {
            format: LogFormat::Text(LogColour::Never),
            limits: LIMITS,
            window: WINDOW,
        }
    }
}

/// A handle of the process log, whose lines are written by a thread. Clones share the log.
#[derive(Debug, Clone)]
pub struct ProcessLog {
    writer: LineWriter<Item>,
    format: LogFormat,
    drops: Arc<Drops>,
}

impl ProcessLog {
    /// Starts a log that writes to `output`.
    ///
    /// No other code may hold a lock around the same output: a write that hangs would hang with the lock.
    /// Standard error is therefore passed as a descriptor of its own, not as [`io::stderr`].
    ///
    /// # Errors
    /// The system can't start a thread.
    pub fn start(output: Box<dyn Write + Send>, options: ProcessLogOptions) -> io::Result<Self> {
        let drops = Arc::new(Drops::default());
        let formatter = LogFormatter {
            format: options.format,
            repeats: Repeats::new(options.window, MAX_REMEMBERED),
            drops: Arc::clone(&drops),
            reported_drops: 0,
            pending_drops: 0,
        };
        let writer = LineWriter::start(
            "process-log",
            Destination::stream(output),
            options.limits,
            formatter,
            Arc::clone(&drops),
        )?;
        Ok(Self {
            writer,
            format: options.format,
            drops,
        })
    }

    /// Returns the counts of lines that were not written.
    #[must_use]
    pub fn drops(&self) -> &Arc<Drops> {
        &self.drops
    }

    /// Returns the format of lines.
    #[must_use]
    pub fn format(&self) -> LogFormat {
        self.format
    }

    /// Queues lines that are written as they are, with secrets masked, or drops and counts them. In JSON they are the
    /// message of a record with this level. Never waits.
    pub fn block(&self, level: Level, text: &str) {
        self.summarized(level, "", text);
    }

    /// Queues lines like [`ProcessLog::block`]. In JSON they are the report of a record with this message.
    pub fn summarized(&self, level: Level, message: &str, text: &str) {
        let (item, size) = block(level, message, TitleUse::JsonOnly, text);
        self.writer.put(item, size);
    }

    /// Queues a line and a block below it, or drops both and counts one line. In JSON they are one record.
    pub fn report(&self, level: Level, line: &str, text: &str) {
        let (item, size) = block(level, line, TitleUse::Line, text);
        self.writer.put(item, size);
    }

    /// Has the counts of repetitions written before the next line, so that a last line stays the last. Never waits.
    pub fn write_counts(&self) {
        self.writer.settle();
    }

    /// Queues the error that ends the process: its first line as a line, the others as a block below it. The counts of
    /// repetitions are written before it. Waits up to `limit` for room in the queue. Blocks the caller.
    pub fn last_error(&self, error: &str, limit: Duration) {
        self.write_counts();
        let (line, text) = error.split_once('\n').unwrap_or((error, ""));
        let (item, size) = block(Level::ERROR, line, TitleUse::Line, text);
        self.writer.put_timeout(item, size, limit);
    }

    /// Waits up to `limit` until everything queued so far is written, and returns true if it is. Blocks the
    /// caller; for use at the end of the process.
    pub fn flush(&self, limit: Duration) -> bool {
        self.writer.flush(limit)
    }

    /// Returns a layer that logs the events that `levels` allow.
    pub fn layer<S: Subscriber, L: Into<CurrentLevels>>(&self, levels: L) -> impl Layer<S> + use<S, L> {
        LogLayer {
            log: self.clone(),
            levels: levels.into(),
        }
    }

    /// Has panics logged instead of written to standard error by the thread that panics.
    pub fn log_panics(&self) {
        let log = self.clone();
        std::panic::set_hook(Box::new(move |panic| log.panicked(panic)));
    }

    fn panicked(&self, panic: &PanicHookInfo<'_>) {
        let place = panic
            .location()
            .map_or_else(String::new, |at| format!(" at {at}"));
        let current = thread::current();
        let name = current.name().unwrap_or("unnamed");
        let text = format!("thread `{name}` panicked{place}: {}", message(panic.payload()));
        // Captured only if RUST_BACKTRACE requests it.
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            self.report(Level::ERROR, &text, &backtrace.to_string());
        } else {
            let text = self.format.message(&redact::escaped(&text));
            self.line(Level::ERROR, "panic".into(), text);
        }
    }

    fn line(&self, level: Level, source: Box<str>, text: String) {
        let size = text.len();
        let item = Item::Line {
            at: SystemTime::now(),
            origin: LineOrigin { source, level },
            text,
        };
        self.writer.put(item, size);
    }
}

fn block(level: Level, title: &str, title_use: TitleUse, text: &str) -> (Item, usize) {
    let cut = text.floor_char_boundary(MAX_BLOCK);
    let text = text.get(..cut).unwrap_or_default().to_owned();
    let title = redact::escaped(title).into_owned();
    let size = text.len() + title.len();
    let item = Item::Block {
        at: SystemTime::now(),
        level,
        title,
        title_use,
        text,
    };
    (item, size)
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let owned = || payload.downcast_ref::<String>().map(String::as_str);
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(owned)
        .unwrap_or("no message")
}

/// Takes events from `tracing`, and through it those of the `log` crate.
struct LogLayer {
    log: ProcessLog,
    levels: CurrentLevels,
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.levels.is_logged(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    /// Decides for each event of the `log` crate, which has no callsites that could cache an interest.
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.levels.is_logged(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.levels.most())
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = EventText::of(event, self.log.format);
        self.log.line(*event.metadata().level(), line.source, line.text);
    }
}

#[cfg(test)]
mod tests;
