//! The lines and records of the process log: time, level and text, with secrets masked and repetitions and dropped lines
//! counted.

use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use redact::TextFormat;
use time::OffsetDateTime;
use tracing::Level;

use crate::drops::Drops;
use crate::log_format::{JsonMembers, LogColour, LogFormat};
use crate::repeats::{LineOrigin, Repeated, Repeats};
use crate::writer::LineFormatter;

/// An entry of the process log's queue.
#[derive(Debug)]
pub(crate) enum Item {
    /// A line.
    Line {
        at: SystemTime,
        origin: LineOrigin,
        text: String,
    },
    /// Lines that are written as they are, such as a report with its excerpts, below their title if it is shown. They
    /// are never counted instead of written. In JSON the title is the message.
    Block {
        at: SystemTime,
        level: Level,
        title: String,
        title_use: TitleUse,
        text: String,
    },
}

/// The use of the title of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TitleUse {
    /// It is a line above the block.
    Line,
    /// In a log of text it is left out, because the block says the same.
    JsonOnly,
}

/// Makes lines of items.
pub(crate) struct LogFormatter {
    pub(crate) format: LogFormat,
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
                self.entry(at, origin.level, &text, lines);
            }
            Item::Block {
                at,
                level,
                title,
                title_use,
                text,
            } => match self.format {
                LogFormat::Text(_) => {
                    if title_use == TitleUse::Line {
                        self.entry(at, level, &title, lines);
                    }
                    append_block(text, lines);
                }
                LogFormat::Json => {
                    let mut members = JsonMembers::default();
                    if title.is_empty() {
                        members.push("message", &text.trim_end());
                    } else {
                        members.push("message", &title);
                    }
                    if !title.is_empty() && !text.is_empty() {
                        members.push("report", &text.trim_end());
                    }
                    self.entry(at, level, &members.into_text(), lines);
                }
            },
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
            self.entry(SystemTime::now(), Level::WARN, &self.format.message(&text), lines);
        }
    }

    fn counts(&self, repeated: Vec<Repeated>, lines: &mut Vec<u8>) {
        for line in repeated {
            let seconds = (line.span + Duration::from_millis(500)).as_secs().max(1);
            let text = match self.format {
                LogFormat::Json => format!("{},\"repeated\":{},\"seconds\":{seconds}", line.text, line.times),
                LogFormat::Text(_) if line.times == 1 => {
                    format!("{} (repeated once in the last {seconds} s)", line.text)
                }
                LogFormat::Text(_) => {
                    format!(
                        "{} (repeated {} times in the last {seconds} s)",
                        line.text, line.times
                    )
                }
            };
            self.entry(SystemTime::now(), line.level, &text, lines);
        }
    }

    /// Appends a line of text, or a record with these members.
    fn entry(&self, at: SystemTime, level: Level, text: &str, lines: &mut Vec<u8>) {
        let at = OffsetDateTime::from(at);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second, micro) = at.to_hms_micro();
        let month = u8::from(month);
        let at = format_args!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z");
        // Writing to a vector doesn't fail. Secrets are masked in the buffer, so that a line costs no second
        // allocation.
        match self.format {
            LogFormat::Text(colour) => {
                let (dim, shade, plain) = escapes(colour, level);
                let _ = write!(lines, "{dim}{at}{plain} {shade}{level:>5}{plain} ");
                append_masked(text, TextFormat::Text, lines);
                lines.push(b'\n');
            }
            LogFormat::Json => {
                let _ = write!(lines, "{{\"time\":\"{at}\",\"level\":\"{level}\",");
                append_masked(text, TextFormat::Json, lines);
                lines.extend_from_slice(b"}\n");
            }
        }
    }
}

fn append_masked(text: &str, format: TextFormat, lines: &mut Vec<u8>) {
    let start = lines.len();
    lines.extend_from_slice(text.as_bytes());
    redact::mask_bytes(lines.get_mut(start..).unwrap_or_default(), format);
}

fn append_block(mut text: String, lines: &mut Vec<u8>) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    lines.extend_from_slice(redact::masked(&text).as_bytes());
}

/// Returns the escapes before the time, before the level, and after each of them.
fn escapes(colour: LogColour, level: Level) -> (&'static str, &'static str, &'static str) {
    let shade = match (colour, level) {
        (LogColour::Never, _) => return ("", "", ""),
        (LogColour::Always, Level::ERROR) => "\x1b[31m",
        (LogColour::Always, Level::WARN) => "\x1b[33m",
        (LogColour::Always, Level::INFO) => "\x1b[32m",
        (LogColour::Always, Level::DEBUG) => "\x1b[34m",
        (LogColour::Always, Level::TRACE) => "\x1b[35m",
    };
    ("\x1b[2m", shade, "\x1b[0m")
}
