//! Splits an exported log, which arrives in pieces, into lines.

use std::io;

/// Longest line, in bytes. A line is one entry.
pub(super) const MAX_LINE: usize = 16 * 1024 * 1024;

/// A splitter with the start of an incomplete line.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    rest: Vec<u8>,
}

impl LineSplitter {
    /// Adds a piece, and passes each line that it completes to `on_line`, with its line break.
    ///
    /// # Errors
    /// A line is too long, or `on_line` failed.
    pub(super) fn add(
        &mut self,
        piece: &[u8],
        mut on_line: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.rest.len().saturating_add(part.len()) > MAX_LINE {
                return Err(io::ErrorKind::InvalidData.into());
            }
            self.rest.extend_from_slice(part);
            if part.ends_with(b"\n") {
                on_line(&self.rest)?;
                self.rest.clear();
            }
        }
        Ok(())
    }

    /// Returns the bytes after the last line break.
    pub(super) fn rest(&self) -> &[u8] {
        &self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_complete_for_any_size_of_pieces() {
        let text = b"one\ntwo\n\nthree";
        for size in 1..=text.len() {
            let (mut lines, mut taken) = (LineSplitter::default(), Vec::new());
            for piece in text.chunks(size) {
                let mut on_line = |line: &[u8]| {
                    taken.push(line.to_vec());
                    Ok(())
                };
                lines.add(piece, &mut on_line).unwrap();
            }
            assert_eq!(taken, [&b"one\n"[..], b"two\n", b"\n"], "{size}");
            assert_eq!(lines.rest(), b"three");
        }
        let mut lines = LineSplitter::default();
        assert!(lines.add(&vec![0; MAX_LINE], |_| Ok(())).is_ok());
        assert!(lines.add(&[0], |_| Ok(())).is_err());
    }
}
