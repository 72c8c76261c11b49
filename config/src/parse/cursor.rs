//! Conversion of positions in characters, as the parser counts, to positions in bytes.

/// Converts positions in characters to positions in bytes. Fast if the positions are ascending.
pub(super) struct Cursor<'s> {
    text: &'s str,
    ascii: bool,
    chars: usize,
    bytes: usize,
}

impl<'s> Cursor<'s> {
    pub(super) fn new(text: &'s str) -> Self {
        Self {
            text,
            ascii: text.is_ascii(),
            chars: 0,
            bytes: 0,
        }
    }

    /// Returns the offset of the character with this number (from 0); the end of the text if there is none.
    pub(super) fn byte(&mut self, chars: usize) -> usize {
        if self.ascii {
            return chars.min(self.text.len());
        }
        if chars < self.chars {
            let before = self.text.get(..self.bytes).unwrap_or_default();
            self.bytes = before
                .char_indices()
                .nth_back(self.chars - chars - 1)
                .map_or(0, |(at, _)| at);
            self.chars = chars;
            return self.bytes;
        }
        let after = self.text.get(self.bytes..).unwrap_or_default();
        match after.char_indices().nth(chars - self.chars) {
            Some((at, _)) => {
                self.bytes += at;
                self.chars = chars;
                self.bytes
            }
            None => self.text.len(),
        }
    }
}
