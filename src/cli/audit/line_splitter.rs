//! The lines of an exported log, put together from the pieces in which they come.

use std::io;

/// Longest line, in bytes: one entry.
pub(super) const MAX_LINE: usize = 16 * 1024 * 1024;

/// Lines that are coming.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    rest: Vec<u8>,
}

impl LineSplitter {
    /// Hands on each line that the piece completes, with its line break.
    ///
    /// # Errors
    /// A line is too long, or an error of `take`.
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

    /// What came after the last line break.
    pub(super) fn rest(&self) -> &[u8] {
        &self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_come_in_pieces() {
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
