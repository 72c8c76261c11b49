//! The output of a log: a buffered writer that may fail and recover.

use std::io::{self, BufWriter, Write};

/// Size of the buffer, in bytes.
const BUFFER: usize = 64 * 1024;

/// A writer that may fail and recover. What it could not write it keeps, within its buffer.
pub(crate) struct LineOutput {
    writer: BufWriter<Box<dyn Write + Send>>,
    failing: bool,
}

impl LineOutput {
    pub(crate) fn new(writer: Box<dyn Write + Send>) -> Self {
        Self {
            writer: BufWriter::with_capacity(BUFFER, writer),
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
