//! The frames of an HTTP/2 connection as they go by: their kinds and flags, whatever is in them (RFC 9113
//! section 4.1). For those who count them; whoever serves the connection reads them for himself.

/// How many bytes a frame begins with before its payload.
const HEAD: usize = 9;

/// How a frame begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// Its kind, by number.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// How long its payload is, in bytes.
    pub length: u32,
}

/// The frames of one connection, in one direction.
#[derive(Debug, Clone)]
pub struct FrameScanner {
    head: [u8; HEAD],
    /// How much of the next head is there.
    have: usize,
    /// How much comes before the next head: the rest of a payload, or of the preface.
    skip: usize,
}

impl FrameScanner {
    /// Frames that begin after so many bytes: those of the preface.
    #[must_use]
    pub fn after(preface: usize) -> Self {
        Self {
            head: [0; HEAD],
            have: 0,
            skip: preface,
        }
    }

    /// Whether a frame has begun whose kind is not known yet.
    #[must_use]
    pub fn is_in_head(&self) -> bool {
        self.have > 0
    }

    /// Whether more of the frame that was seen last is to come.
    #[must_use]
    pub fn is_in_payload(&self) -> bool {
        self.skip > 0
    }

    /// Reads on, and tells `seen` of each frame whose head is complete now.
    pub fn read(&mut self, mut bytes: &[u8], mut seen: impl FnMut(FrameHead)) {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let taken = bytes.len().min(HEAD - self.have);
            if taken == 0 {
                return;
            }
            let (begun, rest) = bytes.split_at(taken);
            if let Some(missing) = self.head.get_mut(self.have..self.have + taken) {
                missing.copy_from_slice(begun);
            }
            (self.have, bytes) = (self.have + taken, rest);
            if self.have == HEAD {
                let [a, b, c, kind, flags, stream @ ..] = self.head;
                let length = u32::from_be_bytes([0, a, b, c]);
                seen(FrameHead {
                    kind,
                    flags,
                    // Its first bit means nothing.
                    stream: u32::from_be_bytes(stream) & (u32::MAX >> 1),
                    length,
                });
                self.have = 0;
                self.skip = usize::try_from(length).unwrap_or(usize::MAX);
            }
        }
    }
}

#[cfg(test)]
mod tests;
