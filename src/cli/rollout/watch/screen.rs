//! The terminal of `sluice rollout watch`: an alternate screen without a cursor, restored when it is closed. The escape
//! sequences are those of ECMA-48 and of xterm, which every terminal of today knows.

use std::io::{self, Write as _};
use std::time::Instant;

use serde_json::Value;
use terminal_size::{Height, Width, terminal_size_of};

use super::view::{self, Frame};
use crate::terminal;

/// Enters the alternate screen and hides the cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// Shows the cursor and leaves the alternate screen.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// Moves to the first column of the first line.
const HOME: &str = "\x1b[H";
/// Erases the rest of the line, and the rest of the screen.
const ERASE_LINE: &str = "\x1b[K";
const ERASE_BELOW: &str = "\x1b[J";

/// The screen, while it is open.
pub(super) struct Screen {
    event: Option<(Value, Instant)>,
    notice: Option<String>,
    is_coloured: bool,
}

impl Screen {
    /// Enters the screen.
    pub(super) fn open() -> io::Result<Self> {
        write(ENTER)?;
        Ok(Self {
            event: None,
            notice: None,
            is_coloured: terminal::has_coloured_output(),
        })
    }

    pub(super) fn show(&mut self, event: &Value) -> io::Result<()> {
        self.event = Some((event.clone(), Instant::now()));
        self.notice = None;
        self.draw()
    }

    pub(super) fn notice(&mut self, notice: &str) -> io::Result<()> {
        self.notice = Some(notice.to_owned());
        self.draw()
    }

    /// Draws the view again: the time that is left has changed, or the size of the terminal.
    pub(super) fn draw(&self) -> io::Result<()> {
        let mut text = String::from(HOME);
        for line in self.lines() {
            text.push_str(&format!("{line}{ERASE_LINE}\r\n"));
        }
        text.push_str(ERASE_BELOW);
        // At once, so that the terminal shows no half of a view.
        write(&text)
    }

    /// Leaves the screen, and prints the last view, which stays.
    pub(super) fn close(self) -> io::Result<()> {
        let view: String = self.lines().iter().map(|line| format!("{line}\n")).collect();
        drop(self);
        write(&view)
    }

    fn lines(&self) -> Vec<String> {
        let (width, height) = match terminal_size_of(io::stdout()) {
            Some((Width(width), Height(height))) => (usize::from(width), usize::from(height)),
            None => (80, 24),
        };
        let Some((event, received)) = &self.event else {
            return self.notice.iter().cloned().collect();
        };
        let elapsed = received.elapsed().as_millis();
        let frame = Frame {
            width,
            height,
            is_coloured: self.is_coloured,
            elapsed_ms: u64::try_from(elapsed).unwrap_or(u64::MAX),
            notice: self.notice.as_deref(),
        };
        view::lines(event, frame)
    }
}

impl Drop for Screen {
    /// Restores the terminal.
    fn drop(&mut self) {
        let _ = write(LEAVE);
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}
