//! Bytes on their way to a connection: collected first, then written with as few writes as possible.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;

/// Bytes of bodies that are collected before they are written. Back-pressure begins here: nothing more is read for a
/// buffer that is full. With the framing of its parts it stays below 64 KiB.
const FULL: usize = 60 * 1024;
/// The most memory that an idle buffer keeps, in bytes.
const KEPT: usize = 2 * 1024;

/// Bytes that wait to be written.
#[derive(Debug, Default)]
pub(crate) struct OutBuffer {
    bytes: Vec<u8>,
    /// The number of bytes that are written already.
    written: usize,
}

impl OutBuffer {
    /// Returns the end of the buffer, to append to.
    pub(crate) fn bytes(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Returns the bytes that wait.
    pub(crate) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.len() == self.written
    }

    /// Returns the number of bytes that it has room for.
    pub(crate) fn room(&self) -> usize {
        FULL.saturating_sub(self.bytes.len())
    }

    pub(crate) fn is_full(&self) -> bool {
        self.room() == 0
    }

    /// Removes `length` bytes from the front.
    pub(crate) fn advance(&mut self, length: usize) {
        self.written += length;
        if self.is_empty() {
            self.clear();
        }
    }

    /// Drops all bytes and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.written = 0;
    }

    /// Frees memory that a large message took.
    pub(crate) fn shrink(&mut self) {
        self.clear();
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }

    /// Writes all bytes, and flushes. `progress` is set if some are written.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        mut io: Pin<&mut impl AsyncWrite>,
        progress: &mut bool,
    ) -> Poll<io::Result<()>> {
        while !self.is_empty() {
            match ready!(io.as_mut().poll_write(cx, self.waiting()))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                length => {
                    *progress = true;
                    self.written += length;
                }
            }
        }
        ready!(io.poll_flush(cx))?;
        self.clear();
        Poll::Ready(Ok(()))
    }
}
