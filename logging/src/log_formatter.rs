//! The lines of the process log: time, level and text, with secrets masked and repetitions and dropped lines
//! counted.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use redact::TextFormat;
use time::OffsetDateTime;
use tracing::Level;

use crate::drops::Drops;
use crate::repeats::{LineOrigin, Repeated, Repeats};
use crate::writer::LineFormatter;

/// The colours of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogColour {
    /// Plain text.
    Never,
    /// ANSI escapes.
    Always,
}

/// An entry of the process log's queue.
#[derive(Debug)]
pub(crate) enum Item {
    /// A line.
    Line {
        at: SystemTime,
        origin: LineOrigin,
        text: String,
    },
    /// Lines that are written as they are, such as a report with its excerpts, below a line of their own if they have
    /// one. Neither is ever counted instead of written.
    Block {
        head: Option<(SystemTime, Level, String)>,
        text: String,
    },
}

/// Makes lines of items.
pub(crate) struct LogFormatter {
    pub(crate) colour: LogColour,
    pub(crate) repeats: Repeats,
    pub(crate) drops: Arc<Drops>,
    /// The number of dropped lines that written lines have reported.
    pub(crate) reported_drops: u64,
    /// The number of dropped lines that are reported once the current line is written.
    pub(crate) pending_drops: u64,
}

impl LineFormatter for LogFormatter {
    type Item = Item;

    fn write(&mut self, item: Item, lines: &mut Vec<u8>) {
        // Comes first: the dropped lines are older than this item.
        self.report_drops(lines);
        match item {
            Item::Line { at, origin, text } => {
                let now = Instant::now();
                // Lines of level INFO report the state of their source, once per change. They are never
                // counted as repetitions.
                if origin.level == Level::INFO {
                    let repeated = self.repeats.forget_source(&origin.source, now);
                    self.counts(repeated, lines);
                } else if !self.repeats.is_first(&text, &origin, now) {
                    return;
                }
                self.line(at, origin.level, &text, lines);
            }
            Item::Block { head, mut text } => {
                if let Some((at, level, line)) = head {
                    self.line(at, level, &line, lines);
                }
                if !text.is_empty() && !text.ends_with('\n') {
                    text.push('\n');
                }
                lines.extend_from_slice(redact::masked(&text).as_bytes());
            }
        }
    }

    fn due(&self) -> Option<Instant> {
        self.repeats.due()
    }

    fn tick(&mut self, now: Instant, lines: &mut Vec<u8>) {
        let repeated = self.repeats.ended(now);
        self.counts(repeated, lines);
    }

    fn settle(&mut self, lines: &mut Vec<u8>) {
        let repeated = self.repeats.all(Instant::now());
        self.counts(repeated, lines);
        self.report_drops(lines);
    }

    fn wrote(&mut self) {
        self.reported_drops = self.pending_drops;
    }
}

impl LogFormatter {
    /// Appends a line with the number of lines dropped since the last such line, if there are any.
    fn report_drops(&mut self, lines: &mut Vec<u8>) {
        let total = self.drops.total();
        let dropped = total.saturating_sub(self.reported_drops);
        if dropped > 0 {
            self.pending_drops = total;
            let text = match dropped {
                1 => "1 line of the log was dropped".to_owned(),
                more => format!("{more} lines of the log were dropped"),
            };
            self.line(SystemTime::now(), Level::WARN, &text, lines);
        }
    }

    fn counts(&self, repeated: Vec<Repeated>, lines: &mut Vec<u8>) {
        for line in repeated {
            let seconds = (line.span + Duration::from_millis(500)).as_secs().max(1);
            let times = if line.times == 1 {
                "once"
            } else {
                &format!("{} times", line.times)
            };
            let text = format!("{} (repeated {times} in the last {seconds} s)", line.text);
            self.line(SystemTime::now(), line.level, &text, lines);
        }
    }

    fn line(&self, at: SystemTime, level: Level, text: &str, lines: &mut Vec<u8>) {
        let at = OffsetDateTime::from(at);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second, micro) = at.to_hms_micro();
        let month = u8::from(month);
        let (dim, shade, plain) = match (self.colour, level) {
            (LogColour::Never, _) => ("", "", ""),
            (LogColour::Always, Level::ERROR) => ("\x1b[2m", "\x1b[31m", "\x1b[0m"),
            (LogColour::Always, Level::WARN) => ("\x1b[2m", "\x1b[33m", "\x1b[0m"),
            (LogColour::Always, Level::INFO) => ("\x1b[2m", "\x1b[32m", "\x1b[0m"),
            (LogColour::Always, Level::DEBUG) => ("\x1b[2m", "\x1b[34m", "\x1b[0m"),
            (LogColour::Always, Level::TRACE) => ("\x1b[2m", "\x1b[35m", "\x1b[0m"),
        };
        // Writing to a vector doesn't fail.
        let _ = write!(
            lines,
            "{dim}{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z{plain} \
             {shade}{level:>5}{plain} "
        );
        let start = lines.len();
        lines.extend_from_slice(text.as_bytes());
        // Masked in the buffer, so that a line costs no second allocation.
        redact::mask_bytes(lines.get_mut(start..).unwrap_or_default(), TextFormat::Text);
        lines.push(b'\n');
    }
}
