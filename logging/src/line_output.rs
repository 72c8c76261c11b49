//! The output of a log: a buffered writer that may fail and recover.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use crate::destination::Destination;

/// Size of the buffer, in bytes.
const BUFFER: usize = 64 * 1024;

/// A writer that may fail and recover. What it could not write it keeps, within its buffer.
pub(crate) struct LineOutput {
    writer: BufWriter<Destination>,
    failing: bool,
}

impl LineOutput {
    pub(crate) fn new(destination: Destination) -> Self {
        Self {
            writer: BufWriter::with_capacity(BUFFER, destination),
            failing: false,
        }
    }

    /// Writes lines.
    ///
    /// # Errors
    /// They are lost. The error is `New` for the first since a write succeeded.
    pub(crate) fn write(&mut self, lines: &[u8]) -> Result<(), Failed> {
        let written = self.writer.write_all(lines);
        self.judged(written)
    }

    /// Hands what is buffered to the system.
    ///
    /// # Errors
    /// It stays in the buffer.
    pub(crate) fn flush(&mut self) -> Result<(), Failed> {
        let flushed = self.writer.flush();
        self.failing &= flushed.is_err();
        self.judged(flushed)
    }

    /// Opens a file again under its path, as [`Destination::reopen`] does. Buffered lines go to the former file; if it
    /// fails, they stay in the buffer and go to the new one.
    pub(crate) fn reopen(&mut self) -> Option<(&Path, io::Result<()>)> {
        let _ = self.writer.flush();
        self.writer.get_mut().reopen()
    }

    fn judged(&mut self, result: io::Result<()>) -> Result<(), Failed> {
        result.map_err(|error| {
            if std::mem::replace(&mut self.failing, true) {
                Failed::Again
            } else {
                Failed::New(error)
            }
        })
    }
}

/// A failure of the writer.
pub(crate) enum Failed {
    /// The first since a write succeeded.
    New(io::Error),
    /// One more.
    Again,
}
