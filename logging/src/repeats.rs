//! Repeated lines: the first is written, later ones in the same window are counted, and the count is written
//! once. Pure, with the time as an argument. The number of remembered lines is bounded.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The time during which repetitions of a line are counted instead of written.
pub const WINDOW: Duration = Duration::from_secs(10);
/// The most lines that are remembered. When as many are, further ones are written each time.
pub const MAX_REMEMBERED: usize = 256;
/// The longest line that is remembered, in bytes. Longer ones are written each time.
const MAX_LINE: usize = 1024;

/// The lines of the latest window.
///
/// Lines with different field values are different lines. A line at level INFO resets its source
/// ([`Repeats::forget_source`]): of `unhealthy`, `healthy`, `unhealthy` each is written, so that the latest
/// line always shows the current state.
#[derive(Debug)]
pub(crate) struct Repeats {
    window: Duration,
    capacity: usize,
    lines: HashMap<Box<str>, RememberedLine>,
}

/// A line that was written.
#[derive(Debug)]
struct RememberedLine {
    /// The source and the level, for the line with the count.
    origin: LineOrigin,
    /// The beginning of the window.
    since: Instant,
    /// The number of repetitions since then.
    again: u64,
}

/// The source of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LineOrigin {
    pub(crate) source: Box<str>,
    pub(crate) level: tracing::Level,
}

/// A line and how often it was not written.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Repeated {
    pub(crate) text: Box<str>,
    pub(crate) level: tracing::Level,
    pub(crate) times: u64,
    /// The time in which they occurred.
    pub(crate) span: Duration,
}

impl Repeats {
    pub(crate) fn new(window: Duration, capacity: usize) -> Self {
        Self {
            window,
            capacity,
            lines: HashMap::new(),
        }
    }

    /// Returns true if a line is to be written. A line that occurred in the same window is counted instead.
    pub(crate) fn is_first(&mut self, text: &str, origin: &LineOrigin, now: Instant) -> bool {
        if text.len() > MAX_LINE {
            return true;
        }
        if let Some(line) = self.lines.get_mut(text).filter(|line| line.origin == *origin) {
            line.again = line.again.saturating_add(1);
            return false;
        }
        if self.lines.len() < self.capacity && !self.lines.contains_key(text) {
            let line = RememberedLine {
                origin: origin.clone(),
                since: now,
                again: 0,
            };
            self.lines.insert(text.into(), line);
        }
        true
    }

    /// Forgets the lines of a source that reported a new state. Returns their counts.
    pub(crate) fn forget_source(&mut self, source: &str, now: Instant) -> Vec<Repeated> {
        self.remove(now, |line| *line.origin.source == *source)
    }

    /// Returns the end of the window that ends next.
    pub(crate) fn due(&self) -> Option<Instant> {
        let ends = self.lines.values().map(|line| line.since + self.window);
        ends.min()
    }

    /// Returns the counts of the windows that have ended. A line that came again begins another window, so that a flood
    /// is one line a window; others are forgotten.
    pub(crate) fn ended(&mut self, now: Instant) -> Vec<Repeated> {
        let window = self.window;
        let mut repeated = Vec::new();
        self.lines.retain(|text, line| {
            if now < line.since + window {
                return true;
            }
            let count = line.count(text, now);
            (line.since, line.again) = (now, 0);
            let came_again = count.is_some();
            repeated.extend(count);
            came_again
        });
        repeated
    }

    /// Forgets everything. Returns the counts.
    pub(crate) fn all(&mut self, now: Instant) -> Vec<Repeated> {
        self.remove(now, |_| true)
    }

    fn remove(&mut self, now: Instant, is_over: impl Fn(&RememberedLine) -> bool) -> Vec<Repeated> {
        let mut repeated = Vec::new();
        self.lines.retain(|text, line| {
            let is_over = is_over(line);
            if is_over {
                repeated.extend(line.count(text, now));
            }
            !is_over
        });
        repeated
    }
}

impl RememberedLine {
    fn count(&self, text: &str, now: Instant) -> Option<Repeated> {
        (self.again > 0).then(|| Repeated {
            text: text.into(),
            level: self.origin.level,
            times: self.again,
            span: now.saturating_duration_since(self.since),
        })
    }
}

#[cfg(test)]
mod tests;
