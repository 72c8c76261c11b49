//! The destination of a log: a stream, or a file that can be opened again after it was renamed.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The destination of a log.
pub struct Destination {
    output: Box<dyn Write + Send>,
    /// The path of a file; none for a stream.
    path: Option<PathBuf>,
}

impl Destination {
    /// Returns a destination that can't be opened again.
    #[must_use]
    pub fn stream(output: Box<dyn Write + Send>) -> Self {
        Self { output, path: None }
    }

    /// Opens a file that lines are appended to, and creates it if it is missing.
    ///
    /// # Errors
    /// The file can't be opened.
    pub fn file(path: PathBuf) -> io::Result<Self> {
        Ok(Self {
            output: Box::new(open(&path)?),
            path: Some(path),
        })
    }

    /// Opens the file again under its path, so that the next lines go to a new file if the former one was renamed.
    /// Returns the path, with the reason if the file can't be opened; the former file then stays in use. Returns
    /// `None` for a stream.
    pub(crate) fn reopen(&mut self) -> Option<(&Path, io::Result<()>)> {
        let path = self.path.as_deref()?;
        let opened = open(path).map(|file| self.output = Box::new(file));
        Some((path, opened))
    }
}

impl Write for Destination {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}
